//! A `Payload` is where the scheme keeps it.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::post;
use countersign_axum::{Payload, PayloadRejection, Webhook, WebhookRejection, providers::SLACK};
use serde::Deserialize;

use crate::support::{
    FORM, GITHUB_FORM, GITHUB_FORM_SHA1, GITHUB_JSON, JSON, SLACK_COMMAND, SLACK_SECRET,
    SLACK_SENT, SLACK_SIGNATURE, Yo, github, github_json, github_sha1, github_signed, send, signed,
    slack, told,
};

async fn yo(
    Webhook {
        delivery,
        payload: Payload(event),
    }: Webhook<Payload<Yo>>,
) -> String {
    format!("{} {}", delivery.body().len(), event.yo)
}

#[tokio::test]
async fn githubs_json_in_a_body_and_in_a_form() {
    let router = Router::new().route("/", post(yo)).layer(github());
    let body = github_json("/").body(Body::from(GITHUB_JSON)).unwrap();
    told(&send(&router, body).await, 200, "11 true");

    let router = Router::new().route("/", post(yo)).layer(github_sha1());
    let form = |body: &'static str| {
        Request::post("/")
            .header("content-type", FORM)
            .header("x-hub-signature", GITHUB_FORM_SHA1)
            .body(Body::from(body))
            .unwrap()
    };
    told(&send(&router, form(GITHUB_FORM)).await, 200, "29 true");
    let forged = form("payload=%7B%22yo%22%3Anull%7D");
    told(&send(&router, forged).await, 401, "unauthorized\n");
}

#[derive(Deserialize)]
struct Command {
    command: String,
    text: String,
    user_name: String,
}

async fn command(Webhook { payload, .. }: Webhook<Payload<Command>>) -> String {
    let Payload(command) = payload;
    format!(
        "{} {:?} {}",
        command.command, command.text, command.user_name
    )
}

#[tokio::test]
async fn slacks_command_is_a_form() {
    let router = Router::new().route("/", post(command)).layer(slack());
    // The Content-Type is not signed and decides nothing.
    for kind in [Some(FORM), Some(JSON), None] {
        let mut genuine = Request::post("/")
            .header("x-slack-request-timestamp", SLACK_SENT)
            .header("x-slack-signature", SLACK_SIGNATURE);
        if let Some(kind) = kind {
            genuine = genuine.header("content-type", kind);
        }
        let genuine = genuine.body(Body::from(SLACK_COMMAND)).unwrap();
        told(
            &send(&router, genuine).await,
            200,
            "/webhook-collect \"\" roadrunner",
        );
    }
}

/// Taken alone, a form payload is read from the verified bytes, whatever a middleware made of the request's body.
#[tokio::test]
async fn a_middleware_cannot_exchange_a_form() {
    async fn exchange(request: Request<Body>, next: Next) -> Response {
        let (parts, _) = request.into_parts();
        let forged = Body::from("command=%2Fforged&text=&user_name=mallory");
        next.run(Request::from_parts(parts, forged)).await
    }
    async fn alone(Payload(command): Payload<Command>) -> String {
        command.command
    }
    let router = Router::new()
        .route("/", post(alone))
        .layer(middleware::from_fn(exchange))
        .layer(slack());
    let genuine = Request::post("/")
        .header("x-slack-request-timestamp", SLACK_SENT)
        .header("x-slack-signature", SLACK_SIGNATURE)
        .body(Body::from(SLACK_COMMAND))
        .unwrap();
    told(&send(&router, genuine).await, 200, "/webhook-collect");
}

#[tokio::test]
async fn slacks_interactivity_and_events_are_json() {
    #[derive(Deserialize)]
    struct Typed {
        r#type: String,
    }
    async fn typed(Payload(typed): Payload<Typed>) -> String {
        typed.r#type
    }
    let router = Router::new().route("/", post(typed)).layer(slack());
    for (kind, body) in [
        (FORM, "payload=%7B%22type%22%3A%22block_actions%22%7D"),
        (JSON, r#"{"type":"block_actions"}"#),
    ] {
        let genuine = signed(&SLACK, SLACK_SECRET, kind, body.as_bytes());
        told(&send(&router, genuine).await, 200, "block_actions");
    }
}

#[tokio::test]
async fn rejections_are_in_axums_words() {
    let github = Router::new().route("/", post(yo)).layer(github());
    let other = github_signed(FORM, b"payload=%7B%22yo%22%3A7%7D");
    told(
        &send(&github, other).await,
        422,
        "Failed to deserialize the JSON body into the target type: yo: invalid type: integer `7`, expected a \
         boolean at line 1 column 7",
    );
    let none = github_signed(FORM, b"something=else");
    told(
        &send(&github, none).await,
        400,
        "Failed to parse the request body as JSON: expected value at line 1 column 1",
    );

    let slack = Router::new().route("/", post(command)).layer(slack());
    let other = signed(&SLACK, SLACK_SECRET, FORM, b"command=%2Fa&text=b");
    told(
        &send(&slack, other).await,
        422,
        "Failed to deserialize form body: missing field `user_name`",
    );
}

#[tokio::test]
async fn rejections_have_a_status_a_text_and_a_source() {
    async fn handler(
        hook: Result<Webhook<Payload<Yo>>, WebhookRejection<PayloadRejection>>,
    ) -> String {
        let Err(rejection) = hook else {
            return "accepted".into();
        };
        assert!(std::error::Error::source(&rejection).is_some());
        assert_eq!(rejection.to_string(), rejection.body_text());
        let WebhookRejection::Payload(inner @ PayloadRejection::Json(_)) = &rejection else {
            panic!("{rejection:?}");
        };
        assert_eq!(inner.body_text(), rejection.body_text());
        assert_eq!(inner.status(), rejection.status());
        rejection.status().to_string()
    }
    let router = Router::new().route("/", post(handler)).layer(github());
    let other = github_signed(JSON, b"{}");
    told(&send(&router, other).await, 200, "422 Unprocessable Entity");
}
