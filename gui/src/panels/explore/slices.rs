//! What accuracy is at each value of a variable, and of two variables that depend on each other.

use egui::{
    Align2, CollapsingHeader, Grid, Label, Pos2, Rect, RichText, Role, Sense, Stroke, TextStyle,
    Ui, WidgetInfo, vec2,
};
use inceptive_explore::{Interaction, Slice, Understood};
use inceptive_format::counted;

use crate::{
    panels::tradeoff::marks::interval,
    theme::{colors, heat, text_on},
};

/// Height of the field of a variable, and of the texts below it.
const FIELD: f32 = 64.0;
const TEXTS: f32 = 16.0;

const RADIUS: f32 = 3.5;

/// Draws a field for each variable, and a table of the two that depend on each other most.
pub(super) fn ui(ui: &mut Ui, understood: &Understood) {
    let Some(slices) = &understood.slices else { return };
    ui.add_space(6.0);
    CollapsingHeader::new("Accuracy by values").id_salt("slices").default_open(true).show(
        ui,
        |ui| {
            let means =
                slices.of_variables.iter().flatten().flatten().map(|slice| slice.accuracy.value);
            let range = means.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], mean| {
                [low.min(mean), high.max(mean)]
            });
            // Half a point at both ends, so that no mark is at an edge.
            let range = [range[0] - 0.5, range[1] + 0.5];
            for (variable, slices) in slices.of_variables.iter().enumerate() {
                if let Some(slices) = slices {
                    ui.label(&understood.variables[variable]);
                    field(ui, understood, variable, slices, range);
                }
            }
            if let Some(found) = &slices.interaction {
                together(ui, understood, found);
            }
        },
    );
}

/// The mean accuracy at each value of a variable, with its interval.
fn field(
    ui: &mut Ui,
    understood: &Understood,
    variable: usize,
    slices: &[Slice],
    [low, high]: [f64; 2],
) {
    let size = vec2(ui.available_width(), FIELD + TEXTS);
    let (whole, response) = ui.allocate_exact_size(size, Sense::hover());
    let name = &understood.variables[variable];
    response.widget_info(|| {
        WidgetInfo::labeled(Role::Image, true, format!("Accuracy by values of {name}"))
    });
    let rect = Rect::from_min_size(whole.min, vec2(whole.width(), FIELD));
    let (painter, palette) = (ui.painter().with_clip_rect(whole), colors(ui));
    painter.rect_filled(rect, 2.0, palette.canvas);
    let width = rect.width() / slices.len() as f32;
    let y = |accuracy: f64| {
        let share = ((accuracy - low) / (high - low)).clamp(0.0, 1.0) as f32;
        rect.bottom() - share * rect.height()
    };
    let x = |at: usize| rect.left() + (at as f32 + 0.5) * width;
    let stroke = Stroke::new(1.2, palette.accent);
    let places: Vec<Pos2> = slices
        .iter()
        .enumerate()
        .map(|(at, slice)| Pos2::new(x(at), y(slice.accuracy.value)))
        .collect();
    if understood.is_number(variable) {
        painter.line(places.clone(), Stroke::new(1.0, palette.frame));
    }
    let font = TextStyle::Small.resolve(ui.style());
    for (at, (slice, &place)) in slices.iter().zip(&places).enumerate() {
        let ends = [slice.accuracy.low, slice.accuracy.high].map(|it| Pos2::new(x(at), y(it)));
        interval(&painter, ends[0], ends[1], stroke);
        painter.circle(place, RADIUS, palette.canvas, Stroke::new(2.0, palette.accent));
        let text = painter.layout_no_wrap(
            understood.range(variable, slice.values),
            font.clone(),
            palette.weak,
        );
        // Every second one where they have no room.
        if text.size().x < width || at % 2 == 0 && text.size().x < 2.0 * width {
            let at = Pos2::new(x(at), rect.bottom() + 2.0);
            painter.galley(Align2::CENTER_TOP.anchor_size(at, text.size()).min, text, palette.weak);
        }
    }
    response.on_hover_ui_at_pointer(|ui| {
        for slice in slices {
            ui.label(format!(
                "{name} = {}: {:.2}%, {}",
                understood.range(variable, slice.values),
                slice.accuracy.value,
                counted(slice.networks, "network", "networks")
            ));
        }
    });
}

/// The mean accuracy for the values of two variables, as a table with a colour for each cell.
fn together(ui: &mut Ui, understood: &Understood, found: &Interaction) {
    let [first, second] = found.variables;
    let [across, down] = found.variables.map(|at| understood.variables[at].as_str());
    ui.add_space(4.0);
    ui.label(format!("{down} (rows) and {across} (columns)")).on_hover_text(
        "The two variables that depend on each other most, with what the other variables do taken away",
    );
    let means = || found.means.iter().flatten().flatten().copied();
    let (low, high) =
        (means().fold(f64::INFINITY, f64::min), means().fold(f64::NEG_INFINITY, f64::max));
    let theme = ui.theme();
    Grid::new("two variables").spacing([3.0, 3.0]).show(ui, |ui| {
        ui.label("");
        for &values in &found.groups[0] {
            ui.add(Label::new(RichText::new(understood.range(first, values)).small()).truncate());
        }
        ui.end_row();
        for (means, &values) in found.means.iter().zip(&found.groups[1]) {
            ui.label(RichText::new(understood.range(second, values)).small());
            for mean in means {
                let Some(mean) = mean else {
                    ui.weak("–").on_hover_text("No network has these values");
                    continue;
                };
                let ground = heat(((mean - low) / (high - low).max(1e-9)) as f32, theme);
                let text = RichText::new(format!("{mean:.1}")).small().monospace();
                ui.label(text.background_color(ground).color(text_on(ground)));
            }
            ui.end_row();
        }
    });
}
