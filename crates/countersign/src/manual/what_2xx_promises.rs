//! What a 2xx promises.
//!
//! # The promise
//! While the store is healthy and no run outlasts its lease, a receiver with a store keeps this for every delivery that has a key:
//!
//! - **One at a time.** At most one run goes on for a key. A copy that arrives meanwhile is answered 503.
//! - **None after done.** When a run was recorded as done, no other begins until the retention is over.
//! - **No early thanks.** A 2xx is answered only when the handler has answered 2xx, or when the recorded answer of such a run is given again.
//!   (A delivery that the handler gave up [for good](#failed-for-good) is the one exception, by the handler's own word.)
//! - **Nothing swallowed.** A run that ends in anything but 2xx gives the delivery back, and the sender's next attempt runs.
//!
//! This is not "exactly once". **A process that dies after the effect and before its record has left an effect that nobody knows of, and the
//! delivery runs again**, unless effect and record are one transaction of your own database. [`what_runs_twice`](super::what_runs_twice)
//! lists every case in which a delivery runs again, and what to do about each.
//!
//! What the handler calls done is its own affair: answer 2xx when the work is done, or lies in a queue that survives a crash. What a handler
//! only started in a background task and acknowledged is done as far as the record goes. The record is made when the head of the handler's
//! response is there; a body that breaks off later undoes nothing. (For services that read the answer, Twilio and Slack, the body is read up to
//! 16 KiB first, and one that breaks off before that is answered 500 and gives the delivery back.)
//!
//! # What each outcome answers
//! [`Outcome::code`](crate::Outcome::code) is in the log, and the [`Outcome`](crate::Outcome) is in the extensions of the response with the key
//! and the number of the run.
//!
//! | code | the sender gets | `Retry-After` | the handler | the next attempt |
//! |---|---|---|---|---|
//! | `done` | the handler's 2xx | the handler's | ran | is a duplicate |
//! | `failed_for_good` | the handler's answer, whatever its status | the handler's | ran | is a duplicate, answered 200 |
//! | `released` | the handler's answer, no 2xx | the handler's | ran | runs |
//! | `unrecorded` | the handler's answer | the handler's | ran, without a lease | runs; or, where a claim got through although no reply came, what that comes to |
//! | `duplicate`, `duplicate_replay`, `duplicate_changed` | the recorded status; the body too where the service reads it and it was [recorded](#answers-that-are-read) | – | did not run | is a duplicate |
//! | `replayed`, `body_changed` | 400, where refusing them was chosen | – | did not run | is refused or a duplicate |
//! | `in_flight` | 503 | what is left of the other run's lease | did not run; another run is at it | what the other run comes to |
//! | `over_quota` | 429 | what the quota says, at least 1 s | did not run | runs |
//! | `too_many_runs` | 503 | 5 s | did not run, nothing was claimed | runs |
//! | `shutting_down` | 503 | 5 s | did not run, nothing was claimed | runs |
//! | `store_full` | 503 | 5 s | did not run | runs when there is room |
//! | `store_unavailable` | 503 | 5 s | did not run | runs; up to a lease later if the claim got through after all. Also of a store of quotas, [where that was chosen](crate::ReceiverBuilder::on_quota_failure) |
//! | `unfinished` | 503 | 10 s | is running, and goes on | what the run comes to |
//! | `lease_lost` | 503 | 5 s | ran, and its work could not be recorded | runs, or is a duplicate of the run that overtook this one |
//! | `handler_panicked` | 500 | – | ran up to its panic | runs |
//! | `run_too_long` | 503 | 5 s | was dropped half-way | runs |
//!
//! - For every refusal there is the [`Refusal`](crate::Refusal) in the response's extensions as well. An attempt that is `unfinished` has its event,
//!   and its run another one when it ends.
//! - A place for the run is taken before the store is asked. So while there is none, and while the receiver shuts down, duplicates are
//!   answered 503, too.
//! - A `lease_lost` can come without a run: the reply to a claim, or to the one that repeated it, came when its lease was over.
//! - An error of the handler's service that is no response passes through, and gives the delivery back.
//! - Duplicates tell more about themselves. `duplicate_replay` carries the very signature of the attempt that was done: with a sender that
//!   signs no timestamp so does every honest retry, with one that signs each attempt afresh nobody but who captured it sends it again.
//!   `duplicate_changed` has the same id and another content. Both are answered like any duplicate, unless
//!   [`refuse_replays`](crate::ReceiverBuilder::refuse_replays) or
//!   [`refuse_changed_bodies`](crate::ReceiverBuilder::refuse_changed_bodies) was chosen; the builder refuses those two where the sender's own
//!   retries would be hit.
//!
//! # Why these statuses, and never 409, 410 or 425
//! Whatever passes by itself, once a delivery is verified, is 503 with `Retry-After` (429 for what is over quota), because every sender that retries at all retries on 503. There are more telling statuses,
//! and senders take them for the end of the matter: a 410 ends the deliveries of CloudEvents, Mailchimp, WebSub and what follows Standard
//! Webhooks, and there are senders that drop an event on 409. So none of 409, 410 and 425 is ever answered by the receiver. A *handler* that
//! answers one of them has it sent as it is.
//!
//! A sender may have its own idea of success ([`Success::Only`](crate::scheme::Success::Only)): one that takes 200 alone as done goes on retrying
//! after a 204. The handler's answer is sent as it is, and is recorded as done; the retry is a duplicate, and is answered with a status that this
//! sender takes as done.
//!
//! # Failed for good
//! Any status but 2xx asks the sender to come again, and for days it does. Where that is pointless, because the event is about an account that
//! was closed say, the handler says so: [`FailedForGood`](crate::FailedForGood) in the extensions of its response, `ForGood` around it in axum,
//! [`Handled::failed_for_good`](crate::Handled::failed_for_good) without a framework. Then
//! - this attempt is answered with the handler's response, whatever its status;
//! - the delivery is recorded as failed, and it never runs again within the retention;
//! - its duplicates are answered 200, so that the sender stops;
//! - it is counted apart ([`Counts::failed`](crate::Counts::failed)) and logged as a warning.
//!
//! A 404 or a 422 alone is not that: a handler that does not know a new kind of event yet gives it back, and three days of retries are not thrown
//! away. Should an operator find that the handler was wrong, [`forget`](crate::Receiver::forget) with the key from the log lets the next
//! attempt, or a redelivery by hand, run.
//!
//! # Answers that are read
//! Twilio and Slack read what they are answered ([`AnswerKind::Content`](crate::scheme::AnswerKind::Content)), so for them the body and the
//! media type of a 2xx are recorded, no cookies and no other headers. Not recorded, with a warning in the log, is a body over 16 KiB or one that
//! has a `Content-Encoding`, nor one with a media type of over 256 bytes: duplicates get the status alone. Compression belongs outside of the layer.
//!
//! # The sender's deadline
//! Where it is known how long a service waits (Slack 3 s, Intercom and Shopify 5 s, GitHub and Mailchimp 10 s, Twilio 15 s, WooCommerce 60 s), or
//! [`answer_within`](crate::ReceiverBuilder::answer_within) says so, a run that is not finished is answered 503 a tenth of that time before, and
//! no more than a second before. **The run goes on**, and the retry meets what it came to. At a sender that never retries nothing is lost by
//! that either, it only counts a failure: WooCommerce disables a webhook after more than five in a row, so a handler that is slow as a rule
//! should put its work into a queue.
//!
//! # When the client hangs up
//! The run is a task of its own. It begins when the delivery is verified, before anything is claimed, and holds claim, quota, handler and
//! record; nothing that happens to the connection ends it. A request that is dropped before that has left nothing behind.
//!
//! # At shutdown
//! [`Receiver::drain`](crate::Receiver::drain) lets no run begin any more (503, `shutting_down`) and waits for those that go on, records on
//! their way to the store included, until their answers are handed over. Keep a clone of the receiver for it; clones are one. When the deadline passes first it says how many are
//! still at it. If the process then ends, their leases lapse, within a minute unless [`lease`](crate::ReceiverBuilder::lease) was set, and the
//! senders' retries run.
//!
//! Draining begins when the server is told to stop, and not when it has stopped: a server that waits for its connections waits for clients, and one
//! that holds a connection open would keep `drain` from ever being called. So let the server go on beside it, and give it a few seconds
//! more, as the example `run-once` does: a drained receiver has recorded, and the last answers have to be written yet.
//!
//! ```
//! use countersign::{MemoryStore, Receiver, Refusal, Secret, providers::STRIPE};
//! # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}, time::Duration};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(STRIPE, Secret::new("whsec_0123456789abcdef0123456789")?)
//!     .store(MemoryStore::single_process(1_000_000))
//!     .build()?;
//! let behind_the_layer = receiver.clone();
//! # let stopping = pin!(async {
//! receiver.drain(Duration::from_secs(30)).await?;
//! assert_eq!(behind_the_layer.reserve().unwrap_err(), Refusal::ShuttingDown);
//! # Ok::<(), countersign::StillRunning>(()) });
//! # let stopped = stopping.poll(&mut Context::from_waker(Waker::noop()));
//! # assert_eq!(stopped, Poll::Ready(Ok(())));
//! # Ok(())
//! # }
//! ```
//!
//! # In place
//! Some hosts end or freeze a process as soon as it has answered, such as serverless functions. There the tower layer's `in_place` has runs happen
//! within the response's future; without a Tokio runtime they always do. That gives up three things:
//! - a run whose future is dropped, by a hang-up say, ends where it is, and the delivery is free again when its lease has lapsed;
//! - nothing is answered before the sender's deadline;
//! - a record that did not reach the store in time, and a lease that could not be given back, are not tried again after the answer.
//!
//! Without Tokio the receiver needs a [clock](crate::ReceiverBuilder::clock) of its own.
//!
//! The promise above stays, with more left to lapsing leases.
