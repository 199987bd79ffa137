//! How do I verify GitHub's webhooks on bare hyper, without a framework?
//!
//! Run it:
//! ```sh
//! GITHUB_SECRET='a secret of some length' cargo run -p example-hyper-github
//! ```

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use countersign_tower::{Countersign, Delivery, Receiver, Secret, VerifiedBody, providers::GITHUB};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::service_fn;

/// Runs for verified deliveries only. The delivery is in the request's extensions, the body is what was verified.
async fn pushed(request: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    match request.extensions().get::<Delivery>() {
        Some(delivery) => {
            let event = delivery
                .event()
                .map(|event| event.as_str())
                .unwrap_or("no event");
            println!("{event}: {} bytes", delivery.body().len());
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        // Cannot happen behind the receiver; without one, nothing is let in.
        None => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    Ok(response)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Receiver::builder(GITHUB, Secret::from_env("GITHUB_SECRET")?).build()?;
    let service = Countersign::new(service_fn(pushed), receiver);

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Too many open files, or a peer that went away: a stranger's doing, and no reason to end.
            Err(error) => {
                eprintln!("accept: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            // The timer bounds how long a stranger may take over his headers.
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                eprintln!("connection: {error}");
            }
        });
    }
}
