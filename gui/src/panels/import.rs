//! The question for a table of the user's own results.

use egui::{Context, Key, Role, TextEdit, WidgetInfo};

use crate::command::{Command, Commands};

/// The question, while it is asked.
#[derive(Default)]
pub struct Import {
    asked: Option<String>,
    /// Whether the path is to get the keyboard.
    focuses: bool,
}

impl Import {
    /// Asks for the path of a table.
    pub(crate) fn ask(&mut self) {
        let folder = std::env::current_dir().unwrap_or_default();
        self.asked = Some(folder.join("results.csv").display().to_string());
        self.focuses = true;
    }

    /// Draws the question.
    pub fn ui(&mut self, ctx: &Context, commands: &mut Commands) {
        let Self { asked: Some(path), focuses } = self else { return };
        let modal = super::question(ctx, "import", 460.0, |ui| {
            ui.heading("Import results");
            ui.label(
                "A CSV file with a column network (names of files, titles or fingerprints) and at least one of top1, top5 (percent) \
                 and latency_ms; dataset, source and note are optional. A file can also be dropped on the window.",
            );
            let field = ui.add(TextEdit::singleline(path).desired_width(f32::INFINITY));
            field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path of the table"));
            super::focus_once(&field, focuses);
            let enter = ui.input(|input| input.key_pressed(Key::Enter));
            ui.horizontal(|ui| {
                let imports = ui.button("Import").clicked() || enter;
                (imports && !path.trim().is_empty(), ui.button("Cancel").clicked())
            })
            .inner
        });
        let (imports, cancels) = modal.inner;
        if imports {
            commands.push(Command::Import(path.trim().into()));
        }
        if imports || cancels || modal.should_close() {
            self.asked = None;
        }
    }
}
