//! Bare hyper, with a bound on the time that a head may take.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use countersign_tower::{Countersign, Delivery, FailedForGood, Lease, Peer, VerifiedBody};
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Service as TowerService, ServiceExt, service_fn};

use crate::app::{App, Guard, PATH, Said, Server};

pub(crate) struct Hyper;

/// Much more than a genuine peer needs over one machine's own sockets, however busy it is, and less than anybody waits here.
const HEAD: Duration = Duration::from_secs(3);

impl Server for Hyper {
    const NAME: &str = "hyper";
    // Which version of HTTP it is, hyper waits to learn for ever.
    const NEVER_ENDS: &[&str] = &["silent"];

    async fn serve(app: impl App, listener: TcpListener) {
        let guard = app.guard();
        let handler = service_fn(move |request: Request<VerifiedBody>| {
            let app = app.clone();
            async move { Ok::<_, Infallible>(handle(&app, &request).await) }
        });
        match guard {
            Guard::Once(receiver) => accept(listener, Countersign::new(handler, receiver)).await,
            Guard::Verifies(receiver) => {
                accept(listener, Countersign::new(handler, receiver)).await;
            }
        }
    }
}

async fn handle(app: &impl App, request: &Request<VerifiedBody>) -> Response<Full<Bytes>> {
    let extensions = request.extensions();
    let said = match extensions.get::<Delivery>().cloned() {
        Some(delivery) if request.uri().path() == PATH => {
            let lease = extensions.get::<Lease>().cloned();
            app.handle(delivery, lease).await
        }
        Some(_) => Said::status(404),
        None => Said::status(500),
    };
    let mut response = Response::new(Full::new(said.body));
    *response.status_mut() = StatusCode::from_u16(said.status).unwrap();
    if let Some(kind) = said.media_type {
        let kind = kind.parse().unwrap();
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    if said.for_good {
        response.extensions_mut().insert(FailedForGood);
    }
    response
}

async fn accept<S, B>(listener: TcpListener, service: S)
where
    S: TowerService<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    while let Ok((stream, peer)) = listener.accept().await {
        let service = service.clone().map_request(move |mut request: Request<_>| {
            request.extensions_mut().insert(Peer(peer.ip()));
            request
        });
        let service = TowerToHyperService::new(service);
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
