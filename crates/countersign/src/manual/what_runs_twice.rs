//! What runs twice, and how to avoid it.
//!
//! A receiver with a store keeps [its promise](super::what_2xx_promises) under conditions. Here is every case in which an event's effect can
//! happen again, and what helps.
//!
//! | case | what happens | what helps |
//! |---|---|---|
//! | the process dies, or is killed, between effect and record | the lease lapses, the next attempt runs | one transaction for effect and key; idempotent writes |
//! | the run outlasts its lease: its thread is blocked, the machine is paused | another attempt runs beside it; the first one's record is refused, its answer is 503 | nothing that blocks on the handler's thread; [`Lease::extend`](crate::Lease::extend) before it; fencing |
//! | the store is away when the lease is to be extended, until it lapses | as above | [`Lease::is_lost`](crate::Lease::is_lost) before the effect; fencing |
//! | the store is away when the work is to be recorded | the sender gets the handler's 2xx, the record is tried again until the lease ends; if that fails too, a later copy runs | idempotent writes; watch [`Counts::settles_failed`](crate::Counts::settles_failed) |
//! | the handler answers no 2xx, or panics, after a part of its effect | given back, the next attempt does that part again | one transaction; idempotent writes |
//! | a run takes longer than [`run_timeout`](crate::ReceiverBuilder::run_timeout) | its handler is dropped at an await, the next attempt runs | work in steps; a longer `run_timeout` |
//! | [`StorePolicy::Run`](crate::StorePolicy::Run) while the store is away | everything runs, also what is done or going on | idempotent writes; the default, which refuses |
//! | a [`MemoryStore`](crate::MemoryStore) and a restart | it has forgotten everything: whatever the sender sends again runs | a store that survives; idempotent writes |
//! | replicas, each with a memory of its own | each runs what the others have done | one shared store |
//! | the retention is over | a redelivery by hand runs; so does a captured attempt of a sender that signs no timestamp | a longer [retention](super::capacity_and_retention) |
//! | [`Deduplicate::Off`](crate::danger::Deduplicate::Off), or a delivery that has no key | every copy runs, two at once | the handler's own books |
//! | the event comes under another key: its unsigned name or id was changed, the endpoint was renamed, Mandrill put it into another batch | it runs | see [`identity`](super::identity) |
//! | an operator calls [`forget`](crate::Receiver::forget) | the next attempt runs, as was meant; not while a run goes on | – |
//!
//! # How a lease is kept
//! A claim holds for 60 s. When a third of that has passed the receiver extends it, and again and again while the handler runs. It does so from
//! the handler's own task: whenever the handler waits. A handler that computes or blocks for most of a minute without an `.await` keeps its lease
//! from being extended. Move such work to threads that are made for it (`tokio::task::spawn_blocking`), or ask for the time beforehand with
//! [`Lease::extend`](crate::Lease::extend). Nothing helps a process that is paused; fencing limits what it can do when it wakes.
//!
//! A run that lost its lease is not stopped, for it may be past the point where it can stop. It is told:
//! [`is_lost`](crate::Lease::is_lost) and [`remaining`](crate::Lease::remaining) count from before the store was asked, so they are never too
//! optimistic. Ask before an effect that cannot be taken back. When the run ends it is answered 503 (`lease_lost`), and nothing is recorded.
//!
//! # Idempotent writes
//! The plainest cure: make the effect one that may happen twice. Write under [`Delivery::key`](crate::Delivery::key), or the sender's own id,
//! and not on top of what is there: an `INSERT` with the key in a unique column in the place of an addition, the key as the idempotency key
//! of the payment service that you call.
//!
//! Where the effect is in a database, put the key into a table with a unique column **in the same transaction** as the effect. A second run finds
//! it, changes nothing and answers 2xx. That closes the gap between effect and record, and needs nothing of the receiver's store. Keep those
//! rows for the retention at least.
//!
//! # Fencing
//! [`Lease::attempt`](crate::Lease::attempt) grows with every run of a delivery. A resource that keeps the largest number it has seen turns
//! away a run that has been overtaken, however late it wakes.
//!
//! ```
//! use std::collections::HashMap;
//! use countersign::{IdempotencyKey, Lease};
//!
//! /// Stands for a table: the delivery's key, the largest number that was seen, and what was booked.
//! #[derive(Default)]
//! struct Ledger(HashMap<IdempotencyKey, (u32, u64)>);
//!
//! #[derive(Debug, PartialEq)]
//! struct Overtaken;
//!
//! impl Ledger {
//!     /// Under the key and not on top of what is there, and only if no later run has been here.
//!     fn book(&mut self, lease: &Lease, cents: u64) -> Result<(), Overtaken> {
//!         let (seen, booked) = self.0.entry(lease.key()).or_default();
//!         if lease.attempt() < *seen {
//!             return Err(Overtaken);
//!         }
//!         (*seen, *booked) = (lease.attempt(), cents);
//!         Ok(())
//!     }
//! }
//!
//! # use std::{future::{Future, ready}, pin::pin, sync::Arc, task::{Context, Poll, Waker}, time::Duration};
//! # use countersign::{Clock, Handled, MemoryStore, OutcomeKind, Receiver, Secret, Sleep, Timestamp, providers::INTERCOM};
//! # use http::StatusCode;
//! # #[derive(Debug)]
//! # struct Stopped;
//! # impl Clock for Stopped {
//! #     fn now(&self) -> Timestamp { Timestamp::from_secs(0) }
//! #     fn monotonic(&self) -> Duration { Duration::ZERO }
//! #     fn sleep(&self, _: Duration) -> Sleep { Box::pin(std::future::pending()) }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let receiver = Receiver::builder(INTERCOM, Secret::new("0123456789abcdef")?)
//! #     .store(MemoryStore::single_process(1_000))
//! #     .build()?;
//! # let clock: Arc<dyn Clock> = Arc::new(Stopped);
//! # let run = |status: StatusCode| -> Result<(Lease, OutcomeKind), Box<dyn std::error::Error>> {
//! #     let request = http::Request::post("/")
//! #         .header("x-hub-signature", "sha1=133ff449c764cf24423cb14ae156f64aa4ff5d82")
//! #         .body(())?;
//! #     let body = r#"{"id":"notif_1","topic":"user.created"}"#;
//! #     let delivery = receiver.verify(&request, body.into(), Timestamp::from_secs(0))?.deliver(&request)?;
//! #     let mut held = None;
//! #     let ran = {
//! #         let run = pin!(receiver.run(receiver.reserve()?, delivery, &clock, |lease| {
//! #             held = lease;
//! #             ready(Handled::new(status, ()))
//! #         }));
//! #         let Poll::Ready(ran) = run.poll(&mut Context::from_waker(Waker::noop())) else { unreachable!("nothing waits") };
//! #         ran
//! #     };
//! #     Ok((held.expect("a lease"), ran.outcome.kind))
//! # };
//! // Two runs of one delivery: the first one fails and leaves its lease in a task that it forgot.
//! let (forgotten, outcome) = run(StatusCode::BAD_GATEWAY)?;
//! assert_eq!((forgotten.attempt(), outcome), (1, OutcomeKind::Released));
//! let (second, outcome) = run(StatusCode::OK)?;
//! assert_eq!((second.attempt(), outcome), (2, OutcomeKind::Done));
//!
//! let mut ledger = Ledger::default();
//! assert_eq!(ledger.book(&second, 900), Ok(()));
//! // The same run again, after a lost reply say: nothing more is booked.
//! assert_eq!(ledger.book(&second, 900), Ok(()));
//! // The task of the first run wakes, and is too late.
//! assert_eq!(ledger.book(&forgotten, 100), Err(Overtaken));
//! assert_eq!(ledger.0[&second.key()], (2, 900));
//! # Ok(())
//! # }
//! ```
//!
//! Compare and write in one step of the resource's own: `UPDATE … WHERE seen <= $attempt`.
//!
//! **The numbers live as long as the store remembers.** After a restart of a [`MemoryStore`](crate::MemoryStore), or when the retention is over,
//! they begin at 1 again, and a table that survived with a larger number turns honest runs away until they have caught up. With a store that
//! forgets, use idempotent writes, or keep the numbers where they are forgotten with it.
//!
//! # Runs without a lease
//! A delivery without a key, and every run under [`StorePolicy::Run`](crate::StorePolicy::Run) while the store is away, has no
//! [`Lease`](crate::Lease): the handler must not rely on one. In axum take `Option<Extension<Lease>>` where that can happen; a plain
//! `Extension<Lease>` would be answered 500.
