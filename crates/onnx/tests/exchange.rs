//! Networks out and in again, and networks of other programs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, io, ops::Range, path::PathBuf, sync::Arc};

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Disk, Memory, Setting, load};
use inceptive_ir::{Graph, NewNode, Op, Path, Shape, Size, passes};
use inceptive_onnx::{
    Batch, Bytes, ExportError, ImportError, Imported, LrnForm, Opset, Options, ReadOptions, Source,
    WeightType, from_onnx, read_onnx, to_onnx,
};
use inceptive_weights::{LoadError, MatchBy, Matching, Role, Weights, slots};
use proptest::prelude::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn architectures() -> Vec<String> {
    let mut names = Vec::new();
    for inner in ["", "small/"] {
        let entries = fs::read_dir(folder().join("../../architectures").join(inner)).unwrap();
        let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let files = files.filter(|name| name.ends_with(".yaml"));
        names.extend(files.map(|name| format!("{inner}{name}")));
    }
    names.sort();
    names
}

/// The inference graph of a shipped network.
fn shipped(name: &str, settings: &[&str]) -> Graph {
    let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
    let path = folder().join("../../architectures").join(name);
    passes::inference(&load(&Disk, &path, &settings).unwrap().architecture.graph).unwrap()
}

/// A network from YAML.
fn network(steps: &str) -> Graph {
    let text = format!("name: t\ninput: {{channels: 4, size: 12}}\nclasses: 3\nbody:\n{steps}");
    let files = Memory::default().with("t.yaml", text);
    let loaded = load(&files, "t.yaml".as_ref(), &[]);
    passes::inference(&loaded.unwrap_or_else(|failure| panic!("{failure:?}")).architecture.graph)
        .unwrap()
}

fn options(opset: u8, batch: Batch) -> Options {
    let opset = Opset::new(opset).unwrap();
    let weights = WeightType::Float32;
    Options { name: "t".to_owned(), opset, batch, lrn: LrnForm::Operator, weights }
}

fn again(graph: &Graph) -> Imported {
    let weights = Weights::seeded(graph, 1);
    let bytes = to_onnx(graph, &weights, &options(17, Batch::Fixed(1))).unwrap();
    from_onnx(bytes).unwrap()
}

fn fixture(name: &str) -> Imported {
    from_onnx(fs::read(folder().join("tests/fixtures").join(name)).unwrap()).unwrap()
}

/// Our files come back as they were, paths included.
#[test]
fn every_network_comes_back() {
    for name in architectures() {
        // 900 MB of weights for the same structure.
        if name == "googlenet-fc.yaml" {
            continue;
        }
        let graph = shipped(&name, &[]);
        let imported = again(&graph).graph;
        let lines = |graph: &Graph| -> Vec<String> {
            graph
                .nodes()
                .map(|(_, node)| format!("{} {} {}", node.path, node.op.name(), node.shape))
                .collect()
        };
        assert_eq!(lines(&imported), lines(&graph), "{name}");
        let totals = |graph: &Graph| {
            let total = Cost::new(graph, Mode::Inference).total;
            (total.params, total.macs, total.acts)
        };
        assert_eq!(totals(&imported), totals(&graph), "{name}");
    }
}

#[test]
fn every_operator_comes_back() {
    let graph = network(
        "  - conv: {kernel: 3, width: 8, dilation: 2, pad: 2, groups: 2, bias: true}
  - silu
  - hard_swish
  - hard_sigmoid
  - relu6
  - sigmoid
  - lrn: {size: 4, alpha: 0.1, beta: 0.5, k: 2}
  - maxpool: {kernel: 3, stride: 2, ceil: true}
  - shuffle: {groups: 2}
  - avgpool: {kernel: 4, stride: 2, pad: 1, count_include_pad: true, ceil: true}
  - bn: {eps: 0.01}
  - adaptive_avgpool: {size: 2}
  - gap
  - flatten
  - linear: {width: 3}
  - softmax
",
    );
    let imported = again(&graph).graph;
    let ops =
        |graph: &Graph| -> Vec<Op> { graph.nodes().map(|(_, node)| node.op.clone()).collect() };
    for (imported, ours) in ops(&imported).iter().zip(&ops(&graph)) {
        assert_eq!(imported, ours);
    }
    assert_eq!(imported.fingerprint(), graph.fingerprint());
}

/// Fixtures of every operator that the others lack, in operator sets that write some of them in different ways.
#[test]
fn every_other_operator_comes_back() {
    comes_back("more_operators.yaml");
    comes_back("gates.yaml");
    comes_back("shared_tensors.yaml");
}

fn comes_back(fixture: &str) {
    let path = folder().join("tests/fixtures").join(fixture);
    let graph = load(&Disk, &path, &[]).unwrap().architecture.graph;
    let graph = passes::inference(&graph).unwrap();
    let weights = Weights::seeded(&graph, 1);
    for opset in [14, 17, 18, 20, 24] {
        let bytes = to_onnx(&graph, &weights, &options(opset, Batch::Fixed(1))).unwrap();
        let imported = from_onnx(bytes).unwrap_or_else(|error| panic!("{opset}: {error}"));
        let lines = |graph: &Graph| -> Vec<String> {
            graph.nodes().map(|(_, node)| format!("{} {:?}", node.path, node.op)).collect()
        };
        assert_eq!(lines(&imported.graph), lines(&graph), "{opset}");
        assert_eq!(imported.graph.fingerprint(), graph.fingerprint(), "{opset}");
        let back = imported.weights().unwrap();
        assert_eq!(back, weights, "{opset}");
        assert!(imported.remarks.is_empty(), "{:?}", imported.remarks);
    }
}

/// A network of some channels and a size, without a head.
fn small(input: &str, steps: &str) -> Graph {
    let text = format!("name: t\ninput: {input}\nbody:\n{steps}tail: []\n");
    let loaded = load(&Memory::default().with("t.yaml", text), "t.yaml".as_ref(), &[]);
    passes::inference(&loaded.unwrap_or_else(|failure| panic!("{failure:?}")).architecture.graph)
        .unwrap()
}

/// Windows whose padding is more than half the kernel once rounding up is written as padding, or more than the kernel itself;
/// normalisations of the input, and of one channel; padding of one pixel.
#[test]
fn corners_of_operators_come_back() {
    for (input, steps) in [
        (
            "{channels: 3, size: [8, 6]}",
            "maxpool m: {kernel: [2, 3], stride: 2, dilation: [2, 1], ceil: true}",
        ),
        (
            "{channels: 3, size: [8, 8]}",
            "maxpool m: {kernel: 2, stride: 2, dilation: 2, ceil: true, pad: valid}",
        ),
        ("{channels: 3, size: [9, 9]}", "maxpool m: {kernel: 2, stride: 1, dilation: 4, pad: 2}"),
        (
            "{channels: 3, size: [8, 7]}",
            "maxpool m: {kernel: 3, stride: 2, pad: [1, 0, 0, 1], ceil: true}",
        ),
        (
            "{channels: 3, size: [6, 7]}",
            "avgpool m: {kernel: 3, stride: 2, pad: [0, 0, 0, 1], ceil: true, count_include_pad: false}",
        ),
        ("{channels: 3, size: 8}", "l2pool p: {kernel: 3, stride: 2, pad: same}"),
        ("{channels: 3, size: 8}", "l2pool p: {kernel: 3, stride: 2}"),
        ("{channels: 4, size: [9, 7]}", "layer_norm n\n  - conv a: {kernel: 3, width: 4}"),
        (
            "{channels: 4, size: [9, 7]}",
            "parallel p:\n      branches: {a: [layer_norm n], b: []}\n      join: add",
        ),
        (
            "{channels: 3, size: [8, 7]}",
            "conv c: {kernel: 1, width: 1}\n  - layer_norm n\n  - conv d: {kernel: 1, width: 2}",
        ),
        (
            "{channels: 4, size: [9, 7]}",
            "avgpool a: {kernel: 9x7}\n  - pad q: {size: [1, 0], mode: zeros}",
        ),
        (
            "{channels: 4, size: [9, 7]}",
            "avgpool a: {kernel: 9x1}\n  - pad q: {size: [1, 2], mode: zeros}\n  - conv d: {kernel: 1, width: 2}",
        ),
    ] {
        let graph = small(input, &format!("  - {steps}\n"));
        for opset in [14, 17, 20] {
            let weights = Weights::seeded(&graph, 1);
            let bytes = to_onnx(&graph, &weights, &options(opset, Batch::Fixed(1))).unwrap();
            let imported = from_onnx(bytes).unwrap_or_else(|error| panic!("{steps}: {error}"));
            let lines = |graph: &Graph| -> Vec<String> {
                graph.nodes().map(|(_, node)| format!("{} {:?}", node.path, node.op)).collect()
            };
            assert_eq!(lines(&imported.graph), lines(&graph), "{steps} {opset}");
            assert_eq!(imported.graph.fingerprint(), graph.fingerprint(), "{steps} {opset}");
        }
    }
}

/// ONNX has no normalisation without gamma or beta; our files tell theirs apart from learned ones.
#[test]
fn normalisations_come_back_with_what_is_learned() {
    for (scale, center) in [(false, false), (false, true), (true, false), (true, true)] {
        let graph = network(&format!(
            "  - conv: {{kernel: 1, width: 8}}\n  - bn: {{scale: {scale}, center: {center}}}\n"
        ));
        let back = again(&graph);
        assert_eq!(back.graph.fingerprint(), graph.fingerprint(), "{scale} {center}");
        let weights = back.weights().unwrap();
        assert_eq!(weights, Weights::seeded(&graph, 1));
        let twice = to_onnx(&back.graph, &weights, &options(17, Batch::Fixed(1))).unwrap();
        assert_eq!(from_onnx(twice).unwrap().graph.fingerprint(), graph.fingerprint());
    }
}

/// Two normalisations are folded one after the other: `((w x - m) s + b - n) t + c`.
#[test]
fn a_layer_takes_in_all_normalisations_behind_it() {
    let graph =
        network("  - conv: {kernel: 1, width: 8, act: none, bias: false}\n  - bn\n  - bn\n");
    let weights = Weights::seeded(&graph, 1);
    let (folded, merged) = weights.clone().fold_batch_norm(&graph).unwrap();
    let norms: Vec<_> =
        graph.nodes().filter(|(_, node)| matches!(node.op, Op::BatchNorm(_))).collect();
    assert_eq!((norms.len(), folded.len() + 2), (2, graph.len()));
    let conv = |graph: &Graph| {
        let mut nodes = graph.nodes().map(|(_, node)| node.clone());
        nodes.find(|node| matches!(node.op, Op::Conv(_))).unwrap()
    };
    let (before, after) = (conv(&graph), conv(&folded));
    let (kernel, bias) =
        (merged.of(&after, Role::Weight).unwrap(), merged.of(&after, Role::Bias).unwrap());
    let own = weights.of(&before, Role::Weight).unwrap();
    let inputs = own.len() / 8;
    for (channel, bias) in bias.iter().enumerate() {
        let (mut factor, mut shift) = (1.0, 0.0);
        for (_, norm) in &norms {
            let value = |role| f64::from(weights.of(norm, role).unwrap()[channel]);
            let scale = value(Role::Weight) / (value(Role::Variance) + 1e-5).sqrt();
            (factor, shift) =
                (factor * scale, (shift - value(Role::Mean)) * scale + value(Role::Bias));
        }
        assert!((f64::from(*bias) - shift).abs() < 1e-5);
        for at in channel * inputs..(channel + 1) * inputs {
            assert!((f64::from(kernel[at]) - f64::from(own[at]) * factor).abs() < 1e-5);
        }
    }
}

/// Weights come back bit for bit, with the values in the file or in another.
#[test]
fn weights_come_back() {
    let graph = shipped("squeezenet1_1.yaml", &[]);
    let weights = Weights::seeded(&graph, 1);
    let imported = again(&graph);
    let back = imported.weights().unwrap();
    for slot in slots(&graph) {
        assert_eq!(back.get(&slot.path, slot.role), weights.get(&slot.path, slot.role), "{slot}");
    }
}

/// torchvision's exports cost what our files cost, node for node.
#[test]
fn torchvision_exports_equal_our_files() {
    for (file, ours) in [
        ("googlenet-dynamo.onnx", "googlenet-bn.yaml"),
        ("googlenet-traced.onnx", "googlenet-bn.yaml"),
        ("inception_v3-dynamo.onnx", "inception-v3.yaml"),
        ("inception_v3-traced.onnx", "inception-v3.yaml"),
    ] {
        let (imported, ours) = (fixture(file).graph, shipped(ours, &[]));
        // The traced export has folded its normalisations.
        let ours = match file.contains("traced") {
            true => ours.apply(&passes::fold_batch_norm(&ours).0).unwrap(),
            false => ours,
        };
        let layers = |graph: &Graph| -> Vec<String> {
            let cost = Cost::new(graph, Mode::Inference);
            let mut layers: Vec<String> = graph
                .nodes()
                // How often torchvision concatenates what is concatenated again is its own affair.
                .filter(|(_, node)| !matches!(node.op, Op::Concat))
                .filter_map(|(id, node)| {
                    let inputs = graph.input_shapes(id);
                    let cost = cost.get(id)?;
                    Some(format!(
                        "{} {inputs:?} {} params {} macs {} flops {} acts {}",
                        node.op.name(),
                        node.shape,
                        cost.params,
                        cost.macs,
                        cost.flops,
                        cost.acts
                    ))
                })
                .collect();
            layers.sort();
            layers
        };
        let (theirs, ours) = (layers(&imported), layers(&ours));
        assert_eq!(theirs.len(), ours.len(), "{file}");
        assert!(theirs.len() > 130);
        for (theirs, ours) in theirs.iter().zip(&ours) {
            assert_eq!(theirs, ours, "{file}");
        }
    }
}

/// Paths are those of PyTorch's modules.
#[test]
fn paths_come_from_the_exporter() {
    for file in ["googlenet-dynamo.onnx", "googlenet-traced.onnx"] {
        let graph = fixture(file).graph;
        for path in
            ["conv1/conv", "inception4e/branch3/1/conv", "inception4e/branch4/0/maxpool", "fc"]
        {
            assert!(graph.find(&inceptive_ir::Path::new(path)).is_some(), "{file}: {path}");
        }
    }
}

#[test]
fn squeeze_excite_and_swish_are_read() {
    for file in ["mobilenet_v3_small-dynamo.onnx", "mobilenet_v3_small-traced.onnx"] {
        let graph = fixture(file).graph;
        let total = Cost::new(&graph, Mode::Inference).total;
        // torchvision's documentation: 2,542,856 parameters, 0.06 GMACs.
        assert_eq!(total.macs, 56_510_400, "{file}");
        assert_eq!(
            total.params - if file.contains("traced") { 0 } else { 6_056 },
            2_536_800,
            "{file}"
        );
        let count = |name| graph.nodes().filter(|(_, node)| node.op.name() == name).count();
        assert_eq!((count("hard_swish"), count("multiply")), (19, 9), "{file}");
    }
}

/// torchvision's documentation: 2,278,604 parameters, 0.14 GMACs; the traced export has folded its normalisations.
#[test]
fn halves_of_channels_are_read() {
    let graph = fixture("shufflenet_v2_x1_0-traced.onnx").graph;
    let count = |name| graph.nodes().filter(|(_, node)| node.op.name() == name).count();
    assert_eq!((count("slice"), count("shuffle")), (26, 16));
    let total = Cost::new(&graph, Mode::Inference).total;
    assert_eq!((total.macs, total.params), (144_907_992, 2_270_514));
}

/// A field of a protocol buffer with bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// The output of the graph is missing, or is the second result of a MaxPool.
#[test]
fn graphs_whose_output_no_node_computes_are_refused() {
    let dims: Vec<u8> = [1, 1, 4, 4].into_iter().flat_map(|size| field(1, &[8, size])).collect();
    let tensor = [vec![8, 1], field(2, &dims)].concat();
    let input = [field(1, b"i"), field(2, &field(1, &tensor))].concat();
    let kernel = [field(1, b"kernel_shape"), vec![8 << 3, 2, 8 << 3, 2, 0xA0, 1, 7]].concat();
    let pool = [field(1, b"i"), field(2, b"y"), field(2, b"x"), field(4, b"MaxPool")].concat();
    let pool = [pool, field(5, &kernel)].concat();
    let model = |outputs: &[u8]| {
        let graph = [&field(1, &pool)[..], &field(2, b"g"), &field(11, &input), outputs].concat();
        [vec![8, 8], field(8, &[16, 17]), field(7, &graph)].concat()
    };
    assert!(matches!(from_onnx(model(&[])), Err(ImportError::NoOutput(_))));
    let Err(error) = from_onnx(model(&field(12, &field(1, b"x")))) else { panic!() };
    assert!(error.to_string().contains("MaxPool: whose indices are used"), "{error}");
}

/// Matrices of adaptive pooling count towards the size of a file before they are made: 40 GB of one step, and 100 steps
/// of 64 MB each.
#[test]
fn too_large_constants_are_refused_before_they_are_made() {
    let pool = |size: u32| Op::AdaptiveAvgPool { output: Size::new(1, size) };
    let network = |from: u32, sizes: &[u32]| {
        let mut graph = Graph::new(Shape::map(1, 1, from), None).unwrap();
        let mut last = graph.input();
        for (at, &size) in sizes.iter().enumerate() {
            let node = NewNode::new(pool(size), Path::new(&format!("p{at}")));
            last = graph.add(node, &[last]).unwrap();
        }
        graph
    };
    let many: Vec<u32> = (0..100).map(|at| 3999 - at).collect();
    for graph in [network(100_000, &[99_999]), network(4000, &many)] {
        let written = to_onnx(&graph, &Weights::default(), &options(17, Batch::Fixed(1)));
        assert!(matches!(written, Err(ExportError::TooLarge { .. })));
    }
    let small = network(4000, &many[..2]);
    assert!(again(&small).graph.fingerprint() == small.fingerprint());
}

#[test]
fn values_in_an_absent_file_are_an_error() {
    /// A model in a folder with one file, if that is there.
    #[derive(Debug)]
    struct Folder(Bytes, Option<Bytes>);

    impl Source for Folder {
        fn bytes(&self) -> u64 {
            self.0.bytes()
        }

        fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
            self.0.read(range)
        }

        fn read_beside(&self, _: &str, range: Range<u64>) -> io::Result<Bytes> {
            self.1.as_ref().ok_or(io::ErrorKind::NotFound)?.read(range)
        }
    }
    let model = fs::read(folder().join("tests/fixtures/googlenet-dynamo.onnx")).unwrap();
    let error = |beside: Option<Vec<u8>>| {
        let source = Folder(model.clone().into(), beside.map(Bytes::from));
        let imported = read_onnx(Arc::new(source), ReadOptions::default()).unwrap();
        imported.weights().unwrap_err().to_string()
    };
    assert!(error(None).contains("absent.bin"), "{}", error(None));
    let short = error(Some(vec![0; 10]));
    assert!(short.contains("does not contain"), "{short}");
}

#[test]
fn other_files_are_no_onnx() {
    for bytes in [&b""[..], b"name: GoogLeNet\n", b"\x08\x07", &[0xFF; 64]] {
        assert!(from_onnx(bytes.to_vec()).is_err());
    }
}

#[test]
fn seeds_give_the_same_weights_wherever_a_layer_stands() {
    let small = network(
        "  - conv a: {kernel: 3, width: 8}\n  - gap\n  - flatten\n  - linear: {width: 3}\n",
    );
    let large = network(
        "  - conv a: {kernel: 3, width: 8}\n  - conv b: {kernel: 3, width: 8}\n  - gap\n  - flatten\n  - linear: {width: 3}\n",
    );
    let path = inceptive_ir::Path::new("a");
    let weight = |graph: &Graph, seed| {
        Weights::seeded(graph, seed).get(&path, Role::Weight).unwrap().to_vec()
    };
    assert_eq!(weight(&small, 1), weight(&large, 1));
    assert_ne!(weight(&small, 1), weight(&small, 2));
}

/// Variance 2 / fan-in (He et al. 2015, equation 10).
#[test]
fn convolutions_start_as_he_et_al_say() {
    let graph = shipped("resnet18.yaml", &[]);
    let weights = Weights::seeded(&graph, 0);
    let mut checked = 0;
    for slot in slots(&graph).iter().filter(|slot| slot.shape.len() == 4 && slot.len() > 100_000) {
        let values = weights.get(&slot.path, slot.role).unwrap();
        let variance =
            values.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / values.len() as f64;
        let fan_in: usize = slot.shape[1..].iter().product();
        let expected = 2.0 / fan_in as f64;
        assert!((variance / expected - 1.0).abs() < 0.03, "{slot}: {variance} {expected}");
        checked += 1;
    }
    assert!(checked > 8);
}

/// Convolutions that use one initializer share it; equal values under different names stay apart.
mod shared_weights {
    use super::*;
    use inceptive_ir::Path;

    fn params(graph: &Graph) -> (u64, u64, u64) {
        let total = Cost::new(graph, Mode::Inference).total;
        (total.params, total.macs, total.weight_bytes)
    }

    fn exported(imported: &Imported) -> (Vec<u8>, Weights) {
        let weights = imported.weights().unwrap();
        let bytes = to_onnx(&imported.graph, &weights, &options(17, Batch::Fixed(1))).unwrap();
        (bytes, weights)
    }

    #[test]
    fn one_initializer_counts_once_and_its_macs_every_time() {
        let shared = fixture("shared-initializers.onnx");
        assert_eq!(params(&shared.graph), (800, 350_208, 3_200));
        let apart = fixture("equal-initializers.onnx");
        assert_eq!(params(&apart.graph), (1_392, 350_208, 5_568));
        assert_ne!(shared.graph.fingerprint(), apart.graph.fingerprint());
    }

    #[test]
    fn it_is_written_once_and_read_again() {
        let shared = fixture("shared-initializers.onnx");
        let (bytes, weights) = exported(&shared);
        assert!(bytes.len() < 5_500, "{}", bytes.len());
        let again = from_onnx(bytes).unwrap();
        assert_eq!(again.graph.fingerprint(), shared.graph.fingerprint());
        assert_eq!(params(&again.graph), params(&shared.graph));
        assert_eq!(slots(&again.graph).len(), 3);
        let back = again.weights().unwrap();
        assert_eq!(back, weights);
    }

    #[test]
    fn safetensors_hold_it_once_and_take_equal_copies() {
        let graph = fixture("shared-initializers.onnx").graph;
        let weights = Weights::seeded(&graph, 1);
        let bytes = weights.to_safetensors(&graph).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut names = file.names();
        names.sort_unstable();
        assert_eq!(names, ["c0.bias", "c0.weight", "c1.weight"]);
        let read = |bytes: &[u8]| Weights::from_safetensors(&bytes, &graph, MatchBy::Names);
        assert_eq!(read(&bytes).unwrap().0, weights);

        // As PyTorch saves a tensor that two modules share: under both names.
        let kernel = weights.get(&Path::new("c1"), Role::Weight).unwrap();
        let bias = weights.get(&Path::new("c0"), Role::Bias).unwrap();
        let first = weights.get(&Path::new("c0"), Role::Weight).unwrap();
        let with_copy = |copy: &[f32]| {
            let (square, vector): (&[usize], &[usize]) = (&[8, 8, 3, 3], &[8]);
            inceptive_weights::tensors_to_safetensors(&[
                ("c0.weight", &[8, 3, 3, 3], first),
                ("c0.bias", vector, bias),
                ("c1.weight", square, kernel),
                ("c1.bias", vector, bias),
                ("c2.weight", square, copy),
                ("c2.bias", vector, bias),
            ])
            .unwrap()
        };
        assert_eq!(read(&with_copy(kernel)).unwrap().0, weights);
        let error = read(&with_copy(&vec![0.5; 576])).unwrap_err().to_string();
        assert!(error.contains("shares it with c1.weight, which has different values"), "{error}");
    }

    #[test]
    fn pytorch_ties_it() {
        let text =
            inceptive_pytorch::to_pytorch(&fixture("shared-initializers.onnx").graph, "Shared");
        for line in [
            "        self.c1.bias = self.c0.bias\n",
            "        self.c2.weight = self.c1.weight\n",
            "        self.c2.bias = self.c0.bias\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        let ties = [".weight = self.", ".bias = self."].map(|tie| text.matches(tie).count());
        assert_eq!(ties, [1, 2], "{text}");
    }

    /// Every engine folds: what is shared stays as it is, and the network computes the same from the same tensors.
    #[test]
    fn folding_leaves_it_alone() {
        let shared = fixture("shared-initializers.onnx");
        let (_, weights) = exported(&shared);
        let (graph, folded) = weights.clone().fold_batch_norm(&shared.graph).unwrap();
        assert_eq!((graph.fingerprint(), folded), (shared.graph.fingerprint(), weights));
    }
}

#[test]
fn every_output_is_kept() {
    let imported = fixture("two-outputs.onnx");
    let names: Vec<&str> = imported.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["logits", "aux1"]);
    let graph = &imported.graph;
    let paths: Vec<&Path> = graph.outputs().map(|id| &graph.node(id).path).collect();
    assert_eq!(paths, imported.outputs.iter().map(|output| &output.path).collect::<Vec<_>>());
    let params = |graph: &Graph| Cost::new(graph, Mode::Inference).total.params;
    let first = passes::first_output(graph).unwrap();
    assert_eq!((params(graph), params(&first), first.outputs().count()), (970, 890, 1));
    let back = again(graph);
    assert_eq!(back.graph.fingerprint(), graph.fingerprint());
    assert_ne!(first.fingerprint(), graph.fingerprint());
    assert_eq!(fixture("shared-initializers.onnx").outputs.len(), 1);
}

/// A network that only passes its input on is written with a node, because readers want one.
#[test]
fn a_network_without_nodes_travels() {
    let graph = Graph::new(inceptive_ir::Shape::map(3, 8, 8), None).unwrap();
    let imported = again(&graph);
    assert_eq!((imported.graph.len(), imported.graph.fingerprint()), (1, graph.fingerprint()));
    let text = inceptive_pytorch::to_pytorch(&graph, "Nothing");
    assert!(
        text.contains("class Nothing(nn.Module):") && text.contains("        return x\n"),
        "{text}"
    );
}

mod safetensors_files {
    use super::*;
    use safetensors::{Dtype, tensor::TensorView};

    fn file(tensors: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
        let data: Vec<Vec<u8>> = tensors
            .iter()
            .map(|(_, _, values)| values.iter().flat_map(|x| x.to_le_bytes()).collect())
            .collect();
        let views = tensors.iter().zip(&data).map(|((name, shape, _), data)| {
            (name.clone(), TensorView::new(Dtype::F32, shape.clone(), data).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    fn tensors(
        graph: &Graph,
        rename: impl Fn(&str) -> String,
    ) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let weights = Weights::seeded(graph, 1);
        let tensor = |slot: &inceptive_weights::Slot| {
            let values = weights.get(&slot.path, slot.role).unwrap().to_vec();
            (rename(&slot.to_string()), slot.shape.clone(), values)
        };
        slots(graph).iter().map(tensor).collect()
    }

    fn read(bytes: &[u8], graph: &Graph) -> Result<(Weights, Matching), LoadError> {
        Weights::from_safetensors(&bytes, graph, MatchBy::Names)
    }

    fn graph() -> Graph {
        network(
            "  - conv a: {kernel: 3, width: 8, bias: true}\n  - conv b: {kernel: 1, width: 3, bias: true}\n  - gap\n  - flatten\n",
        )
    }

    #[test]
    fn names_are_matched_in_any_writing() {
        let graph = graph();
        let python = |name: &str| format!("_{}", name.replace('/', "._"));
        let (weights, matching) = read(&file(&tensors(&graph, python)), &graph).unwrap();
        assert_eq!((matching, &weights), (Matching::Names, &Weights::seeded(&graph, 1)));
        let ours = weights.to_safetensors(&graph).unwrap();
        assert_eq!(read(&ours, &graph).unwrap(), (weights, Matching::Names));
    }

    #[test]
    fn other_names_are_matched_by_order_and_shape() {
        let graph = shipped("squeezenet1_1.yaml", &[]);
        let mut all = tensors(&graph, str::to_owned);
        let mut number = 0;
        let mut last = String::new();
        for (name, _, _) in &mut all {
            let (layer, role) = name.rsplit_once('.').unwrap();
            number += u32::from(layer != last);
            last = layer.to_owned();
            *name = format!("features.{number}.{role}");
        }
        all.push(("aux1.fc.weight".to_owned(), vec![1], vec![0.0]));
        let error = read(&file(&all), &graph).unwrap_err();
        assert!(matches!(error, LoadError::Ambiguous { layers: 16, .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.contains("`features.1.") && error.contains("--match order"), "{error}");
        let (weights, matching) =
            Weights::from_safetensors(&file(&all), &graph, MatchBy::Order).unwrap();
        assert_eq!((matching, weights), (Matching::Order, Weights::seeded(&graph, 1)));
    }

    #[test]
    fn other_names_are_no_guess_where_every_shape_is_another() {
        let graph = graph();
        let theirs = |name: &str| name.replace("a.", "z_last.").replace("b.", "c_first.");
        let (weights, matching) = read(&file(&tensors(&graph, theirs)), &graph).unwrap();
        assert_eq!((matching, weights), (Matching::Shapes, Weights::seeded(&graph, 1)));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let graph = graph();
        let mismatch = |all: &[(String, Vec<usize>, Vec<f32>)]| match read(&file(all), &graph) {
            Err(LoadError::Mismatch(mismatch)) => mismatch,
            other => panic!("{other:?}"),
        };
        let mut all = tensors(&graph, str::to_owned);
        all[0].0 = "c.weight".to_owned();
        all[1].1 = vec![2, 4];
        let found = mismatch(&all);
        assert_eq!(found.missing, ["a.weight [8, 4, 3, 3]"]);
        assert_eq!(found.extra, ["c.weight [8, 4, 3, 3] F32"]);
        let mut all = tensors(&graph, str::to_owned);
        all[1].1 = vec![2, 4];
        let found = mismatch(&all);
        assert_eq!(found.differing, ["a.bias [2, 4] F32, but a.bias [8] is needed"]);
        assert!(read(b"no tensors", &graph).is_err());
    }
}

proptest! {
    /// Whatever a file says, reading it ends with a network or an error.
    #[test]
    fn broken_files_do_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in 0.0..1.0_f64) {
        let mut bytes = fs::read(folder().join("tests/fixtures/mobilenet_v3_small-traced.onnx")).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = from_onnx(bytes.clone());
        bytes.truncate((bytes.len() as f64 * cut) as usize);
        let _ = from_onnx(bytes);
    }
}

#[test]
fn what_a_file_says_about_itself_and_its_nodes_is_kept() {
    let imported = fixture("mobilenet_v3_small-traced.onnx");
    let info = &imported.info;
    assert!(info.producer.starts_with("pytorch 2"), "{}", info.producer);
    assert_eq!(info.opsets, [(String::new(), imported.opset)]);
    assert!(info.ir_version >= 8 && !info.graph.is_empty());
    assert_eq!(info.inputs[0].kind, "float32[1,3,224,224]");
    assert_eq!(info.outputs.len(), 1);
    let graph = &imported.graph;
    let conv = |(_, node): &(_, &inceptive_ir::Node)| matches!(node.op, Op::Conv(_));
    let (_, conv) = graph.nodes().find(conv).unwrap();
    let originals: Vec<_> = info.nodes(&conv.path).collect();
    let [original] = originals[..] else { panic!("{originals:?}") };
    assert_eq!(original.operator, "Conv");
    assert!(original.name.starts_with('/') && original.name.ends_with("/Conv"));
    assert!(original.attributes.contains(&("kernel_shape".to_owned(), "3, 3".to_owned())));
    let weight = &original.inputs[1];
    assert_eq!((weight.role.as_str(), weight.kind.as_str()), ("W", "float32[16,3,3,3]"));
    assert_eq!(info.tensor(&conv.path, Role::Weight).unwrap().name, weight.name);
    // Every node but the input is made of nodes of the file, and a fused one of several.
    let origins = |node: &inceptive_ir::Node| info.nodes(&node.path).count();
    let made = graph.nodes().skip(1).map(|(_, node)| origins(node));
    assert!(made.min().unwrap() >= 1);
}

#[test]
fn a_node_that_is_made_of_several_knows_all_of_them() {
    let silu = again(&network("  - conv a: {kernel: 3, width: 8, act: silu}\ntail: gap\n"));
    let (_, node) = silu.graph.nodes().find(|(_, node)| node.op.name() == "silu").unwrap();
    let operators: Vec<&str> =
        silu.info.nodes(&node.path).map(|node| node.operator.as_str()).collect();
    assert_eq!(operators, ["Sigmoid", "Mul"]);
}

/// A sum takes in the factor of what it reads, also if that is a rescaling that something else reads too.
#[test]
fn a_factor_of_a_rescaled_result_comes_back_in_the_sum() {
    for steps in [
        "  - rescale r: {shift: 0.5}\n  - parallel p: {branches: {a: [sigmoid], b: []}, join: add, scale: {b: -1}}\n",
        "  - rescale r: {scale: 2, shift: 0.25}\n  - parallel p: {branches: {a: [sigmoid], b: []}, join: mean}\n",
        "  - parallel p: {branches: {a: [sigmoid], b: [rescale: {scale: 3}]}, join: add, scale: {b: 0.5}}\n",
    ] {
        let graph = small("{channels: 2, size: 6}", steps);
        let imported = again(&graph).graph;
        let lines = |graph: &Graph| -> Vec<String> {
            graph.nodes().map(|(_, node)| format!("{} {:?}", node.path, node.op)).collect()
        };
        assert_eq!(lines(&imported), lines(&graph), "{steps}");
        assert_eq!(imported.fingerprint(), graph.fingerprint(), "{steps}");
    }
}
