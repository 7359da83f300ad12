//! The network as a picture: modules are boxes that open into their branches.
//!
//! | part | file |
//! |---|---|
//! | requests to the worker, arrangement of the parts | this one |
//! | which modules are open | `view` |
//! | position and scale of the view | `camera` |
//! | the pointer, the keys, the search | `canvas`, `keys`, `search` |
//! | painting, colours with their legend, the minimap | `paint`, `shading`, `minimap` |
//! | the nodes of the step at the cursor in the source | `light` |
//! | details of the selection | `inspector` |
//! | files | `export` |

pub mod camera;
mod canvas;
mod export;
mod inspector;
mod keys;
mod light;
mod minimap;
pub mod paint;
mod search;
mod shading;
mod view;

use std::{path::Path, sync::Arc};

use egui::{Panel, Rect, RichText, Sense, Ui};
use inceptive_app::Inspected;
use inceptive_draw::Scene;
use inceptive_ir::Path as NodePath;

use crate::{
    command::{Command, Commands},
    file::FilePath,
    jobs::{Job, LayoutRequest, Place},
    model::{Entry, Model},
    theme::colors,
};

use canvas::{Continuity, Next};
use export::Export;
use keys::Action;
use light::Light;
use search::Search;
use shading::{Colour, Shading};
pub use view::Remembered;

/// Below this width, in points, the canvas gets all of it.
const ROOM_FOR_DETAILS: f32 = 640.0;

/// Why a colour cannot be chosen.
const NOT_INSPECTED: &str =
    "Known after Inspect: train the network in Train, open the result of the run, press Inspect";

/// Buttons by groups: label, tooltip and action.
const BUTTONS: [&[(&str, &str, Action)]; 2] = [
    &[
        ("Fit", "Fit to window (F)", Action::Fit),
        ("−", "Smaller (-)", Action::Zoom(0.8)),
        ("+", "Larger (+)", Action::Zoom(1.25)),
        ("1:1", "Actual size (0)", Action::ActualSize),
    ],
    &[
        ("Expand all", "Expand every module (O)", Action::OpenAll),
        ("Collapse all", "Collapse every module (C)", Action::CloseAll),
    ],
];

/// The graph tab.
#[derive(Default)]
pub struct Graph {
    views: Remembered,
    continuity: Continuity,
    search: Search,
    shading: Shading,
    export: Export,
    light: Light,
    /// The node to show in the current network.
    wanted: Option<NodePath>,
    /// The node to centre once the modules around it are open.
    centred: Option<NodePath>,
}

impl Graph {
    /// Restores the views saved by an earlier run.
    pub(crate) fn remember(&mut self, views: Remembered) {
        self.views = views;
    }

    /// The views to save for the next run.
    pub(crate) fn remembered(&self) -> Remembered {
        self.views.clone()
    }

    /// Brings a node or module of the current network into view, opening the modules around it.
    pub(crate) fn show_node(&mut self, path: NodePath) {
        self.wanted = Some(path);
    }

    /// Lights up the nodes of the step at the cursor in the text of a file.
    pub(crate) fn light(&mut self, file: FilePath, nodes: Vec<NodePath>) {
        self.light.set(file, nodes);
    }

    /// Draws the current network.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let Some(entry) = super::current_or_hint(ui, model) else { return };
        let Some(network) = &entry.network else {
            nothing_to_draw(ui, entry, model, commands);
            return;
        };
        super::caveat_line(ui, entry, model, commands);
        let mut action = keys::pressed(ui);
        let is_inspected = model.inspection(&entry.file, network).is_some();
        self.toolbar(ui, &entry.file, network, is_inspected, &mut action);
        self.go_to_wanted(&entry.file, network);
        if !self.views.hides_details && ui.available_width() > ROOM_FOR_DETAILS {
            Panel::right("details").default_size(320.0).size_range(312.0..=560.0).show(ui, |ui| {
                let view = self.views.of(&entry.file, &network.architecture.graph);
                let selected = view.selected.clone();
                let clicked = inspector::inspector(ui, network, selected.as_ref(), model, commands);
                self.wanted = clicked.or(self.wanted.take());
            });
        }
        let view = self.views.of(&entry.file, &network.architecture.graph);
        let request = LayoutRequest {
            place: Place::Graph,
            network: Arc::clone(network),
            open: view.opened(),
        };
        if model.wants(&request) {
            commands.push(Command::Start(Job::Layout(request.clone())));
        }
        if let Some(problem) = model.layout_problem(&request) {
            super::nothing(ui, &problem.to_string());
            return;
        }
        let last = || {
            let (known, scene) = model.last_scene(Place::Graph)?;
            (known.network.architecture.file == network.architecture.file).then_some(scene)
        };
        let Some(scene) = model.scene(&request).or_else(last) else {
            super::nothing(ui, "Laying out…");
            return;
        };
        if model.scene(&request).is_none() && action == Some(Action::Fit) {
            // It is meant for the scene that is on its way.
            self.continuity.next = Next::Whole;
        }
        if model.scene(&request).is_some() {
            let centred = self.centred.take().map(|path| shown_as(scene, network, path));
            self.continuity.wanted = centred.or(self.continuity.wanted.take());
        }
        let theme = ui.ctx().theme();
        self.shading.update(theme, self.views.colour, &entry.file, scene, network, model);
        let screen = self.canvas(ui, &entry.file, network, scene, action);
        self.export.ask(ui, scene, &self.shading, screen, commands);
        let selected = self.views.of(&entry.file, &network.architecture.graph).selected.clone();
        self.light.tell(&entry.file, selected, commands);
    }

    fn toolbar(
        &mut self,
        ui: &mut Ui,
        file: &Path,
        network: &Inspected,
        is_inspected: bool,
        action: &mut Option<Action>,
    ) {
        let graph = &network.architecture.graph;
        ui.add_space(3.0);
        ui.horizontal_wrapped(|ui| {
            ui.add_space(4.0);
            for group in BUTTONS {
                for (text, hint, does) in group {
                    if ui.button(*text).on_hover_text(*hint).clicked() {
                        *action = Some(*does);
                    }
                }
                ui.separator();
            }
            let view = self.views.of(file, graph);
            let before = view.opened();
            match action {
                Some(Action::OpenAll) => view.open_all(graph),
                Some(Action::CloseAll) => view.close_all(),
                _ => {}
            }
            if view.opened() != before {
                self.continuity.next = Next::Anew;
            }
            let colour = &mut self.views.colour;
            let chosen = egui::ComboBox::from_id_salt("colour")
                .selected_text(format!("Colour: {}", colour.name()))
                .width(190.0)
                .height(300.0);
            let inner = chosen.show_ui(ui, |ui| {
                for choice in Colour::ALL {
                    let is_known = is_inspected || !choice.is_found();
                    let choose = |ui: &mut Ui| ui.selectable_value(colour, choice, choice.name());
                    let entry = ui.add_enabled_ui(is_known, choose).inner;
                    entry.on_disabled_hover_text(NOT_INSPECTED);
                }
            });
            inner.response.on_hover_text("Colour nodes by");
            ui.separator();
            if *action == Some(Action::Search) {
                self.search.focus();
            }
            if let Some(path) = self.search.ui(ui, graph) {
                self.wanted = Some(path);
            }
            ui.separator();
            self.export.menu(ui, &crate::file::stem(file));
            let mut shows_details = !self.views.hides_details;
            ui.toggle_value(&mut shows_details, "Details");
            self.views.hides_details = !shows_details;
        });
        ui.add_space(2.0);
    }

    /// Opens the modules around the requested node, and selects it.
    fn go_to_wanted(&mut self, file: &Path, network: &Inspected) {
        let Some(path) = self.wanted.take() else { return };
        let view = self.views.of(file, &network.architecture.graph);
        view.open_around(&path);
        view.selected = Some(path.clone());
        self.centred = Some(path);
    }

    /// Draws the picture; returns its area.
    fn canvas(
        &mut self,
        ui: &mut Ui,
        file: &Path,
        network: &Inspected,
        scene: &Arc<Scene>,
        action: Option<Action>,
    ) -> Rect {
        let (screen, response) =
            ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        let view = self.views.of(file, &network.architecture.graph);
        let mut camera = canvas::navigate(ui, &response, view, scene, &mut self.continuity, action);
        self.light.find(file, scene);
        self.light.reveal(screen, scene, &mut camera);
        if response.clicked() {
            view.selected = None;
        }
        let clicks = canvas::buttons(ui, scene, screen, camera, &self.shading);
        self.light.describe(ui, scene);
        if clicks.selected.is_some() {
            view.selected = clicks.selected;
        }
        let by_key = || canvas::toggled_by_key(view, scene, screen, camera);
        let toggled = clicks.toggled.or_else(|| (action == Some(Action::Toggle)).then(by_key)?);
        if let Some((path, at)) = toggled {
            view.toggle(&path);
            self.continuity.anchor = Some((path, at));
            ui.ctx().request_repaint();
        }
        let selected = view.selected.clone().map(|path| shown_as(scene, network, path));
        canvas::draw(ui, screen, scene, camera, selected.as_ref(), &self.shading);
        self.light.draw(ui, screen, scene, camera);
        shading::legend(ui, screen, scene, &self.shading);
        minimap::minimap(ui, screen, scene, &self.shading, &mut camera, canvas::whole(scene));
        self.views.of(file, &network.architecture.graph).camera = Some(camera);
        screen
    }
}

/// The card that shows a node: that of the step that it is part of, if it has none of its own.
fn shown_as(scene: &Scene, network: &Inspected, path: NodePath) -> NodePath {
    let graph = &network.architecture.graph;
    let is_there = scene.cards.iter().any(|card| card.path == path)
        || scene.frames.iter().any(|frame| frame.path == path);
    if is_there {
        return path;
    }
    let Some(id) = graph.find(&path) else { return path };
    let card = scene.cards.iter().find(|card| card.nodes.contains(&id));
    card.map_or(path, |card| card.path.clone())
}

/// Shows why there is no network, with a link to the errors.
fn nothing_to_draw(ui: &mut Ui, entry: &Entry, model: &Model, commands: &mut Commands) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.4);
        if !entry.is_wrong() {
            let text = match entry.state {
                crate::model::State::Unread => "Reading…",
                _ => "This file is not a network. For a space, see its variables in Design.",
            };
            ui.label(RichText::new(text).weak());
            return;
        }
        let text = super::caveat(entry).unwrap_or("The file has errors:");
        ui.label(RichText::new(text).color(colors(ui).error));
        super::mistake(ui, entry, model, commands);
        if ui.button("Show the source").clicked() {
            commands.push(Command::Show(crate::pane::Pane::Source));
        }
    });
}
