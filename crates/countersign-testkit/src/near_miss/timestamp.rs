//! The timestamp: too old, too new, changed, missing, twice, misspelled.

use std::time::Duration;

use countersign::scheme::{Place, TimestampRule};
use countersign::{Refusal, Timestamp, Unit};

use super::edit::Edit;
use super::{Table, another};

const SECOND: Duration = Duration::from_secs(1);

impl Table<'_> {
    pub(super) fn timestamp(&mut self) {
        let Some(rule) = &self.scheme().timestamp else {
            return;
        };
        let Some(stamp) = self.genuine.read(&rule.place) else {
            return;
        };
        if rule.place.is_in_body() {
            self.moved_time(rule, &stamp);
            self.changed_in_body(rule, &stamp);
        } else {
            self.signed_at_another_time(rule);
            self.changed(rule, &stamp);
        }
        let twice = self.genuine.edit(&rule.place, Edit::Follow(&stamp));
        self.add("the timestamp twice", twice, Refusal::TimestampRepeated);
        let other = another(&stamp);
        let twice = self.genuine.edit(&rule.place, Edit::Follow(&other));
        self.add(
            "the timestamp and another one",
            twice,
            Refusal::TimestampRepeated,
        );
    }

    /// Genuine signatures of other moments.
    fn signed_at_another_time(&mut self, rule: &TimestampRule) {
        let now = self.genuine.now;
        let at = |moment| {
            self.genuine
                .sent_by(&self.genuine.sender.clone().at(moment))
        };
        let past = rule.tolerance.past().saturating_add(SECOND);
        let future = rule.tolerance.future().saturating_add(SECOND);
        let old = at(now.saturating_sub(past));
        let new = at(now.saturating_add(future));
        // Before 1970 there is no number to be written.
        if now.saturating_sub(past) >= Timestamp::from_secs(0) {
            self.add("a second too old", old, Refusal::TimestampTooOld);
        }
        self.add("a second too new", new, Refusal::TimestampTooNew);
    }

    /// The stamp lies in the body, which is signed as it is: the request arrives at another moment.
    fn moved_time(&mut self, rule: &TimestampRule, stamp: &str) {
        let Ok(moment) = rule.unit.parse(stamp.as_bytes()) else {
            return;
        };
        let request = || Some(self.genuine.request.clone());
        let late = moment.saturating_add(rule.tolerance.past().saturating_add(SECOND));
        let early = moment.saturating_sub(rule.tolerance.future().saturating_add(SECOND));
        let (old, new) = (request(), request());
        self.add_at("a second too old", old, late, Refusal::TimestampTooOld);
        self.add_at("a second too new", new, early, Refusal::TimestampTooNew);
    }

    fn changed(&mut self, rule: &TimestampRule, stamp: &str) {
        let place = &rule.place;
        let replace = |text: &str| self.genuine.edit(place, Edit::Replace(text));
        // Another moment within the tolerance, as its sender would write it.
        let later = [SECOND, Duration::ZERO].into_iter().find_map(|later| {
            let moment = if later <= rule.tolerance.future() && !later.is_zero() {
                self.genuine.now.saturating_add(later)
            } else if rule.tolerance.past() > SECOND {
                self.genuine.now.saturating_sub(SECOND)
            } else {
                return None;
            };
            let other = self.genuine.sender.clone().at(moment);
            let other = super::Genuine::new(&other, &self.genuine.given)
                .ok()?
                .read(place)?;
            replace(&other)
        });
        let mut misses = vec![(
            "another timestamp within the tolerance",
            later,
            Refusal::SignatureMismatch,
        )];
        let malformed = || Refusal::TimestampMalformed;
        let spellings = match rule.unit {
            Unit::Seconds | Unit::Milliseconds => vec![
                ("a plus before the timestamp", format!("+{stamp}")),
                ("a minus before the timestamp", format!("-{stamp}")),
                ("a zero before the timestamp", format!("0{stamp}")),
                ("a fraction behind the timestamp", format!("{stamp}.0")),
                ("a timestamp in hexadecimal", format!("0x{stamp}")),
                (
                    "a timestamp that no type holds",
                    "9223372036854775808".to_owned(),
                ),
            ],
            Unit::HttpDate => vec![
                ("a timestamp in lower case", stamp.to_lowercase()),
                (
                    "a timestamp with a zone in digits",
                    stamp.replace("GMT", "+0000"),
                ),
            ],
            _ => vec![
                ("a timestamp in lower case", stamp.to_lowercase()),
                (
                    "a timestamp with a blank in it",
                    stamp.replacen('T', " ", 1),
                ),
                (
                    "a timestamp that is a date",
                    stamp.split('T').next().unwrap_or_default().to_owned(),
                ),
            ],
        };
        for (name, text) in &spellings {
            misses.push((*name, replace(text), malformed()));
        }
        misses.push(("an empty timestamp", replace(""), malformed()));
        misses.push((
            "a letter behind the timestamp",
            replace(&format!("{stamp}x")),
            malformed(),
        ));
        if rule.unit == Unit::Seconds && stamp.len() > 9 {
            let name = "a timestamp in milliseconds";
            misses.push((
                name,
                replace(&format!("{stamp}000")),
                Refusal::TimestampTooNew,
            ));
        }
        if *place != Place::FirstItem {
            let missing = self.genuine.edit(place, Edit::Remove);
            misses.push(("no timestamp", missing, Refusal::TimestampMissing));
        }
        for (name, request, refusal) in misses {
            self.add(name, request, refusal);
        }
    }

    fn changed_in_body(&mut self, rule: &TimestampRule, stamp: &str) {
        let place = &rule.place;
        let replace = |text: &str| self.genuine.edit(place, Edit::Replace(text));
        // Its last digit: a zone may stand behind it.
        let end = stamp.rfind(|digit: char| digit.is_ascii_digit());
        let end = end.map_or(stamp.len(), |at| at.saturating_add(1));
        let (digits, zone) = stamp.split_at_checked(end).unwrap_or((stamp, ""));
        let changed = replace(&format!("{}{zone}", another(digits)));
        let signed = replace(&format!("-{stamp}"));
        let missing = self.genuine.edit(place, Edit::Remove);
        self.add("another timestamp", changed, Refusal::SignatureMismatch);
        self.add(
            "a minus before the timestamp",
            signed,
            Refusal::TimestampMalformed,
        );
        self.add("no timestamp", missing, Refusal::TimestampMissing);
    }
}
