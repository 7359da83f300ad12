//! The link between the text and the graph: the step at the cursor, and the step of the selected node.

use std::{ops::Range, sync::Arc};

use egui::{RichText, Ui};
use inceptive_dsl::{Trace, Values};
use inceptive_ir::{Path as NodePath, Span};

use super::{
    editor::Wanted,
    known,
    lines::{Change, Lines},
};
use crate::{
    command::{Command, Commands},
    file::FilePath,
    jobs::{Job, TraceRequest},
    model::{Entry, Model},
    theme::colors,
};

/// What the text and the graph show of each other.
#[derive(Default)]
pub(super) struct Link {
    /// The last request.
    asked: Option<TraceRequest>,
    /// The text that was traced, the text that is shown, and the difference.
    shift: Option<(Arc<str>, Arc<str>, Change)>,
    /// The byte of the traced text whose step was looked for.
    at: Option<(FilePath, Option<u32>)>,
    /// The nodes that the graph was told.
    told: Option<(FilePath, Vec<NodePath>)>,
    /// The node that is selected in the graph of a file.
    selected: Option<(FilePath, NodePath)>,
    /// Whether its step is to be brought into view.
    shows: bool,
}

/// The step of the selected node.
pub(super) struct Marked {
    /// Its bytes in the text; `None` if it is not in this file.
    pub range: Option<Range<usize>>,
    node: NodePath,
    /// Where it is written, if that is elsewhere.
    place: Option<Span>,
    /// The block that it is in or calls, and where that is.
    block: Option<(String, Span)>,
}

impl Link {
    /// Takes the node that is selected in the graph of a file.
    pub fn select(&mut self, file: FilePath, node: Option<NodePath>) {
        self.selected = node.map(|node| (file, node));
        self.shows = self.selected.is_some();
    }

    /// The trace of the last valid text of a file; asks for it if there is none.
    pub fn trace<'m>(
        &mut self,
        entry: &Entry,
        text: &Arc<str>,
        model: &'m Model,
        commands: &mut Commands,
    ) -> Option<&'m Arc<Trace>> {
        let read = entry.good.as_ref()?.text.as_ref()?;
        let request = TraceRequest { file: Arc::clone(&entry.file), text: Arc::clone(read) };
        let known = model.trace.as_ref().filter(|(known, _)| *known == request);
        let Some((request, trace)) = known else {
            if self.asked.as_ref() != Some(&request) {
                commands.push(Command::Start(Job::Trace(request.clone())));
                self.asked = Some(request);
            }
            return None;
        };
        self.asked = None;
        let is_same = |(a, b, _): &(Arc<str>, Arc<str>, Change)| {
            Arc::ptr_eq(a, &request.text) && Arc::ptr_eq(b, text)
        };
        if !self.shift.as_ref().is_some_and(is_same) {
            let change = Change::between(&request.text, text);
            self.shift = Some((Arc::clone(&request.text), Arc::clone(text), change));
            self.at = None;
        }
        trace.as_ref()
    }

    /// Tells the graph the nodes of the step at the cursor.
    pub fn light(
        &mut self,
        trace: &Trace,
        file: &FilePath,
        cursor: usize,
        commands: &mut Commands,
    ) {
        let Some((_, _, change)) = &self.shift else { return };
        let byte = change.to_old(cursor).and_then(|byte| u32::try_from(byte).ok());
        let at = (Arc::clone(file), byte);
        if self.at.as_ref() == Some(&at) {
            return;
        }
        self.at = Some(at);
        // What is being typed belongs to the step that it was typed in.
        let Some(byte) = byte else { return };
        let found = trace.steps_at(0, byte);
        let nodes: Vec<NodePath> =
            found.into_iter().flat_map(|(_, paths)| paths).cloned().collect();
        let told = (Arc::clone(file), nodes);
        if self.told.as_ref() != Some(&told) {
            commands.push(Command::Light(told.0.clone(), told.1.clone()));
            self.told = Some(told);
        }
    }

    /// The step of the node that is selected in the graph of a file.
    pub fn marked(&self, trace: &Trace, file: &FilePath) -> Option<Marked> {
        let (_, node) = self.selected.as_ref().filter(|(of, _)| of == file)?;
        let (path, step) = trace.step_of(node)?;
        let call = step.call.unwrap_or(step.whole);
        let is_here = call.source == 0;
        let (_, _, change) = self.shift.as_ref()?;
        let bytes = call.start as usize..call.end as usize;
        let range = change.to_new(&bytes).filter(|_| is_here);
        let called = step.block.as_deref();
        let own = called.and_then(|name| Some((name.to_owned(), *trace.blocks.get(name)?)));
        // The block of a step is shown by the step itself.
        let around = || trace.block_around(path).map(|(name, _)| (name.to_owned(), step.span));
        let block = if step.call.is_some() { around() } else { own };
        let place = (!is_here).then_some(call);
        Some(Marked { range, node: node.clone(), place, block })
    }

    /// The expression at a byte of the text, with its values in the calls of the network.
    pub fn values<'t>(&self, trace: &'t Trace, byte: usize) -> Option<(&'t str, &'t Values)> {
        let (_, _, change) = self.shift.as_ref()?;
        let byte = u32::try_from(change.to_old(byte)?).ok()?;
        let (span, values) = trace.values_at(0, byte)?;
        let text = trace.sources.get(0)?.text.get(span.start as usize..span.end as usize)?;
        Some((text, values))
    }

    /// The part of the text to show because another node was selected.
    pub fn wanted(&mut self, marked: Option<&Marked>) -> Option<Wanted> {
        let range = marked?.range.clone()?;
        std::mem::take(&mut self.shows).then_some(Wanted::Show(range))
    }
}

impl Marked {
    /// Draws what is selected, with links to where it is written.
    pub fn ui(
        &self,
        ui: &mut Ui,
        trace: &Trace,
        lines: &Lines,
        model: &Model,
        commands: &mut Commands,
    ) {
        ui.horizontal_wrapped(|ui| {
            ui.add_space(4.0);
            ui.label(RichText::new("Selected in the graph:").color(colors(ui).weak));
            ui.label(RichText::new(self.node.as_str()).strong());
            let mut link = |ui: &mut Ui, name: String, file: FilePath, line: usize| {
                if ui.link(name).on_hover_text("Show it").clicked() {
                    commands.push(Command::ShowLine(file, line));
                }
            };
            let mut elsewhere = |ui: &mut Ui, span: Span| {
                let Some((path, at)) = trace.sources.locate(span) else { return };
                let file = known(path, model);
                let name = format!("{}:{}", model.name_of(&file).display(), at.line);
                link(ui, name, file, at.line);
            };
            if let Some(span) = self.place {
                elsewhere(ui, span);
            }
            if let Some(range) = &self.range {
                ui.label(format!("line {}", lines.line_of(range.start) + 1));
            }
            if let Some((name, span)) = &self.block {
                ui.label(RichText::new(format!("block {name}")).color(colors(ui).weak));
                elsewhere(ui, *span);
            }
        });
    }
}
