//! A store of deliveries that writes down what happened and reads all of it again for every answer.
//!
//! Written from the table that the trait's docs give. Moments are whole nanoseconds, keys and tokens small numbers.

use std::collections::BTreeSet;

/// A moment or a length of time, in nanoseconds.
pub type Nanos = u128;

/// Whose lease, as the input numbers them.
pub type Token = u8;

/// What was recorded, as the input numbers it.
pub type Words = u16;

/// Something that the store agreed to.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Began {
        token: Token,
        until: Nanos,
        kept: Nanos,
    },
    Longer {
        until: Nanos,
    },
    GaveBack {
        kept: Nanos,
    },
    Finished {
        words: Words,
        kept: Nanos,
    },
    Unlearned,
}

/// All that happened, in order.
#[derive(Debug, Default)]
pub struct Journal {
    capacity: usize,
    entries: Vec<(Nanos, u8, Entry)>,
}

/// How one key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Unknown,
    Running,
    Lapsed,
    Free,
    Done(Words),
}

/// One key, read from the journal.
#[derive(Clone, Copy, Debug)]
struct Page {
    standing: Standing,
    attempt: u32,
    token: Option<Token>,
    until: Nanos,
    kept: Nanos,
    forgotten_at: Nanos,
}

/// What it answers to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// With this attempt.
    Yes(u32),
    /// For so long.
    Busy(Nanos),
    /// With what was recorded, and by which attempt.
    Done(Words, u32),
    /// No room.
    Full,
    /// The token is used up.
    Lost,
}

/// What it answers to a settle or a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It has its effect.
    Yes,
    /// This token has settled before.
    Settled,
    /// This token has released before.
    Released,
    /// The lease is not this token's.
    Lost,
}

/// What it answers to an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// It has its effect.
    Yes,
    /// There is nothing that is done.
    Unknown,
    /// Somebody is at it, for so long.
    Busy(Nanos),
}

const NOTHING: Page = Page {
    standing: Standing::Unknown,
    attempt: 0,
    token: None,
    until: 0,
    kept: 0,
    forgotten_at: 0,
};

impl Page {
    /// The page as it is read later: leases lapse, and then everything is forgotten.
    fn at(self, now: Nanos) -> Self {
        if self.standing == Standing::Unknown || now >= self.forgotten_at {
            return NOTHING;
        }
        let lapsed = self.standing == Standing::Running && now >= self.until;
        let standing = if lapsed {
            Standing::Lapsed
        } else {
            self.standing
        };
        Self { standing, ..self }
    }

    fn after(self, at: Nanos, entry: Entry) -> Self {
        let mut page = self.at(at);
        match entry {
            Entry::Began { token, until, kept } => {
                page.attempt += 1;
                page.token = Some(token);
                page.standing = Standing::Running;
                (page.until, page.kept) = (until, kept);
                page.forgotten_at = until + kept;
            }
            Entry::Longer { until } => {
                page.until = page.until.max(until);
                page.forgotten_at = page.until + page.kept;
            }
            Entry::GaveBack { kept } => {
                page.standing = Standing::Free;
                page.forgotten_at = at + kept;
            }
            Entry::Finished { words, kept } => {
                page.standing = Standing::Done(words);
                page.forgotten_at = at + kept;
            }
            Entry::Unlearned => {
                page.standing = Standing::Free;
                page.token = None;
            }
        }
        page
    }
}

impl Journal {
    /// With room for so many keys.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: Vec::new(),
        }
    }

    fn read(&self, now: Nanos, key: u8) -> Page {
        let mine = self.entries.iter().filter(|(_, other, _)| *other == key);
        mine.fold(NOTHING, |page, (at, _, entry)| page.after(*at, *entry))
            .at(now)
    }

    fn keys(&self) -> BTreeSet<u8> {
        self.entries.iter().map(|(_, key, _)| *key).collect()
    }

    fn write(&mut self, now: Nanos, key: u8, entry: Entry) {
        self.entries.push((now, key, entry));
    }

    /// How many keys it knows.
    #[must_use]
    pub fn known(&self, now: Nanos) -> usize {
        let known = |key: &u8| self.read(now, *key).standing != Standing::Unknown;
        self.keys().into_iter().filter(known).count()
    }

    /// The next moments at which a lease or a retention ends.
    #[must_use]
    pub fn ahead(&self, now: Nanos) -> Vec<Nanos> {
        let ends = |key| {
            let page = self.read(now, key);
            [page.until, page.forgotten_at]
        };
        let mut ends: Vec<Nanos> = self.keys().into_iter().flat_map(ends).collect();
        ends.retain(|end| *end > now);
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// A claim.
    pub fn claim(
        &mut self,
        now: Nanos,
        key: u8,
        token: Token,
        lease: Nanos,
        kept: Nanos,
    ) -> Claimed {
        let page = self.read(now, key);
        let is_mine = page.token == Some(token);
        let until = now + lease;
        match page.standing {
            Standing::Done(words) => Claimed::Done(words, page.attempt),
            Standing::Running if is_mine => {
                self.write(now, key, Entry::Longer { until });
                Claimed::Yes(page.attempt)
            }
            Standing::Running => Claimed::Busy(page.until - now),
            Standing::Lapsed | Standing::Free if is_mine => Claimed::Lost,
            Standing::Unknown if self.known(now) >= self.capacity => Claimed::Full,
            Standing::Unknown | Standing::Lapsed | Standing::Free => {
                self.write(now, key, Entry::Began { token, until, kept });
                Claimed::Yes(page.attempt + 1)
            }
        }
    }

    fn end(&mut self, now: Nanos, key: u8, token: Token, entry: Entry) -> Ended {
        let page = self.read(now, key);
        match page.standing {
            _ if page.token != Some(token) => Ended::Lost,
            Standing::Running => {
                self.write(now, key, entry);
                Ended::Yes
            }
            Standing::Done(_) => Ended::Settled,
            Standing::Free => Ended::Released,
            Standing::Unknown | Standing::Lapsed => Ended::Lost,
        }
    }

    /// A settle.
    pub fn settle(
        &mut self,
        now: Nanos,
        key: u8,
        token: Token,
        words: Words,
        kept: Nanos,
    ) -> Ended {
        self.end(now, key, token, Entry::Finished { words, kept })
    }

    /// A release.
    pub fn release(&mut self, now: Nanos, key: u8, token: Token, kept: Nanos) -> Ended {
        self.end(now, key, token, Entry::GaveBack { kept })
    }

    /// An extension: whether it was granted.
    pub fn extend(&mut self, now: Nanos, key: u8, token: Token, lease: Nanos) -> bool {
        let page = self.read(now, key);
        let granted = page.standing == Standing::Running && page.token == Some(token);
        if granted {
            let until = now + lease;
            self.write(now, key, Entry::Longer { until });
        }
        granted
    }

    /// An operator's word.
    pub fn forget(&mut self, now: Nanos, key: u8) -> Forgotten {
        let page = self.read(now, key);
        match page.standing {
            Standing::Running => Forgotten::Busy(page.until - now),
            Standing::Done(_) => {
                self.write(now, key, Entry::Unlearned);
                Forgotten::Yes
            }
            _ => Forgotten::Unknown,
        }
    }
}
