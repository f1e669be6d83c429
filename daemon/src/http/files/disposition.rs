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

/// For the head of an answer, where the plain name has only harmless ASCII: a name may hold quotes and line ends.
pub fn of_answer(name: &str) -> String {
    let harmless = |letter: char| matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\');
    let plain: String = name.chars().map(|letter| if harmless(letter) { letter } else { '_' }).collect();
    parameters(&plain, name)
}

/// For the head of a multipart part. SDKs before 0.226 know a part by its plain name alone, which python-multipart
/// gives them as the bytes that its letters stand for in Latin-1: each byte of the name goes as the letter of that
/// number. Quotes and backslashes are escaped; what would end or break the line is replaced.
pub fn of_part(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => plain.extend(['\\', char::from(byte)]),
            b'\t' => plain.push('\t'),
            control if control.is_ascii_control() => plain.push('_'),
            byte => plain.push(char::from(byte)),
        }
    }
    parameters(&plain, name)
}

fn parameters(plain: &str, name: &str) -> String {
    format!("filename=\"{plain}\"; filename*=utf-8''{}", utf8_percent_encode(name, ENCODED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_header() {
        assert_eq!(of_answer("/a/b c.txt"), "filename=\"/a/b c.txt\"; filename*=utf-8''%2Fa%2Fb%20c.txt");
        assert_eq!(of_answer("ä\"\r\nX: y\\"), "filename=\"____X: y_\"; filename*=utf-8''%C3%A4%22%0D%0AX%3A%20y%5C");
    }

    #[test]
    fn parts_are_known_by_their_plain_name() {
        assert_eq!(of_part("/a/b c.txt"), of_answer("/a/b c.txt"));
        assert_eq!(
            of_part("ä\"\r\nX: y\\"),
            "filename=\"\u{c3}\u{a4}\\\"__X: y\\\\\"; filename*=utf-8''%C3%A4%22%0D%0AX%3A%20y%5C"
        );
        assert_eq!(of_part("ä").as_bytes()[10..14], [0xc3, 0x83, 0xc2, 0xa4]);
    }
}
