//! The speed of nodes, compared with the limits of the machine at their intensity.
//!
//! Both axes are logarithmic: points are plotted by their logarithms, and ticks show the values.

use std::ops::RangeInclusive;

use egui::{Align2, Color32, RichText, Role, Sense, Shape, Stroke, Ui, WidgetInfo, vec2};
use egui_plot::{
    GridInput, GridMark, Line, LineStyle, MarkerShape, Plot, PlotPoint, PlotPoints, PlotUi, Points,
    Text,
};
use inceptive_format::counted;
use inceptive_results::{Bound, NodeProfile, Roofline};

use crate::{
    format::{milliseconds, share},
    theme::{Palette, colors},
};

/// How near the pointer has to be to a point, in pixels.
const NEAR: f32 = 14.0;

/// A part that computes, by logarithms to base 10.
struct Spot<'a> {
    part: &'a NodeProfile,
    bound: Option<Bound>,
    at: [f64; 2],
}

/// Draws the plot; returns the node that was clicked.
pub(super) fn ui(
    ui: &mut Ui,
    parts: &[NodeProfile],
    roof: &Roofline,
    selected: Option<&str>,
) -> Option<String> {
    let spots: Vec<Spot<'_>> = parts.iter().filter_map(|part| spot(part, roof)).collect();
    heading(ui, parts.len(), &spots, roof);
    if spots.is_empty() {
        return None;
    }
    let (palette, ink) = (colors(ui), ui.visuals().text_color());
    let shown = plot(ui, roof).show(ui, |plot| {
        if let Some(lines) = roof_lines(&spots, roof) {
            draw_roof(plot, lines, roof, palette.weak);
        }
        for spot in &spots {
            let ring = (selected == Some(spot.part.name.as_str())).then_some(ink);
            draw_spot(plot, spot, ring, palette);
        }
        nearest(plot, &spots).map(|spot| spot.part.clone())
    });
    let response = shown.response;
    let said = format!("Roofline with {}", counted(spots.len(), "point", "points"));
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
    let near = shown.inner?;
    let is_clicked = response.clicked();
    response.on_hover_text_at_pointer(about(&near, roof));
    is_clicked.then_some(near.name)
}

/// Draws the legend: the meaning of points, how many rows have none, and why some are above the roof.
fn heading(ui: &mut Ui, parts: usize, spots: &[Spot<'_>], roof: &Roofline) {
    ui.horizontal_wrapped(|ui| {
        for (bound, word) in [(Bound::Compute, "compute bound"), (Bound::Memory, "memory bound")] {
            sign(ui, bound);
            ui.label(word);
        }
    });
    let silent = match parts - spots.len() {
        0 => String::new(),
        silent => format!("; {silent} of {parts} have no compute and are not shown"),
    };
    // Beyond the rounding of what is measured.
    let is_above = |spot: &Spot<'_>| {
        let [intensity, gflops] = spot.at.map(|exponent| 10_f64.powf(exponent));
        gflops > 1.01 * intensity * roof.bandwidth_gbps
    };
    let above = match roof.bandwidth_gbps > 0.0 && spots.iter().any(is_above) {
        true => " Points above the memory line read their data from caches.",
        false => "",
    };
    let is_faster = |spot: &Spot<'_>| 10_f64.powf(spot.at[1]) > 1.01 * roof.peak_gflops;
    let faster = match roof.peak_gflops > 0.0 && spots.iter().any(is_faster) {
        true => {
            " Points above the peak need fewer operations than are counted (Winograd's method), or the peak was measured on a busy machine."
        }
        false => "",
    };
    let text = format!("Larger points take more time{silent}.{above}{faster}");
    ui.label(RichText::new(text).small().color(colors(ui).weak));
}

/// The axes.
fn plot<'a>(ui: &Ui, roof: &Roofline) -> Plot<'a> {
    let text = |mark, range: &RangeInclusive<f64>| tick_text(mark, range.end() - range.start());
    let top = if roof.peak_gflops > 0.0 { roof.peak_gflops.log10() + 0.3 } else { 0.0 };
    Plot::new("roofline")
        .x_axis_label("FLOP per byte of memory traffic")
        .y_axis_label("GFLOP/s")
        .x_grid_spacer(ticks)
        .y_grid_spacer(ticks)
        .x_axis_formatter(text)
        .y_axis_formatter(text)
        .label_formatter(|_| None)
        .show_x(false)
        .show_y(false)
        .allow_scroll(false)
        .grid_color(colors(ui).weak.gamma_multiply(0.3))
        .include_y(top)
        .height(ui.available_height().max(160.0))
}

/// Draws the limits of the machine, with their numbers next to the lines.
fn draw_roof(
    plot: &mut PlotUi<'_>,
    [memory, peak]: [[[f64; 2]; 2]; 2],
    roof: &Roofline,
    color: Color32,
) {
    let middle = |line: &[[f64; 2]; 2], by: [f64; 2]| {
        let at = |axis: usize| (line[0][axis] + line[1][axis]) / 2.0 + by[axis];
        PlotPoint::new(at(0), at(1))
    };
    let bandwidth = format!("memory {:.1} GB/s", roof.bandwidth_gbps);
    let most = format!("peak {:.0} GFLOP/s", roof.peak_gflops);
    for (name, line, text, by, anchor) in [
        ("memory", memory, bandwidth, [0.06, 0.0], Align2::LEFT_TOP),
        ("peak", peak, most, [0.0, 0.04], Align2::CENTER_BOTTOM),
    ] {
        let points = PlotPoints::from(line.to_vec());
        plot.line(Line::new(name, points).color(color).width(2.0).style(LineStyle::Solid));
        let text = RichText::new(text).size(11.5);
        plot.text(Text::new("", middle(&line, by), text).color(color).anchor(anchor));
    }
}

/// Draws a part, in a ring if there is one.
fn draw_spot(
    plot: &mut PlotUi<'_>,
    Spot { part, bound, at }: &Spot<'_>,
    ring: Option<Color32>,
    palette: &Palette,
) {
    let radius = 3.0 + 9.0 * part.share.max(0.0).sqrt() as f32;
    let shape = match bound {
        Some(Bound::Memory) => MarkerShape::Diamond,
        Some(Bound::Compute) | None => MarkerShape::Circle,
    };
    if let Some(ink) = ring {
        let ring = Points::new("", vec![*at]).radius(radius + 4.0);
        plot.points(ring.shape(MarkerShape::Circle).filled(false).color(ink));
    }
    let points = Points::new("", vec![*at]).radius(radius).shape(shape);
    plot.points(points.color(color(*bound, palette).gamma_multiply(0.8)));
}

/// The part whose point is under the pointer.
fn nearest<'s, 'p>(plot: &PlotUi<'_>, spots: &'s [Spot<'p>]) -> Option<&'s Spot<'p>> {
    let pointer = plot.response().hover_pos()?;
    let distance = |spot: &Spot<'_>| {
        plot.screen_from_plot(PlotPoint::new(spot.at[0], spot.at[1])).distance(pointer)
    };
    let near = spots.iter().map(|spot| (distance(spot), spot));
    let nearest = near.min_by(|(a, _), (b, _)| a.total_cmp(b));
    nearest.filter(|(distance, _)| *distance < NEAR).map(|(_, spot)| spot)
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

fn spot<'a>(part: &'a NodeProfile, roof: &Roofline) -> Option<Spot<'a>> {
    let at = [part.intensity().log10(), part.gflops().log10()];
    let is_there = at.iter().all(|it| it.is_finite());
    is_there.then(|| Spot { part, bound: part.bound(roof), at })
}

/// The slope that memory sets and the ceiling that arithmetic sets; `None` if the roof is not known.
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

fn about(part: &NodeProfile, roof: &Roofline) -> String {
    let of_peak = part.peak_share(roof).map(|peak| format!(", {} of the peak,", share(peak)));
    format!(
        "{}\n{} ({})\n{:.1} GFLOP/s{} at {:.1} FLOP per byte\nClick shows it in the graph",
        part.name,
        milliseconds(part.time_ms),
        share(part.share),
        part.gflops(),
        of_peak.unwrap_or_default(),
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

/// The label of a tick; only some multiples are labelled, and only if there is room.
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
