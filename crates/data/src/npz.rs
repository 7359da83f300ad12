//! NumPy archives with the arrays `x_train`, `y_train`, `x_test` and `y_test`, as in Keras.

use std::{
    collections::BTreeSet,
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
    path::Path,
    sync::atomic::AtomicBool,
};

use zip::{ZipArchive, result::ZipError};

use crate::{
    dataset::{ImageShape, Split, SplitKind, limit},
    error::{FileError, Problem},
    input::{Input, MAX_FILE_BYTES},
    memory::Memory,
    stop::{NEVER, StopRead, check},
};

/// The first bytes of an array.
const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// Bytes before the description of an array of version 1.
const PREFIX: u64 = 10;

/// The first bytes of an entry in the directory of an archive.
const DIRECTORY_MAGIC: [u8; 4] = *b"PK\x01\x02";

/// Bytes of such an entry before its name.
const DIRECTORY_ENTRY: usize = 46;

/// Maximum length of the description of an array.
const MAX_HEADER_BYTES: u64 = 1 << 16;

/// Training and test images, and the number of classes, which is the highest label plus one.
type Splits = (Split, Split, usize);

/// Reads an archive from memory; `path` is for errors.
///
/// # Errors
/// When it is no archive, an array is missing, or an array is not what is expected.
pub fn read_npz(path: &Path, bytes: &[u8]) -> Result<Splits, FileError> {
    read_from(path, Cursor::new(bytes), &Memory::unlimited(), &NEVER)
}

/// Reads an archive.
pub(crate) fn read(path: &Path, memory: &Memory, stop: &AtomicBool) -> Result<Splits, FileError> {
    let file = inceptive_files::open(path, MAX_FILE_BYTES).map_err(FileError::io(path))?;
    read_from(path, BufReader::new(StopRead { reader: file, stop }), memory, stop)
}

fn read_from(
    path: &Path,
    reader: impl Read + Seek,
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<Splits, FileError> {
    let mut archive = ZipArchive::new(reader).map_err(|error| failed(path, &error))?;
    if archive.has_duplicate_names() {
        let start = archive.central_directory_start();
        let name = duplicate(&mut archive.into_inner(), start);
        let name = name.map_err(FileError::io(path))?.unwrap_or_default();
        return Err(FileError::new(path, Problem::Duplicate(name)));
    }
    for kind in [SplitKind::Train, SplitKind::Test] {
        expect_equal_counts(path, &mut archive, kind)?;
    }
    let mut split = |kind: SplitKind| {
        let [images, labels] = names(kind);
        let labels = member(path, &mut archive, &labels, |input| read_labels(input, memory))?;
        let (shape, images) =
            member(path, &mut archive, &images, |input| read_images(input, memory, stop))?;
        Split::new(shape, images, labels).map_err(|problem| FileError::new(path, problem))
    };
    let (train, test) = (split(SplitKind::Train)?, split(SplitKind::Test)?);
    let highest = train.labels().iter().chain(test.labels()).max().copied();
    let classes = highest.map_or(0, |label| usize::from(label) + 1);
    Ok((train, test, classes))
}

/// The names of the images and labels of a split.
fn names(kind: SplitKind) -> [String; 2] {
    let suffix = match kind {
        SplitKind::Train => "train",
        SplitKind::Test => "test",
    };
    ["x", "y"].map(|array| format!("{array}_{suffix}.npy"))
}

/// Checks the headers of the images and labels of a split, before gigabytes are decompressed in vain.
fn expect_equal_counts<R: Read + Seek>(
    path: &Path,
    archive: &mut ZipArchive<R>,
    kind: SplitKind,
) -> Result<(), FileError> {
    let [images, labels] = names(kind);
    let (_, labels) = member(path, archive, &labels, |mut input| label_header(&mut input))?;
    let (_, images) = member(path, archive, &images, |mut input| image_header(&mut input))?;
    if images != labels {
        let [images, labels] = [images, labels].map(|it| usize::try_from(it).unwrap_or(usize::MAX));
        return Err(FileError::new(path, Problem::Counts { images, labels }));
    }
    Ok(())
}

/// The first name that is the same for two members of an archive. `ZipArchive` keeps only one of them, so this reads the
/// directory of the archive; section 4.3.12 of PKWARE's APPNOTE.TXT describes its entries.
fn duplicate(reader: &mut (impl Read + Seek), start: u64) -> io::Result<Option<String>> {
    let mut names = BTreeSet::new();
    reader.seek(SeekFrom::Start(start))?;
    loop {
        let mut entry = [0; DIRECTORY_ENTRY];
        reader.read_exact(&mut entry)?;
        if !entry.starts_with(&DIRECTORY_MAGIC) {
            return Ok(None);
        }
        let length = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
        let mut name = vec![0; length(28).into()];
        reader.read_exact(&mut name)?;
        let name = String::from_utf8_lossy(&name).into_owned();
        if !names.insert(name.clone()) {
            return Ok(Some(name));
        }
        reader.seek_relative(i64::from(length(30)) + i64::from(length(32)))?;
    }
}

fn failed(path: &Path, error: &ZipError) -> FileError {
    FileError::new(path, Problem::Archive(error.to_string()))
}

/// Reads a member of an archive.
fn member<R: Read + Seek, T>(
    path: &Path,
    archive: &mut ZipArchive<R>,
    name: &str,
    read: impl FnOnce(Input<'_>) -> Result<T, FileError>,
) -> Result<T, FileError> {
    let inside = path.join(name);
    match archive.by_name(name) {
        // The size that the archive states is not trusted.
        Ok(file) => read(Input::of_reader(&inside, file, None)),
        Err(ZipError::FileNotFound) => Err(FileError::new(path, Problem::Missing(name.to_owned()))),
        Err(error) => Err(failed(&inside, &error)),
    }
}

/// The header of an array.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    /// Type of its items: `|u1`.
    descr: String,
    shape: Vec<u64>,
}

/// The numbers of an image: rows, columns, and channels if they are there.
fn read_images(
    mut input: Input<'_>,
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<(ImageShape, Vec<u8>), FileError> {
    let (shape, count) = image_header(&mut input)?;
    let failed = |problem| input.error(PREFIX, problem);
    let bytes = shape.check(count).map_err(failed)?;
    memory.take(bytes as u64).map_err(failed)?;
    let mut pixels = input.rest(bytes)?;
    planes(shape, &mut pixels, stop).map_err(|error| input.error(PREFIX, Problem::Io(error)))?;
    Ok((shape, pixels))
}

/// The shape of images and their number, which can be held.
fn image_header(input: &mut Input<'_>) -> Result<(ImageShape, u64), FileError> {
    let Header { descr, shape } = read_header(input)?;
    let wrong = |text: String| input.error(PREFIX, Problem::Array(text));
    if descr != "|u1" {
        let text = format!("images have the type `{descr}`; bytes (uint8, `|u1`) are expected");
        return Err(wrong(text));
    }
    let (count, sides, channels) = match shape[..] {
        [count, height, width] => (count, [height, width], 1),
        [count, height, width, 1] => (count, [height, width], 1),
        [count, height, width, 3] => (count, [height, width], 3),
        _ => {
            return Err(wrong(format!(
                "images have the shape {shape:?}; (N, height, width) or (N, height, width, 1 or 3) is expected"
            )));
        }
    };
    let failed = |problem| input.error(PREFIX, problem);
    let [height, width] = ImageShape::sides(sides).map_err(failed)?;
    let shape = ImageShape { channels, height, width };
    shape.check(count).map_err(failed)?;
    Ok((shape, count))
}

/// Reorders row x column x channel to channel x row x column.
fn planes(shape: ImageShape, pixels: &mut [u8], stop: &AtomicBool) -> io::Result<()> {
    let channels = shape.channels as usize;
    if channels == 1 {
        return Ok(());
    }
    let mut old = vec![0; shape.pixels()];
    for image in pixels.chunks_exact_mut(shape.pixels()) {
        check(stop)?;
        old.copy_from_slice(image);
        for (channel, plane) in image.chunks_exact_mut(shape.plane()).enumerate() {
            let values = old[channel..].iter().step_by(channels);
            plane.iter_mut().zip(values).for_each(|(new, &old)| *new = old);
        }
    }
    Ok(())
}

/// Whole numbers of any type, in one column.
fn read_labels(mut input: Input<'_>, memory: &Memory) -> Result<Vec<u16>, FileError> {
    let (integer, count) = label_header(&mut input)?;
    let bytes = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(integer.bytes);
    // As they are in the file, and as numbers of 16 bits.
    let needed = (bytes as u64).saturating_add(2 * count);
    memory.take(needed).map_err(|problem| input.error(PREFIX, problem))?;
    let start = input.offset();
    let bytes = input.rest(bytes)?;
    let labels = bytes.chunks_exact(integer.bytes).enumerate().map(|(image, bytes)| {
        let label = integer.value(bytes);
        u16::try_from(label).map_err(|_| {
            let offset = start + (image * integer.bytes) as u64;
            input.error(offset, Problem::LabelRange { image, label })
        })
    });
    labels.collect()
}

/// The type of labels and their number.
fn label_header(input: &mut Input<'_>) -> Result<(Integer, u64), FileError> {
    let Header { descr, shape } = read_header(input)?;
    let wrong = |text: String| input.error(PREFIX, Problem::Array(text));
    let Some(integer) = Integer::parse(&descr) else {
        return Err(wrong(format!("labels have the type `{descr}`; integers are expected")));
    };
    let (&[count] | &[count, 1]) = &shape[..] else {
        return Err(wrong(format!("labels have the shape {shape:?}; (N,) or (N, 1) is expected")));
    };
    limit("the number of labels", count, u32::MAX.into())
        .map_err(|problem| input.error(PREFIX, problem))?;
    Ok((integer, count))
}

/// A type of whole numbers.
#[derive(Clone, Copy)]
struct Integer {
    bytes: usize,
    is_signed: bool,
    is_big_endian: bool,
}

impl Integer {
    fn parse(descr: &str) -> Option<Self> {
        let mut characters = descr.chars();
        let is_big_endian = match characters.next()? {
            '<' | '|' => false,
            '>' => true,
            _ => return None,
        };
        let is_signed = match characters.next()? {
            'i' => true,
            'u' => false,
            _ => return None,
        };
        let bytes: usize = characters.as_str().parse().ok()?;
        matches!(bytes, 1 | 2 | 4 | 8).then_some(Self { bytes, is_signed, is_big_endian })
    }

    /// Decodes a number.
    fn value(self, bytes: &[u8]) -> i128 {
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        let number = match self.is_big_endian {
            true => bytes.iter().fold(0, add),
            false => bytes.iter().rev().fold(0, add),
        };
        let unused = 64 - 8 * self.bytes;
        match self.is_signed {
            true => ((number << unused).cast_signed() >> unused).into(),
            false => number.into(),
        }
    }
}

fn read_header(input: &mut Input<'_>) -> Result<Header, FileError> {
    let prefix: [u8; 8] = input.header(PREFIX)?;
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, &byte| word << 8 | u32::from(byte));
    if prefix[..6] != MAGIC {
        let problem = Problem::Magic {
            found: word(&prefix[..4]),
            expected: word(&MAGIC[..4]),
            kind: "a NumPy array",
        };
        return Err(input.error(0, problem));
    }
    let length: u64 = match prefix[6] {
        1 => u16::from_le_bytes(input.header(PREFIX)?).into(),
        2 | 3 => u32::from_le_bytes(input.header(PREFIX + 2)?).into(),
        version => {
            let text = format!("arrays of version {version} are not known; 1 to 3 are");
            return Err(input.error(6, Problem::Array(text)));
        }
    };
    limit("the length of its header in bytes", length, MAX_HEADER_BYTES)
        .map_err(|problem| input.error(8, problem))?;
    let start = input.offset();
    let mut header = vec![0; usize::try_from(length).unwrap_or_default()];
    input.fill(&mut header, start + length)?;
    let header = String::from_utf8_lossy(&header);
    parse_header(&header).map_err(|text| input.error(start, Problem::Array(text)))
}

/// Reads a description such as `{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }`.
fn parse_header(header: &str) -> Result<Header, String> {
    let header: String = header.chars().filter(|character| !character.is_whitespace()).collect();
    let value = |key: &str| {
        let name = format!("'{key}':");
        let mut values = header.split(&name).skip(1);
        let value = values.next().ok_or_else(|| format!("its header has no `{key}`"))?;
        match values.next() {
            None => Ok(value),
            Some(_) => Err(format!("its header has `{key}` twice")),
        }
    };
    let descr = value("descr")?.strip_prefix('\'').and_then(|text| text.split_once('\''));
    let (descr, _) = descr.ok_or("its items are not single numbers")?;
    if !value("fortran_order")?.starts_with("False") {
        return Err("its first index varies fastest (Fortran order); save it in C order".to_owned());
    }
    let shape = value("shape")?.strip_prefix('(').and_then(|text| text.split_once(')'));
    let (shape, _) = shape.ok_or("its shape is not a tuple")?;
    let sizes = shape.split(',').filter(|size| !size.is_empty());
    let sizes: Result<Vec<u64>, _> = sizes.map(str::parse).collect();
    let sizes = sizes.map_err(|_| format!("its shape `({shape})` is not a tuple of numbers"))?;
    Ok(Header { descr: descr.to_owned(), shape: sizes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_numpy_writes_them() {
        let check = |text: &str, expected: Result<(&str, &[u64]), &str>| {
            let expected = expected
                .map(|(descr, shape)| Header { descr: descr.to_owned(), shape: shape.to_vec() })
                .map_err(str::to_owned);
            assert_eq!(parse_header(text), expected, "{text}");
        };
        check(
            "{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }   \n",
            Ok(("|u1", &[60000, 28, 28])),
        );
        check("{'descr':'<i8','fortran_order':False,'shape':(5,)}", Ok(("<i8", &[5])));
        check("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", Ok(("<i8", &[])));
        check("{'fortran_order': False, 'shape': (5,)}", Err("its header has no `descr`"));
        check(
            "{'descr': '<i8', 'fortran_order': False, 'shape': (5,), 'shape': (6,)}",
            Err("its header has `shape` twice"),
        );
        check(
            "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (5,)}",
            Err("its items are not single numbers"),
        );
        check(
            "{'descr': '<i8', 'fortran_order': True, 'shape': (5, 5)}",
            Err("its first index varies fastest (Fortran order); save it in C order"),
        );
        check(
            "{'descr': '<i8', 'fortran_order': False, 'shape': (5, -1)}",
            Err("its shape `(5,-1)` is not a tuple of numbers"),
        );
    }

    #[test]
    fn integers_of_all_types_are_read() {
        let check = |descr: &str, bytes: &[u8], expected: i128| {
            assert_eq!(Integer::parse(descr).unwrap().value(bytes), expected, "{descr}");
        };
        check("|u1", &[200], 200);
        check("|i1", &[0xFF], -1);
        check("<u2", &[1, 2], 513);
        check(">u2", &[1, 2], 258);
        check("<i4", &[0xFE, 0xFF, 0xFF, 0xFF], -2);
        check(">i8", &[0, 0, 0, 0, 0, 0, 0, 9], 9);
        check("<u8", &[0xFF; 8], u64::MAX.into());
        check("<i8", &[0xFF; 8], -1);
        for descr in ["<f4", "|b1", "=i4", "<i3", "", "<", "<i", "<i-1"] {
            assert!(Integer::parse(descr).is_none(), "{descr}");
        }
    }
}
