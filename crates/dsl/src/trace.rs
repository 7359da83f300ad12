//! Where the steps of a network are written, and the values of its expressions, for editors.

use std::{collections::BTreeMap, path::Path as FilePath, rc::Rc};

use inceptive_ir::{Path, Span};

use crate::{
    diagnostic::DiagnosticSink,
    failure::Failure,
    load::Loader,
    load_with,
    record::{Record, SharedRecord, StepPlace, Values},
    source::{Files, Sources},
};

/// Where the steps of a network are written, and the values of its expressions.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The files; spans refer to them, and the first one is the file itself.
    pub sources: Sources,
    /// The steps by their paths.
    pub steps: BTreeMap<Path, StepPlace>,
    /// The names of blocks, where they are defined.
    pub blocks: BTreeMap<String, Span>,
    /// Expressions by source and first byte.
    values: Vec<(Span, Values)>,
}

impl Trace {
    /// The expression at a byte of a source, with its values.
    pub fn values_at(&self, source: u32, byte: u32) -> Option<(Span, &Values)> {
        let after =
            self.values.partition_point(|(span, _)| (span.source, span.start) <= (source, byte));
        let (span, values) = self.values.get(after.checked_sub(1)?)?;
        (span.source == source && byte < span.end).then_some((*span, values))
    }

    /// The innermost step around a byte of a source, or else the one in its line, and the paths of everything that it
    /// becomes.
    pub fn steps_at(&self, source: u32, byte: u32) -> Option<(Span, Vec<&Path>)> {
        let spans = || self.steps.values().map(|place| place.whole);
        let around = |span: &Span| span.source == source && span.start <= byte && byte <= span.end;
        let line = self.sources.get(source)?.line_around(byte);
        let begins = |span: &Span| span.source == source && line.contains(&(span.start as usize));
        let inner = spans().filter(around).min_by_key(|span| span.end - span.start);
        let inner = inner.or_else(|| spans().filter(begins).min_by_key(|span| span.start))?;
        let steps = self.steps.iter().filter(|(_, place)| place.whole == inner);
        Some((inner, steps.map(|(path, _)| path).collect()))
    }

    /// The step that makes a node or module: its own, else the first one in it, else the one around it.
    pub fn step_of(&self, path: &Path) -> Option<(&Path, &StepPlace)> {
        let inside = || {
            let after = self.steps.range(path.clone()..);
            let mut near = after.take_while(|(other, _)| other.as_str().starts_with(path.as_str()));
            near.find(|(other, _)| other.is_within(path))
        };
        let around = || {
            let parents = std::iter::successors(path.parent(), Path::parent);
            parents.into_iter().find_map(|parent| self.steps.get_key_value(&parent))
        };
        self.steps.get_key_value(path).or_else(inside).or_else(around)
    }

    /// The block whose text a step is in, with the place where it is defined.
    pub fn block_around(&self, path: &Path) -> Option<(&str, Span)> {
        let mut parents = std::iter::successors(path.parent(), Path::parent);
        let name = parents.find_map(|parent| self.steps.get(&parent)?.block.as_deref())?;
        Some((name, *self.blocks.get(name)?))
    }
}

/// Reads the network of a file, or the default point of a space, and notes where its steps are written.
///
/// # Errors
/// All diagnostics, when the file is wrong.
pub fn trace(files: &dyn Files, path: &FilePath) -> Result<Trace, Failure> {
    let record = SharedRecord::default();
    let sink = DiagnosticSink::recording(Rc::clone(&record));
    let mut loader = Loader::new(files, &sink);
    let loaded = load_with(&mut loader, path, &[], &sink);
    let sources = loader.sources;
    let (architecture, draft) = match loaded {
        Some(loaded) if sink.is_empty() => loaded,
        _ => return Err(Failure::new(sink.take(), sources)),
    };
    let Record { mut steps, values } = record.take();
    // A tail that is a word has no steps.
    for (_, node) in architecture.graph.nodes() {
        let is_known = std::iter::successors(Some(node.path.clone()), Path::parent)
            .any(|path| steps.contains_key(&path));
        if let (Some(span), false) = (node.span, is_known) {
            let place = StepPlace { span, whole: span, call: None, block: None };
            steps.insert(node.path.clone(), place);
        }
    }
    for place in steps.values_mut() {
        place.whole = tidy(place.whole, &sources);
    }
    let blocks = draft.map.get("blocks").and_then(|blocks| blocks.map());
    let named = blocks.into_iter().flat_map(|blocks| &blocks.0);
    let blocks = named.map(|entry| (entry.key.to_string(), entry.key_span)).collect();
    let mut values: Vec<(Span, Values)> = values.into_iter().collect();
    values.sort_unstable_by_key(|(span, _)| (span.source, span.start));
    Ok(Trace { sources, steps, blocks, values })
}

/// A span without the space after it, and with the bracket that closes it.
fn tidy(span: Span, sources: &Sources) -> Span {
    let text = sources.get(span.source).map_or("", |source| &source.text);
    let Some(part) = text.get(span.start as usize..span.end as usize) else { return span };
    let length = part.trim_end().len();
    let closes = length == part.len() && text[span.end as usize..].starts_with(['}', ']']);
    let end = span.end - u32::try_from(part.len() - length).unwrap_or(0) + u32::from(closes);
    Span { end, ..span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;

    const MAIN: &str = "\
name: Small
use: blocks.yaml
input: {channels: 3, size: 16}
classes: 4
params: {width: 8}
body:
  - conv stem: {kernel: 3, width: 2 * $width}
  - pair a: {w: 4}
  - pair b: {w: 6}
tail: gap
";

    const BLOCKS: &str = "\
blocks:
  pair:
    params: {w: null}
    steps:
      - conv first: {kernel: 1, width: $w}
      - conv second:
          kernel: 3
          width: 2 * $w
";

    fn traced() -> Trace {
        let files = Memory::default().with("main.yaml", MAIN).with("blocks.yaml", BLOCKS);
        trace(&files, FilePath::new("main.yaml")).unwrap()
    }

    fn at(text: &str, part: &str) -> u32 {
        u32::try_from(text.find(part).unwrap()).unwrap()
    }

    fn shown(trace: &Trace, span: Span) -> &str {
        let text = &trace.sources.get(span.source).unwrap().text;
        text[span.start as usize..span.end as usize].trim_end()
    }

    #[test]
    fn a_step_is_found_by_its_text_and_its_path() {
        let trace = traced();
        let (span, paths) = trace.steps_at(0, at(MAIN, "$width")).unwrap();
        assert_eq!(paths, [&Path::new("stem")]);
        assert_eq!(shown(&trace, span), "conv stem: {kernel: 3, width: 2 * $width}");
        let (_, paths) = trace.steps_at(1, at(BLOCKS, "2 * $w")).unwrap();
        assert_eq!(paths, [&Path::new("a/second"), &Path::new("b/second")]);
        assert!(trace.steps_at(0, at(MAIN, "classes")).is_none());
        let (_, paths) = trace.steps_at(0, at(MAIN, "- pair b")).unwrap();
        assert_eq!(paths, [&Path::new("b")], "a step has its line");
        let (_, paths) = trace.steps_at(0, at(MAIN, "gap")).unwrap();
        assert!(paths.iter().all(|path| path.as_str().starts_with("tail")), "{paths:?}");
    }

    #[test]
    fn a_step_in_a_block_knows_its_call_and_its_block() {
        let trace = traced();
        let (path, place) = trace.step_of(&Path::new("b/second/relu")).unwrap();
        assert_eq!(path, &Path::new("b/second"));
        assert_eq!(place.span.source, 1);
        assert_eq!(shown(&trace, place.call.unwrap()), "pair b");
        let (name, span) = trace.block_around(path).unwrap();
        assert_eq!((name, shown(&trace, span)), ("pair", "pair"));
        assert_eq!(trace.step_of(&Path::new("a")).unwrap().1.block.as_deref(), Some("pair"));
        assert!(trace.step_of(&Path::new("nothing")).is_none());
    }

    #[test]
    fn an_expression_has_the_values_of_all_calls() {
        let trace = traced();
        let values = |source, text, part| {
            let found = trace.values_at(source, at(text, part));
            found.map(|(_, values)| values.shown.join(", "))
        };
        assert_eq!(values(0, MAIN, "2 * $width").as_deref(), Some("16"));
        assert_eq!(values(1, BLOCKS, "2 * $w").as_deref(), Some("8, 12"));
        assert_eq!(values(1, BLOCKS, "$w}").as_deref(), Some("4, 6"));
        assert_eq!(values(0, MAIN, "name"), None);
    }
}
