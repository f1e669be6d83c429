//! Requests exactly as written: URL libraries tidy up what the tests want to send untidy.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::Answer;
use crate::converge::PATIENCE;

/// A request line, headers without `Host` and `Connection`, and a body.
pub struct Request<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// Put into the request line as it is.
    pub target: &'a str,
    /// Lines without line ends.
    pub headers: Vec<String>,
    /// Body; its length is announced.
    pub body: &'a [u8],
}

/// Sends it to the origin of `url` and reads the whole answer. A refusal may come before the request was read.
pub async fn send(url: &str, request: &Request<'_>) -> Result<Answer> {
    let url = reqwest::Url::parse(url)?;
    let authority = format!("{}:{}", url.host_str().context("a host")?, url.port().context("a port")?);
    let stream = TcpStream::connect(&authority).await?;
    let (mut reader, mut writer) = stream.into_split();
    let mut head =
        format!("{} {} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n", request.method, request.target);
    for line in &request.headers {
        head += &format!("{line}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", request.body.len());
    let body = request.body.to_vec();
    // A server that refuses early closes its side: the answer counts, not that the writing failed.
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(head.as_bytes()).await;
        let _ = writer.write_all(&body).await;
        writer
    });
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut answer)).await;
    writing.abort();
    match reading.context("no answer in time")? {
        Ok(_) => parse(&answer),
        Err(_) if !answer.is_empty() => parse(&answer),
        Err(problem) => Err(problem.into()),
    }
}

fn parse(bytes: &[u8]) -> Result<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").context("an answer has a head")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let Some(status) = status else { bail!("not an HTTP answer: {head}") };
    let body = bytes[end + 4..].to_vec();
    let body = if head.to_lowercase().contains("transfer-encoding: chunked") { unchunk(&body) } else { body };
    let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
    Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or_else(|_| text()) })
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let Ok(size) = usize::from_str_radix(&String::from_utf8_lossy(&bytes[..end]), 16) else { break };
        let Some(chunk) = bytes.get(end + 2..end + 2 + size) else { break };
        body.extend_from_slice(chunk);
        bytes = bytes.get(end + 4 + size..).unwrap_or_default();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn chunks_are_joined() {
        let answer =
            parse(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n");
        let answer = answer.unwrap();
        assert_eq!((answer.status, &answer.body["a"]), (404, &serde_json::json!(1)));
    }
}
