//! What operators see: one event, one count and one call of the observer for each attempt.
//!
//! An attempt is one request that a receiver was asked about. **Whatever becomes of it, it is told once**: refused by its head, abandoned by its
//! sender while its body was read, answered by the receiver itself, handed on, done. The core tells it, so it is the same behind every adapter
//! and without one. Two things come later than one may expect:
//!
//! - With a store an attempt is told **when its run is over**. A run goes on when its sender hangs up, and its end is the attempt's.
//!   One whose run is dropped is told when the last clone of its delivery is gone: with it, unless a handler has kept one.
//! - An attempt whose sender could not wait is told at once, as `unfinished`. What its run comes to is then told **apart**, as an event with
//!   the target `countersign::run`, under `countersign_runs_total`, and to [`Observer::late_run`](crate::Observer::late_run): it is no second
//!   attempt.
//!
//! Who calls the core without an adapter is told when he lets go: of a [`Verified`](crate::Verified) that became no delivery, say.
//!
//! # Outcomes
//! | `outcome` | `code` | level | means |
//! |---|---|---|---|
//! | `accepted` | `accepted` | DEBUG | genuine and fresh, and handed on; there is no store |
//! | `answered` | `handshake`, `unsigned` | DEBUG | no delivery: the receiver answered it by itself |
//! | `refused` | [one per cause](crate::Refusal::CODES) | INFO where the sender is at fault and for copies of what is running, else WARN | turned away, before it was verified or after |
//! | `abandoned` | `abandoned` | INFO | its future was dropped before there was a verdict: the sender hung up, or a timeout of the server's struck |
//! | `abandoned` | `dropped` | WARN | a genuine delivery whose run was dropped before its end, or that nobody ran: its lease has to lapse |
//! | `done` | `done` | DEBUG | its run was recorded |
//! | `unrecorded` | `unrecorded` | DEBUG | it ran without the store, by choice |
//! | `failed_for_good` | `failed_for_good` | WARN | its handler said that no retry will help |
//! | `released` | `released` | WARN | its handler did not answer 2xx; the next attempt runs |
//! | `duplicate` | `duplicate`, `duplicate_replay`, `duplicate_changed` | INFO | it was done before |
//!
//! Words and codes never change; there may be new ones. `replayed` and `body_changed` are WARN though the sender sent them: a receiver that
//! refuses those wants to know.
//!
//! # The event
//! Target `countersign::attempt`, message `webhook attempt`; of a run that was told apart `countersign::run` and `late webhook run`. It is in the
//! `tracing` span of its request. A field is there when it is known. **Their names and units are part of the public interface**: they change no
//! sooner than a public type does. There may be new ones.
//!
//! | field | holds | unit, shape |
//! |---|---|---|
//! | `scheme` | the scheme's name | text |
//! | `outcome`, `code` | as above | words |
//! | `status` | what was answered, where the receiver knows it; a sender that has left may not have got it | HTTP status |
//! | `fault` | whose fault a refusal is | `sender`, `configuration`, `store`, `application` |
//! | `cause` | behind `too_many_failures`: what it would have been refused for | a code |
//! | `hint` | what in the receiver's own set-up is at fault: [the public URL](super::public_url#when-a-signature-does-not-fit), as yet | words of our own |
//! | `reason` | the refusal in words; never a value of the request | text |
//! | `secret_label` | the label of the secret that verified it | text |
//! | `key` | which work it is, for the store | 64 hex digits |
//! | `attempt` | the number of its run; of a duplicate, that of the run that did it | from 1 |
//! | `event`, `id`, `tenant` | what the delivery says of itself, **where the signature covers it**; of [many tenants](super::tenants) `tenant` is the one whose secret matched | text, 1,024 bytes at most |
//! | `body_bytes` | how much body has come in | bytes |
//! | `verdict_us` | from the head to the verdict, a body on its way included, a handler not | microseconds |
//! | `skew_s` | signed timestamp minus our clock, of what was verified | seconds |
//!
//! What nobody proved is in none of them: no id of a forgery, no header, no URL, and nowhere a secret, a signature, an expected MAC or a
//! body. An id in a header that the signature does not cover (GitHub, Shopify) is not told either, for whoever holds one genuine body can send it
//! under any other; an observer finds it, marked, in [`Attempt::delivery`](crate::Attempt::delivery). Addresses are in no event: the server's own
//! log has them, and the observer does.
//!
//! # Metrics
//! With the feature `metrics` the receiver counts through the [`metrics`](https://docs.rs/metrics) facade, into whatever recorder the program has
//! installed. `describe_metrics` tells that recorder the units; call it once.
//!
//! | metric | labels | counts |
//! |---|---|---|
//! | `countersign_attempts_total` | `scheme`, `outcome`, `code` | every attempt, once |
//! | `countersign_runs_total` | `scheme`, `outcome`, `code` | runs that were told apart from their attempt |
//! | `countersign_secret_uses_total` | `scheme`, `secret` | what each secret has verified, by its label: while rotating, the old one is done with when it stands still. `tenants` for all secrets of a receiver of [many tenants](super::tenants) |
//! | `countersign_body_bytes` | `scheme` | histogram: bytes per verified delivery |
//! | `countersign_verdict_seconds` | `scheme` | histogram: seconds from head to verdict per attempt |
//! | `countersign_clock_skew_seconds` | `scheme` | histogram: seconds that the signed timestamp of a verified delivery was ahead of our clock. It is behind by the way the request took, and by a day where retries keep the first stamp |
//!
//! Labels are names of schemes, our own words and labels of configured secrets: **no request can make a new one**. What to alert on: `refused` with
//! a `code` whose fault is not the sender's, `abandoned` with `dropped`, any `signature_mismatch` right after a secret was exchanged, and a skew that
//! walks away from zero. A store's own trouble is counted in [`Receiver::counts`](crate::Receiver::counts).
//!
//! # An observer
//! [`ReceiverBuilder::observer`](crate::ReceiverBuilder::observer) takes a closure, or an [`Observer`](crate::Observer): for a ban, an audit log, a count of
//! one's own. It is called on the request's way. What may be slow gets its attempts from an [`AttemptQueue`](crate::AttemptQueue), which never waits: it
//! counts what found it full. Without an observer, a subscriber and the feature, nothing is measured and telling costs a few branches.
//!
//! ```
//! use countersign::{Attempt, Fault, Peer, Receiver, Secret, Timestamp, providers::GITHUB};
//! use std::collections::HashMap;
//! use std::net::IpAddr;
//! use std::sync::{Arc, Mutex};
//!
//! // Who sends forgeries, for a firewall: what was verified came from the sender, whatever was wrong with it.
//! let forgers = Arc::new(Mutex::new(HashMap::<IpAddr, u32>::new()));
//! let seen = Arc::clone(&forgers);
//! let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?)
//!     .observer(move |attempt: &Attempt<'_>| {
//!         let is_forged = !attempt.is_verified && attempt.refusal.is_some_and(|refusal| refusal.fault() == Fault::Sender);
//!         if let (true, Some(peer)) = (is_forged, attempt.peer) {
//!             *seen.lock().unwrap().entry(peer).or_default() += 1;
//!         }
//!     })
//!     .build()?;
//!
//! let signed = http::Request::post("/")
//!     .header("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
//!     .extension(Peer([192, 0, 2, 1].into()))
//!     .body(())?;
//! let now = Timestamp::from_secs(0);
//! assert!(receiver.verify(&signed, "Hello, World!".into(), now).is_ok());
//! assert!(forgers.lock().unwrap().is_empty());
//! let refused = receiver.verify(&signed, "Hello, World?".into(), now).unwrap_err();
//! assert_eq!(refused.code(), "signature_mismatch");
//! assert_eq!(forgers.lock().unwrap()[&IpAddr::from([192, 0, 2, 1])], 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
