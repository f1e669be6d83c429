//! A log as the wire wants it: with markers, without, or one stream alone; as bytes or as text.

use std::io;

use paddock_wire::toolbox::session::{STDERR_MARKER, STDOUT_MARKER};

use super::log::{Frames, Log, Stream};

/// What of a log is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Both streams, a marker before each line and wherever the stream changes.
    Marked,
    /// Both streams and nothing else.
    Combined,
    Only(Stream),
}

/// A view of frames that come one by one.
#[derive(Debug)]
pub struct Viewer {
    view: View,
    last: Option<Stream>,
    in_line: bool,
}

impl Viewer {
    /// At the start of a log.
    pub fn new(view: View) -> Self {
        Self { view, last: None, in_line: false }
    }

    /// Adds what is seen of a frame.
    pub fn show(&mut self, stream: Stream, bytes: &[u8], seen: &mut Vec<u8>) {
        match self.view {
            View::Marked => self.mark(stream, bytes, seen),
            View::Only(other) if other != stream => {}
            View::Combined | View::Only(_) => seen.extend_from_slice(bytes),
        }
    }

    fn mark(&mut self, stream: Stream, bytes: &[u8], seen: &mut Vec<u8>) {
        let marker = match stream {
            Stream::Stdout => STDOUT_MARKER,
            Stream::Stderr => STDERR_MARKER,
        };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !self.in_line || self.last != Some(stream) {
                seen.extend_from_slice(&marker);
            }
            seen.extend_from_slice(line);
            self.in_line = !line.ends_with(b"\n");
            self.last = Some(stream);
        }
    }
}

/// A log as text, piece by piece; what is no text is replaced, wherever the pieces end.
#[derive(Debug)]
pub struct Text {
    frames: Frames,
    viewer: Viewer,
    /// The beginning of a character.
    rest: Vec<u8>,
    ended: bool,
}

impl Text {
    /// Of a log up to an end that was once told.
    pub fn open(log: &Log, length: u64, view: View) -> io::Result<Self> {
        Ok(Self { frames: log.frames(length)?, viewer: Viewer::new(view), rest: Vec::new(), ended: false })
    }
}

impl Iterator for Text {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.ended {
            return None;
        }
        let mut bytes = std::mem::take(&mut self.rest);
        match self.frames.next() {
            Some((stream, frame)) => {
                self.viewer.show(stream, &frame, &mut bytes);
                self.rest = bytes.split_off(bytes.len() - unfinished(&bytes));
            }
            None => self.ended = true,
        }
        Some(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }
}

/// Bytes at the end that are the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last().map(|chunk| chunk.invalid().len()).unwrap_or_default();
    let tail = &bytes[bytes.len() - last..];
    if std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none()) { last } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: [(Stream, &[u8]); 5] = [
        (Stream::Stdout, b"one\ntw"),
        (Stream::Stdout, b"o\nthree"),
        (Stream::Stderr, b"err\n"),
        (Stream::Stdout, b"four\n\n"),
        (Stream::Stderr, b""),
    ];

    fn seen(view: View) -> String {
        let (mut viewer, mut seen) = (Viewer::new(view), Vec::new());
        FRAMES.iter().for_each(|(stream, bytes)| viewer.show(*stream, bytes, &mut seen));
        String::from_utf8(seen).expect("text").replace("\x01\x01\x01", "O").replace("\x02\x02\x02", "E")
    }

    #[test]
    fn all_views_of_the_same_frames() {
        assert_eq!(seen(View::Marked), "Oone\nOtwo\nOthreeEerr\nOfour\nO\n");
        assert_eq!(seen(View::Combined), "one\ntwo\nthreeerr\nfour\n\n");
        assert_eq!(seen(View::Only(Stream::Stdout)), "one\ntwo\nthreefour\n\n");
        assert_eq!(seen(View::Only(Stream::Stderr)), "err\n");
    }

    #[tokio::test]
    async fn characters_that_frames_tear_apart() {
        let dir = tempfile::tempdir().expect("temp dir");
        let log = Log::create(dir.path().join("log")).expect("created");
        for part in [&b"a\xf0"[..], b"\x9f", b"\x98", b"\x80b\xff", b"c\xc3"] {
            log.append(Stream::Stdout, part).await;
            log.append(Stream::Stderr, b"-").await;
        }
        let text = |view| Text::open(&log, log.length(), view).expect("opened").collect::<String>();
        assert_eq!(text(View::Only(Stream::Stdout)), "a\u{1f600}b\u{fffd}c\u{fffd}");
        assert_eq!(text(View::Only(Stream::Stderr)), "-----");
    }

    #[test]
    fn what_is_unfinished() {
        for (bytes, expected) in [
            (&b""[..], 0),
            (b"a", 0),
            ("ä".as_bytes(), 0),
            (b"a\xc3", 1),
            (b"\xf0\x9f\x98", 3),
            (b"\xff", 0),
            (b"\x80", 0),
        ] {
            assert_eq!(unfinished(bytes), expected, "{bytes:?}");
        }
    }
}
