//! Checks that do not need the network: names of blocks, defaults, unused parameters, and, by going through every step
//! once without values, errors in blocks that are never used and in branches that a condition skips.

use std::{collections::HashSet, sync::Arc};

use inceptive_ir::{Graph, Path, Shape};

use crate::{
    args::{Builtin, STEP_KEYS},
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink, suggestion},
    expr,
    field::unknown_keys,
    lower::{
        Cursor, Lowering, Names,
        block::{declared, parameters},
    },
    scope::{Named, Reader, Scope},
    step::check_name,
    width_rule::WidthRule,
    yaml::{Entry, Map, Node, Value},
};

/// Checks the blocks and steps of an architecture or a library; `names` are those that every expression may use.
/// Returns the number of steps.
pub(crate) fn architecture(
    map: &Map,
    names: impl Iterator<Item = Arc<str>>,
    sink: &DiagnosticSink,
) -> u32 {
    let checker = Checker { reader: Reader { scope: &Scope::EMPTY, sink } };
    for entry in blocks(map) {
        checker.block(entry);
    }
    if let Some(defaults) = map.get("defaults").and_then(Node::map) {
        checker.defaults(defaults);
    }
    let names: Vec<Named> = names.map(|name| (name, None)).collect();
    dry_run(map, &names, sink)
}

/// Goes through every step of a file.
fn dry_run(map: &Map, names: &[Named], sink: &DiagnosticSink) -> u32 {
    let Ok(graph) = Graph::new(Shape::map(1, 1, 1), None) else { return 0 };
    let (scope, none, own) = (Scope::root(names), Map::default(), DiagnosticSink::default());
    let defaults = map.get("defaults").and_then(Node::map).unwrap_or(&none);
    let known = blocks(map).map(|entry| (Arc::clone(&entry.key), &entry.value)).collect();
    let from = Cursor::at(graph.input()).unknown();
    let mut lowering = Lowering::new(&own, graph, known, defaults, WidthRule::NONE, &scope);
    lowering.is_rehearsal = true;
    let outputs = map.get("outputs").and_then(Node::list).into_iter().flatten();
    let names = outputs.filter_map(Node::text).filter_map(|path| path.rsplit('/').next());
    lowering.outputs = names.map(str::to_owned).collect();
    for Entry { key, value, .. } in blocks(map).filter(|entry| entry.value.map().is_some()) {
        lowering.dry_run(key, value);
    }
    let heads = map.get("auxiliary").and_then(Node::list).into_iter().flatten();
    let heads = heads.filter_map(|head| head.map()?.get("steps"));
    for steps in ["body", "tail"].iter().filter_map(|key| map.get(key)).chain(heads) {
        if steps.list().is_some() {
            lowering.scope(steps, &scope, Names::of(Path::root(), from));
        }
    }
    // An argument that is missing may be set by the path of the step.
    let found = own.take().into_iter().filter(|diagnostic| diagnostic.code != Code::MissingKey);
    found.for_each(|diagnostic| sink.push(diagnostic));
    lowering.steps
}

fn blocks(map: &Map) -> impl Iterator<Item = &Entry> {
    map.get("blocks").and_then(Node::map).into_iter().flat_map(|map| &map.0)
}

/// Reports parameters of a file that nothing in it mentions.
pub(crate) fn file_parameters(params: &Node, map: &Map, sink: &DiagnosticSink) {
    let checker = Checker { reader: Reader { scope: &Scope::EMPTY, sink } };
    let mut used = HashSet::new();
    for entry in &map.0 {
        mentioned(&entry.value, &mut used);
    }
    for parameter in declared(params) {
        checker.unused(&parameter, &used, "the file");
    }
}

struct Checker<'a> {
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
        let mut used = HashSet::new();
        for part in map.0.iter() {
            mentioned(&part.value, &mut used);
        }
        for parameter in parameters(&entry.value) {
            check_name(&parameter.key, "parameter", parameter.key_span, &self.reader);
            self.not_reserved(&parameter);
            self.unused(&parameter, &used, &format!("the block `{}`", entry.key));
        }
    }

    /// Every call of a block may say what it reads.
    fn not_reserved(&self, parameter: &Entry) {
        if STEP_KEYS.contains(&&*parameter.key) {
            let message = format!("`{}` is an argument of every step", parameter.key);
            let reserved = Diagnostic::new(Code::ReservedName, message);
            self.reader.sink.push(reserved.at(parameter.key_span, "choose another name"));
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
        // Its errors are reported where it is evaluated; the names in it count as used.
        Err(_) => used.extend(expr::mentions(text).map(|(_, name)| Arc::from(name))),
    }
}
