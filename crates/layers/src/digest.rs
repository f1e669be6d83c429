//! SHA-256 and length of what goes by.

use std::io::{self, Read, Write};

use aws_lc_rs::digest::{Context, SHA256};

/// A writer or reader that is listened to.
pub struct Digested<T> {
    inner: T,
    context: Context,
    bytes: u64,
    /// Reading more is an error.
    max: u64,
}

impl<T> Digested<T> {
    pub fn new(inner: T, max: u64) -> Self {
        Self { inner, context: Context::new(&SHA256), bytes: 0, max }
    }

    /// SHA-256 hex, bytes, and the writer or reader.
    pub fn end(self) -> (String, u64, T) {
        (hex::encode(self.context.finish()), self.bytes, self.inner)
    }

    fn heard(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.heard(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.heard(&into[..read]);
        if self.bytes > self.max {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than expected"));
        }
        Ok(read)
    }
}
