//! How long a done delivery is remembered unless the user says otherwise.

use std::time::Duration;

use countersign::providers::{
    GITHUB, INTERCOM, MAILCHIMP, MANDRILL, PAPERTRAIL, SHOPIFY, SLACK, STRIPE, TWILIO, WOOCOMMERCE,
    WORDPRESS, ZAPIER, ZAPIER_WHITE_LABEL,
};
use countersign::scheme::{Place, Scheme};
use countersign::{Tolerance, list, text};

use crate::pairs::{self, Pair};

const DAY: u64 = 86_400;

#[test]
fn the_ten_services() {
    let named = |scheme: Scheme| Scheme {
        id: list![Place::Json(text!("/id"))],
        ..scheme
    };
    let services = [
        // Retries, a day, and never less than three days.
        (STRIPE, 3 * DAY + DAY),
        (SLACK, 3 * DAY),
        (TWILIO, 3 * DAY),
        (GITHUB, 3 * DAY),
        (named(ZAPIER), 3 * DAY),
        (INTERCOM, 3 * DAY),
        (MAILCHIMP, 3 * DAY),
        (MANDRILL, 3 * DAY + DAY),
        (SHOPIFY, 3 * DAY),
        (named(WORDPRESS), 3 * DAY),
        (WOOCOMMERCE, 3 * DAY),
        (PAPERTRAIL, 3 * DAY),
    ];
    for (scheme, seconds) in services {
        let name = scheme.name.clone();
        let pair = Pair::new(scheme).expect("a receiver");
        let retention = pair.receiver.retention();
        assert_eq!(retention, Duration::from_secs(seconds), "{name}");
    }
    let pair = Pair::new(ZAPIER_WHITE_LABEL).expect("a receiver");
    let span = pair.scheme.retry.span.as_duration();
    let expected = (span + Duration::from_secs(DAY)).max(Duration::from_secs(3 * DAY));
    assert_eq!(pair.receiver.retention(), expected);
}

#[test]
fn every_scheme_outlasts_its_retries_and_its_tolerance() {
    for pair in pairs::all() {
        let retention = pair.receiver.retention();
        let span = pair.scheme.retry.span.as_duration();
        let rule = pair.scheme.timestamp.as_ref();
        let tolerance = rule.map(|rule| rule.tolerance.past().max(rule.tolerance.future()));
        let expected = (span + Duration::from_secs(DAY))
            .max(Duration::from_secs(3 * DAY))
            .max(tolerance.unwrap_or_default() * 2);
        assert_eq!(retention, expected, "{}", pair.scheme.name);
    }
}

#[test]
fn the_receivers_own_tolerance_counts() {
    for (tolerance, days) in [
        (Tolerance::from_secs_each(60, 5 * 86_400), 10),
        (Tolerance::from_secs_each(6 * 86_400, 60), 12),
        (Tolerance::from_secs(60), 4),
    ] {
        let builder = pairs::remembering(STRIPE, pairs::secrets(&STRIPE, "first"));
        let receiver = builder.tolerance(tolerance).build().expect("a receiver");
        assert_eq!(receiver.retention(), Duration::from_secs(days * DAY));
    }
    let builder = pairs::remembering(STRIPE, pairs::secrets(&STRIPE, "first"));
    let chosen = Duration::from_secs(30 * DAY);
    let receiver = builder.retention(chosen).build().expect("a receiver");
    assert_eq!(receiver.retention(), chosen);
}
