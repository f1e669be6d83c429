//! The revocation feed, as edges poll it.

use std::time::Duration;

use paddock_model::time::Timestamp;
use paddock_wire::agents::Revocations;

use super::Error;
use crate::app::App;

/// Clocks of processes differ by less than this.
const CLOCKS_DIFFER: Duration = Duration::from_secs(15);

/// Reads overlap by this much: an entry gets its time before it is written, and the function that writes it may go on
/// trying until its limit of 29 s, by a clock that is behind ours.
const OVERLAP: Duration = Duration::from_secs(45);

/// A cursor older than this would cost too many reads, and any grant it could end is gone by then.
const OLDEST: Duration = Duration::from_secs(600);

/// What was revoked since the cursor; without one, what was revoked just now.
pub async fn run(app: &App, since: Option<&str>) -> Result<Revocations, Error> {
    let now = app.now();
    let start = Timestamp(now.0.saturating_sub(millis(OVERLAP)));
    let since = match since.filter(|cursor| !cursor.is_empty()) {
        None => start,
        Some(cursor) => {
            let cursor = cursor.parse().map_err(|_| Error::Invalid("since is not a cursor".to_owned()))?;
            Timestamp(cursor)
        }
    };
    if now.since(since) > OLDEST {
        return Err(Error::CursorTooOld);
    }
    let entries = app.store.revocations(since.min(start), now.after(CLOCKS_DIFFER)).await?;
    Ok(Revocations { entries, cursor: start.0.to_string() })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
