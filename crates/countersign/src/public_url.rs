//! The URL as its sender knows it, for schemes that sign it: from the configuration, or from proxies that are trusted to tell it.

use std::borrow::Cow;
use std::fmt;

use http::HeaderName;
use http::header::HOST;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::form;
use crate::networks::Networks;
use crate::refusal::Refusal;
use crate::request::{Head, trim};
use crate::scheme::{UrlPort, UrlQuery, UrlSpelling};

static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// What the WHATWG URL parser escapes in the query of an http or https URL, beside what is not ASCII.
const WHATWG_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\'');

/// What Node's `querystring.escape` leaves alone, beside letters and digits.
const NODE_KEEPS: &AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Where the public URL comes from.
#[derive(Clone, Debug)]
pub(crate) enum PublicUrl {
    Configured(Base),
    Forwarded(TrustedProxies),
}

/// The part of a public URL in front of the request's path, split where spellings differ.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Base {
    /// Scheme, user information and host.
    host: String,
    /// With its colon.
    port: Option<String>,
    is_https: bool,
    /// The path prefix, without a slash at the end.
    prefix: String,
}

impl fmt::Debug for Base {
    /// Without the user information, which may hold a password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.host.rsplit(['@', '/']).next().unwrap_or_default();
        out.debug_struct("Base")
            .field("host", &bare)
            .field("port", &self.port)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Base {
    /// `None` for what is no http or https URL, has no host, or has a query, a fragment or blanks.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url = url.strip_suffix('/').unwrap_or(url);
        let (scheme, rest) = url.split_once("://")?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        let is_known = is_https || scheme.eq_ignore_ascii_case("http");
        let is_plain = !url.contains(['?', '#', '\\'])
            && !url.contains(|c: char| c.is_control() || c.is_whitespace());
        if !is_known || !is_plain {
            return None;
        }
        let (authority, prefix) = match rest.find('/') {
            Some(at) => rest.split_at_checked(at)?,
            None => (rest, ""),
        };
        // User information may hold colons, and so does an IPv6 address in its brackets.
        let host_at = authority.rfind('@').map_or(0, |at| at.saturating_add(1));
        let bare = authority.get(host_at..)?;
        let after_brackets = bare.rfind(']').map_or(0, |at| at.saturating_add(1));
        let port = bare
            .get(after_brackets..)?
            .find(':')
            .map(|at| host_at.saturating_add(after_brackets).saturating_add(at));
        let (host, port) = match port {
            Some(at) => authority.split_at_checked(at)?,
            None => (authority, ""),
        };
        let digits = port.strip_prefix(':').unwrap_or_default();
        if host.len() <= host_at
            || digits.len() > 5
            || !digits.bytes().all(|byte| byte.is_ascii_digit())
            || (!port.is_empty() && digits.parse::<u16>().is_err())
        {
            return None;
        }
        Some(Self {
            host: format!("{scheme}://{host}"),
            port: (!port.is_empty()).then(|| port.to_owned()),
            is_https,
            prefix: prefix.to_owned(),
        })
    }

    /// Writes the URL of a request. `None` for a query that cannot be spelled so: one that is no text would look like another one.
    pub(crate) fn spell(
        &self,
        spelling: UrlSpelling,
        path: &str,
        query: Option<&str>,
    ) -> Option<String> {
        let default = if self.is_https { ":443" } else { ":80" };
        let port = match spelling.port {
            UrlPort::AsConfigured => self.port.as_deref().unwrap_or_default(),
            UrlPort::Without => "",
            UrlPort::With => self.port.as_deref().unwrap_or(default),
        };
        let mut url = [self.host.as_str(), port, &self.prefix, path].concat();
        if let Some(query) = query {
            url.push('?');
            match spelling.query {
                UrlQuery::AsArrived => url.push_str(query),
                UrlQuery::Whatwg => url.extend(utf8_percent_encode(query, WHATWG_QUERY)),
                UrlQuery::Querystring if !form::is_text(query.as_bytes()) => return None,
                UrlQuery::Querystring => url.push_str(&by_querystring(query)),
            }
        }
        Some(url)
    }
}

/// A query string, taken apart as a form and written again. Every parameter is in it, in its place: none can be added or moved unsigned.
fn by_querystring(query: &str) -> String {
    let mut text = String::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !text.is_empty() {
            text.push('&');
        }
        text.extend(utf8_percent_encode(&name, NODE_KEEPS));
        text.push('=');
        text.extend(utf8_percent_encode(&value, NODE_KEEPS));
    }
    text
}

/// Proxies whose word about the public URL is taken, and the hosts they may speak of.
///
/// The nearest proxy, the peer of the connection, must be one of them, and must itself set `X-Forwarded-Proto` (`http` or `https`) and
/// `X-Forwarded-Host` on every request, in the place of whatever came: a header that it lets through is a stranger's word. Each is there
/// once and holds one value. The host, with its port if it has one, must be one of those named here: somebody else's service behind the same
/// proxy has another.
///
/// ```
/// use countersign::{Receiver, Secret, TrustedProxies, providers::TWILIO};
/// let proxies = TrustedProxies::new(&["10.0.0.0/8"], ["hooks.example.com"])?.setting_prefix();
/// let receiver = Receiver::builder(TWILIO, Secret::new("0123456789abcdef0123456789abcdef")?).public_url_from(proxies).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Networks,
    hosts: Vec<String>,
    keep_host: bool,
    set_prefix: bool,
}

impl TrustedProxies {
    /// Networks in CIDR notation or single addresses (`10.0.0.0/8`, `::1`), and hosts (`hooks.example.com`, `example.com:8443`), compared
    /// without regard to case.
    ///
    /// # Errors
    /// Names the entry that is none; both lists must hold something, and no network may hold every address.
    pub fn new(
        networks: &[&str],
        hosts: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, ProxyError> {
        let networks = Networks::parse(networks).map_err(ProxyError::Network)?;
        let hosts: Vec<String> = hosts.into_iter().map(Into::into).collect();
        for host in &hosts {
            let is_host = Base::parse(&format!("https://{host}"))
                .is_some_and(|base| base.prefix.is_empty() && !host.contains(['@', '/']));
            if !is_host {
                return Err(ProxyError::Host(host.clone()));
            }
        }
        if networks.is_empty() || hosts.is_empty() {
            return Err(ProxyError::Empty);
        }
        Ok(Self {
            networks,
            hosts,
            keep_host: false,
            set_prefix: false,
        })
    }

    /// They pass `Host` on as the sender wrote it, instead of setting `X-Forwarded-Host`, which is not looked at then.
    #[must_use]
    pub fn keeping_host(mut self) -> Self {
        self.keep_host = true;
        self
    }

    /// They strip a prefix from the path and set `X-Forwarded-Prefix` to it on every request. Otherwise that header is not looked at.
    #[must_use]
    pub fn setting_prefix(mut self) -> Self {
        self.set_prefix = true;
        self
    }

    /// The URL in front of this request's path.
    fn base(&self, head: &impl Head) -> Result<Base, Refusal> {
        let unknown = |name: &HeaderName| Refusal::PublicUrlUnknown {
            name: name.as_str().to_owned().into(),
        };
        let Some(peer) = head.peer() else {
            return Err(Refusal::PublicUrlUnknown {
                name: "peer".into(),
            });
        };
        if !self.networks.hold(peer) {
            return Err(Refusal::PeerUntrusted);
        }
        let proto = match one(head, &FORWARDED_PROTO) {
            Ok(Some(proto @ ("http" | "https"))) => proto,
            _ => return Err(unknown(&FORWARDED_PROTO)),
        };
        let said_by = if self.keep_host {
            &HOST
        } else {
            &FORWARDED_HOST
        };
        let host = match (one(head, said_by), head.authority()) {
            (Ok(Some(host)), _) => host,
            // HTTP/2 has no Host of its own.
            (Ok(None), Some(authority)) if self.keep_host => authority,
            _ => return Err(unknown(said_by)),
        };
        let is_known = self
            .hosts
            .iter()
            .any(|known| known.eq_ignore_ascii_case(host));
        if !is_known {
            return Err(unknown(said_by));
        }
        let prefix = match self.set_prefix {
            false => "",
            true => match one(head, &FORWARDED_PREFIX) {
                Ok(Some(prefix)) if prefix.starts_with('/') => prefix,
                _ => return Err(unknown(&FORWARDED_PREFIX)),
            },
        };
        Base::parse(&format!("{proto}://{host}{prefix}")).ok_or_else(|| unknown(&FORWARDED_PREFIX))
    }
}

/// The one value of a header that a proxy sets.
fn one<'a>(head: &'a impl Head, name: &'a HeaderName) -> Result<Option<&'a str>, ()> {
    let mut lines = head.header(name);
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    let text = std::str::from_utf8(trim(first)).map_err(|_| ())?;
    if lines.next().is_some() || text.is_empty() || text.contains(',') {
        return Err(());
    }
    Ok(Some(text))
}

/// Why proxies cannot be trusted as they are named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It is no address and no network, or a network that holds every address.
    #[error("{0:?} is no address or network of proxies")]
    Network(String),
    /// It is no host.
    #[error("{0:?} is no host")]
    Host(String),
    /// There are no networks or no hosts.
    #[error("name at least one network of proxies, and where it is asked for, one host")]
    Empty,
}

impl PublicUrl {
    /// The URL in front of this request's path.
    pub(crate) fn base(&self, head: &impl Head) -> Result<Cow<'_, Base>, Refusal> {
        match self {
            Self::Configured(base) => Ok(Cow::Borrowed(base)),
            Self::Forwarded(proxies) => proxies.base(head).map(Cow::Owned),
        }
    }
}

#[cfg(test)]
#[path = "public_url_tests.rs"]
mod tests;
