//! A space of networks by cost.

/// Points of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct Cloud {
    /// The space's title.
    pub title: String,
    /// Its file.
    pub file: String,
    /// A description in one line.
    pub description: Option<String>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// Its variables with the values that they may have.
    pub variables: Vec<(String, Vec<String>)>,
    /// What every network of interest satisfies.
    pub constraints: Vec<String>,
    /// Networks in it.
    pub size: u128,
    /// The seed that points were drawn with; `None` if they are all there.
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
