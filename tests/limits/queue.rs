//! The time that a sender has stood in our queue, and what is his own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use countersign::providers::GITHUB;
use countersign::{
    Bodies, Broken, Chunks, Clock, FailureLimit, Quota, Reading, Receiver, Refusal, Secret, Sources,
};
use countersign_axum::{CountersignLayer, Webhook, WithPeer};
use countersign_testkit::{ManualClock, Sender};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::{NOW, builder, genuine, two, verdict};

const SECRET: &str = "0123456789abcdef";

fn one_place() -> Bodies {
    Bodies::new(NonZero::new(1).unwrap(), 1 << 20)
}

fn two_an_hour() -> Quota {
    Quota::per_hour(NonZero::new(2).unwrap())
}

/// A genuine head, and a body in pieces: `None` waits, and behind the last one it breaks off.
struct Attempt {
    reading: Reading,
    body: Pieces,
}

struct Pieces(VecDeque<Option<Bytes>>);

impl Chunks for Pieces {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        match self.0.front() {
            Some(None) => Poll::Pending,
            Some(Some(_)) => Poll::Ready(self.0.pop_front().flatten().map(Ok)),
            None => Poll::Ready(Some(Err(Broken))),
        }
    }
}

impl Attempt {
    fn slow(receiver: &Receiver, clock: &ManualClock, peer: &str) -> Self {
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let request = genuine(clock, peer);
        Self {
            reading: receiver.receive(&request, &shared).unwrap(),
            body: Pieces([None].into()),
        }
    }

    fn comes(&mut self, pieces: &[Option<&'static [u8]>]) -> &mut Self {
        let pieces = pieces.iter().map(|piece| piece.map(Bytes::from_static));
        self.body.0 = pieces.collect();
        self
    }

    fn poll(&mut self) -> Poll<Option<Refusal>> {
        let mut cx = Context::from_waker(Waker::noop());
        let body = Pin::new(&mut self.body);
        self.reading.poll_received(&mut cx, body).map(Result::err)
    }
}

const ALL: Poll<Option<Refusal>> = Poll::Ready(Some(Refusal::TooManyBodies { limit: 1 }));
const SLOW: Poll<Option<Refusal>> = Poll::Ready(Some(Refusal::BodyTooSlow));

/// Strangers have the places; the sender waits as long as it waits for anybody, and hangs up.
#[test]
fn who_hangs_up_in_the_queue_has_not_failed() {
    let clock = ManualClock::at_secs(NOW);
    let receiver = builder(&clock)
        .bodies(one_place())
        .limit_failures(FailureLimit::refuse_early(two_an_hour()))
        .sources(Sources::direct())
        .build()
        .unwrap();
    for _ in 0..3 {
        let mut stranger = Attempt::slow(&receiver, &clock, "198.51.100.66");
        assert_eq!(stranger.poll(), Poll::Pending);
        let mut sender = Attempt::slow(&receiver, &clock, "192.0.2.1");
        assert_eq!(sender.poll(), Poll::Pending);
        clock.advance(Duration::from_millis(9_900));
        drop(stranger);
        // What it had sent by then is in the socket's buffer.
        assert_eq!(sender.comes(&[Some(b"{")]).poll(), ALL);
    }
    let next = verdict(&receiver, genuine(&clock, "192.0.2.1"));
    assert_eq!(next, Ok(()));
}

/// Who never stood in it has.
#[test]
fn who_hangs_up_by_himself_has_failed() {
    let clock = ManualClock::at_secs(NOW);
    let limit = FailureLimit::refuse_early(two_an_hour());
    let receiver = builder(&clock)
        .limit_failures(limit)
        .sources(Sources::direct());
    let receiver = receiver.build().unwrap();
    for _ in 0..2 {
        let mut attempt = Attempt::slow(&receiver, &clock, "192.0.2.1");
        assert_eq!(attempt.poll(), Poll::Pending);
        let broken = Poll::Ready(Some(Refusal::BodyIncomplete));
        assert_eq!(attempt.comes(&[Some(b"{")]).poll(), broken);
    }
    let next = verdict(&receiver, genuine(&clock, "192.0.2.1"));
    assert_eq!(
        next.map_err(|refusal| refusal.code()),
        Err("too_many_failures")
    );
}

/// Held up for a moment, and slow for half a minute by himself.
#[test]
fn who_waited_for_a_moment_is_charged_for_his_own_slowness() {
    for (held_up, ended) in [(1, SLOW), (1_100, SLOW), (1_101, ALL), (1_400, ALL)] {
        let clock = ManualClock::at_secs(NOW);
        let receiver = builder(&clock)
            .bodies(one_place())
            .limit_failures(FailureLimit::penalise(two()))
            .build()
            .unwrap();
        let mut first = Attempt::slow(&receiver, &clock, "192.0.2.1");
        assert_eq!(first.poll(), Poll::Pending);
        let mut slow = Attempt::slow(&receiver, &clock, "192.0.2.1");
        assert_eq!(slow.poll(), Poll::Pending);
        clock.advance(Duration::from_millis(held_up));
        drop(first);
        assert_eq!(slow.poll(), Poll::Pending);
        // Half a minute and a second after its beginning it is looked at again.
        for left in [9_500, 9_500, 9_500, 2_600 - held_up] {
            clock.advance(Duration::from_millis(left));
            if left == 9_500 {
                assert_eq!(slow.comes(&[Some(b"{"), None]).poll(), Poll::Pending);
            }
        }
        assert_eq!(slow.poll(), ended, "{held_up}");
    }
}

/// Whoever has his turn has ten seconds for each piece from then on, and not the rest of the whole time.
#[test]
fn a_stall_behind_the_queue_is_ended_like_any_other() {
    let clock = ManualClock::at_secs(NOW);
    let receiver = builder(&clock).bodies(one_place()).build().unwrap();
    let mut first = Attempt::slow(&receiver, &clock, "192.0.2.1");
    assert_eq!(first.poll(), Poll::Pending);
    let mut second = Attempt::slow(&receiver, &clock, "192.0.2.1");
    assert_eq!(second.poll(), Poll::Pending);
    clock.advance(Duration::from_secs(5));
    drop(first);
    assert_eq!(second.poll(), Poll::Pending);
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(second.poll(), Poll::Pending);
    clock.advance(Duration::from_millis(1));
    assert_eq!(second.poll(), SLOW);
}

/// A connection from this address of this machine.
async fn connect(address: SocketAddr, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    socket.connect(address).await.unwrap()
}

fn wire(body: Vec<u8>) -> Vec<u8> {
    let request = Sender::new(GITHUB, SECRET).send(body);
    let mut text = String::from("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n");
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n", request.body().len()));
    [text.as_bytes(), request.body()].concat()
}

/// The same over sockets, where a server notices a hang-up only when it reads.
#[tokio::test]
async fn who_hangs_up_in_the_queue_has_not_failed_over_sockets() {
    let seen = Arc::<Mutex<Vec<&'static str>>>::default();
    let (bodies, told) = (one_place(), Arc::clone(&seen));
    let receiver = Receiver::builder(GITHUB, Secret::new(SECRET).unwrap())
        .limit_failures(FailureLimit::refuse_early(two_an_hour()))
        .sources(Sources::direct())
        .bodies(bodies.clone())
        .observer(move |attempt: &countersign::Attempt<'_>| {
            if attempt.peer == Some([127, 0, 0, 2].into()) {
                told.lock().unwrap().push(attempt.code);
            }
        })
        .build()
        .unwrap();
    let layer = WithPeer::new(CountersignLayer::new(receiver));
    let app: Router = Router::new().route("/", post(async |_: Webhook<Bytes>| ()).layer(layer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

    let small = wire(b"{}".to_vec());
    let large = wire(vec![b' '; 20 << 20]);
    for _ in 0..2 {
        let mut stranger = connect(address, 66).await;
        stranger.write_all(&small[..small.len() - 1]).await.unwrap();
        while bodies.usage().reading == 0 {
            tokio::task::yield_now().await;
        }
        // It sends what the socket takes, waits for its deadline, and gives up.
        let mut sender = connect(address, 2).await;
        let mut sent = sender.write(&large[..1_000]).await.unwrap();
        while bodies.usage().waiting == 0 {
            tokio::task::yield_now().await;
        }
        while let Ok(more) = sender.try_write(&large[sent..]) {
            sent += more;
        }
        assert!(sent < large.len());
        drop((sender, stranger));
        while bodies.usage().reading + bodies.usage().waiting > 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut sender = connect(address, 2).await;
    sender.write_all(&small).await.unwrap();
    let mut answer = String::new();
    sender.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 "),
        "{:?} {answer}",
        seen.lock().unwrap()
    );
}
