//! Jobs between frames: a page has no threads.

use std::time::Duration;

use web_time::Instant;

use super::{Lane, worker::Runner};

/// The lanes, those first whose jobs a person waits for.
const ORDER: [Lane; 5] = [Lane::Quick, Lane::Layout, Lane::Background, Lane::Measure, Lane::Train];

/// How long jobs are started before a frame is drawn.
const SLICE: Duration = Duration::from_millis(20);

/// Runs jobs when it is asked to.
pub(super) struct Lanes(Runner);

impl Lanes {
    /// Keeps what runs jobs.
    pub const fn start(runner: Runner) -> Self {
        Self(runner)
    }

    /// Runs jobs that wait, as many as there is time for.
    pub fn go_on(&self) {
        let Self(runner) = self;
        let start = Instant::now();
        let next =
            || runner.shared.change(|queue| ORDER.into_iter().find_map(|lane| queue.take(lane)));
        while start.elapsed() < SLICE {
            let Some(task) = next() else { return };
            runner.run(task);
        }
        runner.ctx.request_repaint();
    }
}
