//! A runner uploads a capture: begin, presigned parts, complete. The bytes go from the runner to S3.

use paddock_model::{
    id::{CaptureId, RunnerId},
    sandbox::Resources,
};
use paddock_wire::agents::{CaptureBegin, CaptureComplete, CapturePartUrls, CaptureParts, CaptureUpload};

use super::Error;
use crate::{app::App, store::captures::CaptureItem};

/// Most parts in one request for URLs.
const MOST_URLS: u32 = 100;

/// S3 takes at most this many parts.
const MOST_PARTS: u64 = 10_000;

/// Small enough to be sent again without much loss, large enough for S3 (5 MiB).
const PART_BYTES: u64 = 8 * 1024 * 1024;

/// Begins the upload, or finds the one that was begun, if S3 still knows it.
pub async fn begin(app: &App, runner: RunnerId, id: CaptureId, request: CaptureBegin) -> Result<CaptureUpload, Error> {
    let CaptureBegin { sandbox_id, epoch } = request;
    let capture = wanted(app, runner, id).await?;
    if capture.capture.sandbox.map(|id| id.0) != Some(sandbox_id) || capture.epoch != epoch {
        return Err(Error::CaptureNotFound(id));
    }
    let CaptureItem { key, upload, .. } = capture.capture;
    let upload_id = match upload {
        Some(upload) if app.objects.knows(&key, &upload).await? => upload,
        // None yet, or S3 has ended it: by the bucket's rule for old ones, or somebody's hand.
        lost => {
            let ours = app.objects.begin(&key).await?;
            let stands = app.store.note_upload(id, lost.as_deref(), &ours).await?;
            if stands.as_ref() != Some(&ours) {
                app.objects.abort(&key, &ours).await?;
            }
            stands.ok_or(Error::CaptureNotFound(id))?
        }
    };
    Ok(CaptureUpload { upload_id, part_bytes: part_bytes(capture.resources) })
}

/// Presigned requests for parts.
pub async fn parts(
    app: &App,
    runner: RunnerId,
    id: CaptureId,
    request: CaptureParts,
) -> Result<CapturePartUrls, Error> {
    let CaptureParts { upload_id, first, count } = request;
    if first == 0 || count == 0 || count > MOST_URLS || u64::from(first) + u64::from(count) > MOST_PARTS + 1 {
        return Err(Error::Invalid(format!("parts are numbered 1 to {MOST_PARTS}, at most {MOST_URLS} at once")));
    }
    let capture = wanted(app, runner, id).await?.capture;
    if capture.upload.as_ref() != Some(&upload_id) {
        return Err(Error::CaptureNotFound(id));
    }
    let numbers = (first..first + count).map(|number| i32::try_from(number).unwrap_or(i32::MAX));
    let urls = numbers.map(|number| app.objects.presign_part(&capture.key, &upload_id, number));
    Ok(CapturePartUrls { urls: futures::future::try_join_all(urls).await? })
}

/// Makes the object of its parts; done already is fine.
pub async fn complete(app: &App, runner: RunnerId, id: CaptureId, request: CaptureComplete) -> Result<(), Error> {
    let CaptureComplete { upload_id, etags } = request;
    let capture = wanted(app, runner, id).await?.capture;
    if capture.upload.as_ref() != Some(&upload_id) {
        return Err(Error::CaptureNotFound(id));
    }
    let done = app.objects.complete(&capture.key, &upload_id, &etags).await?;
    if done { Ok(()) } else { Err(Error::CaptureNotFound(id)) }
}

/// A capture that is to be made now.
struct Wanted {
    capture: CaptureItem,
    epoch: u64,
    resources: Resources,
}

/// The capture, if this runner owns its sandbox and is to make it now.
async fn wanted(app: &App, runner: RunnerId, id: CaptureId) -> Result<Wanted, Error> {
    let missing = || Error::CaptureNotFound(id);
    let capture = app.store.capture(id).await?.filter(|capture| !capture.gone).ok_or_else(missing)?;
    let sandbox = capture.sandbox.ok_or_else(missing)?;
    let head = app.store.head(sandbox).await?.ok_or_else(missing)?.sandbox;
    let is_wanted = head.runner == Some(runner) && head.files.capture.is_some_and(|wanted| wanted.id == id);
    if is_wanted { Ok(Wanted { capture, epoch: head.epoch, resources: head.resources }) } else { Err(missing()) }
}

/// A sandbox may hold more than its disk says, where nothing stops it: twice that fits.
fn part_bytes(resources: Resources) -> u64 {
    let most = u64::from(resources.disk_gib) * 2 * 1024 * 1024 * 1024;
    most.div_ceil(MOST_PARTS).max(PART_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_disk_holds_fits_into_the_parts() {
        let of = |disk_gib| part_bytes(Resources { cpu: 1, memory_gib: 1, disk_gib });
        assert_eq!(of(10), PART_BYTES);
        assert!(of(500) * MOST_PARTS >= 1000 * 1024 * 1024 * 1024);
    }
}
