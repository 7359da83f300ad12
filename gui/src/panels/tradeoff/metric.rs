//! Metrics as axes, sizes and colours of plots.

use inceptive_cost::Convention;
use inceptive_results::{Direction, Metric, Source, Unit};

use crate::format::{compute_unit, milliseconds};

pub(super) const BYTES_PER_MEBIBYTE: f64 = 1_048_576.0;

/// How plots show a metric. Bytes are in MiB there, so that axes have round numbers.
pub trait AxisMetric: Copy {
    /// Its name, with its unit and where its values come from: accuracies are published ones.
    fn title(self, convention: Convention) -> String;
    /// The title of an accuracy that networks were trained to.
    fn trained_title(self) -> String;
    /// A value as it is placed on axes.
    fn on_axis(self, value: f64) -> f64;
    /// Whether it is shown by powers of ten at first.
    fn is_log(self) -> bool;
    /// Whether more is better.
    fn wants_more(self) -> bool;
    /// Whether it follows from an accuracy.
    fn is_accuracy(self) -> bool;
    /// A value on the axis for people, with its unit.
    fn text(self, value: f64) -> String;
    /// A value on the axis, as short as possible.
    fn tick(self, value: f64) -> String;
}

impl AxisMetric for Metric {
    fn title(self, convention: Convention) -> String {
        if self == Self::Macs {
            return compute_unit(convention);
        }
        let source = match self.source() {
            Source::Counted => "",
            Source::Accuracy => "published ",
            Source::Measured => "measured ",
        };
        format!("{source}{}{}", self.label(), unit(self))
    }

    fn trained_title(self) -> String {
        format!("trained {}{}", self.label(), unit(self))
    }

    fn on_axis(self, value: f64) -> f64 {
        if self.unit() == Unit::Bytes { value / BYTES_PER_MEBIBYTE } else { value }
    }

    fn is_log(self) -> bool {
        self.unit() != Unit::Percent
    }

    fn wants_more(self) -> bool {
        self.direction() == Direction::Maximize
    }

    fn is_accuracy(self) -> bool {
        self.source() == Source::Accuracy
    }

    fn text(self, value: f64) -> String {
        match self.unit() {
            Unit::Bytes => format!("{value:.2} MiB"),
            Unit::Milliseconds => milliseconds(value),
            Unit::Count | Unit::Pixels | Unit::Percent | Unit::PointsPerMillion => {
                self.short(value)
            }
        }
    }

    fn tick(self, value: f64) -> String {
        if self.unit() == Unit::Count { short(value) } else { trimmed(value, 6) }
    }
}

const fn unit(metric: Metric) -> &'static str {
    match metric.unit() {
        Unit::Count | Unit::PointsPerMillion => "",
        Unit::Bytes => " (MiB)",
        Unit::Pixels => " (px)",
        Unit::Percent => " (%)",
        Unit::Milliseconds => " (ms)",
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
pub(super) fn trimmed(value: f64, digits: usize) -> String {
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
        assert_eq!(Metric::PeakActivationBytes.on_axis(f64::from(3 << 20)), 3.0);
    }

    #[test]
    fn titles_say_where_values_come_from() {
        for (metric, title) in [
            (Metric::Params, "parameters"),
            (Metric::Macs, "MACs"),
            (Metric::PeakActivationBytes, "peak memory (MiB)"),
            (Metric::Top1, "published top-1 accuracy (%)"),
            (Metric::Latency, "measured latency (ms)"),
        ] {
            assert_eq!(metric.title(Convention::Inceptive), title);
        }
    }
}
