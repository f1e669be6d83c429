//! The way in: what [`crate::tar_out`] writes, and nothing that it would not.

use std::io::{self, Read};

use tar::{EntryType, Header};

use crate::{
    attributes::{self, Attribute},
    entry::{Entry, Kind, Meta, Time, as_path},
    error::Error,
    extents::{self, Extent},
    records,
    tar_out::MAX_RECORDS,
};

const BLOCK: u64 = 512;
/// GNU tar writes them; nothing here needs them.
const IGNORED: [&[u8]; 5] = [b"atime", b"ctime", b"uname", b"gname", b"comment"];

/// Reads entries. After one with data, [`TarIn::data`] has to be read to its end.
pub struct TarIn<R> {
    input: R,
    /// Bytes of data and padding of the present entry that are not read.
    data: u64,
    padding: u64,
}

/// An entry, and where its data goes; none: it has no holes.
pub struct Found {
    pub entry: Entry,
    pub extents: Option<Vec<Extent>>,
}

/// What a PAX header said.
#[derive(Default)]
struct Said {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<Time>,
    attributes: Vec<Attribute>,
    sparse_version: [Option<u64>; 2],
    real_size: Option<u64>,
}

impl<R: Read> TarIn<R> {
    pub fn new(input: R) -> Self {
        Self { input, data: 0, padding: 0 }
    }

    /// The next one, or none at the end.
    pub fn next(&mut self) -> Result<Option<Found>, Error> {
        let padding = self.padding;
        io::copy(&mut (&mut self.input).take(padding), &mut io::sink())?;
        let Some(header) = self.header()? else { return Ok(None) };
        if header.entry_type() != EntryType::XHeader {
            return self.found(&header, Said::default()).map(Some);
        }
        let length = header.entry_size()?;
        if length > MAX_RECORDS {
            return Err(Error::TooLarge { what: "bytes of a file's attributes", max: MAX_RECORDS });
        }
        let mut bytes = Vec::new();
        (&mut self.input).take(length.next_multiple_of(BLOCK)).read_to_end(&mut bytes)?;
        let records = usize::try_from(length).ok().and_then(|length| records::parse(bytes.get(..length)?));
        let said = Said::from(records.ok_or_else(|| refused("a PAX header is wrong"))?)?;
        let header = self.header()?.ok_or_else(|| refused("it ends after a PAX header"))?;
        self.found(&header, said).map(Some)
    }

    /// Reads data of the present entry into all of `into`, which is not more than there is.
    pub fn data(&mut self, into: &mut [u8]) -> Result<(), Error> {
        let left = self.data.checked_sub(into.len() as u64).ok_or_else(|| refused("a file is too short"))?;
        self.input.read_exact(into)?;
        self.data = left;
        Ok(())
    }

    /// What the tar was read from.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// None at an empty block, which ends a tar.
    fn header(&mut self) -> Result<Option<Header>, Error> {
        let mut header = Header::new_old();
        self.input.read_exact(header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum = header.as_bytes().iter().enumerate();
        let sum: u32 = sum.map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
        if header.cksum()? != sum {
            return Err(refused("a header's checksum is wrong"));
        }
        Ok(Some(header))
    }

    fn found(&mut self, header: &Header, said: Said) -> Result<Found, Error> {
        let path = clean(&said.path.unwrap_or_else(|| header.path_bytes().into_owned()))?;
        let target = said.target.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
        let target = || target.filter(|target| !target.is_empty()).ok_or_else(|| refused("a link without a target"));
        let stored = said.size.map_or_else(|| header.entry_size(), Ok)?;
        let mut extents = None;
        self.data = stored;
        let kind = match header.entry_type() {
            EntryType::Regular => {
                let (size, found) = self.sparse(stored, said.sparse_version, said.real_size)?;
                extents = found;
                Kind::File { size }
            }
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink(target()?),
            EntryType::Link => Kind::Hardlink(clean(&target()?)?),
            EntryType::Fifo => Kind::Fifo,
            EntryType::Char if (header.device_major()?, header.device_minor()?) == (Some(0), Some(0)) => Kind::Whiteout,
            other => {
                return Err(refused(&format!("{} is of kind {:?}", as_path(&path).display(), other.as_byte() as char)));
            }
        };
        if self.data > 0 && !matches!(kind, Kind::File { .. }) {
            return Err(refused("data of something that has none"));
        }
        self.padding = stored.checked_next_multiple_of(BLOCK).ok_or_else(|| refused("a file is too long"))? - stored;
        let id = |said: Option<u64>, header: io::Result<u64>| {
            u32::try_from(said.map_or(header, Ok)?).map_err(|_| refused("an owner is out of range"))
        };
        let meta = Meta {
            mode: header.mode()? & 0o7777,
            uid: id(said.uid, header.uid())?,
            gid: id(said.gid, header.gid())?,
            mtime: match said.mtime {
                Some(time) => time,
                None => Time { seconds: i64::try_from(header.mtime()?).unwrap_or(i64::MAX), nanos: 0 },
            },
        };
        Ok(Found { entry: Entry { path, kind, meta, attributes: said.attributes }, extents })
    }

    /// The size of a file with its holes, and where there are none.
    fn sparse(
        &mut self,
        stored: u64,
        version: [Option<u64>; 2],
        real_size: Option<u64>,
    ) -> Result<(u64, Option<Vec<Extent>>), Error> {
        let size = real_size.unwrap_or(stored);
        if i64::try_from(size).is_err() {
            return Err(refused("a file is too long"));
        }
        match version {
            [None, None] if real_size.is_none() => Ok((size, None)),
            [Some(1), Some(0)] => {
                let mut input = (&mut self.input).take(stored);
                let (extents, map) = extents::from_map(&mut input, size)?;
                let data: u64 = extents.iter().map(|extent| extent.length).sum();
                if map.checked_add(data) != Some(stored) {
                    return Err(refused("a map of holes is wrong"));
                }
                self.data = data;
                Ok((size, Some(extents)))
            }
            _ => Err(refused("a file with holes is in a format not known")),
        }
    }
}

impl Said {
    fn from(records: Vec<(&[u8], &[u8])>) -> Result<Self, Error> {
        let mut said = Self::default();
        for (keyword, value) in records {
            let text = std::str::from_utf8(value);
            let number =
                || text.ok().and_then(|text| text.parse::<u64>().ok()).ok_or_else(|| refused("a PAX number is wrong"));
            match keyword {
                b"path" | b"GNU.sparse.name" => said.path = Some(value.to_vec()),
                b"linkpath" => said.target = Some(value.to_vec()),
                b"size" => said.size = Some(number()?),
                b"uid" => said.uid = Some(number()?),
                b"gid" => said.gid = Some(number()?),
                b"mtime" => {
                    let time = text.ok().and_then(Time::from_decimal);
                    said.mtime = Some(time.ok_or_else(|| refused("a PAX time is wrong"))?);
                }
                b"GNU.sparse.major" => said.sparse_version[0] = Some(number()?),
                b"GNU.sparse.minor" => said.sparse_version[1] = Some(number()?),
                b"GNU.sparse.realsize" => said.real_size = Some(number()?),
                other => match other.strip_prefix(records::ATTRIBUTE) {
                    Some(name) => said.attribute(name, value)?,
                    None if IGNORED.contains(&other) => {}
                    None => return Err(refused(&format!("PAX record {}", String::from_utf8_lossy(other)))),
                },
            }
        }
        Ok(said)
    }

    fn attribute(&mut self, encoded: &[u8], value: &[u8]) -> Result<(), Error> {
        let name = records::attribute_name(encoded);
        if !attributes::allowed(&name, value) {
            return Err(refused(&format!("extended attribute {}", String::from_utf8_lossy(&name))));
        }
        self.attributes.push(Attribute { name, value: value.to_vec() });
        Ok(())
    }
}

/// A path within the root: `./` before it and `/` after it mean nothing, and it neither climbs nor is absolute.
pub fn clean(path: &[u8]) -> Result<Vec<u8>, Error> {
    let inner = path.strip_prefix(b"./").unwrap_or(path);
    let inner = inner.strip_suffix(b"/").unwrap_or(inner);
    if inner.is_empty() && path.starts_with(b"./") || inner == b"." {
        return Ok(Vec::new());
    }
    if inner.split(|byte| *byte == b'/').any(|part| part.is_empty() || part == b"." || part == b"..") {
        return Err(refused(&format!("path {}", as_path(path).display())));
    }
    Ok(inner.to_vec())
}

fn refused(what: &str) -> Error {
    Error::Refused(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn paths_stay_within() {
        for (path, inner) in [("a", "a"), ("./", ""), (".", ""), ("./a/b/", "a/b"), ("a/...", "a/...")] {
            assert_eq!(clean(path.as_bytes()).unwrap(), inner.as_bytes());
        }
        for path in ["", "/", "/a", ".//a", "a//b", "..", "./..", "a/..", "a/../b", "a/./b", "a//"] {
            assert!(clean(path.as_bytes()).is_err(), "{path}");
        }
    }
}
