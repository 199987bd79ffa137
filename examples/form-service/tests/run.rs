//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use example::Example;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// As Mailchimp documents it, shortened.
const SUBSCRIBED: &[u8] = b"type=subscribe&fired_at=2009-03-26+21%3A35%3A57&data%5Bid%5D=8a25ff1d98&data%5Blist_id%5D=a6b5da1054\
&data%5Bemail%5D=api%40example.com&data%5Bmerges%5D%5BEMAIL%5D=api%40example.com&data%5Bmerges%5D%5BFNAME%5D=Grace\
&data%5Bmerges%5D%5BINTERESTS%5D=Group1%2CGroup2&data%5Bip_opt%5D=10.20.10.30";

#[test]
fn a_form_arrives_as_a_type_and_a_probe_does_not() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-form-service"),
        &[("URL_SECRET", SECRET)],
    );
    let form: [(HeaderName, HeaderValue); 1] = [(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    )];
    let path = format!("/mailchimp/{SECRET}");

    assert_eq!(example.request("GET", &path, &[], b""), 200);
    assert_eq!(example.post(&path, &form, SUBSCRIBED), 200);
    // The probe printed nothing.
    assert_eq!(
        example.next_line(),
        "subscribe in a6b5da1054: api@example.com Grace"
    );

    let without_name = b"type=cleaned&data[list_id]=a6b5da1054&data[merges][EMAIL]=a%40b.example";
    assert_eq!(example.post(&path, &form, without_name), 200);
    assert_eq!(example.next_line(), "cleaned in a6b5da1054: a@b.example ");

    for wrong in ["0123456789abcdef0123456789abcdeF", "0", "0123456789abcdef"] {
        let path = format!("/mailchimp/{wrong}");
        assert_eq!(example.post(&path, &form, SUBSCRIBED), 401, "{wrong}");
    }
    assert_eq!(example.post(&path, &form, b"type=subscribe"), 422);
}
