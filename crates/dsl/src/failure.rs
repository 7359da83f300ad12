//! What is wrong with a file.

use std::fmt;

use crate::{
    code::Code,
    diagnostic::{Diagnostic, MOST, Style},
    source::Sources,
};

/// Everything that is wrong with a file.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The errors, in the order of the files and their lines; never empty.
    pub diagnostics: Vec<Diagnostic>,
    /// The files, as far as they could be read.
    pub sources: Sources,
}

impl Failure {
    /// What is wrong, or at least that something is.
    pub(crate) fn new(mut diagnostics: Vec<Diagnostic>, sources: Sources) -> Self {
        if diagnostics.is_empty() {
            diagnostics.push(Diagnostic::new(Code::YamlSyntax, "the file cannot be read"));
        }
        Self { diagnostics, sources }
    }

    /// Whether checking stopped early because there were too many diagnostics.
    pub fn is_cut_off(&self) -> bool {
        self.diagnostics.len() >= MOST
    }

    /// All diagnostics as a person reads them, separated by empty lines.
    pub fn render(&self, style: Style) -> String {
        let parts =
            self.diagnostics.iter().map(|diagnostic| diagnostic.render(&self.sources, style));
        parts.collect::<Vec<String>>().join("\n\n")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Failure {}
