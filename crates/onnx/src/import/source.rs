//! Where the bytes of a model are, and those of the files beside it. Those of large tensors stay there until they are asked for.

use std::{
    collections::HashMap,
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

    /// A part of a file that the model names, from the folder of the model. A source that is in no folder has none.
    ///
    /// # Errors
    /// When it cannot be read or may not be; [`io::ErrorKind::UnexpectedEof`] if it ends before.
    fn read_beside(&self, location: &str, range: Range<u64>) -> io::Result<Bytes> {
        let _ = (location, range);
        Err(io::Error::new(io::ErrorKind::Unsupported, "the model is in no folder"))
    }
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

/// Why values cannot be read.
#[derive(Debug)]
pub enum Unread {
    /// The model cannot be read.
    Model(io::Error),
    /// A file beside it cannot be.
    Beside {
        /// The file, from the folder of the model.
        location: String,
        error: io::Error,
    },
}

/// A source that remembers whether it could be read: an error in the middle of reading a network is reported at its end.
#[derive(Debug)]
pub struct Stored {
    source: Arc<dyn Source>,
    error: Mutex<Option<Unread>>,
    /// How far each file beside the model was read.
    beside: Mutex<HashMap<String, u64>>,
}

impl Stored {
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self { source, error: Mutex::new(None), beside: Mutex::default() }
    }

    /// A part of the bytes; `None` if they cannot be read.
    pub fn read(&self, range: Range<u64>) -> Option<Bytes> {
        let read = self.source.read(range);
        read.map_err(|error| self.keep(Unread::Model(error))).ok()
    }

    /// A part of a file beside the model; `None` if it cannot be read.
    pub fn read_beside(&self, location: &str, range: Range<u64>) -> Option<Bytes> {
        let (wanted, end) = (range.end.saturating_sub(range.start), range.end);
        let read = self.source.read_beside(location, range).and_then(|bytes| {
            let is_whole = bytes.len() as u64 == wanted;
            is_whole.then_some(bytes).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        });
        let failed = |error| self.keep(Unread::Beside { location: location.to_owned(), error });
        let bytes = read.map_err(failed).ok()?;
        let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        let known = beside.entry(location.to_owned()).or_default();
        *known = end.max(*known);
        Some(bytes)
    }

    /// How many bytes the files beside the model have, as far as they were read.
    pub fn bytes_beside(&self) -> u64 {
        let beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        beside.values().fold(0, |all, &bytes| all.saturating_add(bytes))
    }

    fn keep(&self, error: Unread) {
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }

    /// Why bytes could not be read, the first time that it happened.
    pub fn error(&self) -> Option<Unread> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
