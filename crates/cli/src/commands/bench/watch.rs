//! Progress while networks are measured.

use std::{
    cell::{Cell, RefCell},
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use inceptive_app::{TaskError, TaskEvent, TaskFailure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{input, output, table::one_line};

/// Steps of the bar for each result.
const STEPS: u64 = 100;

/// Minimum time between two lines of progress where there is no bar.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Shows the progress of tasks on standard error: as a bar on a terminal, else as a line now and then. Errors, and notes
/// about networks if they are wanted, are printed as they come.
pub struct Watch {
    bar: ProgressBar,
    has_notes: bool,
    /// Lines instead of a bar; `None` for neither.
    lines: Option<Lines>,
}

/// Progress in lines, for logs.
struct Lines {
    planned: Cell<usize>,
    last: RefCell<Instant>,
}

impl Lines {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    fn step(&self, done: f64, activity: &str) {
        let mut last = self.last.borrow_mut();
        if last.elapsed() >= BETWEEN_LINES {
            *last = Instant::now();
            let (done, planned) = (done as usize, self.planned.get());
            output::warn(&format!("{done} of {planned} done; {}", one_line(activity)));
        }
    }
}

impl Watch {
    /// Shows progress unless it is quiet.
    pub fn new(is_quiet: bool, has_notes: bool) -> Self {
        let bar = ProgressBar::new(0);
        let is_terminal = io::stderr().is_terminal();
        if is_quiet || !is_terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {eta} {msg}") {
            bar.set_style(style);
        }
        let lines = (!is_quiet && !is_terminal)
            .then(|| Lines { planned: Cell::new(0), last: RefCell::new(Instant::now()) });
        Self { bar, has_notes, lines }
    }

    /// Shows an event.
    pub fn event(&self, event: &TaskEvent) {
        match event {
            TaskEvent::Planned(results) => {
                self.bar.set_length(*results as u64 * STEPS);
                self.bar.set_position(0);
                self.bar.reset_eta();
                if let Some(lines) = &self.lines {
                    lines.planned.set(*results);
                }
            }
            TaskEvent::Progress { done, activity } => self.step(*done, activity),
            TaskEvent::Loaded { notes, .. } if self.has_notes => {
                self.bar.suspend(|| notes.iter().for_each(input::print_note));
            }
            TaskEvent::Loaded { .. }
            | TaskEvent::Kept(_)
            | TaskEvent::Training(_)
            | TaskEvent::Exploring(_) => {}
            TaskEvent::Failed(failure) => self.bar.suspend(|| tell_failure(failure)),
        }
    }

    /// Shows how many results are done, with fractions, and the current activity.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "within the bar"
    )]
    fn step(&self, done: f64, activity: &str) {
        self.bar.set_position((done * STEPS as f64) as u64);
        self.bar.set_message(one_line(activity));
        if let Some(lines) = &self.lines {
            lines.step(done, activity);
        }
    }

    /// The bar.
    pub fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Does something while the bar is not shown, so that both can be read.
    pub fn suspend(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// Prints an error of a task; diagnostics with their places in the file.
fn tell_failure(failure: &TaskFailure) {
    match failure.error.as_deref() {
        Some(error) => tell(error),
        None => output::warn(&format!("error: {}", one_line(&failure.message))),
    }
}

/// Prints an error of a task that runs in this process.
pub fn tell(error: &TaskError) {
    match error {
        TaskError::Read(error) => input::report(error),
        other => output::input_error(other),
    }
}
