//! Measuring from the window.
//!
//! | part | file |
//! |---|---|
//! | what is to be done, and with what | `setup` |
//! | what waits, runs and is over | `queue` |
//! | latencies in the store | `results` |
//! | where time goes | `profile`, `roofline` |

mod profile;
mod queue;
mod results;
mod roofline;
mod setup;
mod sort;

use egui::{Panel, RichText, ScrollArea, Ui};

use crate::{
    command::{Command, Commands},
    jobs::Job,
    model::Model,
    theme::colors,
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
    /// Draws what can be started, what goes on, and what came of it.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        if !self.has_asked_for_engines {
            self.has_asked_for_engines = true;
            commands.push(Command::Start(Job::Engines));
        }
        let most = (ui.available_height() * 0.5).max(120.0);
        Panel::top("run setup").resizable(false).show(ui, |ui| {
            ScrollArea::vertical().max_height(most).auto_shrink([false, true]).show(ui, |ui| {
                ui.columns(2, |columns| {
                    if let [left, right] = columns {
                        self.setup.ui(left, model, commands);
                        queue::ui(right, model, commands);
                    }
                });
            });
        });
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            let (latencies, profiles) =
                (model.results.measurements.len(), model.results.profiles.len());
            let title = format!("Latencies ({latencies})");
            ui.selectable_value(&mut self.view, View::Latency, title);
            ui.selectable_value(&mut self.view, View::Profile, format!("Profiles ({profiles})"));
            ui.separator();
            match self.view {
                View::Latency => self.results.filters(ui, model),
                View::Profile => self.profile.choices(ui, model),
            }
        });
        if let Some(problem) = &model.results.problem {
            let text = format!("{problem}. Choose another store above; all else goes on.");
            ui.label(RichText::new(text).color(colors(ui).error));
        }
        ui.separator();
        match self.view {
            View::Latency => self.results.ui(ui, model),
            View::Profile => self.profile.ui(ui, model, commands),
        }
    }
}
