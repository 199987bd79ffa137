//! Two hundred copies of one delivery at once, over real sockets and real threads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign_testkit::{ManualClock, Sender};
use countersign_tower::{
    CountersignLayer, DynStore, MemoryStore, Once, Receiver, Secret, Timestamp, VerifiedBody,
    providers::STRIPE,
};
use http::{Request, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, watch};
use tower::{Layer, service_fn};

use crate::support::SECRET;

const COPIES: usize = 200;
const NOW: i64 = 1_700_000_000;
const BODY: &str = r#"{"id":"evt_1","type":"paid"}"#;

/// Runs that began, and a gate that they wait at.
#[derive(Clone)]
struct Work {
    runs: Arc<AtomicUsize>,
    gate: Arc<watch::Sender<bool>>,
}

/// Listens until the test is over.
async fn serve(receiver: Receiver<Once<DynStore>>, work: Work) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service =
        CountersignLayer::new(receiver).layer(service_fn(move |_: Request<VerifiedBody>| {
            let work = work.clone();
            async move {
                // A second run is one too many, and no reason to wait.
                if work.runs.fetch_add(1, Ordering::SeqCst) > 0 {
                    work.gate.send_replace(true);
                }
                let mut gate = work.gate.subscribe();
                gate.wait_for(|open| *open).await.unwrap();
                Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from(
                    "by the handler",
                )))
            }
        }));
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
        }
    });
    address
}

/// Each with a stamp of its own, within the tolerance.
fn attempt(number: usize) -> Vec<u8> {
    let ago = Duration::from_secs(u64::try_from(number % 300).unwrap());
    let sender = Sender::new(STRIPE, SECRET).at(Timestamp::from_secs(NOW).saturating_sub(ago));
    let request = sender.send(BODY);
    let mut text = "POST /hooks HTTP/1.1\r\nconnection: close\r\n".to_owned();
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    if !request.headers().contains_key("content-length") {
        text.push_str(&format!("content-length: {}\r\n", BODY.len()));
    }
    format!("{text}\r\n{BODY}").into_bytes()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Said {
    ByHandler,
    Recorded,
    Busy,
}

async fn send(address: SocketAddr, number: usize) -> Said {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(&attempt(number)).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let has = |line: &str| head.split("\r\n").any(|known| known == line);
    match body {
        "by the handler" if has("HTTP/1.1 200 OK") => Said::ByHandler,
        "" if has("HTTP/1.1 200 OK") && has("content-length: 0") => Said::Recorded,
        // The clock stands still: the whole lease is left.
        "service unavailable\n"
            if has("HTTP/1.1 503 Service Unavailable") && has("retry-after: 60") =>
        {
            Said::Busy
        }
        _ => panic!("{answer}"),
    }
}

/// All copies at once, to so many receivers on one store. The run ends when at least `refused` copies have been told that it goes on.
async fn race(replicas: usize, refused: usize) {
    let clock = ManualClock::at_secs(NOW);
    let store = DynStore::new(MemoryStore::single_process_on(64, clock.clone()));
    let gate = Arc::new(watch::Sender::new(false));
    let runs = Arc::new(AtomicUsize::new(0));
    let mut receivers = Vec::new();
    let mut addresses = Vec::new();
    for _ in 0..replicas {
        let receiver = Receiver::builder(STRIPE, Secret::new(SECRET).unwrap())
            .clock(clock.clone())
            .store(store.clone())
            .build()
            .unwrap();
        let work = Work {
            runs: Arc::clone(&runs),
            gate: Arc::clone(&gate),
        };
        addresses.push(serve(receiver.clone(), work).await);
        receivers.push(receiver);
    }

    let start = Arc::new(Barrier::new(COPIES));
    let busy = Arc::new(AtomicUsize::new(0));
    let copies: Vec<_> = (0..COPIES)
        .zip(addresses.iter().copied().cycle())
        .map(|(number, address)| {
            let (start, busy, open) = (Arc::clone(&start), Arc::clone(&busy), Arc::clone(&gate));
            tokio::spawn(async move {
                start.wait().await;
                let said = send(address, number).await;
                if said == Said::Busy
                    && busy.fetch_add(1, Ordering::SeqCst) >= refused.saturating_sub(1)
                {
                    open.send_replace(true);
                }
                said
            })
        })
        .collect();
    let mut said = Vec::new();
    for copy in copies {
        said.push(copy.await.unwrap());
    }
    let count = |what: Said| said.iter().filter(|said| **said == what).count();
    assert_eq!((said.len(), count(Said::ByHandler)), (COPIES, 1));
    assert!(count(Said::Busy) >= refused);
    let of_others = [count(Said::Busy), count(Said::Recorded)];
    assert_eq!(of_others.iter().sum::<usize>(), COPIES - 1);
    assert_eq!(runs.load(Ordering::SeqCst), 1);

    for (number, address) in (0..20).zip(addresses.iter().copied().cycle()) {
        assert_eq!(send(address, number).await, Said::Recorded);
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    let total = |of: fn(&countersign_tower::Counts) -> u64| -> u64 {
        receivers
            .iter()
            .map(|receiver| of(&receiver.counts()))
            .sum()
    };
    assert_eq!(total(|counts| counts.done), 1);
    let as_u64 = |count: usize| u64::try_from(count).unwrap();
    assert_eq!(total(|counts| counts.busy), as_u64(count(Said::Busy)));
    assert_eq!(
        total(|counts| counts.duplicates),
        as_u64(count(Said::Recorded)).saturating_add(20)
    );
    for receiver in &receivers {
        assert_eq!(receiver.drain(Duration::ZERO).await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn two_hundred_copies_at_once_are_one_run() {
    // All that can be told that it goes on, then some, then the first alone.
    for refused in [COPIES - 1, 100, 1] {
        race(1, refused).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn two_hundred_copies_to_three_replicas_are_one_run() {
    for refused in [COPIES - 1, 100, 1] {
        race(3, refused).await;
    }
}
