//! Receiver-side verification of webhooks for [axum](https://docs.rs/axum): [`CountersignLayer`] in front of a route lets in only what is
//! genuine, fresh and, with a store, not done yet; [`Webhook`] hands the verified delivery to the handler as an argument.
//!
//! The layer and the whole core are re-exported here: this one dependency is enough.
//!
//! ```
//! use axum::{Json, Router, body::Body, http::Request, routing::post};
//! use countersign_axum::{CountersignLayer, Receiver, Secret, Webhook, providers::GITHUB};
//! use serde::Deserialize;
//! use tower::ServiceExt;
//!
//! #[derive(Deserialize)]
//! struct Push {
//!     yo: bool,
//! }
//!
//! // Runs for verified deliveries only.
//! async fn pushed(Webhook { delivery, payload }: Webhook<Json<Push>>) -> String {
//!     format!("{}: {}", delivery.scheme().title, payload.yo)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(GITHUB, Secret::new("0123456789abcdef")?).build()?;
//! let app: Router = Router::new()
//!     .route("/github", post(pushed).layer(CountersignLayer::new(receiver)));
//!
//! let attempt = |body: &'static str| {
//!     Request::post("/github")
//!         .header("content-type", "application/json")
//!         .header("x-hub-signature-256", "sha256=b1f8020f5b4cd42042f807dd939015c4a418bc1ff7f604dd55b0a19b5d953d9b")
//!         .body(Body::from(body))
//! };
//! let genuine = app.clone().oneshot(attempt(r#"{"yo":true}"#)?).await?;
//! assert_eq!(genuine.status(), 200);
//! assert_eq!(axum::body::to_bytes(genuine.into_body(), 64).await?, "GitHub: true");
//!
//! let forged = app.oneshot(attempt(r#"{"yo":false}"#)?).await?;
//! assert_eq!(forged.status(), 401);
//! assert_eq!(axum::body::to_bytes(forged.into_body(), 64).await?, "unauthorized\n");
//! # Ok(())
//! # }
//! ```
//!
//! A route that takes a [`Webhook`] and has no layer in front of it answers 500 and says why in the log: forgetting one is never an
//! acceptance. A layer over a whole router guards every route in it, so give each provider's route a layer of its own; a handler that may
//! stand behind several asks [`Delivery::scheme`] whose delivery it got.
//!
//! # Where the layer goes
//!
//! Senders do not only post: they ask by HEAD, GET or OPTIONS whether the URL is theirs, and the layer answers by itself
//! ([`Countersign`] lists what becomes of a request). So it must see these methods, too. `any(handler)` with a layer of its own is the way that
//! always works: the layer refuses the methods that the sender does not use, and the handler runs for deliveries alone.
//!
//! | mounted as | what happens to HEAD, GET and OPTIONS |
//! |---|---|
//! | `any(handler).layer(layer)` | the layer answers or refuses |
//! | `post(handler).layer(layer)` | the same; axum adds `allow: POST` to the answers |
//! | `Router::layer` | the same; it stands in front of the router's 404, too, so probes of every path are answered |
//! | `Router::route_layer` | the same, for the router's own paths |
//! | `post(handler).route_layer(layer)` | axum refuses them with 405: **handshakes and probes fail** |
//! | `any(handler).route_layer(layer)` | panics when the router is built |
//!
//! A layer stands in front of what was there when it was added. `.layer(layer).get(page)`, a fallback or a `method_not_allowed_fallback` added
//! after it take the question away from it; a handler that takes a [`Webhook`] is safe even then. Inside `Router::nest` the layer sees the
//! path without the prefix, outside of it the whole path; for senders that sign the URL, what the layer does not see belongs into
//! [`public_url`](ReceiverBuilder::public_url).
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::any};
//! use countersign_axum::{CountersignLayer, Receiver, Secret, Webhook, providers::INTERCOM};
//! use tower::ServiceExt;
//!
//! async fn notified(Webhook { .. }: Webhook) {}
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(INTERCOM, Secret::new("0123456789abcdef")?).build()?;
//! let app: Router = Router::new().route("/intercom", any(notified).layer(CountersignLayer::new(receiver)));
//!
//! let probe = Request::head("/intercom").body(Body::empty())?;
//! assert_eq!(app.clone().oneshot(probe).await?.status(), 200);
//! let get = Request::get("/intercom").body(Body::empty())?;
//! assert_eq!(app.oneshot(get).await?.status(), 405);
//! # Ok(())
//! # }
//! ```
//!
//! # Once
//! Without a store the receiver remembers nothing: a captured request passes again while its timestamp is fresh, and for ever where the scheme
//! signs none. With [`store`](ReceiverBuilder::store) each delivery is claimed before the handler runs and recorded after it:
//! - A **2xx** is done: copies get the recorded status, and the handler does not run. Everything else gives the delivery back, and the
//!   sender's retry runs.
//! - [`ForGood`] around an answer says that no retry will help: copies get 200, and the handler does not run again.
//! - The [`Lease`] comes as `Extension<Lease>`: the number of the run, the time left, a way to ask for more. A delivery that is not told from
//!   others, and a run while the store is away and [`StorePolicy::Run`] was chosen, have none: take `Option<Extension<Lease>>` there, for
//!   axum answers 500 where a plain one is missing.
//! - A copy that comes while the handler runs is answered 503. The handler goes on when the client hangs up.
//!
//! What that promises, and what it does not, is in the [`manual`].
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use axum::{Extension, Json, Router, body::Body, extract::State, http::{Request, StatusCode}, routing::any};
//! use countersign_axum::{CountersignLayer, Lease, MemoryStore, Receiver, Secret, Webhook, providers::INTERCOM};
//! use tower::ServiceExt;
//!
//! #[derive(serde::Deserialize)]
//! struct Notification {
//!     topic: String,
//! }
//!
//! async fn notified(
//!     State(runs): State<Arc<AtomicU32>>,
//!     Extension(lease): Extension<Lease>,
//!     Webhook { payload, .. }: Webhook<Json<Notification>>,
//! ) -> StatusCode {
//!     runs.fetch_add(1, Ordering::Relaxed);
//!     match (payload.topic.as_str(), lease.attempt()) {
//!         // Something is down the first time.
//!         ("user.created", 1) => StatusCode::BAD_GATEWAY,
//!         _ => StatusCode::ACCEPTED,
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(INTERCOM, Secret::new("0123456789abcdef")?)
//!     .store(MemoryStore::single_process(100_000))
//!     .build()?;
//! let runs = Arc::new(AtomicU32::new(0));
//! let app: Router = Router::new()
//!     .route("/intercom", any(notified).layer(CountersignLayer::new(receiver)))
//!     .with_state(Arc::clone(&runs));
//!
//! let attempt = || {
//!     Request::post("/intercom")
//!         .header("content-type", "application/json")
//!         .header("x-hub-signature", "sha1=133ff449c764cf24423cb14ae156f64aa4ff5d82")
//!         .body(Body::from(r#"{"id":"notif_1","topic":"user.created"}"#))
//! };
//! // The first attempt fails, the second one runs, the third one is a duplicate.
//! for status in [502, 202, 202] {
//!     assert_eq!(app.clone().oneshot(attempt()?).await?.status(), status);
//! }
//! assert_eq!(runs.load(Ordering::Relaxed), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
//! | module | holds |
//! |---|---|
//! | `webhook` | [`Webhook`]: the delivery, and what any of axum's extractors makes of its verified body |
//! | `for_good` | [`ForGood`]: a handler's word that no retry will help |
//! | `payload` | [`Payload`]: what the scheme itself calls the payload, be it JSON, a form, JSON in a form's field, or XML |
//! | `peer` | `WithPeer`: the peer's address, for public URLs that trusted proxies tell |
//! | `rejection` | why a handler did not get its argument |
//!
//! # Features
//! | feature | adds |
//! |---|---|
//! | `peer` | `WithPeer`, which takes the peer's address out of axum's `ConnectInfo` (axum's feature `tokio`) |
//! | `metrics` | counters and histograms of attempts through the `metrics` facade |
//! | `toml` | schemes of one's own from TOML files |
//! | `xml` | payloads in XML, through `quick-xml` |
//!
//! Minimum Rust: 1.88.

mod for_good;
mod payload;
#[cfg(feature = "peer")]
mod peer;
mod rejection;
mod webhook;

pub use countersign_tower;
pub use countersign_tower::*;

pub use self::for_good::ForGood;
pub use self::payload::Payload;
#[cfg(feature = "peer")]
pub use self::peer::{TellPeer, WithPeer};
pub use self::rejection::{MissingLayer, PayloadRejection, WebhookRejection};
pub use self::webhook::Webhook;
