//! Every built-in scheme, wherever its signature lies: the peer makes genuine deliveries of it, and the plainest attacks.

use axum::Router;
use axum::routing::any;
use bytes::Bytes;
use countersign::danger::Weak;
use countersign::providers;
use countersign::scheme::{Grade, KeyFormat, Scheme};
use countersign::{Receiver, Secret};
use countersign_axum::{CountersignLayer, Webhook};
use countersign_testkit::Sender;
use countersign_testkit::hostile::{HostilePeer, Verdict, cases};
use http::StatusCode;
use tokio::net::TcpListener;

const PLAYED: [&str; 10] = [
    "genuine",
    "forged",
    "unsigned",
    "signature-twice",
    "a-wrong-signature-first",
    "length-too-short",
    "body-is-a-request",
    "length-then-chunked",
    "chunked-misspelled",
    "forged-after-genuine",
];

fn secret(scheme: &Scheme) -> &'static str {
    match &scheme.key {
        KeyFormat::Base64 | KeyFormat::Base64After(_) => {
            "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
        }
        _ => "user:0123456789Abcdef0123456789",
    }
}

fn receiver(scheme: &Scheme) -> Receiver {
    let builder = Receiver::builder(scheme.clone(), Secret::new(secret(scheme)).unwrap());
    let builder = match scheme.grade {
        Grade::SignatureUndelimited => builder.accept_weak(Weak::ValuesNotSetApart),
        Grade::SignatureBesideBody => builder.accept_weak(Weak::BodyNotSigned),
        Grade::ExtensibleDigest => builder.accept_weak(Weak::ExtensibleDigest),
        Grade::Token => builder.accept_weak(Weak::NothingSigned),
        _ => builder,
    };
    builder.public_url("https://example.com").build().unwrap()
}

#[test]
fn every_built_in_scheme() {
    let mut app = Router::new();
    for scheme in providers::ALL {
        let handler = any(async |_: Webhook<Bytes>| StatusCode::NO_CONTENT);
        let guarded = handler.layer(CountersignLayer::new(receiver(scheme)));
        app = app
            .route(&format!("/{}", scheme.name), guarded.clone())
            .route(&format!("/{}/{{token}}", scheme.name), guarded);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(listener, app).await });

    let cases = cases().unwrap();
    let named = |name: &&str| cases.iter().find(|case| case.name() == *name).unwrap();
    let played: Vec<_> = PLAYED.iter().map(named).collect();
    for scheme in providers::ALL {
        let sender = Sender::new(scheme.clone(), secret(scheme));
        let sender = sender.url(format!("https://example.com/{}", scheme.name));
        let mut peer = HostilePeer::new(address, address.to_string(), sender);
        for case in &played {
            let finding = peer.play(case);
            let is_due = match finding.verdict {
                Verdict::Held => true,
                // Tokens in paths and sums over no body are left out of some.
                Verdict::DoesNotApply => !["genuine", "forged"].contains(&case.name()),
                _ => false,
            };
            assert!(is_due, "{}, {}: {finding:?}", scheme.name, case.name());
        }
    }
    runtime.shutdown_background();
}
