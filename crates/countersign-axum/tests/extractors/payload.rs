//! A `Payload` is where the scheme keeps it.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::post;
use countersign_axum::providers::{GITHUB, SLACK};
use countersign_axum::{
    Payload, PayloadErrorKind, PayloadRejection, Scheme, Webhook, WebhookRejection, scheme, text,
};
use serde::Deserialize;

use crate::support::{
    FORM, GITHUB_FORM, GITHUB_FORM_SHA1, GITHUB_JSON, GITHUB_SECRET, JSON, SLACK_COMMAND,
    SLACK_SECRET, SLACK_SENT, SLACK_SIGNATURE, Yo, github, github_json, github_sha1, github_signed,
    layer, send, signed, slack, told,
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

/// GitHub's signature over payloads in another place.
fn kept_in(payload: &'static [scheme::Payload]) -> Scheme {
    Scheme {
        payload: payload.into(),
        ..GITHUB
    }
}

fn attempt(scheme: &Scheme, kind: &str, body: &str) -> Request<Body> {
    signed(scheme, GITHUB_SECRET, kind, body.as_bytes())
}

/// Mailchimp's audiences: fields with brackets, and everything is text.
#[tokio::test]
async fn a_form_with_nested_fields() {
    #[derive(Deserialize)]
    struct Audience {
        r#type: String,
        data: Member,
    }
    #[derive(Deserialize)]
    struct Member {
        web_id: Option<u64>,
        merges: Merges,
    }
    #[derive(Deserialize)]
    struct Merges {
        #[serde(rename = "EMAIL")]
        email: String,
        #[serde(rename = "GROUPINGS", default)]
        groupings: Vec<Grouping>,
    }
    #[derive(Deserialize)]
    struct Grouping {
        id: u32,
    }
    async fn changed(Webhook { payload, .. }: Webhook<Payload<Audience>>) -> String {
        let Payload(Audience { r#type, data }) = payload;
        let ids: Vec<u32> = data.merges.groupings.iter().map(|each| each.id).collect();
        format!("{type} {} {:?} {ids:?}", data.merges.email, data.web_id)
    }
    let scheme = kept_in(&[scheme::Payload::Form]);
    let guard = layer(scheme.clone(), GITHUB_SECRET);
    let router = Router::new().route("/", post(changed)).layer(guard);
    let sent = |body: &str| send(&router, attempt(&scheme, FORM, body));

    let genuine = "type=profile&data%5Bmerges%5D%5BEMAIL%5D=a%40example.com&data%5Bweb_id%5D=\
         &data%5Bmerges%5D%5BGROUPINGS%5D%5B1%5D%5Bid%5D=7&data%5Bmerges%5D%5BGROUPINGS%5D%5B0%5D%5Bid%5D=5";
    told(
        &sent(genuine).await,
        200,
        "profile a@example.com None [5, 7]",
    );
    let raw = "type=profile&data[merges][EMAIL]=b&data[web_id]=3375995";
    told(&sent(raw).await, 200, "profile b Some(3375995) []");

    let words = "the form payload does not fit the type asked for";
    for (body, found) in [
        ("type=a", format!("{words}: missing field `data`")),
        (
            "type=a&data[merges][EMAIL]=b&data[web_id]=x",
            format!("{words}, at `data.web_id`: invalid value: string \"x\", expected u64"),
        ),
        (
            "type=a&type=b&data[merges][EMAIL]=b",
            format!("{words}, at `type`: 2 values, expected one"),
        ),
        (
            "type=a&data=b&data[merges][EMAIL]=b",
            format!("{words}, at `data`: both text and a group of fields"),
        ),
    ] {
        told(&sent(body).await, 422, &found);
    }
    let bytes = "type=a&data[merges][EMAIL]=%FF";
    told(
        &sent(bytes).await,
        400,
        "the form payload is malformed: it is no UTF-8",
    );
    told(
        &sent(r#"{"type":"a"}"#).await,
        422,
        "the JSON payload does not fit the type asked for: missing field `data` at line 1 column 12",
    );
}

/// Papertrail and Mandrill: one field holds the document, whatever its name.
#[tokio::test]
async fn json_in_a_field_of_a_form() {
    #[derive(Deserialize)]
    struct Event {
        id: u64,
    }
    async fn ids(Payload(events): Payload<Vec<Event>>) -> String {
        let ids: Vec<u64> = events.iter().map(|event| event.id).collect();
        format!("{ids:?}")
    }
    let scheme = kept_in(&[scheme::Payload::FormField(text!("mandrill_events"))]);
    let guard = layer(scheme.clone(), GITHUB_SECRET);
    let router = Router::new().route("/", post(ids)).layer(guard);
    let sent = |body: &str| send(&router, attempt(&scheme, FORM, body));

    let genuine =
        "mandrill_events=%5B%7B%22id%22%3A18446744073709551615%7D%2C+%7B%22id%22%3A1%7D%5D";
    told(&sent(genuine).await, 200, "[18446744073709551615, 1]");
    told(&sent("mandrill_events=%5B%5D").await, 200, "[]");
    told(
        &sent("mandrill_events=%5B%7B%22id%22%3A-1%7D%5D").await,
        422,
        "the JSON payload does not fit the type asked for, at `[0].id`: invalid value: integer `-1`, expected u64 at line 1 \
         column 9",
    );
    let malformed = "the JSON payload is malformed: expected value at line 1 column 1";
    for body in [
        "events=%5B%5D",
        "mandrill_events=%5B%5D&mandrill_events=%5B%5D",
        "mandrill_events=x",
    ] {
        told(&sent(body).await, 400, malformed);
    }
}

#[tokio::test]
async fn xml_is_read_with_its_feature() {
    #[derive(Deserialize)]
    struct Order {
        id: u64,
    }
    async fn id(Payload(order): Payload<Order>) -> String {
        order.id.to_string()
    }
    let router = Router::new().route("/", post(id)).layer(github());
    let sent = |body: &'static str| send(&router, github_signed(JSON, body.as_bytes()));
    let genuine = r#"<?xml version="1.0" encoding="UTF-8"?><order><id type="integer">820982911946154508</id></order>"#;
    if cfg!(feature = "xml") {
        told(&sent(genuine).await, 200, "820982911946154508");
        told(
            &sent("<order><id>x</id></order>").await,
            422,
            "the XML payload does not fit the type asked for, at `id`: invalid type: string \"x\", expected u64",
        );
        told(
            &sent("<!DOCTYPE order [<!ENTITY id '1'>]><order><id>&id;</id></order>").await,
            400,
            "the XML payload is malformed: it has a document type",
        );
        told(
            &sent("<?xml version='1.0' encoding='ISO-8859-1'?><order><id>1</id></order>").await,
            415,
            "the XML payload is not supported: it is declared in another encoding than UTF-8",
        );
    } else {
        let off = "the XML payload is not supported: the feature `xml` is off";
        told(&sent(genuine).await, 415, off);
    }
}

#[tokio::test]
async fn the_handler_may_ask_for_another_format() {
    async fn fields(Webhook { delivery, .. }: Webhook) -> Result<String, PayloadRejection> {
        let fields: Vec<(String, String)> = delivery.form()?;
        Ok(format!("{fields:?}"))
    }
    let router = Router::new().route("/", post(fields)).layer(github());
    let form = github_signed(FORM, b"payload=%7B%7D&a%5Bb%5D=1");
    told(
        &send(&router, form).await,
        200,
        r#"[("payload", "{}"), ("a[b]", "1")]"#,
    );
    let json = github_signed(FORM, b"{}");
    told(
        &send(&router, json).await,
        415,
        "the form payload is not supported: the body is a document",
    );
}

#[tokio::test]
async fn the_raw_bytes_are_there_whatever_they_are() {
    async fn raw(Webhook { delivery, payload }: Webhook<Bytes>) -> String {
        assert_eq!(delivery.body(), &payload);
        format!("{payload:?}")
    }
    let router = Router::new().route("/", post(raw)).layer(github());
    let body = b"\0\xff<{a=1";
    told(
        &send(&router, github_signed(FORM, body)).await,
        200,
        r#"b"\0\xff<{a=1""#,
    );
}

#[tokio::test]
async fn rejections_say_where_and_why() {
    let github = Router::new().route("/", post(yo)).layer(github());
    let other = github_signed(FORM, b"payload=%7B%22yo%22%3A7%7D");
    let reply = send(&github, other).await;
    told(
        &reply,
        422,
        "the JSON payload does not fit the type asked for, at `yo`: invalid type: integer `7`, expected a boolean at line 1 \
         column 7",
    );
    assert_eq!(reply.headers["content-type"], "text/plain; charset=utf-8");
    let none = github_signed(FORM, b"something=else");
    told(
        &send(&github, none).await,
        400,
        "the JSON payload is malformed: expected value at line 1 column 1",
    );

    let slack = Router::new().route("/", post(command)).layer(slack());
    let other = signed(&SLACK, SLACK_SECRET, FORM, b"command=%2Fa&text=b");
    told(
        &send(&slack, other).await,
        422,
        "the form payload does not fit the type asked for: missing field `user_name`",
    );
}

#[tokio::test]
async fn rejections_have_a_status_a_text_and_a_message_without_values() {
    async fn handler(
        hook: Result<Webhook<Payload<Yo>>, WebhookRejection<PayloadRejection>>,
    ) -> String {
        let Err(rejection) = hook else {
            return "accepted".into();
        };
        assert!(rejection.body_text().contains("planted"));
        let message = "the JSON payload does not fit the type asked for, at `yo`";
        assert_eq!(rejection.to_string(), message);
        assert!(!format!("{rejection:?}").contains("planted"));
        assert!(std::error::Error::source(&rejection).is_none());
        let WebhookRejection::Payload(inner @ PayloadRejection::Payload(error)) = &rejection else {
            panic!("{rejection:?}");
        };
        assert_eq!(error.kind(), PayloadErrorKind::Mismatch);
        assert_eq!(inner.to_string(), rejection.to_string());
        assert_eq!(inner.body_text(), rejection.body_text());
        assert_eq!(inner.status(), rejection.status());
        rejection.status().to_string()
    }
    let router = Router::new().route("/", post(handler)).layer(github());
    let other = github_signed(JSON, br#"{"yo":"planted"}"#);
    told(&send(&router, other).await, 200, "422 Unprocessable Entity");
}
