//! Runs genuine requests and near misses through whatever receives them.

use bytes::Bytes;
use countersign::{Delivery, Finished, Receiver, Refusal, Timestamp, Verified, outcome};
use http::{Request, Response, StatusCode};

use crate::{GenuineVariant, NearMiss, Sender};

/// What became of a request: made from what a receiver gives back, or from what a service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// A receiver accepted it.
    Accepted,
    /// A receiver took it for a question or an unsigned request, which it answers by itself.
    NoDelivery,
    /// A receiver refused it, with this reason.
    Refused(Refusal),
    /// A service answered with this status. A refusal shows as the status that [`outcome::answer`] maps it to.
    Answered(StatusCode),
}

impl From<Result<Option<Delivery>, Refusal>> for Verdict {
    fn from(verdict: Result<Option<Delivery>, Refusal>) -> Self {
        match verdict {
            Ok(Some(_)) => Self::Accepted,
            Ok(None) => Self::NoDelivery,
            Err(refusal) => Self::Refused(refusal),
        }
    }
}

impl From<Result<Finished, Refusal>> for Verdict {
    fn from(verdict: Result<Finished, Refusal>) -> Self {
        match verdict {
            Ok(Finished::Verified(_)) => Self::Accepted,
            Ok(_) => Self::NoDelivery,
            Err(refusal) => Self::Refused(refusal),
        }
    }
}

impl From<Result<Delivery, Refusal>> for Verdict {
    fn from(verdict: Result<Delivery, Refusal>) -> Self {
        verdict.map(Some).into()
    }
}

impl From<Result<Verified, Refusal>> for Verdict {
    fn from(verdict: Result<Verified, Refusal>) -> Self {
        verdict.map(Finished::Verified).into()
    }
}

impl From<StatusCode> for Verdict {
    fn from(status: StatusCode) -> Self {
        Self::Answered(status)
    }
}

impl<B> From<Response<B>> for Verdict {
    fn from(response: Response<B>) -> Self {
        Self::Answered(response.status())
    }
}

impl Verdict {
    fn accepts(&self) -> bool {
        match self {
            Self::Accepted => true,
            Self::Answered(status) => status.is_success(),
            Self::NoDelivery | Self::Refused(_) => false,
        }
    }

    fn is_for(&self, refusal: &Refusal) -> bool {
        match self {
            Self::Accepted | Self::NoDelivery => false,
            // Limits in a refusal are the receiver's.
            Self::Refused(other) => other.code() == refusal.code(),
            Self::Answered(status) => *status == outcome::answer(refusal).status,
        }
    }
}

/// Judges one request as a layer would, without a framework: the door, the whole body, then the delivery's fields.
///
/// `Ok(None)`: it is no delivery, but a question or an unsigned request that the receiver answers by itself.
///
/// # Errors
/// What the request is refused for.
pub fn judge<S>(
    receiver: &Receiver<S>,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Result<Option<Delivery>, Refusal> {
    let mut intake = receiver.open(request, now)?;
    intake.push(request.body().clone())?;
    match intake.finish()?.verified() {
        Some(verified) => verified.deliver(request).map(Some),
        None => Ok(None),
    }
}

/// Sends the genuine request, its [variants](Sender::genuine_variants) and its [near misses](Sender::near_misses) to `send`, and panics
/// with a list of those that did not get their verdict.
///
/// `send` gets each request with the moment at which it arrives, and gives back a receiver's result, a response or a status.
///
/// # Panics
/// When a genuine request is refused, when a near miss is accepted or refused for another reason, and when the body cannot be signed.
///
/// ```
/// use countersign_testkit::{Sender, assert_refuses_near_misses, judge};
/// use countersign_testkit::countersign::{Receiver, Secret, providers::SHOPIFY};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = Receiver::builder(SHOPIFY, Secret::new("hush-0123456789abcdef")?).build()?;
/// let sender = Sender::new(SHOPIFY, "hush-0123456789abcdef");
/// assert_refuses_near_misses(&sender, br#"{"id":1}"#, |request, now| judge(&receiver, &request, now));
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn assert_refuses_near_misses<V: Into<Verdict>>(
    sender: &Sender,
    body: impl AsRef<[u8]>,
    mut send: impl FnMut(Request<Bytes>, Timestamp) -> V,
) {
    let mut run = Run::new(sender, body.as_ref());
    for (request, now) in run.requests() {
        let verdict = send(request, now).into();
        run.verdicts.push(verdict);
    }
    run.finish();
}

/// As [`assert_refuses_near_misses`], for services. One request at a time, in a fixed order.
///
/// # Panics
/// As [`assert_refuses_near_misses`].
pub async fn assert_refuses_near_misses_async<V: Into<Verdict>>(
    sender: &Sender,
    body: impl AsRef<[u8]>,
    mut send: impl AsyncFnMut(Request<Bytes>, Timestamp) -> V,
) {
    let mut run = Run::new(sender, body.as_ref());
    for (request, now) in run.requests() {
        let verdict = send(request, now).await.into();
        run.verdicts.push(verdict);
    }
    run.finish();
}

/// Everything that is sent, and what became of it, in the same order.
struct Run {
    scheme: String,
    genuine: Vec<GenuineVariant>,
    misses: Vec<NearMiss>,
    verdicts: Vec<Verdict>,
}

impl Run {
    #[track_caller]
    fn new(sender: &Sender, body: &[u8]) -> Self {
        Self {
            scheme: sender.scheme().name.to_string(),
            genuine: sender.genuine_variants(body),
            misses: sender.near_misses(body),
            verdicts: Vec::new(),
        }
    }

    fn requests(&self) -> Vec<(Request<Bytes>, Timestamp)> {
        let genuine = self.genuine.iter();
        let genuine = genuine.map(|variant| (variant.request.clone(), variant.now));
        let misses = self.misses.iter();
        genuine
            .chain(misses.map(|miss| (miss.request.clone(), miss.now)))
            .collect()
    }

    #[track_caller]
    fn finish(self) {
        let mut wrong = Vec::new();
        let mut verdicts = self.verdicts.iter();
        for (variant, verdict) in self.genuine.iter().zip(verdicts.by_ref()) {
            if !verdict.accepts() {
                wrong.push(format!("{}: {verdict:?} and not accepted", variant.name));
            }
        }
        for (miss, verdict) in self.misses.iter().zip(verdicts) {
            if !verdict.is_for(&miss.refusal) {
                wrong.push(format!(
                    "{}: {verdict:?} and not {:?}",
                    miss.name, miss.refusal
                ));
            }
        }
        assert!(
            wrong.is_empty(),
            "{}: {} of {} requests got another verdict:\n  {}",
            self.scheme,
            wrong.len(),
            self.verdicts.len(),
            wrong.join("\n  ")
        );
    }
}
