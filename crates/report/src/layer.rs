//! Kinds of layers, and their shares of a network's cost.

use std::collections::HashMap;

use inceptive_ir::{Conv, ConvTranspose, Graph, NodeId, Op, Path, Size};
use inceptive_results::{ProfileRecord, Roofline};

use crate::candidate::NetworkCost;

/// A kind of layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Convolutions of one value of each channel.
    Pointwise,
    /// Convolutions with a window.
    Spatial,
    /// Convolutions with a window of one row or column.
    Asymmetric,
    /// Convolutions in groups.
    Grouped,
    /// Fully connected layers.
    Linear,
    /// Normalisations.
    Norm,
    /// Pooling.
    Pool,
    /// Concatenations, sums and products.
    Join,
    /// Activations and everything else, the input included.
    Other,
}

impl Layer {
    /// All of them, in the order in which they are drawn.
    pub const ALL: [Self; 9] = [
        Self::Pointwise,
        Self::Spatial,
        Self::Asymmetric,
        Self::Grouped,
        Self::Linear,
        Self::Norm,
        Self::Pool,
        Self::Join,
        Self::Other,
    ];

    /// The displayed name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pointwise => "1x1 conv",
            Self::Spatial => "k x k conv",
            Self::Asymmetric => "1 x n conv",
            Self::Grouped => "grouped conv",
            Self::Linear => "linear",
            Self::Norm => "normalisation",
            Self::Pool => "pooling",
            Self::Join => "concat, add",
            Self::Other => "other",
        }
    }

    /// A word for it in data.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Pointwise => "conv_1x1",
            Self::Spatial => "conv_kxk",
            Self::Asymmetric => "conv_1xn",
            Self::Grouped => "conv_grouped",
            Self::Linear => "linear",
            Self::Norm => "norm",
            Self::Pool => "pool",
            Self::Join => "join",
            Self::Other => "other",
        }
    }

    /// The kind of a node.
    pub fn of(graph: &Graph, id: NodeId) -> Self {
        match &graph.node(id).op {
            Op::Conv(Conv { groups: 2.., .. }) => Self::Grouped,
            Op::Conv(Conv { kernel, .. }) => match *kernel {
                Size { height: 1, width: 1 } => Self::Pointwise,
                Size { height: 1, .. } | Size { width: 1, .. } => Self::Asymmetric,
                Size { .. } => Self::Spatial,
            },
            Op::ConvTranspose(ConvTranspose { groups: 2.., .. }) => Self::Grouped,
            Op::ConvTranspose(_) => Self::Spatial,
            Op::Linear(_) => Self::Linear,
            Op::BatchNorm(_) | Op::Norm(_) | Op::Lrn(_) => Self::Norm,
            Op::Pool(_)
            | Op::GlobalPool(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::ChannelMax
            | Op::ChannelMean => Self::Pool,
            Op::Concat | Op::Add { .. } | Op::Multiply | Op::Maximum => Self::Join,
            Op::Input(_)
            | Op::Activation(_)
            | Op::Flatten
            | Op::Dropout { .. }
            | Op::Softmax
            | Op::ChannelShuffle { .. }
            | Op::DropPath { .. }
            | Op::Prelu { .. }
            | Op::Scale(_)
            | Op::Rescale(_)
            | Op::Resize(_)
            | Op::Rearrange(_) => Self::Other,
        }
    }
}

/// A quantity that is broken down by layers or modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakdownMetric {
    /// Learned numbers.
    Params,
    /// Multiply-accumulates.
    Macs,
    /// Bytes of results.
    Memory,
    /// Measured time, in nanoseconds.
    Time,
}

impl BreakdownMetric {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Params, Self::Macs, Self::Memory, Self::Time];

    /// The key in data.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Macs => "macs",
            Self::Memory => "activation_bytes",
            Self::Time => "time_ns",
        }
    }
}

/// A quantity by kind of layer, in the order of [`Layer::ALL`]; `None` if it is not known.
pub fn by_layer(
    network: &NetworkCost,
    profile: Option<&ProfileRecord>,
    quantity: BreakdownMetric,
) -> Option<[u64; 9]> {
    let mut shares = [0; 9];
    let mut add = |layer: Layer, amount: u64| shares[layer as usize] += amount;
    match (quantity, profile) {
        (BreakdownMetric::Time, None) => return None,
        (BreakdownMetric::Time, Some(record)) => {
            for part in &record.profile.nodes {
                let node = network.graph.find(&Path::new(&part.name));
                let layer = node.map_or(Layer::Other, |id| Layer::of(&network.graph, id));
                add(layer, nanoseconds(part.time_ms));
            }
        }
        (BreakdownMetric::Params | BreakdownMetric::Macs | BreakdownMetric::Memory, _) => {
            for node in &network.cost.nodes {
                let amount = match quantity {
                    BreakdownMetric::Params => node.params,
                    BreakdownMetric::Macs => node.macs,
                    BreakdownMetric::Memory | BreakdownMetric::Time => node.activation_bytes,
                };
                add(Layer::of(&network.graph, node.id), amount);
            }
        }
    }
    Some(shares)
}

/// The share of a module or branch in a network's cost.
#[derive(Clone, Debug, PartialEq)]
pub struct PartRow {
    /// Its path.
    pub path: Path,
    /// Path segments down.
    pub depth: usize,
    /// Shape of its last result.
    pub output: String,
    /// Learned numbers.
    pub params: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of results.
    pub activation_bytes: u64,
    /// Measured time; none without a profile.
    pub time_ns: Option<u64>,
}

/// Modules with their branches, in execution order.
pub fn by_part(network: &NetworkCost, profile: Option<&ProfileRecord>) -> Vec<PartRow> {
    let times = profile.map(times);
    let time = |path: &Path| times.as_ref().map(|times| times.get(path).copied().unwrap_or(0));
    let row = |module: inceptive_cost::ModuleCost, depth: usize| PartRow {
        depth,
        output: module.output.to_string(),
        params: module.totals.params,
        macs: module.totals.macs,
        activation_bytes: module.totals.activation_bytes,
        time_ns: time(&module.path),
        path: module.path,
    };
    let modules = inceptive_cost::by_module(&network.graph, &network.cost, 1);
    let mut branches: HashMap<Path, Vec<PartRow>> = HashMap::new();
    for branch in inceptive_cost::by_module(&network.graph, &network.cost, 2) {
        if let Some(module) = branch.path.parent() {
            branches.entry(module).or_default().push(row(branch, 2));
        }
    }
    let mut rows = Vec::new();
    for module in modules {
        let module = row(module, 1);
        let mine = branches.remove(&module.path).unwrap_or_default();
        rows.push(module);
        // A module of one part is that part.
        if mine.len() > 1 {
            rows.extend(mine);
        }
    }
    rows
}

/// The time of each node and of everything around it, in nanoseconds.
fn times(record: &ProfileRecord) -> HashMap<Path, u64> {
    let mut times = HashMap::new();
    for part in record.profile.nodes.iter().filter(|part| !part.ops.is_empty()) {
        let paths = std::iter::successors(Some(Path::new(&part.name)), Path::parent);
        for path in paths {
            *times.entry(path).or_default() += nanoseconds(part.time_ms);
        }
    }
    times
}

/// Whole nanoseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shorter than a day")]
fn nanoseconds(ms: f64) -> u64 {
    (ms * 1e6).round().max(0.0) as u64
}

/// The highest rate in GFLOP/s that the machine allows at this intensity.
pub fn attainable_gflops(roofline: &Roofline, intensity: f64) -> f64 {
    roofline.peak_gflops.min(roofline.bandwidth_gbps * intensity)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use inceptive_cost::{Cost, Mode};
    use inceptive_ir::{Activation, NewNode, Shape};
    use inceptive_results::{NetworkInfo, NodeProfile, Precision, Profile, example};

    use super::*;

    /// Activations with these paths one after the other, and a profile in which each takes a microsecond.
    fn profiled(paths: &[String]) -> (NetworkCost, ProfileRecord) {
        let mut graph = Graph::new(Shape::map(2, 2, 2), None).unwrap();
        paths.iter().fold(graph.input(), |last, path| {
            let relu = Op::Activation(Activation::Relu);
            graph.add(NewNode::new(relu, Path::new(path)), &[last]).unwrap()
        });
        let part = |name: &String| NodeProfile {
            name: name.clone(),
            ops: "relu".to_owned(),
            time_ms: 1e-3,
            share: 0.0,
            flops: 1,
            moved_bytes: 1,
        };
        let nodes = paths.iter().map(part).collect();
        let profile = Profile { precision: Precision::Fp32, nodes, total_ms: 1.0, runs: 3 };
        let subject = NetworkInfo::new("m", "m.yaml", vec![], &graph);
        let roofline = Roofline { threads: 2, peak_gflops: 250.0, bandwidth_gbps: 34.0 };
        let (runtime, machine) = (example::runtime(), example::machine());
        let record = ProfileRecord::new(subject, runtime, roofline, &machine, 0, profile);
        (NetworkCost { cost: Cost::new(&graph, Mode::Inference), graph }, record)
    }

    #[test]
    fn modules_have_the_time_of_their_branches() {
        let paths = ["a", "b/x/1", "b/x/2", "b/y", "c/x/1", "c/x/2"].map(str::to_owned);
        let (network, record) = profiled(&paths);
        let rows = by_part(&network, Some(&record));
        let rows: Vec<_> =
            rows.iter().map(|row| (row.path.as_str(), row.depth, row.time_ns)).collect();
        let expected = [
            ("input", 1, 0),
            ("a", 1, 1000),
            ("b", 1, 3000),
            ("b/x", 2, 2000),
            ("b/y", 2, 1000),
            ("c", 1, 2000),
        ];
        assert_eq!(rows, expected.map(|(path, depth, time)| (path, depth, Some(time))));
        assert!(by_part(&network, None).iter().all(|row| row.time_ns.is_none()));
    }

    #[test]
    fn the_most_modules_take_no_longer_each_than_few() {
        let paths: Vec<String> = (0..40_000)
            .flat_map(|number| [format!("m{number}/a"), format!("m{number}/b")])
            .collect();
        let (network, record) = profiled(&paths);
        let start = Instant::now();
        let rows = by_part(&network, Some(&record));
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert_eq!(rows.iter().filter(|row| row.depth == 2).count(), 80_000);
    }
}
