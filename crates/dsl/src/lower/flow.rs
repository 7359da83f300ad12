//! Steps that depend on a condition, and steps that are repeated.

use std::sync::Arc;

use inceptive_ir::Path;

use super::{Cursor, Lowering, Names, Site, inputs::names_of};
use crate::{
    args::{IfArgs, RepeatArgs},
    expr::{Val, ValKind},
    field::{Condition, Maybe, given},
    scope::{Reader, Scope},
    step::Step,
    yaml::{Node, Value},
};

impl Lowering<'_> {
    pub(super) fn branch_on(
        &mut self,
        step: &Step<'_>,
        scope: &Scope<'_>,
        cursor: Cursor,
        names: &mut Names<'_>,
    ) -> Cursor {
        names.read_last();
        let reader = Reader { scope, sink: self.sink };
        let args = step.args.and_then(|args| crate::document::fields(args, "if", reader));
        let Some(args) = args.and_then(|fields| IfArgs::read(&fields)) else {
            names.finish_unnamed();
            return self.hide(names.path(), cursor);
        };
        let holds = args.cond.0.and_then(|Condition(cond)| holds(&cond, &reader));
        if self.is_rehearsal {
            // Both may use the same names.
            for steps in [given(&args.then), given(&args.otherwise)].into_iter().flatten() {
                let mut inner = Names::maybe_in(names, cursor);
                self.steps(&steps.0, scope, cursor, &mut inner);
                let inner = inner.into_maybe();
                names.adopt(inner, cursor.unknown());
            }
            names.finish_unnamed();
            return cursor.unknown();
        }
        let chosen = match holds {
            Some(true) => args.then,
            Some(false) => args.otherwise,
            // `none` left out what the condition asks about, and leaves out what would read it.
            None if cursor.is_absent => return cursor,
            None => return self.hide(names.path(), cursor),
        };
        match chosen {
            Some(Maybe(Some(steps))) => self.steps(&steps.0, scope, cursor, names),
            Some(Maybe(None)) => self.hide(names.path(), cursor),
            None => cursor,
        }
    }

    /// Repeats steps. Where the inputs have names, each of them is in the next repetition what the one before it was in this
    /// one, and the first one is the result.
    pub(super) fn repeat(&mut self, args: &RepeatArgs, site: &Site<'_>) -> Cursor {
        let Maybe(Some(steps)) = &args.steps else { return self.hide(&site.path, site.cursor) };
        let count = match &args.count {
            _ if self.is_rehearsal => 1,
            Maybe(Some(count)) => count.0,
            Maybe(None) => return self.hide(&site.path, site.cursor),
        };
        let reader = Reader { scope: site.scope, sink: self.sink };
        let inputs = args.inputs.as_ref().map(|inputs| names_of(inputs, &reader));
        let inputs = inputs.unwrap_or_default();
        let mut state = site.inputs.cursors(inputs.len().max(1));
        for iteration in 0..count {
            if !self.may_go_on(site.span) {
                return state[0].unknown();
            }
            let number = Val::number(iteration.into());
            let values = [(Arc::from("i"), Some(number).filter(|_| !self.is_rehearsal))];
            let scope = site.scope.with(&values);
            let path = site.path.join(&(iteration + 1).to_string());
            let mut names = Names::inside(site.names, path.clone(), state[0]);
            for (input, &cursor) in inputs.iter().zip(&state) {
                names.declare(&input.text, input.span, cursor, &reader);
            }
            let result = self.scope(&steps.0, &scope, names);
            state.rotate_right(1);
            state[0] = result;
            self.places.insert(path, result);
        }
        for (input, &cursor) in inputs.iter().zip(&state) {
            self.places.insert(Path::new(&format!("{}.{}", site.path, input.text)), cursor);
        }
        state[0]
    }
}

/// Whether a condition holds; none, with a report, when it is no condition.
fn holds(cond: &Node, reader: &Reader<'_>) -> Option<bool> {
    let value = match &cond.value {
        Value::Text(text) => reader.evaluate(text, cond.span),
        _ => reader.scalar(cond),
    };
    match value?.kind {
        ValKind::Bool(holds) => Some(holds),
        ValKind::Number(_) | ValKind::Text(_) | ValKind::Node(_) => {
            reader.wrong_type(cond, "a condition, which is true or false")
        }
    }
}
