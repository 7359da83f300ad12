//! Whole spaces: what all of their networks cost, and which are worth training.
//!
//! | part | file |
//! |---|---|
//! | variables, objectives and conditions of a space | `space` |
//! | counting all networks: conditions and variables | `count`, `tables` |
//! | the networks that were counted, as points and as a table | `costs`, `density`, `networks` |
//! | a search under a budget: its setup, and the list of searches | `setup`, `list` |
//! | the networks of a search, with their accuracies | `search`, `stages`, `explored`, `outcomes` |
//! | a finalist for what somebody wants | `recommended` |
//! | what accuracy is at each value of a variable | `slices` |
//! | a comparison with another space | `compare` |
//! | axes and boxes of plots | `plot` |
//! | the chosen network | `chosen` |

mod chosen;
mod compare;
mod costs;
mod count;
mod density;
mod explored;
mod list;
mod networks;
mod outcomes;
mod plot;
mod recommended;
mod search;
mod setup;
mod slices;
mod space;
mod stages;
mod tables;

use std::{path::PathBuf, sync::Arc};

use egui::{ComboBox, Frame, Margin, Panel, ScrollArea, Ui};
use inceptive_dsl::Space;
use inceptive_results::Metric;
use serde::{Deserialize, Serialize};

use crate::{
    actions::{Action, asked},
    command::{Command, Commands},
    file::FilePath,
    jobs::Job,
    model::{Entry, Model},
    panels::choices::entries,
};

/// Below this width, in points, everything is in one column.
const SIDE_BY_SIDE: f32 = 700.0;

/// What is shown of a space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Page {
    /// What all of its networks cost.
    #[default]
    Costs,
    /// Searches of the best networks.
    Search,
    /// A comparison with another space.
    Compare,
}

/// The state saved for the next run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Remembered {
    space: PathBuf,
    page: Page,
    conditions: String,
    objectives: String,
    axes: [Metric; 2],
}

impl Default for Remembered {
    fn default() -> Self {
        let (conditions, objectives) = (String::new(), String::new());
        let axes = [Metric::Macs, Metric::Params];
        Self { space: PathBuf::new(), page: Page::Costs, conditions, objectives, axes }
    }
}

/// A space that is explored.
#[derive(Clone, Copy)]
struct Subject<'a> {
    entry: &'a Entry,
    space: &'a Arc<Space>,
    model: &'a Model,
    asks: Asks,
}

/// What was asked for by keys or in the palette.
#[derive(Clone, Copy)]
struct Asks {
    starts: bool,
    clears: bool,
    opens: bool,
    saves: bool,
}

/// The explore tab.
#[derive(Default)]
pub struct Explore {
    has_asked_for_choices: bool,
    page: Page,
    /// The file of the space.
    space: Option<FilePath>,
    /// The file that was current in the frame before.
    current: Option<FilePath>,
    wishes: space::Wishes,
    count: count::Count,
    costs: costs::Costs,
    setup: setup::Setup,
    search: search::SearchView,
    compare: compare::Compare,
    chosen: chosen::Chosen,
}

impl Explore {
    /// Restores the state saved by an earlier run.
    pub(crate) fn remember(&mut self, remembered: Remembered) {
        let Remembered { space, page, conditions, objectives, axes } = remembered;
        self.page = page;
        self.space = (!space.as_os_str().is_empty()).then(|| Arc::from(space));
        self.wishes = space::Wishes { conditions, objectives };
        self.costs.axes = axes;
    }

    /// The state to save for the next run.
    pub(crate) fn remembered(&self) -> Remembered {
        let space::Wishes { conditions, objectives } = self.wishes.clone();
        Remembered {
            space: self.space.as_ref().map(|file| file.to_path_buf()).unwrap_or_default(),
            page: self.page,
            conditions,
            objectives,
            axes: self.costs.axes,
        }
    }

    /// Draws the space, and what is known of its networks.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        if !self.has_asked_for_choices {
            self.has_asked_for_choices = true;
            commands.push(Command::Start(Job::TrainingChoices(model.folder.clone())));
            if model.engines.is_none() {
                commands.push(Command::Start(Job::Engines));
            }
        }
        self.follow_selection(model);
        let asks = Asks {
            starts: asked(ui.ctx(), Action::StartExploring),
            clears: super::keys_are_free(ui) && asked(ui.ctx(), Action::ClearBox),
            opens: asked(ui.ctx(), Action::OpenPoint),
            saves: asked(ui.ctx(), Action::SavePoint),
        };
        Frame::NONE
            .inner_margin(Margin { left: 8, right: 8, top: 6, bottom: 2 })
            .show(ui, |ui| self.head(ui, model));
        let entry = self.space.as_ref().and_then(|file| model.entries.get(file));
        let space = entry.and_then(|entry| Some((entry, entry.space()?)));
        let Some((entry, space)) = space else {
            super::nothing(ui, &hint(model));
            return;
        };
        super::caveat_line(ui, entry, model, commands);
        ui.separator();
        let subject = Subject { entry, space, model, asks };
        let width = ui.available_width();
        if width < SIDE_BY_SIDE {
            ScrollArea::vertical().id_salt("explore in little room").show(ui, |ui| {
                Frame::NONE.inner_margin(Margin::symmetric(8, 0)).show(ui, |ui| {
                    self.left(ui, subject, true, commands);
                    ui.separator();
                    self.right(ui, subject, true, commands);
                });
            });
        } else {
            Panel::left("explored space")
                .resizable(true)
                .default_size((width * 0.38).clamp(300.0, 440.0))
                .size_range(260.0..=width * 0.6)
                .show(ui, |ui| {
                    let area = ScrollArea::vertical().id_salt("explored space");
                    area.auto_shrink(false).show(ui, |ui| self.left(ui, subject, false, commands));
                });
            Frame::NONE
                .inner_margin(Margin::symmetric(8, 2))
                .show(ui, |ui| self.right(ui, subject, false, commands));
        }
        self.chosen.act(subject, commands);
        self.chosen.dialog(ui, commands);
    }

    /// Takes the space that was selected in the list of files, but not again when another one was chosen here since.
    fn follow_selection(&mut self, model: &Model) {
        let Some(current) = model.current() else { return };
        // A file that was selected is taken once it is read.
        if current.space().is_none() || self.current.as_ref() == Some(&current.file) {
            if current.space().is_none() {
                self.current = None;
            }
            return;
        }
        self.current = Some(Arc::clone(&current.file));
        self.space = Some(Arc::clone(&current.file));
    }

    /// The choice of the space, and of what is shown of it.
    fn head(&mut self, ui: &mut Ui, model: &Model) {
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("space");
            let named = |file: &FilePath| {
                let entry = model.entries.get(file).filter(|entry| entry.space().is_some());
                entry.map(|entry| model.name_of(&entry.file).display().to_string())
            };
            let now = self.space.as_ref().and_then(named);
            let list = ComboBox::from_id_salt("explored space").width(230.0).truncate();
            let list = list.selected_text(now.unwrap_or_else(|| "choose".to_owned()));
            let shown = list.show_ui(ui, |ui| {
                let spaces = model.entries.values().filter(|entry| entry.space().is_some());
                let all = spaces.map(|entry| {
                    let name = model.name_of(&entry.file).display().to_string();
                    (Some(Arc::clone(&entry.file)), name)
                });
                if let Some(file) = entries(ui, "explored space", &self.space, all) {
                    self.space = file;
                }
            });
            shown.response.labelled_by(label.id);
            ui.separator();
            for (page, title, hover, action) in [
                (Page::Costs, "Costs", "What all networks of the space cost", Action::Costs),
                (
                    Page::Search,
                    "Search",
                    "Train and measure the best networks under a budget of time",
                    Action::Search,
                ),
                (
                    Page::Compare,
                    "Compare spaces",
                    "Compare the space with another one by random networks",
                    Action::CompareSpaces,
                ),
            ] {
                ui.selectable_value(&mut self.page, page, title).on_hover_text(hover);
                if asked(ui.ctx(), action) {
                    self.page = page;
                }
            }
        });
    }

    /// Draws the space and what is to be done with it.
    fn left(
        &mut self,
        ui: &mut Ui,
        subject: Subject<'_>,
        is_narrow: bool,
        commands: &mut Commands,
    ) {
        space::describe(ui, subject.space, is_narrow);
        let wanted = self.wishes.ui(ui, subject.space);
        ui.add_space(4.0);
        match self.page {
            Page::Costs => self.count.ui(ui, subject, wanted.as_ref(), commands),
            Page::Search => {
                self.setup.ui(ui, subject, wanted.as_ref(), commands);
                self.search.list.ui(ui, subject, commands);
            }
            Page::Compare => self.compare.ui(ui, subject, wanted.as_ref(), commands),
        }
    }

    /// Draws the networks; below the rest if the window is narrow.
    fn right(
        &mut self,
        ui: &mut Ui,
        subject: Subject<'_>,
        is_narrow: bool,
        commands: &mut Commands,
    ) {
        self.chosen.keep_to(&subject.entry.file);
        let chosen = &mut self.chosen;
        match self.page {
            Page::Costs => self.costs.ui(ui, subject, is_narrow, chosen, commands),
            Page::Search => self.search.ui(ui, subject, is_narrow, chosen, commands),
            Page::Compare => compare::found(ui, subject, is_narrow),
        }
    }
}

/// What to do where no space is chosen.
fn hint(model: &Model) -> String {
    if !model.is_listed {
        return "Reading…".to_owned();
    }
    match model.entries.values().any(|entry| entry.space().is_some()) {
        true => "Choose a space above, or select one in the list of files.".to_owned(),
        false => "There is no space in this folder. A space says what varies in a network, such as its widths: \
                  Ctrl N makes one of the selected network, and so does Save as space in Design."
            .to_owned(),
    }
}
