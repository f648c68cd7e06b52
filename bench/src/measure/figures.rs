//! Measured figures and their presentation.

use atelier_ops::terminal;
use serde::Serialize;
use serde_json::{Value, json};

/// The columns of a table of figures.
pub(super) const HEADER: [&str; 6] = ["figure", "unit", "median", "min", "max", "runs"];

/// One figure with its value of each run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Figure {
    name: String,
    unit: &'static str,
    runs: Vec<f64>,
}

impl Figure {
    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.runs.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// The median; the mean of the two middle values of an even number.
    fn median(&self) -> f64 {
        let sorted = self.sorted();
        let (below, above) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
        (sorted.get(below).unwrap_or(&0.0) + sorted.get(above).unwrap_or(&0.0)) / 2.0
    }

    fn min(&self) -> f64 {
        self.sorted().first().copied().unwrap_or_default()
    }

    fn max(&self) -> f64 {
        self.sorted().last().copied().unwrap_or_default()
    }
}

/// Figures in the order in which they were first recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    list: Vec<Figure>,
    skipped: Vec<(String, String)>,
    facts: Vec<(String, String)>,
}

impl Figures {
    /// Records the value of a figure in this run.
    pub(super) fn record(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        let name = name.into();
        match self.list.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.runs.push(value),
            None => self.list.push(Figure { name, unit, runs: vec![value] }),
        }
    }

    /// Records what was not measured, and why.
    pub(super) fn skip(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let what = what.into();
        if self.skipped.iter().all(|(known, _)| *known != what) {
            self.skipped.push((what, why.into()));
        }
    }

    /// Records a fact about what was measured, such as a peer's version.
    pub(super) fn add_fact(&mut self, what: impl Into<String>, fact: impl Into<String>) {
        let what = what.into();
        if self.facts.iter().all(|(known, _)| *known != what) {
            self.facts.push((what, fact.into()));
        }
    }

    /// A recorded fact.
    pub(super) fn fact(&self, what: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| known == what).map(|(_, fact)| fact.as_str())
    }

    /// What was not measured, and why.
    pub(super) fn skipped(&self) -> &[(String, String)] {
        &self.skipped
    }

    /// The latest value of a figure; none where it was not recorded.
    pub(super) fn last(&self, name: &str) -> Option<f64> {
        self.list.iter().find(|figure| figure.name == name)?.runs.last().copied()
    }

    /// The median of a figure; none where it was not recorded.
    pub(super) fn median(&self, name: &str) -> Option<f64> {
        self.list.iter().find(|figure| figure.name == name).map(Figure::median)
    }

    /// A figure's median, minimum and maximum as text; none where it was not recorded.
    pub(super) fn summary(&self, name: &str) -> Option<[String; 3]> {
        let figure = self.list.iter().find(|figure| figure.name == name)?;
        Some([figure.median(), figure.min(), figure.max()].map(format_value))
    }

    /// The figures' rows: name, unit, median, minimum, maximum, runs.
    pub(super) fn rows(&self) -> Vec<[String; 6]> {
        let rows = self.list.iter().map(|figure| {
            let [median, min, max] = [figure.median(), figure.min(), figure.max()].map(format_value);
            [figure.name.clone(), figure.unit.to_owned(), median, min, max, figure.runs.len().to_string()]
        });
        rows.collect()
    }

    /// The figures as a table of text.
    pub(super) fn table(&self) -> String {
        let mut text = terminal::table(HEADER, self.rows(), &[2, 3, 4, 5]);
        for (what, why) in &self.skipped {
            text.push_str(&format!("\nleft out: {what}: {why}"));
        }
        text
    }

    /// The figures as JSON.
    pub(super) fn to_json(&self) -> Value {
        let figures = self.list.iter().map(|figure| {
            json!({
                "name": figure.name, "unit": figure.unit, "runs": figure.runs,
                "median": figure.median(), "min": figure.min(), "max": figure.max(),
            })
        });
        let pairs = |pairs: &[(String, String)]| -> Value {
            pairs.iter().map(|(what, text)| (what.clone(), Value::from(text.as_str()))).collect()
        };
        json!({
            "figures": figures.collect::<Vec<Value>>(),
            "facts": pairs(&self.facts),
            "left_out": pairs(&self.skipped),
        })
    }
}

/// The value with at least three digits.
pub(super) fn format_value(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middling if middling >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The value below which that share of the sorted values lies; 0 of none.
pub(super) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_up_the_runs_of_a_figure() {
        let mut figures = Figures::default();
        for value in [3.0, 1.0, 2.0] {
            figures.record("drain", "jobs/s", value);
        }
        figures.record("memory", "MiB", 40.0);
        figures.record("memory", "MiB", 44.0);

        let [drain, memory] = figures.list.as_slice() else { panic!("two figures") };
        assert_eq!((drain.median(), drain.min(), drain.max()), (2.0, 1.0, 3.0));
        assert_eq!(memory.median(), 42.0);
        assert_eq!(figures.median("drain"), Some(2.0));
        assert!(figures.table().contains("drain"));
    }

    #[test]
    fn says_once_what_was_left_out() {
        let mut figures = Figures::default();
        figures.skip("BullMQ", "no node");
        figures.skip("BullMQ", "no npm");

        assert!(figures.table().ends_with("left out: BullMQ: no node"));
        assert_eq!(figures.to_json()["left_out"]["BullMQ"], "no node");
    }

    #[test]
    fn finds_percentiles() {
        let values: Vec<f64> = (0..1_000).map(f64::from).collect();

        for (share, expected) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 999.0)] {
            assert_eq!(percentile(&values, share), expected);
        }
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn shows_three_digits() {
        for (value, expected) in [(0.123, "0.12"), (1.5, "1.50"), (12.34, "12.3"), (43_210.7, "43211")] {
            assert_eq!(format_value(value), expected);
        }
    }
}
