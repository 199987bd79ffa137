//! What is measured, in which unit, and under which labels.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::{SLACK, STRIPE};
use countersign::{
    Clock, Receiver, Secret, SecretRing, SourceUnavailable, TenantPlace, Tenants, describe_metrics,
};
use countersign_testkit::{Sender, log};
use http::Request;
use metrics::Unit;

use crate::door::send;
use crate::recorder::Recorder;
use crate::stage::{BODY, SECRET, Stage, set};

const NEW: &str = "whsec_n3wplanted0123456789abcdef";

fn split(request: Request<Bytes>) -> (Request<()>, Bytes) {
    let (head, body) = request.into_parts();
    (Request::from_parts(head, ()), body)
}

#[tokio::test(start_paused = true)]
async fn sizes_times_and_skew_are_of_what_was_verified() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let stage = Stage::new(&recorder);
    let receiver = stage.receiver(STRIPE);
    let sent = stage
        .clock
        .now()
        .saturating_sub(Duration::from_millis(90_000));
    let (head, body) = split(stage.sender(STRIPE).at(sent).send(BODY));
    let mut intake = receiver.open(&head, stage.clock.now()).unwrap();
    intake.push(body.slice(..7)).unwrap();
    tokio::time::advance(Duration::from_millis(1_500)).await;
    intake.push(body.slice(7..)).unwrap();
    let verified = intake.finish().unwrap().verified().unwrap();
    // That a handler takes its time is none of the verdict's.
    tokio::time::advance(Duration::from_secs(60)).await;
    drop(verified);
    let len = u32::try_from(BODY.len()).unwrap();
    let of = |name: &str| format!("countersign_{name}{{scheme=stripe}}");
    assert_eq!(
        recorder.recorded(),
        BTreeMap::from([
            (of("body_bytes"), vec![f64::from(len)]),
            (of("verdict_seconds"), vec![1.5]),
            (of("clock_skew_seconds"), vec![-90.0]),
        ])
    );
    let lines = log::take();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(
        *line,
        format!(
            r#"DEBUG message=webhook attempt scheme="stripe" outcome="accepted" code="accepted" secret_label="secret-1" body_bytes={len} verdict_us=1500000 skew_s=-90.0"#
        )
    );
    stage.another_of("accepted");

    // What nobody proved says nothing about sizes and clocks; that it took time is true.
    let forged = receiver.verify(&head, "{}".into(), stage.clock.now());
    assert_eq!(forged.unwrap_err().code(), "signature_mismatch");
    assert_eq!(
        recorder.recorded(),
        BTreeMap::from([(of("verdict_seconds"), vec![0.0])])
    );
}

/// It is verified, and told so, and no delivery that has a size or comes late.
#[tokio::test(start_paused = true)]
async fn a_signed_question_is_counted_and_not_measured() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let stage = Stage::new(&recorder);
    let receiver = stage.receiver(SLACK);
    let question = r#"{"type":"url_verification","challenge":"planted"}"#;
    let question = stage.sender(SLACK).send(question);
    assert_eq!(send(&receiver, question).await, 200);
    let took = "countersign_verdict_seconds{scheme=slack}".to_owned();
    assert_eq!(recorder.recorded(), BTreeMap::from([(took, vec![0.0])]));
    let attempts = "countersign_attempts_total{scheme=slack,outcome=answered,code=handshake}";
    let uses = "countersign_secret_uses_total{scheme=slack,secret=secret-1}";
    let counted = [attempts, uses].map(|key| (key.to_owned(), 1.0));
    assert_eq!(recorder.counted(), BTreeMap::from(counted));
    let _ = log::take();
}

#[tokio::test(start_paused = true)]
async fn each_secret_counts_what_it_verifies() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let stage = Stage::new(&recorder);
    let now = stage.clock.now();
    let labelled = |secret: &str, label: &str| Secret::new(secret).unwrap().label(label);
    let ring = SecretRing::new([labelled(SECRET, "old"), labelled(NEW, "new")]).unwrap();
    let receiver = Receiver::builder(STRIPE, ring).clock(stage.clock).build();
    let receiver = receiver.unwrap();
    for secret in [SECRET, NEW, NEW] {
        let (head, body) = split(Sender::new(STRIPE, secret).at(now).send(BODY));
        drop(receiver.verify(&head, body, now).unwrap());
    }
    let stranger = "whsec_0ther0123456789abcdef";
    let (head, body) = split(Sender::new(STRIPE, stranger).at(now).send(BODY));
    assert!(receiver.verify(&head, body, now).is_err());
    let uses =
        |label: &str| format!("countersign_secret_uses_total{{scheme=stripe,secret={label}}}");
    let attempts = |outcome: &str, code: &str| {
        format!("countersign_attempts_total{{scheme=stripe,outcome={outcome},code={code}}}")
    };
    assert_eq!(
        recorder.counted(),
        BTreeMap::from([
            (uses("old"), 1.0),
            (uses("new"), 2.0),
            (attempts("accepted", "accepted"), 3.0),
            (attempts("refused", "signature_mismatch"), 1.0),
        ])
    );
}

#[test]
fn every_metric_is_described_with_its_unit() {
    let recorder = Recorder::default();
    metrics::with_local_recorder(&recorder, describe_metrics);
    let described = [
        ("attempts_total", Unit::Count),
        ("body_bytes", Unit::Bytes),
        ("clock_skew_seconds", Unit::Seconds),
        ("runs_total", Unit::Count),
        ("secret_uses_total", Unit::Count),
        ("verdict_seconds", Unit::Seconds),
    ];
    let described = described.map(|(name, unit)| (format!("countersign_{name}"), Some(unit)));
    assert_eq!(recorder.described(), BTreeMap::from(described));
}

/// A source may label the secrets of a million tenants as it likes: that is no million of counters.
#[tokio::test(start_paused = true)]
async fn the_secrets_of_all_tenants_are_counted_as_one() {
    let recorder = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let stage = Stage::new(&recorder);
    let source = |name: String| async move {
        let secret = Secret::new(SECRET).map_err(SourceUnavailable::new)?;
        Ok(Some(secret.label(name).into()))
    };
    let tenants = Tenants::new(TenantPlace::header("x-tenant"), source);
    let receiver = stage.for_tenants(STRIPE, tenants).build().unwrap();
    for name in ["a", "b"] {
        let request = set(stage.sender(STRIPE).send(BODY), "x-tenant", name);
        assert_eq!(send(&receiver, request).await, 200);
    }
    let counted = recorder.counted();
    let uses = counted
        .iter()
        .filter(|(key, _)| key.contains("secret_uses"));
    let key = "countersign_secret_uses_total{scheme=stripe,secret=tenants}".to_owned();
    assert_eq!(uses.collect::<Vec<_>>(), [(&key, &2.0)]);
    let _ = log::take();
}
