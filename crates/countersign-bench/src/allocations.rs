//! Row 2: allocations of an accepted verify whose body comes in one piece.

use std::error::Error;
use std::hint::black_box;

use countersign::Scheme;
use countersign::providers::{ALL, STANDARD_WEBHOOKS};
use countersign::scheme::{Grade, Part};
use http::Request;

use crate::candidates;
use crate::senders::{self, Sent};
use crate::table::Table;

pub(crate) fn rows(table: &mut Table) -> Result<(), Box<dyn Error>> {
    table.section("allocations of an accepted verify, body in one piece");
    // What is read out of a body or a URL has to be put somewhere; tokens are not computed.
    let streamed = |scheme: &&Scheme| {
        scheme.grade == Grade::SignatureOverBody && !scheme.content.contains(&Part::Url)
    };
    for scheme in ALL.iter().filter(streamed) {
        for secrets in [1, 4] {
            for count in [1, 16] {
                let sent = senders::sent(scheme, senders::body(1024), secrets, senders::ID)?;
                let Some(request) = candidates::genuine_behind(&sent, count - 1)? else {
                    continue;
                };
                let what = format!("{}, candidates: {count}, secrets: {secrets}", scheme.name);
                table.count(what, verify(&sent, &request)?, Some(0));
            }
        }
    }
    long_id(table, &STANDARD_WEBHOOKS)
}

/// No sender sends this; it is what a stranger can make an attempt cost.
fn long_id(table: &mut Table, scheme: &Scheme) -> Result<(), Box<dyn Error>> {
    let sent = senders::sent(scheme, senders::body(1024), 1, &"x".repeat(256))?;
    let what = format!("{}, with the longest id, 256 bytes", scheme.name);
    table.count(what, verify(&sent, &sent.request)?, None);
    Ok(())
}

fn verify(sent: &Sent, request: &Request<()>) -> Result<u64, Box<dyn Error>> {
    // Sharing a body for the first time allocates, and is not the receiver's doing.
    let body = sent.body.clone();
    let (verified, count) = allocations(|| sent.receiver.verify(request, body, sent.now))?;
    verified?;
    Ok(count)
}

/// Runs something, and how often it asked for memory, growing included.
pub(crate) fn allocations<T>(run: impl FnOnce() -> T) -> Result<(T, u64), Box<dyn Error>> {
    let mut given = None;
    let info = allocation_counter::measure(|| given = Some(black_box(run())));
    Ok((given.ok_or("did not run")?, info.count_total))
}
