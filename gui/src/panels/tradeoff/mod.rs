//! All networks as points: cost against accuracy or latency.
//!
//! Published accuracies have their own axes, and so have trained ones, for each data set and recipe; counts are never called latencies, and latencies are only compared within
//! one configuration. Networks without a value on an axis are counted below the plot.

mod card;
mod cloud;
mod dots;
mod labels;
mod legend;
mod look;
mod marks;
mod metric;
mod mini;
mod parallel;
mod rows;
mod scale;
mod scatter;
mod toolbar;

use egui::{Frame, Margin, Panel, Ui};
use inceptive_app::DEFAULT_SAMPLES;
use serde::{Deserialize, Serialize};

pub(crate) use mini::mini;
pub(crate) use rows::Rows;

use crate::{command::Commands, model::Model};

/// Below this height, in points, sizes that were dragged are remembered apart.
const ROOMY: f32 = 420.0;

/// Below this height, in points, only one plot can be seen.
const LEAST_FOR_BOTH: f32 = 280.0;

/// Which plots are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum View {
    /// Points above, lines below.
    #[default]
    Both,
    /// Points between two axes.
    Scatter,
    /// Lines across all axes.
    Parallel,
}

/// The state saved for the next run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Remembered {
    look: look::PlotSettings,
    view: View,
}

/// The trade-off tab.
pub struct Tradeoff {
    look: look::PlotSettings,
    view: View,
    rows: rows::Rows,
    scatter: scatter::Scatter,
    parallel: parallel::Parallel,
    cloud: Option<cloud::CloudView>,
    /// Networks of a space that are counted at most.
    most: usize,
}

impl Default for Tradeoff {
    fn default() -> Self {
        Self {
            look: look::PlotSettings::default(),
            view: View::default(),
            rows: rows::Rows::default(),
            scatter: scatter::Scatter::default(),
            parallel: parallel::Parallel::default(),
            cloud: None,
            most: DEFAULT_SAMPLES,
        }
    }
}

impl Tradeoff {
    /// Restores the state saved by an earlier run.
    pub(crate) fn remember(&mut self, remembered: Remembered) {
        Remembered { look: self.look, view: self.view } = remembered;
    }

    /// The state to save for the next run.
    pub(crate) fn remembered(&self) -> Remembered {
        Remembered { look: self.look.clone(), view: self.view }
    }

    /// Draws the plots.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        super::caveat_lines(ui, model, commands);
        let has_space = model.current().is_some_and(|entry| entry.space().is_some());
        if model.networks().next().is_none() && !has_space {
            super::nothing(ui, "There are no networks to compare.");
            return;
        }
        self.rows.update(model, self.look.way.as_deref(), self.look.trained.as_deref());
        let Self { look, view, rows, scatter, parallel, cloud, most } = self;
        let margin = Frame::NONE.inner_margin(Margin { left: 8, right: 8, top: 6, bottom: 2 });
        margin.show(ui, |ui| toolbar::ui(ui, (look, view, scatter, most), rows, model, commands));
        cloud::CloudView::update(cloud, model, look);
        let cloud = cloud.as_ref();
        let height = ui.available_height();
        // Where there is no room for both, the points stay.
        let shown =
            if *view == View::Both && height < LEAST_FOR_BOTH { View::Scatter } else { *view };
        if shown != View::Scatter {
            // A small window has a height of its own, which does not stay when it is enlarged.
            let name = if height < ROOMY { "parallel in little room" } else { "parallel" };
            let lines = Panel::bottom(name);
            let lines = match shown {
                View::Both => lines.resizable(true).default_size(height * 0.36),
                _ => lines.resizable(false).exact_size(height - 24.0),
            };
            lines.show(ui, |ui| parallel.ui(ui, look, rows, cloud, model, commands));
        }
        margin.show(ui, |ui| legend::ui(ui, look, rows, cloud, model));
        if shown != View::Parallel {
            scatter.ui(ui, look, rows, cloud, model, commands);
        }
    }
}

#[cfg(test)]
mod tests {
    use inceptive_results::Metric;

    use super::{
        look::{ColorBy, PlotSettings},
        *,
    };
    use crate::session::tests::Memory;

    #[test]
    fn what_is_drawn_comes_back_and_what_was_looked_for_does_not() {
        let look = PlotSettings {
            metrics: [Metric::Latency, Metric::Params],
            is_log: [false, true],
            size: None,
            color: ColorBy::Metric(Metric::Acts),
            filter: "resnet".to_owned(),
            brushes: [(Metric::Params, [1.0, 2.0])].into(),
            way: Some("rten 0.27.0, fp32, batch 1, 2 threads".to_owned()),
            trained: Some("shapes, quick 01234567".to_owned()),
        };
        let before = Tradeoff { look, view: View::Parallel, ..Tradeoff::default() };
        let mut storage = Memory::default();
        eframe::set_value(&mut storage, "it", &before.remembered());
        let mut after = Tradeoff::default();
        after.remember(eframe::get_value(&storage, "it").unwrap());
        let PlotSettings { metrics, is_log, size, color, way, trained, .. } = before.look;
        let wanted =
            PlotSettings { metrics, is_log, size, color, way, trained, ..PlotSettings::default() };
        assert_eq!((after.look, after.view), (wanted, View::Parallel));
    }
}
