//! 200 stalled peers under a memory ceiling. A process of its own: it is this one's memory that is measured.

#![cfg(test)]
#![cfg(target_os = "linux")]
#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

#[path = "servers/app.rs"]
#[allow(dead_code, reason = "shared with the table of all cases")]
mod app;
#[path = "servers/axum.rs"]
mod axum_server;
#[path = "hostile/server.rs"]
#[allow(dead_code, reason = "shared with the table of all cases")]
mod server;
#[path = "hostile/subject.rs"]
#[allow(dead_code, reason = "shared with the table of all cases")]
mod subject;

use countersign_testkit::hostile::{Verdict, cases};

use axum_server::Axum;
use server::start;
use subject::{Service, Subject};

/// In KiB. The peers send 64 KiB each, which is 12.5 MiB; the server's own buffers hold what has not been asked for yet.
const CEILING: u64 = 48 * 1024;

/// A line of what the system says of this process, in KiB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

#[test]
fn stalled_peers_cost_what_they_have_sent() {
    let running = start::<Axum>(Subject::new(Service::Stripe));
    let mut peer = running.peer();
    let cases = cases().unwrap();
    let named = |name: &str| cases.iter().find(|case| case.name() == name).unwrap();
    // What is there once and for all is there by then.
    assert_eq!(peer.play(named("genuine")).verdict, Verdict::Held);

    let before = memory("VmRSS:");
    for name in [
        "200-stalled-in-headers",
        "200-stalled-in-bodies",
        "200-stalled-in-chunks",
    ] {
        let finding = peer.play(named(name));
        assert_eq!(finding.verdict, Verdict::Held, "{name}: {finding:?}");
        let most = memory("VmHWM:") - before;

        assert!(most < CEILING, "{name}: {most} KiB");
    }
}
