//! Counting all networks of a space, and what that gave.

use std::sync::Arc;

use egui::{Button, Label, ProgressBar, RichText, Ui};
use inceptive_format::exact;
use inceptive_results::{Metric, Objective, Source};

use super::{
    Subject,
    space::Wanted,
    tables::{self, Shares},
};
use crate::{
    command::{Command, Commands},
    jobs::{CountSpaceRequest, CountedNetworks, Job},
    model::{JobState, Status},
    theme::colors,
};

/// What counting gave, at the left.
#[derive(Default)]
pub(super) struct Count {
    shares: Shares,
}

/// The job that counts a space, as long as it is not over.
fn active<'a>(subject: &Subject<'a>) -> Option<&'a JobState> {
    let is_it = |state: &&JobState| matches!(&state.job, Job::CountSpace(request) if request.file == subject.entry.file);
    subject.model.jobs.active().find(is_it)
}

/// What was counted of a space.
pub(super) fn counted<'a>(subject: &Subject<'a>) -> Option<&'a Arc<CountedNetworks>> {
    let counted = subject.model.counted.as_ref();
    counted.filter(|counted| counted.request.file == subject.entry.file)
}

/// The objectives of a count: costs of which at least two are counted, so that there is a front.
fn objectives(subject: &Subject<'_>, wanted: &Wanted) -> Vec<Objective> {
    let own = match wanted.objectives.as_slice() {
        [] => &subject.space.objectives,
        objectives => objectives,
    };
    let is_counted = |objective: &&Objective| objective.metric.source() == Source::Counted;
    let mut counted: Vec<Objective> = own.iter().filter(is_counted).copied().collect();
    for metric in [Metric::Macs, Metric::Params] {
        if counted.len() < 2 && !counted.iter().any(|objective| objective.metric == metric) {
            counted.push(Objective { metric, direction: metric.direction() });
        }
    }
    counted
}

impl Count {
    /// Draws the button or the progress, and then what was found.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        subject: Subject<'_>,
        wanted: Result<&Wanted, &String>,
        commands: &mut Commands,
    ) {
        let request = wanted.map(|wanted| CountSpaceRequest {
            file: Arc::clone(&subject.entry.file),
            space: Arc::clone(subject.space),
            conditions: wanted.conditions.clone(),
            objectives: objectives(&subject, wanted),
        });
        match active(&subject) {
            Some(state) => progress(ui, state, commands),
            None => {
                let count = Button::new(RichText::new("Count").strong());
                let count = count.min_size([70.0, 22.0].into());
                let response = ui.add_enabled(request.is_ok(), count).on_hover_text(
                    "Ctrl Enter. Counts all networks: parameters, compute and memory; nothing is trained",
                );
                match &request {
                    Ok(request) if response.clicked() || subject.asks.starts => {
                        commands.push(Command::Start(Job::CountSpace(request.clone())));
                    }
                    Ok(_) => {}
                    Err(problem) => {
                        response.on_disabled_hover_text(problem.as_str());
                    }
                }
            }
        }
        let Some(counted) = counted(&subject) else { return };
        if request.is_ok_and(|request| !request.is_same(&counted.request)) {
            let text = "The space, the objectives or the conditions have changed: count again.";
            ui.label(RichText::new(text).color(colors(ui).warning));
        }
        ui.add_space(4.0);
        summary(ui, counted);
        tables::conditions(ui, counted);
        if counted.counts.survey.inside == 0 {
            reasons(ui, counted);
        } else {
            self.shares.ui(ui, counted);
        }
    }
}

fn progress(ui: &mut Ui, state: &JobState, commands: &mut Commands) {
    let (share, activity) = match &state.status {
        Status::Running(progress) => (progress.share, progress.activity.as_str()),
        _ => (0.0, "waiting"),
    };
    ui.horizontal(|ui| {
        if ui.button("Cancel").on_hover_text("What was counted until now is shown").clicked() {
            commands.push(Command::Stop(state.id));
        }
        let bar = ProgressBar::new(share).show_percentage().desired_height(14.0);
        ui.add(bar.desired_width((ui.available_width() - 4.0).max(40.0)));
    });
    ui.label(RichText::new(activity).small().color(colors(ui).weak));
}

/// How many networks were counted, and how many satisfy the conditions.
fn summary(ui: &mut Ui, counted: &CountedNetworks) {
    let (counts, survey) = (&counted.counts, &counted.counts.survey);
    let points = exact(survey.points);
    let (text, color) = match (counts.is_complete, survey.is_complete) {
        (true, _) => (format!("All {points} networks were counted"), colors(ui).good),
        (false, true) => {
            (format!("{points} networks, drawn at random, were counted"), colors(ui).warning)
        }
        (false, false) => (format!("Stopped: {points} networks were counted"), colors(ui).warning),
    };
    ui.label(RichText::new(format!("{text} in {:.2} s.", counts.seconds)).color(color));
    if survey.refused > 0 {
        let text = format!("{} of them do not fit together.", exact(survey.refused));
        ui.label(text).on_hover_text("With these values, shapes of layers do not match");
    }
    if !counts.conditions.is_empty() {
        ui.label(format!("{} satisfy all conditions.", exact(survey.inside)));
    }
}

/// Why no network is left.
fn reasons(ui: &mut Ui, counted: &CountedNetworks) {
    ui.add_space(4.0);
    for reason in counted.counts.reasons(&counted.request.space) {
        let text = RichText::new(format!("{reason}.")).color(colors(ui).warning);
        ui.add(Label::new(text).wrap());
    }
}
