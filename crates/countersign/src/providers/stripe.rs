use crate::scheme::{Layout, Part, Place, Retry, Scheme, SignatureRule, Span, TimestampRule};
use crate::timestamp::{Tolerance, Unit};
use crate::{list, text};

/// Stripe: `Stripe-Signature: t=…,v1=…` over `t`, a full stop and the body.
///
/// - **Secret**: the whole endpoint secret as the dashboard shows it. `whsec_…` is text here, prefix included, and not base64.
/// - **Several `v1`** items occur while a secret is rolled: any of them may match any configured secret. `v0` items come with test
///   events and prove nothing; they are never accepted, also when nothing else is there.
/// - **Freshness**: 300 s to both sides. A retry is signed afresh.
/// - **Events**: snapshot events (`/account` names a connected account) and thin events (`/context`) are signed alike. The id is signed
///   and the same on every retry.
/// - **Retries**: up to three days in live mode (read where a third party quotes Stripe's pages). That a 3xx counts as a failure is remembered
///   and not confirmed; how long Stripe waits is not published.
/// - **Deduplication**: by `/id`, signed, which retries and manual resends keep under a new stamp. Two events may tell of one change.
pub const STRIPE: Scheme = Scheme {
    name: text!("stripe"),
    title: text!("Stripe"),
    sources: list![
        text!("https://docs.stripe.com/webhooks"),
        text!("https://github.com/stripe/stripe-node src/Webhooks.ts"),
        text!(
            "https://github.com/stripe/stripe-dotnet src/Stripe.net/Services/Events/EventUtility.cs"
        ),
    ],
    content: list![Part::Timestamp, Part::Literal(text!(".")), Part::Body],
    signature: SignatureRule {
        place: Place::Header(text!("stripe-signature")),
        layout: Layout::Pairs {
            separator: text!(","),
            assign: text!("="),
            accept: list![text!("v1")],
            ignore: list![text!("v0")],
        },
        ..SignatureRule::BASE
    },
    timestamp: Some(TimestampRule {
        place: Place::Pair(text!("t")),
        unit: Unit::Seconds,
        tolerance: Tolerance::from_secs(300),
    }),
    id: list![Place::Json(text!("/id"))],
    event: list![Place::Json(text!("/type"))],
    tenant: list![
        Place::Json(text!("/account")),
        Place::Json(text!("/context")),
    ],
    retry: Retry {
        span: Span::from_days(3),
        ..Retry::NONE
    },
    ..Scheme::BASE
};
