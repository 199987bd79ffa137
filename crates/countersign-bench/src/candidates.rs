//! Row 4: a header full of candidates that match nothing.

use std::error::Error;
use std::hint::black_box;

use bytes::Bytes;
use countersign::providers::{STANDARD_WEBHOOKS, STRIPE};
use http::Request;

use crate::measure::{Plan, paired};
use crate::senders::{self, Sent, header, with_header};
use crate::table::Table;
use crate::verify::KIB;

const PLAN: Plan = Plan {
    batch: 16,
    turns: 60,
};

/// A peer may verify once per candidate.
const SLOW: Plan = Plan { batch: 1, turns: 5 };

/// A bogus header is refused before anything is hashed, so it costs less than hashing once.
const BUDGET: f64 = 1.0;

pub(crate) fn rows(table: &mut Table) -> Result<(), Box<dyn Error>> {
    table.section("bogus candidates, body of 4 KiB: floor is the hand-written verify of that body");
    for scheme in [STRIPE, STANDARD_WEBHOOKS] {
        let sent = senders::sent(&scheme, senders::body(4 * KIB), 1, senders::ID)?;
        let floor = senders::floor(&sent)?;
        let against = |plan, ours: &mut dyn FnMut(Bytes)| {
            let floor = |body| {
                black_box(floor.verify(body));
            };
            paired(plan, || sent.body.clone(), floor, ours)
        };
        for (count, code, budget) in [
            (2_000, "too_many_candidates", Some(BUDGET)),
            (16, "signature_mismatch", None),
        ] {
            let request = bogus(&sent, count)?;
            match sent.receiver.verify(&request, sent.body.clone(), sent.now) {
                Err(refusal) if refusal.code() == code => {}
                other => return Err(format!("{count}: {other:?} instead of {code}").into()),
            }
            let ours = against(PLAN, &mut |body| {
                black_box(sent.receiver.verify(&request, body, sent.now).is_err());
            });
            let name = &scheme.name;
            table.ratio(format!("{name}, {count}: {code}"), ours, budget);
            if budget.is_some() {
                let early = sent.receiver.open(&request, sent.now);
                let refused = early.is_err_and(|refusal| refusal.code() == code);
                table.fact(format!("{name}, {count}: refused before the body"), refused);
            }
        }
        let request = bogus(&sent, 2_000)?;
        let secret = senders::genuine_secret(&scheme);
        let headers = request.headers();
        let provider = if scheme == STRIPE {
            webhook_verify::Provider::Stripe
        } else {
            let peer = standardwebhooks::Webhook::new(&secret)?;
            let theirs = against(SLOW, &mut |body| {
                black_box(peer.verify(&body, headers).is_err());
            });
            table.ratio(
                "standard-webhooks, 2000: standardwebhooks 1.0",
                theirs,
                None,
            );
            webhook_verify::Provider::StandardWebhooks
        };
        let secret = webhook_verify::Secret::new(secret);
        let theirs = against(SLOW, &mut |body| {
            let options = webhook_verify::VerifyOptions::default();
            black_box(webhook_verify::verify(provider, headers, &body, &secret, options).is_err());
        });
        table.ratio(
            format!("{}, 2000: webhook-verify 0.1", scheme.name),
            theirs,
            None,
        );
    }
    Ok(())
}

/// The request with its signature behind `others` bogus ones; `None` where the scheme has room for one only.
pub(crate) fn genuine_behind(
    sent: &Sent,
    others: usize,
) -> Result<Option<Request<()>>, Box<dyn Error>> {
    if others == 0 {
        return Ok(Some(sent.request.clone()));
    }
    let Some((name, mark, separator)) = several(sent) else {
        return Ok(None);
    };
    let genuine = header(sent, name)?;
    let (lead, tag) = genuine.split_once(mark).ok_or("no signature")?;
    let bogus = format!("{mark}{}{separator}", other_tag(tag)).repeat(others);
    with_header(sent, name, &format!("{lead}{bogus}{mark}{tag}")).map(Some)
}

/// The request with `count` signatures, each of them bogus.
fn bogus(sent: &Sent, count: usize) -> Result<Request<()>, Box<dyn Error>> {
    let (name, mark, separator) = several(sent).ok_or("one candidate only")?;
    let genuine = header(sent, name)?;
    let (lead, tag) = genuine.split_once(mark).ok_or("no signature")?;
    let items = vec![format!("{mark}{}", other_tag(tag)); count];
    with_header(sent, name, &format!("{lead}{}", items.join(separator)))
}

/// Header, what stands before a tag, what stands between items.
fn several(sent: &Sent) -> Option<(&'static str, &'static str, &'static str)> {
    match sent.receiver.scheme().name.as_ref() {
        "stripe" => Some(("stripe-signature", "v1=", ",")),
        "standard-webhooks" => Some(("webhook-signature", "v1,", " ")),
        "svix" => Some(("svix-signature", "v1,", " ")),
        _ => None,
    }
}

/// Another tag of the same spelling, hex or base64.
fn other_tag(tag: &str) -> String {
    let rest = tag.get(1..).unwrap_or_default();
    let first = if tag.starts_with('0') { '1' } else { '0' };
    format!("{first}{rest}")
}
