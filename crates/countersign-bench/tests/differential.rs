//! Our verdicts beside those of other verifiers, on the same thousands of inputs: genuine attempts, and what comes of them when something is
//! changed. What we say of each change alone stands beside it in the table of changes. Whoever decides otherwise than we do must do so for a reason that
//! the table in `differential/classes.rs` names.
//!
//! `cargo test -p countersign-bench --test differential -- --nocapture` prints what occurred how often.
//!
//! `standardwebhooks` and `svix` read the system's clock and take no other. Their attempts are stamped around the second that the clock shows, and made
//! again when it has moved on while they were judged. All others are given the time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test stops at what it cannot do"
)]

#[path = "differential/attempt.rs"]
mod attempt;
#[path = "differential/changes.rs"]
mod changes;
#[path = "differential/classes.rs"]
mod classes;
#[path = "../src/random.rs"]
mod random;
#[path = "differential/secrets.rs"]
mod secrets;
#[path = "differential/undo.rs"]
mod undo;
#[path = "differential/verdicts.rs"]
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};

use attempt::{Attempt, Sender};
use changes::{ACCEPTED, Change, UNTOUCHED};
use classes::{CLASSES, Class, Theirs};
use random::Random;
use verdicts::{Peer, Verdict, ours, theirs};

const SEED: u64 = 0x5eed_c0de;

/// How often each change is made alone, each time to another genuine attempt.
const ALONE: usize = 24;

/// How many attempts have two or three changes, drawn by lot.
const TOGETHER: usize = 2_000;

/// What came of one attempt.
struct Judged {
    own: Verdict,
    /// Does it differ from the genuine attempt that it was made from?
    changed: bool,
    agreed: bool,
    /// Peer and classes of each disagreement.
    explained: Vec<(Peer, Vec<&'static str>)>,
}

/// What came of all attempts at one sender's scheme.
#[derive(Default)]
struct Totals {
    attempts: usize,
    accepted: usize,
    agreed: usize,
    /// The changes that changed something when they were alone.
    changed: BTreeSet<&'static str>,
    /// By one class alone.
    explained: BTreeMap<(&'static str, Peer), usize>,
    by_several: usize,
    /// We alone accepted, and why.
    alone: BTreeSet<&'static str>,
}

#[test]
fn stripe() {
    let totals = run(Sender::Stripe);
    assert_eq!(totals.attempts, 24 * 114 + 2_000);
    assert_eq!(totals.accepted, 921);
    assert_eq!(
        totals.alone,
        BTreeSet::from([
            "blanks around a value",
            "bytes beyond ascii beside a good candidate",
        ])
    );
}

#[test]
fn standard_webhooks() {
    let totals = run(Sender::Standard);
    assert_eq!(totals.attempts, 24 * 129 + 2_000);
    assert_eq!(
        totals.alone,
        BTreeSet::from([
            "blanks around a value",
            "bytes beyond ascii beside a good candidate",
        ])
    );
}

#[test]
fn svix() {
    let totals = run(Sender::Svix);
    assert_eq!(totals.attempts, 24 * 138 + 2_000);
    assert_eq!(
        totals.alone,
        BTreeSet::from([
            "a body that is no text",
            "a stray header of the other family",
            "blanks around a value",
            "bytes beyond ascii beside a good candidate",
        ])
    );
}

/// Judges every attempt at one sender; fails when we say of a change alone what the table does not say, on a disagreement that no class explains, and
/// on a class that explains none.
fn run(sender: Sender) -> Totals {
    let changes = changes::of(sender);
    let mut totals = Totals::default();
    let alone = changes
        .iter()
        .flat_map(|change| (0..ALONE).map(move |_| vec![change]));
    let mut lot = Random::new(SEED ^ 1);
    let together = (0..TOGETHER).map(|_| {
        let count = 2 + lot.below(2);
        (0..count).map(|_| lot.pick(&changes)).collect()
    });
    let all: Vec<Vec<&Change>> = alone.chain(together).collect();
    for (number, changes) in (0_u64..).zip(all) {
        let make = |now| {
            let mut random = Random::new(SEED.wrapping_add(number));
            let mut attempt = Attempt::genuine(sender, &mut random, now);
            let genuine = attempt.clone();
            for change in &changes {
                (change.make)(&mut attempt, &mut random);
            }
            let changed = attempt != genuine;
            (attempt, changed)
        };
        let judge_at = |now| {
            let (attempt, changed) = make(now);
            judge(&attempt, &changes, changed)
        };
        let judged = if Peer::of(sender).iter().any(|peer| peer.reads_the_clock()) {
            verdicts::within_a_second(judge_at)
        } else {
            judge_at(attempt::NOW)
        };
        let judged = judged.unwrap_or_else(|wrong| panic!("{wrong}"));
        if let [change] = changes.as_slice()
            && judged.changed
        {
            totals.changed.insert(change.name);
        }
        totals.add(sender, judged);
    }
    totals.print(sender);
    for change in &changes {
        let touched = totals.changed.contains(change.name);
        let pinned = change.ours(sender) != UNTOUCHED;
        assert_eq!(touched, pinned, "{sender:?}: {}", change.name);
    }
    let expected = CLASSES
        .iter()
        .filter(|class| class.senders.contains(&sender));
    let expected: BTreeSet<(&str, Peer)> = expected
        .flat_map(|class| class.peers.iter().map(|peer| (class.name, *peer)))
        .filter(|(_, peer)| Peer::of(sender).contains(peer))
        .collect();
    let seen: BTreeSet<(&str, Peer)> = totals.explained.keys().copied().collect();
    let missing: Vec<_> = expected.difference(&seen).collect();
    assert_eq!(
        missing,
        Vec::<&(&str, Peer)>::new(),
        "classes that explain nothing"
    );
    totals
}

fn judge(attempt: &Attempt, changes: &[&Change], changed: bool) -> Result<Judged, String> {
    let own = ours(attempt);
    let names: Vec<_> = changes.iter().map(|change| change.name).collect();
    if let [change] = changes {
        let pinned = if changed {
            change.ours(attempt.sender)
        } else {
            ACCEPTED
        };
        if own.code() != pinned {
            return Err(format!(
                "{names:?}: we say {own:?} where {pinned} belongs\n{attempt}"
            ));
        }
    }
    let mut judged = Judged {
        own: own.clone(),
        changed,
        agreed: true,
        explained: Vec::new(),
    };
    for peer in Peer::of(attempt.sender) {
        let other = theirs(*peer, attempt);
        if (own == Verdict::Accepted) == (other == Verdict::Accepted) && other != Verdict::Panicked
        {
            continue;
        }
        judged.agreed = false;
        let reasons = explain(attempt, *peer, &own, &other);
        if reasons.is_empty() {
            return Err(format!(
                "{names:?}: we say {own:?}, {peer:?} says {other:?}, and no class explains it\n{attempt}"
            ));
        }
        judged.explained.push((*peer, reasons));
    }
    Ok(judged)
}

/// The class whose peculiarity, undone, lets both accept; or several of them together.
fn explain(attempt: &Attempt, peer: Peer, own: &Verdict, other: &Verdict) -> Vec<&'static str> {
    let attempt = &attempt.with_their_key();
    let both_accept = |attempt: &Attempt| {
        ours(attempt) == Verdict::Accepted && theirs(peer, attempt) == Verdict::Accepted
    };
    let fits = |class: &&Class| class.fits(own, other);
    let concerned = || {
        let concerns =
            |class: &&Class| class.peers.contains(&peer) && class.senders.contains(&attempt.sender);
        CLASSES.iter().filter(concerns)
    };
    for class in concerned().filter(fits) {
        let Some(undone) = (class.undo)(attempt) else {
            continue;
        };
        if both_accept(&undone) {
            return vec![class.name];
        }
        // A panic comes before the verdict: what that would have been is asked then.
        let (own, calm) = (ours(&undone), theirs(peer, &undone));
        if *other == Verdict::Panicked && calm != Verdict::Panicked {
            let differ = (own == Verdict::Accepted) != (calm == Verdict::Accepted);
            let rest = if differ {
                explain(&undone, peer, &own, &calm)
            } else {
                Vec::new()
            };
            if !differ || !rest.is_empty() {
                return [vec![class.name], rest].concat();
            }
        }
    }
    let undo_all = |classes: &[&Class]| {
        let undone = classes.iter().fold(attempt.clone(), |attempt, class| {
            (class.undo)(&attempt).unwrap_or(attempt)
        });
        both_accept(&undone)
    };
    // Whoever accepts has nothing to be mended.
    let accepted = *own == Verdict::Accepted;
    let mend = || concerned().filter(|class| (class.theirs == Theirs::Refuse) == accepted);
    let mut involved: Vec<&Class> = mend().collect();
    // What we refused it for must be among them.
    let told = mend().any(|class| fits(&class) && (class.undo)(attempt).is_some());
    if !told || !undo_all(&involved) {
        return Vec::new();
    }
    // Those alone without which it would not do; sooner those that would not make us refuse as we do.
    let (sooner, later): (Vec<&Class>, Vec<&Class>) = mend().partition(|class| !fits(class));
    for class in sooner.into_iter().chain(later) {
        let mut others = involved.clone();
        others.retain(|other| other.name != class.name);
        if undo_all(&others) {
            involved = others;
        }
    }
    involved.iter().map(|class| class.name).collect()
}

impl Totals {
    fn add(&mut self, sender: Sender, judged: Judged) {
        self.attempts += 1;
        self.accepted += usize::from(judged.own == Verdict::Accepted);
        self.agreed += usize::from(judged.agreed);
        let refuses = |name: &str| {
            let class = CLASSES.iter().find(|class| class.name == name);
            class.is_some_and(|class| class.theirs == Theirs::Refuse)
        };
        if judged.own == Verdict::Accepted && judged.explained.len() == Peer::of(sender).len() {
            let names = judged.explained.iter().flat_map(|(_, names)| names);
            let names: BTreeSet<&str> = names.copied().collect();
            // One thing alone, not several that happen to meet.
            if names.len() == 1 {
                self.alone
                    .extend(names.into_iter().filter(|name| refuses(name)));
            }
        }
        for (peer, reasons) in judged.explained {
            match reasons.as_slice() {
                [reason] => *self.explained.entry((*reason, peer)).or_default() += 1,
                _ => self.by_several += 1,
            }
        }
    }

    fn print(&self, sender: Sender) {
        println!(
            "{sender:?}: {} attempts, {} accepted by us, {} judged alike by all",
            self.attempts, self.accepted, self.agreed
        );
        for ((name, peer), count) in &self.explained {
            println!("  {count:>5}  {peer:?}: {name}");
        }
        println!("  {:>5}  by several of these together", self.by_several);
    }
}

#[test]
fn every_class_says_why() {
    let mut names = BTreeSet::new();
    for class in CLASSES {
        assert!(names.insert(class.name), "{} twice", class.name);
        assert!(!class.peers.is_empty(), "{}", class.name);
        assert!(class.rule.starts_with('I'), "{}", class.name);
        assert!(class.why.len() > 20, "{}", class.name);
        assert_eq!(
            class.ours.is_empty(),
            class.theirs == Theirs::Refuse,
            "{}",
            class.name
        );
    }
}

/// A genuine attempt without any change passes everywhere: what is refused later is refused for the change.
#[test]
fn a_genuine_attempt_is_accepted_by_all() {
    for sender in [Sender::Stripe, Sender::Standard, Sender::Svix] {
        for number in 0..200 {
            verdicts::within_a_second(|now| {
                let attempt = Attempt::genuine(sender, &mut Random::new(number), now);
                assert_eq!(ours(&attempt), Verdict::Accepted, "{attempt}");
                for peer in Peer::of(sender) {
                    assert_eq!(
                        theirs(*peer, &attempt),
                        Verdict::Accepted,
                        "{peer:?} {attempt}"
                    );
                }
            });
        }
    }
}

/// The method must be able to fail: a forged attempt that a verifier accepted would not be explained by any class.
#[test]
fn a_wrong_accept_would_not_be_explained() {
    for sender in [Sender::Stripe, Sender::Standard, Sender::Svix] {
        verdicts::within_a_second(|now| {
            let mut attempt = Attempt::genuine(sender, &mut Random::new(7), now);
            attempt.body.push(b' ');
            assert_eq!(ours(&attempt), Verdict::Refused("signature_mismatch"));
            for peer in Peer::of(sender) {
                let refused = Verdict::Refused("as it should");
                let reasons = explain(&attempt, *peer, &Verdict::Accepted, &refused);
                assert_eq!(reasons, Vec::<&str>::new(), "{peer:?}");
                let refused = Verdict::Refused("signature_mismatch");
                let reasons = explain(&attempt, *peer, &refused, &Verdict::Accepted);
                assert_eq!(reasons, Vec::<&str>::new(), "{peer:?}");
            }
        });
    }
}
