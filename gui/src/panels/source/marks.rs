//! Where in a text something is wrong.

use std::{ops::Range, path::PathBuf};

use inceptive_app::{ReadError, error_chain};
use inceptive_dsl::{Diagnostic, Failure};

use super::lines::Change;
use crate::model::{Entry, State};

/// A place in the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// Position in the list of problems.
    pub problem: usize,
    /// Whether it is where the mistake is; others explain.
    pub is_main: bool,
    /// The text of the mark.
    pub label: String,
}

/// Something that is wrong, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Its code; empty for errors outside of the text.
    pub code: String,
    /// The error.
    pub message: String,
    /// How to fix it.
    pub help: Option<String>,
    /// Line and column, from 1, and the file unless it is the one that is shown.
    pub place: Option<(Option<PathBuf>, usize, usize)>,
}

/// The errors in a file, and their places in its text.
pub(super) fn problems(entry: &Entry, text: &str) -> (Vec<Problem>, Vec<Mark>) {
    let State::Wrong(error) = &entry.state else { return (vec![], vec![]) };
    match &**error {
        ReadError::Yaml(failure) => {
            let list = failure.diagnostics.iter();
            let problems = list.map(|diagnostic| problem(failure, diagnostic)).collect();
            (problems, marks(failure, text))
        }
        other => (vec![outside(other)], vec![]),
    }
}

/// The first error in a file.
pub(crate) fn first_problem(entry: &Entry) -> Option<Problem> {
    let State::Wrong(error) = &entry.state else { return None };
    match &**error {
        ReadError::Yaml(failure) => Some(problem(failure, failure.diagnostics.first()?)),
        other => Some(outside(other)),
    }
}

/// An error that has no place in the text.
fn outside(error: &ReadError) -> Problem {
    let message = error_chain(error);
    Problem { code: String::new(), message, help: None, place: None }
}

fn problem(failure: &Failure, diagnostic: &Diagnostic) -> Problem {
    let place = diagnostic.labels.first().and_then(|(span, _)| {
        let source = failure.sources.get(span.source)?;
        let at = source.position(span.start);
        // The file itself is read first.
        let other = (span.source != 0).then(|| source.path.clone());
        Some((other, at.line, at.column))
    });
    Problem {
        code: diagnostic.code.id().to_owned(),
        message: diagnostic.message.clone(),
        help: diagnostic.help.clone(),
        place,
    }
}

fn marks(failure: &Failure, text: &str) -> Vec<Mark> {
    let Some(read) = failure.sources.iter().next().map(|source| &*source.text) else {
        return vec![];
    };
    let change = Change::between(read, text);
    let mut marks = Vec::new();
    for (problem, diagnostic) in failure.diagnostics.iter().enumerate() {
        for (index, (span, label)) in diagnostic.labels.iter().enumerate() {
            let range = span.start as usize..(span.end as usize).max(span.start as usize + 1);
            let range = first_line(range, read);
            let Some(range) = moved(&range, &change, text).filter(|_| span.source == 0) else {
                continue;
            };
            marks.push(Mark { range, problem, is_main: index == 0, label: label.clone() });
        }
    }
    marks
}

/// The part on its first line: a missing key would otherwise underline a whole file or block.
fn first_line(range: Range<usize>, text: &str) -> Range<usize> {
    let line = text.get(range.clone()).and_then(|part| part.lines().next()).map_or(0, str::len);
    if line > 0 { range.start..range.start + line } else { range }
}

/// Where a part of the text that was read is in the text as it is now; `None` if it was edited since.
fn moved(range: &Range<usize>, change: &Change, now: &str) -> Option<Range<usize>> {
    let range = change.to_new(range)?;
    // A mark begins and ends between characters.
    let start = now.floor_char_boundary(range.start.min(now.len()));
    let end = now.ceil_char_boundary(range.end.min(now.len()));
    (start <= end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_ends_with_its_first_line() {
        let text = "input: {size: 8}\r\nclasses: 2\n\nend";
        assert_eq!(first_line(0..30, text), 0..16);
        assert_eq!(first_line(7..16, text), 7..16);
        assert_eq!(first_line(28..30, text), 28..30, "an empty line");
        assert_eq!(first_line(29..99, text), 29..99, "beyond the text");
    }

    #[test]
    fn marks_move_with_the_text_around_them() {
        let read = "a: 1\nkernl: 3\nb: 2\n";
        let mark = 5..10;
        let moved = |now: &str| moved(&mark, &Change::between(read, now), now);
        assert_eq!(moved(read), Some(5..10));
        assert_eq!(moved("# new\na: 1\nkernl: 3\nb: 2\n"), Some(11..16));
        assert_eq!(moved("a: 1\nkernl: 3\nb: 20\n"), Some(5..10));
        assert_eq!(moved("a: 1\nkernel: 3\nb: 2\n"), None);
        assert_eq!(moved(""), None);
    }
}
