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
    /// There was time for too few networks.
    #[error(
        "{measured} networks were measured in {budget_s:.0} s, too few for a model; the same command with a larger \
         --budget continues"
    )]
    TooFew {
        /// How many were measured.
        measured: usize,
        /// The time for that, in seconds.
        budget_s: f64,
    },
    /// Nothing can be learned from the times.
    #[error("the measured times are too few or too similar for a model")]
    NoTimes,
}
