//! How fast parts compute, against what the machine can do at best for their intensity.
//!
//! Both axes are powers of ten: points are plotted by their logarithms, and ticks say what those stand for.

use egui::{Color32, RichText, Role, Sense, Shape, Stroke, Ui, WidgetInfo, vec2};
use egui_plot::{
    GridInput, GridMark, Line, LineStyle, MarkerShape, Plot, PlotPoint, PlotPoints, Points, Text,
};
use inceptive_exec::{Bound, Part, Roofline};

use crate::{
    format::{milliseconds, share},
    theme::{Palette, colors},
};

/// How near the pointer has to be to a point, in pixels.
const NEAR: f32 = 14.0;

/// A part that computes, by logarithms to base 10.
struct Spot<'a> {
    part: &'a Part,
    bound: Option<Bound>,
    at: [f64; 2],
}

/// Draws the plot; gives the part that was clicked.
pub(super) fn ui(
    ui: &mut Ui,
    parts: &[Part],
    roof: &Roofline,
    selected: Option<&str>,
) -> Option<String> {
    let palette = colors(ui);
    let spots: Vec<Spot<'_>> = parts.iter().filter_map(|part| spot(part, roof)).collect();
    ui.horizontal_wrapped(|ui| {
        for bound in [Bound::Compute, Bound::Memory] {
            let word = match bound {
                Bound::Compute => "bound by arithmetic",
                Bound::Memory => "bound by memory",
            };
            sign(ui, bound);
            ui.label(word);
        }
    });
    let silent = match parts.len() - spots.len() {
        0 => String::new(),
        silent => format!("; {silent} of {} parts do no arithmetic", parts.len()),
    };
    let text = format!("Larger points take more time{silent}.");
    ui.label(RichText::new(text).small().color(palette.weak));
    if spots.is_empty() {
        return None;
    }
    let (weak, ink) = (palette.weak, ui.visuals().text_color());
    let plot = Plot::new("roofline")
        .x_axis_label("FLOP for each byte moved")
        .y_axis_label("GFLOP/s")
        .x_grid_spacer(ticks)
        .y_grid_spacer(ticks)
        .x_axis_formatter(|mark, range| tick_text(mark, range.end() - range.start()))
        .y_axis_formatter(|mark, range| tick_text(mark, range.end() - range.start()))
        .label_formatter(|_| None)
        .show_x(false)
        .show_y(false)
        .allow_scroll(false)
        .grid_color(weak.gamma_multiply(0.3))
        .include_y(if roof.peak_gflops > 0.0 { roof.peak_gflops.log10() + 0.3 } else { 0.0 })
        .height(ui.available_height().max(160.0));
    let is_selected = |name: &str| selected == Some(name);
    let shown = plot.show(ui, |plot| {
        if let Some(lines) = roof_lines(&spots, roof) {
            let [memory, flat] = lines;
            let bandwidth = format!("memory {:.1} GB/s", roof.bandwidth_gbps);
            let peak = format!("peak {:.0} GFLOP/s", roof.peak_gflops);
            // Beside the lines rather than on them.
            let middle = |line: &[[f64; 2]; 2], by: [f64; 2]| {
                let at = |axis: usize| (line[0][axis] + line[1][axis]) / 2.0 + by[axis];
                PlotPoint::new(at(0), at(1))
            };
            let (low, high) = (middle(&memory, [0.06, 0.0]), middle(&flat, [0.0, 0.04]));
            for (name, line) in [("memory", memory), ("peak", flat)] {
                let points = PlotPoints::from(line.to_vec());
                plot.line(Line::new(name, points).color(weak).width(2.0).style(LineStyle::Solid));
            }
            for (text, at, anchor) in [
                (bandwidth, low, egui::Align2::LEFT_TOP),
                (peak, high, egui::Align2::CENTER_BOTTOM),
            ] {
                plot.text(
                    Text::new("", at, RichText::new(text).size(11.5)).color(weak).anchor(anchor),
                );
            }
        }
        for spot in &spots {
            let radius = 3.0 + 9.0 * spot.part.share.max(0.0).sqrt() as f32;
            let shape = match spot.bound {
                Some(Bound::Memory) => MarkerShape::Diamond,
                _ => MarkerShape::Circle,
            };
            if is_selected(&spot.part.name) {
                let ring = Points::new("", vec![spot.at]).radius(radius + 4.0);
                plot.points(ring.shape(MarkerShape::Circle).filled(false).color(ink));
            }
            let points = Points::new("", vec![spot.at]).radius(radius).shape(shape);
            plot.points(points.color(color(spot.bound, palette).gamma_multiply(0.8)));
        }
        let pointer = plot.response().hover_pos()?;
        let distance = |spot: &Spot<'_>| {
            plot.screen_from_plot(PlotPoint::new(spot.at[0], spot.at[1])).distance(pointer)
        };
        let near = spots.iter().map(|spot| (distance(spot), spot));
        let nearest = near.min_by(|(a, _), (b, _)| a.total_cmp(b));
        nearest.filter(|(distance, _)| *distance < NEAR).map(|(_, spot)| spot.part.clone())
    });
    let response = shown.response;
    let said = format!("Roofline with {} points", spots.len());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
    let near = shown.inner?;
    let is_clicked = response.clicked();
    response.on_hover_text_at_pointer(about(&near));
    is_clicked.then_some(near.name)
}

/// The shape and colour of a bound's points.
fn sign(ui: &mut Ui, bound: Bound) {
    let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
    let (middle, color) = (rect.center(), color(Some(bound), colors(ui)));
    match bound {
        Bound::Compute => ui.painter().circle_filled(middle, 4.5, color),
        Bound::Memory => {
            let corners = vec![
                rect.center_top(),
                rect.right_center(),
                rect.center_bottom(),
                rect.left_center(),
            ];
            ui.painter().add(Shape::convex_polygon(corners, color, Stroke::NONE))
        }
    };
}

fn spot<'a>(part: &'a Part, roof: &Roofline) -> Option<Spot<'a>> {
    let at = [part.intensity().log10(), part.gflops().log10()];
    let is_there = at.iter().all(|it| it.is_finite());
    is_there.then(|| Spot { part, bound: part.bound(roof), at })
}

/// The slope that memory sets and the ceiling that arithmetic sets; none where the roof is not known.
fn roof_lines(spots: &[Spot<'_>], roof: &Roofline) -> Option<[[[f64; 2]; 2]; 2]> {
    let (peak, ridge) = (roof.peak_gflops.log10(), roof.ridge().log10());
    if !peak.is_finite() || !ridge.is_finite() {
        return None;
    }
    let xs = spots.iter().map(|spot| spot.at[0]);
    let low = xs.clone().fold(ridge, f64::min) - 0.3;
    let high = xs.fold(ridge, f64::max) + 0.3;
    Some([[[low, peak - (ridge - low)], [ridge, peak]], [[ridge, peak], [high, peak]]])
}

const fn color(bound: Option<Bound>, palette: &Palette) -> Color32 {
    match bound {
        Some(Bound::Compute) => palette.accent,
        Some(Bound::Memory) => palette.warning,
        None => palette.weak,
    }
}

fn about(part: &Part) -> String {
    format!(
        "{}\n{} ({})\n{:.1} GFLOP/s at {:.1} FLOP for each byte\nClick shows it in the graph",
        part.name,
        milliseconds(part.time_ms),
        share(part.share),
        part.gflops(),
        part.intensity()
    )
}

/// A tick at every power of ten, and thinner ones at its multiples.
#[expect(clippy::cast_possible_truncation, reason = "logarithms of finite numbers are small")]
fn ticks(input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let decades = low.floor() as i32..=high.ceil() as i32;
    let marks = decades.flat_map(|decade| {
        (1..10_u8).map(move |digit| GridMark {
            value: f64::from(decade) + f64::from(digit).log10(),
            step_size: if digit == 1 { 1.0 } else { 0.3 },
        })
    });
    marks.filter(|mark| (low..=high).contains(&mark.value)).collect()
}

/// What a tick stands for; of multiples only a few, and only where there is room.
fn tick_text(mark: GridMark, width: f64) -> String {
    let value = 10_f64.powf(mark.value);
    let is_power = mark.step_size >= 1.0;
    let lead = value / 10_f64.powf(mark.value.floor() + 1e-9);
    let is_round = (lead - 2.0).abs() < 0.01 || (lead - 5.0).abs() < 0.01;
    let is_said = is_power || (is_round && width < 2.0);
    if !is_said {
        return String::new();
    }
    let decimals = (-mark.value.floor()).max(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
    let decimals = decimals as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_say_what_logarithms_stand_for() {
        let mark = |value: f64, step_size| GridMark { value, step_size };
        for (value, step_size, width, text) in [
            (0.0, 1.0, 4.0, "1"),
            (-1.0, 1.0, 4.0, "0.1"),
            (3.0, 1.0, 4.0, "1000"),
            (2_f64.log10(), 0.3, 1.0, "2"),
            (50_f64.log10(), 0.3, 1.0, "50"),
            (2_f64.log10(), 0.3, 3.0, ""),
            (3_f64.log10(), 0.3, 1.0, ""),
        ] {
            assert_eq!(tick_text(mark(value, step_size), width), text, "{value}");
        }
        let all = ticks(GridInput { bounds: (-0.5, 1.2), base_step_size: 0.01 });
        let powers: Vec<f64> =
            all.iter().filter(|mark| mark.step_size >= 1.0).map(|mark| mark.value).collect();
        assert_eq!(powers, [0.0, 1.0]);
    }

    #[test]
    fn the_roof_turns_at_the_ridge() {
        let roof = Roofline { threads: 1, peak_gflops: 100.0, bandwidth_gbps: 10.0 };
        let [memory, flat] = roof_lines(&[], &roof).unwrap();
        assert_eq!(memory[1], [1.0, 2.0]);
        assert_eq!(memory[1], flat[0]);
        assert!((memory[1][1] - memory[0][1] - (memory[1][0] - memory[0][0])).abs() < 1e-12);
        assert!(roof_lines(&[], &Roofline::UNKNOWN).is_none());
    }
}
