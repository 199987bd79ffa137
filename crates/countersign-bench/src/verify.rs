//! Row 1: what verifying costs beyond the hash itself.

use std::error::Error;
use std::hint::black_box;

use bytes::Bytes;
use countersign::Scheme;
use countersign::providers::{GITHUB, STANDARD_WEBHOOKS, STRIPE};

use crate::floor::Floor;
use crate::measure::{Paired, Plan, paired};
use crate::senders::{self, Sent};
use crate::table::Table;

pub(crate) const KIB: usize = 1024;

const SIZES: [(&str, usize, Plan, f64); 4] = [
    (
        "256 B",
        256,
        Plan {
            batch: 64,
            turns: 200,
        },
        1.15,
    ),
    (
        "4 KiB",
        4 * KIB,
        Plan {
            batch: 16,
            turns: 150,
        },
        1.03,
    ),
    (
        "64 KiB",
        64 * KIB,
        Plan {
            batch: 4,
            turns: 60,
        },
        1.01,
    ),
    (
        "1 MiB",
        KIB * KIB,
        Plan {
            batch: 1,
            turns: 20,
        },
        1.01,
    ),
];

pub(crate) fn rows(table: &mut Table) -> Result<(), Box<dyn Error>> {
    for (title, scheme) in [
        ("Stripe", STRIPE),
        ("GitHub", GITHUB),
        ("Standard Webhooks", STANDARD_WEBHOOKS),
    ] {
        table.section(&format!(
            "verify, {title}: floor is a pre-keyed HMAC, decode, compare"
        ));
        for (size, len, plan, budget) in SIZES {
            let sent = senders::sent(&scheme, senders::body(len), 1, senders::ID)?;
            let floor = senders::floor(&sent)?;
            if !floor.verify(sent.body.clone()) {
                return Err(format!("the floor refuses {title}").into());
            }
            sent.receiver
                .verify(&sent.request, sent.body.clone(), sent.now)?;
            let ours = against(plan, &floor, &sent.body, |body| {
                black_box(sent.receiver.verify(&sent.request, body, sent.now).is_ok());
            });
            table.ratio(format!("{size}  countersign"), ours, Some(budget));
            if len == 256 {
                let other = against(plan, &floor, &sent.body, |body| {
                    black_box(floor.verify_slice(body));
                });
                table.ratio(
                    "256 B  the floor, compared by Mac::verify_slice",
                    other,
                    None,
                );
            }
            peers(table, size, plan, &sent, &floor)?;
        }
    }
    Ok(())
}

fn against(plan: Plan, floor: &Floor, body: &Bytes, ours: impl FnMut(Bytes)) -> Paired {
    paired(
        plan,
        || body.clone(),
        |body| {
            black_box(floor.verify(body));
        },
        ours,
    )
}

/// Others over the same bytes. They read the system's clock and key on every call, as their interface has it.
fn peers(
    table: &mut Table,
    size: &str,
    plan: Plan,
    sent: &Sent,
    floor: &Floor,
) -> Result<(), Box<dyn Error>> {
    let scheme: &Scheme = sent.receiver.scheme();
    let headers = sent.request.headers();
    if *scheme == STANDARD_WEBHOOKS {
        let webhook = standardwebhooks::Webhook::new(&senders::genuine_secret(scheme))?;
        webhook.verify(&sent.body, headers)?;
        let theirs = against(plan, floor, &sent.body, |body| {
            black_box(webhook.verify(&body, headers).is_ok());
        });
        table.ratio(format!("{size}  standardwebhooks 1.0"), theirs, None);
    }
    let provider = match scheme.name.as_ref() {
        "stripe" => webhook_verify::Provider::Stripe,
        "github" => webhook_verify::Provider::GitHub,
        _ => webhook_verify::Provider::StandardWebhooks,
    };
    let secret = webhook_verify::Secret::new(senders::genuine_secret(scheme));
    let verify = |body: Bytes| {
        let options = webhook_verify::VerifyOptions::default();
        webhook_verify::verify(provider, headers, &body, &secret, options)
    };
    verify(sent.body.clone()).map_err(|error| format!("webhook-verify: {error}"))?;
    let theirs = against(plan, floor, &sent.body, |body| {
        black_box(verify(body).is_ok());
    });
    table.ratio(format!("{size}  webhook-verify 0.1"), theirs, None);
    Ok(())
}
