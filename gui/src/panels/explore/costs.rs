//! The networks that were counted: as a plot of two costs, and as a table.

use std::sync::Arc;

use egui::{
    ComboBox, CursorIcon, Label, Pos2, Response, RichText, Shape, Stroke, Ui, UiBuilder, vec2,
};
use inceptive_cost::Convention;
use inceptive_dsl::Variable;
use inceptive_format::{counted as number_of, exact};
use inceptive_results::{Direction, Metric};

use super::{
    Subject,
    chosen::{Chosen, Point},
    count::counted,
    density::{Density, value},
    networks::{Listed, Table},
    plot::{Brush, REACH, axis, frame, if_seen, inside},
};
use crate::{
    command::Commands,
    jobs::CountedNetworks,
    panels::{
        choices::entries,
        tradeoff::{marks::front_steps, metric::AxisMetric, picture::Kept, scale::Field},
    },
    theme::colors,
};

/// Heights of the plot and of the table where everything is in one column.
const PLOT: f32 = 250.0;
const TABLE: f32 = 230.0;

/// Networks of a front that are drawn one by one at most; more of them are a line.
const MOST_DOTS: usize = 2000;

/// The networks of a space by cost.
pub(super) struct Costs {
    /// What the axes show.
    pub axes: [Metric; 2],
    listed: Listed,
    brush: Brush,
    /// What the box is of: it is taken away with it.
    brush_of: Option<(usize, [Metric; 2])>,
    density: Density,
    table: Table,
    /// Where the chosen network is, by the positions of its values.
    found: Kept<(usize, Vec<usize>), Option<Found>>,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            axes: [Metric::Macs, Metric::Params],
            listed: Listed::default(),
            brush: Brush::default(),
            brush_of: None,
            density: Density::default(),
            table: Table::default(),
            found: Kept::default(),
        }
    }
}

/// A network of a survey: in which list it is, and where.
type Found = (Listed, usize);

impl Costs {
    /// Draws the plot, the chosen network and the table.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        subject: Subject<'_>,
        is_narrow: bool,
        chosen: &mut Chosen,
        commands: &mut Commands,
    ) {
        let Some(counted) = counted(&subject) else {
            empty(ui, "Count shows what all networks of this space cost.");
            return;
        };
        if counted.counts.survey.inside == 0 {
            empty(
                ui,
                "No network satisfies all conditions; the reasons are listed at the conditions.",
            );
            return;
        }
        let key = Some((Arc::as_ptr(counted) as usize, self.axes));
        if self.brush_of != key || subject.asks.clears {
            self.brush.clear();
            self.brush_of = key;
        }
        self.toolbar(ui, counted);
        let plot = if is_narrow { PLOT } else { (ui.available_height() * 0.52).max(120.0) };
        let choices = chosen.point().and_then(|point| choices(counted, point));
        let found = choices.as_ref().and_then(|choices| self.find(counted, choices));
        if let Some(found) = self.plot(ui, counted, plot, found) {
            chosen.set(point(counted, found));
        }
        let facts = found.map(|found| facts(counted, found));
        chosen.ui(ui, subject, facts.as_deref(), commands);
        let height = if is_narrow { TABLE } else { ui.available_height() - 4.0 };
        let size = vec2(ui.available_width(), height.max(60.0));
        let clicked = if_seen(ui, size, |ui| {
            self.choices(ui, counted);
            let filter = (self.brush.area(), self.axes);
            self.table.ui(ui, counted, self.listed, filter, choices.as_deref())
        });
        if let Some(at) = clicked {
            chosen.set(point(counted, (self.listed, at)));
        }
    }

    /// Where a network is.
    fn find(&mut self, counted: &Arc<CountedNetworks>, choices: &[usize]) -> Option<Found> {
        let key = (Arc::as_ptr(counted) as usize, choices.to_vec());
        *self.found.get(key, |_| {
            let place = |listed: Listed| {
                let points = listed.points(counted);
                let is_it = |at: &usize| {
                    let own = (0..choices.len()).map(|it| usize::from(points.choices(it)[*at]));
                    own.eq(choices.iter().copied())
                };
                (0..points.len()).find(is_it).map(|at| (listed, at))
            };
            place(Listed::Front).or_else(|| place(Listed::Sample))
        })
    }

    /// The choices of axes.
    fn toolbar(&mut self, ui: &mut Ui, counted: &CountedNetworks) {
        let known = counted.counts.survey.extremes.iter();
        let metrics: Vec<Metric> = known.map(|extremes| extremes.metric).collect();
        for axis in &mut self.axes {
            if !metrics.contains(axis) {
                *axis = metrics.first().copied().unwrap_or(Metric::Macs);
            }
        }
        ui.horizontal_wrapped(|ui| {
            for (axis, name) in self.axes.iter_mut().zip(["x axis", "y axis"]) {
                let label = ui.label(name);
                let list = ComboBox::from_id_salt(("explore", name)).width(110.0);
                let shown = list.selected_text(axis.label()).show_ui(ui, |ui| {
                    let all = metrics.iter().map(|&metric| (metric, metric.label().to_owned()));
                    if let Some(metric) = entries(ui, name, axis, all) {
                        *axis = metric;
                    }
                });
                shown.response.labelled_by(label.id);
            }
            if self.brush.area().is_some()
                && ui.button("Clear box").on_hover_text("Esc, or a double click").clicked()
            {
                self.brush.clear();
            }
        });
    }

    /// Draws the plot; returns the network that was clicked.
    fn plot(
        &mut self,
        ui: &mut Ui,
        counted: &Arc<CountedNetworks>,
        height: f32,
        chosen: Option<Found>,
    ) -> Option<Found> {
        let axes = self.axes.map(|metric| {
            let extremes = counted.counts.survey.extremes.iter().find(|it| it.metric == metric);
            let ends = extremes.map(|it| [it.lowest.counts, it.highest.counts]);
            let counts = ends.into_iter().flatten().filter_map(|counts| counts.get(metric));
            axis(metric, counts.map(|count| metric.on_axis(count as f64)))
        });
        let titles = self.axes.map(|metric| metric.title(Convention::Inceptive));
        let most_height = (height - 18.0).max(60.0);
        let (canvas, field) = frame(ui, "Plot of costs", most_height, axes, titles)?;
        let inner = inside(ui, &field);
        let most = self.density.paint(&inner, counted, field);
        let front = self.front(&inner, counted, &field);
        if let Some((listed, at)) = chosen {
            let points = listed.points(counted);
            let [x, y] = self.axes.map(|metric| value(points, at, metric));
            ring(&inner, field.at(x, y));
        }
        self.brush.ui(&inner, &canvas, &field);
        let found = self.under(&canvas, counted, &field, &front);
        legend(ui, counted, most);
        found
    }

    /// Draws the Pareto front; returns the places of its networks.
    fn front(&self, ui: &Ui, counted: &CountedNetworks, field: &Field) -> Vec<Pos2> {
        let palette = colors(ui);
        let points = &counted.front;
        let [x, y] = self.axes;
        let place = |at| field.at(value(points, at, x), value(points, at, y));
        let places: Vec<Pos2> = (0..points.len()).map(place).collect();
        let objectives = &counted.counts.objectives;
        let wants_more = |metric: Metric| {
            let objective = objectives.iter().find(|objective| objective.metric == metric);
            objective.map(|objective| objective.direction == Direction::Maximize)
        };
        // Only in these two costs is it a line.
        if objectives.len() == 2
            && x != y
            && let (Some(more), Some(_)) = (wants_more(x), wants_more(y))
        {
            let mut sorted = places.clone();
            sorted.sort_by(|a, b| a.x.total_cmp(&b.x));
            let stroke = Stroke::new(1.5, palette.warning);
            let steps = front_steps(&sorted, more);
            ui.painter().extend(Shape::dashed_line(&steps, stroke, 6.0, 4.0));
        }
        for &at in places.iter().take(MOST_DOTS) {
            ui.painter().circle(at, 3.5, palette.warning, Stroke::new(1.0, palette.canvas));
        }
        places
    }

    /// The network under the pointer, with its values; returns it if it was clicked. One of the front comes first.
    fn under(
        &self,
        canvas: &Response,
        counted: &CountedNetworks,
        field: &Field,
        front: &[Pos2],
    ) -> Option<Found> {
        let pointer = canvas.hover_pos().filter(|pointer| field.rect.contains(*pointer))?;
        let distances = front.iter().map(|at| at.distance_sq(pointer)).enumerate();
        let nearest = distances.min_by(|(_, a), (_, b)| a.total_cmp(b));
        let of_front = nearest.filter(|(_, distance)| *distance < REACH * REACH);
        let found = match of_front {
            Some((at, _)) => (Listed::Front, at),
            None => (Listed::Sample, self.density.under(pointer, REACH)?),
        };
        let clicked = canvas.clicked();
        canvas.clone().on_hover_cursor(CursorIcon::PointingHand).on_hover_ui_at_pointer(|ui| {
            let point = point(counted, found);
            for (name, label) in &point {
                ui.label(format!("{name} = {label}"));
            }
            for metric in self.axes {
                ui.label(RichText::new(described(counted, found, metric)).color(colors(ui).weak));
            }
            if of_front.is_some() {
                ui.label(RichText::new("Pareto-optimal").color(colors(ui).warning));
            }
        });
        clicked.then_some(found)
    }

    /// The choice of the networks that the table lists.
    fn choices(&mut self, ui: &mut Ui, counted: &CountedNetworks) {
        ui.horizontal_wrapped(|ui| {
            let front = format!("Pareto front ({})", exact(counted.front.len() as u64));
            let names: Vec<String> =
                counted.counts.objectives.iter().map(ToString::to_string).collect();
            ui.selectable_value(&mut self.listed, Listed::Front, front).on_hover_text(format!(
                "Networks that no other network beats: {}",
                names.join(", ")
            ));
            let (inside, sample) = (counted.counts.survey.inside, counted.sample.len() as u64);
            let all = match inside == sample {
                true => format!("All networks ({})", exact(inside)),
                false => format!("Sample ({} of {})", exact(sample), exact(inside)),
            };
            ui.selectable_value(&mut self.listed, Listed::Sample, all).on_hover_text(
                "Networks that satisfy all conditions; of very many, some drawn at random",
            );
            if self.brush.area().is_some() {
                let shown = self.table.len();
                let text = format!("{} in the box", number_of(shown, "network", "networks"));
                ui.label(RichText::new(text).color(colors(ui).accent));
            }
        });
    }
}

/// A hint where there is nothing to show, as high as its words.
fn empty(ui: &mut Ui, text: &str) {
    ui.add_space(12.0);
    ui.scope_builder(UiBuilder::new(), |ui| {
        ui.add(Label::new(RichText::new(text).color(colors(ui).weak)).wrap());
    });
}

/// The values of a network.
fn point(counted: &CountedNetworks, (listed, at): Found) -> Point {
    let choices = listed.points(counted).point(at);
    let variables = counted.request.space.variables.iter().zip(choices);
    let value = |(variable, choice): (&Variable, usize)| {
        let label = variable.values.get(choice).map(|value| value.label.clone());
        (variable.name.clone(), label.unwrap_or_default())
    };
    variables.map(value).collect()
}

/// The positions of values; `None` if the space has others.
fn choices(counted: &CountedNetworks, point: &Point) -> Option<Vec<usize>> {
    let variables = counted.request.space.variables.iter();
    let place = |(variable, (_, label)): (&Variable, &(String, String))| {
        variable.values.iter().position(|value| value.label == *label)
    };
    let choices: Vec<usize> = variables.zip(point).map(place).collect::<Option<_>>()?;
    (choices.len() == counted.request.space.variables.len()).then_some(choices)
}

/// `MACs: 1,234`.
fn described(counted: &CountedNetworks, (listed, at): Found, metric: Metric) -> String {
    let counts = listed.points(counted).counts(metric);
    let count = counts.map(|counts| metric.exact(counts[at]));
    format!("{}: {}", metric.label(), count.unwrap_or_default())
}

/// The costs of a network in words.
fn facts(counted: &CountedNetworks, found: Found) -> String {
    let metrics = [Metric::Params, Metric::Macs, Metric::PeakActivationBytes];
    metrics.map(|metric| described(counted, found, metric)).join(", ")
}

/// A ring around the chosen network.
fn ring(ui: &Ui, at: Pos2) {
    ui.painter().circle_stroke(at, 6.0, Stroke::new(2.0, ui.visuals().text_color()));
    ui.painter().circle_stroke(at, 7.5, Stroke::new(1.0, colors(ui).canvas));
}

/// What the colours of the plot mean.
fn legend(ui: &mut Ui, counted: &CountedNetworks, most: u32) {
    let sample = match counted.sample.len() as u64 == counted.counts.survey.inside {
        true => "",
        false => " of the sample",
    };
    let cell = match most {
        0 | 1 => format!("Each mark is one network{sample}"),
        most => format!("Colour: networks{sample} at one place, 1 to {most}"),
    };
    let text = format!("{cell}. Dots: Pareto-optimal. Drag a box to filter the table.");
    let label = Label::new(RichText::new(text).small().color(colors(ui).weak)).truncate();
    ui.add(label);
}
