//! A model that is written piece by piece: the bytes of its weights are never in memory as a whole.

use std::io::{self, Write};

use half::f16;
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint},
};

use crate::proto::{DataType, GraphProto, ModelProto, TensorProto};

/// The numbers of fields in `onnx.proto`.
const GRAPH: u32 = 7;
const INITIALIZER: u32 = 5;
const RAW_DATA: u32 = 9;

/// Numbers that are turned into bytes at once.
const AT_ONCE: usize = 1 << 14;

/// The values of a tensor.
pub(super) enum Values<'a> {
    /// Single-precision numbers, wherever they are kept.
    Floats(&'a [f32]),
    /// The same, rounded to half precision.
    Halves(&'a [f32]),
    /// The same, in double precision.
    Doubles(&'a [f32]),
    /// Little-endian bytes.
    Bytes(Vec<u8>),
}

impl Values<'_> {
    fn bytes(&self) -> usize {
        match self {
            Self::Floats(values) => size_of_val(*values),
            Self::Halves(values) => values.len() * size_of::<f16>(),
            Self::Doubles(values) => values.len() * size_of::<f64>(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => out.write_all(bytes),
            Self::Floats(values) => values.chunks(AT_ONCE).try_for_each(|part| {
                let bytes: Vec<u8> = part.iter().flat_map(|x| x.to_le_bytes()).collect();
                out.write_all(&bytes)
            }),
            Self::Halves(values) => values.chunks(AT_ONCE).try_for_each(|part| {
                let half = |&x: &f32| f16::from_f32(x).to_le_bytes();
                let bytes: Vec<u8> = part.iter().flat_map(half).collect();
                out.write_all(&bytes)
            }),
            Self::Doubles(values) => values.chunks(AT_ONCE).try_for_each(|part| {
                let double = |&x: &f32| f64::from(x).to_le_bytes();
                let bytes: Vec<u8> = part.iter().flat_map(double).collect();
                out.write_all(&bytes)
            }),
        }
    }
}

/// A constant that is to be written.
pub(super) struct Initializer<'a> {
    pub(super) name: String,
    pub(super) dims: Vec<i64>,
    pub(super) kind: DataType,
    pub(super) values: Values<'a>,
}

/// An ONNX file that is not written yet. It refers to the weights that it is made of.
pub struct OnnxFile<'a> {
    /// What is before the constants.
    before: Vec<u8>,
    /// Each constant: what is before its values, and its values.
    constants: Vec<(Vec<u8>, Values<'a>)>,
    /// What is after the constants.
    after: Vec<u8>,
}

impl<'a> OnnxFile<'a> {
    /// A file of a model whose graph has these constants, and no others. Fields are in the order of their numbers.
    pub(super) fn new(mut model: ModelProto, constants: Vec<Initializer<'a>>) -> Self {
        let graph = model.graph.take().unwrap_or_default();
        let first = GraphProto { node: graph.node, name: graph.name, ..GraphProto::default() };
        let last = GraphProto {
            input: graph.input,
            output: graph.output,
            value_info: graph.value_info,
            ..GraphProto::default()
        };
        let constants: Vec<(Vec<u8>, Values<'a>)> = constants.into_iter().map(encoded).collect();
        let values: usize =
            constants.iter().map(|(before, values)| before.len() + values.bytes()).sum();
        let rest = ModelProto {
            opset_import: std::mem::take(&mut model.opset_import),
            metadata_props: std::mem::take(&mut model.metadata_props),
            ..ModelProto::default()
        };
        let mut before = model.encode_to_vec();
        encode_key(GRAPH, WireType::LengthDelimited, &mut before);
        encode_varint((first.encoded_len() + values + last.encoded_len()) as u64, &mut before);
        before.extend(first.encode_to_vec());
        let after = [last.encode_to_vec(), rest.encode_to_vec()].concat();
        Self { before, constants, after }
    }

    /// Its size.
    pub fn bytes(&self) -> usize {
        let constants = self.constants.iter().map(|(before, values)| before.len() + values.bytes());
        self.before.len() + constants.sum::<usize>() + self.after.len()
    }

    /// Writes it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.before)?;
        for (before, values) in &self.constants {
            out.write_all(before)?;
            values.write(out)?;
        }
        out.write_all(&self.after)
    }

    /// Its bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes());
        // Memory takes everything that is written to it.
        let written = self.write(&mut bytes);
        debug_assert!(written.is_ok() && bytes.len() == self.bytes());
        bytes
    }
}

/// A constant as a field of a graph, up to its values, which are its last field.
fn encoded(constant: Initializer<'_>) -> (Vec<u8>, Values<'_>) {
    let Initializer { name, dims, kind, values } = constant;
    let tensor = TensorProto { name, dims, data_type: kind.into(), ..TensorProto::default() };
    let mut inner = tensor.encode_to_vec();
    if values.bytes() > 0 {
        encode_key(RAW_DATA, WireType::LengthDelimited, &mut inner);
        encode_varint(values.bytes() as u64, &mut inner);
    }
    let mut before = Vec::with_capacity(inner.len() + 10);
    encode_key(INITIALIZER, WireType::LengthDelimited, &mut before);
    encode_varint((inner.len() + values.bytes()) as u64, &mut before);
    before.extend(inner);
    (before, values)
}

#[cfg(test)]
mod tests {
    use inceptive_ir::{BatchNorm, Conv, Graph, NewNode, Op, Padding, Path, Role, Shape, Size};
    use inceptive_weights::{Weights, slots};

    use super::*;
    use crate::{
        Batch, ExportError, LrnForm, Opset, Options, WeightType, from_onnx,
        proto::{NodeProto, OperatorSetIdProto, StringStringEntryProto, ValueInfoProto},
        to_onnx,
    };

    /// The bytes are those that the same model has as a whole.
    #[test]
    fn a_file_in_pieces_is_the_whole_file() {
        let floats: Vec<f32> = (0..40_000).map(|at| at as f32 * 0.25).collect();
        let value = |name: &str| ValueInfoProto { name: name.to_owned(), r#type: None };
        let graph = GraphProto {
            node: vec![NodeProto { op_type: "Relu".to_owned(), ..NodeProto::default() }],
            name: "network".to_owned(),
            input: vec![value("x")],
            output: vec![value("y")],
            value_info: vec![value("z")],
            ..GraphProto::default()
        };
        let model = ModelProto {
            ir_version: 8,
            producer_name: "p".to_owned(),
            producer_version: "1".to_owned(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
            metadata_props: vec![StringStringEntryProto {
                key: "k".to_owned(),
                value: "v".to_owned(),
            }],
            ..ModelProto::default()
        };
        let constants = || {
            let constant = |name: &str, dims: Vec<i64>, kind, values| Initializer {
                name: name.to_owned(),
                dims,
                kind,
                values,
            };
            vec![
                constant("a", vec![40, 1000], DataType::Float, Values::Floats(&floats)),
                constant("b", vec![2], DataType::Int64, Values::Bytes(vec![1; 16])),
                constant("c", vec![0], DataType::Float, Values::Floats(&[])),
                constant("d", vec![3], DataType::Float16, Values::Halves(&floats[1..4])),
                constant("e", vec![2, 2], DataType::Double, Values::Doubles(&floats[1..5])),
            ]
        };
        let file = OnnxFile::new(model.clone(), constants());
        let mut whole = model;
        whole.graph.as_mut().unwrap().initializer = constants()
            .into_iter()
            .map(|Initializer { name, dims, kind, values }| {
                let mut bytes = Vec::new();
                values.write(&mut bytes).unwrap();
                TensorProto {
                    name,
                    dims,
                    data_type: kind.into(),
                    raw_data: bytes.into(),
                    ..TensorProto::default()
                }
            })
            .collect();
        assert_eq!(file.to_vec(), whole.encode_to_vec());
        assert_eq!(file.bytes(), whole.encoded_len());
    }

    #[test]
    fn weights_in_other_precisions_come_back_rounded_to_them() {
        let mut graph = Graph::new(Shape::map(3, 4, 4), None).unwrap();
        let one = Size::square(1);
        let conv = Op::Conv(Conv {
            kernel: one,
            out_channels: 50,
            stride: one,
            padding: Padding::NONE,
            dilation: one,
            groups: 1,
            bias: true,
        });
        let norm = Op::BatchNorm(BatchNorm { eps: 1e-5, scale: true, center: true });
        for (op, path) in [(conv, "conv"), (norm, "norm")] {
            let last = graph.output();
            graph.add(NewNode::new(op, Path::new(path)), &[last]).unwrap();
        }
        let mut weights = Weights::seeded(&graph, 1);
        let options = |weights| Options {
            name: "n".to_owned(),
            opset: Opset::DEFAULT,
            batch: Batch::Fixed(1),
            lrn: LrnForm::Operator,
            weights,
        };
        let mut sizes = Vec::new();
        for kind in [WeightType::Float16, WeightType::Float32, WeightType::Float64] {
            let bytes = to_onnx(&graph, &weights, &options(kind)).unwrap();
            sizes.push(bytes.len());
            let read = from_onnx(bytes).unwrap();
            assert_eq!(read.graph.fingerprint(), graph.fingerprint());
            let again = read.weights().unwrap();
            for slot in slots(&graph) {
                let is_half =
                    kind == WeightType::Float16 && matches!(slot.role, Role::Weight | Role::Bias);
                let rounded =
                    |&value: &f32| if is_half { f16::from_f32(value).to_f32() } else { value };
                let expected: Vec<f32> =
                    weights.get(&slot.path, slot.role).unwrap().iter().map(rounded).collect();
                assert_eq!(again.get(&slot.path, slot.role).unwrap(), expected, "{slot}");
            }
        }
        assert!(sizes.is_sorted(), "{sizes:?}");
        weights.set(Path::new("conv"), Role::Bias, vec![70_000.0; 50]);
        let refused = to_onnx(&graph, &weights, &options(WeightType::Float16)).unwrap_err();
        assert_eq!(refused, ExportError::BeyondHalf("conv.bias".to_owned()));
        to_onnx(&graph, &weights, &options(WeightType::Float32)).unwrap();
    }
}
