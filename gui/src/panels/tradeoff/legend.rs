//! The meaning of marks and colours, and the networks that cannot be shown.

use egui::{Color32, Mesh, Rect, RichText, Sense, Shape, Stroke, TextStyle, Ui, pos2, vec2};

use inceptive_format::counted;
use inceptive_results::Metric;

use super::{
    Shared,
    cloud::CloudView,
    look::{ColorBy, PlotSettings, Shown, family_color},
    marks::{Form, mark},
    quantity::Quantity,
    rows::Row,
    scatter::Fronts,
};
use crate::{
    panels::keep_together,
    theme::{colors, heat},
};

/// What published accuracies are.
const PUBLISHED: &str = "ImageNet-1k, single model, single crop, at the counted input size: the first such entry of the file";

/// What trained accuracies are.
const TRAINED: &str = "On the test images, with the mean over seeds and its 95% interval; of one seed, with the \
                       interval over test images. A network that was trained with settings is not that of its file";

/// Draws one line or more.
pub fn ui(ui: &mut Ui, look: &PlotSettings, fronts: Fronts, shared: &Shared<'_>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        families(ui, look, shared);
        if let ColorBy::Metric(quantity) = look.color
            && let Some(ends) = look.colors(shared.rows, shared.cloud, ui.ctx().theme()).span
        {
            ui.label(RichText::new(shared.names.title(quantity)).small());
            let ends = ends.map(|value| shared.names.text(quantity, value));
            ramp(ui, &ends);
        }
        if fronts.of_list {
            let name = "Pareto front";
            sample(ui, name, |ui, rect| {
                let stroke = Stroke::new(1.5, colors(ui).accent);
                ui.painter().hline(rect.x_range(), rect.center().y, stroke);
            });
            text(ui, name);
        }
        if shared.model.shown_design().is_some() {
            let stroke = Stroke::new(2.0, colors(ui).error);
            let name = "design";
            symbol(ui, Form::Diamond, Color32::TRANSPARENT, stroke, name);
            text(ui, name);
        }
        if let Some(view) = shared.cloud.filter(|_| look.shown != Shown::Networks) {
            if fronts.of_space {
                let name = "front of the space";
                sample(ui, name, |ui, rect| {
                    let stroke = Stroke::new(1.5, colors(ui).warning);
                    let line = [rect.left_center(), rect.right_center()];
                    ui.painter().extend(Shape::dashed_line(&line, stroke, 4.0, 3.0));
                });
                text(ui, name);
            }
            space(ui, look, view, shared);
        }
        missing(ui, look, shared);
    });
}

fn families(ui: &mut Ui, look: &PlotSettings, shared: &Shared<'_>) {
    let rows = shared.rows;
    let is_shown = |family| rows.rows.iter().any(|row| row.family == family && row.is_shown);
    let names = rows.families.iter().map(|(name, slot)| (Some(*slot), name.as_str()));
    for (family, name) in names.chain([(None, "others")]).filter(|(family, _)| is_shown(*family)) {
        let color = match look.color {
            ColorBy::Family => family_color(family, ui.ctx().theme()),
            ColorBy::Metric(_) => colors(ui).weak,
        };
        symbol(ui, Form::of(family), color, Stroke::NONE, name);
        text(ui, name);
    }
    ui.separator();
}

/// Which networks of a space are shown, and where they cannot be.
fn space(ui: &mut Ui, look: &PlotSettings, view: &CloudView, shared: &Shared<'_>) {
    let tint = colors(ui).accent.gamma_multiply(0.7);
    sample(ui, "", |ui, rect| {
        for x in [2.0, 6.0, 10.0] {
            let at = Rect::from_min_size(rect.min + vec2(x, x), vec2(2.0, 2.0));
            ui.painter().rect_filled(at, 0.0, tint);
        }
    });
    let cloud = view.cloud();
    let counts = &cloud.counts;
    let networks = counted(view.points().len(), "network", "networks");
    let mut words = format!("{networks} of {}", counts.title);
    if cloud.is_stopped {
        words.push_str(", incomplete: stopped");
    }
    if view.count() < view.points().len() {
        words.push_str(&format!(", {} match the filters", view.count()));
    }
    if counts.failed > 0 {
        words.push_str(&format!(", {} invalid (shapes do not fit)", counts.failed));
    }
    if !counts.constraints.is_empty() {
        words.push_str(" (grey: violates a constraint)");
    }
    text(ui, &words);
    let is_unknown = |quantity: &Quantity| view.span(*quantity).is_none();
    let [x, y] = look.axes;
    let mut unknown: Vec<Quantity> =
        [x, y, Metric::Macs.into()].into_iter().filter(is_unknown).collect();
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() && !view.points().is_empty() {
        let title = |quantity: &Quantity| shared.names.short_title(*quantity);
        let names: Vec<String> = unknown.iter().map(title).collect();
        let words = format!("not available for the space: {}", names.join(", "));
        ui.label(RichText::new(words).small().color(colors(ui).warning)).on_hover_text(
            "Networks of a space have no accuracy or latency, and their compute is counted only in Inceptive's \
             convention. They are hidden on axes with other values.",
        );
        ui.add_space(5.0);
    }
}

/// How many networks lack a value of an axis, and which.
fn missing(ui: &mut Ui, look: &PlotSettings, shared: &Shared<'_>) {
    let ([x, y], rows) = (look.axes, shared.rows);
    let is_trained = rows.accuracy().is_some();
    let (what, hover, lacking) = match is_trained {
        true => ("accuracy: trained", TRAINED, "not trained on this"),
        false => ("accuracy: published", PUBLISHED, "no published accuracy"),
    };
    if x.is_accuracy() || y.is_accuracy() {
        ui.separator();
        if is_trained {
            let stroke = Stroke::new(2.0, colors(ui).weak);
            symbol(ui, Form::Circle, Color32::TRANSPARENT, stroke, what);
        }
        ui.label(RichText::new(what).small()).on_hover_text(hover);
    }
    for (metric, words) in [(Metric::Top1, lacking), (Metric::Latency, "not measured")] {
        let uses = |axis: Quantity| {
            axis == metric.into() || (metric == Metric::Top1 && axis.is_accuracy())
        };
        if !uses(x) && !uses(y) {
            continue;
        }
        let without: Vec<&Row> =
            rows.rows.iter().filter(|row| row.is_shown && row.get(metric).is_none()).collect();
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

/// Draws a sample of what a name is about, which follows in the same line.
fn sample(ui: &mut Ui, name: &str, paint: impl FnOnce(&Ui, Rect)) {
    let font = TextStyle::Small.resolve(ui.style());
    let galley = ui.painter().layout_no_wrap(name.to_owned(), font, Color32::WHITE);
    keep_together(ui, 14.0 + ui.spacing().item_spacing.x + galley.size().x);
    let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
    paint(ui, rect);
}

fn symbol(ui: &mut Ui, form: Form, fill: Color32, stroke: Stroke, name: &str) {
    sample(ui, name, |ui, rect| mark(ui.painter(), form, rect.center(), 5.0, fill, stroke));
}

/// From the least to the largest value.
fn ramp(ui: &mut Ui, ends: &[String; 2]) {
    const STEPS: u8 = 24;
    ui.label(RichText::new(&ends[0]).small());
    let (rect, _) = ui.allocate_exact_size(vec2(96.0, 10.0), Sense::hover());
    let mut mesh = Mesh::default();
    for step in 0..STEPS {
        let share = |step: u8| f32::from(step) / f32::from(STEPS);
        let x = |step: u8| rect.left() + rect.width() * share(step);
        let part = Rect::from_min_max(pos2(x(step), rect.top()), pos2(x(step + 1), rect.bottom()));
        mesh.add_colored_rect(part, heat(share(step), ui.ctx().theme()));
    }
    ui.painter().add(Shape::mesh(mesh));
    text(ui, &ends[1]);
}
