//! Changes to the environment outlive a server: init holds a nameless file in memory and hands it to
//! each server. Without that, a replaced server would give new processes the container's first variables.
//!
//! Content: the length of the rest as eight bytes, then `name=value` pairs, each ended by NUL. Any other
//! content (none yet, or a server killed while writing) counts as nothing kept.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;

use super::Variables;

const LENGTH: usize = size_of::<u64>();

/// What an earlier server wrote.
pub fn read(file: &File) -> Option<Variables> {
    let size = usize::try_from(file.metadata().ok()?.len()).ok()?;
    let mut content = vec![0; size];
    file.read_exact_at(&mut content, 0).ok()?;
    let (length, pairs) = content.split_first_chunk::<LENGTH>()?;
    if u64::from_le_bytes(*length) != pairs.len() as u64 {
        return None;
    }
    pairs.split(|byte| *byte == 0).filter(|pair| !pair.is_empty()).map(pair).collect()
}

/// Replaces what is kept.
pub fn write(file: &File, variables: &Variables) -> io::Result<()> {
    let mut pairs = Vec::new();
    for (name, value) in variables {
        pairs.extend([name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat());
    }
    let mut content = (pairs.len() as u64).to_le_bytes().to_vec();
    content.append(&mut pairs);
    file.set_len(0)?;
    file.write_all_at(&content, 0)
}

fn pair(pair: &[u8]) -> Option<(OsString, OsString)> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    Some((OsStr::from_bytes(&pair[..at]).to_owned(), OsString::from_vec(pair[at + 1..].to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_it_was_written() {
        let file = tempfile::tempfile().expect("temp file");
        assert_eq!(read(&file), None);
        let odd = OsString::from_vec(b"a=\xff\nb".to_vec());
        let long: Variables = [("A".into(), odd), ("EMPTY".into(), "".into())].into();
        write(&file, &long).expect("writes");
        assert_eq!(read(&file), Some(long));
        write(&file, &Variables::new()).expect("writes");
        assert_eq!(read(&file), Some(Variables::new()), "shorter than before");
        file.set_len(4).expect("cut");
        assert_eq!(read(&file), None);
    }
}
