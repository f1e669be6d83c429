//! PAX records: `<length> <keyword>=<value>\n`, where the length counts itself.

/// What PAX keywords of extended attributes begin with.
pub const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// Appends one.
pub fn put(out: &mut Vec<u8>, keyword: &[u8], value: &[u8]) {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest + digits(rest);
    if digits(length) > digits(rest) {
        length = rest + digits(length);
    }
    out.extend_from_slice(length.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(keyword);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// Reads them all; none when they are not well formed.
pub fn parse(mut bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        // More digits than any length we accept has.
        let space = bytes.iter().take(10).position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(bytes.get(..space)?).ok()?.parse().ok()?;
        let (keyword_and_value, end) =
            bytes.get(space + 1..length)?.split_at_checked(length.checked_sub(space + 2)?)?;
        let equals = keyword_and_value.iter().position(|byte| *byte == b'=')?;
        if end != b"\n" || equals == 0 {
            return None;
        }
        records.push((&keyword_and_value[..equals], &keyword_and_value[equals + 1..]));
        bytes = &bytes[length..];
    }
    Some(records)
}

/// The keyword ends at the first `=`, so that one in a name is written as GNU tar does.
pub fn attribute_keyword(name: &[u8]) -> Vec<u8> {
    let mut keyword = ATTRIBUTE.to_vec();
    for byte in name {
        match byte {
            b'%' => keyword.extend_from_slice(b"%25"),
            b'=' => keyword.extend_from_slice(b"%3D"),
            other => keyword.push(*other),
        }
    }
    keyword
}

/// The other way, of what follows [`ATTRIBUTE`].
pub fn attribute_name(encoded: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, after)) = rest.split_first() {
        let (byte, taken) = match rest {
            [b'%', b'2', b'5', ..] => (b'%', &rest[3..]),
            [b'%', b'3', b'D', ..] => (b'=', &rest[3..]),
            _ => (*first, after),
        };
        name.push(byte);
        rest = taken;
    }
    name
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_put_is_read(value in proptest::collection::vec(any::<u8>(), 0..1100), name in "[a-z%=.]{1,100}") {
            let mut bytes = Vec::new();
            let keyword = attribute_keyword(name.as_bytes());
            put(&mut bytes, &keyword, &value);
            put(&mut bytes, b"mtime", b"1.5");
            let records = parse(&bytes).unwrap();
            prop_assert_eq!(records, vec![(&keyword[..], &value[..]), (&b"mtime"[..], &b"1.5"[..])]);
            prop_assert_eq!(attribute_name(&keyword[ATTRIBUTE.len()..]), name.as_bytes());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in "[0-9 =a\n]{0,20}") {
            parse(&bytes);
            parse(text.as_bytes());
        }
    }

    #[test]
    fn nonsense_is_not_read() {
        for text in ["", "5 a=b", "6 a=b\n", "1 a=b\n", "99 a=b\n", "x a=b\n", "6 aab\n", "7 =abc\n", " a=b\n"] {
            assert_eq!(parse(text.as_bytes()).is_some(), text.is_empty() || text == "6 a=b\n", "{text:?}");
        }
    }
}
