//! What a grade means: what an accepted request proves, and what a receiver has to give up.

use clap::ValueEnum;
use countersign::danger::Weak;
use countersign::scheme::Grade;
use serde::{Deserialize, Serialize};

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

/// What is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GivenUp {
    /// The signature covers some fields and not the body: whoever sees one delivery can attach another body to it.
    BodyNotSigned,
    /// Everything is signed, and nothing sets one value apart from the next: whoever sees one delivery can move characters between them.
    ValuesNotSetApart,
    /// A plain digest of secret and content: whoever sees one delivery can append to its content and sign the result.
    ExtensibleDigest,
    /// A token or password is sent along and nothing is signed: whoever sees it once can send anything for ever.
    NothingSigned,
    /// Nothing proves anything and there is no secret: whoever finds the URL can send anything.
    NothingProven,
    /// A secret shorter than the scheme asks for: whoever sees one delivery can find it by trying.
    ShortSecret,
}

impl GivenUp {
    /// How a receiver is told; a short secret is no matter of the scheme.
    pub(crate) const fn weak(self) -> Option<Weak> {
        match self {
            Self::BodyNotSigned => Some(Weak::BodyNotSigned),
            Self::ValuesNotSetApart => Some(Weak::ValuesNotSetApart),
            Self::ExtensibleDigest => Some(Weak::ExtensibleDigest),
            Self::NothingSigned => Some(Weak::NothingSigned),
            Self::NothingProven => Some(Weak::NothingProven),
            Self::ShortSecret => None,
        }
    }

    /// What has to be given up for this grade.
    pub(crate) fn of(grade: Grade) -> Option<Self> {
        let mut all = Self::value_variants().iter().copied();
        weakness(grade).and_then(|weak| all.find(|given| given.weak() == Some(weak)))
    }
}
