//! IDX files, the format of MNIST: a magic number and sizes in big-endian order, then one byte per value.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use crate::{
    dataset::{ImageShape, MAX_SIDE, Split, SplitKind, limit},
    error::{FileError, Problem},
    input::Input,
    memory::Memory,
};

/// The magic number of unsigned bytes in three dimensions: image x row x column.
const IMAGES: u32 = 0x0000_0803;

/// The magic number of unsigned bytes in one dimension.
const LABELS: u32 = 0x0000_0801;

/// Bytes before the pixels.
const IMAGES_HEADER: u64 = 16;

/// Bytes before the labels.
const LABELS_HEADER: u64 = 8;

/// Reads an IDX file of images from memory, not compressed; `path` is for errors.
///
/// # Errors
/// When it is another kind of file, too short, too long, empty or too large.
pub fn read_idx_images(path: &Path, bytes: &[u8]) -> Result<(ImageShape, Vec<u8>), FileError> {
    images(Input::of_bytes(path, bytes), &Memory::unlimited())
}

/// Reads an IDX file of labels from memory, not compressed; `path` is for errors.
///
/// # Errors
/// When it is another kind of file, too short, too long or empty.
pub fn read_idx_labels(path: &Path, bytes: &[u8]) -> Result<Vec<u8>, FileError> {
    labels(Input::of_bytes(path, bytes), &Memory::unlimited())
}

fn images(mut input: Input<'_>, memory: &Memory) -> Result<(ImageShape, Vec<u8>), FileError> {
    let header = images_header(&mut input)?;
    Ok((header.shape, pixels(input, &header, memory)?))
}

/// What a file of images states, which can be held.
struct ImagesHeader {
    shape: ImageShape,
    count: usize,
    bytes: usize,
}

fn images_header(input: &mut Input<'_>) -> Result<ImagesHeader, FileError> {
    expect_magic(input, IMAGES, "an IDX file of images", IMAGES_HEADER)?;
    let count = input.header_word(IMAGES_HEADER)?;
    let height = input.header_word(IMAGES_HEADER)?;
    let width = input.header_word(IMAGES_HEADER)?;
    for (offset, what, side) in [(8, "the height", height), (12, "the width", width)] {
        limit(what, side.into(), MAX_SIDE.into())
            .map_err(|problem| input.error(offset, problem))?;
    }
    let shape = ImageShape { channels: 1, height, width };
    let bytes = shape.check(count.into()).map_err(|problem| input.error(4, problem))?;
    Ok(ImagesHeader { shape, count: count as usize, bytes })
}

/// What follows the header.
fn pixels(
    mut input: Input<'_>,
    header: &ImagesHeader,
    memory: &Memory,
) -> Result<Vec<u8>, FileError> {
    memory.take(header.bytes as u64).map_err(|problem| input.error(4, problem))?;
    input.rest(header.bytes)
}

fn labels(mut input: Input<'_>, memory: &Memory) -> Result<Vec<u8>, FileError> {
    expect_magic(&mut input, LABELS, "an IDX file of labels", LABELS_HEADER)?;
    let count = input.header_word(LABELS_HEADER)?;
    let shape = ImageShape { channels: 1, height: 1, width: 1 };
    let bytes = shape.check(count.into()).map_err(|problem| input.error(4, problem))?;
    // As bytes, and as numbers of 16 bits.
    memory.take(3 * bytes as u64).map_err(|problem| input.error(4, problem))?;
    input.rest(bytes)
}

fn expect_magic(
    input: &mut Input<'_>,
    expected: u32,
    kind: &'static str,
    header: u64,
) -> Result<(), FileError> {
    match input.header_word(header)? {
        found if found == expected => Ok(()),
        found => Err(input.error(0, Problem::Magic { found, expected, kind })),
    }
}

/// The first parts of the file names of a split.
const fn stem(kind: SplitKind) -> &'static str {
    match kind {
        SplitKind::Train => "train",
        SplitKind::Test => "t10k",
    }
}

/// A file of a folder under any of its usual names: compressed or not, and with a dot as some sites write it.
fn find(folder: &Path, stem: &str, rest: &str) -> Option<PathBuf> {
    let names = ["-", "."].iter().flat_map(|mark| {
        ["", ".gz"].iter().map(move |suffix| format!("{stem}{mark}{rest}{suffix}"))
    });
    names.map(|name| folder.join(name)).find(|path| path.exists())
}

const IMAGES_REST: &str = "idx3-ubyte";
const LABELS_REST: &str = "idx1-ubyte";

/// The four files of a folder: training images and labels, test images and labels.
///
/// # Errors
/// When one is missing.
pub(crate) fn files(folder: &Path) -> Result<[PathBuf; 4], FileError> {
    let file = |kind: SplitKind, what: &str, rest: &str| {
        let stem = format!("{}-{what}", stem(kind));
        find(folder, &stem, rest)
            .ok_or_else(|| FileError::new(folder, Problem::Missing(format!("{stem}-{rest}.gz"))))
    };
    Ok([
        file(SplitKind::Train, "images", IMAGES_REST)?,
        file(SplitKind::Train, "labels", LABELS_REST)?,
        file(SplitKind::Test, "images", IMAGES_REST)?,
        file(SplitKind::Test, "labels", LABELS_REST)?,
    ])
}

/// Reads both splits of the four files of a folder. Labels have to be below `classes`, if that is known.
///
/// # Errors
/// When a file is wrong; the error names it and the place in it.
pub(crate) fn read(
    [train_images, train_labels, test_images, test_labels]: &[PathBuf; 4],
    classes: Option<usize>,
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<(Split, Split), FileError> {
    let split = |images_path: &Path, labels_path: &Path| {
        let labels = labels(Input::open(labels_path, stop)?, memory)?;
        check_labels(labels_path, &labels, classes)?;
        let mut input = Input::open(images_path, stop)?;
        let header = images_header(&mut input)?;
        // Before gigabytes are decompressed in vain.
        if header.count != labels.len() {
            let problem = Problem::Counts { images: header.count, labels: labels.len() };
            return Err(FileError::new(images_path, problem));
        }
        let pixels = pixels(input, &header, memory)?;
        let labels = labels.into_iter().map(u16::from).collect();
        Split::new(header.shape, pixels, labels)
            .map_err(|problem| FileError::new(images_path, problem))
    };
    Ok((split(train_images, train_labels)?, split(test_images, test_labels)?))
}

fn check_labels(path: &Path, labels: &[u8], classes: Option<usize>) -> Result<(), FileError> {
    let Some(classes) = classes else { return Ok(()) };
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        Some(image) => {
            let problem = Problem::Label { image, label: labels[image].into(), classes };
            Err(FileError::at(path, LABELS_HEADER + image as u64, problem))
        }
        None => Ok(()),
    }
}
