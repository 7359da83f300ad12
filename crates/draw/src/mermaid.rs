//! Mermaid.

use std::{collections::BTreeSet, fmt::Write};

use inceptive_ir::Graph;

use super::{
    budget::{Drawing, fits_text, fitting},
    label::{Kind, label},
    view::{Child, Open, View},
};
use crate::text::clean;

/// The network as a Mermaid flowchart: modules as subgraphs, closed modules as boxes. A drawing that is too large is
/// simplified.
pub fn mermaid(graph: &Graph, open: &Open) -> Drawing {
    let (view, simplified) = fitting(graph, open, &fits_text);
    Drawing { text: text(graph, &view), simplified }
}

fn text(graph: &Graph, view: &View) -> String {
    let mut out = String::from("flowchart TB\n");
    let mut kinds = BTreeSet::new();
    // Writing to a string cannot fail.
    let _ = module(&mut out, graph, view, 0, 1, &mut kinds);
    for &(from, to) in &view.edges {
        let arrow = if view.blocks[to].is_auxiliary { "-.->" } else { "-->" };
        let _ = writeln!(out, "  n{from} {arrow} n{to}");
    }
    for kind in kinds {
        let (fill, stroke) = kind.colors();
        let _ =
            writeln!(out, "  classDef {} fill:{fill},stroke:{stroke},color:#1c2126", kind.name());
    }
    out
}

fn module(
    out: &mut String,
    graph: &Graph,
    view: &View,
    index: usize,
    depth: usize,
    kinds: &mut BTreeSet<Kind>,
) -> std::fmt::Result {
    let indent = "  ".repeat(depth);
    for child in &view.modules[index].children {
        match *child {
            Child::Block(block) => {
                let label = label(graph, view, block);
                let lines = [&label.title, &label.detail, &label.shape];
                let lines: Vec<String> = lines
                    .into_iter()
                    .filter(|line| !line.is_empty())
                    .map(|line| escaped(line))
                    .collect();
                let kind = label.kind;
                writeln!(out, "{indent}n{block}[\"{}\"]:::{}", lines.join("<br>"), kind.name())?;
                kinds.insert(kind);
            }
            Child::Module(inner) => {
                writeln!(
                    out,
                    "{indent}subgraph m{inner}[\"{}\"]",
                    escaped(&view.module_name(inner))
                )?;
                module(out, graph, view, inner, depth + 1, kinds)?;
                writeln!(out, "{indent}end")?;
            }
        }
    }
    Ok(())
}

/// Text in quotes: whatever Mermaid or HTML would read as markup becomes an entity.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in clean(text).chars() {
        match character {
            '"' | '<' | '>' | '&' | '#' | ';' | '`' | '\\' | '*' | '_' => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "#{};", u32::from(character));
            }
            other => escaped.push(other),
        }
    }
    escaped
}
