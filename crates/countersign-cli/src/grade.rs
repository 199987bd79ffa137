//! What a grade means: what an accepted request proves, and what a receiver has to give up.

use countersign::danger::Weak;
use countersign::scheme::Grade;

/// What an accepted request of this grade proves.
pub(crate) const fn proves(grade: Grade) -> &'static str {
    match grade {
        Grade::SignatureOverBody => "that the body is the sender's",
        Grade::SignatureBesideBody => {
            "that some fields are the sender's, and not the body: whoever sees one delivery can attach another body to it"
        }
        Grade::SignatureUndelimited => {
            "that all of it was signed, and not where one value ends: whoever sees one delivery can move characters between a header, the URL and the body"
        }
        Grade::ExtensibleDigest => {
            "that the sender once signed a beginning of this content: whoever sees one delivery can append to it"
        }
        Grade::Token => {
            "that the sender knows a token; nothing is signed: whoever sees it once can send anything for ever"
        }
        _ => "nothing",
    }
}

/// What a receiver of this grade gives up.
pub(crate) const fn weakness(grade: Grade) -> Option<Weak> {
    match grade {
        Grade::SignatureBesideBody => Some(Weak::BodyNotSigned),
        Grade::SignatureUndelimited => Some(Weak::ValuesNotSetApart),
        Grade::ExtensibleDigest => Some(Weak::ExtensibleDigest),
        Grade::Token => Some(Weak::NothingSigned),
        Grade::Unsigned => Some(Weak::NothingProven),
        _ => None,
    }
}
