//! Diagnostics: errors in a file, with their place and a fix.

use std::{
    cell::{Cell, RefCell, RefMut},
    collections::HashSet,
    ops::Range,
};

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet, renderer::DecorStyle,
};
use inceptive_ir::{Span, text::is_harmful};

use crate::{
    code::Code,
    foreign::meaning,
    record::{Record, SharedRecord},
    source::{Position, Source, Sources},
};

/// Maximum number of diagnostics that are kept for one network.
pub(crate) const MOST: usize = 100;

/// Bytes of expressions, and of lists and maps that may hold some, that may be evaluated for one network;
/// a step in a `repeat` counts every time.
const MAX_EVALUATED: usize = 4 << 20;

/// One error: a stable code, a short message, its place, and how to fix it.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// What kind of mistake.
    pub code: Code,
    /// The error, in one sentence.
    pub message: String,
    /// Places, each with a text. The first label is the place of the error, the others explain it.
    pub labels: Vec<(Span, String)>,
    /// How to fix it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without a place.
    pub fn new(code: Code, message: impl AsRef<str>) -> Self {
        Self { code, message: printable(message.as_ref()), labels: Vec::new(), help: None }
    }

    /// Adds a place; the first one added is where the mistake is.
    #[must_use]
    pub fn at(mut self, span: Span, label: impl AsRef<str>) -> Self {
        self.labels.push((span, printable(label.as_ref())));
        self
    }

    /// Sets the help text.
    #[must_use]
    pub fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(printable(help.as_ref()));
        self
    }

    /// The diagnostic as a person reads it, with the lines of the sources.
    pub fn render(&self, sources: &Sources, style: Style) -> String {
        let mut group =
            Group::with_title(Level::ERROR.primary_title(&self.message).id(self.code.id()));
        // The file with the mistake comes first.
        let first = self.labels.first().and_then(|(span, _)| usize::try_from(span.source).ok());
        let mut in_order: Vec<_> = sources.iter().enumerate().collect();
        in_order.sort_by_key(|(index, _)| Some(*index) != first);
        for (index, source) in in_order {
            let labels: Vec<_> = self.labels_in(index, source).collect();
            if labels.is_empty() {
                continue;
            }
            let path = printable(&source.path.to_string_lossy());
            group = if source.text.is_empty() {
                group.element(Origin::path(path))
            } else if has_long_line(&source.text[lines(&source.text, &labels)]) {
                let place = source.position(u32::try_from(labels[0].1.start).unwrap_or(u32::MAX));
                group.element(Origin::path(path).line(place.line).char_column(place.column))
            } else {
                group.element(snippet(source, path, labels))
            };
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Colored => Renderer::styled(),
        };
        renderer.decor_style(DecorStyle::Ascii).term_width(120).render(&[group])
    }

    fn labels_in<'a>(
        &'a self,
        index: usize,
        source: &'a Source,
    ) -> impl Iterator<Item = (AnnotationKind, Range<usize>, &'a str)> {
        let here = move |&(_, (span, _)): &(usize, &'a (Span, String))| {
            usize::try_from(span.source) == Ok(index)
        };
        self.labels.iter().enumerate().filter(here).map(|(number, (span, label))| {
            let kind = if number == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            (kind, one_line(*span, &source.text), label.as_str())
        })
    }

    /// File and position of the mistake.
    pub fn position<'a>(&self, sources: &'a Sources) -> Option<(&'a std::path::Path, Position)> {
        sources.locate(self.labels.first()?.0)
    }
}

/// Whether a rendered diagnostic uses terminal colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// With ANSI escape codes.
    Colored,
}

/// Maximum number of bytes of a line that is shown: the renderer takes a while for longer ones, and nobody reads them.
const LONGEST_LINE: usize = 8 << 10;

fn has_long_line(text: &str) -> bool {
    text.lines().any(|line| line.len() > LONGEST_LINE)
}

/// The whole lines with all labels.
fn lines(text: &str, labels: &[(AnnotationKind, Range<usize>, &str)]) -> Range<usize> {
    let first = labels.iter().map(|(_, span, _)| span.start).min().unwrap_or(0);
    let last = labels.iter().map(|(_, span, _)| span.end).max().unwrap_or(0);
    let start = text[..first].rfind('\n').map_or(0, |end| end + 1);
    let end = text[last..].find('\n').map_or(text.len(), |end| last + end + 1);
    start..end
}

/// The lines of a source from the first label to the last: the renderer looks through all that it is given.
fn snippet<'a>(
    source: &'a Source,
    path: String,
    labels: Vec<(AnnotationKind, Range<usize>, &'a str)>,
) -> Snippet<'a, Annotation<'a>> {
    let text = &source.text;
    let Range { start, end } = lines(text, &labels);
    // The renderer replaces control characters of ASCII itself. As many bytes as before keep spans right.
    let lines = text[start..end].replace(|c: char| is_harmful(c) && c.len_utf8() == 2, "\u{b7}");
    let lines = lines.replace(|c: char| is_harmful(c) && c.len_utf8() == 3, "\u{fffd}");
    let lines = lines.replace(|c: char| is_harmful(c) && c.len_utf8() == 4, "\u{b7}\u{b7}");
    let line = source.position(u32::try_from(start).unwrap_or(u32::MAX)).line;
    let annotations = labels
        .into_iter()
        .map(|(kind, span, label)| kind.span(span.start - start..span.end - start).label(label));
    Snippet::source(lines).line_start(line).path(path).annotations(annotations)
}

/// The part of a span on its first line: a value may continue for many lines, and its start is enough.
fn one_line(span: Span, text: &str) -> Range<usize> {
    let length = text.len();
    let start = floor_boundary(text, (span.start as usize).min(length));
    let end = floor_boundary(text, (span.end as usize).clamp(start, length));
    let line = text[start..end].lines().next().unwrap_or("").trim_end();
    start..start + line.len()
}

fn floor_boundary(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// Text from a file, made safe to print: control characters and invisible direction marks are shown
/// as escapes, and very long text is cut.
pub(crate) fn printable(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        if is_harmful(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Collects diagnostics; each is kept once, however often a block that holds the mistake is used.
#[derive(Debug, Default)]
pub(crate) struct DiagnosticSink {
    kept: RefCell<Vec<Diagnostic>>,
    seen: RefCell<HashSet<(Code, Option<Span>, String)>>,
    /// Bytes of expressions that were evaluated for the network that is being built.
    evaluated: Cell<usize>,
    /// Where steps and values are noted, for editors.
    record: Option<SharedRecord>,
}

impl DiagnosticSink {
    /// A sink that also notes steps and values.
    pub(crate) fn recording(record: SharedRecord) -> Self {
        Self { record: Some(record), ..Self::default() }
    }

    /// Another sink for the same network.
    pub(crate) fn sibling(&self) -> Self {
        Self { record: self.record.clone(), ..Self::default() }
    }

    /// Where steps and values are noted, if they are.
    pub(crate) fn record(&self) -> Option<RefMut<'_, Record>> {
        self.record.as_ref().map(|record| record.borrow_mut())
    }

    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        if self.is_new(&diagnostic) {
            self.kept.borrow_mut().push(diagnostic);
        }
    }

    /// Adds a diagnostic whose help takes long to find, which is done only if it is kept.
    pub(crate) fn push_with(&self, diagnostic: Diagnostic, help: impl FnOnce() -> String) {
        if self.is_new(&diagnostic) {
            self.kept.borrow_mut().push(diagnostic.help(help()));
        }
    }

    fn is_new(&self, diagnostic: &Diagnostic) -> bool {
        let place = diagnostic.labels.first().map(|(span, _)| *span);
        // One step that is not read is one mistake, however it is called where it is found.
        let message = match diagnostic.code {
            Code::UnreadStep if place.is_some() => String::new(),
            _ => diagnostic.message.clone(),
        };
        let key = (diagnostic.code, place, message);
        !self.is_full() && self.seen.borrow_mut().insert(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.borrow().is_empty()
    }

    /// Whether further diagnostics would be dropped, so that checking can stop.
    pub(crate) fn is_full(&self) -> bool {
        self.kept.borrow().len() >= MOST
    }

    /// Counts bytes that are to be evaluated; false when the network had too many.
    pub(crate) fn may_evaluate(&self, bytes: usize, span: Span) -> bool {
        if self.is_spent() {
            return false;
        }
        self.evaluated.set(self.evaluated.get().saturating_add(bytes));
        if self.is_spent() {
            let message =
                format!("the network has more than {} MiB of expressions", MAX_EVALUATED >> 20);
            self.push(Diagnostic::new(Code::NetworkTooLarge, message).at(span, "reached here"));
        }
        !self.is_spent()
    }

    /// Whether nothing more may be evaluated.
    pub(crate) fn is_spent(&self) -> bool {
        self.evaluated.get() > MAX_EVALUATED
    }

    /// Starts to count the expressions of another network.
    pub(crate) fn start_network(&self) {
        self.evaluated.set(0);
    }

    /// Continues the count of another sink.
    pub(crate) fn count_on(&self, other: &Self) {
        self.evaluated.set(other.evaluated.get());
    }

    /// Adds to the help of everything that was reported.
    pub(crate) fn explain_all(&self, note: &str) {
        for diagnostic in self.kept.borrow_mut().iter_mut() {
            let help = diagnostic.help.take();
            diagnostic.help = Some(match help {
                Some(help) => format!("{help}; {note}"),
                None => note.to_owned(),
            });
        }
    }

    /// The diagnostics, in the order of the files and their lines; all of them would be kept again.
    pub(crate) fn take(&self) -> Vec<Diagnostic> {
        self.seen.take();
        let mut all = self.kept.take();
        all.sort_by_key(|diagnostic| {
            diagnostic.labels.first().map(|(span, _)| (span.source, span.start))
        });
        all
    }
}

/// The known name that a word of another program stands for, or those that are nearest to `name`, if they are near enough
/// to be what was meant: one, or two that are equally near. More are no suggestion.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    /// At most this part of the letters may differ.
    const NEAR: f64 = 0.5;
    /// A name whose first word alone is near is less so.
    const FIRST_WORD: f64 = 0.9;
    if name.chars().count() > 100 {
        return Vec::new();
    }
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(meant) = meaning(name, known.iter().copied()) {
        return vec![meant];
    }
    let name = name.to_lowercase();
    let near = |text: &str| strsim::normalized_damerau_levenshtein(&name, text);
    let score = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let first_word = candidate.split_once('_').map_or(0.0, |(word, _)| near(word));
        near(&candidate).max(FIRST_WORD * first_word)
    };
    let mut best = (NEAR, Vec::new());
    for candidate in known {
        let score = score(candidate);
        if score > best.0 {
            best = (score, vec![candidate]);
        } else if score >= best.0 && !best.1.contains(&candidate) {
            best.1.push(candidate);
        }
    }
    if best.1.len() > 2 { Vec::new() } else { best.1 }
}

/// `did you mean ...?` and the list of known names.
pub(crate) fn suggestion<'a>(
    name: &str,
    what: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    let mut all: Vec<&str> = known.clone().into_iter().collect();
    all.sort_unstable();
    let listed = if all.is_empty() {
        format!("there are no {what} here")
    } else if all.len() > 30 {
        format!("{what}: {}, ... ({} in all)", all[..30].join(", "), all.len())
    } else {
        format!("{what}: {}", all.join(", "))
    };
    match nearest(name, known).as_slice() {
        [] => listed,
        near => format!("did you mean `{}`? {listed}", near.join("` or `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_near_to_many_is_no_suggestion() {
        let near =
            |name| nearest(name, ["4a", "4b", "4c", "width_divisor", "width_multiplier", "conv"]);
        assert_eq!(near("cnov"), ["conv"]);
        assert_eq!(near("widht"), ["width_divisor", "width_multiplier"]);
        assert!(near("4z").is_empty() && near("pool").is_empty());
    }
}
