//! One route: its scheme, its secrets, and the receiver that is made of them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use countersign::danger::{self, NoSecret};
use countersign::scheme::{Algorithm, Part, Place, Proof};
use countersign::{
    Bodies, FailureLimit, MemoryQuotas, MemoryStore, Once, ProxyError, Receiver, ReceiverBuilder,
    Scheme, SecretError, SecretRing, SettingError, Sources, Stage, TrustedProxies, providers,
};
use zeroize::Zeroizing;

use super::attempts::Attempts;
use super::file::{self, Deduplicate, File, Value};
use super::forward::{Forward, Target};
use super::line::Lines;
use super::mistakes::{At, Mistake};
use super::settings::{MOST_TENANTS, check_path, of_proxies, quota};
use crate::grade::GivenUp;
use crate::scheme_choice::{content_holds, known_config};
use crate::scheme_file;
use crate::secrets::{self, GivenSecret, Unreadable};
use crate::wording::word;

/// What all routes share.
pub(super) struct Shared<'a> {
    pub(super) file: &'a File,
    pub(super) folder: &'a Path,
    pub(super) lines: &'a Lines,
    pub(super) store: MemoryStore,
    pub(super) bodies: Bodies,
    pub(super) failures: Option<FailureLimit>,
    pub(super) sources: Option<Sources>,
    pub(super) forward: Forward,
}

/// A route that can be served.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) path: String,
    /// Is the token another segment behind the path?
    pub(crate) has_token_behind: bool,
    pub(crate) receiver: Receiver<Once<MemoryStore>>,
    /// What its receiver tells of attempts.
    pub(super) attempts: Attempts,
    /// The secrets that the receiver was made with.
    pub(crate) ring: SecretRing,
    /// Where deliveries go; nowhere when they are only acknowledged.
    pub(crate) target: Option<Arc<Target>>,
}

impl file::Route {
    /// Its scheme's name: its own unless another is given.
    pub(super) fn scheme<'a>(&'a self, name: &'a str) -> &'a str {
        self.scheme.as_deref().unwrap_or(name)
    }

    /// Its path.
    pub(super) fn path(&self, name: &str) -> String {
        self.path.clone().unwrap_or_else(|| format!("/{name}"))
    }
}

impl Route {
    /// Its path as axum's router takes it.
    pub(super) fn pattern(&self) -> String {
        match (self.has_token_behind, self.path.as_str()) {
            (false, path) => path.to_owned(),
            (true, "/") => "/{token}".to_owned(),
            (true, path) => format!("{path}/{{token}}"),
        }
    }

    /// What becomes of its deliveries, in a sentence.
    pub(super) fn notice(&self, address: SocketAddr) -> String {
        let token = match (self.has_token_behind, self.path.as_str()) {
            (false, _) => "",
            (true, "/") => "TOKEN",
            (true, _) => "/TOKEN",
        };
        let path = &self.path;
        let scheme = &self.receiver.scheme().name;
        let then = match &self.target {
            Some(target) => format!("forwarded to http://{}", target.authority()),
            None => "answered 200, and nothing is done with it".to_owned(),
        };
        format!("http://{address}{path}{token} takes {scheme}: what is genuine is {then}")
    }

    /// Makes it, or says everything that is wrong with it.
    pub(super) fn new(
        name: &str,
        written: &file::Route,
        shared: &Shared<'_>,
    ) -> Result<Self, Vec<Mistake>> {
        let mut making = Making {
            at: At::route(name),
            name,
            written,
            shared,
            wrong: Vec::new(),
        };
        let made = making.route();
        match made {
            Some(route) if making.wrong.is_empty() => Ok(route),
            _ => Err(making.wrong),
        }
    }
}

/// The secrets of a route, read from where they are kept.
fn ring(
    name: &str,
    written: &file::Route,
    scheme: &Scheme,
    folder: &Path,
) -> Result<SecretRing, Vec<Mistake>> {
    let at = At::route(name).then("secrets");
    if scheme.algorithm == Algorithm::Unsigned && written.secrets.is_empty() {
        return Ok(NoSecret.into());
    }
    let any_length = written.accept_weak.contains(&GivenUp::ShortSecret);
    let mut wrong = Vec::new();
    let mut ring = Vec::new();
    for (index, reference) in written.secrets.iter().enumerate() {
        let at = at.clone().item(index);
        let secret = kept(reference, folder, &at).and_then(|given| {
            let secret = given.secret(any_length);
            secret.map_err(|error| Mistake::new(at, error.to_string()))
        });
        match secret {
            Err(mistake) => wrong.push(mistake),
            Ok(mut secret) => {
                if let Some(label) = &reference.label {
                    secret = secret.label(label);
                }
                if let Some(moment) = reference.not_before {
                    secret = secret.not_before(moment.0);
                }
                if let Some(moment) = reference.not_after {
                    secret = secret.not_after(moment.0);
                }
                ring.push(secret);
            }
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    SecretRing::new(ring).map_err(|error| vec![Mistake::new(at, error.to_string())])
}

/// Reads what is kept somewhere else.
fn kept(reference: &file::Secret, folder: &Path, at: &At) -> Result<GivenSecret, Mistake> {
    let wrong = |reason: String| Mistake::new(at.clone(), reason);
    let of = |key: &str, error: Unreadable| Mistake::new(at.clone().then(key), error.to_string());
    match (&reference.env, &reference.file) {
        (Some(name), None) => secrets::from_env(name).map_err(|error| of("env", error)),
        (None, Some(path)) if crate::input::is_stdin(path) => Err(wrong(
            "standard input is no file that could be read again".to_owned(),
        )),
        (None, Some(path)) => {
            secrets::from_file(&folder.join(path), path).map_err(|error| of("file", error))
        }
        (Some(_), Some(_)) => Err(wrong(
            "is kept in one place: name it by env or by file, not by both".to_owned(),
        )),
        (None, None) => Err(wrong(
            "says not where it is kept: env = \"NAME\" or file = \"PATH\"".to_owned(),
        )),
    }
}

/// The proxies that tell the public URL; the key at fault where they cannot be trusted so.
fn proxies(from: &file::PublicUrlFrom) -> Result<TrustedProxies, (&'static str, ProxyError)> {
    let networks: Vec<&str> = from.proxies.iter().map(String::as_str).collect();
    let mut trusted = TrustedProxies::new(&networks, from.hosts.iter().map(String::as_str))
        .map_err(|error| match error {
            ProxyError::Host(_) => ("hosts", error),
            ProxyError::Empty if !networks.is_empty() => ("hosts", error),
            _ => ("proxies", error),
        })?;
    if from.keeping_host {
        trusted = trusted.keeping_host();
    }
    if from.setting_port {
        trusted = trusted.setting_port();
    }
    if from.setting_forwarded {
        trusted = trusted.setting_forwarded();
    }
    if !from.setting_prefix.is_empty() {
        let prefixes = from.setting_prefix.iter().map(String::as_str);
        trusted = trusted
            .setting_prefix(prefixes)
            .map_err(|error| ("setting_prefix", error))?;
    }
    if let Some(prefix) = &from.stripping {
        trusted = trusted
            .stripping(prefix.as_str())
            .map_err(|error| ("stripping", error))?;
    }
    Ok(trusted)
}

struct Making<'a> {
    at: At,
    name: &'a str,
    written: &'a file::Route,
    shared: &'a Shared<'a>,
    wrong: Vec<Mistake>,
}

impl Making<'_> {
    fn wrong(&mut self, key: &str, reason: impl Into<String>) {
        self.wrong
            .push(Mistake::new(self.at.clone().then(key), reason));
    }

    fn route(&mut self) -> Option<Route> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.bytes().all(is_name) {
            let reason = "a route's name is 1 to 64 lower-case letters, digits and hyphens";
            self.wrong.push(Mistake::new(self.at.clone(), reason));
        }
        let path = self.written.path(self.name);
        if let Some(path) = &self.written.path
            && let Err(reason) = check_path(path)
        {
            self.wrong("path", reason);
        }
        let scheme = self.scheme()?;
        let target = self.target(&scheme);
        self.check_fit(&scheme);
        let ring = ring(self.name, self.written, &scheme, self.shared.folder);
        let ring = ring.map_err(|mistakes| self.wrong.extend(mistakes)).ok();
        let secrets = ring.clone().unwrap_or_else(|| NoSecret.into());
        let attempts = Attempts::new(self.name, self.shared.lines);
        let builder = Receiver::builder(scheme.clone(), secrets).observer(attempts.clone());
        let builder = self.with_settings(builder, &scheme);
        let builder = self.with_store(builder.store(self.shared.store.clone()));
        // Without its secrets it would be told that there is none.
        let ring = ring?;
        self.notice_of_the_past();
        let receiver = builder
            .build()
            .map_err(|error| self.explain(&scheme, &error))
            .ok()?;
        Some(Route {
            name: self.name.to_owned(),
            path,
            has_token_behind: receiver.scheme().signature.place == Place::PathEnd,
            receiver,
            attempts,
            ring,
            target: target.map(Arc::new),
        })
    }

    /// It was no mistake when it was written, and other routes do not wait for this one.
    fn notice_of_the_past(&self) {
        let now = countersign::system_now();
        let is_over = |secret: &file::Secret| secret.not_after.is_some_and(|end| end.0 < now);
        if !self.written.secrets.is_empty() && self.written.secrets.iter().all(is_over) {
            self.shared.lines.notice(format!(
                "route {}: not_after of all its secrets is over: nothing passes",
                self.name
            ));
        }
    }

    /// With the token where it was put.
    fn scheme(&mut self) -> Option<Scheme> {
        let name = self.written.scheme(self.name);
        let built_in = providers::by_name(name);
        let scheme = match (built_in, self.shared.file.schemes.get(name)) {
            (Some(scheme), _) => scheme,
            (None, Some(path)) => {
                let path = self.shared.folder.join(path);
                let read = scheme_file::read(&path).map_err(|error| error.to_string());
                let named = read.and_then(|scheme| match scheme.name == name {
                    true => Ok(scheme),
                    false => Err(format!(
                        "the scheme of {} has the name {:?}",
                        path.display(),
                        scheme.name
                    )),
                });
                match named {
                    Ok(scheme) => scheme,
                    Err(reason) => {
                        let at = At::key("schemes").then(name);
                        self.wrong.push(Mistake::new(at, reason));
                        return None;
                    }
                }
            }
            (None, None) => {
                let reason = format!(
                    "there is no scheme {name:?}: `countersign providers` lists those that are built in, and [schemes] names others"
                );
                self.wrong("scheme", reason);
                return None;
            }
        };
        match &self.written.token_in {
            None => Some(scheme),
            Some(place) => match scheme.token_in(place.0.clone()) {
                Ok(scheme) => Some(scheme),
                Err(error) => {
                    self.wrong("token_in", error.reason);
                    None
                }
            },
        }
    }

    fn target(&mut self, scheme: &Scheme) -> Option<Target> {
        let own = self.written.forward.as_deref();
        let url = own.or(self.shared.forward.url.as_deref());
        if self.written.acknowledge {
            if own.is_some() {
                let reason = "a delivery is forwarded or only acknowledged, not both";
                self.wrong("acknowledge", reason);
            }
            if !self.written.forward_headers.is_empty() {
                self.wrong("forward_headers", "nothing is forwarded");
            }
            return None;
        }
        let Some(url) = url else {
            let reason = "is missing: say where deliveries go, here or in a section [forward], or acknowledge = true to answer 200 and do nothing";
            self.wrong("forward", reason);
            return None;
        };
        let target = match (own, self.shared.forward.target(url)) {
            (_, Ok(target)) => target,
            (Some(_), Err(reason)) => {
                self.wrong("forward", reason);
                return None;
            }
            // It has been told at its own place.
            (None, Err(_)) => return None,
        };
        match target.for_scheme(scheme, &self.written.forward_headers) {
            Ok(target) => Some(target),
            Err((index, reason)) => {
                let at = self.at.clone().then("forward_headers").item(index);
                self.wrong.push(Mistake::new(at, reason));
                None
            }
        }
    }

    /// What the scheme does not ask for.
    fn check_fit(&mut self, scheme: &Scheme) {
        let signs_url = content_holds(scheme, |part| {
            matches!(part, Part::Url | Part::UrlWithoutQuery)
        });
        for (key, is_set) in [
            ("public_url", self.written.public_url.is_some()),
            ("public_url_from", self.written.public_url_from.is_some()),
        ] {
            if is_set && !signs_url {
                self.wrong(key, "the scheme does not sign the URL");
            }
        }
        if self.written.public_url.is_some() && self.written.public_url_from.is_some() {
            let reason = "the public URL is configured or told by proxies, not both";
            self.wrong("public_url_from", reason);
        }
        let from = self.written.public_url_from.as_ref();
        if from.is_some_and(|from| from.stripping.is_some() && !from.setting_prefix.is_empty()) {
            let at = self.at.clone().then("public_url_from").then("stripping");
            let reason = "the prefix is known or told, not both";
            self.wrong.push(Mistake::new(at, reason));
        }
        for given in self.written.accept_weak.clone() {
            if given != GivenUp::ShortSecret && GivenUp::of(scheme.grade) != Some(given) {
                let reason = format!(
                    "the scheme is of grade {}: that is not given up",
                    word(&scheme.grade)
                );
                self.wrong("accept_weak", reason);
            }
        }
        let asks = |scheme: &Scheme| {
            let mut handshakes = scheme.handshakes.iter();
            handshakes.any(|handshake| handshake.proof == Proof::Consent)
        };
        if !self.written.consent.is_empty() && !asks(scheme) {
            self.wrong("consent", "the sender asks nothing that needs it");
        }
    }

    fn with_settings<S: Stage>(
        &mut self,
        mut builder: ReceiverBuilder<S>,
        scheme: &Scheme,
    ) -> ReceiverBuilder<S> {
        let Shared {
            file,
            bodies,
            failures,
            sources,
            ..
        } = self.shared;
        builder = builder
            .max_secrets(countersign::defaults::MOST_SECRETS)
            .bodies(bodies.clone());
        let idle = file
            .bodies
            .idle_timeout
            .map(countersign::scheme::Span::as_duration);
        let total = file
            .bodies
            .total_timeout
            .map(countersign::scheme::Span::as_duration);
        if idle.is_some() || total.is_some() {
            builder = builder.body_timeouts(
                idle.unwrap_or(countersign::defaults::BODY_IDLE_TIMEOUT),
                total.unwrap_or(countersign::defaults::BODY_TOTAL_TIMEOUT),
            );
        }
        if let Some(limit) = failures {
            builder = builder.limit_failures(*limit);
        }
        if let Some(sources) = sources {
            builder = builder.sources(sources.clone());
        }
        if let Some(weak) = GivenUp::of(scheme.grade)
            && self.written.accept_weak.contains(&weak)
            && let Some(weak) = weak.weak()
        {
            builder = builder.accept_weak(weak);
        }
        if let Some(tolerance) = self.written.tolerance {
            builder = builder.tolerance(tolerance);
        }
        if let Some(bytes) = self.written.max_body {
            builder = builder.max_body(bytes);
        }
        if !self.written.consent.is_empty() {
            let agreed = self.written.consent.clone();
            builder = builder.consent(move |question| {
                let is_agreed = agreed.iter().all(|(name, values)| {
                    let said = question.param(name);
                    said.is_some_and(|said| values.iter().any(|value| *value == said))
                });
                std::future::ready(is_agreed)
            });
        }
        builder = self.with_config(builder, scheme);
        self.with_public_url(builder)
    }

    fn with_config<S: Stage>(
        &mut self,
        mut builder: ReceiverBuilder<S>,
        scheme: &Scheme,
    ) -> ReceiverBuilder<S> {
        let is_token = |name: &str| {
            let mut proofs = scheme.handshakes.iter().map(|handshake| &handshake.proof);
            proofs.any(|proof| matches!(proof, Proof::Token { config, .. } if config == name))
        };
        for (name, value) in &self.written.config {
            let at = self.at.clone().then("config").then(name);
            if !known_config(scheme).iter().any(|known| known == name) {
                let reason = "the scheme has no such value";
                self.wrong.push(Mistake::new(at, reason));
                continue;
            }
            if is_token(name) && matches!(value, Value::Plain(_)) {
                let reason = "is a secret, which is not written here: name where it is kept, by { env = \"NAME\" } or { file = \"PATH\" }";
                self.wrong.push(Mistake::new(at, reason));
                continue;
            }
            if let Some(value) = self.value(value, &at) {
                builder = builder.config(name, value.as_str());
            }
        }
        builder
    }

    fn with_public_url<S: Stage>(&mut self, mut builder: ReceiverBuilder<S>) -> ReceiverBuilder<S> {
        if let Some(url) = &self.written.public_url {
            let at = self.at.clone().then("public_url");
            if let Some(url) = self.value(url, &at) {
                builder = builder.public_url(url.as_str());
            }
        }
        let Some(from) = &self.written.public_url_from else {
            return builder;
        };
        let at = self.at.clone().then("public_url_from");
        match proxies(from) {
            Ok(trusted) => builder.public_url_from(trusted),
            Err((key, error)) => {
                let proxies: Vec<&str> = from.proxies.iter().map(String::as_str).collect();
                let item = match &error {
                    ProxyError::Host(host) => from.hosts.iter().position(|known| known == host),
                    ProxyError::Prefix(prefix) => {
                        let mut known = from.setting_prefix.iter();
                        known.position(|known| known == prefix)
                    }
                    _ => None,
                };
                let at = at.then(key);
                self.wrong.push(match item {
                    Some(item) => Mistake::new(at.item(item), error.to_string()),
                    None => of_proxies(at, &proxies, &error),
                });
                builder
            }
        }
    }

    fn with_store(
        &mut self,
        builder: ReceiverBuilder<countersign::WithStore<MemoryStore>>,
    ) -> ReceiverBuilder<countersign::WithStore<MemoryStore>> {
        let mut builder = builder
            .endpoint(self.name)
            .run_timeout(self.shared.forward.run_timeout());
        if let Some(by) = self.written.deduplicate {
            builder = builder.deduplicate(match by {
                Deduplicate::ByContent => danger::Deduplicate::ByContent,
                Deduplicate::ByUnsignedId => danger::Deduplicate::ByUnsignedId,
                Deduplicate::Off => danger::Deduplicate::Off,
            });
        }
        if let Some(span) = self.written.retention {
            builder = builder.retention(span.as_duration());
        }
        if let Some(span) = self.written.answer_within {
            builder = builder.answer_within(span.as_duration());
        }
        if let Some(count) = self.written.max_runs {
            builder = builder.max_runs(count.get());
        }
        if self.written.refuse_replays {
            builder = builder.refuse_replays();
        }
        if self.written.refuse_changed_bodies {
            builder = builder.refuse_changed_bodies();
        }
        if let Some(written) = &self.written.quota {
            let at = self.at.clone().then("quota");
            match quota(&at, written.count, written.period, written.burst) {
                Ok(quota) => {
                    let tenants = written.most_tenants.map_or(MOST_TENANTS, Into::into);
                    builder = builder.quota(quota, MemoryQuotas::single_process(tenants));
                }
                Err(mistake) => self.wrong.push(mistake),
            }
        }
        builder
    }

    /// A value, read from where it is kept.
    fn value(&mut self, value: &Value, at: &At) -> Option<Zeroizing<String>> {
        match value {
            Value::Plain(text) => Some(Zeroizing::new(text.clone())),
            Value::Kept(reference) => kept(reference, self.shared.folder, at)
                .map(GivenSecret::into_text)
                .map_err(|mistake| self.wrong.push(mistake))
                .ok(),
        }
    }

    fn explain(&mut self, scheme: &Scheme, error: &SettingError) {
        let mistake = explain(&self.at, scheme, error);
        let from = self.at.clone().then("public_url_from");
        let is_known = |known: &Mistake| {
            known.at.is_within(&mistake.at)
                || (error.field() == "public_url" && known.at.is_within(&from))
        };
        // What could not be read is not also told to be missing.
        if !self.wrong.iter().any(is_known) {
            self.wrong.push(mistake);
        }
    }
}

/// The key that a setting of the core has here, and the words for what mends it.
fn explain(route: &At, scheme: &Scheme, error: &SettingError) -> Mistake {
    let own = |key: &str| route.clone().then(key);
    let said = in_words_of_the_file(match error {
        SettingError::Value { reason, .. } | SettingError::Unsupported { reason, .. } => reason,
        _ => "",
    });
    match (error, error.field()) {
        (SettingError::Scheme(error), "max_body") => {
            Mistake::new(own("max_body"), error.reason.clone())
        }
        (SettingError::Scheme(error), "timestamp.tolerance") => {
            Mistake::new(own("tolerance"), error.reason.clone())
        }
        (SettingError::Scheme(_) | SettingError::Unsupported { .. }, _) => {
            Mistake::new(own("scheme"), error.to_string())
        }
        (SettingError::Secret { label, reason }, _) => {
            let hint = match reason {
                SecretError::TooShort { .. } => ": accept that with accept_weak \"short-secret\"",
                _ => "",
            };
            Mistake::new(own("secrets"), format!("{label}: {reason}{hint}"))
        }
        (_, "grade") => {
            let given = GivenUp::of(scheme.grade);
            let word = given.as_ref().map(word).unwrap_or_default();
            let reason = format!(
                "scheme {:?} is of grade {}, which is less than a signature over the body: accept that with {word:?}",
                scheme.name,
                self::word(&scheme.grade)
            );
            Mistake::new(own("accept_weak"), reason)
        }
        (_, "limit_failures") => Mistake::new(At::key("failures"), said),
        (_, "sources") => Mistake::new(At::key("sources"), said),
        (_, field @ "bodies") => Mistake::new(At::key(field), said),
        (_, "body_timeouts") => Mistake::new(At::key("bodies"), said),
        (_, "endpoint" | "run_timeout" | "lease") => Mistake::new(route.clone(), error.to_string()),
        (_, field) => Mistake::new(own(field), said),
    }
}

/// The core speaks to people who write Rust.
fn in_words_of_the_file(reason: &str) -> String {
    [
        ("danger::Deduplicate::ByContent", "\"by-content\""),
        ("danger::Deduplicate::ByUnsignedId", "\"by-unsigned-id\""),
        ("danger::Deduplicate::Off", "\"off\""),
        ("ByUnsignedId", "\"by-unsigned-id\""),
        (" or Off", " or \"off\""),
        (
            "call sources(Sources::behind(..)) or sources(Sources::direct())",
            "write a section [sources]",
        ),
        (
            "call stripping(..) in the place of setting_prefix(..), and leave setting_port() out",
            "write stripping in the place of setting_prefix, and leave setting_port out",
        ),
    ]
    .iter()
    .fold(reason.to_owned(), |text, (rust, word)| {
        text.replace(rust, word)
    })
}
