//! A balancer that speaks HTTP/2 to us: everybody's requests are streams of one connection. Over sockets.

use std::num::NonZero;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use countersign::providers::GITHUB;
use countersign::{Bodies, Receiver, Secret};
use countersign_axum::{CountersignLayer, Webhook};
use countersign_testkit::Sender;
use http::{Request, Version};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "0123456789abcdef";

/// Streams that waited in the queue, unread, used up the window of the connection, and with it everybody's.
#[tokio::test]
async fn streams_without_a_place_hold_up_no_other() {
    let bodies = Bodies::new(NonZero::<usize>::MIN, 1 << 20).waiting(8);
    let receiver = Receiver::builder(GITHUB, Secret::new(SECRET).unwrap());
    let receiver = receiver.bodies(bodies.clone()).build().unwrap();
    let layer = CountersignLayer::new(receiver);
    let app: Router = Router::new().route("/", post(async |_: Webhook<Bytes>| ()).layer(layer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

    let socket = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let head = |body: &Bytes| {
        let (mut head, _) = Sender::new(GITHUB, SECRET).send(body.clone()).into_parts();
        head.uri = format!("http://{address}/").parse().unwrap();
        head.version = Version::HTTP_2;
        Request::from_parts(head, ())
    };
    let large = Bytes::from(vec![b' '; 3 << 20]);
    // One stranger has the only place and stalls; others send all that the server lets them send.
    let (answer, mut stalled) = client.send_request(head(&large), false).unwrap();
    stalled.send_data(Bytes::from_static(b" "), false).unwrap();
    while bodies.usage().reading == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..4 {
        let (refused, mut stream) = client.send_request(head(&large), false).unwrap();
        stream.send_data(large.clone(), false).unwrap();
        assert_eq!(refused.await.unwrap().status(), 503);
        drop(stream);
    }
    let small = Bytes::from_static(b"{}");
    for _ in 0..4 {
        // As long as the window is on its way back, a body comes after its head, and there is no place for it to be waited for.
        for attempt in 1.. {
            let (genuine, mut stream) = client.send_request(head(&small), false).unwrap();
            stream.send_data(small.clone(), true).unwrap();
            let status = genuine.await.unwrap().status();
            if status == 200 {
                break;
            }
            assert_eq!(status, 503);
            assert!(attempt < 500, "the window does not come back");
            tokio::task::yield_now().await;
        }
    }
    assert_eq!((bodies.usage().reading, bodies.usage().waiting), (1, 0));
    drop((answer, stalled));
}
