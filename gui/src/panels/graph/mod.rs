//! The network as a picture: modules are boxes that open into their branches.
//!
//! | part | file |
//! |---|---|
//! | which modules are open, what is asked of the worker | this one |
//! | from where it is seen | `camera` |
//! | ink | `paint` |

pub mod camera;
pub mod paint;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use egui::{Color32, Key, Modifiers, Pos2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use inceptive_ir::Path as NodePath;
use inceptive_jobs::Inspected;
use inceptive_report::drawing::{Open, Scene, modules, worth_opening};
use serde::{Deserialize, Serialize};

use crate::{
    command::{Command, Commands},
    jobs::{Job, LayoutRequest, Place},
    model::Model,
    theme::colors,
};

use camera::{Camera, rect};
use paint::{Canvas, Paint};

/// Cards smaller than this on the screen are no buttons.
const BUTTON: f32 = 6.0;

/// What was open in a graph, and from where it was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct View {
    /// Paths of open modules.
    open: BTreeSet<String>,
    camera: Option<Camera>,
}

/// Views by file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Remembered(BTreeMap<PathBuf, View>);

/// The graph tab.
#[derive(Default)]
pub struct Graph {
    views: Remembered,
    selected: Option<NodePath>,
    /// Where on the screen a module has to stay while it opens or closes.
    anchor: Option<(NodePath, Pos2)>,
    /// What was drawn last, to notice that a new scene is there.
    shown: Option<Arc<Scene>>,
}

/// Cards in the colours of their kinds.
struct ByKind;

impl Paint for ByKind {
    fn fill(&self, _: usize) -> Option<Color32> {
        None
    }
}

impl Graph {
    /// Takes what was remembered from an earlier run.
    pub(crate) fn remember(&mut self, views: Remembered) {
        self.views = views;
    }

    /// What is to be remembered.
    pub(crate) fn remembered(&self) -> Remembered {
        self.views.clone()
    }

    /// Selects a node or module, with everything around it open.
    pub(crate) fn show_node(&mut self, path: NodePath) {
        self.selected = Some(path);
    }

    /// Draws the graph of the current network.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let Some(entry) = super::current_or_hint(ui, model) else { return };
        let Some(network) = &entry.network else {
            let text = if entry.is_wrong() {
                "The file has mistakes; Source shows them."
            } else {
                "There is no graph in this file."
            };
            super::nothing(ui, text);
            return;
        };
        self.toolbar(ui, &entry.file, network);
        super::caveat_line(ui, entry);
        let view = view_of(&mut self.views, &entry.file, network);
        let open = view.open.iter().map(|path| NodePath::new(path)).collect();
        let request = LayoutRequest {
            place: Place::Graph,
            network: Arc::clone(network),
            open: Open::These(open),
        };
        if model.wants(&request) {
            commands.push(Command::Start(Job::Layout(request.clone())));
        }
        let last = || {
            let (known, scene) = model.last_scene(Place::Graph)?;
            (known.network.architecture.file == network.architecture.file).then_some(scene)
        };
        let Some(scene) = model.scene(&request).or_else(last) else {
            super::nothing(ui, "Laying out…");
            return;
        };
        self.canvas(ui, &entry.file, scene);
    }

    fn toolbar(&mut self, ui: &mut Ui, file: &std::path::Path, network: &Inspected) {
        ui.horizontal(|ui| {
            if ui.button("Fit").on_hover_text("Show everything (F)").clicked() {
                self.shown = None;
                if let Some(view) = self.views.0.get_mut(file) {
                    view.camera = None;
                }
            }
            let view = view_of(&mut self.views, file, network);
            if ui.button("Open all").clicked() {
                view.open =
                    modules(&network.architecture.graph).iter().map(NodePath::to_string).collect();
            }
            if ui.button("Close all").clicked() {
                view.open.clear();
            }
        });
    }

    fn canvas(&mut self, ui: &mut Ui, file: &std::path::Path, scene: &Arc<Scene>) {
        let (screen, response) =
            ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        let painter = ui.painter_at(screen);
        painter.rect_filled(screen, 0.0, colors(ui).canvas);
        let Some(view) = self.views.0.get_mut(file) else { return };
        let whole = Rect::from_min_size(Pos2::ZERO, vec2(scene.width as f32, scene.height as f32));
        let camera = view.camera.get_or_insert_with(|| Camera::at_top(whole, screen));
        if self.shown.as_ref().is_none_or(|shown| !Arc::ptr_eq(shown, scene)) {
            if let Some((path, at)) = self.anchor.take()
                && let Some(corner) = corner(scene, &path)
            {
                camera.put(screen, corner, at);
            }
            self.shown = Some(Arc::clone(scene));
        }
        if response.dragged() {
            camera.pan(response.drag_delta());
        }
        if let Some(pointer) = ui.ctx().pointer_hover_pos().filter(|at| screen.contains(*at))
            && response.contains_pointer()
        {
            let (scroll, pinch) =
                ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta()));
            let factor = pinch * (scroll.y / 240.0).exp();
            if factor != 1.0 {
                camera.zoom_at(screen, pointer, factor);
            }
        }
        let camera = *camera;
        if response.clicked() {
            self.selected = None;
        }
        self.buttons(ui, file, scene, screen, camera);
        let canvas = Canvas {
            painter: &painter,
            screen,
            camera,
            theme: ui.ctx().theme(),
            selected: self.selected.as_ref(),
        };
        canvas.scene(scene, &ByKind);
    }

    /// Makes cards and the heads of frames something to click.
    fn buttons(
        &mut self,
        ui: &mut Ui,
        file: &std::path::Path,
        scene: &Scene,
        screen: Rect,
        camera: Camera,
    ) {
        let mut toggled = self.key_toggles(ui, scene, screen, camera);
        for frame in &scene.frames {
            let place = camera.rect_to_screen(screen, rect(frame.rect));
            let head = Rect::from_min_size(place.min, vec2(place.width(), 22.0 * camera.zoom))
                .intersect(screen);
            if head.height() < BUTTON || !head.is_positive() {
                continue;
            }
            let response = ui.interact(
                head,
                ui.scope_id().with(("frame", frame.path.as_str())),
                Sense::click(),
            );
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, frame.path.as_str()));
            if response.clicked() {
                self.selected = Some(frame.path.clone());
            }
            if response.double_clicked() {
                toggled = Some((frame.path.clone(), place.min));
            }
        }
        for card in &scene.cards {
            let place = camera.rect_to_screen(screen, rect(card.rect));
            let seen = place.intersect(screen);
            if place.height() < BUTTON || !seen.is_positive() {
                continue;
            }
            let response =
                ui.interact(seen, ui.scope_id().with(("card", card.path.as_str())), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, card.path.as_str()));
            if response.clicked() {
                self.selected = Some(card.path.clone());
            }
            if response.double_clicked() && card.is_module {
                toggled = Some((card.path.clone(), place.min));
            }
            response.on_hover_text(&card.tooltip);
        }
        if let Some((path, at)) = toggled
            && let Some(view) = self.views.0.get_mut(file)
        {
            let name = path.to_string();
            if !view.open.remove(&name) {
                view.open.insert(name);
            }
            self.anchor = Some((path, at));
        }
    }
}

impl Graph {
    /// The selected module, when Enter is to open or close it.
    fn key_toggles(
        &self,
        ui: &Ui,
        scene: &Scene,
        screen: Rect,
        camera: Camera,
    ) -> Option<(NodePath, Pos2)> {
        let path = self.selected.as_ref()?;
        let is_free = !ui.ctx().egui_wants_keyboard_input();
        if !is_free || !ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter)) {
            return None;
        }
        let is_open = scene.frames.iter().any(|frame| frame.path == *path);
        let is_closed = scene.cards.iter().any(|card| card.path == *path && card.is_module);
        let at = corner(scene, path)?;
        (is_open || is_closed).then(|| (path.clone(), camera.to_screen(screen, at)))
    }
}

/// The view of a file; at first as much is open as makes a picture.
fn view_of<'a>(
    views: &'a mut Remembered,
    file: &std::path::Path,
    network: &Inspected,
) -> &'a mut View {
    views.0.entry(file.to_owned()).or_insert_with(|| {
        let open = worth_opening(&network.architecture.graph);
        View { open: open.iter().map(NodePath::to_string).collect(), camera: None }
    })
}

/// The upper left corner of a card or frame.
fn corner(scene: &Scene, path: &NodePath) -> Option<Pos2> {
    let cards = scene.cards.iter().map(|card| (&card.path, card.rect));
    let mut all = cards.chain(scene.frames.iter().map(|frame| (&frame.path, frame.rect)));
    all.find(|(known, _)| *known == path).map(|(_, place)| pos2(place.x as f32, place.y as f32))
}
