//! Scales with round ticks, and the frame that they make.

use plotters::{prelude::Color, style::text_anchor::HPos};

use super::{
    FAINT, INK,
    canvas::{Canvas, TEXT, pixel, text_width},
    labels::Rect,
};

/// Room between the labels of ticks, in pixels.
const GAP: i32 = 12;

/// From numbers to pixels.
pub struct Scale {
    is_log: bool,
    low: f64,
    high: f64,
    start_px: i32,
    end_px: i32,
}

/// A tick: its position and its label.
pub struct Tick {
    /// Its position along the axis.
    pub at_px: i32,
    /// Its label.
    pub text: String,
}

impl Scale {
    /// A logarithmic scale over positive numbers, with room at both ends by a factor.
    pub fn log(values: impl IntoIterator<Item = f64>, room: f64, pixels: (i32, i32)) -> Self {
        let (least, most) = ends(values.into_iter().filter(|value| *value > 0.0), 1.0);
        Self::new(true, least / room, most * room, pixels)
    }

    /// A linear scale, with an eighth of the range as room at both ends, and one at least.
    pub fn linear(values: impl IntoIterator<Item = f64>, pixels: (i32, i32)) -> Self {
        let (least, most) = ends(values.into_iter(), 0.0);
        let room = ((most - least) / 8.0).max(1.0);
        Self::new(false, least - room, most + room, pixels)
    }

    /// A linear scale of percentages, with an eighth of the range as room at both ends, and one point at least, where
    /// percentages go on.
    pub fn percent(values: impl IntoIterator<Item = f64>, pixels: (i32, i32)) -> Self {
        let Self { low, high, .. } = Self::linear(values, pixels);
        Self::new(false, low.clamp(0.0, 99.0), high.clamp(1.0, 100.0), pixels)
    }

    /// A linear scale from zero to a positive number.
    pub fn from_zero(most: f64, pixels: (i32, i32)) -> Self {
        Self::new(false, 0.0, most, pixels)
    }

    fn new(is_log: bool, low: f64, high: f64, (start_px, end_px): (i32, i32)) -> Self {
        Self { is_log, low, high, start_px, end_px }
    }

    /// The smallest and the largest number.
    pub fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Where a number is; at an end if it is beyond it.
    pub fn at(&self, value: f64) -> i32 {
        let share = match self.is_log {
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        let length = f64::from(self.end_px - self.start_px);
        self.start_px + pixel(length * share.clamp(0.0, 1.0))
    }

    /// Ticks at 1, 2 and 5 times powers of ten, or fewer, or, where a logarithmic scale is short, at equal
    /// steps: as many as have room for their labels.
    pub fn ticks(&self, text: &dyn Fn(f64) -> String, is_across: bool) -> Vec<Tick> {
        let mut choices: Vec<Vec<f64>> = Vec::new();
        if self.is_log {
            let fine = powers(self.low, self.high, &[1.0, 2.0, 5.0], 1);
            if fine.len() >= 3 {
                choices.push(fine);
                choices.extend([1, 2, 3, 4].map(|each| powers(self.low, self.high, &[1.0], each)));
            }
        }
        choices.extend((1..=8).rev().map(|count| steps(self.low, self.high, count)));
        let made = choices.into_iter().map(|values| {
            let tick = |value: f64| Tick { at_px: self.at(value), text: text(value) };
            values.into_iter().map(tick).collect::<Vec<Tick>>()
        });
        let mut fitting = made.filter(|ticks| fits(ticks, is_across));
        fitting.next().unwrap_or_default()
    }
}

/// The least and the greatest of finite numbers.
fn ends(values: impl Iterator<Item = f64>, fallback: f64) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    let (least, most) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
        (least.min(value), most.max(value))
    });
    if least <= most { (least, most) } else { (fallback, fallback) }
}

/// Multiples of every `each`-th power of ten in a range.
fn powers(low: f64, high: f64, steps: &[f64], each: i32) -> Vec<f64> {
    (-18..=18)
        .filter(|power| power % each == 0)
        .flat_map(|power| steps.iter().map(move |step| scaled(*step, power)))
        .filter(|value| (low..=high).contains(value))
        .collect()
}

/// Multiples of a round number in a range, about `count`.
fn steps(low: f64, high: f64, count: i32) -> Vec<f64> {
    let rough = (high - low) / f64::from(count);
    let power = pixel(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| scaled(*step, power) >= rough);
    let step = step.unwrap_or(10.0);
    let first = pixel((low / scaled(step, power)).ceil());
    (0..=count)
        .map(|at| scaled(f64::from(first + at) * step, power))
        .filter(|value| (low..=high).contains(value))
        .collect()
}

/// A number times a power of ten, rounded once, so that it prints as short as it is.
fn scaled(value: f64, power: i32) -> f64 {
    if power < 0 { value / 10_f64.powi(-power) } else { value * 10_f64.powi(power) }
}

/// Whether labels side by side, or one below the other, stay apart.
fn fits(ticks: &[Tick], is_across: bool) -> bool {
    let size = |tick: &Tick| if is_across { text_width(&tick.text) } else { pixel(TEXT) };
    ticks.windows(2).all(|pair| {
        let half = (size(&pair[0]) + size(&pair[1])) / 2;
        (pair[1].at_px - pair[0].at_px).abs() >= half + GAP
    })
}

/// A count on a tick: `500M`, `2.5G`.
pub fn count_text(value: f64) -> String {
    const UNITS: [(f64, &str); 5] = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")];
    let unit = UNITS.iter().find(|(size, _)| value >= *size);
    unit.map_or_else(|| format!("{value}"), |(size, unit)| format!("{}{unit}", value / size))
}

/// A plain number on a tick.
pub fn plain_text(value: f64) -> String {
    format!("{value}")
}

/// The sides of a chart, in pixels.
#[derive(Clone, Copy)]
pub struct Frame {
    /// Left edge, in pixels.
    pub left: i32,
    /// Right edge.
    pub right: i32,
    /// Top edge.
    pub top: i32,
    /// Bottom edge.
    pub bottom: i32,
}

impl Frame {
    /// The same as a rectangle for labels.
    pub fn rect(&self) -> Rect {
        Rect {
            left: f64::from(self.left),
            top: f64::from(self.top),
            width: f64::from(self.right - self.left),
            height: f64::from(self.bottom - self.top),
        }
    }

    /// A line at each tick, its label below the chart.
    pub fn columns(&self, canvas: &mut Canvas, ticks: &[Tick]) {
        for Tick { at_px, text } in ticks {
            canvas.line(vec![(*at_px, self.top), (*at_px, self.bottom)], FAINT);
            canvas.text(text, (*at_px, self.bottom + 14), HPos::Center);
        }
    }

    /// What the numbers below the chart are.
    pub fn name_columns(&self, canvas: &mut Canvas, text: &str) {
        canvas.text(text, ((self.left + self.right) / 2, self.bottom + 36), HPos::Center);
    }

    /// A line at each tick, its label left of the chart, and above what the numbers are.
    pub fn lines(&self, canvas: &mut Canvas, ticks: &[Tick], text: &str) {
        for Tick { at_px, text } in ticks {
            canvas.line(vec![(self.left, *at_px), (self.right, *at_px)], FAINT);
            canvas.text(text, (self.left - 8, *at_px), HPos::Right);
        }
        canvas.text(text, (self.left - 40, self.top - 14), HPos::Left);
    }

    /// The left and the lower side.
    pub fn sides(&self, canvas: &mut Canvas) {
        let corner =
            vec![(self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)];
        canvas.line(corner, INK.stroke_width(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: &Scale, text: &dyn Fn(f64) -> String) -> Vec<String> {
        scale.ticks(text, true).into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn ticks_are_round() {
        let scale = Scale::log([3e8, 2e10], 1.5, (0, 800));
        assert_eq!(texts(&scale, &count_text), ["200M", "500M", "1G", "2G", "5G", "10G", "20G"]);
        let scale = Scale::log([0.02, 0.4], 1.0, (0, 800));
        assert_eq!(texts(&scale, &plain_text), ["0.02", "0.05", "0.1", "0.2"]);
        let scale = Scale::linear([56.5, 80.0], (0, 400));
        assert_eq!(texts(&scale, &plain_text), ["55", "60", "65", "70", "75", "80"]);
        assert_eq!(Scale::percent([20.0, 99.5], (0, 400)).range(), (10.0625, 100.0));
        assert_eq!(Scale::percent([100.0, 100.0], (0, 400)).range(), (99.0, 100.0));
    }

    #[test]
    fn long_and_short_ranges_have_ticks_too() {
        let wide = Scale::log([1.0, 9e15], 1.5, (0, 300));
        assert!((3..10).contains(&wide.ticks(&count_text, true).len()));
        let narrow = Scale::log([271e6, 274e6], 1.01, (0, 600));
        assert!(narrow.ticks(&count_text, true).len() >= 3, "{:?}", texts(&narrow, &count_text));
        let one = Scale::log([7.0], 1.5, (0, 600));
        assert!(one.ticks(&plain_text, true).len() >= 2);
        let none = Scale::linear([f64::NAN], (0, 600));
        assert!(!none.ticks(&plain_text, true).is_empty());
    }
}
