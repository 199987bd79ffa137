//! What else a scheme signs or asks for in the head: fixed values, id, headers, parameters, pairs, method, URL.

use countersign::Refusal;
use countersign::scheme::{Part, Place, Scheme, Text};
use http::Method;

use super::edit::{self, Edit};
use super::{Table, another, name_of};
use crate::sender::{each_part, first_in_head};

impl Table<'_> {
    pub(super) fn fields(&mut self) {
        self.requirements();
        self.signed_values();
        self.unsigned_fields();
        self.method_and_url();
    }

    fn requirements(&mut self) {
        for rule in self.scheme().requires.iter() {
            let name = name_of(&rule.place);
            let what = |how: &str| format!("{name} {how}");
            let edit = |edit: Edit<'_>| self.genuine.edit(&rule.place, edit);
            let other = another(&rule.equals);
            let misses = [
                (
                    what("of another value"),
                    edit(Edit::Replace(&other)),
                    malformed(&name),
                ),
                (what("missing"), edit(Edit::Remove), missing(&name)),
                (
                    what("twice"),
                    edit(Edit::Follow(&rule.equals)),
                    repeated(&name),
                ),
            ];
            for (name, request, refusal) in misses {
                self.add(name, request, refusal);
            }
        }
    }

    /// Values of the head that the content holds.
    fn signed_values(&mut self) {
        let scheme = self.scheme();
        for (place, is_optional) in signed_places(scheme) {
            let is_elsewhere = scheme
                .timestamp
                .as_ref()
                .is_some_and(|rule| rule.place == place)
                || scheme.requires.iter().any(|rule| rule.place == place)
                || scheme.checks.iter().any(|check| check.place == place);
            let Some(value) = self.genuine.read(&place).filter(|_| !is_elsewhere) else {
                continue;
            };
            let name = name_of(&place);
            let what = |how: &str| format!("{name} {how}");
            let edit = |edit: Edit<'_>| self.genuine.edit(&place, edit);
            let gone = if is_optional {
                Refusal::SignatureMismatch
            } else {
                missing(&name)
            };
            let mut misses = vec![
                (
                    what("of another value"),
                    edit(Edit::Replace(&another(&value))),
                    Refusal::SignatureMismatch,
                ),
                (what("missing"), edit(Edit::Remove), gone),
                (what("twice"), edit(Edit::Follow(&value)), repeated(&name)),
            ];
            if !matches!(place, Place::Pair(_)) {
                misses.push((what("empty"), edit(Edit::Replace("")), malformed(&name)));
            }
            if let Some(literal) = literal_behind(scheme, &place) {
                let moved = format!("{value}{literal}");
                misses.push((
                    what("holding what ends it"),
                    edit(Edit::Replace(&moved)),
                    malformed(&name),
                ));
            }
            for (name, request, refusal) in misses {
                self.add(name, request, refusal);
            }
        }
    }

    /// Fields that nobody signs occur once all the same.
    fn unsigned_fields(&mut self) {
        let scheme = self.scheme();
        // Another query string is another signed content.
        let signs_query = holds(scheme, &[Part::Url, Part::Query, Part::QuerySorted]);
        let mut done: Vec<_> = signed_places(scheme)
            .into_iter()
            .map(|(place, _)| place)
            .collect();
        for places in [&scheme.id, &scheme.event, &scheme.tenant] {
            let Some(first) = first_in_head(places) else {
                continue;
            };
            for place in each(first) {
                if done.contains(place) {
                    continue;
                }
                done.push(place.clone());
                let is_first = places.first() == Some(first);
                let is_covered = signs_query && matches!(place, Place::QueryParam(_));
                let value = self.genuine.read(place);
                let Some(value) = value.filter(|_| is_first && !is_covered) else {
                    continue;
                };
                let name = name_of(place);
                let twice = edit::edit(&self.genuine.request, place, Edit::Follow(&value));
                self.add(format!("{name} twice"), twice, repeated(&name));
                let empty = edit::edit(&self.genuine.request, place, Edit::Replace(""));
                if *place != Place::PathEnd {
                    self.add(format!("{name} empty"), empty, malformed(&name));
                }
            }
        }
    }

    fn method_and_url(&mut self) {
        let scheme = self.scheme();
        if holds(scheme, &[Part::Method]) {
            let used = self.genuine.request.method().as_str();
            let other = scheme.methods.iter().find(|method| method.as_ref() != used);
            let other = other.and_then(|other| other.parse::<Method>().ok());
            let request = other.map(|other| {
                let mut request = self.genuine.request.clone();
                *request.method_mut() = other;
                request
            });
            self.add(
                "another method of the sender",
                request,
                Refusal::SignatureMismatch,
            );
        }
        let with = |target: String| {
            let mut request = self.genuine.request.clone();
            *request.uri_mut() = target.parse().ok()?;
            Some(request)
        };
        let (path, query) = (
            self.genuine.request.uri().path(),
            self.genuine.request.uri().query(),
        );
        let target = |path: &str| match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let mut targets = Vec::new();
        if holds(scheme, &[Part::Url, Part::UrlWithoutQuery, Part::Path]) {
            targets.push(("another path", target(&format!("{path}x"))));
            targets.push(("a slash behind the path", target(&format!("{path}/"))));
        }
        if holds(scheme, &[Part::Url, Part::Query, Part::QuerySorted]) {
            let more = if query.is_some() { '&' } else { '?' };
            let more = format!("{}{more}x=1", target(path));
            targets.push(("one more parameter", more));
        }
        let requests: Vec<_> = targets
            .into_iter()
            .map(|(name, target)| (name, with(target)))
            .collect();
        for (name, request) in requests {
            self.add(name, request, Refusal::SignatureMismatch);
        }
    }
}

fn holds(scheme: &Scheme, wanted: &[Part]) -> bool {
    let mut held = false;
    each_part(&scheme.content, &mut |part| held |= wanted.contains(part));
    held
}

/// Places of the head that the content holds, and whether they may be left out.
fn signed_places(scheme: &Scheme) -> Vec<(Place, bool)> {
    fn walk(scheme: &Scheme, parts: &[Part], is_optional: bool, found: &mut Vec<(Place, bool)>) {
        for part in parts {
            let place = match part {
                Part::Id => scheme.id.first().cloned(),
                part => part.place(),
            };
            if let Some(place) = place.filter(|place| !place.is_in_body())
                && !found.iter().any(|(known, _)| *known == place)
            {
                found.push((place, is_optional));
            }
            let is_optional = is_optional || matches!(part, Part::Optional(_));
            walk(scheme, part.inner(), is_optional, found);
        }
    }
    let mut found = Vec::new();
    walk(scheme, &scheme.content, false, &mut found);
    found
}

/// The literal that ends a value of the head in front of the body.
fn literal_behind<'s>(scheme: &'s Scheme, place: &Place) -> Option<&'s Text> {
    let before_body = scheme.content.split(|part| *part == Part::Body).next()?;
    before_body.windows(2).find_map(|pair| match pair {
        [Part::Id, Part::Literal(literal)] if scheme.id.first() == Some(place) => Some(literal),
        [part, Part::Literal(literal)] if part.place().as_ref() == Some(place) => Some(literal),
        _ => None,
    })
}

fn each(place: &Place) -> &[Place] {
    match place {
        Place::All(several) => several,
        one => std::slice::from_ref(one),
    }
}

fn missing(name: &Text) -> Refusal {
    Refusal::FieldMissing { name: name.clone() }
}

fn malformed(name: &Text) -> Refusal {
    Refusal::FieldMalformed { name: name.clone() }
}

fn repeated(name: &Text) -> Refusal {
    Refusal::FieldRepeated { name: name.clone() }
}
