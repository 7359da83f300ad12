//! Safetensors files of named tensors.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use safetensors::{
    Dtype, SafeTensorError,
    tensor::{Metadata, TensorInfo},
};
use sha2::{Digest, Sha256};

use crate::header::{FormatError, MAX_HEADER_BYTES, Source, StoredFile};

/// A tensor to write: its name, shape, and numbers, row-major.
pub type Named<'a> = (&'a str, &'a [usize], &'a [f32]);

/// Writes named tensors of single-precision numbers as a safetensors file.
///
/// # Errors
/// When a shape does not fit its values, or two names are equal.
pub fn tensors_to_safetensors(tensors: &[Named<'_>]) -> Result<Vec<u8>, SafeTensorError> {
    serialize(tensors, None)
}

/// Writes named tensors and texts, which are stored as metadata, as a safetensors file.
///
/// # Errors
/// See [`tensors_to_safetensors`].
pub fn tensors_with_texts(
    tensors: &[Named<'_>],
    texts: HashMap<String, String>,
) -> Result<Vec<u8>, SafeTensorError> {
    serialize(tensors, Some(texts))
}

fn serialize(
    tensors: &[Named<'_>],
    texts: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, SafeTensorError> {
    let file = SafetensorsFile::new(tensors, texts)?;
    let mut bytes = Vec::with_capacity(file.bytes());
    file.write(&mut bytes)?;
    Ok(bytes)
}

/// A safetensors file that is not written yet. It refers to the numbers that it is made of, so that their bytes are never
/// in memory as a whole.
pub struct SafetensorsFile<'a> {
    /// The length of the header, and the header.
    header: Vec<u8>,
    /// The numbers, in the order of the header.
    numbers: Vec<&'a [f32]>,
}

/// The header is filled up with spaces to a multiple of it.
const ALIGNMENT: usize = 8;

/// Numbers that are turned into bytes at once.
const AT_ONCE: usize = 1 << 14;

impl<'a> SafetensorsFile<'a> {
    pub(crate) fn new(
        tensors: &[(&str, &[usize], &'a [f32])],
        texts: Option<HashMap<String, String>>,
    ) -> Result<Self, SafeTensorError> {
        let mut sorted = tensors.to_vec();
        sorted.sort_by_key(|&(name, ..)| name);
        if let Some(same) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(SafeTensorError::InvalidOffset(same[0].0.to_owned()));
        }
        let mut infos = Vec::with_capacity(sorted.len());
        let mut start = 0;
        for (name, shape, numbers) in &sorted {
            let end = start + size_of_val(*numbers);
            let data_offsets = (start, end);
            infos.push((
                (*name).to_owned(),
                TensorInfo { dtype: Dtype::F32, shape: shape.to_vec(), data_offsets },
            ));
            start = end;
        }
        // Checks that shapes fit their values.
        let metadata = Metadata::new(texts, infos)?;
        let mut text = serde_json::to_vec(&metadata)?;
        text.resize(text.len().next_multiple_of(ALIGNMENT), b' ');
        if text.len() > MAX_HEADER_BYTES {
            return Err(SafeTensorError::HeaderTooLarge);
        }
        let header = [&(text.len() as u64).to_le_bytes()[..], &text].concat();
        Ok(Self { header, numbers: sorted.into_iter().map(|(.., numbers)| numbers).collect() })
    }

    /// Its size.
    pub fn bytes(&self) -> usize {
        let numbers = self.numbers.iter().map(|numbers| size_of_val(*numbers));
        self.header.len() + numbers.sum::<usize>()
    }

    /// Writes it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.header)?;
        for part in self.numbers.iter().flat_map(|numbers| numbers.chunks(AT_ONCE)) {
            out.write_all(&bytes_of(part))?;
        }
        Ok(())
    }
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The SHA-256 of the names, shapes and numbers of tensors, sorted by name; in hexadecimal.
pub fn digest_of(tensors: &[Named<'_>]) -> String {
    let mut sorted = tensors.to_vec();
    sorted.sort_by_key(|&(name, ..)| name);
    let mut digest = Sha256::new();
    for (name, shape, values) in sorted {
        add_name_to(&mut digest, name, shape, size_of_val(values));
        values.chunks(AT_ONCE).for_each(|part| digest.update(bytes_of(part)));
    }
    hexadecimal(digest)
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds what stands before the bytes of a tensor.
fn add_name_to(digest: &mut Sha256, name: &str, shape: &[usize], bytes: usize) {
    digest.update(format!("{}:{name}:{shape:?}:{bytes}:", name.len()));
}

/// Numbers with a shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: Vec<f32>,
}

/// A safetensors file: named tensors, and texts as metadata.
pub struct TensorFile<'a>(StoredFile<'a>);

impl<'a> TensorFile<'a> {
    /// Opens a file.
    ///
    /// # Errors
    /// When it is not a safetensors file, or has a key twice.
    pub fn open(source: &'a dyn Source) -> Result<Self, FormatError> {
        StoredFile::open(source).map(Self)
    }

    /// A text; `None` if there is none of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.metadata.metadata().as_ref()?.get(name).map(String::as_str)
    }

    /// A tensor; `None` if there is no tensor of numbers of this name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn tensor(&self, name: &str) -> Result<Option<Tensor>, FormatError> {
        let stored = self.0.tensor(name);
        let read = stored.and_then(|tensor| {
            Some(Tensor { shape: tensor.shape().to_vec(), values: tensor.values()? })
        });
        self.0.checked(read)
    }

    /// The [`digest_of`] its tensors.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn digest(&self) -> Result<String, FormatError> {
        let mut digest = Sha256::new();
        for (name, tensor) in self.0.tensors() {
            add_name_to(&mut digest, &name, tensor.shape(), tensor.bytes());
            tensor.pieces().flatten().for_each(|piece| digest.update(piece));
        }
        self.0.checked(hexadecimal(digest))
    }
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    /// The bytes are those that the safetensors package writes.
    #[test]
    fn a_file_in_pieces_is_the_whole_file() {
        let (large, small) = (vec![0.25; AT_ONCE + 7], [1.0, 2.0]);
        let tensors: [Named<'_>; 3] =
            [("b", &[1, AT_ONCE + 7], &large), ("c", &[0], &[]), ("a", &[2], &small)];
        let texts = HashMap::from([("about".to_owned(), "a \"text\"".to_owned())]);
        for texts in [None, Some(texts)] {
            let data: Vec<Vec<u8>> =
                tensors.iter().map(|(.., numbers)| bytes_of(numbers)).collect();
            let views = tensors.iter().zip(&data).map(|((name, shape, _), data)| {
                (*name, TensorView::new(Dtype::F32, shape.to_vec(), data).unwrap())
            });
            let expected = safetensors::serialize(views, texts.clone()).unwrap();
            let file = SafetensorsFile::new(&tensors, texts).unwrap();
            let mut bytes = Vec::new();
            file.write(&mut bytes).unwrap();
            assert_eq!(bytes, expected);
            assert_eq!(file.bytes(), bytes.len());
        }
        assert!(tensors_to_safetensors(&[("a", &[3], &small)]).is_err());
        assert!(tensors_to_safetensors(&[("a", &[2], &small), ("a", &[2], &small)]).is_err());
    }

    #[test]
    fn a_digest_covers_names_shapes_and_numbers() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [5.0]);
        let tensors: [Named<'_>; 2] = [("b", &[1], &b), ("a", &[2, 2], &a)];
        let texts = HashMap::from([("about".to_owned(), "a text".to_owned())]);
        let bytes = tensors_with_texts(&tensors, texts).unwrap();
        let file = TensorFile::open(&bytes).unwrap();
        assert_eq!(file.digest().unwrap(), digest_of(&tensors));
        assert_eq!((file.text("about"), file.text("other")), (Some("a text"), None));
        assert_eq!(file.tensor("b").unwrap().unwrap().values, b);
        let others: [[Named<'_>; 2]; 3] = [
            [("b", &[1], &b), ("c", &[2, 2], &a)],
            [("b", &[1], &b), ("a", &[4], &a)],
            [("b", &[1], &b), ("a", &[2, 2], &[1.0, 2.0, 3.0, 5.0])],
        ];
        for other in others {
            assert_ne!(digest_of(&other), digest_of(&tensors));
        }
        let mut damaged = bytes.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_ne!(TensorFile::open(&damaged).unwrap().digest().unwrap(), digest_of(&tensors));
    }
}
