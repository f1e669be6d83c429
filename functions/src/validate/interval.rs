//! Minutes until something happens by itself.

use std::time::Duration;

/// The longest that `autoArchiveInterval` may be; longer ones are cut, and 0 means this.
pub const MAX_AUTO_ARCHIVE: u32 = 30 * 24 * 60;

/// A year: more is a mistake, and sums of instants stay far from overflow.
const MAX_MINUTES: i32 = 366 * 24 * 60;

/// `autoStopInterval`: 0 = never.
pub fn auto_stop(minutes: i32) -> Result<Option<Duration>, String> {
    check_range(minutes)?;
    Ok((minutes > 0).then(|| duration(minutes.unsigned_abs())))
}

/// `autoArchiveInterval`: 0 = the maximum.
pub fn auto_archive(minutes: i32) -> Result<Option<Duration>, String> {
    check_range(minutes)?;
    let minutes = if minutes == 0 { MAX_AUTO_ARCHIVE } else { minutes.unsigned_abs().min(MAX_AUTO_ARCHIVE) };
    Ok(Some(duration(minutes)))
}

/// `autoDeleteInterval`: 0 = at once, negative = never.
pub fn auto_delete(minutes: i32) -> Result<Option<Duration>, String> {
    if minutes < 0 {
        return Ok(None);
    }
    check_range(minutes)?;
    Ok(Some(duration(minutes.unsigned_abs())))
}

fn check_range(minutes: i32) -> Result<(), String> {
    match minutes {
        ..0 => Err("must not be negative".to_owned()),
        0..=MAX_MINUTES => Ok(()),
        _ => Err(format!("must not exceed {MAX_MINUTES} minutes")),
    }
}

fn duration(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_negative_mean_what_the_wire_says() {
        assert_eq!(auto_stop(0), Ok(None));
        assert_eq!(auto_stop(15), Ok(Some(Duration::from_secs(900))));
        assert!(auto_stop(-1).is_err());
        assert_eq!(auto_archive(0), Ok(Some(duration(MAX_AUTO_ARCHIVE))));
        assert_eq!(auto_archive(90_000), Ok(Some(duration(MAX_AUTO_ARCHIVE))));
        assert!(auto_archive(-1).is_err());
        assert_eq!(auto_delete(-7), Ok(None));
        assert_eq!(auto_delete(0), Ok(Some(Duration::ZERO)));
        assert!(auto_delete(i32::MAX).is_err());
    }
}
