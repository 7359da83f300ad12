//! A finished run: its accuracy, where its weights are, and its confusion matrix.

use std::path::{Path, PathBuf};

use egui::{Button, Label, RichText, ScrollArea, Ui};
use inceptive_app::ImagePart;
use inceptive_data::DataName;
use inceptive_format::{counted, exact};
use inceptive_results::{Metric, TrainingRun};

use super::{confusion::Matrix, rows::Row};
use crate::{
    command::{Command, Commands},
    inspection::InspectRequest,
    jobs::Job,
    model::Model,
    theme::colors,
};

/// The context that the Inspect button needs.
pub(super) struct Inspect<'a> {
    pub model: &'a Model,
    /// The data set of the setup, because the store does not contain paths of data sets.
    pub data: &'a str,
}

/// Draws the result of a run, or why there is none.
pub(super) fn ui(
    ui: &mut Ui,
    matrix: &mut Matrix,
    row: Option<&Row<'_>>,
    inspect: &Inspect<'_>,
    commands: &mut Commands,
) {
    let height = ui.available_height();
    let area = ScrollArea::vertical().id_salt("training result");
    area.auto_shrink(false).show(ui, |ui| result(ui, height, matrix, row, inspect, commands));
}

fn result(
    ui: &mut Ui,
    height: f32,
    matrix: &mut Matrix,
    row: Option<&Row<'_>>,
    inspect: &Inspect<'_>,
    commands: &mut Commands,
) {
    match row {
        None => {
            ui.weak("Click a run of the table.");
        }
        Some(row @ Row::Live { .. }) => {
            ui.strong(format!("{}, seed {}", row.network(), row.seed()));
            ui.label(format!(
                "{}, {} epochs. The accuracy on test images comes after the last epoch.",
                row.state(),
                row.epoch()
            ));
        }
        Some(Row::Stored(stored)) => {
            let run = &stored.result;
            ui.add(Label::new(RichText::new(title(run)).strong()).truncate());
            facts(ui, run, inspect, commands);
            if run.confusion.is_empty() {
                ui.weak("No confusion matrix was recorded.");
            } else {
                let used = ui.min_rect().height();
                matrix.ui(ui, height - used, stored);
            }
        }
    }
}

fn title(run: &TrainingRun) -> String {
    format!("{}, seed {}", run.subject.name_with_point(), run.seed)
}

fn facts(ui: &mut Ui, run: &TrainingRun, inspect: &Inspect<'_>, commands: &mut Commands) {
    let estimate = run.interval_of_test_top1();
    let images = usize::try_from(run.dataset.test_images).unwrap_or(usize::MAX);
    let top1 = estimate.map(|estimate| {
        let images = counted(images, "test image", "test images");
        format!("test top-1 {} of {images}", Metric::Top1.with_interval(estimate))
    });
    let top5 = run.test_top5.map(|top5| format!("top-5 {top5:.2}%"));
    let accuracy: Vec<String> = top1.into_iter().chain(top5).collect();
    if !accuracy.is_empty() {
        ui.add(Label::new(accuracy.join(", ")).wrap()).on_hover_text(
            "The interval covers the random choice of test images, not differences between seeds: train with several seeds",
        );
    }
    if !run.is_finished() {
        ui.label(RichText::new(run.outcome.to_string()).color(colors(ui).error));
    }
    if let Some(weights) = &run.checkpoint {
        ui.horizontal_wrapped(|ui| {
            inspect.button(ui, run, Path::new(weights), commands);
            ui.label("weights:");
            ui.add(Label::new(RichText::new(weights).monospace()).truncate())
                .on_hover_text(format!("Weights of this run: {weights}"));
        });
    }
    let trained = exact(run.dataset.training_images);
    let text = format!(
        "{}, {}; {} on {trained} training images, batch {}",
        run.dataset.label,
        run.recipe.name,
        counted(run.epochs as usize, "epoch", "epochs"),
        run.batch
    );
    ui.add(Label::new(RichText::new(text).small().color(colors(ui).weak)).wrap());
}

impl Inspect<'_> {
    /// Draws the button that inspects the network of a run, if the run has finished and its weights exist.
    fn button(&self, ui: &mut Ui, run: &TrainingRun, weights: &Path, commands: &mut Commands) {
        if !run.is_finished() || !weights.is_file() {
            return;
        }
        let is_same =
            |job: &Job| matches!(job, Job::Inspect(request) if request.weights == weights);
        let is_free = !self.model.jobs.active().any(|state| is_same(&state.job));
        let button = ui.add_enabled(is_free, Button::new("Inspect").small()).on_hover_text(
            "Finds near-zero channels, dead ReLUs, and the accuracy lost without each branch; Graph can then colour by \
             them",
        );
        if button.on_disabled_hover_text("Already in the queue").clicked() {
            commands.push(Command::Start(Job::Inspect(self.request(run, weights.to_owned()))));
        }
    }

    fn request(&self, run: &TrainingRun, weights: PathBuf) -> InspectRequest {
        let label = &run.dataset.label;
        let is_it = self.data.parse().is_ok_and(|name: DataName| name.label() == *label);
        InspectRequest {
            file: Path::new(&run.subject.file).into(),
            point: run.subject.point.clone(),
            weights,
            data: if is_it { self.data.to_owned() } else { label.clone() },
            part: match run.dataset.validation_images {
                0 => ImagePart::Test,
                _ => ImagePart::Validation,
            },
            seed: run.seed,
        }
    }
}
