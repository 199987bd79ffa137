//! What a sender sends where a test says nothing. Letters and digits alone: no scheme sets values apart with those.

use countersign::scheme::{Algorithm, KeyFormat, List, Part, Place, Scheme};

use super::Sender;

pub(super) const ID: &str = "delivery1";
pub(super) const TENANT: &str = "account1";
pub(super) const VALUE: &str = "value1";
const EVENT: &str = "event1";

pub(super) fn event(scheme: &Scheme) -> String {
    match scheme.events.first() {
        Some(event) => event.to_string(),
        None => field(&scheme.event, EVENT),
    }
}

/// A value for the first place in the head: one for each place that makes it up.
pub(crate) fn field(places: &List<Place>, value: &str) -> String {
    match first_in_head(places) {
        Some(Place::All(several)) => vec![value; several.len()].join("/"),
        _ => value.to_owned(),
    }
}

/// The place to which an id, event name or tenant is written.
pub(crate) fn first_in_head(places: &List<Place>) -> Option<&Place> {
    places.iter().find(|place| match place {
        Place::All(several) => !several.iter().all(Place::is_in_body),
        place => !place.is_in_body(),
    })
}

pub(super) fn method(sender: &Sender) -> String {
    let first = sender.scheme.methods.first().map(ToString::to_string);
    sender.method.clone().or(first).unwrap_or_default()
}

/// The sender's URL, with the parameters that the scheme signs.
pub(super) fn url(sender: &Sender) -> String {
    let mut url = sender.url.clone();
    for place in needed(&sender.scheme) {
        let Place::QueryParam(name) = place else {
            continue;
        };
        let query = url.split_once('?').map_or("", |(_, query)| query);
        if form_urlencoded::parse(query.as_bytes()).any(|(known, _)| known == name) {
            continue;
        }
        let parameter = form_urlencoded::Serializer::new(String::new())
            .append_pair(&name, VALUE)
            .finish();
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&parameter);
    }
    url
}

/// Headers, parameters and pairs that the content holds and that the scheme writes nowhere by itself.
pub(super) fn needed(scheme: &Scheme) -> Vec<Place> {
    let mut needed = Vec::new();
    each_part(&scheme.content, &mut |part| {
        if let Some(place) = part.place()
            && !place.is_in_body()
            && !is_written(scheme, &place)
            && !needed.contains(&place)
        {
            needed.push(place);
        }
    });
    needed
}

/// Does the scheme say by itself what stands there?
fn is_written(scheme: &Scheme, place: &Place) -> bool {
    let in_field = |places: &List<Place>| match first_in_head(places) {
        Some(Place::All(several)) => several.contains(place),
        first => first == Some(place),
    };
    let mut requires = scheme.requires.iter();
    let mut checks = scheme.checks.iter();
    scheme
        .timestamp
        .as_ref()
        .is_some_and(|rule| rule.place == *place)
        || [&scheme.id, &scheme.event, &scheme.tenant]
            .into_iter()
            .any(in_field)
        || requires.any(|rule| rule.place == *place)
        || checks.any(|check| check.place == *place)
}

pub(crate) fn each_part(parts: &[Part], note: &mut dyn FnMut(&Part)) {
    for part in parts {
        note(part);
        each_part(part.inner(), note);
    }
}

pub(super) fn another_secret(scheme: &Scheme) -> String {
    const BASE64: &str = "YW5vdGhlciBzZWNyZXQgb2YgYW5vdGhlciByZWNlaXZlcg==";
    match &scheme.key {
        _ if scheme.algorithm == Algorithm::Basic => "another-user:another-password".to_owned(),
        KeyFormat::Base64 => BASE64.to_owned(),
        KeyFormat::Base64After(prefix) => format!("{prefix}{BASE64}"),
        KeyFormat::Hex => "a07e".repeat(16),
        KeyFormat::TextAfter(prefix) => format!("{prefix}another-secret-of-another-receiver"),
        _ => "another-secret-of-another-receiver".to_owned(),
    }
}
