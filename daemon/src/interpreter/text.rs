//! Output in pieces, as text: letters stay whole, and so do lines, as far as they can.

/// A program that prints more lines than these at once has them sent together.
const LINES_APART: usize = 8;

/// What was read of one stream. A letter may lie in two pieces.
#[derive(Debug, Default)]
pub struct Letters {
    /// The start of a letter, at most three bytes.
    begun: Vec<u8>,
}

impl Letters {
    /// The text so far; what is none becomes U+FFFD.
    pub fn push(&mut self, piece: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.begun);
        bytes.extend_from_slice(piece);
        let mut text = String::with_capacity(bytes.len());
        let mut done = 0;
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            done += chunk.valid().len() + chunk.invalid().len();
            if chunk.invalid().is_empty() {
                continue;
            }
            let may_go_on = std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
            if may_go_on && done == bytes.len() {
                self.begun = chunk.invalid().to_vec();
            } else {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// Nothing more comes that belongs to what came.
    pub fn end(&mut self) -> String {
        let begun = std::mem::take(&mut self.begun);
        String::from_utf8_lossy(&begun).into_owned()
    }
}

/// Line by line, unless there are many.
pub fn messages(text: String) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    if text.split_inclusive('\n').nth(LINES_APART).is_some() {
        return vec![text];
    }
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_whole() {
        let mut letters = Letters::default();
        let bytes = "aé€😀".as_bytes();
        let text: String = bytes.iter().map(|byte| letters.push(&[*byte])).collect();
        assert_eq!((text.as_str(), letters.end().as_str()), ("aé€😀", ""));
        assert_eq!(letters.push(b"x\xffy\xe2\x82"), "x\u{fffd}y");
        assert_eq!(letters.push(b"z"), "\u{fffd}z");
        assert_eq!((letters.push(b"\xf0\x9f").as_str(), letters.end().as_str()), ("", "\u{fffd}"));
        assert_eq!(letters.end(), "");
    }

    #[test]
    fn few_lines_come_one_by_one() {
        assert_eq!(messages("a\nb\nc".to_owned()), ["a\n", "b\n", "c"]);
        let many = "line\n".repeat(9);
        assert_eq!(messages(many.clone()), [many]);
        assert!(messages(String::new()).is_empty());
    }
}
