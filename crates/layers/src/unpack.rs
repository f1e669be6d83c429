//! From a layer to an upper directory.

use std::{
    io::{self, BufReader, Read},
    path::Path,
    sync::atomic::AtomicBool,
};

use crate::{
    clear,
    digest::Digested,
    entry::CHUNK,
    error::{Cancel, Error, at},
    place::Place,
    root::Root,
    tar_in::TarIn,
};

/// 8 MiB. What we write needs far less; a stream that asks for more memory is not ours.
const MAX_WINDOW_LOG: u32 = 23;

/// What the compressed stream is known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// SHA-256 hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// What may come out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the tar, and so of data written. Holes are not counted.
    pub max_bytes: u64,
    /// Entries of the tar.
    pub max_entries: u64,
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpacked {
    /// Bytes of the tar.
    pub bytes: u64,
    /// Entries of the tar.
    pub entries: u64,
}

/// Makes the files of a layer in an empty directory. Nothing is made elsewhere, whatever the layer says.
///
/// # Errors
/// See [`Error`]; then the directory is empty again, unless the error says otherwise. The digest is known only at the
/// end, so that a layer that is wrong in two ways may be refused for the other.
pub fn unpack(
    input: impl Read,
    dir: &Path,
    expected: &Expected,
    limits: Limits,
    cancel: Option<&AtomicBool>,
) -> Result<Unpacked, Error> {
    let root = Root::open(dir).map_err(at(b""))?;
    if dir.read_dir().map_err(at(b""))?.next().is_some() {
        return Err(at(b"")(io::Error::from(io::ErrorKind::DirectoryNotEmpty)));
    }
    let unpacked = make(input, Place::new(root, Cancel(cancel)), expected, limits, Cancel(cancel));
    if let Err(error) = &unpacked {
        clear(dir).map_err(|left| {
            let what = format!("{error}; and what was unpacked cannot be removed: {left}");
            at(b"")(io::Error::new(left.kind(), what))
        })?;
    }
    unpacked
}

/// Changes the files of a whole file system to what overlayfs would show with the layer on top. What is mounted in it
/// stays as it is.
///
/// # Errors
/// See [`Error`]; some of the files are changed then.
pub fn unpack_onto(
    input: impl Read,
    dir: &Path,
    expected: &Expected,
    limits: Limits,
    cancel: Option<&AtomicBool>,
) -> Result<Unpacked, Error> {
    let root = Root::open_without_mounts(dir).map_err(at(b""))?;
    make(input, Place::onto(root, Cancel(cancel)), expected, limits, Cancel(cancel))
}

fn make(
    input: impl Read,
    mut place: Place,
    expected: &Expected,
    limits: Limits,
    cancel: Cancel,
) -> Result<Unpacked, Error> {
    let mut decoder = zstd::Decoder::new(Digested::new(input, expected.size))?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    let mut tar =
        TarIn::new(BufReader::with_capacity(CHUNK, Limited { inner: decoder, bytes: 0, max: limits.max_bytes }));
    let mut entries = 0;
    while let Some(found) = tar.next().map_err(|error| as_limit(error, limits))? {
        cancel.check()?;
        entries += 1;
        if entries > limits.max_entries {
            return Err(Error::TooLarge { what: "entries", max: limits.max_entries });
        }
        place.put(found, &mut tar).map_err(|error| as_limit(error, limits))?;
    }
    let mut limited = tar.into_inner();
    io::copy(&mut limited, &mut io::sink()).map_err(|error| as_limit(Error::Stream(error), limits))?;
    let Limited { inner: decoder, bytes, .. } = limited.into_inner();
    let mut rest = decoder.finish();
    io::copy(&mut rest, &mut io::sink())?;
    let (sha256, size, _) = rest.into_inner().end();
    let (expected, found) =
        (format!("{} of {} bytes", expected.sha256, expected.size), format!("{sha256} of {size} bytes"));
    if expected != found {
        return Err(Error::Digest { expected, found });
    }
    // Last, so that the root too is as it was when the layer was refused.
    place.end()?;
    Ok(Unpacked { bytes, entries })
}

/// A reader that ends in an error after so many bytes.
struct Limited<R> {
    inner: R,
    bytes: u64,
    max: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.bytes += read as u64;
        if self.bytes > self.max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(read)
    }
}

fn as_limit(error: Error, limits: Limits) -> Error {
    match error {
        Error::Stream(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Error::TooLarge { what: "bytes", max: limits.max_bytes }
        }
        other => other,
    }
}
