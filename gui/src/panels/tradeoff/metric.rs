//! The metrics of the plot.

use inceptive_cost::Convention;
use serde::{Deserialize, Serialize};

use crate::format::{compute_unit, milliseconds, short_count};

/// A metric that an axis, a size or a colour can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Metric {
    /// Published top-1 accuracy in percent.
    Top1,
    /// Learned numbers.
    Params,
    /// Compute in the chosen convention.
    Compute,
    /// Outputs of convolutions and linear layers.
    Acts,
    /// MiB of results at most.
    PeakMemory,
    /// Published top-1 points for each million parameters (Bianco et al. 2018).
    Density,
    /// Measured milliseconds.
    Latency,
}

impl Metric {
    /// Every one, in the order in which they are offered.
    pub const ALL: [Self; 7] = [
        Self::Top1,
        Self::Params,
        Self::Compute,
        Self::Acts,
        Self::PeakMemory,
        Self::Density,
        Self::Latency,
    ];

    /// Its place in [`Metric::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name, with its unit and the kind of accuracy.
    pub fn title(self, convention: Convention) -> String {
        match self {
            Self::Top1 => "published top-1 (%)".to_owned(),
            Self::Params => "params".to_owned(),
            Self::Compute => compute_unit(convention),
            Self::Acts => "acts".to_owned(),
            Self::PeakMemory => "peak memory (MiB)".to_owned(),
            Self::Latency => "measured latency (ms)".to_owned(),
            Self::Density => "published top-1 per Mparam".to_owned(),
        }
    }

    /// Whether more is better.
    pub const fn wants_more(self) -> bool {
        matches!(self, Self::Top1 | Self::Density)
    }

    /// Whether it is shown by powers of ten at first.
    pub const fn is_log(self) -> bool {
        !matches!(self, Self::Top1)
    }

    /// Whether it is derived from a published accuracy.
    pub const fn is_published(self) -> bool {
        matches!(self, Self::Top1 | Self::Density)
    }

    /// A value for people, with its unit.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Top1 => format!("{value:.2}%"),
            Self::Latency => milliseconds(value),
            Self::PeakMemory => format!("{value:.2} MiB"),
            Self::Density => format!("{value:.2}"),
            Self::Params | Self::Compute | Self::Acts => short_count(value.max(0.0) as u64),
        }
    }

    /// A value at an axis, as short as it can be.
    pub fn tick(self, value: f64) -> String {
        match self {
            Self::Params | Self::Compute | Self::Acts => short(value),
            _ => trimmed(value, 6),
        }
    }
}

/// A count with a unit and as few digits as there can be: `20M`.
fn short(value: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")];
    let (size, unit) =
        UNITS.iter().find(|(size, _)| value >= size * 0.9995).copied().unwrap_or((1.0, ""));
    format!("{}{unit}", trimmed(value / size, 6))
}

/// A number with at most this number of digits and without trailing zeros.
fn trimmed(value: f64, digits: usize) -> String {
    let whole = value.abs().max(1.0).log10().floor() as usize + 1;
    let text = format!("{value:.*}", digits.saturating_sub(whole));
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short() {
        for (value, text) in [(5e5, "500K"), (2e7, "20M"), (1e9, "1G"), (3.0, "3")] {
            assert_eq!(Metric::Params.tick(value), text);
        }
        assert_eq!(Metric::Latency.tick(0.05), "0.05");
        assert_eq!(Metric::Top1.tick(70.0), "70");
        assert_eq!(Metric::Params.text(6_998_552.0), "7.00M");
    }
}
