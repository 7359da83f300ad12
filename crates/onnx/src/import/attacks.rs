//! Files that once took minutes or gigabytes. They are built here with the crate's own messages. Times are not
//! measured: sizes are such that work that grows with the square of them would not end while somebody waits.

use super::tests::{graph, node, read};
use super::*;
use crate::export::{Batch, LrnForm, Opset, Options, to_onnx};
use crate::proto::{StringStringEntryProto, TensorProto};
use inceptive_cost::{Cost, Mode};
use inceptive_ir::GraphError;
use inceptive_pytorch::to_pytorch;

fn named(op: &str, inputs: &[&str], output: &str, name: &str) -> NodeProto {
    NodeProto { name: name.to_owned(), ..node(op, inputs, output) }
}

/// A chain of activations from `x` to `y`, each with a name.
fn chain(length: usize, name: impl Fn(usize) -> String) -> GraphProto {
    let value = |at: usize| match at {
        0 => "x".to_owned(),
        at if at == length => "y".to_owned(),
        at => format!("v{at}"),
    };
    let link = |at: usize| named("Relu", &[&value(at)], &value(at + 1), &name(at));
    graph((0..length).map(link).collect(), vec![])
}

fn options() -> Options {
    Options {
        name: "n".to_owned(),
        opset: Opset::DEFAULT,
        batch: Batch::Fixed(1),
        lrn: LrnForm::Operator,
        weights: crate::WeightType::Float32,
    }
}

#[test]
fn nodes_of_one_name_are_numbered() {
    let network = read(chain(90_000, |_| "same".to_owned())).unwrap().graph;
    assert_eq!(network.node(network.output()).path.as_str(), "same_90000");
}

#[test]
fn more_operators_than_are_read_are_counted_and_refused() {
    let error = read(chain(census::MOST_OPERATORS + 1, |_| String::new())).unwrap_err();
    assert!(matches!(error, ImportError::TooMuch { what: "operators", .. }), "{error}");
    let error = read(chain(Graph::MAX_NODES, |_| String::new())).unwrap_err();
    assert!(matches!(error, ImportError::Graph(GraphError::TooManyNodes { .. })), "{error}");
}

#[test]
fn a_deep_name_becomes_a_path_within_the_limit() {
    let network = read(chain(1_000, |_| "a/".repeat(60_000))).unwrap().graph;
    assert!(network.nodes().all(|(_, node)| node.path.depth() <= Path::MAX_DEPTH));
}

/// One sum of 90,000 values is written as a chain, and read as one sum again.
#[test]
fn a_wide_sum_travels() {
    let wide = graph(vec![node("Sum", &["x"; 90_000], "y")], vec![]);
    let network = read(wide).unwrap().graph;
    assert_eq!(network.inputs(network.output()).len(), 90_000);
    let bytes = to_onnx(&network, &Weights::default(), &options()).unwrap();
    let again = from_onnx(bytes).unwrap().graph;
    assert_eq!(again.len(), 2);
    assert_eq!(again.fingerprint(), network.fingerprint());
    assert!(to_pytorch(&network, "Wide").lines().count() > 0);
}

/// Joins of joins: every value is read by two nodes, and names are as long as they may be.
#[test]
fn many_joins_with_long_names_are_read() {
    let long = "n".repeat(300);
    let value = |at: usize| if at == 0 { "x".to_owned() } else { format!("{long}{at}") };
    let mut nodes: Vec<NodeProto> = (0..20_000)
        .map(|at| named("Add", &[&value(at), &value(at)], &value(at + 1), &long))
        .collect();
    nodes.push(node("Relu", &[&value(20_000)], "y"));
    assert_eq!(read(graph(nodes, vec![])).unwrap().graph.len(), 20_002);
}

fn tensor(name: &str, dims: &[i64], value: f32) -> TensorProto {
    let count = usize::try_from(dims.iter().product::<i64>()).unwrap();
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: crate::proto::DataType::Float as i32,
        float_data: vec![value; count],
        ..TensorProto::default()
    }
}

fn params(imported: &Imported) -> u64 {
    Cost::new(&imported.graph, Mode::Inference).total.params
}

#[test]
fn one_name_for_two_values_is_refused() {
    let conv = || node("Conv", &["x", "w"], "y");
    let kernel = |value| tensor("w", &[2, 3, 1, 1], value);
    let relu = |input, output| node("Relu", &[input], output);
    for network in [
        graph(vec![conv()], vec![kernel(1.0), kernel(2.0)]),
        graph(vec![relu("x", "w"), conv()], vec![kernel(1.0)]),
        graph(vec![relu("x", "w"), relu("x", "w"), relu("w", "y")], vec![]),
    ] {
        let error = read(network).unwrap_err();
        assert!(matches!(&error, ImportError::SameName { name, .. } if name == "w"), "{error}");
    }
    let error = read(graph(vec![relu("x", "x"), relu("x", "y")], vec![])).unwrap_err();
    assert!(matches!(error, ImportError::SameName { .. }), "{error}");
}

/// One number as 2^27 values, in a file of a few hundred bytes, is never written out.
#[test]
fn one_number_stays_one_number() {
    let count = 1 << 27;
    let shape = TensorProto {
        data_type: crate::proto::DataType::Int64 as i32,
        float_data: vec![],
        int64_data: vec![count],
        ..tensor("shape", &[1], 0.0)
    };
    let map = TensorProto { int64_data: vec![count, 1, 1], dims: vec![3], ..shape.clone() };
    let map = TensorProto { name: "map".to_owned(), ..map };
    let mut nodes = vec![
        node("ConstantOfShape", &["shape"], "s"),
        node("ConstantOfShape", &["map"], "m"),
        node("GlobalAveragePool", &["x"], "v0"),
    ];
    for at in 0..50 {
        let [from, middle, to] = [format!("v{at}"), format!("n{at}"), format!("v{}", at + 1)];
        nodes.push(node("BatchNormalization", &[&from, "s", "s", "s", "s"], &middle));
        nodes.push(node("Mul", &[&middle, "m"], &to));
    }
    nodes.push(node("Relu", &["v50"], "y"));
    let mut network = graph(nodes, vec![shape, map]);
    let image = network.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
    for (dim, size) in image.shape.as_mut().unwrap().dim.iter_mut().zip([1, count, 1, 1]) {
        dim.dim_value = Some(size);
    }
    assert_eq!(read(network).unwrap().graph.len(), 53);
}

#[test]
fn products_with_one_matrix_share_its_transpose() {
    let side = 8;
    let mut nodes = vec![node("GlobalAveragePool", &["x"], "p"), node("Flatten", &["p"], "v0")];
    nodes.push(node("MatMul", &["v0", "first"], "v1"));
    for at in 1..400 {
        nodes.push(node("MatMul", &[&format!("v{at}"), "w"], &format!("v{}", at + 1)));
    }
    nodes.push(node("Softmax", &["v400"], "y"));
    let matrices = vec![tensor("w", &[side, side], 0.5), tensor("first", &[3, side], 0.5)];
    let imported = read(graph(nodes, matrices)).unwrap();
    assert_eq!((params(&imported), imported.counted_again.len()), (64 + 24, 0));
}

/// Every pair of constants gives new values: 400 of them would take a gigabyte from a file of 3 MB.
#[test]
fn computed_constants_are_limited() {
    let count = 1 << 18;
    let mut nodes = vec![node("GlobalAveragePool", &["x"], "p"), node("Conv", &["p", "w"], "v0")];
    for at in 0..200 {
        let [from, middle, to] = [format!("v{at}"), format!("n{at}"), format!("v{}", at + 1)];
        nodes.push(node("BatchNormalization", &[&from, "s", "s", "s", "s"], &middle));
        nodes.push(node("Identity", &["m"], &format!("m{at}")));
        nodes.push(node("Mul", &[&middle, &format!("m{at}")], &to));
    }
    nodes.push(node("Relu", &["v200"], "y"));
    let tensors = vec![
        tensor("w", &[count, 3, 1, 1], 0.5),
        tensor("s", &[count], 0.5),
        tensor("m", &[count, 1, 1], 0.5),
    ];
    let error = read(graph(nodes, tensors)).unwrap_err();
    assert!(
        matches!(error, ImportError::TooMuch { what: "bytes of computed constants", .. }),
        "{error}"
    );
}

/// Values of tensors beside the file are named wherever the tensor is.
#[test]
fn files_of_unread_tensors_are_named() {
    let external = |name: &str| {
        let entry = |(key, value): (&str, &str)| StringStringEntryProto {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        TensorProto {
            float_data: vec![],
            data_location: crate::proto::EXTERNAL,
            external_data: [("location", name), ("offset", "0")].map(entry).to_vec(),
            ..tensor(name, &[4], 0.0)
        }
    };
    let mut dead = node("Constant", &[], "dead");
    dead.attribute = vec![crate::proto::AttributeProto {
        name: "value".to_owned(),
        t: Some(external("of a node")),
        ..crate::proto::AttributeProto::default()
    }];
    let network = graph(vec![node("Relu", &["x"], "y"), dead], vec![external("of an initializer")]);
    let model = ModelProto { graph: Some(network), ..ModelProto::default() };
    let bytes = model.encode_to_vec();
    let names = |bytes: Vec<u8>| -> Vec<String> {
        from_onnx(bytes).unwrap().files_beside().map(str::to_owned).collect()
    };
    assert_eq!(names(bytes.clone()), ["of a node", "of an initializer"]);
    // Behind a group, which decoders skip.
    assert_eq!(names([&[0xa3, 6, 0x0b, 0x0c, 0xa4, 6], &*bytes].concat()).len(), 2);
    // Graphs in attributes of nodes, deeper than calls can be nested.
    let mut nested = external("deep").encode_to_vec();
    let inside = |tag: u8, content: Vec<u8>| {
        let mut bytes = vec![tag];
        prost::encoding::encode_varint(content.len() as u64, &mut bytes);
        bytes.extend(content);
        bytes
    };
    nested = inside(0x2a, nested);
    for _ in 0..2_000 {
        // A graph as field 6 of an attribute, that as field 5 of a node, that as field 1 of a graph.
        nested = inside(0x0a, inside(0x2a, inside(0x32, nested)));
    }
    let found = beside::named_files(&inside(0x3a, nested));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["deep"]);
}

#[test]
fn a_tensor_in_several_roles_or_shapes_is_named() {
    let conv = node("Conv", &["x", "w", "v"], "a");
    let norm = node("BatchNormalization", &["a", "v", "v", "v", "s"], "b");
    let network = graph(
        vec![conv, norm, node("Relu", &["b"], "y")],
        vec![tensor("w", &[3, 3, 1, 1], 0.5), tensor("v", &[3], 0.5), tensor("s", &[3], 1.0)],
    );
    let imported = read(network).unwrap();
    assert_eq!(imported.counted_again.iter().map(|name| &**name).collect::<Vec<_>>(), ["v"]);
    // Once as the weight of the normalisation and once as the bias of both; statistics are not learned.
    assert_eq!(params(&imported), 9 + 2 * 3);
}

/// Layers whose tensors are computed from the same ones share them.
#[test]
fn merged_constants_are_shared_too() {
    let norm = |from, to| node("BatchNormalization", &[from, "g", "b", "m", "m"], to);
    let mul = |from, to| node("Mul", &[from, "f"], to);
    let nodes = vec![norm("x", "a"), mul("a", "c"), norm("c", "d"), mul("d", "y")];
    let vector = |name| tensor(name, &[3], 0.5);
    let factor = tensor("f", &[1, 3, 1, 1], 2.0);
    let imported = read(graph(nodes, vec![vector("g"), vector("b"), vector("m"), factor])).unwrap();
    assert_eq!((imported.graph.len(), params(&imported)), (3, 6));
}

/// Numbers along the width are not numbers along the channels.
#[test]
fn constants_along_another_axis_are_refused() {
    for (dims, is_read) in [
        (&[1, 3, 1, 1][..], true),
        (&[3, 1, 1], true),
        (&[3], false),
        (&[1, 1, 3, 1], false),
        (&[1, 1, 1, 1, 3], false),
    ] {
        let conv = node("Conv", &["x", "w"], "a");
        let network = graph(
            vec![conv, node("Add", &["a", "c"], "y")],
            vec![tensor("w", &[3, 3, 1, 1], 0.5), tensor("c", dims, 0.5)],
        );
        assert_eq!(read(network).is_ok(), is_read, "{dims:?}");
    }
}

/// Each part of a split is a node of the network that comes from one with thousands of outputs.
#[test]
fn parts_of_a_split_share_what_is_known_of_it() {
    let count = 4_000;
    let parts: Vec<String> = (0..count).map(|at| format!("p{at}")).collect();
    let input = NodeProto {
        output: parts.clone(),
        attribute: vec![super::exact::int("axis", 1)],
        ..node("Split", &["c"], "")
    };
    let join = NodeProto {
        input: parts,
        attribute: vec![super::exact::int("axis", 1)],
        ..node("Concat", &[], "y")
    };
    let kernel = super::exact::floats("w", &[count, 3, 1, 1], &vec![0.5; 12_000]);
    let network = graph(vec![node("Conv", &["x", "w"], "c"), input, join], vec![kernel]);
    let imported = read(network).unwrap();
    let slices = imported.graph.nodes().filter(|(_, node)| matches!(node.op, Op::Rearrange(_)));
    let originals: Vec<_> = slices.flat_map(|(_, node)| imported.info.nodes(&node.path)).collect();
    assert_eq!(originals.len(), 4_000);
    assert!(originals.iter().all(|original| std::ptr::eq(*original, originals[0])));
}

/// What several nodes compute in the same way of the same tensors is one tensor, and is counted once; what they compute of
/// others, or in another way, is not.
#[test]
fn equal_computations_of_one_tensor_are_shared() {
    use super::exact::{floats, int, integers, ints, with};
    let values: Vec<f32> = (0..9).map(|at| at as f32 * 0.5 - 1.0).collect();
    let initializers = || {
        let bytes = TensorProto {
            int32_data: (0..9).collect(),
            ..super::exact::constant("q", &[3, 3, 1, 1], crate::proto::DataType::Int8)
        };
        vec![
            floats("w", &[3, 3, 1, 1], &values),
            floats("v", &[3, 3, 1, 1], &values),
            bytes,
            floats("s", &[], &[0.5]),
            floats("t", &[], &[0.25]),
            floats("half", &[3, 1, 1, 1], &[0.5, 0.25, 2.0]),
            integers("start", &[1], &[0]),
            integers("end", &[1], &[3]),
            integers("order", &[3], &[2, 0, 1]),
        ]
    };
    let turn = |perm: &[i64]| vec![ints("perm", perm)];
    /// An operator, the inputs of two nodes with it, their attributes, and the parameters of both together.
    type Case<'a> = (&'a str, [&'a [&'a str]; 2], Vec<crate::proto::AttributeProto>, u64);
    let cases: [Case<'_>; 15] = [
        ("DequantizeLinear", [&["q", "s"]; 2], vec![], 9),
        ("DequantizeLinear", [&["q", "s"], &["q", "t"]], vec![], 18),
        ("Transpose", [&["w"]; 2], turn(&[1, 0, 2, 3]), 9),
        ("Transpose", [&["w"], &["v"]], turn(&[1, 0, 2, 3]), 18),
        ("Mul", [&["w", "half"]; 2], vec![], 9),
        ("Mul", [&["w", "half"], &["half", "w"]], vec![], 9),
        ("Mul", [&["w", "half"], &["v", "half"]], vec![], 18),
        ("Div", [&["w", "half"]; 2], vec![], 9),
        ("Div", [&["half", "w"], &["w", "half"]], vec![], 18),
        ("Neg", [&["w"]; 2], vec![], 9),
        ("Slice", [&["w", "start", "end"]; 2], vec![], 9),
        ("Concat", [&["w"]; 2], vec![int("axis", 0)], 9),
        ("Gather", [&["w", "order"]; 2], vec![int("axis", 1)], 9),
        ("Identity", [&["w"]; 2], vec![], 18),
        ("Split", [&["w"]; 2], vec![int("axis", 0), int("num_outputs", 1)], 9),
    ];
    for (op, [first, second], attributes, expected) in cases {
        let nodes = vec![
            with(node(op, first, "a"), &attributes),
            with(node(op, second, "b"), &attributes),
            node("Conv", &["x", "a"], "c"),
            node("Conv", &["c", "b"], "y"),
        ];
        let imported = read(graph(nodes, initializers())).unwrap();
        assert_eq!(params(&imported), expected, "{op} {first:?} {second:?}");
        let weights = imported.weights().unwrap();
        assert_eq!(weights.tensors().count() as u64, expected / 9, "{op}");
    }
    // With other attributes, it is another tensor.
    let nodes = vec![
        with(node("Transpose", &["w"], "a"), &turn(&[1, 0, 2, 3])),
        with(node("Transpose", &["w"], "b"), &turn(&[1, 0, 3, 2])),
        node("Conv", &["x", "a"], "c"),
        node("Conv", &["c", "b"], "y"),
    ];
    assert_eq!(params(&read(graph(nodes, initializers())).unwrap()), 18);
}

/// Layers of integers that read the same ones share what these stand for.
#[test]
fn layers_of_the_same_integers_share_them() {
    use super::exact::{constant, floats};
    use crate::proto::DataType;
    let bytes = |name: &str, dims: &[i64], kind: DataType, values: Vec<i32>| TensorProto {
        int32_data: values,
        ..constant(name, dims, kind)
    };
    let layer = |from: &str, to: &str| {
        node("QLinearConv", &[from, "s", "z", "w", "t", "o", "s", "z", "b"], to)
    };
    let nodes = vec![
        node("QuantizeLinear", &["x", "s", "z"], "q"),
        layer("q", "a"),
        layer("a", "c"),
        node("DequantizeLinear", &["c", "s", "z"], "y"),
    ];
    let initializers = vec![
        floats("s", &[], &[0.5]),
        floats("t", &[], &[0.25]),
        bytes("z", &[], DataType::Int8, vec![0]),
        bytes("o", &[], DataType::Int8, vec![0]),
        bytes("w", &[3, 3, 1, 1], DataType::Int8, (0..9).collect()),
        bytes("b", &[3], DataType::Int32, vec![1, 2, 3]),
    ];
    assert_eq!(params(&read(graph(nodes, initializers)).unwrap()), 12);
}

/// Nodes that wait for a reader hand on the list of what they are made of, which is not copied for each.
#[test]
fn long_chains_of_factors_are_read() {
    let scalar = |name: &str, value: f32| super::exact::floats(name, &[], &[value]);
    let count = 90_000;
    let value = |at: usize| if at == 0 { "c".to_owned() } else { format!("v{at}") };
    let conv = || node("Conv", &["x", "w"], "c");
    let last = node("Relu", &[&value(count)], "y");
    let kernel = || tensor("w", &[3, 3, 1, 1], 0.5);
    let products = |op: &'static str| {
        let factor = |at: usize| node(op, &[&value(at), "one"], &value(at + 1));
        std::iter::once(conv()).chain((0..count).map(factor)).chain([last.clone()]).collect()
    };
    let rounded = (0..count).flat_map(|at| {
        let (own, other) = if at % 2 == 0 { ("s", "t") } else { ("t", "s") };
        let integers = format!("q{at}");
        [
            node("QuantizeLinear", &[&value(at), own], &integers),
            node("DequantizeLinear", &[&integers, other], &value(at + 1)),
        ]
    });
    let rounded: Vec<NodeProto> =
        std::iter::once(conv()).chain(rounded).chain([last.clone()]).collect();
    for nodes in [products("Mul"), products("Div"), rounded] {
        let expected = nodes.len();
        let scalars = [scalar("one", 1.0), scalar("s", 0.5), scalar("t", 0.25)];
        let initializers = std::iter::once(kernel()).chain(scalars).collect();
        let imported = read(graph(nodes, initializers)).unwrap();
        let origins = imported.graph.nodes().map(|(_, node)| imported.info.nodes(&node.path));
        assert_eq!(origins.map(Iterator::count).sum::<usize>(), expected);
    }
}
