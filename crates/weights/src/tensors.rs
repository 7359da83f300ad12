//! Safetensors files of named tensors.

use std::collections::{BTreeMap, HashMap};

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};

use crate::header::{FormatError, open};

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
    let data: Vec<Vec<u8>> = tensors.iter().map(|(_, _, values)| bytes_of(values)).collect();
    let views = tensors.iter().zip(&data).map(|((name, shape, _), data)| {
        Ok((*name, TensorView::new(Dtype::F32, shape.to_vec(), data)?))
    });
    safetensors::serialize(views.collect::<Result<Vec<_>, SafeTensorError>>()?, texts)
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
        add_to(&mut digest, name, shape, &bytes_of(values));
    }
    hexadecimal(digest)
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn add_to(digest: &mut Sha256, name: &str, shape: &[usize], data: &[u8]) {
    digest.update(format!("{}:{name}:{shape:?}:{}:", name.len(), data.len()));
    digest.update(data);
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
pub struct TensorFile<'a> {
    tensors: SafeTensors<'a>,
    texts: HashMap<String, String>,
}

impl<'a> TensorFile<'a> {
    /// Opens a file.
    ///
    /// # Errors
    /// When it is not a safetensors file, or has a key twice.
    pub fn open(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let tensors = open(bytes)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        Ok(Self { tensors, texts: metadata.metadata().clone().unwrap_or_default() })
    }

    /// A text; `None` if there is none of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// A tensor; `None` if there is no tensor of numbers of this name.
    pub fn tensor(&self, name: &str) -> Option<Tensor> {
        let tensor = self.tensors.tensor(name).ok()?;
        Some(Tensor { shape: tensor.shape().to_vec(), values: values(&tensor)? })
    }

    /// The [`digest_of`] its tensors.
    pub fn digest(&self) -> String {
        let sorted: BTreeMap<String, TensorView<'_>> = self.tensors.tensors().into_iter().collect();
        let mut digest = Sha256::new();
        for (name, tensor) in &sorted {
            add_to(&mut digest, name, tensor.shape(), tensor.data());
        }
        hexadecimal(digest)
    }
}

/// Single-precision values of a tensor of floating-point numbers.
#[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
pub(crate) fn values(tensor: &TensorView<'_>) -> Option<Vec<f32>> {
    let data = tensor.data();
    Some(match tensor.dtype() {
        Dtype::F32 => data.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)).collect(),
        Dtype::F64 => data.as_chunks().0.iter().map(|&x| f64::from_le_bytes(x) as f32).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|&x| f16::from_le_bytes(x).to_f32()).collect(),
        Dtype::BF16 => {
            data.as_chunks().0.iter().map(|&x| bf16::from_le_bytes(x).to_f32()).collect()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_covers_names_shapes_and_numbers() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [5.0]);
        let tensors: [Named<'_>; 2] = [("b", &[1], &b), ("a", &[2, 2], &a)];
        let texts = HashMap::from([("about".to_owned(), "a text".to_owned())]);
        let bytes = tensors_with_texts(&tensors, texts).unwrap();
        let file = TensorFile::open(&bytes).unwrap();
        assert_eq!(file.digest(), digest_of(&tensors));
        assert_eq!((file.text("about"), file.text("other")), (Some("a text"), None));
        assert_eq!(file.tensor("b").unwrap().values, b);
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
        assert_ne!(TensorFile::open(&damaged).unwrap().digest(), digest_of(&tensors));
    }
}
