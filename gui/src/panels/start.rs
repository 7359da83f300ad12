//! The button that starts a long job.

use egui::{Button, RichText, Ui};

use crate::{
    command::{Command, Commands},
    file::FilePath,
    jobs::Job,
};

/// A job that a button starts.
pub(super) struct Start<'s> {
    /// The job, or why there is none.
    pub job: Result<Job, String>,
    /// What is shown where the pointer is.
    pub hover: &'s str,
    /// Whether its key was pressed.
    pub has_key: bool,
}

impl Start<'_> {
    /// Draws the button; returns why there is no job. Files that are not saved are saved first.
    pub fn ui(
        self,
        ui: &mut Ui,
        unsaved: impl FnOnce() -> Vec<FilePath>,
        commands: &mut Commands,
    ) -> Option<String> {
        let Self { job, hover, has_key } = self;
        let start = Button::new(RichText::new("Start").strong()).min_size([70.0, 22.0].into());
        let response = ui.add_enabled(job.is_ok(), start).on_hover_text(hover);
        match job {
            Ok(job) if response.clicked() || has_key => {
                let unsaved = unsaved();
                commands.push(match unsaved.is_empty() {
                    true => Command::Start(job),
                    false => Command::SaveThen(unsaved, job),
                });
                None
            }
            Ok(_) => None,
            Err(problem) => {
                response.on_disabled_hover_text(problem.as_str());
                Some(problem)
            }
        }
    }
}
