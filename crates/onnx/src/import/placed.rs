//! Weights in a file beside the model, and matrices whose values are put into another order while they are read.

use std::{
    io,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use inceptive_ir::Shape;

use super::{
    exact::{floats, int, integers, ints, model, with},
    tests::{graph, node},
    *,
};
use crate::proto::{DataType, EXTERNAL, StringStringEntryProto, TensorProto};

/// A model and the only file beside it; the bytes that were read of both are counted.
#[derive(Debug)]
struct Folder {
    model: Bytes,
    beside: Bytes,
    read: AtomicU64,
}

impl Folder {
    fn read(&self) -> u64 {
        self.read.swap(0, Ordering::Relaxed)
    }
}

impl Source for Folder {
    fn bytes(&self) -> u64 {
        self.model.len() as u64
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        self.read.fetch_add(range.end - range.start, Ordering::Relaxed);
        self.model.read(range)
    }

    fn read_beside(&self, location: &str, range: Range<u64>) -> io::Result<Bytes> {
        if location != "w.bin" {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.read.fetch_add(range.end - range.start, Ordering::Relaxed);
        self.beside.read(range)
    }
}

/// A tensor whose values are after those in `data`.
fn moved_out(tensor: &TensorProto, data: &mut Vec<u8>) -> TensorProto {
    let start = data.len();
    data.extend(tensor.float_data.iter().flat_map(|value| value.to_le_bytes()));
    data.extend(tensor.int64_data.iter().flat_map(|value| value.to_le_bytes()));
    let place = [("offset", start.to_string()), ("length", (data.len() - start).to_string())];
    let entries = place.into_iter().chain([("location", "w.bin".to_owned())]);
    TensorProto {
        float_data: vec![],
        int64_data: vec![],
        data_location: EXTERNAL,
        external_data: entries
            .map(|(key, value)| StringStringEntryProto { key: key.to_owned(), value })
            .collect(),
        ..tensor.clone()
    }
}

/// The same network with its weights beside it.
fn folder(mut network: GraphProto) -> Arc<Folder> {
    let mut data = vec![0; 12];
    for tensor in &mut network.initializer {
        *tensor = moved_out(tensor, &mut data);
    }
    let model = model(network, "p", &[("", 17)]).encode_to_vec().into();
    Arc::new(Folder { model, beside: data.into(), read: 0.into() })
}

fn opened(folder: &Arc<Folder>) -> Result<Imported, ImportError> {
    let source: Arc<dyn Source> = folder.clone();
    read_onnx(source, ReadOptions::default())
}

fn counted(count: usize) -> Vec<f32> {
    (0..count).map(|at| at as f32 * 0.25 - 3.0).collect()
}

fn nhwc(from: &str, to: &str) -> NodeProto {
    with(node("Transpose", &[from], to), &[ints("perm", &[0, 2, 3, 1])])
}

/// Networks that compute with their weights, or have them in another order than ours.
fn networks() -> Vec<(&'static str, GraphProto)> {
    let nchw =
        |from: &str, to: &str| with(node("Transpose", &[from], to), &[ints("perm", &[0, 3, 1, 2])]);
    let weights = |dims: &[i64]| {
        let count = dims.iter().product::<i64>();
        floats("w", dims, &counted(usize::try_from(count).unwrap()))
    };
    let norm = node("BatchNormalization", &["x", "s", "s", "s", "s"], "n");
    let network = |nodes, tensors| graph(nodes, tensors);
    vec![
        (
            "flat",
            network(
                vec![node("Flatten", &["x"], "f"), node("MatMul", &["f", "w"], "y")],
                vec![weights(&[192, 5])],
            ),
        ),
        (
            "flat behind another order",
            network(
                vec![
                    node("Relu", &["x"], "r"),
                    nhwc("r", "t"),
                    node("Flatten", &["t"], "f"),
                    node("Gemm", &["f", "w", "b"], "y"),
                ],
                vec![weights(&[192, 5]), floats("b", &[5], &counted(5))],
            ),
        ),
        (
            "of pixels",
            network(
                vec![
                    node("Relu", &["x"], "r"),
                    nhwc("r", "t"),
                    node("MatMul", &["t", "w"], "m"),
                    node("Add", &["m", "b"], "a"),
                    nchw("a", "y"),
                ],
                vec![weights(&[3, 5]), floats("b", &[5], &counted(5))],
            ),
        ),
        (
            "a kernel in another order",
            network(
                vec![
                    with(node("Transpose", &["w"], "k"), &[ints("perm", &[3, 2, 0, 1])]),
                    node("Conv", &["x", "k"], "y"),
                ],
                vec![weights(&[3, 3, 3, 4])],
            ),
        ),
        (
            "divided by the norm",
            network(
                vec![
                    with(node("ReduceL2", &["w"], "n"), &[ints("axes", &[1, 2, 3])]),
                    node("Div", &["w", "n"], "k"),
                    node("Conv", &["x", "k"], "y"),
                ],
                vec![weights(&[4, 3, 5, 5])],
            ),
        ),
        (
            "merged into a normalisation",
            network(
                vec![norm, node("Mul", &["n", "m"], "y")],
                vec![floats("s", &[3], &[1.0, 2.0, 3.0]), floats("m", &[3, 1, 1], &counted(3))],
            ),
        ),
        (
            "a part of a matrix",
            network(
                vec![
                    with(
                        node("ReduceMean", &["x"], "m"),
                        &[ints("axes", &[2, 3]), int("keepdims", 0)],
                    ),
                    NodeProto {
                        output: vec!["first".to_owned(), "second".to_owned()],
                        ..node("Split", &["w"], "")
                    },
                    with(node("Gemm", &["m", "second"], "y"), &[int("transB", 1)]),
                ],
                vec![weights(&[8, 3])],
            ),
        ),
        (
            "shapes",
            network(
                vec![
                    with(node("Split", &["x", "parts"], "a"), &[int("axis", 1)]),
                    node("Reshape", &["a", "shape"], "y"),
                ],
                vec![integers("parts", &[2], &[1, 2]), integers("shape", &[2], &[1, -1])],
            ),
        ),
    ]
}

/// A file with its weights beside it is the same network as one that contains them.
#[test]
fn weights_beside_the_model_are_those_inside() {
    for (name, mut network) in networks() {
        if name == "shapes" {
            network.node[0].output.push("rest".to_owned());
        }
        let inside = from_onnx(model(network.clone(), "p", &[("", 17)]).encode_to_vec());
        let inside = inside.unwrap_or_else(|error| panic!("{name}: {error}"));
        let outside = opened(&folder(network)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(outside.graph.fingerprint(), inside.graph.fingerprint(), "{name}");
        assert_eq!(outside.remarks, inside.remarks, "{name}");
        let weights = outside.weights().unwrap();
        assert_eq!(weights, inside.weights().unwrap(), "{name}");
        if name == "a part of a matrix" {
            assert_eq!(weights.tensors().next().unwrap(), &counted(24)[12..]);
        }
    }
}

/// Matrices are only put into another order when their values are asked for, and are then read once.
#[test]
fn matrices_are_read_once_and_late() {
    let (inputs, outputs) = (64 * 3, 6_000);
    let values = counted(inputs * outputs);
    let dims = [inputs as i64, outputs as i64];
    let nodes = vec![
        node("Relu", &["x"], "r"),
        nhwc("r", "t"),
        node("Flatten", &["t"], "f"),
        node("MatMul", &["f", "w"], "y"),
    ];
    let network = graph(nodes, vec![floats("w", &dims, &values)]);
    let bytes = (inputs * outputs * size_of::<f32>()) as u64;
    let inside = model(network.clone(), "p", &[("", 17)]).encode_to_vec().into();
    let inside = Arc::new(Folder { model: inside, beside: Bytes::new(), read: 0.into() });
    for folder in [folder(network), inside] {
        let imported = opened(&folder).unwrap();
        assert!(folder.read() < bytes / 10);
        let weights = imported.weights().unwrap();
        assert!((bytes..bytes + 100).contains(&folder.read()));
        let output = imported.graph.node(imported.graph.output());
        assert_eq!(output.shape, Shape::vector(outputs as u32));
        let own = weights.get(&output.path, Role::Weight).unwrap();
        for (output, channel, pixel) in [(0, 0, 0), (1, 2, 3), (5_999, 1, 63), (4_321, 2, 17)] {
            let ours = own[output * inputs + channel * 64 + pixel];
            assert_eq!(ours, values[(pixel * 3 + channel) * outputs + output]);
        }
    }
}

/// What is computed of tensors in large files beside a small model is as much as of tensors in a large model.
#[test]
fn files_beside_the_model_add_to_what_may_be_computed() {
    let kernel = counted(4 * 3 * 1_000 * 1_000);
    let nodes = vec![node("Mul", &["w", "half"], "k"), node("Conv", &["x", "k"], "y")];
    let padded = |nodes: Vec<NodeProto>| {
        let mut network = graph(
            nodes,
            vec![floats("w", &[4, 3, 1_000, 1_000], &kernel), floats("half", &[], &[0.5])],
        );
        network.node[1] = with(network.node[1].clone(), &[ints("pads", &[500, 500, 500, 500])]);
        network
    };
    let imported = opened(&folder(padded(nodes.clone()))).unwrap();
    assert_eq!(imported.weights().unwrap().tensors().next().unwrap()[3], kernel[3] / 2.0);
    // What a file only claims to hold adds nothing.
    let whole = folder(padded(nodes));
    let short = Folder { model: whole.model.clone(), beside: vec![0; 99].into(), read: 0.into() };
    let error = opened(&Arc::new(short)).unwrap_err();
    assert!(matches!(&error, ImportError::ReadBeside { location, .. } if location == "w.bin"));
}

#[test]
fn a_file_beside_the_model_is_missed_where_it_is_needed() {
    let nodes = || vec![node("Flatten", &["x"], "f"), node("MatMul", &["f", "w"], "y")];
    let network = graph(nodes(), vec![floats("w", &[192, 5], &counted(960))]);
    let whole = folder(network);
    let open = |beside: Vec<u8>, location: &str| {
        let model = whole.model.to_vec();
        let at = model.windows(5).position(|part| part == b"w.bin").unwrap();
        let renamed = [&model[..at], location.as_bytes(), &model[at + 5..]].concat();
        let folder = Folder { model: renamed.into(), beside: beside.into(), read: 0.into() };
        opened(&Arc::new(folder))
    };
    // It is counted without its weights.
    let absent = open(vec![], "v.bin").unwrap();
    assert_eq!(absent.graph.node(absent.graph.output()).shape, Shape::vector(5));
    let error = absent.weights().unwrap_err();
    assert!(matches!(&error, ValuesError::Read { location, .. } if location == "v.bin"), "{error}");
    let error = open(vec![0; 3_000], "w.bin").unwrap().weights().unwrap_err();
    assert!(matches!(&error, ValuesError::TooShort { .. }), "{error}");
    // A model that is in no folder has no files beside it.
    let error = from_onnx(whole.model.clone()).unwrap().weights().unwrap_err();
    assert!(error.to_string().contains("the model is in no folder"), "{error}");
}

/// Factors, shapes and shifts that decide what the network is are needed to count it.
#[test]
fn a_missing_shape_is_not_taken_for_an_operator_that_is_not_supported() {
    let network =
        graph(vec![node("Reshape", &["x", "shape"], "y")], vec![integers("shape", &[2], &[1, -1])]);
    let bytes = folder(network).model.clone();
    let error = from_onnx(bytes).unwrap_err();
    assert!(matches!(error, ImportError::ReadBeside { .. }), "{error}");
    assert!(error.to_string().contains("weights are in `w.bin`, which cannot be read"));
}

/// Numbers of half precision are put into another order as well.
#[test]
fn matrices_of_other_types_are_put_into_our_order() {
    let halves: Vec<half::f16> = (0..12).map(|at| half::f16::from_f32(at as f32)).collect();
    let weight = TensorProto {
        raw_data: halves.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into(),
        ..super::exact::constant("w", &[3, 4], DataType::Float16)
    };
    let nodes = vec![
        with(node("ReduceMean", &["x"], "m"), &[ints("axes", &[2, 3]), int("keepdims", 0)]),
        node("MatMul", &["m", "w"], "y"),
    ];
    let imported = from_onnx(model(graph(nodes, vec![weight]), "p", &[("", 17)]).encode_to_vec());
    let weights = imported.unwrap().weights().unwrap();
    let expected = [0.0, 4.0, 8.0, 1.0, 5.0, 9.0, 2.0, 6.0, 10.0, 3.0, 7.0, 11.0];
    assert_eq!(weights.tensors().next().unwrap(), expected);
}
