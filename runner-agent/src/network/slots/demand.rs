//! How many networks to keep in stock: as many as were taken in the largest burst of late.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// What is taken within this time was wanted at once: stock cannot be made faster.
const BURST: Duration = Duration::from_secs(5);
const REMEMBERED: Duration = Duration::from_secs(300);
/// More would be memory and bridge ports for a burst that may never come again.
const CEILING: usize = 32;

/// When networks were taken, lately.
#[derive(Debug, Default)]
pub struct Demand(VecDeque<Instant>);

impl Demand {
    /// One was taken.
    pub fn note(&mut self, now: Instant) {
        self.0.push_back(now);
        if self.0.len() > CEILING {
            self.0.pop_front();
        }
    }

    /// How many to keep, `floor` at least.
    pub fn wanted(&mut self, now: Instant, floor: usize) -> usize {
        while self.0.front().is_some_and(|taken| now.duration_since(*taken) >= REMEMBERED) {
            self.0.pop_front();
        }
        let burst_from = |first: &Instant| {
            let within = |taken: &&Instant| **taken >= *first && taken.duration_since(*first) < BURST;
            self.0.iter().filter(within).count()
        };
        self.0.iter().map(burst_from).max().unwrap_or_default().max(floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_follows_bursts_and_forgets_them() {
        let mut demand = Demand::default();
        let start = Instant::now();
        assert_eq!(demand.wanted(start, 4), 4);
        for _ in 0..10 {
            demand.note(start);
        }
        assert_eq!(demand.wanted(start, 4), 10);
        assert_eq!(demand.wanted(start + REMEMBERED, 4), 4);
    }

    #[test]
    fn one_after_another_is_no_burst_and_no_burst_is_too_large() {
        let mut demand = Demand::default();
        let start = Instant::now();
        for step in 0..20 {
            demand.note(start + BURST * step);
        }
        assert_eq!(demand.wanted(start + BURST * 20, 2), 2);
        for _ in 0..100 {
            demand.note(start + BURST * 20);
        }
        assert_eq!(demand.wanted(start + BURST * 20, 2), CEILING);
        assert_eq!(demand.wanted(start, 50), 50, "an operator may want more");
    }
}
