//! In the stacks that people run: a hyper connection and an axum router.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::routing::post;
use countersign_tower::{Countersign, CountersignLayer, Delivery, VerifiedBody};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::support::{GITHUB_BODY, GITHUB_SIGNATURE, Reply, github, signed};

async fn echo(request: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(request.into_body().into_bytes().into()))
}

/// Writes to a connection, closes its sending half, and gives back all that came, without the date.
async fn converse(sent: &str) -> String {
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let service = Countersign::new(service_fn(echo), github());
    let connection = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(server), TowerToHyperService::new(service));
    let mut received = String::new();
    let client = async {
        client.write_all(sent.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        client.read_to_string(&mut received).await.unwrap();
    };
    let (connection, ()) = tokio::join!(connection, client);
    connection.unwrap();
    let kept = received.lines().filter(|line| !line.starts_with("date: "));
    kept.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_hyper_connection() {
    let signature = format!("x-hub-signature-256: {GITHUB_SIGNATURE}");
    let chunked = format!(
        "POST / HTTP/1.1\r\nhost: a\r\n{signature}\r\ntransfer-encoding: chunked\r\n\r\n\
         6\r\nHello,\r\n7\r\n World!\r\n0\r\nx-trailer: 1\r\n\r\n"
    );
    assert_eq!(
        converse(&chunked).await,
        "HTTP/1.1 200 OK\ncontent-length: 13\n\nHello, World!"
    );

    let get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    assert_eq!(
        converse(get).await,
        "HTTP/1.1 405 Method Not Allowed\ncontent-type: text/plain; charset=utf-8\n\
         x-content-type-options: nosniff\ncache-control: no-store\ncontent-length: 19\nallow: POST\n\n\
         method not allowed"
    );
}

/// A refused body that nobody read must not be taken for the next request.
#[tokio::test]
async fn a_connection_stays_in_step_after_a_refusal() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    let refused = format!(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{smuggled}",
        smuggled.len()
    );
    let genuine = format!(
        "POST / HTTP/1.1\r\nhost: a\r\nx-hub-signature-256: {GITHUB_SIGNATURE}\r\n\
         content-length: 13\r\n\r\n{GITHUB_BODY}"
    );
    let answers = converse(&format!("{refused}{genuine}")).await;
    let statuses: Vec<_> = answers
        .lines()
        .filter(|line| line.starts_with("HTTP/1.1"))
        .collect();
    assert_eq!(statuses, ["HTTP/1.1 401 Unauthorized", "HTTP/1.1 200 OK"]);
}

#[tokio::test]
async fn an_axum_router() {
    async fn pushed(Extension(delivery): Extension<Delivery>, body: Bytes) -> String {
        assert_eq!(delivery.body(), &body);
        format!("{} bytes", body.len())
    }
    let layer = CountersignLayer::new(github());
    let on_a_route = Router::new().route("/", post(pushed).layer(layer.clone()));
    let on_the_router = Router::new().route("/", post(pushed)).layer(layer.clone());
    let among_others = Router::new().route("/", post(pushed)).layer(
        ServiceBuilder::new()
            .map_request(|request: Request<Body>| request)
            .layer(layer),
    );
    for router in [on_a_route, on_the_router, among_others] {
        let head = || signed().uri("/");
        let genuine = head().body(Body::from(GITHUB_BODY)).unwrap();
        let response = router.clone().oneshot(genuine).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "13 bytes");

        let forged = head().body(Body::from("Hello, World?")).unwrap();
        let response = router.oneshot(forged).await.unwrap();
        let response = response.map(|body| body.map_err(|error| panic!("{error}")));
        assert_eq!(
            Reply::of(response).await,
            Reply::refused(401, "unauthorized\n")
        );
    }
}
