//! Stopping the reading and generating of data sets by a flag.

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::atomic::{AtomicBool, Ordering},
};

/// Maximum number of bytes that are processed between two checks of the flag.
pub(crate) const CHUNK: usize = 4 << 20;

/// A flag that is never set, for data that is already in memory.
pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);

/// An error once the flag is set; [`load`](crate::load()) reports it as [`DataError::Stopped`](crate::DataError::Stopped).
pub(crate) fn check(stop: &AtomicBool) -> io::Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(io::Error::other("stopped")),
        false => Ok(()),
    }
}

/// Allocates `len` zeros; fails once the flag is set.
pub(crate) fn zeros(len: usize, stop: &AtomicBool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    while bytes.len() < len {
        check(stop)?;
        bytes.resize((bytes.len() + CHUNK).min(len), 0);
    }
    Ok(bytes)
}

/// A reader that fails once the flag is set.
pub(crate) struct StopRead<'a, R> {
    pub reader: R,
    pub stop: &'a AtomicBool,
}

impl<R: Read> Read for StopRead<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        check(self.stop)?;
        let len = buffer.len().min(CHUNK);
        self.reader.read(&mut buffer[..len])
    }
}

impl<R: Seek> Seek for StopRead<'_, R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.reader.seek(position)
    }
}
