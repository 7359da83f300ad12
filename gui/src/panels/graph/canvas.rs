//! The picture: what the pointer does in it.

use std::sync::Arc;

use egui::{Id, Pos2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use inceptive_draw::{Card, Scene};
use inceptive_ir::Path as NodePath;

use super::{
    camera::{Camera, rect},
    keys::{Action, corner, neighbour, place_of},
    paint::{Canvas, Hits, Paint},
    shading::Shading,
    view::View,
};
use crate::theme::colors;

/// Cards smaller than this on the screen are no buttons.
const BUTTON: f32 = 6.0;

/// Distance that an arrow key moves the picture, in points.
const STEP: f32 = 80.0;

/// The scale at which a card that was looked for is shown, at least.
const LEGIBLE: f32 = 0.8;

/// How a new scene is seen at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Next {
    /// From where the last one was.
    #[default]
    AsBefore,
    /// Centred on the selection, or from the top without one.
    Anew,
    /// The complete scene, or its beginning if it is too large.
    Whole,
}

/// The state of the view that carries over from one scene to the next.
#[derive(Default)]
pub(super) struct Continuity {
    /// Where on the screen a module has to stay while it opens or closes.
    pub anchor: Option<(NodePath, Pos2)>,
    /// The node to centre once it is in the scene.
    pub wanted: Option<NodePath>,
    /// How the next scene is seen at first.
    pub next: Next,
    /// Where the legend is, which must not cover a picture that is fitted.
    pub legend: Option<Rect>,
    /// The last scene drawn, to notice a new one.
    shown: Option<Arc<Scene>>,
}

impl Continuity {
    /// Whether a scene was not drawn before.
    pub fn is_new(&self, scene: &Arc<Scene>) -> bool {
        self.shown.as_ref().is_none_or(|shown| !Arc::ptr_eq(shown, scene))
    }
}

/// All of a scene.
#[expect(clippy::cast_possible_truncation, reason = "scenes are smaller than 2^24 pixels")]
pub(super) fn whole(scene: &Scene) -> Rect {
    Rect::from_min_size(Pos2::ZERO, vec2(scene.width as f32, scene.height as f32))
}

/// Moves the camera by pointer and keys.
pub(super) fn navigate(
    ui: &Ui,
    response: &egui::Response,
    view: &mut View,
    scene: &Arc<Scene>,
    continuity: &mut Continuity,
    action: Option<Action>,
) -> Camera {
    let screen = response.rect;
    let mut camera = view.camera.unwrap_or_else(|| Camera::at_start(whole(scene), screen));
    if continuity.is_new(scene) {
        let anchor = continuity.anchor.take();
        match std::mem::take(&mut continuity.next) {
            Next::Whole => camera = fitted(scene, screen, continuity.legend),
            Next::Anew => {
                camera = Camera::at_start(whole(scene), screen);
                let selected = view.selected.as_ref().and_then(|path| place_of(scene, path));
                if let Some(place) = selected {
                    camera.reveal(screen, place);
                }
            }
            Next::AsBefore => {
                if let Some((path, at)) = anchor
                    && let Some(corner) = corner(scene, &path)
                {
                    camera.put(screen, corner, at);
                }
            }
        }
        continuity.shown = Some(Arc::clone(scene));
    }
    if let Some(path) = &continuity.wanted
        && let Some(place) = place_of(scene, path)
    {
        camera.zoom = camera.zoom.max(LEGIBLE);
        camera.put(screen, place.center(), screen.center());
        continuity.wanted = None;
    }
    if response.dragged() {
        camera.pan(response.drag_delta());
    }
    let pointer = ui.ctx().pointer_hover_pos().filter(|at| screen.contains(*at));
    if let Some(pointer) = pointer
        && response.contains_pointer()
    {
        let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta()));
        let factor = pinch * (scroll.y / 240.0).exp();
        if factor != 1.0 {
            camera.zoom_at(screen, pointer, factor);
        }
        camera.pan(vec2(scroll.x, 0.0));
    }
    if action == Some(Action::Fit) {
        camera = fitted(scene, screen, continuity.legend);
    }
    act(action, view, scene, &mut camera, screen);
    view.camera = Some(camera);
    camera
}

/// Shows all of a scene, or its beginning if it is too large; beside the legend where that would cover a card.
fn fitted(scene: &Scene, screen: Rect, legend: Option<Rect>) -> Camera {
    let whole = whole(scene);
    let first = scene.cards.first().map_or(whole, |card| rect(card.rect));
    let camera = Camera::fitting_or_start(whole, first, screen);
    let is_covered = |legend: &Rect| {
        let covers =
            |card: &Card| camera.rect_to_screen(screen, rect(card.rect)).intersects(*legend);
        camera.visible(screen).contains_rect(whole) && scene.cards.iter().any(covers)
    };
    let Some(legend) = legend.filter(is_covered) else { return camera };
    let beside = Rect::from_min_max(pos2(legend.right(), screen.top()), screen.max);
    let above = Rect::from_min_max(screen.min, pos2(screen.right(), legend.top()));
    let [beside, above] = [beside, above].map(|room| (Camera::fitting(whole, room), room));
    let (mut camera, room) = if beside.0.zoom >= above.0.zoom { beside } else { above };
    camera.put(screen, whole.center(), room.center());
    camera
}

/// Carries out the action of a key on the camera and the selection.
fn act(action: Option<Action>, view: &mut View, scene: &Scene, camera: &mut Camera, screen: Rect) {
    match action {
        Some(Action::Zoom(factor)) => camera.zoom_at(screen, screen.center(), factor),
        Some(Action::ActualSize) => {
            camera.zoom_at(screen, screen.center(), 1.0 / camera.zoom);
        }
        Some(Action::Deselect) => view.selected = None,
        Some(Action::Step(way)) => {
            let next = view.selected.as_ref().map(|path| neighbour(scene, path, way));
            match next {
                None => camera.pan(-way * STEP),
                Some(None) => {}
                Some(Some(path)) => {
                    if let Some(place) = place_of(scene, &path) {
                        camera.reveal(screen, place);
                    }
                    view.selected = Some(path);
                }
            }
        }
        Some(
            Action::Fit
            | Action::Toggle
            | Action::Repeats
            | Action::OpenAll
            | Action::CloseAll
            | Action::Search,
        )
        | None => {}
    }
}

/// The clicks in this frame.
#[derive(Default)]
pub(super) struct Clicks {
    pub selected: Option<NodePath>,
    /// A module to open or close, and where its corner is.
    pub toggled: Option<(NodePath, Pos2)>,
}

/// The button of a card.
pub(super) fn card_id(ui: &Ui, path: &NodePath) -> Id {
    ui.scope_id().with(("card", path.as_str()))
}

/// The button of an open module.
pub(super) fn frame_id(ui: &Ui, path: &NodePath) -> Id {
    ui.scope_id().with(("frame", path.as_str()))
}

/// Makes cards and the heads of frames something to click.
pub(super) fn buttons(
    ui: &Ui,
    scene: &Scene,
    screen: Rect,
    camera: Camera,
    shading: &Shading,
) -> Clicks {
    let mut clicks = Clicks::default();
    for frame in &scene.frames {
        let place = camera.rect_to_screen(screen, rect(frame.rect));
        let head = Rect::from_min_size(place.min, vec2(place.width(), 22.0 * camera.zoom));
        let head = head.intersect(screen);
        if head.height() < BUTTON || !head.is_positive() {
            continue;
        }
        let id = frame_id(ui, &frame.path);
        let response = ui.interact(head, id, Sense::CLICK);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, frame.path.as_str()));
        if response.clicked() {
            clicks.selected = Some(frame.path.clone());
        }
        if response.double_clicked() {
            clicks.toggled = Some((frame.path.clone(), place.min));
        }
    }
    for (index, card) in scene.cards.iter().enumerate() {
        let place = camera.rect_to_screen(screen, rect(card.rect));
        let seen = place.intersect(screen);
        if place.height() < BUTTON || !seen.is_positive() {
            continue;
        }
        let id = card_id(ui, &card.path);
        let response = ui.interact(seen, id, Sense::CLICK);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, card.path.as_str()));
        if response.clicked() {
            clicks.selected = Some(card.path.clone());
        }
        if response.double_clicked() && card.opens() {
            clicks.toggled = Some((card.path.clone(), place.min));
        }
        response.on_hover_ui(|ui| {
            ui.label(&card.tooltip);
            if let Some(text) = shading.hover(index) {
                ui.label(text);
            }
            if card.opens() {
                ui.weak("Double click or Enter expands it.");
            }
        });
    }
    clicks
}

/// The selected module or step and where its corner is, if it can be opened or closed.
pub(super) fn toggled_by_key(
    view: &View,
    scene: &Scene,
    screen: Rect,
    camera: Camera,
) -> Option<(NodePath, Pos2)> {
    let path = view.selected.as_ref()?;
    let is_open = scene.frames.iter().any(|frame| frame.path == *path);
    let is_closed = scene.cards.iter().any(|card| card.path == *path && card.opens());
    let at = corner(scene, path)?;
    (is_open || is_closed).then(|| (path.clone(), camera.to_screen(screen, at)))
}

/// Draws the scene.
pub(super) fn draw(
    ui: &Ui,
    screen: Rect,
    scene: &Scene,
    camera: Camera,
    selected: Option<&NodePath>,
    (paint, hits): (&dyn Paint, Option<&Hits>),
) {
    let painter = ui.painter_at(screen);
    painter.rect_filled(screen, 0.0, colors(ui).canvas);
    let theme = ui.ctx().theme();
    let canvas = Canvas { painter: &painter, screen, camera, theme, selected, hits };
    canvas.scene(scene, paint);
}
