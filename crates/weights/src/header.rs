//! Opening of safetensors files, of which only what is needed is read.

use std::{
    borrow::Cow,
    collections::HashSet,
    fmt, io,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use half::{bf16, f16};
use safetensors::{
    Dtype, SafeTensorError,
    tensor::{Metadata, TensorInfo},
};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Readers refuse longer headers.
pub const MAX_HEADER_BYTES: usize = 100_000_000;

/// The bytes in front of the header that say how long it is.
const LENGTH_BYTES: u64 = 8;

/// Bytes of a tensor that are read at once; a multiple of the size of any number.
const AT_ONCE: usize = 1 << 20;

/// The bytes of a safetensors file, in memory or in a file.
pub trait Source {
    /// How many there are.
    fn bytes(&self) -> u64;

    /// A part of them.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, range: Range<u64>) -> io::Result<Cow<'_, [u8]>>;
}

impl Source for &[u8] {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, range: Range<u64>) -> io::Result<Cow<'_, [u8]>> {
        part(self, range)
    }
}

impl Source for Vec<u8> {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, range: Range<u64>) -> io::Result<Cow<'_, [u8]>> {
        part(self, range)
    }
}

fn part(bytes: &[u8], range: Range<u64>) -> io::Result<Cow<'_, [u8]>> {
    let place = |at| usize::try_from(at).ok();
    let range = place(range.start).zip(place(range.end));
    let part = range.and_then(|(start, end)| bytes.get(start..end));
    part.map(Cow::Borrowed).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Why a file's tensors cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The bytes cannot be read.
    #[error("cannot read the file")]
    Read(#[source] io::Error),
    /// It is none.
    #[error("not a safetensors file: {0}")]
    Format(#[from] SafeTensorError),
    /// Its header is none.
    #[error("not a safetensors file: {0}")]
    Header(#[from] serde_json::Error),
    /// Its header says two things about one name, and programs differ in which one they believe.
    #[error("the header of the safetensors file has the key `{0}` twice; write the file again")]
    SameKey(String),
}

/// An open file: its header, and where its tensors are. It remembers whether they could be read, so that an error in the
/// middle of many tensors is reported at the end.
pub struct StoredFile<'a> {
    source: &'a dyn Source,
    /// Where the tensors begin.
    start: u64,
    pub(crate) metadata: Metadata,
    error: Mutex<Option<io::Error>>,
}

impl<'a> StoredFile<'a> {
    /// Opens a file; no key of its header may be there twice.
    pub fn open(source: &'a dyn Source) -> Result<Self, FormatError> {
        let length = source.read(0..LENGTH_BYTES.min(source.bytes())).map_err(FormatError::Read)?;
        let length = length.first_chunk().ok_or(SafeTensorError::HeaderTooSmall)?;
        let length = u64::from_le_bytes(*length);
        if length > MAX_HEADER_BYTES as u64 {
            return Err(SafeTensorError::HeaderTooLarge.into());
        }
        let start = LENGTH_BYTES + length;
        if start > source.bytes() {
            return Err(SafeTensorError::InvalidHeaderLength.into());
        }
        let header = source.read(LENGTH_BYTES..start).map_err(FormatError::Read)?;
        if let Some(key) = repeated(&header) {
            return Err(FormatError::SameKey(key));
        }
        let metadata: Metadata = serde_json::from_slice(&header)?;
        if start.checked_add(metadata.data_len() as u64) != Some(source.bytes()) {
            return Err(SafeTensorError::MetadataIncompleteBuffer.into());
        }
        Ok(Self { source, start, metadata, error: Mutex::new(None) })
    }

    /// A tensor.
    pub fn tensor(&self, name: &str) -> Option<StoredTensor<'_>> {
        self.metadata.info(name).map(|info| StoredTensor { file: self, info })
    }

    /// All tensors, in the order of their names.
    pub fn tensors(&self) -> Vec<(String, StoredTensor<'_>)> {
        let all = self.metadata.tensors().into_iter();
        let mut all: Vec<_> =
            all.map(|(name, info)| (name, StoredTensor { file: self, info })).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// What is read, unless a tensor could not be.
    pub fn checked<T>(&self, read: T) -> Result<T, FormatError> {
        match self.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(FormatError::Read(error)),
            None => Ok(read),
        }
    }

    fn read(&self, range: Range<u64>) -> Option<Cow<'_, [u8]>> {
        let read = self.source.read(range);
        read.map_err(|error| {
            let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(error);
        })
        .ok()
    }
}

/// A tensor of a file, whose numbers are read when they are asked for.
#[derive(Clone, Copy)]
pub struct StoredTensor<'a> {
    file: &'a StoredFile<'a>,
    info: &'a TensorInfo,
}

impl<'a> StoredTensor<'a> {
    /// Dimensions, outermost first.
    pub fn shape(&self) -> &'a [usize] {
        &self.info.shape
    }

    /// The type of its numbers.
    pub fn dtype(&self) -> Dtype {
        self.info.dtype
    }

    /// Number of bytes.
    pub fn bytes(&self) -> usize {
        let (start, end) = self.info.data_offsets;
        end - start
    }

    /// Its bytes in pieces; `None` instead of one that cannot be read.
    pub fn pieces(self) -> impl Iterator<Item = Option<Cow<'a, [u8]>>> {
        let (start, end) = self.info.data_offsets;
        (start..end).step_by(AT_ONCE).map(move |at| {
            let place = |at: usize| self.file.start + at as u64;
            self.file.read(place(at)..place(end.min(at + AT_ONCE)))
        })
    }

    /// Single-precision values; `None` if they are no floating-point numbers or cannot be read.
    #[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
    pub fn values(self) -> Option<Vec<f32>> {
        let dtype = self.dtype();
        if !matches!(dtype, Dtype::F32 | Dtype::F64 | Dtype::F16 | Dtype::BF16) {
            return None;
        }
        let mut values = Vec::with_capacity(self.shape().iter().product());
        for piece in self.pieces() {
            let data = piece?;
            match dtype {
                Dtype::F64 => {
                    let numbers = data.as_chunks().0.iter();
                    values.extend(numbers.map(|&x| f64::from_le_bytes(x) as f32));
                }
                Dtype::F16 => {
                    let numbers = data.as_chunks().0.iter();
                    values.extend(numbers.map(|&x| f16::from_le_bytes(x).to_f32()));
                }
                Dtype::BF16 => {
                    let numbers = data.as_chunks().0.iter();
                    values.extend(numbers.map(|&x| bf16::from_le_bytes(x).to_f32()));
                }
                _ => values.extend(data.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x))),
            }
        }
        Some(values)
    }

    /// Whether two tensors have the same type and bytes.
    pub fn is_equal(self, other: Self) -> bool {
        let same = |pair| matches!(pair, (Some(a), Some(b)) if a == b);
        self.dtype() == other.dtype()
            && self.bytes() == other.bytes()
            && self.pieces().zip(other.pieces()).all(same)
    }
}

/// A key that a header has twice; `None` also if it is none.
fn repeated(header: &[u8]) -> Option<String> {
    serde_json::from_slice::<Repeated>(header).ok()?.0
}

/// The first key of a JSON object that it has twice.
struct Repeated(Option<String>);

impl<'de> Deserialize<'de> for Repeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Repeated;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Repeated, A::Error> {
        let (mut keys, mut repeated) = (HashSet::new(), None);
        while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
            if repeated.is_none() {
                repeated = keys.replace(key);
            }
        }
        Ok(Repeated(repeated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str) -> Vec<u8> {
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes(), &[0; 4]].concat()
    }

    #[test]
    fn a_key_may_be_there_once() {
        let entry = |name: &str| {
            format!(r#""{name}": {{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#)
        };
        let a = entry("a");
        let metadata = r#""__metadata__": {"a": "1"}"#;
        let bytes = file(&format!("{{{metadata}, {a}}}"));
        let opened = StoredFile::open(&bytes).unwrap();
        assert_eq!(opened.tensor("a").unwrap().values(), Some(vec![0.0]));
        assert!(opened.tensor("b").is_none());
        for (header, key) in [
            (format!("{{{a}, {a}}}"), "a"),
            // The same name in another writing.
            (format!("{{{a}, {}}}", entry("\\u0061")), "a"),
            (format!("{{{metadata}, {a}, {metadata}}}"), "__metadata__"),
        ] {
            let bytes = file(&header);
            let error = StoredFile::open(&bytes).err().unwrap();
            assert!(matches!(&error, FormatError::SameKey(found) if found == key), "{error}");
        }
        let (long, gap) = (a.replace("[0, 4]", "[0, 8]"), a.replace("[0, 4]", "[4, 8]"));
        let mut more = file(&format!("{{{a}}}"));
        more.push(0);
        for broken in [
            vec![],
            vec![0xFF; 64],
            file("{"),
            file("[]"),
            file(&format!("{{{a}")),
            file("{}"),
            file(&format!("{{{long}}}")),
            file(&format!("{{{gap}}}")),
            file(&format!("{{{a}}}"))[..20].to_vec(),
            more,
        ] {
            let error = StoredFile::open(&broken).err().unwrap();
            let text = error.to_string();
            assert!(text.starts_with("not a safetensors file: "), "{broken:?}: {text}");
        }
    }

    /// A source that fails behind its first bytes.
    struct Broken(Vec<u8>);

    impl Source for Broken {
        fn bytes(&self) -> u64 {
            self.0.bytes()
        }

        fn read(&self, range: Range<u64>) -> io::Result<Cow<'_, [u8]>> {
            let is_header = range.end < self.bytes();
            if is_header { self.0.read(range) } else { Err(io::Error::other("no disk")) }
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error_at_the_end() {
        let header = r#"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#;
        let source = Broken(file(header));
        let opened = StoredFile::open(&source).unwrap();
        assert!(opened.checked(()).is_ok());
        assert_eq!(opened.tensor("a").unwrap().values(), None);
        assert!(matches!(opened.checked(()), Err(FormatError::Read(_))));
    }

    /// Numbers of several pieces, in every type.
    #[test]
    fn a_tensor_is_read_in_pieces() {
        let count = AT_ONCE / 2 + 3;
        let number = |at: usize| if at.is_multiple_of(3) { 0.5_f32 } else { -2.0 };
        let of = |dtype: &str, bytes: &dyn Fn(f32) -> Vec<u8>| {
            let data: Vec<u8> = (0..count).flat_map(|at| bytes(number(at))).collect();
            let end = data.len();
            let header = format!(
                r#"{{"a": {{"dtype": "{dtype}", "shape": [{count}], "data_offsets": [0, {end}]}}}}"#
            );
            let length = (header.len() as u64).to_le_bytes();
            [&length[..], header.as_bytes(), &data].concat()
        };
        let expected: Vec<f32> = (0..count).map(number).collect();
        for file in [
            of("F32", &|x| x.to_le_bytes().to_vec()),
            of("F64", &|x| f64::from(x).to_le_bytes().to_vec()),
            of("F16", &|x| f16::from_f32(x).to_le_bytes().to_vec()),
            of("BF16", &|x| bf16::from_f32(x).to_le_bytes().to_vec()),
        ] {
            let opened = StoredFile::open(&file).unwrap();
            let tensor = opened.tensor("a").unwrap();
            assert!(tensor.pieces().count() > 1);
            assert!(tensor.values().unwrap() == expected);
            assert!(tensor.is_equal(tensor));
        }
    }
}
