//! Receiver-side verification of webhooks for any [tower](https://docs.rs/tower) stack: [`CountersignLayer`] in front of a service lets in
//! only what is genuine, fresh and, with a store, not done yet.
//!
//! The whole core is re-exported here: this one dependency is enough.
//!
//! ```
//! use countersign_tower::{CountersignLayer, Delivery, Receiver, Secret, VerifiedBody, providers::GITHUB};
//! use http::{Request, Response};
//! use http_body_util::BodyExt;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! // Runs for verified deliveries only. The body is any that http-body knows, in and out.
//! async fn pushed(request: Request<VerifiedBody>) -> Result<Response<String>, std::convert::Infallible> {
//!     let delivery = request.extensions().get::<Delivery>();
//!     let event = delivery.and_then(|delivery| delivery.event()).map(|event| event.as_str().to_owned());
//!     Ok(Response::new(format!("{event:?}: {} bytes", request.into_body().into_bytes().len())))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?).build()?;
//! let service = ServiceBuilder::new()
//!     .layer(CountersignLayer::new(receiver))
//!     .service(service_fn(pushed));
//!
//! let attempt = |body: &str| {
//!     Request::post("/hooks")
//!         .header("x-github-event", "push")
//!         .header("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
//!         .body(body.to_owned())
//! };
//! let genuine = service.clone().oneshot(attempt("Hello, World!")?).await?;
//! assert_eq!(genuine.status(), 200);
//! assert_eq!(genuine.into_body().collect().await?.to_bytes(), "Some(\"push\"): 13 bytes");
//!
//! let forged = service.clone().oneshot(attempt("Hello, World?")?).await?;
//! assert_eq!(forged.status(), 401);
//! assert_eq!(forged.into_body().collect().await?.to_bytes(), "unauthorized\n");
//! # Ok(())
//! # }
//! ```
//!
//! What a sender asks beside its deliveries (Slack's `url_verification`, a HEAD when the URL is saved, WebSub's `hub.challenge`) is answered
//! by the layer itself, and never reaches the service. See [`Countersign`] for all that can become of a request.
//!
//! ```
//! # use countersign_tower::{CountersignLayer, Receiver, Secret, VerifiedBody, providers::WEBSUB};
//! # use http::{Request, Response};
//! # use http_body_util::BodyExt;
//! # use tower::{ServiceBuilder, ServiceExt, service_fn};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(WEBSUB, Secret::new("0123456789abcdef")?)
//!     .consent(|question| async move { question.param("hub.topic").as_deref() == Some("https://blog.example/feed") })
//!     .build()?;
//! let service = ServiceBuilder::new().layer(CountersignLayer::new(receiver)).service(service_fn(
//!     |_: Request<VerifiedBody>| async { Ok::<_, std::convert::Infallible>(Response::new("an update".to_owned())) },
//! ));
//!
//! let ask = |topic: &str| {
//!     Request::get(format!("/sub?hub.mode=subscribe&hub.topic={topic}&hub.challenge=kx9")).body(String::new())
//! };
//! let meant = service.clone().oneshot(ask("https://blog.example/feed")?).await?;
//! assert_eq!(meant.status(), 200);
//! assert_eq!(meant.into_body().collect().await?.to_bytes(), "kx9");
//!
//! let strange = service.oneshot(ask("https://other.example/")?).await?;
//! assert_eq!(strange.status(), 404);
//! # Ok(())
//! # }
//! ```
//!
//! # Once
//! Without a store the receiver remembers nothing: a captured request passes again while its timestamp is fresh, and for ever where the scheme
//! signs none. With [`store`](ReceiverBuilder::store) each delivery is claimed before the service is called and recorded after it: only a 2xx, or
//! [`FailedForGood`] in the response's extensions, is done; everything else is given back, and the sender's retry runs. The run is a task of its
//! own and survives the client's hang-up. The service finds its [`Lease`] in the request's extensions, whoever stands in front finds the
//! [`Outcome`] in the response's. What that promises, and what it does not, is in the [`manual`].
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use countersign_tower::{CountersignLayer, Lease, MemoryStore, Outcome, Receiver, Secret, VerifiedBody, providers::INTERCOM};
//! use http::{Request, Response, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(INTERCOM, Secret::new("0123456789abcdef")?)
//!     .store(MemoryStore::single_process(100_000))
//!     .build()?;
//! let runs = Arc::new(AtomicU32::new(0));
//! let counted = Arc::clone(&runs);
//! let service = ServiceBuilder::new().layer(CountersignLayer::new(receiver.clone())).service(service_fn(
//!     move |request: Request<VerifiedBody>| {
//!         counted.fetch_add(1, Ordering::Relaxed);
//!         let attempt = request.extensions().get::<Lease>().map(Lease::attempt);
//!         let mut response = Response::new(String::new());
//!         // Something is down the first time.
//!         *response.status_mut() = if attempt == Some(1) { StatusCode::BAD_GATEWAY } else { StatusCode::ACCEPTED };
//!         async { Ok::<_, std::convert::Infallible>(response) }
//!     },
//! ));
//!
//! let attempt = || {
//!     Request::post("/hooks")
//!         .header("x-hub-signature", "sha1=133ff449c764cf24423cb14ae156f64aa4ff5d82")
//!         .body(r#"{"id":"notif_1","topic":"user.created"}"#.to_owned())
//! };
//! for (status, outcome) in [(502, "released"), (202, "done"), (202, "duplicate_replay")] {
//!     let response = service.clone().oneshot(attempt()?).await?;
//!     assert_eq!(response.status(), status);
//!     assert_eq!(response.extensions().get::<Outcome>().map(Outcome::code), Some(outcome));
//! }
//! assert_eq!(runs.load(Ordering::Relaxed), 2);
//! let counts = receiver.counts();
//! assert_eq!((counts.released, counts.done, counts.duplicates), (1, 1, 1));
//!
//! // Before the process ends: waits for what runs, and lets nothing begin.
//! receiver.drain(std::time::Duration::from_secs(30)).await?;
//! assert_eq!(service.oneshot(attempt()?).await?.status(), 503);
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
//! | module | holds |
//! |---|---|
//! | `layer`, `service`, `future` | the layer, the service it makes, and the future of its responses |
//! | `run` | the same future where there is a store: a task for each delivery |
//! | `body` | [`VerifiedBody`] for the inner service, [`ResponseBody`] for the outer one |
//! | `response` | [`respond`] and [`reply_with`]: how a refusal and the receiver's own answer are spelled in HTTP |
//! | `clock` | [`TokioClock`]: the default clock |
//!
//! # Features
//! | feature | adds |
//! |---|---|
//! | `metrics` | counters and histograms of attempts through the `metrics` facade |
//! | `toml` | `Scheme::from_toml`: a scheme of one's own from a TOML file |
//! | `xml` | `Delivery::xml`, and XML documents in `Delivery::read` |
//!
//! Minimum Rust: 1.88.

mod body;
mod clock;
mod future;
mod layer;
mod response;
mod run;
mod service;

pub use countersign;
pub use countersign::*;

pub use self::body::{ResponseBody, VerifiedBody};
pub use self::clock::TokioClock;
pub use self::future::ResponseFuture;
pub use self::layer::CountersignLayer;
pub use self::response::{reply_with, respond};
pub use self::run::RunFuture;
pub use self::service::Countersign;
