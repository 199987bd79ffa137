//! A receiver on a still clock, and attempts from addresses of choice.

use std::net::IpAddr;
use std::num::NonZero;

use bytes::Bytes;
use countersign::providers::STRIPE;
use countersign::{
    FailureLimit, Peer, Quota, Receiver, ReceiverBuilder, Refusal, Secret, Timestamp,
};
use countersign_testkit::{ManualClock, Sender};
use http::Request;

pub(crate) const SECRET: &str = "whsec_0123456789abcdef0123456789";
pub(crate) const NOW: i64 = 1_700_000_000;
pub(crate) const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;

/// Two failures, one of which comes back every half minute.
pub(crate) fn two() -> Quota {
    Quota::per_minute(NonZero::new(2).unwrap())
}

pub(crate) fn builder(clock: &ManualClock) -> ReceiverBuilder {
    Receiver::builder(STRIPE, Secret::new(SECRET).unwrap()).clock(clock.clone())
}

pub(crate) fn penalising(clock: &ManualClock) -> Receiver {
    let builder = builder(clock).limit_failures(FailureLimit::penalise(two()));
    builder.build().unwrap()
}

pub(crate) fn from<B>(mut request: Request<B>, peer: &str) -> Request<B> {
    let peer: IpAddr = peer.parse().unwrap();
    request.extensions_mut().insert(Peer(peer));
    request
}

/// A genuine attempt from this address.
pub(crate) fn genuine(clock: &ManualClock, peer: &str) -> Request<Bytes> {
    let sender = Sender::new(STRIPE, SECRET).at(clock.now());
    from(sender.send(BODY), peer)
}

/// The same, with another body than was signed.
pub(crate) fn forged(clock: &ManualClock, peer: &str) -> Request<Bytes> {
    genuine(clock, peer).map(|_| Bytes::from_static(b"{}"))
}

pub(crate) fn verdict(receiver: &Receiver, request: Request<Bytes>) -> Result<(), Refusal> {
    let now = receiver
        .clock()
        .map_or(Timestamp::from_secs(NOW), |clock| clock.now());
    let (head, body) = request.into_parts();
    receiver.verify(&head, body, now).map(|_| ())
}

/// As [`verdict`], by the way that adapters go.
pub(crate) fn streamed(receiver: &Receiver, request: Request<Bytes>) -> Result<(), Refusal> {
    let now = receiver
        .clock()
        .map_or(Timestamp::from_secs(NOW), |clock| clock.now());
    let (head, body) = request.into_parts();
    let mut intake = receiver.open(&head, now)?;
    intake.push(body)?;
    intake.finish().map(|_| ())
}

pub(crate) fn too_many(retry_after: u32, cause: &'static str) -> Refusal {
    Refusal::TooManyFailures {
        retry_after,
        cause: Some(cause),
    }
}
