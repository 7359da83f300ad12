//! Very many networks of a space as points, in one picture.

use egui::{Color32, ColorImage, Pos2, Rect, Shape, Stroke, Ui, pos2};
use inceptive_report::{Pair, front_of};
use inceptive_results::statistics::Estimate;

use super::{
    cloud::CloudView,
    look::Colors,
    marks::front_steps,
    picture::{Kept, Picture},
    quantity::Quantity,
    scale::Field,
};
use crate::theme::colors;

/// Side of a bin in pixels: points in one look like one.
const BIN: f32 = 2.0;

/// Distance from a point within which the pointer selects it, in pixels.
const REACH: f32 = 5.0;

/// Colours that values are drawn in.
const SHADES: u8 = 48;

/// The colours of points that satisfy the constraints, and of others.
type Tints = [Color32; 2];

/// A cloud as points.
#[derive(Default)]
pub struct CloudPoints {
    points: Kept<(u64, Field, Tints, Colors), Points>,
    front: Kept<(u64, [Quantity; 2]), Vec<usize>>,
    /// Whether the front was a line when it was drawn last, not networks at one place.
    pub draws_front: bool,
}

struct Points {
    picture: Picture,
    /// Where the shown networks are, in their order; infinitely far away where a value is not known.
    places: Vec<Pos2>,
}

impl CloudPoints {
    /// Draws the points, and their Pareto front.
    pub fn paint(&mut self, ui: &Ui, view: &CloudView, field: Field, shades: Colors) {
        let palette = colors(ui);
        let tints = [palette.accent.gamma_multiply(0.7), palette.weak.gamma_multiply(0.3)];
        let key = (view.version(), field, tints, shades);
        let points = self.points.get(key, |_| points(ui, view, &field, tints, &shades));
        points.picture.paint(ui);
        let axes = [field.x.quantity, field.y.quantity];
        let front = self.front.get((view.version(), axes), |_| front(view, axes));
        let corners: Vec<Pos2> = front.iter().filter_map(|&at| place(view, &field, at)).collect();
        let stroke = Stroke::new(1.5, palette.warning);
        let first_up = field.x.quantity.wants_more() == Some(true);
        self.draws_front = corners.iter().any(|corner| *corner != corners[0]);
        let steps = front_steps(&corners, first_up);
        ui.painter().extend(Shape::dashed_line(&steps, stroke, 6.0, 4.0));
    }

    /// The places of the networks that no other network of the space dominates, as they were drawn last.
    pub fn front(&self) -> &[usize] {
        self.front.0.as_ref().map_or(&[], |(_, front)| front)
    }

    /// The place of the network under the pointer.
    pub fn under(&self, view: &CloudView, pointer: Pos2) -> Option<usize> {
        let ((version, ..), points) = self.points.0.as_ref()?;
        let distances = points.places.iter().map(|place| place.distance_sq(pointer)).enumerate();
        let (at, distance) = distances.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let is_meant = distance < REACH * REACH && *version == view.version();
        is_meant.then(|| view.kept()[at] as usize)
    }

    /// The places of the networks in a part of the screen.
    pub fn inside(&self, view: &CloudView, area: Rect) -> Vec<usize> {
        let Some(((version, ..), points)) = &self.points.0 else { return vec![] };
        if *version != view.version() {
            return vec![];
        }
        let places = points.places.iter().zip(view.kept());
        places.filter(|(place, _)| area.contains(**place)).map(|(_, &at)| at as usize).collect()
    }
}

/// Where a network is on the screen; `None` where a value is not known.
pub fn place(view: &CloudView, field: &Field, at: usize) -> Option<Pos2> {
    let value = |quantity| view.value(at, quantity);
    Some(field.at(value(field.x.quantity)?, value(field.y.quantity)?))
}

/// The networks that satisfy the constraints and that no other such network dominates; none of them on an axis where
/// neither more nor less is better.
fn front(view: &CloudView, axes: [Quantity; 2]) -> Vec<usize> {
    let [Some(x), Some(y)] = axes.map(Quantity::wants_more) else { return vec![] };
    let pair = |&at: &u32| {
        let at = at as usize;
        let pair: Pair =
            [Estimate::exact(view.value(at, axes[0])?), Estimate::exact(view.value(at, axes[1])?)];
        view.points().is_inside(at).then_some((at, pair))
    };
    let (places, pairs): (Vec<usize>, Vec<Pair>) = view.kept().iter().filter_map(pair).unzip();
    front_of(&pairs, [x, y]).into_iter().map(|at| places[at]).collect()
}

fn points(ui: &Ui, view: &CloudView, field: &Field, tints: Tints, shades: &Colors) -> Points {
    let nowhere = pos2(f32::INFINITY, f32::INFINITY);
    let kept = view.kept().iter().map(|&at| at as usize);
    let places: Vec<Pos2> =
        kept.clone().map(|at| place(view, field, at).unwrap_or(nowhere)).collect();
    let width = (field.rect.width() / BIN).ceil().max(1.0) as usize;
    let height = (field.rect.height() / BIN).ceil().max(1.0) as usize;
    // Bins by what lies in them: nothing, only others, one that satisfies the constraints, by its shade.
    let mut bins = vec![0_u8; width * height];
    for (at, place) in kept.zip(&places) {
        if field.rect.contains(*place) {
            let offset = (*place - field.rect.min) / BIN;
            let x = (offset.x as usize).min(width - 1);
            let y = (offset.y as usize).min(height - 1);
            let shade = || {
                let share = shades.share(view.value(at, shades.quantity?)?)?;
                Some((share.clamp(0.0, 1.0) * f32::from(SHADES - 1)) as u8)
            };
            let bin = &mut bins[y * width + x];
            *bin = match view.points().is_inside(at) {
                true => (*bin).max(2 + shade().unwrap_or_default()),
                false => (*bin).max(1),
            };
        }
    }
    let has_shades = shades.quantity.is_some_and(|quantity| view.span(quantity).is_some());
    let color = |bin: u8| match bin {
        0 => Color32::TRANSPARENT,
        1 => tints[1],
        _ if has_shades => shades.heat(f32::from(bin - 2) / f32::from(SHADES - 1)),
        _ => tints[0],
    };
    let image = ColorImage::new([width, height], bins.into_iter().map(color).collect());
    Points { picture: Picture::new(ui, image, field.rect.min, BIN), places }
}

/// A ring around a network.
pub fn ring(ui: &Ui, at: Pos2) {
    ui.painter().circle_stroke(at, 5.0, Stroke::new(2.0, ui.visuals().text_color()));
    ui.painter().circle_stroke(at, 6.5, Stroke::new(1.0, colors(ui).canvas));
}
