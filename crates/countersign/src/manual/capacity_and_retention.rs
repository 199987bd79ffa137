//! Choosing capacity and retention.
//!
//! # Retention: for how long to remember
//! A done delivery is remembered for the time in which the sender retries and a day more, for three days at least, and for twice the
//! tolerance at least. The day is for the sender's queues and clocks, the three days for redeliveries by hand after a weekend.
//!
//! ```
//! use std::time::Duration;
//! use countersign::{MemoryStore, Receiver, Secret, providers::{INTERCOM, STRIPE}};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const DAY: Duration = Duration::from_secs(24 * 60 * 60);
//! let store = || MemoryStore::single_process(1_000_000);
//! let stripe = || Receiver::builder(STRIPE, Secret::new("whsec_0123456789abcdef0123456789").expect("no placeholder")).store(store());
//! let intercom = Receiver::builder(INTERCOM, Secret::new("0123456789abcdef")?).store(store());
//!
//! // Stripe retries for three days, Intercom for hours.
//! assert_eq!(stripe().build()?.retention(), 4 * DAY);
//! assert_eq!(intercom.build()?.retention(), 3 * DAY);
//! assert_eq!(stripe().retention(30 * DAY).build()?.retention(), 30 * DAY);
//!
//! let refused = stripe().retention(DAY).build().unwrap_err();
//! assert_eq!(refused.to_string(), "retention: is shorter than the time for which the sender retries");
//! # Ok(())
//! # }
//! ```
//!
//! [`retention`](crate::ReceiverBuilder::retention) may be set to anything that is not shorter than the sender's retries nor than twice the
//! tolerance; the builder refuses the rest. Choose more when
//! - the sender signs no timestamp (GitHub, Shopify, WooCommerce, Twilio, Intercom, Mandrill, WebSub): a captured attempt verifies for ever, and
//!   runs again when it is no longer remembered;
//! - the schedule is the sender's own or not published (WebSub, CloudEvents, Papertrail, what follows Standard Webhooks), and you know that yours
//!   retries for longer;
//! - somebody sends events again by hand after weeks.
//!
//! The time counts from the record. What was given back is kept for as long, too, from then: it holds the number of its runs.
//!
//! # Capacity: how many records
//! One record for each key, whatever became of it and however often it came: **new deliveries per second × retention in seconds**. Ten a second
//! and three days are 2.6 million. Forged requests make none: nothing is written that was not verified. Duplicates and retries make none either.
//! Take twice what you expect, so that a burst after an outage has room.
//!
//! A record takes about 100 bytes, key and index included, so a million of them about 100 MB. That is a round figure:
//! `cargo run --release -p countersign-bench` in this repository measures it on your machine. Services that read the answer (Twilio, Slack; in
//! a scheme, [`answer`](crate::scheme::Scheme::answer) is `content`) have it recorded with its media type, at most 16 KiB for each delivery, for
//! the whole retention: there the answers decide, not the records. Longer answers are sent and not recorded; their duplicates get the status and
//! an empty body. Other headers are never recorded, cookies among them.
//!
//! # When it fills up
//! A [`MemoryStore`](crate::MemoryStore) forgets nothing before its time. It warns once when 80 % of the capacity is in use, with how long the
//! capacity lasts at the rate it sees, and again only after less than 70 % were. [`stats`](crate::MemoryStore::stats) tells the same at any
//! time: how many records there are, and in [`lasts`](crate::MemoryStats::lasts) how long it takes at the present rate until as many new keys
//! have come as there is room for. **A time shorter than the retention means that it will fill up.**
//!
//! A full store refuses new deliveries with 503 (`store_full`) until records expire, and goes on to know every old one: duplicates are answered,
//! and runs that go on are recorded. Nobody else's deliveries are forgotten because of a flood; but a sender with a valid secret who invents ids
//! can fill a store, and what shares it with him is refused, too. Give senders whom you do not trust a store of their own.
//!
//! # Lease and store timeout
//! | setting | default | what it is for |
//! |---|---|---|
//! | [`lease`](crate::ReceiverBuilder::lease) | 60 s | how long a crashed process keeps its deliveries; extended at a third while the handler runs |
//! | [`store_timeout`](crate::ReceiverBuilder::store_timeout) | 1 s | how long one call to the store may take |
//! | [`max_runs`](crate::ReceiverBuilder::max_runs) | 1,024 | how many runs go on at once; beyond it 503, nothing claimed |
//! | [`run_timeout`](crate::ReceiverBuilder::run_timeout) | 15 min | when a handler is dropped and its delivery given back |
//! | [`answer_within`](crate::ReceiverBuilder::answer_within) | what is known of the sender | when an unfinished run is answered 503 |
//!
//! The lease must be at least three times the timeout: an extension that begins at a third has to be able to fail and be repeated before the
//! end. A short lease frees a crashed process's deliveries sooner, and leaves a handler that blocks its thread, or a store that is slow, less
//! time before a second run begins. A claim or a record without a reply is asked for twice in all while the sender waits, so a store that is away
//! costs two timeouts: mind Slack's 3 s before raising it.
//!
//! `max_runs` bounds memory: each run holds its request and body. What comes after the answer, a record that is tried again say, keeps its place
//! until it is through. `run_timeout` is for handlers that hang. It ends them at an `.await`; set it to what the longest honest one needs.
//!
//! # Senders that never retry
//! While a store does not answer, [`on_store_failure`](crate::ReceiverBuilder::on_store_failure) decides:
//!
//! | [`StorePolicy`](crate::StorePolicy) | a sender that retries | a sender that never does (GitHub, WooCommerce) |
//! |---|---|---|
//! | `Refuse`, the default | loses nothing, nothing runs twice | **loses the event**, unless somebody has it delivered again by hand |
//! | `Run` | loses nothing; what was done, or is going on elsewhere, runs again | loses nothing; copies run |
//!
//! GitHub redelivers by hand or through its API, so `Refuse` with an alarm on [`Counts::unavailable`](crate::Counts::unavailable) may do. Where
//! nobody can have an event sent again, `Run` is the better choice for a handler that can bear a copy. `Run` decides nothing about a full store, which refuses either way, and a `MemoryStore` is never away. The same
//! senders lose an event to a 429 of a [`quota`](crate::ReceiverBuilder::quota), and to a 503 for want of a place to run: give them room.
//!
//! # What to watch
//! [`Receiver::counts`](crate::Receiver::counts) counts everything; these should stay at zero:
//! [`full`](crate::Counts::full), [`unavailable`](crate::Counts::unavailable), [`settles_failed`](crate::Counts::settles_failed),
//! [`lost`](crate::Counts::lost), [`overlong`](crate::Counts::overlong) and [`panicked`](crate::Counts::panicked).
