//! Bare hyper, with a bound on the time that a head may take.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use countersign_tower::{Countersign, Delivery, VerifiedBody};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Service as TowerService, service_fn};

use crate::server::Server;
use crate::subject::{PATH, Service, Subject};

pub(crate) struct Hyper;

/// Much more than a genuine peer needs over one machine's own sockets, however busy it is, and less than anybody waits here.
const HEAD: Duration = Duration::from_secs(3);

impl Server for Hyper {
    const NAME: &str = "hyper";
    // Which version of HTTP it is, hyper waits to learn for ever.
    const NEVER_ENDS: &[&str] = &["silent"];

    async fn serve(subject: Subject, listener: TcpListener) {
        let handled = subject.clone();
        let handler = service_fn(move |request: Request<VerifiedBody>| {
            let handled = handled.clone();
            async move { Ok::<_, Infallible>(handle(&handled, &request)) }
        });
        match subject.service {
            Service::Stripe => {
                let receiver = subject.receiver_with_store();
                accept(listener, Countersign::new(handler, receiver)).await;
            }
            _ => accept(listener, Countersign::new(handler, subject.receiver())).await,
        }
    }
}

fn handle(subject: &Subject, request: &Request<VerifiedBody>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = match request.extensions().get::<Delivery>() {
        Some(delivery) if request.uri().path() == PATH => {
            subject.handle(delivery.body().clone());
            StatusCode::NO_CONTENT
        }
        Some(_) => StatusCode::NOT_FOUND,
        None => StatusCode::INTERNAL_SERVER_ERROR,
    };
    response
}

async fn accept<S, B>(listener: TcpListener, service: S)
where
    S: TowerService<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let mut builder = Builder::new(TokioExecutor::new());
            builder
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .http2()
                .timer(TokioTimer::new());
            // What a hostile peer does to its own connection is its own affair.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
