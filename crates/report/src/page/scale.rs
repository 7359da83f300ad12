//! One unit and one number of decimals for a column, so that its numbers line up and can be compared at a
//! glance.

/// How the numbers of a column are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// The unit after the column's title; empty for plain numbers.
    pub unit: &'static str,
    divisor: f64,
    decimals: usize,
}

const COUNTS: [(&str, f64); 4] = [("T", 1e12), ("G", 1e9), ("M", 1e6), ("K", 1e3)];
const BYTES: [(&str, f64); 4] =
    [("TiB", 1_099_511_627_776.0), ("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)];

impl Scale {
    /// For counts.
    pub fn counts(values: impl Iterator<Item = u64>) -> Self {
        Self::with_units(&COUNTS, "", 2, values.map(float))
    }

    /// For bytes.
    pub fn bytes(values: impl Iterator<Item = u64>) -> Self {
        Self::with_units(&BYTES, "B", 2, values.map(float))
    }

    /// For numbers in their own unit.
    pub fn plain(values: impl Iterator<Item = f64>) -> Self {
        Self::with_units(&[], "", 2, values)
    }

    /// For times, whose intervals are narrow.
    pub fn times(values: impl Iterator<Item = f64>) -> Self {
        Self::with_units(&[], "", 3, values)
    }

    /// The unit of the median, and the decimals that show this number of digits of the smallest value.
    fn with_units(
        units: &[(&'static str, f64)],
        single: &'static str,
        digits: usize,
        values: impl Iterator<Item = f64>,
    ) -> Self {
        let mut values: Vec<f64> =
            values.filter(|value| value.is_finite() && *value > 0.0).collect();
        values.sort_by(f64::total_cmp);
        let (Some(&least), Some(&median)) = (values.first(), values.get(values.len() / 2)) else {
            return Self { unit: single, divisor: 1.0, decimals: 0 };
        };
        let unit = units.iter().find(|(_, size)| median >= *size);
        let Some(&(unit, divisor)) = unit else {
            let decimals = if units.is_empty() { decimals(least, digits) } else { 0 };
            return Self { unit: single, divisor: 1.0, decimals };
        };
        Self { unit, divisor, decimals: decimals(least / divisor, digits) }
    }

    /// The number in the column's unit.
    pub fn text(&self, value: f64) -> String {
        format!("{:.*}", self.decimals, value / self.divisor)
    }

    /// A count in the column's unit.
    pub fn count(&self, value: u64) -> String {
        self.text(float(value))
    }
}

/// The decimals that show this number of digits of a value, at most three.
fn decimals(least: f64, digits: usize) -> usize {
    let before = match least {
        least if least >= 100.0 => 3,
        least if least >= 10.0 => 2,
        least if least >= 1.0 => 1,
        least if least >= 0.1 => 0,
        _ => return 3,
    };
    digits.saturating_sub(before)
}

/// A count as a number that can be divided.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_one_unit() {
        let macs = [271_351_808, 1_582_671_872, 19_632_062_464_u64];
        let scale = Scale::counts(macs.into_iter());
        assert_eq!(scale.unit, "G");
        assert_eq!(macs.map(|count| scale.count(count)), ["0.27", "1.58", "19.63"]);
        let few = Scale::counts([3, 12, 900].into_iter());
        assert_eq!((few.unit, few.count(12)), ("", "12".to_owned()));
        assert_eq!(Scale::bytes([2_097_152].into_iter()).count(2_097_152), "2.0");
        assert_eq!(Scale::times([4.12, 127.9].into_iter()).text(127.9), "127.90");
        assert_eq!(Scale::counts(std::iter::empty()).count(0), "0");
    }
}
