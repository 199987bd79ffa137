//! What is bounded, which limits there are beside that, and how to choose them behind proxies.
//!
//! # What is bounded without being asked
//! A stranger costs at most this, whatever he sends:
//!
//! | what | bound | setting | beyond it |
//! |---|---|---|---|
//! | one body | the longest that the service sends, 1 MiB where none is known | [`max_body`](crate::ReceiverBuilder::max_body) | 413, at once where the length is declared |
//! | its time | 10 s between two pieces, 30 s in all | [`body_timeouts`](crate::ReceiverBuilder::body_timeouts) | 408 |
//! | candidates in one request | 16 | – | 400, before a byte is hashed |
//! | hashes of one body | one for each secret, 4 at most | [`max_secrets`](crate::ReceiverBuilder::max_secrets) | the receiver is not built |
//! | bodies at once that are waited for, or longer than 64 KiB | 256, and 1,024 in a queue | [`bodies`](crate::ReceiverBuilder::bodies) | 503 |
//! | look-ups of tenants' secrets | 1,024, of 2 s each | [`Tenants`](crate::Tenants) | 503 |
//! | bytes that these hold | 256 MiB, and 64 KiB each | [`bodies`](crate::ReceiverBuilder::bodies) | they are read when others are done |
//!
//! How many connections there are, how long a head may be and how long it may take is the server's business, and the receiver never sees it:
//! with hyper set `header_read_timeout` and bound the connections; `axum::serve` has neither, so it wants a proxy in front, or hyper's own
//! builder.
//!
//! # Bodies
//! A body takes one of the places as soon as the receiver has to wait for it. Deliveries are small and mostly come whole with their head: those
//! need no place, so **connections that stall do not shut them out**. A slow one, or one longer than 64 KiB, waits in the queue while there is no place,
//! for as long as a body may take in all; what is refused then is 503, and charged to nobody. Over HTTP/2 nothing waits: a stream that is not read
//! holds up the others of its connection, which behind a balancer are everybody's, so it is refused with 503 at once. A [`Bodies`](crate::Bodies) that several receivers are given bounds what they read together;
//! [`per_source`](crate::Bodies::per_source) keeps one source from having all of the places, the queue and the bytes, where sources are told apart.
//!
//! # Failures
//! [`limit_failures`](crate::ReceiverBuilder::limit_failures) counts refused attempts for each source. What is refused before it was verified, and
//! is the sender's fault, spends one; what is genuine costs nothing. When a source has none left there are two ways to go on:
//!
//! | [`FailureLimit`](crate::FailureLimit) | a forgery | a genuine delivery from the same source | for |
//! |---|---|---|---|
//! | [`penalise`](crate::FailureLimit::penalise) | 429 in the place of 401 or 400, after it was verified | passes, unless its [tenant](super::tenants#what-a-stranger-learns) has to be looked up | signatures: a forgery costs a hash, and nobody guesses one |
//! | [`refuse_early`](crate::FailureLimit::refuse_early) | 429 before anything is looked at | **429, too** | tokens, which can be guessed; sources of which you know that they are one sender each |
//!
//! Both answer with `Retry-After`. The log says what an attempt that was looked at would have been refused for (`cause`), and an
//! [observer](super::observability#an-observer) gets to know the source.
//!
//! # Sources, and what stands in front
//! The source is the address at the other end of the connection. The core sees no socket, so the host has to tell it: put a
//! [`Peer`](crate::Peer) into the request's extensions (in axum, `WithPeer` around the layer does it). Without one no failure is limited, and the log
//! says so once. Of IPv6 the first 64 bits count, which is what one customer gets.
//!
//! Behind a load balancer everything comes from one address. [`penalise`](crate::FailureLimit::penalise) is made for that: forgeries through it
//! are answered 429, genuine deliveries pass, and the log says once which address looks like a proxy. To have sources told apart, name what
//! stands in front:
//!
//! ```
//! use countersign::{Bodies, FailureLimit, Peer, Quota, Receiver, Refusal, Secret, Sources, Timestamp, providers::GITHUB};
//! use std::net::IpAddr;
//! use std::num::NonZero;
//!
//! let limit = FailureLimit::penalise(Quota::per_minute(NonZero::new(2).unwrap()));
//! let receiver = Receiver::builder(GITHUB, Secret::new("0123456789abcdef")?)
//!     .sources(Sources::behind(&["10.0.0.0/8"])?)
//!     .limit_failures(limit)
//!     .bodies(Bodies::default().per_source(NonZero::new(32).unwrap()))
//!     .build()?;
//!
//! let forged = |came_through: &str| {
//!     let request = http::Request::post("/github")
//!         .header("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
//!         .header("x-forwarded-for", came_through)
//!         .extension(Peer("10.0.0.1".parse::<IpAddr>().unwrap()));
//!     let request = request.body(()).unwrap();
//!     receiver.verify(&request, "{}".into(), Timestamp::from_secs(0)).unwrap_err()
//! };
//! assert_eq!(forged("203.0.113.9"), Refusal::SignatureMismatch);
//! // What he writes himself stands to the left of what the proxy wrote.
//! assert_eq!(forged("198.51.100.1, 203.0.113.9"), Refusal::SignatureMismatch);
//! let over = forged("203.0.113.9");
//! assert_eq!(over.code(), "too_many_failures");
//! assert_eq!(countersign::outcome::answer(&over).status, 429);
//! // Somebody else has failed nothing yet.
//! assert_eq!(forged("203.0.113.10"), Refusal::SignatureMismatch);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `X-Forwarded-For` is read from the right: the last entry was written by the proxy that the connection comes from, the one before it by the
//! proxy in front of that, and so on as long as each is named. The first that is not named is the source, and what stands to the left of it
//! is never looked at. A peer that is not named is itself the source, whatever headers it sends. **Name every proxy on the way**: one that is missing
//! becomes the source of everything that comes through it. Proxies that write `Forwarded` are named by
//! [`Sources::behind_forwarded`](crate::Sources::behind_forwarded), which reads that header and no other.
//!
//! # What a limit remembers
//! A bucket for each of 65,536 sources that have failed; only those that have all of their failures back are forgotten to make room. While there
//! is none, sources that are not known share one bucket: with `penalise` that only makes more forgeries 429, with `refuse_early` it can turn away
//! a sender for what strangers did, for as long as so many of them go on. Restarts forget, and replicas count for themselves: this state is for
//! keeping strangers off, and no store is asked for them.
//!
//! # Quotas for senders
//! [`quota`](crate::ReceiverBuilder::quota) is another thing: how many *genuine* deliveries a tenant may have run. It is spent after the claim, and
//! what is over it is given back and answered 429, so that its retry runs. Forgeries, duplicates and copies of what is running spend nothing; a
//! handler that fails has spent its unit. It is off unless it is set: **senders that never retry what was answered lose an event to it** (GitHub,
//! WooCommerce, Twilio unless its connection overrides say so, Slack's commands and interactions). Senders that switch an endpoint off after
//! failures count each 429: WooCommerce disables a webhook after five in a row, Shopify deletes a subscription after eight, Slack looks at the
//! share of 200s in an hour. With those a quota is for short peaks, and not for a tenant that is over it all day.
//!
//! - **Whose quota**: a tenant's, where the signature covers who he is ([`Field::is_signed`](crate::Field::is_signed)), or where he has
//!   [secrets of his own](super::tenants) and these say so. A tenant in a header that
//!   nothing signs (Shopify) could be anybody's word, so all such deliveries of a receiver share one quota. Endpoints and namespaces in one store are
//!   apart; replicas with the same names share.
//! - **How much**: a [`Quota`](crate::Quota) is a rate and a burst, which is what a sender may send at once after a rest. After an outage senders
//!   send everything at once that they have kept: a burst of some minutes' deliveries lets that pass.
//! - **Where it is counted**: [`MemoryQuotas`](crate::MemoryQuotas) counts for one process. For several machines write a
//!   [`QuotaStore`](crate::QuotaStore); `countersign-testkit` has the suite that proves it.
//! - **While that store is away** deliveries run and are not counted, unless
//!   [`on_quota_failure`](crate::ReceiverBuilder::on_quota_failure) says otherwise: a quota proves nothing. Watch
//!   [`Counts::quota_unavailable`](crate::Counts::quota_unavailable) and [`over_quota`](crate::Counts::over_quota).
