//! Receiver-side verification of webhooks for any [tower](https://docs.rs/tower) stack: [`CountersignLayer`] in front of a service lets in
//! only what is genuine and fresh.
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
//! What this does not do: it remembers nothing, so a captured request passes again while its timestamp is fresh, and for ever where the
//! scheme signs none.
//!
//! | module | holds |
//! |---|---|
//! | `layer`, `service`, `future` | the layer, the service it makes, and the future of its responses |
//! | `body` | [`VerifiedBody`] for the inner service, [`ResponseBody`] for the outer one |
//! | `response` | [`respond`] and [`reply_with`]: how a refusal and the receiver's own answer are spelled in HTTP |
//! | `clock` | [`TokioClock`]: the default clock |
//!
//! # Features
//! | feature | adds |
//! |---|---|
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
