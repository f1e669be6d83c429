//! A spool, while it grows, into a multipart upload.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use paddock_wire::agents::{CaptureBegin, CaptureComplete, CaptureParts, CaptureUpload};
use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
    time::Instant,
};

use super::{CaptureError, Wanted, packing::Grown, part, retry, spool::Journal, turns::Turn};
use crate::control_api::ControlApi;

/// Parts in flight.
const AT_ONCE: usize = 4;
/// URLs asked for at once: at most what the control plane allows, and not many more than may be needed.
const URLS: u32 = 100;
const URLS_WHILE_GROWING: u32 = 16;
/// Between words about long ones.
const PROGRESS: Duration = Duration::from_secs(5);

/// What is sent, and where.
pub struct Upload {
    pub wanted: Wanted,
    pub control: Arc<ControlApi>,
    pub http: reqwest::Client,
    pub file: PathBuf,
    pub journal: Arc<Journal>,
    pub turn: Turn,
}

/// An upload that was begun.
pub struct Begun {
    pub upload: Arc<Upload>,
    pub id: CaptureUpload,
    /// By part number, until one is refused.
    urls: Mutex<BTreeMap<u32, String>>,
    growing: watch::Receiver<Grown>,
}

/// Sends all parts. The answer is what completes it.
pub async fn run(upload: Arc<Upload>, growing: watch::Receiver<Grown>) -> Result<CaptureComplete, CaptureError> {
    let Wanted { id, sandbox, epoch } = upload.wanted;
    let body = CaptureBegin { sandbox_id: sandbox, epoch };
    let begun = retry::control(|| upload.control.capture_begin(id, &body)).await?;
    if begun.part_bytes == 0 {
        return Err(CaptureError::Failed("the control plane wants parts of no bytes".to_owned()));
    }
    {
        let (journal, begun) = (Arc::clone(&upload.journal), begun.clone());
        on_disk(&upload, move || journal.adopt(&begun)).await?;
    }
    let begun = Arc::new(Begun { upload, id: begun, urls: Mutex::default(), growing: growing.clone() });
    let sent = send_all(&begun, growing).await;
    let journal = Arc::clone(&begun.upload.journal);
    // Also when it failed: what was sent need not be sent again.
    on_disk(&begun.upload, move || journal.save()).await?;
    let count = sent?;
    let record = begun.upload.journal.record();
    let etags: Vec<String> = record.parts.range(1..=count).map(|(_, part)| part.etag.clone()).collect();
    if etags.len() != count as usize {
        return Err(CaptureError::Unavailable("parts were lost".to_owned()));
    }
    Ok(CaptureComplete { upload_id: begun.id.upload_id.clone(), etags })
}

/// How many parts there are, once all are sent.
async fn send_all(begun: &Arc<Begun>, mut growing: watch::Receiver<Grown>) -> Result<u32, CaptureError> {
    let started = Instant::now();
    let mut progress = tokio::time::interval(PROGRESS);
    progress.reset();
    let mut in_flight = JoinSet::new();
    let (mut next, mut sent) = (1, 0);
    loop {
        let grown = *growing.borrow_and_update();
        while in_flight.len() < AT_ONCE && begun.length(next, grown).is_some() {
            let length = begun.length(next, grown).unwrap_or(0);
            in_flight.spawn(part::send(Arc::clone(begun), next, length));
            next += 1;
        }
        if grown.whole && in_flight.is_empty() {
            return Ok(next - 1);
        }
        tokio::select! {
            Some(part) = in_flight.join_next() => sent += part.map_err(CaptureError::here)??,
            changed = growing.changed(), if !grown.whole => changed.map_err(|_| CaptureError::Cancelled)?,
            _ = progress.tick() => {
                let seconds = started.elapsed().as_secs_f64();
                #[expect(clippy::cast_precision_loss, reason = "for people")]
                let mb_per_s = (sent as f64 / 1e6 / seconds).round();
                tracing::info!(capture = %begun.upload.wanted.id, packed = grown.bytes, sent, mb_per_s, "capturing");
            }
        }
    }
}

impl Begun {
    /// Where a part begins.
    pub fn offset(&self, number: u32) -> u64 {
        u64::from(number - 1) * self.id.part_bytes
    }

    /// Bytes of a part; none when it is not there, or not whole yet.
    fn length(&self, number: u32, grown: Grown) -> Option<u64> {
        let left = grown.bytes.checked_sub(self.offset(number)).filter(|left| *left > 0)?;
        (left >= self.id.part_bytes || grown.whole).then(|| left.min(self.id.part_bytes))
    }

    /// A presigned request for a part.
    pub async fn url(&self, number: u32) -> Result<String, CaptureError> {
        let mut urls = self.urls.lock().await;
        if let Some(url) = urls.get(&number) {
            return Ok(url.clone());
        }
        let grown = *self.growing.borrow();
        let count = if grown.whole {
            let parts = grown.bytes.div_ceil(self.id.part_bytes);
            u32::try_from(parts.saturating_sub(u64::from(number - 1))).unwrap_or(URLS).clamp(1, URLS)
        } else {
            URLS_WHILE_GROWING
        };
        let body = CaptureParts { upload_id: self.id.upload_id.clone(), first: number, count };
        let answer = retry::control(|| self.upload.control.capture_parts(self.upload.wanted.id, &body)).await?;
        urls.extend((number..).zip(answer.urls));
        urls.get(&number).cloned().ok_or_else(|| CaptureError::Unavailable("no URLs for parts".to_owned()))
    }

    /// This one is too old, and so are its fellows.
    pub async fn forget_url(&self, number: u32, url: &str) {
        let mut urls = self.urls.lock().await;
        // Not when someone else asked for new ones meanwhile.
        if urls.get(&number).is_some_and(|known| known == url) {
            urls.clear();
        }
    }
}

/// Work with the disk. The turn is kept until it is over, be the task aborted or not.
pub async fn on_disk<A: Send + 'static>(
    upload: &Upload,
    work: impl FnOnce() -> std::io::Result<A> + Send + 'static,
) -> Result<A, CaptureError> {
    let turn = Arc::clone(&upload.turn);
    let work = crate::blocking::run(move || {
        let done = work();
        drop(turn);
        done
    });
    work.await.map_err(CaptureError::here)
}
