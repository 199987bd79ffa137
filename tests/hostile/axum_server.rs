//! `axum::serve`, as most have it. It does not end heads that go no further.

use axum::Router;
use axum::routing::{MethodRouter, any};
use bytes::Bytes;
use countersign_axum::{CountersignLayer, Webhook};
use http::StatusCode;
use tokio::net::TcpListener;

use crate::server::Server;
use crate::subject::{PATH, Service, Subject};

pub(crate) struct Axum;

impl Server for Axum {
    const NAME: &str = "axum";
    const NEVER_ENDS: &[&str] = &["silent", "stalls-in-request-line", "stalls-in-headers"];

    async fn serve(subject: Subject, listener: TcpListener) {
        let handled = subject.clone();
        let handler = any(async move |Webhook { payload, .. }: Webhook<Bytes>| {
            handled.handle(payload);
            StatusCode::NO_CONTENT
        });
        let guarded: MethodRouter = match subject.service {
            Service::Stripe => handler.layer(CountersignLayer::new(subject.receiver_with_store())),
            _ => handler.layer(CountersignLayer::new(subject.receiver())),
        };
        let app: Router = Router::new().route(PATH, guarded);
        axum::serve(listener, app).await.unwrap();
    }
}
