//! The settings of the plot: axes, sizes, colours and filters.

use std::collections::BTreeMap;

use egui::{Color32, Theme};
use inceptive_results::Metric;
use serde::{Deserialize, Serialize};

use super::rows::{Row, Rows};
use crate::theme::{heat, palette, series};

/// The quantity that determines the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColorBy {
    /// The family of a network.
    Family,
    /// A number.
    Metric(Metric),
}

/// The settings of the plot. The search text is not saved for the next run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlotSettings {
    /// The horizontal and the vertical metric.
    pub metrics: [Metric; 2],
    /// Whether each is shown by powers of ten.
    pub is_log: [bool; 2],
    /// The metric shown as the area of points; `None` for points of equal size.
    pub size: Option<Metric>,
    /// The quantity that determines the colours.
    pub color: ColorBy,
    /// Words that the name of the file or the network has to contain.
    #[serde(skip)]
    pub filter: String,
    /// Values that networks have to lie between, by metric.
    #[serde(skip)]
    pub brushes: BTreeMap<Metric, [f64; 2]>,
    /// The way of running whose latencies are shown, by its label; the most used one without it.
    pub way: Option<String>,
    /// The data and recipe of the accuracies that are shown, by their exact label; published ones without it.
    pub trained: Option<String>,
}

impl Default for PlotSettings {
    fn default() -> Self {
        Self {
            metrics: [Metric::Macs, Metric::Top1],
            is_log: [true, false],
            size: Some(Metric::Params),
            color: ColorBy::Family,
            filter: String::new(),
            brushes: BTreeMap::new(),
            way: None,
            trained: None,
        }
    }
}

impl PlotSettings {
    /// Whether a network is shown at all.
    pub fn shows(&self, row: &Row) -> bool {
        let text = format!("{} {}", row.name, row.network.architecture.name);
        let text = text.to_lowercase();
        self.filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// Whether a network lies in every brushed range.
    pub fn is_brushed(&self, row: &Row) -> bool {
        self.brushes.iter().all(|(&metric, &[low, high])| {
            row.get(metric).is_some_and(|value| (low..=high).contains(&value.value))
        })
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

    /// The colour of a network.
    pub fn color(&self, row: &Row, rows: &Rows, theme: Theme) -> Color32 {
        match self.color {
            ColorBy::Family => family_color(row.family, theme),
            ColorBy::Metric(metric) => match (row.get(metric), span(rows, metric)) {
                (Some(value), Some(span)) => heat(share(value.value, span), theme),
                _ => palette(theme).weak,
            },
        }
    }
}

/// The colour of a family; that of networks that are alone is grey.
pub fn family_color(family: Option<usize>, theme: Theme) -> Color32 {
    family.map_or(palette(theme).weak, series)
}

/// The least and the largest value of a metric.
pub fn span(rows: &Rows, metric: Metric) -> Option<[f64; 2]> {
    let values = rows.rows.iter().filter_map(|row| row.get(metric)).map(|value| value.value);
    let [low, high] = values.fold([f64::INFINITY, 0.0], |[low, high], value| {
        [f64::min(low, value), f64::max(high, value)]
    });
    (low <= high).then_some([low, high])
}

/// Where a value lies between two others, by powers of ten.
fn share(value: f64, [low, high]: [f64; 2]) -> f32 {
    if high > low { ((value / low).ln() / (high / low).ln()) as f32 } else { 0.5 }
}
