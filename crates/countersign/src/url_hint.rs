//! What is wrong with the public URL, when a signature would have been right for another one: told to the log, never to the sender.
//!
//! A diagnosis decides nothing: the attempt has been refused before it begins. How much one costs, and how many there are, is bounded.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderName;
use http::header::HOST;
use smallvec::SmallVec;
use tracing::Level;

use crate::check::{candidates_of, matching_content, with_body};
use crate::clock::{self, Clock};
use crate::forwarded::Hops;
use crate::public_url::{self, Base, PublicUrl};
use crate::quota::{Bucket, Quota};
use crate::request::{Head, trim};
use crate::scheme::compiled::{Compiled, Plan};
use crate::scheme::signature::Candidates;
use crate::signed_content::{BodyView, Content, Facts};
use crate::timestamp::Timestamp;

/// The target of the events.
const TARGET: &str = "countersign::public_url";

/// How many attempts are looked into, at once and a minute: forgeries must not be dearer than they are.
const MOST_A_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(5);

/// The longest body that is looked into, in bytes.
const MOST_BODY: usize = 16 * 1024;

/// The longest path with its query, in bytes.
const MOST_TARGET: usize = 2_048;

/// How many URLs are tried, ...
const MOST_URLS: usize = 96;

/// ... and how many bytes are hashed for one attempt, all URLs and secrets together.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The longest header that is taken for a clue, in bytes.
const MOST_CLUE: usize = 512;

static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Where proxies leave the path that they have rewritten (nginx by custom, IIS, forward authentication, Envoy).
static ORIGINALS: [HeaderName; 4] = [
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-forwarded-uri"),
    HeaderName::from_static("x-envoy-original-path"),
];

/// How many diagnoses there may still be.
pub(crate) struct UrlHints {
    bucket: Mutex<Bucket>,
    /// The process's own where none was set.
    clock: Option<Arc<dyn Clock>>,
}

impl UrlHints {
    pub(crate) fn new(clock: Option<&Arc<dyn Clock>>) -> Self {
        Self {
            bucket: Mutex::new(Bucket::full()),
            clock: clock.cloned(),
        }
    }

    fn is_there_one(&self) -> bool {
        self.with(|bucket, now| bucket.wait(&QUOTA, now).is_none())
    }

    fn take(&self) -> bool {
        self.with(|bucket, now| bucket.spend(&QUOTA, now).is_ok())
    }

    fn with(&self, then: impl FnOnce(&mut Bucket, i64) -> bool) -> bool {
        let now = match &self.clock {
            Some(clock) => clock.monotonic(),
            None => clock::monotonic(),
        };
        let now = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        then(&mut bucket, now)
    }
}

const QUOTA: Quota = Quota::per_minute(MOST_A_MINUTE);

/// What a head says of the URL that its sender may have signed. A stranger's word, all of it: good for guesses that a signature confirms.
pub(crate) struct Clues {
    /// `None` where it is configured.
    base: Option<Base>,
    /// What the content needs of the head, where nobody else keeps it.
    facts: Option<Facts<'static>>,
    /// Each with its port, if it has one.
    hosts: SmallVec<[(String, Option<String>); 2]>,
    port: Option<String>,
    prefixes: SmallVec<[String; 2]>,
}

impl Clues {
    /// `None` where the scheme signs no URL, nobody asks, or there have been enough of late.
    pub(crate) fn of(
        compiled: &Compiled,
        head: &impl Head,
        facts: &Facts<'_>,
    ) -> Option<Box<Self>> {
        let source = compiled.public_url.as_ref()?;
        let target = head
            .path()
            .len()
            .saturating_add(head.query().map_or(0, str::len));
        let asks = compiled.watch.observes() || tracing::enabled!(target: TARGET, Level::WARN);
        if target > MOST_TARGET || !asks || !compiled.failures.url_hints.is_there_one() {
            return None;
        }
        let base = match source {
            PublicUrl::Configured(_) => None,
            PublicUrl::Forwarded(_) => Some(source.base(head).ok()?.into_owned()),
        };
        let mut clues = Self {
            base,
            facts: matches!(compiled.plan, Plan::Streamed { .. })
                .then(|| facts.clone().into_owned()),
            hosts: SmallVec::new(),
            port: None,
            prefixes: SmallVec::new(),
        };
        clues.add_hosts(head);
        clues.port = clue(head, &FORWARDED_PORT)
            .and_then(|port| Base::parse(&format!("http://a:{port}"))?.port);
        clues.add_prefixes(head);
        Some(Box::new(clues))
    }

    fn add_hosts(&mut self, head: &impl Head) {
        let hops = Hops::read(head).unwrap_or_default();
        let by_forwarded = hops.last().and_then(|hop| hop.host.as_deref());
        let by_host = clue(head, &HOST).or_else(|| head.authority());
        let told = [by_host, clue(head, &FORWARDED_HOST), by_forwarded];
        for host in told
            .into_iter()
            .flatten()
            .filter(|host| host.len() <= MOST_CLUE)
        {
            let base = Base::parse(&format!("http://{host}"));
            let base = base.filter(|base| base.prefix.is_empty() && !base.host.contains('@'));
            if let Some(Base { host, port, .. }) = base
                && !self.hosts.contains(&(host.clone(), port.clone()))
            {
                self.hosts.push((host, port));
            }
        }
    }

    fn add_prefixes(&mut self, head: &impl Head) {
        let before = |original: &HeaderName| {
            let target = clue(head, original)?;
            let path = target.split('?').next()?;
            // A lone slash is what routers make of a path that is all prefix.
            let is_all = || (head.path() == "/").then_some(path);
            let before = path.strip_suffix(head.path()).or_else(is_all);
            before.map(str::to_owned)
        };
        let by_prefix = clue(head, &FORWARDED_PREFIX).map(str::to_owned);
        for prefix in by_prefix
            .into_iter()
            .chain(ORIGINALS.iter().filter_map(before))
        {
            let base = Base::parse(&format!("http://a{prefix}"));
            let base = base.filter(|_| prefix.starts_with('/'));
            if let Some(Base { prefix, .. }) = base
                && !self.prefixes.contains(&prefix)
            {
                self.prefixes.push(prefix);
            }
        }
    }

    /// Why an attempt was refused whose signature fits no URL that the receiver knows for it: tells the log, and gives the word for it. `None`
    /// where no other URL would have made it pass.
    ///
    /// Everything is tried to the end: how long it takes depends on nothing but sizes.
    #[cold]
    pub(crate) fn diagnose(
        &self,
        compiled: &Compiled,
        now: Timestamp,
        candidates: Option<&Candidates>,
        facts: Option<&Facts<'_>>,
        body: &[u8],
    ) -> Option<&'static str> {
        match &self.facts {
            Some(own) => self.look_into(compiled, now, candidates, own, body),
            None => self.look_into(compiled, now, candidates, facts?, body),
        }
    }

    fn look_into(
        &self,
        compiled: &Compiled,
        now: Timestamp,
        candidates: Option<&Candidates>,
        facts: &Facts<'_>,
        body: &[u8],
    ) -> Option<&'static str> {
        let source = compiled.public_url.as_ref()?;
        let known = match (source, &self.base) {
            (PublicUrl::Configured(base), _) | (PublicUrl::Forwarded(_), Some(base)) => base,
            (PublicUrl::Forwarded(_), None) => return None,
        };
        if body.len() > MOST_BODY || !compiled.failures.url_hints.take() {
            return None;
        }
        let view = BodyView::new(compiled, body, facts.is_form).ok()?;
        let mut in_body = None;
        let candidates = candidates_of(compiled, &view, candidates, &mut in_body).ok()?;
        let (facts, _) = with_body(compiled, &view, facts).ok()?;
        let content = Content {
            body: Some(&view),
            ..facts.content(compiled)
        };
        let each = body.len().saturating_add(MOST_TARGET);
        let all = each.saturating_mul(compiled.keys.len());
        let most = MOST_BYTES.checked_div(all)?.min(MOST_URLS);

        let mut tried: Vec<String> = Vec::new();
        let mut found: Option<(Change, Base)> = None;
        'all: for change in self.changes() {
            let base = change.of(known);
            let spellings = public_url::paths(&base, &facts.path)
                .flat_map(|path| compiled.url_spellings.iter().map(move |one| (path, one)));
            for (path, spelling) in spellings {
                let url = base.spell(*spelling, path, facts.query.as_deref());
                let Some(url) = url.filter(|url| !facts.urls.contains(url) && !tried.contains(url))
                else {
                    continue;
                };
                if tried.len() >= most {
                    break 'all;
                }
                let content = Content {
                    url: &url,
                    ..content
                };
                let matches = matching_content(&content, now, candidates).is_ok();
                tried.push(url);
                if matches && found.is_none() {
                    found = Some((change, base.as_spelled(*spelling)));
                }
            }
        }
        let (change, signed) = found?;
        let hint = change.name();
        tracing::warn!(
            target: TARGET,
            scheme = &*compiled.scheme.name,
            hint,
            signed = %signed,
            reason = %Reason { change, known, signed: &signed, source },
            "a webhook was refused that would have passed with another public url"
        );
        Some(hint)
    }

    /// Fewest changes first.
    fn changes(&self) -> Vec<Change<'_>> {
        let schemes = [false, true];
        let hosts =
            || std::iter::once(None).chain(self.hosts.iter().map(|(host, _)| Some(&**host)));
        let told = self.hosts.iter().filter_map(|(_, port)| port.as_deref());
        let mut ports = vec![Port::Kept, Port::Left, Port::Default];
        ports.extend(told.chain(self.port.as_deref()).map(Port::Told));
        let prefixes: SmallVec<[Option<&str>; 4]> = [None, Some("")]
            .into_iter()
            .chain(self.prefixes.iter().map(|prefix| Some(&**prefix)))
            .collect();
        let mut all = Vec::new();
        for is_other_scheme in schemes {
            for host in hosts() {
                for port in &ports {
                    for prefix in &prefixes {
                        all.push(Change {
                            is_other_scheme,
                            host,
                            port: *port,
                            prefix: *prefix,
                        });
                    }
                }
            }
        }
        all.sort_by_key(Change::count);
        all
    }
}

/// One header that is there once.
fn clue<'a>(head: &'a impl Head, name: &'a HeaderName) -> Option<&'a str> {
    let mut lines = head.header(name);
    let first = trim(lines.next()?);
    let is_one = lines.next().is_none() && first.len() <= MOST_CLUE;
    std::str::from_utf8(first).ok().filter(|_| is_one)
}

/// How another URL differs from the one that the receiver knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change<'c> {
    is_other_scheme: bool,
    host: Option<&'c str>,
    port: Port<'c>,
    prefix: Option<&'c str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port<'c> {
    Kept,
    Left,
    /// Written although it is the default one.
    Default,
    /// With its colon.
    Told(&'c str),
}

impl Change<'_> {
    fn places(&self) -> [bool; 4] {
        [
            self.is_other_scheme,
            self.host.is_some(),
            self.port != Port::Kept,
            self.prefix.is_some(),
        ]
    }

    fn count(&self) -> usize {
        self.places().into_iter().filter(|place| *place).count()
    }

    fn of(&self, known: &Base) -> Base {
        let mut base = known.clone();
        if self.is_other_scheme {
            let other = if known.is_https() { "http" } else { "https" };
            other.clone_into(&mut base.scheme);
        }
        if let Some(host) = self.host {
            // What stands in front of it is the sender's to know, and stays.
            let user = known.host.strip_suffix(known.bare_host());
            base.host = [user.unwrap_or_default(), host].concat();
        }
        match self.port {
            Port::Kept => {}
            Port::Left => base.port = None,
            Port::Default => base.port = Some(base.default_port().to_owned()),
            Port::Told(port) => base.port = Some(port.to_owned()),
        }
        if let Some(prefix) = self.prefix {
            prefix.clone_into(&mut base.prefix);
        }
        base
    }

    /// The word for logs: what is wrong, in this order.
    const fn name(&self) -> &'static str {
        let is_other_port = !matches!(self.port, Port::Kept);
        match (
            self.is_other_scheme,
            self.host.is_some(),
            is_other_port,
            self.prefix.is_some(),
        ) {
            (true, false, false, false) => "scheme",
            (false, true, false, false) => "host",
            (true, true, false, false) => "scheme+host",
            (false, false, true, false) => "port",
            (true, false, true, false) => "scheme+port",
            (false, true, true, false) => "host+port",
            (true, true, true, false) => "scheme+host+port",
            (false, false, false, true) => "prefix",
            (true, false, false, true) => "scheme+prefix",
            (false, true, false, true) => "host+prefix",
            (true, true, false, true) => "scheme+host+prefix",
            (false, false, true, true) => "port+prefix",
            (true, false, true, true) => "scheme+port+prefix",
            (false, true, true, true) => "host+port+prefix",
            (true, true, true, true) => "scheme+host+port+prefix",
            (false, false, false, false) => "spelling",
        }
    }
}

/// What to set. It names what stands in front of the path, and so neither path nor query, nor user information.
struct Reason<'a> {
    change: Change<'a>,
    known: &'a Base,
    signed: &'a Base,
    source: &'a PublicUrl,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            change,
            known,
            signed,
            source,
        } = self;
        let mut words: SmallVec<[String; 4]> = SmallVec::new();
        if change.is_other_scheme {
            words.push(format!("{} and not {}", signed.scheme, known.scheme));
        }
        if change.host.is_some() {
            let (signed, known) = (signed.bare_host(), known.bare_host());
            words.push(format!("the host {signed} and not {known}"));
        }
        if change.port != Port::Kept {
            let text = |base: &Base| match &base.port {
                Some(port) => format!("the port {}", port.trim_start_matches(':')),
                None => "no port".to_owned(),
            };
            words.push(format!("{} and not {}", text(signed), text(known)));
        }
        if change.prefix.is_some() {
            let text = |base: &Base| match base.prefix.as_str() {
                "" => "no prefix".to_owned(),
                prefix => format!("the prefix {prefix}"),
            };
            words.push(format!("{} and not {}", text(signed), text(known)));
        }
        write!(out, "the sender has signed {}: ", words.join(", "))?;
        match source {
            PublicUrl::Configured(_) => write!(out, "set `public_url` to {signed}"),
            PublicUrl::Forwarded(proxies) => {
                let mut remedies = String::new();
                proxies.write_remedies(change.places(), signed, &mut remedies)?;
                write!(out, "{remedies}, or set `public_url` to {signed}")
            }
        }
    }
}

#[cfg(test)]
#[path = "url_hint_tests.rs"]
mod tests;
