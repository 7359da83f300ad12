//! A space of networks by cost.

use inceptive_results::Metric;

/// Points of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct Cloud {
    /// The space's title.
    pub title: String,
    /// Its file.
    pub file: String,
    /// What it is.
    pub description: Option<String>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// Its variables with the values that they may have.
    pub variables: Vec<(String, Vec<String>)>,
    /// What every network of interest satisfies.
    pub constraints: Vec<String>,
    /// Networks in it.
    pub size: u128,
    /// The seed that points were drawn with; none if they are all there.
    pub seed: Option<u64>,
    /// Points that are no network, as their shapes do not fit.
    pub failed: usize,
    /// Points, in the order of the space.
    pub points: Vec<SpaceSample>,
}

/// A network of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceSample {
    /// The value of each variable.
    pub values: Vec<String>,
    /// Learned numbers.
    pub params: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Outputs of convolutions and linear layers.
    pub acts: u64,
    /// Most bytes of results in memory at once.
    pub peak_activation_bytes: u64,
    /// Whether it satisfies the constraints.
    pub is_inside: bool,
}

impl SpaceSample {
    /// A count by metric; none for what is not counted of spaces.
    pub const fn count(&self, metric: Metric) -> Option<u64> {
        match metric {
            Metric::Params => Some(self.params),
            Metric::Macs => Some(self.macs),
            Metric::Acts => Some(self.acts),
            Metric::PeakActivationBytes => Some(self.peak_activation_bytes),
            _ => None,
        }
    }

    /// The metrics that are counted of spaces.
    pub fn metrics() -> impl Iterator<Item = Metric> {
        Metric::costs().filter(|metric| metric.is_main())
    }
}
