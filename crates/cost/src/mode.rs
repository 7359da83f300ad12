//! Inference and training.

/// Which version of the network is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The deployed network: no auxiliary heads, dropout is the identity.
    #[default]
    Inference,
    /// The forward pass of training: with auxiliary heads and dropout.
    Training,
}

impl Mode {
    /// `inference` or `training`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inference => "inference",
            Self::Training => "training",
        }
    }
}
