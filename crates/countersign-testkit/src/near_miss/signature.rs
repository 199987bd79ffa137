//! The signature: another one, in another spelling, somewhere else, too often.

use countersign::Refusal;
use countersign::scheme::{ItemField, Layout, Lines, List, Place, Text};

use super::edit::Edit;
use super::text::{self, ENCODINGS, SignatureText};
use super::{Table, another_algorithm};

/// The core's limits, written down once more: one that moves is to be seen.
pub(crate) const MAX_CANDIDATES: usize = 16;
const MAX_SIGNATURE_LEN: usize = 8_192;

impl Table<'_> {
    pub(super) fn signature(&mut self) {
        let another = self.genuine.sender.with_another_secret();
        let request = another.and_then(|another| self.genuine.sent_by(&another));
        self.add("another secret", request, Refusal::SignatureMismatch);

        let algorithm = another_algorithm(self.scheme()).and_then(|algorithm| {
            let change = |scheme: &mut countersign::Scheme| scheme.algorithm = algorithm;
            self.genuine
                .sent_by(&self.genuine.sender.with_scheme(change))
        });
        self.add("another algorithm", algorithm, Refusal::SignatureMalformed);

        let Some(text) = self.genuine.text.clone() else {
            return;
        };
        self.presence(&text);
        self.tag(&text);
        self.layout(&text);
    }

    /// Missing, empty, repeated, too long. For tokens as well.
    pub(super) fn presence(&mut self, text: &SignatureText) {
        let rule = &self.scheme().signature;
        let place = &rule.place;
        let missing = self.genuine.edit(place, Edit::Remove);
        let refusal = match place {
            // What is the last segment now is a wrong token, if there is any.
            Place::PathEnd => match &missing {
                Some(request) if !request.uri().path().ends_with('/') => Refusal::SignatureMismatch,
                _ => Refusal::SignatureMalformed,
            },
            Place::JsonEach { .. } => Refusal::SignatureMalformed,
            _ => Refusal::SignatureMissing,
        };
        self.add("no signature", missing, refusal);
        self.add_text("an empty signature", "", Refusal::SignatureMalformed);
        if matches!(place, Place::Header(_)) {
            let long = "0".repeat(MAX_SIGNATURE_LEN.saturating_add(1));
            let limit = MAX_SIGNATURE_LEN;
            self.add_text(
                "a long signature",
                &long,
                Refusal::SignatureTooLong { limit },
            );
        }
        if rule.lines == Lines::Many {
            return;
        }
        let wrong = text.with_tag(&super::another(text.tag()));
        let twice = self.genuine.edit(place, Edit::Follow(&text.whole));
        self.add("the signature twice", twice, Refusal::SignatureRepeated);
        let twice = self.genuine.edit(place, Edit::Follow(&wrong));
        self.add(
            "the signature and a wrong one",
            twice,
            Refusal::SignatureRepeated,
        );
    }

    /// Other bytes, and other spellings of the same bytes.
    fn tag(&mut self, text: &SignatureText) {
        let encoding = self.scheme().signature.encoding;
        let tag = text.tag();
        let Some(bytes) = text::decode(encoding, tag) else {
            return;
        };
        for (name, at) in [("first", 0), ("last", bytes.len().saturating_sub(1))] {
            for (bit, which) in [(0x01, "low"), (0x80, "high")] {
                let mut flipped = bytes.clone();
                if let Some(byte) = flipped.get_mut(at) {
                    *byte ^= bit;
                }
                let flipped = text.with_tag(&text::encode(encoding, &flipped));
                let name = format!("a {which} bit flipped in the signature's {name} byte");
                self.add_text(name, &flipped, Refusal::SignatureMismatch);
            }
        }
        let zero = text::encode(encoding, &vec![0; bytes.len()]);
        self.add_text(
            "a signature of zeros",
            &text.with_tag(&zero),
            Refusal::SignatureMismatch,
        );

        let mut malformed = |name: String, tag: &str| {
            let changed = text.with_tag(tag);
            if changed.trim() != text.whole {
                self.add_text(name, &changed, Refusal::SignatureMalformed);
            }
        };
        for other in ENCODINGS.into_iter().filter(|other| *other != encoding) {
            malformed(
                format!("the signature as {other:?}"),
                &text::encode(other, &bytes),
            );
        }
        for (name, end) in [
            ("half the signature", bytes.len() / 2),
            (
                "a signature without its last byte",
                bytes.len().saturating_sub(1),
            ),
            ("a signature of its first byte", 1),
        ] {
            let part = bytes.get(..end).unwrap_or_default();
            malformed(name.to_owned(), &text::encode(encoding, part));
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        malformed(
            "a signature with a byte more".to_owned(),
            &text::encode(encoding, &longer),
        );
        let mut cut = tag.to_owned();
        cut.pop();
        malformed("a signature without its last character".to_owned(), &cut);
        for (name, padded) in [
            ("a signature with a padding character", format!("{tag}=")),
            ("a signature with a blank in it", format!(" {tag}")),
            ("a signature with a zero behind it", format!("{tag}0")),
            ("a signature twice in one", format!("{tag}{tag}")),
        ] {
            // Blanks around a header's value are not part of it.
            let is_stripped = padded.starts_with(' ') && text.whole == tag;
            if !is_stripped {
                malformed(name.to_owned(), &padded);
            }
        }
    }

    /// Other labels and prefixes, and too many candidates.
    fn layout(&mut self, text: &SignatureText) {
        match &self.scheme().signature.layout {
            Layout::Prefix(prefix) => self.prefix(prefix, text, Refusal::SignatureMalformed),
            Layout::Pairs {
                separator,
                accept,
                ignore,
                ..
            } => {
                self.labels(text, accept, ignore);
                let padded = format!("{} {}", text.before_item(), text.item());
                if !text.before_item().is_empty() {
                    self.add_text(
                        "a blank before the label",
                        &padded,
                        Refusal::SignatureMalformed,
                    );
                }
                self.candidates(separator, text);
            }
            Layout::List {
                separator,
                fields,
                accept,
                ignore,
                ..
            } => {
                if fields.contains(&ItemField::Label) {
                    self.labels(text, accept, ignore);
                }
                self.candidates(separator, text);
            }
            _ => {}
        }
    }

    /// Tokens have a prefix too; twice the prefix is then a wrong token.
    pub(super) fn prefix(&mut self, prefix: &str, text: &SignatureText, twice: Refusal) {
        let malformed = || Refusal::SignatureMalformed;
        let tag = text.tag();
        self.add_text("no prefix", tag, malformed());
        self.add_text("the prefix twice", &format!("{prefix}{prefix}{tag}"), twice);
        let other = super::another(prefix);
        self.add_text("another prefix", &format!("{other}{tag}"), malformed());
        // The scheme word of an Authorization header has no case.
        let is_authorization = matches!(&self.scheme().signature.place, Place::Header(name) if name == "authorization");
        if !(is_authorization && prefix.contains(' ')) {
            for (name, other) in [
                ("the prefix in upper case", prefix.to_ascii_uppercase()),
                ("the prefix in lower case", prefix.to_ascii_lowercase()),
            ] {
                self.add_text(name, &format!("{other}{tag}"), malformed());
            }
        }
    }

    fn labels(&mut self, text: &SignatureText, accept: &List<Text>, ignore: &List<Text>) {
        let Some(label) = accept.first() else {
            return;
        };
        let malformed = || Refusal::SignatureMalformed;
        let relabelled = |other: &str| {
            let item = text.item().replacen(label.as_ref(), other, 1);
            format!("{}{item}", text.before_item())
        };
        let others = [
            ("a longer label", format!("{label}x")),
            ("a label in another case", label.to_ascii_uppercase()),
            ("an empty label", String::new()),
        ];
        for (name, other) in others {
            if !accept.iter().any(|known| *known == other) {
                self.add_text(name, &relabelled(&other), malformed());
            }
        }
        for other in ignore.iter() {
            self.add_text(
                format!("the label {other}"),
                &relabelled(other),
                malformed(),
            );
        }
    }

    fn candidates(&mut self, separator: &str, text: &SignatureText) {
        if separator.is_empty() {
            return;
        }
        let mut items = vec![text.item_with(&super::another(text.tag())); MAX_CANDIDATES];
        items.push(text.item().to_owned());
        let limit = MAX_CANDIDATES;
        let refusal = || Refusal::TooManyCandidates { limit };
        let last = text.with_items(separator, &items);
        self.add_text("17 candidates, the last one genuine", &last, refusal());
        items.reverse();
        let first = text.with_items(separator, &items);
        self.add_text("17 candidates, the first one genuine", &first, refusal());
    }
}
