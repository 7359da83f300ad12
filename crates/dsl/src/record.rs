//! What is noted while a network is built, for editors.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::Arc,
};

use inceptive_ir::{Path, Span};

/// Different values of an expression that are kept.
const MOST_VALUES: usize = 8;

/// Where a step is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepPlace {
    /// Its operator and name.
    pub span: Span,
    /// All of it, with its arguments.
    pub whole: Span,
    /// The step outside of all blocks that it is part of; `None` if it is in no block.
    pub call: Option<Span>,
    /// The block that it calls; `None` of a built-in one.
    pub block: Option<Arc<str>>,
}

/// The different values of an expression, in the order of the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// The first few.
    pub shown: Vec<String>,
    /// Whether there are more.
    pub has_more: bool,
}

/// What is noted while a network is built.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) steps: BTreeMap<Path, StepPlace>,
    pub(crate) values: HashMap<Span, Values>,
}

/// A record that the sinks of one network share.
pub(crate) type SharedRecord = Rc<RefCell<Record>>;

impl Record {
    pub(crate) fn step(&mut self, path: Path, place: StepPlace) {
        self.steps.insert(path, place);
    }

    pub(crate) fn value(&mut self, span: Span, shown: String) {
        let values = self.values.entry(span).or_default();
        if values.has_more {
            return;
        }
        if values.shown.contains(&shown) {
            return;
        }
        values.has_more = values.shown.len() == MOST_VALUES;
        if !values.has_more {
            values.shown.push(shown);
        }
    }
}
