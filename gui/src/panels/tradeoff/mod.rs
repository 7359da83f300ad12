//! All networks as points: what they cost against what they give.
//!
//! Published accuracies stand on axes of their own; counts are never called latencies, and latencies are only compared
//! within one way of running. What has no value on an axis is counted below the plot.

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
use inceptive_jobs::{Content, DEFAULT_SAMPLES};

pub(crate) use mini::mini;
pub(crate) use rows::Rows;

use crate::{
    command::Commands,
    model::{Entry, Model, State},
};

/// Which plots are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    /// Points above, lines below.
    #[default]
    Both,
    /// Points between two axes.
    Scatter,
    /// Lines across all axes.
    Parallel,
}

/// The trade-off tab.
pub struct Tradeoff {
    look: look::Look,
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
            look: look::Look::default(),
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
    /// Draws the plots.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let is_space = |entry: &Entry| matches!(entry.state, State::Good(Content::Space(_)));
        if model.networks().next().is_none() && !model.current().is_some_and(is_space) {
            super::nothing(ui, "There are no networks to compare.");
            return;
        }
        self.rows.update(model, self.look.way.as_deref());
        let Self { look, view, rows, scatter, parallel, cloud, most } = self;
        let margin = Frame::NONE.inner_margin(Margin { left: 8, right: 8, top: 6, bottom: 2 });
        margin.show(ui, |ui| toolbar::ui(ui, (look, view, most), rows, model, commands));
        cloud::CloudView::update(cloud, model, look);
        let cloud = cloud.as_ref();
        if *view != View::Scatter {
            let lines = Panel::bottom("parallel");
            let height = ui.available_height();
            let lines = match *view {
                View::Both => lines.resizable(true).default_size(height * 0.36),
                _ => lines.resizable(false).exact_size(height - 24.0),
            };
            lines.show(ui, |ui| parallel.ui(ui, look, rows, cloud, model, commands));
        }
        margin.show(ui, |ui| legend::ui(ui, look, rows, cloud, model));
        if *view != View::Parallel {
            scatter.ui(ui, look, rows, cloud, model, commands);
        }
    }
}
