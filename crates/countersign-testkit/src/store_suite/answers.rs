//! What was recorded, given back as it was.

use std::sync::Arc;

use countersign::defaults::MAX_RECORDED_BODY;
use countersign::{Done, Fingerprint, RecordedAnswer, SettleReply};

use super::StoreUnderTest;
use super::bench::{Bench, Case, Verdict};
use super::script::{ANN, BEN, Script, claimed, done, duplicate};

pub(super) fn cases<U: StoreUnderTest>() -> Vec<Case<U>> {
    vec![
        Case::scripted("answer/status", |script| {
            let all = [200, 201, 204, 299, 422, 599, 0, u16::MAX];
            each(script, all.into_iter().map(done))
        }),
        Case::scripted("answer/failed", |script| {
            let with = |failed| {
                let mut done = done(200);
                done.failed = failed;
                done
            };
            each(script, [true, false].into_iter().map(with))
        }),
        Case::scripted("answer/fingerprints", |script| {
            let numbers = [0, 1, 1 << 32, 1 << 63, u64::MAX, 0x0102_0304_0506_0708];
            let content = Fingerprint::from_u64(9);
            let signatures = numbers.map(|number| Some(Fingerprint::from_u64(number)));
            let signed = signatures.into_iter().chain([None]);
            let signed = signed.map(|signature| Done::new(200, signature, content));
            let contents = numbers.map(Fingerprint::from_u64).into_iter();
            let contents = contents.map(|content| Done::new(200, None, content));
            each(script, signed.chain(contents))
        }),
        answers_case("answer/body", || {
            let every_byte: Vec<u8> = (0..=u8::MAX).collect();
            let bodies = [
                Vec::new(),
                vec![0],
                b"\r\n\0'\"\\%$1;--".to_vec(),
                every_byte,
                vec![0xFF; MAX_RECORDED_BODY],
            ];
            bodies.into_iter().map(|body| (None, body)).collect()
        }),
        answers_case("answer/media type", || {
            let kinds = [
                String::new(),
                "text/plain".to_owned(),
                "application/json; charset=\"utf-8\"".to_owned(),
                "naïve/'ünïcode'".to_owned(),
                "x".repeat(256),
            ];
            let kinds = kinds.into_iter().map(Some).chain([None]);
            kinds.map(|kind| (kind, b"<Response/>".to_vec())).collect()
        }),
        answers_case("answer/with an empty body is not none", || {
            vec![(None, Vec::new()), (Some(String::new()), Vec::new())]
        }),
        Case::scripted("answer/none is not an empty one", |script| {
            each(script, [done(200)].into_iter())
        }),
    ]
}

/// A media type and a body.
type Parts = (Option<String>, Vec<u8>);

fn answers_case<U: StoreUnderTest>(name: &str, answers: fn() -> Vec<Parts>) -> Case<U> {
    Case::new(name, move |bench: &Bench<'_, U>| -> Verdict {
        let mut all = Vec::new();
        for (media_type, body) in answers() {
            let answer = RecordedAnswer::new(media_type, body);
            let answer = answer.ok_or("the case asks for an answer that is too long")?;
            let mut done = done(200);
            done.answer = Some(Arc::new(answer));
            all.push(done);
        }
        bench.run(each(bench.script(), all.into_iter()))
    })
}

/// Records each under a key of its own, and asks for all of them twice, when all are there.
fn each(script: Script, all: impl Iterator<Item = Done>) -> Script {
    let all: Vec<(u32, Done)> = (0..).zip(all).collect();
    let script = all.iter().fold(script, |script, (number, done)| {
        script
            .on(*number)
            .claim(ANN, claimed(1))
            .settle(ANN, done, SettleReply::Settled)
    });
    all.iter().fold(script, |script, (number, done)| {
        script
            .on(*number)
            .claim(BEN, duplicate(done, 1))
            .claim(ANN, duplicate(done, 1))
    })
}
