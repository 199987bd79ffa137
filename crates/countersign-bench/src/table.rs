//! What is printed: one line per figure, with its budget where it has one.

use crate::measure::Paired;

#[derive(Debug, Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    what: String,
    floor: String,
    measured: String,
    figure: String,
    spread: String,
    budget: String,
    met: Option<bool>,
}

impl Table {
    /// A heading over the lines that follow.
    pub(crate) fn section(&mut self, title: &str) {
        self.lines.push(Line::text(format!("# {title}")));
    }

    /// A ratio, with the most it may be.
    pub(crate) fn ratio(&mut self, what: impl Into<String>, paired: Paired, budget: Option<f64>) {
        self.lines.push(Line {
            floor: time(paired.floor),
            measured: time(paired.ours),
            figure: format!("{:.3} x", paired.ratio),
            spread: format!("{:.3}-{:.3}", paired.spread.0, paired.spread.1),
            budget: budget.map_or_else(String::new, |most| format!("{most} x")),
            met: budget.map(|most| paired.ratio <= most),
            ..Line::text(what.into())
        });
    }

    /// Bytes per thing, with the most they may be beside the floor's.
    pub(crate) fn bytes(
        &mut self,
        what: impl Into<String>,
        floor: f64,
        ours: f64,
        budget: Option<f64>,
    ) {
        let ratio = ours / floor;
        self.lines.push(Line {
            floor: format!("{floor:.1} B"),
            measured: format!("{ours:.1} B"),
            figure: format!("{ratio:.3} x"),
            budget: budget.map_or_else(String::new, |most| format!("{most} x")),
            met: budget.map(|most| ratio <= most),
            ..Line::text(what.into())
        });
    }

    /// A count, with the most it may be.
    pub(crate) fn count(&mut self, what: impl Into<String>, count: u64, budget: Option<u64>) {
        self.lines.push(Line {
            figure: count.to_string(),
            budget: budget.map_or_else(String::new, |most| most.to_string()),
            met: budget.map(|most| count <= most),
            ..Line::text(what.into())
        });
    }

    /// Something that holds or does not.
    pub(crate) fn fact(&mut self, what: impl Into<String>, holds: bool) {
        self.lines.push(Line {
            figure: if holds { "yes" } else { "no" }.to_owned(),
            budget: "yes".to_owned(),
            met: Some(holds),
            ..Line::text(what.into())
        });
    }

    pub(crate) fn missed(&self) -> usize {
        self.lines
            .iter()
            .filter(|line| line.met == Some(false))
            .count()
    }

    pub(crate) fn print(&self) {
        println!(
            "{:<64} {:>10} {:>10} {:>10} {:>13} {:>7}",
            "", "floor", "measured", "figure", "9 rounds", "budget"
        );
        for line in &self.lines {
            if line.what.starts_with('#') {
                println!("\n{}", line.what);
                continue;
            }
            let met = match line.met {
                None => "",
                Some(true) => "met",
                Some(false) => "MISSED",
            };
            println!(
                "{:<64} {:>10} {:>10} {:>10} {:>13} {:>7} {met}",
                line.what, line.floor, line.measured, line.figure, line.spread, line.budget
            );
        }
        let budgets = self.lines.iter().filter(|line| line.met.is_some()).count();
        println!("\n{} of {budgets} budgets missed", self.missed());
    }
}

impl Line {
    fn text(what: String) -> Self {
        Self {
            what,
            floor: String::new(),
            measured: String::new(),
            figure: String::new(),
            spread: String::new(),
            budget: String::new(),
            met: None,
        }
    }
}

fn time(nanoseconds: f64) -> String {
    if nanoseconds < 10_000.0 {
        format!("{nanoseconds:.0} ns")
    } else {
        format!("{:.1} us", nanoseconds / 1e3)
    }
}
