//! Our counts against what papers and lectures print: `reference/papers.json`.

use crate::common::{changed, network, reference};
use inceptive_cost::{Cost, Mode, Totals, by_module};
use inceptive_ir::{Graph, Op, Path};

fn modules(graph: &Graph) -> impl Fn(&str) -> Totals {
    let modules = by_module(graph, &Cost::new(graph, Mode::Inference), 2);
    move |path: &str| {
        let path = Path::new(path);
        modules.iter().filter(|m| m.path.is_within(&path)).map(|m| m.totals).sum()
    }
}

/// The number at the start of `112K` or `360M`, and half a unit of its last digit.
fn printed(text: &str) -> (f64, f64) {
    let digits = text.trim_end_matches(['K', 'M']);
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    (digits.parse().unwrap(), 0.5 / 10_f64.powi(i32::try_from(decimals).unwrap()))
}

/// Table 1 of *Going Deeper with Convolutions*. The paper rounds, now and then by more than half a unit;
/// what is further off is listed, with how far, in docs/counting.md too.
#[test]
#[expect(clippy::cast_precision_loss, reason = "compared with three digits")]
fn googlenet_table_1() {
    /// Row, column, and our count over the printed one in percent less 100.
    const INCONSISTENT: [(&str, &str, f64); 5] = [
        ("convolution 7x7/2", "params", 240.3),
        ("convolution 7x7/2", "ops", 247.1),
        ("inception (4c)", "params", 7.5),
        ("inception (5a)", "params", -5.0),
        ("inception (5a)", "ops", -5.4),
    ];
    let graph = network("googlenet");
    let module = modules(&graph);
    let reference = reference("papers.json");
    let rows = reference["googlenet_table1"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 12);
    for row in rows {
        let name = row[0].as_str().unwrap();
        let parts: Vec<Totals> = match name {
            "convolution 7x7/2" => vec![module("stem/conv1")],
            "convolution 3x3/1 (with 1x1x64 reduce)" => {
                vec![module("stem/reduce"), module("stem/conv2")]
            }
            "linear" => vec![module("tail")],
            _ => vec![module(&name["inception (".len()..name.len() - 1])],
        };
        let total: Totals = parts.into_iter().sum();
        let biases = match name {
            "convolution 7x7/2" => 64,
            "linear" => 1000,
            _ => 0,
        };
        let ours = [
            ("params", 1, (total.params - biases) as f64 / 1024.0),
            ("ops", 2, total.macs as f64 / 1e6),
        ];
        for (column, index, ours) in ours {
            let (theirs, half) = printed(row[index].as_str().unwrap());
            let percent = (ours / theirs - 1.0) * 100.0;
            let known = INCONSISTENT.iter().find(|known| known.0 == name && known.1 == column);
            match known {
                Some((.., off)) => {
                    assert!((percent - off).abs() < 0.1, "{name} {column}: {percent}")
                }
                // Two percent or a unit: how the paper rounds (580K for 591K, 364K for 367K).
                None => assert!(
                    percent.abs() < 2.0 || (ours - theirs).abs() <= half,
                    "{name} {column}: {ours} against {theirs}"
                ),
            }
        }
    }
}

fn conv_macs(graph: &Graph) -> Vec<u64> {
    let cost = Cost::new(graph, Mode::Inference);
    let convs = cost.nodes.iter().filter(|c| matches!(graph.node(c.id).op, Op::Conv(_)));
    let mut macs: Vec<u64> = convs.map(|conv| conv.macs).collect();
    macs.sort_unstable();
    macs
}

fn sorted(values: &serde_json::Value) -> Vec<u64> {
    let mut values: Vec<u64> =
        values.as_array().unwrap().iter().map(|value| value.as_u64().unwrap()).collect();
    values.sort_unstable();
    values
}

/// The module of the CS231n lecture: 854M is right, the widely quoted 358M is not.
#[test]
fn the_module_and_its_erratum() {
    let slides = &reference("papers.json")["cs231n"];
    let naive = conv_macs(&network("module-naive"));
    let reduced = conv_macs(&network("module-reduced"));
    assert_eq!(naive, sorted(&slides["naive"]));
    assert_eq!(reduced, sorted(&slides["reduced"]));
    assert_eq!(naive.iter().sum::<u64>(), 854_196_224);
    assert_eq!(reduced.iter().sum::<u64>(), 271_351_808);
    let conv_3x3 = 86_704_128;
    assert!(reduced.contains(&conv_3x3));
    assert_eq!(reduced.iter().sum::<u64>() + conv_3x3, 358_055_936);
}

#[test]
fn nin_layer_by_layer() {
    let graph = network("nin");
    let cost = Cost::new(&graph, Mode::Inference);
    let convs = cost.nodes.iter().filter(|c| matches!(graph.node(c.id).op, Op::Conv(_)));
    let ours: Vec<serde_json::Value> = convs
        .map(|conv| {
            let shape = graph.node(conv.id).shape;
            serde_json::json!([shape.channels(), shape.size().height, conv.params, conv.macs])
        })
        .collect();
    let reference = reference("papers.json");
    let rows = reference["nin"]["rows"].as_array().unwrap();
    let theirs: Vec<serde_json::Value> =
        rows.iter().map(|row| row.as_array().unwrap()[1..].into()).collect();
    assert_eq!(ours, theirs);
}

/// Chollet 2016, Table 3, and Szegedy et al. 2014 by the widths of Table 1 with biases.
#[test]
fn totals_of_papers() {
    let total = |name| Cost::new(&network(name), Mode::Inference).total;
    assert_eq!(total("xception").params, 22_855_952);
    assert_eq!(total("googlenet").params, 6_998_552);
    assert_eq!(total("googlenet").macs, 1_582_671_872);
}

/// Araujo et al. 2019, *Computing Receptive Fields of Convolutional Neural Networks*, Table 1. The paper
/// has 483 for ResNet-50 as TF-slim builds it, which strides in the last block of a stage; torchvision
/// strides in the first: 11 after the stem, 3 x 8, 8 + 3 x 16, 16 + 5 x 32, 32 + 2 x 64 in the stages.
#[test]
fn receptive_fields() {
    for (name, size) in [
        ("alexnet", 195),
        ("vgg16", 212),
        ("resnet50", 11 + 24 + 56 + 176 + 160),
        ("inception-v3", 1311),
        ("inception-v4", 2071),
        ("inception-resnet-v2", 3039),
        ("mobilenet-v1", 315),
    ] {
        let field = Cost::new(&network(name), Mode::Inference).receptive_field;
        assert_eq!(field.size, Some(inceptive_ir::Size::square(size)), "{name}");
    }
}

/// Networks of cells. NASNet-A mobile: what Keras counts as trainable, and its 5,326,716 with the statistics of the
/// normalisations. DARTS v2: the authors' network without its auxiliary head.
#[test]
fn networks_of_cells() {
    let total = |name| Cost::new(&network(name), Mode::Inference).total;
    let nasnet = total("nasnet-a-mobile");
    assert_eq!((nasnet.params, nasnet.params + nasnet.buffers), (5_289_978, 5_326_716));
    assert_eq!(total("darts-v2").params, 3_349_342);
    // The paper has 5.6M and 583M multiply-adds for its samples of the same generator.
    let randwire = total("randwire-small");
    assert!((5_300_000..5_900_000).contains(&randwire.params), "{}", randwire.params);
    assert!((550_000_000..620_000_000).contains(&randwire.macs), "{}", randwire.macs);
}

/// Parameters of cells by the table of NAS-Bench-201: all of those whose edges all lead to the output, and the one with the
/// best accuracy.
#[test]
fn cells_of_nas_bench_201() {
    let table = reference("nas-bench-201.json");
    let edges = ["op01", "op02", "op12", "op03", "op13", "op23"];
    let cells = table["params"].as_object().unwrap();
    for (cell, params) in cells {
        let operators: Vec<&str> =
            cell.split(['|', '+']).filter_map(|edge| Some(edge.split_once('~')?.0)).collect();
        let settings: Vec<String> = edges
            .iter()
            .zip(&operators)
            .map(|(edge, operator)| format!("{edge}={operator}"))
            .collect();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let graph = changed("nas-bench-201", &settings);
        let ours = Cost::new(&graph, Mode::Inference).total;
        assert_eq!(ours.params, params.as_u64().unwrap(), "{cell}");
    }
    assert!(cells.len() >= 40, "{}", cells.len());
    let best = Cost::new(&network("nas-bench-201"), Mode::Inference).total;
    assert_eq!(best.params, 1_288_506);
}
