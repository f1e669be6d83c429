//! File names in headers: `filename` for readers of old, `filename*` (RFC 5987) with the exact name.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 5987 calls attr-char.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Both parameters. The plain one has only harmless ASCII: a name may hold quotes and line ends.
pub fn filename_parameters(name: &str) -> String {
    let harmless = |letter: char| matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\');
    let plain: String = name.chars().map(|letter| if harmless(letter) { letter } else { '_' }).collect();
    format!("filename=\"{plain}\"; filename*=utf-8''{}", utf8_percent_encode(name, ENCODED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_header() {
        assert_eq!(filename_parameters("/a/b c.txt"), "filename=\"/a/b c.txt\"; filename*=utf-8''%2Fa%2Fb%20c.txt");
        assert_eq!(
            filename_parameters("ä\"\r\nX: y\\"),
            "filename=\"____X: y_\"; filename*=utf-8''%C3%A4%22%0D%0AX%3A%20y%5C"
        );
    }
}
