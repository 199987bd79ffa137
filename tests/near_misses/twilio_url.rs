//! Twilio's URL: each spelling that its validators try, and no other.

use countersign::Refusal::SignatureMismatch;
use countersign::providers::{MANDRILL, TWILIO, TWILIO_BODY_SHA256, TWILIO_FORM};

use crate::trial::Trial;
use crate::twilio::{HEADER, TOKEN, tag};

/// A form without fields at `target`, behind this public URL, signed as `url`.
pub(crate) fn signed(public_url: &str, target: &str, url: &str) -> Trial {
    Trial::new(TWILIO, TOKEN)
        .public_url(public_url)
        .target(target)
        .form("")
        .set(HEADER, tag(url))
}

/// All of `good` pass and all of `bad` are refused.
#[track_caller]
fn spelled(public_url: &str, target: &str, good: &[&str], bad: &[&str]) {
    for url in good {
        signed(public_url, target, url).passes(format!("{public_url} {target} as {url}"));
    }
    for url in bad {
        let trial = signed(public_url, target, url);
        trial.refused(SignatureMismatch, format!("{public_url} {target} as {url}"));
    }
}

#[test]
fn with_the_port_and_without() {
    for (public_url, good, bad) in [
        (
            "https://h.example",
            ["https://h.example/v", "https://h.example:443/v"],
            [
                "https://h.example:80/v",
                "https://h.example:8443/v",
                "http://h.example/v",
            ],
        ),
        (
            "https://h.example:8443",
            ["https://h.example/v", "https://h.example:8443/v"],
            [
                "https://h.example:443/v",
                "https://h.example:844/v",
                "https://h.example:08443/v",
            ],
        ),
        (
            "http://h.example",
            ["http://h.example/v", "http://h.example:80/v"],
            [
                "http://h.example:443/v",
                "http://h.example:/v",
                "https://h.example/v",
            ],
        ),
        (
            "https://h.example:443",
            ["https://h.example/v", "https://h.example:443/v"],
            [
                "https://h.example:80/v",
                "https://h.example:443:443/v",
                "https://h.example.:443/v",
            ],
        ),
        (
            "http://h.example:443",
            ["http://h.example/v", "http://h.example:443/v"],
            [
                "http://h.example:80/v",
                "https://h.example/v",
                "https://h.example:443/v",
            ],
        ),
        (
            "https://h.example:80",
            ["https://h.example/v", "https://h.example:80/v"],
            [
                "https://h.example:443/v",
                "http://h.example/v",
                "http://h.example:80/v",
            ],
        ),
        (
            "https://[2001:db8::1]",
            ["https://[2001:db8::1]/v", "https://[2001:db8::1]:443/v"],
            [
                "https://[2001:db8::]/v",
                "https://[2001:db8:/v",
                "https://2001:db8::1/v",
            ],
        ),
        (
            "https://[2001:db8::1]:8443",
            ["https://[2001:db8::1]/v", "https://[2001:db8::1]:8443/v"],
            [
                "https://[2001:db8::1]:443/v",
                "https://[2001:db8::1]::8443/v",
                "https://[2001:db8::1:8443/v",
            ],
        ),
    ] {
        spelled(public_url, "/v", &good, &bad);
    }
}

#[test]
fn scheme_host_and_path_are_what_was_configured() {
    spelled(
        "https://Hooks.Example.com",
        "/Voice",
        &[
            "https://Hooks.Example.com/Voice",
            "https://Hooks.Example.com:443/Voice",
        ],
        &[
            "https://hooks.example.com/Voice",
            "https://Hooks.Example.com/voice",
        ],
    );
    spelled(
        "HTTPS://h.example",
        "/v",
        &["HTTPS://h.example/v", "HTTPS://h.example:443/v"],
        &[
            "https://h.example/v",
            "https://h.example:443/v",
            "HTTPS://h.example:80/v",
        ],
    );
    spelled(
        "HTTP://h.example",
        "/v",
        &["HTTP://h.example:80/v"],
        &["HTTP://h.example:443/v"],
    );
    spelled(
        "https://h.example",
        "//v",
        &["https://h.example//v", "https://h.example:443//v"],
        &["https://h.example/v", "https://h.example///v"],
    );
    spelled(
        "https://h.example",
        "/v",
        &["https://h.example/v"],
        &[
            "https://h.example/v/",
            "https://h.example/v?",
            "https://h.example/v#",
            "https://other.example/v",
            "https://h.example.com/v",
            "https://h.example/",
            "https://h.example",
            "h.example/v",
            "//h.example/v",
            "/v",
        ],
    );
    spelled(
        "https://h.example",
        "/",
        &["https://h.example/", "https://h.example:443/"],
        &["https://h.example", "https://h.example:443"],
    );
    spelled(
        "https://h.example",
        "/a/../%7Ev/%27'",
        &["https://h.example/a/../%7Ev/%27'"],
        &[
            "https://h.example/%7Ev/%27'",
            "https://h.example/a/../~v/%27'",
            "https://h.example/a/../%7ev/%27'",
            "https://h.example/a/../%7Ev/''",
            "https://h.example/a/../%7Ev/%27%27",
        ],
    );
}

#[test]
fn user_information_comes_from_the_configuration() {
    for user in [
        "user",
        "user:pass",
        "user:8080",
        "us:er:pass",
        "us@er:p@ss",
        "@",
        "u:[p]",
        "u%40:p%3A",
        ":",
    ] {
        let url = |rest: &str| format!("https://{user}@{rest}/v");
        for (host, other) in [("h.example", "443"), ("[::1]", "443")] {
            let with_port = format!("{host}:{other}");
            spelled(
                &format!("https://{user}@{host}"),
                "/v",
                &[&url(host), &url(&with_port)],
                &[
                    &format!("https://{host}/v"),
                    &format!("https://x{user}@{host}/v"),
                ],
            );
            spelled(
                &format!("https://{user}@{host}:8443"),
                "/v",
                &[&url(host), &url(&format!("{host}:8443"))],
                &[&url(&with_port), &format!("https://{host}:8443/v")],
            );
        }
    }
}

#[test]
fn a_prefix_that_a_router_strips_is_configured() {
    for base in ["https://h.example/api", "https://h.example/api/"] {
        spelled(
            base,
            "/v",
            &["https://h.example/api/v", "https://h.example:443/api/v"],
            &[
                "https://h.example/v",
                "https://h.example/api//v",
                "https://h.example/API/v",
                "https://h.example/api:443/v",
            ],
        );
    }
    for base in ["https://h.example", "https://h.example/"] {
        spelled(
            base,
            "/api/v",
            &["https://h.example/api/v"],
            &["https://h.example//api/v", "https://h.example/v"],
        );
    }
    // One slash at the end is taken off, and no more.
    spelled(
        "https://h.example/api//",
        "/v",
        &["https://h.example/api//v"],
        &["https://h.example/api/v", "https://h.example/api///v"],
    );
    spelled(
        "https://u:p@h.example:8443/a:b@c/d",
        "/v",
        &[
            "https://u:p@h.example:8443/a:b@c/d/v",
            "https://u:p@h.example/a:b@c/d/v",
        ],
        &["https://u:p@h.example:8443/v"],
    );
}

#[test]
fn the_query_is_what_arrived() {
    spelled(
        "https://h.example",
        "/v?foo=1&bar=2",
        &[
            "https://h.example/v?foo=1&bar=2",
            "https://h.example:443/v?foo=1&bar=2",
        ],
        &[
            "https://h.example/v?bar=2&foo=1",
            "https://h.example/v?foo=1",
            "https://h.example/v?foo=1&bar=2&",
            "https://h.example/v?foo=1&&bar=2",
            "https://h.example/v?foo=1&bar=2&x=3",
            "https://h.example/v?foo=1&amp;bar=2",
            "https://h.example/v?",
            "https://h.example/v",
            "https://h.example/v?foo=1&bar=2#x",
            "https://h.example/v/?foo=1&bar=2",
        ],
    );
    spelled(
        "https://h.example",
        "/v?",
        &["https://h.example/v?"],
        &["https://h.example/v", "https://h.example/v??"],
    );
    spelled(
        "https://h.example",
        "/v?a=%7E%2f",
        &["https://h.example/v?a=%7E%2f", "https://h.example/v?a=~%2F"],
        &[
            "https://h.example/v?a=~/",
            "https://h.example/v?a=~%2f",
            "https://h.example/v?a=%7E%2F",
        ],
    );
}

/// Blank and plus: Node's `querystring` writes both as `%20`, and that alone is tried.
#[test]
fn a_plus_in_the_query_is_no_escaped_blank() {
    spelled(
        "https://h.example",
        "/v?a=b%20c",
        &["https://h.example/v?a=b%20c"],
        &[
            "https://h.example/v?a=b+c",
            "https://h.example/v?a=b c",
            "https://h.example/v?a=b%2Bc",
        ],
    );
    spelled(
        "https://h.example",
        "/v?a=b+c",
        &["https://h.example/v?a=b+c", "https://h.example/v?a=b%20c"],
        &["https://h.example/v?a=b c", "https://h.example/v?a=b%2Bc"],
    );
    // In a path it is itself.
    spelled(
        "https://h.example",
        "/b+c",
        &["https://h.example/b+c"],
        &["https://h.example/b%20c", "https://h.example/b%2Bc"],
    );
}

/// What `new URL(…)` makes of a query, by Node 20; nothing else of that parser is taken.
#[test]
fn the_query_as_the_whatwg_url_parser_escapes_it() {
    for (query, escaped) in [
        ("n=O'Hara", "n=O%27Hara"),
        ("''=''", "%27%27=%27%27"),
        ("a=\"b\"", "a=%22b%22"),
        ("a=<b>", "a=%3Cb%3E"),
        ("a=\u{e9}\u{1f44b}", "a=%C3%A9%F0%9F%91%8B"),
        ("a=%27'", "a=%27%27"),
        ("a=%zz'", "a=%zz%27"),
        (
            "a='`{|}^[]\\~!$()*,-./:;?@_",
            "a=%27`{|}^[]\\~!$()*,-./:;?@_",
        ),
        ("b='&a=+", "b=%27&a=+"),
        ("a=\u{7f}'", "a=%7F%27"),
    ] {
        let target = format!("/v?{query}");
        let url = |query: &str| format!("https://h.example/v?{query}");
        let with_port = url(escaped).replace("example", "example:443");
        signed("https://h.example", &target, &url(query)).passes(query);
        signed("https://h.example", &target, &url(escaped)).passes(escaped);
        signed("https://h.example", &target, &with_port).passes(with_port);
        let more = url(&format!("{escaped}&"));
        signed("https://h.example", &target, &more).refused(SignatureMismatch, more);
    }
    // The other way round: what arrived escaped was not signed otherwise, but for Node's own printing of it.
    spelled(
        "https://h.example",
        "/v?b=%27%22&a=1",
        &[
            "https://h.example/v?b=%27%22&a=1",
            "https://h.example/v?b='%22&a=1",
        ],
        &[
            "https://h.example/v?b='\"&a=1",
            "https://h.example/v?a=1&b=%27%22",
        ],
    );
    // Nothing of the path.
    spelled(
        "https://h.example",
        "/it's?x=1",
        &["https://h.example/it's?x=1"],
        &["https://h.example/it%27s?x=1"],
    );
}

#[test]
fn a_public_url_that_cannot_be_one_builds_no_receiver() {
    for scheme in [TWILIO, TWILIO_FORM, TWILIO_BODY_SHA256, MANDRILL] {
        let trial = Trial::new(scheme, TOKEN);
        let none = trial.build_error().map(|error| error.to_string());
        let told = "public_url: the scheme signs the URL, so it must be configured";
        assert_eq!(none.as_deref(), Some(told));
        for url in [
            "",
            "h.example",
            "//h.example",
            "https:/h.example",
            "https:h.example",
            "https://",
            "https:///v",
            "https://:443",
            "https://user@",
            "https://user@:443",
            "https://h.example:",
            "https://h.example:x",
            "https://h.example:-1",
            "https://h.example:+443",
            "https://h.example:123456",
            "https://h.example:443:443",
            "https://::1",
            "https://[::1",
            "https://h.example/#rc=3",
            "https://h.example#rc=3&rp=all",
            "https://h.example/?x=1",
            "https://h.example?x",
            "https://h.example/a b",
            "https://h.example/a\n",
            " https://h.example",
            "https://h.example\u{a0}",
            "https://h.example\\v",
            "ftp://h.example",
            "httpss://h.example",
            "wss://h.example",
        ] {
            let error = trial.clone().public_url(url).build_error();
            let error = error.map(|error| error.to_string());
            let told = "public_url: must be an http or https URL without query and fragment";
            assert_eq!(error.as_deref(), Some(told), "{url:?}");
        }
    }
}
