//! How much output is kept. A command may print without end; the daemon's memory does not follow.
//! What is not kept is still read, so that the command runs on as if someone looked.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Kept of one run.
pub const RUN_LIMIT: usize = 16 * 1024 * 1024;
/// Kept of all runs together, those included whose answer is still being sent.
pub const TOTAL_LIMIT: usize = 64 * 1024 * 1024;

/// What all runs together may still keep.
#[derive(Debug, Clone, Default)]
pub struct OutputBudget {
    used: Arc<AtomicUsize>,
}

/// A part of the budget; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: OutputBudget,
    bytes: usize,
}

/// The output of a run that goes on, as far as it is kept.
#[derive(Debug)]
pub struct Capture {
    share: Share,
    kept: Vec<u8>,
    dropped: u64,
}

/// What a run printed. A slow caller can let the text wait for long, so its share goes with it.
#[derive(Debug)]
pub struct Output {
    pub text: String,
    /// Something was not kept; the last line says how much.
    pub truncated: bool,
    pub share: Share,
}

impl OutputBudget {
    /// An empty capture.
    pub fn capture(&self) -> Capture {
        Capture { share: self.share(), kept: Vec::new(), dropped: 0 }
    }

    /// A text of our own in place of an output.
    pub fn text(&self, text: String) -> Output {
        let mut share = self.share();
        share.set(text.len());
        Output { text, truncated: false, share }
    }

    fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Capture {
    /// Adds what still fits; once something was dropped, everything is, so that the text has no holes.
    pub fn push(&mut self, chunk: &[u8]) {
        let room = if self.dropped > 0 { 0 } else { RUN_LIMIT - self.kept.len() };
        let taken = self.share.grow(chunk.len().min(room));
        self.kept.extend_from_slice(&chunk[..taken]);
        self.dropped += (chunk.len() - taken) as u64;
    }

    /// The text, with a last line that says how much is missing.
    pub fn into_output(self) -> Output {
        let Self { mut share, kept, dropped } = self;
        let mut text = match String::from_utf8(kept) {
            Ok(text) => text,
            // Three bytes for each that is none of a text.
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        if dropped > 0 {
            let _ = write!(text, "\n[output truncated: {dropped} more bytes were not kept]\n");
        }
        share.set(text.len());
        Output { text, truncated: dropped > 0, share }
    }
}

impl Share {
    /// Takes as much of what is wanted as there is.
    fn grow(&mut self, wanted: usize) -> usize {
        let used = &self.budget.used;
        let before = used.fetch_add(wanted, Ordering::Relaxed);
        let granted = wanted.min(TOTAL_LIMIT.saturating_sub(before));
        used.fetch_sub(wanted - granted, Ordering::Relaxed);
        self.bytes += granted;
        granted
    }

    /// For memory that is in use already, whether or not there was room for it: the next run gets less.
    fn set(&mut self, bytes: usize) {
        let used = &self.budget.used;
        used.fetch_add(bytes, Ordering::Relaxed);
        used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
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
        let output = capture.into_output();
        assert!(output.text.ends_with("ax\n[output truncated: 7 more bytes were not kept]\n"));
        assert!(output.truncated);
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
    fn the_text_is_counted_as_long_as_it_is_there() {
        let budget = OutputBudget::default();
        let mut capture = budget.capture();
        capture.push(b"a\xffb");
        let output = capture.into_output();
        assert_eq!((output.text.as_str(), output.truncated), ("a\u{fffd}b", false));
        assert_eq!(budget.used.load(Ordering::Relaxed), output.text.len());
        drop(output);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
