//! Not too many: failures of a source, bodies that are read, deliveries of a tenant.

use std::io::Write as _;
use std::num::NonZero;
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::STRIPE;
use countersign::{Bodies, FailureLimit, MemoryQuotas, Quota, Sources};
use http::{HeaderValue, Request, Version};
use tokio::net::TcpStream;

use crate::app::PATH;
use crate::client::{answer, connect, wire};
use crate::in_every_server;
use crate::script::{Host, Script, Serve};

in_every_server!(
    forgeries_are_told_so_and_genuine_deliveries_pass,
    a_source_is_the_hop_that_a_named_proxy_wrote,
    a_header_of_a_stranger_names_no_source,
    a_tenant_over_its_quota_comes_again,
    a_body_that_keeps_us_waiting_needs_a_place,
    a_body_that_stalls_is_ended,
    streams_without_a_place_hold_up_no_other,
);

const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;

fn two_a_minute() -> Quota {
    Quota::per_minute(NonZero::new(2).unwrap())
}

fn forged(genuine: Request<Bytes>) -> Request<Bytes> {
    genuine.map(|_| Bytes::from_static(b"{}"))
}

fn forgeries_are_told_so_and_genuine_deliveries_pass(serve: Serve) {
    let host = serve(Script::verifying(STRIPE, |receiver| {
        receiver.limit_failures(FailureLimit::penalise(two_a_minute()))
    }));
    for status in [401, 401, 429, 429] {
        assert_eq!(host.send(&forged(host.signed(BODY))).status, status);
    }
    let told = host.send(&forged(host.signed(BODY)));
    told.is_refusal(429, "too many requests\n");
    assert_eq!(told.header("retry-after"), Some("30"));
    host.deliver(BODY).is(200, "");
    host.clock().advance(Duration::from_secs(30));
    host.send(&forged(host.signed(BODY)))
        .is_refusal(401, "unauthorized\n");
    assert_eq!(host.runs(), 1);
}

fn via(mut request: Request<Bytes>, hops: &str) -> Request<Bytes> {
    let hops = HeaderValue::from_str(hops).unwrap();
    request.headers_mut().insert("x-forwarded-for", hops);
    request
}

/// The peer of these tests is this machine.
fn early(sources: Sources) -> Script {
    Script::verifying(STRIPE, |receiver| {
        let limit = FailureLimit::refuse_early(two_a_minute());
        receiver.limit_failures(limit).sources(sources)
    })
}

fn a_source_is_the_hop_that_a_named_proxy_wrote(serve: Serve) {
    let host = serve(early(
        Sources::behind(&["127.0.0.1", "10.0.0.0/8"]).unwrap(),
    ));
    for lie in ["203.0.113.9", "203.0.113.8", "10.0.0.7"] {
        let hops = format!("{lie}, 198.51.100.66, 10.0.0.1");
        let status = host.send(&via(forged(host.signed(BODY)), &hops)).status;
        assert_eq!(status, if lie == "10.0.0.7" { 429 } else { 401 });
    }
    let shut_out = host.send(&via(host.signed(BODY), "198.51.100.66, 10.0.0.1"));
    shut_out.is_refusal(429, "too many requests\n");
    host.send(&via(
        host.signed(BODY),
        "198.51.100.66, 192.0.2.7, 10.0.0.1",
    ))
    .is(200, "");
}

fn a_header_of_a_stranger_names_no_source(serve: Serve) {
    let host = serve(early(Sources::direct()));
    for (hop, status) in [
        ("203.0.113.1", 401),
        ("203.0.113.2", 401),
        ("203.0.113.3", 429),
    ] {
        assert_eq!(
            host.send(&via(forged(host.signed(BODY)), hop)).status,
            status
        );
    }
    host.send(&via(host.signed(BODY), "192.0.2.7"))
        .is_refusal(429, "too many requests\n");
}

fn a_tenant_over_its_quota_comes_again(serve: Serve) {
    let host = serve(Script::once(STRIPE, |builder, clock| {
        builder.quota(
            two_a_minute(),
            MemoryQuotas::single_process_on(10, clock.clone()),
        )
    }));
    let event = |number: u32| format!(r#"{{"id":"evt_{number}","account":"acct_1"}}"#);
    let other = r#"{"id":"evt_9","account":"acct_2"}"#;
    host.deliver(&event(1)).is(200, "");
    host.deliver(&event(2)).is(200, "");
    let over = host.deliver(&event(3));
    over.is_refusal(429, "too many requests\n");
    assert_eq!(over.header("retry-after"), Some("30"));
    // A duplicate costs nothing, another tenant has his own, and what was given back runs.
    host.deliver(&event(1)).is(200, "").is_receivers();
    host.deliver(other).is(200, "");
    host.clock().advance(Duration::from_secs(30));
    host.deliver(&event(3)).is(200, "");
    assert_eq!((host.runs(), host.receiver().counts().over_quota), (4, 1));
}

fn a_body_that_keeps_us_waiting_needs_a_place(serve: Serve) {
    let bodies = Bodies::new(NonZero::new(1).unwrap(), 1 << 20).waiting(0);
    let shared = bodies.clone();
    let host = serve(Script::verifying(STRIPE, |receiver| {
        receiver.bodies(shared)
    }));
    let whole = wire(&host.signed(BODY));
    let mut slow = connect(host.address);
    slow.write_all(&whole[..whole.len() - 1]).unwrap();
    host.until(|_| bodies.usage().reading == 1);
    let mut second = connect(host.address);
    second.write_all(&whole[..whole.len() - 1]).unwrap();
    answer(&mut second).is_refusal(503, "service unavailable\n");
    slow.write_all(&whole[whole.len() - 1..]).unwrap();
    answer(&mut slow).is(200, "");
    assert_eq!((bodies.usage().reading, bodies.usage().waiting), (0, 0));
    host.deliver(BODY).is(200, "");
}

fn a_body_that_stalls_is_ended(serve: Serve) {
    let bodies = Bodies::default();
    let shared = bodies.clone();
    let host = serve(Script::verifying(STRIPE, |receiver| {
        receiver.bodies(shared)
    }));
    let long = format!(r#"{{"id":"evt_1","padding":"{}"}}"#, "x".repeat(200_000));
    let whole = wire(&host.signed(&long));
    let mut slow = connect(host.address);
    slow.write_all(&whole[..whole.len() - 1]).unwrap();
    // The last piece that comes sets the clock anew: it has to be there before time passes.
    let counted = u64::try_from(long.len()).unwrap() - 1 - countersign::defaults::BODY_SHARE;
    host.until(|_| bodies.usage().bytes == counted);
    host.until(|host| host.clock().sleepers() == 1);
    host.clock().advance(Duration::from_secs(10));
    answer(&mut slow).is_refusal(408, "request timeout\n");
    assert_eq!(host.runs(), 0);
    host.deliver(BODY).is(200, "");
}

/// A balancer that speaks HTTP/2 to us: everybody's requests are streams of one connection. Those that waited in the queue, unread, used up its
/// window, and with it everybody's.
fn streams_without_a_place_hold_up_no_other(serve: Serve) {
    let bodies = Bodies::new(NonZero::<usize>::MIN, 1 << 20).waiting(8);
    let shared = bodies.clone();
    let host = serve(Script::verifying(STRIPE, |receiver| {
        receiver.bodies(shared).max_body(8 << 20)
    }));
    // On a thread of its own: a head and its body are sent before an answer to the head is seen.
    let mut client = tokio::runtime::Builder::new_current_thread();
    let client = client.enable_all().build().unwrap();
    let patience = Duration::from_secs(30);
    let answered = async { tokio::time::timeout(patience, streams(&host, &bodies)).await };
    assert!(
        client.block_on(answered).is_ok(),
        "streams hold each other up"
    );
}

async fn streams(host: &Host, bodies: &Bodies) {
    let socket = TcpStream::connect(host.address).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let head = |body: &Bytes| {
        let (mut head, _) = host.sender().send(body.clone()).into_parts();
        head.uri = format!("http://{}{PATH}", host.address).parse().unwrap();
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
