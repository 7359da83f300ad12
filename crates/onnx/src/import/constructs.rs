//! Ways in which exporters write what networks have; `scripts/constructs.py` checks more of them against ONNX Runtime.

use std::{io, ops::Range};

use inceptive_ir::{Activation, Conv, Padding, Pool, Rescale, Shape, Size};

use super::{
    exact::{constant, floats, int, integers, ints, last, model, read, string, with},
    tests::{graph, node},
    *,
};
use crate::proto::{AttributeProto, DataType, DimensionProto, TensorProto};

/// A graph from an input of these dimensions; 0 is left open.
fn from_input(dims: &[i64], nodes: Vec<NodeProto>, tensors: Vec<TensorProto>) -> GraphProto {
    let mut graph = graph(nodes, tensors);
    for value in graph.input.iter_mut().chain(&mut graph.output) {
        let tensor = value.r#type.as_mut().and_then(|kind| kind.tensor_type.as_mut()).unwrap();
        let dim = |&size: &i64| DimensionProto {
            dim_value: Some(size).filter(|&size| size > 0),
            dim_param: None,
        };
        tensor.shape.as_mut().unwrap().dim = dims.iter().map(dim).collect();
    }
    graph
}

fn imported(graph: GraphProto) -> Result<Imported, String> {
    read(&model(graph, "p", &[("", 17)])).map_err(|error| error.to_string())
}

/// A convolution of three channels to four over three positions, a pooling, and the mean over all positions.
fn rows(first: &str) -> (Vec<NodeProto>, Vec<TensorProto>) {
    let conv =
        with(node("Conv", &[first, "w"], "c"), &[ints("pads", &[1, 2]), ints("strides", &[2])]);
    let pool =
        with(node("MaxPool", &["c"], "p"), &[ints("kernel_shape", &[2]), ints("strides", &[2])]);
    let mean = with(node("ReduceMean", &["p"], "y"), &[ints("axes", &[2]), int("keepdims", 0)]);
    let values: Vec<f32> = (0..36).map(|at| at as f32).collect();
    (vec![conv, pool, mean], vec![floats("w", &[4, 3, 3], &values)])
}

#[test]
fn networks_of_one_dimension_are_read_as_maps_of_height_one() {
    let (nodes, tensors) = rows("x");
    let read = imported(from_input(&[1, 3, 16], nodes, tensors)).unwrap();
    let graph = &read.graph;
    assert_eq!(graph.node(graph.input()).shape, Shape::map(3, 1, 16));
    let ops: Vec<&Op> = graph.nodes().map(|(_, node)| &node.op).collect();
    let [_, Op::Conv(conv), Op::Pool(pool), ..] = ops[..] else { panic!("{ops:?}") };
    assert_eq!((conv.kernel, conv.stride), (Size::new(1, 3), Size::new(1, 2)));
    assert_eq!(conv.padding, Padding { top: 0, left: 1, bottom: 0, right: 2 });
    assert_eq!((pool.kernel, pool.stride), (Size::new(1, 2), Size::new(1, 2)));
    assert_eq!(graph.node(graph.output()).shape, Shape::vector(4));
    let weights = read.weights().unwrap();
    let kernel = weights.tensors().next().unwrap();
    assert_eq!(kernel, (0..36).map(|at| at as f32).collect::<Vec<f32>>());
    assert!(
        read.remarks[0].contains("batch x channels x length in the file"),
        "{:?}",
        read.remarks
    );
}

/// Height and width exchanged: the network is that of the map behind it, which has to be said.
#[test]
fn an_input_in_another_order_is_remarked_on() {
    let read_with = |perm: &[i64], dims: &[i64]| {
        let turned = with(node("Transpose", &["x"], "t"), &[ints("perm", perm)]);
        let nodes = vec![turned, node("Conv", &["t", "w"], "y")];
        let network = from_input(dims, nodes, vec![floats("w", &[4, 3, 1, 1], &[0.5; 12])]);
        read(&model(network, "p", &[("", 17)])).unwrap()
    };
    let remarks = |perm: &[i64], dims: &[i64]| read_with(perm, dims).remarks;
    let here = "in the file, and batch x channels x height x width here";
    assert_eq!(
        remarks(&[0, 1, 3, 2], &[1, 3, 8, 8]),
        [format!("the input `x` is batch x channels x width x height {here}")]
    );
    assert_eq!(
        remarks(&[0, 3, 2, 1], &[1, 8, 10, 3]),
        [format!("the input `x` is batch x width x height x channels {here}")]
    );
    // Said already, and nothing to say.
    assert_eq!(remarks(&[0, 3, 1, 2], &[1, 8, 8, 3]).len(), 1);
    assert_eq!(remarks(&[0, 1, 2, 3], &[1, 3, 8, 8]), <[String; 0]>::default());
}

/// ONNX, `ConvTranspose` since opset 11; ONNX Runtime cuts so for older ones, too.
#[test]
fn the_odd_pixel_of_a_transposed_convolution_is_cut_where_onnx_cuts_it() {
    let padding = |auto: Option<&'static str>, size: bool| {
        let mut attributes = vec![ints("strides", &[2, 2])];
        attributes.extend(auto.map(|auto| string("auto_pad", auto)));
        attributes.extend(size.then(|| ints("output_shape", &[16, 16])));
        let conv = with(node("ConvTranspose", &["x", "w"], "y"), &attributes);
        let op = last(vec![conv], vec![floats("w", &[3, 4, 3, 3], &[0.5; 108])]).unwrap();
        let Op::ConvTranspose(conv) = op else { panic!("{op:?}") };
        [conv.padding.top, conv.padding.left, conv.padding.bottom, conv.padding.right]
    };
    assert_eq!(padding(Some("SAME_UPPER"), false), [0, 0, 1, 1]);
    assert_eq!(padding(Some("SAME_LOWER"), false), [1, 1, 0, 0]);
    assert_eq!(padding(None, true), [1, 1, 0, 0]);
    assert_eq!(padding(Some("NOTSET"), true), [1, 1, 0, 0]);
    assert_eq!(padding(Some("SAME_UPPER"), true), [0, 0, 1, 1]);
}

/// One matrix in two layers, once as it is and once transposed, is counted twice with a note, however the file says it.
#[test]
fn a_matrix_and_its_transpose_are_named() {
    let features =
        with(node("ReduceMean", &["x"], "m"), &[ints("axes", &[2, 3]), int("keepdims", 0)]);
    let products = vec![
        features,
        node("MatMul", &["m", "w"], "a"),
        with(node("Transpose", &["w"], "t"), &[ints("perm", &[1, 0])]),
        node("MatMul", &["a", "t"], "y"),
    ];
    let read =
        imported(from_input(&[1, 3, 4, 4], products, vec![floats("w", &[3, 5], &[0.5; 15])]));
    let again = read.unwrap().counted_again;
    assert_eq!(again.iter().map(|name| &**name).collect::<Vec<_>>(), ["w"]);
}

/// Numbers are single precision here; that the file rounds some of them to fewer digits is said once.
#[test]
fn casts_to_half_precision_are_remarked_on() {
    let remarks = |to: i64| {
        let nodes = vec![
            node("Conv", &["x", "w"], "c"),
            with(node("Cast", &["c"], "h"), &[int("to", to)]),
            with(node("Cast", &["h"], "y"), &[int("to", 1)]),
        ];
        imported(graph(nodes, vec![floats("w", &[4, 3, 1, 1], &[0.5; 12])])).unwrap().remarks
    };
    for half in [10, 16] {
        let said = remarks(half);
        assert!(said.len() == 1 && said[0].contains("rounds values to half precision"), "{said:?}");
    }
    assert!(remarks(1).is_empty() && remarks(11).is_empty());
}

/// Outputs that differ in nothing that a network has are one, which is said.
#[test]
fn outputs_of_equal_values_are_named() {
    let nodes = vec![node("Conv", &["x", "w"], "y"), node("Identity", &["y"], "copy")];
    let mut network = graph(nodes, vec![floats("w", &[4, 3, 1, 1], &[0.5; 12])]);
    let mut second = network.output[0].clone();
    second.name = "copy".to_owned();
    network.output.push(second);
    let read = imported(network).unwrap();
    assert_eq!(read.graph.outputs().count(), 1);
    assert_eq!(read.remarks, ["the output `copy` has the values of `y`, and is one with it here"]);
}

#[test]
fn rows_may_have_their_channels_last_or_no_length() {
    let (nodes, tensors) = rows("t");
    let turned = with(node("Transpose", &["x"], "t"), &[ints("perm", &[0, 2, 1])]);
    let nodes = [vec![turned], nodes].concat();
    let read = imported(from_input(&[1, 16, 3], nodes, tensors)).unwrap();
    assert_eq!(read.graph.node(read.graph.input()).shape, Shape::map(3, 1, 16));
    let (nodes, tensors) = rows("x");
    let open = model(from_input(&[0, 3, 0], nodes, tensors), "p", &[("", 17)]).encode_to_vec();
    let error = from_onnx(open.clone()).unwrap_err();
    assert_eq!(error.open_size().as_deref(), Some("1x1000"));
    assert_eq!(
        error.to_string(),
        "the input `x` has no fixed length: name the size, such as 1x1000"
    );
    let size = Some(InputSize { channels: None, size: Size::new(1, 20) });
    let read = from_onnx_with(open, ReadOptions { size, cut: false }).unwrap();
    assert_eq!(read.graph.node(read.graph.input()).shape, Shape::map(3, 1, 20));
    // A sequence without convolutions is none.
    let error = imported(from_input(&[1, 3, 16], vec![node("Relu", &["x"], "y")], vec![]));
    assert!(error.unwrap_err().contains("batch x channels x length"));
}

#[test]
fn channels_that_are_not_known_can_be_named() {
    let file =
        model(from_input(&[1, 0, 8, 8], vec![node("Relu", &["x"], "y")], vec![]), "p", &[("", 17)]);
    let file = file.encode_to_vec();
    let error = from_onnx(file.clone()).unwrap_err();
    assert_eq!(error.open_size().as_deref(), Some("3x224x224"));
    assert_eq!(
        error.to_string(),
        "the input `x` is 1 x ? x 8 x 8; its number of channels is not known: name it with the height and width, such as 3x224x224"
    );
    let size = Some(InputSize { channels: Some(2), size: Size::square(8) });
    let read = from_onnx_with(file, ReadOptions { size, cut: false }).unwrap();
    assert_eq!(read.graph.node(read.graph.input()).shape, Shape::map(2, 8, 8));
    let fixed = from_input(&[1, 3, 8, 8], vec![node("Relu", &["x"], "y")], vec![]);
    let fixed = model(fixed, "p", &[("", 17)]).encode_to_vec();
    let error = from_onnx_with(fixed, ReadOptions { size, cut: false }).unwrap_err();
    assert_eq!(error.to_string(), "the input `x` is 1 x 3 x 8 x 8, and cannot have 2 channels");
}

#[test]
fn an_image_without_a_batch_is_read() {
    let nodes = vec![node("Unsqueeze", &["x", "a"], "b"), node("Relu", &["b"], "y")];
    let read = imported(from_input(&[3, 8, 9], nodes, vec![integers("a", &[1], &[0])])).unwrap();
    assert_eq!(read.graph.node(read.graph.output()).shape, Shape::map(3, 8, 9));
}

#[test]
fn a_second_input_is_named_with_what_can_be_done() {
    let mut network = graph(vec![node("Add", &["x", "depth"], "y")], vec![]);
    let mut second = network.input[0].clone();
    second.name = "depth".to_owned();
    network.input.push(second);
    let error = imported(network).unwrap_err();
    for part in ["`x`, 1 x 3 x 8 x 8", "`depth`, 1 x 3 x 8 x 8", "the channels of all"] {
        assert!(error.contains(part), "{error}");
    }
}

/// PyTorch's newer exporter writes softplus with the value itself above 20.
#[test]
fn activations_that_choose_are_recognised() {
    let nodes = |from: &str, to: &str| {
        vec![
            node("Softplus", &["x"], "s"),
            node(from, &["x", "limit"], "c"),
            node("Where", &["c", "x", "s"], to),
        ]
    };
    let limit = || vec![floats("limit", &[], &[20.0])];
    for compared in ["Greater", "GreaterOrEqual"] {
        let softplus = last(nodes(compared, "y"), limit()).unwrap();
        assert_eq!(softplus, Op::Activation(Activation::Softplus));
    }
    let mut mish = nodes("Greater", "plus");
    mish.extend([node("Tanh", &["plus"], "t"), node("Mul", &["x", "t"], "y")]);
    assert_eq!(last(mish, limit()).unwrap(), Op::Activation(Activation::Mish));
    // What is chosen by something else is no activation.
    let refusal = last(nodes("Less", "y"), limit()).unwrap_err();
    assert!(refusal.contains("Where: of computed values"), "{refusal}");
}

#[test]
fn celu_is_elu_between_two_factors() {
    let celu = |alpha: f32| {
        let attribute = AttributeProto { f: alpha, ..int("alpha", 0) };
        let read = imported(graph(vec![with(node("Celu", &["x"], "y"), &[attribute])], vec![]));
        let graph = read.unwrap().graph;
        graph.nodes().skip(1).map(|(_, node)| node.op.clone()).collect::<Vec<Op>>()
    };
    let elu = Op::Activation(Activation::Elu { alpha: 1.0 });
    let times = |factor: f32| Op::Rescale(Rescale { scale: vec![factor], shift: vec![] });
    assert_eq!(celu(1.0), std::slice::from_ref(&elu));
    assert_eq!(celu(0.5), [times(2.0), elu, times(0.5)]);
}

/// PyTorch's newer exporter writes `x[:, [2, 1, 0]]` so.
#[test]
fn positions_as_vectors_are_positions() {
    let nodes = vec![
        with(node("Transpose", &["x"], "t"), &[ints("perm", &[1, 0, 2, 3])]),
        node("GatherND", &["t", "i"], "g"),
        with(node("Transpose", &["g"], "y"), &[ints("perm", &[1, 0, 2, 3])]),
    ];
    let read = imported(graph(nodes.clone(), vec![integers("i", &[3, 1], &[2, 1, 0])])).unwrap();
    let output = read.graph.node(read.graph.output());
    assert_eq!((&output.op, output.shape), (&Op::Concat, Shape::map(3, 8, 8)));
    let single = last(nodes, vec![integers("i", &[3, 2], &[2, 0, 1, 0, 0, 0])]).unwrap_err();
    assert!(single.contains("of single values"), "{single}");
}

/// The only weight of a network of these nodes.
fn weight(nodes: Vec<NodeProto>, tensors: Vec<TensorProto>) -> Vec<f32> {
    let read = imported(graph(nodes, tensors)).unwrap();
    let weights = read.weights().unwrap();
    weights
        .get(&Path::new(read.graph.node(read.graph.output()).path.as_str()), Role::Weight)
        .unwrap()
        .to_vec()
}

#[test]
fn integers_get_the_scale_that_follows_them() {
    let nodes = vec![
        NodeProto {
            output: ["q", "s", "z"].map(str::to_owned).to_vec(),
            ..node("DynamicQuantizeLinear", &["x"], "q")
        },
        node("ConvInteger", &["q", "k", "z", "kz"], "i"),
        with(node("Cast", &["i"], "f"), &[int("to", 1)]),
        node("Mul", &["s", "ks"], "scale"),
        node("Mul", &["f", "scale"], "y"),
    ];
    let kernel = |kind| TensorProto {
        int32_data: vec![-1, 2, 3, 4, 5, 6],
        ..constant("k", &[2, 3, 1, 1], kind)
    };
    let zero = TensorProto { int32_data: vec![1], ..constant("kz", &[], DataType::Int8) };
    let tensors = vec![kernel(DataType::Int8), zero, floats("ks", &[2, 1, 1], &[0.5, 0.25])];
    assert_eq!(weight(nodes.clone(), tensors.clone()), [-1.0, 0.5, 1.0, 0.75, 1.0, 1.25]);
    let read = imported(graph(nodes.clone(), tensors.clone())).unwrap();
    assert_eq!(read.graph.len(), 2);
    assert!(read.remarks.iter().any(|remark| remark.contains("quantised")));
    // A bias that is added to the integers.
    let biased = [
        nodes[0].clone(),
        nodes[1].clone(),
        node("Add", &["i", "b"], "ib"),
        with(node("Cast", &["ib"], "f"), &[int("to", 1)]),
        nodes[3].clone(),
        nodes[4].clone(),
    ];
    let tensors = [tensors, vec![floats("b", &[1, 2, 1, 1], &[4.0, -8.0])]].concat();
    let read = imported(graph(biased.to_vec(), tensors)).unwrap();
    let weights = read.weights().unwrap();
    let conv = &read.graph.node(read.graph.output()).path;
    assert_eq!(weights.get(conv, Role::Weight).unwrap(), [-1.0, 0.5, 1.0, 0.75, 1.0, 1.25]);
    assert_eq!(weights.get(conv, Role::Bias).unwrap(), [2.0, -2.0]);
}

/// A kernel that is divided by its norm, and one whose mean is taken off.
#[test]
fn weights_that_are_normalised_are_computed() {
    let kernel = floats("v", &[2, 3, 1, 1], &[3.0, 4.0, 0.0, 1.0, 2.0, 2.0]);
    for axes in [&[1, 2, 3][..], &[-3, -2, -1]] {
        let nodes = vec![
            with(node("ReduceL2", &["v"], "n"), &[ints("axes", axes)]),
            node("Div", &["v", "n"], "k"),
            node("Conv", &["x", "k"], "y"),
        ];
        let third = 1.0 / 3.0;
        let computed = weight(nodes, vec![kernel.clone()]);
        let expected = [0.6, 0.8, 0.0, third, 2.0 * third, 2.0 * third];
        assert!(computed.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{computed:?}");
    }
    let nodes = vec![
        node("ReduceMean", &["v", "axes"], "m"),
        node("Sub", &["v", "m"], "k"),
        node("Conv", &["x", "k"], "y"),
    ];
    let tensors = vec![floats("v", &[1, 3, 1, 1], &[1.0, 2.0, 6.0]), integers("axes", &[1], &[1])];
    assert_eq!(weight(nodes, tensors), [-2.0, -1.0, 3.0]);
}

/// A model whose file is cut off, or cannot be read in the middle.
#[test]
fn bytes_that_cannot_be_read_are_said_to_be_so() {
    #[derive(Debug)]
    struct Part(Bytes, u64);

    impl Source for Part {
        fn bytes(&self) -> u64 {
            self.0.len() as u64
        }

        fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
            match range.end <= self.1 {
                true => self.0.read(range),
                false => Err(io::Error::other("the disk is gone")),
            }
        }
    }
    let values = vec![0.5; 1 << 16];
    let conv = node("Conv", &["x", "w"], "y");
    let kernel = floats("w", &[1 << 14, 3, 1, 1], &values[..3 << 14]);
    let bytes =
        Bytes::from(model(graph(vec![conv], vec![kernel]), "p", &[("", 17)]).encode_to_vec());
    let all = bytes.len() as u64;
    let read = |until| read_onnx(Arc::new(Part(bytes.clone(), until)), ReadOptions::default());
    let weights = read(all).unwrap().weights().unwrap();
    assert_eq!(weights.tensors().next().unwrap(), &values[..3 << 14]);
    assert!(matches!(read(4000), Err(ImportError::Read(_))));
}

#[test]
fn a_file_that_is_cut_off_is_said_to_be_so() {
    let conv = node("Conv", &["x", "w"], "y");
    let kernel = floats("w", &[1 << 12, 3, 1, 1], &vec![0.5; 3 << 12]);
    let whole =
        ModelProto { ir_version: 8, ..model(graph(vec![conv], vec![kernel]), "p", &[("", 17)]) };
    let whole = whole.encode_to_vec();
    from_onnx(whole.clone()).unwrap();
    for length in [20, 4_000, whole.len() / 2, whole.len() - 1] {
        let error = from_onnx(whole[..length].to_vec()).unwrap_err();
        assert!(matches!(error, ImportError::CutOff), "{length}: {error}");
    }
    // Bytes that no model starts with, or that are wrong inside a model.
    let mut wrong = whole.clone();
    let at = wrong.windows(4).position(|part| part == b"Conv").unwrap();
    wrong[at - 1] = 0xff;
    for bytes in [vec![0xff; 20], vec![0x3a, 0x70, 1, 2], wrong] {
        assert!(matches!(from_onnx(bytes), Err(ImportError::Format(_))));
    }
}

/// Values of a large tensor are read when they are asked for: until then, a change of the source goes unnoticed.
#[test]
fn large_tensors_stay_in_the_source() {
    #[derive(Debug)]
    struct Counted(Bytes, std::sync::atomic::AtomicU64);

    impl Source for Counted {
        fn bytes(&self) -> u64 {
            self.0.len() as u64
        }

        fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
            let bytes = range.end - range.start;
            self.1.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
            self.0.read(range)
        }
    }
    let kernel = floats("w", &[1 << 18, 3, 1, 1], &vec![0.25; 3 << 18]);
    let network = graph(vec![node("Conv", &["x", "w"], "y")], vec![kernel]);
    let bytes = Bytes::from(model(network, "p", &[("", 17)]).encode_to_vec());
    let source = Arc::new(Counted(bytes, 0.into()));
    let read = || source.1.load(std::sync::atomic::Ordering::Relaxed);
    let shared: Arc<dyn Source> = source.clone();
    let imported = read_onnx(shared, ReadOptions::default()).unwrap();
    assert!(read() < 300_000, "{} bytes", read());
    imported.weights().unwrap();
    assert!(read() > 3 << 20);
    let Op::Conv(Conv { out_channels, .. }) = imported.graph.node(imported.graph.output()).op
    else {
        panic!()
    };
    assert_eq!(out_channels, 1 << 18);
}

/// A pooling over rows whose window may also be a column.
#[test]
fn windows_of_rows_have_no_height() {
    let pool = with(
        node("AveragePool", &["c"], "y"),
        &[ints("kernel_shape", &[4]), ints("pads", &[1, 1])],
    );
    let (mut nodes, tensors) = rows("x");
    nodes.truncate(1);
    nodes.push(pool);
    let graph = imported(from_input(&[1, 3, 16], nodes, tensors)).unwrap().graph;
    let output = graph.node(graph.output());
    let Op::Pool(Pool { kernel, padding, .. }) = output.op else { panic!("{:?}", output.op) };
    assert_eq!(
        (kernel, padding),
        (Size::new(1, 4), Padding { top: 0, left: 1, bottom: 0, right: 1 })
    );
}

/// CBAM's gate over places, as its authors, PyTorch's exporters and TensorFlow write it.
#[test]
fn maxima_and_means_over_channels_are_read() {
    let over = |op: &str, from: &str, to: &str, axis: i64, keeps: i64| {
        with(node(op, &[from], to), &[ints("axes", &[axis]), int("keepdims", keeps)])
    };
    let ends = |to: &str| {
        [node("Conv", &[to, "k"], "small"), node("Sigmoid", &["small"], "gate")]
            .into_iter()
            .chain([node("Mul", &["r", "gate"], "y")])
    };
    let kept = [
        over("ReduceMax", "r", "a", 1, 1),
        over("ReduceMean", "r", "b", 1, 1),
        with(node("Concat", &["a", "b"], "c"), &[int("axis", 1)]),
    ];
    let squeezed = [
        over("ReduceMax", "r", "a", -3, 0),
        node("Unsqueeze", &["a", "one"], "a1"),
        over("ReduceMean", "r", "b", 1, 0),
        node("Unsqueeze", &["b", "one"], "b1"),
        with(node("Concat", &["a1", "b1"], "c"), &[int("axis", 1)]),
    ];
    let turned = [
        with(node("Transpose", &["r"], "t"), &[ints("perm", &[0, 2, 3, 1])]),
        over("ReduceMax", "t", "a", -1, 1),
        over("ReduceMean", "t", "b", 3, 1),
        with(node("Concat", &["a", "b"], "n"), &[int("axis", 3)]),
        with(node("Transpose", &["n"], "c"), &[ints("perm", &[0, 3, 1, 2])]),
    ];
    let tensors = || vec![integers("one", &[1], &[1]), floats("k", &[1, 2, 1, 1], &[0.5, 2.0])];
    for nodes in [&kept[..], &squeezed, &turned] {
        let first = [node("Relu", &["x"], "r")].into_iter();
        let nodes = first.chain(nodes.iter().cloned()).chain(ends("c")).collect();
        let graph = imported(graph(nodes, tensors())).unwrap().graph;
        let nodes: Vec<(&str, Shape)> =
            graph.nodes().map(|(_, node)| (node.op.name(), node.shape)).collect();
        let one = Shape::map(1, 8, 8);
        let expected = [
            ("input", Shape::map(3, 8, 8)),
            ("relu", Shape::map(3, 8, 8)),
            ("channel_max", one),
            ("channel_mean", one),
            ("concat", Shape::map(2, 8, 8)),
            ("conv", one),
            ("sigmoid", one),
            ("multiply", Shape::map(3, 8, 8)),
        ];
        assert_eq!(nodes, expected);
    }
}

/// A mean over channels that no normalisation takes off is read by anything, and may be a result; a sum is a mean with a factor.
#[test]
fn a_mean_over_channels_is_a_result() {
    let mean =
        |op: &str, to: &str| with(node(op, &["x"], to), &[ints("axes", &[1]), int("keepdims", 1)]);
    let ops = |nodes: Vec<NodeProto>| -> Vec<&'static str> {
        let graph = imported(graph(nodes, vec![])).unwrap().graph;
        graph.nodes().skip(1).map(|(_, node)| node.op.name()).collect()
    };
    assert_eq!(ops(vec![mean("ReduceMean", "y")]), ["channel_mean"]);
    assert_eq!(ops(vec![mean("ReduceSum", "y")]), ["channel_mean", "rescale"]);
    let gate = [mean("ReduceMean", "m"), node("Sigmoid", &["m"], "g")];
    let gated = gate.into_iter().chain([node("Mul", &["g", "x"], "y")]).collect();
    assert_eq!(ops(gated), ["channel_mean", "sigmoid", "multiply"]);
    let over = with(node("ReduceMax", &["x"], "y"), &[ints("axes", &[1, 2])]);
    let refusal = last(vec![over], vec![]).unwrap_err();
    assert!(refusal.contains("over other axes than the channels"), "{refusal}");
}

/// What is left without the mean over channels is a sum, unless it is divided by its deviation.
#[test]
fn a_result_without_its_mean_is_a_sum() {
    let first = || {
        let mean = node("ReduceMean", &["x"], "m");
        let mean = with(mean, &[ints("axes", &[1]), int("keepdims", 1)]);
        vec![mean, node("Sub", &["x", "m"], "d")]
    };
    let ops = |nodes: &[NodeProto]| -> Vec<Op> {
        let nodes = [first(), nodes.to_vec()].concat();
        let tensors = vec![floats("two", &[], &[2.0]), floats("eps", &[], &[1e-3])];
        let graph = imported(graph(nodes, tensors)).unwrap().graph;
        graph.nodes().skip(1).map(|(_, node)| node.op.clone()).collect()
    };
    let without = || vec![Op::ChannelMean, Op::Add { scales: vec![1.0, -1.0] }];
    let behind = |more: Op| [without(), vec![more]].concat();
    let relu = Op::Activation(Activation::Relu);
    assert_eq!(ops(&[node("Identity", &["d"], "y")]), without());
    assert_eq!(ops(&[node("Relu", &["d"], "y")]), behind(relu.clone()));
    let twice = [node("Relu", &["d"], "r"), node("Add", &["r", "d"], "y")];
    assert_eq!(ops(&twice), [behind(relu), vec![Op::Add { scales: vec![1.0, 1.0] }]].concat());
    assert_eq!(
        ops(&[node("Mul", &["d", "two"], "y")]),
        behind(Op::Rescale(Rescale { scale: vec![2.0], shift: vec![] }))
    );
    let deviation = [
        node("Pow", &["d", "two"], "s"),
        with(node("ReduceMean", &["s"], "v"), &[ints("axes", &[1]), int("keepdims", 1)]),
        node("Add", &["v", "eps"], "e"),
        node("Sqrt", &["e"], "r"),
        node("Div", &["d", "r"], "y"),
    ];
    assert!(matches!(ops(&deviation)[..], [Op::Norm(_)]));
    // A sum of squares is no network of ours.
    let squared = [first(), vec![node("Pow", &["d", "two"], "y")]].concat();
    let refusal = last(squared, vec![floats("two", &[], &[2.0])]).unwrap_err();
    assert!(refusal.contains("1 x Pow: a part of no activation"), "{refusal}");
}

/// What a detector or a classifier does with its results at the end is cut off, with a remark.
#[test]
fn a_softmax_over_part_of_the_channels_is_cut_at_the_end_only() {
    let nodes = |behind: &[NodeProto]| -> Vec<NodeProto> {
        let first = [
            node("Conv", &["x", "w"], "score"),
            node("Reshape", &["score", "pairs"], "pair"),
            with(node("Softmax", &["pair"], "soft"), &[int("axis", 1)]),
        ];
        first.into_iter().chain(behind.iter().cloned()).collect()
    };
    let tensors = vec![
        floats("w", &[4, 3, 1, 1], &[0.5; 12]),
        integers("pairs", &[4], &[1, 2, -1, 8]),
        integers("map", &[4], &[1, 4, -1, 8]),
    ];
    let end = nodes(&[node("Reshape", &["soft", "map"], "y")]);
    let read = imported(graph(end, tensors.clone())).unwrap();
    let output = read.graph.node(read.graph.output());
    assert_eq!(output.shape, Shape::map(4, 8, 8));
    let remark = "cut where these operators are not supported: 1 x Softmax";
    assert!(read.remarks.iter().any(|own| own.contains(remark)), "{:?}", read.remarks);
    // In the middle it is a part of the network.
    let middle = nodes(&[node("Reshape", &["soft", "map"], "m"), node("Conv", &["m", "w2"], "y")]);
    let tensors = [tensors, vec![floats("w2", &[16, 4, 1, 1], &[0.5; 64])]].concat();
    let refusal = imported(graph(middle, tensors)).unwrap_err();
    assert!(refusal.contains("Softmax: along an axis other than the channels"), "{refusal}");
    let logarithm = vec![
        node("Conv", &["x", "w"], "score"),
        with(node("LogSoftmax", &["score"], "y"), &[int("axis", 1)]),
    ];
    let read = imported(graph(logarithm, vec![floats("w", &[4, 3, 1, 1], &[0.5; 12])])).unwrap();
    assert!(matches!(read.graph.node(read.graph.output()).op, Op::Conv(_)));
    assert!(read.remarks.iter().any(|own| own.contains("LogSoftmax")), "{:?}", read.remarks);
}
