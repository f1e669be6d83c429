//! What really is in the bucket. The embedded S3 keeps an object as a file of the same name, and is asked by its files:
//! to list through its door every request would have to be signed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::stack::STACK;

/// Names of the objects that hold a sandbox's files, without bucket and owner.
pub fn of_sandbox(id: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for bucket in entries(&STACK.state_dir().join("aws/s3"))? {
        for organization in entries(&bucket.join("diffs"))? {
            let objects = entries(&organization.join(id))?.into_iter().filter(|path| path.is_file());
            found.extend(objects.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())));
        }
    }
    found.sort();
    Ok(found)
}

/// What is in a folder; nothing when there is none, because folders come with their first object.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| folder.display().to_string()),
    }
}
