//! Selected networks side by side.
//!
//! | part | file |
//! |---|---|
//! | the networks, and the comparison of two of them | this one, `pair` |
//! | counts, accuracies and latencies of all | `totals` |
//! | counts and time by module | `modules` |
//! | nodes that differ | `nodes` |
//! | lines that differ | `text` |
//! | graphs with differences marked | `graphs`, `drawn`, `align` |

mod align;
mod drawn;
mod graphs;
mod modules;
mod nodes;
mod pair;
mod text;
mod totals;

use std::sync::Arc;

use egui::{ComboBox, Frame, Margin, RichText, ScrollArea, Ui};
use inceptive_app::Inspected;

use crate::{
    actions::{Action, asked},
    command::{Command, Commands},
    file::{FilePath, stem},
    model::Model,
    panels::{keep_together, keep_with_list, text_width},
    theme::{SERIES, colors, series},
};

use pair::Pair;

/// A network that is compared.
struct Compared<'a> {
    file: FilePath,
    /// Its displayed name, different from all others.
    name: String,
    network: &'a Arc<Inspected>,
}

/// The section that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Overview,
    Nodes,
    Text,
    Graphs,
}

/// The comparison tab.
#[derive(Default)]
pub struct Compare {
    /// The compared networks; the first one is the base. Unlike the selection, the order does not change when
    /// another network becomes current.
    order: Vec<FilePath>,
    /// The selection when the tab was shown last.
    selection: Vec<FilePath>,
    /// The network that is compared with the base in detail.
    other: Option<FilePath>,
    section: Section,
    pair: Option<Pair>,
    modules: modules::Modules,
    nodes: nodes::Nodes,
    text: text::Text,
    graphs: graphs::Graphs,
}

impl Compare {
    /// Draws the selected networks side by side.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let frame = Frame::NONE.inner_margin(Margin::symmetric(8, 4));
        frame.show(ui, |ui| self.content(ui, model, commands));
    }

    fn content(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        self.follow(model);
        super::caveat_lines(ui, model, commands);
        let networks = compared(&self.order, model);
        let [first, others @ ..] = networks.as_slice() else { return hint(ui, model) };
        if others.is_empty() {
            return hint(ui, model);
        }
        let wanted = |network: &&Compared<'_>| Some(&network.file) == self.other.as_ref();
        let Some(other) = others.iter().find(wanted).or(others.first()) else { return };
        let mut ask = Ask::default();
        ui.horizontal_wrapped(|ui| self.bar(ui, &networks, other, &mut ask));
        ui.separator();
        let pair = match self.pair.take() {
            Some(pair) if pair.is_of(first, other) => pair,
            _ => Pair::new(first, other),
        };
        match self.section {
            Section::Overview => {
                ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    totals::table(ui, &networks, model);
                    ui.add_space(10.0);
                    let shown = networks.len().min(SERIES.len());
                    if shown < networks.len() {
                        ui.weak(format!(
                            "Modules of the first {shown} of {} networks",
                            networks.len()
                        ));
                    }
                    self.modules.ui(ui, &networks[..shown], model, commands);
                });
            }
            Section::Nodes => self.nodes.ui(ui, &pair, model, commands),
            Section::Text => self.text.ui(ui, &pair),
            Section::Graphs => self.graphs.ui(ui, &pair, model, commands),
        }
        self.pair = Some(pair);
        if let Some(file) = ask.first {
            self.order.retain(|known| *known != file);
            self.order.insert(0, file);
        }
        if let Some(file) = ask.other {
            self.other = Some(file);
        }
    }

    /// Adds newly selected networks at the end, and removes those that are no longer selected. A selection that begins with
    /// other networks than before is a new one, and has its own order.
    fn follow(&mut self, model: &Model) {
        let is_selected = |file: &FilePath| model.selection.contains(file);
        self.selection.retain(is_selected);
        self.order.retain(is_selected);
        if !model.selection.starts_with(&self.selection) {
            self.order.clear();
        }
        for file in &model.selection {
            if !self.order.contains(file) {
                self.order.push(Arc::clone(file));
            }
        }
        self.selection.clone_from(&model.selection);
    }

    fn bar(&mut self, ui: &mut Ui, networks: &[Compared<'_>], other: &Compared<'_>, ask: &mut Ask) {
        for (section, title, action) in [
            (Section::Overview, "Overview", Action::Overview),
            (Section::Nodes, "Nodes", Action::Nodes),
            (Section::Text, "Text", Action::Text),
            (Section::Graphs, "Graphs", Action::Graphs),
        ] {
            ui.selectable_value(&mut self.section, section, title);
            if asked(ui.ctx(), action) {
                self.section = section;
            }
        }
        ui.separator();
        let Some(first) = networks.first() else { return };
        ui.label("Compare");
        ask.first = choice(ui, "Base of the comparison", networks, first, |_| true);
        if self.section == Section::Overview {
            let count = networks.len() - 1;
            ui.label(match count {
                1 => format!("with {}", other.name),
                count => format!("with {count} others"),
            });
            return;
        }
        keep_with_list(ui, "with", &other.name, ui.spacing().combo_width);
        ui.label("with");
        ask.other = choice(ui, "Network compared with the base", networks, other, |network| {
            network.file != first.file
        });
    }
}

/// The user's choice in the bar.
#[derive(Default)]
struct Ask {
    first: Option<FilePath>,
    other: Option<FilePath>,
}

/// A list to choose a network from; returns the choice.
fn choice(
    ui: &mut Ui,
    hover: &str,
    networks: &[Compared<'_>],
    now: &Compared<'_>,
    may: impl Fn(&Compared<'_>) -> bool,
) -> Option<FilePath> {
    let mut chosen = None;
    let list = ComboBox::from_id_salt(hover).selected_text(now.name.as_str());
    let shown = list.show_ui(ui, |ui| {
        for network in networks.iter().filter(|network| may(network)) {
            if ui.selectable_label(network.file == now.file, network.name.as_str()).clicked() {
                chosen = Some(Arc::clone(&network.file));
            }
        }
    });
    shown.response.on_hover_text(hover);
    chosen
}

/// The networks among `order`, each with a name of its own.
fn compared<'a>(order: &[FilePath], model: &'a Model) -> Vec<Compared<'a>> {
    let network = |file| model.entries.get(file).and_then(|entry| entry.network.as_ref());
    let found: Vec<_> = order.iter().filter_map(|file| Some((file, network(file)?))).collect();
    let is_twice = |name: &str| found.iter().filter(|(file, _)| stem(file) == name).count() > 1;
    let named = found.iter().map(|&(file, network)| {
        let short = stem(file);
        let name = match is_twice(&short) {
            true => model.name_of(file).display().to_string(),
            false => short,
        };
        Compared { file: Arc::clone(file), name, network }
    });
    named.collect()
}

/// Explains how to select networks to compare.
fn hint(ui: &mut Ui, model: &Model) {
    let networks = model.selected().filter(|entry| entry.network.is_some()).count();
    let (selected, text) = (model.selection.len(), "Select two or more networks to compare them.");
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.35).max(20.0));
        ui.label(RichText::new(text).heading());
        ui.add_space(6.0);
        ui.label("In the list of files, Ctrl click adds one and Shift click a range.");
        if selected > 1 {
            let state = format!("{selected} files are selected; networks among them: {networks}.");
            ui.label(RichText::new(state).color(colors(ui).weak));
        }
    });
}

/// Side of a square of colour, in points.
const SWATCH: f32 = 12.0;

/// Names with the colours of their bars.
fn legend(ui: &mut Ui, networks: &[Compared<'_>]) {
    for (index, network) in networks.iter().enumerate() {
        let width = SWATCH + ui.spacing().item_spacing.x + text_width(ui, &network.name);
        keep_together(ui, width);
        let (swatch, _) = ui.allocate_exact_size(egui::Vec2::splat(SWATCH), egui::Sense::hover());
        ui.painter().rect_filled(swatch, 2.0, series(index));
        ui.label(network.name.as_str());
    }
}

/// Brings a node to the front in the graph of a network, which becomes the current one of the selection.
fn jump(file: &FilePath, path: inceptive_ir::Path, model: &Model, commands: &mut Commands) {
    let mut selection = model.selection.clone();
    selection.retain(|known| known != file);
    selection.push(Arc::clone(file));
    commands.push(Command::Select(selection));
    commands.push(Command::ShowNode(path));
}
