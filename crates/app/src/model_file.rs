//! ONNX and safetensors files that are read in parts.

use std::{borrow::Cow, io, ops::Range, path::Path};

use inceptive_files::RangeFile;
use inceptive_onnx::Bytes;

/// A file with weights, of which only what is needed is read.
#[derive(Debug)]
pub struct ModelFile(RangeFile);

impl ModelFile {
    /// Opens a file of at most `limit` bytes.
    ///
    /// # Errors
    /// When the system cannot open it, or with an [`inceptive_files::Refusal`].
    pub fn open(path: &Path, limit: u64) -> io::Result<Self> {
        RangeFile::open(path, limit).map(Self)
    }
}

impl inceptive_onnx::Source for ModelFile {
    fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        self.0.read(range).map(Bytes::from)
    }
}

impl inceptive_weights::Source for ModelFile {
    fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    fn read(&self, range: Range<u64>) -> io::Result<Cow<'_, [u8]>> {
        self.0.read(range).map(Cow::Owned)
    }
}
