//! Figures of the benchmark: percentiles and the tables they are printed in.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Durations of repeated runs of one thing.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<Duration>);

impl Sample {
    /// From measured durations.
    pub fn new(mut durations: Vec<Duration>) -> Self {
        durations.sort();
        Self(durations)
    }

    /// Runs something so many times, one after the other.
    pub async fn of<F, Fut>(times: usize, mut action: F) -> Result<Self>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        let mut durations = Vec::with_capacity(times);
        for _ in 0..times {
            let start = Instant::now();
            action().await?;
            durations.push(start.elapsed());
        }
        Ok(Self::new(durations))
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Nearest-rank percentile in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(rank).map_or(f64::NAN, |duration| duration.as_secs_f64() * 1000.0)
    }

    /// The median.
    pub fn p50(&self) -> f64 {
        self.percentile(50)
    }

    /// `p50 / p95 ms (n)`.
    pub fn show(&self) -> String {
        format!("{} / {} ms (n={})", short(self.p50()), short(self.percentile(95)), self.count())
    }
}

/// Three significant digits are more than these machines repeat.
pub fn short(value: f64) -> String {
    let decimals = if value.abs() < 10.0 { 2 } else { usize::from(value.abs() < 100.0) };
    format!("{value:.decimals$}")
}

/// One line of the report.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Ours.
    pub paddock: String,
    /// The alternative in the same run.
    pub beside: String,
    /// Ours divided by the alternative, or the like.
    pub ratio: String,
    /// The target of design §10, and whether it was met.
    pub target: String,
}

/// The whole report.
#[derive(Debug, Default)]
pub struct Report(Vec<Row>);

impl Report {
    /// Adds a line.
    pub fn add(&mut self, what: &str, paddock: String, beside: String, ratio: String, target: String) {
        self.0.push(Row { what: what.to_owned(), paddock, beside, ratio, target });
    }

    /// For a terminal.
    pub fn table(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.set_header(HEADER);
        for row in &self.0 {
            table.add_row([&row.what, &row.paddock, &row.beside, &row.ratio, &row.target]);
        }
        table.to_string()
    }

    /// For a note.
    pub fn markdown(&self) -> String {
        let line = |cells: [&str; 5]| format!("| {} |\n", cells.join(" | "));
        let mut text = line(HEADER) + &line(["---"; 5]);
        for Row { what, paddock, beside, ratio, target } in &self.0 {
            text += &line([what, paddock, beside, ratio, target]);
        }
        text
    }
}

const HEADER: [&str; 5] = ["what", "Paddock (p50 / p95)", "beside it", "ratio", "target"];

/// `met` or `missed`, never an exit code: machines differ.
pub fn verdict(target: &str, met: bool) -> String {
    format!("{target}: {}", if met { "met" } else { "missed" })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Sample;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let sample = Sample::new((1..=20).rev().map(Duration::from_millis).collect());
        assert_eq!((sample.p50(), sample.percentile(95), sample.percentile(100)), (10.0, 19.0, 20.0));
    }
}
