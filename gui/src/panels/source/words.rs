//! What a file and those that it uses declare, read again only when they change.

use std::sync::Arc;

use inceptive_dsl::Trace;

use super::{outline::Outline, vocabulary::Vocabulary};

/// Outlines of a file and of the files that it uses.
#[derive(Default)]
pub(super) struct Words {
    text: String,
    own: Option<Outline>,
    trace: Option<Arc<Trace>>,
    others: Vec<Outline>,
}

impl Words {
    /// The words of a text; those of other files are as in the last valid text.
    pub fn of(&mut self, text: &str, trace: Option<&Arc<Trace>>) -> Vocabulary<'_> {
        if self.text != text {
            text.clone_into(&mut self.text);
            self.own = None;
        }
        let is_known = match (&self.trace, trace) {
            (Some(known), Some(now)) => Arc::ptr_eq(known, now),
            (None, None) => true,
            _ => false,
        };
        if !is_known {
            let others = trace.into_iter().flat_map(|trace| trace.sources.iter().skip(1));
            self.others = others.map(|source| Outline::of(&source.text)).collect();
            self.trace = trace.cloned();
        }
        let own = self.own.get_or_insert_with(|| Outline::of(&self.text));
        Vocabulary { own, others: &self.others }
    }
}
