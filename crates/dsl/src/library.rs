//! Libraries of blocks, as people look at them.

use crate::{
    diagnostic::DiagnosticSink,
    document::{BlockKeys, LibraryKeys, fields, texts},
    lower::block::declared,
    scope::{Reader, Scope},
};

/// A file of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// What the blocks are.
    pub description: Option<String>,
    /// Where they come from.
    pub cite: Vec<String>,
    /// The blocks, in the order of the file.
    pub blocks: Vec<Block>,
}

/// A block of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its name.
    pub name: String,
    /// A description in one line.
    pub description: Option<String>,
    /// Names of its parameters.
    pub params: Vec<String>,
}

/// The library that checked keys describe.
pub(crate) fn describe(keys: &LibraryKeys, sink: &DiagnosticSink) -> Option<Library> {
    let reader = Reader { scope: &Scope::EMPTY, sink };
    let block = |entry: &crate::yaml::Entry| {
        let keys = BlockKeys::read(&fields(&entry.value, &entry.key, reader)?)?;
        let params = keys.params.map(|params| declared(&params.0)).unwrap_or_default();
        Some(Block {
            name: entry.key.to_string(),
            description: keys.description.map(|text| text.text),
            params: params.iter().map(|param| param.key.to_string()).collect(),
        })
    };
    Some(Library {
        description: keys.description.as_ref().map(|text| text.text.clone()),
        cite: keys.cite.as_ref().map(|cite| texts(cite, &reader)).unwrap_or_default(),
        blocks: keys.blocks.0.map()?.0.iter().map(block).collect::<Option<_>>()?,
    })
}
