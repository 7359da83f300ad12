//! The keys of a graph.

use egui::{Key, Modifiers, Pos2, Rect, Ui, Vec2, vec2};
use inceptive_draw::Scene;
use inceptive_ir::Path as NodePath;

use super::camera::rect;

/// The action of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Action {
    /// Shows everything.
    Fit,
    /// Enlarges by a factor.
    Zoom(f32),
    /// Shows one picture pixel as one of the screen.
    ActualSize,
    /// Opens or closes the selected module or step.
    Toggle,
    /// Draws the repeated modules around the selection each by itself, or once again.
    Repeats,
    /// Opens every module.
    OpenAll,
    /// Closes every module.
    CloseAll,
    /// Goes to the next card in a direction, or moves the picture.
    Step(Vec2),
    /// Goes to the search.
    Search,
    /// Selects nothing.
    Deselect,
}

/// Keys that were pressed while no text is typed.
pub(super) fn pressed(ui: &Ui) -> Option<Action> {
    const KEYS: [(Key, Action); 16] = [
        (Key::F, Action::Fit),
        (Key::Plus, Action::Zoom(1.25)),
        (Key::Equals, Action::Zoom(1.25)),
        (Key::Minus, Action::Zoom(0.8)),
        (Key::Num0, Action::ActualSize),
        (Key::Num1, Action::ActualSize),
        (Key::Enter, Action::Toggle),
        (Key::R, Action::Repeats),
        (Key::O, Action::OpenAll),
        (Key::C, Action::CloseAll),
        (Key::Slash, Action::Search),
        (Key::Escape, Action::Deselect),
        (Key::ArrowUp, Action::Step(vec2(0.0, -1.0))),
        (Key::ArrowDown, Action::Step(vec2(0.0, 1.0))),
        (Key::ArrowLeft, Action::Step(vec2(-1.0, 0.0))),
        (Key::ArrowRight, Action::Step(vec2(1.0, 0.0))),
    ];
    if !crate::panels::keys_are_free(ui) {
        return None;
    }
    let hit =
        |&(key, _): &(Key, Action)| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    KEYS.iter().find(|pair| hit(pair)).map(|&(_, action)| action)
}

/// The card or frame next to another in a direction: near, and not far to the side.
pub(super) fn neighbour(scene: &Scene, from: &NodePath, toward: Vec2) -> Option<NodePath> {
    let here = place_of(scene, from)?;
    let reach = |there: Rect| {
        let way: Vec2 = gap(here, there, toward);
        let (along, across) = (way.dot(toward), way.dot(toward.rot90()).abs());
        (along > 1.0).then_some(along + 3.0 * across)
    };
    let cards = scene.cards.iter().map(|card| (&card.path, rect(card.rect)));
    let found = cards
        .filter(|(path, _)| *path != from)
        .filter_map(|(path, there)| Some((path, reach(there)?)));
    found.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(path, _)| path.clone())
}

/// The way from one rectangle to another: centre to centre along, edge to edge across.
fn gap(from: Rect, to: Rect, toward: Vec2) -> Vec2 {
    let way = to.center() - from.center();
    let between = |way: f32, sizes: f32| way.signum() * (way.abs() - sizes / 2.0).max(0.0);
    match toward.x == 0.0 {
        true => vec2(between(way.x, from.width() + to.width()) + way.x * 0.01, way.y),
        false => vec2(way.x, between(way.y, from.height() + to.height()) + way.y * 0.01),
    }
}

/// The position of a card or frame.
pub(super) fn place_of(scene: &Scene, path: &NodePath) -> Option<Rect> {
    let cards = scene.cards.iter().map(|card| (&card.path, card.rect));
    let mut all = cards.chain(scene.frames.iter().map(|frame| (&frame.path, frame.rect)));
    all.find(|(known, _)| *known == path).map(|(_, place)| rect(place))
}

/// The upper left corner of a card or frame.
pub(super) fn corner(scene: &Scene, path: &NodePath) -> Option<Pos2> {
    place_of(scene, path).map(|place| place.min)
}
