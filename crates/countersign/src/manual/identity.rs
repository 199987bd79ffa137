//! Which delivery is this? By what attempts are known to be the same, and what each way costs.
//!
//! # In order
//! 1. **A signed id** decides where there is one: nobody but the sender can have put it there, and it keeps it for every retry.
//! 2. **Else the signed content**, without what changes from attempt to attempt (the timestamp) or when secrets are exchanged, and with it the
//!    event's name where that is in the scheme's [closed list](crate::scheme::Scheme::events). An id in an unsigned header decides nothing: whoever
//!    captured a body could send it again under a new one.
//! 3. **Senders that sign nothing** are told by the id that the scheme names, or not at all. Whoever has the token can send what he likes
//!    anyway.
//!
//! An id that is not there is no error: that delivery is told by its content. One that occurs twice, or is malformed, is refused. Where nothing
//! is signed, or the signature leaves the body out, there is no content that counts: a delivery without the id is not deduplicated.
//!
//! # Keys
//! A key is 32 bytes, SHA-256 over the version of the layout, the [namespace](crate::ReceiverBuilder::namespace), the scheme's name, the
//! [endpoint](crate::ReceiverBuilder::endpoint), the tenant where it is signed, the way it is told by, the id or the content's digest, and the
//! event's name where it counts; behind these, where each tenant has [secrets of his own](super::tenants), the tenant whose secret it was. Each has its length in front, so no two lists give the same bytes. A store sees nothing else, and the key says
//! nothing of what it was made from. It is the same after secrets were rotated, and another one when any of the names above changes: what was
//! done under the old name is not known under the new one.
//!
//! [`Delivery::key`](crate::Delivery::key) has it, [`Outcome`](crate::Outcome) and the log show it, and
//! [`forget`](crate::Receiver::forget) takes it.
//!
//! # Service by service
//! | service | told by | its retries | the price |
//! |---|---|---|---|
//! | [Stripe](crate::providers::STRIPE) | `/id`, signed | 3 days, signed afresh; so are manual resends | none; two events may tell of one change |
//! | [Standard Webhooks](crate::providers::STANDARD_WEBHOOKS), [Svix](crate::providers::SVIX), [Zapier White Label](crate::providers::ZAPIER_WHITE_LABEL) | the id's header, signed | the sender's choice, 4 days assumed; Svix 28 h; signed afresh | none |
//! | [Slack](crate::providers::SLACK) | events by `/event_id`, signed; the rest by content | events 3 in about 6 min, signed afresh; commands never | requests for a menu's options repeat: give them a route without a store. A command or an interaction carries a `trigger_id` of its own |
//! | [Intercom](crate::providers::INTERCOM) | `/id`, signed | not published, 2 h assumed; attempts are counted in the body | none; `duplicate_changed` is an honest retry here |
//! | [GitHub](crate::providers::GITHUB) | as chosen: body and event name, or the unsigned delivery id | never by itself; a redelivery by hand has the same body and id | **a choice**: some bodies repeat, names are unsigned |
//! | [Shopify](crate::providers::SHOPIFY) | as chosen: body and topic, or the unsigned webhook id | 8 in 4 h, the same bytes | **a choice**: some bodies repeat, topics are unsigned |
//! | [WooCommerce](crate::providers::WOOCOMMERCE) | as chosen: body and topic, or not at all | never | **a choice**: some bodies repeat, topics are unsigned, no id identifies |
//! | [Twilio](crate::providers::TWILIO) | as chosen: URL and fields, or the unsigned idempotency token | one, when the connection fails; up to five where the URL asks for it | **a choice**: a caller who comes through a menu again posts the same fields |
//! | [Mandrill](crate::providers::MANDRILL) | URL and fields: the batch as a whole | not published, 3 days assumed | an event that comes again in another batch runs again: tell events by `_id`, `event` and `ts` |
//! | [WebSub](crate::providers::WEBSUB) | the body | the hub's choice | what is changed and changed back is taken for a copy; entries of a whole feed come again |
//! | [Mailchimp](crate::providers::MAILCHIMP) | kind, audience, subject and `fired_at`, joined, unsigned | 75 min; that they keep `fired_at` is not confirmed | **one second**: two changes of one subscriber within it, of one kind, are taken for one |
//! | [Papertrail](crate::providers::PAPERTRAIL) | search and range of ids, unsigned | not published | a call that lacks one of them is not deduplicated |
//! | [CloudEvents](crate::providers::CLOUDEVENTS) | source and id, unsigned | the sender's choice | a batch is not deduplicated |
//! | [WordPress.com](crate::providers::WORDPRESS), [Zapier](crate::providers::ZAPIER) | nothing: name an id in the scheme, or choose `Off` | not published; only with Autoreplay | **a choice**: the constants' pages show how to name an id |
//!
//! **Unsigned event names.** GitHub, Shopify and WooCommerce sign the body and send the event's name beside it. Where deliveries are told by
//! content the name has to count, for `orders/create` and `orders/updated` may come with the same body; and it may be forged. So whoever has captured one genuine body can have it
//! run once under every name of the closed list, and once under none. He cannot have it run twice under one. A handler that acts on the name
//! should check that the body looks like it.
//!
//! **Unsigned tenants.** Shopify's shop is a header that nothing covers, so it is not part of the key: the same body under another shop's name is
//! a duplicate.
//!
//! # The choice
//! Where two different events may have the same signed content ([`Repeats::Possible`](crate::scheme::Repeats::Possible)), each answer is wrong for
//! somebody, and the builder asks:
//!
//! ```
//! use countersign::danger::Deduplicate;
//! use countersign::{MemoryStore, Receiver, Secret, providers::WOOCOMMERCE};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let builder = Receiver::builder(WOOCOMMERCE, Secret::new("0123456789abcdef")?).store(MemoryStore::single_process(100_000));
//! let refused = builder.clone().build().unwrap_err();
//! assert_eq!(refused.field(), "deduplicate");
//! assert!(builder.clone().deduplicate(Deduplicate::ByContent).build().is_ok());
//! assert!(builder.clone().deduplicate(Deduplicate::Off).build().is_ok());
//! // It sends no id that a delivery could be told by.
//! let refused = builder.deduplicate(Deduplicate::ByUnsignedId).build().unwrap_err();
//! assert_eq!(refused.to_string(), "deduplicate: the scheme names no id");
//! # Ok(())
//! # }
//! ```
//!
//! | [`Deduplicate`](crate::danger::Deduplicate) | an honest event may be | somebody with a captured request can | take it when |
//! |---|---|---|---|
//! | `ByContent` | **lost**, when it has the content of an earlier one within the retention | run it once under each listed event name, where there are any | the handler reads the present state from the service, so that the second of two equal events would change nothing; or you take no kind of event that repeats |
//! | `ByUnsignedId` | – (one that comes without an id is told by its content) | run it again **under every id he makes up**, and keep an id that he guesses from ever running | losing an event is worse than doing one twice, and the handler can bear that |
//! | `Off` | run again with every copy, two at once | run it again for as long as it verifies: **for ever**, as these four sign no timestamp | the handler keeps its own books |
//!
//! Content that is known to repeat, by service:
//! - **GitHub**: bodies without a time or a number of their own (`membership`, `team`, `org_block`, `workflow_dispatch`, `repository_dispatch`).
//!   Somebody who is added to a team, removed and added again makes three events, the third with the body of the first. `ByUnsignedId` loses
//!   none, and a redelivery keeps its id; `ByContent` suits whoever takes pushes, pull requests and the like.
//! - **Shopify**: bodies that hold little but ids, `inventory_levels/disconnect` and `product_listings/remove`, and subscriptions that are
//!   narrowed to fields that do not change. `ByUnsignedId` loses none; `ByContent` suits whoever takes orders and products whole, with
//!   their `updated_at`.
//! - **WooCommerce**: `….deleted`, which holds the id alone, and `action.…` with the same argument. There is no id to tell them by: `ByContent`
//!   where neither matters, `Off` where the handler asks the shop.
//! - **Twilio**: a menu that loops. `ByUnsignedId` for products that send the token.
//!
//! # Own schemes
//! A scheme says by [`id`](crate::scheme::Scheme::id) where its id is ([`Place::All`](crate::scheme::Place::All) joins several values), by
//! [`content`](crate::scheme::Scheme::content) whether the signature covers it, by [`events`](crate::scheme::Scheme::events) which names tell
//! equal contents apart, and by [`repeats`](crate::scheme::Scheme::repeats) whether two events may have the same content. Leave `repeats` at `never`
//! only if every body holds something of its own: an id, a number that grows, a time that is fine enough. Where the signature leaves out the
//! body, or nothing is signed, the builder wants an id or a choice.
//!
//! # Endpoints that share a store
//! Receivers know each other's deliveries when scheme, namespace, endpoint and signed tenant are equal. That is what replicas need, and what
//! two endpoints of one scheme must not have: neither those that get the same events, nor those of two senders that use one scheme with a
//! secret each (two vendors with Standard Webhooks, two shops). The second would take the first one's work for its own. (One receiver of
//! [many tenants](super::tenants) keeps them apart by itself.)
//!
//! ```
//! use countersign::{MemoryStore, Receiver, Secret, Timestamp, providers::INTERCOM};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::single_process(100_000);
//! let key_at = |endpoint: &str, body: &'static str, signature: &str| -> Result<_, Box<dyn std::error::Error>> {
//!     let receiver = Receiver::builder(INTERCOM, Secret::new("0123456789abcdef")?)
//!         .store(store.clone())
//!         .endpoint(endpoint)
//!         .build()?;
//!     let request = http::Request::post("/").header("x-hub-signature", signature).body(())?;
//!     let delivery = receiver.verify(&request, body.into(), Timestamp::from_secs(0))?.deliver(&request)?;
//!     Ok(delivery.key().expect("it has an id"))
//! };
//! let first = (r#"{"id":"notif_1","topic":"user.created","delivery_attempts":1}"#, "sha1=d52cbf9041ea90301ad56adff019e761de443a3c");
//! let retry = (r#"{"id":"notif_1","topic":"user.created","delivery_attempts":2}"#, "sha1=5ebd3b104a386954efffc0d87bc507a36f8c66a7");
//!
//! // A retry with another body, at any replica, is the same delivery ...
//! assert_eq!(key_at("crm", first.0, first.1)?, key_at("crm", retry.0, retry.1)?);
//! // ... and the same event at another endpoint is another one.
//! assert_ne!(key_at("crm", first.0, first.1)?, key_at("billing", first.0, first.1)?);
//! # Ok(())
//! # }
//! ```
