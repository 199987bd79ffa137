//! Senders that read answers: what is recorded of one, and what is not.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_tower::danger::{Deduplicate, Weak};
use countersign_tower::{FailedForGood, OutcomeKind, providers};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;

use crate::support::{AnyBody, Broke, Rig, Told, rig_with, say, secs};

const TWIML: &str = "<Response><Say>Hello</Say></Response>";

/// A body in pieces, each after a wait.
struct Pieces(VecDeque<Result<Frame<Bytes>, Broke>>, bool);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Broke;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broke>>> {
        self.1 = !self.1;
        if self.1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.0.pop_front())
    }
}

fn pieces(frames: impl IntoIterator<Item = Result<Frame<Bytes>, Broke>>) -> AnyBody {
    Pieces(frames.into_iter().collect(), false).boxed_unsync()
}

fn data(text: impl Into<Bytes>) -> Result<Frame<Bytes>, Broke> {
    Ok(Frame::data(text.into()))
}

fn trailers() -> Result<Frame<Bytes>, Broke> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", "7".parse().unwrap());
    Ok(Frame::trailers(trailers))
}

/// Slack's deliveries; the answer's body is made by the test.
fn slack(make: impl Fn(usize) -> Response<AnyBody> + Send + Sync + 'static) -> Rig {
    rig_with(
        providers::SLACK,
        |builder| builder,
        move |run| {
            let response = make(run);
            async move { Ok(response) }
        },
    )
}

fn headers(told: &Told) -> Vec<(&str, &str)> {
    let headers = told.headers.iter();
    headers
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_gets_the_recorded_content_and_no_other_header() {
    let rig = slack(|_| {
        Response::builder()
            .status(201)
            .header("content-type", "application/json; charset=utf-8")
            .header("set-cookie", "session=secret")
            .header("x-own", "1")
            .header("connection", "close")
            .body(pieces([data(r#"{"text""#), data(r#":"hello"}"#)]))
            .unwrap()
    });
    let first = rig.send("Ev1").await;
    first.is_handlers(201, r#"{"text":"hello"}"#, OutcomeKind::Done, 1);
    assert_eq!(first.header("set-cookie"), Some("session=secret"));
    assert_eq!(first.headers.len(), 4);
    for _ in 0..2 {
        let duplicate = rig.send("Ev1").await;
        assert_eq!(
            (duplicate.status, duplicate.body.as_str()),
            (201, r#"{"text":"hello"}"#)
        );
        assert_eq!(
            headers(&duplicate),
            [
                ("cache-control", "no-store"),
                ("content-length", "16"),
                ("content-type", "application/json; charset=utf-8"),
                ("x-content-type-options", "nosniff"),
            ]
        );
    }
    assert_eq!(rig.runs(), 1);
}

/// Most senders read the status alone: nothing is held for them.
#[tokio::test(start_paused = true)]
async fn the_content_is_recorded_for_senders_that_read_it_alone() {
    let rig = rig_with(
        providers::GITHUB,
        |builder| builder,
        |_| async { say(200, "hello") },
    );
    assert_eq!(rig.send("1").await.body, "hello");
    rig.send("1").await.is_recorded_as(200, 1, true);
}

#[tokio::test(start_paused = true)]
async fn twilio_by_content() {
    let rig = rig_with(
        providers::TWILIO,
        |builder| {
            builder
                .accept_weak(Weak::ValuesNotSetApart)
                .public_url("https://example.com")
                .deduplicate(Deduplicate::ByContent)
        },
        |_| async {
            let mut response = say(200, TWIML)?;
            let kind = "text/xml".parse().unwrap();
            response.headers_mut().insert("content-type", kind);
            Ok(response)
        },
    );
    let call = |digits: &str| -> Request<Full<Bytes>> {
        let sender = rig.sender().media_type("application/x-www-form-urlencoded");
        let body = format!("CallSid=CA1&Digits={digits}");
        sender.send(body).map(Full::new)
    };
    let first = rig.send_request(call("1")).await;
    first.is_handlers(200, TWIML, OutcomeKind::Done, 1);
    let duplicate = rig.send_request(call("1")).await;
    assert_eq!((duplicate.status, duplicate.body.as_str()), (200, TWIML));
    assert_eq!(duplicate.header("content-type"), Some("text/xml"));
    assert_eq!(rig.runs(), 1);
    rig.send_request(call("2")).await;
    assert_eq!(rig.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn sixteen_kibibytes_are_recorded_and_a_byte_more_is_not() {
    const LIMIT: usize = 16 * 1024;
    for (len, recorded) in [
        (LIMIT - 1, true),
        (LIMIT, true),
        (LIMIT + 1, false),
        (40 * 1024, false),
    ] {
        // Of a length that is told beforehand, and of one that is not.
        for piece in [len, 1_000] {
            let rig = slack(move |_| {
                let whole = vec![b'a'; len];
                let frames: Vec<_> = whole
                    .chunks(piece)
                    .map(|part| data(part.to_vec()))
                    .collect();
                Response::new(if piece == len {
                    Full::from(whole)
                        .map_err(|never| match never {})
                        .boxed_unsync()
                } else {
                    pieces(frames)
                })
            });
            let first = rig.send("Ev1").await;
            assert_eq!((first.status, first.body.len()), (200, len));
            assert!(first.body.bytes().all(|byte| byte == b'a'));
            let duplicate = rig.send("Ev1").await;
            let kept = if recorded { len } else { 0 };
            assert_eq!(
                (duplicate.status, duplicate.body.len()),
                (200, kept),
                "{len} in {piece}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_streamed_answer_passes_with_its_trailers() {
    for lead in [10, 20_000] {
        let rig = slack(move |_| {
            let lead = data("a".repeat(lead));
            Response::new(pieces([lead, data("b"), trailers()]))
        });
        let answer = rig
            .service
            .clone()
            .oneshot(rig.attempt("Ev1"))
            .await
            .unwrap();
        let collected = answer.into_body().collect().await.unwrap();
        let sent = collected.trailers().unwrap();
        assert_eq!(
            (sent.len(), &sent["x-checksum"]),
            (1, &"7".parse().unwrap())
        );
        let bytes = collected.to_bytes();
        assert_eq!((bytes.len(), bytes.last()), (lead + 1, Some(&b'b')));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_none() {
    let rig = slack(|run| match run {
        1 => Response::new(pieces([data("hel"), Err(Broke)])),
        _ => Response::new(pieces([data("hello")])),
    });
    let first = rig.send("Ev1").await;
    first.is_handlers(500, "internal server error\n", OutcomeKind::Released, 1);
    let second = rig.send("Ev1").await;
    second.is_handlers(200, "hello", OutcomeKind::Done, 2);
    assert_eq!(rig.send("Ev1").await.body, "hello");
}

/// What breaks off is of no concern where it is not recorded: the handler has said that it is done.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_recorded_is_not_read() {
    for status in [200, 500] {
        let scheme = if status == 200 {
            providers::GITHUB
        } else {
            providers::SLACK
        };
        let rig = rig_with(
            scheme,
            |builder| builder,
            move |_| async move {
                let mut response = say(status, "")?;
                *response.body_mut() = pieces([data("hel"), Err(Broke)]);
                Ok(response)
            },
        );
        let answer = rig.service.clone().oneshot(rig.attempt("1")).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.into_body().collect().await.unwrap_err(), Broke);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_a_failure_for_good_is_recorded_when_it_is_one() {
    for (status, recorded) in [(200, "sorry"), (422, "")] {
        let rig = slack(move |_| {
            let mut response = say(status, "sorry").unwrap();
            response.extensions_mut().insert(FailedForGood);
            response
        });
        assert_eq!(rig.send("Ev1").await.status, status);
        tokio::time::advance(secs(1)).await;
        let duplicate = rig.send("Ev1").await;
        assert_eq!((duplicate.status, duplicate.body.as_str()), (200, recorded));
        assert_eq!(rig.runs(), 1);
    }
}
