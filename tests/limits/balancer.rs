//! Everything comes from one address, as behind a load balancer that nobody has named: forgeries do not stop what is genuine. Over sockets.

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::post;
use countersign::providers::STRIPE;
use countersign::{Bodies, FailureLimit, Receiver};
use countersign_axum::{CountersignLayer, Webhook, WithPeer};
use countersign_testkit::{ManualClock, Sender};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{BODY, NOW, SECRET, builder, two};

const FORGERS: usize = 8;
const FORGERIES: usize = 250;
const GENUINE: usize = 200;
const STALLED: usize = 40;

async fn serve(receiver: Receiver, runs: Arc<AtomicUsize>) -> SocketAddr {
    let handler = move |Webhook { .. }: Webhook| {
        let runs = Arc::clone(&runs);
        async move {
            runs.fetch_add(1, Ordering::SeqCst);
        }
    };
    let layer = WithPeer::new(CountersignLayer::new(receiver));
    let app: Router = Router::new().route("/stripe", post(handler).layer(layer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// A request as it goes over the wire.
fn wire(request: &Request<bytes::Bytes>) -> Vec<u8> {
    let mut text = String::from("POST /stripe HTTP/1.1\r\nhost: receiver\r\n");
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n", request.body().len()));
    [text.as_bytes(), request.body()].concat()
}

/// Sends it over a connection that is kept, and gives the status and whether the sender was told when to come again.
async fn ask(socket: &mut TcpStream, wire: &[u8]) -> (u16, bool) {
    socket.write_all(wire).await.unwrap();
    let mut answer = Vec::new();
    let head = loop {
        let mut piece = [0; 1_024];
        let read = socket.read(&mut piece).await.unwrap();
        assert!(read > 0, "the connection was closed");
        answer.extend_from_slice(&piece[..read]);
        let text = String::from_utf8(answer.clone()).unwrap().to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if body.len() == length {
                break head.to_owned();
            }
        }
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.contains("\r\nretry-after: "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_forgeries_from_the_same_address_stops_no_genuine_delivery() {
    let clock = ManualClock::at_secs(NOW);
    let bodies = Bodies::new(NonZero::new(8).unwrap(), 1 << 20).waiting(8);
    let receiver = builder(&clock).limit_failures(FailureLimit::penalise(two()));
    let receiver = receiver.bodies(bodies.clone()).build().unwrap();
    let runs = Arc::<AtomicUsize>::default();
    let address = serve(receiver, Arc::clone(&runs)).await;

    let sender = Sender::new(STRIPE, SECRET).at(clock.now());
    let genuine = wire(&sender.send(BODY));
    let forged = wire(
        &sender
            .send(BODY)
            .map(|_| BODY.replace("evt_1", "evt_2").into()),
    );
    // More than there are places for; they hold them until the test is over.
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket
            .write_all(&genuine[..genuine.len() - 1])
            .await
            .unwrap();
        stalled.push(socket);
    }
    // As many as there is room for, and for as long as this goes on.
    while (bodies.usage().reading, bodies.usage().waiting) != (8, 8) {
        tokio::task::yield_now().await;
    }
    let forgers = (0..FORGERS).map(|_| {
        let forged = forged.clone();
        tokio::spawn(async move {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let mut statuses = Vec::new();
            for _ in 0..FORGERIES {
                statuses.push(ask(&mut socket, &forged).await);
            }
            statuses
        })
    });
    let forgers: Vec<_> = forgers.collect();
    for _ in 0..GENUINE {
        // Some on new connections, some on old ones.
        let mut socket = TcpStream::connect(address).await.unwrap();
        for _ in 0..2 {
            assert_eq!(ask(&mut socket, &genuine).await, (200, false));
        }
    }
    let mut seen = Vec::new();
    for forger in forgers {
        seen.extend(forger.await.unwrap());
    }
    let count = |due| seen.iter().filter(|seen| **seen == due).count();
    assert_eq!(
        (count((401, false)), count((429, true))),
        (2, FORGERS * FORGERIES - 2)
    );
    assert_eq!(runs.load(Ordering::SeqCst), 2 * GENUINE);
    // And when the flood is over.
    let mut socket = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut socket, &genuine).await, (200, false));
    assert_eq!((bodies.usage().reading, bodies.usage().waiting), (8, 8));
    drop(stalled);
}
