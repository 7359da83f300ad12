//! Networks while they are trained.

use std::time::Duration;

use inceptive_app::{PlannedRun, RunState, SideBySide, TrainingEvent};
use inceptive_train::{Epoch, Progress};
use web_time::Instant;

/// The runs of a training job.
#[derive(Debug, Default)]
pub struct Training {
    /// In the order in which they start.
    pub runs: Vec<LiveRun>,
    /// How many go side by side, once that is known.
    pub side_by_side: Option<SideBySide>,
    /// Whether all of them wait for a measurement.
    pub waits: bool,
}

/// A run that waits, goes on, or has ended.
#[derive(Debug)]
pub struct LiveRun {
    /// What is trained, and its state.
    pub planned: PlannedRun,
    /// Finished epochs.
    pub epochs: Vec<Epoch>,
    /// The loss of steps, by the number of finished epochs with fractions.
    pub losses: Vec<[f64; 2]>,
    /// How far its epoch is.
    pub progress: Option<Progress>,
    /// Images a second.
    pub images_per_s: Option<f64>,
    /// Every how many reported steps are kept.
    stride: usize,
    skipped: usize,
    /// A time since which it goes on, and how many epochs were finished then.
    since: Option<(Instant, f64)>,
}

/// The most steps of a run that are kept: more are not seen.
const MAX_STEPS: usize = 1000;

/// Shorter times say nothing about how long the rest takes.
const MIN_TIME: Duration = Duration::from_secs(1);

impl Training {
    pub(super) fn take_in(&mut self, event: TrainingEvent) {
        match event {
            TrainingEvent::Runs(runs) => self.runs = runs.into_iter().map(LiveRun::new).collect(),
            TrainingEvent::SideBySide(chosen) => self.side_by_side = Some(chosen),
            TrainingEvent::Waiting(waits) => {
                self.waits = waits;
                self.runs.iter_mut().for_each(|run| run.since = None);
            }
            TrainingEvent::Started { run, history } => self.with(run, |run| {
                run.planned.state = RunState::Running;
                run.epochs = history;
            }),
            TrainingEvent::Step { run, progress, images_per_s } => {
                self.with(run, |run| run.step(progress, images_per_s));
            }
            TrainingEvent::Epoch { run, epoch } => self.with(run, |run| run.epochs.push(epoch)),
            TrainingEvent::Ended { run, state } => self.with(run, |run| run.planned.state = state),
        }
    }

    fn with(&mut self, run: usize, change: impl FnOnce(&mut LiveRun)) {
        if let Some(run) = self.runs.get_mut(run) {
            change(run);
        }
    }
}

impl LiveRun {
    fn new(planned: PlannedRun) -> Self {
        Self {
            planned,
            epochs: vec![],
            losses: vec![],
            progress: None,
            images_per_s: None,
            stride: 1,
            skipped: 0,
            since: None,
        }
    }

    fn step(&mut self, progress: Progress, images_per_s: f64) {
        self.progress = Some(progress);
        self.images_per_s = Some(images_per_s);
        let done = self.done();
        self.since.get_or_insert((Instant::now(), done));
        self.skipped += 1;
        if self.skipped < self.stride {
            return;
        }
        self.skipped = 0;
        self.losses.push([done, progress.step_loss]);
        if self.losses.len() >= MAX_STEPS {
            let mut keeps = false;
            self.losses.retain(|_| {
                keeps = !keeps;
                keeps
            });
            self.stride *= 2;
        }
    }

    /// How many epochs are finished, with the fraction of the one that goes on.
    pub fn done(&self) -> f64 {
        let finished = self.epochs.len() as f64;
        let at = self.progress.map_or(0.0, |Progress { epoch, step, steps, .. }| {
            f64::from(epoch.saturating_sub(1)) + step as f64 / steps.max(1) as f64
        });
        finished.max(at)
    }

    /// The loss: of the steps of this epoch so far, else of the last epoch.
    pub fn loss(&self) -> Option<f64> {
        self.current().map(|progress| progress.loss).or_else(|| Some(self.epochs.last()?.loss))
    }

    /// The accuracy of the last epoch on validation images if there are some, else on training images; of the steps so
    /// far in the first epoch.
    pub fn accuracy(&self) -> Option<f64> {
        match self.epochs.last() {
            Some(epoch) => Some(epoch.val_top1.unwrap_or(epoch.train_top1)),
            None => Some(self.progress?.top1),
        }
    }

    /// Progress in an epoch that is not finished.
    fn current(&self) -> Option<Progress> {
        self.progress.filter(|progress| progress.epoch as usize > self.epochs.len())
    }

    /// The time that the rest takes at the present speed; `None` while that is not known.
    pub fn time_left(&self) -> Option<Duration> {
        let (since, before) = self.since?;
        let (time, done) = (since.elapsed(), self.done());
        if time < MIN_TIME || done <= before || self.planned.state != RunState::Running {
            return None;
        }
        let rest = (f64::from(self.planned.epochs) - done).max(0.0);
        Duration::try_from_secs_f64(time.as_secs_f64() * rest / (done - before)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(epoch: u32, step: u64) -> TrainingEvent {
        let progress = Progress { epoch, step, steps: 1000, loss: 2.0, step_loss: 1.5, top1: 30.0 };
        TrainingEvent::Step { run: 0, progress, images_per_s: 100.0 }
    }

    #[test]
    fn a_run_is_followed_from_its_events() {
        let mut training = Training::default();
        // An event of a run that is not known changes nothing.
        training.take_in(step(1, 1));
        training.take_in(TrainingEvent::Runs(vec![PlannedRun {
            network: "N".to_owned(),
            file: "n.yaml".to_owned(),
            seed: 0,
            epochs: 4,
            state: RunState::Waiting,
        }]));
        training.take_in(TrainingEvent::Started { run: 0, history: vec![] });
        for at in 1..=1000 {
            training.take_in(step(1, at));
        }
        let run = &training.runs[0];
        assert_eq!((run.done(), run.loss(), run.accuracy()), (1.0, Some(2.0), Some(30.0)));
        assert_eq!(run.losses.len(), MAX_STEPS / 2);
        let epoch = Epoch {
            epoch: 1,
            loss: 1.8,
            train_top1: 40.0,
            val_loss: None,
            val_top1: Some(45.0),
            learning_rate: 0.1,
            validation_seconds: 0.0,
            seconds: 1.0,
            images_per_s: 100.0,
        };
        training.take_in(TrainingEvent::Epoch { run: 0, epoch });
        training.take_in(step(2, 500));
        let run = &training.runs[0];
        assert_eq!((run.done(), run.loss(), run.accuracy()), (1.5, Some(2.0), Some(45.0)));
        training.take_in(TrainingEvent::Waiting(true));
        assert!(training.waits && training.runs[0].time_left().is_none());
        training.take_in(TrainingEvent::Ended { run: 0, state: RunState::Stopped });
        assert_eq!(training.runs[0].planned.state, RunState::Stopped);
    }
}
