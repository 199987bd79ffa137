//! What `sign` and `send` take: a scheme, a secret, and what a sender is about to send.

use std::error::Error;
use std::path::PathBuf;

use bytes::Bytes;
use clap::{Args, ValueHint};
use countersign::scheme::{Algorithm, List, Part, Place};
use countersign::{Message, Scheme, SignError};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Request};

use crate::moment::{self, Moment};
use crate::outgoing::{Added, Outgoing, notes};
use crate::scheme_choice::{SchemeArguments, content_holds};
use crate::secrets::{GivenSecret, SecretArguments};
use crate::{header, input, url};

/// What is signed for a scheme that does not sign the URL, where none is given.
const ANY_URL: &str = "https://example.com/";

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
    /// The delivery's id, for schemes that send it in a header or in the URL.
    #[arg(long, help_heading = "Message")]
    id: Option<String>,
    /// The event's name, for schemes that send it in a header or in the URL.
    #[arg(long, value_name = "NAME", help_heading = "Message")]
    event: Option<String>,
    /// The sender's account, for schemes that send it in a header or in the URL.
    #[arg(long, value_name = "NAME", help_heading = "Message")]
    tenant: Option<String>,
    /// The Content-Type; the scheme's first media type unless it is given.
    #[arg(long, value_name = "TYPE", help_heading = "Message")]
    content_type: Option<String>,
    /// A further header, in place of the scheme's own of that name; signed where the scheme does; may be given several times.
    #[arg(short = 'H', long, value_name = "NAME: VALUE", help_heading = "Message", value_parser = header::argument)]
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
    url: Option<String>,
}

impl MessageArguments {
    /// Signs, for sending to `to` where that is known. The URL that is signed is the same, unless --url says otherwise.
    pub(crate) fn sign(&self, to: Option<&str>) -> Result<(Outgoing, GivenSecret), Box<dyn Error>> {
        let scheme = self.scheme()?;
        let known_url = self.url.as_deref().or(to).map(without_fragment);
        self.check(&scheme, known_url)?;
        let signed_url = known_url.unwrap_or(ANY_URL);
        let given = self.secret.read_one()?;
        let body = match &self.body {
            Some(path) => input::read(path)?,
            None => Vec::new(),
        };
        let is_token_in_path =
            scheme.algorithm == Algorithm::Token && scheme.signature.place == Place::PathEnd;
        if is_token_in_path && !given.is_path_segment() {
            return Err(
                "the token cannot be a segment of a path: only letters, digits and -._~ can".into(),
            );
        }
        let message = self.message(&scheme, &body, signed_url)?;
        let mut request = scheme
            .request(&given.secret(true)?, &message)
            .map_err(|error| match error {
                SignError::Secret(reason) => format!("{}: {reason}", given.label()),
                error => format!("scheme {:?}: {error}", scheme.name),
            })?;

        let signed_target = request.uri().clone();
        let added = Added::new(signed_url, &signed_target);
        let sent_to = to.map_or(signed_url, without_fragment);
        let (base, ..) = url::split(sent_to);
        *request.uri_mut() = added.target(sent_to).parse()?;
        let has_own_host = self.set_host(&mut request, base)?;
        let writes_body = scheme.signature.place.is_in_body();
        let body_file = self.body.clone();
        let outgoing = Outgoing {
            base: base.to_owned(),
            has_own_host,
            body_file: body_file.filter(|path| !writes_body && !input::is_stdin(path)),
            writes_body,
            sends_secret: !scheme.algorithm.signs_content(),
            notes: notes(&scheme, &added, &given),
            request,
        };
        Ok((outgoing, given))
    }

    /// The scheme; without media types of its own where a Content-Type is among the headers, which stands in their place.
    fn scheme(&self) -> Result<Scheme, Box<dyn Error>> {
        let mut scheme = self.scheme.scheme()?;
        if self.gives_header(CONTENT_TYPE.as_str()) {
            scheme.media_types = Vec::new().into();
        }
        Ok(scheme)
    }

    fn message<'a>(
        &'a self,
        scheme: &Scheme,
        body: &'a [u8],
        url: &'a str,
    ) -> Result<Message<'a>, Box<dyn Error>> {
        let method = match &self.method {
            Some(method) => method.to_ascii_uppercase(),
            None => scheme
                .methods
                .first()
                .map_or_else(|| "POST".to_owned(), ToString::to_string),
        };
        let mut message = Message::new(body, self.at.timestamp()).request(method, url);
        if let Some(id) = &self.id {
            message = message.id(id);
        }
        if let Some(event) = &self.event {
            message = message.event(event);
        }
        if let Some(tenant) = &self.tenant {
            message = message.tenant(tenant);
        }
        if let Some(kind) = &self.content_type
            && !self.gives_header(CONTENT_TYPE.as_str())
        {
            message = message.media_type(kind);
        }
        for (name, value) in &self.header {
            message = message.header(name.as_str(), std::str::from_utf8(value.as_bytes())?);
        }
        for (name, value) in self.scheme.config(scheme)? {
            message = message.config(name, value);
        }
        Ok(message)
    }

    /// The host of the URL that it is sent to, unless one is among the headers. Was it?
    fn set_host(&self, request: &mut Request<Bytes>, base: &str) -> Result<bool, Box<dyn Error>> {
        let headers = request.headers_mut();
        let mut given = self.header.iter().filter(|(name, _)| *name == HOST);
        if let Some((_, first)) = given.next() {
            headers.insert(HOST, first.clone());
            for (_, further) in given {
                headers.append(HOST, further.clone());
            }
            return Ok(true);
        }
        if let Some((_, authority)) = base.split_once("://") {
            headers.insert(HOST, authority.parse()?);
        }
        Ok(false)
    }

    fn gives_header(&self, name: &str) -> bool {
        self.header.iter().any(|(given, _)| given == name)
    }

    /// What would have no effect, or is missing, is said before anything is read.
    fn check(&self, scheme: &Scheme, url: Option<&str>) -> Result<(), String> {
        let name = &scheme.name;
        if scheme.algorithm == Algorithm::Unsigned {
            return Err(format!(
                "scheme {name:?} proves nothing: there is nothing to sign"
            ));
        }
        for (flag, is_given, places, what) in [
            ("--id", self.id.is_some(), &scheme.id, "the id"),
            (
                "--event",
                self.event.is_some(),
                &scheme.event,
                "the event's name",
            ),
            (
                "--tenant",
                self.tenant.is_some(),
                &scheme.tenant,
                "the tenant",
            ),
        ] {
            if is_given && !in_head(places) {
                return Err(format!(
                    "{flag}: scheme {name:?} does not send {what} in a header"
                ));
            }
        }
        let signs_id = content_holds(scheme, |part| *part == Part::Id);
        let id_is_a_header = scheme
            .id
            .iter()
            .any(|place| matches!(place, Place::Header(name) if self.gives_header(name)));
        if signs_id && in_head(&scheme.id) && self.id.is_none() && !id_is_a_header {
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
        Ok(())
    }
}

/// Is one of the places, or a part of it, one that a message's value is written to?
fn in_head(places: &List<Place>) -> bool {
    let is_written = |place: &Place| {
        matches!(
            place,
            Place::Header(_) | Place::QueryParam(_) | Place::PathEnd
        )
    };
    places.iter().any(|place| match place {
        Place::All(several) => several.iter().any(is_written),
        one => is_written(one),
    })
}

/// HTTP sends no fragments.
fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}
