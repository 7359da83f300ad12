//! Two graphs side by side: they move together, and differences are marked.

use std::{collections::BTreeSet, sync::Arc};

use egui::{FontId, Pos2, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use inceptive_app::Inspected;
use inceptive_draw::{Arrangement, Open, Scene, modules, worth_opening};
use inceptive_ir::Path;

use super::{
    align::{FIRST, OTHER},
    drawn::Drawn,
    jump,
    pair::{Mark, Pair, Side},
};
use crate::{
    command::{Command, Commands},
    jobs::{Job, LayoutRequest, Place},
    model::Model,
    panels::{
        graph::{
            camera::{Camera, rect},
            paint::Canvas,
        },
        keep_together, text_width,
    },
    theme::colors,
};

/// Cards smaller than this on the screen are no buttons.
const BUTTON: f32 = 6.0;

/// Room between the pictures, in pixels.
const GAP: f32 = 6.0;

/// From where both are to be seen.
#[derive(Clone, Copy)]
enum Wish {
    /// So that all of both is seen.
    Whole,
    /// From the top, so that both fit from left to right.
    Start,
    /// The current view, scaled by this factor.
    Zoom(f32),
}

/// Two graphs.
#[derive(Default)]
pub(super) struct Graphs {
    of: Option<[Arc<Inspected>; 2]>,
    /// Modules that are open, in both.
    open: BTreeSet<Path>,
    /// From where the first is seen; the other follows.
    camera: Option<Camera>,
    /// From where it is to be seen next.
    wish: Option<Wish>,
    selected: Option<Path>,
    drawn: Option<Drawn>,
    /// The difference that was brought to the middle last.
    at: Option<usize>,
}

impl Graphs {
    pub fn ui(&mut self, ui: &mut Ui, pair: &Pair, model: &Model, commands: &mut Commands) {
        self.follow(pair);
        ui.horizontal_wrapped(|ui| self.toolbar(ui, pair));
        let sides = [&pair.before, &pair.after];
        let requests = [FIRST, OTHER].map(|at| LayoutRequest {
            place: Place::Compare(at),
            network: Arc::clone(&sides[at].network),
            arrangement: Arrangement::plain(Open::These(self.open.clone())),
        });
        for request in &requests {
            if model.wants(request) {
                commands.push(Command::Start(Job::Layout(request.clone())));
            }
        }
        let found = requests.each_ref().map(|request| model.scene(request).cloned());
        if let [Some(first), Some(other)] = found {
            self.take_in([first, other], pair);
        }
        if let Some(problem) = requests.iter().find_map(|request| model.layout_problem(request)) {
            super::super::nothing(ui, &problem.to_string());
            return;
        }
        if self.drawn.is_none() {
            super::super::nothing(ui, "Laying out…");
            return;
        }
        let whole = ui.available_rect_before_wrap();
        let width = (whole.width() - GAP) / 2.0;
        let screens = [0.0, width + GAP].map(|x| {
            Rect::from_min_size(pos2(whole.left() + x, whole.top()), vec2(width, whole.height()))
        });
        let _ = ui.allocate_rect(whole, Sense::hover());
        for at in [FIRST, OTHER] {
            self.picture(ui, at, screens, sides[at], (model, commands));
        }
    }

    /// Resets the view when other networks are compared.
    fn follow(&mut self, pair: &Pair) {
        let now = [&pair.before.network, &pair.after.network];
        if self.of.as_ref().is_some_and(|of| of.iter().zip(now).all(|(a, b)| Arc::ptr_eq(a, b))) {
            return;
        }
        let open = now.map(|network| worth_opening(&network.architecture.graph));
        let open = open.into_iter().flatten().collect();
        *self = Self { of: Some(now.map(Arc::clone)), open, ..Self::default() };
    }

    fn take_in(&mut self, scenes: [Arc<Scene>; 2], pair: &Pair) {
        let is_known = self
            .drawn
            .as_ref()
            .is_some_and(|drawn| drawn.scenes.iter().zip(&scenes).all(|(a, b)| Arc::ptr_eq(a, b)));
        if is_known {
            return;
        }
        self.drawn = Some(Drawn::new(scenes, pair));
        self.at = None;
    }

    fn toolbar(&mut self, ui: &mut Ui, pair: &Pair) {
        let mut button = |text: &str, hint: &str, wish| {
            if ui.button(text).on_hover_text(hint).clicked() {
                self.wish = Some(wish);
            }
        };
        button("Fit", "Fit both graphs", Wish::Whole);
        button("Width", "Fit to width, from the top", Wish::Start);
        button("−", "Zoom out", Wish::Zoom(0.8));
        button("+", "Zoom in", Wish::Zoom(1.25));
        ui.separator();
        if ui.button("Expand all").clicked() {
            let sides = [&pair.before, &pair.after];
            let all = sides.map(|side| modules(&side.network.architecture.graph));
            self.open = all.into_iter().flatten().collect();
        }
        if ui.button("Collapse all").clicked() {
            self.open.clear();
        }
        ui.separator();
        if ui.button("Previous").on_hover_text("Previous difference").clicked() {
            self.step(false);
        }
        if ui.button("Next").on_hover_text("Next difference").clicked() {
            self.step(true);
        }
        ui.separator();
        for mark in Mark::ALL {
            let text = format!("{} {}", mark.sign(), mark.word());
            keep_together(ui, text_width(ui, &text));
            ui.colored_label(mark.color(colors(ui)), text);
        }
        ui.weak("unmarked: unchanged");
    }

    /// Brings the difference after or before the last one to the middle.
    fn step(&mut self, forwards: bool) {
        let Some(drawn) = &self.drawn else { return };
        let differences = drawn.differences();
        let count = differences.len();
        if count == 0 {
            return;
        }
        let at = match (self.at, forwards) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(at), true) => (at + 1) % count,
            (Some(at), false) => (at + count - 1) % count,
        };
        self.at = Some(at);
        let (point, path) = differences[at].clone();
        self.selected = Some(path);
        if let Some(camera) = &mut self.camera {
            // Any screen size works: only its centre is used.
            camera.put(Rect::ZERO, point, Pos2::ZERO);
            camera.zoom = camera.zoom.max(0.6);
        }
    }

    /// The camera of the first picture, after the requested movement.
    fn first_camera(&mut self, drawn: &Drawn, screen: Rect) -> Camera {
        let now = self.camera.unwrap_or_else(|| drawn.start(screen));
        match self.wish.take() {
            None => now,
            Some(Wish::Whole) => drawn.whole(screen),
            Some(Wish::Start) => drawn.start(screen),
            Some(Wish::Zoom(by)) => {
                let mut camera = now;
                camera.zoom_at(screen, screen.center(), by);
                camera
            }
        }
    }

    fn picture(
        &mut self,
        ui: &mut Ui,
        at: usize,
        screens: [Rect; 2],
        side: &Side,
        (model, commands): (&Model, &mut Commands),
    ) {
        let Some(drawn) = self.drawn.take() else { return };
        let screen = screens[at];
        let id = ui.scope_id().with(("comparison", at));
        let response = ui.interact(screen, id, Sense::click_and_drag());
        let painter = ui.painter_at(screen);
        painter.rect_filled(screen, 0.0, colors(ui).canvas);
        let first = self.first_camera(&drawn, screens[FIRST]);
        let seen = drawn.seen(first, at, screens);
        let camera = moved(ui, seen, screen, &response);
        self.camera = Some(match at {
            FIRST => camera,
            _ if camera == seen => first,
            _ => drawn.led(camera, screens),
        });
        if response.clicked() {
            self.selected = None;
        }
        self.buttons(ui, at, &drawn, (screen, camera), |path| {
            jump(&side.file, path, model, commands);
        });
        let canvas = Canvas {
            painter: &painter,
            screen,
            camera,
            theme: ui.ctx().theme(),
            selected: self.selected.as_ref(),
            hits: None,
        };
        drawn.paint(&canvas, at);
        let font = FontId::proportional(13.0);
        let galley = painter.layout_no_wrap(side.name.clone(), font, ui.visuals().text_color());
        let corner = screen.min + vec2(8.0, 6.0);
        let ground = Rect::from_min_size(corner, galley.size()).expand2(vec2(5.0, 3.0));
        painter.rect_filled(ground, 4.0, colors(ui).canvas.gamma_multiply(0.9));
        painter.galley(corner, galley, ui.visuals().text_color());
        self.drawn = Some(drawn);
    }

    /// Makes cards and heads of frames something to click; both pictures open and close together.
    fn buttons(
        &mut self,
        ui: &Ui,
        at: usize,
        drawn: &Drawn,
        (screen, camera): (Rect, Camera),
        mut show: impl FnMut(Path),
    ) {
        let scene = &drawn.scenes[at];
        let side = if at == FIRST { "base" } else { "other" };
        let frames = scene.frames.iter().map(|frame| {
            let place = camera.rect_to_screen(screen, rect(frame.rect));
            let head = Rect::from_min_size(place.min, vec2(place.width(), 22.0 * camera.zoom));
            (&frame.path, head, true, None, "")
        });
        let cards = scene.cards.iter().zip(&drawn.marks[at]).map(|(card, mark)| {
            let place = camera.rect_to_screen(screen, rect(card.rect));
            (&card.path, place, card.is_module, *mark, card.tooltip.as_str())
        });
        for (path, place, is_module, mark, tooltip) in frames.chain(cards) {
            let seen = place.intersect(screen);
            if place.height() < BUTTON || !seen.is_positive() {
                continue;
            }
            let id = ui.scope_id().with(("compared", at, path.as_str()));
            let response = ui.interact(seen, id, Sense::CLICK);
            let word = mark.map_or("equal", Mark::word);
            let name = format!("{} in the {side}: {word}", path.as_str());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
            if response.clicked() {
                self.selected = Some(path.clone());
            }
            if response.double_clicked() && is_module && !self.open.remove(path) {
                self.open.insert(path.clone());
            }
            if response.secondary_clicked() {
                show(path.clone());
            }
            if !tooltip.is_empty() {
                response.on_hover_text(format!("{tooltip}\n{word}\nRight click shows it in Graph"));
            }
        }
    }
}

/// Moves a camera as the pointer over its picture wants.
fn moved(ui: &Ui, mut camera: Camera, screen: Rect, response: &Response) -> Camera {
    if response.dragged() {
        camera.pan(response.drag_delta());
    }
    let pointer = ui.ctx().pointer_hover_pos().filter(|at| screen.contains(*at));
    if let Some(pointer) = pointer.filter(|_| ui.rect_contains_pointer(screen)) {
        let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta()));
        camera.pan(vec2(scroll.x, 0.0));
        let factor = pinch * (scroll.y / 240.0).exp();
        if factor != 1.0 {
            camera.zoom_at(screen, pointer, factor);
        }
    }
    camera
}
