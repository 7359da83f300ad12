//! Where the bytes of a model are. Those of large tensors stay there until they are asked for.

use std::{
    fmt::Debug,
    io,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use prost::bytes::Bytes;

/// The bytes of a model, in memory or in a file.
pub trait Source: Debug + Send + Sync {
    /// How many there are.
    fn bytes(&self) -> u64;

    /// A part of them.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, range: Range<u64>) -> io::Result<Bytes>;
}

impl Source for Bytes {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let place = |at| usize::try_from(at).ok().filter(|&at| at <= self.len());
        let range = place(range.start).zip(place(range.end)).filter(|(start, end)| start <= end);
        let (start, end) = range.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(self.slice(start..end))
    }
}

/// A source that remembers whether it could be read: an error in the middle of reading a network is reported at its end.
#[derive(Debug)]
pub struct Stored {
    source: Arc<dyn Source>,
    error: Mutex<Option<io::Error>>,
}

impl Stored {
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self { source, error: Mutex::new(None) }
    }

    /// A part of the bytes; `None` if they cannot be read.
    pub fn read(&self, range: Range<u64>) -> Option<Bytes> {
        let read = self.source.read(range);
        read.map_err(|error| {
            let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(error);
        })
        .ok()
    }

    /// Why bytes could not be read, the first time that it happened.
    pub fn error(&self) -> Option<io::Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
