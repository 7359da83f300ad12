//! Very many networks as a plot by density: a fixed number of cells, coloured by how many networks are in each.

use std::sync::Arc;

use egui::{Color32, ColorImage, Pos2, Theme, Ui, pos2};
use inceptive_app::SpacePoints;
use inceptive_results::Metric;

use crate::{
    jobs::CountedNetworks,
    panels::tradeoff::{
        metric::AxisMetric,
        picture::{Kept, Picture},
        scale::Field,
    },
    theme::heat,
};

/// Side of a cell in points: of many networks, and of few, which are hard to see if they are small.
const CELL: f32 = 2.0;
const LARGE_CELL: f32 = 4.0;

/// Networks up to which cells are large.
const FEW: usize = 3000;

/// The part of the scale of heat for one network: on a ground of its other end it would not be seen.
const LEAST_HEAT: f32 = 0.25;

/// What the cells depend on.
type Key = (usize, Field, Theme);

/// Networks as cells, kept while nothing of them changes.
#[derive(Default)]
pub(super) struct Density(Kept<Key, Cells>);

struct Cells {
    picture: Picture,
    /// Where each network is.
    places: Vec<Pos2>,
    most: u32,
}

/// The value of a network on an axis; NaN if it is not counted.
pub(super) fn value(points: &SpacePoints, at: usize, metric: Metric) -> f64 {
    points.counts(metric).map_or(f64::NAN, |counts| metric.on_axis(counts[at] as f64))
}

impl Density {
    /// Draws the networks; returns how many are in the fullest cell.
    pub fn paint(&mut self, ui: &Ui, counted: &Arc<CountedNetworks>, field: Field) -> u32 {
        let key = (Arc::as_ptr(counted) as usize, field, ui.ctx().theme());
        let cells = self.0.get(key, |(.., theme)| cells(ui, &counted.sample, &field, *theme));
        cells.picture.paint(ui);
        cells.most
    }

    /// The nearest network to a place, if it is within reach.
    pub fn under(&self, pointer: Pos2, reach: f32) -> Option<usize> {
        let (_, cells) = self.0.0.as_ref()?;
        let distances = cells.places.iter().map(|place| place.distance_sq(pointer)).enumerate();
        let (at, distance) = distances.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (distance < reach * reach).then_some(at)
    }
}

fn cells(ui: &Ui, points: &SpacePoints, field: &Field, theme: Theme) -> Cells {
    let nowhere = pos2(f32::INFINITY, f32::INFINITY);
    let axes = [field.x, field.y].map(|axis| axis.quantity.metric());
    let place = |at| match axes {
        [Some(x), Some(y)] => field.at(value(points, at, x), value(points, at, y)),
        _ => nowhere,
    };
    let places: Vec<Pos2> = (0..points.len()).map(place).collect();
    let cell = if points.len() <= FEW { LARGE_CELL } else { CELL };
    let width = (field.rect.width() / cell).ceil().max(1.0) as usize;
    let height = (field.rect.height() / cell).ceil().max(1.0) as usize;
    let mut counts = vec![0_u32; width * height];
    for place in places.iter().filter(|place| field.rect.contains(**place)) {
        let offset = (*place - field.rect.min) / cell;
        let (x, y) = ((offset.x as usize).min(width - 1), (offset.y as usize).min(height - 1));
        counts[y * width + x] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let full = (most.max(2) as f32).ln();
    let color = |count: u32| match count {
        0 => Color32::TRANSPARENT,
        count => heat(LEAST_HEAT + (1.0 - LEAST_HEAT) * (count as f32).ln() / full, theme),
    };
    let image = ColorImage::new([width, height], counts.into_iter().map(color).collect());
    Cells { picture: Picture::new(ui, image, field.rect.min, cell), places, most }
}
