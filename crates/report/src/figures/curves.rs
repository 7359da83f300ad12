//! Training curves: loss and validation accuracy over the epochs, a line for each network.

use inceptive_results::{EpochRecord, TrainingRun};
use plotters::{
    prelude::Color,
    style::{RGBAColor, RGBColor},
};

use super::facts;
use crate::{
    candidate::NetworkEntry,
    training::{TrainedNetwork, TrainingGroup},
};
use inceptive_draw::chart::{
    Figure, GREY, MOST_ROWS,
    axes::{Frame, Scale, Tick, plain_text},
    canvas::Canvas,
    key::{self, MARKS, Sample, Shape},
    networks, thinned,
};
use inceptive_format::{counted, decimals, significant};

/// Height of the chart itself, in pixels.
const HEIGHT: i32 = 400;

/// Maximum number of points of a line, and of those that can be pointed at.
const MOST_EPOCHS: usize = 100;
const MOST_HITS: usize = 8;

/// Maximum number of lines of seeds for each network.
const MOST_SEEDS: usize = 5;

/// Opacity of the lines of seeds, and of networks without a colour.
const THIN: f64 = 0.3;
const PALE: f64 = 0.5;

/// What is drawn over the epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    /// The mean training loss.
    Loss,
    /// Top-1 accuracy on the validation images.
    Validation,
}

impl Curve {
    pub(super) const ALL: [Self; 2] = [Self::Loss, Self::Validation];

    const fn of(self, epoch: &EpochRecord) -> Option<f64> {
        match self {
            Self::Loss => Some(epoch.loss),
            Self::Validation => epoch.val_top1,
        }
    }

    const fn id(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Validation => "validation",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Loss => "Training loss",
            Self::Validation => "Validation accuracy",
        }
    }

    const fn axis(self) -> &'static str {
        match self {
            Self::Loss => "mean loss of the training images (logarithmic)",
            Self::Validation => "top-1 accuracy on the validation images, percent",
        }
    }

    fn text(self, value: f64) -> String {
        match self {
            Self::Loss => format!("loss {}", significant(value)),
            Self::Validation => format!("{}% validation top-1", decimals(value, 2)),
        }
    }
}

/// A value for each of some epochs.
type Line = Vec<(u32, f64)>;

/// The lines of a network.
struct Lines<'a> {
    network: &'a TrainedNetwork,
    /// Of single seeds, where they are not the mean.
    seeds: Vec<Line>,
    /// Of runs that diverged.
    diverged: Vec<Line>,
    /// Over the runs that finished; empty without any.
    mean: Line,
}

impl<'a> Lines<'a> {
    fn new(candidates: &[NetworkEntry], network: &'a TrainedNetwork, curve: Curve) -> Self {
        let line = |run: &TrainingRun| -> Line {
            let points = run.history.iter();
            points.filter_map(|epoch| Some((epoch.epoch, curve.of(epoch)?))).collect()
        };
        let runs = network.runs(candidates);
        let of = |is_finished: bool| {
            let some = runs.clone().filter(move |run| run.is_finished() == is_finished);
            some.map(line).filter(|line| !line.is_empty()).collect::<Vec<Line>>()
        };
        let (mut seeds, mut diverged) = (of(true), of(false));
        let mean = mean(&seeds);
        seeds.truncate(if seeds.len() > 1 { MOST_SEEDS } else { 0 });
        diverged.truncate(MOST_SEEDS);
        Self { network, seeds, diverged, mean }
    }

    fn all(&self) -> impl Iterator<Item = &Line> {
        self.seeds.iter().chain(&self.diverged).chain(std::iter::once(&self.mean))
    }

    fn is_empty(&self) -> bool {
        self.all().all(Vec::is_empty)
    }
}

/// The mean over lines of the epochs that all of them have.
#[expect(clippy::cast_precision_loss, reason = "a few seeds")]
fn mean(lines: &[Line]) -> Line {
    let Some((first, others)) = lines.split_first() else { return vec![] };
    let value = |line: &Line, epoch: u32| {
        let at = line.binary_search_by_key(&epoch, |(epoch, _)| *epoch).ok()?;
        Some(line[at].1)
    };
    let point = |(epoch, start): &(u32, f64)| {
        let sum = others.iter().try_fold(*start, |sum, line| Some(sum + value(line, *epoch)?))?;
        Some((*epoch, sum / lines.len() as f64))
    };
    first.iter().filter_map(point).collect()
}

/// One line for each network: the mean over its seeds, and thin lines of them. `None` without a value.
pub(super) fn chart(
    candidates: &[NetworkEntry],
    number: usize,
    group: &TrainingGroup,
    curve: Curve,
) -> Option<Figure> {
    let all = group.networks.iter().map(|network| Lines::new(candidates, network, curve));
    let mut all: Vec<Lines<'_>> = all.filter(|lines| !lines.is_empty()).collect();
    if all.is_empty() {
        return None;
    }
    let left_out = all.len().saturating_sub(MOST_ROWS);
    all.truncate(MOST_ROWS);
    let (coloured, others) = all.split_at(all.len().min(marks().count()));
    let caption = caption(group, others.len(), left_out);
    let (mut canvas, top) = Canvas::new(curve.title(), &caption);
    let top = key::lines(&mut canvas, &entries(coloured), (28, 976), top + 4);
    let frame = Frame { left: 68, right: 960, top: top + 30, bottom: top + 30 + HEIGHT };
    let values = || all.iter().flat_map(Lines::all).flatten();
    let last = values().map(|(epoch, _)| *epoch).max().unwrap_or(1);
    let x = Scale::from_zero(f64::from(last), (frame.left, frame.right - 10));
    let sides = (frame.bottom, frame.top);
    let y = match curve {
        Curve::Loss => Scale::log(values().map(|(_, value)| *value), 1.1, sides),
        Curve::Validation => Scale::percent(values().map(|(_, value)| *value), sides),
    };
    let is_whole = |tick: &Tick| !tick.text.contains('.');
    let epochs: Vec<Tick> = x.ticks(&plain_text, true).into_iter().filter(is_whole).collect();
    frame.columns(&mut canvas, &epochs);
    frame.name_columns(&mut canvas, "epochs");
    frame.lines(&mut canvas, &y.ticks(&plain_text, false), curve.axis());
    frame.sides(&mut canvas);
    let mut chart = Chart { canvas, x, y, curve };
    others.iter().for_each(|lines| chart.pale(lines));
    // The best last, above all others.
    for (lines, (shape, color)) in
        coloured.iter().zip(marks()).collect::<Vec<_>>().into_iter().rev()
    {
        chart.lines(lines, shape, color.to_rgba());
    }
    all.iter().for_each(|lines| chart.hits(lines));
    let label = facts::training_label(group);
    let alternative =
        format!("{} over the epochs, a line for each network: {label}", curve.title());
    let id = format!("training-{number}-{}", curve.id());
    Some(chart.canvas.finish(&id, curve.title(), alternative, frame.bottom + 56))
}

fn caption(group: &TrainingGroup, pale: usize, left_out: usize) -> String {
    let mut text = format!(
        "Trained on {}. Lines are means over seeds; thin lines are single seeds. The networks are in the order of their \
         test accuracy.",
        facts::training_label(group)
    );
    if group.networks.iter().any(|network| network.accuracy.diverged > 0) {
        text.push_str(" Lines that end with a cross diverged.");
    }
    if pale > 0 {
        text.push_str(&format!(" Grey: {} that follow.", networks(pale)));
    }
    if left_out > 0 {
        text.push_str(&format!(" {} more are omitted.", networks(left_out)));
    }
    text
}

fn entries(lines: &[Lines<'_>]) -> Vec<(Sample, String)> {
    let entry = |(lines, (shape, color)): (&Lines<'_>, (Shape, RGBColor))| {
        (Sample::Mark(shape, color.to_rgba()), facts::trained_name(lines.network, true))
    };
    lines.iter().zip(marks()).map(entry).collect()
}

/// The marks of networks: all but the one of runs that diverged.
fn marks() -> impl Iterator<Item = (Shape, RGBColor)> {
    MARKS.into_iter().filter(|(shape, _)| *shape != Shape::Cross)
}

/// A chart that is being drawn.
struct Chart {
    canvas: Canvas,
    x: Scale,
    y: Scale,
    curve: Curve,
}

impl Chart {
    fn at(&self, (epoch, value): (u32, f64)) -> (i32, i32) {
        (self.x.at(f64::from(epoch)), self.y.at(value))
    }

    /// The points that are drawn of a line, the last one among them.
    fn points(&self, line: &Line, most: usize) -> Vec<(u32, f64)> {
        let Some((last, before)) = line.split_last() else { return vec![] };
        thinned(before.len(), most - 1).map(|at| before[at]).chain([*last]).collect()
    }

    fn line(&mut self, line: &Line, color: RGBAColor, width: u32) {
        let points: Vec<(i32, i32)> =
            self.points(line, MOST_EPOCHS).into_iter().map(|point| self.at(point)).collect();
        if points.len() > 1 {
            self.canvas.line(points, color.stroke_width(width));
        }
    }

    fn end(&mut self, line: &Line, shape: Shape, color: RGBAColor) {
        if let Some(&last) = line.last() {
            let at = self.at(last);
            key::mark(&mut self.canvas, shape, at, color);
        }
    }

    fn pale(&mut self, lines: &Lines<'_>) {
        self.line(&lines.mean, GREY.mix(PALE), 1);
        for line in &lines.diverged {
            self.line(line, GREY.mix(PALE), 1);
            self.end(line, Shape::Cross, GREY.mix(PALE));
        }
    }

    fn lines(&mut self, lines: &Lines<'_>, shape: Shape, color: RGBAColor) {
        for line in &lines.seeds {
            self.line(line, color.mix(THIN), 1);
        }
        for line in &lines.diverged {
            self.line(line, color.mix(THIN), 1);
            self.end(line, Shape::Cross, color);
        }
        self.line(&lines.mean, color, 2);
        self.end(&lines.mean, shape, color);
    }

    fn hits(&mut self, lines: &Lines<'_>) {
        let name = facts::trained_name(lines.network, false);
        let seeds = counted(lines.network.accuracy.seeds.len(), "seed", "seeds");
        let means = self.points(&lines.mean, MOST_HITS).into_iter();
        let ends = lines.diverged.iter().filter_map(|line| line.last().copied());
        let facts = means
            .map(|point| (point, format!("epoch {}, {seeds}", point.0)))
            .chain(ends.map(|point| (point, format!("epoch {}, diverged later", point.0))));
        for (point, when) in facts {
            let at = self.at(point);
            self.canvas.hit(at, 5, &name, &format!("{}, {when}", self.curve.text(point.1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_of_epochs_that_all_seeds_have() {
        let lines = [vec![(1, 2.0), (2, 1.0), (3, 0.5)], vec![(1, 4.0), (3, 1.5)]];
        assert_eq!(mean(&lines), [(1, 3.0), (3, 1.0)]);
        assert_eq!(mean(&lines[..1]), lines[0]);
        assert_eq!(mean(&[]), []);
    }
}
