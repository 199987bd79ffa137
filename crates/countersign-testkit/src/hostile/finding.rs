//! What a case came to.

use std::fmt;

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

    /// Is it what the case allows? `Err` says why not; `Ok(true)` is tolerated.
    pub(super) fn judge(&self, case: &Case) -> Result<bool, String> {
        let may_succeed = |allowed: &[Allowed]| allowed.contains(&Allowed::Success);
        let mut is_tolerated = false;
        for (number, end) in self.ends.iter().enumerate() {
            let (allowed, tolerated): (&[Allowed], &[Allowed]) = match number {
                0 => (&case.expect, &case.tolerate),
                1 => (&case.next, &[]),
                _ => (&[], &[]),
            };
            if end.is_success() && !may_succeed(allowed) && !may_succeed(tolerated) {
                return Err(format!("answered {end}: what must be refused was accepted"));
            }
            // What follows a request that was cut off is the server's to say.
            if allowed.is_empty() || end.is_allowed(allowed) {
                continue;
            }
            if end.is_allowed(tolerated) {
                is_tolerated = true;
                continue;
            }
            let which = if number == 0 { "" } else { " the second time" };
            return Err(match end {
                End::Open => format!("neither answered nor closed in time{which}"),
                End::Closed => format!(
                    "closed without an answer{which}, where {} is due",
                    list(allowed)
                ),
                End::Status(status) => {
                    format!("answered {status}{which}, where {} is due", list(allowed))
                }
            });
        }
        if self.is_garbled {
            return Err("answered with what is no answer".to_owned());
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
        seen.judge(&case[0])
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
                Err("answered 204: what must be refused was accepted"),
            ),
            (
                refusing,
                vec![status(500)],
                Err("answered 500, where 400 or a closed connection is due"),
            ),
            (
                refusing,
                vec![End::Open],
                Err("neither answered nor closed in time"),
            ),
            (twice, vec![status(204), status(401)], Ok(false)),
            (
                twice,
                vec![status(204), status(204)],
                Err("answered 204: what must be refused was accepted"),
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
        assert_eq!(seen(vec![100]).judge(&case("required")), Ok(false));
        assert_eq!(
            seen(vec![]).judge(&case("required")),
            Err("never said 100, go on".to_owned())
        );
        assert_eq!(seen(vec![]).judge(&case("refused")), Ok(false));
        assert_eq!(
            seen(vec![100]).judge(&case("refused")),
            Err("said 100, go on, to what it refuses".to_owned())
        );
    }
}
