//! What a receiver's file comes to: receivers, routes and limits, or everything about it that makes no sense.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use countersign::scheme::Span;
use countersign::{Bodies, FailureLimit, MemoryStore, ProxyError, Quota, Sources, defaults};

use super::file::{File, Format, StoreKind};
use super::forward::Forward;
use super::line::Lines;
use super::mistakes::{At, Mistake};
use super::route::{Route, Shared};
use crate::client::{ClientError, Target};

/// Where it listens unless it is told otherwise.
pub(crate) const ADDRESS: &str = "127.0.0.1:8080";

/// What is said of anything else.
pub(super) const NO_ADDRESS: &str =
    "must be an address and a port, such as 127.0.0.1:8080 or [::1]:0";

/// How long a head may take, and how long a connection may be idle.
const HEADER_TIMEOUT: Span = Span::from_secs(10);

/// How many connections there may be at once. Each may need another one to its target, and 1024 open files are what a program often gets.
const MAX_CONNECTIONS: usize = 480;

/// How long what runs is waited for when it is told to stop.
const DRAIN: Span = Span::from_secs(30);

/// How many deliveries are remembered.
const CAPACITY: usize = 100_000;

/// How many tenants are counted at once.
pub(super) const MOST_TENANTS: usize = 100_000;

/// How long a connection to the forwarding target may take.
const CONNECT_TIMEOUT: Span = Span::from_secs(2);

/// How long its whole answer may take.
const FORWARD_TIMEOUT: Span = Span::from_secs(30);

/// Everything that it takes to listen.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    pub(crate) header_timeout: Duration,
    pub(crate) max_connections: usize,
    pub(crate) drain: Duration,
    pub(crate) health: Option<String>,
    pub(crate) format: Format,
    pub(crate) routes: Vec<Route>,
}

/// Makes it, or says everything that is wrong.
///
/// `folder` is where paths in the file begin.
pub(crate) fn settings(
    file: &File,
    folder: &Path,
    lines: &Lines,
) -> Result<Settings, Vec<Mistake>> {
    let mut wrong = Vec::new();
    let server = &file.server;
    let address = server.address.as_deref().unwrap_or(ADDRESS);
    let address = address.parse().unwrap_or_else(|_| {
        wrong.push(Mistake::new(At::key("server").then("address"), NO_ADDRESS));
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    let header_timeout = server.header_timeout.unwrap_or(HEADER_TIMEOUT);
    let drain = server.drain.unwrap_or(DRAIN);
    check_spans(file, &mut wrong);
    if let Some(health) = &server.health {
        let at = At::key("server").then("health");
        if let Err(reason) = check_path(health) {
            wrong.push(Mistake::new(at, reason));
        }
    }
    let shared = Shared {
        file,
        folder,
        lines,
        store: store(file),
        bodies: bodies(file),
        failures: failures(file, &mut wrong),
        sources: sources(file, &mut wrong),
        forward: forward(file, address, &mut wrong),
    };
    check_use(file, &mut wrong);
    let mut routes = Vec::new();
    for (name, written) in &file.route {
        match Route::new(name, written, &shared) {
            Ok(route) => routes.push(route),
            Err(mistakes) => {
                let is_new = |one: &Mistake| !wrong.iter().any(|known| known.at.is_within(&one.at));
                let new: Vec<Mistake> = mistakes.into_iter().filter(is_new).collect();
                wrong.extend(new);
            }
        }
    }
    check_paths(file, &mut wrong);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(Settings {
        address,
        header_timeout: header_timeout.as_duration(),
        max_connections: server.max_connections.map_or(MAX_CONNECTIONS, Into::into),
        drain: drain.as_duration(),
        health: server.health.clone(),
        format: file.log.format,
        routes,
    })
}

/// Only a memory that ends with the process, so far.
fn store(file: &File) -> MemoryStore {
    match file.store.kind {
        StoreKind::Memory => {
            MemoryStore::single_process(file.store.capacity.map_or(CAPACITY, Into::into))
        }
    }
}

fn bodies(file: &File) -> Bodies {
    let written = &file.bodies;
    let mut bodies = Bodies::new(
        written.places.unwrap_or(defaults::BODIES),
        written.bytes.unwrap_or(defaults::BODY_BYTES),
    );
    if let Some(count) = written.waiting {
        bodies = bodies.waiting(count);
    }
    if let Some(places) = written.per_source {
        bodies = bodies.per_source(places);
    }
    bodies
}

/// A quota of a section that has `count`, `period` and `burst`.
pub(super) fn quota(
    at: &At,
    count: Option<NonZeroU32>,
    period: Option<Span>,
    burst: Option<NonZeroU32>,
) -> Result<Quota, Mistake> {
    let Some(count) = count else {
        let reason = "is missing: how many in each period";
        return Err(Mistake::new(at.clone().then("count"), reason));
    };
    let period = period.map_or(Duration::from_secs(60), Span::as_duration);
    let quota = Quota::per(count, period)
        .map_err(|error| Mistake::new(at.clone().then("period"), error.to_string()))?;
    match burst {
        None => Ok(quota),
        Some(burst) => quota
            .burst(burst)
            .map_err(|error| Mistake::new(at.clone().then("burst"), error.to_string())),
    }
}

fn failures(file: &File, wrong: &mut Vec<Mistake>) -> Option<FailureLimit> {
    let written = file.failures.as_ref()?;
    let at = At::key("failures");
    let quota = quota(&at, written.count, written.period, written.burst);
    let quota = quota.map_err(|mistake| wrong.push(mistake)).ok()?;
    let limit = match written.refuse_early {
        true => FailureLimit::refuse_early(quota),
        false => FailureLimit::penalise(quota),
    };
    Some(match written.most_sources {
        Some(count) => limit.most_sources(count),
        None => limit,
    })
}

fn sources(file: &File, wrong: &mut Vec<Mistake>) -> Option<Sources> {
    let written = file.sources.as_ref()?;
    let at = At::key("sources");
    match (written.direct, written.proxies.as_slice()) {
        (true, []) => Some(Sources::direct()),
        (true, _) => {
            let reason = "senders connect directly or come through proxies, not both";
            wrong.push(Mistake::new(at.then("direct"), reason));
            None
        }
        (false, []) => {
            let reason = "say direct = true, or name the proxies that senders come through";
            wrong.push(Mistake::new(at, reason));
            None
        }
        (false, proxies) => {
            let proxies: Vec<&str> = proxies.iter().map(String::as_str).collect();
            let sources = match written.setting_forwarded {
                false => Sources::behind(&proxies),
                true => Sources::behind_forwarded(&proxies),
            };
            let at = at.then("proxies");
            sources
                .map_err(|error| wrong.push(of_proxies(at, &proxies, &error)))
                .ok()
        }
    }
}

/// A list of proxies, at the item that is none.
pub(super) fn of_proxies(at: At, proxies: &[&str], error: &ProxyError) -> Mistake {
    let item = match error {
        ProxyError::Network(entry) => proxies.iter().position(|proxy| proxy == entry),
        _ => None,
    };
    match item {
        Some(item) => Mistake::new(at.item(item), error.to_string()),
        None => Mistake::new(at, error.to_string()),
    }
}

/// Where deliveries go that their route says nothing of; checked once.
fn forward(file: &File, own: SocketAddr, wrong: &mut Vec<Mistake>) -> Forward {
    let written = &file.forward;
    let forward = Forward {
        own,
        remote: written.remote,
        connect: written
            .connect_timeout
            .unwrap_or(CONNECT_TIMEOUT)
            .as_duration(),
        answer: written.timeout.unwrap_or(FORWARD_TIMEOUT).as_duration(),
        url: None,
    };
    let at = At::key("forward");
    if forward.answer > defaults::RUN_TIMEOUT {
        let reason = "is longer than 15 minutes, which is as long as a run may take";
        wrong.push(Mistake::new(at.clone().then("timeout"), reason));
    }
    let Some(url) = &written.url else {
        return forward;
    };
    match forward.target(url) {
        Ok(_) => Forward {
            url: Some(url.clone()),
            ..forward
        },
        Err(reason) => {
            wrong.push(Mistake::new(at.then("url"), reason));
            // So that routes are not told that there is none.
            Forward {
                url: Some(String::new()),
                ..forward
            }
        }
    }
}

fn check_spans(file: &File, wrong: &mut Vec<Mistake>) {
    for (section, key, span) in [
        ("server", "header_timeout", file.server.header_timeout),
        ("bodies", "idle_timeout", file.bodies.idle_timeout),
        ("bodies", "total_timeout", file.bodies.total_timeout),
        ("forward", "connect_timeout", file.forward.connect_timeout),
        ("forward", "timeout", file.forward.timeout),
    ] {
        if span.is_some_and(|span| span.as_duration().is_zero()) {
            let at = At::key(section).then(key);
            wrong.push(Mistake::new(at, "must be longer than zero"));
        }
    }
}

/// What is written and means nothing.
fn check_use(file: &File, wrong: &mut Vec<Mistake>) {
    if file.route.is_empty() {
        let reason = "there is none: nothing would be received";
        wrong.push(Mistake::new(At::key("route"), reason));
    }
    for name in file.schemes.keys() {
        let at = At::key("schemes").then(name);
        if countersign::providers::by_name(name).is_some() {
            let reason = "is the name of a built-in scheme";
            wrong.push(Mistake::new(at, reason));
        } else if !file
            .route
            .iter()
            .any(|(route, written)| written.scheme(route) == name)
        {
            wrong.push(Mistake::new(at, "no route has this scheme"));
        }
    }
    let forward = At::key("forward");
    let has_own = |route: &super::file::Route| route.forward.is_some() || route.acknowledge;
    if file.forward.url.is_some() && !file.route.is_empty() && file.route.values().all(has_own) {
        let reason = "every route has a target of its own, or acknowledges";
        wrong.push(Mistake::new(forward.clone().then("url"), reason));
    }
    let forwards =
        file.forward.url.is_some() || file.route.values().any(|route| route.forward.is_some());
    let set = [
        ("connect_timeout", file.forward.connect_timeout.is_some()),
        ("timeout", file.forward.timeout.is_some()),
        ("remote", file.forward.remote),
    ];
    for (key, _) in set.iter().filter(|(_, is_set)| *is_set && !forwards) {
        let reason = "nothing is forwarded";
        wrong.push(Mistake::new(forward.clone().then(key), reason));
    }
    let counts_sources = file.failures.is_some() || file.bodies.per_source.is_some();
    if file.sources.is_some() && !counts_sources {
        let reason =
            "nothing counts sources: there is neither a section [failures] nor bodies.per_source";
        wrong.push(Mistake::new(At::key("sources"), reason));
    }
}

/// Every path once.
fn check_paths(file: &File, wrong: &mut Vec<Mistake>) {
    let mut known: Vec<(String, &str)> = Vec::new();
    for (name, route) in &file.route {
        let path = route.path(name);
        if let Some((_, other)) = known.iter().find(|(known, _)| *known == path) {
            // Told of the one that says so.
            let (at, other) = match route.path {
                Some(_) => (name.as_str(), *other),
                None => (*other, name.as_str()),
            };
            let reason = format!("route.{other} has the same path, {path}");
            wrong.push(Mistake::new(At::route(at).then("path"), reason));
        }
        if file.server.health.as_ref() == Some(&path) {
            let reason = format!("route.{name} has the same path");
            wrong.push(Mistake::new(At::key("server").then("health"), reason));
        }
        known.push((path, name));
    }
}

/// What a path may be: literal, and the same however it is written.
pub(super) fn check_path(path: &str) -> Result<(), &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    if !path.starts_with('/') {
        Err("must begin with a slash")
    } else if !path.bytes().all(is_plain) {
        Err("may hold letters, digits, slashes and - . _ ~")
    } else if path.len() > 1
        && path
            .split('/')
            .skip(1)
            .any(|part| matches!(part, "" | "." | ".."))
    {
        Err("must not hold an empty segment, a dot or two dots, and not end with a slash")
    } else {
        Ok(())
    }
}

/// Does a target mean the address that is listened on?
pub(super) fn is_own(target: &Target, own: SocketAddr) -> bool {
    let is_local = |host: IpAddr| host.is_loopback() || host.is_unspecified();
    let port = own.port();
    let own = own.ip().to_canonical();
    let is_host = match target.address().map(|host| host.to_canonical()) {
        // Localhost, or a name that is somebody else's.
        None => target.is_loopback() && is_local(own),
        Some(host) if own.is_unspecified() => is_local(host),
        Some(host) if host.is_unspecified() => is_local(own),
        Some(host) => host == own,
    };
    port != 0 && target.port() == port && is_host
}

/// Words for what a URL cannot be forwarded to.
pub(super) fn unusable(error: &ClientError) -> String {
    match error {
        ClientError::Https => "https is not supported: there is no TLS in this program".to_owned(),
        ClientError::UserInformation => "the URL holds a user or password".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_our_own_address() {
        for (own, url, expected) in [
            ("127.0.0.1:80", "http://127.0.0.1/", true),
            ("127.0.0.1:80", "http://localhost/", true),
            ("127.0.0.1:80", "http://0.0.0.0/", true),
            ("127.0.0.1:80", "http://127.0.0.2/", false),
            ("127.0.0.1:80", "http://[::1]/", false),
            ("127.0.0.1:80", "http://127.0.0.1:81/", false),
            ("127.0.0.1:80", "http://[::ffff:127.0.0.1]/", true),
            ("0.0.0.0:80", "http://127.0.0.1/", true),
            ("0.0.0.0:80", "http://localhost/", true),
            ("[::]:80", "http://[::1]/", true),
            ("[::1]:80", "http://[::1]/", true),
            ("10.0.0.1:80", "http://10.0.0.1/", true),
            ("10.0.0.1:80", "http://localhost/", false),
            ("10.0.0.1:80", "http://127.0.0.1/", false),
            ("10.0.0.1:80", "http://0.0.0.0/", false),
            ("127.0.0.1:80", "http://app/", false),
            // Nobody knows the port yet.
            ("127.0.0.1:0", "http://127.0.0.1:0/", false),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(
                is_own(&target, own.parse().unwrap()),
                expected,
                "{own} {url}"
            );
        }
    }
}
