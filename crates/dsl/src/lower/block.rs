//! Calling blocks.

use std::sync::Arc;

use inceptive_ir::Path;

use super::{
    Cursor, Lowering, MAX_CALLS, Names, Site,
    inputs::{Inputs, names_of},
};
use crate::{
    args::ParallelArgs,
    code::Code,
    diagnostic::{Diagnostic, suggestion},
    document::{BlockKeys, fields},
    expr::{Val, ValKind},
    field::{Maybe, is_misspelt},
    scope::{Input, Named, Reader},
    step::Step,
    yaml::{Entry, Map, Node, Value},
};

/// Maximum number of parameters of a block, each of which costs time at every call.
const MAX_PARAMETERS: usize = 256;

fn parameter_count(block: &Node) -> usize {
    match block.map().and_then(|map| map.get("params")).map(|params| &params.value) {
        Some(Value::Map(map)) => map.0.len(),
        Some(Value::List(names)) => names.len(),
        _ => 0,
    }
}

/// The parameters of a block: names with their defaults.
pub(crate) fn parameters(block: &Node) -> Vec<Entry> {
    block.map().and_then(|map| map.get("params")).map(declared).unwrap_or_default()
}

/// Names with defaults from a map, or names alone from a list.
pub(crate) fn declared(params: &Node) -> Vec<Entry> {
    match &params.value {
        Value::Map(map) => map.0.clone(),
        Value::List(names) => names
            .iter()
            .filter_map(|name| {
                let key = name.text()?;
                let value = Node { span: name.span, value: Value::Null };
                Some(Entry { key: Arc::from(key), key_span: name.span, value })
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => Vec::new(),
    }
}

impl Lowering<'_> {
    /// Builds a block at a site.
    pub(super) fn call(
        &mut self,
        word: &str,
        block: &Node,
        step: &Step<'_>,
        site: &Site<'_>,
    ) -> Cursor {
        if self.calls.len() >= MAX_CALLS {
            let message = format!("blocks use each other more than {MAX_CALLS} levels deep");
            let deep = Diagnostic::new(Code::TooManyCalls, message).at(step.span, "used here");
            self.sink.push(deep.help("check whether the block uses itself"));
            return self.hide(&site.path, site.cursor);
        }
        let values = match self.has_few_parameters(word, block) {
            true => self.bind(word, block, step, site),
            false => None,
        };
        let Some(values) = values else { return self.hide(&site.path, site.cursor) };
        if self.is_rehearsal {
            return site.cursor.unknown();
        }
        self.calls.push(step.span);
        let output = self.enter(word, block, &values, site);
        self.calls.pop();
        output
    }

    /// Goes through a block once, with no parameter known.
    pub(crate) fn dry_run(&mut self, word: &str, block: &Node) {
        if !self.has_few_parameters(word, block) {
            return;
        }
        let mut values: Vec<Named> = Vec::new();
        for Entry { key, value: default, .. } in parameters(block) {
            let scope = self.globals.with(&values);
            let scope = scope.reading(Input::Unknown);
            value(&default, &Reader { scope: &scope, sink: self.sink });
            values.push((key, None));
        }
        let cursor = Cursor::at(self.graph.input()).unknown();
        let (path, inputs) = (Path::new(word), Inputs::before(cursor));
        let names = Names::of(path.clone(), cursor);
        let (scope, span) = (self.globals, block.span);
        let site = Site { scope, path, span, cursor, inputs: &inputs, names: &names };
        self.enter(word, block, &values, &site);
    }

    fn has_few_parameters(&self, word: &str, block: &Node) -> bool {
        let is_small = parameter_count(block) <= MAX_PARAMETERS;
        if !is_small {
            let message = format!("the block `{word}` has more than {MAX_PARAMETERS} parameters");
            let many = Diagnostic::new(Code::TooManyValues, message);
            self.sink.push(many.at(block.span, "this block"));
        }
        is_small
    }

    /// Builds the content of a block with these values of its parameters.
    fn enter(&mut self, word: &str, block: &Node, values: &[Named], site: &Site<'_>) -> Cursor {
        let globals = self.globals.with(values);
        let scope = globals.reading(self.input(site.cursor));
        let reader = Reader { scope: &scope, sink: self.sink };
        let keys = fields(block, word, reader).and_then(|fields| BlockKeys::read(&fields));
        let Some(keys) = keys else { return self.hide(&site.path, site.cursor) };
        let inputs = keys.inputs.as_ref().map(|inputs| names_of(inputs, &reader));
        let inputs = inputs.unwrap_or_default();
        let cursors = site.inputs.cursors(inputs.len().max(1));
        let mut names = Names::of(site.path.clone(), cursors[0]);
        for (input, &cursor) in inputs.iter().zip(&cursors) {
            names.declare(&input.text, input.span, cursor, &reader);
        }
        match (keys.steps, keys.branches) {
            (Some(Maybe(None)), None) => self.hide(&site.path, site.cursor),
            (Some(Maybe(Some(steps))), None) => self.scope(&steps.0, &scope, names),
            (None, Some(branches)) => {
                names.read_last();
                let BlockKeys { join, scale, then, .. } = keys;
                let (path, names) = (site.path.clone(), &names);
                let inner = Site { scope: &scope, path, names, cursor: cursors[0], ..*site };
                let end = self.parallel(&ParallelArgs { branches, join, scale, then }, &inner);
                self.expect_read(names);
                end
            }
            (Some(_), Some(_)) | (None, None) => {
                let message = format!("the block `{word}` needs either `steps` or `branches`");
                self.sink
                    .push(Diagnostic::new(Code::MissingKey, message).at(block.span, "this block"));
                self.hide(&site.path, site.cursor)
            }
        }
    }

    /// The values of a block's parameters at a call; those that are wrong are not known.
    fn bind(
        &self,
        word: &str,
        block: &Node,
        step: &Step<'_>,
        site: &Site<'_>,
    ) -> Option<Vec<Named>> {
        let parameters = parameters(block);
        let known: Vec<&str> = parameters.iter().map(|parameter| &*parameter.key).collect();
        let arguments = self.arguments(step, site, None, &known)?;
        let mut values: Vec<Named> = Vec::with_capacity(parameters.len());
        for parameter in &parameters {
            let given = arguments.maps.iter().find_map(|map: &&Map| map.get(&parameter.key));
            self.note(site.path.clone(), Some(word), &parameter.key, given);
            let value = match (given, &parameter.value.value) {
                (Some(argument), _) => value(argument, &arguments.reader),
                (None, Value::Null) if is_misspelt(&parameter.key, &known, &arguments.maps) => None,
                (None, Value::Null) => self.missing(word, parameter, step, &known),
                (None, _) => {
                    let scope = self.globals.with(&values);
                    let scope = scope.reading(self.input(site.cursor));
                    value(&parameter.value, &Reader { scope: &scope, sink: self.sink })
                }
            };
            values.push((Arc::clone(&parameter.key), value));
        }
        Some(values)
    }

    fn missing<T>(
        &self,
        word: &str,
        parameter: &Entry,
        step: &Step<'_>,
        known: &[&str],
    ) -> Option<T> {
        let message = format!("the block `{word}` needs the argument `{}`", parameter.key);
        self.sink.push(
            Diagnostic::new(Code::MissingKey, message)
                .at(step.span, format!("`{}` is missing", parameter.key))
                .at(parameter.key_span, "declared here, without a default")
                .help(suggestion("", "arguments", known.iter().copied())),
        );
        None
    }
}

/// The value of an argument, with every expression in it evaluated; a number may be a formula.
pub(crate) fn value(node: &Node, reader: &Reader<'_>) -> Option<Val> {
    match &node.value {
        Value::List(_) | Value::Map(_) => {
            let kind = ValKind::Node(reader.close(node)?);
            Some(Val { origin: Some(node.span), ..Val::new(kind) })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
            reader.scalar_open(node)
        }
    }
}
