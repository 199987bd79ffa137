//! What the inner service gets, and what of its response goes out.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use countersign_tower::{
    Countersign, CountersignLayer, Delivery, Refusal, ResponseBody, VerifiedBody,
};
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{
    GITHUB_BODY, GITHUB_SECRET, GITHUB_SIGNATURE, LineDropped, STRIPE_BODY, STRIPE_SENT,
    STRIPE_SIGNATURE, Seen, Step, github, scripted, send, signed, stripe,
};

#[derive(Clone, Debug, PartialEq)]
struct FromOutside(u8);

#[tokio::test]
async fn the_request_goes_on_as_it_came() {
    let uri = "https://example.com/hooks/%7Ea?b=c&b=d";
    let request = Request::post(uri)
        .version(Version::HTTP_2)
        .header("x-hub-signature-256", GITHUB_SIGNATURE)
        .header("x-github-event", "push")
        .header("x-multi", "1")
        .header("x-multi", HeaderValue::from_bytes(b"\xff").unwrap())
        .extension(FromOutside(7))
        .body(GITHUB_BODY.to_owned())
        .unwrap();
    let headers = request.headers().clone();

    let (reply, seen) = send(github(), request).await;
    assert_eq!(reply.status, 200);
    let (parts, body) = seen.one();
    assert_eq!(parts.method, Method::POST);
    assert_eq!(parts.uri, uri.parse::<Uri>().unwrap());
    assert_eq!(parts.version, Version::HTTP_2);
    assert_eq!(parts.headers, headers);
    assert_eq!(parts.extensions.get(), Some(&FromOutside(7)));
    assert_eq!(body, GITHUB_BODY);
    let delivery: &Delivery = parts.extensions.get().unwrap();
    assert_eq!(delivery.scheme().name, "github");
    assert_eq!(delivery.event().unwrap().as_str(), "push");
    assert_eq!(delivery.body(), GITHUB_BODY);
}

#[tokio::test]
async fn a_body_in_one_piece_is_not_copied() {
    let bytes = Bytes::from(GITHUB_BODY.to_owned());
    let (_, seen) = send(github(), signed().body(Full::new(bytes.clone())).unwrap()).await;
    let (parts, body) = seen.one();
    assert_eq!(body.as_ptr(), bytes.as_ptr());
    let delivery: &Delivery = parts.extensions.get().unwrap();
    assert_eq!(delivery.body().as_ptr(), bytes.as_ptr());
}

/// The only delivery a request can bring along is one that another receiver made.
#[tokio::test]
async fn a_delivery_that_a_request_brings_along_is_replaced() {
    let event = Request::post("/")
        .header("stripe-signature", STRIPE_SIGNATURE)
        .body(STRIPE_BODY.to_owned())
        .unwrap();
    let (_, seen) = send(stripe(STRIPE_SENT), event).await;
    let (parts, _) = seen.one();
    let foreign: Delivery = parts.extensions.get::<Delivery>().unwrap().clone();

    let genuine = signed()
        .extension(foreign.clone())
        .body(GITHUB_BODY.to_owned());
    let (_, seen) = send(github(), genuine.unwrap()).await;
    let (parts, _) = seen.one();
    let delivery: &Delivery = parts.extensions.get().unwrap();
    assert_eq!(delivery.scheme().name, "github");
    assert_eq!(delivery.body(), GITHUB_BODY);

    let unsigned = Request::post("/")
        .extension(foreign)
        .body(STRIPE_BODY.to_owned());
    let (reply, seen) = send(github(), unsigned.unwrap()).await;
    assert_eq!((reply.status, seen.count()), (401, 0));
}

#[test]
fn the_verified_body_knows_its_length_and_ends() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keep = seen.clone();
    let mut service = Countersign::new(
        service_fn(move |request: Request<VerifiedBody>| {
            *keep.lock().unwrap() = Some(request.into_body());
            ready(Ok::<_, Infallible>(Response::new(())))
        }),
        github(),
    );
    let request = signed().body(GITHUB_BODY.to_owned()).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(
        pin!(service.call(request)).poll(&mut cx).is_ready(),
        "needs no runtime"
    );

    let mut body = seen.lock().unwrap().take().unwrap();
    assert_eq!(body.size_hint().exact(), Some(13));
    assert!(!body.is_end_stream());
    assert_eq!(body.clone().into_bytes(), GITHUB_BODY);
    let frame = pin!(body.frame()).poll(&mut cx);
    let Poll::Ready(Some(Ok(frame))) = frame else {
        panic!("{frame:?}");
    };
    assert_eq!(frame.into_data().unwrap(), GITHUB_BODY);
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.is_end_stream());
    assert!(matches!(
        pin!(body.frame()).poll(&mut cx),
        Poll::Ready(None)
    ));
    assert_eq!(VerifiedBody::default().into_bytes(), "");
}

#[tokio::test]
async fn a_middleware_outside_is_told_the_refusal() {
    let service = Countersign::new(Seen::default().service(), github());
    let told = async |request: Request<String>| {
        let response = service.clone().oneshot(request).await.unwrap();
        response.extensions().get::<Refusal>().cloned()
    };
    let unsigned = Request::post("/").body(GITHUB_BODY.to_owned()).unwrap();
    assert_eq!(told(unsigned).await, Some(Refusal::SignatureMissing));
    let forged = signed().body("Hello, World?".to_owned()).unwrap();
    assert_eq!(told(forged).await, Some(Refusal::SignatureMismatch));
    let genuine = signed().body(GITHUB_BODY.to_owned()).unwrap();
    assert_eq!(told(genuine).await, None);
}

#[derive(Debug, PartialEq)]
struct OutOfPaper;

#[tokio::test]
async fn errors_of_the_inner_service_keep_their_type() {
    let service = CountersignLayer::new(github()).layer(service_fn(|_: Request<VerifiedBody>| {
        ready(Err::<Response<String>, _>(OutOfPaper))
    }));
    let request = signed().body(GITHUB_BODY.to_owned()).unwrap();
    let error: OutOfPaper = service.clone().oneshot(request).await.unwrap_err();
    assert_eq!(error, OutOfPaper);

    let forged = signed().body("Hello, World?".to_owned()).unwrap();
    assert_eq!(service.oneshot(forged).await.unwrap().status(), 401);
}

#[derive(Clone)]
struct NeverReady;

impl Service<Request<VerifiedBody>> for NeverReady {
    type Response = Response<String>;
    type Error = OutOfPaper;
    type Future = std::future::Ready<Result<Response<String>, OutOfPaper>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OutOfPaper>> {
        Poll::Ready(Err(OutOfPaper))
    }

    fn call(&mut self, _: Request<VerifiedBody>) -> Self::Future {
        panic!("it was not ready")
    }
}

#[tokio::test]
async fn a_service_that_does_not_become_ready_says_so_to_verified_deliveries_alone() {
    let mut service = Countersign::new(NeverReady, github());
    let genuine = signed()
        .body(scripted([Step::Data(GITHUB_BODY)]).0)
        .unwrap();
    let answer = ready(&mut service).await.call(genuine).await;
    assert_eq!(answer.map(|_| ()).unwrap_err(), OutOfPaper);
    let forged = signed()
        .body(scripted([Step::Data("Hello, World?")]).0)
        .unwrap();
    let answer = ready(&mut service).await.call(forged).await;
    assert_eq!(answer.unwrap().status(), 401);
}

#[tokio::test(start_paused = true)]
async fn the_inner_body_passes_with_its_trailers_and_errors() {
    let service = Countersign::new(
        service_fn(|_: Request<VerifiedBody>| {
            let (body, _) =
                scripted([Step::Data("a"), Step::Waits(1), Step::Trailers, Step::Fails]);
            let response = Response::builder().status(202).header("x-own", "1");
            ready(Ok::<_, Infallible>(response.body(body).unwrap()))
        }),
        github(),
    );
    let request = signed().body(GITHUB_BODY.to_owned()).unwrap();
    let (parts, body) = service.oneshot(request).await.unwrap().into_parts();
    assert_eq!(parts.status, 202);
    assert_eq!(parts.headers.len(), 1);
    assert_eq!(parts.headers["x-own"], "1");
    let mut body = pin!(body);
    let data = body.frame().await.unwrap().unwrap();
    assert_eq!(data.into_data().unwrap(), "a");
    let trailers = body.frame().await.unwrap().unwrap();
    assert!(trailers.is_trailers());
    let error: LineDropped = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error, LineDropped);
}

#[tokio::test]
async fn both_bodies_tell_their_length() {
    let echo = service_fn(|request: Request<VerifiedBody>| {
        let body = BytesMut::from(request.into_body().into_bytes());
        ready(Ok::<_, Infallible>(Response::new(Full::new(body))))
    });
    let service = Countersign::new(echo, github());
    for (body, text) in [
        (GITHUB_BODY, GITHUB_BODY),
        ("Hello, World?", "unauthorized\n"),
    ] {
        let request = signed().body(body.to_owned()).unwrap();
        let mut body = service.clone().oneshot(request).await.unwrap().into_body();
        assert_eq!(body.size_hint().exact(), Some(13));
        assert!(!body.is_end_stream());
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), text);
        assert!(body.is_end_stream());
    }
    let empty = ResponseBody::<Full<Bytes>>::default();
    assert!(empty.is_end_stream());
}

/// Neither the request's body nor the store nor the inner service need cross threads unless the future is to.
#[tokio::test]
async fn nothing_asks_for_send() {
    struct Local(
        Full<Bytes>,
        #[expect(dead_code, reason = "it only must not be Send")] Rc<()>,
    );

    impl Body for Local {
        type Data = Bytes;
        type Error = Rc<str>;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Rc<str>>>> {
            Pin::new(&mut self.0)
                .poll_frame(cx)
                .map_err(|never| match never {})
        }
    }

    let inner = Rc::new(());
    let service = service_fn(move |_: Request<VerifiedBody>| {
        ready(Ok::<_, Rc<()>>(Response::new(Rc::clone(&inner))))
    });
    let request = signed().body(Local(Full::from(GITHUB_BODY), Rc::new(())));
    let response = Countersign::new(service, github())
        .oneshot(request.unwrap())
        .await;
    assert_eq!(response.unwrap().status(), 200);
}

fn crosses_threads<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn all_of_it_crosses_threads_when_the_parts_do() {
    let layer = CountersignLayer::new(github());
    fn shared<T: Send + Sync + Unpin + 'static>(_: &T) {}
    shared(&layer);
    let mut service = crosses_threads(layer.layer(Seen::default().service()));
    let request = signed().body(GITHUB_BODY.to_owned()).unwrap();
    let response = crosses_threads(service.call(request)).await.unwrap();
    shared(response.body());
    shared(&VerifiedBody::default());
}

/// Whoever prints a service prints no secret.
#[tokio::test]
async fn nothing_prints_the_secret() {
    let layer: CountersignLayer = CountersignLayer::new(github());
    let mut service = layer.layer(tower::util::service_fn(|_: Request<VerifiedBody>| {
        ready(Ok::<_, Infallible>(Response::new(String::new())))
    }));
    let layered = format!("{layer:?} {service:?}");
    let reading = format!(
        "{:?}",
        service.call(signed().body(GITHUB_BODY.to_owned()).unwrap())
    );
    let refused = format!("{:?}", service.call(Request::new(String::new())));
    assert_eq!(reading, r#"ResponseFuture { state: "reading", .. }"#);
    assert_eq!(refused, r#"ResponseFuture { state: "fixed", .. }"#);
    assert!(layered.contains("github"));
    for printed in [&layered, &reading, &refused] {
        assert!(!printed.contains(GITHUB_SECRET) && !printed.contains(GITHUB_SIGNATURE));
    }
}

#[tokio::test]
async fn the_core_is_here_under_its_name_and_at_the_root() {
    let receiver: countersign_tower::countersign::Receiver = github();
    let _: countersign_tower::Receiver = receiver;
}
