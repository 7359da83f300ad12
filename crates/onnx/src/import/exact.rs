//! Files that once were read as something else than they say.

use super::tests::{graph, node};
use super::*;
use crate::proto::{AttributeProto, AttributeType, DataType, OperatorSetIdProto, TensorProto};
use inceptive_ir::{Padding, PoolKind, Size};

pub fn int(name: &str, i: i64) -> AttributeProto {
    let r#type = AttributeType::Int.into();
    AttributeProto { name: name.to_owned(), i, r#type, ..AttributeProto::default() }
}

pub fn pair(name: &str, value: i64) -> AttributeProto {
    ints(name, &[value, value])
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    let r#type = AttributeType::Ints.into();
    AttributeProto {
        name: name.to_owned(),
        ints: ints.to_vec(),
        r#type,
        ..AttributeProto::default()
    }
}

pub fn string(name: &str, s: &'static str) -> AttributeProto {
    let (r#type, s) = (AttributeType::String.into(), Bytes::from(s));
    AttributeProto { name: name.to_owned(), s, r#type, ..AttributeProto::default() }
}

pub fn with(mut node: NodeProto, attributes: &[AttributeProto]) -> NodeProto {
    node.attribute = attributes.to_vec();
    node
}

pub fn model(graph: GraphProto, producer: &str, opsets: &[(&str, i64)]) -> ModelProto {
    let set = |&(domain, version): &(&str, i64)| OperatorSetIdProto {
        domain: domain.to_owned(),
        version,
    };
    ModelProto {
        graph: Some(graph),
        producer_name: producer.to_owned(),
        opset_import: opsets.iter().map(set).collect(),
        ..ModelProto::default()
    }
}

pub fn read(model: &ModelProto) -> Result<Imported, ImportError> {
    from_onnx(model.encode_to_vec())
}

/// The last operator of nodes from `x` to `y`, on 1 x 3 x 8 x 8, or why they are refused.
pub fn last(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Result<Op, String> {
    let read = read(&model(graph(nodes, constants), "p", &[("", 17)]));
    let graph = read.map_err(|error| error.to_string())?.graph;
    Ok(graph.node(graph.output()).op.clone())
}

/// A tensor without its values.
pub fn constant(name: &str, dims: &[i64], data_type: DataType) -> TensorProto {
    let data_type = data_type.into();
    TensorProto { name: name.to_owned(), dims: dims.to_vec(), data_type, ..TensorProto::default() }
}

pub fn integers(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    TensorProto { int64_data: values.to_vec(), ..constant(name, dims, DataType::Int64) }
}

pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto { float_data: values.to_vec(), ..constant(name, dims, DataType::Float) }
}

/// A kernel of 1s, 3 channels to 3.
fn kernel(size: i64) -> TensorProto {
    let count = usize::try_from(9 * size * size).unwrap();
    floats("w", &[3, 3, size, size], &vec![1.0; count])
}

/// Any program can write our name into a file.
#[test]
fn a_forged_producer_changes_no_meaning() {
    let read = |op: &str, attributes: &[AttributeProto]| {
        let network = graph(vec![with(node(op, &["x"], "y"), attributes)], vec![]);
        let graph = read(&model(network, crate::PRODUCER, &[("", 17)])).unwrap().graph;
        graph.node(graph.output()).op.clone()
    };
    let window = |kernel, stride| [pair("kernel_shape", kernel), pair("strides", stride)];
    let grid = window(2, 2);
    assert_eq!(read("AveragePool", &grid), Op::AdaptiveAvgPool { output: Size::square(4) });
    for (op, attributes) in [
        ("MaxPool", &grid[..]),
        ("AveragePool", &window(3, 2)),
        ("AveragePool", &window(3, 3)),
        ("AveragePool", &[&grid[..], &[int("ceil_mode", 1)]].concat()),
        ("AveragePool", &[&window(3, 3)[..], &[string("auto_pad", "SAME_UPPER")]].concat()),
    ] {
        let read = read(op, attributes);
        let Op::Pool(pool) = &read else { panic!("{op} {read:?}") };
        assert_eq!(pool.kind == PoolKind::Max, op == "MaxPool");
        assert_eq!(pool.kernel, Size::square(u32::try_from(attributes[0].ints[0]).unwrap()));
    }
}

/// `SAME` is of the map with its padding: 9 x 9 in strides of 2 are 5 windows, of which 3 x 3 need one element at each
/// side.
#[test]
fn automatic_padding_is_of_the_padded_map() {
    let same = |op: &str, before: &[i64], size: i64, more: &[AttributeProto]| {
        let padded = node("Pad", &["x", "p"], "q");
        let attributes = [pair("kernel_shape", size), pair("strides", 2)];
        let auto = [string("auto_pad", "SAME_UPPER")];
        let inputs = if op == "Conv" { &["q", "w"][..] } else { &["q"] };
        let window = with(node(op, inputs, "y"), &[&attributes[..], &auto, more].concat());
        last(vec![padded, window], vec![kernel(size), integers("p", &[8], before)])
    };
    let below = [0, 0, 0, 0, 0, 0, 1, 1];
    let expected = Padding { top: 1, left: 1, bottom: 2, right: 2 };
    let Op::Conv(conv) = same("Conv", &below, 3, &[]).unwrap() else { panic!() };
    assert_eq!(conv.padding, expected);
    let (above, counts) = ([0, 0, 1, 1, 0, 0, 0, 0], int("count_include_pad", 1));
    let Op::Pool(pool) = same("AveragePool", &above, 4, &[counts]).unwrap() else { panic!() };
    assert_eq!(pool.padding, Padding::symmetric(Size::square(2)));
    let refusal = same("AveragePool", &above, 4, &[]).unwrap_err();
    assert!(refusal.contains("padding of two kinds"), "{refusal}");
}

/// The last of five windows of 9 x 9 starts in the padding, and averages zeros.
#[test]
fn a_window_that_starts_in_padding_is_refused_where_it_counts() {
    let padded = |ceil| {
        let attributes = [pair("kernel_shape", 2), pair("strides", 2), int("ceil_mode", ceil)];
        let nodes = vec![
            node("Pad", &["x", "p"], "q"),
            with(node("AveragePool", &["q"], "y"), &attributes),
        ];
        last(nodes, vec![integers("p", &[8], &[0, 0, 0, 0, 0, 0, 1, 1])])
    };
    assert!(padded(0).is_ok());
    assert!(padded(1).unwrap_err().contains("starts in padding"));
}

/// An image of 3 x 8 x 8 in a batch of one.
#[test]
fn a_reshape_keeps_the_batch() {
    let reshaped = |dims: &[i64], attributes: &[AttributeProto]| {
        let count = i64::try_from(dims.len()).unwrap();
        let reshape = with(node("Reshape", &["x", "s"], "y"), attributes);
        last(vec![reshape], vec![integers("s", &[count], dims)])
    };
    for dims in [[1, -1], [0, -1], [-1, 192], [1, 192], [0, 192]] {
        assert_eq!(reshaped(&dims, &[]), Ok(Op::Flatten), "{dims:?}");
    }
    for dims in [&[2, -1][..], &[4, -1], &[3, 192], &[-1, -1], &[2, 3, 8, 8]] {
        assert!(reshaped(dims, &[]).is_err(), "{dims:?}");
    }
    let refusal = reshaped(&[0, 192], &[int("allowzero", 1)]).unwrap_err();
    assert!(refusal.contains("below 1"), "{refusal}");

    // A file for batches of four.
    let of_four = |batch| {
        let reshape = node("Reshape", &["x", "s"], "y");
        let mut network = graph(vec![reshape], vec![integers("s", &[2], &[batch, -1])]);
        let image = network.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
        image.shape.as_mut().unwrap().dim[0].dim_value = Some(4);
        read(&model(network, "p", &[("", 17)])).is_ok()
    };
    assert_eq!([4, 1, 2, 12].map(of_four), [true, false, false, false]);
}

/// After a shuffle's transposition, a zero is a size of the five dimensions.
#[test]
fn a_shuffle_ends_in_sizes_of_its_own() {
    let shuffled = |dims: [i64; 4]| {
        let nodes = vec![
            node("Reshape", &["x", "s"], "a"),
            with(node("Transpose", &["a"], "b"), &[ints("perm", &[0, 2, 1, 3, 4])]),
            node("Reshape", &["b", "t"], "y"),
        ];
        last(nodes, vec![integers("s", &[5], &[1, 3, 1, 8, 8]), integers("t", &[4], &dims)])
    };
    // Groups of one channel each stay where they are.
    assert_eq!(shuffled([0, -1, 8, 8]), Ok(Op::Input(inceptive_ir::Shape::map(3, 8, 8))));
    assert!(shuffled([1, 3, 0, 8]).is_err());
}

/// Programs differ in what numbers other than 0 and 1 mean.
#[test]
fn what_is_on_or_off_is_0_or_1() {
    let window = [pair("kernel_shape", 2), pair("strides", 2)];
    let pool = |key, value| {
        let attributes = [&window[..], &[int(key, value)]].concat();
        last(vec![with(node("AveragePool", &["x"], "y"), &attributes)], vec![])
    };
    let gemm = |key, value| {
        let nodes = vec![
            node("Flatten", &["x"], "v"),
            with(node("Gemm", &["v", "w"], "y"), &[int(key, value)]),
        ];
        last(nodes, vec![floats("w", &[192, 192], &[0.5; 192 * 192])])
    };
    let reduce = |key, value| {
        let attributes = [ints("axes", &[2, 3]), int(key, value)];
        last(vec![with(node("ReduceMean", &["x"], "y"), &attributes)], vec![])
    };
    type Read<'a> = &'a dyn Fn(&'static str, i64) -> Result<Op, String>;
    let reads: [(Read<'_>, &str); 5] = [
        (&pool, "ceil_mode"),
        (&pool, "count_include_pad"),
        (&gemm, "transB"),
        (&gemm, "transA"),
        (&reduce, "keepdims"),
    ];
    for (read, key) in reads {
        assert!(read(key, 0).is_ok(), "{key}");
        assert_eq!(read(key, 1).is_ok(), key != "transA", "{key}");
        for other in [2, -1] {
            let refusal = read(key, other).unwrap_err();
            assert!(refusal.contains("neither 0 nor 1"), "{refusal}");
        }
    }
}

#[test]
fn a_dropout_that_trains_is_refused() {
    let dropout = |training: i64| {
        let nodes = vec![
            with(node("Cast", &["t"], "b"), &[int("to", 9)]),
            node("Dropout", &["x", "r", "b"], "y"),
        ];
        last(nodes, vec![floats("r", &[], &[0.5]), integers("t", &[], &[training])])
    };
    assert_eq!(dropout(0), Ok(Op::Dropout { p: 0.5 }));
    assert!(dropout(1).unwrap_err().contains("in training mode"));
}

/// Before set 7, `is_test` says that nothing is dropped, and that a normalisation has fixed statistics; before set 14,
/// one with more results computes those of the batch.
#[test]
fn old_operators_train_unless_they_say_otherwise() {
    let norm = || {
        let mut norm = node("BatchNormalization", &["x", "s", "b", "m", "v"], "y");
        norm.name = "n".to_owned();
        norm
    };
    let of = |node: NodeProto, attributes: &[AttributeProto], opset: i64| {
        let vectors = ["s", "b", "m", "v"].map(|name| floats(name, &[3], &[1.0; 3]));
        let network = graph(vec![with(node, attributes)], vectors.to_vec());
        read(&model(network, "p", &[("", opset)])).map_err(|error| error.to_string())
    };
    for node in [node("Dropout", &["x"], "y"), norm()] {
        let trains = |result: Result<Imported, String>| {
            result.is_err_and(|error| error.contains("in training mode"))
        };
        assert!(trains(of(node.clone(), &[], 6)), "{}", node.op_type);
        assert!(trains(of(node.clone(), &[int("is_test", 0)], 1)), "{}", node.op_type);
        of(node.clone(), &[int("is_test", 1)], 6).unwrap();
        of(node, &[], 7).unwrap();
    }
    let more = NodeProto { output: vec!["y".to_owned(), "mean".to_owned()], ..norm() };
    assert!(of(more, &[], 9).unwrap_err().contains("in training mode"));
}

/// A stack of matrices multiplies each channel by another one, or makes a map for each of them.
#[test]
fn only_matrices_average_rows_and_columns() {
    let pooled = |rows: &[i64], columns: &[i64]| {
        let nodes = vec![node("MatMul", &["r", "x"], "q"), node("MatMul", &["q", "c"], "y")];
        let average = |name, dims: &[i64], values: &[f32]| floats(name, dims, values);
        let (half, zero) = ([0.25; 4], [0.0; 4]);
        let (top, below) = ([half, zero].concat(), [zero, half].concat());
        let mut across = vec![0.0; 16];
        for (at, value) in across.iter_mut().enumerate() {
            *value = if (at < 8) == at.is_multiple_of(2) { 0.25 } else { 0.0 };
        }
        let rows = average("r", rows, &[top, below].concat());
        last(nodes, vec![rows, average("c", columns, &across)])
    };
    assert_eq!(pooled(&[2, 8], &[8, 2]), Ok(Op::AdaptiveAvgPool { output: Size::square(2) }));
    for dims in [&[2, 1, 8][..], &[2, 1, 1, 8], &[2, 8, 1], &[1, 2, 8], &[16]] {
        assert!(pooled(dims, &[8, 2]).unwrap_err().contains("from the left"), "{dims:?}");
    }
    for dims in [&[8, 1, 2][..], &[1, 8, 2], &[16], &[8, 2, 1]] {
        assert!(pooled(&[2, 8], dims).unwrap_err().contains("averages over rows"), "{dims:?}");
    }
    let of_vector = vec![node("Flatten", &["x"], "v"), node("MatMul", &["r", "v"], "y")];
    let refusal = last(of_vector, vec![floats("r", &[1, 1], &[1.0])]).unwrap_err();
    assert!(refusal.contains("of a vector from the left"), "{refusal}");
}

/// The empty name and `ai.onnx` are one domain.
#[test]
fn a_file_has_one_version_of_the_operators() {
    let of = |opsets: &[(&str, i64)]| {
        read(&model(graph(vec![node("Relu", &["x"], "y")], vec![]), "p", opsets))
    };
    assert_eq!(of(&[("ai.onnx", 17), ("", 17), ("other", 1)]).unwrap().opset, 17);
    let error = of(&[("ai.onnx", 17), ("", 11)]).unwrap_err().to_string();
    assert!(error.contains("two versions of ONNX's operators, 17 and 11"), "{error}");
}

/// Weights of a convolution that were cast to a type and back.
fn weights_through(op: &str, to: i64) -> Result<Vec<f32>, String> {
    let (first, second) = match op {
        "Cast" => (
            with(node("Cast", &["w"], "a"), &[int("to", to)]),
            with(node("Cast", &["a"], "b"), &[int("to", 1)]),
        ),
        _ => (node(op, &["w", "i"], "a"), node(op, &["a", "x"], "b")),
    };
    let nodes = vec![first, second, node("Conv", &["x", "b"], "y")];
    let values = [0.0, 0.5, 1.5, -1.5, 2.0, -0.25, 3.9, -3.9, 1.0];
    let constants = vec![floats("w", &[3, 3, 1, 1], &values), integers("i", &[], &[1])];
    let read = read(&model(graph(nodes, constants), "p", &[("", 17)]));
    let imported = read.map_err(|error| error.to_string())?;
    let weights = imported.weights().unwrap();
    let last = imported.graph.node(imported.graph.output());
    Ok(weights.of(last, Role::Weight).unwrap().to_vec())
}

#[test]
fn casts_of_constants_round() {
    let whole = [0.0, 0.0, 1.0, -1.0, 2.0, 0.0, 3.0, -3.0, 1.0];
    for read in [weights_through("Cast", 7), weights_through("CastLike", 7)] {
        assert_eq!(read.unwrap(), whole);
    }
    let bits = [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    assert_eq!(weights_through("Cast", 9).unwrap(), bits);
    assert!(weights_through("Cast", 3).unwrap_err().contains("to int8"));
    let large = vec![
        with(node("Cast", &["i"], "a"), &[int("to", 6)]),
        with(node("Cast", &["a"], "b"), &[int("to", 1)]),
        node("Conv", &["x", "w"], "c"),
        node("Add", &["c", "b"], "y"),
    ];
    let large = last(large, vec![kernel(1), integers("i", &[3, 1, 1], &[1, 1 << 33, 2])]);
    assert!(large.unwrap_err().contains("may round or wrap"));
}

#[test]
fn casts_of_computed_values_to_integers_are_refused() {
    let like = |target: &str| {
        let nodes = vec![node("Relu", &["x"], "q"), node("CastLike", &["q", target], "y")];
        last(nodes, vec![integers("i", &[], &[1]), floats("f", &[], &[1.0])])
    };
    assert!(like("f").is_ok() && like("x").is_ok());
    assert!(like("i").unwrap_err().contains("of a computed value to integers"));
    let cast = |to| {
        let cast = with(node("Cast", &["q"], "y"), &[int("to", to)]);
        last(vec![node("Relu", &["x"], "q"), cast], vec![])
    };
    assert!(cast(1).is_ok() && cast(11).is_ok());
    for half in [10, 16] {
        assert!(cast(half).is_ok() && weights_through("Cast", half).is_ok());
    }
    assert!([0, 3, 7, 9].into_iter().all(|to| cast(to).is_err()));
}

#[test]
fn arithmetic_on_constants_is_of_their_shapes_and_types() {
    // What is computed, as a shape that the map is flattened to.
    let flattened = |nodes: Vec<NodeProto>, constants: Vec<TensorProto>| {
        let reshape = node("Reshape", &["x", "s"], "y");
        last([nodes, vec![reshape]].concat(), constants)
    };
    let pair = || {
        vec![
            integers("a", &[2, 1], &[1, 1]),
            integers("b", &[2, 1], &[191, 192]),
            integers("c", &[1, 2], &[1, 192]),
            integers("v", &[2], &[1, 64]),
            integers("f", &[2], &[1, 3]),
            integers("n", &[], &[1]),
        ]
    };
    let op = |op, inputs: &[&str]| vec![node(op, inputs, "s")];
    let concat =
        |inputs: &[&str], axis| vec![with(node("Concat", inputs, "s"), &[int("axis", axis)])];
    assert_eq!(flattened(op("Mul", &["v", "f"]), pair()), Ok(Op::Flatten));
    assert_eq!(flattened(op("Mul", &["c", "n"]), pair()), Ok(Op::Flatten));
    for (nodes, refusal) in [
        (concat(&["a", "v"], 0), "that do not fit each other"),
        (op("Gather", &["c", "n"]), "of a position that there is not"),
    ] {
        let refused = flattened(nodes, pair()).unwrap_err();
        assert!(refused.contains(refusal), "{refused}");
    }
    let product = |value: i32| {
        let nodes = vec![
            node("Conv", &["x", "w"], "c"),
            node("Mul", &["k", "k"], "kk"),
            with(node("Cast", &["kk"], "k1"), &[int("to", 1)]),
            node("Add", &["c", "k1"], "y"),
        ];
        let narrow = constant("k", &[3, 1, 1], DataType::Int32);
        last(nodes, vec![kernel(1), TensorProto { int32_data: vec![value; 3], ..narrow }])
    };
    assert!(product(40_000).is_ok());
    assert!(product(70_000).unwrap_err().contains("beyond 32 bits"));
}

/// A size that is gathered by a single number has no dimension until it is given one.
#[test]
fn shapes_are_put_together_as_exporters_do() {
    let nodes = vec![
        node("Shape", &["x"], "a"),
        node("Gather", &["a", "n"], "b"),
        node("Unsqueeze", &["b", "n"], "d"),
        with(node("Concat", &["d", "m"], "s"), &[int("axis", 0)]),
        node("Reshape", &["x", "s"], "y"),
    ];
    let constants = vec![integers("n", &[], &[0]), integers("m", &[1], &[-1])];
    assert_eq!(last(nodes, constants), Ok(Op::Flatten));
}

/// A constant that only has the name of an absent gamma is one that counts.
#[test]
fn absent_tensors_of_a_normalisation_have_no_effect() {
    let scale = |producer: &str, gamma: f32| {
        let mut norm = node("BatchNormalization", &["x", "n$weight", "b", "m", "v"], "y");
        norm.name = "n".to_owned();
        let vector = |name, value| floats(name, &[3], &[1.0, value, 1.0]);
        let constants =
            vec![vector("n$weight", gamma), vector("b", 0.0), vector("m", 0.0), vector("v", 1.0)];
        let graph =
            read(&model(graph(vec![norm], constants), producer, &[("", 17)])).unwrap().graph;
        match &graph.node(graph.output()).op {
            Op::BatchNorm(norm) => norm.scale,
            other => panic!("{other:?}"),
        }
    };
    assert!(!scale(crate::PRODUCER, 1.0));
    assert!(scale(crate::PRODUCER, 1.5));
    assert!(scale("p", 1.0));
}

/// ONNX's L2 pooling sums what is in a window. Where it rounds up, the last windows are those of a map with zeros behind it,
/// and not PyTorch's, which are scaled to the size of a whole window.
#[test]
fn an_l2_pooling_never_rounds_up() {
    let pooled = |attributes: &[AttributeProto]| {
        let base = [pair("kernel_shape", 3), pair("strides", 2), int("p", 2)];
        let pool = with(node("LpPool", &["x"], "y"), &[&base, attributes].concat());
        let Ok(Op::Pool(pool)) = last(vec![pool], vec![]) else { panic!("no pool") };
        assert!(!pool.ceil && !pool.count_include_pad);
        assert_eq!(pool.kind, PoolKind::L2);
        let Padding { top, left, bottom, right } = pool.padding;
        [top, left, bottom, right]
    };
    assert_eq!(pooled(&[]), [0, 0, 0, 0]);
    assert_eq!(pooled(&[int("ceil_mode", 1)]), [0, 0, 1, 1]);
    assert_eq!(pooled(&[string("auto_pad", "SAME_UPPER")]), [0, 0, 1, 1]);
    assert_eq!(pooled(&[ints("pads", &[0, 0, 1, 1])]), [0, 0, 1, 1]);
    assert_eq!(pooled(&[ints("pads", &[0, 1, 1, 0]), int("ceil_mode", 1)]), [0, 1, 1, 0]);
}

/// A normalisation over the channels where they are last, of the input itself and of a map of one channel.
#[test]
fn a_normalisation_behind_a_transpose_of_the_input_is_read() {
    use inceptive_ir::{Norm, NormOver, Shape};
    let turned = |from: &str, to: &str, perm: &[i64]| {
        with(node("Transpose", &[from], to), &[ints("perm", perm)])
    };
    let normalised = |from: &str, channels: i64| {
        vec![
            turned(from, "t", &[0, 2, 3, 1]),
            with(node("LayerNormalization", &["t", "g", "b"], "n"), &[int("axis", -1)]),
            turned("n", "u", &[0, 3, 1, 2]),
            node("Conv", &["u", "k"], "y"),
        ]
        .into_iter()
        .chain((channels == 1).then(|| node("Conv", &["x", "one"], "c")))
        .rev()
        .collect::<Vec<_>>()
    };
    for (from, channels) in [("x", 3_i64), ("c", 1)] {
        let values = vec![0.5; usize::try_from(channels).unwrap()];
        let initializers = vec![
            floats("g", &[channels], &values),
            floats("b", &[channels], &values),
            floats("k", &[2, channels, 1, 1], &[values.clone(), values.clone()].concat()),
            floats("one", &[1, 3, 1, 1], &[0.5; 3]),
        ];
        let network = graph(normalised(from, channels), initializers);
        let read = read(&model(network, "p", &[("", 17)])).unwrap();
        assert_eq!(read.graph.node(read.graph.input()).shape, Shape::map(3, 8, 8));
        let is_norm = |op: &Op| matches!(op, Op::Norm(Norm { over: NormOver::Channels, .. }));
        assert_eq!(read.graph.nodes().filter(|(_, node)| is_norm(&node.op)).count(), 1);
        assert!(read.remarks.is_empty(), "{:?}", read.remarks);
    }
}
