//! Where the middleware goes, and what happens where it is not.

use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest};
use countersign_actix::providers::{GITHUB, INTERCOM, TWILIO};
use countersign_actix::{
    Countersign, Payload, Peer, Receiver, Secret, SourceUnavailable, Tenant, TenantPlace, Tenants,
    TrustedProxies, Webhook,
};
use countersign_testkit::Sender;
use serde_json::Value;

use crate::support::{JSON, SECRET, builder, clock, github, intercom, send, signed};

async fn notified(Webhook { payload, .. }: Webhook<Bytes>) -> String {
    format!("{} bytes", payload.len())
}

#[actix_web::test]
async fn the_table_of_where_it_is_mounted() {
    let post = || web::post().to(notified);
    let app = init_service(
        App::new()
            .service(web::resource("/resource").wrap(intercom()).to(notified))
            .service(web::resource("/posts").wrap(intercom()).route(post()))
            .service(
                web::scope("/scope")
                    .wrap(intercom())
                    .route("/known", post()),
            )
            .service(web::resource("/route").route(post().wrap(intercom()))),
    )
    .await;
    for (path, head, get, genuine) in [
        ("/resource", 200, 405, 200),
        ("/posts", 200, 405, 200),
        ("/scope/known", 200, 405, 200),
        ("/scope/unknown", 200, 405, 404),
        ("/route", 405, 405, 200),
    ] {
        for (method, status) in [(Method::HEAD, head), (Method::GET, get)] {
            let request = TestRequest::with_uri(path).method(method).to_request();
            assert_eq!(send(&app, request).await.status, status, "{path}");
        }
        let delivery = send(&app, signed(INTERCOM, path, JSON, b"{}")).await;
        assert_eq!(delivery.status, genuine, "{path}");
    }
}

#[actix_web::test]
async fn around_a_whole_app() {
    let app = App::new()
        .wrap(github())
        .route("/", web::post().to(notified));
    let app = init_service(app).await;
    send(&app, signed(GITHUB, "/", JSON, b"{}"))
        .await
        .is(200, "2 bytes");
    let unsigned = TestRequest::post().set_payload("{}").to_request();
    send(&app, unsigned).await.is(401, "unauthorized\n");
}

#[actix_web::test]
async fn a_route_without_a_middleware_answers_500_whatever_came_before() {
    async fn read(Payload(_): Payload<Value>) -> &'static str {
        "read"
    }
    let app = App::new()
        .service(web::resource("/guarded").wrap(github()).to(notified))
        .route("/bare", web::post().to(notified))
        .route("/payload", web::post().to(read));
    let app = init_service(app).await;
    // actix-web uses the memory of earlier requests again.
    for _ in 0..10 {
        send(&app, signed(GITHUB, "/guarded", JSON, b"{}"))
            .await
            .is(200, "2 bytes");
        for path in ["/bare", "/payload"] {
            let reply = send(&app, signed(GITHUB, path, JSON, b"{}")).await;
            reply.is(500, "internal server error\n");
            assert_eq!(reply.header("cache-control"), Some("no-store"));
        }
    }
}

#[actix_web::test]
async fn one_that_is_inside_of_another_has_the_last_word() {
    let app = App::new()
        .wrap(github())
        .service(web::resource("/both").wrap(intercom()).to(notified));
    let app = init_service(app).await;
    let reply = send(&app, signed(GITHUB, "/both", JSON, b"{}")).await;
    reply.is(401, "unauthorized\n");
}

#[actix_web::test]
async fn the_path_that_is_signed_is_the_one_of_the_request() {
    async fn called(request: HttpRequest, _: Webhook) -> String {
        request.match_info().get("who").unwrap().to_owned()
    }
    let receiver = Receiver::builder(TWILIO, Secret::new(SECRET).unwrap())
        .public_url("https://example.com")
        .build()
        .unwrap();
    let app = App::new().service(
        web::scope("/twilio/{who}").service(
            web::resource("/calls")
                .wrap(Countersign::new(receiver))
                .to(called),
        ),
    );
    let app = init_service(app).await;
    // The router reads `%C3%A9`; what was signed is what was sent.
    for (path, status) in [
        ("/twilio/ren%C3%A9/calls?a=%2F", 200),
        ("/twilio/ren%c3%a9/calls?a=%2F", 401),
        ("/twilio/ren%C3%A9/calls?a=1", 401),
        ("/twilio/other/calls?a=%2F", 401),
    ] {
        let sender =
            Sender::new(TWILIO, SECRET).url("https://example.com/twilio/ren%C3%A9/calls?a=%2F");
        let (head, body) = sender.send("CallSid=CA1").into_parts();
        let mut request = TestRequest::post().uri(path);
        for (name, value) in &head.headers {
            request = request.append_header((name.as_str(), value.as_bytes()));
        }
        let reply = send(&app, request.set_payload(body).to_request()).await;
        assert_eq!(reply.status, status, "{path}");
    }
}

#[actix_web::test]
async fn the_peer_is_the_connections_unless_somebody_said_better() {
    let proxies = || TrustedProxies::new(&["10.0.0.0/8"], ["example.com"]).unwrap();
    let secret = Secret::new(SECRET).unwrap();
    let receiver = Receiver::builder(TWILIO, secret).public_url_from(proxies());
    let guard = Countersign::new(receiver.build().unwrap());
    let told: Peer = Peer("10.9.9.9".parse().unwrap());
    let resource = |path: &str| web::resource(path.to_owned()).wrap(guard.clone());
    let app = App::new().service(resource("/").to(notified)).service(
        web::scope("/told")
            .wrap_fn(move |request, inner| {
                use actix_web::HttpMessage;
                use actix_web::dev::Service;
                request.extensions_mut().insert(told);
                inner.call(request)
            })
            .service(resource("/").to(notified)),
    );
    let app = init_service(app).await;
    for (path, peer, status) in [
        ("/", Some("10.1.2.3:4711"), 200),
        ("/", Some("203.0.113.9:4711"), 401),
        ("/", None, 500),
        ("/told/", Some("203.0.113.9:4711"), 200),
        ("/told/", None, 200),
    ] {
        let sender = Sender::new(TWILIO, SECRET).url(format!("https://example.com{path}"));
        let (head, body) = sender.send("CallSid=CA1").into_parts();
        let mut request = TestRequest::post().uri(path);
        for (name, value) in &head.headers {
            request = request.append_header((name.as_str(), value.as_bytes()));
        }
        request = request
            .insert_header(("x-forwarded-proto", "https"))
            .insert_header(("x-forwarded-host", "example.com"));
        if let Some(peer) = peer {
            request = request.peer_addr(peer.parse().unwrap());
        }
        let reply = send(&app, request.set_payload(body).to_request()).await;
        assert_eq!(reply.status, status, "{path} {peer:?}");
    }
}

#[actix_web::test]
async fn refusals_are_told_to_whoever_stands_outside() {
    use actix_web::dev::Service;
    use countersign_actix::Refusal;

    let receiver = builder(GITHUB, &clock()).build().unwrap();
    let app = App::new().service(
        web::resource("/")
            .wrap(Countersign::new(receiver))
            .to(notified),
    );
    let app = init_service(app).await;
    let unsigned = TestRequest::post().set_payload("{}").to_request();
    let response = app.call(unsigned).await.unwrap();
    let refusal = response.response().extensions().get::<Refusal>().cloned();
    assert_eq!(refusal, Some(Refusal::SignatureMissing));
}

/// The host says whose it is, and the router which of its paths it was.
#[actix_web::test]
async fn a_tenant_is_told_by_the_host_or_by_the_path() {
    use actix_web::HttpMessage;
    use actix_web::dev::Service;
    let source = |name: String| async move {
        match name.as_str() {
            "acme" => Ok(Some(
                Secret::new(SECRET).map_err(SourceUnavailable::new)?.into(),
            )),
            _ => Ok(None),
        }
    };
    let guard = |place: TenantPlace| {
        let receiver = Receiver::for_tenants(GITHUB, Tenants::new(place, source));
        Countersign::new(receiver.clock(clock()).build().unwrap())
    };
    async fn whose(Webhook { delivery, .. }: Webhook<Bytes>) -> String {
        let tenant = delivery.tenant().map(|tenant| tenant.as_str());
        tenant.unwrap_or("nobody").to_owned()
    }
    let app = App::new()
        .service(
            web::scope("/told")
                .wrap_fn(|request, inner| {
                    let name = request.headers().get("x-host");
                    let name = name.and_then(|name| name.to_str().ok()).map(str::to_owned);
                    if let Some(name) = name {
                        request.extensions_mut().insert(Tenant(name));
                    }
                    inner.call(request)
                })
                .service(
                    web::resource("/")
                        .wrap(guard(TenantPlace::extension()))
                        .to(whose),
                ),
        )
        .service(
            web::resource("/hooks/{tenant}")
                .wrap(guard(TenantPlace::path("/hooks/{tenant}")))
                .to(whose),
        );
    let app = init_service(app).await;
    for (path, host, status) in [
        ("/told/", Some("acme"), 200),
        ("/told/", Some("globex"), 401),
        ("/told/", None, 500),
        ("/hooks/acme", None, 200),
        ("/hooks/%61cme", None, 200),
        ("/hooks/globex", None, 401),
        ("/hooks/%20", None, 400),
    ] {
        let (head, body) = Sender::new(GITHUB, SECRET).send("{}").into_parts();
        let mut request = TestRequest::post().uri(path);
        for (name, value) in &head.headers {
            request = request.append_header((name.as_str(), value.as_bytes()));
        }
        if let Some(host) = host {
            request = request.append_header(("x-host", host));
        }
        let response = app.call(request.set_payload(body).to_request()).await;
        let response = response.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path} {host:?}");
        if status == 200 {
            let body = actix_web::test::read_body(response).await;
            assert_eq!(&body[..], b"acme");
        }
    }
}
