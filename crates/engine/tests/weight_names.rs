//! Weights under the names of other programs give the outputs of these programs.
//!
//! `scripts/weight_names.py` computes the outputs, with weights that follow from the names of tensors.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use inceptive_dsl::{Disk, load};
use inceptive_engine::{Isa, Options, Plan, Session};
use inceptive_ir::{Graph, passes};
use inceptive_weights::{MatchBy, Matching, Weights, tensors_to_safetensors};
use serde_json::Value;

static GO_ON: AtomicBool = AtomicBool::new(false);

/// A step of `SplitMix64`.
const fn splitmix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Numbers from 0 to 1 that follow from a name.
fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let seed = name.bytes().fold(0xCBF2_9CE4_8422_2325, |seed: u64, byte| {
        (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    (0..count as u64).map(move |at| {
        let state = seed.wrapping_add(at.wrapping_mul(0xD134_2543_DE82_EF95));
        (splitmix(state) >> 40) as f64 / f64::from(1 << 24)
    })
}

/// A tensor of another program.
struct Tensor {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Tensor {
    fn new(name: String, word: &str, shape: Vec<usize>) -> Self {
        let inputs: usize = match (shape.len(), word) {
            (1, _) => 1,
            (_, "depthwise_kernel") => shape[..2].iter().product(),
            (n, word) if word.contains("kernel") => shape[..n - 1].iter().product(),
            _ => shape[1..].iter().product(),
        };
        let value = |share: f64| match word {
            _ if shape.len() > 1 => (2.0 * share - 1.0) * (6.0 / inputs as f64).sqrt(),
            "running_var" | "moving_variance" | "weight" | "gamma" => 0.8 + 0.4 * share,
            _ => 0.2 * share - 0.1,
        };
        let values = uniform(&name, shape.iter().product()).map(|share| value(share) as f32);
        Self { values: values.collect(), name, shape }
    }
}

/// The tensors of a network, from their short form: `kernel 3x3x3x64, bias 64`.
fn tensors(entry: &Value, is_keras: bool) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for (layer, short) in entry["tensors"].as_object().unwrap() {
        let short = short.as_str().unwrap();
        let words: Vec<(&str, &str)> = match (short.strip_prefix("norm "), is_keras) {
            (Some(channels), false) => ["weight", "bias", "running_mean", "running_var"]
                .map(|word| (word, channels))
                .to_vec(),
            (Some(channels), true) => ["gamma", "beta", "moving_mean", "moving_variance"]
                .map(|word| (word, channels))
                .to_vec(),
            (None, _) => short.split(", ").map(|one| one.split_once(' ').unwrap()).collect(),
        };
        let mark = if is_keras { '/' } else { '.' };
        for (word, shape) in words {
            let shape = shape.split('x').map(|n| n.parse().unwrap()).collect();
            tensors.push(Tensor::new(format!("{layer}{mark}{word}"), word, shape));
        }
    }
    tensors
}

fn network(name: &str, size: u64) -> Graph {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
    let settings = [format!("input.size={size}").parse().unwrap()];
    let loaded = load(&Disk, &root.join(format!("{name}.yaml")), &settings).unwrap();
    passes::inference(&loaded.architecture.graph).unwrap()
}

#[test]
fn weights_of_other_programs_give_their_outputs() {
    let reference = include_str!("../../weights/tests/weight_names.json");
    let entries: Vec<Value> = serde_json::from_str(reference).unwrap();
    let mut compared = 0;
    for entry in entries {
        let Some(size) = entry["size"].as_u64() else { continue };
        let source = entry["source"].as_str().unwrap();
        let graph = network(entry["file"].as_str().unwrap(), size);
        let tensors = tensors(&entry, source.starts_with("keras"));
        let named: Vec<_> =
            tensors.iter().map(|one| (&*one.name, &*one.shape, &*one.values)).collect();
        let bytes = tensors_to_safetensors(&named).unwrap();
        let (weights, matching) =
            Weights::from_safetensors(&bytes, &graph, MatchBy::Names).unwrap();
        assert!(matches!(matching, Matching::Known(_)), "{source}: {matching:?}");

        let isa = Isa::best();
        let options = Options { batch: 1, threads: 2, isa, winograd: true, most_bytes: u64::MAX };
        let plan = Arc::new(Plan::new(&graph, &weights, options, &GO_ON).unwrap());
        let mut session = Session::new(plan, &GO_ON).unwrap();
        let len = graph.node(graph.input()).shape.elements() as usize;
        let image: Vec<f32> =
            uniform("image", len).map(|share| (2.0 * share - 1.0) as f32).collect();
        let output = session.run(&image, &GO_ON).unwrap();
        let limit = entry["largest"].as_f64().unwrap() * 1e-4;
        for (found, right) in output.iter().zip(entry["outputs"].as_array().unwrap()) {
            let error = (f64::from(*found) - right.as_f64().unwrap()).abs();
            assert!(error <= limit, "{source}: {found}, not {right}");
        }
        compared += 1;
    }
    assert_eq!(compared, 9);
}
