//! Makes files in a directory that was empty, or changes those that a whole file system has; and nowhere else.

use std::{
    fs::File,
    io,
    io::Read,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::FileExt,
    },
    path::PathBuf,
};

use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag},
    sys::{
        stat::{
            FchmodatFlags, Mode, SFlag, UtimensatFlags, fchmod, fchmodat, fstat, futimens, mkdirat, mknodat, utimensat,
        },
        time::TimeSpec,
    },
    unistd::{Gid, Uid, UnlinkatFlags, fchown, fchownat, linkat, symlinkat, unlinkat},
};

use crate::{
    attributes::{self, Attribute, DEFAULT_ACL},
    entry::{CHUNK, Entry, Kind, Meta, as_path},
    error::{Cancel, Error, at, at_call},
    extents::Extent,
    root::{Root, below, clear, look},
    tar_in::{Found, TarIn},
};

/// Bytes kept in memory of directories until the end: a hostile layer could hold many with long attributes.
const MAX_KEPT: u64 = 256 << 20;

/// Where files are made.
pub struct Place<'a> {
    root: Root,
    /// The directory of the last entry: most come one after the other.
    parent: Option<(Vec<u8>, OwnedFd)>,
    directories: Vec<Unfinished>,
    kept: u64,
    buffer: Vec<u8>,
    cancel: Cancel<'a>,
    /// There are files already: the layer is applied to them, as overlayfs would show both.
    onto: bool,
    /// What reads as zeros is left as a hole.
    holes: bool,
}

/// Where the data of files comes from.
pub trait Data {
    /// Reads data of the present entry into all of `into`, which is not more than there is.
    fn data(&mut self, into: &mut [u8]) -> Result<(), Error>;
}

/// What was where an entry goes.
enum Way {
    Free,
    /// A directory, and it stays.
    Kept,
    /// Something that is mounted: none of a layer's.
    Mounted,
}

/// What is done to a directory when nothing more is made in it: its time would change, and its default ACL apply.
struct Unfinished {
    path: Vec<u8>,
    meta: Meta,
    attributes: Vec<Attribute>,
}

impl<'a> Place<'a> {
    pub fn new(root: Root, cancel: Cancel<'a>) -> Self {
        Self {
            root,
            parent: None,
            directories: Vec::new(),
            kept: 0,
            buffer: vec![0; CHUNK],
            cancel,
            onto: false,
            holes: false,
        }
    }

    /// For data that was read from files whose holes are not known any more.
    pub fn with_holes(self) -> Self {
        Self { holes: true, ..self }
    }

    /// Changes what is there.
    pub fn onto(root: Root, cancel: Cancel<'a>) -> Self {
        Self { onto: true, ..Self::new(root, cancel) }
    }

    /// Makes one entry with its data.
    pub fn put(&mut self, found: Found, tar: &mut impl Data) -> Result<(), Error> {
        let Found { mut entry, extents } = found;
        if entry.path.is_empty() {
            return self.keep(entry);
        }
        let path = entry.path.clone();
        let (parent, name) = split(&path);
        let dir = match self.parent.take() {
            Some((path, dir)) if path == parent => dir,
            _ => match self.root.at(parent, OFlag::O_PATH | OFlag::O_DIRECTORY) {
                Err(Errno::EXDEV) if self.onto => return self.pass(&entry, extents.as_deref(), tar),
                opened => opened.map_err(at_call(parent))?,
            },
        };
        let way = if self.onto { make_way(&dir, name, &mut entry)? } else { Way::Free };
        let failed = at_call(&path);
        match &entry.kind {
            _ if matches!(way, Way::Mounted) => return self.pass(&entry, extents.as_deref(), tar),
            Kind::Directory if matches!(way, Way::Kept) => {}
            Kind::Whiteout if self.onto => {
                self.parent = Some((parent.to_vec(), dir));
                return Ok(());
            }
            Kind::File { size } => self.file(&dir, name, &entry, (*size, extents.as_deref()), tar)?,
            Kind::Directory => mkdirat(&dir, name, Mode::S_IRWXU).map_err(&failed)?,
            Kind::Symlink(target) => symlinkat(target.as_slice(), &dir, name).map_err(&failed)?,
            Kind::Hardlink(target) => self.hard_link(target, &dir, name).map_err(&failed)?,
            Kind::Fifo => mknodat(&dir, name, SFlag::S_IFIFO, Mode::empty(), 0).map_err(&failed)?,
            Kind::Whiteout => mknodat(&dir, name, SFlag::S_IFCHR, Mode::empty(), 0).map_err(&failed)?,
        }
        match entry.kind {
            Kind::Symlink(_) | Kind::Fifo | Kind::Whiteout => {
                if !entry.attributes.is_empty() {
                    let what = "extended attributes of neither a file nor a directory";
                    return Err(Error::Unsupported { path: as_path(&path), what });
                }
                special(&dir, name, &entry).map_err(&failed)?;
            }
            Kind::Directory => {
                self.parent = Some((parent.to_vec(), dir));
                return self.keep(entry);
            }
            // A hard link has what its file has.
            Kind::File { .. } | Kind::Hardlink(_) => {}
        }
        self.parent = Some((parent.to_vec(), dir));
        Ok(())
    }

    /// Directories get what they are, those inside first.
    pub fn end(mut self) -> Result<(), Error> {
        while let Some(Unfinished { path, meta, attributes }) = self.directories.pop() {
            self.cancel.check()?;
            let fd = self.root.at(&path, OFlag::O_RDONLY | OFlag::O_DIRECTORY).map_err(at_call(&path))?;
            finish(&File::from(fd), &path, &meta, &attributes)?;
        }
        Ok(())
    }

    fn keep(&mut self, entry: Entry) -> Result<(), Error> {
        if entry.kind != Kind::Directory {
            return Err(Error::Refused("the root is not a directory".to_owned()));
        }
        let values = entry.attributes.iter().map(|attribute| attribute.name.len() + attribute.value.len() + 64);
        self.kept += (values.sum::<usize>() + entry.path.len() + 128) as u64;
        if self.kept > MAX_KEPT {
            return Err(Error::TooLarge { what: "bytes about directories", max: MAX_KEPT });
        }
        let Entry { path, meta, attributes, .. } = entry;
        self.directories.push(Unfinished { path, meta, attributes });
        Ok(())
    }

    /// Reads over what is not made.
    fn pass(&mut self, entry: &Entry, extents: Option<&[Extent]>, tar: &mut impl Data) -> Result<(), Error> {
        let Kind::File { size } = entry.kind else { return Ok(()) };
        let mut left = extents.map_or(size, |extents| extents.iter().map(|extent| extent.length).sum());
        while left > 0 {
            self.cancel.check()?;
            let length = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            tar.data(&mut self.buffer[..length])?;
            left -= length as u64;
        }
        Ok(())
    }

    /// The target was made by us: the root was empty, and the way there neither leaves it nor follows a link.
    fn hard_link(&self, target: &[u8], dir: &OwnedFd, name: &[u8]) -> nix::Result<()> {
        if target.is_empty() {
            return Err(Errno::EINVAL);
        }
        let (parent, target_name) = split(target);
        let from = self.root.at(parent, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
        linkat(from, target_name, dir, name, AtFlags::empty())
    }

    fn file(
        &mut self,
        dir: &OwnedFd,
        name: &[u8],
        entry: &Entry,
        (size, extents): (u64, Option<&[Extent]>),
        tar: &mut impl Data,
    ) -> Result<(), Error> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        let fd = below(dir, name, flags, Mode::S_IRUSR | Mode::S_IWUSR).map_err(at_call(&entry.path))?;
        let file = File::from(fd);
        let failed = at(&entry.path);
        if extents.is_some() || self.holes {
            file.set_len(size).map_err(&failed)?;
        }
        for extent in extents.unwrap_or(&[Extent { offset: 0, length: size }]) {
            let (mut offset, end) = (extent.offset, extent.offset + extent.length);
            while offset < end {
                self.cancel.check()?;
                let length = usize::try_from(end - offset).map_or(CHUNK, |left| left.min(CHUNK));
                let chunk = &mut self.buffer[..length];
                tar.data(chunk)?;
                if !self.holes || chunk.iter().any(|byte| *byte != 0) {
                    file.write_all_at(chunk, offset).map_err(&failed)?;
                }
                offset += length as u64;
            }
        }
        finish(&file, &entry.path, &entry.meta, &entry.attributes)
    }
}

impl<R: Read> Data for TarIn<R> {
    fn data(&mut self, into: &mut [u8]) -> Result<(), Error> {
        Self::data(self, into)
    }
}

/// Removes what the entry hides. Of a directory that is opaque the mark is taken: nothing is below it any more.
fn make_way(dir: &OwnedFd, name: &[u8], entry: &mut Entry) -> Result<Way, Error> {
    let path = entry.path.clone();
    let failed = at_call(&path);
    let opaque = entry.attributes.iter().any(|attribute| attribute.name == attributes::OPAQUE);
    entry.attributes.retain(|attribute| attribute.name != attributes::OPAQUE);
    let found = match look(dir, name) {
        Err(Errno::ENOENT) => return Ok(Way::Free),
        Err(Errno::EXDEV) => return Ok(Way::Mounted),
        found => found.map_err(&failed)?,
    };
    let is_dir = fstat(&found).map_err(&failed)?.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits();
    let itself = PathBuf::from(format!("/proc/self/fd/{}", found.as_raw_fd()));
    match (is_dir, &entry.kind) {
        (true, Kind::Directory) if opaque => clear(&itself).map(|()| Way::Kept).map_err(at(&entry.path)),
        (true, Kind::Directory) => Ok(Way::Kept),
        (true, _) => {
            clear(&itself).map_err(at(&entry.path))?;
            unlinkat(dir, name, UnlinkatFlags::RemoveDir).map(|()| Way::Free).map_err(&failed)
        }
        (false, _) => unlinkat(dir, name, UnlinkatFlags::NoRemoveDir).map(|()| Way::Free).map_err(&failed),
    }
}

/// The directory of a path, and the name in it.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// Owner first: a new one takes setuid and capabilities away. Times last.
fn finish(file: &File, path: &[u8], meta: &Meta, attributes: &[Attribute]) -> Result<(), Error> {
    let failed = at_call(path);
    fchown(file, Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid))).map_err(&failed)?;
    fchmod(file, meta.permissions()).map_err(&failed)?;
    for attribute in attributes {
        if attribute.name == DEFAULT_ACL && !file.metadata().map_err(at(path))?.is_dir() {
            return Err(Error::Unsupported { path: as_path(path), what: "a default ACL of a file" });
        }
        let set = attributes::write(file, attribute);
        set.map_err(|error| at(path)(named(&attribute.name, &error)))?;
    }
    futimens(file, &TimeSpec::UTIME_OMIT, &meta.time()).map_err(&failed)
}

fn named(attribute: &[u8], error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", String::from_utf8_lossy(attribute)))
}

/// The same for what cannot be opened. It was just made here, so that its name is still it.
fn special(dir: impl AsFd, name: &[u8], entry: &Entry) -> nix::Result<()> {
    let meta = &entry.meta;
    let (uid, gid) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
    fchownat(&dir, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if !matches!(entry.kind, Kind::Symlink(_)) {
        fchmodat(&dir, name, meta.permissions(), FchmodatFlags::FollowSymlink)?;
    }
    utimensat(&dir, name, &TimeSpec::UTIME_OMIT, &meta.time(), UtimensatFlags::NoFollowSymlink)
}
