//! Requests that cannot be parsed never reach a handler: hyper answers them itself, without a body. Here that answer
//! is given the wire's shape on its way out, and the caller the time to read it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, header};
use hyper::rt::{Read, ReadBufCursor, Write};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Every answer of a handler carries `Via`, so that one without is known to be hyper's.
const VIA: HeaderValue = HeaderValue::from_static("1.1 paddock");
const LARGEST: usize = 512;
/// How long, and how much of, a refused request is read on before the connection is closed.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: u64 = 64 * 1024 * 1024;

/// Marks an answer as a handler's.
pub fn mark(headers: &mut HeaderMap) {
    headers.append(header::VIA, VIA);
}

/// Closes after the caller had time to read the answer: closing on unread input resets the connection.
pub async fn linger(mut stream: TcpStream) {
    let read_on = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    let _gone = tokio::time::timeout(LINGER, read_on).await;
}

/// A connection whose bodiless refusals get a body.
pub struct Worded<I> {
    inner: I,
    instead: Option<Instead>,
}

struct Instead {
    bytes: Vec<u8>,
    written: usize,
}

impl<I> Worded<I> {
    /// Wraps a connection.
    pub fn new(inner: I) -> Self {
        Self { inner, instead: None }
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
            match reword(buf) {
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
    if head.contains("\r\nvia:") || !head.contains("\r\ncontent-length: 0\r\n") {
        return None;
    }
    let (status, reason, message) = match head.get(9..12)? {
        "414" => (414, "URI Too Long", "The address of the request is too long."),
        "431" => (431, "Request Header Fields Too Large", "The head of the request is too large."),
        _ => (400, "Bad Request", "The request is not well-formed HTTP."),
    };
    let body = json!({
        "statusCode": status,
        "error": reason,
        "message": message,
        "code": if status == 400 { "BAD_REQUEST" } else { "REQUEST_TOO_LARGE" },
        "source": "DAYTONA_PROXY",
        "timestamp": OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        "path": "",
        "method": "",
    })
    .to_string();
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    Some(answer.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_of_hyper_are_reworded() {
        let own = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        let reworded = String::from_utf8(reword(own).unwrap()).unwrap();
        let (head, body) = reworded.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
        assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["statusCode"], 431);
        for other in [
            "HTTP/1.1 400 Bad Request\r\nvia: 1.1 paddock\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\n",
        ] {
            assert!(reword(other.as_bytes()).is_none(), "{other}");
        }
    }
}
