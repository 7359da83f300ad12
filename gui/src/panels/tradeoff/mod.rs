//! All networks as points: cost against accuracy or latency.
//!
//! Published accuracies have their own axes, and so have trained ones, for each data set and recipe; counts are never called latencies, and latencies are only compared within
//! one configuration. Networks without a value on an axis are counted below the plot.

mod card;
mod cloud;
mod cloud_lines;
mod cloud_points;
mod data;
mod dots;
mod filter;
mod labels;
mod legend;
mod look;
pub(in crate::panels) mod marks;
pub(in crate::panels) mod metric;
mod mini;
mod parallel;
pub(in crate::panels) mod picture;
pub(in crate::panels) mod quantity;
mod rows;
mod runs;
pub(in crate::panels) mod save;
pub(in crate::panels) mod scale;
mod scatter;
mod shortlist;
mod table;
mod toolbar;

use std::{collections::BTreeMap, sync::Arc};

use egui::{CentralPanel, Frame, Margin, Panel, Ui};
use inceptive_app::DEFAULT_SAMPLES;
use serde::{Deserialize, Serialize};

pub(crate) use mini::mini;
pub(crate) use rows::Rows;
use toolbar::PlotChoice;

use cloud::CloudView;
use data::Data;
use quantity::Names;
use scatter::Fronts;
use shortlist::{Point, RowId};

use crate::{command::Commands, model::Model};

/// Below this height, in points, sizes that were dragged are remembered apart.
const ROOMY: f32 = 420.0;

/// Below this height, in points, two plots are side by side.
const LEAST_FOR_STACK: f32 = 280.0;

/// Below this size, in points, there is no room for the legend.
const LEAST_FOR_LEGEND: [f32; 2] = [260.0, 170.0];

/// The largest share of the width that lines beside points take, whatever it was dragged to.
const MOST_BESIDE: f32 = 0.6;

/// Whether plots, the table, or both are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Page {
    #[default]
    Plot,
    Table,
    Both,
}

/// What plots and the table are drawn of.
#[derive(Clone, Copy)]
struct Shared<'a> {
    rows: &'a Rows,
    cloud: Option<&'a CloudView>,
    model: &'a Model,
    names: Names<'a>,
}

impl<'a> Shared<'a> {
    fn data(&self) -> Data<'a> {
        Data { rows: self.rows, cloud: self.cloud }
    }

    /// What a row of the table is.
    fn id(&self, row: usize) -> RowId {
        let data = self.data();
        if let Some(run) = data.run(row) {
            return RowId::Run(run.id);
        }
        RowId::Network(match (data.point(row), self.cloud) {
            (Some(at), Some(view)) => {
                Point::OfSpace(Arc::clone(&view.cloud().file), view.settings(at))
            }
            _ => Point::File(Arc::clone(&self.rows.rows[row].file)),
        })
    }
}

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
    page: Page,
    /// Symbols and colours of families.
    families: BTreeMap<String, usize>,
}

/// The trade-off tab.
pub struct Tradeoff {
    look: look::PlotSettings,
    view: View,
    page: Page,
    rows: rows::Rows,
    scatter: scatter::Scatter,
    parallel: parallel::Parallel,
    table: table::PointTable,
    cloud: Option<CloudView>,
    filtering: filter::Filtering,
    shortlist: shortlist::Shortlist,
    /// Networks of a space that are counted at most.
    most: usize,
    /// Whether lists of the plot are shown where there is little room.
    shows_lists: bool,
}

impl Default for Tradeoff {
    fn default() -> Self {
        Self {
            look: look::PlotSettings::default(),
            view: View::default(),
            page: Page::default(),
            rows: rows::Rows::default(),
            scatter: scatter::Scatter::default(),
            parallel: parallel::Parallel::default(),
            table: table::PointTable::default(),
            cloud: None,
            filtering: filter::Filtering::default(),
            shortlist: shortlist::Shortlist::default(),
            most: DEFAULT_SAMPLES,
            shows_lists: false,
        }
    }
}

impl Tradeoff {
    /// Restores the state saved by an earlier run.
    pub(crate) fn remember(&mut self, remembered: Remembered) {
        let Remembered { look, view, page, families } = remembered;
        (self.look, self.view, self.page) = (look, view, page);
        self.rows.families = families;
    }

    /// The state to save for the next run.
    pub(crate) fn remembered(&self) -> Remembered {
        let (look, families) = (self.look.clone(), self.rows.families.clone());
        Remembered { look, view: self.view, page: self.page, families }
    }

    /// The names of everything that can be chosen in the lists of the plot, as `list: choice`.
    pub(crate) fn choices(&self, model: &Model) -> impl Iterator<Item = String> {
        self.named_choices(model).into_iter().map(|(_, name)| name)
    }

    fn named_choices(&self, model: &Model) -> Vec<(PlotChoice, String)> {
        let variables = self.cloud.as_ref().map(CloudView::variables);
        let names = Names { rows: &self.rows, variables, convention: model.settings.convention() };
        let lists = toolbar::plot_lists(&names).into_iter();
        let titled = |(list, all): (&'static str, Vec<(PlotChoice, String)>)| {
            all.into_iter().map(move |(choice, title)| (choice, format!("{list}: {title}")))
        };
        lists.flat_map(titled).collect()
    }

    /// Takes a choice of the plot by its name; the plot is shown for it.
    pub(crate) fn choose(&mut self, name: &str, model: &Model) {
        let choices = self.named_choices(model).into_iter();
        for (choice, _) in choices.filter(|(_, known)| known == name) {
            choice.apply(&mut self.look);
        }
        if self.page == Page::Table {
            self.page = Page::Plot;
        }
    }

    /// Draws plots and table.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        super::caveat_lines(ui, model, commands);
        let has_space = model.current().is_some_and(|entry| entry.space().is_some());
        if model.networks().next().is_none() && !has_space {
            super::nothing(ui, "There are no networks to compare.");
            return;
        }
        self.rows.update(model, self.look.way.as_deref(), self.look.trained.as_deref());
        self.rows.update_runs(model, self.look.lists_runs);
        if let Some(places) = CloudView::update(&mut self.cloud, model) {
            self.look.move_variables(&places);
        }
        let margin = Frame::NONE.inner_margin(Margin { left: 8, right: 8, top: 6, bottom: 2 });
        margin.show(ui, |ui| {
            let controls = toolbar::Controls {
                look: &mut self.look,
                page: &mut self.page,
                view: &mut self.view,
                scatter: &mut self.scatter,
                most: &mut self.most,
                shows_lists: &mut self.shows_lists,
            };
            toolbar::ui(ui, controls, &self.rows, self.cloud.as_ref(), model, commands);
            self.filtering.update(&self.look, &mut self.rows, self.cloud.as_ref());
            if let Some(view) = &mut self.cloud {
                view.filter(&self.look, &self.filtering);
            }
            self.filtering.notes(ui);
        });
        self.shortlist.update(self.cloud.as_ref());
        self.content(ui, model, commands);
    }

    /// Draws what is chosen, with the shortlist beside it if there is one.
    fn content(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let Self { look, view, page, rows, scatter, parallel, table, cloud, .. } = self;
        let (filters, shortlist) = (self.filtering.version, &mut self.shortlist);
        let cloud = cloud.as_ref();
        let variables = cloud.map(CloudView::variables);
        let names = Names { rows, variables, convention: model.settings.convention() };
        let shared = Shared { rows, cloud, model, names };
        let margin = Margin { left: 8, right: 8, top: 2, bottom: 2 };
        let frame = Frame::NONE.inner_margin(margin);
        if !shortlist.is_empty() {
            let width = ui.available_width();
            Panel::right(if width < ROOMY { "shortlist in little room" } else { "shortlist" })
                .default_size((width * 0.3).clamp(150.0, 240.0))
                .size_range(140.0..=width * 0.5)
                .show(ui, |ui| shortlist.ui(ui, &shared, commands));
        }
        if *page == Page::Table {
            CentralPanel::default().frame(frame).show(ui, |ui| {
                table.ui(ui, look, filters, &shared, shortlist, commands);
            });
            return;
        }
        let height = ui.available_height();
        if *page == Page::Both {
            let name = if height < ROOMY { "table in little room" } else { "table" };
            Panel::bottom(name)
                .resizable(true)
                .default_size(height * 0.4)
                .size_range(60.0..=height * 0.7)
                .frame(frame)
                .show(ui, |ui| table.ui(ui, look, filters, &shared, shortlist, commands));
        }
        let height = ui.available_height();
        if *view != View::Scatter {
            // A small window has a height of its own, which does not stay when it is enlarged.
            let lines = match (*view, height < LEAST_FOR_STACK) {
                (View::Both, true) => {
                    let width = ui.available_width();
                    Panel::right("parallel beside")
                        .resizable(true)
                        .default_size(width * 0.5)
                        .size_range(80.0..=width * MOST_BESIDE)
                }
                (View::Both, false) => {
                    let name = if height < ROOMY { "parallel in little room" } else { "parallel" };
                    Panel::bottom(name).resizable(true).default_size(height * 0.36)
                }
                _ => Panel::bottom("parallel").resizable(false).exact_size(height - 24.0),
            };
            lines.show(ui, |ui| parallel.ui(ui, look, &shared, commands));
        }
        let [least_width, least_height] = LEAST_FOR_LEGEND;
        if ui.available_width() >= least_width && height >= least_height {
            let fronts = match *view {
                View::Parallel => Fronts::default(),
                View::Both | View::Scatter => scatter.fronts(),
            };
            frame.show(ui, |ui| legend::ui(ui, look, fronts, &shared));
        }
        if *view != View::Parallel {
            scatter.ui(ui, look, &shared, shortlist, commands);
        }
    }
}

#[cfg(test)]
mod tests {
    use inceptive_results::Metric;

    use super::{
        look::{ColorBy, PlotSettings, Shown},
        *,
    };
    use crate::session::tests::Memory;

    #[test]
    fn what_is_drawn_comes_back_and_what_was_looked_for_does_not() {
        let look = PlotSettings {
            axes: [Metric::Latency.into(), Metric::Params.into()],
            is_log: [false, true],
            size: None,
            color: ColorBy::Metric(Metric::Acts.into()),
            filter: "resnet".to_owned(),
            shown: Shown::Space,
            brushes: [(Metric::Params.into(), [1.0, 2.0])].into(),
            way: Some("rten 0.27.0, fp32, batch 1, 2 threads".to_owned()),
            lists_runs: true,
            trained: Some("shapes, quick 01234567".to_owned()),
        };
        let before =
            Tradeoff { look, view: View::Parallel, page: Page::Both, ..Tradeoff::default() };
        let mut storage = Memory::default();
        eframe::set_value(&mut storage, "it", &before.remembered());
        let mut after = Tradeoff::default();
        after.remember(eframe::get_value(&storage, "it").unwrap());
        let PlotSettings { axes, is_log, size, color, way, trained, lists_runs, .. } = before.look;
        let wanted = PlotSettings {
            axes,
            is_log,
            size,
            color,
            way,
            trained,
            lists_runs,
            ..PlotSettings::default()
        };
        assert_eq!((after.look, after.view, after.page), (wanted, View::Parallel, Page::Both));
    }
}
