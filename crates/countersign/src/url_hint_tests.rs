use super::*;

use std::sync::Mutex;

use crate::providers::{STRIPE, TWILIO};
use crate::{Attempt, Receiver, ReceiverBuilder, Refusal, Scheme, Secret};

fn builder(scheme: Scheme) -> ReceiverBuilder {
    let secret = Secret::new("0123456789abcdef0123456789abcdef").unwrap();
    Receiver::builder(scheme, secret).public_url("http://a.example")
}

/// No test of this crate listens to the log.
#[test]
fn where_nobody_asks_nothing_is_kept() {
    let request = http::Request::post("/twilio").body(()).unwrap();
    let is_kept = |builder: ReceiverBuilder| {
        let compiled = builder.build().unwrap().compiled();
        Clues::of(&compiled, &request, &Facts::default()).is_some()
    };
    assert!(!is_kept(builder(TWILIO)));
    let watched = |scheme| builder(scheme).observer(|_: &Attempt<'_>| {});
    assert!(is_kept(watched(TWILIO)));
    assert!(!is_kept(watched(STRIPE)), "it signs no url");
    let spent = watched(TWILIO).build().unwrap().compiled();
    let taken = [(); 7].map(|()| spent.failures.url_hints.take());
    assert_eq!(taken, [true, true, true, true, true, true, false]);
    assert!(Clues::of(&spent, &request, &Facts::default()).is_none());
}

/// The example that Twilio publishes, which is signed for https.
#[test]
fn an_observer_is_told_without_a_log() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let secret = crate::danger::secret_of_any_length("12345").unwrap();
    let receiver = Receiver::builder(TWILIO, secret)
        .public_url("http://mycompany.com")
        .observer(move |attempt: &Attempt<'_>| {
            told.lock().unwrap().push((attempt.code, attempt.hint));
        })
        .build()
        .unwrap();
    let request = http::Request::post("/myapp.php?foo=1&bar=2")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    let request = request.body(()).unwrap();
    let body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
    let now = Timestamp::from_secs(0);
    let at_once = receiver.verify(&request, body.into(), now);
    assert_eq!(at_once.unwrap_err(), Refusal::SignatureMismatch);
    let mut intake = receiver.open(&request, now).unwrap();
    intake.push(body.into()).unwrap();
    assert_eq!(intake.finish().unwrap_err(), Refusal::SignatureMismatch);
    let due = ("signature_mismatch", Some("scheme"));
    assert_eq!(*seen.lock().unwrap(), [due, due]);
}

fn clues() -> Clues {
    let hosts = [("b.example", Some(":1")), ("c.example", None)];
    let own = |(host, port): (&str, Option<&str>)| (host.to_owned(), port.map(str::to_owned));
    Clues {
        base: None,
        facts: None,
        hosts: hosts.into_iter().map(own).collect(),
        port: Some(":2".to_owned()),
        prefixes: ["/p".to_owned(), "/q".to_owned()].into_iter().collect(),
    }
}

#[test]
fn every_change_is_named_by_what_it_changes() {
    let known = Base::parse("https://u:p@a.example:9/x").unwrap();
    let clues = clues();
    let changes = clues.changes();
    // Two schemes, three hosts, five ports and four prefixes.
    assert_eq!(changes.len(), 2 * 3 * 5 * 4);
    let mut names = Vec::new();
    for change in &changes {
        let places = ["scheme", "host", "port", "prefix"]
            .into_iter()
            .zip(change.places());
        let changed: Vec<&str> = places.filter(|(_, is)| *is).map(|(name, _)| name).collect();
        let due = if changed.is_empty() {
            "spelling".to_owned()
        } else {
            changed.join("+")
        };
        assert_eq!(change.name(), due);
        let base = change.of(&known);
        assert_eq!(
            base.scheme != known.scheme,
            change.is_other_scheme,
            "{base}"
        );
        assert_eq!(base.host != known.host, change.host.is_some());
        assert_eq!(base.port != known.port, change.port != Port::Kept);
        assert_eq!(base.prefix != known.prefix, change.prefix.is_some());
        assert!(base.host.starts_with("u:p@"), "the sender's to know");
        names.push(change.name());
    }
    // The likeliest first.
    let counts: Vec<usize> = changes.iter().map(Change::count).collect();
    assert!(counts.is_sorted());
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 16);
    let written = changes[7].of(&known).to_string();
    assert!(!written.contains("u:p"), "{written}");
    let swapped = Base::parse("HTTP://a.example").unwrap();
    let change = Change {
        is_other_scheme: true,
        port: Port::Default,
        ..changes[0]
    };
    assert_eq!(change.of(&swapped).to_string(), "https://a.example:443");
}
