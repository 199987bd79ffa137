//! Receiver-side verification of webhooks for [axum](https://docs.rs/axum): [`CountersignLayer`] in front of a route lets in only what is
//! genuine and fresh, and [`Webhook`] hands the verified delivery to the handler as an argument.
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
//! What this does not do: it remembers nothing, so a captured request passes again while its timestamp is fresh, and for ever where the
//! scheme signs none.
//!
//! | module | holds |
//! |---|---|
//! | `webhook` | [`Webhook`]: the delivery, and what any of axum's extractors makes of its verified body |
//! | `payload` | [`Payload`]: what the scheme itself calls the payload, be it JSON, a form, JSON in a form's field, or XML |
//! | `rejection` | why a handler did not get its argument |
//!
//! # Features
//! | feature | adds |
//! |---|---|
//! | `toml` | schemes of one's own from TOML files |
//! | `xml` | payloads in XML, through `quick-xml` |
//!
//! Minimum Rust: 1.88.

mod payload;
mod rejection;
mod webhook;

pub use countersign_tower;
pub use countersign_tower::*;

pub use self::payload::Payload;
pub use self::rejection::{MissingLayer, PayloadRejection, WebhookRejection};
pub use self::webhook::Webhook;
