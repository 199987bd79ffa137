//! What a case came to.

use std::fmt;
use std::time::Duration;

use super::case::{Allowed, Case, Interim};

/// What a case came to. Printed, it says what was seen, and why that is not what must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Does it hold?
    pub verdict: Verdict,
    /// What was seen: statuses in order, `closed`, `open`, or `left` where the peer did not wait.
    pub saw: String,
    /// Why it does not hold, why it does not apply, or the advice.
    pub why: Option<String>,
    /// How many answers were 2xx, those to the genuine deliveries in between and afterwards included.
    pub accepted: u64,
    /// Did the peer leave a genuine delivery behind, whose answer nobody saw?
    pub left_genuine: bool,
}

/// Does a case hold?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It holds.
    Held,
    /// It holds, and something could be better.
    Advised,
    /// It does not hold.
    Failed,
    /// It says nothing about this scheme or server.
    DoesNotApply,
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Held => "held",
            Self::Advised => "held, but",
            Self::Failed => "FAILED",
            Self::DoesNotApply => "not asked",
        })
    }
}

/// How it went on with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Status(u16),
    Closed,
    /// Nothing came in time.
    Open,
}

impl End {
    pub(super) fn is_success(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }

    fn is_allowed(self, by: &[Allowed]) -> bool {
        by.iter().any(|allowed| match (allowed, self) {
            // Others say that it is forbidden.
            (Allowed::Status(401), Self::Status(403)) => true,
            // Who counts failures may answer any refusal so.
            (Allowed::Status(400..=499), Self::Status(429)) => true,
            (Allowed::Status(allowed), Self::Status(status)) => *allowed == status,
            (Allowed::Refusal, Self::Status(status)) => (400..500).contains(&status),
            (Allowed::Success, end) => end.is_success(),
            (Allowed::Closed, Self::Closed) | (Allowed::Open, Self::Open) => true,
            _ => false,
        })
    }
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(out, "{status}"),
            Self::Closed => out.write_str("closed"),
            Self::Open => out.write_str("open"),
        }
    }
}

/// What one connection of a case came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) ends: Vec<End>,
    pub(super) interim: Vec<u16>,
    pub(super) is_garbled: bool,
}

impl Seen {
    pub(super) fn accepted(&self) -> u64 {
        let accepted = self.ends.iter().filter(|end| end.is_success()).count();
        u64::try_from(accepted).unwrap_or(u64::MAX)
    }

    pub(super) fn text(&self) -> String {
        let ends: Vec<String> = self.ends.iter().map(ToString::to_string).collect();
        match ends.is_empty() {
            true => "left".to_owned(),
            false => ends.join(", "),
        }
    }

    /// Is it what the case allows? `Err` says why not, after so long a wait; `Ok(true)` is tolerated.
    pub(super) fn judge(&self, case: &Case, waited: Duration) -> Result<bool, String> {
        let may_succeed = |allowed: &[Allowed]| allowed.contains(&Allowed::Success);
        let seconds = waited.as_secs_f32();
        let mut is_tolerated = false;
        for (number, end) in self.ends.iter().enumerate() {
            let (allowed, tolerated): (&[Allowed], &[Allowed]) = match number {
                0 => (&case.expect, &case.tolerate),
                1 => (&case.next, &[]),
                _ => (&[], &[]),
            };
            let which = match number {
                0 => "",
                1 => " the second time",
                _ => " once more",
            };
            if end.is_success() && !may_succeed(allowed) && !may_succeed(tolerated) {
                return Err(format!(
                    "answered {end}{which}: what must be refused was accepted"
                ));
            }
            // What follows a request that was cut off is the server's to say.
            if allowed.is_empty() || end.is_allowed(allowed) {
                continue;
            }
            if end.is_allowed(tolerated) {
                is_tolerated = true;
                continue;
            }
            return Err(match end {
                End::Open if number > 0 => {
                    format!("neither answered again nor closed within {seconds} s after its answer")
                }
                End::Open => format!("neither answered nor closed within {seconds} s"),
                End::Closed => format!(
                    "closed without an answer{which}, where {} is due",
                    list(allowed)
                ),
                End::Status(status) => {
                    format!("answered {status}{which}, where {} is due", list(allowed))
                }
            });
        }
        // Who cannot tell what is asked in HTTP/1 may answer as HTTP/0.9 did, without a status, and close.
        if self.is_garbled && self.ends != [End::Closed] {
            return Err("answered with what is no answer of HTTP/1".to_owned());
        }
        let has_continue = self.interim.contains(&100);
        match case.interim {
            Interim::Required if !has_continue => Err("never said 100, go on".to_owned()),
            Interim::Refused if has_continue => {
                Err("said 100, go on, to what it refuses".to_owned())
            }
            _ => Ok(is_tolerated),
        }
    }
}

fn list(allowed: &[Allowed]) -> String {
    let texts: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    match texts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(case: &str, ends: &[End]) -> Result<bool, String> {
        let text = format!("[[case]]\nname = \"a\"\nabout = \"\"\nsteps = []\n{case}");
        let case = Case::parse_all(&text).unwrap();
        let seen = Seen {
            ends: ends.to_vec(),
            ..Seen::default()
        };
        seen.judge(&case[0], Duration::from_secs(15))
    }

    #[test]
    fn what_is_seen_is_held_against_what_is_allowed() {
        let refusing = "delivery = \"forged\"\nexpect = [400, \"closed\"]";
        let twice = "expect = [\"2xx\"]\nnext = [401]";
        let tolerant = "expect = [400]\ntolerate = [\"2xx\", \"open\"]\nadvice = \"x\"";
        let status = End::Status;
        for (case, ends, result) in [
            (refusing, vec![status(400)], Ok(false)),
            (refusing, vec![End::Closed], Ok(false)),
            (refusing, vec![status(400), status(404)], Ok(false)),
            (
                refusing,
                vec![status(200)],
                Err("answered 200: what must be refused was accepted"),
            ),
            (
                refusing,
                vec![status(400), status(204)],
                Err("answered 204 the second time: what must be refused was accepted"),
            ),
            (
                refusing,
                vec![status(400), status(400), status(204)],
                Err("answered 204 once more: what must be refused was accepted"),
            ),
            (
                refusing,
                vec![status(500)],
                Err("answered 500, where 400 or a closed connection is due"),
            ),
            (
                refusing,
                vec![End::Open],
                Err("neither answered nor closed within 15 s"),
            ),
            (twice, vec![status(204), status(401)], Ok(false)),
            (
                twice,
                vec![status(204), status(204)],
                Err("answered 204 the second time: what must be refused was accepted"),
            ),
            (twice, vec![status(204), status(403)], Ok(false)),
            (twice, vec![status(204), status(429)], Ok(false)),
            (refusing, vec![status(429)], Ok(false)),
            (
                "expect = [\"2xx\", 501, \"closed\"]",
                vec![status(429)],
                Err("answered 429, where 2xx, 501 or a closed connection is due"),
            ),
            (
                refusing,
                vec![status(403)],
                Err("answered 403, where 400 or a closed connection is due"),
            ),
            (
                twice,
                vec![status(204), status(404)],
                Err("answered 404 the second time, where 401 is due"),
            ),
            (
                twice,
                vec![status(204), End::Open],
                Err("neither answered again nor closed within 15 s after its answer"),
            ),
            (
                twice,
                vec![status(204), End::Closed],
                Err("closed without an answer the second time, where 401 is due"),
            ),
            (tolerant, vec![status(400)], Ok(false)),
            (tolerant, vec![status(204)], Ok(true)),
            (tolerant, vec![End::Open], Ok(true)),
            ("", vec![], Ok(false)),
        ] {
            let result: Result<bool, &str> = result;
            let expected = result.map_err(ToOwned::to_owned);
            assert_eq!(judged(case, &ends), expected, "{case} {ends:?}");
        }
    }

    #[test]
    fn going_on_is_required_or_refused() {
        let case = |interim: &str| {
            let text = format!(
                "[[case]]\nname = \"a\"\nabout = \"\"\nsteps = []\nexpect = [401]\ninterim = \"{interim}\""
            );
            Case::parse_all(&text).unwrap().remove(0)
        };
        let seen = |interim: Vec<u16>| Seen {
            ends: vec![End::Status(401)],
            interim,
            is_garbled: false,
        };
        assert_eq!(
            seen(vec![100]).judge(&case("required"), Duration::ZERO),
            Ok(false)
        );
        assert_eq!(
            seen(vec![]).judge(&case("required"), Duration::ZERO),
            Err("never said 100, go on".to_owned())
        );
        assert_eq!(
            seen(vec![]).judge(&case("refused"), Duration::ZERO),
            Ok(false)
        );
        assert_eq!(
            seen(vec![100]).judge(&case("refused"), Duration::ZERO),
            Err("said 100, go on, to what it refuses".to_owned())
        );
    }

    #[test]
    fn what_is_no_answer_counts_as_none_when_the_connection_ends() {
        let case = |expect: &str| {
            let text =
                format!("[[case]]\nname = \"a\"\nabout = \"\"\nsteps = []\nexpect = {expect}");
            Case::parse_all(&text).unwrap().remove(0)
        };
        let judged = |ends: &[End], expect: &str| {
            let seen = Seen {
                ends: ends.to_vec(),
                interim: Vec::new(),
                is_garbled: true,
            };
            seen.judge(&case(expect), Duration::from_secs(2))
        };
        let closing = "[400, \"closed\"]";
        assert_eq!(judged(&[End::Closed], closing), Ok(false));
        let due = "closed without an answer, where 400 is due";
        assert_eq!(judged(&[End::Closed], "[400]"), Err(due.to_owned()));
        let open = "neither answered nor closed within 2 s";
        assert_eq!(judged(&[End::Open], closing), Err(open.to_owned()));
        let garbled = "answered with what is no answer of HTTP/1";
        assert_eq!(
            judged(&[End::Status(400)], closing),
            Err(garbled.to_owned())
        );
        let both = [End::Status(400), End::Closed];
        assert_eq!(judged(&both, closing), Err(garbled.to_owned()));
    }
}
