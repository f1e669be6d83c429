//! Where choices without a reason come from: the operating system, or, on a thread that was given a seed, the seed, so
//! that a simulation can be replayed. Nothing that must be kept secret comes from here.

use std::cell::Cell;

use uuid::Uuid;

thread_local! {
    /// State of the generator of this thread; none: the operating system is asked.
    static SEEDED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on this thread draws the same numbers as every other that was given this seed.
pub fn seed(seed: u64) {
    SEEDED.set(Some(seed));
}

/// This thread was given a seed: it simulates.
#[must_use]
pub fn is_seeded() -> bool {
    SEEDED.get().is_some()
}

/// 64 bits.
#[must_use]
pub fn word() -> u64 {
    let Some(state) = SEEDED.get() else {
        // Rotated, so that the fixed bits of a version 4 identifier meet random ones.
        let (high, low) = Uuid::new_v4().as_u64_pair();
        return high ^ low.rotate_left(32);
    };
    // SplitMix64.
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    SEEDED.set(Some(state));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A number below `bound`; 0 when there is none.
#[must_use]
pub fn below(bound: u64) -> u64 {
    let wide = u128::from(word()) * u128::from(bound);
    u64::try_from(wide >> 64).unwrap_or_default()
}

/// The place of one of `len` things; 0 when there is none.
#[must_use]
pub fn index(len: usize) -> usize {
    let bound = u64::try_from(len).unwrap_or(u64::MAX);
    usize::try_from(below(bound)).unwrap_or_default()
}

/// Puts things into any order.
pub fn shuffle<T>(things: &mut [T]) {
    for last in (1..things.len()).rev() {
        things.swap(last, index(last + 1));
    }
}

/// A version 4 identifier.
#[must_use]
pub fn uuid() -> Uuid {
    if !is_seeded() {
        return Uuid::new_v4();
    }
    let bits = (u128::from(word()) << 64) | u128::from(word());
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each test has a thread of its own, and so has each drawing here.
    fn drawn(with: Option<u64>) -> (Uuid, Vec<u64>, Vec<u32>) {
        let draw = move || {
            if let Some(with) = with {
                seed(with);
            }
            let mut order: Vec<u32> = (0..20).collect();
            shuffle(&mut order);
            (uuid(), (1..50).map(below).collect(), order)
        };
        std::thread::spawn(draw).join().unwrap()
    }

    #[test]
    fn a_seed_is_replayed_and_no_seed_is_not() {
        assert_eq!(drawn(Some(7)), drawn(Some(7)));
        assert_ne!(drawn(Some(7)), drawn(Some(8)));
        assert_ne!(drawn(None), drawn(None));
    }

    #[test]
    fn what_is_drawn_is_in_bounds() {
        for with in [None, Some(1)] {
            let (id, numbers, mut order) = drawn(with);
            assert_eq!(id.get_version_num(), 4);
            assert!(numbers.iter().zip(1..).all(|(number, bound)| *number < bound), "{numbers:?}");
            order.sort_unstable();
            assert!(order.into_iter().eq(0..20), "nothing is lost in a shuffle");
        }
        assert_eq!((below(0), index(0)), (0, 0));
    }
}
