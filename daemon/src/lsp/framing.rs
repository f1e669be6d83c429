//! Messages of the language server protocol: `Content-Length: <n>`, an empty line, n bytes of JSON.

use std::io;

use bytes::{Buf, BytesMut};
use memchr::memmem;
use serde_json::Value;
use tokio_util::codec::Decoder;

/// Headers of a few words each.
const LONGEST_HEAD: usize = 4 * 1024;
/// A list of all completions of a large project is smaller.
const LONGEST_BODY: usize = 16 * 1024 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Reads messages.
#[derive(Debug, Default)]
pub struct Messages {
    /// The length of the body that is awaited.
    body: Option<usize>,
}

impl Decoder for Messages {
    type Item = Value;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Value>> {
        let length = match self.body {
            Some(length) => length,
            None => {
                let Some(end) = memmem::find(bytes, HEAD_END) else {
                    let too_long = bytes.len() > LONGEST_HEAD;
                    return if too_long { Err(invalid("a head without an end")) } else { Ok(None) };
                };
                let head = bytes.split_to(end + HEAD_END.len());
                let length = content_length(&head).ok_or_else(|| invalid("a head without a length"))?;
                *self.body.insert(length)
            }
        };
        if bytes.len() < length {
            bytes.reserve(length - bytes.len());
            return Ok(None);
        }
        self.body = None;
        let message = serde_json::from_slice(&bytes[..length]);
        bytes.advance(length);
        message.map(Some).map_err(|_| invalid("a body that is no JSON"))
    }
}

/// One message, as it is sent.
pub fn encode(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn content_length(head: &[u8]) -> Option<usize> {
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    let value = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    })?;
    value.trim().parse().ok().filter(|length| *length <= LONGEST_BODY)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_in_pieces() {
        let (first, second) = (json!({ "a": "ä" }), json!([1]));
        let sent = [encode(&first), b"content-length:3\r\nContent-Type: x\r\n\r\n[1]".to_vec()].concat();
        let (mut messages, mut bytes, mut read) = (Messages::default(), BytesMut::new(), Vec::new());
        for byte in sent {
            bytes.extend_from_slice(&[byte]);
            read.extend(messages.decode(&mut bytes).expect("well formed"));
        }
        assert_eq!(read, [first, second]);
    }

    #[test]
    fn what_is_no_message() {
        for wrong in [
            "X: 1\r\n\r\n",
            "Content-Length: -1\r\n\r\n",
            "Content-Length: 99999999999\r\n\r\n",
            "Content-Length: 1\r\n\r\n{",
        ] {
            assert!(Messages::default().decode(&mut BytesMut::from(wrong)).is_err(), "{wrong}");
        }
        assert!(Messages::default().decode(&mut BytesMut::from(vec![b'x'; 5000].as_slice())).is_err());
    }
}
