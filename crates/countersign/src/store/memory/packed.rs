//! One record in 84 bytes, and the moments of a store in eight.

use std::sync::Arc;
use std::time::Duration;

use crate::idempotency::{
    Done, Fingerprint, IdempotencyKey, LeaseToken, Record, RecordedAnswer, State,
};

/// A moment, or a length of time, in nanoseconds. What is beyond 584 years is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nanos(pub(super) u64);

impl Nanos {
    pub(super) const FOR_EVER: Self = Self(u64::MAX);

    pub(super) fn to_duration(self) -> Duration {
        if self == Self::FOR_EVER {
            Duration::MAX
        } else {
            Duration::from_nanos(self.0)
        }
    }

    /// The same question as [`Record::is_expired`].
    pub(super) fn is_past(self, now: Duration) -> bool {
        self.to_duration() <= now
    }
}

impl From<Duration> for Nanos {
    fn from(duration: Duration) -> Self {
        let nanos = u64::from(duration.subsec_nanos());
        let nanos = duration
            .as_secs()
            .checked_mul(1_000_000_000)
            .and_then(|whole| whole.checked_add(nanos));
        nanos.map_or(Self::FOR_EVER, Self)
    }
}

/// A [`Record`] with its key, in 84 bytes: numbers of eight bytes are halved, or the compiler would round up to 88.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    key: [u8; 32],
    until: Halves,
    /// In flight: how long it is kept after that. Done: the content's fingerprint.
    first: Halves,
    /// Where the record stands in the order of expiry; in a free slot, the next free one.
    pub(super) place: u32,
    attempt: u32,
    token: [u8; 16],
    /// Done: the signature's fingerprint.
    second: Halves,
    status: u16,
    kind: Kind,
    marks: u8,
}

const _: () = assert!(size_of::<Packed>() == 84, "the budget counts on it");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Forgotten,
    Released,
    InFlight,
    Done,
}

const FAILED: u8 = 1;
const SIGNED: u8 = 1 << 1;
const ANSWERED: u8 = 1 << 2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Halves([u32; 2]);

impl Halves {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    const fn new(whole: u64) -> Self {
        Self([whole as u32, (whole >> 32) as u32])
    }

    fn whole(self) -> u64 {
        let [low, high] = self.0;
        u64::from(low) | u64::from(high) << 32
    }
}

impl Packed {
    /// The answer is kept elsewhere: few have one.
    pub(super) fn new(key: &IdempotencyKey, place: u32, record: &Record) -> Self {
        let mut packed = Self {
            key: *key.as_bytes(),
            until: Halves::default(),
            first: Halves::default(),
            place,
            attempt: record.attempt,
            token: [0; 16],
            second: Halves::default(),
            status: 0,
            kind: Kind::Forgotten,
            marks: 0,
        };
        let (until, token) = match &record.state {
            State::Free { token, until } => {
                if token.is_some() {
                    packed.kind = Kind::Released;
                }
                (until, *token)
            }
            State::InFlight {
                token,
                until,
                retention,
            } => {
                packed.kind = Kind::InFlight;
                packed.first = Halves::new(Nanos::from(*retention).0);
                (until, Some(*token))
            }
            State::Done { token, done, until } => {
                packed.kind = Kind::Done;
                packed.put_done(done);
                (until, Some(*token))
            }
        };
        packed.until = Halves::new(Nanos::from(*until).0);
        if let Some(token) = token {
            packed.token = *token.as_bytes();
        }
        packed
    }

    fn put_done(&mut self, done: &Done) {
        let Done {
            status,
            failed,
            signature,
            content,
            answer,
        } = done;
        self.status = *status;
        self.first = Halves::new(content.as_u64());
        if let Some(signature) = signature {
            self.second = Halves::new(signature.as_u64());
            self.marks |= SIGNED;
        }
        if *failed {
            self.marks |= FAILED;
        }
        if answer.is_some() {
            self.marks |= ANSWERED;
        }
    }

    pub(super) fn record(&self, answer: Option<Arc<RecordedAnswer>>) -> Record {
        let token = LeaseToken::from_bytes(self.token);
        let until = Nanos(self.until.whole()).to_duration();
        let state = match self.kind {
            Kind::Forgotten => State::Free { token: None, until },
            Kind::Released => State::Free {
                token: Some(token),
                until,
            },
            Kind::InFlight => State::InFlight {
                token,
                until,
                retention: Nanos(self.first.whole()).to_duration(),
            },
            Kind::Done => {
                let signature = Fingerprint::from_u64(self.second.whole());
                let done = Done {
                    status: self.status,
                    failed: self.marks & FAILED != 0,
                    signature: (self.marks & SIGNED != 0).then_some(signature),
                    content: Fingerprint::from_u64(self.first.whole()),
                    answer,
                };
                State::Done { token, done, until }
            }
        };
        Record {
            attempt: self.attempt,
            state,
        }
    }

    pub(super) fn is_of(&self, key: &IdempotencyKey) -> bool {
        self.key == *key.as_bytes()
    }

    pub(super) const fn key(&self) -> IdempotencyKey {
        IdempotencyKey::from_bytes(self.key)
    }

    pub(super) const fn has_answer(&self) -> bool {
        self.marks & ANSWERED != 0
    }

    /// The same moment as [`Record::expires`].
    pub(super) fn expires(&self) -> Nanos {
        let until = self.until.whole();
        Nanos(match self.kind {
            Kind::InFlight => until.saturating_add(self.first.whole()),
            Kind::Forgotten | Kind::Released | Kind::Done => until,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: IdempotencyKey = IdempotencyKey::from_bytes([7; 32]);
    const TOKEN: LeaseToken = LeaseToken::from_bytes([9; 16]);

    fn answer() -> Arc<RecordedAnswer> {
        Arc::new(RecordedAnswer::new(None, b"<Response/>".to_vec()).unwrap())
    }

    fn states() -> Vec<State> {
        let until = Duration::from_nanos(0x0123_4567_89AB_CDEF);
        let mut done = Vec::new();
        for signature in [None, Some(Fingerprint::from_u64(0xFEDC_BA98_7654_3210))] {
            for failed in [false, true] {
                for answer in [None, Some(answer())] {
                    done.push(Done {
                        failed,
                        answer,
                        ..Done::new(u16::MAX, signature, Fingerprint::from_u64(u64::MAX - 1))
                    });
                }
            }
        }
        let done = done.into_iter().map(|done| State::Done {
            token: TOKEN,
            done,
            until,
        });
        done.chain([
            State::Free { token: None, until },
            State::Free {
                token: Some(TOKEN),
                until,
            },
            State::InFlight {
                token: TOKEN,
                until,
                retention: Duration::from_nanos(0xAAAA_BBBB_CCCC_DDDD),
            },
            State::InFlight {
                token: TOKEN,
                until: Duration::MAX,
                retention: Duration::from_nanos(1),
            },
        ])
        .collect()
    }

    #[test]
    fn every_record_comes_back_as_it_went_in() {
        for state in states() {
            for attempt in [0, 1, u32::MAX] {
                let state = state.clone();
                let record = Record { attempt, state };
                let packed = Packed::new(&KEY, 5, &record);
                let kept = match &record.state {
                    State::Done { done, .. } => done.answer.clone(),
                    _ => None,
                };
                assert_eq!(packed.has_answer(), kept.is_some());
                assert_eq!(packed.record(kept), record);
                assert_eq!(
                    packed.expires(),
                    Nanos::from(record.expires()),
                    "{record:?}"
                );
                assert_eq!((packed.key(), packed.place), (KEY, 5));
            }
        }
    }

    #[test]
    fn a_key_is_compared_in_full() {
        let packed = Packed::new(&KEY, 0, &Record::unknown());
        assert!(packed.is_of(&KEY));
        for at in 0..32 {
            let mut other = [7; 32];
            other[at] ^= 1;
            assert!(!packed.is_of(&IdempotencyKey::from_bytes(other)), "{at}");
        }
    }

    #[test]
    fn what_eight_bytes_cannot_hold_is_for_ever() {
        let most = Duration::from_nanos(u64::MAX - 1);
        assert_eq!(Nanos::from(most).to_duration(), most);
        for beyond in [
            Duration::from_nanos(u64::MAX),
            Duration::from_secs(1 << 40),
            Duration::MAX,
        ] {
            assert_eq!(Nanos::from(beyond), Nanos::FOR_EVER);
        }
        assert!(!Nanos::FOR_EVER.is_past(Duration::from_secs(1 << 40)));
        assert!(Nanos(7).is_past(Duration::from_nanos(7)));
        assert!(!Nanos(7).is_past(Duration::from_nanos(6)));
    }
}
