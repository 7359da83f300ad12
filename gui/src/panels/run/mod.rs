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
mod sort;

use egui::{Frame, Margin, RichText, ScrollArea, Ui};

use crate::{
    command::{Command, Commands},
    jobs::Job,
    model::Model,
    panels::queue,
    theme::colors,
};

/// Minimum width, in points, at which the queue is next to the setup.
const SIDE_BY_SIDE: f32 = 760.0;

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
    /// Draws the setup, the queue and the results.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        if !self.has_asked_for_engines {
            self.has_asked_for_engines = true;
            commands.push(Command::Start(Job::Engines));
        }
        Frame::NONE.inner_margin(Margin::symmetric(8, 4)).show(ui, |ui| {
            self.setup_and_queue(ui, model, commands);
            ui.separator();
            self.came_of_it(ui, model, commands);
        });
    }

    /// Draws the setup next to the queue.
    fn setup_and_queue(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let most = (ui.available_height() * 0.5).max(120.0);
        let area = ScrollArea::vertical().id_salt("setup").max_height(most);
        let is_narrow = ui.available_width() < SIDE_BY_SIDE;
        area.auto_shrink([false, true]).show(ui, |ui| {
            if is_narrow {
                self.setup.ui(ui, model, commands);
                ui.add_space(8.0);
                queue::ui(ui, &QUEUE, model, commands);
                return;
            }
            ui.columns(2, |columns| {
                if let [left, right] = columns {
                    self.setup.ui(left, model, commands);
                    queue::ui(right, &QUEUE, model, commands);
                }
            });
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
