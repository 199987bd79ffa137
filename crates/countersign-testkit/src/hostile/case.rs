//! Cases as they are written down.

use std::fmt;

use serde::Deserialize;

/// A hostile peer, or a genuine one under odd circumstances: what it sends over one connection, and what a receiver may make of it.
///
/// Cases are data: see [`cases`](super::cases) and [`Case::parse_all`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    pub(super) name: String,
    pub(super) about: String,
    #[serde(default)]
    pub(super) delivery: Delivery,
    #[serde(default)]
    pub(super) body: Shape,
    #[serde(default)]
    pub(super) needs: Vec<Need>,
    #[serde(default = "one")]
    pub(super) peers: u16,
    pub(super) steps: Vec<Step>,
    /// What it may be answered with. Empty: the peer does not wait for an answer.
    #[serde(default)]
    pub(super) expect: Vec<Allowed>,
    /// The same for the second request on the connection.
    #[serde(default)]
    pub(super) next: Vec<Allowed>,
    #[serde(default)]
    pub(super) tolerate: Vec<Allowed>,
    #[serde(default)]
    pub(super) advice: Option<String>,
    #[serde(default)]
    pub(super) interim: Interim,
}

const fn one() -> u16 {
    1
}

/// A text that is no list of cases.
#[derive(Debug, PartialEq, Eq)]
pub struct BadCase(String);

impl fmt::Display for BadCase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for BadCase {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

impl Case {
    /// Reads cases from TOML: a table `case` for each.
    ///
    /// # Errors
    /// A text that is none, an unknown field, two cases of one name, and one that lets pass what is not genuine.
    ///
    /// ```
    /// use countersign_testkit::hostile::Case;
    ///
    /// let cases = Case::parse_all(
    ///     r#"
    ///     [[case]]
    ///     name = "without-length"
    ///     about = "neither a length nor chunks"
    ///     delivery = "forged"
    ///     steps = ["{start}{headers}{close}\r\n{body}"]
    ///     expect = [400, 401, 411, "closed"]
    ///     "#,
    /// )?;
    /// assert_eq!(cases[0].name(), "without-length");
    /// # Ok::<(), countersign_testkit::hostile::BadCase>(())
    /// ```
    pub fn parse_all(text: &str) -> Result<Vec<Self>, BadCase> {
        let file: File = toml::from_str(text).map_err(|error| BadCase(error.to_string()))?;
        for (number, case) in file.case.iter().enumerate() {
            let named = file.case.iter().take(number);
            if named.into_iter().any(|other| other.name == case.name) {
                return Err(BadCase(format!("{}: there are two of them", case.name)));
            }
            case.check()
                .map_err(|reason| BadCase(format!("{}: {reason}", case.name)))?;
        }
        Ok(file.case)
    }

    /// Its name, which does not change.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, in one line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    fn check(&self) -> Result<(), &'static str> {
        let sends_genuine = self.delivery == Delivery::Genuine
            || self.steps.iter().any(|step| {
                *step
                    == Step::Next {
                        next: Next::Genuine,
                    }
            });
        let mut allowed = self.expect.iter().chain(&self.next).chain(&self.tolerate);
        if !sends_genuine && allowed.any(|allowed| *allowed == Allowed::Success) {
            return Err("it allows 2xx and sends nothing genuine");
        }
        if self.tolerate.is_empty() != self.advice.is_none() {
            return Err("what it tolerates and its advice go together");
        }
        if self.expect.is_empty() && !(self.next.is_empty() && self.tolerate.is_empty()) {
            return Err("it expects nothing and yet something");
        }
        Ok(())
    }

    pub(super) fn is_http2(&self) -> bool {
        matches!(self.steps.first(), Some(Step::Frame(Frame::Open {})))
    }

    /// May the receiver's handler run for what the peer leaves behind?
    pub(super) fn leaves_genuine(&self) -> bool {
        self.expect.is_empty() && self.delivery == Delivery::Genuine
    }
}

/// Who made what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Delivery {
    #[default]
    Genuine,
    /// Signed with another secret.
    Forged,
    /// Without a signature.
    Unsigned,
}

/// What the body is, before it is signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Shape {
    #[default]
    Plain,
    /// At least so many bytes.
    Padded(usize),
    /// JSON of so many levels.
    Deep(usize),
    /// An id of so many bytes.
    IdLength(usize),
    /// This id.
    Id(String),
    /// Compressed.
    Gzip(bool),
    /// As chunks.
    Chunks(bool),
    /// So many bytes and then a genuine request.
    Request(usize),
}

/// What a scheme must have for the case to mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Need {
    /// The signature covers the body.
    SignedBody,
    /// The sender names media types.
    MediaTypes,
    /// The sender compresses nothing.
    NoEncodings,
    /// The body is a JSON object.
    Json,
    /// The signature header's name has hyphens.
    Hyphens,
}

/// What a peer does next.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Step {
    /// Sends this, after placeholders were filled in.
    Send(String),
    /// Sends these bytes.
    Hex(Hex),
    /// Sends one byte at a time.
    Dribble(Dribble),
    /// Takes up another delivery for what follows.
    Next {
        next: Next,
    },
    Wait {
        wait: Wait,
    },
    Leave {
        leave: Leave,
    },
    /// Someone else sends a genuine delivery meanwhile.
    Probe(Probe),
    Times(Times),
    Frame(Frame),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hex {
    pub(super) hex: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dribble {
    pub(super) dribble: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Probe {
    pub(super) probe: bool,
}

/// Over again; the streams of HTTP/2 are new ones each time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Times {
    pub(super) times: u32,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Next {
    Genuine,
    Forged,
    /// The one before the last again.
    Last,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Wait {
    /// For 100, or for an answer.
    Continue,
    /// Until the server ends it: the peer has stopped within its head.
    Head,
    /// Until the receiver ends it: the peer has stopped within its body.
    Body,
    /// Until the server has done what came before; HTTP/2 alone.
    Pong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Leave {
    Close,
    Reset,
    /// Sends no more, and reads on.
    Half,
}

/// A frame of HTTP/2.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "frame", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Frame {
    /// The preface and our settings.
    Open {},
    Headers {
        stream: u32,
        #[serde(default)]
        end: bool,
        fields: String,
    },
    Data {
        stream: u32,
        #[serde(default)]
        end: bool,
        send: String,
    },
    Reset {
        stream: u32,
    },
    Raw {
        kind: u8,
        flags: u8,
        stream: u32,
        send: String,
    },
}

/// May 100 come, or must it?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Interim {
    #[default]
    Any,
    Required,
    Refused,
}

/// One thing that a case may be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Word")]
pub(super) enum Allowed {
    Status(u16),
    /// 2xx.
    Success,
    /// 4xx.
    Refusal,
    /// The connection, or the stream, ends without an answer.
    Closed,
    /// Nothing at all within the time.
    Open,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Status(u16),
    Text(String),
}

impl TryFrom<Word> for Allowed {
    type Error = String;

    fn try_from(word: Word) -> Result<Self, String> {
        match word {
            Word::Status(status) if (300..600).contains(&status) => Ok(Self::Status(status)),
            Word::Status(status) => Err(format!("{status} cannot be expected")),
            Word::Text(text) => match text.as_str() {
                "2xx" => Ok(Self::Success),
                "4xx" => Ok(Self::Refusal),
                "closed" => Ok(Self::Closed),
                "open" => Ok(Self::Open),
                _ => Err(format!("{text:?} cannot be expected")),
            },
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(out, "{status}"),
            Self::Success => out.write_str("2xx"),
            Self::Refusal => out.write_str("4xx"),
            Self::Closed => out.write_str("a closed connection"),
            Self::Open => out.write_str("an open connection"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Case::parse_all(text).unwrap_err().to_string()
    }

    #[test]
    fn a_case_that_lets_pass_what_is_not_genuine_is_none() {
        let case = |more: &str| format!("[[case]]\nname = \"a\"\nabout = \"\"\nsteps = []\n{more}");
        let forged = "delivery = \"forged\"\n";
        for (more, says) in [
            (
                format!("{forged}expect = [\"2xx\"]"),
                "a: it allows 2xx and sends nothing genuine",
            ),
            (
                format!("{forged}expect = [401]\nnext = [\"2xx\"]"),
                "a: it allows 2xx and sends nothing genuine",
            ),
            (
                "expect = [401]\nadvice = \"x\"".to_owned(),
                "a: what it tolerates and its advice go together",
            ),
            (
                "next = [401]".to_owned(),
                "a: it expects nothing and yet something",
            ),
        ] {
            assert_eq!(refused(&case(&more)), says);
        }
        assert!(refused(&case("expect = [204]")).contains("204 cannot be expected"));
        assert!(refused(&case("expects = [401]")).contains("unknown field `expects`"));
        let twice = [case("expect = [401]"), case("expect = [401]")].join("\n");
        assert_eq!(refused(&twice), "a: there are two of them");
    }
}
