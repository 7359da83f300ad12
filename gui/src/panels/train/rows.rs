//! Active runs, and those of the store.

use egui::{ComboBox, Role, TextEdit, Ui, WidgetInfo};
use inceptive_app::RunState;
use inceptive_results::{NetworkFact, TrainingOutcome, TrainingRun, distinct_labels};
use inceptive_store::Stored;

use crate::{
    jobs::{Job, JobId, TrainRequest},
    model::{JobState, LiveRun, Model},
    panels::queue::duration,
    results::TrainedOn,
};

/// Identifies a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowId {
    /// A run of a job, by its index.
    Live(JobId, usize),
    /// A run of the store by its number.
    Stored(i64),
}

/// An active run, or one of the store.
pub(super) enum Row<'a> {
    /// A run that is waiting, active, stopped or failed.
    Live {
        /// Its job.
        job: &'a JobState,
        /// The job's request.
        request: &'a TrainRequest,
        /// Its index in the job.
        at: usize,
        /// The run.
        run: &'a LiveRun,
    },
    /// A run of the store.
    Stored(&'a Stored<TrainingRun>),
}

impl Row<'_> {
    pub const fn id(&self) -> RowId {
        match self {
            Self::Live { job, at, .. } => RowId::Live(job.id, *at),
            Self::Stored(stored) => RowId::Stored(stored.id),
        }
    }

    /// The network, with its settings.
    pub fn network(&self) -> String {
        match self {
            Self::Live { run, .. } => run.planned.network.clone(),
            Self::Stored(stored) => stored.result.subject.name_with_point(),
        }
    }

    /// Its file, and its graph, if that is known already.
    fn facts(&self) -> [Option<NetworkFact<'_>>; 2] {
        match self {
            Self::Live { run, .. } => [Some(NetworkFact::File(&run.planned.file)), None],
            Self::Stored(stored) => {
                let TrainingRun { subject, training_fingerprint, .. } = &stored.result;
                [NetworkFact::File(&subject.file), NetworkFact::Graph(training_fingerprint)]
                    .map(Some)
            }
        }
    }

    pub const fn seed(&self) -> u64 {
        match self {
            Self::Live { run, .. } => run.planned.seed,
            Self::Stored(stored) => stored.result.seed,
        }
    }

    /// Data and recipe.
    pub fn trained_on(&self) -> String {
        match self {
            Self::Live { request, .. } => format!("{}, {}", request.data, request.recipe),
            Self::Stored(stored) => TrainedOn::new(&stored.result).label(),
        }
    }

    pub fn state(&self) -> &'static str {
        let (job, run) = match self {
            Self::Live { job, run, .. } => (job, run),
            Self::Stored(stored) => {
                return match stored.result.outcome {
                    TrainingOutcome::Finished => "finished",
                    TrainingOutcome::Diverged { .. } => "diverged",
                };
            }
        };
        let (is_active, waits) = (job.status.is_active(), job.training.waits);
        match run.planned.state {
            RunState::Waiting if is_active => "waiting",
            RunState::Waiting => "not started",
            RunState::Running if is_active && waits => "waits for a measurement",
            RunState::Running if is_active => "running",
            RunState::Running | RunState::Stopped | RunState::Paused => "stopped",
            RunState::Failed => "failed",
            RunState::Known | RunState::Finished => "finished",
            RunState::Diverged => "diverged",
        }
    }

    /// `2.4/10`.
    pub fn epoch(&self) -> String {
        match self {
            Self::Live { run, .. } => format!("{:.1}/{}", run.done(), run.planned.epochs),
            Self::Stored(stored) => {
                let TrainingRun { history, epochs, .. } = &stored.result;
                format!("{}/{epochs}", history.last().map_or(0, |epoch| epoch.epoch))
            }
        }
    }

    pub fn loss(&self) -> Option<f64> {
        match self {
            Self::Live { run, .. } => run.loss(),
            Self::Stored(stored) => stored.result.train_loss,
        }
    }

    /// On validation images, or on training images if there are none.
    pub fn accuracy(&self) -> Option<f64> {
        match self {
            Self::Live { run, .. } => run.accuracy(),
            Self::Stored(stored) => {
                let run = &stored.result;
                run.val_top1.or_else(|| run.history.last()?.train_top1)
            }
        }
    }

    pub const fn test_top1(&self) -> Option<f64> {
        match self {
            Self::Live { .. } => None,
            Self::Stored(stored) => stored.result.test_top1,
        }
    }

    pub const fn images_per_s(&self) -> Option<f64> {
        match self {
            Self::Live { run, .. } => run.images_per_s,
            Self::Stored(stored) => Some(stored.result.images_per_s),
        }
    }

    /// The time left, or the duration.
    pub fn time(&self) -> Option<String> {
        match self {
            Self::Live { run, .. } => Some(format!("{} left", duration(run.time_left()?))),
            Self::Stored(stored) => {
                std::time::Duration::try_from_secs_f64(stored.result.seconds).ok().map(duration)
            }
        }
    }
}

/// The names of the rows' networks with their settings; to equal names, the file or graph is added.
pub(super) fn networks(rows: &[Row<'_>]) -> Vec<String> {
    let facts: Vec<_> = rows.iter().map(Row::facts).collect();
    distinct_labels(rows.iter().map(Row::network).collect(), &facts)
}

/// Which runs of the store are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Wanted {
    /// Runs with the data set and recipe of the latest run.
    #[default]
    Latest,
    All,
    Of(TrainedOn),
}

/// The filter of runs.
#[derive(Default)]
pub(super) struct Rows {
    /// Text that the network's name has to contain.
    network: String,
    wanted: Wanted,
    /// The data sets and recipes in the store, and the version of the results from which they were read.
    known: (u64, Vec<TrainedOn>),
}

impl Rows {
    /// Active runs, and those of the store that match the filter, the latest first.
    pub fn shown<'a>(&mut self, model: &'a Model) -> Vec<Row<'a>> {
        if self.known.0 != model.results.reading {
            self.known = (model.results.reading, model.results.trained_on());
        }
        let words = self.network.to_lowercase();
        let wanted = match &self.wanted {
            Wanted::Latest => self.known.1.first(),
            Wanted::All => None,
            Wanted::Of(data) => Some(data),
        };
        let is_wanted = |run: &TrainingRun| {
            wanted.is_none_or(|wanted| wanted.is_of(run))
                && (words.is_empty()
                    || run.subject.name_with_point().to_lowercase().contains(&words))
        };
        let stored = model.results.training_runs.iter().rev();
        let stored = stored.filter(|stored| is_wanted(&stored.result)).map(Row::Stored);
        let live = model.jobs.long().filter_map(|job| match &job.job {
            Job::Train(request) => Some((job, request)),
            _ => None,
        });
        let mut live: Vec<_> = live.collect();
        live.reverse();
        let live = live.into_iter().flat_map(|(job, request)| {
            let runs = job.training.runs.iter().enumerate();
            runs.map(move |(at, run)| (job, request, at, run))
        });
        // The store has the others.
        let is_live = |run: &LiveRun| {
            !matches!(run.planned.state, RunState::Known | RunState::Finished | RunState::Diverged)
                && run.planned.network.to_lowercase().contains(&words)
        };
        live.filter(|(.., run)| is_live(run))
            .map(|(job, request, at, run)| Row::Live { job, request, at, run })
            .chain(stored)
            .collect()
    }

    /// Draws which runs of the store are shown.
    pub fn filters(&mut self, ui: &mut Ui, model: &Model) {
        ui.label(format!("Runs ({})", model.results.training_runs.len()));
        let filter = TextEdit::singleline(&mut self.network)
            .hint_text("Filter by network")
            .desired_width(130.0);
        ui.add(filter).widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter runs"));
        let labels = TrainedOn::labels(&self.known.1);
        let shown = match &self.wanted {
            Wanted::Latest => "latest data and recipe",
            Wanted::All => "all data and recipes",
            Wanted::Of(data) => {
                let at = self.known.1.iter().position(|known| known == data);
                at.map_or("no runs", |at| &labels[at])
            }
        };
        let list = ComboBox::from_id_salt("trained on").selected_text(shown).width(200.0);
        let response = list.truncate().show_ui(ui, |ui| {
            ui.selectable_value(&mut self.wanted, Wanted::Latest, "latest data and recipe");
            ui.selectable_value(&mut self.wanted, Wanted::All, "all data and recipes");
            for (data, label) in self.known.1.iter().zip(&labels) {
                ui.selectable_value(&mut self.wanted, Wanted::Of(data.clone()), label);
            }
        });
        response.response.on_hover_text("Filter by data and recipe");
    }
}
