//! Progress while networks are measured.

use std::io::{self, IsTerminal};

use inceptive_app::{BenchEvent, Network, ProfileEvent, TaskError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    input::{self, WeightsFrom},
    output,
    table::one_line,
};

/// Steps of the bar for each result.
const STEPS: u64 = 100;

/// A progress bar on a terminal, and errors on standard error; notes about networks and weights if weights are
/// given.
pub struct Watch<'a> {
    bar: ProgressBar,
    weights: Option<&'a WeightsFrom>,
}

impl<'a> Watch<'a> {
    /// A bar, hidden if standard error is not a terminal.
    pub fn new(is_quiet: bool, weights: Option<&'a WeightsFrom>) -> Self {
        let bar = ProgressBar::new(0);
        if is_quiet || !io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {eta} {msg}") {
            bar.set_style(style);
        }
        Self { bar, weights }
    }

    /// Shows the progress of a benchmark.
    pub fn event(&self, event: &BenchEvent<'_>) {
        match event {
            BenchEvent::Planned(results) => self.bar.set_length(*results as u64 * STEPS),
            BenchEvent::Progress { done, activity, network } => {
                self.step(*done, &format!("{activity} {network}"));
            }
            BenchEvent::Loaded(network) => self.loaded(network),
            BenchEvent::Kept(_) => {}
            BenchEvent::Wrong(trouble) => self.bar.suspend(|| tell(trouble)),
        }
    }

    /// Shows the progress of profiling.
    pub fn profile_event(&self, event: &ProfileEvent<'_>) {
        match event {
            ProfileEvent::Planned(profiles) => {
                self.bar.set_length(*profiles as u64 * STEPS);
                self.bar.set_position(0);
                self.bar.reset_eta();
            }
            ProfileEvent::Progress { done, activity } => self.step(*done, activity),
            ProfileEvent::Loaded(network) => self.loaded(network),
            ProfileEvent::Kept(_) => {}
            ProfileEvent::Wrong(trouble) => self.bar.suspend(|| tell(trouble)),
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
    }

    fn loaded(&self, network: &Network) {
        if let Some(weights) = self.weights {
            self.bar.suspend(|| remark(network, weights));
        }
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// Prints warnings and notes about a network before it is measured.
pub fn remark(network: &Network, weights: &WeightsFrom) {
    input::remark(&network.architecture);
    weights.note_matching(network.matching);
    input::note_subnormals(network.model.subnormals);
}

/// Prints an error of a task.
pub fn tell(trouble: &TaskError) {
    match trouble {
        TaskError::Read(error) => input::report(error),
        other => output::error(other),
    }
}
