//! Details of the selected node or module, or of the network.

use std::{path::Path, sync::Arc};

use egui::{Grid, RichText, ScrollArea, Ui};
use inceptive_app::Inspected;
use inceptive_cost::{Convention, Totals};
use inceptive_draw::{Repeats, node_at};
use inceptive_files::disk;
use inceptive_format::decimals;
use inceptive_ir::{Graph, Module, NodeId, Path as NodePath, Shape};

use super::{original, parts};

use crate::{
    command::{Command, Commands},
    file::FilePath,
    file::stem,
    format::{bytes, compute_unit, exact, fraction, milliseconds, points, share, way},
    inspection::Found,
    jobs::{LayoutRequest, TensorRequest},
    model::Model,
    panels::{
        evidence::{Evidence, buttons},
        onnx,
    },
    theme::colors,
};

/// Nodes that are listed one by one.
const MOST_NODES: usize = 40;

/// Operators of a box that are shown one after the other.
const MOST_PARTS: usize = 6;

/// The subject of the inspector.
pub(super) struct Subject<'a> {
    pub network: &'a Arc<Inspected>,
    pub module: Module,
}

/// What was clicked in the details.
#[derive(Default)]
pub(super) struct Asked {
    /// A node to go to.
    pub node: Option<NodePath>,
    /// Whether repeated modules are to be drawn once or each.
    pub repeats: bool,
    /// A tensor whose values are to be shown, and its name.
    pub tensor: Option<(TensorRequest, String)>,
}

/// Draws the details of `selected`, or of the network if nothing is selected; `shown` is the picture next to them.
pub(super) fn inspector(
    ui: &mut Ui,
    shown: &LayoutRequest,
    selected: Option<&NodePath>,
    evidence: &mut Evidence,
    model: &Model,
    commands: &mut Commands,
) -> Asked {
    let network = &shown.network;
    let graph = &network.architecture.graph;
    let found = selected.and_then(|path| graph.module(path).or_else(|| part_of_step(graph, path)));
    let Some(module) = found.or_else(|| graph.module(&NodePath::root())) else {
        return Asked::default();
    };
    let subject = Subject { network, module };
    let mut asked = Asked::default();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.add_space(4.0);
        subject.title(ui);
        subject.place(ui, model, commands);
        asked.repeats = subject.repeats(ui, shown, model);
        ui.separator();
        subject.shapes(ui);
        // With errors, they are above the graph.
        if let Some(entry) = model.current().filter(|it| subject.is_network() && !it.is_wrong()) {
            onnx::fields(ui, entry, model, commands);
        }
        subject.attributes(ui);
        ui.separator();
        subject.counts(ui, model, commands);
        if subject.is_network() {
            let name = model.current().map(|entry| stem(&entry.file)).unwrap_or_default();
            let from = model.current().and_then(|entry| model.original_of(entry));
            let from_name = from.map(|from| stem(&from.file)).unwrap_or_default();
            let base = from.and_then(|from| from.network.as_deref());
            let base = base.map(|base| (from_name.as_str(), base));
            evidence.figures(ui, (&name, network), base, model);
            buttons(ui, commands);
        }
        ui.separator();
        asked.tensor = parts::weights(ui, &subject, model, commands);
        asked.node = subject.nodes(ui);
        original::original(ui, &subject);
    });
    asked
}

/// The first node of a step that is drawn open; its path in the picture is not one of the network.
fn part_of_step(graph: &Graph, path: &NodePath) -> Option<Module> {
    let id = node_at(graph, path)?;
    let (inputs, outputs, nodes) = (graph.inputs(id), vec![id], vec![id]);
    Some(Module { path: path.clone(), nodes, inputs, outputs })
}

impl Subject<'_> {
    pub fn is_network(&self) -> bool {
        self.module.path.is_root()
    }

    /// The nodes that are shown one after the other: a single one, or those of a box such as a convolution with its
    /// normalisation and activation. None for other modules.
    pub fn parts(&self) -> &[NodeId] {
        let nodes = self.module.nodes.as_slice();
        let is_one_box = || {
            let caption = inceptive_draw::caption(&self.network.architecture.graph, nodes);
            nodes.len() <= MOST_PARTS && caption.is_some()
        };
        if !self.is_network() && (nodes.len() == 1 || is_one_box()) { nodes } else { &[] }
    }

    fn title(&self, ui: &mut Ui) {
        let architecture = &self.network.architecture;
        let title = match self.is_network() {
            true => architecture.name.as_str(),
            false => self.module.path.as_str(),
        };
        ui.add(egui::Label::new(RichText::new(title).heading()).wrap());
        let what = match self.module.nodes.as_slice() {
            [only] => architecture.graph.node(*only).op.name().to_owned(),
            nodes if self.is_network() => format!("network of {} nodes", nodes.len()),
            nodes => inceptive_draw::caption(&architecture.graph, nodes)
                .unwrap_or_else(|| format!("module of {} nodes", nodes.len())),
        };
        ui.label(RichText::new(what).weak());
        if let (true, Some(text)) = (self.is_network(), &architecture.description) {
            ui.label(text);
        }
        for note in architecture.notes.iter().filter(|_| self.is_network()) {
            ui.label(format!("Note: {note}"));
        }
    }

    /// Where it is written, as a link.
    fn place(&self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let graph = &self.network.architecture.graph;
        let span = self.module.nodes.iter().find_map(|&id| graph.node(id).span);
        let located = span.and_then(|span| self.network.sources.locate(span));
        let Some((path, at)) = located.filter(|_| !self.is_network()) else { return };
        let file = file_of(path, model);
        let text = format!("{}:{}", model.name_of(&file).display(), at.line);
        if ui.link(text).on_hover_text("Show it in the source").clicked() {
            commands.push(Command::ShowLine(file, at.line));
        }
    }

    fn shapes(&self, ui: &mut Ui) {
        let graph = &self.network.architecture.graph;
        let shape = |ids: &[NodeId]| {
            let shapes: Vec<Shape> = ids.iter().map(|&id| graph.node(id).shape).collect();
            joined(&shapes)
        };
        let inputs = match (self.is_network(), self.module.nodes.as_slice()) {
            (true, _) => shape(&[graph.input()]),
            // A node that reads the same input twice has two entries.
            (false, [only]) => joined(&graph.input_shapes(*only)),
            (false, _) => shape(&self.module.inputs),
        };
        table(ui, "shapes", |ui| {
            if !inputs.is_empty() {
                row(ui, "input", &inputs);
            }
            let outputs = match self.is_network() {
                true => shape(&graph.outputs().collect::<Vec<_>>()),
                false => shape(&self.module.outputs),
            };
            row(ui, "output", &outputs);
        });
    }

    /// The attributes of each operator.
    fn attributes(&self, ui: &mut Ui) {
        let graph = &self.network.architecture.graph;
        let parts = self.parts();
        for (index, &id) in parts.iter().enumerate() {
            let node = graph.node(id);
            let attributes = node.op.attributes();
            if parts.len() > 1 {
                ui.add_space(4.0);
                ui.label(RichText::new(node.op.name()).strong()).on_hover_text(node.path.as_str());
            }
            table(ui, &format!("attributes {index}"), |ui| {
                for (name, value) in attributes {
                    row(ui, name, &value.to_string());
                }
                if !node.shared.is_empty() {
                    row(ui, "shares", &node.shared.to_string());
                }
            });
        }
    }

    /// Which equal modules are around it; whether they are to be drawn in the other way.
    fn repeats(&self, ui: &mut Ui, shown: &LayoutRequest, model: &Model) -> bool {
        let Some(scene) = model.scene(shown).filter(|_| !self.is_network()) else { return false };
        let path = &self.module.path;
        let Some(repeat) = super::repeat_around(scene, path) else { return false };
        let is_once = match &shown.arrangement.repeats {
            Repeats::Each => false,
            Repeats::OnceExcept(each) => !each.contains(repeat.first()),
        };
        ui.label(format!("{repeat}: {} equal modules", repeat.members.len()));
        let text = if is_once { "Show each" } else { "Show once" };
        ui.button(text).on_hover_text("R").clicked()
    }

    fn counts(&self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let Self { network, module } = self;
        let convention = model.settings.convention();
        convention_choice(ui, convention, commands);
        let graph = &network.architecture.graph;
        let total = |nodes: &[NodeId]| -> Totals {
            nodes.iter().filter_map(|&id| network.cost.get(id)).sum()
        };
        let compute = |nodes: &[NodeId]| -> u64 {
            let runs = nodes.iter().filter(|&&id| network.cost.get(id).is_some());
            runs.map(|&id| convention.rule(graph, id).count).sum()
        };
        let own = total(&module.nodes);
        let around = module.path.parent().filter(|path| !path.is_root());
        let around = around.and_then(|path| graph.module(&path));
        let around = around.map(|module| (total(&module.nodes), compute(&module.nodes)));
        let whole = (network.cost.total, convention.total(graph));
        let is_part = !self.is_network();
        Grid::new("counts").num_columns(4).spacing([12.0, 4.0]).show(ui, |ui| {
            if is_part {
                ui.label("");
                ui.label("");
                let of_module = around.is_some().then_some("of module");
                for title in of_module.into_iter().chain(["of network"]) {
                    ui.label(RichText::new(title).small().weak());
                }
                ui.end_row();
            }
            let mut line =
                |name: &str, own: u64, text: String, pick: &dyn Fn(&(Totals, u64)) -> u64| {
                    ui.label(RichText::new(name).color(colors(ui).weak));
                    ui.monospace(text);
                    let wholes = around.iter().chain([&whole]);
                    for whole in wholes.filter(|_| is_part) {
                        ui.monospace(share(fraction(own, pick(whole))));
                    }
                    ui.end_row();
                };
            line("params", own.params, exact(own.params), &|all| all.0.params);
            let compute = compute(&module.nodes);
            line("compute", compute, exact(compute), &|all| all.1);
            line("weights", own.weight_bytes, bytes(own.weight_bytes), &|all| all.0.weight_bytes);
            line("activations", own.activation_bytes, bytes(own.activation_bytes), &|all| {
                all.0.activation_bytes
            });
            line("memory traffic", own.moved_bytes, bytes(own.moved_bytes), &|all| {
                all.0.moved_bytes
            });
        });
        self.fields(ui, model);
        if module.nodes.iter().all(|&id| network.cost.get(id).is_none()) {
            ui.label(RichText::new("Training only; not counted.").weak());
        }
        if let ([only], false) = (module.nodes.as_slice(), self.is_network()) {
            ui.label(RichText::new(convention.rule(graph, *only).text).small().weak());
        }
    }

    /// Values that are not sums over nodes: peak memory, receptive field, time.
    fn fields(&self, ui: &mut Ui, model: &Model) {
        let Self { network, module } = self;
        table(ui, "fields", |ui| {
            if self.is_network() {
                row(ui, "peak memory", &bytes(network.cost.peak.bytes));
            }
            let field = match self.is_network() {
                true => Some(network.cost.receptive_field),
                false => module
                    .nodes
                    .iter()
                    .rev()
                    .find_map(|&id| network.cost.get(id))
                    .map(|cost| cost.receptive_field),
            };
            if let Some(field) = field {
                row(ui, "receptive field", &field.to_string());
            }
            if let Some((time, share_of_all, way)) = self.time(model) {
                row(ui, "time", &format!("{} ({})", milliseconds(time), share(share_of_all)));
                row(ui, "profiled on", &way);
            }
            self.found(ui, model);
        });
    }

    /// What was found in the trained network, if it was inspected.
    fn found(&self, ui: &mut Ui, model: &Model) {
        let Self { network, module } = self;
        let inspection = model.current().and_then(|entry| model.inspection(&entry.file, network));
        let Some(inspection) = inspection else { return };
        let is_module = module.nodes.len() > 1;
        let found = inspection.found(&network.architecture.graph, &module.nodes, is_module);
        if let Some(near_zero) = found.near_zero {
            row(ui, "near-zero channels", &share(near_zero));
        }
        if let Some(dead) = found.dead {
            row(ui, "dead channels", &share(dead));
        }
        if let Some(lost) = found.lost {
            let range = match lost.has_interval() {
                true => format!(" ({} to {})", decimals(lost.low, 2), decimals(lost.high, 2)),
                false => String::new(),
            };
            row(ui, "lost accuracy", &format!("{}{range}", points(lost.value)));
        }
        if found != Found::default() {
            row(ui, "inspected", &inspection.title());
        }
    }

    /// Milliseconds as they were profiled last, the share of the network, and how it was run.
    fn time(&self, model: &Model) -> Option<(f64, f64, String)> {
        let record = model.results.profile(&self.network.fingerprint)?;
        let path = &self.module.path;
        let parts = record.profile.nodes.iter();
        let own = parts.filter(|part| NodePath::new(&part.name).is_within(path));
        let time: f64 = own.map(|part| part.time_ms).sum();
        Some((time, time / record.profile.total_ms, way(&record.runtime))).filter(|_| time > 0.0)
    }

    fn nodes(&self, ui: &mut Ui) -> Option<NodePath> {
        let nodes = &self.module.nodes;
        if nodes.len() < 2 || self.is_network() {
            return None;
        }
        let graph = &self.network.architecture.graph;
        let mut clicked = None;
        for &id in nodes.iter().take(MOST_NODES) {
            let node = graph.node(id);
            let rest = node.path.as_str().strip_prefix(self.module.path.as_str());
            let name = match rest.unwrap_or("").trim_start_matches('/') {
                "" => node.path.name(),
                name => name,
            };
            ui.horizontal(|ui| {
                if ui.link(name).on_hover_text(node.path.as_str()).clicked() {
                    clicked = Some(node.path.clone());
                }
                ui.label(RichText::new(format!("{} -> {}", node.op.name(), node.shape)).weak());
            });
        }
        if nodes.len() > MOST_NODES {
            ui.label(RichText::new(format!("and {} more", nodes.len() - MOST_NODES)).weak());
        }
        clicked
    }
}

/// A choice of how compute is counted.
fn convention_choice(ui: &mut Ui, now: Convention, commands: &mut Commands) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("compute in").color(colors(ui).weak));
        let chosen = egui::ComboBox::from_id_salt("graph convention")
            .selected_text(compute_unit(now))
            .width(ui.available_width() - 8.0)
            .truncate();
        let inner = chosen.show_ui(ui, |ui| {
            for convention in Convention::ALL {
                if ui.selectable_label(now == convention, compute_unit(convention)).clicked() {
                    commands.push(Command::Count(convention));
                }
            }
        });
        inner.response.on_hover_text("Counting convention, everywhere in the window");
    });
}

pub(super) fn table(ui: &mut Ui, name: &str, rows: impl FnOnce(&mut Ui)) {
    Grid::new(name).num_columns(2).spacing([12.0, 4.0]).show(ui, rows);
}

pub(super) fn row(ui: &mut Ui, name: &str, value: &str) {
    ui.label(RichText::new(name).color(colors(ui).weak));
    ui.add(egui::Label::new(RichText::new(value).monospace()).wrap());
    ui.end_row();
}

fn joined(shapes: &[Shape]) -> String {
    shapes.iter().map(Shape::to_string).collect::<Vec<String>>().join(" + ")
}

/// The file of the open folder at a path that a reader was told.
fn file_of(path: &Path, model: &Model) -> FilePath {
    let known = model.entries.keys().find(|file| ***file == *path);
    let same = || {
        let wanted = disk::canonicalize(path).ok()?;
        model.entries.keys().find(|file| disk::canonicalize(file).is_ok_and(|file| file == wanted))
    };
    known.or_else(same).map_or_else(|| Arc::from(path), Arc::clone)
}
