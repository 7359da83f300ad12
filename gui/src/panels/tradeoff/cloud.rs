//! A hundred thousand networks of a space: which of them are shown, as one picture of points and one of lines.

use std::{collections::BTreeMap, sync::Arc};

use egui::{
    Color32, ColorImage, Pos2, Rect, TextureHandle, TextureOptions, Ui, Vec2, emath::GuiRounding,
    pos2,
};
use inceptive_cost::Convention;
use inceptive_report::SpaceSample;
use inceptive_results::Metric;

use super::{
    look::PlotSettings,
    rows::on_axis,
    scale::{Column, Field},
};
use crate::{jobs::Cloud, model::Model, theme::colors};

/// Side of a bin in pixels: points in one look like one.
const BIN: f32 = 2.0;

/// Distance from a point within which the pointer selects it, in pixels.
const REACH: f32 = 5.0;

/// Networks that are drawn as lines at most; more only cover each other.
const MOST_LINES: usize = 5000;

/// The least and the largest value.
type Span = [f64; 2];

/// The networks of a space that lie in every brushed range; kept while nothing of it changes.
pub struct CloudView {
    cloud: Arc<Cloud>,
    convention: Convention,
    brushes: BTreeMap<Metric, Span>,
    /// The places of the networks that lie in every range.
    kept: Vec<usize>,
    spans: [Option<Span>; Metric::ALL.len()],
    /// Another number whenever anything else is another.
    version: u64,
}

impl CloudView {
    /// Looks again at the cloud if something changed.
    pub fn update(view: &mut Option<Self>, model: &Model, look: &PlotSettings) {
        let Some(cloud) = &model.cloud else {
            *view = None;
            return;
        };
        let convention = model.settings.convention();
        let is_same = |view: &Self| {
            Arc::ptr_eq(&view.cloud, cloud)
                && view.convention == convention
                && view.brushes == look.brushes
        };
        if !view.as_ref().is_some_and(is_same) {
            let version = view.as_ref().map_or(0, |view| view.version + 1);
            *view = Some(Self::new(cloud, convention, &look.brushes, version));
        }
    }

    fn new(
        cloud: &Arc<Cloud>,
        convention: Convention,
        brushes: &BTreeMap<Metric, Span>,
        version: u64,
    ) -> Self {
        let points = &cloud.counts.points;
        let is_kept = |point: &SpaceSample| {
            brushes.iter().all(|(&metric, &[low, high])| {
                value(point, metric, convention).is_some_and(|it| (low..=high).contains(&it))
            })
        };
        let span = |metric| {
            let values = points.iter().filter_map(|point| value(point, metric, convention));
            let span = values.fold([f64::INFINITY, 0.0], |[low, high], value| {
                [f64::min(low, value), f64::max(high, value)]
            });
            (span[0] <= span[1]).then_some(span)
        };
        Self {
            cloud: Arc::clone(cloud),
            convention,
            brushes: brushes.clone(),
            kept: (0..points.len()).filter(|&at| is_kept(&points[at])).collect(),
            spans: Metric::ALL.map(span),
            version,
        }
    }

    /// The cloud.
    pub const fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// How many networks lie in every brushed range.
    pub const fn count(&self) -> usize {
        self.kept.len()
    }

    /// The least and the largest value of a metric, also of networks outside of ranges; `None` if it is not known.
    pub const fn span(&self, metric: Metric) -> Option<Span> {
        self.spans[metric.index()]
    }

    fn value(&self, point: &SpaceSample, metric: Metric) -> Option<f64> {
        value(point, metric, self.convention)
    }

    fn points(&self) -> impl Iterator<Item = &SpaceSample> {
        self.kept.iter().map(|&at| &self.cloud.counts.points[at])
    }

    /// Networks that are drawn as lines, the same ones as long as they lie in the ranges.
    fn lines(&self) -> impl Iterator<Item = &SpaceSample> {
        // Multiples of the golden ratio fill the unit interval evenly (Weyl 1916), whatever repeats in a space.
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        let share = (MOST_LINES as f64 / self.count().max(1) as f64).min(1.0);
        let last = (share * u64::MAX as f64) as u64;
        let drawn = self.kept.iter().filter(move |&&at| GOLDEN.wrapping_mul(at as u64) <= last);
        drawn.take(MOST_LINES).map(|&at| &self.cloud.counts.points[at])
    }
}

/// The number of a network of a space; `None` if it is only known of files, and none of nothing, which no axis by
/// powers of ten can show. Compute is counted in our convention only.
fn value(point: &SpaceSample, metric: Metric, convention: Convention) -> Option<f64> {
    if metric == Metric::Macs && convention != Convention::Inceptive {
        return None;
    }
    on_axis(metric, point.counts.get(metric)?).map(|estimate| estimate.value)
}

/// The colours of points that satisfy the constraints, and of others.
type Tints = [Color32; 2];

/// A value that is kept as long as it is made of the same.
struct Kept<K, V>(Option<(K, V)>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: PartialEq, V> Kept<K, V> {
    fn get(&mut self, key: K, make: impl FnOnce(&K) -> V) -> &V {
        let kept = self.0.take().filter(|(known, _)| *known == key);
        let (_, value) = self.0.insert(kept.unwrap_or_else(|| {
            let value = make(&key);
            (key, value)
        }));
        value
    }
}

/// A cloud as points.
#[derive(Default)]
pub struct CloudPoints(Kept<(u64, Field, Tints), Points>);

struct Points {
    picture: Picture,
    /// Where the shown networks are, in their order; infinitely far away where a value is not known.
    places: Vec<Pos2>,
}

impl CloudPoints {
    /// Draws the points.
    pub fn paint(&mut self, ui: &Ui, view: &CloudView, field: Field) {
        let palette = colors(ui);
        let tints = [palette.accent.gamma_multiply(0.7), palette.weak.gamma_multiply(0.3)];
        let key = (view.version, field, tints);
        let points = self.0.get(key, |_| points(ui, view, &field, tints));
        points.picture.paint(ui);
    }

    /// The network under the pointer.
    pub fn under<'a>(&self, view: &'a CloudView, pointer: Pos2) -> Option<&'a SpaceSample> {
        let ((version, ..), points) = self.0.0.as_ref()?;
        let distances = points.places.iter().map(|place| place.distance_sq(pointer)).enumerate();
        let (at, distance) = distances.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let is_meant = distance < REACH * REACH && *version == view.version;
        is_meant.then(|| &view.cloud.counts.points[view.kept[at]])
    }
}

/// Dots or lines as one picture: as shapes of their own they would take a renderer more time than all the rest.
struct Picture {
    texture: TextureHandle,
    rect: Rect,
}

impl Picture {
    /// A picture with its upper left corner at `corner`, whose pixels have this side in points.
    fn new(ui: &Ui, image: ColorImage, corner: Pos2, side: f32) -> Self {
        let rect = Rect::from_min_size(corner, image.source_size * side);
        let texture = ui.ctx().load_texture("cloud", image, TextureOptions::NEAREST);
        Self { texture, rect }
    }

    fn paint(&self, ui: &Ui) {
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(self.texture.id(), self.rect, whole, Color32::WHITE);
    }
}

fn points(ui: &Ui, view: &CloudView, field: &Field, tints: Tints) -> Points {
    let nowhere = pos2(f32::INFINITY, f32::INFINITY);
    let place = |point: &SpaceSample| {
        let pair = [field.x, field.y].map(|axis| view.value(point, axis.metric));
        if let [Some(x), Some(y)] = pair { field.at(x, y) } else { nowhere }
    };
    let places: Vec<Pos2> = view.points().map(place).collect();
    let width = (field.rect.width() / BIN).ceil().max(1.0) as usize;
    let height = (field.rect.height() / BIN).ceil().max(1.0) as usize;
    // Bins by what lies in them: nothing, only others, one that satisfies the constraints.
    let mut bins = vec![0_u8; width * height];
    for (point, place) in view.points().zip(&places) {
        if field.rect.contains(*place) {
            let offset = (*place - field.rect.min) / BIN;
            let x = (offset.x as usize).min(width - 1);
            let y = (offset.y as usize).min(height - 1);
            let bin = &mut bins[y * width + x];
            *bin = (*bin).max(1 + u8::from(point.is_inside));
        }
    }
    let color = |bin: u8| match bin {
        0 => Color32::TRANSPARENT,
        1 => tints[1],
        _ => tints[0],
    };
    let image = ColorImage::new([width, height], bins.into_iter().map(color).collect());
    Points { picture: Picture::new(ui, image, field.rect.min, BIN), places }
}

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
            view.version,
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
            let place = column.at(*rect, view.value(point, column.axis.metric)?);
            Some((place - corner) * *scale)
        };
        for pair in columns.windows(2) {
            if let (Some(from), Some(to)) = (at(&pair[0]), at(&pair[1])) {
                density.add(from, to, point.is_inside);
            }
        }
    }
    // The more there are, the fainter each, so that networks of files stand out.
    let share = (100.0 / view.count().max(1) as f32).clamp(0.04, 0.35);
    Picture::new(ui, density.image(*tints, share), corner, 1.0 / *scale)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use egui::vec2;
    use inceptive_results::Counts;

    use super::*;

    fn view(count: usize, brushes: &[(Metric, Span)], convention: Convention) -> CloudView {
        let point = |at: usize| SpaceSample {
            values: vec![],
            counts: Counts::default()
                .with(Metric::Params, at as u64)
                .with(Metric::Macs, 10 * at as u64)
                .with(Metric::Acts, 5)
                .with(Metric::PeakActivationBytes, 1 << 20),
            is_inside: at.is_multiple_of(2),
        };
        let counts = inceptive_report::Cloud {
            title: "Some".to_owned(),
            file: "some.yaml".to_owned(),
            description: None,
            notes: vec![],
            variables: vec![],
            constraints: vec![],
            objectives: vec![],
            size: count as u128,
            seed: None,
            failed: 0,
            points: (1..=count).map(point).collect(),
        };
        let cloud = Cloud { file: Arc::from(Path::new("some.yaml")), counts, is_stopped: false };
        CloudView::new(&Arc::new(cloud), convention, &brushes.iter().copied().collect(), 0)
    }

    #[test]
    fn brushes_keep_what_is_in_every_range() {
        let view = view(
            1000,
            &[(Metric::Params, [101.0, 500.0]), (Metric::Macs, [0.0, 2000.0])],
            Convention::Inceptive,
        );
        assert_eq!(view.count(), 100);
        assert_eq!(view.span(Metric::Params), Some([1.0, 1000.0]), "the axes stay");
        assert_eq!(
            self::view(9, &[(Metric::Top1, [0.0, 100.0])], Convention::Inceptive).count(),
            0
        );
    }

    #[test]
    fn compute_is_only_known_as_it_was_counted() {
        assert_eq!(view(3, &[], Convention::Inceptive).span(Metric::Macs), Some([10.0, 30.0]));
        assert_eq!(view(3, &[], Convention::Thop).span(Metric::Macs), None);
        assert_eq!(view(3, &[], Convention::Thop).span(Metric::Params), Some([1.0, 3.0]));
    }

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

    #[test]
    fn as_many_lines_as_there_may_be_lie_all_over_the_cloud() {
        assert_eq!(view(MOST_LINES, &[], Convention::Inceptive).lines().count(), MOST_LINES);
        let view = view(100_000, &[], Convention::Inceptive);
        let params: Vec<u64> = view.lines().map(|point| point.count(Metric::Params)).collect();
        assert!((MOST_LINES - 20..=MOST_LINES).contains(&params.len()), "{}", params.len());
        // Whatever is left out, every value of a variable that changes fast is among them.
        for values in [2, 3, 5, 7, 10] {
            assert!((0..values).all(|value| params.iter().any(|it| it % values == value)));
        }
        assert!(params.iter().any(|it| *it < 1000) && params.iter().any(|it| *it > 99_000));
    }
}
