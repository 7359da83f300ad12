//! All values of a tensor of a network.

use std::{path::Path as FilePath, sync::atomic::AtomicBool};

use inceptive_dsl::Setting;
use inceptive_ir::{Path, Role};
use inceptive_weights::slots;

use crate::{
    memory::Purpose,
    network::{ReadError, Runnable, WeightSource, read_runnable},
};

/// A tensor, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorValues {
    /// Its sizes.
    pub sizes: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
}

impl TensorValues {
    /// The tensor as a file of NumPy's format, version 1.
    pub fn npy(&self) -> Vec<u8> {
        const ALIGNMENT: usize = 64;
        const START: &[u8] = b"\x93NUMPY\x01\x00";
        let sizes: String = self.sizes.iter().map(|size| format!("{size},")).collect();
        let about = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
        // The header ends with a newline, where the values are aligned.
        let whole = (START.len() + 2 + about.len() + 1).next_multiple_of(ALIGNMENT);
        let length = whole - START.len() - 2;
        let header = format!("{about:<width$}\n", width = length - 1);
        // A tensor has a few sizes, whose text is far shorter than the format allows.
        let length = u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
        let mut bytes = [START, &length, header.as_bytes()].concat();
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }
}

/// Reads a tensor of a network from its ONNX file, or from a file of weights: that of a role at the layer that keeps it.
/// `None` if the network has no such tensor.
///
/// # Errors
/// The errors in the network or its weights; and soon after `stop` is set.
pub fn tensor_values(
    file: &FilePath,
    settings: &[Setting],
    from: &WeightSource,
    (path, role): (&Path, Role),
    stop: &AtomicBool,
) -> Result<Option<TensorValues>, ReadError> {
    let Runnable { graph, weights, .. } =
        read_runnable(file, settings, from, Purpose::Export, stop)?;
    let slot = slots(&graph).into_iter().find(|slot| slot.path == *path && slot.role == role);
    let found = slot.and_then(|slot| Some((slot.shape, weights.get(path, role).ok()?)));
    Ok(found.map(|(sizes, values)| TensorValues { sizes, values: values.to_vec() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_aligned_behind_the_header() {
        for sizes in [vec![], vec![3], vec![2, 3, 1, 1]] {
            let count: usize = sizes.iter().product();
            let tensor = TensorValues { sizes, values: vec![1.5; count] };
            let bytes = tensor.npy();
            let start = bytes.len() - 4 * count;
            assert_eq!(start % 64, 0);
            assert_eq!(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])), start - 10);
            assert_eq!(bytes[start - 1], b'\n');
            let header = std::str::from_utf8(&bytes[10..start]).unwrap();
            let shape: String = tensor.sizes.iter().map(|size| format!("{size},")).collect();
            assert!(header.contains(&format!("'shape': ({shape})")), "{header}");
            assert!(bytes[start..].chunks(4).all(|value| *value == 1.5_f32.to_le_bytes()));
        }
    }
}
