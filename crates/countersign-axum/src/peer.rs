//! The peer's address: from where axum keeps it to where the core looks for it.

use std::net::SocketAddr;
use std::task::{Context, Poll};

use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use countersign_tower::Peer;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

/// Puts the address at the other end of the connection into requests, as [`Peer`], right in front of the layer that it is made with (feature
/// `peer`).
///
/// Needed where the public URL comes from trusted proxies ([`public_url_from`](countersign_tower::ReceiverBuilder::public_url_from)), and where
/// failures are limited per source ([`limit_failures`](countersign_tower::ReceiverBuilder::limit_failures)). The address is axum's [`ConnectInfo<SocketAddr>`](ConnectInfo), so serve the router with
/// [`into_make_service_with_connect_info`](axum::Router::into_make_service_with_connect_info); in tests a [`MockConnectInfo`] does. It is the
/// peer's own address, never one that a header names. A [`Peer`] that is there already stays: whoever accepts connections by other means puts
/// it there and needs none of this.
///
/// It goes around the [`CountersignLayer`](crate::CountersignLayer), so there is no order of layers to get wrong. Without an address, where proxies
/// tell the URL every request is refused with 500, and where failures are limited none is; a WARN event says that the peer is missing.
///
/// ```
/// use axum::extract::connect_info::MockConnectInfo;
/// use axum::{Router, body::Body, http::Request, routing::any};
/// use countersign_axum::{CountersignLayer, Receiver, TrustedProxies, Webhook, WithPeer, danger, providers::TWILIO};
/// use std::net::SocketAddr;
/// use tower::ServiceExt;
///
/// async fn called(Webhook { delivery, .. }: Webhook) -> String {
///     delivery.scheme().title.to_string()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let proxies = TrustedProxies::new(&["10.0.0.0/8"], ["mycompany.com"])?;
/// let receiver = Receiver::builder(TWILIO, danger::secret_of_any_length("12345")?).public_url_from(proxies);
/// let app: Router = Router::new()
///     .route("/myapp.php", any(called).layer(WithPeer::new(CountersignLayer::new(receiver.build()?))));
/// // axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
///
/// let attempt = || {
///     Request::post("/myapp.php?foo=1&bar=2")
///         .header("content-type", "application/x-www-form-urlencoded")
///         .header("x-forwarded-proto", "https")
///         .header("x-forwarded-host", "mycompany.com")
///         .header("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
///         .body(Body::from("CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"))
/// };
/// for (peer, status) in [([10, 1, 2, 3], 200), ([203, 0, 113, 9], 401)] {
///     let app = app.clone().layer(MockConnectInfo(SocketAddr::from((peer, 50_000))));
///     assert_eq!(app.oneshot(attempt()?).await?.status(), status);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct WithPeer<L>(L);

impl<L> WithPeer<L> {
    /// Around this layer.
    pub const fn new(layer: L) -> Self {
        Self(layer)
    }
}

impl<L, Inner> Layer<Inner> for WithPeer<L>
where
    L: Layer<Inner>,
{
    type Service = TellPeer<L::Service>;

    fn layer(&self, inner: Inner) -> Self::Service {
        TellPeer(self.0.layer(inner))
    }
}

/// The service of [`WithPeer`].
#[derive(Clone, Copy, Debug)]
pub struct TellPeer<Inner>(Inner);

impl<Inner, B> Service<Request<B>> for TellPeer<Inner>
where
    Inner: Service<Request<B>>,
{
    type Response = Inner::Response;
    type Error = Inner::Error;
    type Future = Inner::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Inner::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let extensions = request.extensions_mut();
        if extensions.get::<Peer>().is_none() {
            let connected = extensions.get().map(|ConnectInfo(address)| *address);
            let mocked = || extensions.get().map(|MockConnectInfo(address)| *address);
            if let Some(address) = connected.or_else(mocked) {
                extensions.insert(Peer(SocketAddr::ip(&address)));
            }
        }
        self.0.call(request)
    }
}
