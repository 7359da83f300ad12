//! Loss and accuracy over epochs.

use egui::{Color32, RichText, Role, Ui, WidgetInfo};
use egui_plot::{HoverPosition, Line, LineStyle, Plot, PlotPoints};
use inceptive_format::counted;

use super::rows::{Row, RowId};
use crate::theme::{SERIES, colors, series};

/// Maximum number of runs whose curves are drawn, for legibility.
const MAX_CURVES: usize = 28;

/// Below this height, in points, the name of a curve is above it.
const LEAST_FOR_LABEL: f32 = 150.0;

/// Height, in points, below which plots are next to each other.
const LEAST_FOR_BOTH: f32 = 260.0;

/// Length of a dash, in points.
pub(super) const DASH: f32 = 6.0;

/// The share of a curve over which smoothing averages, and its minimum in epochs.
const SMOOTHED_SHARE: f64 = 1.0 / 30.0;

/// The name and style of a run's curves: a colour for each network, dashed if there are more networks than colours.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CurveStyle {
    /// The network and the seed.
    name: String,
    pub color: Color32,
    pub is_dashed: bool,
}

/// The curve styles of the first rows; the others have none. `networks` has the name of each row's network.
pub(super) fn styles(rows: &[Row<'_>], networks: &[String]) -> Vec<CurveStyle> {
    let mut known: Vec<&String> = vec![];
    let style = |(row, network)| {
        let at = known.iter().position(|other| *other == network).unwrap_or_else(|| {
            known.push(network);
            known.len() - 1
        });
        let name = format!("{network}, seed {}", Row::seed(row));
        CurveStyle { name, color: series(at), is_dashed: at / SERIES.len() % 2 == 1 }
    };
    rows.iter().zip(networks).take(MAX_CURVES).map(style).collect()
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Loss,
    Accuracy,
}

impl Quantity {
    const ALL: [Self; 2] = [Self::Loss, Self::Accuracy];

    const fn title(self) -> &'static str {
        match self {
            Self::Loss => "training loss",
            Self::Accuracy => "accuracy (%)",
        }
    }

    /// The points of a run by finished epochs: each step of an active run, else each epoch.
    fn points(self, row: &Row<'_>) -> Vec<[f64; 2]> {
        match (self, row) {
            (Self::Loss, Row::Live { run, .. }) => {
                let first = run.losses.first().map_or(f64::INFINITY, |[at, _]| *at);
                let before = run.epochs.iter().map(|epoch| [f64::from(epoch.epoch), epoch.loss]);
                before.filter(|[at, _]| *at < first).chain(run.losses.iter().copied()).collect()
            }
            (Self::Accuracy, Row::Live { run, .. }) => {
                let accuracy = |epoch: &inceptive_train::Epoch| {
                    [f64::from(epoch.epoch), epoch.val_top1.unwrap_or(epoch.train_top1)]
                };
                run.epochs.iter().map(accuracy).collect()
            }
            (Self::Loss, Row::Stored(stored)) => {
                let history = stored.result.history.iter();
                history.map(|epoch| [f64::from(epoch.epoch), epoch.loss]).collect()
            }
            (Self::Accuracy, Row::Stored(stored)) => {
                let history = stored.result.history.iter();
                let known = |epoch: &inceptive_results::EpochRecord| {
                    Some([f64::from(epoch.epoch), epoch.val_top1.or(epoch.train_top1)?])
                };
                history.filter_map(known).collect()
            }
        }
    }
}

/// The view of curves.
pub(super) struct Curves {
    shows_raw: bool,
    shows_smoothed: bool,
}

impl Default for Curves {
    fn default() -> Self {
        Self { shows_raw: true, shows_smoothed: true }
    }
}

impl Curves {
    /// Draws which curves are shown.
    pub fn choices(&mut self, ui: &mut Ui) {
        ui.checkbox(&mut self.shows_raw, "raw").on_hover_text("Thin lines: raw values");
        ui.checkbox(&mut self.shows_smoothed, "smoothed")
            .on_hover_text("Thick lines: exponential moving average");
    }

    /// Draws a plot for each quantity. The chosen run's lines are thicker.
    pub fn ui(&self, ui: &mut Ui, rows: &[Row<'_>], styles: &[CurveStyle], chosen: Option<RowId>) {
        if rows.len() > styles.len() {
            ui.weak(format!("Curves of the first {} runs; filter for others.", styles.len()));
        }
        let height = ui.available_height();
        if height < LEAST_FOR_BOTH {
            ui.columns(2, |columns| {
                for (ui, quantity) in columns.iter_mut().zip(Quantity::ALL) {
                    self.plot(ui, quantity, height, rows, styles, chosen);
                }
            });
            return;
        }
        let height = (height - ui.spacing().item_spacing.y) / 2.0;
        for quantity in Quantity::ALL {
            self.plot(ui, quantity, height, rows, styles, chosen);
        }
    }

    fn plot(
        &self,
        ui: &mut Ui,
        quantity: Quantity,
        height: f32,
        rows: &[Row<'_>],
        styles: &[CurveStyle],
        chosen: Option<RowId>,
    ) {
        let title = quantity.title();
        // Beside a low plot there is no room for it.
        let is_low = height < LEAST_FOR_LABEL;
        let mut left = height;
        if is_low {
            let name = ui.label(RichText::new(title).small());
            left -= name.rect.height() + ui.spacing().item_spacing.y;
        }
        let plot = Plot::new(title)
            .x_axis_label("epochs")
            .y_axis_label(if is_low { "" } else { title })
            .label_formatter(|at| match at {
                HoverPosition::NearDataPoint { plot_name, position, .. } => {
                    Some(format!("{plot_name}\nafter {:.2} epochs: {:.3}", position.x, position.y))
                }
                HoverPosition::Elsewhere { .. } => None,
            })
            .show_x(false)
            .show_y(false)
            .allow_scroll(false)
            .include_x(0.0)
            .grid_color(colors(ui).weak.gamma_multiply(0.3))
            .height(left.max(70.0));
        let shown = plot.show(ui, |plot| {
            let mut count = 0;
            for (row, style) in rows.iter().zip(styles) {
                let points = quantity.points(row);
                if points.is_empty() {
                    continue;
                }
                count += 1;
                let name = &style.name;
                let more = if Some(row.id()) == chosen { 2.0 } else { 1.0 };
                let line_style = match style.is_dashed {
                    true => LineStyle::Dashed { length: DASH },
                    false => LineStyle::Solid,
                };
                if self.shows_smoothed {
                    let line = Line::new(name.clone(), PlotPoints::from(smoothed(&points)));
                    plot.line(line.color(style.color).width(2.0 * more).style(line_style));
                }
                if self.shows_raw {
                    let color = match self.shows_smoothed {
                        true => style.color.gamma_multiply(0.5),
                        false => style.color,
                    };
                    let line = Line::new(name.clone(), PlotPoints::from(points));
                    plot.line(line.color(color).width(more).style(line_style));
                }
            }
            count
        });
        let said = format!("Curves of {title}: {}", counted(shown.inner, "run", "runs"));
        shown.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
    }
}

/// The mean of the values up to each point, with weights that fall exponentially with the distance.
fn smoothed(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let (Some([first, _]), Some([last, _])) = (points.first(), points.last()) else {
        return vec![];
    };
    let width = ((last - first) * SMOOTHED_SHARE).max(f64::MIN_POSITIVE);
    let (mut before, mut sum, mut weight) = (*first, 0.0, 0.0);
    let mean = |&[at, value]: &[f64; 2]| {
        let kept = (-((at - before) / width)).exp();
        (sum, weight, before) = (sum * kept + value, weight * kept + 1.0, at);
        [at, sum / weight]
    };
    points.iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_levels_and_damps_noise() {
        assert!(smoothed(&[]).is_empty());
        assert_eq!(smoothed(&[[1.0, 5.0]]), [[1.0, 5.0]]);
        let level: Vec<[f64; 2]> = (0..200).map(|at| [f64::from(at), 3.0]).collect();
        assert!(smoothed(&level).iter().all(|[_, value]| (value - 3.0).abs() < 1e-9));
        let noisy: Vec<[f64; 2]> = (0..200).map(|at| [f64::from(at), f64::from(at % 2)]).collect();
        let end = smoothed(&noisy)[199][1];
        assert!((end - 0.5).abs() < 0.1, "{end}");
        // Several points at one position, as where a run was resumed.
        assert!(smoothed(&[[1.0, 1.0], [1.0, 3.0]]).iter().all(|[_, value]| value.is_finite()));
    }
}
