//! One run, from its start or its checkpoint to its result.

use std::{
    cell::Cell,
    sync::mpsc::{Sender, channel},
    time::{Duration, Instant},
};

use inceptive_results::{DatasetInfo, EpochRecord, RecipeInfo, TrainingOutcome, TrainingRun};
use inceptive_train::{Backend, CheckpointError, Epoch, Evaluation, TrainError, Trainer};

use super::{Message, RunId, Shared, TrainingEvent, files::RunFiles, lanes::Lanes};
use crate::{error::TaskError, running::now_unix_ms};

/// Minimum time between two step events.
const BETWEEN_STEPS: Duration = Duration::from_millis(100);

/// How a run ended.
pub(super) enum Ended {
    /// With a result, finished or diverged; its files are locked until it is saved.
    Done {
        result: Box<TrainingRun>,
        files: RunFiles,
    },
    /// Another program has saved its result.
    Known(Box<TrainingRun>),
    /// After the epoch until which it was to be trained.
    Paused,
    Stopped,
    Failed(TaskError),
}

/// Trains a network with a seed.
pub(super) fn train_one(
    shared: &Shared<'_>,
    id: RunId,
    lanes: &Lanes,
    sender: &Sender<Message>,
) -> Ended {
    let run = Run { shared, id, lanes, sender, waited: Cell::new(Duration::ZERO) };
    run.train().unwrap_or_else(|error| match error {
        TaskError::Train { error, .. } if matches!(*error, TrainError::Stopped) => Ended::Stopped,
        other => Ended::Failed(other),
    })
}

struct Run<'a> {
    shared: &'a Shared<'a>,
    id: RunId,
    lanes: &'a Lanes,
    sender: &'a Sender<Message>,
    /// Total duration of its pauses.
    waited: Cell<Duration>,
}

impl<'a> Run<'a> {
    fn label(&self) -> String {
        let info = &self.shared.subjects[self.id.subject].info;
        format!("{}, seed {}", info.name_with_point(), self.id.seed)
    }

    fn failed(&self) -> impl Fn(TrainError) -> TaskError {
        let label = self.label();
        move |error| TaskError::train(label.clone(), error)
    }

    fn send(&self, message: Message) {
        // The receiver waits for all runs.
        let _ = self.sender.send(message);
    }

    fn event(&self, event: TrainingEvent) {
        self.send(Message::Event(event));
    }

    fn train(&self) -> Result<Ended, TaskError> {
        let (shared, run) = (self.shared, self.id.run);
        let (folder, inputs) = (&shared.plan.folder, &shared.inputs);
        let files = shared.with_name(self.id, |name| RunFiles::lock(folder, name, inputs))?;
        let Some(mut files) = files else { return Err(TaskError::Busy { label: self.label() }) };
        if let Some(known) = self.known() {
            return Ok(Ended::Known(known));
        }
        let mut trainer = self.start(&mut files)?;
        self.event(TrainingEvent::Started { run, history: trainer.history().to_vec() });
        let last = shared.last_epoch() as usize;
        while !trainer.is_finished() {
            if trainer.history().len() >= last {
                return Ok(Ended::Paused);
            }
            match self.epoch(&mut trainer, &files) {
                Ok(()) => {}
                Err(TrainError::Diverged { epoch, step, rate, loss, cause }) => {
                    let steps = trainer.steps_per_epoch();
                    let step = u64::from(epoch.saturating_sub(1)) * steps + step;
                    let what = format!("the loss is {loss} with learning rate {rate}; {cause}");
                    let outcome = TrainingOutcome::Diverged { epoch, step, what };
                    let result = self.result(&trainer, None, None, outcome, 0.0);
                    return Ok(Ended::Done { result: Box::new(result), files });
                }
                Err(error) => return Err(self.failed()(error)),
            }
            trainer = self.keep(trainer, &files)?;
        }
        let weights = trainer.trained().map_err(|error| self.checkpoint_error(error))?;
        let weights = match files.write_weights(&weights) {
            Ok(path) => Some(path.to_string_lossy().into_owned()),
            Err(error) => {
                self.send(Message::Error(error.into()));
                None
            }
        };
        let start = Instant::now();
        let tested = trainer.test(&shared.halt).map_err(self.failed())?;
        let seconds = start.elapsed().as_secs_f64();
        if !tested.loss.is_finite() {
            let step = u64::from(shared.recipe.epochs) * trainer.steps_per_epoch();
            let what = format!("the loss on the test images is {}", tested.loss);
            let outcome = TrainingOutcome::Diverged { epoch: shared.recipe.epochs, step, what };
            let result = self.result(&trainer, None, weights, outcome, seconds);
            return Ok(Ended::Done { result: Box::new(result), files });
        }
        let finished = TrainingOutcome::Finished;
        let result = self.result(&trainer, Some(&tested), weights, finished, seconds);
        Ok(Ended::Done { result: Box::new(result), files })
    }

    /// Waits while runs have to pause.
    fn wait(&self) {
        self.waited.set(self.waited.get() + self.shared.wait());
    }

    /// The result of the run, if another program has saved it before the files were locked.
    fn known(&self) -> Option<Box<TrainingRun>> {
        let (known, receiver) = channel();
        self.send(Message::Locked { id: self.id, known });
        receiver.recv().unwrap_or_default()
    }

    fn checkpoint_error(&self, error: CheckpointError) -> TaskError {
        match error {
            CheckpointError::Train(error) => self.failed()(error),
            error => TaskError::Checkpoint { label: self.label(), error: Box::new(error) },
        }
    }

    /// Starts from the checkpoint if there is one, or from that of another trainer, else from random weights. A checkpoint that
    /// cannot be used is reported.
    fn start(&self, files: &mut RunFiles) -> Result<Trainer<'a>, TaskError> {
        let shared = self.shared;
        let (threads, runs) = self.lanes.share();
        let (task, machine) = (shared.task(self.id), shared.machine(threads, runs));
        let own = files.read_checkpoint()?;
        let other = || {
            let folder = &shared.plan.folder;
            shared.with_name(self.id, |name| files.read_other_checkpoint(folder, name))
        };
        if let Some(bytes) = own.or_else(other) {
            match Trainer::resume(task, &shared.backend, machine, &bytes, &shared.halt) {
                Ok(trainer) => return Ok(trainer),
                Err(CheckpointError::Train(error)) => return Err(self.failed()(error)),
                Err(error) => self.send(Message::Error(TaskError::Restarted {
                    label: self.label(),
                    error: Box::new(error),
                })),
            }
        }
        Trainer::new(task, &shared.backend, machine, &shared.halt).map_err(self.failed())
    }

    fn epoch(&self, trainer: &mut Trainer<'_>, files: &RunFiles) -> Result<(), TrainError> {
        let (shared, run) = (self.shared, self.id.run);
        let batch = f64::from(shared.recipe.batch);
        let (start, waited) = (Instant::now(), self.waited.get());
        let mut last_event = start;
        let last = || files.read_checkpoint().ok().flatten();
        let epoch = trainer.epoch(&shared.halt, last, |progress| {
            if last_event.elapsed() >= BETWEEN_STEPS || progress.step == progress.steps {
                last_event = Instant::now();
                let images = progress.step as f64 * batch;
                let spent = start.elapsed().saturating_sub(self.waited.get() - waited);
                let images_per_s = images / spent.as_secs_f64().max(1e-9);
                self.event(TrainingEvent::Step { run, progress, images_per_s });
            }
            self.wait();
        })?;
        let epoch = epoch.clone();
        self.event(TrainingEvent::Epoch { run, epoch });
        Ok(())
    }

    /// Writes the checkpoint. If the number of threads for the run has changed, training resumes with the new number: the
    /// results are bit-identical with any number.
    fn keep(&self, trainer: Trainer<'a>, files: &RunFiles) -> Result<Trainer<'a>, TaskError> {
        let bytes = trainer.checkpoint().map_err(|error| self.checkpoint_error(error))?;
        if let Err(error) = files.write_checkpoint(&bytes) {
            self.send(Message::Error(error.into()));
        }
        let (threads, runs) = self.lanes.share();
        let before = trainer.threads();
        let is_native = matches!(self.shared.backend, Backend::Native);
        if threads == before || !is_native || trainer.is_finished() {
            return Ok(trainer);
        }
        drop(trainer);
        let resume = |threads: usize| {
            let machine = self.shared.machine(threads, runs);
            let Shared { backend, halt, .. } = self.shared;
            Trainer::resume(self.shared.task(self.id), backend, machine, &bytes, halt)
        };
        let resumed = match resume(threads) {
            // More threads need more memory; it fitted before.
            Err(CheckpointError::Train(TrainError::Plan(_) | TrainError::Start(_))) => {
                resume(before)
            }
            resumed => resumed,
        };
        resumed.map_err(|error| self.checkpoint_error(error))
    }

    fn result(
        &self,
        trainer: &Trainer<'_>,
        tested: Option<&Evaluation>,
        weights: Option<String>,
        outcome: TrainingOutcome,
        test_seconds: f64,
    ) -> TrainingRun {
        let (shared, history) = (self.shared, trainer.history());
        let subject = &shared.subjects[self.id.subject];
        let last = history.last();
        let seconds: f64 = history.iter().map(|epoch| epoch.seconds).sum();
        let validation: f64 = history.iter().map(|epoch| epoch.validation_seconds).sum();
        let images: f64 = history.iter().map(|epoch| epoch.images_per_s * epoch.seconds).sum();
        let partition = trainer.partition();
        let content = serde_json::to_value(&shared.recipe).unwrap_or_default();
        TrainingRun {
            subject: subject.info.clone(),
            training_fingerprint: subject.training_fingerprint.clone(),
            fingerprint_with_paths: Some(subject.fingerprint_with_paths.clone()),
            dataset: DatasetInfo {
                label: shared.data.name.clone(),
                fingerprint: shared.data_fingerprint.clone(),
                classes: u32::try_from(shared.data.classes.len()).unwrap_or(u32::MAX),
                training_images: partition.train.len() as u64,
                validation_images: partition.validation.len() as u64,
                test_images: shared.data.test.len() as u64,
            },
            recipe: RecipeInfo {
                name: shared.recipe.name.clone(),
                fingerprint: shared.recipe_fingerprint.clone(),
                content,
            },
            seed: self.id.seed,
            epochs: shared.recipe.epochs,
            batch: shared.recipe.batch,
            trainer: shared.plan.trainer.name().to_owned(),
            trainer_version: trainer.pytorch_version().map(str::to_owned),
            device: shared.plan.device.clone(),
            accelerator: trainer.accelerator(),
            threads: u32::try_from(trainer.threads()).unwrap_or(u32::MAX),
            isa: trainer.isa().unwrap_or_default().to_owned(),
            auxiliary: shared.recipe.auxiliary && subject.has_heads,
            machine: shared.machine.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            finished_unix_ms: now_unix_ms(),
            // The sum of no numbers is -0.0.
            images_per_s: if history.is_empty() { 0.0 } else { images / seconds.max(1e-9) },
            seconds: seconds + validation + test_seconds,
            train_loss: last.map(|epoch| epoch.loss),
            val_loss: last.and_then(|epoch| epoch.val_loss),
            val_top1: last.and_then(|epoch| epoch.val_top1),
            test_loss: tested.map(|tested| tested.loss),
            test_top1: tested.map(Evaluation::top1_percent),
            test_top5: tested.map(Evaluation::top5_percent),
            // Empty with too many classes.
            confusion: tested.and_then(|tested| tested.confusion.matrix()).unwrap_or_default(),
            history: history.iter().map(epoch_record).collect(),
            checkpoint: weights,
            outcome,
        }
    }
}

/// An epoch as it is recorded.
pub(crate) fn epoch_record(epoch: &Epoch) -> EpochRecord {
    EpochRecord {
        epoch: epoch.epoch,
        loss: epoch.loss,
        train_top1: Some(epoch.train_top1),
        val_loss: epoch.val_loss,
        val_top1: epoch.val_top1,
        learning_rate: f64::from(epoch.learning_rate),
        seconds: epoch.seconds,
    }
}
