//! Networks from ONNX files compute what the files say, whatever reads what.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::AtomicBool;

use inceptive_bench::{
    Model, PrecisionRequest, Setup,
    engines::{EngineOptions, all},
    random_input, relative_error,
};
use inceptive_onnx::from_onnx;
use proptest::{prelude::*, sample::Index};

/// Channels of every map but concatenations, and its height and width.
const CHANNELS: usize = 4;
const SIDE: usize = 5;
const AREA: usize = SIDE * SIDE;

/// A field of a message with a length.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [varint(u64::from(number) << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn int(number: u8, value: u64) -> Vec<u8> {
    [varint(u64::from(number) << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A constant of the file.
struct Tensor {
    name: &'static str,
    dims: &'static [usize],
    values: Vec<f32>,
}

/// Constants that the nodes choose from, so that some of them are shared.
fn tensors() -> Vec<Tensor> {
    let shapes: [(&str, &[usize], f32); 9] = [
        ("w1", &[4, 4, 1, 1], 0.0),
        ("w3", &[4, 4, 3, 3], 0.0),
        ("w8", &[4, 8, 1, 1], 0.0),
        ("v0", &[4], 0.8),
        ("v1", &[4], 0.9),
        ("v2", &[4], 1.1),
        ("c0", &[1, 4, 1, 1], 0.4),
        ("c1", &[4, 1, 1], 0.7),
        ("half", &[], 0.5),
    ];
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let tensor = |(name, dims, center): (_, &'static [usize], f32)| {
        let count: usize = dims.iter().product();
        let scale = if dims.is_empty() { 0.0 } else { 0.5 };
        let values = (0..count).map(|_| center + scale * noise()).collect();
        Tensor { name, dims, values }
    };
    shapes.map(tensor).into()
}

/// An operator with the names that it reads.
struct Node {
    op: &'static str,
    inputs: Vec<String>,
    output: String,
}

impl Node {
    fn bytes(&self) -> Vec<u8> {
        let inputs: Vec<u8> =
            self.inputs.iter().flat_map(|name| field(1, name.as_bytes())).collect();
        let attribute = |name: &str, kind: u64, value: Vec<u8>| {
            field(5, &[field(1, name.as_bytes()), value, int(20, kind)].concat())
        };
        let attribute = match self.op {
            "Concat" => attribute("axis", 2, int(3, 1)),
            "Conv" if self.inputs[1] == "w3" => attribute("pads", 7, int(8, 1).repeat(4)),
            _ => vec![],
        };
        let (output, op) = (field(2, self.output.as_bytes()), field(4, self.op.as_bytes()));
        [inputs, output, op, attribute].concat()
    }
}

/// A value of the file: its name, and what it was computed by as far as that decides what a constant can be merged
/// into.
#[derive(Clone)]
struct Value {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Convolution,
    Normalisation,
    Other,
}

/// The nodes for choices of what to compute from what. All results that nothing reads are concatenated in the end.
fn nodes(choices: &[(u8, Index, Index)]) -> Vec<Node> {
    let mut values = vec![Value { name: "x".to_owned(), kind: Kind::Other }];
    let mut nodes: Vec<Node> = vec![];
    for (at, (choice, a, b)) in choices.iter().enumerate() {
        // Late values are more likely, so that there are chains.
        let late = &values[values.len().saturating_sub(3)..];
        let (first, second) = (a.get(late).clone(), b.get(&values).clone());
        let (a, b, out) = (first.name.as_str(), second.name.as_str(), format!("t{at}"));
        let constant = if at % 2 == 0 { "c0" } else { "c1" };
        let inner = format!("{out}i");
        let (steps, kind): (Vec<(&'static str, Vec<&str>)>, Kind) = match (choice, first.kind) {
            (0, _) => (vec![("Conv", vec![a, "w1"])], Kind::Convolution),
            (1, _) => (vec![("Conv", vec![a, "w3"])], Kind::Convolution),
            (2, _) => {
                let inputs = vec![a, "v0", if at % 2 == 0 { "v0" } else { "v1" }, "v2", "v1"];
                (vec![("BatchNormalization", inputs)], Kind::Normalisation)
            }
            (3 | 4, Kind::Normalisation) => (vec![("Mul", vec![a, constant])], Kind::Normalisation),
            (5 | 6, Kind::Normalisation) => (vec![("Add", vec![constant, a])], Kind::Normalisation),
            (3..=6, Kind::Convolution) => (vec![("Add", vec![a, constant])], Kind::Other),
            (7, kind) => (vec![("Identity", vec![a])], kind),
            (8, _) => (vec![("Sigmoid", vec![a]), ("Mul", vec![a, &inner])], Kind::Other),
            (9, _) => {
                (vec![("Concat", vec![a, b]), ("Conv", vec![&inner, "w8"])], Kind::Convolution)
            }
            (10, _) => (vec![("Mul", vec![a, "half"]), ("Add", vec![&inner, b])], Kind::Other),
            (11, _) => (vec![("Add", vec![a, b])], Kind::Other),
            // What a sigmoid that has another name is multiplied with, while something else may read it.
            (12, _) => (vec![("Sigmoid", vec![a])], Kind::Other),
            (13, _) => (vec![("Mul", vec![a, b])], Kind::Other),
            _ => (vec![("Relu", vec![a])], Kind::Other),
        };
        let last = steps.len() - 1;
        for (step, (op, inputs)) in steps.into_iter().enumerate() {
            let inputs = inputs.into_iter().map(str::to_owned).collect();
            let output = if step == last { out.clone() } else { inner.clone() };
            nodes.push(Node { op, inputs, output });
        }
        values.push(Value { name: out, kind });
    }
    let is_read = |value: &Value| nodes.iter().any(|node| node.inputs.contains(&value.name));
    let unread = values.iter().filter(|value| !is_read(value));
    let mut inputs: Vec<String> = unread.map(|value| value.name.clone()).collect();
    inputs.push(values[values.len() / 2].name.clone());
    nodes.push(Node { op: "Concat", inputs, output: "y".to_owned() });
    nodes
}

fn file(nodes: &[Node], tensors: &[Tensor]) -> Vec<u8> {
    let value = |name: &str| {
        let dims = [1, CHANNELS, SIDE, SIDE].map(|dim| field(1, &int(1, dim as u64))).concat();
        let tensor = [int(1, 1), field(2, &dims)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    };
    let tensor = |tensor: &Tensor| {
        let dims: Vec<u8> = tensor.dims.iter().flat_map(|&dim| int(1, dim as u64)).collect();
        let values: Vec<u8> = tensor.values.iter().flat_map(|x| x.to_le_bytes()).collect();
        field(5, &[dims, int(2, 1), field(8, tensor.name.as_bytes()), field(9, &values)].concat())
    };
    let graph = [
        nodes.iter().flat_map(|node| field(1, &node.bytes())).collect(),
        tensors.iter().flat_map(tensor).collect(),
        field(11, &value("x")),
        field(12, &field(1, b"y")),
    ];
    [int(1, 8), field(7, &graph.concat()), field(8, &int(2, 17))].concat()
}

/// What the nodes compute, one after the other, by the definitions of ONNX.
fn evaluated(nodes: &[Node], tensors: &[Tensor], image: &[f32]) -> Vec<f32> {
    let mut values: Vec<(&str, Vec<f32>)> = vec![("x", image.to_vec())];
    for node in nodes {
        let result = {
            let constant = |at: usize| tensors.iter().find(|it| it.name == node.inputs[at]);
            let value = |at: usize| &values.iter().find(|it| it.0 == node.inputs[at]).unwrap().1;
            // Either operand can be a constant: one number, or one for each channel.
            let operand = |at: usize| match constant(at) {
                None => value(at).clone(),
                Some(tensor) => {
                    let of = |index: usize| tensor.values[index / AREA % tensor.values.len()];
                    (0..CHANNELS * AREA).map(of).collect()
                }
            };
            let each = |f: &dyn Fn(f32) -> f32| value(0).iter().map(|&x| f(x)).collect();
            let pairs = |f: fn(f32, f32) -> f32| {
                operand(0).iter().zip(operand(1)).map(|(&a, b)| f(a, b)).collect()
            };
            match node.op {
                "Relu" => each(&|x| x.max(0.0)),
                "Sigmoid" => each(&|x| 1.0 / (1.0 + (-x).exp())),
                "Identity" => value(0).clone(),
                "Add" => pairs(|a, b| a + b),
                "Mul" => pairs(|a, b| a * b),
                "Concat" => (0..node.inputs.len()).flat_map(value).copied().collect(),
                "Conv" => convolved(value(0), constant(1).unwrap()),
                _ => {
                    let of = |at: usize, channel: usize| constant(at).unwrap().values[channel];
                    let normalised = |(index, x): (usize, &f32)| {
                        let at = index / AREA;
                        of(1, at) * (x - of(3, at)) / (of(4, at) + 1e-5).sqrt() + of(2, at)
                    };
                    value(0).iter().enumerate().map(normalised).collect()
                }
            }
        };
        values.push((&node.output, result));
    }
    values.pop().unwrap().1
}

/// With as much padding as keeps the size.
fn convolved(input: &[f32], kernel: &Tensor) -> Vec<f32> {
    let &[outs, ins, side, _] = kernel.dims else { return vec![] };
    let pixel = |channel: usize, row: usize, column: usize| {
        let inside = |at: usize| at.checked_sub(side / 2).filter(|&at| at < SIDE);
        let (row, column) = inside(row).zip(inside(column))?;
        Some(input[channel * AREA + row * SIDE + column])
    };
    let tap = |out: usize, position: usize, tap: usize| {
        let (channel, row, column) = (tap / side / side, tap / side % side, tap % side);
        let value = pixel(channel, position / SIDE + row, position % SIDE + column);
        value.unwrap_or(0.0) * kernel.values[out * ins * side * side + tap]
    };
    let output = |at: usize| (0..ins * side * side).map(|i| tap(at / AREA, at % AREA, i)).sum();
    (0..outs * AREA).map(output).collect()
}

/// The difference between what a file says and what is run.
fn difference(nodes: &[Node]) -> f32 {
    let tensors = tensors();
    let imported = from_onnx(file(nodes, &tensors)).unwrap();
    let weights = imported.weights().unwrap();
    let model = Model::new("m", &imported.graph, weights).unwrap();
    let setup =
        Setup { batch: 1, threads: 1, precision: PrecisionRequest::Fp32, device: "cpu".to_owned() };
    let engine = &all(&EngineOptions::default())[0];
    let mut session = engine.compile(&model, &setup, &AtomicBool::new(false)).unwrap();
    let image = random_input(&model, 1, 7);
    session.set_input(image.clone()).unwrap();
    relative_error(&session.output().unwrap(), &evaluated(nodes, &tensors, &image))
}

/// Every way in which a constant that is merged into a layer could reach another reader of it.
#[test]
fn a_merged_constant_reaches_its_readers_only() {
    let norm = ("BatchNormalization", "a", vec!["x", "v0", "v1", "v2", "v1"]);
    let conv = ("Conv", "a", vec!["x", "w1"]);
    let cases = [
        vec![norm.clone(), ("Mul", "b", vec!["a", "c0"]), ("Add", "y", vec!["a", "b"])],
        vec![norm.clone(), ("Add", "b", vec!["a", "c0"]), ("Add", "y", vec!["a", "b"])],
        vec![conv.clone(), ("Add", "b", vec!["a", "c0"]), ("Add", "y", vec!["a", "b"])],
        vec![conv.clone(), ("Add", "b", vec!["a", "c0"]), ("Concat", "y", vec!["a", "b"])],
        vec![
            conv.clone(),
            ("Identity", "i", vec!["a"]),
            ("Add", "b", vec!["i", "c0"]),
            ("Add", "y", vec!["a", "b"]),
        ],
        vec![
            conv.clone(),
            ("Add", "b", vec!["a", "c0"]),
            ("Add", "c", vec!["a", "c0"]),
            ("Add", "y", vec!["b", "c"]),
        ],
        vec![
            norm,
            ("Mul", "b", vec!["a", "c0"]),
            ("Add", "c", vec!["b", "c1"]),
            ("Concat", "y", vec!["b", "c", "a"]),
        ],
        vec![
            conv,
            ("Sigmoid", "s", vec!["a"]),
            ("Identity", "i", vec!["s"]),
            ("Mul", "b", vec!["a", "i"]),
            ("Concat", "y", vec!["b", "s"]),
        ],
    ];
    for case in cases {
        let names: Vec<&str> = case.iter().map(|(op, ..)| *op).collect();
        let nodes: Vec<Node> = case
            .iter()
            .map(|(op, output, inputs)| {
                let inputs = inputs.iter().map(|&name| name.to_owned()).collect();
                Node { op, inputs, output: (*output).to_owned() }
            })
            .collect();
        let off = difference(&nodes);
        assert!(off < 1e-4, "{names:?} differs by {off}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn networks_compute_what_their_files_say(
        choices in prop::collection::vec((0..15_u8, any::<Index>(), any::<Index>()), 4..11)
    ) {
        let nodes = nodes(&choices);
        let off = difference(&nodes);
        let shown: Vec<String> = nodes
            .iter()
            .map(|node| format!("{} = {} {}", node.output, node.op, node.inputs.join(" ")))
            .collect();
        prop_assert!(off < 1e-4, "{shown:#?} differ by {off}");
    }
}
