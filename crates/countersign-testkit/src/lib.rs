//! For tests of webhook receivers: genuine requests of any signature scheme, near misses that must be refused, a manual clock, and
//! the suite that every store must pass.
//!
//! A dev-dependency. It names no framework: requests are [`http::Request`]s, for tower and axum alike.
//!
//! ```
//! use countersign_testkit::{ManualClock, Sender, assert_refuses_near_misses, judge};
//! use countersign_testkit::countersign::{Receiver, Refusal, Secret, providers::STRIPE};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const SECRET: &str = "whsec_0123456789abcdef0123456789";
//! let receiver = Receiver::builder(STRIPE, Secret::new(SECRET)?).build()?;
//! let clock = ManualClock::at_secs(1_700_000_000);
//!
//! // One line: what the sender would send.
//! let sender = Sender::new(STRIPE, SECRET).at(clock.now());
//! let request = sender.send(br#"{"id":"evt_1"}"#);
//! let delivery = judge(&receiver, &request, clock.now())?.expect("a delivery");
//! assert_eq!(delivery.id().map(|id| id.as_str()), Some("evt_1"));
//!
//! // Six minutes later it is refused.
//! clock.advance(std::time::Duration::from_secs(360));
//! assert_eq!(judge(&receiver, &request, clock.now()).unwrap_err(), Refusal::TimestampTooOld);
//!
//! // Another line: a table of requests that lie one step beside a genuine one, each refused for exactly its reason.
//! assert_refuses_near_misses(&sender, br#"{"id":"evt_1"}"#, |request, now| judge(&receiver, &request, now));
//! # Ok(())
//! # }
//! ```
//!
//! # With a tower service
//! A service answers with a status. Give the receiver a [`ManualClock`] and set it to the moment that comes with each request.
//!
//! ```
//! use bytes::Bytes;
//! use countersign_testkit::{ManualClock, Sender, assert_refuses_near_misses_async};
//! use countersign_tower::{CountersignLayer, Receiver, Secret, VerifiedBody, providers::GITHUB};
//! use http::{Request, Response};
//! use http_body_util::{Empty, Full};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = ManualClock::at_secs(1_700_000_000);
//! let secret = "It's a Secret to Everybody";
//! let receiver = Receiver::builder(GITHUB, Secret::new(secret)?).clock(clock.clone()).build()?;
//! let handler = service_fn(async |_: Request<VerifiedBody>| Ok::<_, std::convert::Infallible>(Response::new(Empty::<Bytes>::new())));
//! let service = CountersignLayer::new(receiver).layer(handler);
//!
//! let sender = Sender::new(GITHUB, secret).at(clock.now());
//! assert_refuses_near_misses_async(&sender, b"{}", async |request, now| {
//!     clock.set(now);
//!     let response = service.clone().oneshot(request.map(Full::new)).await;
//!     response.map(|response| response.status()).unwrap_or_else(|never| match never {})
//! })
//! .await;
//! # Ok(())
//! # }
//! ```
//!
//! # With an axum router
//! [`Sender::send_as`] makes the request with the router's body.
//!
//! ```
//! use axum::{Router, body::Body, routing::post};
//! use countersign_axum::{CountersignLayer, Receiver, Secret, providers::SLACK};
//! use countersign_testkit::{ManualClock, Sender, assert_refuses_near_misses_async};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = ManualClock::at_secs(1_700_000_000);
//! let secret = "8f742231b10e8888abcd99yyyzzz85a5";
//! let receiver = Receiver::builder(SLACK, Secret::new(secret)?).clock(clock.clone()).build()?;
//! let router = Router::new().route("/slack", post(async || "done")).layer(CountersignLayer::new(receiver));
//!
//! let sender = Sender::new(SLACK, secret).at(clock.now()).url("https://example.com/slack");
//! let response = router.clone().oneshot(sender.send_as::<Body>(b"{}")).await?;
//! assert_eq!(response.status(), 200);
//! assert_refuses_near_misses_async(&sender, b"{}", async |request, now| {
//!     clock.set(now);
//!     let response = router.clone().oneshot(request.map(Body::from)).await;
//!     response.map(|response| response.status()).unwrap_or_else(|never| match never {})
//! })
//! .await;
//! # Ok(())
//! # }
//! ```
//!
//! # What it does not do
//! It proves nothing about a scheme: it signs with the same data that the receiver verifies with. Whether that data says what a sender
//! really does is for published vectors to show.
//!
//! # Where things are
//! | to | see |
//! |---|---|
//! | make a genuine request | [`Sender`] |
//! | make requests that must be refused | [`Sender::near_misses`], [`NearMiss`] |
//! | make other spellings that must be accepted | [`Sender::genuine_variants`], [`GenuineVariant`] |
//! | run them all | [`assert_refuses_near_misses`], [`assert_refuses_near_misses_async`] |
//! | judge one with a receiver, without a framework | [`judge`] |
//! | hold the time still | [`ManualClock`] |
//! | prove that a store keeps its contract | [`store_suite`] |
//! | prove that a store of quotas keeps its own | [`quota_suite`] |
//! | know what a store ought to answer | [`store_model`] |
//!
//! # Features
//! | feature | adds |
//! |---|---|
//! | `hostile` | module `hostile`: hostile peers over real sockets, for servers of your own |
//! | `log` | module `log`: the library's `tracing` events as lines of text |
//!
//! Minimum Rust: 1.88, as the core.
#![forbid(unsafe_code)]

mod assert;
mod clock;
#[cfg(feature = "hostile")]
pub mod hostile;
#[cfg(feature = "log")]
pub mod log;
mod near_miss;
pub mod quota_suite;
mod sender;
pub mod store_model;
pub mod store_suite;
mod variant;

pub use countersign;

pub use self::assert::{
    Verdict, assert_refuses_near_misses, assert_refuses_near_misses_async, judge,
};
pub use self::clock::ManualClock;
pub use self::near_miss::NearMiss;
pub use self::sender::Sender;
pub use self::variant::GenuineVariant;
