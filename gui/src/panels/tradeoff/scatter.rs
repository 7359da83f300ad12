//! Networks as points between two axes.

use std::sync::Arc;

use egui::{
    CursorIcon, Id, Modifiers, PointerButton, Pos2, Rect, Response, RichText, Role, Sense, Stroke,
    TextStyle, Ui, Vec2, WidgetInfo, vec2,
};

use super::{
    Shared, card,
    cloud::CloudView,
    cloud_points::{CloudPoints, place, ring},
    dots::{Dot, dots, paint_design, paint_dots, paint_front, paint_labels},
    look::{PlotSettings, Shown},
    marks::{ROOM, axes},
    quantity::Quantity,
    rows::{Row, Rows, Values, design_values},
    scale::{Axis, Field},
    shortlist::Shortlist,
};
use crate::{
    command::{Command, Commands},
    file::FilePath,
    model::Model,
    pane::Pane,
    panels::drag_leaves_field,
    theme::colors,
};

/// Points that can be reached by name; more only make the window slow.
const MOST_NAMED: usize = 400;

/// The state kept from frame to frame.
#[derive(Default)]
pub struct Scatter {
    /// The last fitted range: quantities with their scales, and the axes.
    zoomed: Option<([Quantity; 2], [bool; 2], [Axis; 2])>,
    /// Where a box begins.
    corner: Option<Pos2>,
    cloud: CloudPoints,
    /// What was drawn last of fronts.
    fronts: Fronts,
}

/// Which fronts are in the plot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fronts {
    /// Of the networks of the list.
    pub of_list: bool,
    /// Of the networks of a space; one network alone makes no line.
    pub of_space: bool,
}

impl Scatter {
    /// Draws the plot.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        look: &PlotSettings,
        shared: &Shared<'_>,
        shortlist: &mut Shortlist,
        commands: &mut Commands,
    ) {
        let cloud = shared.cloud.filter(|_| look.shown != Shown::Networks);
        let (whole, canvas) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        drag_leaves_field(&canvas);
        canvas.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "Trade-off plot"));
        let rect = Rect::from_min_max(
            whole.min + vec2(ROOM.x + 4.0, 6.0),
            whole.max - vec2(12.0, ROOM.y + 2.0),
        );
        if rect.width() < 40.0 || rect.height() < 40.0 {
            return;
        }
        let field = self.field(rect, look, shared);
        let titles = [field.x, field.y].map(|axis| shared.names.title(axis.quantity));
        axes(ui, &field, titles, |quantity, value| shared.names.tick(quantity, value));
        let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(rect));
        inner.set_clip_rect(rect.intersect(ui.clip_rect()));
        if let Some(view) = cloud {
            let shades = look.colors(shared.rows, shared.cloud, ui.ctx().theme());
            self.cloud.paint(&inner, view, field, shades);
            for at in shortlist.places().filter_map(|at| place(view, &field, at)) {
                ring(&inner, at);
            }
        }
        let dots = dots(&field, look, shared);
        let steps = paint_front(&inner, &field, &dots);
        let fronts = Fronts {
            of_list: dots.iter().any(|dot| dot.is_front),
            of_space: cloud.is_some() && self.cloud.draws_front,
        };
        if fronts != self.fronts {
            // The legend, which is above, lists them.
            self.fronts = fronts;
            ui.ctx().request_repaint();
        }
        paint_dots(&inner, &field, look, shared, &dots);
        let design = paint_design(&inner, &field, shared.model);
        paint_labels(&inner, &dots, design, &steps);
        let shows_cloud = |view: &CloudView| {
            view.count() > 0 && look.axes.iter().all(|it| view.span(*it).is_some())
        };
        if dots.is_empty() && !cloud.is_some_and(shows_cloud) {
            let text = why_empty(look, shared);
            let font = TextStyle::Body.resolve(ui.style());
            let color = colors(ui).weak;
            ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, font, color);
        }
        let over_dot = self.reach_dots(&mut inner, &dots, shared, commands);
        if let Some(view) = cloud.filter(|_| !over_dot) {
            self.reach_cloud(&canvas, rect, view, shared, shortlist);
        }
        self.navigate(ui, &canvas, field, look);
        if let Some(area) = self.take_box(ui, &canvas) {
            let inside = dots.iter().filter(|dot| dot.is_brushed && area.contains(dot.at));
            let files: Vec<FilePath> = inside.map(|dot| Arc::clone(&dot.row.file)).collect();
            if !files.is_empty() {
                commands.push(Command::Select(files));
            }
            if let Some(view) = cloud {
                let inside = self.cloud.inside(view, area.intersect(rect));
                shortlist.add_box(&inside, self.cloud.front(), shared);
            }
        }
    }

    /// Whether less than everything is shown.
    pub const fn is_zoomed(&self) -> bool {
        self.zoomed.is_some()
    }

    /// Shows everything.
    pub const fn fit(&mut self) {
        self.zoomed = None;
    }

    /// Shows the networks of a space that the filters let through.
    pub fn fit_space(&mut self, look: &PlotSettings, view: &CloudView) {
        let axis = |axis: usize| {
            let span = view.kept_span(look.axes[axis]);
            Axis::around(look.axes[axis], look.is_log[axis], span.into_iter().flatten())
        };
        self.zoomed = Some((look.axes, look.is_log, [axis(0), axis(1)]));
    }

    /// Shows what the filters let through: networks of the list, and of the space.
    pub fn fit_shown(&mut self, look: &PlotSettings, rows: &Rows, cloud: Option<&CloudView>) {
        let is_shown = |row: &&Row| row.is_shown && look.is_brushed(row);
        let value = |row: &Row, axis: usize| row.get(look.axes[axis]);
        let of_rows = |axis: usize| {
            let both =
                rows.rows.iter().filter(is_shown).filter(|row| value(row, 1 - axis).is_some());
            let known = both.filter_map(move |row| value(row, axis));
            known.flat_map(|estimate| [estimate.low, estimate.high]).collect::<Vec<f64>>()
        };
        let cloud = cloud.filter(|_| look.shown != Shown::Networks);
        let of_cloud = |axis: usize| cloud.and_then(|view| view.kept_span(look.axes[axis]));
        let values = [0, 1].map(|axis| {
            let span = of_cloud(axis).filter(|_| of_cloud(1 - axis).is_some());
            of_rows(axis).into_iter().chain(span.into_iter().flatten()).collect::<Vec<f64>>()
        });
        if values.iter().any(Vec::is_empty) {
            self.zoomed = None;
            return;
        }
        let axes = [0, 1].map(|axis| {
            Axis::around(look.axes[axis], look.is_log[axis], values[axis].iter().copied())
        });
        self.zoomed = Some((look.axes, look.is_log, axes));
    }

    /// The fronts that were drawn last.
    pub const fn fronts(&self) -> Fronts {
        self.fronts
    }

    /// The axes: those that were zoomed to, or around everything.
    fn field(&self, rect: Rect, look: &PlotSettings, shared: &Shared<'_>) -> Field {
        if let Some((axes, is_log, [x, y])) = self.zoomed
            && (axes, is_log) == (look.axes, look.is_log)
        {
            return Field { rect, x, y };
        }
        let cloud = shared.cloud.filter(|_| look.shown != Shown::Networks);
        let [x, y] = [0, 1].map(|axis| {
            let (quantity, other) = (look.axes[axis], look.axes[1 - axis]);
            let both = |values: &Values| {
                let value = |quantity: Quantity| values[quantity.metric()?.index()];
                let (value, _) = (value(quantity)?, value(other)?);
                Some(value)
            };
            let shown = shared.rows.rows.iter().filter(|row| row.is_shown);
            let known = shown.filter_map(|row| both(&row.values));
            let ends = known.flat_map(|estimate| [estimate.low, estimate.high]);
            let model = shared.model;
            let design = model.shown_design();
            let design = design.and_then(|network| both(&design_values(model, network)));
            let span = |quantity| cloud.and_then(|view| view.span(quantity));
            let cloud = span(quantity).filter(|_| span(other).is_some());
            let values = ends.chain(design.map(|value| value.value));
            let values = values.chain(cloud.into_iter().flatten());
            Axis::around(quantity, look.is_log[axis], values)
        });
        Field { rect, x, y }
    }

    /// Shows the details of the network of the space under the pointer; a click adds it to the shortlist.
    fn reach_cloud(
        &self,
        canvas: &Response,
        rect: Rect,
        view: &CloudView,
        shared: &Shared<'_>,
        shortlist: &mut Shortlist,
    ) {
        let pointer = canvas.hover_pos().filter(|pointer| rect.contains(*pointer));
        let point = pointer.and_then(|pointer| self.cloud.under(view, pointer));
        let Some(at) = point else { return };
        if canvas.clicked() {
            shortlist.add(shared.rows.rows.len() + at, shared);
        }
        canvas.clone().on_hover_cursor(CursorIcon::PointingHand).on_hover_ui_at_pointer(|ui| {
            card::cloud_point(ui, view, at);
            ui.label(RichText::new("Click to add it to the shortlist.").weak());
        });
    }

    /// Makes every point reachable by pointer and by name. Returns whether the pointer is on one.
    fn reach_dots(
        &self,
        ui: &mut Ui,
        dots: &[Dot<'_>],
        shared: &Shared<'_>,
        commands: &mut Commands,
    ) -> bool {
        let mut is_over = false;
        // Small ones lie on top.
        let mut order: Vec<&Dot<'_>> = dots.iter().take(MOST_NAMED).collect();
        order.sort_by(|a, b| b.radius.total_cmp(&a.radius));
        for dot in order {
            let side = 2.0 * dot.radius.max(5.0);
            let rect = Rect::from_center_size(dot.at, Vec2::splat(side));
            let response = ui.interact(rect, Id::unique(("point", &dot.row.file)), Sense::CLICK);
            response.widget_info(|| {
                let front = if dot.is_front { ", Pareto-optimal" } else { "" };
                let name = format!("{} in the plot{front}", dot.row.name);
                WidgetInfo::selected(Role::Button, true, dot.is_selected, name)
            });
            is_over |= response.hovered();
            if response.clicked() {
                click(ui, &dot.row.file, shared.model, commands);
            }
            if response.double_clicked() {
                commands.push(Command::Show(Pane::Graph));
            }
            response.on_hover_ui(|ui| card::network(ui, dot.row, shared, dot.is_front));
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
            self.zoomed = Some((look.axes, look.is_log, axes));
            ui.ctx().request_repaint();
        }
        if canvas.double_clicked() {
            self.zoomed = None;
        }
    }

    /// Draws the box that is dragged; returns it when it is done.
    fn take_box(&mut self, ui: &Ui, canvas: &Response) -> Option<Rect> {
        if canvas.drag_started_by(PointerButton::Primary) && !ui.input(|input| input.modifiers.alt)
        {
            self.corner = ui.input(|input| input.pointer.press_origin());
        }
        let (corner, pointer) = (self.corner?, canvas.interact_pointer_pos()?);
        let area = Rect::from_two_pos(corner, pointer);
        let accent = colors(ui).accent;
        let stroke = Stroke::new(1.0, accent);
        ui.painter().rect(area, 0.0, accent.gamma_multiply(0.12), stroke, egui::StrokeKind::Inside);
        let is_done = canvas.drag_stopped();
        if is_done {
            self.corner = None;
        }
        is_done.then_some(area)
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
fn why_empty(look: &PlotSettings, shared: &Shared<'_>) -> String {
    let rows = &shared.rows.rows;
    let is_filtered = !rows.is_empty() && !rows.iter().any(|row| row.is_shown);
    let [x, y] = look.axes.map(|axis| shared.names.title(axis));
    match is_filtered {
        true => "Nothing matches the filter.".to_owned(),
        false => format!("No network has both {x} and {y}."),
    }
}
