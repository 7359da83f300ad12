//! The weights of the selection: their names, shapes and statistics.

use egui::{CollapsingHeader, Grid, RichText, Ui, WidgetInfo};
use inceptive_app::{TensorStatistics, WeightStatistics};
use inceptive_ir::{NodeId, Role};

use super::inspector::Subject;
use crate::{
    command::{Command, Commands},
    format::{exact, fraction, share, significant},
    jobs::{Job, StatisticsRequest, TensorRequest},
    model::Model,
    theme::colors,
};

/// A tensor of a node.
struct Tensor {
    node: NodeId,
    role: Role,
    dims: Vec<usize>,
}

/// What is known about the values of the weights.
enum Known<'a> {
    Statistics(StatisticsRequest, &'a WeightStatistics),
    /// Why there are none, or not yet.
    Nothing(&'a str),
}

/// Draws the weights of the operators of a box, and asks for their statistics; returns a tensor whose values are to be
/// shown, with its name.
pub(super) fn weights(
    ui: &mut Ui,
    subject: &Subject<'_>,
    model: &Model,
    commands: &mut Commands,
) -> Option<(TensorRequest, String)> {
    let graph = &subject.network.architecture.graph;
    let of_node = |&node: &NodeId| {
        let tensors = graph.node(node).op.tensors(&graph.input_shapes(node));
        tensors.into_iter().map(move |(role, dims)| Tensor { node, role, dims })
    };
    let tensors: Vec<Tensor> = subject.parts().iter().flat_map(of_node).collect();
    if tensors.is_empty() {
        return None;
    }
    let known = known(subject, model, commands);
    ui.label(RichText::new("Weights").strong());
    if let Known::Nothing(why) = known {
        ui.label(RichText::new(why).color(colors(ui).weak));
    }
    let mut opened = None;
    for tensor in &tensors {
        ui.add_space(4.0);
        opened = tensor_rows(ui, subject, tensor, &known).or(opened);
    }
    ui.separator();
    opened
}

fn known<'a>(subject: &Subject<'_>, model: &'a Model, commands: &mut Commands) -> Known<'a> {
    let network = subject.network;
    let request = model.current().and_then(|entry| {
        let inspection = model.inspection(&entry.file, network);
        StatisticsRequest::new(&entry.file, network, inspection)
    });
    let Some(request) = request else {
        return Known::Nothing(
            "No weights until it is trained; Inspect a run in Train to see them.",
        );
    };
    if model.wants_statistics(&request) {
        commands.push(Command::Start(Job::Statistics(request.clone())));
    }
    match model.statistics(&request) {
        None => Known::Nothing("Computing statistics…"),
        Some(Err(problem)) => Known::Nothing(problem),
        Some(Ok(found)) => Known::Statistics(request, found),
    }
}

/// Draws a tensor; returns it if its values are to be shown.
fn tensor_rows(
    ui: &mut Ui,
    subject: &Subject<'_>,
    tensor: &Tensor,
    known: &Known<'_>,
) -> Option<(TensorRequest, String)> {
    let Tensor { node, role, dims } = tensor;
    let node = subject.network.architecture.graph.node(*node);
    let path = node.tensor_path(*role);
    let onnx = subject.network.onnx.as_ref();
    let original = onnx.and_then(|onnx| onnx.info.tensor(path, *role));
    let name = original.map(|value| value.name.clone()).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| format!("{path}.{role}"));
    let sizes: Vec<String> = dims.iter().map(usize::to_string).collect();
    let shape = sizes.join("x");
    let kind = original.and_then(|value| value.kind.split('[').next()).unwrap_or("");
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(role.name()).color(colors(ui).weak));
        ui.monospace(format!("{shape} {kind}").trim());
    });
    ui.add(egui::Label::new(RichText::new(inceptive_ir::text::one_line(&name)).monospace()).wrap());
    let Known::Statistics(weights, found) = known else { return None };
    let found = found.of(path, *role)?;
    let id = (node.path.as_str(), role.name());
    Grid::new(("statistics", id)).num_columns(4).spacing([10.0, 2.0]).show(ui, |ui| {
        for pair in facts(found).chunks(2) {
            for (name, value) in pair {
                ui.label(RichText::new(*name).color(colors(ui).weak));
                ui.monospace(value);
            }
            ui.end_row();
        }
    });
    let title = match found.count > found.first.len() {
        true => format!("first {} of {} values", found.first.len(), exact(found.count as u64)),
        false => "values".to_owned(),
    };
    CollapsingHeader::new(title).id_salt(("values", id)).show(ui, |ui| {
        let values: Vec<String> =
            found.first.iter().map(|&value| significant(value.into())).collect();
        ui.add(egui::Label::new(RichText::new(values.join(", ")).monospace()).wrap());
    });
    let button = ui.small_button("All values…");
    button.widget_info(|| {
        WidgetInfo::labeled(egui::Role::Button, true, format!("All values of {name}"))
    });
    let (path, role) = (path.clone(), *role);
    let hover = "Every value by its indices; save as .npy";
    let is_clicked = button.on_hover_text(hover).clicked();
    is_clicked.then(|| (TensorRequest { weights: weights.clone(), path, role }, name))
}

/// The statistics of a tensor by name.
fn facts(found: &TensorStatistics) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("min", significant(found.min.into())),
        ("max", significant(found.max.into())),
        ("mean", significant(found.mean)),
        ("std", significant(found.deviation)),
        ("zeros", share(fraction(found.zeros as u64, found.count as u64))),
        ("NaN", exact(found.nan as u64)),
    ];
    if found.infinite > 0 {
        facts.push(("infinite", exact(found.infinite as u64)));
    }
    facts
}
