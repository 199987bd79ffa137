//! Reads and changes one value of a request, wherever it lies. `None` where there is no such value, or no telling which one it is.

use bytes::Bytes;
use countersign::scheme::Place;
use http::{HeaderName, HeaderValue, Request, Uri};
use serde_json::Value;

/// What is done to a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit<'a> {
    /// It becomes another one.
    Replace(&'a str),
    /// It is not there any more.
    Remove,
    /// Another one stands behind it.
    Follow(&'a str),
}

/// The value's text, decoded.
pub(crate) fn read(request: &Request<Bytes>, place: &Place) -> Option<String> {
    match place {
        Place::Header(name) => {
            let value = request.headers().get(name.as_ref())?;
            Some(value.to_str().ok()?.to_owned())
        }
        Place::QueryParam(name) => field(request.uri().query()?, name),
        Place::PathEnd => Some(request.uri().path().rsplit('/').next()?.to_owned()),
        Place::Form(name) => field(std::str::from_utf8(request.body()).ok()?, name),
        Place::Json(pointer) => scalar(request.body(), pointer),
        Place::JsonEach { array, pointer } => {
            scalar(request.body(), &format!("{array}/0{pointer}"))
        }
        _ => None,
    }
}

/// The request with the value at a place changed.
pub(crate) fn edit(
    request: &Request<Bytes>,
    place: &Place,
    edit: Edit<'_>,
) -> Option<Request<Bytes>> {
    let mut request = request.clone();
    match place {
        Place::Header(name) => {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let headers = request.headers_mut();
            match edit {
                Edit::Replace(value) => {
                    headers.insert(name, HeaderValue::from_str(value).ok()?)?;
                }
                Edit::Remove => {
                    headers.remove(name)?;
                }
                Edit::Follow(value) => {
                    headers.append(name, HeaderValue::from_str(value).ok()?);
                }
            }
        }
        Place::QueryParam(name) => {
            let query = fields(request.uri().query()?, name, edit)?;
            let path = request.uri().path();
            let target = match query.as_str() {
                "" => path.to_owned(),
                query => format!("{path}?{query}"),
            };
            *request.uri_mut() = target.parse().ok()?;
        }
        Place::PathEnd => {
            let (parent, _) = request.uri().path().rsplit_once('/')?;
            let path = match edit {
                Edit::Replace(end) => format!("{parent}/{end}"),
                Edit::Remove if parent.is_empty() => "/".to_owned(),
                Edit::Remove => parent.to_owned(),
                Edit::Follow(_) => return None,
            };
            *request.uri_mut() = with_path(request.uri(), &path)?;
        }
        Place::Form(name) => {
            let body = fields(std::str::from_utf8(request.body()).ok()?, name, edit)?;
            *request.body_mut() = body.into();
        }
        Place::Json(pointer) | Place::JsonEach { pointer, .. } => {
            let old = read(&request, place)?;
            let body = std::str::from_utf8(request.body()).ok()?;
            let body = member(body, pointer, &old, edit)?;
            *request.body_mut() = body.into();
        }
        _ => return None,
    }
    Some(request)
}

pub(crate) fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    match uri.query() {
        Some(query) => format!("{path}?{query}").parse().ok(),
        None => path.parse().ok(),
    }
}

fn field(fields: &str, name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(fields.as_bytes());
    let (_, value) = fields.find(|(known, _)| known == name)?;
    Some(value.into_owned())
}

/// Changes one field of a form or query string; all others keep their spelling.
fn fields(fields: &str, name: &str, edit: Edit<'_>) -> Option<String> {
    let encoded = |value: &str| {
        form_urlencoded::Serializer::new(String::new())
            .append_pair(name, value)
            .finish()
    };
    let mut changed = Vec::new();
    let mut is_found = false;
    for field in fields.split('&') {
        let mut known = form_urlencoded::parse(field.as_bytes());
        if known.next().is_none_or(|(known, _)| known != name) {
            changed.push(field.to_owned());
            continue;
        }
        is_found = true;
        match edit {
            Edit::Replace(value) => changed.push(encoded(value)),
            Edit::Remove => {}
            Edit::Follow(value) => changed.extend([field.to_owned(), encoded(value)]),
        }
    }
    is_found.then(|| changed.join("&"))
}

fn scalar(body: &[u8], pointer: &str) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    match document.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Changes a member of a JSON object, found by its key and value, which must occur together once. A value that is removed becomes null.
fn member(body: &str, pointer: &str, old: &str, edit: Edit<'_>) -> Option<String> {
    let key = pointer.rsplit('/').next()?;
    let key = serde_json::to_string(&key.replace("~1", "/").replace("~0", "~")).ok()?;
    let quoted = |text: &str| serde_json::to_string(text).ok();
    // A number stays one.
    let spellings = [(quoted(old)?, true), (old.to_owned(), false)];
    for (value, is_text) in spellings {
        let literal = |text: &str| {
            if is_text {
                quoted(text)
            } else {
                Some(text.to_owned())
            }
        };
        for colon in [":", ": "] {
            let known = format!("{key}{colon}{value}");
            let found = body.match_indices(&known).filter(|(at, _)| {
                let end = at.saturating_add(known.len());
                let next = body.get(end..).and_then(|rest| rest.chars().next());
                is_text || next.is_some_and(|next| !next.is_ascii_digit())
            });
            if found.count() != 1 {
                continue;
            }
            let new = match edit {
                Edit::Replace(text) => format!("{key}{colon}{}", literal(text)?),
                Edit::Remove => format!("{key}{colon}null"),
                Edit::Follow(text) => format!("{known},{key}{colon}{}", literal(text)?),
            };
            return Some(body.replacen(&known, &new, 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, body: &'static str) -> Request<Bytes> {
        let request = Request::post(target).header("x-a", "1");
        request.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[track_caller]
    fn edited(place: &Place, target: &str, body: &'static str, expect: [Option<(&str, &str)>; 3]) {
        let request = request(target, body);
        for (how, expect) in [Edit::Replace("n w"), Edit::Remove, Edit::Follow("n w")]
            .into_iter()
            .zip(expect)
        {
            let edited = edit(&request, place, how);
            let seen = edited.as_ref().map(|request| {
                let body = std::str::from_utf8(request.body()).unwrap();
                (request.uri().to_string(), body.to_owned())
            });
            let expect = expect.map(|(target, body)| (target.to_owned(), body.to_owned()));
            assert_eq!(seen, expect, "{place:?} {how:?}");
        }
    }

    #[test]
    fn one_value_changes_and_nothing_else() {
        let query = Place::QueryParam("a b".into());
        edited(
            &query,
            "/p?a%20b=1&c=%2b",
            "",
            [
                Some(("/p?a+b=n+w&c=%2b", "")),
                Some(("/p?c=%2b", "")),
                Some(("/p?a%20b=1&a+b=n+w&c=%2b", "")),
            ],
        );
        edited(&query, "/p?c=1", "", [None, None, None]);
        edited(
            &Place::Form("a".into()),
            "/",
            "b=%20&a=1",
            [
                Some(("/", "b=%20&a=n+w")),
                Some(("/", "b=%20")),
                Some(("/", "b=%20&a=1&a=n+w")),
            ],
        );
        edited(
            &Place::Json("/x/a".into()),
            "/",
            r#"{ "x":{"a":"1"}, "y":1.50}"#,
            [
                Some(("/", r#"{ "x":{"a":"n w"}, "y":1.50}"#)),
                Some(("/", r#"{ "x":{"a":null}, "y":1.50}"#)),
                Some(("/", r#"{ "x":{"a":"1","a":"n w"}, "y":1.50}"#)),
            ],
        );
        // Twice: nobody can tell which one.
        edited(
            &Place::Json("/x/a".into()),
            "/",
            r#"{"x":{"a":1},"y":{"a":1}}"#,
            [None, None, None],
        );
        let number = edit(
            &request("/", r#"{"a":1,"b":{"a":12}}"#),
            &Place::Json("/a".into()),
            Edit::Replace("2"),
        );
        assert_eq!(number.unwrap().body(), r#"{"a":2,"b":{"a":12}}"#);
        edited(&Place::Pair("a".into()), "/", "", [None, None, None]);
    }

    #[test]
    fn the_path_has_one_end() {
        let request = request("/hooks/token?a=1", "");
        let end =
            |how| edit(&request, &Place::PathEnd, how).map(|request| request.uri().to_string());
        assert_eq!(
            end(Edit::Replace("other")).as_deref(),
            Some("/hooks/other?a=1")
        );
        assert_eq!(end(Edit::Remove).as_deref(), Some("/hooks?a=1"));
        assert_eq!(end(Edit::Follow("other")), None);
        assert_eq!(read(&request, &Place::PathEnd).as_deref(), Some("token"));
    }

    #[test]
    fn a_header_has_lines() {
        let request = request("/", "");
        let place = Place::Header("x-a".into());
        let lines = |how| {
            let edited = edit(&request, &place, how).unwrap();
            let lines = edited.headers().get_all("x-a").iter();
            lines
                .map(|line| line.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(Edit::Replace("2")), ["2"]);
        assert_eq!(lines(Edit::Follow("2")), ["1", "2"]);
        assert!(lines(Edit::Remove).is_empty());
        assert!(edit(&request, &Place::Header("x-b".into()), Edit::Remove).is_none());
    }
}
