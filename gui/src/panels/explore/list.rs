//! The searches of a space: those that run, and those of the store.

use std::{path::Path, sync::Arc};

use egui::{Button, Label, RichText, Ui};
use inceptive_files::disk;
use inceptive_format::counted;
use inceptive_results::Exploration;
use inceptive_store::Stored;

use super::{Subject, slices, tables};
use crate::{
    command::{Command, Commands},
    file::FilePath,
    jobs::{Job, JobId},
    model::{JobState, Model},
    panels::{queue, tradeoff::picture::Kept},
    theme::colors,
};

/// Searches in the queue.
const QUEUE: queue::Kind = queue::Kind {
    takes: |job| matches!(job, Job::Explore(_)),
    hint: "No search yet. Start counts the space, trains networks of different cost for a part of the recipe, and goes on \
           with the better half, several times.",
};

/// Identifies a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SearchId {
    Live(JobId),
    /// By its number in the store.
    Stored(i64),
}

/// A search that is shown.
#[derive(Clone, Copy)]
pub(super) enum Shown<'a> {
    Live(&'a JobState),
    Stored(&'a Stored<Exploration>),
}

impl<'a> Shown<'a> {
    /// The plan or the results; `None` until a search is planned.
    pub fn exploration(self) -> Option<&'a Exploration> {
        match self {
            Self::Live(job) => job.search.plan.as_deref(),
            Self::Stored(stored) => Some(&stored.result),
        }
    }
}

/// The list.
#[derive(Default)]
pub(super) struct List {
    /// The search that was clicked last.
    chosen: Option<SearchId>,
    /// Numbers of the searches of a space in the store, the latest first, by the reading of the store.
    stored: Kept<(u64, FilePath), Vec<i64>>,
}

/// The searches of a space that run.
fn live<'a>(subject: Subject<'a>) -> impl Iterator<Item = &'a JobState> {
    let file = &subject.entry.file;
    subject
        .model
        .jobs
        .active()
        .filter(move |state| matches!(&state.job, Job::Explore(request) if request.space == *file))
}

/// The numbers of the searches of a space in the store, the latest first.
fn numbers(subject: Subject<'_>) -> Vec<i64> {
    let file = &subject.entry.file;
    let whole = disk::canonicalize(file).ok();
    let is_of = |exploration: &Exploration| {
        let its = Path::new(&exploration.space.file);
        *its == **file || whole.is_some() && disk::canonicalize(its).ok() == whole
    };
    subject.model.results.searches(is_of).into_iter().map(|stored| stored.id).collect()
}

impl List {
    /// Draws the queue and the list.
    pub fn ui(&mut self, ui: &mut Ui, subject: Subject<'_>, commands: &mut Commands) {
        let model: &Model = subject.model;
        ui.add_space(8.0);
        queue::ui(ui, &QUEUE, model, commands);
        if let Some(problem) = &model.results.problem {
            ui.label(RichText::new(problem).color(colors(ui).error));
        }
        let stored = self.stored(subject);
        if stored.is_empty() {
            self.choice(ui, subject);
            return;
        }
        ui.add_space(8.0);
        ui.strong("Searches in the store");
        let shown = self.shown(subject).map(|shown| match shown {
            Shown::Live(job) => SearchId::Live(job.id),
            Shown::Stored(stored) => SearchId::Stored(stored.id),
        });
        for entry in stored {
            let id = SearchId::Stored(entry.id);
            let button = Button::selectable(shown == Some(id), title(&entry.result)).truncate();
            if ui.add(button).on_hover_text(hover(&entry.result)).clicked() {
                self.chosen = Some(id);
            }
        }
        self.choice(ui, subject);
        if let Some(Shown::Stored(stored)) = self.shown(subject)
            && stored.result.is_finished()
        {
            ui.add_space(8.0);
            let (understood, job) = model.understood(stored);
            if let Some(understood) = understood {
                tables::importance(ui, understood);
                slices::ui(ui, understood);
            }
            if let Some(job) = job {
                commands.push(Command::Start(job));
            }
        }
        if live(subject).next().is_some() && !matches!(shown, Some(SearchId::Live(_))) {
            ui.add(Label::new(RichText::new("A search is running.").color(colors(ui).accent)));
            if ui.button("Show it").clicked() {
                self.chosen = None;
            }
        }
    }

    /// Draws how the networks of the search that is shown were chosen.
    fn choice(&mut self, ui: &mut Ui, subject: Subject<'_>) {
        let Some(shown) = self.shown(subject) else { return };
        if let Some(exploration) = shown.exploration() {
            tables::choice(ui, exploration);
        }
    }

    /// The search to show: the chosen one, or the one that runs, or the latest of the store.
    pub fn shown<'a>(&mut self, subject: Subject<'a>) -> Option<Shown<'a>> {
        let stored = self.stored(subject);
        let chosen = match self.chosen {
            Some(SearchId::Live(id)) => live(subject).find(|state| state.id == id).map(Shown::Live),
            Some(SearchId::Stored(id)) => {
                stored.iter().copied().find(|stored| stored.id == id).map(Shown::Stored)
            }
            None => None,
        };
        chosen
            .or_else(|| live(subject).next().map(Shown::Live))
            .or_else(|| stored.first().copied().map(Shown::Stored))
    }

    /// The searches of a space in the store, the latest first.
    fn stored<'a>(&mut self, subject: Subject<'a>) -> Vec<&'a Stored<Exploration>> {
        let results = &subject.model.results;
        let key = (results.reading, Arc::clone(&subject.entry.file));
        let numbers = self.stored.get(key, |_| numbers(subject));
        let with = |number: &i64| results.explorations.iter().find(|it| it.id == *number);
        numbers.iter().filter_map(with).collect()
    }
}

/// `shapes, quick, 30 min: 24 networks`.
fn title(exploration: &Exploration) -> String {
    let request = &exploration.request;
    let budget = match (request.budget_s, request.networks) {
        (Some(seconds), _) if seconds >= 60.0 => format!(", {:.0} min", seconds / 60.0),
        (Some(seconds), _) => format!(", {seconds:.0} s"),
        _ => String::new(),
    };
    let data = request.dataset.split([':', '=']).next().unwrap_or_default();
    let networks = counted(exploration.networks.len(), "network", "networks");
    let state = if exploration.is_finished() { "" } else { " (not finished)" };
    format!("{data}, {}{budget}: {networks}{state}", request.recipe)
}

fn hover(exploration: &Exploration) -> String {
    let request = &exploration.request;
    let mut lines = vec![format!("{}, recipe {}", request.dataset, request.recipe)];
    let objectives = request.objectives.iter().map(|&it| inceptive_results::Objective::from(it));
    let objectives: Vec<String> = objectives.map(|it| it.to_string()).collect();
    lines.push(format!("objectives: {}", objectives.join(", ")));
    if !request.conditions.is_empty() {
        lines.push(format!("conditions: {}", request.conditions.join(", ")));
    }
    lines.push(format!("{} of each finalist", counted(request.seeds as usize, "seed", "seeds")));
    if !exploration.is_finished() {
        lines.push("Start the same search again to continue it".to_owned());
    }
    lines.join("\n")
}
