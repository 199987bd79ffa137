//! A forgotten layer is an error, and never an acceptance.

use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use countersign_axum::{MissingLayer, Payload, PayloadRejection, Webhook, WebhookRejection};

use crate::support::{GITHUB_JSON, Yo, github, github_json, send, told};

fn genuine(path: &str) -> Request<Body> {
    github_json(path).body(Body::from(GITHUB_JSON)).unwrap()
}

#[tokio::test]
async fn a_route_without_a_layer_answers_500() {
    async fn bytes(_: Webhook) {}
    async fn json(_: Webhook<Json<Yo>>) {}
    async fn payload(_: Webhook<Payload<Yo>>) {}
    async fn alone(_: Payload<Yo>) {}
    let router = Router::new()
        .route("/bytes", post(bytes))
        .route("/json", post(json))
        .route("/payload", post(payload))
        .route("/alone", post(alone));
    for path in ["/bytes", "/json", "/payload", "/alone"] {
        let reply = send(&router, genuine(path)).await;
        told(&reply, 500, "internal server error\n");
        assert_eq!(reply.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert_eq!(reply.headers["content-length"], "22");
        assert_eq!(reply.headers.len(), 4);
    }
}

/// Routes that are added after a layer are not behind it.
#[tokio::test]
async fn a_route_beside_the_layer_is_refused() {
    async fn bytes(Webhook { payload, .. }: Webhook) -> Vec<u8> {
        payload.to_vec()
    }
    let router = Router::new()
        .route("/behind", post(bytes))
        .layer(github())
        .route("/beside", post(bytes));
    told(&send(&router, genuine("/behind")).await, 200, GITHUB_JSON);
    told(
        &send(&router, genuine("/beside")).await,
        500,
        "internal server error\n",
    );
}

#[tokio::test]
async fn a_handler_can_tell() {
    async fn handler(
        hook: Result<Webhook, WebhookRejection<axum::extract::rejection::BytesRejection>>,
    ) -> Response {
        let Err(rejection) = hook else {
            panic!("there is no layer");
        };
        assert!(matches!(
            rejection,
            WebhookRejection::MissingLayer(MissingLayer { .. })
        ));
        assert_eq!(
            rejection.to_string(),
            "no CountersignLayer is in front of the route"
        );
        assert!(std::error::Error::source(&rejection).is_none());
        assert_eq!(rejection.status(), 500);
        assert_eq!(rejection.body_text(), "internal server error\n");
        rejection.into_response()
    }
    let router = Router::new().route("/", post(handler));
    told(
        &send(&router, genuine("/")).await,
        500,
        "internal server error\n",
    );
}

#[tokio::test]
async fn every_spelling_of_it_is_one_answer() {
    let missing = MissingLayer::default();
    let payload = PayloadRejection::from(missing);
    assert_eq!(
        (payload.status(), payload.body_text()),
        (missing.status(), missing.body_text())
    );
    assert_eq!(payload.to_string(), missing.to_string());
    let webhook = WebhookRejection::<PayloadRejection>::from(missing);
    assert_eq!(
        (webhook.status(), webhook.body_text()),
        (missing.status(), missing.body_text())
    );
    for response in [
        missing.into_response(),
        payload.into_response(),
        webhook.into_response(),
    ] {
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers().len(), 4);
    }
}
