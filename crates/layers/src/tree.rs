//! Whole file systems as container engines export them, and what one of them changed of another: for engines that do
//! not show the upper directory.
//!
//! An export has no times below a second, no holes and of the extended attributes only capabilities; so has what is made
//! of it, but for holes where a file is zeros.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::Path,
    sync::atomic::AtomicBool,
};

use aws_lc_rs::digest::{Context, SHA256};
use tar::{Archive, EntryType};

use crate::{
    attributes::{self, Attribute},
    entry::{CHUNK, Entry, Kind, Meta, Time},
    error::{Cancel, Error, at},
    place::{Data, Place},
    records,
    root::Root,
    tar_in::{Found, clean},
};

/// What is known of all files of an export; some hundred bytes each.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<Vec<u8>, File>,
    /// Names of files that have several, by the first.
    names: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
}

#[derive(Debug, PartialEq, Eq)]
struct File {
    kind: Kind,
    meta: Meta,
    attributes: Vec<Attribute>,
    /// SHA-256 of the content; empty where there is none.
    content: Vec<u8>,
}

/// What differs between two exports.
#[derive(Debug)]
pub struct Changes {
    /// Made, or other than they were; and the directories that these and the deleted ones are in.
    made: BTreeSet<Vec<u8>>,
    deleted: Vec<Vec<u8>>,
}

impl Tree {
    /// Reads a whole export.
    ///
    /// # Errors
    /// When it is not a tar, or `cancel` was raised.
    pub fn read(tar: impl Read, cancel: Option<&AtomicBool>) -> Result<Self, Error> {
        let mut tree = Self::default();
        let mut buffer = vec![0; CHUNK];
        each(tar, Cancel(cancel), |entry, data| {
            let content = match entry.kind {
                Kind::File { .. } => digest(data, &mut buffer, Cancel(cancel))?,
                _ => Vec::new(),
            };
            if let Kind::Hardlink(first) = &entry.kind {
                let names = tree.names.entry(first.clone()).or_insert_with(|| BTreeSet::from([first.clone()]));
                names.insert(entry.path.clone());
            }
            let Entry { path, kind, meta, attributes } = entry;
            tree.files.insert(path, File { kind, meta, attributes, content });
            Ok(())
        })?;
        Ok(tree)
    }

    /// What was done to `base` to make this of it.
    #[must_use]
    pub fn changes_of(&self, base: &Self) -> Changes {
        let mut made = BTreeSet::new();
        for path in self.files.keys().filter(|path| !self.is_as_in(base, path)) {
            made.insert(path.clone());
            // A file is one, whatever its names: with one of them the others are new too.
            made.extend(self.names_of(path).iter().cloned());
        }
        let is_directory = |path: &[u8]| self.files.get(path).is_some_and(|file| file.kind == Kind::Directory);
        let gone = base.files.keys().filter(|path| !self.files.contains_key(*path));
        // What lay in a directory that is gone is gone with it.
        let deleted: Vec<_> = gone.filter(|path| parent(path).is_none_or(is_directory)).cloned().collect();
        let above: Vec<_> = made.iter().chain(&deleted).flat_map(|path| ancestors(path)).map(<[u8]>::to_vec).collect();
        made.extend(above);
        Changes { made, deleted }
    }

    fn is_as_in(&self, base: &Self, path: &[u8]) -> bool {
        let (ours, theirs) = (self.file(path), base.file(path));
        ours.is_some() && ours == theirs && self.names_of(path) == base.names_of(path)
    }

    /// The file behind a name.
    fn file(&self, path: &[u8]) -> Option<&File> {
        let file = self.files.get(path)?;
        match &file.kind {
            Kind::Hardlink(first) => self.files.get(first),
            _ => Some(file),
        }
    }

    /// All names of the file behind one; none where it has but this.
    fn names_of(&self, path: &[u8]) -> Cow<'_, BTreeSet<Vec<u8>>> {
        let first = match self.files.get(path).map(|file| &file.kind) {
            Some(Kind::Hardlink(first)) => first.as_slice(),
            _ => path,
        };
        self.names.get(first).map_or_else(|| Cow::Owned(BTreeSet::new()), Cow::Borrowed)
    }
}

impl Changes {
    /// Paths that were made or deleted, and of the directories that these are in.
    #[must_use]
    pub fn names(&self) -> Vec<&[u8]> {
        self.made.iter().chain(&self.deleted).map(Vec::as_slice).collect()
    }

    /// Makes an upper directory of them in an empty one, from the export that the later tree was read from.
    ///
    /// # Errors
    /// See [`Error`]; then some of it is there.
    pub fn place(&self, tar: impl Read, dir: &Path, cancel: Option<&AtomicBool>) -> Result<(), Error> {
        let root = Root::open(dir).map_err(at(b""))?;
        let mut place = Place::new(root, Cancel(cancel)).with_holes();
        let plain = Meta { mode: 0o755, uid: 0, gid: 0, mtime: Time { seconds: 0, nanos: 0 } };
        let entry = |path: &[u8], kind| Entry { path: path.to_vec(), kind, meta: plain, attributes: Vec::new() };
        // Exports do not speak of the root.
        place.put(Found { entry: entry(b"", Kind::Directory), extents: None }, &mut Nothing)?;
        each(tar, Cancel(cancel), |entry, data| {
            if self.made.contains(&entry.path) {
                place.put(Found { entry, extents: None }, &mut Content(data))?;
            }
            Ok(())
        })?;
        for path in &self.deleted {
            place.put(Found { entry: entry(path, Kind::Whiteout), extents: None }, &mut Nothing)?;
        }
        place.end()
    }
}

/// Every file of an export that a layer could hold, but for the root. Devices are the engine's.
fn each<R: Read>(
    tar: R,
    cancel: Cancel,
    mut then: impl FnMut(Entry, &mut tar::Entry<'_, R>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut archive = Archive::new(tar);
    for entry in archive.entries()? {
        cancel.check()?;
        let mut entry = entry?;
        let Some(found) = known(&mut entry)? else { continue };
        then(found, &mut entry)?;
    }
    // To its end, or who sends it would be cut off.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
    Ok(())
}

fn known<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Option<Entry>, Error> {
    let path = entry.path_bytes().into_owned();
    if matches!(path.as_slice(), b"/" | b"./" | b".") {
        return Ok(None);
    }
    let path = clean(path.strip_prefix(b"/").unwrap_or(&path))?;
    let target = entry.link_name_bytes().map(Cow::into_owned).unwrap_or_default();
    let kind = match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => Kind::File { size: entry.size() },
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink(target),
        EntryType::Link => Kind::Hardlink(clean(target.strip_prefix(b"/").unwrap_or(&target))?),
        EntryType::Fifo => Kind::Fifo,
        _ => return Ok(None),
    };
    let mut found = Vec::new();
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        let Some(name) = record.key_bytes().strip_prefix(records::ATTRIBUTE).map(<[u8]>::to_vec) else { continue };
        let value = record.value_bytes().to_vec();
        let holds = matches!(kind, Kind::File { .. } | Kind::Directory);
        if holds && name != attributes::OPAQUE && attributes::allowed(&name, &value) {
            found.push(Attribute { name, value });
        }
    }
    found.sort();
    let header = entry.header();
    let number = |id: u64| u32::try_from(id).map_err(|_| Error::Refused("an owner is out of range".to_owned()));
    let seconds = i64::try_from(header.mtime()?).unwrap_or(i64::MAX);
    let meta = Meta {
        mode: header.mode()? & 0o7777,
        uid: number(header.uid()?)?,
        gid: number(header.gid()?)?,
        mtime: Time { seconds, nanos: 0 },
    };
    Ok(Some(Entry { path, kind, meta, attributes: found }))
}

fn digest(data: &mut impl Read, buffer: &mut [u8], cancel: Cancel) -> Result<Vec<u8>, Error> {
    let mut context = Context::new(&SHA256);
    loop {
        cancel.check()?;
        match data.read(buffer)? {
            0 => return Ok(context.finish().as_ref().to_vec()),
            read => context.update(&buffer[..read]),
        }
    }
}

/// None of what is in the root.
fn parent(path: &[u8]) -> Option<&[u8]> {
    path.iter().rposition(|byte| *byte == b'/').map(|slash| &path[..slash])
}

fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(parent(path), |path| parent(path))
}

struct Content<'a, R>(&'a mut R);

impl<R: Read> Data for Content<'_, R> {
    fn data(&mut self, into: &mut [u8]) -> Result<(), Error> {
        Ok(self.0.read_exact(into)?)
    }
}

/// Of entries without data.
struct Nothing;

impl Data for Nothing {
    fn data(&mut self, into: &mut [u8]) -> Result<(), Error> {
        if into.is_empty() { Ok(()) } else { Err(Error::Refused("data of something that has none".to_owned())) }
    }
}
