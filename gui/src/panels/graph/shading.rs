//! The colours of cards: by the kind of computation, by a count, or by what was found in the trained network.

use std::{path::Path, sync::Arc};

use egui::{
    Align2, Color32, Mesh, Pos2, Rect, Role, Sense, Shape, Theme, Ui, WidgetInfo, pos2, vec2,
};
use inceptive_app::Inspected;
use inceptive_cost::Convention;
use inceptive_draw::{Card, Kind, Scene};
use serde::{Deserialize, Serialize};

use super::{counts::Counts, paint::Paint};
use crate::{
    format::{bytes, compute_unit, milliseconds, points, share, short_count, way},
    inspection::Inspection,
    model::Model,
    theme::{card_colors, colors, heat},
};

/// The quantity that determines the colours of cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Colour {
    /// The kind of operator.
    #[default]
    Kind,
    /// Learned numbers.
    Params,
    /// Compute in the chosen convention.
    Compute,
    /// Bytes of results.
    Memory,
    /// Time as it was profiled last.
    Time,
    /// The longer side of the receptive field.
    ReceptiveField,
    /// The share of channels with almost no weight in the trained network.
    NearZero,
    /// The share of channels whose ReLU is never active in the trained network.
    Dead,
    /// The accuracy that the trained network loses without the branch.
    Lost,
}

impl Colour {
    pub const ALL: [Self; 9] = [
        Self::Kind,
        Self::Params,
        Self::Compute,
        Self::Memory,
        Self::Time,
        Self::ReceptiveField,
        Self::NearZero,
        Self::Dead,
        Self::Lost,
    ];

    /// Whether it is known only of a trained network that was inspected.
    pub const fn is_found(self) -> bool {
        matches!(self, Self::NearZero | Self::Dead | Self::Lost)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Kind => "operator",
            Self::Params => "params",
            Self::Compute => "compute",
            Self::Memory => "memory",
            Self::Time => "measured time",
            Self::ReceptiveField => "receptive field",
            Self::NearZero => "near-zero channels",
            Self::Dead => "dead channels",
            Self::Lost => "lost accuracy",
        }
    }

    fn title(self, convention: Convention) -> String {
        match self {
            Self::Compute => compute_unit(convention),
            other => other.name().to_owned(),
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
    fn number(self, value: f64) -> String {
        match self {
            Self::Memory => bytes(value as u64),
            Self::Time => milliseconds(value),
            Self::Kind | Self::Params | Self::Compute => short_count(value as u64),
            Self::ReceptiveField => format!("{value} px"),
            Self::NearZero | Self::Dead => share(value),
            Self::Lost => points(value),
        }
    }
}

/// The data that a shading was computed from.
#[derive(PartialEq)]
struct Basis {
    scene: usize,
    network: usize,
    colour: Colour,
    convention: Convention,
    results: u64,
    inspections: usize,
}

/// The colours of the cards of a scene.
#[derive(Default)]
pub(super) struct Shading {
    basis: Option<Basis>,
    colour: Colour,
    convention: Option<Convention>,
    /// By card; nothing where nothing is counted.
    values: Vec<Option<f64>>,
    least: f64,
    most: f64,
    /// How the network was run, for times; how it was trained, for what was found in it.
    way: Option<String>,
    theme: Option<Theme>,
}

impl Shading {
    /// Computes values again if something that they are made of changed.
    pub fn update(
        &mut self,
        theme: Theme,
        colour: Colour,
        file: &Path,
        scene: &Arc<Scene>,
        network: &Arc<Inspected>,
        model: &Model,
    ) {
        self.theme = Some(theme);
        let convention = model.settings.convention();
        let basis = Basis {
            scene: Arc::as_ptr(scene).addr(),
            network: Arc::as_ptr(network).addr(),
            colour,
            convention,
            results: model.results.reading,
            inspections: model.inspections.len(),
        };
        if self.basis.as_ref() == Some(&basis) {
            return;
        }
        self.basis = Some(basis);
        (self.colour, self.convention) = (colour, Some(convention));
        let inspection = model.inspection(file, network).filter(|_| colour.is_found());
        if colour.is_found() {
            self.way = inspection.map(Inspection::label);
            self.values = inspection
                .map_or_else(Vec::new, |inspection| found(colour, scene, network, inspection));
            let largest = self.values.iter().flatten().copied().reduce(f64::max);
            let whole = if colour == Colour::Lost { largest } else { largest.map(|_| 1.0) };
            (self.least, self.most) = (0.0, whole.map_or(0.0, |whole| whole.max(0.0)));
            return;
        }
        let counts = Counts::new(colour, network, model);
        self.values = scene.cards.iter().map(|card| counts.of(&card.nodes)).collect();
        let record = model.results.profile(&network.fingerprint);
        self.way = record.filter(|_| colour == Colour::Time).map(|it| way(&it.runtime));
        (self.least, self.most) = counts.range(&scene.repeats);
    }

    /// What a card's colour means, where it is of what was found.
    pub fn hover(&self, index: usize) -> Option<String> {
        let value = self.values.get(index).copied().flatten();
        let value = value.filter(|_| self.colour.is_found())?;
        Some(format!("{}: {}", self.colour.name(), self.colour.number(value)))
    }

    /// From 0 for the least to 1 for the most: by ratio, or by difference of what was found, which may be 0.
    #[expect(clippy::cast_possible_truncation, reason = "a share")]
    fn share(&self, value: f64) -> f32 {
        if self.colour.is_found() {
            return if self.most > 0.0 { (value / self.most).clamp(0.0, 1.0) as f32 } else { 0.0 };
        }
        let span = (self.most / self.least).ln();
        // A part of a box may have less than every box.
        if span > 0.0 { ((value / self.least).ln() / span).clamp(0.0, 1.0) as f32 } else { 1.0 }
    }
}

impl Paint for Shading {
    fn fill(&self, index: usize) -> Option<Color32> {
        let theme = self.theme.filter(|_| self.colour != Colour::Kind)?;
        let value = self.values.get(index).copied().flatten();
        Some(value.map_or_else(
            || card_colors(Kind::Activation, theme).0,
            |value| heat(self.share(value), theme),
        ))
    }
}

/// What was found in the nodes of each card.
fn found(
    colour: Colour,
    scene: &Scene,
    network: &Inspected,
    inspection: &Inspection,
) -> Vec<Option<f64>> {
    let value = |card: &Card| {
        let graph = &network.architecture.graph;
        let found = inspection.found(graph, &card.nodes, card.is_module);
        match colour {
            Colour::NearZero => found.near_zero,
            Colour::Dead => found.dead,
            _ => found.lost.map(|lost| lost.value),
        }
    };
    scene.cards.iter().map(value).collect()
}

const ROW: f32 = 17.0;
const PAD: f32 = 8.0;

/// The largest share of the width of the window that the legend of operators takes.
const MOST_OF_KINDS: f32 = 0.35;

/// Draws the legend of the colours in the lower left corner of the canvas; returns its place.
pub(super) fn legend(ui: &mut Ui, screen: Rect, scene: &Scene, shading: &Shading) -> Option<Rect> {
    let theme = ui.ctx().theme();
    match shading.colour {
        Colour::Kind => {
            let used = |kind: &Kind| scene.cards.iter().any(|card| card.kind == *kind);
            let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(used).collect();
            let size = vec2(92.0, ROW * kinds.len() as f32);
            // The cards say what they are; where there is little room, they need it more.
            if size.x + 2.0 * PAD > screen.width() * MOST_OF_KINDS {
                return None;
            }
            let place = ground(ui, screen, size, "legend")?;
            let mut at = content(place);
            for kind in kinds {
                let (fill, stroke) = card_colors(kind, theme);
                let swatch = Rect::from_min_size(at + vec2(0.0, 3.0), vec2(16.0, 11.0));
                ui.painter().rect(
                    swatch,
                    2.0,
                    fill,
                    egui::Stroke::new(1.0, stroke),
                    egui::StrokeKind::Inside,
                );
                text(ui, at + vec2(23.0, ROW / 2.0), Align2::LEFT_CENTER, kind.name());
                at.y += ROW;
            }
            Some(place)
        }
        colour => heat_legend(ui, screen, scene, colour, shading),
    }
}

fn heat_legend(
    ui: &mut Ui,
    screen: Rect,
    scene: &Scene,
    colour: Colour,
    shading: &Shading,
) -> Option<Rect> {
    let theme = ui.ctx().theme();
    let title = shading.convention.map_or_else(String::new, |unit| colour.title(unit));
    let is_empty = shading.most <= 0.0;
    let scale = if colour.is_found() { "linear scale" } else { "logarithmic scale" };
    let shown = if is_empty { title.clone() } else { format!("{title}, {scale}") };
    let is_together = !is_empty && scene.cards.iter().any(|card| card.times > 1);
    let together = (is_together && !colour.is_found()).then_some("modules drawn once: all copies");
    let way = shading.way.as_deref();
    let lines = [way, together].into_iter().flatten().count();
    let rows = if is_empty { 2.0 } else { 3.0 } + lines as f32;
    let least = if is_empty { 190.0 } else { 170.0 };
    let texts = [Some(shown.as_str()), way, together].into_iter().flatten();
    let widest = texts.map(|text| text_width(ui, text)).fold(least, f32::max);
    let size = vec2(widest, ROW * rows);
    let [least_text, most_text] = [shading.least, shading.most].map(|value| colour.number(value));
    let range = format!("{scale}, {least_text} to {most_text}");
    let range = (!is_empty).then_some(range.as_str());
    let said: Vec<&str> =
        [Some(title.as_str()), way, range, together].into_iter().flatten().collect();
    let said = said.join(", ");
    let place = ground(ui, screen, size, &format!("legend: {said}"))?;
    let mut at = content(place);
    text(ui, at + vec2(0.0, ROW / 2.0), Align2::LEFT_CENTER, &shown);
    if let Some(way) = way {
        at.y += ROW;
        text(ui, at + vec2(0.0, ROW / 2.0), Align2::LEFT_CENTER, way);
    }
    if is_empty {
        let nothing = match colour {
            Colour::Time => "none yet: profile it in Run",
            colour if colour.is_found() && way.is_none() => "none yet: inspect a run in Train",
            _ => "none here",
        };
        text(ui, at + vec2(0.0, 1.5 * ROW), Align2::LEFT_CENTER, nothing);
        return Some(place);
    }
    let bar = Rect::from_min_size(at + vec2(0.0, ROW + 3.0), vec2(size.x, 10.0));
    let mut mesh = Mesh::default();
    for step in 0..=16_u8 {
        let share = f32::from(step) / 16.0;
        let x = bar.left() + bar.width() * share;
        let color = heat(share, theme);
        mesh.colored_vertex(pos2(x, bar.top()), color);
        mesh.colored_vertex(pos2(x, bar.bottom()), color);
        if step > 0 {
            let last = u32::from(step) * 2;
            mesh.add_triangle(last - 2, last - 1, last);
            mesh.add_triangle(last - 1, last, last + 1);
        }
    }
    ui.painter().add(Shape::mesh(mesh));
    let below = at.y + 2.5 * ROW;
    text(ui, pos2(bar.left(), below), Align2::LEFT_CENTER, &least_text);
    text(ui, pos2(bar.right(), below), Align2::RIGHT_CENTER, &most_text);
    if let Some(together) = together {
        text(ui, pos2(bar.left(), below + ROW), Align2::LEFT_CENTER, together);
    }
    Some(place)
}

/// Where the content of the legend begins.
fn content(ground: Rect) -> Pos2 {
    ground.min + vec2(PAD, PAD)
}

/// The ground of the legend; nothing where there is no room.
fn ground(ui: &mut Ui, screen: Rect, content: egui::Vec2, name: &str) -> Option<Rect> {
    let size = content + vec2(2.0 * PAD, 2.0 * PAD);
    if size.x > screen.width() * 0.5 || size.y > screen.height() * 0.7 {
        return None;
    }
    let place = Rect::from_min_size(screen.left_bottom() + vec2(10.0, -size.y - 10.0), size);
    let response = ui.interact(place, ui.scope_id().with("legend"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, name));
    ui.painter().rect(
        place,
        5.0,
        ui.visuals().panel_fill.gamma_multiply(0.94),
        egui::Stroke::new(1.0, colors(ui).frame.gamma_multiply(0.5)),
        egui::StrokeKind::Inside,
    );
    Some(place)
}

fn text_width(ui: &Ui, words: &str) -> f32 {
    let font = egui::TextStyle::Small.resolve(ui.style());
    ui.painter().layout_no_wrap(words.to_owned(), font, Color32::WHITE).size().x
}

fn text(ui: &Ui, at: Pos2, align: Align2, words: &str) {
    let font = egui::TextStyle::Small.resolve(ui.style());
    ui.painter().text(at, align, words, font, ui.visuals().text_color());
}
