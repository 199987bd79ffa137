//! Receiver-side verification of webhooks: the core.
//!
//! It decides about one request: is it genuine, is it fresh, which delivery is it, was it done before? What passes becomes a [`Verified`], the
//! only evidence that later steps take; what does not becomes a [`Refusal`] with one stable code per cause.
//!
//! ```
//! use countersign::{providers::STRIPE, Receiver, Refusal, Secret, Timestamp};
//!
//! // Once, at start-up. Wrong settings fail here and name the field.
//! let receiver = Receiver::builder(STRIPE, Secret::new("whsec_0123456789abcdef0123456789")?).build()?;
//!
//! // A genuine delivery, signed with that secret ...
//! let request = http::Request::post("/stripe")
//!     .header("stripe-signature", "t=1700000000,v1=40e55c2463557d978f5d8fede018753b7f2d1fcc97736c952f91724e74eac398")
//!     .body(())?;
//! let body = r#"{"id":"evt_1","type":"invoice.paid"}"#;
//! let now = Timestamp::from_secs(1_700_000_100);
//! let delivery = receiver.verify(&request, body.into(), now)?.deliver(&request)?;
//! assert_eq!(delivery.id().map(|id| (id.as_str(), id.is_signed())), Some(("evt_1", true)));
//! assert_eq!(delivery.event().map(|event| event.as_str()), Some("invoice.paid"));
//!
//! // ... altered by one byte, and the genuine one six minutes late.
//! let altered = receiver.verify(&request, body.replace("evt_1", "evt_2").into(), now);
//! assert_eq!(altered.unwrap_err(), Refusal::SignatureMismatch);
//! let late = receiver.verify(&request, body.into(), Timestamp::from_secs(1_700_000_360));
//! assert_eq!(late.unwrap_err(), Refusal::TimestampTooOld);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Once
//! With a store ([`ReceiverBuilder::store`]) a receiver remembers deliveries: one that was done is answered and does not run again, one that failed
//! runs when the sender tries again, and a copy that comes while a run goes on is answered 503. Adapters run each delivery through
//! [`Receiver::run`], which claims it, calls the handler with its [`Lease`] and records what it came to. **This is not "exactly once"**: a process
//! that dies between a handler's effect and its record has the delivery run again. The [`manual`] says what is promised, what it costs, and how
//! to choose.
//!
//! # What it does not do
//! - It has no runtime, socket, framework or database. `countersign-tower` is the layer for any tower stack, `countersign-axum` adds
//!   extractors; both re-export this crate.
//! - Without a store it remembers nothing: a captured request passes again until its timestamp is stale, and for ever where the sender signs no
//!   timestamp (GitHub, Shopify).
//! - [`MemoryStore`], the store that is built in, is for one process: a restart forgets, replicas do not share it. What survives or is shared is
//!   a [`DeliveryStore`] of your own.
//! - It verifies no public-key signatures.
//!
//! # The steps, and where they live
//! | step | takes, gives | module or type |
//! |---|---|---|
//! | door | method, media type, content encoding, declared length, failures of the source | [`Receiver::open`], [`FailureLimit`] |
//! | signature | header text to at most 16 candidates | [`scheme::Layout`], [`scheme::Encoding`] |
//! | freshness | raw timestamp to [`Timestamp`], within a [`Tolerance`] | [`Unit`] |
//! | secret | the ring of secrets that are active now, or that of the tenant whom the request names | [`SecretRing`], [`Tenants`] |
//! | body | chunks, counted and hashed as they come | [`Intake`]; [`Reading`] for deadlines, [`Bodies`] for how many |
//! | check | signed content under every secret, against every candidate | [`Verified`] |
//! | own answers | handshakes and unsigned probes, which are no deliveries | [`Finished`], [`Reply`] |
//! | delivery | id, event, tenant, each marked signed or unsigned | [`Delivery`] |
//! | payload | JSON, form or XML to a type of your own | [`Delivery::read`] |
//! | claim | an [`IdempotencyKey`] to a [`Lease`], or what was recorded | [`DeliveryStore`], [`MemoryStore`] |
//! | quota | a [`Quota`] and a signed tenant to go, or wait | [`ReceiverBuilder::quota`], [`QuotaStore`], [`MemoryQuotas`] |
//! | handler | the delivery and its lease to what it came to | [`Handled`] |
//! | settle | recorded as done, or given back | [`Receiver::run`], [`Outcome`] |
//! | outcome | refusal to status | [`outcome`] |
//!
//! The [`manual`] explains. Built-in schemes are in [`providers`], the model for one's own in [`scheme`], defaults with their reasons in [`defaults`], and what
//! weakens a check in [`danger`].
//!
//! # Features
//! | feature | adds |
//! |---|---|
//! | `metrics` | counters and histograms of attempts through the `metrics` facade: `describe_metrics`, [`manual::observability`] |
//! | `sign` | `Scheme::sign` and `Scheme::request`: the headers, or the whole request, that a genuine sender would send, for tests and tools |
//! | `toml` | `Scheme::from_toml`: a scheme of one's own from a TOML file |
//! | `xml` | `Delivery::xml`: payloads in XML, through `quick-xml` |
//!
//! Minimum Rust: 1.88 (`sha2` 0.11 and `time` 0.3 ask for it).
#![forbid(unsafe_code)]

mod attempt;
mod bodies;
mod check;
mod clock;
mod counts;
pub mod danger;
pub mod defaults;
mod delivery;
mod failures;
mod form;
mod forwarded;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod idempotency;
mod identity;
mod intake;
mod json;
mod judge;
mod lease;
mod mac;
pub mod manual;
#[cfg(feature = "metrics")]
mod meters;
mod networks;
mod observer;
mod once;
pub mod outcome;
mod payload;
pub mod providers;
mod public_url;
mod quota;
mod reading;
mod receiver;
mod refusal;
mod reply;
mod request;
mod run;
mod runs;
pub mod scheme;
mod secret;
#[cfg(feature = "sign")]
mod sign;
mod signed_content;
mod source;
mod store;
mod sync;
mod tenants;
mod timestamp;
mod url_hint;
mod verify;
mod waiting;
mod watch;

pub use self::attempt::{Attempt, AttemptOutcome};
pub use self::bodies::{Bodies, BodyUsage};
pub use self::clock::{Clock, Sleep, system_now};
pub use self::counts::Counts;
pub use self::delivery::{Delivery, Field, PayloadText};
pub use self::failures::FailureLimit;
pub use self::handshake::Question;
pub use self::idempotency::{
    Claim, ClaimReply, Done, Extend, ExtendReply, Fingerprint, ForgetReply, IdempotencyKey,
    LeaseToken, NoKey, RecordedAnswer, Release, ReleaseReply, Settle, SettleReply,
};
pub use self::intake::{Asked, Finished, Intake};
pub use self::lease::{ExtendError, Lease, LeaseLost};
#[cfg(feature = "metrics")]
pub use self::meters::describe_metrics;
pub use self::observer::{AttemptQueue, AttemptRecord, NoAttempt, Observer, QueuedAttempts};
pub use self::once::{Once, StorePolicy, WithStore};
pub use self::outcome::{FailedForGood, Outcome, OutcomeKind};
pub use self::payload::{PayloadError, PayloadErrorKind};
pub use self::public_url::{ProxyError, TrustedProxies};
pub use self::quota::{Bucket, OverQuota, Quota, QuotaError};
pub use self::reading::{Broken, Chunks, Reading, Received};
pub use self::receiver::{NoStore, Receiver, ReceiverBuilder, SecretUse, SettingError, Stage};
pub use self::refusal::{Fault, Refusal};
pub use self::reply::{Reply, ReplyKind};
pub use self::request::{Head, Peer, Tenant};
pub use self::run::{Answered, Handled, Ran, Rest, StillRunning};
pub use self::runs::Slot;
pub use self::scheme::Scheme;
pub use self::secret::{RingError, Secret, SecretError, SecretRing};
#[cfg(feature = "sign")]
pub use self::sign::{Message, SignError};
pub use self::source::Sources;
pub use self::store::{
    DeliveryStore, DynStore, MemoryQuotas, MemoryStats, MemoryStore, QuotaKey, QuotaStore, Spend,
    SpendReply, Unavailable,
};
pub use self::tenants::{SecretSource, SourceUnavailable, TenantPlace, Tenants};
pub use self::timestamp::{Timestamp, Tolerance, Unit};
pub use self::verify::Verified;
