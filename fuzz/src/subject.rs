//! Receivers of schemes of every kind.

use countersign::danger::Weak;
use countersign::scheme::{Grade, Scheme};
use countersign::{Finished, Intake, Receiver, ReceiverBuilder, Refusal, SecretRing};

use bytes::Bytes;

/// The public URL of every receiver that needs one.
pub const BASE: &str = "https://example.com";

/// A builder that has accepted what the scheme lacks, and knows its public URL.
pub fn builder(scheme: Scheme, secrets: impl Into<SecretRing>) -> ReceiverBuilder {
    let weak = weak(scheme.grade);
    let builder = Receiver::builder(scheme, secrets).public_url(BASE);
    match weak {
        Some(weak) => builder.accept_weak(weak),
        None => builder,
    }
}

/// What a grade gives up.
#[must_use]
pub fn weak(grade: Grade) -> Option<Weak> {
    match grade {
        Grade::SignatureUndelimited => Some(Weak::ValuesNotSetApart),
        Grade::SignatureBesideBody => Some(Weak::BodyNotSigned),
        Grade::ExtensibleDigest => Some(Weak::ExtensibleDigest),
        Grade::Token => Some(Weak::NothingSigned),
        Grade::Unsigned => Some(Weak::NothingProven),
        _ => None,
    }
}

/// Pushes every piece and finishes. Whoever goes on after a refused piece gets nothing.
///
/// # Errors
/// Those of [`Intake::push`] and [`Intake::finish`].
///
/// # Panics
/// When a refused piece was forgotten.
pub fn take_in(mut intake: Intake, pieces: Vec<Bytes>) -> Result<Finished, Refusal> {
    let mut refused = None;
    for piece in pieces {
        refused = refused.or(intake.push(piece).err());
    }
    let finished = intake.finish();
    match refused {
        None => finished,
        Some(refusal) => {
            assert!(finished.is_err(), "after {refusal:?}");
            Err(refusal)
        }
    }
}
