//! Receiver-side verification of webhooks for [actix-web](https://docs.rs/actix-web): [`Countersign`] around a resource lets in only what is
//! genuine, fresh and, with a store, not done yet; [`Webhook`] hands the verified delivery to the handler as an argument.
//!
//! The whole core is re-exported here: this one dependency is enough.
//!
//! ```
//! use actix_web::{App, test, web};
//! use countersign_actix::{Countersign, Receiver, Secret, Webhook, providers::GITHUB};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Push {
//!     yo: bool,
//! }
//!
//! // Runs for verified deliveries only.
//! async fn pushed(Webhook { delivery, payload }: Webhook<web::Json<Push>>) -> String {
//!     format!("{}: {}", delivery.scheme().title, payload.yo)
//! }
//!
//! # #[actix_web::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Outside of the closure that HttpServer takes: its workers share one receiver.
//! let receiver = Receiver::builder(GITHUB, Secret::new("0123456789abcdef")?).build()?;
//! let app = App::new().service(
//!     web::resource("/github").wrap(Countersign::new(receiver)).to(pushed),
//! );
//!
//! # let app = test::init_service(app).await;
//! let attempt = |body: &'static str| {
//!     test::TestRequest::post()
//!         .uri("/github")
//!         .insert_header(("content-type", "application/json"))
//!         .insert_header(("x-hub-signature-256", "sha256=b1f8020f5b4cd42042f807dd939015c4a418bc1ff7f604dd55b0a19b5d953d9b"))
//!         .set_payload(body)
//!         .to_request()
//! };
//! let genuine = test::call_service(&app, attempt(r#"{"yo":true}"#)).await;
//! assert_eq!(genuine.status(), 200);
//! assert_eq!(test::read_body(genuine).await, "GitHub: true");
//!
//! let forged = test::call_service(&app, attempt(r#"{"yo":false}"#)).await;
//! assert_eq!(forged.status(), 401);
//! assert_eq!(test::read_body(forged).await, "unauthorized\n");
//! # Ok(())
//! # }
//! ```
//!
//! A handler that takes a [`Webhook`] and has no middleware around it answers 500 and says why in the log: forgetting one is never an
//! acceptance.
//!
//! # Where the middleware goes
//! Senders do not only post: they ask by HEAD, GET or OPTIONS whether the URL is theirs, and the middleware answers by itself. So it must see
//! these methods, too.
//!
//! | mounted as | what happens to HEAD, GET and OPTIONS |
//! |---|---|
//! | `web::resource(…).wrap(middleware).to(handler)` | the middleware answers or refuses |
//! | `web::resource(…).wrap(middleware).route(web::post().to(handler))` | the same; the resource refuses the rest behind it |
//! | `web::scope(…).wrap(middleware)`, `App::wrap` | the same, for every path below, known or not |
//! | `web::post().to(handler).wrap(middleware)` | the route is not even asked: **handshakes and probes fail** with 405 |
//!
//! Give each provider's resource a middleware of its own; a handler that may stand behind several asks [`Delivery::scheme`] whose delivery it
//! got. For senders that sign the URL, the path is the one of the request, with its scopes; what a proxy in front has cut off belongs into
//! [`public_url`](ReceiverBuilder::public_url). The peer is known by itself: proxies and limits per source need no further step.
//!
//! # Once
//! Without a store the receiver remembers nothing: a captured request passes again while its timestamp is fresh, and for ever where the scheme
//! signs none. With [`store`](ReceiverBuilder::store) each delivery is claimed before the handler runs and recorded after it:
//! - A **2xx** is done: copies get the recorded status, and the handler does not run. Everything else gives the delivery back, and the
//!   sender's retry runs.
//! - [`ForGood`] around an answer says that no retry will help: copies get 200, and the handler does not run again.
//! - The [`Lease`] comes as [`web::ReqData<Lease>`](actix_web::web::ReqData): the number of the run, the time left, a way to ask for more. A
//!   delivery that is not told from others, and a run while the store is away and [`StorePolicy::Run`] was chosen, have none: take an `Option` of
//!   it there.
//! - A copy that comes while the handler runs is answered 503. The handler goes on when the client hangs up.
//!
//! What that promises, and what it does not, is in the [`manual`].
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use actix_web::{App, HttpResponse, test, web};
//! use countersign_actix::{Countersign, Lease, MemoryStore, Receiver, Secret, Webhook, providers::INTERCOM};
//!
//! #[derive(serde::Deserialize)]
//! struct Notification {
//!     topic: String,
//! }
//!
//! async fn notified(
//!     runs: web::Data<AtomicU32>,
//!     lease: web::ReqData<Lease>,
//!     Webhook { payload, .. }: Webhook<web::Json<Notification>>,
//! ) -> HttpResponse {
//!     runs.fetch_add(1, Ordering::Relaxed);
//!     match (payload.topic.as_str(), lease.attempt()) {
//!         // Something is down the first time.
//!         ("user.created", 1) => HttpResponse::BadGateway().finish(),
//!         _ => HttpResponse::Accepted().finish(),
//!     }
//! }
//!
//! # #[actix_web::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(INTERCOM, Secret::new("0123456789abcdef")?)
//!     .store(MemoryStore::single_process(100_000))
//!     .build()?;
//! let runs = web::Data::new(AtomicU32::new(0));
//! let app = App::new()
//!     .app_data(runs.clone())
//!     .service(web::resource("/intercom").wrap(Countersign::new(receiver)).to(notified));
//!
//! # let app = test::init_service(app).await;
//! let attempt = || {
//!     test::TestRequest::post()
//!         .uri("/intercom")
//!         .insert_header(("content-type", "application/json"))
//!         .insert_header(("x-hub-signature", "sha1=133ff449c764cf24423cb14ae156f64aa4ff5d82"))
//!         .set_payload(r#"{"id":"notif_1","topic":"user.created"}"#)
//!         .to_request()
//! };
//! // The first attempt fails, the second one runs, the third one is a duplicate.
//! for status in [502, 202, 202] {
//!     assert_eq!(test::call_service(&app, attempt()).await.status(), status);
//! }
//! assert_eq!(runs.load(Ordering::Relaxed), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # What actix-web does before it asks anybody
//! It says `100 Continue` to whoever expects it before the receiver has seen the head, so such a body is sent though it may be refused (and is
//! then not read). Header names of 64 KiB and more make actix-http panic in the task of their connection, which ends it and nothing else. Whose
//! head does not come gets 408 after five seconds ([`client_request_timeout`](actix_web::HttpServer::client_request_timeout)).
//!
//! # Modules
//! | module | holds |
//! |---|---|
//! | `middleware` | [`Countersign`], and the service that it makes |
//! | `run` | the same where there is a store: a task for each delivery |
//! | `webhook` | [`Webhook`]: the delivery, and what any of actix-web's extractors makes of its verified body; [`Payload`]: what the scheme itself calls the payload |
//! | `for_good` | [`ForGood`]: a handler's word that no retry will help |
//! | `rejection` | why a handler did not get its argument, or its answer was not given |
//! | `head`, `body`, `response`, `clock` | between actix-web's types and the core's |
//!
//! # Features
//! | feature | adds |
//! |---|---|
//! | `metrics` | counters and histograms of attempts through the `metrics` facade |
//! | `toml` | schemes of one's own from TOML files |
//! | `xml` | payloads in XML, through `quick-xml` |
//!
//! Minimum Rust: 1.89, as actix-web's own. It needs actix-web 4.18 or later: before actix-http 3.12.0 a body that was cut off could end like a
//! whole one, and before 3.12.1 a request with two framings passed.

mod body;
mod clock;
mod for_good;
mod head;
mod middleware;
mod rejection;
mod response;
mod run;
mod webhook;

pub use countersign;
pub use countersign::*;

pub use self::body::ResponseBody;
pub use self::clock::TokioClock;
pub use self::for_good::ForGood;
pub use self::middleware::{Countersign, CountersignMiddleware};
pub use self::rejection::{MissingMiddleware, PayloadRejection, RefusedRun};
pub use self::response::{reply_with, respond};
pub use self::webhook::{Payload, Webhook};
