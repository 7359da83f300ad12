//! The picture before ink: cards with their words, frames and lines at their places.

use inceptive_ir::{Graph, NodeId, Path};

use super::{
    flow::{Arrangement, Flow},
    geometry::Rect,
    inside::shown_name,
    label::{Kind, Label, label},
    layout::{Layout, Line, has_room, is_head, layout},
    repeat::{Repeat, repeats},
    room::DrawError,
    view::{Open, View},
};
use crate::text::{bold_width_px, clean, shortened, width_px};

/// Size of a card's title and of a frame's name, in pixels.
pub const TITLE_PX: f64 = 12.0;

/// Size of the operator on a card, in pixels.
pub const DETAIL_PX: f64 = 11.0;

/// Size of the shape on a card, in pixels.
pub const SHAPE_PX: f64 = 10.0;

/// From one line of a card to the next, in pixels.
pub const LINE_PX: f64 = 15.0;

/// The widest text of a card, in pixels.
const WIDEST: f64 = 240.0;

/// A network that was laid out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// From left to right, in pixels.
    pub width: f64,
    /// From top to bottom, in pixels.
    pub height: f64,
    /// Steps and closed modules, in execution order.
    pub cards: Vec<Card>,
    /// Open modules, outer ones before inner ones.
    pub frames: Vec<Frame>,
    /// The lines between cards. A line's source is a position in `cards`.
    pub lines: Vec<Line>,
    /// Equal modules in a row, whether they are drawn once or each by itself.
    pub repeats: Vec<Repeat>,
}

/// A step with its normalisation and activation, or a closed module.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Its place.
    pub rect: Rect,
    /// Path of the step or the module.
    pub path: Path,
    /// Its nodes, in execution order; at least one. If it stands for repeated ones, their nodes follow.
    pub nodes: Vec<NodeId>,
    /// How often it is in the network.
    pub times: usize,
    /// How many equal modules it is drawn for; 1 for other modules and steps.
    pub repeats: usize,
    /// Its name inside of the module around it, cut to fit.
    pub title: String,
    /// The operator with its main attributes, or a summary of the content, cut to fit; may be empty.
    pub detail: String,
    /// Shape of the result.
    pub shape: String,
    /// Everything: path, shapes and all attributes, one fact a line.
    pub tooltip: String,
    /// The kind of computation, for the colour.
    pub kind: Kind,
    /// Whether it belongs to an auxiliary head.
    pub is_auxiliary: bool,
    /// Whether it is a module that could be open.
    pub is_module: bool,
    /// Whether it is a step of several nodes that could be open.
    pub is_fused: bool,
}

/// An open module, or an open step of several nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Its place.
    pub rect: Rect,
    /// Its path.
    pub path: Path,
    /// Its name, in the upper left corner, cut to fit.
    pub title: String,
    /// How many equal modules it is drawn for; 1 for others.
    pub repeats: usize,
    /// Whether it belongs to an auxiliary head.
    pub is_auxiliary: bool,
}

impl Scene {
    /// Lays a network out.
    ///
    /// # Errors
    /// When a module holds more than can be drawn in reasonable time.
    pub fn new(graph: &Graph, open: &Open) -> Result<Self, DrawError> {
        Self::unless_stopped(graph, open, &|| false)
    }

    /// Lays a network out; checks before each module whether it should stop.
    ///
    /// # Errors
    /// [`DrawError::Stopped`], or when a module holds more than can be drawn in reasonable time.
    pub fn unless_stopped(
        graph: &Graph,
        open: &Open,
        is_stopped: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, DrawError> {
        Self::of(graph, &View::new(graph, open), is_stopped)
    }

    /// Lays a network out in an arrangement; checks before each module whether it should stop.
    ///
    /// # Errors
    /// [`DrawError::Stopped`], or when a module holds more than can be drawn in reasonable time.
    pub fn arranged(
        graph: &Graph,
        arrangement: &Arrangement,
        is_stopped: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, DrawError> {
        let Arrangement { open, repeats: drawn, flow } = arrangement;
        let view = View::arranged(graph, open, drawn);
        let scene = Self::laid_out(graph, &view, *flow, is_stopped)?;
        Ok(Self { repeats: repeats(graph), ..scene })
    }

    /// Lays a view out.
    pub(super) fn of(
        graph: &Graph,
        view: &View,
        is_stopped: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, DrawError> {
        Self::laid_out(graph, view, Flow::Down, is_stopped)
    }

    fn laid_out(
        graph: &Graph,
        view: &View,
        flow: Flow,
        is_stopped: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, DrawError> {
        // A network that does not fit is refused before labels are made.
        has_room(view)?;
        let mut cards: Vec<Card> = (0..view.blocks.len())
            .map(|block| Card::new(view, block, label(graph, view, block)))
            .collect();
        let sizes: Vec<(f64, f64)> = cards.iter().map(Card::size).collect();
        let picture = layout(view, &sizes, flow, is_stopped)?;
        for (card, rect) in cards.iter_mut().zip(&picture.cards) {
            card.rect = *rect;
        }
        let frame = |(module, rect): (usize, Rect)| Frame {
            rect,
            path: view.modules[module].path.clone(),
            title: shown_name(view, module),
            repeats: view.modules[module].range.as_ref().map_or(1, |range| range.count),
            is_auxiliary: is_head(view, module),
        };
        let frames = picture.frames.iter().copied().map(frame).collect();
        let Layout { width, height, lines, .. } = picture;
        Ok(Self { width, height, cards, frames, lines, repeats: Vec::new() })
    }
}

impl Card {
    /// A card without a place.
    fn new(view: &View, block: usize, label: Label) -> Self {
        let cut = |text: &str, size: f64| shortened(&clean(text), size, WIDEST).into_owned();
        let block = &view.blocks[block];
        Self {
            rect: Rect { x: 0.0, y: 0.0, width: 0.0, height: 0.0 },
            path: block.path.clone(),
            nodes: block.nodes.clone(),
            times: block.times,
            repeats: block.range.as_ref().map_or(1, |range| range.count),
            title: cut(&label.title, TITLE_PX * 1.13),
            detail: cut(&label.detail, DETAIL_PX),
            shape: cut(&label.shape, SHAPE_PX),
            tooltip: label.tooltip,
            kind: label.kind,
            is_auxiliary: block.is_auxiliary,
            is_module: block.is_module,
            is_fused: block.is_fused,
        }
    }

    /// Whether it can be opened.
    pub const fn opens(&self) -> bool {
        self.is_module || self.is_fused
    }

    /// The lines of text on it: title, detail and shape, those that are not empty.
    pub fn lines(&self) -> usize {
        [&self.title, &self.detail, &self.shape].into_iter().filter(|text| !text.is_empty()).count()
    }

    #[expect(clippy::cast_precision_loss, reason = "at most three lines")]
    fn size(&self) -> (f64, f64) {
        let widths = [
            bold_width_px(&self.title, TITLE_PX),
            width_px(&self.detail, DETAIL_PX),
            width_px(&self.shape, SHAPE_PX),
        ];
        let width = widths.into_iter().fold(40.0, f64::max);
        ((width + 20.0).ceil(), LINE_PX * self.lines() as f64 + 10.0)
    }
}
