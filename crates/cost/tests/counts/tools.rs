//! Our counts against what other tools said about their own implementations: `reference/tools.json`,
//! `reference/layers.json` and `reference/operators.json`, written by `scripts/compare.py`.

use std::path::Path;

use crate::common::{changed, network, reference};
use inceptive_cost::{Convention, Cost, Mode, reconcile};
use inceptive_dsl::{Memory, load};
use inceptive_ir::{Graph, Op, Part};
use serde_json::Value;

const TOOLS: [Convention; 5] = [
    Convention::Fvcore,
    Convention::Ptflops,
    Convention::Thop,
    Convention::Torchinfo,
    Convention::Torch,
];

fn networks() -> Vec<(String, Value, Graph)> {
    let tools = reference("tools.json");
    let networks = tools["networks"].as_object().unwrap();
    networks.iter().map(|(name, facts)| (name.clone(), facts.clone(), network(name))).collect()
}

#[test]
fn totals_are_equal() {
    for (name, facts, graph) in networks() {
        let total = Cost::new(&graph, Mode::Inference).total;
        let ours = [
            ("params", total.params),
            ("buffers", total.buffers),
            ("macs", total.macs),
            ("acts", total.acts),
        ];
        for (key, count) in ours {
            assert_eq!(facts[key], count, "{key} of {name}");
        }
        let input = graph.node(graph.input()).shape;
        let size = input.size();
        assert_eq!(facts["input"], serde_json::json!([input.channels(), size.height, size.width]));
        if let Some(params) = facts["train_params"].as_u64() {
            assert_eq!(
                Cost::new(&graph, Mode::Training).total.params,
                params,
                "{name} in training"
            );
        }
    }
}

#[test]
fn every_convention_is_equal() {
    let mut compared = 0;
    for (name, facts, graph) in networks() {
        for tool in TOOLS {
            if let Some(count) = facts[tool.name()].as_u64() {
                assert_eq!(tool.total(&graph), count, "{tool} on {name}");
                compared += 1;
            }
        }
    }
    // All five on each torchvision network, and two of them on each of timm's.
    assert_eq!(compared, 13 * 5 + 4 * 2);
}

/// The operators one by one, as modules and as functions: the shipped networks do not have all of them.
#[test]
fn every_convention_counts_every_operator() {
    let reference = reference("operators.json");
    let operators = reference["operators"].as_object().unwrap();
    assert!(operators.len() >= 88, "{}", operators.len());
    for (steps, counts) in operators {
        let text =
            format!("name: Operator\ninput: {{channels: 8, size: 12}}\nbody: {steps}\ntail: []\n");
        let files = Memory::default().with("operator.yaml", text);
        let graph = match load(&files, Path::new("operator.yaml"), &[]) {
            Ok(loaded) => loaded.architecture.graph,
            Err(failure) => panic!("{failure}"),
        };
        for tool in TOOLS {
            assert_eq!(counts[tool.name()], tool.total(&graph), "{tool} on {steps}");
        }
    }
}

#[test]
fn conventions_are_reconciled_to_the_last_digit() {
    for (name, _, graph) in networks() {
        for a in Convention::ALL {
            for b in Convention::ALL {
                let both = reconcile(&graph, a, b);
                let by_row: i128 = both.rows.iter().map(|row| row.difference()).sum();
                let by_reason: i128 = both.reasons.iter().map(|reason| reason.difference).sum();
                assert_eq!(by_row, both.difference(), "{a} and {b} on {name}");
                assert_eq!(by_reason, both.difference(), "{a} and {b} on {name}");
                assert_eq!(both.rows.is_empty(), both.reasons.is_empty());
            }
        }
    }
}

/// Convolutions and linear layers as `[op, shape, params, macs]`, in one order.
fn layers_of(graph: &Graph) -> Vec<String> {
    let cost = Cost::new(graph, Mode::Inference);
    let mut layers: Vec<String> = cost
        .nodes
        .iter()
        .filter(|node| matches!(graph.node(node.id).op, Op::Conv(_) | Op::Linear(_)))
        .map(|cost| {
            let node = graph.node(cost.id);
            assert_eq!(node.part, Part::Main);
            let shape = node.shape.to_string().replace('x', ", ");
            format!("{} [{shape}] {} {}", node.op.name(), cost.params, cost.macs)
        })
        .collect();
    layers.sort();
    layers
}

fn layers_listed(rows: &Value) -> Vec<String> {
    let text = |row: &Value| {
        let shape: Vec<String> = row[2].as_array().unwrap().iter().map(Value::to_string).collect();
        let op = row[1].as_str().unwrap();
        format!("{op} [{}] {} {}", shape.join(", "), row[3], row[4])
    };
    let mut layers: Vec<String> = rows.as_array().unwrap().iter().map(text).collect();
    layers.sort();
    layers
}

#[test]
fn every_layer_is_equal() {
    let reference = reference("layers.json");
    let layers = reference["layers"].as_object().unwrap();
    assert_eq!(layers.len(), 11);
    for (name, rows) in layers {
        assert_eq!(layers_of(&network(name)), layers_listed(rows), "layers of {name}");
    }
}

/// torchvision's networks at other widths, depths and sizes: parameters, and fvcore's count.
#[test]
fn variants_are_equal() {
    for (name, settings, params, fvcore) in [
        ("resnet50", &["input.size=192"][..], 25_557_032, 3_021_246_464),
        ("googlenet-bn", &["input.size=256"], 6_624_904, 1_965_242_368),
        ("inception-v3", &["input.size=331"], 23_834_568, 7_142_590_688),
        ("vgg16", &["input.size=160"], 138_357_544, 7_953_560_064),
        ("squeezenet1_1", &["input.size=227", "classes=10"], 727_626, 288_401_000),
        // densenet169, and mobilenet_v2 with width_mult 0.5.
        ("densenet121", &["dense3=32", "dense4=32"], 14_149_480, 3_397_970_816),
        ("mobilenet-v2", &["width_multiplier=0.5"], 1_968_680, 104_474_784),
    ] {
        let graph = changed(name, settings);
        let total = Cost::new(&graph, Mode::Inference).total;
        assert_eq!((total.params, Convention::Fvcore.total(&graph)), (params, fvcore), "{name}");
    }
}

/// A multiplier changes widths, not the number of classes.
#[test]
fn a_multiplier_keeps_the_classes() {
    for name in ["nin", "squeezenet1_1", "mobilenet-v1", "googlenet", "inception-v3"] {
        let graph = changed(name, &["width_multiplier=0.5"]);
        assert_eq!(graph.node(graph.output()).shape.channels(), 1000, "{name}");
    }
}
