//! Graphviz.

use std::fmt::Write;

use inceptive_ir::Graph;

use super::{
    budget::{Drawing, fits_text, fitting},
    label::label,
    layout::is_head,
    view::{Child, Open, View},
};
use crate::text::clean;

/// The network for Graphviz: modules as clusters, closed modules as boxes. A drawing that is too large is simplified.
pub fn dot(graph: &Graph, open: &Open) -> Drawing {
    let (view, simplified) = fitting(graph, open, &fits_text);
    Drawing { text: text(graph, &view), simplified }
}

fn text(graph: &Graph, view: &View) -> String {
    let mut out = String::from(
        "digraph network {\n  rankdir=TB;\n  node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica\", \
         fontsize=11];\n  edge [arrowsize=0.7];\n",
    );
    // Writing to a string cannot fail.
    let _ = module(&mut out, graph, view, 0, 1);
    for &(from, to) in &view.edges {
        let style = if view.blocks[to].is_auxiliary { " [style=dashed]" } else { "" };
        let _ = writeln!(out, "  n{from} -> n{to}{style};");
    }
    out.push_str("}\n");
    out
}

fn module(
    out: &mut String,
    graph: &Graph,
    view: &View,
    index: usize,
    depth: usize,
) -> std::fmt::Result {
    let indent = "  ".repeat(depth);
    for child in &view.modules[index].children {
        match *child {
            Child::Block(block) => node(out, graph, view, block, &indent)?,
            Child::Module(inner) => {
                let style = if is_head(view, inner) { "rounded,dashed" } else { "rounded" };
                writeln!(out, "{indent}subgraph cluster_{inner} {{")?;
                writeln!(
                    out,
                    "{indent}  label={}; labeljust=l; style=\"{style}\"; color=\"#9aa7b4\"; \
                     fontname=\"Helvetica-Bold\"; fontsize=11;",
                    quoted(&view.module_name(inner))
                )?;
                module(out, graph, view, inner, depth + 1)?;
                writeln!(out, "{indent}}}")?;
            }
        }
    }
    Ok(())
}

fn node(
    out: &mut String,
    graph: &Graph,
    view: &View,
    block: usize,
    indent: &str,
) -> std::fmt::Result {
    let label = label(graph, view, block);
    let (fill, stroke) = label.kind.colors();
    let lines = [label.title.as_str(), label.detail.as_str(), label.shape.as_str()];
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    let style =
        if view.blocks[block].is_auxiliary { ", style=\"filled,rounded,dashed\"" } else { "" };
    writeln!(
        out,
        "{indent}n{block} [label={}, tooltip={}, fillcolor=\"{fill}\", color=\"{stroke}\"{style}];",
        quoted(&lines.join("\n")),
        quoted(&label.tooltip)
    )
}

/// A quoted string; line breaks stay line breaks, everything else is taken as it is.
fn quoted(text: &str) -> String {
    let lines = text.split('\n').map(|line| clean(line).replace('\\', "\\\\").replace('"', "\\\""));
    format!("\"{}\"", lines.collect::<Vec<String>>().join("\\n"))
}
