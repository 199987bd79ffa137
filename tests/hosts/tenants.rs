//! Receivers of many tenants: whose secret decides, and what is waited for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign::providers::{SLACK, STRIPE};
use countersign::{Scheme, Secret, SecretRing, SourceUnavailable, TenantPlace, Tenants, Timestamp};
use countersign_testkit::Sender;
use http::{HeaderValue, Request};
use tokio::sync::watch;

use crate::app::{PATH, Said};
use crate::client::{answer, connect, wire};
use crate::in_every_server;
use crate::script::{NOW, Script, Serve};
use std::io::Write as _;

in_every_server!(
    each_tenant_is_known_by_his_own_secret,
    the_same_id_in_two_tenants_runs_twice,
    the_body_says_whose_it_is,
    who_comes_meanwhile_waits_for_one_look_up,
    a_source_that_is_away_is_told_apart_from_nobody,
);

const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid","account":"acct_b"}"#;

fn secret_of(name: &str) -> String {
    format!("0123456789abcdef-{name}")
}

/// Says who is asked for, when its gate is open.
#[derive(Clone)]
struct Source {
    asked: Arc<AtomicUsize>,
    gate: Arc<watch::Sender<bool>>,
    is_away: Arc<Mutex<bool>>,
}

impl Source {
    fn new() -> Self {
        Self {
            asked: Arc::default(),
            gate: Arc::new(watch::channel(true).0),
            is_away: Arc::default(),
        }
    }

    fn tenants(&self, place: TenantPlace) -> Tenants {
        let source = self.clone();
        Tenants::new(place, move |name: String| {
            let source = source.clone();
            async move { source.look_up(name).await }
        })
    }

    async fn look_up(self, name: String) -> Result<Option<SecretRing>, SourceUnavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut gate = self.gate.subscribe();
        gate.wait_for(|open| *open).await.unwrap();
        if *self.is_away.lock().unwrap() {
            return Err(SourceUnavailable::new("the database is away"));
        }
        let secret = Secret::new(secret_of(&name)).map_err(SourceUnavailable::new)?;
        Ok(["a", "b", "/hook", "A1", "A2"]
            .contains(&name.as_str())
            .then(|| secret.into()))
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn by_header() -> TenantPlace {
    TenantPlace::header("x-tenant")
}

/// Says whose it is.
fn told(_: usize, delivery: &countersign::Delivery) -> Said {
    let tenant = delivery.tenant().map(|tenant| tenant.as_str());
    Said {
        body: tenant.unwrap_or("nobody").to_owned().into(),
        ..Said::status(200)
    }
}

fn signed(scheme: Scheme, signer: &str, body: &str) -> Request<Bytes> {
    let sender = Sender::new(scheme, secret_of(signer)).at(Timestamp::from_secs(NOW));
    sender.url(format!("https://example.com{PATH}")).send(body)
}

fn from(signer: &str, names: &[&str]) -> Request<Bytes> {
    let mut request = signed(STRIPE, signer, BODY);
    for name in names {
        let name = HeaderValue::from_str(name).unwrap();
        request.headers_mut().append("x-tenant", name);
    }
    request
}

fn each_tenant_is_known_by_his_own_secret(serve: Serve) {
    let source = Source::new();
    let host = serve(Script::of_tenants(STRIPE, source.tenants(by_header())).play(told));
    host.send(&from("a", &["a"])).is(200, "a");
    host.send(&from("b", &["b"])).is(200, "b");
    let wrong = host.send(&from("a", &["b"]));
    wrong.is_refusal(401, "unauthorized\n");
    let unknown = host.send(&from("c", &["c"]));
    // To the byte, but for the time that the server tells.
    let look = |reply: &crate::client::Reply| -> BTreeMap<String, String> {
        let headers = reply.headers.clone().into_iter();
        headers.filter(|(name, _)| name != "date").collect()
    };
    assert_eq!((unknown.status, &unknown.body), (wrong.status, &wrong.body));
    assert_eq!(look(&unknown), look(&wrong));
    for names in [&[][..], &["a", "a"], &[""]] {
        let reply = host.send(&from("a", names));
        reply.is_refusal(400, "bad request\n");
    }
    assert_eq!((host.runs(), source.asked()), (2, 3));
    // Whatever is revoked is so at once where it is said.
    assert!(host.verifier().forget_tenant("a"));
    host.send(&from("a", &["a"])).is(200, "a");
    assert_eq!(source.asked(), 4);

    let host =
        serve(Script::of_tenants(STRIPE, source.tenants(TenantPlace::whole_path())).play(told));
    host.send(&signed(STRIPE, PATH, BODY)).is(200, PATH);
    host.send(&signed(STRIPE, "a", BODY))
        .is_refusal(401, "unauthorized\n");
}

fn the_same_id_in_two_tenants_runs_twice(serve: Serve) {
    let source = Source::new();
    let host = serve(Script::of_tenants_once(STRIPE, source.tenants(by_header())).play(told));
    host.send(&from("a", &["a"])).is(200, "a");
    host.send(&from("b", &["b"])).is(200, "b");
    // Copies are answered from the record.
    host.send(&from("a", &["a"])).is(200, "").is_receivers();
    host.send(&from("b", &["b"])).is(200, "").is_receivers();
    assert_eq!((host.runs(), host.receiver().counts().duplicates), (2, 2));
    host.send(&from("a", &["b"]))
        .is_refusal(401, "unauthorized\n");
}

fn the_body_says_whose_it_is(serve: Serve) {
    let source = Source::new();
    let host =
        serve(Script::of_tenants(SLACK, source.tenants(TenantPlace::body_or("a"))).play(told));
    let event = r#"{"type":"event_callback","api_app_id":"A1","event_id":"Ev1"}"#;
    host.send(&signed(SLACK, "A1", event)).is(200, "A1");
    let other = event.replace("A1", "A2");
    host.send(&signed(SLACK, "A1", &other))
        .is_refusal(401, "unauthorized\n");
    let twice = event.replace("A1\"", "A1\",\"api_app_id\":\"A2\"");
    host.send(&signed(SLACK, "A1", &twice))
        .is_refusal(400, "bad request\n");
    let question = r#"{"type":"url_verification","challenge":"kx9"}"#;
    host.send(&signed(SLACK, "a", question))
        .is(200, "kx9")
        .is_receivers();
    host.send(&signed(SLACK, "A1", question))
        .is_refusal(401, "unauthorized\n");
    assert_eq!(host.runs(), 1);
}

fn who_comes_meanwhile_waits_for_one_look_up(serve: Serve) {
    let source = Source::new();
    source.gate.send_replace(false);
    let host = serve(Script::of_tenants(STRIPE, source.tenants(by_header())).play(told));
    let mut waiting: Vec<_> = (0..8)
        .map(|_| {
            let mut socket = connect(host.address);
            socket.write_all(&wire(&from("a", &["a"]))).unwrap();
            socket
        })
        .collect();
    host.until(|_| source.asked() == 1);
    // Whoever began it hangs up.
    drop(waiting.remove(0));
    source.gate.send_replace(true);
    for socket in &mut waiting {
        answer(socket).is(200, "a");
    }
    // Had nobody else waited when he hung up, it would have been asked once more.
    assert!(source.asked() <= 2);
}

fn a_source_that_is_away_is_told_apart_from_nobody(serve: Serve) {
    let source = Source::new();
    *source.is_away.lock().unwrap() = true;
    let host = serve(Script::of_tenants(STRIPE, source.tenants(by_header())).play(told));
    let reply = host.send(&from("a", &["a"]));
    reply.is_refusal(503, "service unavailable\n");
    assert_eq!(reply.header("retry-after"), Some("5"));
    // Nobody comes while it hangs: what comes after its time is answered all the same.
    source.gate.send_replace(false);
    let mut socket = connect(host.address);
    socket.write_all(&wire(&from("a", &["a"]))).unwrap();
    host.until(|host| source.asked() == 2 && host.clock().sleepers() > 0);
    host.clock().advance(std::time::Duration::from_secs(2));
    let reply = answer(&mut socket);
    reply.is_refusal(503, "service unavailable\n");
    source.gate.send_replace(true);
    *source.is_away.lock().unwrap() = false;
    host.send(&from("a", &["a"])).is(200, "a");
    assert_eq!(host.runs(), 1);
}
