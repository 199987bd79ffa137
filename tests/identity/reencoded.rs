//! What somebody who has captured an attempt can do to it without the secret.

use bytes::Bytes;
use countersign::scheme::{Place, Scheme};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Request};

/// Other spellings, and further values where the sender need not have put any. Most of them are refused; those that are not must be known
/// again. Event names are left out: they may decide where they are from a closed list.
pub(crate) fn reencoded(
    scheme: &Scheme,
    request: &Request<Bytes>,
    ids_decide: bool,
) -> Vec<(String, Request<Bytes>)> {
    let mut all = Vec::new();
    headers(scheme, request, ids_decide, &mut all);
    target(request, &mut all);
    // Whoever holds a token writes what body he likes, and nothing of it is the captured one's.
    if scheme.algorithm.signs_content() {
        body(request, &mut all);
    }
    for method in scheme.methods.iter() {
        let mut other = request.clone();
        *other.method_mut() = method.parse().expect("a method");
        all.push((format!("method {method}"), other));
    }
    all
}

fn header(name: &str) -> HeaderName {
    HeaderName::from_bytes(name.as_bytes()).expect("a header's name")
}

fn headers(
    scheme: &Scheme,
    request: &Request<Bytes>,
    ids_decide: bool,
    all: &mut Vec<(String, Request<Bytes>)>,
) {
    for (name, value) in request.headers() {
        let padded = [b" ".as_slice(), value.as_bytes(), b"\t "].concat();
        let mut other = request.clone();
        let padded = HeaderValue::from_bytes(&padded).expect("a header's value");
        other.headers_mut().insert(name, padded);
        all.push((format!("blanks around {name}"), other));
        let Ok(text) = value.to_str() else { continue };
        for (how, text) in [
            ("upper", text.to_ascii_uppercase()),
            ("lower", text.to_ascii_lowercase()),
        ] {
            if text.as_bytes() != value.as_bytes() && !is_event(scheme, name.as_str()) {
                let mut other = request.clone();
                let value = HeaderValue::from_str(&text).expect("a header's value");
                other.headers_mut().insert(name, value);
                // An id is another one in another case.
                if !(ids_decide && is_id(scheme, name.as_str())) {
                    all.push((format!("{name} in {how} case"), other));
                }
            }
        }
    }
    let ids = scheme.id.iter().filter(|_| !ids_decide);
    for place in ids.chain(scheme.tenant.iter()).flat_map(each) {
        if scheme.signs(place) {
            continue;
        }
        match place {
            Place::Header(name) if ids_decide && is_id(scheme, name) => {}
            Place::Header(name) => {
                for family in families(scheme, name) {
                    let mut other = request.clone();
                    let value = HeaderValue::from_static("another-one");
                    other.headers_mut().insert(header(&family), value);
                    all.push((format!("another {family}"), other));
                    let mut other = request.clone();
                    if other.headers_mut().remove(header(&family)).is_some() {
                        all.push((format!("no {family}"), other));
                    }
                }
            }
            Place::QueryParam(name) => {
                let query = request.uri().query().unwrap_or_default();
                let more = with_query(request, &format!("{name}=another-one&{query}"));
                all.push((format!("another parameter {name}"), more));
            }
            _ => {}
        }
    }
    for name in [
        "idempotency-key",
        "x-request-id",
        "x-forwarded-host",
        "x-github-delivery",
        "x-shopify-webhook-id",
        "x-wc-webhook-delivery-id",
        "i-twilio-idempotency-token",
        "x-slack-retry-num",
    ] {
        if (ids_decide && is_id(scheme, name)) || request.headers().contains_key(name) {
            continue;
        }
        let mut other = request.clone();
        let value = HeaderValue::from_static("another-one");
        other.headers_mut().insert(header(name), value);
        all.push((format!("a header {name}"), other));
    }
    let types = scheme.media_types.iter().map(AsRef::as_ref);
    for kind in types.chain(["application/json", "text/plain"]) {
        for kind in [kind.to_owned(), format!("{kind}; charset=utf-8")] {
            let mut other = request.clone();
            let value = HeaderValue::from_str(&kind).expect("a media type");
            other.headers_mut().insert(CONTENT_TYPE, value);
            all.push((format!("content type {kind}"), other));
        }
    }
    let mut other = request.clone();
    other.headers_mut().remove(CONTENT_TYPE);
    all.push(("no content type".to_owned(), other));
}

/// The names of a header in all families, the one that it has by itself among them.
fn families(scheme: &Scheme, name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    if let Some((first, others)) = scheme.header_prefixes.split_first()
        && let Some(rest) = name.strip_prefix(first.as_ref())
    {
        names.extend(others.iter().map(|prefix| format!("{prefix}{rest}")));
    }
    names
}

fn each(place: &Place) -> Vec<&Place> {
    match place {
        Place::All(places) => places.iter().collect(),
        place => vec![place],
    }
}

fn is_one_of(scheme: &Scheme, places: &[Place], name: &str) -> bool {
    places.iter().flat_map(each).any(
        |place| matches!(place, Place::Header(known) if families(scheme, known).iter().any(|known| known == name)),
    )
}

fn is_event(scheme: &Scheme, name: &str) -> bool {
    is_one_of(scheme, &scheme.event, name)
}

fn is_id(scheme: &Scheme, name: &str) -> bool {
    is_one_of(scheme, &scheme.id, name)
}

fn with_query(request: &Request<Bytes>, query: &str) -> Request<Bytes> {
    let target = format!("{}?{query}", request.uri().path());
    let mut other = request.clone();
    *other.uri_mut() = target.parse().expect("a target");
    other
}

fn target(request: &Request<Bytes>, all: &mut Vec<(String, Request<Bytes>)>) {
    let path = request.uri().path();
    if let Some(query) = request.uri().query() {
        let mut items: Vec<_> = query.split('&').collect();
        all.push((
            "a parameter behind the others".to_owned(),
            with_query(request, &format!("{query}&zz=1")),
        ));
        all.push((
            "a parameter in front of the others".to_owned(),
            with_query(request, &format!("zz=1&{query}")),
        ));
        all.push((
            "an empty item in the query".to_owned(),
            with_query(request, &format!("{query}&")),
        ));
        items.reverse();
        all.push((
            "the query in another order".to_owned(),
            with_query(request, &items.join("&")),
        ));
        for (how, query) in [
            ("escaped", escape_first_letters(query)),
            ("with a plus", query.replace("%20", "+")),
        ] {
            all.push((format!("the query {how}"), with_query(request, &query)));
        }
    }
    let query = request.uri().query().map(|query| format!("?{query}"));
    let query = query.unwrap_or_default();
    for other in [
        format!("{path}/"),
        format!("/{path}"),
        path.replacen('a', "%61", 1),
        format!("/other{path}"),
    ] {
        let mut request = request.clone();
        if let Ok(target) = format!("{other}{query}").parse() {
            *request.uri_mut() = target;
            all.push((format!("the path {other}"), request));
        }
    }
}

/// The first letter of every value of a form, as an escape.
fn escape_first_letters(form: &str) -> String {
    let escaped = |item: &str| match item.split_once('=') {
        Some((name, value)) if value.starts_with(|first: char| first.is_ascii_alphanumeric()) => {
            format!("{name}=%{:02x}{}", value.as_bytes()[0], &value[1..])
        }
        _ => item.to_owned(),
    };
    form.split('&').map(escaped).collect::<Vec<_>>().join("&")
}

fn body(request: &Request<Bytes>, all: &mut Vec<(String, Request<Bytes>)>) {
    let mut add = |name: &str, body: String| {
        if body.as_bytes() != request.body() {
            let body = Bytes::from(body);
            all.push((name.to_owned(), request.clone().map(|_| body)));
        }
    };
    let Ok(text) = std::str::from_utf8(request.body()) else {
        return;
    };
    add("a line break behind the body", format!("{text}\n"));
    add("a blank in front of the body", format!(" {text}"));
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) => {
            add("the JSON in another order", json.to_string());
            let pretty = serde_json::to_string_pretty(&json).expect("it was JSON");
            add("the JSON with blanks", pretty);
            add(
                "a letter of the id as an escape",
                text.replacen("delivery1", "\\u0064elivery1", 1),
            );
            add("a further member", text.replacen('{', r#"{"zz":1,"#, 1));
        }
        Err(_) => {
            let mut fields: Vec<_> = text.split('&').collect();
            fields.reverse();
            add("the fields in another order", fields.join("&"));
            add("the fields escaped", escape_first_letters(text));
            add("a field more", format!("{text}&zz=1"));
            add("an empty item behind the fields", format!("{text}&"));
        }
    }
}
