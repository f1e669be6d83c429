//! Files with holes: where the data is, and how GNU tar's sparse format 1.0 writes that.

use std::{fs::File, io::Read};

use nix::{
    errno::Errno,
    unistd::{Whence, lseek64},
};

use crate::error::{Error, at_call};

/// A hole smaller than this is written as zeros: a map of many small extents would be longer.
const SMALLEST_HOLE: u64 = 64 * 1024;
/// Longer maps are for nobody's good: 16 MiB in memory.
const MAX_EXTENTS: usize = 1 << 20;
const BLOCK: usize = 512;

/// Data between holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub offset: u64,
    pub length: u64,
}

/// Where the data is of a file of this size; none when there are no holes worth it.
pub fn find(file: &File, size: u64, path: &[u8]) -> Result<Option<Vec<Extent>>, Error> {
    let mut extents: Vec<Extent> = Vec::new();
    let mut end = 0;
    while end < size {
        let Some(start) = seek(file, end, Whence::SeekData, path)?.filter(|start| *start < size) else { break };
        let stop = seek(file, start, Whence::SeekHole, path)?.unwrap_or(size).min(size);
        let last = extents.last().map_or(0, |last| last.offset + last.length);
        match extents.last_mut() {
            Some(previous) if start - last < SMALLEST_HOLE => previous.length = stop - previous.offset,
            None if start < SMALLEST_HOLE => extents.push(Extent { offset: 0, length: stop }),
            _ => extents.push(Extent { offset: start, length: stop - start }),
        }
        if extents.len() > MAX_EXTENTS {
            return Err(Error::TooLarge { what: "pieces of a file with holes", max: MAX_EXTENTS as u64 });
        }
        end = stop;
    }
    let last = extents.last().map_or(0, |last| last.offset + last.length);
    if size - last < SMALLEST_HOLE {
        match extents.last_mut() {
            Some(extent) => extent.length = size - extent.offset,
            None => extents.push(Extent { offset: 0, length: size }),
        }
    }
    Ok((extents != [Extent { offset: 0, length: size }]).then_some(extents))
}

/// None when there is nothing more of that kind.
fn seek(file: &File, from: u64, whence: Whence, path: &[u8]) -> Result<Option<u64>, Error> {
    let from = i64::try_from(from).map_err(|_| at_call(path)(Errno::EOVERFLOW))?;
    match lseek64(file, from, whence) {
        Ok(found) => Ok(u64::try_from(found).ok()),
        Err(Errno::ENXIO) => Ok(None),
        Err(errno) => Err(at_call(path)(errno)),
    }
}

/// The map that comes before the data, padded to whole blocks.
pub fn to_map(extents: &[Extent]) -> Vec<u8> {
    let mut map = format!("{}\n", extents.len());
    for extent in extents {
        map.push_str(&format!("{}\n{}\n", extent.offset, extent.length));
    }
    let mut map = map.into_bytes();
    map.resize(map.len().next_multiple_of(BLOCK), 0);
    map
}

/// Reads a map, and says how many bytes it took. The extents are in order, apart, and within `size`.
pub fn from_map(input: &mut impl Read, size: u64) -> Result<(Vec<Extent>, u64), Error> {
    let mut numbers = Numbers { input, block: [0; BLOCK], at: BLOCK, taken: 0 };
    let count = numbers.next()?;
    if count > MAX_EXTENTS as u64 {
        return Err(Error::TooLarge { what: "pieces of a file with holes", max: MAX_EXTENTS as u64 });
    }
    let mut extents = Vec::new();
    let mut end = 0;
    for _ in 0..count {
        let extent = Extent { offset: numbers.next()?, length: numbers.next()? };
        let next_end = extent.offset.checked_add(extent.length).filter(|end| *end <= size);
        let Some(next_end) = next_end.filter(|_| extent.offset >= end) else {
            return Err(Error::Refused("a map of holes is wrong".to_owned()));
        };
        end = next_end;
        extents.push(extent);
    }
    Ok((extents, numbers.taken))
}

struct Numbers<'a, R> {
    input: &'a mut R,
    block: [u8; BLOCK],
    at: usize,
    taken: u64,
}

impl<R: Read> Numbers<'_, R> {
    fn next(&mut self) -> Result<u64, Error> {
        let mut number: Option<u64> = None;
        loop {
            if self.at == BLOCK {
                self.input.read_exact(&mut self.block)?;
                self.at = 0;
                self.taken += BLOCK as u64;
            }
            let byte = self.block[self.at];
            self.at += 1;
            number = match (byte, number) {
                (b'\n', Some(number)) => return Ok(number),
                (b'0'..=b'9', number) => {
                    number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(u64::from(byte - b'0')))
                }
                _ => None,
            };
            if number.is_none() {
                return Err(Error::Refused("a map of holes is wrong".to_owned()));
            }
        }
    }
}
