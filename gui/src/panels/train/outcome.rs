//! A finished run: its accuracy, where its weights are, and its confusion matrix.

use egui::{Label, RichText, ScrollArea, Ui};
use inceptive_format::{counted, exact};
use inceptive_results::{Metric, TrainingRun};

use super::{confusion::Matrix, rows::Row};
use crate::theme::colors;

/// Draws the result of a run, or why there is none.
pub(super) fn ui(ui: &mut Ui, matrix: &mut Matrix, row: Option<&Row<'_>>) {
    let height = ui.available_height();
    let area = ScrollArea::vertical().id_salt("training result");
    area.auto_shrink(false).show(ui, |ui| result(ui, height, matrix, row));
}

fn result(ui: &mut Ui, height: f32, matrix: &mut Matrix, row: Option<&Row<'_>>) {
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
            facts(ui, run);
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

fn facts(ui: &mut Ui, run: &TrainingRun) {
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
            "The interval is for other test images; other seeds change more: train with several",
        );
    }
    if !run.is_finished() {
        ui.label(RichText::new(run.outcome.to_string()).color(colors(ui).error));
    }
    if let Some(weights) = &run.checkpoint {
        ui.horizontal_wrapped(|ui| {
            ui.label("weights:");
            ui.add(Label::new(RichText::new(weights).monospace()).truncate())
                .on_hover_text(format!("{weights}\nOther commands read it with --weights"));
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
