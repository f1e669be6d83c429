//! What running sandboxes take of the disk: whose turn it is to be looked at, and who is stopped. No clock, no engine.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

/// Between looks at one sandbox, at least.
const AGAIN: Duration = Duration::from_secs(10);
/// And so many times as long as the last look took: who has a million files is looked at less often.
const AGAIN_TIMES: u32 = 20;
/// So long a sandbox that was stopped for its disk may run again over its limit: its owner can only tidy up in one that
/// runs. It must not grow by more than a part of its limit then.
const TO_TIDY_UP: Duration = Duration::from_secs(600);
const GROWTH: u64 = 20;

/// Which placement.
pub type Placed = (Uuid, u64);

/// What was found.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// Bytes on the disk.
    pub used: u64,
    /// Bytes it may take.
    pub limit: u64,
    /// How long it took to find out.
    pub took: Duration,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Within,
    /// It is stopped.
    Over,
}

/// All running sandboxes. Forgotten when the agent ends: who is over his limit then is stopped once more.
#[derive(Debug, Default)]
pub struct Accounts {
    known: BTreeMap<Placed, Known>,
    running: BTreeSet<Placed>,
}

#[derive(Debug, Default)]
struct Known {
    /// None before the first look.
    next: Option<Instant>,
    used: u64,
    /// It was stopped for what it took; cleared by a look that finds it within its limit.
    excess: Option<Excess>,
}

#[derive(Debug)]
struct Excess {
    /// When it was stopped first.
    used: u64,
    /// Seen running again since then.
    again: Option<Instant>,
}

impl Accounts {
    /// These run now. Who does not run cannot write; that he was stopped for his disk is remembered for a while.
    pub fn note_running(&mut self, running: BTreeSet<Placed>) {
        self.known.retain(|placed, known| running.contains(placed) || known.excess.is_some());
        for (placed, known) in &mut self.known {
            if let Some(excess) = known.excess.as_mut().filter(|_| !running.contains(placed)) {
                excess.again = None;
            }
        }
        self.running = running;
    }

    /// Whose turn it is: who waits longest first, and when the disk is `short` who takes most of it.
    pub fn due(&self, now: Instant, short: bool) -> Vec<Placed> {
        let known = |placed: &Placed| self.known.get(placed);
        let next = |placed: &Placed| known(placed).and_then(|known| known.next);
        let mut due: Vec<_> = self.running.iter().copied().filter(|placed| next(placed) <= Some(now)).collect();
        due.sort_by_key(|placed| {
            let used = known(placed).map_or(0, |known| known.used);
            (Reverse(if short { used } else { 0 }), next(placed))
        });
        due
    }

    /// Notes what was found of one, and says what follows.
    pub fn judge(&mut self, placed: Placed, account: Account, now: Instant, short: bool) -> Verdict {
        let Account { used, limit, took } = account;
        let known = self.known.entry(placed).or_default();
        known.next = Some(now + AGAIN.max(took * AGAIN_TIMES));
        known.used = used;
        if used <= limit {
            known.excess = None;
            return Verdict::Within;
        }
        let Some(excess) = &mut known.excess else {
            known.excess = Some(Excess { used, again: None });
            return Verdict::Over;
        };
        let again = *excess.again.get_or_insert(now);
        let tidies_up = now.duration_since(again) < TO_TIDY_UP && used <= excess.used + limit / GROWTH;
        if tidies_up && !short { Verdict::Within } else { Verdict::Over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1000;
    const A: Placed = (Uuid::from_u128(1), 1);
    const B: Placed = (Uuid::from_u128(2), 1);

    fn account(used: u64) -> Account {
        Account { used, limit: LIMIT, took: Duration::ZERO }
    }

    #[test]
    fn over_the_limit_is_stopped_and_under_it_is_not() {
        let (mut accounts, now) = (Accounts::default(), Instant::now());
        assert_eq!(accounts.judge(A, account(LIMIT), now, false), Verdict::Within);
        assert_eq!(accounts.judge(A, account(LIMIT + 1), now, false), Verdict::Over);
    }

    #[test]
    fn who_was_stopped_may_tidy_up_but_not_grow_nor_stay() {
        let (mut accounts, mut now) = (Accounts::default(), Instant::now());
        let stopped = |accounts: &mut Accounts| {
            accounts.note_running(BTreeSet::new());
            accounts.note_running([A].into());
        };
        assert_eq!(accounts.judge(A, account(1500), now, false), Verdict::Over);
        for _ in 0..2 {
            stopped(&mut accounts);
            assert_eq!(accounts.judge(A, account(1550), now, false), Verdict::Within);
            assert_eq!(accounts.judge(A, account(1551), now, false), Verdict::Over, "each time the same bound");
        }
        stopped(&mut accounts);
        now += TO_TIDY_UP * 3;
        assert_eq!(accounts.judge(A, account(1500), now, false), Verdict::Within, "the time is that since it runs");
        assert_eq!(accounts.judge(A, account(1500), now, true), Verdict::Over, "others need the disk");
        now += TO_TIDY_UP;
        assert_eq!(accounts.judge(A, account(1500), now, false), Verdict::Over);
        assert_eq!(accounts.judge(A, account(900), now, false), Verdict::Within);
        assert_eq!(accounts.judge(A, account(1001), now, false), Verdict::Over, "it had tidied up");
    }

    #[test]
    fn a_look_that_took_long_is_not_soon_repeated_and_those_who_wait_longest_come_first() {
        let (mut accounts, now) = (Accounts::default(), Instant::now());
        accounts.note_running([A, B].into());
        assert_eq!(accounts.due(now, false), [A, B]);
        accounts.judge(A, account(5), now, false);
        assert_eq!(accounts.due(now, false), [B]);
        accounts.judge(B, Account { took: Duration::from_secs(9), ..account(900) }, now, false);
        assert_eq!(accounts.due(now + AGAIN, false), [A]);
        let later = now + Duration::from_secs(180);
        assert_eq!(accounts.due(later, false), [A, B]);
        assert_eq!(accounts.due(later, true), [B, A], "the largest first");
        accounts.note_running([B].into());
        assert_eq!(accounts.due(later, false), [B]);
    }
}
