//! Row 3: what a missing, malformed or stale attempt costs. No body is passed, so none can be touched.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use countersign::Timestamp;
use countersign::providers::{GITHUB, STANDARD_WEBHOOKS, STRIPE};
use http::Request;

use crate::measure::{Plan, paired};
use crate::senders::{self, Sent, header, with_header};
use crate::table::Table;
use crate::verify::KIB;

const PLAN: Plan = Plan {
    batch: 64,
    turns: 100,
};

/// The most that a refusal may cost of a verify of 256 bytes.
const BUDGET: f64 = 0.9;

pub(crate) fn rows(table: &mut Table) -> Result<(), Box<dyn Error>> {
    table.section("refuse from the head alone: floor is the hand-written verify of 256 B");
    for (scheme, name) in [
        (STRIPE, "stripe-signature"),
        (GITHUB, "x-hub-signature-256"),
        (STANDARD_WEBHOOKS, "webhook-signature"),
    ] {
        let sent = senders::sent(&scheme, senders::body(256), 1, senders::ID)?;
        let mut missing = sent.request.clone();
        missing.headers_mut().remove(name);
        row(
            table,
            &sent,
            "missing",
            &missing,
            sent.now,
            "signature_missing",
        )?;
        // The last digit of the last tag is none.
        let text = header(&sent, name)?;
        let cut = text.len().saturating_sub(1);
        let broken = format!("{}!", text.get(..cut).unwrap_or_default());
        let malformed = with_header(&sent, name, &broken)?;
        row(
            table,
            &sent,
            "malformed",
            &malformed,
            sent.now,
            "signature_malformed",
        )?;
        if scheme.timestamp.is_some() {
            let later = sent.now.saturating_add(Duration::from_secs(301));
            row(
                table,
                &sent,
                "stale",
                &sent.request,
                later,
                "timestamp_too_old",
            )?;
            let largest = with_header(&sent, "content-length", &(KIB * KIB).to_string())?;
            let what = "stale, 1 MiB declared";
            row(table, &sent, what, &largest, later, "timestamp_too_old")?;
        }
    }
    Ok(())
}

fn row(
    table: &mut Table,
    sent: &Sent,
    what: &str,
    request: &Request<()>,
    now: Timestamp,
    code: &str,
) -> Result<(), Box<dyn Error>> {
    let floor = senders::floor(sent)?;
    match sent.receiver.open(request, now) {
        Err(refusal) if refusal.code() == code => {}
        other => return Err(format!("{what}: {other:?} instead of {code}").into()),
    }
    let ours = paired(
        PLAN,
        || sent.body.clone(),
        |body| {
            black_box(floor.verify(body));
        },
        // Drops its copy of the body as the floor does.
        |_body| {
            black_box(sent.receiver.open(request, now).is_err());
        },
    );
    let what = format!("{}, {what}: {code}", sent.receiver.scheme().name);
    table.ratio(what, ours, Some(BUDGET));
    Ok(())
}
