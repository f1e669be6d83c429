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

/// Every object, and every part of an upload that was never completed.
pub fn all() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![STACK.state_dir().join("aws/s3")];
    while let Some(folder) = folders.pop() {
        let (inner, files): (Vec<_>, Vec<_>) = entries(&folder)?.into_iter().partition(|path| path.is_dir());
        folders.extend(inner);
        found.extend(files.into_iter().filter(|file| !is_about_an_object(file)));
    }
    found.sort();
    Ok(found)
}

/// The engine (s3s-fs) notes checksums and the like in files of their own, and forgets those when it deletes the object.
fn is_about_an_object(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".bucket-"))
}

/// What the runners have packed and not yet sent.
pub fn spools() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for runner in entries(STACK.state_dir())? {
        let packed = |path: &PathBuf| path.to_string_lossy().ends_with(".tar.zst");
        found.extend(entries(&runner.join("captures"))?.into_iter().filter(packed));
    }
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
