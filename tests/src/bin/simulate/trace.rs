//! What happened in this world, for who looks into a failing seed; and whether a rule was broken.

use std::cell::{Cell, RefCell};

use super::clock;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static ALOUD: Cell<bool> = const { Cell::new(false) };
    static BROKEN: RefCell<Option<String>> = const { RefCell::new(None) };
    static DIGEST: Cell<u64> = const { Cell::new(0) };
}

/// Begins anew; `aloud` prints each line at once.
pub fn begin(aloud: bool) {
    LINES.with_borrow_mut(Vec::clear);
    BROKEN.set(None);
    DIGEST.set(0xcbf2_9ce4_8422_2325);
    ALOUD.set(aloud);
}

/// Notes what happened.
pub fn note(what: impl AsRef<str>) {
    let line = format!("{:>9.3} {}", clock::elapsed().as_secs_f64(), what.as_ref());
    // FNV-1a: two runs of one seed must agree in every line.
    let digest = line.bytes().fold(DIGEST.get(), |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    DIGEST.set(digest);
    if ALOUD.get() {
        eprintln!("{line}");
    }
    LINES.with_borrow_mut(|lines| lines.push(line));
}

/// A rule was broken; the first one counts.
pub fn broken(rule: impl Into<String>) {
    let rule = rule.into();
    note(format!("BROKEN: {rule}"));
    BROKEN.with_borrow_mut(|broken| {
        broken.get_or_insert(rule);
    });
}

/// The first broken rule.
pub fn verdict() -> Option<String> {
    BROKEN.with_borrow(Clone::clone)
}

/// The last lines.
pub fn tail(count: usize) -> Vec<String> {
    LINES.with_borrow(|lines| lines[lines.len().saturating_sub(count)..].to_vec())
}

/// Of all lines so far.
pub fn digest() -> u64 {
    DIGEST.get()
}
