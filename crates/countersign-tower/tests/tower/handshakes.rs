//! Requests that are no deliveries: what the receiver answers by itself, word for word. The inner service never hears of them.

use std::time::Duration;

use countersign_tower::scheme::{Handshake, Place, Requirement, Scheme, SignatureRule};
use countersign_tower::{
    Clock, Countersign, Receiver, ReceiverBuilder, Secret, Sleep, Timestamp, TokioClock, danger,
    list, providers, text,
};
use http::Request;
use http::request::Builder;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tower::Service;

use crate::support::{Reply, Seen, Step, ready, scripted, send};

const SECRET: &str = "0123456789abcdef";
const FORM: &str = "application/x-www-form-urlencoded";

// Signatures are Python's `hmac`, over the texts that the senders' pages describe.

/// <https://docs.slack.dev/authentication/verifying-requests-from-slack/>
const SLACK_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const SLACK_SENT: i64 = 1_531_420_618;
/// <https://docs.slack.dev/reference/events/url_verification/>
const SLACK_QUESTION: &str = r#"{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;
const SLACK_CHALLENGE: &str = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
const SLACK_QUESTION_TAG: &str = "f9bd80929259f3f6d5fe3a3186c453c89cd1ad4862815a15837584f31c993652";
const SLACK_EVENT: &str = r#"{"type":"event_callback","event_id":"Ev1","team_id":"T1"}"#;
const SLACK_EVENT_TAG: &str = "653ce64625dcbcb424413102456a24661237a7dbfb17fd425d24fd583fe678b1";
const SSL_CHECK: &str = "ssl_check=1&token=abc";
const SSL_CHECK_TAG: &str = "0ae7d1fd3c737f3a8688c50a618b547337296de095dea920e2ea07dffb4e5455";

const MANDRILL_EVENTS: &str = "mandrill_events=%5B%7B%22event%22%3A%22open%22%7D%5D";
const MANDRILL_TAG: &str = "B+DdmQweNopZIJ8ZLgUlkGgAmTc=";
/// The same events under the key that everybody knows.
const MANDRILL_PUBLIC_TAG: &str = "E4rwpXQpYBRzBLMtwitn4OuGYUg=";
const MANDRILL_TEST: &str = "mandrill_events=%5B%5D";
const MANDRILL_TEST_TAG: &str = "TBuiLHlghGUBgC6DMVr/0VXevQs=";

const SUBSCRIBE: &str =
    "/sub?hub.mode=subscribe&hub.topic=https%3A%2F%2Fa.example%2Ffeed&hub.challenge=kx9.A_b~1";

/// A wall clock that stands still; otherwise the runtime's time.
#[derive(Debug)]
struct Standing(Timestamp, TokioClock);

impl Standing {
    fn at(seconds: i64) -> Self {
        Self(Timestamp::from_secs(seconds), TokioClock::new())
    }
}

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn monotonic(&self) -> Duration {
        self.1.monotonic()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.1.sleep(duration)
    }
}

fn builder(scheme: Scheme, secret: &str) -> ReceiverBuilder {
    Receiver::builder(scheme, Secret::new(secret).unwrap()).clock(Standing::at(SLACK_SENT))
}

fn token(scheme: Scheme) -> ReceiverBuilder {
    builder(scheme, SECRET).accept_weak(danger::Weak::NothingSigned)
}

fn slack() -> Receiver {
    builder(providers::SLACK, SLACK_SECRET).build().unwrap()
}

fn mandrill() -> Receiver {
    let builder = builder(providers::MANDRILL, SECRET);
    builder.public_url("https://a.example").build().unwrap()
}

fn websub() -> Receiver {
    builder(providers::WEBSUB, SECRET)
        .consent(|question| async move {
            tokio::task::yield_now().await;
            question.param("hub.topic").as_deref() == Some("https://a.example/feed")
        })
        .build()
        .unwrap()
}

fn cloudevents() -> Receiver {
    let builder = token(providers::CLOUDEVENTS);
    builder
        .config("allowed-origin", "sender.example")
        .build()
        .unwrap()
}

fn woocommerce() -> Receiver {
    builder(providers::WOOCOMMERCE, SECRET).build().unwrap()
}

fn mailchimp() -> Receiver {
    token(providers::MAILCHIMP).build().unwrap()
}

fn intercom() -> Receiver {
    builder(providers::INTERCOM, SECRET).build().unwrap()
}

/// A request as it goes over the wire.
fn raw(line: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{line} HTTP/1.1\r\nhost: a\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if line.starts_with("POST") {
        text += &format!("content-length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

/// Writes to a connection, closes its sending half, and gives back all that came, without the dates, and how often the inner service ran.
async fn converse(receiver: Receiver, sent: &str) -> (String, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (mut client, (server, _)) = (client.unwrap(), accepted.unwrap());
    let seen = Seen::default();
    let service = Countersign::new(seen.service(), receiver);
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
    let lines = received.split_inclusive("\r\n");
    let kept = lines.filter(|line| !line.starts_with("date: "));
    (kept.collect::<String>().replace("\r\n", "\n"), seen.count())
}

const DONE: &str = "HTTP/1.1 200 OK\ncontent-length: 4\n\ndone";
const EMPTY: &str = "HTTP/1.1 200 OK\nx-content-type-options: nosniff\ncache-control: no-store\ncontent-length: 0\n\n";

fn plain(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\ncontent-type: text/plain; charset=utf-8\nx-content-type-options: nosniff\n\
         cache-control: no-store\ncontent-length: {}\n\n{body}",
        body.len()
    )
}

fn slack_signed(body: &str, tag: &str, kind: &str) -> String {
    let headers = [
        ("content-type", kind),
        ("x-slack-request-timestamp", &SLACK_SENT.to_string()),
        ("x-slack-signature", &format!("v0={tag}")),
    ];
    raw("POST /hooks", &headers, body)
}

/// Each question is answered exactly so, and a genuine delivery right behind it, on the same connection, is the only thing that gets in.
#[tokio::test]
async fn every_answer_word_for_word_and_then_a_delivery() {
    let slack_event = slack_signed(SLACK_EVENT, SLACK_EVENT_TAG, "application/json");
    let form = ("content-type", FORM);
    let mandrill_event = raw(
        "POST /hooks?k=1",
        &[form, ("x-mandrill-signature", MANDRILL_TAG)],
        MANDRILL_EVENTS,
    );
    let mandrill_test = raw(
        "POST /hooks?k=1",
        &[form, ("x-mandrill-signature", MANDRILL_TEST_TAG)],
        MANDRILL_TEST,
    );
    let intercom_event = raw(
        "POST /hooks",
        &[(
            "x-hub-signature",
            "sha1=e8c03520e5a1d6f70c3c14734ac65e53c4a6c42f",
        )],
        r#"{"id":"n1"}"#,
    );
    let feed = raw(
        "POST /sub",
        &[(
            "x-hub-signature",
            "sha256=8d40576aa42f91b2f96668862896800ac763cef8e3952ae7f4f95daed34004b7",
        )],
        "<feed/>",
    );
    let event = raw(
        "POST /hooks",
        &[("authorization", "Bearer 0123456789abcdef"), ("ce-id", "1")],
        "{}",
    );
    let order = raw(
        "POST /hooks",
        &[(
            "x-wc-webhook-signature",
            "VkyImW7KCU6GlivIw8oo9oaLGfFkbFQtKbUTK4T5PcM=",
        )],
        r#"{"id":1}"#,
    );
    let subscriber = raw(
        "POST /hooks?secret=0123456789abcdef",
        &[form],
        "type=subscribe",
    );
    let get = |target: &str| raw(&format!("GET {target}"), &[], "");
    let allowed = format!(
        "HTTP/1.1 200 OK\nwebhook-allowed-origin: sender.example\nwebhook-allowed-rate: *\nallow: POST\n{}",
        EMPTY.split_once('\n').unwrap().1
    );
    for (receiver, question, answer, delivery) in [
        (
            slack(),
            slack_signed(SLACK_QUESTION, SLACK_QUESTION_TAG, "application/json"),
            plain(SLACK_CHALLENGE),
            &slack_event,
        ),
        (
            slack(),
            raw("POST /hooks", &[form], SSL_CHECK),
            EMPTY.to_owned(),
            &slack_event,
        ),
        (
            slack(),
            slack_signed(SSL_CHECK, SSL_CHECK_TAG, FORM),
            EMPTY.to_owned(),
            &slack_event,
        ),
        (
            slack(),
            get(&format!("/hooks?{SSL_CHECK}")),
            EMPTY.to_owned(),
            &slack_event,
        ),
        (
            woocommerce(),
            raw("POST /hooks", &[form], "webhook_id=42"),
            EMPTY.to_owned(),
            &order,
        ),
        (
            mailchimp(),
            get("/hooks?secret=0123456789abcdef"),
            EMPTY.to_owned(),
            &subscriber,
        ),
        (mailchimp(), get("/hooks"), EMPTY.to_owned(), &subscriber),
        (
            intercom(),
            raw("HEAD /hooks", &[], ""),
            EMPTY.to_owned(),
            &intercom_event,
        ),
        (
            mandrill(),
            raw("HEAD /hooks?k=1", &[], ""),
            EMPTY.to_owned(),
            &mandrill_event,
        ),
        (mandrill(), mandrill_test, EMPTY.to_owned(), &mandrill_event),
        (websub(), get(SUBSCRIBE), plain("kx9.A_b~1"), &feed),
        (
            websub(),
            get(&SUBSCRIBE.replace("=subscribe", "=unsubscribe")),
            plain("kx9.A_b~1"),
            &feed,
        ),
        (
            websub(),
            get("/sub?hub.mode=denied&hub.topic=https%3A%2F%2Fa.example%2Ffeed&hub.reason=no"),
            EMPTY.to_owned(),
            &feed,
        ),
        (
            cloudevents(),
            raw(
                "OPTIONS /hooks",
                &[("webhook-request-origin", "sender.example")],
                "",
            ),
            allowed,
            &event,
        ),
    ] {
        let (received, runs) = converse(receiver, &(question.clone() + delivery)).await;
        assert_eq!(received, answer + DONE, "{question}");
        assert_eq!(runs, 1, "{question}");
    }
}

/// What a HEAD is refused with has a length and no body: whoever wrote one would be out of step with the other side.
#[tokio::test]
async fn a_refused_probe_leaves_the_connection_in_step() {
    let head = raw("HEAD /hooks", &[], "");
    let event = slack_signed(SLACK_EVENT, SLACK_EVENT_TAG, "application/json");
    let (received, runs) = converse(slack(), &(head + &event)).await;
    let refused = "HTTP/1.1 405 Method Not Allowed\ncontent-type: text/plain; charset=utf-8\n\
                   x-content-type-options: nosniff\ncache-control: no-store\ncontent-length: 19\nallow: POST\n\n";
    assert_eq!(received, format!("{refused}{DONE}"));
    assert_eq!(runs, 1);
}

/// An answer that has no body by its status has no length either (RFC 9110 section 8.6).
#[tokio::test]
async fn an_answer_without_content_has_no_length() {
    const ACME: Scheme = Scheme {
        name: text!("acme"),
        signature: SignatureRule {
            place: Place::Header(text!("x-signature")),
            ..SignatureRule::BASE
        },
        handshakes: list![Handshake {
            when: list![Requirement {
                place: Place::Json(text!("/kind")),
                equals: text!("ask"),
            }],
            status: 204,
            ..Handshake::BASE
        }],
        ..Scheme::BASE
    };
    const TAG: &str = "6a91a092e8b734977b827e021c319eb4c38e9ac1ea3e42e18f9738f34c3f35d5";
    let receiver = || builder(ACME, SECRET).build().unwrap();
    let expect =
        "HTTP/1.1 204 No Content\nx-content-type-options: nosniff\ncache-control: no-store\n\n";
    let question = raw("POST /", &[("x-signature", TAG)], r#"{"kind":"ask"}"#);
    let (received, runs) = converse(receiver(), &question.repeat(2)).await;
    assert_eq!(received, expect.repeat(2));
    assert_eq!(runs, 0);
    let question = Request::post("/").header("x-signature", TAG);
    let question = question.body(r#"{"kind":"ask"}"#.to_owned()).unwrap();
    let (reply, _) = send(receiver(), question).await;
    assert_eq!(reply.status, 204);
    assert!(
        !reply
            .headers
            .iter()
            .any(|(name, _)| name == "content-length")
    );
}

/// Sends one request and looks at every word of the refusal.
async fn refused(receiver: Receiver, head: Builder, body: &'static str, status: u16) {
    let text = match status {
        400 => "bad request\n",
        401 => "unauthorized\n",
        404 => "not found\n",
        405 => "method not allowed\n",
        413 => "payload too large\n",
        other => panic!("{other}"),
    };
    let steps = Some(body).filter(|body| !body.is_empty()).map(Step::Data);
    let request = head.body(scripted(steps).0).unwrap();
    let named = format!("{} {} {body}", request.method(), request.uri());
    let (reply, seen) = send(receiver, request).await;
    assert_eq!(reply, Reply::refused(status, text), "{named}");
    assert_eq!(seen.count(), 0, "{named}");
}

fn slack_head(tag: &str) -> Builder {
    Request::post("/hooks")
        .header("content-type", "application/json")
        .header("x-slack-request-timestamp", SLACK_SENT)
        .header("x-slack-signature", format!("v0={tag}"))
}

#[tokio::test(start_paused = true)]
async fn forged_oversized_and_script_bearing_questions_of_slack() {
    const SCRIPT: &str = r#"{"challenge":"<script>alert(1)</script>","type":"url_verification"}"#;
    const SCRIPT_TAG: &str = "665622c4364b4f802b57e35656687b141fd06dd4fd1df9eb711483fcfa191edc";
    const LONG_TAG: &str = "26cc362bdb2f4fa48844ea98cbfbf56a657f9c90fb288a74cf4577307686db58";
    refused(slack(), slack_head(SCRIPT_TAG), SCRIPT, 400).await;
    let long = format!(
        r#"{{"challenge":"{}","type":"url_verification"}}"#,
        "a".repeat(513)
    );
    refused(slack(), slack_head(LONG_TAG), long.leak(), 400).await;
    // Its twin of 512.
    let tag = "6882e13043c2de40a10572d43e6a5c685ffdef2d113cfe089e9dbc1a891f71ae";
    let body = format!(
        r#"{{"challenge":"{}","type":"url_verification"}}"#,
        "a".repeat(512)
    );
    let (reply, seen) = send(slack(), slack_head(tag).body(body).unwrap()).await;
    assert_eq!(
        (reply.status, reply.body.len(), seen.count()),
        (200, 512, 0)
    );

    refused(slack(), slack_head(SLACK_EVENT_TAG), SLACK_QUESTION, 401).await;
    let bare = Request::post("/hooks").header("content-type", "application/json");
    refused(slack(), bare, SLACK_QUESTION, 401).await;
    let stale = slack_head(SLACK_QUESTION_TAG);
    let late = Receiver::builder(providers::SLACK, Secret::new(SLACK_SECRET).unwrap());
    let late = late.clock(Standing::at(SLACK_SENT + 301)).build().unwrap();
    refused(late, stale, SLACK_QUESTION, 400).await;
}

#[tokio::test(start_paused = true)]
async fn what_only_looks_like_a_shape_without_a_signature() {
    let form = || Request::post("/hooks").header("content-type", FORM);
    for body in [
        "token=abc",
        "ssl_check=1&token=abc&command=%2Fdeploy",
        "ssl_check=1&token=abc&token=abc",
        "",
    ] {
        refused(slack(), form(), body, 401).await;
    }
    // A token of any characters: nothing of it is sent back.
    let script = form().body("ssl_check=1&token=<script>".to_owned());
    let (reply, seen) = send(slack(), script.unwrap()).await;
    assert_eq!((reply.status, &*reply.body, seen.count()), (200, "", 0));
    let forged = form()
        .header("x-slack-request-timestamp", SLACK_SENT)
        .header("x-slack-signature", format!("v0={SLACK_EVENT_TAG}"));
    refused(slack(), forged, SSL_CHECK, 401).await;
    let other = Request::get("/hooks?ssl_check=1&token=abc&command=x");
    refused(slack(), other, "", 405).await;
    let with_body = Request::get(format!("/hooks?{SSL_CHECK}"));
    refused(slack(), with_body, "x", 401).await;

    for body in [
        "webhook_id=",
        "webhook_id=1x",
        "webhook_id=1&webhook_id=1",
        "webhook_id=1&topic=order.created",
        "webhook_id=123456789012345678901",
    ] {
        refused(woocommerce(), form(), body, 401).await;
    }
    refused(intercom(), Request::get("/hooks"), "", 405).await;
    refused(intercom(), Request::head("/hooks"), "x", 401).await;
    let promised = Request::head("/hooks").header("content-length", "1025");
    refused(intercom(), promised, "", 405).await;
    refused(mailchimp(), Request::put("/hooks"), "", 405).await;
    refused(mailchimp(), form(), "type=subscribe", 401).await;
}

#[tokio::test(start_paused = true)]
async fn the_key_that_everybody_knows_signs_nothing_but_the_test() {
    let signed = |uri: &str, tag: &str| {
        Request::post(uri)
            .header("content-type", FORM)
            .header("x-mandrill-signature", tag)
    };
    let test = |uri: &str| signed(uri, MANDRILL_TEST_TAG);
    refused(mandrill(), test("/hooks?k=2"), MANDRILL_TEST, 401).await;
    refused(
        mandrill(),
        test("/hooks?k=1"),
        "mandrill_events%5B%5D=",
        401,
    )
    .await;
    let public = signed("/hooks?k=1", MANDRILL_PUBLIC_TAG);
    refused(mandrill(), public, MANDRILL_EVENTS, 401).await;
    let unsigned = Request::post("/hooks?k=1").header("content-type", FORM);
    refused(mandrill(), unsigned, MANDRILL_TEST, 401).await;
    refused(mandrill(), Request::put("/hooks?k=1"), "", 405).await;
}

#[tokio::test(start_paused = true)]
async fn questions_that_the_application_or_a_token_turns_down() {
    let get = |uri: &str| Request::get(uri);
    refused(websub(), get(&SUBSCRIBE.replace("feed", "other")), "", 404).await;
    let script = SUBSCRIBE.replace("kx9", "%3Cscript%3E");
    refused(websub(), get(&script), "", 400).await;
    let long = SUBSCRIBE.replace("kx9", &"a".repeat(513));
    refused(websub(), get(&long), "", 400).await;
    let twice = format!("{SUBSCRIBE}&hub.challenge=2");
    refused(websub(), get(&twice), "", 400).await;
    refused(websub(), get("/sub?hub.mode=subscribe"), "", 405).await;
    refused(websub(), get(SUBSCRIBE).method("HEAD"), "", 405).await;
    let large = get(SUBSCRIBE).header("content-length", "1025");
    refused(websub(), large, "", 413).await;
    let deaf = || builder(providers::WEBSUB, SECRET).build().unwrap();
    refused(deaf(), get(SUBSCRIBE), "", 405).await;

    let from = |origin: &str| {
        let options = Request::builder().method("OPTIONS").uri("/hooks");
        options.header("webhook-request-origin", origin)
    };
    refused(cloudevents(), from("other.example"), "", 401).await;
    refused(cloudevents(), from("sender.example.evil"), "", 401).await;
    refused(cloudevents(), from("<script>"), "", 401).await;
    refused(cloudevents(), from(""), "", 400).await;
    let twice = from("sender.example").header("webhook-request-origin", "sender.example");
    refused(cloudevents(), twice, "", 400).await;
    let bare = Request::builder().method("OPTIONS").uri("/hooks");
    refused(cloudevents(), bare, "", 405).await;
    let agreeing = || {
        let builder = token(providers::CLOUDEVENTS);
        builder
            .consent(|_| std::future::ready(true))
            .build()
            .unwrap()
    };
    refused(agreeing(), from("<script>"), "", 400).await;
    let long = "a".repeat(513);
    refused(agreeing(), from(&long), "", 400).await;
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_body_has_the_deadlines_of_any_other() {
    let form = || Request::post("/hooks").header("content-type", FORM);
    for (steps, seconds) in [
        (vec![Step::Stalls], 10),
        (vec![Step::Data("ssl_check=1"), Step::Stalls], 10),
        (
            (0..5)
                .flat_map(|_| [Step::Waits(9), Step::Data("s")])
                .collect(),
            30,
        ),
    ] {
        let start = Instant::now();
        let (body, trace) = scripted(steps);
        let (reply, seen) = send(slack(), form().body(body).unwrap()).await;
        assert_eq!(reply, Reply::refused(408, "request timeout\n"));
        let late = start.elapsed().saturating_sub(Duration::from_secs(seconds));
        assert!(start.elapsed() >= Duration::from_secs(seconds));
        assert!(late < Duration::from_millis(10), "{:?}", start.elapsed());
        assert_eq!((trace.is_dropped(), seen.count()), (true, 0));
    }
    let (body, _) = scripted([Step::Data("ssl_check=1"), Step::Fails]);
    let (reply, _) = send(slack(), form().body(body).unwrap()).await;
    assert_eq!(reply, Reply::refused(400, "bad request\n"));
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_form_is_not_read_to_its_end_when_it_is_long() {
    const HALF: &str = match std::str::from_utf8(&[b'x'; 512]) {
        Ok(text) => text,
        Err(_) => panic!(),
    };
    let steps = || (0..4).map(|_| Step::Data(HALF));
    let form = Request::post("/hooks").header("content-type", FORM);
    let (body, trace) = scripted(steps());
    let (reply, seen) = send(slack(), form.body(body).unwrap()).await;
    assert_eq!(reply, Reply::refused(401, "unauthorized\n"));
    assert_eq!(
        (trace.polls(), trace.is_dropped(), seen.count()),
        (3, true, 0)
    );
    // Declared, it is refused before a byte of it is asked for.
    let form = Request::post("/hooks").header("content-type", FORM);
    let (body, trace) = scripted(steps());
    let form = form.header("content-length", "2048");
    let (reply, seen) = send(slack(), form.body(body).unwrap()).await;
    assert_eq!(reply, Reply::refused(401, "unauthorized\n"));
    assert_eq!(
        (trace.polls(), trace.is_dropped(), seen.count()),
        (0, true, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_decide_is_not_waited_for() {
    let thinking = builder(providers::WEBSUB, SECRET)
        .consent(|_| std::future::pending())
        .build()
        .unwrap();
    let start = Instant::now();
    let subscribe = || Request::get(SUBSCRIBE).body(scripted([]).0).unwrap();
    let (reply, seen) = send(thinking.clone(), subscribe()).await;
    assert_eq!(reply, Reply::refused(503, "service unavailable\n"));
    assert_eq!(seen.count(), 0);
    let late = start.elapsed().checked_sub(Duration::from_secs(30));
    assert!(late.is_some_and(|late| late < Duration::from_millis(10)));

    // A hub that hangs up takes the question with it.
    let mut service = Countersign::new(Seen::default().service(), thinking);
    let mut future = Box::pin(ready(&mut service).await.call(subscribe()));
    let waited = tokio::time::timeout(Duration::from_secs(1), future.as_mut()).await;
    assert!(waited.is_err());
    drop(future);
}
