//! Deliveries that run once, behind axum's routers: what handlers say, and what they get.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Extension, Json, Router};
use countersign_axum::danger::Deduplicate;
use countersign_axum::{
    CountersignLayer, ForGood, Lease, MemoryStore, Once, Outcome, OutcomeKind, Receiver, Refusal,
    Secret, Webhook, providers,
};
use countersign_testkit::ManualClock;
use tower::ServiceExt;

use crate::support::{
    GITHUB_JSON, GITHUB_SECRET, JSON, SLACK_SECRET, SLACK_SENT, Yo, github_signed, send, signed,
    told,
};

fn github() -> Receiver<Once<MemoryStore>> {
    let clock = ManualClock::at_secs(SLACK_SENT);
    Receiver::builder(providers::GITHUB, Secret::new(GITHUB_SECRET).unwrap())
        .clock(clock.clone())
        .store(MemoryStore::single_process_on(64, clock))
        .deduplicate(Deduplicate::ByContent)
        .build()
        .unwrap()
}

fn pushed(body: &str) -> Request<Body> {
    github_signed(JSON, body.as_bytes())
}

/// Counts its runs.
type Runs = Arc<AtomicU32>;

fn run(runs: &Runs) -> u32 {
    runs.fetch_add(1, Ordering::SeqCst).saturating_add(1)
}

/// One event under the layer of a router, a nested router and a route.
#[tokio::test]
async fn wherever_the_layer_is_mounted_a_delivery_runs_once() {
    async fn handler(State(runs): State<Runs>, _: Webhook<Json<Yo>>) -> (StatusCode, String) {
        (StatusCode::CREATED, run(&runs).to_string())
    }
    let layer = || CountersignLayer::new(github());
    let inner = || Router::<Runs>::new().route("/hooks", any(handler));
    let mounted = [
        ("/hooks", inner().layer(layer())),
        ("/hooks", inner().route_layer(layer())),
        (
            "/in/hooks",
            Router::new().nest("/in", inner().layer(layer())),
        ),
        (
            "/in/hooks",
            Router::new().nest("/in", inner()).layer(layer()),
        ),
    ];
    for (path, router) in mounted {
        let runs = Runs::default();
        let router = router.with_state(Arc::clone(&runs));
        let attempt = |body: &str| {
            let mut request = pushed(body);
            *request.uri_mut() = path.parse().unwrap();
            request
        };
        told(&send(&router, attempt(GITHUB_JSON)).await, 201, "1");
        for _ in 0..2 {
            told(&send(&router, attempt(GITHUB_JSON)).await, 201, "");
        }
        told(&send(&router, attempt(r#"{"yo":false}"#)).await, 201, "2");
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        let forged = Request::post(path)
            .header("content-type", JSON)
            .body(Body::from(GITHUB_JSON));
        told(&send(&router, forged.unwrap()).await, 401, "unauthorized\n");
    }
}

#[tokio::test]
async fn a_layer_on_a_route_of_its_own() {
    let runs = Runs::default();
    async fn handler(State(runs): State<Runs>, _: Webhook) -> String {
        run(&runs).to_string()
    }
    let router = Router::new()
        .route("/", post(handler).layer(CountersignLayer::new(github())))
        .with_state(Arc::clone(&runs));
    told(&send(&router, pushed(GITHUB_JSON)).await, 200, "1");
    told(&send(&router, pushed(GITHUB_JSON)).await, 200, "");
}

/// The word is good around anything that is a response.
#[tokio::test]
async fn for_good_is_recorded_and_never_runs_again() {
    async fn handler(
        State(runs): State<Runs>,
        Webhook { payload, .. }: Webhook<String>,
    ) -> Response {
        run(&runs);
        match payload.as_str() {
            "1" => ForGood(StatusCode::UNPROCESSABLE_ENTITY).into_response(),
            "2" => ForGood((StatusCode::NOT_FOUND, "no such order")).into_response(),
            "3" => ForGood("done, and for good").into_response(),
            "4" => Err::<(), _>(ForGood(StatusCode::INTERNAL_SERVER_ERROR)).into_response(),
            _ => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        }
    }
    let runs = Runs::default();
    let receiver = github();
    let router = Router::new()
        .route("/", post(handler))
        .layer(CountersignLayer::new(receiver.clone()))
        .with_state(Arc::clone(&runs));
    for (body, status, text) in [
        ("1", 422, ""),
        ("2", 404, "no such order"),
        ("3", 200, "done, and for good"),
        ("4", 500, ""),
    ] {
        told(&send(&router, pushed(body)).await, status, text);
        told(&send(&router, pushed(body)).await, 200, "");
        told(&send(&router, pushed(body)).await, 200, "");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 4);
    let counts = receiver.counts();
    assert_eq!(
        (counts.failed, counts.released, counts.duplicates),
        (4, 0, 8)
    );

    // The same status without the word.
    for _ in 0..3 {
        told(&send(&router, pushed("5")).await, 422, "");
    }
    assert_eq!(
        (runs.load(Ordering::SeqCst), receiver.counts().released),
        (7, 3)
    );
}

#[tokio::test]
async fn a_handler_gets_its_lease() {
    async fn handler(Extension(lease): Extension<Lease>, hook: Webhook) -> (StatusCode, String) {
        assert_eq!(hook.delivery.key(), Some(lease.key()));
        let status = match lease.attempt() {
            1 | 2 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        };
        (
            status,
            format!("attempt {}, {:?}", lease.attempt(), lease.remaining()),
        )
    }
    let router = Router::new()
        .route("/", post(handler))
        .layer(CountersignLayer::new(github()));
    told(&send(&router, pushed("{}")).await, 503, "attempt 1, 60s");
    told(&send(&router, pushed("{}")).await, 503, "attempt 2, 60s");
    told(&send(&router, pushed("{}")).await, 200, "attempt 3, 60s");
    told(&send(&router, pushed("{}")).await, 200, "");
}

/// An extractor that refuses the payload is the handler's answer: nothing is settled, and a mended handler gets the retry.
#[tokio::test]
async fn a_payload_that_cannot_be_read_is_given_back() {
    async fn handler(_: Webhook<Json<Yo>>) {}
    let receiver = github();
    let router = Router::new()
        .route("/", post(handler))
        .layer(CountersignLayer::new(receiver.clone()));
    for attempt in 1..=3 {
        let response = router.clone().oneshot(pushed(r#"{"other":1}"#)).await;
        let response = response.unwrap();
        assert_eq!(response.status(), 422);
        let outcome = response.extensions().get::<Outcome>().unwrap();
        assert_eq!(
            (&outcome.kind, outcome.attempt),
            (&OutcomeKind::Released, Some(attempt))
        );
    }
    assert_eq!(receiver.counts().released, 3);
}

/// Axum's own 404 and 405 are no 2xx: a route that was forgotten loses nothing.
#[tokio::test]
async fn a_route_that_is_not_there_loses_nothing() {
    let receiver = github();
    let layer = CountersignLayer::new(receiver.clone());
    let forgotten = Router::new()
        .route("/other", post(|| async {}))
        .layer(layer.clone());
    let request = || {
        let mut request = pushed("{}");
        *request.uri_mut() = "/hooks".parse().unwrap();
        request
    };
    told(&send(&forgotten, request()).await, 404, "");
    let wrong = Router::new()
        .route("/hooks", axum::routing::get(|| async {}))
        .layer(layer.clone());
    told(&send(&wrong, request()).await, 405, "");
    let mended = Router::new()
        .route("/hooks", post(|_: Webhook| async { "done" }))
        .layer(layer);
    told(&send(&mended, request()).await, 200, "done");
    told(&send(&mended, request()).await, 200, "");
    assert_eq!((receiver.counts().released, receiver.counts().done), (2, 1));
}

#[tokio::test]
async fn a_panic_is_500_and_the_next_attempt_runs() {
    async fn handler(State(runs): State<Runs>, _: Webhook) -> &'static str {
        assert!(run(&runs) > 1, "as the test says");
        "done"
    }
    let router = Router::new()
        .route("/", post(handler))
        .layer(CountersignLayer::new(github()))
        .with_state(Runs::default());
    let response = router.clone().oneshot(pushed("{}")).await.unwrap();
    assert_eq!(response.status(), 500);
    let refusal = response.extensions().get::<Refusal>();
    assert_eq!(refusal, Some(&Refusal::HandlerPanicked));
    told(&send(&router, pushed("{}")).await, 200, "done");
    told(&send(&router, pushed("{}")).await, 200, "");
}

/// Slack reads the answer to a command, and so does its retry.
#[tokio::test]
async fn a_command_is_answered_again_with_the_same_words() {
    async fn handler(State(runs): State<Runs>, _: Webhook) -> impl IntoResponse {
        let cookie = [("set-cookie", "planted")];
        (
            cookie,
            Json(std::collections::BTreeMap::from([("run", run(&runs))])),
        )
    }
    let clock = ManualClock::at_secs(SLACK_SENT);
    let receiver = Receiver::builder(providers::SLACK, Secret::new(SLACK_SECRET).unwrap())
        .clock(clock.clone())
        .store(MemoryStore::single_process_on(64, clock))
        .deduplicate(Deduplicate::ByContent)
        .build()
        .unwrap();
    let router = Router::new()
        .route("/", post(handler))
        .layer(CountersignLayer::new(receiver))
        .with_state(Runs::default());
    let form = crate::support::FORM;
    let command = || {
        signed(
            &providers::SLACK,
            SLACK_SECRET,
            form,
            b"command=%2Fgo&trigger_id=1.2",
        )
    };
    let first = send(&router, command()).await;
    told(&first, 200, r#"{"run":1}"#);
    assert_eq!(first.headers["set-cookie"], "planted");
    let second = send(&router, command()).await;
    told(&second, 200, r#"{"run":1}"#);
    assert_eq!(second.headers.get("set-cookie"), None);
    assert_eq!(second.headers["content-type"], JSON);
}

/// Two senders behind one router share a store and never each other's deliveries.
#[tokio::test]
async fn two_endpoints_on_one_store() {
    async fn handler(State(runs): State<Runs>, _: Webhook) -> String {
        run(&runs).to_string()
    }
    let clock = ManualClock::at_secs(SLACK_SENT);
    let store = MemoryStore::single_process_on(64, clock.clone());
    let layer = |endpoint: &str| {
        let receiver = Receiver::builder(providers::GITHUB, Secret::new(GITHUB_SECRET).unwrap())
            .clock(clock.clone())
            .store(store.clone())
            .deduplicate(Deduplicate::ByContent)
            .endpoint(endpoint)
            .build();
        CountersignLayer::new(receiver.unwrap())
    };
    let router = Router::new()
        .route("/a", post(handler).layer(layer("a")))
        .route("/b", post(handler).layer(layer("b")))
        .route("/a2", post(handler).layer(layer("a")))
        .with_state(Runs::default());
    for (path, body) in [
        ("/a", "1"),
        ("/b", "2"),
        ("/a2", ""),
        ("/a", ""),
        ("/b", ""),
    ] {
        let mut request = pushed("{}");
        *request.uri_mut() = path.parse().unwrap();
        told(&send(&router, request).await, 200, body);
    }
}
