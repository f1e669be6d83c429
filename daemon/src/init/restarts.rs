//! How often a server may be replaced before the sandbox is called broken.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const MOST: usize = 5;
const WITHIN: Duration = Duration::from_secs(60);

/// The restarts of the last minute.
#[derive(Debug, Default)]
pub struct Restarts {
    recent: VecDeque<Instant>,
}

impl Restarts {
    /// Counts one more, unless there were too many.
    pub fn allowed(&mut self, now: Instant) -> bool {
        self.recent.retain(|then| now.duration_since(*then) < WITHIN);
        if self.recent.len() >= MOST {
            return false;
        }
        self.recent.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_in_a_minute() {
        let start = Instant::now();
        let mut restarts = Restarts::default();
        assert!((0..5).all(|second| restarts.allowed(start + Duration::from_secs(second))));
        assert!(!restarts.allowed(start + Duration::from_secs(59)));
        assert!(restarts.allowed(start + Duration::from_secs(60)), "the first is forgotten");
        assert!(!restarts.allowed(start + Duration::from_secs(60)));
    }
}
