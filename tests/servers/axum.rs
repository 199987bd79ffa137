//! `axum::serve`, as most have it. It does not end heads that go no further.

use std::net::SocketAddr;

use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, any};
use axum::{Extension, Router};
use bytes::Bytes;
use countersign_axum::{CountersignLayer, ForGood, Lease, Webhook, WithPeer};
use http::{Response, StatusCode, header};
use tokio::net::TcpListener;

use crate::app::{App, Guard, PATH, Said, Server};

pub(crate) struct Axum;

impl Server for Axum {
    const NAME: &str = "axum";
    const NEVER_ENDS: &[&str] = &["silent", "stalls-in-request-line", "stalls-in-headers"];

    async fn serve(app: impl App, listener: TcpListener) {
        let guard = app.guard();
        let handler = any(
            async move |lease: Option<Extension<Lease>>, hook: Webhook<Bytes>| {
                assert_eq!(hook.payload, *hook.delivery.body());
                let lease = lease.map(|Extension(lease)| lease);
                respond(app.handle(hook.delivery, lease).await)
            },
        );
        let guarded: MethodRouter = match guard {
            Guard::Verifies(receiver) => {
                handler.layer(WithPeer::new(CountersignLayer::new(receiver)))
            }
            Guard::Once(receiver) => handler.layer(WithPeer::new(CountersignLayer::new(receiver))),
        };
        let router: Router = Router::new().route(PATH, guarded);
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, router).await.unwrap();
    }
}

fn respond(said: Said) -> axum::response::Response {
    let mut response = Response::new(Body::from(said.body));
    *response.status_mut() = StatusCode::from_u16(said.status).unwrap();
    if let Some(kind) = said.media_type {
        let kind = kind.parse().unwrap();
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    match said.for_good {
        true => ForGood(response).into_response(),
        false => response,
    }
}
