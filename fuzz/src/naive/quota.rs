//! A quota that remembers every unit that went, and counts them for every span of time.

/// In any span of time `t` no more go than `burst` and one for each whole `interval` in `t`.
#[derive(Clone, Debug)]
pub struct Log {
    interval: i128,
    burst: i128,
    went: Vec<i128>,
}

impl Log {
    /// Nothing has gone. The interval is nanoseconds.
    #[must_use]
    pub fn new(interval: u128, burst: u32) -> Self {
        Self {
            interval: i128::try_from(interval).expect("a month at most"),
            burst: burst.into(),
            went: Vec::new(),
        }
    }

    /// Would one go at this moment? A clock that has gone back stands where it was, and what it says goes later.
    #[must_use]
    pub fn goes(&self, moment: i128) -> bool {
        let count = self.went.len();
        let is_past = self.went.last().is_some_and(|last| moment < *last);
        !is_past
            && self.went.iter().enumerate().all(|(number, began)| {
                let in_span = i128::try_from(count - number + 1).expect("few");
                in_span <= self.burst + (moment - began) / self.interval
            })
    }

    /// The first moment from this one on at which one would go.
    #[must_use]
    pub fn earliest(&self, moment: i128) -> i128 {
        let mut found = self.not_before(moment);
        for (number, began) in self.went.iter().enumerate() {
            let in_span = i128::try_from(self.went.len() - number + 1).expect("few");
            let beyond = (in_span - self.burst).max(0);
            found = found.max(began + beyond * self.interval);
        }
        found
    }

    /// One has gone.
    pub fn note(&mut self, moment: i128) {
        let last = self.went.last().copied().unwrap_or(moment);
        self.went.push(moment.max(last));
    }

    /// The moment, or the last one at which anything went.
    #[must_use]
    pub fn not_before(&self, moment: i128) -> i128 {
        self.went.last().map_or(moment, |last| moment.max(*last))
    }
}
