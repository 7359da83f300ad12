//! The settings of the plot: axes, sizes, colours and filters.

use std::collections::BTreeMap;

use egui::{Color32, Theme};
use inceptive_results::Metric;
use serde::{Deserialize, Serialize};

use super::{
    cloud::CloudView,
    quantity::Quantity,
    rows::{Row, Rows},
};
use crate::theme::{SERIES, heat, palette, series};

/// The quantity that determines the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "KeptColor", from = "KeptColor")]
pub enum ColorBy {
    /// The family of a network.
    Family,
    /// A number, or a variable of the space.
    Metric(Quantity),
}

/// What colours show in the next run, which starts without a space.
#[derive(Serialize, Deserialize)]
#[serde(rename = "ColorBy")]
enum KeptColor {
    Family,
    Metric(Metric),
}

impl From<ColorBy> for KeptColor {
    fn from(color: ColorBy) -> Self {
        match color {
            ColorBy::Metric(Quantity::Metric(metric)) => Self::Metric(metric),
            ColorBy::Metric(Quantity::Variable(_)) | ColorBy::Family => Self::Family,
        }
    }
}

impl From<KeptColor> for ColorBy {
    fn from(color: KeptColor) -> Self {
        match color {
            KeptColor::Metric(metric) => Self::Metric(metric.into()),
            KeptColor::Family => Self::Family,
        }
    }
}

/// Which points are shown while a space is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// All.
    #[default]
    All,
    /// Networks of the list.
    Networks,
    /// Networks of the space.
    Space,
}

/// The settings of the plot. The search text is not saved for the next run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlotSettings {
    /// What the horizontal and the vertical axis show.
    #[serde(alias = "metrics")]
    pub axes: [Quantity; 2],
    /// Whether each is shown by powers of ten.
    pub is_log: [bool; 2],
    /// The metric shown as the area of points; `None` for points of equal size.
    pub size: Option<Metric>,
    /// The quantity that determines the colours.
    pub color: ColorBy,
    /// A condition, or words that the name of the file or the network has to contain.
    #[serde(skip)]
    pub filter: String,
    /// Whether networks of the list, of the space, or both are shown.
    #[serde(skip)]
    pub shown: Shown,
    /// Values that networks have to lie between.
    #[serde(skip)]
    pub brushes: BTreeMap<Quantity, [f64; 2]>,
    /// The way of running whose latencies are shown, by its label; the most used one without it.
    pub way: Option<String>,
    /// The data and recipe of the accuracies that are shown, by their exact label; published ones without it.
    pub trained: Option<String>,
    /// Whether the table lists training runs too.
    pub lists_runs: bool,
}

impl Default for PlotSettings {
    fn default() -> Self {
        Self {
            axes: [Metric::Macs.into(), Metric::Top1.into()],
            is_log: [true, false],
            size: Some(Metric::Params),
            color: ColorBy::Family,
            filter: String::new(),
            shown: Shown::default(),
            brushes: BTreeMap::new(),
            way: None,
            trained: None,
            lists_runs: false,
        }
    }
}

impl PlotSettings {
    /// Whether a network lies in every brushed range.
    pub fn is_brushed(&self, row: &Row) -> bool {
        self.brushes.iter().all(|(&quantity, &[low, high])| {
            row.get(quantity).is_some_and(|value| (low..=high).contains(&value.value))
        })
    }

    /// Takes the variables of another space instead of those of the same names, given the place of each in the other
    /// one; forgets those that it has not, and ranges of all.
    pub fn move_variables(&mut self, places: &[Option<usize>]) {
        let default = Self::default();
        let moved = |quantity: Quantity| match quantity {
            Quantity::Variable(at) => places.get(at).copied().flatten().map(Quantity::Variable),
            Quantity::Metric(_) => Some(quantity),
        };
        for axis in 0..2 {
            match moved(self.axes[axis]) {
                Some(quantity) => self.axes[axis] = quantity,
                None => {
                    (self.axes[axis], self.is_log[axis]) =
                        (default.axes[axis], default.is_log[axis]);
                }
            }
        }
        if let ColorBy::Metric(quantity) = self.color {
            self.color = moved(quantity).map_or(default.color, ColorBy::Metric);
        }
        // The values of a variable of the same name may be others.
        self.brushes.retain(|quantity, _| quantity.metric().is_some());
    }

    /// The radius of a network's ball, its area in proportion to the metric.
    pub fn radius(&self, row: &Row, rows: &Rows) -> f32 {
        const LARGEST: f64 = 15.0;
        const SMALLEST: f64 = 3.5;
        let Some(metric) = self.size else { return 5.5 };
        let values = rows.rows.iter().filter_map(|row| row.get(metric));
        let largest = values.map(|value| value.value).fold(0.0, f64::max);
        match row.get(metric) {
            Some(value) if largest > 0.0 => {
                ((value.value / largest).sqrt() * LARGEST).max(SMALLEST) as f32
            }
            _ => SMALLEST as f32,
        }
    }

    /// The colours of networks and points.
    pub fn colors(&self, rows: &Rows, cloud: Option<&CloudView>, theme: Theme) -> Colors {
        let (quantity, span) = match self.color {
            ColorBy::Family => (None, None),
            ColorBy::Metric(quantity) => (Some(quantity), span(rows, cloud, quantity)),
        };
        Colors { quantity, span, is_log: quantity.is_some_and(Quantity::is_log), theme }
    }
}

/// How networks and points are coloured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colors {
    /// What the colours show; `None` for the families of networks.
    pub quantity: Option<Quantity>,
    /// Its least and its largest value.
    pub span: Option<[f64; 2]>,
    is_log: bool,
    theme: Theme,
}

impl Colors {
    /// The colour of a network.
    pub fn of(&self, row: &Row) -> Color32 {
        match self.quantity {
            None => family_color(row.family, self.theme),
            Some(quantity) => {
                let share = row.get(quantity).and_then(|value| self.share(value.value));
                share.map_or(palette(self.theme).weak, |share| heat(share, self.theme))
            }
        }
    }

    /// Where a value lies between the least and the largest one.
    pub fn share(&self, value: f64) -> Option<f32> {
        let [low, high] = self.span?;
        Some(match high > low {
            true if self.is_log => ((value / low).ln() / (high / low).ln()) as f32,
            true => ((value - low) / (high - low)) as f32,
            false => 0.5,
        })
    }

    /// The colour of a share.
    pub fn heat(&self, share: f32) -> Color32 {
        heat(share, self.theme)
    }
}

/// Colours of families after those of other series.
const MORE_COLORS: [Color32; 4] = [
    Color32::from_rgb(150, 95, 60),
    Color32::from_rgb(130, 95, 215),
    Color32::from_rgb(140, 185, 50),
    Color32::from_rgb(215, 70, 95),
];

/// The colour of a family; that of networks that are alone is grey. The first families share no colour, and no two
/// share both colour and [`super::marks::Form`].
pub fn family_color(family: Option<usize>, theme: Theme) -> Color32 {
    let Some(family) = family else { return palette(theme).weak };
    let count = SERIES.len() + MORE_COLORS.len();
    let color = (family + family / count) % count;
    color.checked_sub(SERIES.len()).map_or_else(|| series(color), |more| MORE_COLORS[more])
}

/// The least and the largest value of networks of the list and of the space.
pub fn span(rows: &Rows, cloud: Option<&CloudView>, quantity: Quantity) -> Option<[f64; 2]> {
    let values = rows.rows.iter().filter_map(|row| row.get(quantity)).map(|value| value.value);
    let values = values.chain(cloud.and_then(|view| view.span(quantity)).into_iter().flatten());
    let [low, high] = values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
        [f64::min(low, value), f64::max(high, value)]
    });
    (low <= high).then_some([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_run_has_no_colours_of_a_space() {
        let kept = |color: ColorBy| {
            let text = serde_json::to_string(&PlotSettings { color, ..Default::default() });
            serde_json::from_str::<PlotSettings>(&text.unwrap()).unwrap().color
        };
        assert_eq!(kept(ColorBy::Metric(Quantity::Variable(1))), ColorBy::Family);
        for color in [ColorBy::Family, ColorBy::Metric(Metric::Params.into())] {
            assert_eq!(kept(color), color);
        }
    }
}
