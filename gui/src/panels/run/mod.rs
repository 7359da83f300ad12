//! Measuring from the window.
//!
//! | part | file |
//! |---|---|
//! | setup of a job | `setup` |
//! | latencies in the store | `results` |
//! | profiles | `profile`, `roofline` |

mod profile;
mod results;
mod roofline;
mod setup;
mod verdict;

use egui::{Frame, Margin, RichText, Ui};

pub(crate) use results::Remembered;

use crate::{
    actions::{Action, asked},
    command::{Command, Commands},
    jobs::Job,
    model::Model,
    panels::queue,
    theme::colors,
};

/// All jobs are listed.
const QUEUE: queue::Kind = queue::Kind {
    takes: |_| true,
    hint: "No jobs yet. Start adds a job here; measurements run one after another.",
};

/// Which results are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    Latency,
    Profile,
}

/// The run tab.
#[derive(Default)]
pub struct Run {
    has_asked_for_engines: bool,
    setup: setup::Setup,
    view: View,
    results: results::Results,
    profile: profile::Profile,
}

impl Run {
    /// Restores the state saved by an earlier run.
    pub(crate) fn remember(&mut self, remembered: Remembered) {
        self.results.remembered = remembered;
    }

    /// The state to save for the next run.
    pub(crate) fn remembered(&self) -> Remembered {
        self.results.remembered.clone()
    }

    /// Draws the setup, the queue and the results.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        if !self.has_asked_for_engines {
            self.has_asked_for_engines = true;
            commands.push(Command::Start(Job::Engines));
        }
        Frame::NONE.inner_margin(Margin::symmetric(8, 4)).show(ui, |ui| {
            crate::panels::job_caveats(ui, model, commands);
            let setup = &mut self.setup;
            queue::beside(ui, ("setup", 0.5), (&QUEUE, model), commands, |ui, commands| {
                setup.ui(ui, model, commands);
            });
            ui.separator();
            self.came_of_it(ui, model, commands);
        });
    }

    /// Results of one kind.
    fn came_of_it(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        ui.horizontal_wrapped(|ui| {
            let (latencies, profiles) =
                (model.results.measurements.len(), model.results.profiles.len());
            let title = format!("Latencies ({latencies})");
            ui.selectable_value(&mut self.view, View::Latency, title);
            ui.selectable_value(&mut self.view, View::Profile, format!("Profiles ({profiles})"));
            for (action, view) in
                [(Action::Latencies, View::Latency), (Action::Profiles, View::Profile)]
            {
                if asked(ui.ctx(), action) {
                    self.view = view;
                }
            }
            ui.separator();
            match self.view {
                View::Latency => self.results.filters(ui, model),
                View::Profile => self.profile.choices(ui, model),
            }
        });
        if let Some(problem) = &model.results.problem {
            let text =
                format!("{problem}. Choose another store above; everything else still works.");
            ui.label(RichText::new(text).color(colors(ui).error));
        }
        ui.separator();
        match self.view {
            View::Latency => self.results.ui(ui, model),
            View::Profile => self.profile.ui(ui, model, commands),
        }
    }
}
