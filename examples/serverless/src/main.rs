//! How do I verify webhooks in a function that a serverless host calls?
//!
//! Such hosts read HTTP themselves and call a function with one request at a time; between two calls they freeze the process. So there is no
//! server here and no task that goes on behind an answer: the request is made from what the host gives, and runs happen in place.
//!
//! A store in memory is forgotten with the process, and its replicas do not know each other: it keeps copies off that reach the same one, and no
//! others. Against all of them, use a store that they share.
//!
//! This one stands for such a host: it reads a request a line from standard input, as JSON, and prints the response. Run it:
//! ```sh
//! echo '{"method":"POST","path":"/","headers":{"x-hub-signature":"sha1=0"},"body":"{}"}' \
//!   | INTERCOM_SECRET=0123456789abcdef cargo run -p example-serverless
//! ```

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;

use bytes::Bytes;
use countersign_tower::{
    CountersignLayer, Delivery, MemoryStore, Receiver, Secret, VerifiedBody, providers::INTERCOM,
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde::{Deserialize, Serialize};
use tower::{Layer, ServiceExt, service_fn};

/// A request as the host hands it over.
#[derive(Deserialize)]
struct Event {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// A response as the host takes it back.
#[derive(Serialize)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Runs for verified deliveries only.
async fn notified(request: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let delivery = request.extensions().get::<Delivery>();
    let id = delivery
        .and_then(|delivery| delivery.id())
        .map(|id| id.as_str());
    println!("{}: done", id.unwrap_or("no id"));
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

fn request(event: Event) -> http::Result<Request<Full<Bytes>>> {
    let mut request = Request::builder()
        .method(event.method.as_str())
        .uri(event.path);
    for (name, value) in event.headers {
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::from(event.body)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let receiver = Receiver::builder(INTERCOM, Secret::from_env("INTERCOM_SECRET")?)
        .store(MemoryStore::single_process(10_000))
        .build()?;
    // The host freezes the process behind each answer: whatever is to happen must have happened by then.
    let layer = CountersignLayer::new(receiver).in_place();
    let service = layer.layer(service_fn(notified));

    for line in std::io::stdin().lines() {
        // Hosts decode what strangers send, and not all of it is a request afterwards. That must not end the function.
        let response = match request(serde_json::from_str(&line?)?) {
            Ok(request) => service.clone().oneshot(request).await?.map(BodyExt::boxed),
            Err(_) => {
                let mut response = Response::new(Full::default().boxed());
                *response.status_mut() = StatusCode::BAD_REQUEST;
                response
            }
        };
        let (head, body) = response.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), value.into_owned())
        });
        let answer = Answer {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: String::from_utf8(body.collect().await?.to_bytes().into())?,
        };
        println!("{}", serde_json::to_string(&answer)?);
    }
    Ok(())
}
