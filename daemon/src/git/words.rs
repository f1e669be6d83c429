//! What callers may say. Git itself judges names and revisions; here stands what must not reach it: nothing, NUL bytes,
//! and what it would take for an option.

use super::error::{Failure, GitResult};

/// Of a refused word, as much as helps to recognise it.
const SHOWN: usize = 120;

/// A name or revision.
pub fn word<'a>(what: &str, text: &'a str) -> GitResult<&'a str> {
    let refuse = |why| Err(Failure::Argument.because(format!("invalid {what} {:?}: {why}", shown(text))));
    if text.trim().is_empty() {
        return Err(Failure::Argument.because(format!("{what} is required")));
    }
    if text.starts_with('-') {
        return refuse("begins with a dash");
    }
    if text.contains(|letter: char| letter.is_ascii_control()) {
        return refuse("contains a control character");
    }
    Ok(text)
}

/// The same, where nothing is as good as none.
pub fn optional<'a>(what: &str, text: Option<&'a str>) -> GitResult<Option<&'a str>> {
    text.filter(|text| !text.is_empty()).map(|text| word(what, text)).transpose()
}

/// The name of a branch. It becomes part of a refspec, where these letters mean something.
pub fn branch(text: &str) -> GitResult<&str> {
    let name = word("branch", text)?;
    if name.contains([' ', '~', '^', ':', '?', '*', '[', '\\']) || name.contains("@{") {
        return Err(Failure::Argument.because(format!("{:?} is not a valid branch name", shown(name))));
    }
    Ok(name)
}

/// The key of a setting. Git says of a key that cannot be what it says of one that is not set.
pub fn key(text: &str) -> GitResult<&str> {
    let key = word("key", text)?;
    let plain = |part: &str| part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let (section, name) = (key.split('.').next().unwrap_or_default(), key.rsplit('.').next().unwrap_or_default());
    let begins_well = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    match key.contains('.') && !section.is_empty() && plain(section) && begins_well && plain(name) {
        true => Ok(key),
        false => Err(Failure::Argument.because(format!("invalid key {:?}: it should be as user.name", shown(key)))),
    }
}

/// A text of any kind, but there.
pub fn text<'a>(what: &str, text: &'a str) -> GitResult<&'a str> {
    if text.trim().is_empty() {
        return Err(Failure::Argument.because(format!("{what} is required")));
    }
    whole(what, text)
}

/// A text of any kind; programs take none with a NUL.
pub fn whole<'a>(what: &str, text: &'a str) -> GitResult<&'a str> {
    match text.contains('\0') {
        true => Err(Failure::Argument.because(format!("{what} contains a NUL byte"))),
        false => Ok(text),
    }
}

/// A line of text, where git's own protocols end each with a newline.
pub fn line<'a>(what: &str, text: &'a str) -> GitResult<&'a str> {
    match text.contains(['\0', '\n', '\r']) {
        true => Err(Failure::Argument.because(format!("{what} contains a line break or a NUL byte"))),
        false => Ok(text),
    }
}

/// Files, for `--pathspec-from-file`: any number of any length.
pub fn files(files: &[String]) -> GitResult<Vec<u8>> {
    let mut list = Vec::new();
    for file in files {
        list.extend_from_slice(text("file name", file)?.as_bytes());
        list.push(0);
    }
    Ok(list)
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
