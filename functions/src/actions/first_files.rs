//! Whether the files are there that a sandbox is to begin with: of an archive, a snapshot, or the source of a fork.

use std::time::Duration;

use paddock_model::{id::CaptureId, sandbox::Sandbox};

use super::Error;
use crate::{app::App, store::captures::CaptureItem};

/// For the user, when they will never be there.
pub(super) const LOST: &str =
    "the sandbox that this one was forked from changed or ended before its files were captured";

/// Between a fork and the wish that its source be captured.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);

/// What can be said of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstFiles {
    /// There, or none are needed.
    Ready,
    /// They are being captured.
    Awaited,
    /// They never will be there.
    Lost,
}

/// Of a sandbox that is to be placed.
pub(super) async fn state(app: &App, sandbox: &Sandbox) -> Result<FirstFiles, Error> {
    let Some(id) = sandbox.files.source() else { return Ok(FirstFiles::Ready) };
    let late = app.now().since(sandbox.wished_at) > BEGINS_WITHIN;
    let not_begun = if late { FirstFiles::Lost } else { FirstFiles::Awaited };
    let Some(capture) = app.store.capture(id).await? else { return Ok(not_begun) };
    match capture {
        CaptureItem { gone: true, .. } => Ok(FirstFiles::Lost),
        CaptureItem { manifest: Some(_), .. } => Ok(FirstFiles::Ready),
        CaptureItem { sandbox: None, .. } => Ok(not_begun),
        CaptureItem { sandbox: Some(source), .. } => {
            let head = app.store.head(source).await?;
            if head.is_some_and(|head| is_capturing(&head.sandbox, id)) {
                return Ok(FirstFiles::Awaited);
            }
            // It may have ended well between the two looks.
            let ended_well = app.store.capture(id).await?.is_some_and(|capture| capture.manifest.is_some());
            Ok(if ended_well { FirstFiles::Ready } else { FirstFiles::Lost })
        }
    }
}

fn is_capturing(sandbox: &Sandbox, id: CaptureId) -> bool {
    sandbox.files.capture.is_some_and(|capture| capture.id == id)
}
