//! The confusion matrix of a run: a row for each true class, a column for each predicted one.

use std::f32::consts::FRAC_PI_2;

use egui::{
    Align2, Color32, ColorImage, FontId, Image, Pos2, Rect, Response, Role, Sense, Shape,
    TextureHandle, TextureOptions, Theme, Ui, WidgetInfo, epaint::TextShape, load::SizedTexture,
    pos2, vec2,
};
use inceptive_data::DataName;
use inceptive_results::TrainingRun;
use inceptive_store::Stored;

use crate::{
    format::{fraction, share},
    theme::{Palette, colors, palette, text_on},
};

/// Font size of names and counts.
const FONT: f32 = 11.0;

/// Maximum width of names, in points.
const MAX_NAME: f32 = 96.0;

/// Minimum cell sizes for counts, and for names of classes, in points.
const COUNTED: f32 = 20.0;
const NAMED: f32 = 11.0;

/// Minimum height of the matrix with its names.
const MIN_SIDE: f32 = 160.0;

/// Number of confused pairs that are listed below the matrix.
const MOST_LISTED: usize = 3;

/// Height of such a line.
const LINE: f32 = 22.0;

/// Maximum number of characters of a name.
const NAME_LENGTH: usize = 16;

/// Maximum number of classes for which names and counts are shown.
const MAX_NAMED: usize = 64;

/// The matrix that was drawn last.
#[derive(Default)]
pub(super) struct Matrix {
    drawn: Option<Drawn>,
}

/// Values that are cached for a run and a theme.
struct Drawn {
    key: Key,
    picture: TextureHandle,
    /// Pairs of classes that are confused most often.
    most: Vec<(usize, usize)>,
}

/// The number of a run, when it was finished, and the theme.
type Key = (i64, u64, Theme);

/// Counts by class.
struct Counts<'a> {
    classes: usize,
    counts: &'a [u64],
    /// Images of each class.
    images: Vec<u64>,
    names: Vec<String>,
}

impl<'a> Counts<'a> {
    fn new(run: &'a TrainingRun) -> Self {
        let classes = run.dataset.classes as usize;
        let known: Option<DataName> = run.dataset.label.parse().ok();
        let known = known.and_then(|name| name.classes()).filter(|all| all.len() == classes);
        let names = match known {
            Some(names) => names.iter().map(|&name| name.to_owned()).collect(),
            None => (0..classes).map(|class| class.to_string()).collect(),
        };
        let rows = run.confusion.chunks(classes.max(1));
        let mut images: Vec<u64> = rows.map(|row| row.iter().sum()).collect();
        images.resize(classes, 0);
        Self { classes, counts: &run.confusion, images, names }
    }

    fn row(&self, truth: usize) -> &[u64] {
        self.counts.get(truth * self.classes..(truth + 1) * self.classes).unwrap_or_default()
    }

    fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.row(truth).get(predicted).copied().unwrap_or(0)
    }

    /// The share of the images of a class.
    fn share(&self, truth: usize, predicted: usize) -> f64 {
        fraction(self.count(truth, predicted), self.images[truth])
    }

    /// `dog taken for cat: 5 of 100 (5.0%)`.
    fn say(&self, truth: usize, predicted: usize) -> String {
        let (name, of) = (&self.names[truth], self.images[truth]);
        let count = self.count(truth, predicted);
        let part = share(self.share(truth, predicted));
        match truth == predicted {
            true => format!("{name}: {count} of {of} right ({part})"),
            false => {
                format!("{name} taken for {}: {count} of {of} ({part})", self.names[predicted])
            }
        }
    }

    /// The most frequently confused pairs of classes, in descending order.
    fn most_confused(&self) -> Vec<(usize, usize)> {
        let mut found: Vec<(u64, usize, usize)> = vec![];
        for truth in 0..self.classes {
            for (predicted, &count) in self.row(truth).iter().enumerate() {
                let is_more = found.last().is_none_or(|least| count > least.0);
                if truth == predicted || count == 0 || (found.len() >= MOST_LISTED && !is_more) {
                    continue;
                }
                let at = found.partition_point(|known| known.0 >= count);
                found.insert(at, (count, truth, predicted));
                found.truncate(MOST_LISTED);
            }
        }
        found.into_iter().map(|(_, truth, predicted)| (truth, predicted)).collect()
    }

    fn color(&self, truth: usize, predicted: usize, palette: &Palette) -> Color32 {
        palette.canvas.lerp_to_gamma(palette.accent, self.share(truth, predicted) as f32)
    }
}

impl Matrix {
    /// Draws the matrix of a run, if it has one, with this height if it is still readable.
    pub fn ui(&mut self, ui: &mut Ui, height: f32, stored: &Stored<TrainingRun>) {
        let counts = Counts::new(&stored.result);
        let key = (stored.id, stored.result.finished_unix_ms, ui.ctx().theme());
        let Drawn { picture, most, .. } = self.drawn(ui, &counts, key);
        let below = LINE * most.len() as f32 + 8.0;
        let room = vec2(ui.available_width(), (height - below).max(MIN_SIDE));
        let (whole, response) = ui.allocate_exact_size(room, Sense::hover());
        let rect = place(ui, whole, &counts);
        paint(ui, rect, &counts, picture);
        names(ui, rect, &counts);
        let run = &stored.result;
        let said = format!(
            "Confusion matrix of {}, seed {}: {} classes",
            run.subject.name_with_point(),
            run.seed,
            counts.classes
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
        hover(response, rect, &counts);
        for &(truth, predicted) in most {
            ui.label(counts.say(truth, predicted));
        }
    }

    /// The picture of these counts, made anew for another run or theme.
    fn drawn(&mut self, ui: &Ui, counts: &Counts<'_>, key: Key) -> &Drawn {
        let known = self.drawn.take().filter(|drawn| drawn.key == key);
        self.drawn.insert(known.unwrap_or_else(|| {
            let (classes, palette) = (counts.classes, palette(key.2));
            let cells = (0..classes).flat_map(|truth| (0..classes).map(move |it| (truth, it)));
            let pixels = cells.map(|(truth, it)| counts.color(truth, it, palette)).collect();
            let image = ColorImage::new([classes, classes], pixels);
            let picture = ui.ctx().load_texture("confusion", image, TextureOptions::NEAREST);
            Drawn { key, picture, most: counts.most_confused() }
        }))
    }
}

/// Draws the cells, with their counts where they have room.
fn paint(ui: &Ui, rect: Rect, counts: &Counts<'_>, picture: &TextureHandle) {
    let palette = colors(ui);
    Image::from_texture(SizedTexture::new(picture.id(), rect.size())).paint_at(ui, rect);
    let outline = egui::Stroke::new(1.0, palette.frame);
    ui.painter().rect_stroke(rect, 0.0, outline, egui::StrokeKind::Outside);
    let cell = rect.width() / counts.classes as f32;
    if cell < COUNTED || counts.classes > MAX_NAMED {
        return;
    }
    let font = FontId::proportional(FONT);
    for truth in 0..counts.classes {
        for (predicted, &count) in counts.row(truth).iter().enumerate().filter(|it| *it.1 > 0) {
            let at = rect.min + vec2(predicted as f32 + 0.5, truth as f32 + 0.5) * cell;
            let color = text_on(counts.color(truth, predicted, palette));
            let text = count.to_string();
            ui.painter().text(at, Align2::CENTER_CENTER, text, font.clone(), color);
        }
    }
}

/// Where the matrix is: a square with room for names to its left and below.
fn place(ui: &Ui, whole: Rect, counts: &Counts<'_>) -> Rect {
    let named = counts.names.iter().filter(|_| counts.classes <= MAX_NAMED);
    let widest = named.map(|name| width(ui, name)).fold(0.0, f32::max);
    let title = FONT + 6.0;
    let with_names = |names: f32| {
        let room = whole.size() - vec2(names + title, names + title) - vec2(4.0, 4.0);
        (names, room.min_elem())
    };
    let (names, side) = Some(with_names(widest.min(MAX_NAME) + 6.0))
        .filter(|(_, side)| is_named(counts, *side))
        .unwrap_or_else(|| with_names(0.0));
    let corner = pos2(whole.left() + names + title, whole.top() + 2.0).round();
    let side = side.max(MIN_SIDE / 4.0);
    // Edges of cells are sharp where each has whole points.
    let cell = side / counts.classes as f32;
    let cell = if cell < 1.0 { cell } else { cell.floor() };
    Rect::from_min_size(corner, vec2(1.0, 1.0) * cell * counts.classes as f32)
}

/// Whether names have room beside a matrix with this side.
fn is_named(counts: &Counts<'_>, side: f32) -> bool {
    counts.classes <= MAX_NAMED && side / counts.classes as f32 >= NAMED
}

fn short(name: &str) -> String {
    match name.chars().count() > NAME_LENGTH {
        true => name.chars().take(NAME_LENGTH - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

fn width(ui: &Ui, name: &str) -> f32 {
    let font = FontId::proportional(FONT);
    ui.painter().layout_no_wrap(short(name), font, Color32::WHITE).size().x
}

/// Draws the names of the classes where they have room, and the labels of the axes.
fn names(ui: &Ui, rect: Rect, counts: &Counts<'_>) {
    let (text, weak) = (ui.visuals().text_color(), colors(ui).weak);
    let cell = rect.width() / counts.classes as f32;
    let mut widest: f32 = 0.0;
    if is_named(counts, rect.width()) {
        for (class, name) in counts.names.iter().enumerate() {
            let middle = (class as f32 + 0.5) * cell;
            let left = pos2(rect.left() - 4.0, rect.top() + middle);
            let font = FontId::proportional(FONT);
            ui.painter().text(left, Align2::RIGHT_CENTER, short(name), font, text);
            upright(ui, pos2(rect.left() + middle, rect.bottom() + 4.0), &short(name), text, 1.0);
            widest = widest.max(width(ui, name) + 4.0);
        }
    }
    let below = pos2(rect.center().x, rect.bottom() + widest + 4.0);
    ui.painter().text(below, Align2::CENTER_TOP, "predicted", FontId::proportional(FONT), weak);
    let beside = pos2(rect.left() - widest - FONT, rect.center().y);
    upright(ui, beside, "true", weak, 0.5);
}

/// Draws a text that runs upwards, so that this share of it is below a place.
fn upright(ui: &Ui, at: Pos2, text: &str, color: Color32, share: f32) {
    let font = FontId::proportional(FONT);
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font, color);
    let size = galley.size();
    let corner = pos2(at.x - size.y / 2.0, at.y + size.x * share);
    let shape = TextShape::new(corner, galley, color).with_angle(-FRAC_PI_2);
    ui.painter().add(Shape::Text(shape));
}

/// Shows the count of the cell under the pointer.
fn hover(response: Response, rect: Rect, counts: &Counts<'_>) {
    let pointer = response.hover_pos().filter(|pointer| rect.contains(*pointer));
    let Some(pointer) = pointer else { return };
    let cell = rect.width() / counts.classes as f32;
    let at = |distance: f32| ((distance / cell).max(0.0) as usize).min(counts.classes - 1);
    let (truth, predicted) = (at(pointer.y - rect.top()), at(pointer.x - rect.left()));
    response.on_hover_text_at_pointer(counts.say(truth, predicted));
}

#[cfg(test)]
mod tests {
    use inceptive_results::example::training_run;

    use super::*;

    #[test]
    fn what_is_confused_most_comes_first() {
        let mut run = training_run(0, 80.0);
        run.dataset.classes = 3;
        run.confusion = vec![300, 5, 30, 20, 300, 10, 0, 35, 300];
        let counts = Counts::new(&run);
        assert_eq!(counts.most_confused(), [(2, 1), (0, 2), (1, 0)]);
        assert_eq!(counts.say(2, 1), "2 taken for 1: 35 of 335 (10.4%)");
        assert_eq!(counts.say(1, 1), "1: 300 of 330 right (90.9%)");
        run.dataset.label = "fashion-mnist".to_owned();
        assert_eq!(Counts::new(&run).names[1], "1", "three classes are not those of its name");
        run.dataset.classes = 10;
        assert_eq!(Counts::new(&run).names[1], "trouser");
        assert!(Counts::new(&run).row(9).is_empty(), "counts of another number of classes");
    }
}
