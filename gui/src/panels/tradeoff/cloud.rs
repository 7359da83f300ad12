//! A hundred thousand networks of a space as one picture.

use std::sync::Arc;

use egui::{Color32, Mesh, Pos2, Rect, Shape, Vec2, pos2};

use inceptive_report::CloudPoint;

use super::{metric::Metric, rows::mebibytes, scale::Field};
use crate::jobs::Cloud;

/// Side of a bin in pixels: points in one look like one.
const BIN: f32 = 2.0;

/// How far from a point the pointer still means it, in pixels.
const REACH: f32 = 5.0;

/// A picture of a cloud, kept while nothing of it changes.
#[derive(Default)]
pub struct CloudPicture {
    drawn: Option<Drawn>,
}

struct Drawn {
    cloud: Arc<Cloud>,
    field: Field,
    colors: [Color32; 2],
    mesh: Arc<Mesh>,
    places: Vec<Pos2>,
}

/// The number of a network of a space; none where it is only known of files.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub fn value(point: &CloudPoint, metric: Metric) -> Option<f64> {
    match metric {
        Metric::Params => Some(point.params as f64),
        Metric::Compute => Some(point.macs as f64),
        Metric::Acts => Some(point.acts as f64),
        Metric::PeakMemory => Some(mebibytes(point.peak_activation_bytes)),
        Metric::Top1 | Metric::Latency | Metric::Density => None,
    }
}

impl CloudPicture {
    /// Draws a cloud: points that satisfy the constraints in the first colour, others in the second.
    pub fn shape(&mut self, cloud: &Arc<Cloud>, field: Field, colors: [Color32; 2]) -> Shape {
        let is_same = |drawn: &&Drawn| {
            Arc::ptr_eq(&drawn.cloud, cloud) && drawn.field == field && drawn.colors == colors
        };
        let kept = self.drawn.take().filter(|drawn| is_same(&drawn));
        let drawn = kept.unwrap_or_else(|| Drawn::new(cloud, field, colors));
        let mesh = Arc::clone(&drawn.mesh);
        self.drawn = Some(drawn);
        Shape::Mesh(mesh)
    }

    /// The point under the pointer.
    pub fn under(&self, pointer: Pos2) -> Option<&CloudPoint> {
        let drawn = self.drawn.as_ref()?;
        let distances = drawn.places.iter().map(|place| place.distance_sq(pointer)).enumerate();
        let (at, distance) = distances.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (distance < REACH * REACH).then(|| &drawn.cloud.counts.points[at])
    }
}

impl Drawn {
    fn new(cloud: &Arc<Cloud>, field: Field, colors: [Color32; 2]) -> Self {
        let nowhere = pos2(f32::INFINITY, f32::INFINITY);
        let place =
            |point: &CloudPoint| match (value(point, field.x.metric), value(point, field.y.metric))
            {
                (Some(x), Some(y)) => field.at(x, y),
                _ => nowhere,
            };
        let places: Vec<Pos2> = cloud.counts.points.iter().map(place).collect();
        let width = (field.rect.width() / BIN).ceil().max(1.0) as usize;
        let height = (field.rect.height() / BIN).ceil().max(1.0) as usize;
        // Bins by what lies in them: nothing, only others, one that satisfies the constraints.
        let mut bins = vec![0_u8; width * height];
        for (point, place) in cloud.counts.points.iter().zip(&places) {
            if field.rect.contains(*place) {
                let offset = (*place - field.rect.min) / BIN;
                let x = (offset.x as usize).min(width - 1);
                let y = (offset.y as usize).min(height - 1);
                let bin = &mut bins[y * width + x];
                *bin = (*bin).max(1 + u8::from(point.is_inside));
            }
        }
        let mut mesh = Mesh::default();
        for (at, bin) in bins.into_iter().enumerate().filter(|(_, bin)| *bin > 0) {
            let corner = Vec2::new((at % width) as f32, (at / width) as f32) * BIN;
            let color = if bin == 2 { colors[0] } else { colors[1] };
            let rect = Rect::from_min_size(field.rect.min + corner, Vec2::splat(BIN));
            mesh.add_colored_rect(rect, color);
        }
        Self { cloud: Arc::clone(cloud), field, colors, mesh: Arc::new(mesh), places }
    }
}
