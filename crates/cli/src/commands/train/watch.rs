//! Progress while networks are trained.

use std::{
    cell::RefCell,
    io::{self, IsTerminal},
};

use inceptive_app::{ExploreEvent, PlannedRun, RunState, SideBySide, TaskEvent, TrainingEvent};
use inceptive_explore::wave_sentences;
use inceptive_format::{counted, exact, significant};
use inceptive_results::Exploration;
use inceptive_train::{Epoch, Progress};

use crate::{commands::bench::watch::Watch, output, table::one_line};

/// Shows the progress of training on standard error: a bar on a terminal, else a line for each epoch.
pub struct TrainWatch {
    watch: Watch,
    is_quiet: bool,
    has_bar: bool,
    /// Whether the command has the option --again.
    can_repeat: bool,
    runs: RefCell<Runs>,
}

#[derive(Default)]
struct Runs {
    planned: Vec<PlannedRun>,
    /// The title of the space that is searched, with which all names begin.
    space: String,
    /// Progress and speed of each active run.
    active: Vec<Option<(Progress, f64)>>,
}

impl TrainWatch {
    /// Shows progress unless it is quiet.
    pub fn new(is_quiet: bool) -> Self {
        let watch = Watch::new(is_quiet, true);
        let has_bar = io::stderr().is_terminal() && !is_quiet;
        Self { watch, is_quiet, has_bar, can_repeat: true, runs: RefCell::default() }
    }

    /// The same for a command without the option --again.
    pub fn without_again(is_quiet: bool) -> Self {
        Self { can_repeat: false, ..Self::new(is_quiet) }
    }

    /// Shows an event.
    pub fn event(&self, event: &TaskEvent) {
        match event {
            TaskEvent::Training(event) => self.training(event),
            TaskEvent::Exploring(event) => self.exploring(event),
            TaskEvent::Progress { done, .. } if self.has_bar => {
                let activity = self.runs.borrow().activity();
                self.watch.event(&TaskEvent::Progress { done: *done, activity });
            }
            TaskEvent::Progress { .. } => {}
            other => self.watch.event(other),
        }
    }

    fn training(&self, event: &TrainingEvent) {
        let mut runs = self.runs.borrow_mut();
        match event {
            TrainingEvent::Runs(planned) => {
                if let Some(known) = PlannedRun::known(planned) {
                    let hint = if self.can_repeat { "; --again repeats them" } else { "" };
                    self.line(&format!("{known}{hint}"));
                }
                runs.active = vec![None; planned.len()];
                runs.planned.clone_from(planned);
            }
            TrainingEvent::SideBySide(chosen) => self.line(&side_by_side(chosen)),
            TrainingEvent::Started { run, history } if !history.is_empty() => {
                let epochs = counted(history.len(), "epoch", "epochs");
                self.line(&format!("{} resumes after {epochs}", runs.name(*run)));
            }
            TrainingEvent::Started { .. } => {}
            TrainingEvent::Step { run, progress, images_per_s } => {
                runs.active[*run] = Some((*progress, *images_per_s));
            }
            TrainingEvent::Epoch { run, epoch } if !self.has_bar => {
                let (name, of) = (runs.name(*run), runs.planned[*run].epochs);
                self.line(&format!("{name}: {}", epoch_line(epoch, of)));
            }
            TrainingEvent::Epoch { .. } => {}
            TrainingEvent::Ended { run, state } => {
                runs.active[*run] = None;
                runs.planned[*run].state = *state;
                let said = match state {
                    RunState::Finished => "finished",
                    RunState::Diverged => "diverged; the other runs continue",
                    RunState::Stopped => {
                        "stopped; the same command resumes after the last whole epoch"
                    }
                    RunState::Paused
                    | RunState::Failed
                    | RunState::Known
                    | RunState::Waiting
                    | RunState::Running => {
                        return;
                    }
                };
                self.line(&format!("{}: {said}", runs.name(*run)));
            }
            TrainingEvent::Waiting(waits) => self.line(match waits {
                true => "training is paused during a measurement",
                false => "training resumes",
            }),
        }
    }

    fn exploring(&self, event: &ExploreEvent) {
        let networks = |count: usize| counted(count, "network", "networks");
        if let ExploreEvent::Planned(plan) = event {
            self.runs.borrow_mut().space.clone_from(&plan.space.title);
        }
        self.line(&match event {
            ExploreEvent::Counted(space) => format!(
                "{} counted in {:.2} s, {} satisfy all conditions",
                counted(space.points as usize, "network", "networks"),
                space.seconds,
                exact(space.feasible)
            ),
            ExploreEvent::Planned(plan) if plan.is_finished() => {
                "the store has this search with its results; --again repeats it".to_owned()
            }
            ExploreEvent::Planned(plan) => plan_line(plan),
            ExploreEvent::Rung { epochs, networks: count, .. } => {
                let epochs = counted(*epochs as usize, "epoch", "epochs");
                format!("training {} for {epochs}", networks(*count))
            }
            ExploreEvent::Chosen { plan, wave } => {
                wave_sentences(plan).into_iter().nth(*wave).unwrap_or_default()
            }
            ExploreEvent::Measuring { networks: count } => {
                format!("measuring the latency of {}", networks(*count))
            }
            ExploreEvent::Doubtful { networks: count } => format!(
                "warning: the latency of {} stays imprecise: other programs use this machine",
                networks(*count)
            ),
            ExploreEvent::Finalists(finalists) => {
                format!("training {} with all seeds", networks(finalists.len()))
            }
        });
    }

    fn line(&self, text: &str) {
        if !self.is_quiet {
            self.watch.suspend(|| output::warn(&one_line(text)));
        }
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.watch.finish();
    }
}

impl Runs {
    fn name(&self, run: usize) -> String {
        let PlannedRun { network, seed, .. } = &self.planned[run];
        let in_space = network.strip_prefix(self.space.as_str()).map(str::trim_start);
        let name = in_space.filter(|point| !point.is_empty()).unwrap_or(network);
        format!("{name}, seed {seed}")
    }

    /// The active runs, in one line.
    fn activity(&self) -> String {
        let active =
            self.active.iter().enumerate().filter_map(|(run, state)| Some((run, (*state)?)));
        let mut images = 0.0;
        let mut texts = vec![];
        for (run, (progress, images_per_s)) in active {
            images += images_per_s;
            let Progress { epoch, loss, top1, .. } = progress;
            let of = self.planned[run].epochs;
            texts.push(format!("{} {epoch}/{of}: loss {loss:.3}, {top1:.1}%", self.name(run)));
        }
        match texts.is_empty() {
            true => "preparing".to_owned(),
            false => format!("{} images/s; {}", significant(images), texts.join("; ")),
        }
    }
}

/// The number of runs at the same time, and the measured speeds.
fn side_by_side(chosen: &SideBySide) -> String {
    let SideBySide { runs, threads, images_per_s } = *chosen;
    let each = counted(threads as usize, "thread", "threads");
    let chosen = match runs {
        1 => format!("one run at a time on {each}"),
        _ => format!("{runs} runs at the same time, each on {each}"),
    };
    match images_per_s {
        Some([single, parallel]) => format!(
            "{chosen}: measured {} images/s with several runs, {} with one",
            significant(parallel),
            significant(single)
        ),
        None => chosen,
    }
}

/// What a search will do.
fn plan_line(plan: &Exploration) -> String {
    let rungs: Vec<String> = plan
        .rungs
        .iter()
        .map(|[epochs, networks]| {
            format!("{networks} for {}", counted(*epochs as usize, "epoch", "epochs"))
        })
        .collect();
    format!(
        "plan: {} networks, trained {}; {} finalists with {}; about {:.0} min",
        plan.networks.len(),
        rungs.join(", "),
        plan.finalists,
        counted(plan.request.seeds as usize, "seed", "seeds"),
        (plan.planned_seconds / 60.0).max(1.0)
    )
}

fn epoch_line(epoch: &Epoch, of: u32) -> String {
    let Epoch { loss, train_top1, .. } = epoch;
    let validation = match epoch.val_top1 {
        Some(top1) => format!(", validation {top1:.2}%"),
        None => String::new(),
    };
    format!(
        "epoch {} of {of}, loss {loss:.4}, training {train_top1:.2}%{validation}, {} images/s, {:.1} s",
        epoch.epoch,
        exact(epoch.images_per_s.round().max(0.0) as u64),
        epoch.seconds
    )
}
