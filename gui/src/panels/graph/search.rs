//! Finding nodes and modules by name or operator.

use std::{collections::HashSet, sync::Arc};

use egui::{
    Align, EventFilter, Id, Key, Label, Layout, Modifiers, Popup, PopupCloseBehavior, Rect,
    Response, RichText, Role, TextEdit, TextWrapMode, Ui, UiBuilder, WidgetInfo, vec2,
};
use inceptive_app::Inspected;
use inceptive_draw::{Scene, modules};
use inceptive_ir::{Graph, NodeId, Path as NodePath};

use super::paint::Hits;
use crate::theme::colors;

/// Hits that are listed.
const MOST: usize = 12;

/// The least width of the list of hits, whether there are any or not.
const WIDTH: f32 = 320.0;

/// The search field.
#[derive(Default)]
pub(super) struct Search {
    wanted: String,
    /// The hit that Enter goes to, or went to.
    at: usize,
    /// Whether it went there.
    went: bool,
    /// Whether the field is to get the keyboard.
    focuses: bool,
    found: Found,
    /// The hits in a scene, with the scene and the text.
    marks: Option<(Arc<Scene>, String, Hits)>,
    /// Where hits were drawn: a click there takes the keyboard from the field before it is over.
    list: Option<Rect>,
}

/// What was found for a text in a network.
#[derive(Default)]
struct Found {
    network: Option<Arc<Inspected>>,
    text: String,
    hits: Vec<Hit>,
}

/// Something that was found.
struct Hit {
    path: NodePath,
    /// None for a module.
    node: Option<NodeId>,
    what: &'static str,
}

impl Search {
    /// Moves the keyboard focus to the field, and clears it.
    pub fn focus(&mut self) {
        self.focuses = true;
        self.wanted.clear();
    }

    /// Draws the field and the matches; returns the node to go to.
    pub fn ui(&mut self, ui: &mut Ui, network: &Arc<Inspected>) -> Option<NodePath> {
        let id = Id::unique("search nodes");
        // Taken before the field sees it, which would leave the keyboard.
        let (back, on) = match ui.memory(|memory| memory.has_focus(id)) {
            true => ui.input_mut(|input| {
                let back = input.consume_key(Modifiers::SHIFT, Key::Enter);
                (back, input.consume_key(Modifiers::NONE, Key::Enter))
            }),
            false => (false, false),
        };
        let response = self.field(ui, id);
        let is_asked = !self.wanted.trim().is_empty();
        self.found.update(network, self.wanted.trim());
        let count = self.found.hits.len();
        if !is_asked || count == 0 {
            self.at = 0;
        }
        let mut chosen = None;
        if is_asked && count > 0 && (back || on) {
            self.at = match (self.went, back) {
                (false, _) => self.at,
                (true, false) => (self.at + 1) % count,
                (true, true) => (self.at + count - 1) % count,
            };
            chosen = Some(self.at);
        }
        if is_asked {
            self.count(ui, response.rect);
            chosen = self.list(ui, &response).or(chosen);
        }
        if let Some(at) = chosen {
            (self.at, self.went) = (at, true);
        }
        chosen.and_then(|at| self.found.hits.get(at)).map(|hit| hit.path.clone())
    }

    /// The field; handles its keys.
    fn field(&mut self, ui: &mut Ui, id: Id) -> Response {
        let field = TextEdit::singleline(&mut self.wanted).hint_text("Search nodes  /").id(id);
        // Esc belongs to the field: in the graph it would clear the selection.
        let keys = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            escape: true,
            tab: false,
        };
        let response = ui.add(field.desired_width(150.0).event_filter(keys));
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Search nodes"));
        if std::mem::take(&mut self.focuses) {
            response.request_focus();
            (self.at, self.went) = (0, false);
        }
        if response.changed() {
            (self.at, self.went) = (0, false);
        }
        if response.has_focus()
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape))
        {
            self.wanted.clear();
            response.surrender_focus();
        }
        response
    }

    /// Says at the end of the field how many hits there are, and which one is shown.
    fn count(&self, ui: &mut Ui, field: Rect) {
        let text = match (self.found.hits.len(), self.went) {
            (0, _) => return,
            (count, true) => format!("{} of {count}", self.at + 1),
            (1, false) => "1 match".to_owned(),
            (count, false) => format!("{count} matches"),
        };
        let hint =
            "Enter goes to the next match, Shift Enter to the previous one, Esc ends the search";
        let end = UiBuilder::new()
            .max_rect(field.shrink2(vec2(4.0, 0.0)))
            .layout(Layout::right_to_left(Align::Center));
        let mut end = ui.new_child(end);
        let text = RichText::new(text).small().color(colors(ui).weak);
        let text = text.background_color(ui.visuals().extreme_bg_color);
        end.add(Label::new(text).selectable(false)).on_hover_text(hint);
    }

    /// The first hits below the field, until one was gone to; returns the one that was clicked.
    fn list(&mut self, ui: &Ui, response: &Response) -> Option<usize> {
        let pointer = ui.ctx().pointer_interact_pos();
        let is_at_list = self.list.zip(pointer).is_some_and(|(list, at)| list.contains(at));
        let is_open = !self.went && (response.has_focus() || is_at_list);
        let hits = &self.found.hits;
        if is_open && response.has_focus() {
            let step = ui.input_mut(|input| {
                i32::from(input.consume_key(Modifiers::NONE, Key::ArrowDown))
                    - i32::from(input.consume_key(Modifiers::NONE, Key::ArrowUp))
            });
            let last = hits.len().min(MOST).saturating_sub(1);
            self.at = self.at.saturating_add_signed(step as isize).min(last);
        }
        let mut clicked = None;
        let shown = Popup::from_response(response)
            .id(response.id.with("hits"))
            .open(is_open)
            .close_behavior(PopupCloseBehavior::IgnoreClicks)
            .width(WIDTH)
            .show(|ui| {
                ui.set_min_width(WIDTH);
                ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
                for (index, hit) in hits.iter().take(MOST).enumerate() {
                    let text = format!("{}   {}", hit.path, hit.what);
                    if ui.selectable_label(index == self.at, text).clicked() {
                        clicked = Some(index);
                    }
                }
                let note = match hits.len() {
                    0 => "No matches".to_owned(),
                    count if count > MOST => format!("and {} more", count - MOST),
                    _ => return,
                };
                ui.label(RichText::new(note).weak());
            });
        self.list = shown.map(|shown| shown.response.rect);
        clicked
    }

    /// Which cards and frames of a scene have hits; `None` if nothing is looked for.
    pub fn hits(&mut self, scene: &Arc<Scene>) -> Option<&Hits> {
        let text = self.found.text.as_str();
        let is_known = |known: &(Arc<Scene>, String, Hits)| {
            Arc::ptr_eq(&known.0, scene) && known.1 == text && !text.is_empty()
        };
        self.marks = self.marks.take().filter(is_known);
        if self.marks.is_none() && !text.is_empty() {
            self.marks = Some((Arc::clone(scene), text.to_owned(), self.found.hits_in(scene)));
        }
        self.marks.as_ref().map(|(_, _, hits)| hits)
    }
}

impl Found {
    fn hits_in(&self, scene: &Scene) -> Hits {
        let nodes: HashSet<NodeId> = self.hits.iter().filter_map(|hit| hit.node).collect();
        let modules = self.hits.iter().filter(|hit| hit.node.is_none());
        let modules: HashSet<&NodePath> = modules.map(|hit| &hit.path).collect();
        let cards = scene.cards.iter().map(|card| {
            modules.contains(&card.path) || card.nodes.iter().any(|id| nodes.contains(id))
        });
        let frames = scene.frames.iter().map(|frame| modules.contains(&frame.path));
        Hits { cards: cards.collect(), frames: frames.collect() }
    }

    /// Searches again if the text or the network is another one.
    fn update(&mut self, network: &Arc<Inspected>, text: &str) {
        let is_same = self.network.as_ref().is_some_and(|known| Arc::ptr_eq(known, network));
        if is_same && self.text == text {
            return;
        }
        let hits = match text {
            "" => Vec::new(),
            text => hits(&network.architecture.graph, text),
        };
        *self = Self { network: Some(Arc::clone(network)), text: text.to_owned(), hits };
    }
}

/// All matches: exact ones first, then prefixes, then others.
fn hits(graph: &Graph, wanted: &str) -> Vec<Hit> {
    let wanted = wanted.to_lowercase();
    let modules = modules(graph).into_iter().map(|path| Hit { path, node: None, what: "module" });
    let nodes = graph.nodes().map(|(id, node)| Hit {
        path: node.path.clone(),
        node: Some(id),
        what: node.op.name(),
    });
    let mut found: Vec<(usize, Hit)> = modules
        .chain(nodes)
        .filter_map(|hit| Some((rank(&hit.path, hit.what, &wanted)?, hit)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, hit)| hit).collect()
}

fn rank(path: &NodePath, what: &str, wanted: &str) -> Option<usize> {
    let whole = path.as_str().to_lowercase();
    let name = path.name().to_lowercase();
    let tests = [
        whole == wanted,
        name == wanted,
        whole.starts_with(wanted),
        name.starts_with(wanted),
        whole.contains(wanted),
        what.contains(wanted),
    ];
    tests.iter().position(|&holds| holds)
}
