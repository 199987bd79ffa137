//! What `sign` and `send` take: a scheme, a secret, and what a sender is about to send.

use std::error::Error;
use std::path::PathBuf;

use bytes::Bytes;
use clap::{Args, ValueHint};
use countersign::scheme::{Algorithm, Part, Place};
use countersign::{Message, Scheme, Secret, SignError, danger};
use http::{HeaderName, HeaderValue};

use crate::body;
use crate::digest;
use crate::moment::{self, Moment};
use crate::outgoing::Outgoing;
use crate::scheme_choice::{SchemeArguments, content_holds, known_config, signed_config};
use crate::secrets::{Given, SecretArguments};

/// A message to sign.
#[derive(Clone, Debug, Args)]
pub(crate) struct MessageArguments {
    #[command(flatten)]
    scheme: SchemeArguments,
    #[command(flatten)]
    secret: SecretArguments,
    /// The body: a file, or - for standard input; empty unless it is given.
    #[arg(long, value_name = "FILE|-", help_heading = "Message", value_hint = ValueHint::FilePath)]
    body: Option<PathBuf>,
    /// The delivery's id, for schemes that send it in a header.
    #[arg(long, help_heading = "Message")]
    id: Option<String>,
    /// The event's name, for schemes that send it in a header.
    #[arg(long, value_name = "NAME", help_heading = "Message")]
    event: Option<String>,
    /// The Content-Type; the scheme's first media type unless it is given.
    #[arg(long, value_name = "TYPE", help_heading = "Message")]
    content_type: Option<String>,
    /// A further header, in place of the scheme's own of that name; may be given several times.
    #[arg(short = 'H', long, value_name = "NAME: VALUE", help_heading = "Message", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// The method; the scheme's first one unless it is given.
    #[arg(long, help_heading = "Message")]
    method: Option<String>,
    /// When it is signed: Unix seconds, a time like 2026-01-31T12:00:00Z, or now.
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true,
          help_heading = "Message", value_parser = moment::parse)]
    at: Moment,
    /// The absolute URL as the sender knows it, for schemes that sign it.
    #[arg(long, help_heading = "Message", value_hint = ValueHint::Url)]
    pub(crate) url: Option<String>,
}

/// A header on the command line.
pub(crate) fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("give NAME: VALUE")?;
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "the part before the colon is no header name")?;
    let value = HeaderValue::from_bytes(value.trim_matches([' ', '\t']).as_bytes())
        .map_err(|_| "the part after the colon cannot stand in a header")?;
    Ok((name, value))
}

impl MessageArguments {
    /// Signs. The URL is what the sender would know unless --url says otherwise.
    pub(crate) fn sign(&self, url: Option<&str>) -> Result<(Outgoing, Given), Box<dyn Error>> {
        let scheme = self.scheme.scheme()?;
        let signed_url = self.url.as_deref().or(url);
        self.check(&scheme, signed_url)?;
        let given = self.secret.read_one()?;
        let secret = given.secret(true)?;
        let body = match &self.body {
            Some(path) => body::read(path)?,
            None => Vec::new(),
        };
        let method = match &self.method {
            Some(method) => method.to_ascii_uppercase(),
            None => scheme
                .methods
                .first()
                .map_or_else(|| "POST".to_owned(), ToString::to_string),
        };

        let is_form = self
            .content_type
            .as_deref()
            .or(scheme.media_types.first().map(AsRef::as_ref))
            .is_some_and(|kind| kind == "application/x-www-form-urlencoded");
        let whole = |url: &str| digest::add(&scheme, url, &body, is_form);
        let given_url = url.or(self.url.as_deref());
        let url = given_url.map(whole);
        let note = url
            .as_deref()
            .filter(|url| Some(*url) != given_url)
            .map(|url| format!("the digest of the body goes into the URL: {url}"));
        let signed_url = signed_url.map(whole);

        let mut message = Message::new(&body, self.at.timestamp());
        if let Some(id) = &self.id {
            message = message.id(id);
        }
        if let Some(event) = &self.event {
            message = message.event(event);
        }
        if let Some(kind) = &self.content_type {
            message = message.media_type(kind);
        }
        if let Some(url) = &signed_url {
            message = message.request(method.as_str(), url);
        }
        for (name, value) in self.scheme.config() {
            message = message.config(name, value);
        }
        let mut headers = headers(&scheme, &secret, &message).map_err(|error| match error {
            SignError::Secret(reason) => format!("{}: {reason}", given.label()),
            error => format!("scheme {:?}: {error}", scheme.name),
        })?;
        headers.retain(|(name, _)| !self.header.iter().any(|(given, _)| given == name));
        headers.extend(self.header.iter().cloned());

        let mut outgoing = Outgoing {
            method,
            url,
            headers,
            body: Bytes::from(body),
            body_file: self.body.clone().filter(|path| !body::is_stdin(path)),
            sends_secret: !scheme.algorithm.signs_content(),
            note,
        };
        outgoing.place_token(&scheme, &given)?;
        Ok((outgoing, given))
    }

    /// What would have no effect, or is missing, is said before anything is read.
    fn check(&self, scheme: &Scheme, url: Option<&str>) -> Result<(), String> {
        let name = &scheme.name;
        if scheme.algorithm == Algorithm::Unsigned {
            return Err(format!(
                "scheme {name:?} proves nothing: there is nothing to sign"
            ));
        }
        let in_header = |places: &[Place]| matches!(places.first(), Some(Place::Header(_)));
        if self.id.is_some() && !in_header(&scheme.id) {
            return Err(format!(
                "--id: scheme {name:?} does not send the id in a header"
            ));
        }
        if self.event.is_some() && !in_header(&scheme.event) {
            return Err(format!(
                "--event: scheme {name:?} does not send the event's name in a header"
            ));
        }
        let signs_id = content_holds(scheme, |part| *part == Part::Id);
        if signs_id && in_header(&scheme.id) && self.id.is_none() {
            return Err(format!(
                "scheme {name:?} signs the delivery's id: give one with --id"
            ));
        }
        let signs_url = content_holds(scheme, |part| {
            matches!(
                part,
                Part::Url
                    | Part::UrlWithoutQuery
                    | Part::Path
                    | Part::Query
                    | Part::QuerySorted
                    | Part::QueryParam(_)
            )
        });
        if signs_url && url.is_none() {
            return Err(format!("scheme {name:?} signs the URL: give it with --url"));
        }
        if let Some(url) = url
            && !["http://", "https://"].iter().any(|start| {
                url.get(..start.len())
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
            })
        {
            return Err(format!(
                "{url:?} is no absolute URL: it begins with http:// or https://"
            ));
        }
        check_config(scheme, self.scheme.config())
    }
}

/// Names configured values that the scheme does not have, and those that are missing.
pub(crate) fn check_config(scheme: &Scheme, given: &[(String, String)]) -> Result<(), String> {
    let known = known_config(scheme);
    if let Some((name, _)) = given
        .iter()
        .find(|(name, _)| !known.iter().any(|known| known == name))
    {
        return Err(format!(
            "--config: scheme {:?} has no value {name:?}",
            scheme.name
        ));
    }
    let missing = |known: &&countersign::scheme::Text| {
        !given
            .iter()
            .any(|(name, value)| name == known.as_ref() && !value.is_empty())
    };
    match signed_config(scheme).iter().find(missing) {
        Some(name) => Err(format!(
            "scheme {:?} signs the value {name:?}: give it with --config {name}=VALUE",
            scheme.name
        )),
        None => Ok(()),
    }
}

type Headers = Vec<(HeaderName, HeaderValue)>;

/// The headers of the scheme; without the token where that lies elsewhere.
fn headers(scheme: &Scheme, secret: &Secret, message: &Message<'_>) -> Result<Headers, SignError> {
    let in_header = matches!(scheme.signature.place, Place::Header(_));
    if in_header || scheme.algorithm != Algorithm::Token {
        scheme.sign(secret, message)
    } else {
        without_token(scheme, message)
    }
}

/// Signs as if the token were in a header, and leaves that out.
fn without_token(scheme: &Scheme, message: &Message<'_>) -> Result<Headers, SignError> {
    const STAND_IN: &str = "x-countersign-stand-in";
    let mut in_header = scheme.clone();
    in_header.signature.place = Place::Header(STAND_IN.into());
    let secret = danger::secret_of_any_length("stands-in-for-the-token")?;
    let mut headers = in_header.sign(&secret, message)?;
    headers.retain(|(name, _)| name != STAND_IN);
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_a_colon_and_a_value() {
        let (name, value) = header("X-Topic:  a: b ").unwrap();
        assert_eq!((name.as_str(), value.as_bytes()), ("x-topic", &b"a: b"[..]));
        assert_eq!(header("x:").unwrap().1, "");
        for (wrong, says) in [
            ("x", "give NAME: VALUE"),
            ("a b: c", "the part before the colon is no header name"),
            (": c", "the part before the colon is no header name"),
            (
                "a: b\nc",
                "the part after the colon cannot stand in a header",
            ),
        ] {
            assert_eq!(header(wrong).unwrap_err(), says);
        }
    }
}
