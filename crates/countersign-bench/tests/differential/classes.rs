//! Why others may decide otherwise than we do. Each class names who, what they do, what we do, which promise of ours asks for it, and how to undo the
//! one thing that it is about: undone, both must accept, or the class explains nothing.

use crate::attempt::{Attempt, Sender};
use crate::undo;
use crate::verdicts::Peer::{self, AsyncStripe, StandardWebhooks, Svix, WebhookVerify};
use crate::verdicts::Verdict;

/// What the others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theirs {
    /// They accept, we refuse.
    Accept,
    /// They refuse, we accept.
    Refuse,
    /// They panic where overflow is checked, and accept or refuse where it wraps; we refuse.
    Overflow,
}

pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) senders: &'static [Sender],
    pub(crate) peers: &'static [Peer],
    pub(crate) theirs: Theirs,
    /// The codes with which we refuse; none where we accept.
    pub(crate) ours: &'static [&'static str],
    /// The invariant that we keep by it.
    pub(crate) rule: &'static str,
    pub(crate) why: &'static str,
    /// The attempt without the peculiarity; `None` when it does not have it.
    pub(crate) undo: fn(&Attempt) -> Option<Attempt>,
}

impl Class {
    pub(crate) fn fits(&self, own: &Verdict, other: &Verdict) -> bool {
        let ours = match own {
            Verdict::Accepted => self.ours.is_empty(),
            // Whatever it was that we refused: nothing is worth a panic.
            Verdict::Refused(_) if *other == Verdict::Panicked => true,
            Verdict::Refused(code) => self.ours.contains(code),
            Verdict::Panicked => false,
        };
        let theirs = match self.theirs {
            Theirs::Accept => *other == Verdict::Accepted,
            Theirs::Refuse => *other != Verdict::Accepted,
            Theirs::Overflow => matches!(other, Verdict::Accepted | Verdict::Panicked),
        };
        ours && theirs
    }
}

const ALL: &[Peer] = &[AsyncStripe, StandardWebhooks, Svix, WebhookVerify];

const EVERYWHERE: &[Sender] = &[Sender::Stripe, Sender::Standard, Sender::Svix];
const STRIPE: &[Sender] = &[Sender::Stripe];
const WITH_ID: &[Sender] = &[Sender::Standard, Sender::Svix];

pub(crate) const CLASSES: &[Class] = &[
    Class {
        name: "headers of both families mixed",
        senders: &[Sender::Svix],
        peers: &[Svix],
        theirs: Theirs::Accept,
        ours: &[
            // What lies under the signature's family decides, or is missed there.
            "field_missing",
            "field_malformed",
            "field_repeated",
            "timestamp_missing",
            "timestamp_malformed",
            "timestamp_repeated",
            "timestamp_too_old",
            "timestamp_too_new",
            "signature_mismatch",
        ],
        rule: "I5",
        why: "each is looked up by itself there; the family of the signature is read alone, so that no stray header decides",
        undo: undo::mixed_families,
    },
    Class {
        name: "hex in upper case",
        senders: STRIPE,
        peers: &[AsyncStripe, WebhookVerify],
        theirs: Theirs::Accept,
        ours: &["signature_malformed", "signature_mismatch"],
        rule: "I7",
        why: "one spelling: a captured header must not be re-encoded into a second valid one",
        undo: undo::hex_case,
    },
    Class {
        name: "another spelling of the stamp",
        senders: EVERYWHERE,
        peers: ALL,
        theirs: Theirs::Accept,
        ours: &["timestamp_malformed"],
        rule: "I7",
        why: "a plus sign and leading zeros make other headers of the same moment; three of them sign the number printed again and not what came",
        undo: undo::stamp_spelling,
    },
    Class {
        name: "a stamp at the end of the numbers",
        senders: EVERYWHERE,
        peers: if cfg!(debug_assertions) {
            &[AsyncStripe, StandardWebhooks, Svix]
        } else {
            &[StandardWebhooks, Svix]
        },
        theirs: Theirs::Overflow,
        ours: &["timestamp_malformed"],
        rule: "I8",
        why: "the difference to now overflows: a panic in debug builds, and a stamp that is fresh for ever in release builds",
        undo: undo::stamp_overflow,
    },
    Class {
        name: "the stamp twice in one header",
        senders: STRIPE,
        peers: &[AsyncStripe],
        theirs: Theirs::Accept,
        ours: &["timestamp_repeated"],
        rule: "I5",
        why: "the last one counts there; a reader before it may have taken the first",
        undo: undo::repeated_stamp,
    },
    Class {
        name: "a header in several lines",
        senders: EVERYWHERE,
        peers: ALL,
        theirs: Theirs::Accept,
        ours: &[
            "signature_repeated",
            "timestamp_repeated",
            "field_repeated",
            "media_type_unsupported",
        ],
        rule: "I5",
        why: "the first line counts there; whoever reads the last one decides about something else",
        undo: undo::repeated_lines,
    },
    Class {
        name: "a key that decides only when trimmed",
        senders: STRIPE,
        peers: &[AsyncStripe, WebhookVerify],
        theirs: Theirs::Accept,
        ours: &["signature_malformed", "timestamp_repeated"],
        rule: "I7",
        why: "they pass over it; two readers could disagree about what the header says",
        undo: undo::blank_keys,
    },
    Class {
        name: "more than 16 candidates",
        senders: EVERYWHERE,
        peers: ALL,
        theirs: Theirs::Accept,
        ours: &["too_many_candidates"],
        rule: "I13",
        why: "what is done before anything is known to be genuine has a bound",
        undo: undo::crowd,
    },
    Class {
        name: "a very long header",
        senders: EVERYWHERE,
        peers: ALL,
        theirs: Theirs::Accept,
        ours: &["signature_too_long"],
        rule: "I13",
        why: "what is read before anything is known to be genuine has a bound",
        undo: undo::long_items,
    },
    Class {
        name: "a full stop in the id",
        senders: WITH_ID,
        peers: &[StandardWebhooks, Svix, WebhookVerify],
        theirs: Theirs::Accept,
        ours: &["field_malformed"],
        rule: "I11",
        why: "the full stop sets id, stamp and body apart: with one inside, the same signature holds for another id, stamp and body",
        undo: undo::id_full_stop,
    },
    Class {
        name: "an id that is empty, has blanks or is very long",
        senders: WITH_ID,
        peers: &[StandardWebhooks, Svix, WebhookVerify],
        theirs: Theirs::Accept,
        ours: &["field_malformed"],
        rule: "I13",
        why: "ids become keys: they are 1 to 256 visible letters",
        undo: undo::id_form,
    },
    Class {
        name: "blanks at the ends of the id are signed",
        senders: WITH_ID,
        peers: &[StandardWebhooks, Svix, WebhookVerify],
        theirs: Theirs::Accept,
        ours: &["signature_mismatch"],
        rule: "I7",
        why: "HTTP strips blanks around a value: on the wire they are not part of the id",
        undo: undo::id_blanks_signed,
    },
    Class {
        name: "another method",
        senders: EVERYWHERE,
        peers: ALL,
        theirs: Theirs::Accept,
        ours: &["method_not_allowed"],
        rule: "I14",
        why: "they see headers and body alone; a receiver sees what the sender never does",
        undo: undo::method,
    },
    Class {
        name: "a content encoding",
        senders: EVERYWHERE,
        peers: ALL,
        theirs: Theirs::Accept,
        ours: &["content_encoding_unsupported"],
        rule: "I4",
        why: "the handler gets the bytes that were verified, and nobody decodes them in between",
        undo: undo::content_encoding,
    },
    Class {
        name: "a media type that the sender does not use",
        senders: STRIPE,
        peers: &[AsyncStripe, WebhookVerify],
        theirs: Theirs::Accept,
        ours: &["media_type_unsupported"],
        rule: "I14",
        why: "they see headers and body alone; a receiver sees what the sender never does",
        undo: undo::media_type,
    },
    Class {
        name: "a body over the limit",
        senders: EVERYWHERE,
        peers: ALL,
        theirs: Theirs::Accept,
        ours: &["body_too_large"],
        rule: "I13",
        why: "a body is bounded before it is hashed; they are given it whole",
        undo: undo::large_body,
    },
    Class {
        name: "blanks around a value",
        senders: EVERYWHERE,
        peers: ALL,
        theirs: Theirs::Refuse,
        ours: &[],
        rule: "I7",
        why: "RFC 9110 section 5.5: blanks around a value are not part of it; servers strip them before anybody sees them",
        undo: undo::blanks,
    },
    Class {
        name: "an item that is no pair",
        senders: STRIPE,
        peers: &[AsyncStripe],
        theirs: Theirs::Refuse,
        ours: &[],
        rule: "I7",
        why: "an item that does not parse is no candidate and does not spoil a good one; it counts towards the 16",
        undo: undo::no_pairs,
    },
    Class {
        name: "a malformed candidate beside a good one",
        senders: EVERYWHERE,
        peers: &[WebhookVerify],
        theirs: Theirs::Refuse,
        ours: &[],
        rule: "I7",
        why: "a candidate that does not parse is none and does not spoil a good one: senders add new forms while they rotate",
        undo: undo::malformed_candidates,
    },
    Class {
        name: "bytes beyond ascii beside a good candidate",
        senders: EVERYWHERE,
        peers: ALL,
        theirs: Theirs::Refuse,
        ours: &[],
        rule: "I7",
        why: "they take no header that is not ASCII; an item that does not parse is no candidate and does not spoil a good one",
        undo: undo::beyond_ascii,
    },
    Class {
        name: "a body that is no text",
        senders: EVERYWHERE,
        peers: &[AsyncStripe, StandardWebhooks, Svix],
        theirs: Theirs::Refuse,
        ours: &[],
        rule: "I4",
        why: "the signature is over bytes; whether they are text is for whoever reads the payload",
        undo: undo::no_text,
    },
    Class {
        name: "a stray header of the other family",
        senders: &[Sender::Svix],
        peers: &[Svix],
        theirs: Theirs::Refuse,
        ours: &[],
        rule: "I5",
        why: "the family of the signature is read alone; a stray header of the other one decides nothing",
        undo: undo::stray_family,
    },
];
