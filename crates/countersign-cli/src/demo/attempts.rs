//! What is sent: for each scheme and each kind of body, one genuine attempt and every way to get it wrong.

use std::time::Duration;

use bytes::Bytes;
use countersign::providers::{GITHUB, SHOPIFY, SLACK, STANDARD_WEBHOOKS, STRIPE, SVIX};
use countersign::scheme::{Place, Scheme};
use countersign::{Message, Refusal, Secret, SignError, Timestamp, outcome};
use http::{HeaderName, HeaderValue, header};

/// Numbers the attempts on their way, so that the receiver's side can be told about each.
pub(crate) const ATTEMPT_HEADER: &str = "x-demo-attempt";

/// The demo's limit for bodies.
pub(crate) const LIMIT: u64 = 64 * 1024;

/// One HTTP request to come.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) number: u64,
    pub(crate) scheme: &'static str,
    pub(crate) what: String,
    pub(crate) kind: Kind,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// A length that is declared for a body that is never sent.
    pub(crate) declared: Option<u64>,
    pub(crate) due: Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Genuine,
    Forged,
}

/// What must come of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
}

struct Service {
    scheme: Scheme,
    name: &'static str,
    secret: &'static str,
    other_secret: &'static str,
    bodies: &'static [Sample],
}

struct Sample {
    what: &'static str,
    media_type: &'static str,
    event: &'static str,
    text: &'static str,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Secrets made up for the demo, in the form each dashboard shows.
const SERVICES: [Service; 6] = [
    Service {
        scheme: STRIPE,
        name: "stripe",
        secret: "whsec_demo0000stripe0000secret0000",
        other_secret: "whsec_demo0000another0000secret000",
        bodies: &[
            Sample {
                what: "snapshot event",
                media_type: JSON,
                event: "",
                text: r#"{"id":"evt_1","object":"event","type":"invoice.paid","account":"acct_1","data":{"object":{"id":"in_1","amount_paid":4200}}}"#,
            },
            Sample {
                what: "thin event",
                media_type: JSON,
                event: "",
                text: r#"{"id":"evt_2","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","context":"acct_1"}"#,
            },
        ],
    },
    Service {
        scheme: GITHUB,
        name: "github",
        secret: "demo github webhook secret",
        other_secret: "demo github another secret",
        bodies: &[
            Sample {
                what: "push as JSON",
                media_type: JSON,
                event: "push",
                text: r#"{"ref":"refs/heads/main","repository":{"id":1},"installation":{"id":7}}"#,
            },
            Sample {
                what: "push as a form",
                media_type: FORM,
                event: "push",
                text: "payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%2C%22installation%22%3A%7B%22id%22%3A7%7D%7D",
            },
        ],
    },
    Service {
        scheme: SLACK,
        name: "slack",
        secret: "8f742231b10e8888abcd99yyyzzz85a5",
        other_secret: "00000000b10e8888abcd99yyyzzz85a5",
        bodies: &[
            Sample {
                what: "event",
                media_type: JSON,
                event: "",
                text: r#"{"type":"event_callback","event_id":"Ev1","team_id":"T1","api_app_id":"A1","event":{"type":"app_mention","text":"hello"}}"#,
            },
            Sample {
                what: "slash command",
                media_type: FORM,
                event: "",
                text: "command=%2Fweather&text=94070&team_id=T1&trigger_id=13345224609.738474920.8088930838d88f008e0",
            },
            Sample {
                what: "interactivity",
                media_type: FORM,
                event: "",
                text: "payload=%7B%22type%22%3A%22block_actions%22%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%7D",
            },
        ],
    },
    Service {
        scheme: SHOPIFY,
        name: "shopify",
        secret: "hush-demo-client-secret",
        other_secret: "hush-demo-another-secret",
        bodies: &[Sample {
            what: "order",
            media_type: JSON,
            event: "orders/create",
            text: r#"{"id":820982911946154508,"currency":"USD","total_price":"398.00"}"#,
        }],
    },
    Service {
        scheme: STANDARD_WEBHOOKS,
        name: "standard-webhooks",
        secret: "whsec_ZGVtbyBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyE=",
        other_secret: "whsec_ZGVtbyBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcz8=",
        bodies: &[Sample {
            what: "event",
            media_type: JSON,
            event: "",
            text: r#"{"type":"contact.created","timestamp":"2026-01-01T00:00:00Z","data":{"id":"1f81eb52"}}"#,
        }],
    },
    Service {
        scheme: SVIX,
        name: "svix",
        secret: "whsec_ZGVtbyBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyE=",
        other_secret: "whsec_ZGVtbyBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcz8=",
        bodies: &[Sample {
            what: "event",
            media_type: JSON,
            event: "",
            text: r#"{"type":"user.created","data":{"id":"user_1"}}"#,
        }],
    },
];

/// Every scheme with the secret of its receiver.
pub(crate) fn schemes() -> impl Iterator<Item = (Scheme, &'static str)> {
    SERVICES
        .into_iter()
        .map(|service| (service.scheme, service.secret))
}

/// Every attempt, in the order in which they are sent.
pub(crate) fn all(now: Timestamp) -> Result<Vec<Attempt>, Box<dyn std::error::Error>> {
    let mut attempts = Vec::new();
    for service in &SERVICES {
        for sample in service.bodies {
            attempts.push(service.genuine(sample, now)?);
        }
        let Some(sample) = service.bodies.first() else {
            continue;
        };
        attempts.extend(service.forged(sample, now)?);
    }
    for (number, attempt) in (1..).zip(&mut attempts) {
        attempt.number = number;
    }
    Ok(attempts)
}

impl Service {
    fn genuine(
        &self,
        sample: &Sample,
        now: Timestamp,
    ) -> Result<Attempt, Box<dyn std::error::Error>> {
        Ok(Attempt {
            number: 0,
            scheme: self.name,
            what: format!("genuine {}", sample.what),
            kind: Kind::Genuine,
            headers: self.sign(sample, self.secret, now)?,
            body: Bytes::from_static(sample.text.as_bytes()),
            declared: None,
            due: Due {
                status: 204,
                code: "ok",
            },
        })
    }

    fn sign(
        &self,
        sample: &Sample,
        secret: &str,
        now: Timestamp,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Box<dyn std::error::Error>> {
        let message = Message::new(sample.text.as_bytes(), now)
            .id(format!("demo-{}", self.name))
            .event(sample.event)
            .media_type(sample.media_type);
        let signed: Result<_, SignError> = self.scheme.sign(&Secret::new(secret)?, &message);
        Ok(signed?)
    }

    /// Every way to get the genuine attempt wrong.
    fn forged(
        &self,
        sample: &Sample,
        now: Timestamp,
    ) -> Result<Vec<Attempt>, Box<dyn std::error::Error>> {
        let genuine = self.genuine(sample, now)?;
        let forged = |what: &str, refusal: Refusal| Attempt {
            what: what.to_owned(),
            kind: Kind::Forged,
            due: Due {
                status: outcome::answer(&refusal).status.as_u16(),
                code: refusal.code(),
            },
            ..genuine.clone()
        };
        let mut attempts = Vec::new();

        let mut altered = forged("altered by one byte", Refusal::SignatureMismatch);
        altered.body = flip_last_bit(&altered.body);
        attempts.push(altered);

        let mut other = forged("signed with another key", Refusal::SignatureMismatch);
        other.headers = self.sign(sample, self.other_secret, now)?;
        attempts.push(other);

        if let Some(rule) = &self.scheme.timestamp {
            let late = Duration::from_secs(60);
            let past = now
                .saturating_sub(rule.tolerance.past())
                .saturating_sub(late);
            let mut stale = forged("stale", Refusal::TimestampTooOld);
            stale.headers = self.sign(sample, self.secret, past)?;
            attempts.push(stale);
            let future = now
                .saturating_add(rule.tolerance.future())
                .saturating_add(late);
            let mut early = forged("from the future", Refusal::TimestampTooNew);
            early.headers = self.sign(sample, self.secret, future)?;
            attempts.push(early);
        }

        let signature = self.signature_header();
        let signature = signature.as_str();
        let mut malformed = forged("malformed signature", Refusal::SignatureMalformed);
        for (name, value) in &mut malformed.headers {
            if *name == signature {
                *value = cut_last_digit(value)?;
            }
        }
        attempts.push(malformed);

        let mut missing = forged("missing signature", Refusal::SignatureMissing);
        missing.headers.retain(|(name, _)| *name != signature);
        attempts.push(missing);

        let mut twice = forged("signature header twice", Refusal::SignatureRepeated);
        let again = twice
            .headers
            .iter()
            .find(|(name, _)| *name == signature)
            .cloned();
        twice.headers.extend(again);
        attempts.push(twice);

        let mut large = forged("too large", Refusal::BodyTooLarge { limit: LIMIT });
        large.declared = Some(LIMIT.saturating_add(1));
        attempts.push(large);

        // An empty list takes any: Standard Webhooks asks nothing of the payload.
        if !self.scheme.media_types.is_empty() {
            let mut kind = forged("another media type", Refusal::MediaTypeUnsupported);
            for (name, value) in &mut kind.headers {
                if *name == header::CONTENT_TYPE {
                    *value = HeaderValue::from_static("text/html");
                }
            }
            attempts.push(kind);
        }
        Ok(attempts)
    }

    fn signature_header(&self) -> String {
        match &self.scheme.signature.place {
            Place::Header(name) => name.to_string(),
            _ => String::new(),
        }
    }
}

fn flip_last_bit(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes.into()
}

fn cut_last_digit(value: &HeaderValue) -> Result<HeaderValue, Box<dyn std::error::Error>> {
    let bytes = value.as_bytes();
    let cut = bytes.split_last().map(|(_, rest)| rest).unwrap_or_default();
    Ok(HeaderValue::from_bytes(cut)?)
}
