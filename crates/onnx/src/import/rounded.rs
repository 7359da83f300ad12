//! Files whose values are rounded to integers. `tests/quantised.rs` has whole networks.

use inceptive_ir::{Activation, Op, Rescale};

use super::{
    exact::{constant, floats, int, integers, ints, model, read, with},
    tests::{graph, node},
    *,
};
use crate::proto::{AttributeProto, DataType, TensorProto};

fn imported(nodes: Vec<NodeProto>, tensors: Vec<TensorProto>) -> Result<Imported, String> {
    read(&model(graph(nodes, tensors), "p", &[("", 21)])).map_err(|error| error.to_string())
}

/// Integers of 8 bits.
fn bytes(name: &str, dims: &[i64], kind: DataType, values: &[i32]) -> TensorProto {
    TensorProto { int32_data: values.to_vec(), ..constant(name, dims, kind) }
}

fn rounding(from: &str, to: &str) -> [NodeProto; 2] {
    let inside = format!("{to}_rounded");
    [
        node("QuantizeLinear", &[from, "s", "z"], &inside),
        node("DequantizeLinear", &[&inside, "s", "z"], to),
    ]
}

/// A convolution, nodes from its result `c` to `r`, and `r` rounded to integers with this zero point.
fn behind_conv(
    nodes: &[NodeProto],
    scale: f32,
    (kind, zero): (DataType, i32),
) -> Result<Imported, String> {
    let conv = [node("Conv", &["x", "w"], "c")].into_iter();
    let nodes = conv.chain(nodes.iter().cloned()).chain(rounding("r", "y")).collect();
    let zero = bytes("z", &[], kind, &[zero]);
    imported(nodes, vec![floats("w", &[2, 3, 1, 1], &[0.5; 6]), floats("s", &[], &[scale]), zero])
}

fn names(read: &Imported) -> Vec<&'static str> {
    read.graph.nodes().skip(1).map(|(_, node)| node.op.name()).collect()
}

/// Only the conv itself.
fn conv_only() -> [NodeProto; 1] {
    [node("Identity", &["c"], "r")]
}

#[test]
fn integers_that_begin_at_zero_are_an_activation() {
    let of = |scale, zero| names(&behind_conv(&conv_only(), scale, zero).unwrap());
    for lowest in [
        (DataType::Uint8, 0),
        (DataType::Int8, -128),
        (DataType::Uint16, 0),
        (DataType::Int16, -32768),
    ] {
        assert_eq!(of(0.1, lowest), ["conv", "relu"], "{lowest:?}");
    }
    for zero in [(DataType::Uint8, 128), (DataType::Uint8, 1), (DataType::Int8, 0)] {
        assert_eq!(of(0.1, zero), ["conv"], "{zero:?}");
    }
    // 255 x 6 / 255.
    assert_eq!(of(6.0 / 255.0, (DataType::Uint8, 0)), ["conv", "relu6"]);
    assert_eq!(of(6.0 / 255.0, (DataType::Int8, -128)), ["conv", "relu6"]);
    // The half-precision number that is closest to 6 / 255.
    assert_eq!(of(0.023_529_053, (DataType::Uint8, 0)), ["conv", "relu6"]);
    assert_eq!(of(6.1 / 255.0, (DataType::Uint8, 0)), ["conv", "relu"]);
    let read = behind_conv(&conv_only(), 0.1, (DataType::Uint8, 0)).unwrap();
    let remarks = read.remarks.join("; ");
    assert!(remarks.contains("1 activation is in the file only as integers"), "{remarks}");
    assert!(remarks.contains("without the highest and the lowest number"), "{remarks}");
    assert_eq!(read.graph.node(read.graph.output()).path.as_str(), "c/relu");
}

/// Integers that are read with another scale, or another zero point, than they were made with stand for other numbers.
#[test]
fn other_scales_are_factors() {
    let of = |between: &[NodeProto], scale: &str, zero: &str| {
        let conv = [node("Conv", &["x", "w"], "c"), node("QuantizeLinear", &["c", "s", "z"], "q")];
        let last = [node("DequantizeLinear", &["q2", scale, zero], "y")];
        let tensors = vec![
            floats("w", &[2, 3, 1, 1], &[0.5; 6]),
            floats("s", &[], &[0.25]),
            floats("same", &[1], &[0.25]),
            floats("half", &[], &[0.125]),
            floats("each", &[2], &[0.125, 0.5]),
            bytes("z", &[], DataType::Int8, &[0]),
            bytes("z2", &[], DataType::Int8, &[8]),
        ];
        let read = imported([&conv, between, &last].concat(), tensors)?;
        Ok::<_, String>(read.graph.nodes().skip(2).map(|(_, node)| node.op.clone()).collect())
    };
    let moved = |op: &str, from: &str, to: &str| {
        with(node(op, &[from], to), &[ints("kernel_shape", &[1, 1]), ints("perm", &[0, 1, 2, 3])])
    };
    let plain = [node("Identity", &["q"], "q2")];
    let pooled = [moved("Transpose", "q", "t"), moved("MaxPool", "t", "q2")];
    let rescale = |scale: &[f32], shift: &[f32]| {
        Op::Rescale(Rescale { scale: scale.to_vec(), shift: shift.to_vec() })
    };
    assert_eq!(of(&plain, "s", "z").unwrap(), []);
    assert_eq!(of(&plain, "same", "z").unwrap(), []);
    assert_eq!(of(&plain, "half", "z").unwrap(), [rescale(&[0.5], &[])]);
    assert_eq!(of(&plain, "s", "z2").unwrap(), [rescale(&[], &[-2.0])]);
    assert_eq!(of(&plain, "half", "z2").unwrap(), [rescale(&[0.5], &[-1.0])]);
    let behind: Vec<Op> = of(&pooled, "half", "z").unwrap();
    assert_eq!(behind.last(), Some(&rescale(&[0.5], &[])));
    for (between, scale, words) in [
        (&plain, "each", "with other scales of the channels"),
        (&[node("Relu", &["q"], "q2")], "s", "of integers whose scale is not known"),
    ] {
        let refusal = of(between, scale, "z").unwrap_err();
        assert!(refusal.contains(words), "{refusal}");
    }
}

/// Without a zero point, values are rounded to integers from 0 to 255, unless the node says otherwise.
#[test]
fn a_zero_point_that_is_left_out_is_the_number_zero() {
    let of = |attributes: &[AttributeProto]| {
        let rounded = with(node("QuantizeLinear", &["c", "s"], "q"), attributes);
        let nodes = vec![
            node("Conv", &["x", "w"], "c"),
            rounded,
            node("DequantizeLinear", &["q", "s"], "y"),
        ];
        let kernel = floats("w", &[2, 3, 1, 1], &[0.5; 6]);
        names(&imported(nodes, vec![kernel, floats("s", &[], &[0.1])]).unwrap())
    };
    assert_eq!(of(&[]), ["conv", "relu"]);
    assert_eq!(of(&[int("output_dtype", 2)]), ["conv", "relu"]);
    assert_eq!(of(&[int("output_dtype", 3)]), ["conv"]);
}

#[test]
fn what_is_not_negative_gets_no_second_activation() {
    let cases: [(&[NodeProto], &[&str]); 6] = [
        (&[node("Relu", &["c"], "r")], &["conv", "relu"]),
        (&[node("Sigmoid", &["c"], "r")], &["conv", "sigmoid"]),
        (&[node("Softmax", &["c"], "r")], &["conv", "softmax"]),
        (
            &[node("Relu", &["c"], "a"), node("GlobalAveragePool", &["a"], "r")],
            &["conv", "relu", "gap"],
        ),
        (
            &[
                node("Relu", &["c"], "a"),
                node("Sigmoid", &["c"], "b"),
                node("Mul", &["a", "b"], "r"),
            ],
            &["conv", "relu", "sigmoid", "multiply"],
        ),
        // A sum of which one part may be negative.
        (
            &[node("Relu", &["c"], "a"), node("Add", &["a", "c"], "r")],
            &["conv", "relu", "add", "relu"],
        ),
    ];
    for (nodes, expected) in cases {
        let nodes: Vec<NodeProto> = nodes
            .iter()
            .map(|own| match own.op_type.as_str() {
                "Softmax" => with(own.clone(), &[int("axis", 1)]),
                _ => own.clone(),
            })
            .collect();
        let read = behind_conv(&nodes, 0.1, (DataType::Uint8, 0)).unwrap();
        assert_eq!(names(&read), expected);
    }
}

/// Each reader of a result may round it itself.
#[test]
fn a_result_that_is_rounded_twice_has_one_activation() {
    let nodes = [
        vec![node("Conv", &["x", "w"], "c")],
        rounding("c", "a").to_vec(),
        rounding("c", "b").to_vec(),
        vec![node("Sigmoid", &["a"], "gate"), node("Mul", &["b", "gate"], "y")],
    ];
    let tensors = vec![
        floats("w", &[2, 3, 1, 1], &[0.5; 6]),
        floats("s", &[], &[0.1]),
        bytes("z", &[], DataType::Uint8, &[0]),
    ];
    let read = imported(nodes.concat(), tensors).unwrap();
    assert_eq!(names(&read), ["conv", "relu", "silu"]);
}

/// An image that is rounded is no activation: a note says what the file does with negative values.
#[test]
fn integers_of_the_input_are_a_remark() {
    let of = |scaled: bool| {
        let first = match scaled {
            true => node("Mul", &["x", "byte"], "i"),
            false => node("Identity", &["x"], "i"),
        };
        let nodes =
            [vec![first], rounding("i", "r").to_vec(), vec![node("Conv", &["r", "w"], "y")]];
        let tensors = vec![
            floats("w", &[2, 3, 1, 1], &[0.5; 6]),
            floats("byte", &[], &[1.0 / 255.0]),
            floats("s", &[], &[0.01]),
            bytes("z", &[], DataType::Uint8, &[0]),
        ];
        imported(nodes.concat(), tensors).unwrap()
    };
    for (scaled, expected) in [(false, &["conv"][..]), (true, &["rescale", "conv"])] {
        let read = of(scaled);
        assert_eq!(names(&read), expected);
        let remarks = read.remarks.join("; ");
        assert!(remarks.contains("sets negative values of its input to 0"), "{remarks}");
        assert!(!remarks.contains("activation"), "{remarks}");
    }
}

#[test]
fn ranges_of_channels_are_alike() {
    let of = |zeros: &[i32]| {
        let rounded = |op: &str, from: &str, to: &str| {
            with(node(op, &[from, "s", "z"], to), &[int("axis", 1)])
        };
        let nodes = vec![
            node("Conv", &["x", "w"], "c"),
            rounded("QuantizeLinear", "c", "q"),
            rounded("DequantizeLinear", "q", "y"),
        ];
        let tensors = vec![
            floats("w", &[2, 3, 1, 1], &[0.5; 6]),
            floats("s", &[2], &[6.0 / 255.0, 0.5]),
            bytes("z", &[2], DataType::Uint8, zeros),
        ];
        imported(nodes, tensors).map(|read| names(&read))
    };
    assert_eq!(of(&[0, 0]).unwrap(), ["conv", "relu"]);
    assert_eq!(of(&[3, 128]).unwrap(), ["conv"]);
    let refusal = of(&[0, 128]).unwrap_err();
    assert!(refusal.contains("begin at 0 in some channels only"), "{refusal}");
}

/// ONNX Runtime refuses them, too, or computes infinities.
#[test]
fn integers_that_stand_for_nothing_are_refused() {
    for scale in [0.0, f32::NAN, f32::INFINITY, -0.1] {
        let refusal = behind_conv(&conv_only(), scale, (DataType::Uint8, 128)).unwrap_err();
        assert!(refusal.contains("a scale that is not positive"), "{scale}: {refusal}");
    }
    let kernel = || bytes("q", &[2, 3, 1, 1], DataType::Int8, &[1, 2, 3, 4, 5, 6]);
    let refused = |nodes: Vec<NodeProto>, tensors: Vec<TensorProto>, words: &str| {
        let refusal = imported(nodes, tensors).unwrap_err();
        assert!(refusal.contains(words), "{refusal}");
    };
    refused(
        vec![node("DequantizeLinear", &["q", "s", "z"], "w"), node("Conv", &["x", "w"], "y")],
        vec![kernel(), floats("s", &[], &[0.1]), bytes("z", &[], DataType::Uint8, &[3])],
        "a zero point of another type",
    );
    let conv_integer = vec![
        node("DynamicQuantizeLinear", &["x"], "d"),
        node("ConvInteger", &["d", "q", "", "z"], "i"),
        with(node("Cast", &["i"], "y"), &[int("to", 1)]),
    ];
    let zeros = bytes("z", &[2], DataType::Int8, &[1, 2]);
    refused(conv_integer, vec![kernel(), zeros], "several zero points");
    let biased = vec![node("Conv", &["x", "w", "b"], "y")];
    let bias = bytes("b", &[2], DataType::Int32, &[1, 2]);
    let plain = floats("w", &[2, 3, 1, 1], &[0.5; 6]);
    refused(biased, vec![plain, bias], "a bias of integers");
    let rounded = ["r", "s", "z", "q", "s", "kz", "s", "z", "b"];
    let linear = vec![
        node("QuantizeLinear", &["x", "s", "z"], "r"),
        node("QLinearConv", &rounded, "c"),
        node("DequantizeLinear", &["c", "s", "z"], "y"),
    ];
    let tensors = vec![
        kernel(),
        floats("s", &[], &[0.1]),
        bytes("z", &[], DataType::Uint8, &[128]),
        bytes("kz", &[], DataType::Int8, &[0]),
        floats("b", &[2], &[1.0, 2.0]),
    ];
    refused(linear, tensors, "a bias that is no integers");
}

/// What a file gives twice, and numbers beyond what is read, by their right names.
#[test]
fn refusals_name_what_is_wrong() {
    let refused = |node: NodeProto, tensors: Vec<TensorProto>, words: &str| {
        let refusal = imported(vec![node], tensors).unwrap_err();
        assert!(refusal.contains(words), "{refusal}");
    };
    let slice = node("Slice", &["x", "from", "to", "axes"], "y");
    let two = |name: &str, values: &[i64]| integers(name, &[2], values);
    let tensors = vec![two("from", &[0, 1]), two("to", &[2, 3]), two("axes", &[2, -2])];
    refused(slice, tensors, "along an axis that is given twice");
    let pads = |value: i64| integers("p", &[8], &[0, 0, value, 0, 0, 0, 0, 0]);
    let pad = node("Pad", &["x", "p"], "y");
    refused(pad.clone(), vec![pads(1 << 62)], "4611686018427387904 is out of range");
    refused(pad, vec![pads(-1)], "negative pads");
    for (factor, words) in [
        (1e30, "a factor of 1000000 or more"),
        (f32::INFINITY, "a factor of 1000000 or more"),
        (f32::NAN, "no positive number"),
        (-2.0, "no positive number"),
    ] {
        let scales = floats("s", &[4], &[1.0, 1.0, factor, factor]);
        refused(node("Resize", &["x", "", "s"], "y"), vec![scales], words);
    }
}

/// The output of a network that is cut has the name of its value, not that of what is computed from it.
#[test]
fn a_cut_names_the_output_that_there_is() {
    let parts = [node("Exp", &["c"], "m"), node("Sub", &["c", "m"], "y")];
    let nodes = [vec![node("Conv", &["x", "w"], "c")], parts.to_vec()].concat();
    let read = imported(nodes, vec![floats("w", &[2, 3, 1, 1], &[0.5; 6])]).unwrap();
    assert!(matches!(read.graph.node(read.graph.output()).op, Op::Conv(_)));
    assert_eq!(read.outputs[0].name, "c");
    let remarks = read.remarks.join("; ");
    assert!(remarks.contains("its outputs are `c`"), "{remarks}");
}

/// Rounding inside an activation that is spelled out does not hide it, also where its `Clip` is left out.
#[test]
fn activations_with_rounding_inside_are_recognised() {
    let nodes = [
        vec![node("Conv", &["x", "w"], "c"), node("Add", &["c", "three"], "plus")],
        rounding("plus", "six").to_vec(),
        vec![node("Mul", &["c", "six"], "product"), node("Div", &["product", "by"], "y")],
    ];
    let tensors = vec![
        floats("w", &[2, 3, 1, 1], &[0.5; 6]),
        floats("three", &[], &[3.0]),
        floats("by", &[], &[6.0]),
        floats("s", &[], &[6.0 / 255.0]),
        bytes("z", &[], DataType::Uint8, &[0]),
    ];
    let read = imported(nodes.concat(), tensors).unwrap();
    let last = &read.graph.node(read.graph.output()).op;
    assert_eq!(*last, Op::Activation(Activation::HardSwish));
}
