//! The URL as its sender knows it, for schemes that sign it: from the configuration, or from proxies that are trusted to tell it.

use std::borrow::Cow;
use std::fmt;

use http::HeaderName;
use http::header::{FORWARDED, HOST};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::form;
use crate::forwarded::Hops;
use crate::networks::Networks;
use crate::refusal::Refusal;
use crate::request::{Head, trim};
use crate::scheme::{UrlPort, UrlQuery, UrlSpelling};

static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
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
    /// Without what separates it from the host.
    pub(crate) scheme: String,
    /// With user information in front of it, if there is any.
    pub(crate) host: String,
    /// With its colon.
    pub(crate) port: Option<String>,
    /// The path prefix, without a slash at the end.
    pub(crate) prefix: String,
}

impl fmt::Debug for Base {
    /// Without the user information, which may hold a password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Base")
            .field("scheme", &self.scheme)
            .field("host", &self.bare_host())
            .field("port", &self.port)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Base {
    /// Without the user information.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port.as_deref().unwrap_or_default();
        let host = self.bare_host();
        write!(out, "{}://{host}{port}{}", self.scheme, self.prefix)
    }
}

impl Base {
    /// `None` for what is no http or https URL, has no host, or has a query, a fragment or blanks.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url = url.strip_suffix('/').unwrap_or(url);
        let (scheme, rest) = url.split_once("://")?;
        let is_known = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
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
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port: (!port.is_empty()).then(|| port.to_owned()),
            prefix: prefix.to_owned(),
        })
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("https")
    }

    /// With its colon.
    pub(crate) fn default_port(&self) -> &'static str {
        if self.is_https() { ":443" } else { ":80" }
    }

    /// The host without user information.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.rsplit('@').next().unwrap_or_default()
    }

    /// The port as it is spelled, with its colon.
    fn port_as(&self, spelling: UrlPort) -> Option<&str> {
        match spelling {
            UrlPort::AsConfigured => self.port.as_deref(),
            UrlPort::Without => None,
            UrlPort::With => Some(self.port.as_deref().unwrap_or(self.default_port())),
        }
    }

    /// The same with the port that this spelling writes.
    pub(crate) fn as_spelled(&self, spelling: UrlSpelling) -> Self {
        Self {
            port: self.port_as(spelling.port).map(str::to_owned),
            ..self.clone()
        }
    }

    /// Writes the URL of a request. `None` for a query that cannot be spelled so: one that is no text would look like another one.
    pub(crate) fn spell(
        &self,
        spelling: UrlSpelling,
        path: &str,
        query: Option<&str>,
    ) -> Option<String> {
        let port = self.port_as(spelling.port).unwrap_or_default();
        let mut url = [&self.scheme, "://", &self.host, port, &self.prefix, path].concat();
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

/// The paths that a request may have had whose prefix is gone: where nothing is left of it but a slash, it may have had none itself, for
/// routers pass `/hooks` and `/hooks/` on as `/`.
pub(crate) fn paths<'p>(base: &Base, path: &'p str) -> impl Iterator<Item = &'p str> + use<'p> {
    let without = (path == "/" && !base.prefix.is_empty()).then_some("");
    std::iter::once(path).chain(without)
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
/// proxy has another. Proxies that write `Forwarded` are [said to](Self::setting_forwarded).
///
/// What each proxy has to be told is in [the manual](crate::manual::public_url).
///
/// ```
/// use countersign::{Receiver, Secret, TrustedProxies, providers::TWILIO};
/// let proxies = TrustedProxies::new(&["10.0.0.0/8"], ["hooks.example.com"])?.stripping("/hooks")?;
/// let receiver = Receiver::builder(TWILIO, Secret::new("0123456789abcdef0123456789abcdef")?).public_url_from(proxies).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Networks,
    hosts: Vec<String>,
    keep_host: bool,
    set_port: bool,
    set_forwarded: bool,
    prefix: Prefix,
}

/// What proxies do to the beginning of the path. Prefixes are without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Prefix {
    Kept,
    /// They take this one away.
    Stripped(String),
    /// They take one of these away, and say which.
    Told(Vec<String>),
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
            set_port: false,
            set_forwarded: false,
            prefix: Prefix::Kept,
        })
    }

    /// They pass `Host` on as the sender wrote it, instead of saying what it was: only `Host` is looked at for it then. (Over HTTP/2 it is the
    /// authority of the target; where both are there, they must be the same.)
    #[must_use]
    pub const fn keeping_host(mut self) -> Self {
        self.keep_host = true;
        self
    }

    /// They set `X-Forwarded-Port` on every request: a number, which must be the one that the host has if it has one, and becomes part of the
    /// URL, and of the host that must be named, unless it is the default one of the scheme. Otherwise that header is not looked at.
    #[must_use]
    pub const fn setting_port(mut self) -> Self {
        self.set_port = true;
        self
    }

    /// They write `Forwarded` (RFC 7239) instead of `X-Forwarded-*`, which is not looked at then: each adds an element to the right that says who
    /// sent the request (`for`), by which `host` and by which `proto`.
    ///
    /// Elements count from the right: the last is the nearest proxy's word, and as long as its `for` is an address of a proxy that is named here,
    /// the one to the left of it is that proxy's. The last of these is what the outermost proxy says, and it must say `proto` (`http` or `https`) and
    /// `host`. What stands to the left of it came with the request, and says nothing; but **a header that is malformed anywhere is refused as a
    /// whole**, and so is one of more than 32 elements or 4,096 bytes.
    ///
    /// `Forwarded` knows neither a prefix nor a port beside the host's: a receiver with [`setting_prefix`](Self::setting_prefix) or
    /// [`setting_port`](Self::setting_port) beside this is not built.
    #[must_use]
    pub const fn setting_forwarded(mut self) -> Self {
        self.set_forwarded = true;
        self
    }

    /// They strip this prefix from the path of every request: it is put back, and no header is asked. `/hooks`, and `/hooks/` is the same.
    ///
    /// # Errors
    /// [`ProxyError::Prefix`] for what does not begin with a slash, or holds a question mark, a number sign, a backslash or blanks.
    pub fn stripping(mut self, prefix: impl Into<String>) -> Result<Self, ProxyError> {
        self.prefix = Prefix::Stripped(as_prefix(prefix.into())?);
        Ok(self)
    }

    /// They strip one of these prefixes from the path, and set `X-Forwarded-Prefix` to it on every request (`/` where they strip none, which is
    /// to be named, too). Compared exactly, but for a slash at the end. Otherwise that header is not looked at.
    ///
    /// Naming them keeps a stranger, whose header some proxy has let through, from moving a genuine request to another path.
    ///
    /// # Errors
    /// [`ProxyError::Prefix`] names the first that is none, as [`stripping`](Self::stripping) does; [`ProxyError::Empty`].
    pub fn setting_prefix(
        mut self,
        prefixes: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, ProxyError> {
        let prefixes = prefixes.into_iter().map(|prefix| as_prefix(prefix.into()));
        let prefixes: Vec<String> = prefixes.collect::<Result<_, _>>()?;
        if prefixes.is_empty() {
            return Err(ProxyError::Empty);
        }
        self.prefix = Prefix::Told(prefixes);
        Ok(self)
    }

    /// Would one header have to be read together with one of the other family?
    pub(crate) const fn mixes_families(&self) -> bool {
        self.set_forwarded && (self.set_port || matches!(self.prefix, Prefix::Told(_)))
    }

    /// What the proxies, or these settings, would have to say otherwise for the URL that was signed: of scheme, host, port and prefix those that
    /// are named.
    pub(crate) fn write_remedies(
        &self,
        [scheme, host, port, prefix]: [bool; 4],
        signed: &Base,
        out: &mut dyn fmt::Write,
    ) -> fmt::Result {
        let of_scheme = match self.set_forwarded {
            true => "the proxy must say so by proto in Forwarded",
            false => "the proxy must say so in X-Forwarded-Proto",
        };
        let of_host = match (self.keep_host, self.set_forwarded) {
            (true, _) => "the proxy must keep Host",
            (false, true) => "the proxy must say so by host in Forwarded",
            (false, false) => "the proxy must say so in X-Forwarded-Host",
        };
        let of_port = match self.set_port {
            true => "the proxy must say so in X-Forwarded-Port",
            false => "the host that the proxy tells must have the sender's port",
        };
        let of_prefix = match &self.prefix {
            Prefix::Kept => "call `stripping` or `setting_prefix`",
            Prefix::Stripped(_) => "call `stripping` with what is stripped, or not at all",
            Prefix::Told(_) => "the proxy must say so in X-Forwarded-Prefix",
        };
        let all = [
            (scheme, of_scheme),
            (host, of_host),
            (port, of_port),
            (prefix, of_prefix),
            (
                (host || port) && !self.names_host(signed),
                "the host must be named in `TrustedProxies::new`, if it is this receiver's",
            ),
            (
                prefix && !self.names_prefix(signed),
                "the prefix must be named in `setting_prefix`, if it is this receiver's",
            ),
        ];
        let wanted = all.into_iter().filter(|(is_wanted, _)| *is_wanted);
        for (at, (_, remedy)) in wanted.enumerate() {
            let between = if at > 0 { ", " } else { "" };
            write!(out, "{between}{remedy}")?;
        }
        Ok(())
    }

    fn names_host(&self, base: &Base) -> bool {
        let port = base.port.as_deref();
        let with_port = [base.bare_host(), port.unwrap_or_default()].concat();
        let is_named = |host: &str| {
            self.hosts
                .iter()
                .any(|known| known.eq_ignore_ascii_case(host))
        };
        is_named(&with_port) || port == Some(base.default_port()) && is_named(base.bare_host())
    }

    fn names_prefix(&self, base: &Base) -> bool {
        match &self.prefix {
            Prefix::Told(prefixes) => prefixes.contains(&base.prefix),
            // Another setting is asked for.
            Prefix::Kept | Prefix::Stripped(_) => true,
        }
    }

    /// The URL in front of this request's path.
    fn base(&self, head: &impl Head) -> Result<Base, Refusal> {
        let Some(peer) = head.peer() else {
            return Err(Refusal::PublicUrlUnknown {
                name: "peer".into(),
            });
        };
        if !self.networks.hold(peer) {
            return Err(Refusal::PeerUntrusted);
        }
        let (scheme, host, said_by) = self.scheme_and_host(head)?;
        let mut named = Cow::Borrowed(&*host);
        let mut base =
            Base::parse(&format!("{scheme}://{host}")).ok_or_else(|| unknown(said_by))?;
        if self.set_port {
            let told = one(head, &FORWARDED_PORT)?.and_then(port);
            let told = told.ok_or_else(|| unknown(&FORWARDED_PORT))?;
            match &base.port {
                Some(known) if *known != told => return Err(unknown(&FORWARDED_PORT)),
                None if told != base.default_port() => {
                    named.to_mut().push_str(&told);
                    base.port = Some(told);
                }
                _ => {}
            }
        }
        // The very text that came, so that it is a host and nothing else.
        let is_known = |known: &String| known.eq_ignore_ascii_case(&named);
        if !self.hosts.iter().any(is_known) {
            return Err(unknown(said_by));
        }
        match &self.prefix {
            Prefix::Kept => {}
            Prefix::Stripped(prefix) => base.prefix.clone_from(prefix),
            Prefix::Told(prefixes) => {
                let told = one(head, &FORWARDED_PREFIX)?.filter(|told| told.starts_with('/'));
                let told = told.map(|told| told.strip_suffix('/').unwrap_or(told));
                let told = prefixes.iter().find(|known| Some(known.as_str()) == told);
                base.prefix = told.ok_or_else(|| unknown(&FORWARDED_PREFIX))?.clone();
            }
        }
        Ok(base)
    }

    /// What the request was sent by, and which header names the host.
    fn scheme_and_host<'h>(
        &self,
        head: &'h impl Head,
    ) -> Result<(&'static str, Cow<'h, str>, &'static HeaderName), Refusal> {
        let (scheme, said, said_by) = match self.set_forwarded {
            true => {
                let hops = Hops::read(head).map_err(|_| unknown(&FORWARDED))?;
                let told = hops.outermost(&self.networks);
                let told = told.ok_or_else(|| unknown(&FORWARDED))?;
                let scheme = known_scheme(told.proto.as_deref(), &FORWARDED)?;
                (scheme, told.host.clone(), &FORWARDED)
            }
            false => {
                let scheme = known_scheme(one(head, &FORWARDED_PROTO)?, &FORWARDED_PROTO)?;
                let host = match self.keep_host {
                    true => None,
                    false => one(head, &FORWARDED_HOST)?.map(Cow::Borrowed),
                };
                (scheme, host, &FORWARDED_HOST)
            }
        };
        if self.keep_host {
            return Ok((scheme, Cow::Borrowed(kept_host(head)?), &HOST));
        }
        let host = said.ok_or_else(|| unknown(said_by))?;
        Ok((scheme, host, said_by))
    }
}

/// A prefix without its last slash.
fn as_prefix(text: String) -> Result<String, ProxyError> {
    let base = Base::parse(&format!("https://a{text}"));
    match base.filter(|_| text.starts_with('/')) {
        Some(base) => Ok(base.prefix),
        None => Err(ProxyError::Prefix(text)),
    }
}

fn unknown(name: &HeaderName) -> Refusal {
    Refusal::PublicUrlUnknown {
        name: name.as_str().to_owned().into(),
    }
}

fn known_scheme(told: Option<&str>, name: &HeaderName) -> Result<&'static str, Refusal> {
    match told {
        Some("http") => Ok("http"),
        Some("https") => Ok("https"),
        _ => Err(unknown(name)),
    }
}

/// A port in its one spelling, with a colon in front.
fn port(told: &str) -> Option<String> {
    let number: u16 = told.parse().ok()?;
    (number > 0 && number.to_string() == told).then(|| format!(":{told}"))
}

/// The host as the sender wrote it. HTTP/2 has no Host of its own, and in HTTP/1 who names one in the target, too, must name the same.
fn kept_host(head: &impl Head) -> Result<&str, Refusal> {
    match (one(head, &HOST)?, head.authority()) {
        (Some(host), Some(authority)) if host != authority => Err(unknown(&HOST)),
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(unknown(&HOST)),
    }
}

/// The one value of a header that a proxy sets.
fn one<'a>(head: &'a impl Head, name: &'a HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut lines = head.header(name);
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    let text = std::str::from_utf8(trim(first)).map_err(|_| unknown(name))?;
    if lines.next().is_some() || text.is_empty() || text.contains(',') {
        return Err(unknown(name));
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
    /// It is no prefix of a path.
    #[error(
        "{0:?} is no prefix of a path: it begins with a slash, and has neither a query nor blanks"
    )]
    Prefix(String),
    /// There are no networks, no hosts or no prefixes.
    #[error(
        "name at least one network of proxies, and where it is asked for, one host or one prefix"
    )]
    Empty,
}

impl PublicUrl {
    /// May there be something in front of the path that the receiver does not see?
    pub(crate) const fn has_prefix(&self) -> bool {
        match self {
            Self::Configured(base) => !base.prefix.is_empty(),
            Self::Forwarded(proxies) => !matches!(proxies.prefix, Prefix::Kept),
        }
    }

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
