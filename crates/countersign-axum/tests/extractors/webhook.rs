//! A `Webhook` over axum's own extractors.

use axum::body::{Body, Bytes};
use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, post};
use axum::{Form, Json, Router};
use countersign_axum::scheme::Text;
use countersign_axum::{Scheme, Webhook, WebhookRejection, list, providers::GITHUB, text};
use serde::Deserialize;

use crate::support::{
    FORM, GITHUB_JSON, GITHUB_SECRET, JSON, Yo, github, github_json, github_signed, layer, send,
    signed, told,
};

async fn json(Webhook { delivery, payload }: Webhook<Json<Yo>>) -> String {
    assert_eq!(delivery.body(), GITHUB_JSON);
    format!("{} {}", delivery.scheme().name, payload.yo)
}

#[tokio::test]
async fn bytes_text_and_json() {
    async fn bytes(hook: Webhook) -> Bytes {
        assert_eq!(
            hook.delivery.body().as_ptr(),
            hook.payload.as_ptr(),
            "not copied"
        );
        hook.payload
    }
    async fn text(Webhook { payload, .. }: Webhook<String>) -> String {
        payload
    }
    let router = Router::new()
        .route("/bytes", post(bytes))
        .route("/text", post(text))
        .route("/json", post(json))
        .layer(github());
    for (path, body) in [
        ("/bytes", GITHUB_JSON),
        ("/text", GITHUB_JSON),
        ("/json", "github true"),
    ] {
        let genuine = github_json(path).body(Body::from(GITHUB_JSON)).unwrap();
        told(&send(&router, genuine).await, 200, body);
        let forged = github_json(path)
            .body(Body::from(r#"{"yo":null}"#))
            .unwrap();
        told(&send(&router, forged).await, 401, "unauthorized\n");
    }
}

#[derive(Deserialize)]
struct Pair {
    a: String,
    b: u8,
}

async fn form(Webhook { payload, .. }: Webhook<Form<Pair>>) -> String {
    format!("{} {}", payload.a, payload.b)
}

#[tokio::test]
async fn forms() {
    let router = Router::new().route("/", post(form)).layer(github());
    let genuine = github_signed(FORM, b"a=x+%26&b=7");
    told(&send(&router, genuine).await, 200, "x & 7");
}

/// Axum reads the form of a GET from the query, and a signature over the body does not cover that.
#[tokio::test]
async fn the_form_of_a_get_is_its_verified_body() {
    const SCHEME: Scheme = Scheme {
        name: text!("asks"),
        methods: METHODS,
        ..GITHUB
    };
    const METHODS: countersign_axum::scheme::List<Text> = list![text!("GET"), text!("HEAD")];
    let router = Router::new()
        .route("/", any(form))
        .layer(layer(SCHEME, GITHUB_SECRET));
    let mut genuine = signed(&SCHEME, GITHUB_SECRET, FORM, b"a=signed&b=7");
    *genuine.uri_mut() = "/?a=forged&b=9".parse().unwrap();
    told(&send(&router, genuine).await, 200, "signed 7");
}

#[tokio::test]
async fn axums_rejections_stay_axums() {
    let router = Router::new()
        .route("/json", post(json))
        .route("/form", post(form))
        .layer(github());
    for (path, kind, body, status, text) in [
        (
            "/json",
            JSON,
            "Hello, World!",
            400,
            "Failed to parse the request body as JSON: expected value at line 1 column 1",
        ),
        (
            "/json",
            JSON,
            r#"{"yo":7}"#,
            422,
            "Failed to deserialize the JSON body into the target type: yo: invalid type: integer `7`, \
             expected a boolean at line 1 column 7",
        ),
        (
            "/json",
            FORM,
            GITHUB_JSON,
            415,
            "Expected request with `Content-Type: application/json`",
        ),
        (
            "/form",
            JSON,
            "a=x&b=7",
            415,
            "Form requests must have `Content-Type: application/x-www-form-urlencoded`",
        ),
        (
            "/form",
            FORM,
            "a=x&b=256",
            422,
            "Failed to deserialize form body: b: number too large to fit in target type",
        ),
    ] {
        let mut genuine = github_signed(kind, body.as_bytes());
        *genuine.uri_mut() = path.parse().unwrap();
        told(&send(&router, genuine).await, status, text);
    }
}

#[tokio::test]
async fn rejections_are_told_apart_by_the_handler() {
    async fn handler(
        hook: Result<Webhook<Json<Yo>>, WebhookRejection<JsonRejection>>,
    ) -> Result<String, String> {
        match hook {
            Ok(_) => Ok("accepted".into()),
            Err(rejection) => {
                let source = std::error::Error::source(&rejection);
                assert!(
                    source
                        .is_some_and(|source| rejection.to_string().contains(&source.to_string()))
                );
                assert!(matches!(
                    rejection,
                    WebhookRejection::Payload(JsonRejection::JsonDataError(_))
                ));
                assert_eq!(rejection.to_string(), rejection.body_text());
                Err(format!("{}", rejection.status()))
            }
        }
    }
    let router = Router::new().route("/", post(handler)).layer(github());
    let genuine = github_json("/").body(Body::from(GITHUB_JSON)).unwrap();
    told(&send(&router, genuine).await, 200, "accepted");
    let other = github_signed(JSON, b"{}");
    told(&send(&router, other).await, 200, "422 Unprocessable Entity");
}

/// What stands between the layer and the handler may exchange the request's body, but not the delivery's.
#[tokio::test]
async fn a_middleware_cannot_exchange_the_payload() {
    async fn exchange(request: Request, next: Next) -> Response {
        let (parts, _) = request.into_parts();
        let forged = Body::from(r#"{"yo":false}"#);
        next.run(Request::from_parts(parts, forged)).await
    }
    let router = Router::new()
        .route("/", post(json))
        .layer(middleware::from_fn(exchange))
        .layer(github());
    let genuine = github_json("/").body(Body::from(GITHUB_JSON)).unwrap();
    told(&send(&router, genuine).await, 200, "github true");
}

#[tokio::test]
async fn the_handlers_state_and_other_arguments_stay() {
    async fn handler(
        State(greeting): State<&'static str>,
        method: axum::http::Method,
        Webhook { payload, .. }: Webhook<Result<Form<Pair>, FormRejection>>,
    ) -> String {
        format!("{greeting} {method} {}", payload.is_err())
    }
    let router = Router::new()
        .route("/", post(handler))
        .layer(github())
        .with_state("hello");
    let genuine = github_json("/").body(Body::from(GITHUB_JSON)).unwrap();
    told(&send(&router, genuine).await, 200, "hello POST true");
}
