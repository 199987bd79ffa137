//! How do I receive from a service that sends forms and signs nothing?
//!
//! Mailchimp posts forms with names like `data[merges][EMAIL]`, and all that tells its requests from a stranger's is a secret that you put into the
//! URL. That proves little, so it is opted into by name. Here the secret is the end of the path, where fewer logs keep it than in a query.
//!
//! Mailchimp also asks by GET when the URL is saved: the receiver answers by itself, and no handler sees it.
//!
//! Run it:
//! ```sh
//! URL_SECRET=0123456789abcdef0123456789abcdef cargo run -p example-form-service
//! ```

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign_axum::danger::Weak;
use countersign_axum::providers::MAILCHIMP;
use countersign_axum::scheme::TokenPlace;
use countersign_axum::{CountersignLayer, Payload, Receiver, Secret, Webhook};
use serde::Deserialize;

#[derive(Deserialize)]
struct Change {
    r#type: String,
    data: Member,
}

#[derive(Deserialize)]
struct Member {
    list_id: String,
    merges: Merges,
}

#[derive(Deserialize)]
struct Merges {
    #[serde(rename = "EMAIL")]
    email: String,
    #[serde(rename = "FNAME", default)]
    first_name: Option<String>,
}

async fn changed(Webhook { payload, .. }: Webhook<Payload<Change>>) -> StatusCode {
    let Payload(Change { r#type, data }) = payload;
    let Merges { email, first_name } = data.merges;
    let name = first_name.unwrap_or_default();
    println!("{type} in {list}: {email} {name}", list = data.list_id);
    StatusCode::OK
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Receiver::builder(MAILCHIMP, Secret::from_env("URL_SECRET")?)
        .token_in(TokenPlace::PathEnd)
        // Whoever reads the URL once, in a log say, can send anything for ever.
        .accept_weak(Weak::NothingSigned)
        .build()?;
    let app = Router::new().route(
        "/mailchimp/{secret}",
        post(changed).layer(CountersignLayer::new(receiver)),
    );

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
