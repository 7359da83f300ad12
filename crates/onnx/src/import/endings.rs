//! Where a network ends that is not supported as a whole, which node is said to be the reason, and poolings that are
//! spelled out.

use inceptive_ir::{Pool, PoolKind, Shape, Size};

use super::{
    exact::{floats, int, integers, ints, last, model, pair, read as read_model, with},
    tests::{graph, node},
    *,
};
use crate::proto::TensorProto;

fn imported(nodes: Vec<NodeProto>, tensors: Vec<TensorProto>) -> Result<Imported, String> {
    let read = read_model(&model(graph(nodes, tensors), "p", &[("", 17)]));
    read.map_err(|error| error.to_string())
}

fn weights(name: &str, dims: &[i64]) -> TensorProto {
    let count = dims.iter().product::<i64>();
    floats(name, dims, &vec![0.5; usize::try_from(count).unwrap()])
}

/// Features of an image, before and behind a linear layer.
fn features() -> Vec<NodeProto> {
    vec![
        node("Conv", &["x", "w"], "c"),
        with(node("ReduceMean", &["c"], "m"), &[ints("axes", &[2, 3]), int("keepdims", 0)]),
        node("Gemm", &["m", "l"], "f"),
    ]
}

fn tensors() -> Vec<TensorProto> {
    vec![weights("w", &[4, 3, 1, 1]), weights("l", &[4, 6]), weights("k", &[6, 5])]
}

/// A network goes on where a linear layer with weights follows: what is before it is not its end.
#[test]
fn a_layer_behind_is_no_decoding() {
    let norm = with(node("ReduceL2", &["f"], "n"), &[ints("axes", &[1])]);
    let ends = |behind: Vec<NodeProto>| imported([features(), behind].concat(), tensors());
    let unit = vec![norm, node("Div", &["f", "n"], "y")];
    let alone = ends(unit.clone()).unwrap();
    assert_eq!(alone.graph.node(alone.graph.output()).shape, Shape::vector(6));
    assert!(alone.remarks[0].contains("cut where"), "{:?}", alone.remarks);
    for layer in ["Gemm", "MatMul"] {
        let mut nodes = unit.clone();
        nodes[1].output = vec!["u".to_owned()];
        nodes.push(node(layer, &["u", "k"], "y"));
        let refusal = ends(nodes).unwrap_err();
        assert!(refusal.contains("1 x ReduceL2"), "{refusal}");
        assert!(refusal.ends_with("the part before them can be read"), "{refusal}");
    }
    // Hard shrinkage, as PyTorch spells it out.
    let shrunk = vec![
        node("Conv", &["x", "w"], "c"),
        node("Abs", &["c"], "a"),
        node("Greater", &["a", "half"], "g"),
        node("Where", &["g", "c", "zero"], "s"),
        node("Flatten", &["s"], "v"),
        node("MatMul", &["v", "big"], "y"),
    ];
    let numbers = vec![
        weights("w", &[4, 3, 1, 1]),
        weights("big", &[256, 5]),
        floats("half", &[], &[0.5]),
        floats("zero", &[], &[0.0]),
    ];
    let refusal = imported(shrunk, numbers).unwrap_err();
    assert!(refusal.contains("1 x Where"), "{refusal}");
}

/// However small its kernel is, a convolution is a layer, unless it takes the mean of positions.
#[test]
fn only_positions_are_no_kernel() {
    let of = |values: &[f32; 16], op: &str| {
        let nodes = vec![
            node("Conv", &["x", "w"], "c"),
            node("Reshape", &["c", "parts"], "r"),
            with(node("Softmax", &["r"], "s"), &[int("axis", 2)]),
            node("Reshape", &["s", "map"], "t"),
            node(op, &["t", "p"], "y"),
        ];
        let dims: &[i64] = if op == "Conv" { &[1, 16, 1, 1] } else { &[16, 1] };
        let tensors = vec![
            weights("w", &[64, 3, 1, 1]),
            integers("parts", &[4], &[1, 4, 16, 64]),
            integers("map", &[4], if op == "Conv" { &[1, 16, 4, 64] } else { &[1, 64, 4, 16] }),
            floats("p", dims, values),
        ];
        imported(nodes, tensors)
    };
    let positions: [f32; 16] = std::array::from_fn(|at| at as f32);
    for op in ["Conv", "MatMul"] {
        let cut = of(&positions, op).unwrap();
        assert_eq!(cut.graph.node(cut.graph.output()).shape, Shape::map(64, 8, 8));
        assert!(cut.remarks[0].contains("1 products with matrices behind"), "{:?}", cut.remarks);
        let refusal = of(&[0.25; 16], op).unwrap_err();
        assert!(refusal.contains("1 x Softmax"), "{refusal}");
    }
}

/// A gate over the channels is no end, although it reads them as a sequence.
#[test]
fn a_network_goes_on_behind_a_gate_of_a_sequence() {
    let nodes = vec![
        node("Conv", &["x", "w"], "c"),
        node("GlobalAveragePool", &["c"], "g"),
        node("Squeeze", &["g", "last"], "s"),
        with(node("Transpose", &["s"], "t"), &[ints("perm", &[0, 2, 1])]),
        with(node("Conv", &["t", "k"], "h"), &[ints("pads", &[1, 1])]),
        with(node("Transpose", &["h"], "u"), &[ints("perm", &[0, 2, 1])]),
        node("Unsqueeze", &["u", "last"], "v"),
        node("Mul", &["c", "v"], "m"),
        node("Conv", &["m", "z"], "y"),
    ];
    let tensors = vec![
        weights("w", &[8, 3, 1, 1]),
        weights("k", &[1, 1, 3]),
        weights("z", &[4, 8, 1, 1]),
        integers("last", &[1], &[3]),
    ];
    let refusal = imported(nodes, tensors).unwrap_err();
    assert!(refusal.contains("not supported") && refusal.contains("can be read"), "{refusal}");
}

/// Linear layers behind a sequence are a part of it.
#[test]
fn a_sequence_ends_a_network_with_its_layers() {
    let nodes = vec![
        node("Conv", &["x", "w"], "c"),
        with(node("ReduceMean", &["c"], "m"), &[ints("axes", &[2]), int("keepdims", 0)]),
        with(node("Transpose", &["m"], "t"), &[ints("perm", &[2, 0, 1])]),
        node("LSTM", &["t", "a", "b"], "s"),
        node("Squeeze", &["s", "one"], "q"),
        node("MatMul", &["q", "k"], "y"),
    ];
    let tensors = vec![
        weights("w", &[4, 3, 1, 1]),
        weights("a", &[1, 24, 4]),
        weights("b", &[1, 24, 6]),
        weights("k", &[6, 5]),
        integers("one", &[1], &[1]),
    ];
    let cut = imported(nodes, tensors).unwrap();
    let remark = &cut.remarks[0];
    assert!(remark.contains("LSTM") && remark.contains("1 products with matrices"), "{remark}");
}

/// The node that is not supported is named, not those that cannot read its result.
#[test]
fn the_node_that_is_not_supported_is_named_once() {
    let mut soft = vec![
        node("Conv", &["x", "w"], "c"),
        node("Abs", &["c"], "a"),
        node("Add", &["a", "one"], "b"),
        NodeProto { name: "/Div".to_owned(), ..node("Div", &["c", "b"], "d") },
        node("Conv", &["d", "w"], "e"),
        node("MaxPool", &["d"], "p"),
        node("Concat", &["e", "p"], "y"),
    ];
    soft[5] = with(soft[5].clone(), &[pair("kernel_shape", 1)]);
    let tensors = vec![weights("w", &[3, 3, 1, 1]), floats("one", &[], &[1.0])];
    let refusal = imported(soft, tensors).unwrap_err();
    let expected = "these operators are not supported:\n  1 x Div: a part of no activation that is known here (`/Div`)\nthe part before them can be read";
    assert_eq!(refusal, expected);

    let order = |changed: NodeProto, tensors: &[TensorProto]| {
        let changed = NodeProto { name: "/changed".to_owned(), ..changed };
        let nodes = vec![
            node("Conv", &["x", "w"], "c"),
            changed,
            node("Relu", &["t"], "r"),
            node("Conv", &["r", "w"], "y"),
        ];
        imported(nodes, [tensors, &[weights("w", &[3, 3, 1, 1])]].concat()).unwrap_err()
    };
    let turned = with(node("Transpose", &["c"], "t"), &[ints("perm", &[0, 1, 3, 2])]);
    let refusal = order(turned, &[]);
    let reason = "another order than batch, channels, height and width, or other dimensions";
    assert!(
        refusal.contains(&format!("1 x Transpose: to {reason}: 1 x 3 x 8 x 8 (`/changed`)"))
            && !refusal.contains("Conv"),
        "{refusal}"
    );
    let flat = node("Reshape", &["c", "shape"], "t");
    let refusal = order(flat, &[integers("shape", &[3], &[1, 3, -1])]);
    assert!(refusal.contains(&format!("1 x Reshape: to {reason}: 1 x 3 x 64 (`/changed`)")));
}

/// `nn.LPPool2d(2, ...)`, as PyTorch exports it.
#[test]
fn an_l2_pooling_that_is_spelled_out_is_one() {
    let nodes = |pool: &[crate::proto::AttributeProto], count: &str| {
        vec![
            node("Conv", &["x", "w"], "c"),
            node("Pow", &["c", "two"], "q"),
            with(node("AveragePool", &["q"], "a"), pool),
            node("Sign", &["a"], "s"),
            node("Abs", &["a"], "b"),
            node("Relu", &["b"], "r"),
            node("Mul", &["s", "r"], "m"),
            node("Mul", &["m", count], "n"),
            node("Pow", &["n", "half"], "y"),
        ]
    };
    let tensors = || {
        vec![
            weights("w", &[4, 3, 1, 1]),
            floats("two", &[1], &[2.0]),
            floats("half", &[1], &[0.5]),
            floats("four", &[1], &[4.0]),
            floats("six", &[1], &[6.0]),
        ]
    };
    let square = [pair("kernel_shape", 2), pair("strides", 2), int("count_include_pad", 1)];
    let read = imported(nodes(&square, "four"), tensors()).unwrap();
    assert_eq!(read.graph.len(), 3);
    let output = read.graph.node(read.graph.output());
    let Op::Pool(Pool { kind, kernel, stride, .. }) = output.op else { panic!("{:?}", output.op) };
    assert_eq!((kind, kernel, stride), (PoolKind::L2, Size::square(2), Size::square(2)));
    assert_eq!(output.shape, Shape::map(4, 4, 4));
    let wide = [ints("kernel_shape", &[2, 3]), ints("strides", &[2, 2])];
    let op = last(nodes(&wide, "six"), tensors()).unwrap();
    assert!(matches!(op, Op::Pool(Pool { kind: PoolKind::L2, .. })), "{op:?}");
    // A mean of squares that is multiplied by another number than theirs.
    let cut = imported(nodes(&square, "six"), tensors()).unwrap();
    assert!(cut.remarks[0].contains("1 x Pow: a part of no activation"), "{:?}", cut.remarks);
    let uneven = [pair("kernel_shape", 3), pair("strides", 3), int("ceil_mode", 1)];
    let refusal = last(nodes(&uneven, "six"), tensors()).unwrap_err();
    assert!(refusal.contains("of squares over windows of different sizes"), "{refusal}");
}

/// A network that is cut where it has an output already has that output.
#[test]
fn the_remark_on_a_cut_names_every_output() {
    let norm = with(node("ReduceL2", &["c"], "n"), &[ints("axes", &[1])]);
    let nodes = vec![
        node("Conv", &["x", "w"], "c"),
        norm,
        node("Div", &["c", "n"], "y"),
        node("Relu", &["x"], "r"),
    ];
    for (outputs, expected) in [
        (&["y"][..], "its outputs are `c`"),
        (&["y", "c"], "its outputs are `c`"),
        (&["c", "y"], "its outputs are `c`"),
        (&["r", "y"], "its outputs are `r`, `c`"),
    ] {
        let mut network = graph(nodes.clone(), tensors());
        let value = network.output[0].clone();
        let named = |&name: &&str| ValueInfoProto { name: name.to_owned(), ..value.clone() };
        network.output = outputs.iter().map(named).collect();
        let remarks = read_model(&model(network, "p", &[("", 17)])).unwrap().remarks;
        assert!(remarks[0].ends_with(expected), "{outputs:?} {remarks:?}");
    }
}
