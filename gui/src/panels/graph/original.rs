//! What an ONNX file says about the selection, or about itself.

use std::borrow::Cow;

use egui::{Label, RichText, Ui};
use inceptive_app::{ModelInfo, OriginalNode, OriginalValue};
use inceptive_ir::text::{lines, one_line};

use super::inspector::{Subject, row, table};
use crate::theme::colors;

/// Values and properties that are listed one by one.
const MOST: usize = 40;

/// Draws it; nothing for YAML, and for modules.
pub(super) fn original(ui: &mut Ui, subject: &Subject<'_>) {
    let Some(onnx) = &subject.network.onnx else { return };
    if subject.is_network() {
        model(ui, &onnx.info);
        return;
    }
    let graph = &subject.network.architecture.graph;
    let parts = subject.parts().iter().flat_map(|&id| onnx.info.nodes(&graph.node(id).path));
    let nodes: Vec<&OriginalNode> = parts.collect();
    if nodes.is_empty() {
        return;
    }
    ui.separator();
    ui.label(RichText::new("In the ONNX file").strong());
    for (index, original) in nodes.into_iter().enumerate() {
        ui.add_space(4.0);
        node(ui, index, original);
    }
}

fn model(ui: &mut Ui, info: &ModelInfo) {
    ui.label(RichText::new("ONNX file").strong());
    table(ui, "onnx file", |ui| {
        row(ui, "IR version", &info.ir_version.to_string());
        for (domain, version) in &info.opsets {
            let domain = if domain.is_empty() { "ai.onnx" } else { domain };
            row(ui, "operators", &format!("{} {version}", one_line(domain)));
        }
        let version = info.model_version.to_string();
        let version = if info.model_version == 0 { "" } else { &version };
        for (name, text) in [
            ("producer", info.producer.as_str()),
            ("domain", &info.domain),
            ("version", version),
            ("description", &info.description),
            ("graph", &info.graph),
            ("graph description", &info.graph_description),
        ] {
            said(ui, name, text);
        }
        values(ui, "input", &info.inputs);
        values(ui, "output", &info.outputs);
    });
    properties(ui, "Metadata", &info.metadata);
    properties(ui, "Metadata of the graph", &info.graph_metadata);
}

fn node(ui: &mut Ui, index: usize, node: &OriginalNode) {
    table(ui, &format!("original {index}"), |ui| {
        said(ui, "operator", &node.operator);
        said(ui, "name", &node.name);
        said(ui, "description", &node.description);
        for (name, value) in node.attributes.iter().take(MOST) {
            said(ui, name, value);
        }
        values(ui, "input", &node.inputs);
        values(ui, "output", &node.outputs);
    });
    properties(ui, "Metadata", &node.metadata);
}

fn values(ui: &mut Ui, name: &str, values: &[OriginalValue]) {
    for value in values.iter().take(MOST) {
        let title = match value.role.as_str() {
            "" => Cow::Borrowed(name),
            role => Cow::Owned(format!("{name} {role}")),
        };
        let parts =
            [value.name.as_str(), &value.kind, if value.is_constant { "constant" } else { "" }];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        said(ui, &title, &parts.join("  "));
    }
    more(ui, values.len());
}

fn properties(ui: &mut Ui, title: &str, properties: &[(String, String)]) {
    if properties.is_empty() {
        return;
    }
    ui.add_space(4.0);
    ui.label(RichText::new(title).strong());
    // Keys may be as long as values.
    for (key, value) in properties.iter().take(MOST) {
        ui.add(Label::new(RichText::new(one_line(key)).color(colors(ui).weak)).wrap());
        ui.add(Label::new(RichText::new(lines(value)).monospace()).wrap());
    }
    more(ui, properties.len());
}

/// A fact that the file states; nothing if it does not.
fn said(ui: &mut Ui, name: &str, text: &str) {
    if !text.is_empty() {
        row(ui, &one_line(name), &lines(text));
    }
}

/// Says how many are left out.
fn more(ui: &mut Ui, count: usize) {
    if count > MOST {
        ui.label(RichText::new(format!("and {} more", count - MOST)).color(colors(ui).weak));
        ui.end_row();
    }
}
