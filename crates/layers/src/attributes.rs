//! Which extended attributes belong to a layer.

use std::{ffi::OsStr, fs::File, io, os::unix::ffi::OsStrExt};

use nix::errno::Errno;
use xattr::FileExt;

use crate::error::{Error, at};

/// Applies to what is made in a directory later: set last.
pub const DEFAULT_ACL: &[u8] = b"system.posix_acl_default";

/// Of a directory that hides all below it.
pub const OPAQUE: &[u8] = b"trusted.overlay.opaque";

/// Written by overlayfs where a file's content or place is elsewhere: a layer without them would be wrong.
const ELSEWHERE: [&[u8]; 2] = [b"trusted.overlay.redirect", b"trusted.overlay.metacopy"];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
}

/// The rest is the host's, or could be used against it.
pub fn allowed(name: &[u8], value: &[u8]) -> bool {
    match name {
        b"security.capability" | b"system.posix_acl_access" | DEFAULT_ACL => true,
        OPAQUE => value == b"y",
        _ => name.starts_with(b"user.") && name.len() > b"user.".len() && !name.starts_with(b"user.overlay."),
    }
}

/// Those of a file or directory that belong to a layer, sorted.
pub fn read(file: &File, path: &[u8]) -> Result<Vec<Attribute>, Error> {
    let names = match file.list_xattr() {
        Ok(names) => names,
        Err(error) if error.raw_os_error() == Some(Errno::ENOTSUP as i32) => return Ok(Vec::new()),
        Err(error) => return Err(at(path)(error)),
    };
    let mut found = Vec::new();
    for name in names {
        if ELSEWHERE.contains(&name.as_bytes()) {
            let what = "overlayfs keeps its content elsewhere (redirect_dir or metacopy)";
            return Err(Error::Unsupported { path: crate::entry::as_path(path), what });
        }
        if let Some(value) = file.get_xattr(&name).map_err(at(path))?
            && allowed(name.as_bytes(), &value)
        {
            found.push(Attribute { name: name.as_bytes().to_vec(), value });
        }
    }
    found.sort();
    Ok(found)
}

pub fn write(file: &File, attribute: &Attribute) -> io::Result<()> {
    file.set_xattr(OsStr::from_bytes(&attribute.name), &attribute.value)
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn the_list_is_short() {
        for name in ["user.a", "user.overlay", "security.capability", "system.posix_acl_default"] {
            assert!(allowed(name.as_bytes(), b""), "{name}");
        }
        for name in ["user.", "user.overlay.opaque", "security.selinux", "trusted.x", "trusted.overlay.redirect", ""] {
            assert!(!allowed(name.as_bytes(), b"y"), "{name}");
        }
        assert!(allowed(b"trusted.overlay.opaque", b"y"));
        assert!(!allowed(b"trusted.overlay.opaque", b"x"));
    }
}
