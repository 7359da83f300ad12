//! Reading files that may be compressed, in bounded memory.

use std::{
    io::{self, BufReader, Read},
    path::Path,
    sync::atomic::AtomicBool,
};

use flate2::read::MultiGzDecoder;
use inceptive_files::{GIB, MIB, Refusal, disk::File};

use crate::{
    error::{FileError, Problem},
    stop::StopRead,
};

/// Maximum size of a file that is read.
pub(crate) const MAX_FILE_BYTES: u64 = 8 * GIB;

/// Maximum memory that is reserved because of a size that only the content of a file states.
const MAX_RESERVED: u64 = 64 * MIB;

/// The first bytes of gzip files.
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// The content of a file, decompressed while it is read if it is a gzip file.
pub(crate) struct Input<'a> {
    path: &'a Path,
    reader: Box<dyn Read + 'a>,
    /// Bytes read so far.
    offset: u64,
    /// The size of the content, where it is known before it is read.
    size: Option<u64>,
}

impl<'a> Input<'a> {
    /// Opens a file. Reading it fails once `stop` is set.
    pub fn open(path: &'a Path, stop: &'a AtomicBool) -> Result<Self, FileError> {
        let failed = FileError::io(path);
        let file = inceptive_files::open(path, MAX_FILE_BYTES).map_err(&failed)?;
        let size = file.metadata().map_err(&failed)?.len();
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let is_gzip = starts_as_gzip(&mut reader).map_err(&failed)?;
        let (reader, size): (Box<dyn Read>, _) = match is_gzip {
            true => (Box::new(MultiGzDecoder::new(reader)), None),
            // Files of pseudo file systems, such as /proc, have size 0.
            false => (Box::new(reader), Some(size).filter(|&size| size > 0)),
        };
        Ok(Self::of_reader(path, StopRead { reader, stop }, size))
    }

    /// Some bytes that are already in memory, with the name that errors give them.
    pub fn of_bytes(path: &'a Path, bytes: &'a [u8]) -> Self {
        Self::of_reader(path, bytes, Some(bytes.len() as u64))
    }

    /// The content that a reader provides, with its size if known.
    pub fn of_reader(path: &'a Path, reader: impl Read + 'a, size: Option<u64>) -> Self {
        Self { path, reader: Box::new(reader), offset: 0, size }
    }

    /// Where the next bytes are in the content.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The error of a problem at an offset.
    pub fn error(&self, offset: u64, problem: Problem) -> FileError {
        FileError::at(self.path, offset, problem)
    }

    /// The next bytes, part of the header of a file of at least `expected` bytes.
    pub fn header<const N: usize>(&mut self, expected: u64) -> Result<[u8; N], FileError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, expected)?;
        Ok(bytes)
    }

    /// The next four bytes as a big-endian number; they are the header of a file of at least `expected` bytes.
    pub fn header_word(&mut self, expected: u64) -> Result<u32, FileError> {
        self.header(expected).map(u32::from_be_bytes)
    }

    /// Fills a buffer; the file has to have at least `expected` bytes.
    pub fn fill(&mut self, buffer: &mut [u8], expected: u64) -> Result<(), FileError> {
        let found = read_up_to(&mut self.reader, buffer);
        let found = found.map_err(|error| self.error(self.offset, Problem::Io(error)))?;
        if found < buffer.len() {
            let found = self.offset + found as u64;
            return Err(self.error(found, Problem::Short { expected, found }));
        }
        self.offset += buffer.len() as u64;
        Ok(())
    }

    /// The rest of the content, which has to be `expected` bytes. Little more memory is used than there are bytes.
    pub fn rest(&mut self, expected: usize) -> Result<Vec<u8>, FileError> {
        let end = self.offset + expected as u64;
        if let Some(size) = self.size {
            self.check_end(size, end)?;
        }
        let reserved = match self.size {
            Some(_) => expected,
            None => expected.min(usize::try_from(MAX_RESERVED).unwrap_or(usize::MAX)),
        };
        let mut bytes = Vec::new();
        let failed = |error| self.error(self.offset, Problem::Io(error));
        bytes.try_reserve_exact(reserved).map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
        let read = self.reader.by_ref().take(expected as u64 + 1).read_to_end(&mut bytes);
        if let Err(error) = read {
            let offset = self.offset + bytes.len() as u64;
            return Err(self.error(offset, Problem::Io(error)));
        }
        self.check_end(self.offset + bytes.len() as u64, end)?;
        Ok(bytes)
    }

    /// All of the content, at most `limit` bytes.
    pub fn all(mut self, limit: u64) -> Result<Vec<u8>, FileError> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| self.error(bytes.len() as u64, Problem::Io(error)))?;
        match bytes.len() as u64 > limit {
            true => Err(self.error(limit, Problem::Io(Refusal::TooLarge { limit }.into()))),
            false => Ok(bytes),
        }
    }

    fn check_end(&self, found: u64, expected: u64) -> Result<(), FileError> {
        match found {
            found if found < expected => Err(self.error(found, Problem::Short { expected, found })),
            found if found > expected => Err(self.error(expected, Problem::Long { expected })),
            _ => Ok(()),
        }
    }
}

/// Whether a reader starts with a gzip file; nothing is taken from it.
fn starts_as_gzip(reader: &mut BufReader<File>) -> io::Result<bool> {
    Ok(io::BufRead::fill_buf(reader)?.starts_with(&GZIP_MAGIC))
}

/// Fills a buffer as far as the reader goes.
fn read_up_to(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
