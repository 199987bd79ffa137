//! Runs the example as a program and sends it real requests.
#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../../../tests/support/example.rs"]
mod example;

use countersign::providers::TWILIO;
use countersign::{Message, Secret, system_now};
use example::Example;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn signed_for(url: &str, body: &[u8]) -> Vec<(http::HeaderName, http::HeaderValue)> {
    let message = Message::new(body, system_now()).request("POST", url);
    TWILIO.sign(&Secret::new(TOKEN).unwrap(), &message).unwrap()
}

#[test]
fn the_prefix_is_part_of_what_is_signed() {
    let example = Example::start(
        env!("CARGO_BIN_EXE_example-twilio-behind-prefix"),
        &[("TWILIO_AUTH_TOKEN", TOKEN)],
    );
    let body = b"From=%2B14158675309&Body=Hello+there&NumMedia=0";
    let sent = |url: &str, path: &str| example.post(path, &signed_for(url, body), body);

    for url in [
        "https://hooks.example.com/api/twilio",
        "https://hooks.example.com:443/api/twilio",
    ] {
        assert_eq!(sent(url, "/api/twilio"), 200, "{url}");
        assert_eq!(example.next_line(), "+14158675309: Hello there");
    }
    let with_query = "https://hooks.example.com/api/twilio?menu=2";
    assert_eq!(sent(with_query, "/api/twilio?menu=2"), 200);
    assert_eq!(example.next_line(), "+14158675309: Hello there");

    for other in [
        "https://hooks.example.com/twilio",
        "http://hooks.example.com/api/twilio",
        "https://hooks.example.org/api/twilio",
        "https://hooks.example.com/api/twilio/",
        "https://hooks.example.com/api/twilio?menu=2",
    ] {
        assert_eq!(sent(other, "/api/twilio"), 401, "{other}");
    }
}
