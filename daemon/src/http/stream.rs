//! Answers that are written piece by piece: the array of a walk, of which a tree of a million files costs one piece at
//! a time, and the text of a run, whose every byte JSON may spell with six.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::sync::Arc;

use axum::BoxError;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::once;
use futures::{Stream, StreamExt, TryStreamExt};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::error::{ApiError, ApiResult};
use crate::files::FileResult;
use crate::process::output::Output;

const PIECE: usize = 32 * 1024;
/// Walks that look for their next piece at the same time. Far fewer than there are blocking threads
/// ([`crate::serve`]): each holds one, and reads, writes and starts of processes need theirs.
const WALKS: usize = 16;

/// File work, where it may block.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> FileResult<T> + Send + 'static) -> ApiResult<T> {
    let done = spawn_blocking(work).await.map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(done?)
}

/// Whose turn it is to walk.
#[derive(Debug)]
pub struct Walks(Arc<Semaphore>);

impl Default for Walks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(WALKS)))
    }
}

impl Walks {
    /// One more, which waits for its turn at each piece.
    pub fn begin(&self) -> Walk {
        Walk { turns: Arc::clone(&self.0), caller: Arc::new(()) }
    }
}

/// A walk through files for one caller.
#[derive(Debug)]
pub struct Walk {
    turns: Arc<Semaphore>,
    /// Goes with the answer.
    caller: Arc<()>,
}

impl Walk {
    /// Whether the caller went away; to be asked at every step, for a step without a find comes to no other end.
    pub fn gone(&self) -> impl Fn() -> bool + Clone + Send + use<> {
        let caller = Arc::downgrade(&self.caller);
        move || caller.strong_count() == 0
    }

    /// A JSON array between `before` and `after`. The items of a piece are looked for when the caller has taken the
    /// piece before: one who takes none holds no thread.
    pub fn json_array<I>(self, before: &str, items: I, after: &'static str) -> Response
    where
        I: Iterator<Item: Serialize> + Send + 'static,
    {
        let array = Array { opening: format!("{before}[").into_bytes(), items, after, any: false, ended: false };
        let pieces = futures::stream::unfold((self, array), |(walk, mut array)| async move {
            let turn = Arc::clone(&walk.turns).acquire_owned().await.ok()?;
            let step = spawn_blocking(move || {
                let piece = array.piece();
                drop(turn);
                (piece, array)
            });
            let (piece, array) = step.await.ok()?;
            Some((Ok::<_, Infallible>(Bytes::from(piece?)), (walk, array)))
        });
        ([(CONTENT_TYPE, "application/json")], Body::from_stream(pieces)).into_response()
    }
}

/// A JSON array whose items come in pieces. An error cuts the answer off, so that nobody takes it for a whole one.
pub fn json_array<T, E>(pieces: impl Stream<Item = Result<Vec<T>, E>> + Send + 'static) -> Response
where
    T: Serialize,
    E: std::error::Error + Send + Sync + 'static,
{
    let mut any = false;
    let items = pieces.map_err(BoxError::from).and_then(move |items| {
        let mut text = Vec::new();
        let written = items.iter().try_for_each(|item| {
            if std::mem::replace(&mut any, true) {
                text.push(b',');
            }
            serde_json::to_writer(&mut text, item)
        });
        ready(written.map(|()| text).map_err(BoxError::from))
    });
    let bracket = |bracket: &str| once(ready(Ok(bracket.as_bytes().to_vec())));
    let array = bracket("[").chain(items).chain(bracket("]"));
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(array)).into_response()
}

/// A JSON array that is being written.
struct Array<I> {
    opening: Vec<u8>,
    items: I,
    after: &'static str,
    any: bool,
    ended: bool,
}

impl<I: Iterator<Item: Serialize>> Array<I> {
    fn piece(&mut self) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        let mut piece = std::mem::take(&mut self.opening);
        while piece.len() < PIECE {
            let Some(item) = self.items.next() else {
                self.ended = true;
                piece.push(b']');
                piece.extend_from_slice(self.after.as_bytes());
                break;
            };
            if std::mem::replace(&mut self.any, true) {
                piece.push(b',');
            }
            if serde_json::to_writer(&mut piece, &item).is_err() {
                // Nothing of ours fails to serialize; an unfinished array is at least no false answer.
                self.ended = true;
                break;
            }
        }
        Some(piece)
    }
}

/// A JSON object of which one member is the text of a run: `before`, the text with its quotes, `after`.
/// The text keeps its share of the budget until all of the answer is on its way.
pub fn json_text(before: String, output: Output, after: String) -> Response {
    let content_type = [(CONTENT_TYPE, "application/json")];
    let Output { text, share, .. } = output;
    if text.len() + after.len() <= PIECE {
        return (content_type, format!("{before}{}{after}", quoted(&text))).into_response();
    }
    let mut done = 0;
    let quoted_pieces = std::iter::from_fn(move || {
        let end = text.floor_char_boundary(done + PIECE).min(text.len());
        let piece = Bytes::from(quoted(&text[done..end]));
        done = end;
        // Without its quotes.
        (piece.len() > 2).then(|| piece.slice(1..piece.len() - 1))
    });
    let parts = std::iter::once(Bytes::from(before + "\"")).chain(quoted_pieces).chain(pieces(format!("\"{after}")));
    let body = Body::from_stream(futures::stream::iter(parts.map(move |part| {
        let _until_sent = &share;
        Ok::<_, Infallible>(part)
    })));
    (content_type, body).into_response()
}

/// A text that lies on disk. What opens it and what reads its pieces may block; a short one is read to its end at once.
pub async fn blocking_pieces<I>(open: impl FnOnce() -> io::Result<I> + Send + 'static) -> io::Result<Body>
where
    I: Iterator<Item = String> + Send + 'static,
{
    let begun = spawn_blocking(move || open().map(|mut pieces| (next_piece(&mut pieces), pieces)));
    let (first, pieces) = begun.await.map_err(io::Error::other)??;
    if first.len() < PIECE {
        return Ok(Body::from(first));
    }
    let rest = futures::stream::unfold(pieces, |mut pieces| async move {
        let step = spawn_blocking(move || (next_piece(&mut pieces), pieces));
        let (piece, pieces) = step.await.ok()?;
        (!piece.is_empty()).then_some((piece, pieces))
    });
    let all = once(ready(first)).chain(rest);
    Ok(Body::from_stream(all.map(Ok::<_, Infallible>)))
}

/// As much as makes a piece; a shorter one is the last.
fn next_piece(pieces: &mut impl Iterator<Item = String>) -> String {
    let mut joined = String::new();
    while joined.len() < PIECE
        && let Some(piece) = pieces.next()
    {
        joined.push_str(&piece);
    }
    joined
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn pieces(text: String) -> impl Iterator<Item = Bytes> {
    let mut rest = Bytes::from(text);
    std::iter::from_fn(move || (!rest.is_empty()).then(|| rest.split_to(rest.len().min(PIECE))))
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use tokio::runtime::Builder;
    use tokio::sync::oneshot;

    use super::*;
    use crate::process::output::{OutputBudget, RUN_LIMIT, TOTAL_LIMIT};

    /// Finds nothing, for as long as somebody waits.
    fn fruitless(walk: &Walk) -> impl Iterator<Item = u32> + Send + use<> {
        let gone = walk.gone();
        std::iter::from_fn(move || {
            while !gone() {
                std::thread::yield_now();
            }
            None
        })
    }

    #[tokio::test]
    async fn a_walk_ends_with_its_caller() {
        let walk = Walks::default().begin();
        let (started, starts) = oneshot::channel();
        let (ended, ends) = oneshot::channel();
        let (mut started, mut ended) = (Some(started), Some(ended));
        let mut items = fruitless(&walk);
        let watched = std::iter::from_fn(move || {
            if let Some(started) = started.take() {
                let _ = started.send(());
            }
            let none = items.next();
            if let Some(ended) = ended.take() {
                let _ = ended.send(());
            }
            none
        });
        let mut body = walk.json_array("", watched, "").into_body().into_data_stream();
        tokio::select! {
            piece = body.next() => panic!("there is nothing to find: {piece:?}"),
            started = starts => started.expect("walks"),
        }
        drop(body);
        ends.await.expect("ends");
    }

    #[test]
    fn walks_leave_threads_for_others() {
        let runtime =
            Builder::new_current_thread().max_blocking_threads(WALKS + 1).build().expect("a runtime of one thread");
        runtime.block_on(async {
            let walks = Walks::default();
            for _ in 0..2 * WALKS {
                let walk = walks.begin();
                let items = fruitless(&walk);
                tokio::spawn(to_bytes(walk.json_array("", items, "").into_body(), usize::MAX));
            }
            while walks.0.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(blocking(|| Ok(7)).await.expect("a thread is free"), 7);
        });
    }

    #[tokio::test]
    async fn an_array_of_many_pieces() {
        let walk = Walks::default().begin();
        let answer = walk.json_array("{\"files\":", 0..100_000, "}");
        let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        let value: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(value["files"], serde_json::Value::from_iter(0..100_000));
    }

    #[tokio::test]
    async fn a_text_that_waits_keeps_its_share() {
        let budget = OutputBudget::default();
        let full = || {
            let mut capture = budget.capture();
            capture.push(&vec![b'a'; RUN_LIMIT]);
            capture.into_output()
        };
        let answer = || json_text("{".to_owned(), full(), "}".to_owned());
        let mut waiting: Vec<_> = (0..TOTAL_LIMIT / RUN_LIMIT).map(|_| answer()).collect();
        assert!(full().truncated, "all is in use");
        let sent = to_bytes(waiting.remove(0).into_body(), usize::MAX).await.expect("a body");
        assert_eq!(sent.len(), RUN_LIMIT + 4);
        assert!(!full().truncated, "given back");
    }
}
