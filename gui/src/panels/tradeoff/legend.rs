//! The meaning of marks and colours, and the networks that cannot be shown.

use egui::{Color32, Mesh, Rect, RichText, Sense, Shape, Stroke, Ui, pos2, vec2};

use inceptive_format::counted;
use inceptive_results::Metric;

use super::{
    cloud::CloudView,
    look::{ColorBy, PlotSettings, family_color, span},
    marks::{Form, mark},
    metric::AxisMetric,
    rows::{Row, Rows},
};
use crate::{
    model::Model,
    theme::{colors, heat},
};

/// What published accuracies are.
const PUBLISHED: &str = "ImageNet-1k, single model, single crop, at the counted input size: the first such entry of the file";

/// What trained accuracies are.
const TRAINED: &str = "On the test images, with the mean over seeds and its 95% interval; of one seed, with the \
                       interval over test images. A network that was trained with settings is not that of its file";

/// Draws one line or more.
pub fn ui(ui: &mut Ui, look: &PlotSettings, rows: &Rows, cloud: Option<&CloudView>, model: &Model) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        families(ui, look, rows);
        if let ColorBy::Metric(metric) = look.color
            && let Some(ends) = span(rows, metric)
        {
            ui.label(RichText::new(rows.title(metric, model.settings.convention())).small());
            ramp(ui, metric, ends);
        }
        sample(ui, |ui, rect| {
            let stroke = Stroke::new(1.5, colors(ui).accent);
            ui.painter().hline(rect.x_range(), rect.center().y, stroke);
        });
        text(ui, "Pareto front");
        if model.shown_design().is_some() {
            let stroke = Stroke::new(2.0, colors(ui).error);
            symbol(ui, Form::Diamond, Color32::TRANSPARENT, stroke);
            text(ui, "design");
        }
        if let Some(view) = cloud {
            space(ui, look, view, model);
        }
        missing(ui, look, rows);
    });
}

fn families(ui: &mut Ui, look: &PlotSettings, rows: &Rows) {
    let is_shown = |family| rows.rows.iter().any(|row| row.family == family && look.shows(row));
    let names = rows.families.iter().enumerate().map(|(at, name)| (Some(at), name.as_str()));
    for (family, name) in names.chain([(None, "others")]).filter(|(family, _)| is_shown(*family)) {
        let color = match look.color {
            ColorBy::Family => family_color(family, ui.ctx().theme()),
            ColorBy::Metric(_) => colors(ui).weak,
        };
        symbol(ui, Form::of(family), color, Stroke::NONE);
        text(ui, name);
    }
    ui.separator();
}

/// Which networks of a space are shown, and where they cannot be.
fn space(ui: &mut Ui, look: &PlotSettings, view: &CloudView, model: &Model) {
    let tint = colors(ui).accent.gamma_multiply(0.7);
    sample(ui, |ui, rect| {
        for x in [2.0, 6.0, 10.0] {
            let at = Rect::from_min_size(rect.min + vec2(x, x), vec2(2.0, 2.0));
            ui.painter().rect_filled(at, 0.0, tint);
        }
    });
    let cloud = view.cloud();
    let counts = &cloud.counts;
    let networks = counted(counts.points.len(), "network", "networks");
    let mut words = format!("{networks} of {}", counts.title);
    if cloud.is_stopped {
        words.push_str(", incomplete: stopped");
    }
    if !look.brushes.is_empty() {
        words.push_str(&format!(", {} match the filters", view.count()));
    }
    if counts.failed > 0 {
        words.push_str(&format!(", {} invalid (shapes do not fit)", counts.failed));
    }
    if !counts.constraints.is_empty() {
        words.push_str(" (grey: violates a constraint)");
    }
    text(ui, &words);
    let convention = model.settings.convention();
    let is_unknown = |metric: &Metric| view.span(*metric).is_none();
    let [x, y] = look.metrics;
    let mut unknown: Vec<Metric> = [x, y, Metric::Macs].into_iter().filter(is_unknown).collect();
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() && !counts.points.is_empty() {
        let names: Vec<String> = unknown.iter().map(|metric| metric.title(convention)).collect();
        let words = format!("not available for the space: {}", names.join(", "));
        ui.label(RichText::new(words).small().color(colors(ui).warning)).on_hover_text(
            "Networks of a space have no accuracy or latency, and their compute is counted only in Inceptive's \
             convention. They are hidden on axes with other values.",
        );
        ui.add_space(5.0);
    }
}

/// How many networks lack a value of an axis, and which.
fn missing(ui: &mut Ui, look: &PlotSettings, rows: &Rows) {
    let [x, y] = look.metrics;
    let is_trained = rows.accuracy().is_some();
    let (what, hover, lacking) = match is_trained {
        true => ("accuracy: trained", TRAINED, "not trained on this"),
        false => ("accuracy: published", PUBLISHED, "no published accuracy"),
    };
    if x.is_accuracy() || y.is_accuracy() {
        ui.separator();
        if is_trained {
            symbol(ui, Form::Circle, Color32::TRANSPARENT, Stroke::new(2.0, colors(ui).weak));
        }
        ui.label(RichText::new(what).small()).on_hover_text(hover);
    }
    for (metric, words) in [(Metric::Top1, lacking), (Metric::Latency, "not measured")] {
        let uses = |axis: Metric| axis == metric || (metric == Metric::Top1 && axis.is_accuracy());
        if !uses(x) && !uses(y) {
            continue;
        }
        let without: Vec<&Row> =
            rows.rows.iter().filter(|row| look.shows(row) && row.get(metric).is_none()).collect();
        if !without.is_empty() {
            ui.separator();
            let label = RichText::new(format!("{words}: {}", without.len())).small();
            let names: Vec<&str> = without.iter().map(|row| row.name.as_str()).collect();
            ui.label(label.color(colors(ui).warning)).on_hover_text(names.join(", "));
        }
    }
}

fn text(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).small());
    ui.add_space(5.0);
}

fn sample(ui: &mut Ui, paint: impl FnOnce(&Ui, Rect)) {
    let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
    paint(ui, rect);
}

fn symbol(ui: &mut Ui, form: Form, fill: Color32, stroke: Stroke) {
    sample(ui, |ui, rect| mark(ui.painter(), form, rect.center(), 5.0, fill, stroke));
}

/// From the least to the largest value.
fn ramp(ui: &mut Ui, metric: Metric, ends: [f64; 2]) {
    const STEPS: u8 = 24;
    ui.label(RichText::new(metric.text(ends[0])).small());
    let (rect, _) = ui.allocate_exact_size(vec2(96.0, 10.0), Sense::hover());
    let mut mesh = Mesh::default();
    for step in 0..STEPS {
        let share = |step: u8| f32::from(step) / f32::from(STEPS);
        let x = |step: u8| rect.left() + rect.width() * share(step);
        let part = Rect::from_min_max(pos2(x(step), rect.top()), pos2(x(step + 1), rect.bottom()));
        mesh.add_colored_rect(part, heat(share(step), ui.ctx().theme()));
    }
    ui.painter().add(Shape::mesh(mesh));
    text(ui, &metric.text(ends[1]));
}
