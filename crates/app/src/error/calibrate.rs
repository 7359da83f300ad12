//! Errors of calibrations.

/// Why nothing was calibrated.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// There is no network in the targets.
    #[error("the targets have no network and no space")]
    NoNetworks,
    /// There is not exactly one engine.
    #[error("a calibration is of one engine: name one with --engine")]
    Engines,
    /// It was stopped.
    #[error("stopped; the same command continues, and repeats nothing")]
    Stopped,
    /// There are too few networks.
    #[error(
        "only {measured} different networks could be measured, too few for a model; name more targets"
    )]
    TooFew {
        /// How many were measured.
        measured: usize,
    },
    /// Nothing can be learned from the times.
    #[error("the measured times are too few or too similar for a model")]
    NoTimes,
}
