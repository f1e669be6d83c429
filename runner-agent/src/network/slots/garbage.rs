//! Pause containers to be removed, each in its own time: one that the engine cannot remove holds up no other.

use std::time::Duration;

use tokio::time::Instant;

use super::Slot;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is to be removed.
#[derive(Debug, Default)]
pub struct Garbage(Vec<Piece>);

/// One of them.
#[derive(Debug)]
pub struct Piece {
    /// What.
    pub slot: Slot,
    due: Instant,
    wait: Duration,
}

impl Garbage {
    /// To be removed from now on.
    pub fn put(&mut self, slot: Slot, now: Instant) {
        self.0.push(Piece { slot, due: now, wait: FIRST_WAIT });
    }

    /// One to be tried now.
    pub fn take(&mut self, now: Instant) -> Option<Piece> {
        let index = self.0.iter().position(|piece| piece.due <= now)?;
        Some(self.0.swap_remove(index))
    }

    /// It could not be removed: later.
    pub fn put_back(&mut self, piece: Piece, now: Instant) {
        let Piece { slot, wait, .. } = piece;
        self.0.push(Piece { slot, due: now + wait, wait: (wait * 2).min(LONGEST_WAIT) });
    }

    /// When there is something to try.
    pub fn due(&self) -> Option<Instant> {
        self.0.iter().map(|piece| piece.due).min()
    }

    /// This pause container is among them.
    pub fn contains(&self, pause: &str) -> bool {
        self.0.iter().any(|piece| piece.slot.pause == pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(last: u8) -> Slot {
        Slot { pause: format!("pause {last}"), address: [10, 0, 0, last].into() }
    }

    #[test]
    fn what_cannot_be_removed_is_tried_less_and_less_often() {
        let mut garbage = Garbage::default();
        let now = Instant::now();
        garbage.put(slot(1), now);
        let mut last = now;
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            let piece = garbage.take(last).expect("it is due");
            garbage.put_back(piece, last);
            last += Duration::from_secs(wait);
            assert_eq!(garbage.due(), Some(last));
            assert!(garbage.take(last - Duration::from_millis(1)).is_none());
        }
    }

    #[test]
    fn one_that_waits_holds_up_no_other() {
        let mut garbage = Garbage::default();
        let now = Instant::now();
        garbage.put(slot(1), now);
        let piece = garbage.take(now).unwrap();
        garbage.put_back(piece, now);
        garbage.put(slot(2), now);
        assert_eq!(garbage.take(now).map(|piece| piece.slot), Some(slot(2)));
        assert!(garbage.contains("pause 1") && !garbage.contains("pause 2"));
    }
}
