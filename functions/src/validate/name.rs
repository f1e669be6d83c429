//! Names of things: readable, harmless in a page or a mail, and never mistaken for an id.

use uuid::Uuid;

/// Bytes; names are part of keys.
pub const MAX_NAME: usize = 255;

/// What `GET /sandbox/…` means something else by.
pub const TAKEN_BY_SANDBOX_PATHS: [&str; 1] = ["paginated"];

/// Beginnings that turn into a link where text is shown.
const LINKS: [&str; 7] = ["http:", "https:", "ftp:", "mailto:", "javascript:", "data:", "www."];

/// A name that somebody chooses for something new. In `taken` stand the words that paths have where the name would be:
/// what is called so could never be reached.
pub fn check_new(name: &str, taken: &[&str]) -> Result<(), String> {
    check_shape(name)?;
    if taken.contains(&name) {
        return Err(format!("must not be {name:?}, which has a meaning of its own in paths"));
    }
    if Uuid::try_parse(name).is_ok() {
        return Err("must not look like an id (UUID)".to_owned());
    }
    Ok(())
}

/// What every name has in common, also one that is only looked up.
pub fn check_shape(name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    if name.len() > MAX_NAME {
        return Err(format!("must not be longer than {MAX_NAME} bytes"));
    }
    if name.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    // The gateway hands over decoded paths, in which these would be separators or steps.
    if name.contains(['/', '\\']) || name == "." || name == ".." {
        return Err("must not be a path".to_owned());
    }
    if has_tag(name) {
        return Err("must not contain HTML tags".to_owned());
    }
    let lower = name.to_ascii_lowercase();
    if LINKS.iter().any(|link| starts_a_word(&lower, link)) {
        return Err("must not contain URLs".to_owned());
    }
    Ok(())
}

/// A name given elsewhere, of a snapshot or region: only what no key can hold is refused.
pub fn check_bounded(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(format!("must have 1 to {MAX_NAME} bytes without control characters"));
    }
    Ok(())
}

/// `<` and later `>` with something like a tag between.
fn has_tag(name: &str) -> bool {
    let after = name.split('<').skip(1);
    let mut tags = after.filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!'));
    tags.any(|rest| rest.contains('>'))
}

/// `link` stands at the start or after something that is no letter or digit.
fn starts_a_word(text: &str, link: &str) -> bool {
    text.match_indices(link).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_good() {
        for name in ["box", "My box 7", "a.b_c-d", "größe", "1 < 2", "a>b", "metadata: x", "#1", "a%20b", "awww. nice"]
        {
            assert_eq!(check_new(name, &[]), Ok(()), "{name}");
        }
    }

    #[test]
    fn bad_names_are_refused_with_the_reason() {
        for (name, part) in [
            ("", "empty"),
            ("  ", "empty"),
            ("a\0b", "control"),
            ("a\nb", "control"),
            ("..", "path"),
            (".", "path"),
            ("../etc", "path"),
            ("a\\b", "path"),
            ("<b>x", "HTML"),
            ("x<script src=1>", "HTML"),
            ("see https:example", "URL"),
            ("WWW.example.com", "URL"),
            ("mailto:me", "URL"),
            ("6f1e8f0a-3c1d-4a52-9c63-0d6a1f0e9b11", "UUID"),
            ("6F1E8F0A3C1D4A529C630D6A1F0E9B11", "UUID"),
            ("current", "paths"),
        ] {
            let reason = check_new(name, &["current"]).expect_err(name);
            assert!(reason.contains(part), "{name:?}: {reason}");
        }
        assert!(check_new(&"x".repeat(MAX_NAME), &[]).is_ok());
        assert!(check_new(&"x".repeat(MAX_NAME + 1), &[]).is_err());
    }
}
