//! A comparison with another space, by networks that are drawn at random from both and trained.

use std::sync::Arc;

use egui::{ComboBox, DragValue, Grid, Label, RichText, Ui};
use egui_plot::{HoverPosition, Legend, Line, LineStyle, Plot, PlotPoints};
use inceptive_app::SpaceComparison;
use inceptive_explore::Step;

use super::{Subject, setup::start, space::Wanted};
use crate::{
    command::Commands,
    file::FilePath,
    jobs::{CompareSpacesRequest, Job},
    panels::{
        choices::entries,
        data_choice::{Data, DataAndRecipe},
        fields::StoreField,
        queue,
    },
    theme::{colors, series},
};

/// Comparisons in the queue.
const QUEUE: queue::Kind = queue::Kind {
    takes: |job| matches!(job, Job::CompareSpaces(_)),
    hint: "No comparison yet. Start draws the same number of networks at random from both spaces and trains each once.",
};

/// Range of the number of networks; four of each space are needed to compare.
const NETWORKS: [u32; 2] = [4, 1000];

/// Lengths of the dashes of bands.
const DASH: f32 = 5.0;

/// The input of the user.
pub(super) struct Compare {
    other: Option<FilePath>,
    trained_on: DataAndRecipe,
    networks: u32,
    store: StoreField,
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            other: None,
            trained_on: DataAndRecipe::default(),
            networks: 16,
            store: StoreField::default(),
        }
    }
}

impl Compare {
    /// Draws the setup and the queue.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        subject: Subject<'_>,
        wanted: Result<&Wanted, &String>,
        commands: &mut Commands,
    ) {
        let model = subject.model;
        let data = self.trained_on.known(model);
        Grid::new("comparison setup").num_columns(2).spacing([10.0, 5.0]).show(ui, |ui| {
            let label = ui.label("with");
            self.other_space(ui, subject, label.id);
            ui.end_row();
            ui.label("data");
            ui.vertical(|ui| self.trained_on.data_ui(ui, &data, model, commands));
            ui.end_row();
            ui.label("recipe");
            ui.vertical(|ui| {
                ui.horizontal_wrapped(|ui| self.trained_on.recipe_ui(ui, model));
            });
            ui.end_row();
            let label = ui.label("networks");
            let [fewest, most] = NETWORKS;
            ui.add(DragValue::new(&mut self.networks).range(fewest..=most))
                .labelled_by(label.id)
                .on_hover_text("Networks that are drawn at random from each space");
            ui.end_row();
            ui.label("store");
            self.store.ui(ui, model, commands);
            ui.end_row();
        });
        let job = self.request(subject, wanted, &data).map(Job::CompareSpaces);
        let hover = "Ctrl Enter. Runs that are in the store are not repeated: the same comparison goes on where it was stopped";
        start(ui, job, hover, subject, commands);
        ui.add_space(8.0);
        queue::ui(ui, &QUEUE, model, commands);
    }

    fn other_space(&mut self, ui: &mut Ui, subject: Subject<'_>, label: egui::Id) {
        let model = subject.model;
        let others = || {
            model
                .entries
                .values()
                .filter(|entry| entry.space().is_some() && entry.file != subject.entry.file)
        };
        if self.other.as_ref().is_none_or(|file| others().all(|entry| entry.file != *file)) {
            self.other = None;
        }
        let name = |file: &FilePath| model.name_of(file).display().to_string();
        let now = self.other.as_ref().map_or_else(|| "choose a space".to_owned(), name);
        let list = ComboBox::from_id_salt("other space").width(230.0).truncate().selected_text(now);
        let shown = list.show_ui(ui, |ui| {
            let all = others().map(|entry| (Some(Arc::clone(&entry.file)), name(&entry.file)));
            if let Some(file) = entries(ui, "other space", &self.other, all) {
                self.other = file;
            }
        });
        shown.response.labelled_by(label);
    }

    /// The comparison to start, or why there is none.
    fn request(
        &self,
        subject: Subject<'_>,
        wanted: Result<&Wanted, &String>,
        data: &Data,
    ) -> Result<CompareSpacesRequest, String> {
        let wanted =
            wanted.map_err(|_| "Correct the objectives and conditions above.".to_owned())?;
        let other = self.other.as_ref().ok_or("Choose another space.")?;
        if let Data::Absent(problem) | Data::Wrong(problem) = data {
            return Err(problem.clone());
        }
        Ok(CompareSpacesRequest {
            spaces: [Arc::clone(&subject.entry.file), Arc::clone(other)],
            conditions: wanted.conditions.iter().map(ToString::to_string).collect(),
            data: self.trained_on.data.trim().to_owned(),
            recipe: self.trained_on.recipe().to_owned(),
            recipe_settings: self.trained_on.settings()?,
            networks: self.networks,
            store: subject.model.store.clone(),
        })
    }
}

/// Draws the last comparison of the space.
pub(super) fn found(ui: &mut Ui, subject: Subject<'_>, is_narrow: bool) {
    let is_of_it = |found: &&Arc<SpaceComparison>| {
        found.spaces.iter().any(|space| *space.file == *subject.entry.file)
    };
    let Some(found) = subject.model.space_comparison.as_ref().filter(is_of_it) else {
        let text = "Which of two spaces is better? Choose another one. The same number of networks is drawn at random from \
                    both, among those that satisfy the conditions, and each is trained once. Restrict both to the same \
                    costs, such as macs > 5M and macs < 10M, or the larger networks win.";
        ui.add_space(12.0);
        ui.add(Label::new(RichText::new(text).color(colors(ui).weak)).wrap());
        return;
    };
    ui.add_space(4.0);
    ui.label(
        RichText::new(format!("Trained on {} with recipe {}", found.data, found.recipe))
            .color(colors(ui).weak),
    );
    for sentence in found.sentences() {
        ui.add(Label::new(sentence).wrap());
    }
    table(ui, found);
    let height = if is_narrow { 260.0 } else { (ui.available_height() - 8.0).max(160.0) };
    plot(ui, found, height);
}

/// Numbers of both spaces.
fn table(ui: &mut Ui, found: &SpaceComparison) {
    ui.add_space(4.0);
    Grid::new("compared spaces").num_columns(5).striped(true).spacing([14.0, 3.0]).show(ui, |ui| {
        for title in ["space", "networks", "mean top-1", "error of the best 25%", "of the best 50%"]
        {
            ui.strong(title);
        }
        ui.end_row();
        for space in &found.spaces {
            ui.label(&space.title);
            ui.monospace(format!("{} of {}", space.accuracies.len(), space.drawn));
            let number = |value: Option<f64>| {
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}%"))
            };
            for value in [space.mean(), space.error_at(0.25), space.error_at(0.5)] {
                ui.monospace(number(value));
            }
            ui.end_row();
        }
    });
    ui.add_space(4.0);
}

/// The share of networks up to each error, with bands.
fn plot(ui: &mut Ui, found: &SpaceComparison, height: f32) {
    let plot = Plot::new("errors of spaces")
        .x_axis_label("test error, percent")
        .y_axis_label("share of networks")
        .label_formatter(|at| match at {
            HoverPosition::NearDataPoint { plot_name, position, .. } => Some(format!(
                "{plot_name}\n{:.0}% have an error up to {:.2}%",
                position.y * 100.0,
                position.x
            )),
            HoverPosition::Elsewhere { .. } => None,
        })
        .legend(Legend::default())
        .allow_scroll(false)
        .include_y(0.0)
        .include_y(1.0)
        .grid_color(colors(ui).weak.gamma_multiply(0.3))
        .height(height);
    plot.show(ui, |plot| {
        for (at, space) in found.spaces.iter().enumerate() {
            let color = series(at);
            let ends: [fn(&Step) -> f64; 2] = [|step| step.share.low, |step| step.share.high];
            for end in ends {
                let line = Line::new(space.title.clone(), steps(&space.distribution, end));
                let line = line.color(color.gamma_multiply(0.45)).width(1.0);
                plot.line(line.style(LineStyle::Dashed { length: DASH }));
            }
            let line =
                Line::new(space.title.clone(), steps(&space.distribution, |it| it.share.value));
            plot.line(line.color(color).width(2.0));
        }
    });
}

/// A distribution as steps.
fn steps(distribution: &[Step], share: fn(&Step) -> f64) -> PlotPoints<'static> {
    let mut before = 0.0;
    let mut points = vec![];
    for step in distribution {
        points.push([step.error, before]);
        before = share(step);
        points.push([step.error, before]);
    }
    PlotPoints::from(points)
}
