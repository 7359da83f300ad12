//! What can be checked without building the network: also blocks that nobody calls, and branches that a
//! condition leaves out, must be written with known steps and known keys, and every parameter be used.

use std::{collections::HashSet, sync::Arc};

use inceptive_ir::Span;

use crate::{
    args::{Builtin, IfArgs, ParallelArgs, RepeatArgs},
    code::Code,
    diagnostic::{Diagnostic, Sink, suggestion},
    document::BlockKeys,
    expr,
    field::unknown_keys,
    lower::block::{declared, parameters},
    scope::{Reader, Scope},
    step::{Step, check_name},
    yaml::{Entry, Map, Node, Value},
};

/// Checks the blocks and steps of an architecture.
pub(crate) fn architecture(map: &Map, sink: &Sink) {
    let blocks = map.get("blocks").and_then(Node::map);
    let checker = Checker { blocks, reader: Reader { scope: &Scope::EMPTY, sink } };
    for entry in blocks.into_iter().flat_map(|map| &map.0) {
        checker.block(entry);
    }
    for key in ["body", "tail"] {
        if let Some(steps) = map.get(key) {
            checker.steps(steps);
        }
    }
    for head in map.get("auxiliary").and_then(Node::list).into_iter().flatten() {
        if let Some(steps) = head.map().and_then(|head| head.get("steps")) {
            checker.steps(steps);
        }
    }
    if let Some(defaults) = map.get("defaults").and_then(Node::map) {
        checker.defaults(defaults);
    }
}

/// Reports parameters of a file that nothing in it mentions.
pub(crate) fn file_parameters(params: &Node, map: &Map, sink: &Sink) {
    let checker = Checker { blocks: None, reader: Reader { scope: &Scope::EMPTY, sink } };
    let mut used = HashSet::new();
    for entry in &map.0 {
        mentioned(&entry.value, &mut used);
    }
    for parameter in declared(params) {
        checker.unused(&parameter, &used, "the file");
    }
}

struct Checker<'a> {
    blocks: Option<&'a Map>,
    reader: Reader<'a>,
}

impl Checker<'_> {
    fn block(&self, entry: &Entry) {
        check_name(&entry.key, "block", entry.key_span, &self.reader);
        if Builtin::find(&entry.key).is_some() {
            let message = format!("`{}` is a built-in step", entry.key);
            let reserved = Diagnostic::new(Code::ReservedName, message);
            self.reader.sink.push(reserved.at(entry.key_span, "choose another name"));
        }
        let Some(map) = entry.value.map() else {
            self.reader.wrong_type::<()>(&entry.value, "a block with `steps` or `branches`");
            return;
        };
        unknown_keys(map, &entry.key, BlockKeys::KEYS, &self.reader);
        self.parts(map);
        let mut used = HashSet::new();
        for part in map.0.iter() {
            mentioned(&part.value, &mut used);
        }
        for parameter in parameters(&entry.value) {
            check_name(&parameter.key, "parameter", parameter.key_span, &self.reader);
            self.unused(&parameter, &used, &format!("the block `{}`", entry.key));
        }
    }

    fn unused(&self, parameter: &Entry, used: &HashSet<Arc<str>>, owner: &str) {
        if !used.contains(&parameter.key) {
            let message = format!("the parameter `{}` of {owner} is never used", parameter.key);
            let unused = Diagnostic::new(Code::UnusedParameter, message);
            let help = format!("use `${}` somewhere, or remove it", parameter.key);
            self.reader.sink.push(unused.at(parameter.key_span, "never used").help(help));
        }
    }

    /// Steps wherever a block or a parallel step holds them.
    fn parts(&self, map: &Map) {
        for key in ["steps", "then", "else"] {
            if let Some(steps) = map.get(key) {
                self.steps(steps);
            }
        }
        for branch in map.get("branches").and_then(Node::map).into_iter().flat_map(|map| &map.0) {
            self.steps(&branch.value);
        }
    }

    fn steps(&self, list: &Node) {
        for node in list.list().unwrap_or_default() {
            if let Some(step) = Step::read(node, &self.reader) {
                self.step(&step);
            }
        }
    }

    fn step(&self, step: &Step<'_>) {
        if step.word.starts_with('$') {
            return;
        }
        let args = step.args.and_then(Node::map);
        let block = self.blocks.and_then(|blocks| blocks.get(step.word));
        match (Builtin::find(step.word), block) {
            (Some(Builtin::Group), _) => step.args.into_iter().for_each(|steps| self.steps(steps)),
            (Some(builtin), _) => {
                if let Some(args) = args {
                    unknown_keys(args, step.word, builtin.keys(), &self.reader);
                    if [ParallelArgs::KEYS, RepeatArgs::KEYS, IfArgs::KEYS]
                        .contains(&builtin.keys())
                    {
                        self.parts(args);
                    }
                }
            }
            (None, Some(block)) => {
                let parameters = parameters(block);
                let known: Vec<&str> = parameters.iter().map(|entry| &*entry.key).collect();
                if let Some(args) = args {
                    unknown_keys(args, step.word, &known, &self.reader);
                }
            }
            (None, None) => self.unknown_step(step),
        }
    }

    fn unknown_step(&self, step: &Step<'_>) {
        let blocks = self.blocks.into_iter().flat_map(|map| &map.0);
        self.reader.sink.push_with(unknown_step(step.word, step.span), || {
            let mut known: Vec<&str> = Builtin::ALL.iter().map(|(name, _)| *name).collect();
            known.extend(blocks.map(|entry| &*entry.key));
            suggestion(step.word, "steps and blocks", known)
        });
    }

    fn defaults(&self, defaults: &Map) {
        for entry in &defaults.0 {
            let Some(builtin) = Builtin::find(&entry.key) else {
                let message = format!("`{}` is not a built-in step", entry.key);
                let known = Builtin::ALL.iter().map(|(name, _)| *name);
                let unknown =
                    Diagnostic::new(Code::UnknownKey, message).at(entry.key_span, "not known");
                self.reader.sink.push(unknown.help(suggestion(&entry.key, "steps", known)));
                continue;
            };
            match entry.value.map() {
                Some(args) => unknown_keys(args, &entry.key, builtin.keys(), &self.reader),
                None => {
                    self.reader.wrong_type::<()>(&entry.value, "a map of arguments");
                }
            }
        }
    }
}

/// What is said about a step that is neither built in nor a block.
pub(crate) fn unknown_step(word: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::UnknownStep, format!("unknown step `{word}`"))
        .at(span, "neither a built-in step nor a block")
}

/// Collects the variables that any text below `node` mentions, keys of steps included.
pub(crate) fn mentioned(node: &Node, used: &mut HashSet<Arc<str>>) {
    match &node.value {
        Value::Text(text) => variables(text, used),
        Value::List(items) => items.iter().for_each(|item| mentioned(item, used)),
        Value::Map(map) => {
            for entry in &map.0 {
                if let Some(word) = entry.key.split_whitespace().next() {
                    variables(word, used);
                }
                mentioned(&entry.value, used);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn variables(text: &str, used: &mut HashSet<Arc<str>>) {
    if !text.contains('$') {
        return;
    }
    match expr::parse(text) {
        Ok(expr) => expr.variables(&mut |name| {
            used.insert(Arc::from(name));
        }),
        // What is wrong with it is reported where it is evaluated; what it mentions is used all the same.
        Err(_) => used.extend(expr::mentions(text).map(|(_, name)| Arc::from(name))),
    }
}
