//! Layers in routers: several of them, and beside axum's own.

use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::Request;
use axum::routing::post;
use axum::{Json, Router};
use countersign_axum::Webhook;

use crate::support::{
    FORM, GITHUB_JSON, JSON, SLACK_COMMAND, SLACK_SENT, SLACK_SIGNATURE, github, github_json,
    github_signed, send, slack, told,
};

async fn name(Webhook { delivery, .. }: Webhook) -> String {
    delivery.scheme().name.to_string()
}

fn slack_command(path: &str) -> Request<Body> {
    Request::post(path)
        .header("content-type", FORM)
        .header("x-slack-request-timestamp", SLACK_SENT)
        .header("x-slack-signature", SLACK_SIGNATURE)
        .body(Body::from(SLACK_COMMAND))
        .unwrap()
}

#[tokio::test]
async fn two_senders_in_one_router() {
    let router = Router::new()
        .route("/github", post(name).layer(github()))
        .route("/slack", post(name).layer(slack()))
        .route("/health", post(|| async { "well" }));
    let github = |path| github_json(path).body(Body::from(GITHUB_JSON)).unwrap();
    told(&send(&router, github("/github")).await, 200, "github");
    told(&send(&router, slack_command("/slack")).await, 200, "slack");

    // Neither passes for the other, and a route of its own is left alone.
    told(
        &send(&router, github("/slack")).await,
        401,
        "unauthorized\n",
    );
    told(
        &send(&router, slack_command("/github")).await,
        401,
        "unauthorized\n",
    );
    told(&send(&router, github("/health")).await, 200, "well");
}

#[tokio::test]
async fn a_layer_on_a_nested_router() {
    let hooks = Router::new().route("/github", post(name)).layer(github());
    let router = Router::new().nest("/hooks", hooks);
    let genuine = github_json("/hooks/github")
        .body(Body::from(GITHUB_JSON))
        .unwrap();
    told(&send(&router, genuine).await, 200, "github");
}

/// Axum's own limit of 2 MiB is for bodies that nobody has judged yet.
#[tokio::test]
async fn a_verified_body_is_not_cut_by_axums_limit() {
    async fn bytes(Webhook { payload, .. }: Webhook<Bytes>) -> String {
        payload.len().to_string()
    }
    async fn json(Webhook { payload, .. }: Webhook<Json<Vec<String>>>) -> String {
        payload[0].len().to_string()
    }
    let routes = || {
        Router::new()
            .route("/bytes", post(bytes))
            .route("/json", post(json))
    };
    let text = "x".repeat(3 * 1024 * 1024);
    let body = format!("[\"{text}\"]");
    for router in [
        routes().layer(github()),
        routes().layer(github()).layer(DefaultBodyLimit::max(10)),
        routes().layer(DefaultBodyLimit::max(10)).layer(github()),
    ] {
        for (path, length) in [("/bytes", body.len()), ("/json", text.len())] {
            let mut genuine = github_signed(JSON, body.as_bytes());
            *genuine.uri_mut() = path.parse().unwrap();
            told(&send(&router, genuine).await, 200, &length.to_string());
        }
    }
}

/// A webhook library panicked on an unsigned body of 3 MiB.
#[tokio::test]
async fn a_long_unsigned_body_is_refused() {
    let router = Router::new().route("/", post(name)).layer(github());
    let unsigned = Request::post("/")
        .body(Body::from(vec![b'x'; 3 * 1024 * 1024]))
        .unwrap();
    told(&send(&router, unsigned).await, 401, "unauthorized\n");
}

/// The door refuses methods before axum's routing does, where the layer stands in front of the route.
#[tokio::test]
async fn a_get_is_refused_with_the_methods_that_are_allowed() {
    let on_the_router = Router::new().route("/", post(name)).layer(github());
    let reply = send(
        &on_the_router,
        Request::get("/").body(Body::empty()).unwrap(),
    )
    .await;
    told(&reply, 405, "method not allowed\n");
    assert_eq!(reply.headers["allow"], "POST");
}
