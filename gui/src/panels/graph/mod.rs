//! The network as a picture: modules are boxes that open into their branches.
//!
//! | part | file |
//! |---|---|
//! | requests to the worker, arrangement of the parts | this one |
//! | which modules are open, and where the network leads to | `view` |
//! | buttons and menus | `toolbar` |
//! | position and scale of the view | `camera` |
//! | the pointer, the keys, the search | `canvas`, `keys`, `search` |
//! | painting, colours with their legend, the minimap | `paint`, `shading`, `counts`, `minimap` |
//! | the nodes of the step at the cursor in the source | `light` |
//! | details of the selection: its parts, their weights, what an ONNX file says | `inspector`, `parts`, `values`, `original` |
//! | files | `export` |

pub mod camera;
mod canvas;
mod counts;
mod export;
mod inspector;
mod keys;
mod light;
mod minimap;
mod original;
pub mod paint;
mod parts;
mod search;
mod shading;
mod toolbar;
mod values;
mod view;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use egui::{Panel, Rect, RichText, Sense, Ui};
use inceptive_app::Inspected;
use inceptive_draw::{Repeat, Scene, node_at};
use inceptive_ir::Path as NodePath;

use crate::{
    command::{Command, Commands},
    file::FilePath,
    jobs::{Job, LayoutRequest, Place},
    model::{Entry, Model},
    panels::{drag_leaves_field, evidence::Evidence},
    theme::colors,
};

use camera::Camera;
use canvas::{Continuity, Next};
use export::Export;
use keys::Action;
use light::Light;
use search::Search;
use shading::Shading;
use values::Values;
use view::Layout;
pub use view::Remembered;

/// Below this width, in points, the canvas gets all of it.
const ROOM_FOR_DETAILS: f32 = 640.0;

/// What is said when a picture was folded to fit, and when it is not all in view.
const FOLDED: &str = "Folded into columns to fit the window. Choose another layout above.";
const NOT_ALL: &str =
    "Part of the network is in view: drag or scroll, or press F to see all of it.";
const TOO_LARGE: &str = "Too large to show at once: drag, or click the map in the corner.";

/// The graph tab.
#[derive(Default)]
pub struct Graph {
    views: Remembered,
    continuity: Continuity,
    search: Search,
    shading: Shading,
    export: Export,
    evidence: Evidence,
    light: Light,
    values: Values,
    /// The node to show in the current network.
    wanted: Option<NodePath>,
    /// The node to centre once the modules around it are open.
    centred: Option<NodePath>,
    /// What is to be said about the picture until it is moved.
    hint: Option<&'static str>,
    /// The file that was drawn last.
    drawn: Option<PathBuf>,
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
        let has_room = ui.available_width() > ROOM_FOR_DETAILS;
        self.toolbar(ui, &entry.file, network, (is_inspected, has_room), &mut action);
        self.go_to_wanted(&entry.file, network);
        if !self.views.hides_details && has_room {
            let shown = self.request(&entry.file, network);
            Panel::right("details").default_size(320.0).size_range(312.0..=560.0).show(ui, |ui| {
                let view = self.views.of(&entry.file, &network.architecture.graph);
                let selected = view.selected.clone();
                let asked = inspector::inspector(
                    ui,
                    &shown,
                    selected.as_ref(),
                    &mut self.evidence,
                    model,
                    commands,
                );
                self.wanted = asked.node.or(self.wanted.take());
                if let Some((tensor, name)) = asked.tensor {
                    self.values.open(tensor, name);
                }
                if asked.repeats {
                    action = Some(Action::Repeats);
                }
            });
        }
        let window = ui.available_rect_before_wrap();
        self.fit_columns(&entry.file, network, window, model, &mut action);
        let request = self.request(&entry.file, network);
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
        self.values.ui(ui, model, commands);
        self.export.ask(ui, scene, &self.shading, screen, commands);
        let selected = self.views.of(&entry.file, &network.architecture.graph).selected.clone();
        self.light.tell(&entry.file, selected, commands);
    }

    /// The scene that is to be shown.
    fn request(&mut self, file: &Path, network: &Arc<Inspected>) -> LayoutRequest {
        let layout = self.views.layout;
        let view = self.views.of(file, &network.architecture.graph);
        LayoutRequest {
            place: Place::Graph,
            network: Arc::clone(network),
            arrangement: view.arrangement(layout),
        }
    }

    /// Gives columns the shape of the window when they are asked for; Fit folds a picture of which nothing could be seen
    /// otherwise.
    fn fit_columns(
        &mut self,
        file: &Path,
        network: &Arc<Inspected>,
        window: Rect,
        model: &Model,
        action: &mut Option<Action>,
    ) {
        let now = shape_of(window);
        let request = self.request(file, network);
        let scene = model.scene(&request);
        let is_needle = scene.is_some_and(|scene| Camera::is_needle(canvas::whole(scene), window));
        let layout = self.views.layout;
        let view = self.views.of(file, &network.architecture.graph);
        let is_columns = view.layout(layout) == Layout::Columns;
        if is_columns && view.shape.is_none() {
            view.shape = Some(now);
        }
        if *action != Some(Action::Fit) {
            return;
        }
        if !is_columns && is_needle {
            (view.is_folded, view.shape) = (true, Some(now));
            self.hint = Some(FOLDED);
            (self.continuity.next, *action) = (Next::Whole, None);
        } else if is_columns && view.shape != Some(now) {
            view.shape = Some(now);
            (self.continuity.next, *action) = (Next::Whole, None);
        }
    }

    /// Opens the modules around the requested node, and selects it.
    fn go_to_wanted(&mut self, file: &Path, network: &Inspected) {
        let Some(path) = self.wanted.take() else { return };
        self.hint = None;
        let view = self.views.of(file, &network.architecture.graph);
        view.open_around(&network.architecture.graph, &path);
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
        drag_leaves_field(&response);
        let view = self.views.of(file, &network.architecture.graph);
        let (before, is_new) = (view.camera, self.continuity.is_new(scene));
        let said = self.hint;
        let mut camera = canvas::navigate(ui, &response, view, scene, &mut self.continuity, action);
        self.light.find(file, scene);
        self.light.reveal(screen, scene, &mut camera);
        let is_all = camera.visible(screen).contains_rect(canvas::whole(scene));
        self.hint = match (before, action) {
            (None, _) => (!is_all).then_some(NOT_ALL),
            (_, Some(Action::Fit)) => (!is_all).then_some(TOO_LARGE),
            (Some(before), _) if before != camera && !is_new || response.clicked() => None,
            _ => self.hint,
        };
        if self.drawn.as_deref() != Some(file) {
            self.hint = self.hint.filter(|_| before.is_none());
            self.drawn = Some(file.to_owned());
        }
        if self.hint != said {
            // It is said above the picture.
            ui.ctx().request_repaint();
        }
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
        if action == Some(Action::Repeats)
            && let Some(repeat) = view.selected.as_ref().and_then(|path| repeat_around(scene, path))
        {
            let first = repeat.first();
            let corner = keys::corner(scene, first);
            self.continuity.anchor =
                corner.map(|corner| (first.clone(), camera.to_screen(screen, corner)));
            view.toggle_repeats(first);
            view.selected = Some(first.clone());
            ui.ctx().request_repaint();
        }
        let selected = view.selected.clone().map(|path| shown_as(scene, network, path));
        let hits = self.search.hits(scene);
        canvas::draw(ui, screen, scene, camera, selected.as_ref(), (&self.shading, hits));
        self.light.draw(ui, screen, scene, camera);
        self.continuity.legend = shading::legend(ui, screen, scene, &self.shading);
        let whole = canvas::whole(scene);
        minimap::minimap(ui, screen, scene, (&self.shading, hits), &mut camera, whole);
        self.views.of(file, &network.architecture.graph).camera = Some(camera);
        screen
    }
}

/// The shape of a window, in steps, so that a few pixels do not make a new layout.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive ratio")]
fn shape_of(window: Rect) -> (u32, u32) {
    let ratio = window.width() / window.height().max(1.0);
    ((ratio * 8.0).round().clamp(1.0, 64.0) as u32, 8)
}

/// The repeated modules around a path: the innermost ones.
fn repeat_around<'s>(scene: &'s Scene, path: &NodePath) -> Option<&'s Repeat> {
    let is_around = |repeat: &&Repeat| repeat.members.iter().any(|it| path.is_within(it));
    scene.repeats.iter().filter(is_around).max_by_key(|repeat| repeat.first().depth())
}

/// The card that shows a node: that of the step that it is part of, if it has none of its own.
fn shown_as(scene: &Scene, network: &Inspected, path: NodePath) -> NodePath {
    let graph = &network.architecture.graph;
    let is_there = scene.cards.iter().any(|card| card.path == path)
        || scene.frames.iter().any(|frame| frame.path == path);
    if is_there {
        return path;
    }
    let Some(id) = node_at(graph, &path) else { return path };
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
        let has_text = entry.shown_text().is_some();
        if has_text && ui.button("Show the source").clicked() {
            commands.push(Command::Show(crate::pane::Pane::Source));
        }
    });
}
