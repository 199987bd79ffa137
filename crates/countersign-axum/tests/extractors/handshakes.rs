//! What the layer answers by itself, by every way to put it in front of a handler; and URLs that proxies and routers change.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::{MethodRouter, any, get, post};
use countersign_axum::{CountersignLayer, Receiver, Scheme, Secret, Webhook, danger, providers};

use crate::support::{Reply, send, signed, told};

const SECRET: &str = "0123456789abcdef";

fn layer(scheme: Scheme) -> CountersignLayer {
    let builder = Receiver::builder(scheme, Secret::new(SECRET).unwrap());
    let builder = builder
        .accept_weak(danger::Weak::NothingSigned)
        .consent(|_| std::future::ready(true));
    CountersignLayer::new(builder.build().unwrap())
}

fn intercom() -> CountersignLayer {
    layer(providers::INTERCOM)
}

type Running = Pin<Box<dyn Future<Output = String> + Send>>;

/// A handler that counts how often it ran.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn handler(&self) -> impl Fn(Webhook) -> Running + Clone + Send + Sync + 'static + use<> {
        let runs = self.clone();
        move |Webhook { delivery, .. }| {
            runs.0.fetch_add(1, Ordering::SeqCst);
            let name = delivery.scheme().name.to_string();
            Box::pin(std::future::ready(name))
        }
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn bare(method: &str, path: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    request.body(Body::empty()).unwrap()
}

fn event(path: &str) -> Request<Body> {
    let mut request = signed(
        &providers::INTERCOM,
        SECRET,
        "application/json",
        br#"{"id":"n1"}"#,
    );
    *request.uri_mut() = path.parse().unwrap();
    request
}

fn headers(reply: &Reply) -> Vec<String> {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}: {}", value.to_str().unwrap())
    };
    let mut headers: Vec<_> = reply.headers.iter().map(line).collect();
    headers.sort();
    headers
}

const ANSWER: [&str; 3] = [
    "cache-control: no-store",
    "content-length: 0",
    "x-content-type-options: nosniff",
];

/// Whatever the way, the probe is answered by the layer, other methods are refused by it, and the handler runs for the delivery alone.
async fn answers(way: &str, router: Router, runs: &Runs, path: &str, axum_adds_allow: bool) {
    let reply = send(&router, bare("HEAD", path)).await;
    told(&reply, 200, "");
    let mut expect = ANSWER.to_vec();
    if axum_adds_allow {
        expect.insert(0, "allow: POST");
    }
    assert_eq!(headers(&reply), expect, "{way}");
    for method in ["GET", "OPTIONS", "PUT"] {
        let reply = send(&router, bare(method, path)).await;
        told(&reply, 405, "method not allowed\n");
        assert_eq!(reply.headers["allow"], "POST", "{way}");
    }
    let unsigned = send(&router, bare("POST", path)).await;
    told(&unsigned, 401, "unauthorized\n");
    assert_eq!(runs.count(), 0, "{way}");
    told(&send(&router, event(path)).await, 200, "intercom");
    assert_eq!(runs.count(), 1, "{way}");
}

#[tokio::test]
async fn ways_by_which_the_layer_sees_every_method() {
    let runs = Runs::default;
    let route = |method_router| Router::new().route("/x", method_router);
    let (a, b, c, d, e, f, g, h, i) = (
        runs(),
        runs(),
        runs(),
        runs(),
        runs(),
        runs(),
        runs(),
        runs(),
        runs(),
    );
    let routers = [
        (
            "any, layer",
            route(any(a.handler()).layer(intercom())),
            &a,
            "/x",
            false,
        ),
        (
            "post, layer",
            route(post(b.handler()).layer(intercom())),
            &b,
            "/x",
            true,
        ),
        (
            "a router's layer over any",
            route(any(c.handler())).layer(intercom()),
            &c,
            "/x",
            false,
        ),
        (
            "a router's layer over post",
            route(post(d.handler())).layer(intercom()),
            &d,
            "/x",
            true,
        ),
        (
            "a router's route_layer over post",
            route(post(e.handler())).route_layer(intercom()),
            &e,
            "/x",
            true,
        ),
        (
            "a nested router's layer",
            Router::new().nest("/n", route(any(f.handler())).layer(intercom())),
            &f,
            "/n/x",
            false,
        ),
        (
            "a layer over a nested router",
            Router::new()
                .nest("/n", route(any(g.handler())))
                .layer(intercom()),
            &g,
            "/n/x",
            false,
        ),
        (
            "a fallback",
            Router::new().fallback(h.handler()).layer(intercom()),
            &h,
            "/anywhere",
            false,
        ),
        (
            "a fallback for methods in front of which the layer stands",
            route(post(i.handler()))
                .method_not_allowed_fallback(|| async { "mine" })
                .layer(intercom()),
            &i,
            "/x",
            true,
        ),
    ];
    for (way, router, runs, path, axum_adds_allow) in routers {
        answers(way, router, runs, path, axum_adds_allow).await;
    }
}

#[tokio::test]
async fn answers_by_other_methods_have_their_content() {
    let runs = Runs::default();
    for router in [
        Router::new().route("/x", any(runs.handler()).layer(layer(providers::WEBSUB))),
        Router::new().route("/x", post(runs.handler()).layer(layer(providers::WEBSUB))),
        Router::new()
            .route("/x", post(runs.handler()))
            .layer(layer(providers::WEBSUB)),
    ] {
        let ask = bare("GET", "/x?hub.mode=subscribe&hub.challenge=kx9");
        let reply = send(&router, ask).await;
        told(&reply, 200, "kx9");
        assert_eq!(reply.headers["content-type"], "text/plain; charset=utf-8");
        let script = bare("GET", "/x?hub.mode=subscribe&hub.challenge=%3Cb%3E");
        told(&send(&router, script).await, 400, "bad request\n");
    }
    for router in [
        Router::new().route(
            "/x",
            any(runs.handler()).layer(layer(providers::CLOUDEVENTS)),
        ),
        Router::new().route(
            "/x",
            post(runs.handler()).layer(layer(providers::CLOUDEVENTS)),
        ),
    ] {
        let mut ask = bare("OPTIONS", "/x");
        let origin = "sender.example".parse().unwrap();
        ask.headers_mut().insert("webhook-request-origin", origin);
        let reply = send(&router, ask).await;
        told(&reply, 200, "");
        let mut expect = ANSWER.to_vec();
        expect.insert(0, "allow: POST");
        expect.insert(3, "webhook-allowed-origin: sender.example");
        expect.insert(4, "webhook-allowed-rate: *");
        assert_eq!(headers(&reply), expect);
    }
    assert_eq!(runs.count(), 0);
}

/// Axum refuses the other methods before the layer is asked: deliveries are safe, and probes fail.
#[tokio::test]
async fn a_route_layer_on_one_method_does_not_see_the_others() {
    let runs = Runs::default();
    let guarded = post(runs.handler()).route_layer(intercom());
    let router = Router::new().route("/x", guarded);
    for method in ["HEAD", "GET", "OPTIONS"] {
        let reply = send(&router, bare(method, "/x")).await;
        told(&reply, 405, "");
        assert_eq!(headers(&reply), ["allow: POST", "content-length: 0"]);
    }
    told(
        &send(&router, bare("POST", "/x")).await,
        401,
        "unauthorized\n",
    );
    assert_eq!(runs.count(), 0);
    told(&send(&router, event("/x")).await, 200, "intercom");
}

#[test]
#[should_panic(expected = "Adding a route_layer before any routes is a no-op")]
fn a_route_layer_on_any_does_not_build() {
    let _: MethodRouter = any(Runs::default().handler()).route_layer(intercom());
}

/// A layer is in front of what was there when it was added.
#[tokio::test]
async fn what_is_added_after_the_layer_is_not_behind_it() {
    let runs = Runs::default();
    let page = || get(|| async { "page" });
    let layered = post(runs.handler()).layer(intercom());
    for router in [
        Router::new().route("/x", layered.clone().get(|| async { "page" })),
        Router::new()
            .route("/x", layered.clone())
            .route("/x", page()),
        Router::new().route("/x", layered.clone().fallback(|| async { "page" })),
        Router::new()
            .route("/x", layered.clone())
            .method_not_allowed_fallback(|| async { "page" }),
    ] {
        told(&send(&router, bare("GET", "/x")).await, 200, "page");
        assert_eq!(
            send(&router, bare("HEAD", "/x")).await.headers["content-length"],
            "4"
        );
        told(
            &send(&router, bare("POST", "/x")).await,
            401,
            "unauthorized\n",
        );
    }
    // A handler that takes a webhook is safe even so.
    for late in [
        Router::new().route("/x", layered.clone().get(runs.handler())),
        Router::new()
            .route("/y", layered.clone())
            .fallback(runs.handler()),
        Router::new()
            .route("/y", layered)
            .layer(intercom())
            .route("/x", any(runs.handler())),
    ] {
        told(
            &send(&late, bare("GET", "/x")).await,
            500,
            "internal server error\n",
        );
    }
    assert_eq!(runs.count(), 0);
}

#[tokio::test]
async fn a_path_that_is_not_there() {
    let runs = Runs::default();
    let route = || Router::new().route("/x", any(runs.handler()));
    // A router's layer stands in front of its 404, too: nobody learns which paths there are, and probes of any are answered.
    let whole = route().layer(intercom());
    told(&send(&whole, bare("HEAD", "/y")).await, 200, "");
    told(
        &send(&whole, bare("POST", "/y")).await,
        401,
        "unauthorized\n",
    );
    told(&send(&whole, event("/y")).await, 404, "");
    // Others do not, and neither does a nested router's.
    for router in [
        Router::new().route("/x", any(runs.handler()).layer(intercom())),
        route().route_layer(intercom()),
        Router::new().nest("/n", route().layer(intercom())),
    ] {
        for path in ["/y", "/n/y"] {
            told(&send(&router, bare("HEAD", path)).await, 404, "");
            told(&send(&router, event(path)).await, 404, "");
        }
    }
    assert_eq!(runs.count(), 0);
}

/// <https://github.com/twilio/twilio-python> tests/unit/test_request_validator.py, `test_validation`
const TWILIO_TOKEN: &str = "12345";
const TWILIO_TAG: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
const TWILIO_FORM: &str = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";

fn call(target: &str) -> Request<Body> {
    Request::post(target)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", TWILIO_TAG)
        .body(Body::from(TWILIO_FORM))
        .unwrap()
}

/// A layer inside of `nest` sees the path without the prefix, one outside sees it whole. The public URL is what stands in front of it.
#[tokio::test]
async fn a_signed_url_and_a_prefix_that_nest_strips() {
    let twilio = |base: &str| {
        let secret = danger::secret_of_any_length(TWILIO_TOKEN).unwrap();
        let builder = Receiver::builder(providers::TWILIO, secret).public_url(base);
        CountersignLayer::new(builder.build().unwrap())
    };
    let runs = Runs::default();
    // The URL at Twilio is https://mycompany.com/myapp.php?foo=1&bar=2; here it is the prefix that is called so.
    let inside = |base: &str| {
        let nested = Router::new()
            .route("/", any(runs.handler()))
            .layer(twilio(base));
        Router::new().nest("/myapp.php", nested)
    };
    let outside = |base: &str| {
        let nested = Router::new().route("/", any(runs.handler()));
        Router::new().nest("/myapp.php", nested).layer(twilio(base))
    };
    let target = "/myapp.php?foo=1&bar=2";
    told(
        &send(&outside("https://mycompany.com"), call(target)).await,
        200,
        "twilio",
    );
    let refused = (401, "unauthorized\n");
    let reply = send(&outside("https://mycompany.com/myapp.php"), call(target)).await;
    told(&reply, refused.0, refused.1);
    // Inside, the path is `/`, and the sender's has no slash at its end.
    let reply = send(&inside("https://mycompany.com"), call(target)).await;
    told(&reply, refused.0, refused.1);

    let nested = |base: &str| {
        let route = Router::new().route("/myapp.php", any(runs.handler()).layer(twilio(base)));
        Router::new().nest("/api", route)
    };
    let at_api = nested("https://mycompany.com");
    told(
        &send(&at_api, call("/api/myapp.php?foo=1&bar=2")).await,
        200,
        "twilio",
    );
    let twice = nested("https://mycompany.com/api");
    let reply = send(&twice, call("/api/myapp.php?foo=1&bar=2")).await;
    told(&reply, refused.0, refused.1);
}

#[cfg(feature = "peer")]
mod peer {
    use std::net::SocketAddr;

    use axum::Extension;
    use axum::extract::connect_info::MockConnectInfo;
    use countersign_axum::{Peer, TrustedProxies, WithPeer};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    fn twilio(proxies: TrustedProxies) -> CountersignLayer {
        let secret = danger::secret_of_any_length(TWILIO_TOKEN).unwrap();
        let builder = Receiver::builder(providers::TWILIO, secret).public_url_from(proxies);
        CountersignLayer::new(builder.build().unwrap())
    }

    fn proxies(network: &str) -> TrustedProxies {
        TrustedProxies::new(&[network], ["mycompany.com"]).unwrap()
    }

    /// One request over a connection of its own; status line and body of the answer.
    async fn over_a_socket(router: Router, forwarded: &[(&str, &str)]) -> (String, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move { axum::serve(listener, service).await });
        let mut request = format!(
            "POST /myapp.php?foo=1&bar=2 HTTP/1.1\r\nhost: internal:8080\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\nx-twilio-signature: {TWILIO_TAG}\r\n\
             content-length: {}\r\n",
            TWILIO_FORM.len()
        );
        for (name, value) in forwarded {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        request += TWILIO_FORM;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        server.abort();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    const FORWARDED: [(&str, &str); 2] = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "mycompany.com"),
    ];

    fn accepted() -> (String, String) {
        ("HTTP/1.1 200 OK".to_owned(), "twilio".to_owned())
    }

    fn unauthorized() -> (String, String) {
        (
            "HTTP/1.1 401 Unauthorized".to_owned(),
            "unauthorized\n".to_owned(),
        )
    }

    fn unknown() -> (String, String) {
        (
            "HTTP/1.1 500 Internal Server Error".to_owned(),
            "internal server error\n".to_owned(),
        )
    }

    #[tokio::test]
    async fn a_trusted_proxy_tells_the_url_over_a_socket() {
        let runs = Runs::default();
        let route = |network: &str| {
            let layer = WithPeer::new(twilio(proxies(network)));
            Router::new().route("/myapp.php", any(runs.handler()).layer(layer))
        };
        let told = over_a_socket(route("127.0.0.1"), &FORWARDED).await;
        assert_eq!(told, accepted());
        let whole = Router::new().route("/myapp.php", any(runs.handler()));
        let whole = whole.layer(WithPeer::new(twilio(proxies("127.0.0.0/8"))));
        assert_eq!(over_a_socket(whole, &FORWARDED).await, accepted());
        assert_eq!(runs.count(), 2);

        // A stranger says the same, and that he is one of the proxies.
        let mut said = FORWARDED.to_vec();
        said.push(("x-forwarded-for", "10.0.0.1"));
        said.push(("forwarded", "for=10.0.0.1;host=mycompany.com;proto=https"));
        let told = over_a_socket(route("10.0.0.0/8"), &said).await;
        assert_eq!(told, unauthorized());
        // The proxy does not say, or says what is not ours.
        for forwarded in [
            &FORWARDED[..1],
            &FORWARDED[1..],
            &[FORWARDED[0], ("x-forwarded-host", "other.example")],
            &[FORWARDED[0], FORWARDED[1], FORWARDED[1]],
        ] {
            let told = over_a_socket(route("127.0.0.1"), forwarded).await;
            assert_eq!(told, unknown(), "{forwarded:?}");
        }
        let http = [("x-forwarded-proto", "http"), FORWARDED[1]];
        assert_eq!(
            over_a_socket(route("127.0.0.1"), &http).await,
            unauthorized()
        );
        assert_eq!(runs.count(), 2);
    }

    #[tokio::test]
    async fn without_the_peer_nothing_is_known() {
        let runs = Runs::default();
        let route = |layer| Router::new().route("/myapp.php", any(runs.handler()).layer(layer));
        let bare = Router::new().route(
            "/myapp.php",
            any(runs.handler()).layer(twilio(proxies("127.0.0.1"))),
        );
        assert_eq!(over_a_socket(bare, &FORWARDED).await, unknown());
        let unconnected = route(WithPeer::new(twilio(proxies("127.0.0.1"))));
        let mut request = call("/myapp.php?foo=1&bar=2");
        for (name, value) in FORWARDED {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        told(
            &send(&unconnected, request).await,
            500,
            "internal server error\n",
        );
        assert_eq!(runs.count(), 0);
    }

    /// In tests without a socket, and where something else accepts connections.
    #[tokio::test]
    async fn an_address_from_elsewhere() {
        let runs = Runs::default();
        let route = || {
            let layer = WithPeer::new(twilio(proxies("10.0.0.0/8")));
            Router::new().route("/myapp.php", any(runs.handler()).layer(layer))
        };
        let forwarded = || {
            let mut request = call("/myapp.php?foo=1&bar=2");
            for (name, value) in FORWARDED {
                request.headers_mut().insert(name, value.parse().unwrap());
            }
            request
        };
        let mocked = |ip| route().layer(MockConnectInfo(SocketAddr::from((ip, 1))));
        told(
            &send(&mocked([10, 0, 0, 1]), forwarded()).await,
            200,
            "twilio",
        );
        let refused = send(&mocked([127, 0, 0, 1]), forwarded()).await;
        told(&refused, 401, "unauthorized\n");
        let host = route().layer(Extension(Peer([10, 0, 0, 1].into())));
        assert_eq!(over_a_socket(host, &FORWARDED).await, accepted());
    }
}
