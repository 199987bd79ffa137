//! What a whole delivery costs on a route of axum: verified, claimed, handled, settled, and met again. The floor is the bare route.

use std::cell::Cell;
use std::error::Error;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use axum::routing::post;
use countersign::providers::STANDARD_WEBHOOKS;
use countersign::{MemoryStore, Message, Receiver, Secret, SignError, system_now};
use countersign_axum::{CountersignLayer, Webhook};
use http::{Request, StatusCode};
use tokio::runtime::Runtime;
use tower_service::Service as _;

use crate::measure::{Plan, paired};
use crate::senders;
use crate::table::Table;

const PLAN: Plan = Plan {
    batch: 32,
    turns: 100,
};

/// More than all of a row's new deliveries.
const CAPACITY: usize = 1_000_000;

pub(crate) fn rows(table: &mut Table) -> Result<(), Box<dyn Error>> {
    table.section("whole deliveries on an axum POST of 1 KiB: floor is the bare route");
    let sender = Sender::new()?;
    let mut bare = Router::new().route("/hooks", post(handle)).with_state(());
    let verifies = || -> Result<Router, Box<dyn Error>> {
        let receiver = Receiver::builder(STANDARD_WEBHOOKS, sender.secret.clone()).build()?;
        Ok(router(CountersignLayer::new(receiver)))
    };
    let remembers = || -> Result<CountersignLayer<_>, Box<dyn Error>> {
        let receiver = Receiver::builder(STANDARD_WEBHOOKS, sender.secret.clone())
            .store(MemoryStore::single_process(CAPACITY))
            .build()?;
        Ok(CountersignLayer::new(receiver))
    };

    let count = Cell::new(0);
    let new = || {
        count.set(count.get() + 1);
        sender.send(count.get())
    };
    let same = || sender.send(0);
    let in_place = |router: &mut Router, request| now(router.call(request));

    let mut ours = verifies()?;
    answers(in_place(&mut ours, same()?)?)?;
    table.ratio(
        "verified only",
        measured(
            &same,
            |request| in_place(&mut bare, request),
            |request| in_place(&mut ours, request),
        ),
        None,
    );
    let mut ours = router(remembers()?.in_place());
    answers(in_place(&mut ours, new()?)?)?;
    table.ratio(
        "a new delivery, in place",
        measured(
            &new,
            |request| in_place(&mut bare, request),
            |request| in_place(&mut ours, request),
        ),
        None,
    );
    answers(in_place(&mut ours, same()?)?)?;
    table.ratio(
        "a duplicate, in place",
        measured(
            &same,
            |request| in_place(&mut bare, request),
            |request| in_place(&mut ours, request),
        ),
        None,
    );

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let on_runtime = |router: &mut Router, request| on(&runtime, router.call(request));
    let mut ours = router(remembers()?);
    answers(on_runtime(&mut ours, new()?)?)?;
    table.ratio(
        "a new delivery, as a task",
        measured(
            &new,
            |request| on_runtime(&mut bare, request),
            |request| on_runtime(&mut ours, request),
        ),
        None,
    );
    answers(on_runtime(&mut ours, same()?)?)?;
    table.ratio(
        "a duplicate, as a task",
        measured(
            &same,
            |request| on_runtime(&mut bare, request),
            |request| on_runtime(&mut ours, request),
        ),
        None,
    );
    Ok(())
}

fn router<L>(layer: L) -> Router
where
    L: tower_layer::Layer<axum::routing::Route> + Clone + Send + Sync + 'static,
    L::Service: tower_service::Service<axum::extract::Request> + Clone + Send + Sync + 'static,
    <L::Service as tower_service::Service<axum::extract::Request>>::Response:
        axum::response::IntoResponse + 'static,
    <L::Service as tower_service::Service<axum::extract::Request>>::Error:
        Into<std::convert::Infallible> + 'static,
    <L::Service as tower_service::Service<axum::extract::Request>>::Future: Send + 'static,
{
    let handler = |Webhook { payload, .. }: Webhook<Bytes>| handle(payload);
    Router::new()
        .route("/hooks", post(handler).layer(layer))
        .with_state(())
}

async fn handle(body: Bytes) -> StatusCode {
    black_box(body);
    StatusCode::NO_CONTENT
}

type Answer = Result<Result<Response, std::convert::Infallible>, Box<dyn Error>>;

fn measured(
    input: &dyn Fn() -> Result<Request<Body>, SignError>,
    mut floor: impl FnMut(Request<Body>) -> Answer,
    mut ours: impl FnMut(Request<Body>) -> Answer,
) -> crate::measure::Paired {
    let run = |answer: Answer| {
        drop(black_box(answer));
    };
    paired(
        PLAN,
        input,
        |request| {
            if let Ok(request) = request {
                run(floor(request));
            }
        },
        |request| {
            if let Ok(request) = request {
                run(ours(request));
            }
        },
    )
}

fn answers(answer: Result<Response, std::convert::Infallible>) -> Result<(), Box<dyn Error>> {
    let Ok(response) = answer;
    match response.status() {
        StatusCode::NO_CONTENT => Ok(()),
        status => Err(format!("answered {status}").into()),
    }
}

/// Signs requests whose ids differ.
struct Sender {
    secret: Secret,
    body: Bytes,
}

impl Sender {
    fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            secret: Secret::new(senders::genuine_secret(&STANDARD_WEBHOOKS))?,
            body: senders::body(1024),
        })
    }

    fn send(&self, number: u64) -> Result<Request<Body>, SignError> {
        let id = format!("msg_{number:027}");
        let message = Message::new(&self.body, system_now()).id(&id);
        let signed = STANDARD_WEBHOOKS.sign(&self.secret, &message)?;
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static("/hooks");
        request.headers_mut().extend(signed);
        Ok(request)
    }
}

fn on<F: Future>(runtime: &Runtime, future: F) -> Result<F::Output, Box<dyn Error>> {
    Ok(runtime.block_on(future))
}

/// Everything is there: whatever is polled completes at once, without a runtime.
fn now<F: Future>(future: F) -> Result<F::Output, Box<dyn Error>> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err("a future waits although everything is there".into()),
    }
}
