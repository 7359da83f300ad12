//! Very many networks of a space as lines, in one picture.

use egui::{Color32, ColorImage, Rect, Ui, Vec2, emath::GuiRounding};

use super::{
    cloud::CloudView,
    look::Colors,
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
type LinesKey = (u64, Vec<Column>, Rect, f32, Tints, Colors);

impl CloudLines {
    /// Draws thin lines from axis to axis.
    pub fn paint(
        &mut self,
        ui: &Ui,
        view: &CloudView,
        (columns, rect): (&[Column], Rect),
        shades: Colors,
    ) {
        let palette = colors(ui);
        let key = (
            view.version(),
            columns.to_vec(),
            rect,
            ui.pixels_per_point(),
            [palette.accent, palette.weak],
            shades,
        );
        self.0.get(key, |key| lines(ui, view, key)).paint(ui);
    }
}

/// The lines through a pixel.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// How many are of networks that satisfy the constraints.
    inside: f32,
    /// The sum of their colours: red, green and blue.
    color: [f32; 3],
    /// How many are of others.
    outside: f32,
}

/// The lines through each pixel.
struct Density {
    width: usize,
    height: usize,
    cells: Vec<Cell>,
}

impl Density {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, cells: vec![Cell::default(); width * height] }
    }

    /// Adds a line from one place to another further to the right, both in pixels: one pixel high in each column. Lines of
    /// networks that violate a constraint have no colour.
    fn add(&mut self, from: Vec2, to: Vec2, color: Option<Color32>) {
        let slope = (to.y - from.y) / (to.x - from.x);
        let first = from.x.round().max(0.0) as usize;
        let last = (to.x.round().max(0.0) as usize).min(self.width);
        let parts = color.map(|color| [color.r(), color.g(), color.b()].map(f32::from));
        for x in first..last {
            let y = from.y + (x as f32 + 0.5 - from.x) * slope - 0.5;
            let above = y.floor();
            for (row, part) in [(above, above + 1.0 - y), (above + 1.0, y - above)] {
                if row < 0.0 || row as usize >= self.height {
                    continue;
                }
                let cell = &mut self.cells[row as usize * self.width + x];
                match parts {
                    Some(parts) => {
                        cell.inside += part;
                        for (sum, it) in cell.color.iter_mut().zip(parts) {
                            *sum += part * it;
                        }
                    }
                    None => cell.outside += part,
                }
            }
        }
    }

    /// The picture; each line is blended over those below it, and lines through the same pixel mix their colours.
    fn image(&self, outside: Color32, share: f32) -> ColorImage {
        let covered = |count: f32| 1.0 - (1.0 - share).powf(count);
        let pixel = |cell: &Cell| {
            let below = outside.gamma_multiply(covered(cell.outside));
            if cell.inside <= 0.0 {
                return below;
            }
            let [red, green, blue] = cell.color.map(|sum| (sum / cell.inside).round() as u8);
            let color = Color32::from_rgb(red, green, blue);
            below.blend(color.gamma_multiply(covered(cell.inside)))
        };
        let pixels = self.cells.iter().map(pixel).collect();
        ColorImage::new([self.width, self.height], pixels)
    }
}

fn lines(ui: &Ui, view: &CloudView, key: &LinesKey) -> Picture {
    let (_, columns, rect, scale, [inside, outside], shades) = key;
    let corner = rect.min.round_to_pixels(*scale);
    let size = (rect.size() * *scale).ceil();
    let (width, height) = (size.x.max(1.0) as usize, size.y.max(1.0) as usize);
    let mut density = Density::new(width, height);
    let color = |point: usize| match shades.quantity {
        _ if !view.points().is_inside(point) => None,
        None => Some(*inside),
        Some(quantity) => {
            let share = view.value(point, quantity).and_then(|value| shades.share(value));
            Some(share.map_or(*outside, |share| shades.heat(share)))
        }
    };
    for point in view.lines() {
        let at = |column: &Column| {
            let place = column.at(*rect, view.value(point, column.axis.quantity)?);
            Some((place - corner) * *scale)
        };
        let color = color(point);
        for pair in columns.windows(2) {
            if let (Some(from), Some(to)) = (at(&pair[0]), at(&pair[1])) {
                density.add(from, to, color);
            }
        }
    }
    // The more there are, the fainter each, so that networks of files stand out.
    let share = (100.0 / view.count().max(1) as f32).clamp(0.04, 0.35);
    Picture::new(ui, density.image(*outside, share), corner, 1.0 / *scale)
}

#[cfg(test)]
mod tests {
    use egui::vec2;

    use super::*;

    #[test]
    fn a_line_has_one_pixel_in_each_column() {
        let mut density = Density::new(4, 3);
        density.add(vec2(0.0, 0.5), vec2(4.0, 2.5), Some(Color32::RED));
        density.add(vec2(0.0, 1.5), vec2(4.0, 1.5), None);
        let column = |x: usize, of: fn(&Cell) -> f32| -> Vec<f32> {
            (0..3).map(|y| of(&density.cells[y * 4 + x])).collect()
        };
        assert_eq!(column(0, |cell| cell.inside), [0.75, 0.25, 0.0]);
        assert_eq!(column(3, |cell| cell.inside), [0.0, 0.25, 0.75]);
        assert!((0..4).all(|x| column(x, |cell| cell.outside) == [0.0, 1.0, 0.0]));
        let image = density.image(Color32::BLUE, 0.5);
        assert_eq!(
            image.pixels[7],
            Color32::BLUE.gamma_multiply(0.5).blend(Color32::from_rgba_premultiplied(41, 0, 0, 41))
        );
        assert_eq!(image.pixels[8], Color32::TRANSPARENT);
    }

    #[test]
    fn lines_have_the_colours_of_their_values() {
        let mut density = Density::new(1, 1);
        for color in [Color32::from_rgb(200, 0, 0), Color32::from_rgb(0, 100, 0)] {
            density.add(vec2(0.0, 0.5), vec2(1.0, 0.5), Some(color));
        }
        let image = density.image(Color32::BLUE, 1.0);
        assert_eq!(image.pixels[0], Color32::from_rgb(100, 50, 0));
    }
}
