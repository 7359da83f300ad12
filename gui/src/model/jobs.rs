//! The list of jobs.

use std::{path::PathBuf, time::Duration};

use web_time::Instant;

use super::{Message, search::Search, training::Training};
use crate::jobs::{
    Finish, Job, JobEvent, JobId, LayoutRequest, Output, Progress, StatisticsRequest, TensorRequest,
};

/// The status of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// Others are before it.
    Waiting,
    /// It runs.
    Running(Progress),
    /// It is over.
    Done,
    /// It is over without a result; why.
    Failed(String),
    /// It was stopped.
    Stopped,
}

impl Status {
    /// Whether it is not over.
    pub const fn is_active(&self) -> bool {
        matches!(self, Self::Waiting | Self::Running(_))
    }
}

/// A job that was started.
#[derive(Debug)]
pub struct JobState {
    /// Its number.
    pub id: JobId,
    /// The job.
    pub job: Job,
    /// Its status.
    pub status: Status,
    /// What went wrong with parts of it.
    pub notes: Vec<String>,
    /// Files that it wrote.
    pub written: Vec<PathBuf>,
    /// What it trains.
    pub training: Training,
    /// How far its search is.
    pub search: Search,
    /// Since when it runs.
    started: Option<Instant>,
    /// How long it took, once it is over.
    took: Option<Duration>,
}

impl JobState {
    /// How long it took, or takes so far; `None` while it waits, or if it never ran.
    pub fn time(&self) -> Option<Duration> {
        self.took.or_else(|| self.started.map(|start| start.elapsed()))
    }
}

/// Jobs that were started, oldest first. Quick ones are forgotten when they are over.
#[derive(Debug, Default)]
pub struct Jobs(Vec<JobState>);

impl Jobs {
    /// The jobs that are shown to the user, finished or not.
    pub fn long(&self) -> impl Iterator<Item = &JobState> {
        self.0.iter().filter(|state| state.job.lane().is_long())
    }

    /// Jobs of all kinds that are not finished.
    pub fn active(&self) -> impl Iterator<Item = &JobState> {
        self.0.iter().filter(|state| state.status.is_active())
    }

    pub(super) fn is_laying_out(&self, request: &LayoutRequest) -> bool {
        self.active().any(|state| matches!(&state.job, Job::Layout(known) if known == request))
    }

    pub(super) fn is_computing(&self, request: &StatisticsRequest) -> bool {
        self.active().any(|state| matches!(&state.job, Job::Statistics(known) if known == request))
    }

    pub(super) fn is_reading(&self, request: &TensorRequest) -> bool {
        self.active().any(|state| matches!(&state.job, Job::Tensor(known) if known == request))
    }

    pub(crate) fn add(&mut self, id: JobId, job: Job) {
        self.0.push(JobState {
            id,
            job,
            status: Status::Waiting,
            notes: vec![],
            written: vec![],
            training: Training::default(),
            search: Search::default(),
            started: None,
            took: None,
        });
    }

    pub(crate) fn forget_finished(&mut self) {
        self.0.retain(|state| state.status.is_active());
    }

    /// Updates the status of a job from an event; returns the job's output if there is one.
    pub(super) fn apply(
        &mut self,
        id: JobId,
        what: JobEvent,
        messages: &mut Vec<Message>,
    ) -> Option<Output> {
        let place = self.0.iter().position(|state| state.id == id)?;
        let state = &mut self.0[place];
        let finish = match what {
            JobEvent::Started => {
                state.status = Status::Running(Progress::default());
                state.started = Some(Instant::now());
                return None;
            }
            JobEvent::Progress(progress) => {
                state.status = Status::Running(progress);
                return None;
            }
            JobEvent::Note(text) => {
                state.notes.push(text);
                return None;
            }
            JobEvent::Training(event) => {
                state.search.take_training(&event);
                state.training.take_in(event);
                return None;
            }
            JobEvent::Exploring(event) => {
                state.search.take_in(event);
                return None;
            }
            JobEvent::Kept => return None,
            JobEvent::Finished(finish) => finish,
        };
        state.took = state.started.map(|start| start.elapsed());
        let is_quick = !state.job.lane().is_long();
        let mut say = |message: Message| {
            // The list of jobs does not have it.
            if is_quick && !messages.contains(&message) {
                messages.push(message);
            }
        };
        if let Finish::Done(Output::Written(files)) | Finish::Kept(Output::Written(files)) = &finish
        {
            state.written.clone_from(files);
            files.iter().for_each(|file| say(Message::Done(format!("wrote {}", file.display()))));
        }
        let (status, output) = match finish {
            Finish::Done(output) => (Status::Done, Some(output)),
            Finish::Kept(output) => (Status::Stopped, Some(output)),
            Finish::Stopped => (Status::Stopped, None),
            Finish::Failed(message) => {
                say(Message::Problem(format!("{}: {message}", state.job.title())));
                (Status::Failed(message), None)
            }
        };
        state.status = status;
        if is_quick {
            self.0.remove(place);
        }
        output
    }
}
