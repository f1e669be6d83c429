//! Collection of captures that nobody names (design §5): marked first, looked at again, deleted then.
//!
//! Nobody can name what is marked, and what was unnamed when it was marked was named by nobody: names and mark are
//! conditions on one item. Between mark and deletion lies more time than a function may run, so that no upload that
//! began before ends after it.

use futures::stream::StreamExt as _;
use paddock_model::id::CaptureId;

use super::Error;
use crate::{
    app::App,
    store::captures::{CaptureItem, GRACE},
};

/// Captures looked at at once.
const AT_ONCE: usize = 8;

/// Looks at each; what cannot be done now is due still.
pub(super) async fn run(app: &App, ids: Vec<CaptureId>) {
    futures::stream::iter(ids)
        .for_each_concurrent(AT_ONCE, |id| async move {
            if let Err(error) = look_at(app, id).await {
                tracing::warn!(capture = %id, %error, "capture not collected; the sweep will look again");
            }
        })
        .await;
}

async fn look_at(app: &App, id: CaptureId) -> Result<(), Error> {
    let Some(capture) = app.store.capture(id).await? else { return Ok(()) };
    let now = app.now();
    match capture {
        CaptureItem { gone: true, key, upload, .. } => {
            if let Some(upload) = upload {
                app.objects.abort(&key, &upload).await?;
            }
            if !key.is_empty() {
                app.objects.delete(&key).await?;
            }
            app.store.forget_capture(id).await?;
            tracing::info!(capture = %id, key, "collected");
        }
        CaptureItem { refs, .. } if refs > 0 => app.store.rest_capture(id).await?,
        CaptureItem { keep_until, .. } if keep_until > now => app.store.postpone_capture(id, keep_until).await?,
        CaptureItem { .. } => {
            app.store.mark_capture(id, now.after(GRACE)).await?;
        }
    }
    Ok(())
}
