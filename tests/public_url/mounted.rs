//! A receiver that is mounted where its prefix ends: it sees `/`, whether the URL that was called has a slash at its end or none.

use std::net::IpAddr;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use countersign::danger::Weak;
use countersign::providers::TWILIO;
use countersign::{Peer, Receiver, ReceiverBuilder, Scheme, Secret, TrustedProxies};
use countersign_axum::{CountersignLayer, Webhook};
use countersign_testkit::{ManualClock, Sender};
use http::{Request, Uri};
use tower::ServiceExt as _;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const FORM: &str = "From=%2B14158675309&Body=Hello";
const JSON: &str = r#"{"event_id":"1","type":"t","merchant_id":"m"}"#;

/// One that is looked at when its body is there, and one that is hashed while the body arrives.
fn schemes() -> [(Scheme, &'static str); 2] {
    let square = toml::from_str(include_str!("../catalogue/square.toml")).unwrap();
    [(TWILIO, FORM), (square, JSON)]
}

fn builder(scheme: &Scheme) -> ReceiverBuilder {
    Receiver::builder(scheme.clone(), Secret::new(TOKEN).unwrap())
        .accept_weak(Weak::ValuesNotSetApart)
        .clock(ManualClock::at_secs(0))
}

/// What the sender sends for this URL, at the target that comes out of it.
fn sent(scheme: &Scheme, url: &str, body: &'static str) -> Request<Bytes> {
    let as_it_is = Scheme {
        url_spellings: (&[]).into(),
        ..scheme.clone()
    };
    let mut request = Sender::new(as_it_is, TOKEN).url(url).send(body);
    let called: Uri = url.parse().unwrap();
    *request.uri_mut() = called.path_and_query().unwrap().as_str().parse().unwrap();
    for (name, value) in [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "a.example"),
        ("x-forwarded-prefix", "/hooks"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let peer: IpAddr = "10.0.0.1".parse().unwrap();
    request.extensions_mut().insert(Peer(peer));
    request
}

async fn status(receiver: &Receiver, request: Request<Bytes>) -> u16 {
    let layer = CountersignLayer::new(receiver.clone());
    let hooks = Router::new().route("/", post(async |_: Webhook| "yes").layer(layer));
    // axum does not nest the path with a slash at its end.
    let app: Router = Router::new()
        .nest("/hooks", hooks.clone())
        .nest("/hooks/", hooks);
    let response = app.oneshot(request.map(Body::from)).await.unwrap();
    response.status().as_u16()
}

#[tokio::test]
async fn a_prefix_is_put_back_where_it_is_all_of_the_path() {
    fn proxies() -> TrustedProxies {
        TrustedProxies::new(&["10.0.0.0/8"], ["a.example"]).unwrap()
    }
    for (scheme, body) in schemes() {
        for receiver in [
            builder(&scheme).public_url("https://a.example/hooks"),
            builder(&scheme).public_url("https://a.example/hooks/"),
            builder(&scheme).public_url_from(proxies().stripping("/hooks").unwrap()),
            builder(&scheme).public_url_from(proxies().setting_prefix(["/hooks"]).unwrap()),
        ] {
            let receiver = receiver.build().unwrap();
            for url in ["https://a.example/hooks", "https://a.example/hooks?menu=2"] {
                let request = sent(&scheme, url, body);
                assert_eq!(status(&receiver, request).await, 200, "{url}");
            }
            for (signed, called) in [
                ("https://a.example", "https://a.example/hooks"),
                ("https://a.example/", "https://a.example/hooks"),
                ("https://a.example/hook", "https://a.example/hooks"),
                ("https://a.example/hooks//", "https://a.example/hooks"),
                ("http://a.example/hooks", "https://a.example/hooks"),
                ("https://a.example/hooks?a=1", "https://a.example/hooks?a=2"),
                ("https://a.example/hooks", "https://a.example/hooks?a=2"),
            ] {
                let mut request = sent(&scheme, called, body);
                *request.headers_mut() = sent(&scheme, signed, body).headers().clone();
                assert_eq!(status(&receiver, request).await, 401, "{signed}");
            }
        }
    }
}

/// Both spellings, without a router: what begins in pieces is judged like what is there at once.
#[test]
fn with_a_slash_and_without() {
    let now = countersign::Timestamp::from_secs(0);
    for (scheme, body) in schemes() {
        let receiver = builder(&scheme).public_url("https://a.example/hooks");
        let receiver = receiver.build().unwrap();
        let bare = builder(&scheme).public_url("https://a.example");
        let bare = bare.build().unwrap();
        for (url, target, passes) in [
            ("https://a.example/hooks", "/", true),
            ("https://a.example/hooks/", "/", true),
            ("https://a.example/hooks/a", "/a", true),
            ("https://a.example/hooks/a/", "/a/", true),
            ("https://a.example/hooks/a", "/a/", false),
            ("https://a.example/hooks/a/", "/a", false),
            ("https://a.example/hooks", "//", false),
        ] {
            let mut request = sent(&scheme, url, body);
            *request.uri_mut() = target.parse().unwrap();
            let at_once = receiver.verify(&request, request.body().clone(), now);
            assert_eq!(at_once.is_ok(), passes, "{url} {target}");
            let mut intake = receiver.open(&request, now).unwrap();
            intake.push(request.body().slice(..1)).unwrap();
            intake.push(request.body().slice(1..)).unwrap();
            assert_eq!(intake.finish().is_ok(), passes, "{url} {target}");
            assert!(bare.verify(&request, request.body().clone(), now).is_err());
        }
    }
}

/// What cannot be put back is not asked for in vain.
#[test]
fn a_scheme_that_signs_the_path_alone_has_no_prefix() {
    let contentful: Scheme = toml::from_str(include_str!("../catalogue/contentful.toml")).unwrap();
    let build = |scheme: &Scheme, set: fn(ReceiverBuilder) -> ReceiverBuilder| {
        set(builder(scheme))
            .build()
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    fn proxies() -> TrustedProxies {
        TrustedProxies::new(&["10.0.0.0/8"], ["a.example"]).unwrap()
    }
    let [(twilio, _), _] = schemes();
    let settings: [fn(ReceiverBuilder) -> ReceiverBuilder; 3] = [
        |builder| builder.public_url("https://a.example/hooks"),
        |builder| builder.public_url_from(proxies().stripping("/hooks").unwrap()),
        |builder| builder.public_url_from(proxies().setting_prefix(["/hooks"]).unwrap()),
    ];
    for set in settings {
        let reason = "public_url: the scheme signs the path alone, in front of which no prefix can be put back: its receiver belongs in front of whatever strips one";
        assert_eq!(build(&contentful, set), Err(reason.to_owned()));
        assert_eq!(build(&twilio, set), Ok(()));
        // It signs neither.
        assert_eq!(build(&countersign::providers::STRIPE, set), Ok(()));
    }
    assert_eq!(build(&contentful, |builder| builder), Ok(()));
    assert_eq!(
        build(&contentful, |builder| builder
            .public_url("https://a.example/")),
        Ok(())
    );
    assert_eq!(
        build(&contentful, |builder| builder.public_url_from(proxies())),
        Ok(())
    );
}
