//! The metrics of networks.
//!
//! Everything about a metric is in this file: its name, unit and direction, where its value comes from, and how it is
//! formatted. Command line, constraints and objectives of spaces, reports, thresholds and the dashboard use it.

use std::{fmt, str::FromStr};

use inceptive_cost::{Cost, Totals};
use inceptive_format as format;
use inceptive_ir::Graph;
use serde::{Deserialize, Serialize};

use crate::{NetworkInfo, statistics::Estimate};

/// Something that networks are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&str", try_from = "String")]
pub enum Metric {
    /// Learnable numbers.
    Params,
    /// Multiply-accumulates of convolutions and linear layers, for one image.
    Macs,
    /// Floating-point operations of every operator, for one image.
    Flops,
    /// Output elements of convolutions and linear layers, for one image.
    Acts,
    /// Running statistics of batch normalisation.
    Buffers,
    /// Bytes of the learnable numbers.
    WeightBytes,
    /// Bytes of all feature maps, for one image.
    ActivationBytes,
    /// Bytes of the feature maps that are alive at once, at most, for one image.
    PeakActivationBytes,
    /// Bytes read and written, for one image.
    MovedBytes,
    /// Nodes of the graph, the input included.
    Nodes,
    /// Height of the input in pixels.
    InputSize,
    /// Top-1 accuracy in percent.
    Top1,
    /// Top-5 accuracy in percent.
    Top5,
    /// Top-1 accuracy in points for each million parameters (Bianco et al. 2018, *Benchmark Analysis of
    /// Representative Deep Neural Network Architectures*).
    AccuracyDensity,
    /// Median latency of a run, in milliseconds.
    Latency,
}

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Pixels.
    Pixels,
    /// Percent.
    Percent,
    /// Percentage points for each million parameters.
    PointsPerMillion,
    /// Milliseconds.
    Milliseconds,
}

/// Which values of a metric are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Small ones.
    Minimize,
    /// Large ones.
    Maximize,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minimize => "minimize",
            Self::Maximize => "maximize",
        })
    }
}

/// What somebody looks for: the smallest or the largest value of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    /// The metric.
    pub metric: Metric,
    /// Which of its values are wanted.
    pub direction: Direction,
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.direction, self.metric)
    }
}

/// Where a metric's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the graph; exact.
    Counted,
    /// From an accuracy: published, trained or predicted.
    Accuracy,
    /// From runs on a machine.
    Measured,
}

impl Metric {
    /// Every metric, in the order in which tables show them.
    pub const ALL: [Self; 15] = [
        Self::Params,
        Self::Macs,
        Self::Flops,
        Self::Acts,
        Self::Buffers,
        Self::WeightBytes,
        Self::ActivationBytes,
        Self::PeakActivationBytes,
        Self::MovedBytes,
        Self::Nodes,
        Self::InputSize,
        Self::Top1,
        Self::Top5,
        Self::AccuracyDensity,
        Self::Latency,
    ];

    /// Its place in [`Metric::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether overviews show it: plots with an axis for each metric, and short tables.
    pub const fn is_main(self) -> bool {
        matches!(
            self,
            Self::Params
                | Self::Macs
                | Self::Acts
                | Self::PeakActivationBytes
                | Self::Top1
                | Self::AccuracyDensity
                | Self::Latency
        )
    }

    /// The metrics that are counted from the graph, in the order of the tables.
    pub fn costs() -> impl Iterator<Item = Self> + Clone {
        Self::from_source(Source::Counted).filter(|&metric| metric != Self::InputSize)
    }

    /// The metrics of one source.
    pub fn from_source(source: Source) -> impl Iterator<Item = Self> + Clone {
        Self::ALL.into_iter().filter(move |metric| metric.source() == source)
    }

    /// Its name in JSON, CSV, constraints and thresholds.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Macs => "macs",
            Self::Flops => "flops",
            Self::Acts => "acts",
            Self::Buffers => "buffers",
            Self::WeightBytes => "weight_bytes",
            Self::ActivationBytes => "activation_bytes",
            Self::PeakActivationBytes => "peak_activation_bytes",
            Self::MovedBytes => "moved_bytes",
            Self::Nodes => "nodes",
            Self::InputSize => "input_size",
            Self::Top1 => "top1",
            Self::Top5 => "top5",
            Self::AccuracyDensity => "top1_per_mparam",
            Self::Latency => "median_ms",
        }
    }

    /// Its name in tables and at axes, without the unit.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Params => "parameters",
            Self::Macs => "MACs",
            Self::Flops => "FLOPs",
            Self::Acts => "activations",
            Self::Buffers => "buffers",
            Self::WeightBytes => "weights",
            Self::ActivationBytes => "memory",
            Self::PeakActivationBytes => "peak memory",
            Self::MovedBytes => "memory traffic",
            Self::Nodes => "nodes",
            Self::InputSize => "input size",
            Self::Top1 => "top-1 accuracy",
            Self::Top5 => "top-5 accuracy",
            Self::AccuracyDensity => "top-1 per million parameters",
            Self::Latency => "latency",
        }
    }

    /// A description in one line.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Params => "learned values",
            Self::Macs => "multiply-accumulates of convolutions and linear layers, without bias",
            Self::Flops => "2 x MACs plus every other operation",
            Self::Acts => "outputs of convolutions and linear layers",
            Self::Buffers => "running statistics of batch normalisation",
            Self::WeightBytes => "learned values in single precision",
            Self::ActivationBytes => "outputs of all nodes in single precision, the input included",
            Self::PeakActivationBytes => {
                "maximum size of the feature maps in memory at the same time"
            }
            Self::MovedBytes => "feature maps and weights read and written by all nodes",
            Self::Nodes => "nodes of the graph, the input included",
            Self::InputSize => "height of the input in pixels",
            Self::Top1 => "images whose most likely class is correct",
            Self::Top5 => "images whose correct class is among the five most likely",
            Self::AccuracyDensity => "percentage points of top-1 accuracy per million parameters",
            Self::Latency => "median time of one run",
        }
    }

    /// The unit of its values.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Params | Self::Macs | Self::Flops | Self::Acts | Self::Buffers | Self::Nodes => {
                Unit::Count
            }
            Self::WeightBytes
            | Self::ActivationBytes
            | Self::PeakActivationBytes
            | Self::MovedBytes => Unit::Bytes,
            Self::InputSize => Unit::Pixels,
            Self::Top1 | Self::Top5 => Unit::Percent,
            Self::AccuracyDensity => Unit::PointsPerMillion,
            Self::Latency => Unit::Milliseconds,
        }
    }

    /// Which values are better.
    pub const fn direction(self) -> Direction {
        match self {
            Self::Top1 | Self::Top5 | Self::AccuracyDensity => Direction::Maximize,
            Self::Params
            | Self::Macs
            | Self::Flops
            | Self::Acts
            | Self::Buffers
            | Self::WeightBytes
            | Self::ActivationBytes
            | Self::PeakActivationBytes
            | Self::MovedBytes
            | Self::Nodes
            | Self::InputSize
            | Self::Latency => Direction::Minimize,
        }
    }

    /// Where its values come from.
    pub const fn source(self) -> Source {
        match self {
            Self::Params
            | Self::Macs
            | Self::Flops
            | Self::Acts
            | Self::Buffers
            | Self::WeightBytes
            | Self::ActivationBytes
            | Self::PeakActivationBytes
            | Self::MovedBytes
            | Self::Nodes
            | Self::InputSize => Source::Counted,
            Self::Top1 | Self::Top5 | Self::AccuracyDensity => Source::Accuracy,
            Self::Latency => Source::Measured,
        }
    }

    /// Its value for a network; `None` for metrics that are not counted from the graph.
    pub fn count(self, graph: &Graph, cost: &Cost) -> Option<u64> {
        match self {
            Self::PeakActivationBytes => Some(cost.peak.bytes),
            Self::InputSize => Some(u64::from(graph.node(graph.input()).shape.size().height)),
            _ => self.total(&cost.total),
        }
    }

    /// Its value for several nodes together, such as a module; none for what is no sum over nodes.
    pub const fn total(self, totals: &Totals) -> Option<u64> {
        match self {
            Self::Params => Some(totals.params),
            Self::Macs => Some(totals.macs),
            Self::Flops => Some(totals.flops),
            Self::Acts => Some(totals.acts),
            Self::Buffers => Some(totals.buffers),
            Self::WeightBytes => Some(totals.weight_bytes),
            Self::ActivationBytes => Some(totals.activation_bytes),
            Self::MovedBytes => Some(totals.moved_bytes),
            Self::Nodes => Some(totals.nodes),
            Self::PeakActivationBytes
            | Self::InputSize
            | Self::Top1
            | Self::Top5
            | Self::AccuracyDensity
            | Self::Latency => None,
        }
    }

    /// Its value as results record it, for networks whose graph is not at hand; `None` for what they do not record.
    pub fn recorded(self, info: &NetworkInfo) -> Option<u64> {
        match self {
            Self::Params => Some(info.params),
            Self::Macs => Some(info.macs),
            Self::Flops => Some(info.flops),
            Self::Acts => Some(info.acts),
            Self::InputSize => Some(u64::from(info.input[1])),
            Self::Buffers
            | Self::WeightBytes
            | Self::ActivationBytes
            | Self::PeakActivationBytes
            | Self::MovedBytes
            | Self::Nodes
            | Self::Top1
            | Self::Top5
            | Self::AccuracyDensity
            | Self::Latency => None,
        }
    }

    /// A value with its unit, as short as it is still useful: `6.99M`, `25.27 MiB`, `69.80%`, `12.31 ms`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
    pub fn short(self, value: f64) -> String {
        match self.unit() {
            Unit::Count => format::short_count(value.max(0.0).round() as u64),
            Unit::Bytes => format::bytes(value.max(0.0).round() as u64),
            Unit::Pixels => format!("{value:.0} px"),
            Unit::Percent => format!("{value:.2}%"),
            Unit::PointsPerMillion => format!("{value:.2}"),
            Unit::Milliseconds => format!("{} ms", format::significant(value)),
        }
    }

    /// A count as precisely as people read it: `6,998,552`, `25.27 MiB`.
    pub fn exact(self, count: u64) -> String {
        match self.unit() {
            Unit::Bytes => format::bytes(count),
            _ => format::exact(count),
        }
    }

    /// An estimate with its interval, where it has one: `12.31 ms (12.28 to 12.40)`.
    pub fn with_interval(self, estimate: Estimate) -> String {
        let value = self.short(estimate.value);
        let is_exact = estimate.low >= estimate.high;
        if is_exact || !estimate.has_interval() {
            return value;
        }
        let bare = |value: f64| match self.unit() {
            Unit::Percent => format!("{value:.2}"),
            Unit::Milliseconds => format::significant(value),
            Unit::Count | Unit::Bytes | Unit::Pixels | Unit::PointsPerMillion => self.short(value),
        };
        format!("{value} ({} to {})", bare(estimate.low), bare(estimate.high))
    }
}

/// Everything that is counted of a network, by metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([Option<u64>; Metric::ALL.len()]);

impl Counts {
    /// Of a network with its cost.
    pub fn new(graph: &Graph, cost: &Cost) -> Self {
        Self(Metric::ALL.map(|metric| metric.count(graph, cost)))
    }

    /// A count; none for what is not counted.
    pub const fn get(&self, metric: Metric) -> Option<u64> {
        self.0[metric.index()]
    }

    /// A count by the id of its metric, as constraints ask for it.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn by_name(&self, id: &str) -> Option<f64> {
        self.get(id.parse().ok()?).map(|count| count as f64)
    }

    /// The same with another value of a metric.
    #[must_use]
    pub const fn with(mut self, metric: Metric, count: u64) -> Self {
        self.0[metric.index()] = Some(count);
        self
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// There is no metric of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{0}`; known metrics: {list}", list = Metric::ALL.map(Metric::id).join(", "))]
pub struct UnknownMetric(pub String);

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        let found = Self::ALL.into_iter().find(|metric| metric.id() == text);
        found.ok_or_else(|| UnknownMetric(text.to_owned()))
    }
}

impl From<Metric> for &str {
    fn from(metric: Metric) -> Self {
        metric.id()
    }
}

impl TryFrom<String> for Metric {
    type Error = UnknownMetric;

    fn try_from(text: String) -> Result<Self, UnknownMetric> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_listed_once_and_read_from_its_name() {
        let mut seen = std::collections::HashSet::new();
        for (index, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric.index(), index);
            assert!(seen.insert(metric.id()), "{metric}");
            assert_eq!(metric.id().parse(), Ok(metric));
            let json = serde_json::to_string(&metric).unwrap();
            assert_eq!(serde_json::from_str::<Metric>(&json).unwrap(), metric);
        }
        assert!("latency".parse::<Metric>().unwrap_err().to_string().contains("median_ms"));
    }

    #[test]
    fn values_have_their_unit() {
        let interval = Estimate { value: 12.31, low: 12.28, high: 12.4 };
        assert_eq!(Metric::Latency.with_interval(interval), "12.31 ms (12.28 to 12.40)");
        assert_eq!(Metric::Params.short(6_998_552.0), "7.00M");
        assert_eq!(Metric::PeakActivationBytes.short(26_499_616.0), "25.27 MiB");
        assert_eq!(Metric::Top1.short(69.8), "69.80%");
    }
}
