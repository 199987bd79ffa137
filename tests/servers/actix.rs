//! actix-web on its own runtime, with HTTP/2 without TLS beside HTTP/1.1. It ends heads that go no further after five seconds.

use actix_web::http::StatusCode;
use actix_web::rt::System;
use actix_web::web::{self, ReqData};
use actix_web::{App as Actions, Either, HttpResponse, HttpServer};
use countersign_actix::{Countersign, ForGood, Lease, Webhook};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::app::{App, Guard, PATH, Said, Server};

pub(crate) struct Actix;

impl Server for Actix {
    const NAME: &str = "actix";
    const NEVER_ENDS: &[&str] = &[];
    // It says 100 before anybody has seen the head.
    const AT_FAULT: &[&str] = &["expect-continue-refused", "expect-continue-too-large"];

    async fn serve(app: impl App, listener: TcpListener) {
        let listener = listener.into_std().unwrap();
        // Dropped with this future: then the server ends, too.
        let (_running, ended) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            let (mut verifies, mut once) = (None, None);
            match app.guard() {
                Guard::Verifies(receiver) => verifies = Some(Countersign::new(receiver)),
                Guard::Once(receiver) => once = Some(Countersign::new(receiver)),
            }
            let actions = move || {
                let app = app.clone();
                let handler = move |lease: Option<ReqData<Lease>>, hook: Webhook| {
                    let app = app.clone();
                    async move {
                        assert_eq!(hook.payload, *hook.delivery.body());
                        let lease = lease.map(ReqData::into_inner);
                        respond(app.handle(hook.delivery, lease).await)
                    }
                };
                let resource = web::resource(PATH).to(handler);
                match (verifies.clone(), once.clone()) {
                    (Some(guard), _) => Actions::new().service(resource.wrap(guard)),
                    (None, Some(guard)) => Actions::new().service(resource.wrap(guard)),
                    (None, None) => unreachable!("it was built by one of both"),
                }
            };
            System::new().block_on(async {
                let server = HttpServer::new(actions)
                    .workers(2)
                    .disable_signals()
                    .listen_auto_h2c(listener)
                    .unwrap()
                    .run();
                let handle = server.handle();
                let serving = actix_web::rt::spawn(server);
                let _ = ended.await;
                handle.stop(false).await;
                serving.await.unwrap().unwrap();
            });
        });
        std::future::pending().await
    }
}

fn respond(said: Said) -> Either<HttpResponse, ForGood<HttpResponse>> {
    let mut response = HttpResponse::build(StatusCode::from_u16(said.status).unwrap());
    if let Some(kind) = said.media_type {
        response.content_type(kind);
    }
    let response = response.body(said.body);
    match said.for_good {
        true => Either::Right(ForGood(response)),
        false => Either::Left(response),
    }
}
