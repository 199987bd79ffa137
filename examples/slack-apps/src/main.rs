//! How do I take the events of several Slack apps at one URL?
//!
//! Each app has a signing secret of its own, and each event says which app it is for: `api_app_id`, in JSON and in forms alike. The body is read
//! whole, the app's secret is looked up, and the body is verified with it: whoever has one app's secret can sign for no other app.
//!
//! Slack's question when the URL is saved (`url_verification`) names no app. It is looked up as `setup`: this source knows the secrets of the
//! apps that are being set up under that name.
//!
//! Run it:
//! ```sh
//! SLACK_APPS=A0123=8f742231b10e8888abcd99yyyzzz85a5,A0456=0123456789abcdef0123456789abcdef \
//! SETTING_UP=A0456 cargo run -p example-slack-apps
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign_axum::providers::SLACK;
use countersign_axum::{
    CountersignLayer, Payload, Receiver, Secret, SecretRing, SourceUnavailable, TenantPlace,
    Tenants, Webhook,
};
use serde::Deserialize;

/// The apps' signing secrets. Where they come and go, this is a table of a database.
struct Apps {
    secrets: HashMap<String, String>,
    setting_up: Vec<String>,
}

impl Apps {
    async fn ring(&self, app: &str) -> Result<Option<SecretRing>, SourceUnavailable> {
        let secret = |app: &str| {
            let text = self.secrets.get(app)?;
            Some(Secret::new(text.as_str()).map(|secret| secret.label(app)))
        };
        if app == "setup" {
            let ring = self.setting_up.iter().filter_map(|app| secret(app));
            let ring: Vec<_> = ring
                .collect::<Result<_, _>>()
                .map_err(SourceUnavailable::new)?;
            return Ok(SecretRing::new(ring).ok());
        }
        let secret = secret(app).transpose().map_err(SourceUnavailable::new)?;
        Ok(secret.map(SecretRing::from))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FromSlack {
    Command { command: String },
    Other { r#type: String },
}

/// The tenant is the app whose secret signed; the account is the workspace, which Slack says and the app's secret proves.
async fn slack(Webhook { delivery, payload }: Webhook<Payload<FromSlack>>) -> StatusCode {
    let what = match payload.0 {
        FromSlack::Command { command } => command,
        FromSlack::Other { r#type } => r#type,
    };
    let app = delivery.tenant().map(|app| app.as_str());
    let workspace = delivery.account().map(|workspace| workspace.as_str());
    println!(
        "{what} for {} in {}",
        app.unwrap_or("-"),
        workspace.unwrap_or("-")
    );
    StatusCode::OK
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let apps = std::env::var("SLACK_APPS").map_err(|error| format!("SLACK_APPS: {error}"))?;
    let pairs = apps.split(',').filter_map(|app| app.split_once('='));
    let setting_up = std::env::var("SETTING_UP").unwrap_or_default();
    let apps = Arc::new(Apps {
        secrets: pairs
            .map(|(app, secret)| (app.to_owned(), secret.to_owned()))
            .collect(),
        setting_up: setting_up.split(',').map(str::to_owned).collect(),
    });
    let source = move |app: String| {
        let apps = Arc::clone(&apps);
        async move { apps.ring(&app).await }
    };
    let tenants = Tenants::new(TenantPlace::body_or("setup"), source);
    // So many apps may be set up at once.
    let receiver = Receiver::for_tenants(SLACK, tenants)
        .max_secrets(16)
        .build()?;
    let app = Router::new().route("/slack", post(slack).layer(CountersignLayer::new(receiver)));

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
