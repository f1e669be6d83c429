//! How often a sandbox that ends unasked is started again before it is given up.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// So many, within ten minutes.
pub const MOST: usize = 3;
const WITHIN: Duration = Duration::from_secs(600);

/// The restarts of the last ten minutes.
#[derive(Debug, Default)]
pub struct Restarts(VecDeque<Instant>);

impl Restarts {
    /// Counts one more, unless there were too many.
    pub fn allow(&mut self, now: Instant) -> bool {
        while self.0.front().is_some_and(|at| now.duration_since(*at) >= WITHIN) {
            self.0.pop_front();
        }
        if self.0.len() >= MOST {
            return false;
        }
        self.0.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_ten_minutes() {
        let mut restarts = Restarts::default();
        let start = Instant::now();
        assert!((0..3).all(|minute| restarts.allow(start + Duration::from_secs(minute * 60))));
        assert!(!restarts.allow(start + WITHIN - Duration::from_secs(1)));
        assert!(restarts.allow(start + WITHIN));
        assert!(!restarts.allow(start + WITHIN));
    }
}
