//! From values to places on the screen, by powers of ten or evenly.

use super::quantity::Quantity;
use egui::{Pos2, Rect, lerp, pos2};

/// Pixels between ticks at least.
const TICK_GAP: f32 = 56.0;

/// The axis of a metric or a variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// What it shows.
    pub quantity: Quantity,
    /// Whether by powers of ten.
    pub is_log: bool,
    /// The lower and upper end: powers of ten if by powers of ten.
    pub range: [f64; 2],
}

impl Axis {
    /// An axis that shows all values, with room around them.
    pub fn around(
        quantity: impl Into<Quantity>,
        is_log: bool,
        values: impl Iterator<Item = f64>,
    ) -> Self {
        let quantity = quantity.into();
        let mut axis = Self { quantity, is_log, range: [f64::INFINITY, f64::NEG_INFINITY] };
        for value in values {
            let value = axis.inner(value);
            if !value.is_finite() {
                continue;
            }
            axis.range = [axis.range[0].min(value), axis.range[1].max(value)];
        }
        if axis.range[0] > axis.range[1] {
            axis.range = [0.0, 1.0];
        }
        let [low, high] = axis.range;
        // Around one value, enough that the numbers at the axis differ.
        let least = match is_log || low < high {
            true => 0.02,
            false => (low.abs() * 0.1).max(0.02),
        };
        let room = ((high - low) * 0.07).max(least);
        axis.range = [axis.range[0] - room, axis.range[1] + room];
        axis
    }

    /// A value as the range counts it.
    pub fn inner(&self, value: f64) -> f64 {
        if self.is_log { value.log10() } else { value }
    }

    /// The share of the axis below a value.
    pub fn share(&self, value: f64) -> f64 {
        (self.inner(value) - self.range[0]) / (self.range[1] - self.range[0])
    }

    /// The value that has this share of the axis below it.
    pub fn value(&self, share: f64) -> f64 {
        let inner = self.range[0] + share * (self.range[1] - self.range[0]);
        if self.is_log { 10.0_f64.powf(inner) } else { inner }
    }

    /// Zooms around a place and moves, both in shares of the axis.
    pub fn zoom(&mut self, around: f64, factor: f64, shift: f64) {
        let [low, high] = self.range;
        let (center, width) = (low + around * (high - low), high - low);
        let move_by = shift * width;
        self.range = [
            center - (center - low) / factor - move_by,
            center + (high - center) / factor - move_by,
        ];
    }

    /// Values to be written at the axis, which is `length` pixels long: 1, 2 and 5 times powers of ten.
    pub fn ticks(&self, length: f32) -> Vec<f64> {
        let most = f64::from((length / TICK_GAP).max(2.0));
        let (low, high) = (self.value(0.0), self.value(1.0));
        if self.is_log {
            let decades = self.range[1] - self.range[0];
            for steps in [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]] {
                let ticks = log_ticks(low, high, steps);
                if ticks.len() >= 2 && decades * steps.len() as f64 <= most {
                    return ticks;
                }
            }
            let every = (decades / most).ceil().max(1.0);
            let ticks: Vec<f64> = log_ticks(low, high, &[1.0])
                .into_iter()
                .filter(|tick| (tick.log10().round() / every).fract().abs() < 1e-9)
                .collect();
            if ticks.len() >= 2 {
                return ticks;
            }
        }
        let rough = (high - low) / most;
        let power = 10.0_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power);
        let step = step.into_iter().find(|step| *step >= rough).unwrap_or(10.0 * power);
        let first = (low / step).ceil();
        let count = ((high / step).floor() - first).clamp(0.0, 100.0) as u32;
        (0..=count).map(|at| (first + f64::from(at)) * step).collect()
    }
}

fn log_ticks(low: f64, high: f64, steps: &[f64]) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let all = (first..=last).flat_map(|power| steps.iter().map(move |s| s * 10.0_f64.powi(power)));
    all.filter(|tick| (low..=high).contains(tick)).collect()
}

/// Two axes and the part of the screen that they span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field {
    /// The part of the screen.
    pub rect: Rect,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
}

impl Field {
    /// Where a pair of values lies.
    pub fn at(&self, x: f64, y: f64) -> Pos2 {
        pos2(self.x_at(x), self.y_at(y))
    }

    /// Where a value lies from left to right.
    pub fn x_at(&self, value: f64) -> f32 {
        lerp(self.rect.x_range(), self.x.share(value) as f32)
    }

    /// Where a value lies from bottom to top.
    pub fn y_at(&self, value: f64) -> f32 {
        lerp(self.rect.bottom()..=self.rect.top(), self.y.share(value) as f32)
    }
}

/// One of several axes from bottom to top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// The axis.
    pub axis: Axis,
    /// Where it is from left to right.
    pub x: f32,
}

impl Column {
    /// Where a value lies on the axis, which is as high as `rect`.
    pub fn y(&self, rect: Rect, value: f64) -> f32 {
        rect.bottom() - rect.height() * self.axis.share(value) as f32
    }

    /// The place of a value.
    pub fn at(&self, rect: Rect, value: f64) -> Pos2 {
        pos2(self.x, self.y(rect, value))
    }
}

#[cfg(test)]
mod tests {
    use inceptive_results::Metric;

    use super::*;
    use crate::panels::tradeoff::metric::AxisMetric;

    fn axis(is_log: bool, low: f64, high: f64) -> Axis {
        let mut axis = Axis { quantity: Metric::Params.into(), is_log, range: [0.0, 0.0] };
        axis.range = [axis.inner(low), axis.inner(high)];
        axis
    }

    #[test]
    fn ticks_are_one_two_and_five_times_powers_of_ten() {
        assert_eq!(axis(true, 0.9, 30.0).ticks(600.0), [1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(axis(true, 0.9, 1.1e6).ticks(400.0), [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6]);
        assert_eq!(axis(false, 55.0, 82.0).ticks(300.0), [60.0, 70.0, 80.0]);
        // Less than a factor of two apart, they are even.
        assert_eq!(axis(true, 9.9, 13.1).ticks(200.0), [10.0, 11.0, 12.0, 13.0]);
        for (low, high) in [(1.0, 1e30), (5.0, 5.000_001)] {
            assert!(axis(true, low, high).ticks(400.0).len() < 50);
        }
    }

    #[test]
    fn the_numbers_around_one_value_differ() {
        for value in [3_188_380.0, 6.67, 0.0] {
            let axis = Axis::around(Metric::Macs, false, [value, value].into_iter());
            let mut labels: Vec<String> =
                axis.ticks(500.0).into_iter().map(|tick| Metric::Macs.tick(tick)).collect();
            let count = labels.len();
            labels.dedup();
            assert!(count > 2 && labels.len() == count, "{labels:?}");
        }
    }

    #[test]
    fn values_go_there_and_back() {
        let axis = Axis::around(Metric::Params, true, [10.0, 1000.0].into_iter());
        for value in [10.0, 57.0, 1000.0] {
            assert!((axis.value(axis.share(value)) - value).abs() < 1e-9 * value);
        }
    }
}
