//! Keeping results and showing progress while networks are measured.

use std::{
    io::{self, IsTerminal},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use inceptive_exec::{
    Candidate, Description, Event, Measurement, Observer, Protocol, Roofline, Setting, Subject,
};
use inceptive_store::Store;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output;

/// What a result says of a candidate besides its times.
#[derive(Clone)]
pub struct Entry {
    /// The network.
    pub subject: Subject,
    /// The engine.
    pub description: Description,
    /// The machine's limits.
    pub roofline: Roofline,
}

/// Steps of the bar for each candidate.
const STEPS: u64 = 100;

/// Results so far, and the bar.
pub struct Watch<'a> {
    store: Store,
    setting: Setting<'a>,
    entries: Vec<Entry>,
    shares: Vec<f64>,
    done: usize,
    /// With their places in the order of the command line.
    measurements: Vec<(usize, Measurement)>,
    failed: bool,
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl<'a> Watch<'a> {
    /// Nothing measured yet of `count` candidates.
    pub fn new(
        store: Store,
        setting: Setting<'a>,
        count: usize,
        is_quiet: bool,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let bar = ProgressBar::new(count as u64 * STEPS);
        if is_quiet || !io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {eta} {msg}") {
            bar.set_style(style);
        }
        Self {
            store,
            setting,
            entries: vec![],
            shares: vec![],
            done: 0,
            measurements: vec![],
            failed: false,
            bar,
            stop,
        }
    }

    /// How it is measured.
    pub fn protocol(&self) -> &Protocol {
        self.setting.protocol
    }

    /// Starts with other candidates.
    pub fn next_group(&mut self, entries: Vec<Entry>) {
        self.done += self.entries.len();
        self.shares = vec![0.0; entries.len()];
        self.entries = entries;
    }

    /// Says that something went wrong; the rest goes on.
    pub fn fail(&mut self, message: &str) {
        self.failed = true;
        self.bar.suspend(|| output::warn(message));
    }

    /// Whether something went wrong.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// Everything that was measured, in the order of the command line.
    pub fn finish(mut self) -> Vec<Measurement> {
        self.bar.finish_and_clear();
        self.measurements.sort_by_key(|(place, _)| *place);
        self.measurements.into_iter().map(|(_, measurement)| measurement).collect()
    }

    /// An observer of these candidates.
    pub fn over<'w>(&'w mut self, candidates: &'w [Candidate<'w>]) -> Over<'w, 'a> {
        Over { watch: self, candidates }
    }

    fn progress(&mut self, at: usize, share: f64, message: &str) {
        self.shares[at] = share.clamp(0.0, 1.0);
        #[expect(clippy::cast_precision_loss, reason = "a bar is short")]
        let done = self.done as f64 + self.shares.iter().sum::<f64>();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within the bar"
        )]
        self.bar.set_position((done * STEPS as f64) as u64);
        self.bar.set_message(format!("{message} {}", self.entries[at].subject.name));
    }

    /// A result that cannot be kept is still shown at the end; measuring more would lose more.
    fn keep(&mut self, at: usize, measurement: Measurement) {
        if let Err(error) = self.store.append(&measurement) {
            self.fail(&format!("error: {error}"));
            self.stop.store(true, Ordering::Relaxed);
        }
        self.measurements.push((self.done + at, measurement));
    }
}

/// Watches one call of `measure`.
pub struct Over<'w, 'a> {
    watch: &'w mut Watch<'a>,
    candidates: &'w [Candidate<'w>],
}

impl Observer for Over<'_, '_> {
    fn event(&mut self, at: usize, event: Event) {
        let Entry { subject, description, roofline } = self.watch.entries[at].clone();
        let candidate = &self.candidates[at];
        let label = || format!("{} on {}", subject.name, candidate.engine.name());
        match event {
            Event::Loading => self.watch.progress(at, 0.0, "loading"),
            Event::WarmingUp => self.watch.progress(at, 0.0, "warming up"),
            Event::Measuring(share) => self.watch.progress(at, share, "measuring"),
            Event::Finished(run) => {
                self.watch.progress(at, 1.0, "measured");
                let setting = Setting { ..self.watch.setting };
                let measurement =
                    Measurement::new(subject, candidate, &description, roofline, &setting, &run);
                self.watch.keep(at, measurement);
            }
            Event::Abandoned => {
                let message = format!("stopped before there was a result: {}", label());
                self.watch.progress(at, 1.0, "stopped");
                self.watch.fail(&message);
            }
            Event::Failed(error) => {
                let message = format!("error: {}: {error}", label());
                self.watch.progress(at, 1.0, "failed");
                self.watch.fail(&message);
            }
        }
    }

    fn wants_stop(&self) -> bool {
        self.watch.stop.load(Ordering::Relaxed)
    }
}
