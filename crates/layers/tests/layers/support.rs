//! Trees and layers for the tests. They need root, as the agent does.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::Write,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use paddock_layers::{Error, Expected, Limits, Packed, Unpacked, pack, unpack};

/// A layer in memory.
pub struct Layer {
    pub bytes: Vec<u8>,
    pub expected: Expected,
    pub limits: Limits,
}

pub fn layer(dir: &Path) -> (Layer, Packed) {
    let mut bytes = Vec::new();
    let packed = pack(dir, &mut bytes, None).unwrap();
    assert_eq!(packed.size, bytes.len() as u64);
    let expected = Expected { sha256: packed.sha256.clone(), size: packed.size };
    let limits = Limits { max_bytes: packed.unpacked, max_entries: packed.entries };
    (Layer { bytes, expected, limits }, packed)
}

/// A layer of any bytes whatever, with generous limits.
pub fn layer_of(tar: &[u8]) -> Layer {
    let bytes = zstd::encode_all(tar, 1).unwrap();
    let sha256 = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes));
    let expected = Expected { sha256, size: bytes.len() as u64 };
    Layer { bytes, expected, limits: Limits { max_bytes: 64 << 20, max_entries: 1000 } }
}

impl Layer {
    pub fn unpack(&self, dir: &Path) -> Result<Unpacked, Error> {
        unpack(&*self.bytes, dir, &self.expected, self.limits, None)
    }
}

/// Packs, unpacks elsewhere, and packs again: the bytes are the same. Answers with the copy.
pub fn copied(dir: &Path) -> tempfile::TempDir {
    let (first, packed) = layer(dir);
    let copy = tempfile::tempdir().unwrap();
    let unpacked = first.unpack(copy.path()).unwrap();
    assert_eq!((unpacked.bytes, unpacked.entries), (packed.unpacked, packed.entries));
    assert!(layer(copy.path()).0.bytes == first.bytes, "another layer");
    assert_eq!(seen(copy.path()), seen(dir));
    copy
}

/// What can be seen of a file without the crate under test.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, i64),
    links: Option<u64>,
    rdev: u64,
    target: Option<PathBuf>,
    content: Option<Vec<u8>>,
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// All that is in a directory, itself included.
pub fn seen(dir: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut all = BTreeMap::new();
    let mut next = vec![dir.to_path_buf()];
    while let Some(path) = next.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let kind = meta.file_type();
        let plain = kind.is_file() || kind.is_dir();
        let names = if plain { xattr::list(&path).unwrap().collect() } else { Vec::new() };
        let attributes = names.into_iter().map(|name| {
            let value = xattr::get(&path, &name).unwrap().unwrap();
            (name.as_bytes().to_vec(), value)
        });
        let seen = Seen {
            mode: meta.mode(),
            owner: (meta.uid(), meta.gid()),
            mtime: (meta.mtime(), meta.mtime_nsec()),
            links: (!kind.is_dir()).then(|| meta.nlink()),
            rdev: meta.rdev(),
            target: kind.is_symlink().then(|| fs::read_link(&path).unwrap()),
            content: (kind.is_file() && meta.len() < (8 << 20)).then(|| fs::read(&path).unwrap()),
            attributes: attributes.collect(),
        };
        if kind.is_dir() {
            next.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        all.insert(path.strip_prefix(dir).unwrap().to_path_buf(), seen);
    }
    all
}

/// A tar of one's own: any header, any PAX records.
#[derive(Default)]
pub struct Tar(Vec<u8>);

impl Tar {
    pub fn records(&mut self, records: &[(&str, &str)]) -> &mut Self {
        let mut text = Vec::new();
        for (keyword, value) in records {
            let rest = keyword.len() + value.len() + 3;
            let length = (rest..).find(|length| *length == rest + length.to_string().len()).unwrap();
            writeln!(text, "{length} {keyword}={value}").unwrap();
        }
        self.entry(b'x', "pax", "", &text)
    }

    pub fn entry(&mut self, kind: u8, name: &str, target: &str, data: &[u8]) -> &mut Self {
        self.device(kind, name, target, data, 0)
    }

    pub fn device(&mut self, kind: u8, name: &str, target: &str, data: &[u8], minor: u32) -> &mut Self {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(data.len() as u64);
        header.set_device_major(0).unwrap();
        header.set_device_minor(minor).unwrap();
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn layer(&self) -> Layer {
        let mut bytes = self.0.clone();
        bytes.resize(bytes.len() + 1024, 0);
        layer_of(&bytes)
    }
}

/// A name that is not text.
pub fn not_text() -> &'static OsStr {
    OsStr::from_bytes(b"caf\xe9 \xff\n")
}
