//! Training from the window.
//!
//! | part | file |
//! |---|---|
//! | networks, data, recipe and seeds of a job | `setup`, `fit` |
//! | active runs, and those of the store | `rows`, `table` |
//! | loss and accuracy over epochs | `curves` |
//! | a finished run | `outcome`, `confusion` |

mod confusion;
mod curves;
mod fit;
mod outcome;
mod rows;
mod setup;
mod table;

use egui::{Frame, Margin, Rect, RichText, ScrollArea, Sense, Ui, UiBuilder, pos2};

use crate::{
    actions::{Action, asked},
    command::{Command, Commands},
    jobs::Job,
    model::Model,
    panels::queue,
    theme::colors,
};

use rows::{Row, RowId, Rows};

/// Space between the table and what is next to it.
const GAP: f32 = 10.0;

/// Jobs of training and of its results are listed.
const QUEUE: queue::Kind = queue::Kind {
    takes: |job| matches!(job, Job::Train(_) | Job::Inspect(_)),
    hint: "No training yet. Start adds one here; they run one after another, and pause while something is measured.",
};

/// What is shown next to the table of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    Curves,
    Outcome,
}

/// The train tab.
#[derive(Default)]
pub struct Train {
    has_asked_for_choices: bool,
    setup: setup::Setup,
    rows: Rows,
    view: View,
    curves: curves::Curves,
    matrix: confusion::Matrix,
    /// The run that was clicked last.
    chosen: Option<RowId>,
}

impl Train {
    /// Draws the setup, the queue and the runs.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        if !self.has_asked_for_choices {
            self.has_asked_for_choices = true;
            commands.push(Command::Start(Job::TrainingChoices(model.folder.clone())));
            if model.engines.is_none() {
                commands.push(Command::Start(Job::Engines));
            }
        }
        Frame::NONE.inner_margin(Margin::symmetric(8, 4)).show(ui, |ui| {
            crate::panels::job_caveats(ui, model, commands);
            let setup = &mut self.setup;
            queue::beside(
                ui,
                ("training setup", 0.45),
                (&QUEUE, model),
                commands,
                |ui, commands| {
                    setup.ui(ui, model, commands);
                },
            );
            ui.separator();
            self.runs(ui, model, commands);
        });
    }

    /// Draws the table of runs, with curves or a result next to it.
    fn runs(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let rows = self.rows.shown(model);
        ui.horizontal_wrapped(|ui| {
            self.rows.filters(ui, model);
            ui.separator();
            ui.selectable_value(&mut self.view, View::Curves, "Curves")
                .on_hover_text("Loss and accuracy of all runs in the table");
            ui.selectable_value(&mut self.view, View::Outcome, "Result")
                .on_hover_text("Accuracy and confusion matrix of the chosen run");
            for (action, view) in [(Action::Curves, View::Curves), (Action::Outcome, View::Outcome)]
            {
                if asked(ui.ctx(), action) {
                    self.view = view;
                }
            }
            if self.view == View::Curves {
                ui.separator();
                self.curves.choices(ui);
            }
        });
        if let Some(problem) = &model.results.problem {
            let text = format!("{problem}. Choose another store above.");
            ui.label(RichText::new(text).color(colors(ui).error));
        }
        ui.separator();
        if rows.is_empty() {
            if model.results.problem.is_none() {
                ui.weak(match model.results.training_runs.is_empty() {
                    true => "No runs yet: select networks and press Start.",
                    false => "No matches",
                });
            }
            return;
        }
        let [left, right] = halves(ui);
        let networks = rows::networks(&rows);
        let styles = curves::styles(&rows, &networks);
        let mut clicked = None;
        part(ui, left, |ui| {
            ScrollArea::horizontal().id_salt("training runs").show(ui, |ui| {
                clicked = table::ui(ui, &rows, &networks, &styles, self.chosen);
            });
        });
        if let Some(row) = clicked {
            self.chosen = Some(row.id());
            if let Row::Stored(_) = row {
                self.view = View::Outcome;
            }
        }
        part(ui, right, |ui| match self.view {
            View::Curves => self.curves.ui(ui, &rows, &styles, self.chosen),
            View::Outcome => {
                let latest = rows.iter().find(|row| matches!(row, Row::Stored(_)));
                let chosen = rows.iter().find(|row| Some(row.id()) == self.chosen).or(latest);
                let inspect = outcome::Inspect { model, data: self.setup.data_name() };
                outcome::ui(ui, &mut self.matrix, chosen, &inspect, commands);
            }
        });
    }
}

/// The room for the table, and for what is next to it, or below it in a narrow window.
fn halves(ui: &mut Ui) -> [Rect; 2] {
    let whole = ui.available_rect_before_wrap();
    let _ = ui.allocate_rect(whole, Sense::hover());
    match whole.width() < queue::SIDE_BY_SIDE {
        true => {
            let middle = whole.top() + whole.height() * 0.4;
            let (above, below) = (pos2(whole.right(), middle), pos2(whole.left(), middle + GAP));
            [Rect::from_min_max(whole.min, above), Rect::from_min_max(below, whole.max)]
        }
        false => {
            let middle = whole.left() + whole.width() * 0.56;
            let (left, right) = (pos2(middle, whole.bottom()), pos2(middle + GAP, whole.top()));
            [Rect::from_min_max(whole.min, left), Rect::from_min_max(right, whole.max)]
        }
    }
}

/// Draws something in a part of the screen, and nothing outside of it.
fn part(ui: &mut Ui, rect: Rect, content: impl FnOnce(&mut Ui)) {
    ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
        ui.set_clip_rect(rect.intersect(ui.clip_rect()));
        content(ui);
    });
}
