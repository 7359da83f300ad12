//! Networks written as YAML: they are what they were, and read like what a person writes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use inceptive_dsl::{DescribeError, Disk, Memory, describe, load};
use inceptive_ir::{Activation, Graph, NewNode, NodeParts, Op, Parts, Path as NodePath, Shape};
use proptest::prelude::*;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A network of a file, without auxiliary heads, by way of the lists that others make graphs of.
fn graph_of(file: &Path) -> Graph {
    let graph = load(&Disk, file, &[]).unwrap().architecture.graph;
    graph.apply(&inceptive_ir::passes::drop_auxiliary(&graph)).unwrap()
}

fn described(yaml: &str) -> String {
    let files = Memory::default().with("a.yaml", yaml);
    let graph = load(&files, Path::new("a.yaml"), &[]).unwrap().architecture.graph;
    let described = describe(&graph, "a").unwrap();
    assert_eq!(described.graph.fingerprint(), graph.fingerprint());
    for ((id, node), &other) in graph.nodes().zip(&described.nodes) {
        assert_eq!(described.graph.node(other).op, node.op);
        let inputs: Vec<_> =
            graph.inputs(id).into_iter().map(|input| described.nodes[input.index()]).collect();
        let mut own = described.graph.inputs(other);
        let mut inputs = inputs;
        own.sort_unstable();
        inputs.sort_unstable();
        assert_eq!(own, inputs, "{}", node.path);
    }
    described.yaml
}

/// Every network that is shipped.
#[test]
fn shipped_networks_are_what_they_were() {
    let folders = ["architectures", "architectures/small"];
    let files = folders.iter().flat_map(|folder| {
        let entries = Path::new(ROOT).join(folder).read_dir().unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
    });
    let mut count = 0;
    for file in files {
        let graph = graph_of(&file);
        let described = match describe(&graph, "copy") {
            Ok(described) => described,
            Err(error) => panic!("{}: {error}", file.display()),
        };
        assert_eq!(described.graph.fingerprint(), graph.fingerprint(), "{}", file.display());
        count += 1;
    }
    assert!(count > 40, "{count}");
}

/// Looking for what repeats would take the square of them.
#[test]
fn networks_that_nobody_reads_are_refused_at_once() {
    let chain = |count: usize| {
        let mut graph = Graph::new(Shape::map(1, 4, 4), None).unwrap();
        let mut last = graph.input();
        for at in 0..count {
            let op = Op::Activation(Activation::Sigmoid);
            let node = NewNode::new(op, NodePath::new(&at.to_string()));
            last = graph.add(node, &[last]).unwrap();
        }
        graph
    };
    let sum = |count: usize| {
        let mut graph = Graph::new(Shape::map(1, 4, 4), None).unwrap();
        let op = Op::Activation(Activation::Relu);
        let relu = graph.add(NewNode::new(op, NodePath::new("relu")), &[graph.input()]).unwrap();
        let op = Op::Add { scales: vec![1.0; count] };
        let sum = graph.add(NewNode::new(op, NodePath::new("sum")), &vec![relu; count]).unwrap();
        graph.set_output(sum);
        graph
    };
    for (graph, expected) in [
        (chain(10_000), "10001 nodes are too many for YAML that a person reads; 10000 at most"),
        (sum(1_001), "1001 results that a node joins are too many"),
    ] {
        let error = describe(&graph, "a").unwrap_err();
        assert!(matches!(error, DescribeError::Large { .. }));
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    describe(&sum(300), "a").unwrap();
}

/// Gates over channels and over places, which no shipped network has.
#[test]
fn gates_are_what_they_were() {
    let graph = graph_of(&Path::new(ROOT).join("crates/onnx/tests/fixtures/gates.yaml"));
    let described = describe(&graph, "copy").unwrap();
    assert_eq!(described.graph.fingerprint(), graph.fingerprint());
    assert!(described.yaml.contains("channel_max") && described.yaml.contains("channel_mean"));
}

/// What is true of the modules inside of others need not be true of one beside them: 72 is not 4 times 24.
#[test]
fn blocks_have_the_parameters_of_all_their_modules() {
    let excite = |width: u32, reduced: u32| {
        format!(
            "parallel: {{branches: {{x: [], y: [gap, conv: {{kernel: 1, width: {reduced}}}, \
             conv: {{kernel: 1, width: {width}, act: sigmoid}}]}}, join: multiply}}"
        )
    };
    let residual = |more: &str, width: u32, reduced: u32| {
        format!(
            "parallel: {{branches: {{x: [], y: [conv: {{kernel: 1, width: {width}}}, {more}{}, \
             conv: {{kernel: 1, width: 40, act: none}}]}}, join: add}}",
            excite(width, reduced)
        )
    };
    let steps = [
        "conv: {kernel: 1, width: 72}".to_owned(),
        excite(72, 24),
        "conv: {kernel: 1, width: 40}".to_owned(),
        residual("", 480, 120),
        residual("lrn, ", 672, 168),
    ];
    let yaml = described(&format!(
        "name: A\ninput: {{channels: 3, size: 8}}\nclasses: 10\nbody:\n  - {}\ntail: gap\n",
        steps.join("\n  - ")
    ));
    assert!(yaml.contains("excite") && !yaml.contains("* 4"), "{yaml}");
}

#[test]
fn padding_with_a_number_is_what_it_was() {
    let yaml = described(
        "name: A\ninput: {channels: 3, size: 8}\nclasses: 10\nbody: [pad: {size: 1, value: 0.5}, pad: {size: 1}, relu]\ntail: gap\n",
    );
    assert!(yaml.contains("value: 0.5"), "{yaml}");
}

/// Modules that repeat are a block with what differs as parameters, and what most layers have is a default.
#[test]
fn repeated_modules_are_blocks() {
    let yaml = described(
        "
name: A
input: {channels: 3, size: 32}
classes: 10
defaults: {conv: {norm: bn}, bn: {eps: 0.001}}
blocks:
  inception:
    params: {a, b, c}
    branches:
      one: [conv: {kernel: 1, width: $a}]
      three: [conv: {kernel: 1, width: $b}, conv: {kernel: 3, width: $b * 2}]
      pool: [maxpool: {kernel: 3, stride: 1}, conv: {kernel: 1, width: $c}]
  residual:
    params: {c, stride: 1}
    branches:
      main: [conv: {kernel: 3, width: $c, stride: $stride}, conv: {kernel: 3, width: $c, act: none}]
      shortcut: []
    join: add
    then: [relu]
body:
  - conv stem: {kernel: 3, width: 16, stride: 2}
  - inception i1: {a: 16, b: 16, c: 16}
  - inception i2: {a: 32, b: 16, c: 16}
  - inception i3: {a: 16, b: 24, c: 16}
  - conv c: {kernel: 1, width: 32, act: leaky_relu}
  - residual r1: {c: 32}
  - residual r2: {c: 32}
  - residual r3: {c: 32}
  - residual r4: {c: 32}
tail: gap
",
    );
    insta::assert_snapshot!(yaml);
}

/// What is no set of branches is a list of steps that name what they read.
#[test]
fn what_has_no_branches_is_a_cell() {
    let yaml = described(
        "
name: A
input: {channels: 3, size: 8}
body:
  - conv stem: {kernel: 3, width: 16}
  - conv a: {kernel: 3, width: 16}
  - conv b: {from: stem, kernel: 3, width: 16, share: a}
  - add c: {from: [a, b, stem], scale: {b: 0.5}}
  - conv d: {from: a, kernel: 1, width: 16}
  - concat: {from: [c, d]}
  - conv last: {kernel: 1, width: 8, act: gelu}
tail: []
",
    );
    insta::assert_snapshot!(yaml);
}

/// A network of cells that read the two before them: each kind of cell is a block, and so is what repeats in them.
#[test]
fn repeated_cells_are_blocks() {
    let text = |name: &str| {
        let graph = graph_of(&Path::new(ROOT).join(format!("architectures/{name}.yaml")));
        describe(&graph, "copy").unwrap().yaml
    };
    let darts = text("darts-v2");
    assert!(darts.lines().count() < 130, "{darts}");
    assert_eq!(darts.matches("  - cell stage").count(), 15, "{darts}");
    insta::assert_snapshot!(darts);
    for (name, lines) in
        [("nasnet-a-mobile", 170), ("densenet121", 36), ("googlenet", 35), ("inception-v3", 78)]
    {
        let yaml = text(name);
        assert!(yaml.lines().count() < lines, "{yaml}");
    }
}

/// Every layer reads the results of all before it, as torchvision's DenseNet does.
#[test]
fn chains_in_cells_are_blocks() {
    let mut body = "  - conv stem: {kernel: 3, width: 16}\n".to_owned();
    let mut known = vec!["stem".to_owned()];
    for layer in 0..6 {
        body += &format!(
            "  - concat all{layer}: {{from: [{}]}}\n  - bn\n  - relu\n  - conv: {{kernel: 1, width: {}, norm: bn}}\n  - conv new{layer}: {{kernel: 3, width: 8}}\n",
            known.join(", "),
            16 + layer,
        );
        known.push(format!("new{layer}"));
    }
    body += &format!("  - concat: {{from: [{}]}}\n", known.join(", "));
    let body = body.replace("[stem]", "[stem, stem]");
    let yaml =
        described(&format!("name: A\ninput: {{channels: 3, size: 8}}\nbody:\n{body}tail: []\n"));
    assert_eq!(yaml.matches("- block ").count(), 6, "{yaml}");
}

/// Cells of random steps, each of which may read the two results before it, as text.
fn random_cells(numbers: &[u8], cells: usize) -> String {
    let mut body =
        "  - conv r0: {kernel: 3, width: 8}\n  - conv r1: {kernel: 3, width: 8}\n".to_owned();
    for cell in 2..cells + 2 {
        let mut known = vec![format!("r{}", cell - 2), format!("r{}", cell - 1)];
        let mut unread: Vec<String> = Vec::new();
        for (at, number) in numbers.iter().enumerate() {
            let name = format!("c{cell}_{at}");
            let read = known[usize::from(number / 8) % known.len()].clone();
            let other = known[usize::from(number / 3) % known.len()].clone();
            let step = match number % 8 {
                0 => format!("add {name}: {{from: [{read}, {other}]}}"),
                1 => format!("multiply {name}: {{from: [{read}, {other}]}}"),
                2 => format!("relu {name}: {{from: {read}}}"),
                3 => format!("depthwise {name}: {{from: {read}, kernel: 3}}"),
                4 => format!(
                    "conv {name}: {{from: {read}, kernel: 1, width: 8, norm: bn, groups: {}}}",
                    1 + cell % 2
                ),
                _ => format!(
                    "conv {name}: {{from: {}, kernel: 3, width: 8}}",
                    known[known.len() - 1]
                ),
            };
            unread.retain(|it| {
                !step.contains(&format!("{it}}}"))
                    && !step.contains(&format!("{it},"))
                    && !step.contains(&format!("{it}]"))
            });
            body += &format!("  - {step}\n");
            unread.push(name.clone());
            known.push(name);
        }
        unread.extend([format!("r{}", cell - 2), format!("r{}", cell - 1)]);
        body += &format!("  - add r{cell}: {{from: [{}]}}\n", unread.join(", "));
    }
    format!("name: A\ninput: {{channels: 8, size: 4}}\nbody:\n{body}tail: []\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn random_cells_are_what_they_were(
        numbers in prop::collection::vec(any::<u8>(), 1..12),
        cells in 1_usize..6,
    ) {
        described(&random_cells(&numbers, cells));
    }
}

/// Kernels, biases, statistics, factors and slopes that some layers have in common, in lists, branches and the tail.
#[test]
fn shared_tensors_are_what_they_were() {
    let graph = graph_of(&Path::new(ROOT).join("crates/onnx/tests/fixtures/shared_tensors.yaml"));
    let described = describe(&graph, "copy").unwrap();
    assert_eq!(described.graph.fingerprint(), graph.fingerprint());
    insta::assert_snapshot!(described.yaml);
}

/// The first layer that has a tensor may be written behind others that have it.
#[test]
fn a_tensor_is_that_of_the_first_layer_that_is_written() {
    let yaml = described(
        "
name: A
input: {channels: 8, size: 8}
body:
  - conv a: {from: in, kernel: 3, width: 8}
  - conv b: {from: in, kernel: 3, width: 8, share: {weight: a}}
  - conv c: {kernel: 3, width: 8, share: {weight: a, bias: a}}
  - prelu p: {from: a}
  - prelu q: {from: c, share: p}
  - add: {from: [q, p]}
tail: []
",
    );
    assert!(yaml.contains("share: {weight: parallel_/main/conv_}"), "{yaml}");
}

/// Heads are not written; the language has another place for them.
#[test]
fn what_cannot_be_said_is_refused() {
    let graph = load(&Disk, &Path::new(ROOT).join("architectures/googlenet.yaml"), &[]).unwrap();
    let error = describe(&graph.architecture.graph, "a").unwrap_err();
    assert!(matches!(error, DescribeError::Heads));
}

/// Outputs on the way, heads of their own, and all in another order than that of the layers.
#[test]
fn several_outputs_are_what_they_were() {
    let node = |op, path, inputs| NodeParts { node: NewNode::new(op, NodePath::new(path)), inputs };
    let relu = Op::Activation(Activation::Relu);
    let nodes = vec![
        node(Op::Input(Shape::map(3, 4, 4)), "input", vec![]),
        node(relu.clone(), "a", vec![0]),
        node(relu, "b", vec![1]),
    ];
    let parts = Parts { nodes, output: 2, more_outputs: vec![1], auxiliary: vec![] };
    let described_parts = describe(&Graph::from_parts(parts).unwrap(), "a").unwrap();
    assert_eq!(described_parts.graph.outputs().count(), 2);
    for (body, outputs) in [
        (
            "conv a: {kernel: 1, width: 4}, conv b: {kernel: 3, width: 4}, conv c: {from: a, kernel: 1, width: 2}",
            "[c, b, a]",
        ),
        (
            "conv s: {kernel: 1, width: 4}, parallel p: {branches: {x: [], y: [conv: {kernel: 3, width: 4}]}, join: add}, relu r, \
             conv c: {kernel: 1, width: 2}, conv d: {from: p, kernel: 1, width: 3}",
            "[p, d, c]",
        ),
        (
            "parallel p: {branches: {x: [conv u: {kernel: 1, width: 8}, conv: {kernel: 1, width: 4}], y: [conv v: {kernel: 3, width: 4}]}, join: concat}, \
             conv c: {kernel: 1, width: 2}",
            "[c, p/x/u]",
        ),
    ] {
        let yaml = described(&format!(
            "name: A\ninput: {{channels: 3, size: 8}}\nbody: [{body}]\ntail: []\noutputs: {outputs}\n"
        ));
        assert!(yaml.contains("outputs:"), "{yaml}");
    }
}

/// An infinite limit has a word.
#[test]
fn a_clip_may_have_one_limit() {
    for (clip, low, high) in [
        ("{low: 0.25, high: none}", 0.25, f32::INFINITY),
        ("{low: none, high: 6}", f32::NEG_INFINITY, 6.0),
        ("{low: none}", f32::NEG_INFINITY, 1.0),
    ] {
        let yaml =
            format!("name: a\ninput: {{channels: 3, size: 8}}\nbody: [clip: {clip}]\ntail: []\n");
        let files = Memory::default().with("a.yaml", yaml.clone());
        let graph = load(&files, Path::new("a.yaml"), &[]).unwrap().architecture.graph;
        let read = &graph.node(graph.output()).op;
        assert_eq!(*read, Op::Activation(Activation::Clip { low, high }));
        assert!(described(&yaml).contains("none"));
    }
}

/// A sum that reads one result several times, each time with its own factor, beside another output.
#[test]
fn a_weighted_sum_of_one_result_is_what_it_was() {
    let network = |scales: &[f32], is_last: bool| {
        let mut graph = Graph::new(Shape::map(2, 6, 6), None).unwrap();
        let relu = NewNode::new(Op::Activation(Activation::Relu), NodePath::new("relu"));
        let relu = graph.add(relu, &[graph.input()]).unwrap();
        let sum = NewNode::new(Op::Add { scales: scales.to_vec() }, NodePath::new("sum"));
        let sum = graph.add(sum, &vec![graph.input(); scales.len()]).unwrap();
        let tanh = NewNode::new(Op::Activation(Activation::Tanh), NodePath::new("tanh"));
        let end = if is_last { sum } else { graph.add(tanh, &[sum]).unwrap() };
        let parts = graph.to_parts();
        let more_outputs = vec![relu.index()];
        Graph::from_parts(Parts { output: end.index(), more_outputs, ..parts }).unwrap()
    };
    for scales in [&[0.25, 1.0][..], &[1.0, 0.25], &[0.5, 0.5], &[0.5, 1.0, 2.0, 0.5]] {
        for is_last in [true, false] {
            let graph = network(scales, is_last);
            let described = describe(&graph, "a");
            let described = described.unwrap_or_else(|error| panic!("{scales:?}: {error}"));
            assert_eq!(described.graph.fingerprint(), graph.fingerprint(), "{}", described.yaml);
        }
    }
}

/// Rows and columns that a transposed convolution adds, each by themselves.
#[test]
fn added_rows_and_columns_of_a_transposed_convolution_are_what_they_were() {
    let text = |more: &str| {
        format!(
            "name: a\ninput: {{channels: 3, size: 6}}\nbody:\n  - conv_transpose: {{kernel: 1, \
             width: 4, stride: 3, pad: [1, 1, 1, 0], output_pad: {more}}}\ntail: []\n"
        )
    };
    for (more, written) in [("[2, 0]", "[2, 0]"), ("[0, 1]", "[0, 1]"), ("2", "2")] {
        let yaml = described(&text(more));
        assert!(yaml.contains(&format!("output_pad: {written}")), "{more}: {yaml}");
    }
    assert!(!described(&text("0")).contains("output_pad"));
    for wrong in ["[1]", "[1, 2, 3]", "[-1, 0]", "{a: 1}", "1x2", "x", "[0.5, 0]"] {
        let files = Memory::default().with("a.yaml", text(wrong));
        assert!(load(&files, Path::new("a.yaml"), &[]).is_err(), "{wrong}");
    }
}
