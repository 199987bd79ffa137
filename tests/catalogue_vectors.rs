//! Published vectors of senders that are not built in, judged with the catalogue's schemes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use countersign::scheme::Scheme;
use countersign::{Finished, Receiver, Refusal, SecretRing, Verified};

use crate::cases::{Case, Expect, parse};
use crate::files;

const CASES: &str = include_str!("vectors/catalogue.jsonl");

/// Cases whose verdict differs from the published one, and why in a word.
const NOT_YET: [(&str, &str); 14] = [
    ("easypost-0", "nfkd"),
    ("messagebird-0", "jwt"),
    ("messagebird-1", "jwt"),
    ("messagebird-2", "jwt"),
    ("messagebird-3", "jwt"),
    ("messagebird-4", "jwt"),
    ("messagebird-5", "jwt"),
    ("messagebird-6", "jwt"),
    ("messagebird-7", "jwt"),
    ("messagebird-8", "jwt"),
    ("messagebird-9", "jwt"),
    ("messagebird-10", "jwt"),
    ("retell-2", "order"),
    ("sinch-4", "md5"),
];

/// Why each other reject is refused.
const REFUSED: [(&str, &str); 34] = [
    ("adyen-3", "signature_malformed"),
    ("agora-1", "signature_mismatch"),
    ("airtable-1", "signature_malformed"),
    ("box-2", "timestamp_too_old"),
    ("box-4", "field_malformed"),
    ("buildkite-1", "signature_mismatch"),
    ("buildkite-2", "signature_mismatch"),
    ("circleci-2", "signature_malformed"),
    ("cloudinary-1", "signature_mismatch"),
    ("cloudinary-2", "signature_malformed"),
    ("cronofy-1", "signature_malformed"),
    ("cronofy-2", "signature_malformed"),
    ("finch-1", "timestamp_too_old"),
    ("finch-2", "signature_mismatch"),
    ("line-1", "signature_mismatch"),
    ("modern-treasury-3", "signature_malformed"),
    ("mux-1", "signature_malformed"),
    ("onfido-1", "signature_mismatch"),
    ("orb-1", "timestamp_too_old"),
    ("orb-3", "timestamp_too_new"),
    ("paddle-1", "signature_mismatch"),
    ("paddle-2", "signature_mismatch"),
    ("paddle-4", "timestamp_too_old"),
    ("pagerduty-1", "signature_mismatch"),
    ("retell-1", "signature_mismatch"),
    ("retell-3", "signature_malformed"),
    ("retell-4", "signature_malformed"),
    ("retell-6", "timestamp_too_new"),
    ("sanity-1", "signature_mismatch"),
    ("sanity-2", "signature_mismatch"),
    ("sinch-1", "signature_malformed"),
    ("sinch-3", "signature_malformed"),
    ("square-1", "signature_mismatch"),
    ("square-2", "signature_malformed"),
];

/// A case for a scheme of the catalogue.
struct Listed(Case);

impl Listed {
    /// `None` when the catalogue has none: it verifies in a way that the model does not describe.
    fn scheme(&self) -> Option<Scheme> {
        let name = match self.0.variant() {
            None => Cow::Borrowed(self.0.provider.as_str()),
            Some(variant) => Cow::Owned(format!("{}-{variant}", self.0.provider)),
        };
        files::scheme(&name)
    }

    fn secrets(&self) -> SecretRing {
        let secrets = self.0.secrets();
        let secrets = secrets.unwrap_or_else(|error| panic!("{}: {error}", self.0.id));
        SecretRing::new(secrets).expect("a case has 1 to 16 secrets")
    }

    /// `None` when no receiver can be built for the scheme.
    fn receiver(&self) -> Option<Receiver> {
        files::builder(self.scheme()?, self.secrets(), self.0.split_url().0)
            .build()
            .ok()
    }

    /// The signature and the timestamp alone; what they accept must pass the door too, in two pieces, and its fields can be read.
    fn judge(&self, receiver: &Receiver) -> Result<Verified, Refusal> {
        let (request, body) = (self.0.head(), self.0.body());
        let now = self.0.now();
        let alone = receiver.verify(&request, body.clone(), now)?;
        let through_the_door = receiver.open(&request, now).and_then(|mut intake| {
            let (first, second) = body.split_at(body.len() / 2);
            intake.push(Bytes::copy_from_slice(first))?;
            intake.push(Bytes::copy_from_slice(second))?;
            match intake.finish()? {
                Finished::Verified(verified) => verified.deliver(&request).map(drop),
                _ => Ok(()),
            }
        });
        assert_eq!(through_the_door, Ok(()), "{}", self.0.id);
        Ok(alone)
    }
}

#[test]
fn published_vectors_get_their_verdict() {
    let mut accepted = 0;
    let mut refused = BTreeMap::new();
    let mut differ = BTreeMap::new();
    for case in parse(CASES)
        .expect("the cases can be read")
        .into_iter()
        .map(Listed)
    {
        let verdict = case.receiver().map(|receiver| case.judge(&receiver));
        match (verdict, case.0.expect) {
            (Some(Ok(_)), Expect::Accept) => accepted += 1,
            (Some(Err(refusal)), Expect::Reject) => {
                refused.insert(case.0.id, refusal.code());
            }
            (verdict, _) => {
                differ.insert(case.0.id, verdict.map(|verdict| verdict.err()));
            }
        }
    }
    let expected = REFUSED.map(|(id, code)| (id.to_owned(), code));
    assert_eq!(refused, BTreeMap::from(expected));
    let known: BTreeSet<_> = NOT_YET.iter().map(|(id, _)| *id).collect();
    let found: BTreeSet<_> = differ.keys().map(String::as_str).collect();
    assert_eq!(found, known, "{differ:?}");
    assert_eq!(accepted, 57, "a vector got lost");
}
