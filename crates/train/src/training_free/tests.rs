//! Scores compared with PyTorch's.

use std::{
    env, fs,
    path::Path,
    process::Command,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use inceptive_dsl::{Memory, load};
use inceptive_engine::Isa;
use inceptive_ir::{Graph, passes};
use inceptive_pytorch::to_module;

use super::*;
use crate::initial::initial_weights;

static GO_ON: AtomicBool = AtomicBool::new(false);

/// Branches, strides, dilation, groups, both pools and a residual connection.
const NETWORK: &str = "
name: Scored
input: {channels: 3, size: 17}
classes: 7
defaults: {conv: {norm: bn}}
body:
  - conv stem: {kernel: 3, width: 16, stride: 2}
  - parallel mixed:
      branches:
        a: [conv: {kernel: 1, width: 8}, conv: {kernel: 3, width: 12, dilation: 2}]
        b: [maxpool: {kernel: 3, stride: 1, pad: half}, conv: {kernel: 1, width: 6}]
        c: [avgpool: {kernel: 3, stride: 1, pad: half}, conv: {kernel: [1, 5], width: 10}]
  - parallel more:
      branches: {main: [conv: {kernel: 3, width: 28, groups: 4}], shortcut: []}
      join: add
  - maxpool: {kernel: 2, stride: 2}
  - shuffle: {groups: 4}
  - conv last: {kernel: 5, width: 20, norm: none}
tail: gap
";

fn graph(text: &str) -> Graph {
    let files = Memory::default().with("network.yaml", text);
    load(&files, Path::new("network.yaml"), &[]).unwrap().architecture.graph
}

fn scores(graph: &Graph, threads: usize) -> [f64; 2] {
    let machine = Machine { threads, isa: Isa::best(), most_bytes: u64::MAX };
    ProxyScore::ALL.map(|score| proxy_score(score, graph, 3, machine, &GO_ON).unwrap())
}

/// The scores of the same weights and images by PyTorch; `None` if it is not installed.
fn by_pytorch(graph: &Graph) -> Option<[f64; 2]> {
    let graph = passes::inference(graph).unwrap();
    let weights = initial_weights(&graph, 3);
    let folder = tempfile::tempdir().unwrap();
    let module = to_module(&graph, "Scored");
    let numbers =
        |numbers: &[f32]| numbers.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
    let mut all = vec![];
    let mut keys = String::new();
    for ((path, role), key) in &module.keys {
        all.extend(numbers(weights.get(path, *role).unwrap()));
        keys.push_str(&format!("{key}\n"));
    }
    fs::write(folder.path().join("network.py"), &module.text).unwrap();
    fs::write(folder.path().join("keys"), keys).unwrap();
    fs::write(folder.path().join("weights"), all).unwrap();
    fs::write(folder.path().join("images"), numbers(&naswot::noise(&graph, 3, &GO_ON).unwrap()))
        .unwrap();
    fs::write(folder.path().join("reference.py"), include_str!("reference.py")).unwrap();
    let shape = graph.node(graph.input()).shape;
    let [height, width] = [shape.size().height, shape.size().width];
    let python =
        env::var("VIRTUAL_ENV").map_or("python3".into(), |it| Path::new(&it).join("bin/python"));
    let output = Command::new(python)
        .arg(folder.path().join("reference.py"))
        .arg(folder.path())
        .arg(&module.class)
        .args([shape.channels(), height, width].map(|it| it.to_string()))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("No module named 'torch'") || errors.contains("No module named 'numpy'") {
        let wanted = env::var("INCEPTIVE_TEST_ENGINES").unwrap_or_default();
        assert!(!wanted.split_whitespace().any(|name| name == "pytorch"), "{errors}");
        println!("skipped: PyTorch is not installed");
        return None;
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let values: Vec<f64> = printed.split_whitespace().map(|it| it.parse().unwrap()).collect();
    Some(values.try_into().unwrap_or_else(|_| panic!("{errors}")))
}

#[test]
fn scores_are_those_of_pytorch() {
    let plain = NETWORK.replace("defaults: {conv: {norm: bn}}\n", "");
    for text in [NETWORK, &plain] {
        let graph = graph(text);
        let Some([naswot, synflow]) = by_pytorch(&graph) else { return };
        let found = scores(&graph, 2);
        // Single precision moves a few outputs across zero.
        assert!((found[0] - naswot).abs() < 1e-3 * naswot.abs(), "{found:?}, {naswot}");
        assert!((found[1] - synflow).abs() < 1e-9 * synflow.abs(), "{found:?}, {synflow}");
    }
}

#[test]
fn scores_do_not_depend_on_threads_and_heads() {
    let with_head = format!(
        "{NETWORK}auxiliary:\n  - after: mixed\n    weight: 0.3\n    steps: [gap, flatten, linear fc: {{width: 7}}]\n"
    );
    let expected = scores(&graph(NETWORK), 1);
    assert_eq!(scores(&graph(NETWORK), 2), expected);
    assert_eq!(scores(&graph(&with_head), 1), expected);
}

#[test]
fn networks_without_a_score_say_why() {
    let machine = Machine { threads: 1, isa: Isa::best(), most_bytes: u64::MAX };
    let why = |text: &str, score| {
        proxy_score(score, &graph(text), 0, machine, &GO_ON).unwrap_err().to_string()
    };
    let head = "name: N\ninput: {channels: 2, size: 4}\nclasses: 3\nbody:\n";
    let smooth = format!("{head}  - conv: {{kernel: 1, width: 4, act: silu}}\ntail: gap\n");
    let expected = "NASWOT compares what ReLUs do, and the network has none";
    assert_eq!(why(&smooth, ProxyScore::Naswot), expected);
    let gated = format!(
        "{head}  - parallel gated: {{branches: {{main: [], gate: [gap, sigmoid]}}, join: multiply}}\ntail: gap\n"
    );
    let expected = "SynFlow is not defined for networks with `multiply`";
    assert_eq!(why(&gated, ProxyScore::Synflow), expected);
}

/// A network of large images.
fn large(size: u32) -> Graph {
    graph(&format!(
        "name: N\ninput: {{channels: 3, size: {size}}}\nclasses: 10\nbody:\n  - conv: {{kernel: 3, width: 64}}\n  \
         - maxpool: {{kernel: 31, stride: 1, pad: half}}\n  - conv: {{kernel: 3, width: 64}}\ntail: gap\n"
    ))
}

#[test]
fn scores_stop_soon_after_the_request() {
    let machine = Machine { threads: 1, isa: Isa::best(), most_bytes: u64::MAX };
    for (score, size) in [(ProxyScore::Naswot, 48), (ProxyScore::Synflow, 300)] {
        let graph = large(size);
        for wait_ms in [0, 200, 1000] {
            let stop = AtomicBool::new(wait_ms == 0);
            let (result, seconds) = std::thread::scope(|scope| {
                let work = scope.spawn(|| proxy_score(score, &graph, 0, machine, &stop));
                std::thread::sleep(Duration::from_millis(wait_ms));
                stop.store(true, Ordering::Relaxed);
                let start = Instant::now();
                (work.join().unwrap(), start.elapsed().as_secs_f64())
            });
            // NASWOT may be done before.
            let is_stopped = matches!(result, Err(ScoreError::Train(TrainError::Stopped)));
            assert!(is_stopped || score == ProxyScore::Naswot && wait_ms > 0, "{score:?}");
            assert!(seconds < 1.0, "{score:?} after {wait_ms} ms: {seconds} s");
        }
    }
}

#[test]
fn networks_that_do_not_fit_into_memory_are_refused() {
    // Maps of terabytes: they must be refused before they are allocated.
    let machine = Machine { threads: 1, isa: Isa::best(), most_bytes: 1 << 30 };
    for score in ProxyScore::ALL {
        let result = proxy_score(score, &large(20_000), 0, machine, &GO_ON);
        let error = result.unwrap_err().to_string();
        assert!(error.contains("memory"), "{error}");
    }
    // Values and derivatives of two maps of 16 channels, and sums of one.
    let graph = graph(
        "name: N\ninput: {channels: 16, size: 8}\nclasses: 3\nbody:\n  - conv: {kernel: 1, width: 16}\ntail: gap\n",
    );
    let map = 16 * 8 * 8 * 8;
    assert_eq!(synflow::needed_bytes(&graph), 5 * map);
    let needed = synflow::needed_bytes(&graph) + weight_bytes(&graph);
    for (most_bytes, fits) in [(needed, true), (needed - 1, false)] {
        let machine = Machine { most_bytes, ..machine };
        let result = proxy_score(ProxyScore::Synflow, &graph, 0, machine, &GO_ON);
        assert_eq!(result.is_ok(), fits);
    }
}

#[test]
fn deep_networks_have_a_synflow() {
    let body: String = (0..300).map(|_| "  - conv: {kernel: 3, width: 8}\n").collect();
    let graph = graph(&format!(
        "name: N\ninput: {{channels: 2, size: 4}}\nclasses: 3\nbody:\n{body}tail: gap\n"
    ));
    let machine = Machine { threads: 1, isa: Isa::best(), most_bytes: u64::MAX };
    let score = proxy_score(ProxyScore::Synflow, &graph, 0, machine, &GO_ON).unwrap();
    assert!(score.is_finite() && score > 300.0, "{score}");
}
