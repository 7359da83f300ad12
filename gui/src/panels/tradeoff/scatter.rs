//! Networks as points between two axes.

use std::sync::Arc;

use egui::{
    CursorIcon, Id, Modifiers, PointerButton, Pos2, Rect, Response, RichText, Role, Sense, Stroke,
    TextStyle, Ui, Vec2, WidgetInfo, vec2,
};
use inceptive_results::Metric;

use super::{
    card,
    cloud::{CloudPoints, CloudView},
    dots::{Dot, dots, paint_design, paint_dots, paint_front, paint_labels},
    look::PlotSettings,
    marks::{ROOM, axes},
    rows::{Rows, Values, design_values},
    scale::{Axis, Field},
};
use crate::{
    command::{Command, Commands},
    file::FilePath,
    model::Model,
    pane::Pane,
    theme::colors,
};

/// Points that can be reached by name; more only make the window slow.
const MOST_NAMED: usize = 400;

/// The state kept from frame to frame.
#[derive(Default)]
pub struct Scatter {
    /// The last fitted range: metrics with their scales, and the axes.
    zoomed: Option<([Metric; 2], [bool; 2], [Axis; 2])>,
    /// Where a box begins.
    corner: Option<Pos2>,
    cloud: CloudPoints,
}

impl Scatter {
    /// Draws the plot.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        look: &PlotSettings,
        rows: &Rows,
        cloud: Option<&CloudView>,
        model: &Model,
        commands: &mut Commands,
    ) {
        let (whole, canvas) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        canvas.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "Trade-off plot"));
        let rect = Rect::from_min_max(
            whole.min + vec2(ROOM.x + 4.0, 6.0),
            whole.max - vec2(12.0, ROOM.y + 2.0),
        );
        if rect.width() < 40.0 || rect.height() < 40.0 {
            return;
        }
        let field = self.field(rect, look, rows, cloud, model);
        let titles = look.metrics.map(|metric| rows.title(metric, model.settings.convention()));
        axes(ui, &field, [&titles[0], &titles[1]]);
        let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(rect));
        inner.set_clip_rect(rect.intersect(ui.clip_rect()));
        if let Some(view) = cloud {
            self.cloud.paint(&inner, view, field);
        }
        let dots = dots(&field, look, rows, model);
        let steps = paint_front(&inner, &field, &dots);
        paint_dots(&inner, &field, look, rows, &dots);
        let design = paint_design(&inner, &field, model);
        paint_labels(&inner, &dots, design, &steps);
        let shows_cloud = |view: &CloudView| look.metrics.iter().all(|it| view.span(*it).is_some());
        if dots.is_empty() && !cloud.is_some_and(shows_cloud) {
            let text = why_empty(look, rows, &titles);
            let font = TextStyle::Body.resolve(ui.style());
            let color = colors(ui).weak;
            ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, font, color);
        }
        let over_dot = self.reach_dots(&mut inner, &dots, rows, model, commands);
        if let Some(view) = cloud.filter(|_| !over_dot) {
            self.reach_cloud(&canvas, rect, view, model, commands);
        }
        self.navigate(ui, &canvas, field, look);
        self.select_box(ui, &canvas, &dots, commands);
    }

    /// Whether less than everything is shown.
    pub const fn is_zoomed(&self) -> bool {
        self.zoomed.is_some()
    }

    /// Shows everything.
    pub const fn fit(&mut self) {
        self.zoomed = None;
    }

    /// The axes: those that were zoomed to, or around everything.
    fn field(
        &self,
        rect: Rect,
        look: &PlotSettings,
        rows: &Rows,
        cloud: Option<&CloudView>,
        model: &Model,
    ) -> Field {
        if let Some((metrics, is_log, [x, y])) = self.zoomed
            && (metrics, is_log) == (look.metrics, look.is_log)
        {
            return Field { rect, x, y };
        }
        let [x, y] = [0, 1].map(|axis| {
            let metric = look.metrics[axis];
            let other = look.metrics[1 - axis];
            let both = |values: &Values| {
                let (value, _) = (values[metric.index()]?, values[other.index()]?);
                Some(value)
            };
            let shown = rows.rows.iter().filter(|row| look.shows(row));
            let known = shown.filter_map(|row| both(&row.values));
            let ends = known.flat_map(|estimate| [estimate.low, estimate.high]);
            let design = model.shown_design();
            let design = design.and_then(|network| both(&design_values(model, network)));
            let span = |metric| cloud.and_then(|view| view.span(metric));
            let cloud = span(metric).filter(|_| span(other).is_some());
            let values = ends.chain(design.map(|value| value.value));
            let values = values.chain(cloud.into_iter().flatten());
            Axis::around(metric, look.is_log[axis], values)
        });
        Field { rect, x, y }
    }

    /// Shows the details of the network of the space under the pointer; a click opens it in the Design tab.
    fn reach_cloud(
        &self,
        canvas: &Response,
        rect: Rect,
        view: &CloudView,
        model: &Model,
        commands: &mut Commands,
    ) {
        let pointer = canvas.hover_pos().filter(|pointer| rect.contains(*pointer));
        let point = pointer.and_then(|pointer| self.cloud.under(view, pointer));
        let Some(point) = point else { return };
        let cloud = view.cloud();
        let is_open = model.entries.contains_key(&cloud.file);
        if is_open && canvas.clicked() {
            let names = cloud.counts.variables.iter().map(|(name, _)| name.clone());
            let values = names.zip(point.values.iter().cloned()).collect();
            commands.push(Command::ShowPoint(Arc::clone(&cloud.file), values));
        }
        canvas.clone().on_hover_cursor(CursorIcon::PointingHand).on_hover_ui_at_pointer(|ui| {
            card::cloud_point(ui, cloud, point);
            if is_open {
                ui.label(RichText::new("Click to open it in Design.").weak());
            }
        });
    }

    /// Makes every point reachable by pointer and by name. Returns whether the pointer is on one.
    fn reach_dots(
        &self,
        ui: &mut Ui,
        dots: &[Dot<'_>],
        rows: &Rows,
        model: &Model,
        commands: &mut Commands,
    ) -> bool {
        let mut is_over = false;
        // Small ones lie on top.
        let mut order: Vec<&Dot<'_>> = dots.iter().take(MOST_NAMED).collect();
        order.sort_by(|a, b| b.radius.total_cmp(&a.radius));
        for dot in order {
            let side = 2.0 * dot.radius.max(5.0);
            let rect = Rect::from_center_size(dot.at, Vec2::splat(side));
            let response = ui.interact(rect, Id::unique(("point", &dot.row.file)), Sense::click());
            response.widget_info(|| {
                let front = if dot.is_front { ", Pareto-optimal" } else { "" };
                let name = format!("{} in the plot{front}", dot.row.name);
                WidgetInfo::selected(Role::Button, true, dot.is_selected, name)
            });
            is_over |= response.hovered();
            if response.clicked() {
                click(ui, &dot.row.file, model, commands);
            }
            if response.double_clicked() {
                commands.push(Command::Show(Pane::Graph));
            }
            response.on_hover_ui(|ui| card::network(ui, dot.row, rows, model, dot.is_front));
        }
        is_over
    }

    /// Wheel and pinch zoom to the pointer; the other buttons move; a double click shows everything.
    fn navigate(&mut self, ui: &Ui, canvas: &Response, field: Field, look: &PlotSettings) {
        let mut axes = [field.x, field.y];
        let size = field.rect.size();
        if let Some(pointer) = canvas.hover_pos() {
            let wheel = ui.input(|input| input.smooth_scroll_delta().y);
            let factor = f64::from(ui.input(egui::InputState::zoom_delta))
                * (f64::from(wheel) / 240.0).exp();
            if (factor - 1.0).abs() > 1e-4 {
                let share = (pointer - field.rect.min) / size;
                axes[0].zoom(f64::from(share.x), factor, 0.0);
                axes[1].zoom(f64::from(1.0 - share.y), factor, 0.0);
            }
        }
        let moves = [PointerButton::Middle, PointerButton::Secondary];
        let shifted = ui.input(|input| input.modifiers.matches_logically(Modifiers::ALT));
        if moves.iter().any(|&button| canvas.dragged_by(button))
            || (shifted && canvas.dragged_by(PointerButton::Primary))
        {
            let delta = canvas.drag_delta() / size;
            axes[0].zoom(0.0, 1.0, f64::from(delta.x));
            axes[1].zoom(0.0, 1.0, -f64::from(delta.y));
            self.corner = None;
        }
        if axes != [field.x, field.y] {
            self.zoomed = Some((look.metrics, look.is_log, axes));
            ui.ctx().request_repaint();
        }
        if canvas.double_clicked() {
            self.zoomed = None;
        }
    }

    /// Selects the points in a box.
    fn select_box(
        &mut self,
        ui: &Ui,
        canvas: &Response,
        dots: &[Dot<'_>],
        commands: &mut Commands,
    ) {
        if canvas.drag_started_by(PointerButton::Primary) && !ui.input(|input| input.modifiers.alt)
        {
            self.corner = ui.input(|input| input.pointer.press_origin());
        }
        let (Some(corner), Some(pointer)) = (self.corner, canvas.interact_pointer_pos()) else {
            return;
        };
        let area = Rect::from_two_pos(corner, pointer);
        let accent = colors(ui).accent;
        let stroke = Stroke::new(1.0, accent);
        ui.painter().rect(area, 0.0, accent.gamma_multiply(0.12), stroke, egui::StrokeKind::Inside);
        if canvas.drag_stopped() {
            self.corner = None;
            let inside = dots.iter().filter(|dot| dot.is_brushed && area.contains(dot.at));
            let files: Vec<FilePath> = inside.map(|dot| Arc::clone(&dot.row.file)).collect();
            if !files.is_empty() {
                commands.push(Command::Select(files));
            }
        }
    }
}

/// Selects a file, or adds it to the selection.
pub(super) fn click(ui: &Ui, file: &FilePath, model: &Model, commands: &mut Commands) {
    let mut selection = model.selection.clone();
    if ui.input(|input| input.modifiers.command) {
        selection.retain(|known| known != file);
        selection.push(Arc::clone(file));
    } else {
        selection = vec![Arc::clone(file)];
    }
    commands.push(Command::Select(selection));
}

/// Why there is no point.
fn why_empty(look: &PlotSettings, rows: &Rows, [x, y]: &[String; 2]) -> String {
    let is_filtered = !rows.rows.is_empty() && !rows.rows.iter().any(|row| look.shows(row));
    match is_filtered {
        true => "Nothing matches the filter.".to_owned(),
        false => format!("No network has both {x} and {y}."),
    }
}
