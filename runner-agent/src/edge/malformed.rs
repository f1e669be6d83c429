//! Requests that cannot be parsed never reach a handler: hyper answers them itself, without a body. Here that answer
//! is given the wire's shape on its way out, and the caller the time to read it.
//!
//! Only before the first request of a connection has reached a handler: until then all that is written is hyper's
//! own. Later it may as well be a part of a body or a tunnel, whose bytes a sandbox chooses; a refusal then goes out as
//! hyper words it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http::StatusCode;
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::error;

const LARGEST: usize = 512;
/// How long, and how much of, a refused request is read on before the connection is closed.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: u64 = 64 * 1024 * 1024;

/// Closes after the caller had time to read the answer: closing on unread input resets the connection.
pub async fn linger(mut stream: TcpStream) {
    let read_on = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    let _gone = tokio::time::timeout(LINGER, read_on).await;
}

/// Whether a request of a connection has reached a handler; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Reached(Arc<AtomicBool>);

impl Reached {
    /// One does now.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection whose bodiless refusals get a body.
pub struct Worded<I> {
    inner: I,
    reached: Reached,
    instead: Option<Instead>,
}

struct Instead {
    bytes: Vec<u8>,
    written: usize,
}

impl<I> Worded<I> {
    /// Wraps a connection.
    pub fn new(inner: I, reached: Reached) -> Self {
        Self { inner, reached, instead: None }
    }

    /// The connection again.
    pub fn into_inner(self) -> I {
        self.inner
    }
}

impl<I: Write + Unpin> Worded<I> {
    fn poll_instead(&mut self, cx: &mut Context<'_>, asked: usize) -> Poll<io::Result<usize>> {
        while let Some(instead) = &mut self.instead {
            let rest = &instead.bytes[instead.written..];
            if rest.is_empty() {
                self.instead = None;
                break;
            }
            match ready!(Pin::new(&mut self.inner).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => instead.written += written,
            }
        }
        Poll::Ready(Ok(asked))
    }
}

impl<I: Read + Unpin> Read for Worded<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<I: Write + Unpin> Write for Worded<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.instead.is_none() {
            let refusal = if self.reached.is_set() { None } else { reword(buf) };
            match refusal {
                Some(bytes) => self.instead = Some(Instead { bytes, written: 0 }),
                None => return Pin::new(&mut self.inner).poll_write(cx, buf),
            }
        }
        self.poll_instead(cx, buf.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match bufs {
            [only] => self.poll_write(cx, only),
            _ => Pin::new(&mut self.inner).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The answer to send in place of `head`, if that is one of hyper's own refusals.
fn reword(head: &[u8]) -> Option<Vec<u8>> {
    if head.len() > LARGEST || !head.starts_with(b"HTTP/1.1 4") || !head.ends_with(b"\r\n\r\n") {
        return None;
    }
    let head = std::str::from_utf8(head).ok()?.to_ascii_lowercase();
    if !head.contains("\r\ncontent-length: 0\r\n") {
        return None;
    }
    let (status, code, message) = match head.get(9..12)? {
        "414" => (StatusCode::URI_TOO_LONG, "REQUEST_TOO_LARGE", "The address of the request is too long."),
        "431" => {
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "REQUEST_TOO_LARGE", "The head of the request is too large.")
        }
        _ => (StatusCode::BAD_REQUEST, "BAD_REQUEST", "The request is not well-formed HTTP."),
    };
    let body = error::body(status, code, message.to_owned(), "", "");
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    Some([head.into_bytes(), body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_of_hyper_are_reworded() {
        let own = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        let reworded = String::from_utf8(reword(own).unwrap()).unwrap();
        let (head, body) = reworded.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())));
        assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["statusCode"], 431);
        for other in
            ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\n"]
        {
            assert!(reword(other.as_bytes()).is_none(), "{other}");
        }
    }
}
