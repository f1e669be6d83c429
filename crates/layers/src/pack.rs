//! From an upper directory to a layer.

use std::{
    collections::{HashMap, hash_map::Entry as Slot},
    fs::File,
    io::{BufWriter, Write},
    os::{fd::OwnedFd, unix::ffi::OsStringExt},
    path::Path,
    sync::atomic::AtomicBool,
    thread,
};

use nix::{
    dir::Dir,
    fcntl::{OFlag, readlinkat},
    sys::stat::{FileStat, SFlag, fstat},
};

use crate::{
    attributes,
    digest::Digested,
    entry::{CHUNK, Entry, Kind, Meta},
    error::{Cancel, Error, at, at_call},
    extents,
    root::Root,
    tar_out::TarOut,
};

/// Higher ones buy 2 to 9 % for 1.3 times the time.
const LEVEL: i32 = 1;
/// More compress faster than anything can be uploaded, and take from the sandboxes.
const MAX_WORKERS: usize = 4;

/// A layer that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// SHA-256 hex of the compressed stream.
    pub sha256: String,
    /// Bytes of the compressed stream.
    pub size: u64,
    /// Bytes of the tar in it.
    pub unpacked: u64,
    /// Entries of the tar.
    pub entries: u64,
    /// Files that no layer holds: sockets, and devices other than whiteouts.
    pub skipped: u64,
}

/// Writes the changed files of a sandbox, which must not change meanwhile. The same files give the same bytes.
///
/// # Errors
/// See [`Error`]; `out` has then got a part.
pub fn pack(dir: &Path, out: impl Write, cancel: Option<&AtomicBool>) -> Result<Packed, Error> {
    let root = Root::open(dir).map_err(at(b""))?;
    let mut encoder = zstd::Encoder::new(Digested::new(out, u64::MAX), LEVEL)?;
    // Never without workers, be there one core only: the bytes would be others.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    encoder.multithread(u32::try_from(cores.min(MAX_WORKERS)).unwrap_or(1))?;
    let tar = TarOut::new(BufWriter::with_capacity(CHUNK, encoder));
    let mut walk = Walk { root, tar, names: HashMap::new(), skipped: 0, cancel: Cancel(cancel) };
    walk.run()?;
    let skipped = walk.skipped;
    let (buffered, unpacked, entries) = walk.tar.end()?;
    let encoder = buffered.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    let (sha256, size, mut out) = encoder.finish()?.end();
    out.flush()?;
    Ok(Packed { sha256, size, unpacked, entries, skipped })
}

struct Walk<'a, W> {
    root: Root,
    tar: TarOut<W>,
    /// The first name of each file that has several.
    names: HashMap<(u64, u64), Vec<u8>>,
    skipped: u64,
    cancel: Cancel<'a>,
}

/// A directory, and what of it is still to come.
struct Level {
    path: Vec<u8>,
    names: std::vec::IntoIter<Vec<u8>>,
}

impl<W: Write> Walk<'_, W> {
    /// Every directory before what is in it, and that in the order of its names' bytes.
    fn run(&mut self) -> Result<(), Error> {
        let stat = fstat(self.root.at(b"", OFlag::O_PATH).map_err(at_call(b""))?).map_err(at_call(b""))?;
        // Not a stack of functions: a tenant can make directories deeper than a thread's stack.
        let mut levels = vec![self.directory(Vec::new(), &stat)?];
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.next() else {
                levels.pop();
                continue;
            };
            self.cancel.check()?;
            let mut path = level.path.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            levels.extend(self.visit(path)?);
        }
        Ok(())
    }

    /// Writes a file, and answers with a directory to go into.
    fn visit(&mut self, path: Vec<u8>) -> Result<Option<Level>, Error> {
        let found = self.root.at(&path, OFlag::O_PATH | OFlag::O_NOFOLLOW).map_err(at_call(&path))?;
        let stat = fstat(&found).map_err(at_call(&path))?;
        let kind = match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFDIR => return self.directory(path, &stat).map(Some),
            SFlag::S_IFCHR if stat.st_rdev == 0 => Kind::Whiteout,
            SFlag::S_IFREG | SFlag::S_IFLNK | SFlag::S_IFIFO if self.is_another_name(&path, &stat) => {
                Kind::Hardlink(self.names[&(stat.st_dev, stat.st_ino)].clone())
            }
            SFlag::S_IFREG => return self.file(path).map(|()| None),
            SFlag::S_IFLNK => Kind::Symlink(target(&found, &path)?),
            SFlag::S_IFIFO => Kind::Fifo,
            _ => {
                self.skipped += 1;
                return Ok(None);
            }
        };
        self.tar.entry(&Entry { path, kind, meta: Meta::of(&stat), attributes: Vec::new() })?;
        Ok(None)
    }

    fn directory(&mut self, path: Vec<u8>, stat: &FileStat) -> Result<Level, Error> {
        let file = self.open(&path, OFlag::O_DIRECTORY)?;
        let attributes = attributes::read(&file, &path)?;
        let mut names = Vec::new();
        let mut dir = Dir::from_fd(OwnedFd::from(file)).map_err(at_call(&path))?;
        for entry in dir.iter() {
            let entry = entry.map_err(at_call(&path))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort_unstable();
        let entry = Entry { path, kind: Kind::Directory, meta: Meta::of(stat), attributes };
        self.tar.entry(&entry)?;
        Ok(Level { path: entry.path, names: names.into_iter() })
    }

    fn file(&mut self, path: Vec<u8>) -> Result<(), Error> {
        let file = self.open(&path, OFlag::O_NONBLOCK)?;
        let stat = fstat(&file).map_err(at_call(&path))?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let extents = extents::find(&file, size, &path)?;
        let attributes = attributes::read(&file, &path)?;
        let entry = Entry { path, kind: Kind::File { size }, meta: Meta::of(&stat), attributes };
        self.tar.file(&entry, size, &file, extents.as_deref(), self.cancel)
    }

    /// Without a new time of access: the disk would have to write it for every file.
    fn open(&self, path: &[u8], flags: OFlag) -> Result<File, Error> {
        let flags = flags | OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NOATIME;
        Ok(File::from(self.root.at(path, flags).map_err(at_call(path))?))
    }

    fn is_another_name(&mut self, path: &[u8], stat: &FileStat) -> bool {
        if stat.st_nlink < 2 {
            return false;
        }
        match self.names.entry((stat.st_dev, stat.st_ino)) {
            Slot::Occupied(_) => true,
            Slot::Vacant(slot) => {
                slot.insert(path.to_vec());
                false
            }
        }
    }
}

/// What an open symbolic link points to.
fn target(link: &OwnedFd, path: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(readlinkat(link, c"").map_err(at_call(path))?.into_vec())
}
