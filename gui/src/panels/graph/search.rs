//! Finding nodes and modules by name or operator.

use egui::{
    EventFilter, Key, Modifiers, Popup, PopupCloseBehavior, Rect, RichText, Role, TextEdit,
    TextWrapMode, Ui, WidgetInfo,
};
use inceptive_draw::modules;
use inceptive_ir::{Graph, Path as NodePath};

/// Hits that are shown.
const MOST: usize = 12;

/// The least width of the list of hits, whether there are any or not.
const WIDTH: f32 = 320.0;

/// The search field.
#[derive(Default)]
pub(super) struct Search {
    wanted: String,
    /// The hit that Enter goes to.
    at: usize,
    /// Whether the field is to get the keyboard.
    focuses: bool,
    /// Where hits were drawn: a click there takes the keyboard from the field before it is over.
    hits: Option<Rect>,
}

/// Something that was found.
struct Hit {
    path: NodePath,
    what: String,
}

impl Search {
    /// Moves the keyboard focus to the field, and clears it.
    pub fn focus(&mut self) {
        self.focuses = true;
        self.wanted.clear();
    }

    /// Draws the field and the matches; returns the node to go to.
    pub fn ui(&mut self, ui: &mut Ui, graph: &Graph) -> Option<NodePath> {
        let field = TextEdit::singleline(&mut self.wanted).hint_text("Search nodes  /");
        // Esc belongs to the field: in the graph it would clear the selection.
        let keys = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            escape: true,
            tab: false,
        };
        let response = ui.add(field.desired_width(170.0).event_filter(keys));
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Search nodes"));
        if std::mem::take(&mut self.focuses) {
            response.request_focus();
        }
        if response.changed() {
            self.at = 0;
        }
        if response.has_focus()
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape))
        {
            self.wanted.clear();
            response.surrender_focus();
        }
        if self.wanted.trim().is_empty() {
            return None;
        }
        let pointer = ui.ctx().pointer_interact_pos();
        let is_at_hits = self.hits.zip(pointer).is_some_and(|(hits, at)| hits.contains(at));
        let (hits, count) = hits(graph, self.wanted.trim());
        let mut chosen = None;
        if response.has_focus() {
            let step = ui.input_mut(|input| {
                i32::from(input.consume_key(Modifiers::NONE, Key::ArrowDown))
                    - i32::from(input.consume_key(Modifiers::NONE, Key::ArrowUp))
            });
            let last = hits.len().saturating_sub(1);
            self.at = self.at.saturating_add_signed(step as isize).min(last);
        }
        if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            chosen = hits.get(self.at).map(|hit| hit.path.clone());
        }
        let shown = Popup::from_response(&response)
            .id(response.id.with("hits"))
            .open(response.has_focus() || is_at_hits)
            .close_behavior(PopupCloseBehavior::IgnoreClicks)
            .width(WIDTH)
            .show(|ui| {
                ui.set_min_width(WIDTH);
                ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
                for (index, hit) in hits.iter().enumerate() {
                    let text = format!("{}   {}", hit.path, hit.what);
                    let row = ui.selectable_label(index == self.at, text);
                    if row.clicked() {
                        chosen = Some(hit.path.clone());
                    }
                }
                let note = match count {
                    0 => "No matches".to_owned(),
                    count if count > MOST => format!("and {} more", count - MOST),
                    _ => return,
                };
                ui.label(RichText::new(note).weak());
            });
        self.hits = shown.map(|shown| shown.response.rect);
        if chosen.is_some() {
            self.hits = None;
            self.wanted.clear();
        }
        chosen
    }
}

/// The first matches, and their total number: exact matches first, then prefixes, then other matches.
fn hits(graph: &Graph, wanted: &str) -> (Vec<Hit>, usize) {
    let wanted = wanted.to_lowercase();
    let modules = modules(graph);
    let nodes = graph.nodes().map(|(_, node)| (node.path.clone(), node.op.name()));
    let all = modules.into_iter().map(|path| (path, "module")).chain(nodes);
    let mut found: Vec<(usize, Hit)> = all
        .filter_map(|(path, what)| {
            let rank = rank(&path, what, &wanted)?;
            Some((rank, Hit { path, what: what.to_owned() }))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    let count = found.len();
    (found.into_iter().take(MOST).map(|(_, hit)| hit).collect(), count)
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
