//! Bodies in flight: streamed both ways, cut when the grant is revoked, never gathered.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// What ends a body before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The other side broke off.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The credential or the sandbox was revoked meanwhile.
    #[error("revoked")]
    Revoked,
}

/// Longest time that the rest of an upload is read and thrown away after an early answer. Closing at once would
/// reset the connection, and the caller could lose the answer that says why.
const DRAIN_FOR: Duration = Duration::from_secs(10);

/// A body up to this is read before it is sent to another runner: should that one hold the sandbox no longer, it is sent
/// to the one that does. Bytes.
const SMALL: u64 = 64 * 1024;

/// The body of an answer.
pub enum Body {
    /// Ours.
    Full(Full<Bytes>),
    /// The daemon's, as it comes.
    Stream(Box<Download>),
}

impl Body {
    /// A body that is all there.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self::Full(Full::new(bytes.into()))
    }

    /// Passes `inner` on. `held` is dropped with the body: that is when the request is over.
    pub fn stream(inner: Incoming, revoked: &CancellationToken, held: impl Send + 'static) -> Self {
        Self::Stream(Box::new(Download {
            inner,
            cut: Box::pin(revoked.clone().cancelled_owned()),
            _held: Box::new(held),
        }))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Full(full) => Pin::new(full).poll_frame(cx).map_err(|never| match never {}),
            Self::Stream(stream) => stream.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(full) => full.is_end_stream(),
            Self::Stream(stream) => stream.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(full) => full.size_hint(),
            Self::Stream(stream) => stream.inner.size_hint(),
        }
    }
}

/// A daemon's answer on its way to the caller.
pub struct Download {
    inner: Incoming,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _held: Box<dyn Send>,
}

impl Download {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(BodyError::Revoked)));
        }
        Pin::new(&mut self.inner).poll_frame(cx).map_err(BodyError::Http)
    }
}

/// A caller's body. It can be lent to more than one try as long as no try has read from it.
pub struct Upload {
    slot: Arc<Slot>,
    empty: bool,
}

/// The body until the first read.
struct Slot {
    incoming: Mutex<Option<Incoming>>,
    /// All of it, where it was small.
    kept: Mutex<Option<Bytes>>,
    expects_continue: bool,
}

impl Upload {
    /// Takes the caller's body.
    pub fn new(incoming: Incoming, expects_continue: bool) -> Self {
        let empty = incoming.is_end_stream();
        Self {
            slot: Arc::new(Slot { incoming: Mutex::new(Some(incoming)), kept: Mutex::default(), expects_continue }),
            empty,
        }
    }

    /// A try can be given all of the body.
    pub fn is_whole(&self) -> bool {
        self.empty || self.slot.lock().is_some() || self.slot.kept().is_some()
    }

    /// Reads a small body now, so that it can be given to more than one try. A larger one stays as it is.
    pub async fn keep_small(&self) {
        let small = |incoming: &mut Incoming| incoming.size_hint().upper().is_some_and(|most| most <= SMALL);
        let incoming = if self.slot.expects_continue { None } else { self.slot.lock().take_if(small) };
        if let Some(incoming) = incoming
            && let Ok(read) = incoming.collect().await
        {
            *self.slot.kept() = Some(read.to_bytes());
        }
    }

    /// A body for one try, or `None` when an earlier try has read from it.
    pub fn lend(&self, revoked: &CancellationToken) -> Option<UploadBody> {
        let cut = Box::pin(revoked.clone().cancelled_owned());
        if self.empty {
            return Some(UploadBody { source: Source::Ended, hint: SizeHint::with_exact(0), cut });
        }
        if let Some(kept) = self.slot.kept().clone() {
            let hint = SizeHint::with_exact(kept.len() as u64);
            return Some(UploadBody { source: Source::Kept(kept), hint, cut });
        }
        let hint = self.slot.lock().as_ref()?.size_hint();
        Some(UploadBody { source: Source::Lent(Arc::clone(&self.slot)), hint, cut })
    }
}

impl Slot {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Incoming>> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Bytes>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // A caller that waits for "100 Continue" has sent nothing, and reading would ask it to.
        if !self.expects_continue
            && let Some(rest) = self.lock().take()
        {
            drain(rest);
        }
    }
}

enum Source {
    Lent(Arc<Slot>),
    Reading(Incoming),
    Kept(Bytes),
    Ended,
}

/// A caller's body on its way to the daemon.
pub struct UploadBody {
    source: Source,
    hint: SizeHint,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl HttpBody for UploadBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.cut.as_mut().poll(cx).is_ready() {
            this.source = Source::Ended;
            return Poll::Ready(Some(Err(BodyError::Revoked)));
        }
        if let Source::Kept(kept) = &this.source {
            let frame = Frame::data(kept.clone());
            (this.source, this.hint) = (Source::Ended, SizeHint::with_exact(0));
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Source::Lent(slot) = &this.source {
            let taken = slot.lock().take();
            this.source = taken.map_or(Source::Ended, Source::Reading);
        }
        let Source::Reading(incoming) = &mut this.source else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(&mut *incoming).poll_frame(cx));
        this.hint = incoming.size_hint();
        if !matches!(frame, Some(Ok(_))) {
            this.source = Source::Ended;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Http)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Lent(_) | Source::Kept(_) => false,
            Source::Reading(incoming) => incoming.is_end_stream(),
            Source::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

impl Drop for UploadBody {
    fn drop(&mut self) {
        // The daemon answered early, or broke off: its answer must still reach the caller.
        if let Source::Reading(incoming) = std::mem::replace(&mut self.source, Source::Ended) {
            drain(incoming);
        }
    }
}

fn drain(mut rest: Incoming) {
    if rest.is_end_stream() {
        return;
    }
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(tokio::time::timeout(DRAIN_FOR, async move { while let Some(Ok(_)) = rest.frame().await {} }));
    }
}
