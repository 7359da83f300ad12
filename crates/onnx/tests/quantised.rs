//! A network that ONNX Runtime quantised is the one that it was: ONNX Runtime leaves out the activations that rounding to
//! integers stands for. `scripts/onnx_constructs.py` makes the files (`quantised`); `quantised.txt` has what ONNX Runtime
//! computes of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use inceptive_cost::{Cost, Mode};
use inceptive_ir::{Activation, Conv, Graph, Op, Role};
use inceptive_onnx::{Imported, from_onnx};

/// Height and width of every map, which convolutions of 3 x 3 keep.
const SIDE: usize = 6;
const AREA: usize = SIDE * SIDE;

const NAMES: [&str; 4] =
    ["quantised-qdq", "quantised-qdq-uint8", "quantised-qoperator", "quantised-qoperator-uint8"];

fn fixture(name: &str) -> Imported {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    from_onnx(fs::read(folder.join(format!("{name}.onnx"))).unwrap()).unwrap()
}

/// The image whose results are in `quantised.txt`.
fn image() -> Vec<f32> {
    (0..3 * AREA).map(|at| (at * 37 % 101) as f32 / 50.0 - 1.0).collect()
}

/// What ONNX Runtime computes of a file.
fn expected(name: &str) -> Vec<f32> {
    let lines = include_str!("fixtures/quantised.txt").lines();
    let mut named = lines.filter_map(|line| line.split_once(' '));
    let (_, numbers) = named.find(|(own, _)| *own == name).unwrap();
    numbers.split(' ').map(|number| number.parse().unwrap()).collect()
}

/// The result of a chain of nodes, by their definitions.
fn computed(imported: &Imported) -> Vec<f32> {
    let weights = imported.weights().unwrap();
    let mut values = image();
    for (_, node) in imported.graph.nodes().skip(1) {
        values = match &node.op {
            Op::Conv(Conv { bias, .. }) => {
                let bias = bias.then(|| weights.get(&node.path, Role::Bias).unwrap());
                convolved(&values, weights.get(&node.path, Role::Weight).unwrap(), bias)
            }
            Op::Activation(Activation::Relu) => values.iter().map(|x| x.max(0.0)).collect(),
            Op::Activation(Activation::Relu6) => values.iter().map(|x| x.clamp(0.0, 6.0)).collect(),
            other => panic!("{other:?}"),
        };
    }
    values
}

/// A convolution of 3 x 3 with one zero around the map.
fn convolved(map: &[f32], kernel: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let channels = map.len() / AREA;
    let pixel = |channel: usize, row: usize, column: usize| {
        let is_inside = (1..=SIDE).contains(&row) && (1..=SIDE).contains(&column);
        if is_inside { map[channel * AREA + (row - 1) * SIDE + column - 1] } else { 0.0 }
    };
    let result = |out: usize, row: usize, column: usize| {
        let tap = |at: usize| {
            let (channel, down, right) = (at / 9, at / 3 % 3, at % 3);
            pixel(channel, row + down, column + right) * kernel[out * channels * 9 + at]
        };
        (0..channels * 9).map(tap).sum::<f32>() + bias.map_or(0.0, |bias| bias[out])
    };
    let outs = kernel.len() / channels / 9;
    (0..outs * AREA).map(|at| result(at / AREA, at % AREA / SIDE, at % SIDE)).collect()
}

fn ops(graph: &Graph) -> Vec<Op> {
    graph.nodes().map(|(_, node)| node.op.clone()).collect()
}

#[test]
fn a_quantised_network_is_the_one_that_it_was() {
    let before = fixture("quantised");
    let names: Vec<&str> = before.graph.nodes().map(|(_, node)| node.op.name()).collect();
    assert_eq!(names, ["input", "conv", "relu", "conv", "relu6", "conv"]);
    let counts = |graph: &Graph| {
        let total = Cost::new(graph, Mode::Inference).total;
        (total.params, total.macs, total.flops)
    };
    for name in NAMES {
        let read = fixture(name);
        assert_eq!(ops(&read.graph), ops(&before.graph), "{name}");
        assert_eq!(counts(&read.graph), counts(&before.graph), "{name}");
        let remarks = read.remarks.join("; ");
        assert!(remarks.contains("quantised"), "{remarks}");
        assert!(remarks.contains("2 activations are in the file only as integers"), "{remarks}");
    }
}

/// A convolution of integers whose rounding stands for an activation is two nodes here, both of the same origin.
#[test]
fn a_layer_and_its_activation_are_one_node_of_the_file() {
    let read = fixture("quantised-qoperator");
    let origins: Vec<(&str, String)> = read
        .graph
        .nodes()
        .map(|(_, node)| {
            let of = read.info.nodes(&node.path).map(|node| node.operator.clone());
            (node.op.name(), of.collect::<Vec<_>>().join(" "))
        })
        .collect();
    let expected = [
        ("input", "QuantizeLinear"),
        ("conv", "QLinearConv"),
        ("relu", "QLinearConv"),
        ("conv", "QLinearConv"),
        ("relu6", "QLinearConv"),
        ("conv", "QLinearConv DequantizeLinear"),
    ];
    assert_eq!(origins, expected.map(|(op, of)| (op, of.to_owned())));
}

/// Rounding, also of weights, changes the result by 2% of the largest; without activations it would be another one.
#[test]
fn a_quantised_network_computes_what_its_file_says() {
    let off = |name: &str| {
        let (ours, theirs) = (computed(&fixture(name)), expected(name));
        assert_eq!(ours.len(), theirs.len());
        let largest = theirs.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let differences = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, f32::max) / largest
    };
    let exact = off("quantised");
    assert!(exact < 1e-4, "{exact}");
    for name in NAMES {
        let off = off(name);
        assert!(off < 0.02, "{name} differs by {off}");
    }
}
