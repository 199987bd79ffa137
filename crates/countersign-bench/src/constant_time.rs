//! Does the time that a comparison takes tell how much of it was right? Measured as dudect does.
//!
//! `cargo run --release -p countersign-bench -- constant-time [SAMPLES]`: 1,000,000 samples a line unless said otherwise.
//!
//! Each line has two classes of attempts which a stranger can make and which are all refused: the first byte is wrong, or the last one, or all
//! are. A sample is one call, timed by itself; its class is drawn by lot, so that whatever else the machine does meets both alike. Inputs are made
//! afresh, a few hundred at a time and before any of them is timed: what it takes to make one must not be felt in its time. They come from a
//! generator that draws the same in every run.
//!
//! **Statistic**: Welch's t between the two classes' times. Interruptions make outliers that hide small differences, so times over a limit are
//! cropped: the first 10,000 samples do not count and set 100 limits, at the percentiles 1 − 0.5^(10·i/100) for i from 1 to 100 (6.7 % to 99.9 %) of
//! both classes together. t is computed without cropping and under each limit that leaves 5,000 samples of each class or more, and the
//! largest of them counts, whatever its sign. **A line passes under 5.** Of single ones, chance makes one in 1.7 million larger.
//!
//! Controls compare as nobody should, measured in the same way: they must come out far over 5, or the measurement shows nothing on this
//! machine. A line without a bound is there to be seen: the length of a token may be learned, and nothing else.

mod crops;
mod subjects;
mod welch;

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use crops::{Cropped, Crops};
use subjects::Subject;

use crate::random::Random;

pub(crate) const SAMPLES: usize = 1_000_000;

/// From so many samples on, a t says something.
const LEAST: usize = 100_000;

const MOST: f64 = 5.0;
const CONTROL: f64 = 50.0;

/// Inputs that are made at a time.
const BATCH: usize = 500;

const SEED: u64 = 0x0c0_75a7;

/// What a line must show.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    Under(f64),
    Over(f64),
    None,
}

/// Which of a line's two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    A,
    B,
}

impl Class {
    fn drawn(random: &mut Random) -> Self {
        if random.below(2) == 0 {
            Self::A
        } else {
            Self::B
        }
    }

    /// Its own of two.
    pub(crate) fn of<T>(self, [a, b]: [T; 2]) -> T {
        match self {
            Self::A => a,
            Self::B => b,
        }
    }
}

/// How many samples the text asks for.
pub(crate) fn samples(text: &str) -> Result<usize, Box<dyn Error>> {
    let samples: usize = text.replace('_', "").parse()?;
    if samples < LEAST {
        return Err(format!("fewer than {LEAST} samples show nothing").into());
    }
    Ok(samples)
}

/// Prints every line; `false` when one of them fails.
pub(crate) fn run(samples: usize) -> Result<bool, Box<dyn Error>> {
    println!(
        "Welch's t over {samples} samples a line: the largest without and under 100 croppings\n"
    );
    println!(
        "{:<66} {:>9} {:>12} {:>10} {:>10} {:>6}",
        "", "|t|", "cropped at", "A", "B", "bound"
    );
    let mut missed = 0;
    let lines = subjects::all()?;
    let count = lines.len();
    for (name, bound, mut subject) in lines {
        if !subject.accepts_the_genuine() {
            return Err(format!("{name}: the genuine one is refused").into());
        }
        let worst = measure(subject.as_mut(), samples).worst();
        let (holds, text) = match bound {
            Bound::Under(most) => (worst.t.abs() < most, format!("< {most}")),
            Bound::Over(least) => (worst.t.abs() > least, format!("> {least}")),
            Bound::None => (true, String::new()),
        };
        let verdict = match (bound, holds) {
            (Bound::None, _) => "",
            (_, true) => "met",
            (_, false) => "MISSED",
        };
        missed += usize::from(!holds);
        println!(
            "{name:<66} {:>9.2} {:>12} {:>7.1} ns {:>7.1} ns {text:>6} {verdict}",
            worst.t.abs(),
            worst.limit(),
            worst.mean_a,
            worst.mean_b
        );
    }
    println!("\n{missed} of {count} lines missed");
    Ok(missed == 0)
}

/// Times the subject's two classes in an order drawn by lot.
fn measure(subject: &mut dyn Subject, samples: usize) -> Crops {
    let mut random = Random::new(SEED);
    let mut made = Vec::with_capacity(BATCH);
    let mut sample = || {
        if made.is_empty() {
            made.extend((0..BATCH).map(|_| {
                let class = Class::drawn(&mut random);
                (class, subject.make(class, &mut random))
            }));
        }
        let (class, input) = made.pop()?;
        subject.load(input);
        let start = Instant::now();
        black_box(subject.run());
        let took = start.elapsed().as_nanos();
        Some((class, u64::try_from(took).unwrap_or(u64::MAX)))
    };
    // Caches, branch predictors and the processor's clock get warm with it.
    let first = (0..crops::FIRST).filter_map(|_| sample());
    let mut crops = Crops::new(first.map(|(_, took)| took).collect());
    for (class, took) in (0..samples).filter_map(|_| sample()) {
        crops.add(class, took);
    }
    crops
}

impl Cropped {
    fn limit(&self) -> String {
        self.limit
            .map_or_else(|| "-".to_owned(), |limit| format!("{limit} ns"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_samples_is_read_strictly() {
        assert_eq!(samples("1000000").unwrap(), 1_000_000);
        assert_eq!(samples("200_000").unwrap(), 200_000);
        assert_eq!(
            samples("99999").unwrap_err().to_string(),
            "fewer than 100000 samples show nothing"
        );
        assert_eq!(
            samples("many").unwrap_err().to_string(),
            "invalid digit found in string"
        );
    }

    /// What is measured is what it is said to be: the genuine attempt passes, and those of both classes are refused for the comparison alone.
    #[test]
    fn every_subject_is_what_its_line_says() {
        let lines = subjects::all().unwrap();
        assert_eq!(lines.len(), 14);
        for (name, bound, mut subject) in lines {
            let mut random = Random::new(1);
            assert!(subject.accepts_the_genuine(), "{name}");
            for class in [Class::A, Class::B] {
                for _ in 0..300 {
                    let input = subject.make(class, &mut random);
                    subject.load(input);
                    assert!(subject.run(), "{name}, {class:?}");
                }
            }
            let is_control = name.starts_with("control");
            assert_eq!(matches!(bound, Bound::Over(_)), is_control, "{name}");
        }
    }
}
