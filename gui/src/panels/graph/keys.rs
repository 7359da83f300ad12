//! The keys of a graph.

use egui::{Key, Modifiers, Pos2, Rect, Ui, Vec2, vec2};
use inceptive_draw::Scene;
use inceptive_ir::Path as NodePath;

use super::camera::rect;
use crate::actions::{Action as Asked, asked, chosen};

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

/// What is asked for in the table of actions.
const ACTIONS: [(Asked, Action); 10] = [
    (Asked::Fit, Action::Fit),
    (Asked::Larger, Action::Zoom(1.25)),
    (Asked::Smaller, Action::Zoom(0.8)),
    (Asked::ActualSize, Action::ActualSize),
    (Asked::Toggle, Action::Toggle),
    (Asked::Repeats, Action::Repeats),
    (Asked::ExpandAll, Action::OpenAll),
    (Asked::CollapseAll, Action::CloseAll),
    (Asked::SearchNodes, Action::Search),
    (Asked::Deselect, Action::Deselect),
];

/// What was chosen, or whose keys were pressed while no text is typed.
pub(super) fn pressed(ui: &Ui) -> Option<Action> {
    const ARROWS: [(Key, Vec2); 4] = [
        (Key::ArrowUp, vec2(0.0, -1.0)),
        (Key::ArrowDown, vec2(0.0, 1.0)),
        (Key::ArrowLeft, vec2(-1.0, 0.0)),
        (Key::ArrowRight, vec2(1.0, 0.0)),
    ];
    let is_free = crate::panels::keys_are_free(ui);
    let does = |action| match is_free {
        true => asked(ui.ctx(), action),
        false => chosen(ui.ctx(), action),
    };
    if let Some((_, action)) = ACTIONS.into_iter().find(|(action, _)| does(*action)) {
        return Some(action);
    }
    let hit = |key| is_free && ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    ARROWS.into_iter().find(|(key, _)| hit(*key)).map(|(_, way)| Action::Step(way))
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
