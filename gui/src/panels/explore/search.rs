//! A search: its stages, its networks by cost and accuracy, and what became of each.

use egui::{
    Color32, ComboBox, Id, Label, Pos2, Rect, RichText, Role, Sense, Stroke, TextStyle, Ui, Vec2,
    WidgetInfo, vec2,
};
use inceptive_cost::Convention;
use inceptive_format::counted;
use inceptive_report::{Pair, front_of};
use inceptive_results::{Exploration, Metric, statistics::Estimate};

use super::{
    Subject,
    chosen::Chosen,
    explored::{Explored, Fate, costs, networks, wants_more},
    list::{List, Shown},
    outcomes::{self, Outcomes, fate},
    plot::{axis, frame, if_seen, inside},
    recommended::Recommended,
    stages,
};
use crate::{
    command::Commands,
    panels::{
        choices::entries,
        tradeoff::{
            marks::{front_steps, interval},
            metric::AxisMetric,
            scale::Field,
        },
    },
    theme::colors,
};

/// Heights of the plot and of the table where everything is in one column.
const PLOT: f32 = 230.0;
const TABLE: f32 = 230.0;

/// Radius of a network in the plot.
const RADIUS: f32 = 4.5;

/// Networks of a search by cost and accuracy.
#[derive(Default)]
pub(super) struct SearchView {
    pub list: List,
    /// The cost of the x axis; the first objective without a choice.
    cost: Option<Metric>,
    outcomes: Outcomes,
    recommended: Recommended,
}

/// A network in the plot.
struct Dot {
    /// Its place among the networks.
    at: usize,
    pair: Pair,
    place: Pos2,
    is_front: bool,
}

impl SearchView {
    /// Draws the search that is shown.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        subject: Subject<'_>,
        is_narrow: bool,
        chosen: &mut Chosen,
        commands: &mut Commands,
    ) {
        let Some(shown) = self.list.shown(subject) else {
            let text = "Start a search to train the best networks of this space and to measure their latencies. What was \
                        counted, trained and measured is shown here while it runs, and whenever the store is open.";
            ui.add_space(12.0);
            ui.add(Label::new(RichText::new(text).color(colors(ui).weak)).wrap());
            return;
        };
        stages::ui(ui, shown);
        let Some(exploration) = shown.exploration() else { return };
        let networks = networks(shown);
        let known = costs(exploration, &networks);
        let Some(&first) = known.first() else { return };
        let cost = self.cost.filter(|cost| known.contains(cost)).unwrap_or(first);
        self.toolbar(ui, cost, &known, shown);
        if exploration.is_finished()
            && let Some(at) = self.recommended.ui(ui, exploration)
        {
            chosen.set(networks[at].point(exploration));
        }
        let height = if is_narrow { PLOT } else { (ui.available_height() * 0.5).max(110.0) };
        if let Some(at) = plot(ui, exploration, &networks, cost, height, chosen) {
            chosen.set(networks[at].point(exploration));
        }
        let is_it = |network: &&Explored<'_>| Some(&network.point(exploration)) == chosen.point();
        let facts = networks.iter().find(is_it).map(outcomes::facts);
        chosen.ui(ui, subject, facts.as_deref(), commands);
        let height = if is_narrow { TABLE } else { ui.available_height() - 4.0 };
        let size = vec2(ui.available_width(), height.max(60.0));
        let clicked =
            if_seen(ui, size, |ui| self.outcomes.ui(ui, exploration, &networks, chosen.point()));
        if let Some(at) = clicked {
            chosen.set(networks[at].point(exploration));
        }
    }

    fn toolbar(&mut self, ui: &mut Ui, cost: Metric, known: &[Metric], shown: Shown<'_>) {
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("cost");
            let list = ComboBox::from_id_salt("cost of a search").selected_text(cost.label());
            let combo = list.show_ui(ui, |ui| {
                let all = known.iter().map(|&metric| (metric, metric.label().to_owned()));
                if let Some(metric) = entries(ui, "cost of a search", &cost, all) {
                    self.cost = Some(metric);
                }
            });
            combo.response.labelled_by(label.id);
            let is_over = shown.exploration().is_some_and(Exploration::is_finished);
            let text = match (is_over, shown) {
                (true, _) => {
                    "Test accuracy with 95% intervals over seeds; percentages: the probability of being Pareto-optimal."
                }
                (false, Shown::Live(_)) => "Accuracy on validation images so far.",
                (false, Shown::Stored(_)) => {
                    "This search was not finished: start it again with the same settings to continue."
                }
            };
            ui.label(RichText::new(text).small().color(colors(ui).weak));
        });
    }
}

/// The accuracy that a network is drawn with: on test images at the end, on validation images before.
fn accuracy(network: &Explored<'_>, is_over: bool) -> Option<Estimate> {
    match is_over {
        true => network.outcome().map(|outcome| outcome.top1),
        false => network.validation.map(Estimate::exact),
    }
}

/// Draws the networks; returns the one that was clicked.
fn plot(
    ui: &mut Ui,
    exploration: &Exploration,
    networks: &[Explored<'_>],
    cost: Metric,
    height: f32,
    chosen: &Chosen,
) -> Option<usize> {
    let is_over = exploration.is_finished();
    let on_axis = |estimate: Estimate| Estimate {
        value: cost.on_axis(estimate.value),
        low: cost.on_axis(estimate.low),
        high: cost.on_axis(estimate.high),
    };
    let pair = |network: &Explored<'_>| -> Option<Pair> {
        Some([on_axis(network.cost(cost)?), accuracy(network, is_over)?])
    };
    let known: Vec<(usize, Pair)> =
        networks.iter().enumerate().filter_map(|(at, it)| Some((at, pair(it)?))).collect();
    if known.is_empty() {
        let text = match is_over {
            true => "No network was trained to the end.",
            false => "No network is trained yet.",
        };
        ui.add_space(8.0);
        ui.weak(text);
        return None;
    }
    let ends =
        |axis: usize| known.iter().flat_map(move |(_, pair)| [pair[axis].low, pair[axis].high]);
    let axes = [axis(cost, ends(0)), axis(Metric::Top1, ends(1))];
    let images = if is_over { "test" } else { "validation" };
    let titles = [cost.title(Convention::Inceptive), format!("{images} accuracy (%)")];
    let (_, field) = frame(ui, "Plot of accuracy", height, axes, titles)?;
    let dots = dots(exploration, networks, &known, &field, cost);
    let mut inner = inside(ui, &field);
    // Networks that are Pareto-optimal in other objectives, too, are on no line.
    let is_line = !is_over
        || exploration.request.objectives.len() == 2
            && exploration.request.objectives.iter().any(|objective| objective.metric == cost);
    let line = is_line.then(|| wants_more(exploration, cost));
    paint(&inner, networks, &dots, &field, line);
    if let Some(point) = chosen.point() {
        let is_it = |dot: &&Dot| networks[dot.at].point(exploration) == *point;
        if let Some(dot) = dots.iter().find(is_it) {
            inner.painter().circle_stroke(
                dot.place,
                RADIUS + 3.0,
                Stroke::new(2.0, ui.visuals().text_color()),
            );
        }
    }
    reach(&mut inner, exploration, networks, &dots, cost)
}

/// The networks with their places; on the front are those that the search found to be Pareto-optimal, or, until it ends,
/// those that are it so far.
fn dots(
    exploration: &Exploration,
    networks: &[Explored<'_>],
    known: &[(usize, Pair)],
    field: &Field,
    cost: Metric,
) -> Vec<Dot> {
    let pairs: Vec<Pair> = known.iter().map(|(_, pair)| *pair).collect();
    let front = front_of(&pairs, [wants_more(exploration, cost), true]);
    let is_front = |place: usize, at: usize| match exploration.is_finished() {
        true => networks[at].outcome().is_some_and(|outcome| outcome.on_front),
        false => front.contains(&place),
    };
    let dot = |(place, &(at, pair)): (usize, &(usize, Pair))| Dot {
        at,
        pair,
        place: field.at(pair[0].value, pair[1].value),
        is_front: is_front(place, at),
    };
    known.iter().enumerate().map(dot).collect()
}

/// Draws the networks, and a line of those on the front if it is one; it goes up first where more of the cost is wanted.
fn paint(
    ui: &Ui,
    networks: &[Explored<'_>],
    dots: &[Dot],
    field: &Field,
    front_goes_up_first: Option<bool>,
) {
    let (painter, palette) = (ui.painter(), colors(ui));
    if let Some(first_up) = front_goes_up_first {
        let front = dots.iter().filter(|dot| dot.is_front);
        let mut line: Vec<Pos2> = front.map(|dot| dot.place).collect();
        line.sort_by(|a, b| a.x.total_cmp(&b.x));
        painter.line(front_steps(&line, first_up), Stroke::new(1.5, palette.accent));
    }
    let font = TextStyle::Small.resolve(ui.style());
    for dot in dots {
        let network = &networks[dot.at];
        let color = match (dot.is_front, network.fate) {
            (true, _) => palette.accent,
            (false, Fate::Dropped | Fate::Diverged) => palette.frame,
            (false, _) => palette.weak,
        };
        let thin = Stroke::new(1.2, color);
        let [x, y] = dot.pair;
        if x.low < x.high {
            interval(painter, field.at(x.low, y.value), field.at(x.high, y.value), thin);
        }
        if y.low < y.high {
            interval(painter, field.at(x.value, y.low), field.at(x.value, y.high), thin);
        }
        // Hollow, as trained accuracies are everywhere.
        let fill = if dot.is_front { color } else { palette.canvas };
        painter.circle(dot.place, RADIUS, fill, Stroke::new(2.0, color));
        let text = label(network);
        if !text.is_empty() {
            let color = if dot.is_front { ui.visuals().text_color() } else { palette.weak };
            let at = dot.place + Vec2::new(RADIUS + 4.0, -RADIUS - 2.0);
            let galley = painter.layout_no_wrap(text, font.clone(), color);
            let mut rect = Rect::from_min_size(at - vec2(0.0, galley.size().y), galley.size());
            if rect.right() > field.rect.right() {
                rect = rect.translate(vec2(-rect.width() - 2.0 * RADIUS - 8.0, 0.0));
            }
            painter.rect_filled(rect, 2.0, palette.canvas.gamma_multiply(0.8));
            painter.galley(rect.min, galley, Color32::PLACEHOLDER);
        }
    }
}

/// What is written beside a network: `knee, 93%`.
fn label(network: &Explored<'_>) -> String {
    let Fate::Finalist(finalist) = network.fate else { return String::new() };
    let knee = finalist.is_knee.then(|| "knee".to_owned());
    let probability = network.outcome().and_then(|outcome| outcome.probability);
    let parts = knee.into_iter().chain(probability.map(inceptive_format::percent));
    parts.collect::<Vec<_>>().join(", ")
}

/// Makes each network reachable by pointer and by name; returns the one that was clicked.
fn reach(
    ui: &mut Ui,
    exploration: &Exploration,
    networks: &[Explored<'_>],
    dots: &[Dot],
    cost: Metric,
) -> Option<usize> {
    let mut clicked = None;
    for dot in dots {
        let rect = Rect::from_center_size(dot.place, Vec2::splat(2.0 * RADIUS + 4.0));
        let response = ui.interact(rect, Id::unique(("explored", dot.at)), Sense::CLICK);
        response.widget_info(|| {
            let front = if dot.is_front { ", Pareto-optimal" } else { "" };
            let name = format!("Network {} in the plot{front}", dot.at + 1);
            WidgetInfo::labeled(Role::Button, true, name)
        });
        if response.clicked() {
            clicked = Some(dot.at);
        }
        let network = &networks[dot.at];
        response.on_hover_ui(|ui| {
            for (name, value) in network.point(exploration) {
                ui.label(format!("{name} = {value}"));
            }
            let [x, y] = dot.pair;
            let palette = colors(ui);
            let facts = [
                format!("{}: {}", cost.label(), cost.text(x.value)),
                format!("accuracy: {}", Metric::Top1.with_interval(y)),
                format!("{} trained", counted(network.epochs as usize, "epoch", "epochs")),
                fate(network).0,
            ];
            for fact in facts {
                ui.label(RichText::new(fact).color(palette.weak));
            }
        });
    }
    clicked
}
