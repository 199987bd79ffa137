//! How do I take Intercom's notifications in actix-web, do each once, and shut down without losing one?
//!
//! Run it, and end it with SIGTERM:
//! ```sh
//! INTERCOM_SECRET=0123456789abcdef cargo run -p example-actix-intercom
//! ```

use std::net::TcpListener;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, Either, HttpResponse, HttpServer, rt, web};
use countersign_actix::{
    Countersign, ForGood, Lease, MemoryStore, Receiver, Secret, Webhook, providers::INTERCOM,
};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Deserialize)]
struct Notification {
    topic: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    item: Item,
}

#[derive(Deserialize)]
struct Item {
    id: String,
}

/// Runs once for each notification that is done, and again for one that was not.
async fn notified(
    lease: web::ReqData<Lease>,
    Webhook { payload, .. }: Webhook<web::Json<Notification>>,
) -> Either<HttpResponse, ForGood<HttpResponse>> {
    let web::Json(Notification { topic, data }) = payload;
    let user = data.item.id;
    if topic != "user.created" {
        // No retry makes another topic of it: this is recorded, and the sender need not come again.
        return Either::Right(ForGood(HttpResponse::new(StatusCode::UNPROCESSABLE_ENTITY)));
    }
    if user.is_empty() {
        // The next attempt may find what this one did not: anything but a 2xx gives the delivery back.
        return Either::Left(HttpResponse::new(StatusCode::SERVICE_UNAVAILABLE));
    }
    println!("{user}: {topic}, run {}", lease.attempt());
    Either::Left(HttpResponse::new(StatusCode::NO_CONTENT))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One receiver for all workers.
    let receiver = Receiver::builder(INTERCOM, Secret::from_env("INTERCOM_SECRET")?)
        .store(MemoryStore::single_process(1_000_000))
        .build()?;
    let guard = Countersign::new(receiver.clone());
    let app = move || {
        let resource = web::resource("/intercom").wrap(guard.clone());
        App::new().service(resource.to(notified))
    };

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let server = HttpServer::new(app)
        .disable_signals()
        .shutdown_timeout(2)
        .listen(listener)?
        .run();
    let handle = server.handle();
    let mut end = signal(SignalKind::terminate())?;
    rt::spawn(async move {
        end.recv().await;
        // Workers drop what runs when they end: first the runs, then the server, which has answers to write.
        match receiver.drain(Duration::from_secs(30)).await {
            Ok(()) => println!("everything is done"),
            Err(left) => println!("{left}"),
        }
        handle.stop(true).await;
    });
    server.await?;
    Ok(())
}
