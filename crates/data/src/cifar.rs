//! The binary version of CIFAR-10 and CIFAR-100: records of labels and 3 x 32 x 32 pixels.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use flate2::read::MultiGzDecoder;
use inceptive_files::GIB;

use crate::{
    dataset::{ImageShape, Split, SplitKind, limit},
    error::{FileError, Problem},
    input::{Input, MAX_FILE_BYTES},
    memory::Memory,
    stop::StopRead,
};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

/// Maximum size of a file of records, of which the largest published one has 154 MB.
const MAX_RECORDS_BYTES: u64 = GIB;

/// Copies of records that are in memory at the same time: those of a file, and those of a split.
const COPIES: u64 = 2;

/// Maximum size of everything in an archive, after decompression.
const MAX_ARCHIVE_BYTES: u64 = 4 * GIB;

/// Which of the two data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CifarKind {
    /// 10 classes; a record has one label.
    Cifar10,
    /// 100 classes; a record has the label of a superclass, which is not used, before its own.
    Cifar100,
}

impl CifarKind {
    /// Number of classes.
    pub const fn classes(self) -> usize {
        match self {
            Self::Cifar10 => 10,
            Self::Cifar100 => 100,
        }
    }

    /// Bytes of a record before its pixels; the label is the last of them.
    const fn label_bytes(self) -> usize {
        match self {
            Self::Cifar10 => 1,
            Self::Cifar100 => 2,
        }
    }

    /// The files of a split, in order.
    const fn files(self, kind: SplitKind) -> &'static [&'static str] {
        match (self, kind) {
            (Self::Cifar10, SplitKind::Train) => &[
                "data_batch_1.bin",
                "data_batch_2.bin",
                "data_batch_3.bin",
                "data_batch_4.bin",
                "data_batch_5.bin",
            ],
            (Self::Cifar10, SplitKind::Test) => &["test_batch.bin"],
            (Self::Cifar100, SplitKind::Train) => &["train.bin"],
            (Self::Cifar100, SplitKind::Test) => &["test.bin"],
        }
    }

    /// The name of the published archive, and of the folder in it.
    pub(crate) const fn archive(self) -> (&'static str, &'static str) {
        match self {
            Self::Cifar10 => ("cifar-10-binary.tar.gz", "cifar-10-batches-bin"),
            Self::Cifar100 => ("cifar-100-binary.tar.gz", "cifar-100-binary"),
        }
    }

    fn all_files(self) -> Vec<&'static str> {
        [SplitKind::Train, SplitKind::Test].map(|split| self.files(split)).concat()
    }
}

/// Images, image x channel x row x column, and their labels.
type Records = (Vec<u8>, Vec<u16>);

/// Reads a file of records from memory; `path` is for errors.
///
/// # Errors
/// When it is empty, not a whole number of records, or has a label out of range.
pub fn read_cifar(kind: CifarKind, path: &Path, bytes: &[u8]) -> Result<Split, FileError> {
    let (images, labels) = records(kind, path, bytes)?;
    Split::new(SHAPE, images, labels).map_err(|problem| FileError::new(path, problem))
}

fn records(kind: CifarKind, path: &Path, bytes: &[u8]) -> Result<Records, FileError> {
    let record = kind.label_bytes() + SHAPE.pixels();
    let found = bytes.len() as u64;
    if !bytes.len().is_multiple_of(record) {
        let end = found - found % record as u64;
        let problem = Problem::PartialRecord { found, record: record as u64 };
        return Err(FileError::at(path, end, problem));
    }
    let count = bytes.len() / record;
    let mut images = Vec::with_capacity(count * SHAPE.pixels());
    let mut labels = Vec::with_capacity(count);
    for (image, record_bytes) in bytes.chunks_exact(record).enumerate() {
        let (head, pixels) = record_bytes.split_at(kind.label_bytes());
        let label = head[head.len() - 1];
        if usize::from(label) >= kind.classes() {
            let problem = Problem::Label { image, label: label.into(), classes: kind.classes() };
            let offset = image * record + head.len() - 1;
            return Err(FileError::at(path, offset as u64, problem));
        }
        images.extend_from_slice(pixels);
        labels.push(label.into());
    }
    Ok((images, labels))
}

/// Where the files are: the archive itself, a folder with it, or a folder with its files.
///
/// # Errors
/// When they are not there.
pub(crate) fn locate(kind: CifarKind, path: &Path) -> Result<PathBuf, FileError> {
    let (archive, folder) = kind.archive();
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let first = kind.files(SplitKind::Train)[0];
    let folders = [path.to_owned(), path.join(folder)];
    let unpacked = folders.into_iter().find(|folder| folder.join(first).exists());
    let packed = Some(path.join(archive)).filter(|archive| archive.exists());
    unpacked
        .or(packed)
        .ok_or_else(|| FileError::new(path, Problem::Missing(format!("{archive}` or `{first}"))))
}

/// The archive, or the files of a folder.
///
/// # Errors
/// When they are not there.
pub(crate) fn files(kind: CifarKind, path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let place = locate(kind, path)?;
    Ok(match place.is_dir() {
        true => kind.all_files().iter().map(|name| place.join(name)).collect(),
        false => vec![place],
    })
}

/// Reads both splits of an archive or a folder.
///
/// # Errors
/// When a file is missing or wrong; the error names it and the place in it.
pub(crate) fn read(
    kind: CifarKind,
    path: &Path,
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<(Split, Split), FileError> {
    let place = locate(kind, path)?;
    let mut files = match place.is_dir() {
        true => read_folder(kind, &place, memory, stop)?,
        false => read_archive(kind, &place, memory, stop)?,
    };
    let mut split = |split_kind: SplitKind| {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for name in kind.files(split_kind) {
            let missing = || FileError::new(&place, Problem::Missing((*name).to_owned()));
            let (more_images, more_labels) = files.remove(*name).ok_or_else(missing)?;
            // The only file of a split is not copied.
            match images.is_empty() {
                true => (images, labels) = (more_images, more_labels),
                false => {
                    images.extend_from_slice(&more_images);
                    labels.extend_from_slice(&more_labels);
                }
            }
        }
        Split::new(SHAPE, images, labels).map_err(|problem| FileError::new(&place, problem))
    };
    Ok((split(SplitKind::Train)?, split(SplitKind::Test)?))
}

fn read_folder(
    kind: CifarKind,
    folder: &Path,
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<BTreeMap<String, Records>, FileError> {
    let read = |name: &str| {
        let path = folder.join(name);
        let most = MAX_RECORDS_BYTES.min(memory.left() / COPIES);
        let bytes = Input::open(&path, stop)?.all(most)?;
        let taken = memory.take(COPIES * bytes.len() as u64);
        taken.map_err(|problem| FileError::new(&path, problem))?;
        Ok((name.to_owned(), records(kind, &path, &bytes)?))
    };
    kind.all_files().into_iter().map(read).collect()
}

fn read_archive(
    kind: CifarKind,
    path: &Path,
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<BTreeMap<String, Records>, FileError> {
    let failed = |error: std::io::Error| FileError::new(path, Problem::Archive(error.to_string()));
    let file = inceptive_files::open(path, MAX_FILE_BYTES).map_err(FileError::io(path))?;
    let content = StopRead { reader: MultiGzDecoder::new(std::io::BufReader::new(file)), stop }
        .take(MAX_ARCHIVE_BYTES);
    let mut archive = tar::Archive::new(content);
    let mut files = BTreeMap::new();
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let member = entry.path().map_err(failed)?.into_owned();
        let name = member.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !kind.all_files().contains(&name) || !entry.header().entry_type().is_file() {
            continue;
        }
        if files.contains_key(name) {
            return Err(FileError::new(path, Problem::Duplicate(name.to_owned())));
        }
        let name = name.to_owned();
        let member = path.join(&member);
        limit("its size in bytes", entry.size(), MAX_RECORDS_BYTES)
            .and_then(|()| memory.take(COPIES * entry.size()))
            .map_err(|problem| FileError::new(&member, problem))?;
        let size = entry.size();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| {
            FileError::at(&member, bytes.len() as u64, Problem::Archive(error.to_string()))
        })?;
        if (bytes.len() as u64) < size {
            let problem = Problem::Short { expected: size, found: bytes.len() as u64 };
            return Err(FileError::at(&member, bytes.len() as u64, problem));
        }
        files.insert(name, records(kind, &member, &bytes)?);
    }
    Ok(files)
}
