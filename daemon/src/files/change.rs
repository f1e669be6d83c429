//! Folder, delete, permissions.

use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::Path;

use super::error::{FileError, FileResult};
use crate::accounts;

/// New mode and owners; what is absent stays.
#[derive(Debug, Default, Clone)]
pub struct Ownership {
    pub mode: Option<u32>,
    pub owner: Option<String>,
    pub group: Option<String>,
}

/// Octal digits, as `chmod` reads them.
pub fn parse_mode(text: &str) -> FileResult<u32> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))
        .ok_or_else(|| FileError::Argument(format!("invalid mode: {:?}", text.chars().take(40).collect::<String>())))
}

/// With its parents; the umask applies. One that exists stays as it is.
pub fn create_folder(path: &Path, mode: u32) -> FileResult<()> {
    let created = DirBuilder::new().recursive(true).mode(mode).create(path);
    created.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            FileError::Argument(format!("not a directory: {}", path.display()))
        }
        _ => FileError::of(path, error),
    })
}

/// A file, a link (not what it points to), or with `recursive` a directory.
pub fn delete(path: &Path, recursive: bool) -> FileResult<()> {
    let metadata = fs::symlink_metadata(path).map_err(FileError::at(path))?;
    let deleted = match (metadata.is_dir(), recursive) {
        (false, _) => fs::remove_file(path),
        (true, true) => fs::remove_dir_all(path),
        (true, false) => {
            let message = format!("cannot delete directory {} without recursive=true", path.display());
            return Err(FileError::Argument(message));
        }
    };
    deleted.map_err(FileError::at(path))
}

/// Follows links. Owners are looked up before anything is changed.
pub fn set_permissions(path: &Path, ownership: &Ownership) -> FileResult<()> {
    let Ownership { mode, owner, group } = ownership;
    let unknown = |what: &'static str| move || FileError::Argument(format!("{what} not found"));
    let user_id = owner.as_deref().map(|owner| accounts::user_id(owner).ok_or_else(unknown("user"))).transpose()?;
    let group_id = group.as_deref().map(|group| accounts::group_id(group).ok_or_else(unknown("group"))).transpose()?;
    fs::metadata(path).map_err(FileError::at(path))?;
    // Owners first: changing them clears the set-id bits of the mode.
    if user_id.is_some() || group_id.is_some() {
        chown(path, user_id, group_id).map_err(FileError::at(path))?;
    }
    if let Some(mode) = mode {
        fs::set_permissions(path, Permissions::from_mode(*mode)).map_err(FileError::at(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn modes() {
        assert_eq!(parse_mode("0755").expect("a mode"), 0o755);
        assert_eq!(parse_mode("644").expect("a mode"), 0o644);
        assert_eq!(parse_mode("0o600").expect("a mode"), 0o600);
        for bad in ["", "8", "rwx", "10000", "-1", "+7", "99999999999999"] {
            assert!(parse_mode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn delete_takes_what_it_was_told_to() {
        let dir = tempfile::tempdir().expect("temp dir");
        let (inside, link) = (dir.path().join("full/x"), dir.path().join("link"));
        create_folder(&inside, 0o755).expect("mkdir");
        create_folder(&inside, 0o755).expect("again is fine");
        symlink(dir.path().join("full"), &link).expect("link");
        delete(&link, true).expect("the link goes");
        assert!(inside.exists());
        assert!(matches!(delete(&dir.path().join("full"), false), Err(FileError::Argument(_))));
        delete(&dir.path().join("full"), true).expect("all of it");
        assert!(matches!(delete(&inside, false), Err(FileError::NotFound(_))));
    }

    #[test]
    fn permissions() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("file");
        fs::write(&path, "").expect("write");
        let mine = fs::metadata(&path).expect("stat").uid().to_string();
        set_permissions(&path, &Ownership { mode: Some(0o4711), owner: Some(mine), group: None }).expect("ours");
        assert_eq!(fs::metadata(&path).expect("stat").mode() & 0o7777, 0o4711);
        let nobody = Ownership { mode: Some(0), owner: Some("no such user".into()), group: None };
        assert_eq!(set_permissions(&path, &nobody).expect_err("unknown").to_string(), "user not found");
        assert_eq!(fs::metadata(&path).expect("stat").mode() & 0o7777, 0o4711, "nothing changed");
        assert!(matches!(create_folder(&path.join("below"), 0o755), Err(FileError::Argument(_))));
    }
}
