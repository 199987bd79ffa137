//! Whoever sent an attempt goes away: the request's future is dropped after every number of polls, and a real connection is closed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_tower::{OutcomeKind, Refusal, providers};
use http::Request;
use http_body::{Body, Frame};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

use crate::support::{Fault, Op, Rig, poll_once, rig, rig_with, say, secs};

/// A request's body in pieces, with a wait before each.
struct Chunked(VecDeque<Bytes>, bool);

impl Body for Chunked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.1 = !self.1;
        if self.1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

fn chunked(rig: &Rig) -> Request<Chunked> {
    let body = format!(r#"{{"id":"evt_1","padding":"{}"}}"#, "a".repeat(50));
    rig.sender().send(body).map(|whole| {
        let pieces = whole.chunks(16).map(Bytes::copy_from_slice);
        Chunked(pieces.collect(), false)
    })
}

/// Waits, has its effect, waits again; a run that is to fail does so without an effect.
fn counting(fails_first: bool) -> (Rig, Arc<AtomicUsize>) {
    let effects = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&effects);
    let rig = rig(move |run| {
        let count = Arc::clone(&count);
        async move {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            if fails_first && run == 1 {
                return say(500, "not yet");
            }
            count.fetch_add(1, Ordering::SeqCst);
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            say(200, "done")
        }
    });
    rig.store.yields();
    (rig, effects)
}

/// Polls a request's future so many times, lets everything else go on for `between` turns after each poll, and drops it. Did it complete?
async fn dropped_after(rig: &Rig, polls: usize, between: usize) -> bool {
    let request = chunked(rig);
    let mut service = rig.service.clone();
    let mut future = Box::pin(service.call(request));
    for _ in 0..polls {
        if poll_once(future.as_mut()).is_ready() {
            return true;
        }
        for _ in 0..between {
            tokio::task::yield_now().await;
        }
    }
    false
}

#[tokio::test(start_paused = true)]
async fn a_task_is_neither_lost_nor_doubled_wherever_its_sender_goes_away() {
    for fails_first in [false, true] {
        for between in 0..3 {
            let mut began = 0;
            let mut polls = 0;
            loop {
                let (rig, effects) = counting(fails_first);
                let completed = dropped_after(&rig, polls, between).await;
                rig.settle_down().await;

                // Once the body was there, the run goes on to its end by itself, and nothing is left of it.
                let ran = rig.runs();
                assert!(ran <= 1);
                assert_eq!(rig.store.count(Op::Claim), ran);
                let counts = rig.receiver.counts();
                let ended = counts.done + counts.released;
                assert_eq!(ended, u64::try_from(ran).unwrap());
                let of_first = usize::from(ran == 1 && !fails_first);
                assert_eq!(effects.load(Ordering::SeqCst), of_first);

                // The sender comes again until it is told that all is well.
                let mut told = Vec::new();
                while told.last() != Some(&200) && told.len() < 5 {
                    tokio::time::advance(secs(1)).await;
                    told.push(rig.send_request(whole(&rig)).await.status);
                }
                let retries = usize::from(fails_first && ran == 0);
                assert_eq!(told.len(), 1 + retries, "after {polls} polls");
                assert_eq!(effects.load(Ordering::SeqCst), 1, "after {polls} polls");
                assert_eq!(rig.runs(), 1 + usize::from(fails_first));
                let last = rig.send_request(whole(&rig)).await;
                let kind = last.outcome.unwrap().kind;
                assert!(matches!(kind, OutcomeKind::Duplicate { .. }));
                rig.assert_idle().await;

                began += ran;
                polls += 1;
                if completed {
                    break;
                }
                assert!(polls < 500 || between == 0, "it never completes");
                // Without a turn for the task it waits for ever.
                if polls == 60 && between == 0 {
                    break;
                }
            }
            // Drops before and after the run had begun were tried.
            assert!(began > 1 && began < polls, "{began} of {polls}");
        }
    }
}

fn whole(rig: &Rig) -> Request<http_body_util::Full<Bytes>> {
    let body = format!(r#"{{"id":"evt_1","padding":"{}"}}"#, "a".repeat(50));
    rig.sender().send(body).map(http_body_util::Full::new)
}

/// In place a drop ends the run. What holds: nothing is lost, and the effect is had twice only if the drop came between it and its record.
#[tokio::test(start_paused = true)]
async fn in_place_nothing_is_lost_and_only_an_effect_without_a_record_is_had_again() {
    for fails_first in [false, true] {
        let (mut before, mut between, mut after) = (0, 0, 0);
        let mut polls = 0;
        loop {
            let (rig, effects) = counting(fails_first);
            let rig = rig.in_place();
            let completed = dropped_after(&rig, polls, 0).await;
            // Nothing goes on.
            let (runs, calls) = (rig.runs(), rig.store.calls().len());
            let had = effects.load(Ordering::SeqCst);
            rig.settle_down().await;
            assert_eq!((rig.runs(), rig.store.calls().len()), (runs, calls));

            // Until the lease has lapsed a claimed delivery is busy; after that it is as good as new.
            let probe = rig.send_request(whole(&rig)).await;
            let free = !matches!(probe.refusal, Some(Refusal::InFlight { .. }));
            let recorded = matches!(
                probe.outcome.as_ref().unwrap().kind,
                OutcomeKind::Duplicate { .. }
            );
            if !free {
                assert!(calls > 0 && !completed);
                assert_eq!((probe.status, rig.runs()), (503, runs));
            }
            tokio::time::advance(secs(60)).await;
            let mut status = probe.status;
            for _ in 0..3 {
                if status != 200 {
                    status = rig.send_request(whole(&rig)).await.status;
                }
            }
            assert_eq!(status, 200, "after {polls} polls");
            let last = rig.send_request(whole(&rig)).await;
            let kind = last.outcome.unwrap().kind;
            assert!(matches!(kind, OutcomeKind::Duplicate { .. }));

            let all = effects.load(Ordering::SeqCst);
            match (had, recorded) {
                (0, _) => {
                    assert_eq!(all, 1, "after {polls} polls");
                    before += 1;
                }
                (1, false) => {
                    assert_eq!(all, 2, "after {polls} polls");
                    between += 1;
                }
                _ => {
                    assert_eq!((had, all), (1, 1), "after {polls} polls");
                    after += 1;
                }
            }
            rig.assert_idle().await;
            polls += 1;
            if completed {
                break;
            }
            assert!(polls < 500, "it never completes");
        }
        match fails_first {
            // The effect, three waits, and the wait before the record.
            false => assert!(
                before > 5 && (between, after) == (4, 2),
                "{before} {between} {after}"
            ),
            true => assert!(before == polls && (between, after) == (0, 0)),
        }
    }
}

/// Dropped while the store is away: what is in the background stays there.
#[tokio::test(start_paused = true)]
async fn the_record_arrives_although_the_sender_has_gone() {
    let (rig, effects) = counting(false);
    rig.store.next(Op::Settle, [Fault::Hangs; 2]);
    assert!(!dropped_after(&rig, 20, 1).await);
    tokio::time::sleep(secs(10)).await;
    assert_eq!(effects.load(Ordering::SeqCst), 1);
    rig.send_request(whole(&rig)).await.is_recorded(200, 1);
    rig.assert_idle().await;
}

fn wire(request: &Request<Bytes>) -> Vec<u8> {
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    if !request.headers().contains_key("content-length") {
        text.push_str(&format!("content-length: {}\r\n", request.body().len()));
    }
    text.push_str("\r\n");
    let mut wire = text.into_bytes();
    wire.extend_from_slice(request.body());
    wire
}

/// The server drops its future when the client closes the connection; that it did is shown by a guard of its own.
#[tokio::test]
async fn a_client_that_closes_its_connection_does_not_end_the_run() {
    let gate = tokio::sync::watch::Sender::new(false);
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let opens = gate.subscribe();
    let rig = rig_with(
        providers::STRIPE,
        |builder| builder,
        move |_| {
            let (mut opens, begun) = (opens.clone(), begun.clone());
            async move {
                begun.send(()).unwrap();
                opens.wait_for(|open| *open).await.unwrap();
                say(200, "done")
            }
        },
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (mut client, accepted) = tokio::join!(TcpStream::connect(address), async {
        listener.accept().await
    });
    let client = client.as_mut().unwrap();
    let socket = accepted.unwrap().0;
    let service = tower::ServiceBuilder::new()
        .map_response(|response: http::Response<_>| {
            response.map(|body| http_body_util::BodyExt::map_err(body, |_| "broke"))
        })
        .map_err(|_| "failed")
        .service(rig.service.clone());
    let connection = tokio::spawn(
        http1::Builder::new()
            .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service)),
    );
    let body = r#"{"id":"evt_1"}"#;
    client
        .write_all(&wire(&rig.sender().send(body)))
        .await
        .unwrap();
    has_begun.recv().await.unwrap();
    client.shutdown().await.unwrap();
    // The connection is over, and with it the future of the response.
    drop(connection.await.unwrap());
    assert_eq!(rig.receiver.counts().done, 0);
    gate.send_replace(true);
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"", "nobody was answered");
    assert_eq!(rig.receiver.drain(secs(3600)).await, Ok(()));
    assert_eq!((rig.runs(), rig.receiver.counts().done), (1, 1));

    // Drained receivers take nothing; another one on the store knows it.
    let other = crate::support::replica(
        providers::STRIPE,
        |builder| builder,
        rig.clock,
        rig.store.clone(),
        rig.handler.clone(),
    );
    let sender = rig
        .sender()
        .at(countersign_tower::Timestamp::from_secs(1_700_000_000));
    let told = other
        .send_request(sender.send(body).map(http_body_util::Full::new))
        .await;
    assert_eq!((told.status, told.body.as_str()), (200, ""));
    assert!(matches!(
        told.outcome.unwrap().kind,
        OutcomeKind::Duplicate { .. }
    ));
    assert_eq!(rig.runs(), 1);
}
