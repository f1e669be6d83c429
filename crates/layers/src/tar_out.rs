//! Entries as a tar: a ustar header, and a PAX header before it for what that cannot say.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
};

use tar::{EntryType, Header};

use crate::{
    entry::{CHUNK, Entry, Kind, Meta},
    error::{Cancel, Error, at},
    extents::{Extent, to_map},
    records,
};

const BLOCK: u64 = 512;
/// Longest name or target in a ustar header.
const SHORT: usize = 100;
/// Longest PAX header; read by [`crate::tar_in`] too.
pub const MAX_RECORDS: u64 = 4 << 20;

/// Writes entries.
pub struct TarOut<W> {
    out: W,
    /// Bytes written.
    pub bytes: u64,
    /// Entries written.
    pub entries: u64,
    buffer: Vec<u8>,
}

impl<W: Write> TarOut<W> {
    pub fn new(out: W) -> Self {
        Self { out, bytes: 0, entries: 0, buffer: vec![0; CHUNK] }
    }

    /// An entry without data.
    pub fn entry(&mut self, entry: &Entry) -> Result<(), Error> {
        self.headers(entry, 0, &[], b"")
    }

    /// A file with its data; of its holes only when `extents` says where they are not. What is no longer there to be
    /// read is written as zeros: the header already promised it.
    pub fn file(
        &mut self,
        entry: &Entry,
        size: u64,
        file: &File,
        extents: Option<&[Extent]>,
        cancel: Cancel,
    ) -> Result<(), Error> {
        let whole = [Extent { offset: 0, length: size }];
        let mut length = size;
        if let Some(extents) = extents {
            let map = to_map(extents);
            length = map.len() as u64 + extents.iter().map(|extent| extent.length).sum::<u64>();
            let size = size.to_string();
            let records: [(&[u8], &[u8]); 4] = [
                (b"GNU.sparse.major", b"1"),
                (b"GNU.sparse.minor", b"0"),
                (b"GNU.sparse.name", &entry.path),
                (b"GNU.sparse.realsize", size.as_bytes()),
            ];
            self.headers(entry, length, &records, b"GNUSparseFile.0/file")?;
            self.put(&map)?;
        } else {
            self.headers(entry, length, &[], b"")?;
        }
        for extent in extents.unwrap_or(&whole) {
            self.copy(file, *extent, &entry.path, cancel)?;
        }
        self.pad(length)?;
        Ok(())
    }

    /// Two empty blocks, and what it wrote to.
    pub fn end(mut self) -> io::Result<(W, u64, u64)> {
        self.put(&[0; 2 * BLOCK as usize])?;
        Ok((self.out, self.bytes, self.entries))
    }

    fn copy(&mut self, file: &File, extent: Extent, path: &[u8], cancel: Cancel) -> Result<(), Error> {
        let (mut offset, end) = (extent.offset, extent.offset + extent.length);
        let mut buffer = std::mem::take(&mut self.buffer);
        while offset < end {
            cancel.check()?;
            let wanted = usize::try_from(end - offset).map_or(CHUNK, |left| left.min(CHUNK));
            let chunk = &mut buffer[..wanted];
            let read = file.read_at(chunk, offset).map_err(at(path))?;
            if read == 0 {
                chunk.fill(0);
            }
            let got = if read == 0 { wanted } else { read };
            self.put(&chunk[..got])?;
            offset += got as u64;
        }
        self.buffer = buffer;
        Ok(())
    }

    /// `stand_in` is the name for who does not understand `more`; empty for the entry's own.
    fn headers(&mut self, entry: &Entry, length: u64, more: &[(&[u8], &[u8])], stand_in: &[u8]) -> Result<(), Error> {
        let name = if stand_in.is_empty() { name_in_tar(entry) } else { stand_in.to_vec() };
        let target: &[u8] = match &entry.kind {
            Kind::Symlink(target) | Kind::Hardlink(target) => target,
            _ => b"",
        };
        let records = records(entry, &name, target, more);
        if records.len() as u64 > MAX_RECORDS {
            return Err(Error::TooLarge { what: "bytes of a file's attributes", max: MAX_RECORDS });
        }
        if !records.is_empty() {
            let length = records.len() as u64;
            let meta = Meta { mode: 0o644, uid: 0, gid: 0, mtime: crate::entry::Time { seconds: 0, nanos: 0 } };
            self.put(header(b"././@PaxHeader", b"", EntryType::XHeader, &meta, length)?.as_bytes())?;
            self.put(&records)?;
            self.pad(length)?;
        }
        self.put(header(&name, target, kind_in_tar(&entry.kind), &entry.meta, length)?.as_bytes())?;
        self.entries += 1;
        Ok(())
    }

    fn pad(&mut self, length: u64) -> io::Result<()> {
        let missing = length.next_multiple_of(BLOCK) - length;
        self.put(&[0; BLOCK as usize][..usize::try_from(missing).unwrap_or(0)])
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// Directories end in a slash, and the root is `./`.
fn name_in_tar(entry: &Entry) -> Vec<u8> {
    let mut name = entry.path.clone();
    if name.is_empty() {
        name.push(b'.');
    }
    if entry.kind == Kind::Directory {
        name.push(b'/');
    }
    name
}

fn kind_in_tar(kind: &Kind) -> EntryType {
    match kind {
        Kind::Directory => EntryType::Directory,
        Kind::File { .. } => EntryType::Regular,
        Kind::Symlink(_) => EntryType::Symlink,
        Kind::Hardlink(_) => EntryType::Link,
        Kind::Fifo => EntryType::Fifo,
        Kind::Whiteout => EntryType::Char,
    }
}

/// What the ustar header cannot say.
fn records(entry: &Entry, name: &[u8], target: &[u8], more: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (keyword, value) in more {
        records::put(&mut out, keyword, value);
    }
    if name.len() > SHORT {
        records::put(&mut out, b"path", name);
    }
    if target.len() > SHORT {
        records::put(&mut out, b"linkpath", target);
    }
    let mtime = entry.meta.mtime;
    if mtime.nanos != 0 || mtime.seconds < 0 {
        records::put(&mut out, b"mtime", mtime.to_decimal().as_bytes());
    }
    for attribute in &entry.attributes {
        records::put(&mut out, &records::attribute_keyword(&attribute.name), &attribute.value);
    }
    out
}

fn header(name: &[u8], target: &[u8], kind: EntryType, meta: &Meta, length: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    let old = header.as_old_mut();
    let (name, target) = (&name[..name.len().min(SHORT)], &target[..target.len().min(SHORT)]);
    old.name[..name.len()].copy_from_slice(name);
    old.linkname[..target.len()].copy_from_slice(target);
    header.set_entry_type(kind);
    header.set_mode(meta.mode);
    header.set_uid(u64::from(meta.uid));
    header.set_gid(u64::from(meta.gid));
    header.set_mtime(u64::try_from(meta.mtime.seconds).unwrap_or(0));
    header.set_size(length);
    header.set_device_major(0)?;
    header.set_device_minor(0)?;
    header.set_cksum();
    Ok(header)
}
