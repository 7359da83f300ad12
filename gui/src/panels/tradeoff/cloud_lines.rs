//! Very many networks of a space as lines, in one picture.

use egui::{Color32, ColorImage, Rect, Ui, Vec2, emath::GuiRounding};

use super::{
    cloud::CloudView,
    picture::{Kept, Picture},
    scale::Column,
};
use crate::theme::colors;

/// The colours of networks that satisfy the constraints, and of others.
type Tints = [Color32; 2];

/// A cloud as lines.
#[derive(Default)]
pub struct CloudLines(Kept<LinesKey, Picture>);

/// The inputs of the lines: the networks, the axes, their positions, pixels per point, colours.
type LinesKey = (u64, Vec<Column>, Rect, f32, Tints);

impl CloudLines {
    /// Draws thin lines from axis to axis.
    pub fn paint(&mut self, ui: &Ui, view: &CloudView, columns: &[Column], rect: Rect) {
        let palette = colors(ui);
        let key = (
            view.version(),
            columns.to_vec(),
            rect,
            ui.pixels_per_point(),
            [palette.accent, palette.weak],
        );
        self.0.get(key, |key| lines(ui, view, key)).paint(ui);
    }
}

/// How many lines go through each pixel: of networks that satisfy the constraints, and of others.
struct Density {
    width: usize,
    height: usize,
    counts: Vec<[f32; 2]>,
}

impl Density {
    /// Adds a line from one place to another further to the right, both in pixels: one pixel high in each column.
    fn add(&mut self, from: Vec2, to: Vec2, is_inside: bool) {
        let slope = (to.y - from.y) / (to.x - from.x);
        let first = from.x.round().max(0.0) as usize;
        let last = (to.x.round().max(0.0) as usize).min(self.width);
        for x in first..last {
            let y = from.y + (x as f32 + 0.5 - from.x) * slope - 0.5;
            let above = y.floor();
            for (row, part) in [(above, above + 1.0 - y), (above + 1.0, y - above)] {
                if row >= 0.0 && (row as usize) < self.height {
                    self.counts[row as usize * self.width + x][usize::from(!is_inside)] += part;
                }
            }
        }
    }

    /// The picture; each line is blended over those below it.
    fn image(&self, tints: Tints, share: f32) -> ColorImage {
        let covered = |count: f32| 1.0 - (1.0 - share).powf(count);
        let pixel = |[inside, outside]: &[f32; 2]| {
            let below = tints[1].gamma_multiply(covered(*outside));
            below.blend(tints[0].gamma_multiply(covered(*inside)))
        };
        let pixels = self.counts.iter().map(pixel).collect();
        ColorImage::new([self.width, self.height], pixels)
    }
}

fn lines(ui: &Ui, view: &CloudView, (_, columns, rect, scale, tints): &LinesKey) -> Picture {
    let corner = rect.min.round_to_pixels(*scale);
    let size = (rect.size() * *scale).ceil();
    let (width, height) = (size.x.max(1.0) as usize, size.y.max(1.0) as usize);
    let mut density = Density { width, height, counts: vec![[0.0; 2]; width * height] };
    for point in view.lines() {
        let at = |column: &Column| {
            let place = column.at(*rect, view.value(point, column.axis.quantity)?);
            Some((place - corner) * *scale)
        };
        let is_inside = view.points().is_inside(point);
        for pair in columns.windows(2) {
            if let (Some(from), Some(to)) = (at(&pair[0]), at(&pair[1])) {
                density.add(from, to, is_inside);
            }
        }
    }
    // The more there are, the fainter each, so that networks of files stand out.
    let share = (100.0 / view.count().max(1) as f32).clamp(0.04, 0.35);
    Picture::new(ui, density.image(*tints, share), corner, 1.0 / *scale)
}

#[cfg(test)]
mod tests {
    use egui::vec2;

    use super::*;

    #[test]
    fn a_line_has_one_pixel_in_each_column() {
        let mut density = Density { width: 4, height: 3, counts: vec![[0.0; 2]; 12] };
        density.add(vec2(0.0, 0.5), vec2(4.0, 2.5), true);
        density.add(vec2(0.0, 1.5), vec2(4.0, 1.5), false);
        let column = |x: usize, kind: usize| -> Vec<f32> {
            (0..3).map(|y| density.counts[y * 4 + x][kind]).collect()
        };
        assert_eq!(column(0, 0), [0.75, 0.25, 0.0]);
        assert_eq!(column(3, 0), [0.0, 0.25, 0.75]);
        assert!((0..4).all(|x| column(x, 1) == [0.0, 1.0, 0.0]));
        let image = density.image([Color32::RED, Color32::BLUE], 0.5);
        assert_eq!(
            image.pixels[7],
            Color32::BLUE.gamma_multiply(0.5).blend(Color32::from_rgba_premultiplied(41, 0, 0, 41))
        );
        assert_eq!(image.pixels[8], Color32::TRANSPARENT);
    }
}
