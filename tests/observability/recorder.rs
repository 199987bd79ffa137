//! A recorder of metrics that a test can read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit,
};

/// Name and labels, as `name{label=value,..}`, and what was counted or recorded.
type Values = Arc<Mutex<BTreeMap<String, Vec<f64>>>>;

#[derive(Default)]
pub(crate) struct Recorder {
    counters: Values,
    histograms: Values,
    described: Arc<Mutex<BTreeMap<String, Option<Unit>>>>,
}

struct Cell(String, Values);

fn text(key: &Key) -> String {
    let labels: Vec<_> = key
        .labels()
        .map(|label| format!("{}={}", label.key(), label.value()))
        .collect();
    format!("{}{{{}}}", key.name(), labels.join(","))
}

impl Cell {
    fn push(&self, value: f64) {
        let mut all = self.1.lock().unwrap();
        all.entry(self.0.clone()).or_default().push(value);
    }
}

impl CounterFn for Cell {
    fn increment(&self, by: u64) {
        self.push(f64::from(u32::try_from(by).unwrap()));
    }

    fn absolute(&self, _: u64) {
        panic!("counters count");
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.push(value);
    }
}

impl Recorder {
    /// Every counter that was incremented since the last call, by how much in all.
    pub(crate) fn counted(&self) -> BTreeMap<String, f64> {
        let counted = std::mem::take(&mut *self.counters.lock().unwrap());
        let sums = counted.into_iter();
        sums.map(|(key, values)| (key, values.iter().sum()))
            .collect()
    }

    /// Every value that was recorded since the last call.
    pub(crate) fn recorded(&self) -> BTreeMap<String, Vec<f64>> {
        std::mem::take(&mut *self.histograms.lock().unwrap())
    }

    pub(crate) fn described(&self) -> BTreeMap<String, Option<Unit>> {
        self.described.lock().unwrap().clone()
    }

    fn describe(&self, key: &KeyName, unit: Option<Unit>) {
        let mut described = self.described.lock().unwrap();
        described.insert(key.as_str().to_owned(), unit);
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Cell(text(key), Arc::clone(&self.counters))))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        panic!("no gauge is expected: {key}");
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Cell(text(key), Arc::clone(&self.histograms))))
    }
}
