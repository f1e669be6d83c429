//! How much output is kept. A command may print without end; the daemon's memory does not follow.
//! What is not kept is still read, so that the command runs on as if someone looked.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Kept of one run.
pub const RUN_LIMIT: usize = 16 * 1024 * 1024;
/// Kept of all runs together.
pub const TOTAL_LIMIT: usize = 64 * 1024 * 1024;

/// What all runs together may still keep.
#[derive(Debug, Clone, Default)]
pub struct OutputBudget {
    used: Arc<AtomicUsize>,
}

/// The output of one run, as far as it is kept.
#[derive(Debug)]
pub struct Capture {
    budget: OutputBudget,
    kept: Vec<u8>,
    dropped: u64,
}

impl OutputBudget {
    /// An empty capture.
    pub fn capture(&self) -> Capture {
        Capture { budget: self.clone(), kept: Vec::new(), dropped: 0 }
    }
}

impl Capture {
    /// Adds what still fits; once something was dropped, everything is, so that the text has no holes.
    pub fn push(&mut self, chunk: &[u8]) {
        let room = if self.dropped > 0 { 0 } else { RUN_LIMIT - self.kept.len() };
        let taken = self.reserve(chunk.len().min(room));
        self.kept.extend_from_slice(&chunk[..taken]);
        self.dropped += (chunk.len() - taken) as u64;
    }

    /// The text, with a last line that says how much is missing.
    pub fn into_text(mut self) -> String {
        let kept = std::mem::take(&mut self.kept);
        self.budget.used.fetch_sub(kept.len(), Ordering::Relaxed);
        let mut text = match String::from_utf8(kept) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        if self.dropped > 0 {
            let _ = write!(text, "\n[output truncated: {} more bytes were not kept]\n", self.dropped);
        }
        text
    }

    fn reserve(&self, wanted: usize) -> usize {
        let used = &self.budget.used;
        let before = used.fetch_add(wanted, Ordering::Relaxed);
        let granted = wanted.min(TOTAL_LIMIT.saturating_sub(before));
        used.fetch_sub(wanted - granted, Ordering::Relaxed);
        granted
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.kept.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_keeps_its_limit_and_says_so() {
        let budget = OutputBudget::default();
        let mut capture = budget.capture();
        capture.push(&vec![b'a'; RUN_LIMIT - 1]);
        capture.push(b"xyz");
        capture.push(b"later");
        let text = capture.into_text();
        assert!(text.ends_with("ax\n[output truncated: 7 more bytes were not kept]\n"));
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn all_runs_share_and_give_back() {
        let budget = OutputBudget::default();
        let chunk = vec![0; RUN_LIMIT];
        let mut captures: Vec<_> = (0..5).map(|_| budget.capture()).collect();
        captures.iter_mut().for_each(|capture| capture.push(&chunk));
        assert_eq!(captures[3].dropped, 0);
        assert_eq!(captures[4].dropped, RUN_LIMIT as u64);
        drop(captures);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn bytes_that_are_no_text_do_not_fail() {
        let mut capture = OutputBudget::default().capture();
        capture.push(b"a\xffb");
        assert_eq!(capture.into_text(), "a\u{fffd}b");
    }
}
