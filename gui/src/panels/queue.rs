//! Waiting, running and finished jobs.

use std::{
    path::{Path, PathBuf, absolute},
    time::Duration,
};

use egui::{
    Align, Button, Frame, Layout, OpenUrl, ProgressBar, RichText, Role, ScrollArea, Ui, WidgetInfo,
};
use inceptive_files::program;

use crate::{
    command::{Command, Commands},
    jobs::Job,
    model::{JobState, Model, Status},
    theme::colors,
};

/// Why the system's program is not started.
const UNSAFE_PATH: &str = "PATH has relative entries, so a program from the working folder could be started \
                           instead; open the page yourself";

/// What is said of training that must not disturb a measurement.
const WAITS: &str = "waits for a measurement";

/// Interval at which the elapsed time of running jobs is redrawn.
const TICK: Duration = Duration::from_millis(500);

/// Which jobs are listed.
pub(super) struct Kind {
    /// Whether a job is one of them.
    pub takes: fn(&Job) -> bool,
    /// What is said while there are none.
    pub hint: &'static str,
}

/// Minimum width, in points, at which parts of a screen are next to each other.
pub(super) const SIDE_BY_SIDE: f32 = 760.0;

/// Draws a setup next to the list of jobs, or above it in a narrow window. `name` is the name of the scroll area, and `share`
/// the share of the height that both may take.
pub(super) fn beside(
    ui: &mut Ui,
    (name, share): (&str, f32),
    (kind, model): (&Kind, &Model),
    commands: &mut Commands,
    mut setup: impl FnMut(&mut Ui, &mut Commands),
) {
    let most = (ui.available_height() * share).max(120.0);
    let area = ScrollArea::vertical().id_salt(name).max_height(most);
    let is_narrow = ui.available_width() < SIDE_BY_SIDE;
    area.auto_shrink([false, true]).show(ui, |area| {
        if is_narrow {
            setup(area, commands);
            area.add_space(8.0);
            self::ui(area, kind, model, commands);
            return;
        }
        area.columns(2, |columns| {
            if let [left, right] = columns {
                setup(left, commands);
                self::ui(right, kind, model, commands);
            }
        });
    });
}

/// Draws the list of jobs, the latest first.
pub(super) fn ui(ui: &mut Ui, kind: &Kind, model: &Model, commands: &mut Commands) {
    let jobs: Vec<&JobState> = model.jobs.long().filter(|state| (kind.takes)(&state.job)).collect();
    ui.horizontal(|ui| {
        ui.strong("Queue");
        if jobs.iter().any(|state| !state.status.is_active())
            && ui.small_button("Clear finished").clicked()
        {
            commands.push(Command::ForgetJobs);
        }
    });
    if jobs.is_empty() {
        ui.weak(kind.hint);
    }
    if jobs.iter().any(|state| matches!(state.status, Status::Running(_))) {
        ui.ctx().request_repaint_after(TICK);
    }
    for state in jobs.into_iter().rev() {
        let frame = Frame::NONE
            .fill(ui.visuals().faint_bg_color)
            .corner_radius(4.0)
            .inner_margin(egui::Margin::symmetric(8, 4));
        frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            job(ui, state, commands);
        });
    }
}

fn job(ui: &mut Ui, state: &JobState, commands: &mut Commands) {
    let palette = colors(ui);
    let title = state.job.title();
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if state.status.is_active() {
                let (word, hover) = match state.job {
                    Job::Train(_) => {
                        ("Stop", "Whole epochs are kept; start the same again to go on")
                    }
                    Job::Inspect(_) => ("Stop", "Nothing of it is kept"),
                    Job::Explore(_) | Job::CompareSpaces(_) => {
                        ("Stop", "Whole epochs and results are kept; start the same again to go on")
                    }
                    _ => ("Cancel", "Finished results are kept"),
                };
                let cancel = ui.small_button(word).on_hover_text(hover);
                cancel.widget_info(|| {
                    WidgetInfo::labeled(Role::Button, true, format!("{word} {title}"))
                });
                if cancel.clicked() {
                    commands.push(Command::Stop(state.id));
                }
            }
            if let Some(time) = state.time() {
                ui.label(RichText::new(duration(time)).color(palette.weak));
            }
            let (word, color) = match &state.status {
                Status::Waiting => ("waiting", palette.weak),
                Status::Running(_) if state.training.waits => ("paused", palette.warning),
                Status::Running(_) => ("running", palette.accent),
                Status::Done => ("done", palette.good),
                Status::Failed(_) => ("failed", palette.error),
                Status::Stopped => ("stopped", palette.weak),
            };
            ui.label(RichText::new(word).color(color));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(title.as_str()).truncate());
            });
        });
    });
    match &state.status {
        Status::Running(progress) => {
            let bar = ProgressBar::new(progress.share).show_percentage().desired_height(14.0);
            ui.add(bar.desired_width(ui.available_width()));
            if state.training.waits {
                ui.label(RichText::new(WAITS).small().color(palette.warning));
            } else if !progress.activity.is_empty() {
                ui.label(RichText::new(&progress.activity).small().color(palette.weak));
            }
        }
        Status::Failed(message) => {
            ui.label(RichText::new(message).color(palette.error));
        }
        Status::Waiting | Status::Done | Status::Stopped => {}
    }
    for note in &state.notes {
        ui.label(RichText::new(note).color(palette.warning));
    }
    if let Some(page) = page(&state.written) {
        ui.horizontal_wrapped(|ui| {
            // The system's opener is searched in all of them.
            let is_safe = program::relative_entries().is_empty();
            let button = ui.add_enabled(is_safe, Button::new("Open page").small());
            let button = button.on_hover_text("Open with the default program");
            if button.on_disabled_hover_text(UNSAFE_PATH).clicked() {
                ui.ctx().open_url(OpenUrl::new_tab(address(page)));
            }
            ui.label(RichText::new(page.display().to_string()).small());
        });
    }
}

/// The file to open of those that a job wrote: the page.
fn page(files: &[PathBuf]) -> Option<&Path> {
    let with = |wanted: &str| {
        files.iter().find(|file| file.extension().is_some_and(|extension| extension == wanted))
    };
    with("html").or_else(|| with("md")).map(PathBuf::as_path)
}

/// A file as the system opens it.
fn address(file: &Path) -> String {
    let path = absolute(file).unwrap_or_else(|_| file.to_owned());
    let mut address = "file://".to_owned();
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                address.push(char::from(byte));
            }
            byte => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

/// `0.4 s`, `12 s`, `3 min 5 s`.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_addresses() {
        assert_eq!(address(Path::new("/tmp/a b/ü.md")), "file:///tmp/a%20b/%C3%BC.md");
        let files = ["data.csv", "report.md"].map(PathBuf::from);
        assert_eq!(page(&files), Some(Path::new("report.md")));
        assert_eq!(page(&files[..1]), None);
    }

    #[test]
    fn times_are_short() {
        for (ms, text) in [(420, "0.4 s"), (12_700, "12 s"), (185_000, "3 min 5 s")] {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
    }
}
