//! The nodes of the step at the cursor in the source, lit up; and the selection, told to the source.

use std::{collections::HashSet, path::Path, sync::Arc};

use egui::{Rect, Stroke, StrokeKind, Ui};
use inceptive_draw::Scene;
use inceptive_ir::Path as NodePath;

use super::{
    camera::{Camera, rect},
    canvas::{card_id, frame_id},
};
use crate::{
    command::{Command, Commands},
    file::FilePath,
    theme::colors,
};

/// What a card that is lit up is about.
const WHY: &str = "The cursor in the source is in this step.";

/// Cards and frames that are lit up.
#[derive(Default)]
pub(super) struct Light {
    /// The nodes of a file.
    nodes: Option<(FilePath, Vec<NodePath>)>,
    /// The scene that they were looked for in.
    scene: Option<Arc<Scene>>,
    cards: Vec<usize>,
    frames: Vec<usize>,
    /// Whether one of them is to be brought into view.
    reveals: bool,
    /// The selection as the source knows it.
    told: Option<(FilePath, Option<NodePath>)>,
}

impl Light {
    /// Takes the nodes to light up.
    pub fn set(&mut self, file: FilePath, nodes: Vec<NodePath>) {
        self.reveals = !nodes.is_empty();
        self.nodes = Some((file, nodes));
        self.scene = None;
    }

    /// Tells the source which node is selected.
    pub fn tell(&mut self, file: &FilePath, node: Option<NodePath>, commands: &mut Commands) {
        let told = Some((Arc::clone(file), node));
        if self.told == told {
            return;
        }
        if let Some((file, node)) = &told {
            commands.push(Command::Mark(Arc::clone(file), node.clone()));
        }
        self.told = told;
    }

    /// Finds the cards and frames of the nodes: those of closed modules around them, too.
    pub fn find(&mut self, file: &Path, scene: &Arc<Scene>) {
        if self.scene.as_ref().is_some_and(|known| Arc::ptr_eq(known, scene)) {
            return;
        }
        self.scene = Some(Arc::clone(scene));
        self.cards.clear();
        self.frames.clear();
        let Some((_, nodes)) = self.nodes.as_ref().filter(|(of, _)| **of == *file) else { return };
        let nodes: HashSet<&NodePath> = nodes.iter().collect();
        let around: HashSet<NodePath> = nodes
            .iter()
            .flat_map(|node| std::iter::successors(node.parent(), NodePath::parent))
            .collect();
        // A card shows a step with what follows it, as its normalisation, or a part of a step.
        let is_part = |path: &NodePath| {
            std::iter::successors(Some(path.clone()), NodePath::parent)
                .any(|path| nodes.contains(&path))
        };
        let frames = scene.frames.iter().enumerate();
        self.frames = frames
            .filter(|(_, frame)| nodes.contains(&frame.path))
            .map(|(index, _)| index)
            .collect();
        let framed: HashSet<&NodePath> =
            self.frames.iter().map(|&index| &scene.frames[index].path).collect();
        let is_framed = |path: &NodePath| {
            std::iter::successors(Some(path.clone()), NodePath::parent)
                .any(|path| framed.contains(&path))
        };
        let cards = scene.cards.iter().enumerate().filter(|(_, card)| {
            let is_closed_around = card.is_module && around.contains(&card.path);
            is_closed_around || (is_part(&card.path) && !is_framed(&card.path))
        });
        self.cards = cards.map(|(index, _)| index).collect();
    }

    fn places<'s>(&'s self, scene: &'s Scene) -> impl Iterator<Item = Rect> + 's {
        let cards = self.cards.iter().map(|&index| rect(scene.cards[index].rect));
        cards.chain(self.frames.iter().map(|&index| rect(scene.frames[index].rect)))
    }

    /// Moves the view to the first card if none is in it.
    pub fn reveal(&mut self, screen: Rect, scene: &Scene, camera: &mut Camera) {
        if !std::mem::take(&mut self.reveals) {
            return;
        }
        let visible = camera.visible(screen);
        let is_seen = self.places(scene).any(|place| visible.intersects(place));
        let first = self.places(scene).next();
        if let Some(place) = first.filter(|_| !is_seen) {
            camera.reveal(screen, place);
        }
    }

    /// Says to people who do not see it what is lit up.
    pub fn describe(&self, ui: &Ui, scene: &Scene) {
        let cards = self.cards.iter().map(|&index| card_id(ui, &scene.cards[index].path));
        let frames = self.frames.iter().map(|&index| frame_id(ui, &scene.frames[index].path));
        for id in cards.chain(frames) {
            if ui.ctx().read_response(id).is_some() {
                ui.ctx().accesskit_node_builder(id, |node| node.set_description(WHY));
            }
        }
    }

    /// Draws a ring around each card.
    pub fn draw(&self, ui: &Ui, screen: Rect, scene: &Scene, camera: Camera) {
        let painter = ui.painter_at(screen);
        let stroke = Stroke::new(3.0, colors(ui).warning);
        for place in self.places(scene) {
            let place = camera.rect_to_screen(screen, place).expand(3.0);
            if place.intersects(screen) {
                painter.rect_stroke(place, 6.0 * camera.zoom, stroke, StrokeKind::Outside);
            }
        }
    }
}
