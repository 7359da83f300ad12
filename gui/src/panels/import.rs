//! The question for a table of the user's own results.

use egui::{Button, Context, Key, RichText, Role, TextEdit, WidgetInfo};

use crate::{
    command::{Command, Commands},
    jobs::Job,
    model::Model,
    theme::colors,
};

/// The question, while it is asked.
#[derive(Default)]
pub struct Import {
    asked: Option<String>,
    /// Whether the path is to get the keyboard.
    focuses: bool,
    /// Whether the table is being read.
    waits: bool,
}

impl Import {
    /// Asks for the path of a table.
    pub(crate) fn ask(&mut self) {
        let folder = std::env::current_dir().unwrap_or_default();
        let asked = Some(folder.join("results.csv").display().to_string());
        *self = Self { asked, focuses: true, waits: false };
    }

    /// Draws the question. It stays until the table is imported.
    pub fn ui(&mut self, ctx: &Context, model: &Model, commands: &mut Commands) {
        let is_read = |job: &Job| matches!(job, Job::Import(request) if request.has_dialog);
        let goes_on = model.jobs.active().any(|state| is_read(&state.job));
        if self.waits && !goes_on {
            if model.import_problem.is_none() {
                self.asked = None;
            }
            (self.waits, self.focuses) = (false, true);
        }
        let Self { asked: Some(path), focuses, waits } = self else { return };
        let modal = super::question(ctx, "import", 460.0, |ui| {
            ui.heading("Import results");
            ui.label(
                "A CSV file with a column network (names of files, titles or fingerprints) and at least one of top1, top5 (percent) \
                 and latency_ms; dataset, source and note are optional. A file can also be dropped on the window.",
            );
            let field = ui.add(TextEdit::singleline(path).desired_width(f32::INFINITY));
            field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path of the table"));
            super::focus_once(&field, focuses);
            if let Some(problem) = model.import_problem.as_ref().filter(|_| !*waits) {
                ui.label(RichText::new(problem).color(colors(ui).error));
            }
            let enter = ui.input(|input| input.key_pressed(Key::Enter));
            ui.horizontal(|ui| {
                let can = !*waits && !path.trim().is_empty();
                let imports = ui.add_enabled(can, Button::new("Import")).clicked();
                ((imports || enter) && can, ui.button("Cancel").clicked())
            })
            .inner
        });
        let (imports, cancels) = modal.inner;
        if imports {
            commands.push(Command::Import { table: path.trim().into(), has_dialog: true });
            self.waits = true;
        } else if cancels || modal.should_close() {
            *self = Self::default();
        }
    }
}
