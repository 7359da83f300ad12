//! From the keys of a file to a checked network.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use inceptive_ir::{AuxiliaryHead, Graph, Part, Path, Shape, Span};

use crate::{
    code::Code,
    diagnostic::{Diagnostic, Sink, suggestion},
    document::{
        ArchitectureKeys, AuxiliaryKeys, InputKeys, Published, RESOLVED_KEYS, fields, published,
        texts, without,
    },
    expr::Val,
    field::Fields,
    lower::{
        Cursor, Lowering, Override, WidthRule,
        block::{declared, value},
    },
    scope::{Named, Reader, Scope},
    settable::Written,
    space::Constraint,
    static_check,
    step::check_name,
    yaml::{Entry, Map, Node, Value},
};

/// How many steps of a network a mistyped path is compared with.
const MOST_COMPARED: usize = 1000;

/// The most parameters of a file, variables of its space included. Every expression looks through them.
const MAX_PARAMETERS: usize = 512;

/// Weight of an auxiliary loss where none is given (Szegedy et al. 2014, section 5).
const AUXILIARY_WEIGHT: f32 = 0.3;

/// A checked network with what is known about it.
#[derive(Clone, Debug)]
pub struct Architecture {
    /// Its name.
    pub name: String,
    /// The file that it was read from.
    pub file: PathBuf,
    /// What it is.
    pub description: Option<String>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// The papers or code that it comes from.
    pub cite: Vec<String>,
    /// The file that it is a variant of.
    pub extends: Option<PathBuf>,
    /// Published accuracies; empty for a network that was changed from the outside.
    pub published: Vec<Published>,
    /// The network, auxiliary heads included.
    pub graph: Graph,
    /// Values that were set from the outside or chosen in a space, by name.
    pub point: Vec<(String, String)>,
    /// Constraints of the space that it is a point of.
    pub constraints: Vec<Constraint>,
}

/// A top-level map that is to become a network.
pub(crate) struct Draft {
    pub(crate) map: Map,
    pub(crate) span: Span,
    /// Arguments of steps to replace, by path.
    pub(crate) overrides: Vec<(String, Span, Arc<Map>)>,
}

/// A network without the name of its file.
pub(crate) struct Built {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) cite: Vec<String>,
    pub(crate) published: Vec<Published>,
    pub(crate) graph: Graph,
    /// Steps that were taken to build it.
    pub(crate) steps: u32,
    /// Numbers that its steps were given.
    pub(crate) written: Vec<Written>,
}

/// Builds the network of a draft; none when something was reported.
pub(crate) fn build(draft: &Draft, sink: &Sink) -> Option<Built> {
    sink.start_network();
    let map = without(&draft.map, &RESOLVED_KEYS);
    let mut values = parameters(&map, sink)?;
    static_check::architecture(&map, sink);
    let scope = Scope::root(&values);
    let reader = Reader { scope: &scope, sink };
    let fields = Fields {
        reader,
        what: "an architecture",
        span: draft.span,
        maps: vec![&map],
        resolved: &RESOLVED_KEYS,
    };
    let keys = ArchitectureKeys::read(&fields)?;
    if let Some(params) = &keys.params {
        static_check::file_parameters(&params.0, &map, sink);
    }
    let input = input_shape(&keys, reader)?;
    let about = About::read(&keys, &reader);
    let classes = keys.classes.map(|count| count.value);
    if let Some(classes) = classes {
        let classes = Val { from_input: true, ..Val::number(classes.into()) };
        values.push((Arc::from("classes"), Some(classes)));
    }
    let (graph, steps, written) = lower(draft, &keys, &values, input, classes, sink)?;
    sink.is_empty().then_some(Built {
        name: about.name,
        description: about.description,
        notes: about.notes,
        cite: about.cite,
        published: about.published,
        graph,
        steps,
        written,
    })
}

struct About {
    name: String,
    description: Option<String>,
    notes: Vec<String>,
    cite: Vec<String>,
    published: Vec<Published>,
}

impl About {
    fn read(keys: &ArchitectureKeys, reader: &Reader<'_>) -> Self {
        Self {
            name: keys.name.text.clone(),
            description: keys.description.as_ref().map(|text| text.text.clone()),
            notes: keys.notes.as_ref().map_or_else(Vec::new, |notes| texts(notes, reader)),
            cite: keys.cite.as_ref().map_or_else(Vec::new, |cite| texts(cite, reader)),
            published: keys
                .published
                .as_ref()
                .map_or_else(Vec::new, |list| published(list, reader)),
        }
    }
}

/// The values of the file's parameters; each sees the ones before it. None when there are too many.
fn parameters(map: &Map, sink: &Sink) -> Option<Vec<Named>> {
    let mut values: Vec<Named> = Vec::new();
    let Some(params) = map.get("params") else { return Some(values) };
    if declared(params).len() > MAX_PARAMETERS {
        let message = format!("a file has at most {MAX_PARAMETERS} parameters");
        let many = Diagnostic::new(Code::TooManyValues, message);
        sink.push(many.at(params.span, "these parameters"));
        return None;
    }
    for entry in declared(params) {
        let scope = Scope::root(&values);
        let reader = Reader { scope: &scope, sink };
        if check_name(&entry.key, "parameter", entry.key_span, &reader).is_none() {
            continue;
        }
        if entry.value.value == Value::Null {
            let message = format!("the parameter `{}` has no value", entry.key);
            let missing =
                Diagnostic::new(Code::MissingKey, message).at(entry.key_span, "no default");
            sink.push(missing.help("give a default here or a value with `--set`"));
            values.push((Arc::clone(&entry.key), None));
        } else {
            let value = value(&entry.value, &reader);
            values.push((Arc::clone(&entry.key), value));
        }
    }
    Some(values)
}

fn input_shape(keys: &ArchitectureKeys, reader: Reader<'_>) -> Option<(Shape, Span)> {
    let input = InputKeys::read(&fields(&keys.input.0, "input", reader)?)?;
    let size = input.size.0;
    Some((Shape::map(input.channels.value, size.height, size.width), keys.input.0.span))
}

fn lower(
    draft: &Draft,
    keys: &ArchitectureKeys,
    values: &[Named],
    input: (Shape, Span),
    classes: Option<u32>,
    sink: &Sink,
) -> Option<(Graph, u32, Vec<Written>)> {
    let scope = Scope::root(values);
    let reader = Reader { scope: &scope, sink };
    let graph = match Graph::new(input.0, Some(input.1)) {
        Ok(graph) => graph,
        Err(error) => {
            let large = Diagnostic::new(Code::NetworkTooLarge, error.to_string());
            return reader.report(large.at(input.1, "this input"));
        }
    };
    let none = Map::default();
    let defaults = keys.defaults.as_ref().and_then(|defaults| defaults.0.map()).unwrap_or(&none);
    let width = WidthRule {
        multiplier: multiplier(keys, draft.map.get("width_multiplier"), &reader)?,
        divisor: keys.width_divisor.map_or(8, |divisor| divisor.value),
    };
    let blocks = blocks(keys);
    let mut lowering = Lowering::new(sink, graph, blocks, defaults, width, &scope);
    lowering.overrides = overrides(draft, keys, &reader);
    let start = Cursor { node: lowering.graph.input(), known: true };
    let mut end = lowering.scope(&keys.body.0, &scope, &Path::root(), start);
    if let Some(tail) = &keys.tail {
        end = lowering.tail(tail, classes, &scope, end);
    }
    if end.known && end.node == start.node {
        let empty = Diagnostic::new(Code::EmptyNetwork, "the network has no layers");
        return reader.report(empty.at(keys.body.0.span, "nothing here"));
    }
    if lowering.is_cut_short() {
        return None;
    }
    for (number, head) in keys.auxiliary.iter().flat_map(|list| list.0.list()).flatten().enumerate()
    {
        if sink.is_full() {
            break;
        }
        auxiliary(&mut lowering, number, head, &scope);
    }
    check_overrides(&lowering, end);
    lowering.graph.set_output(end.node);
    Some((lowering.graph, lowering.steps, lowering.written.into_inner()))
}

fn multiplier(keys: &ArchitectureKeys, written: Option<&Node>, reader: &Reader<'_>) -> Option<f64> {
    match keys.width_multiplier.map(|multiplier| multiplier.0) {
        None => Some(1.0),
        Some(multiplier) if multiplier > 0.0 && multiplier <= 1024.0 => Some(multiplier),
        Some(multiplier) => {
            let message = format!(
                "`width_multiplier` is {multiplier}, which must be above 0 and at most 1024"
            );
            let span = written.map_or(keys.body.0.span, |written| written.span);
            reader.report(Diagnostic::new(Code::OutOfRange, message).at(span, "out of range"))
        }
    }
}

fn blocks(keys: &ArchitectureKeys) -> HashMap<Arc<str>, &Node> {
    let blocks = keys.blocks.as_ref().and_then(|blocks| blocks.0.map());
    let entries = blocks.into_iter().flat_map(|map| &map.0);
    entries.map(|entry| (Arc::clone(&entry.key), &entry.value)).collect()
}

/// Arguments to replace, the first of which wins: from outside, the last one first, then from the file's
/// `set`.
fn overrides(
    draft: &Draft,
    keys: &ArchitectureKeys,
    reader: &Reader<'_>,
) -> BTreeMap<Path, Vec<Override>> {
    let outside = draft
        .overrides
        .iter()
        .rev()
        .map(|(path, span, args)| (path.clone(), *span, Arc::clone(args)));
    let set = keys.set.as_ref().and_then(|set| set.0.map());
    let inside =
        set.into_iter().flat_map(|map| &map.0).filter_map(|entry| match &entry.value.value {
            Value::Map(args) => Some((entry.key.to_string(), entry.key_span, Arc::clone(args))),
            _ => reader.wrong_type(&entry.value, "a map of arguments"),
        });
    let mut overrides: BTreeMap<Path, Vec<Override>> = BTreeMap::new();
    for (path, span, args) in outside.chain(inside) {
        let entry = Override { span, args, used: Cell::new(false) };
        overrides.entry(Path::new(&path)).or_default().push(entry);
    }
    overrides
}

/// Reports replaced arguments of steps that do not exist.
fn check_overrides(lowering: &Lowering<'_>, end: Cursor) {
    if !end.known {
        return;
    }
    let all = lowering.overrides.iter();
    let entries = all.flat_map(|(path, entries)| entries.iter().map(move |entry| (path, entry)));
    for (path, entry) in entries.filter(|(_, entry)| !entry.used.get()) {
        if lowering.sink.is_full() {
            break;
        }
        let message = match lowering.places.contains_key(path) {
            true => format!("`{path}` takes no arguments"),
            false => format!("there is no step `{path}`"),
        };
        let unknown = Diagnostic::new(Code::UnknownPlace, message).at(entry.span, "named here");
        lowering.sink.push_with(unknown, || steps_like(path, lowering));
    }
}

fn steps_like(path: &Path, lowering: &Lowering<'_>) -> String {
    let depth = path.depth();
    let known = lowering.places.keys().filter(|place| place.depth() == depth);
    suggestion(path.as_str(), "steps", known.take(MOST_COMPARED).map(Path::as_str))
}

/// Builds one auxiliary head.
fn auxiliary(lowering: &mut Lowering<'_>, number: usize, node: &Node, scope: &Scope<'_>) {
    let reader = Reader { scope, sink: lowering.sink };
    let keys = fields(node, "auxiliary", reader).and_then(|fields| AuxiliaryKeys::read(&fields));
    let Some(keys) = keys else { return };
    let name = keys.name.map_or_else(|| format!("aux{}", number + 1), |name| name.text);
    if check_name(&name, "auxiliary head", node.span, &reader).is_none() {
        return;
    }
    let after = Path::new(&keys.after.text);
    let Some(&from) = lowering.places.get(&after) else {
        let message = format!("there is no step `{after}` to put the head after");
        let unknown =
            Diagnostic::new(Code::UnknownPlace, message).at(keys.after.span, "named here");
        lowering.sink.push_with(unknown, || steps_like(&after, lowering));
        return;
    };
    let path = Path::new(&name);
    if lowering.places.contains_key(&path) {
        let message = format!("a step is named `{name}` already");
        let twice = Diagnostic::new(Code::DuplicateName, message);
        lowering.sink.push(twice.at(node.span, "this head").help("give the head another `name`"));
        return;
    }
    lowering.part = Part::Auxiliary(lowering.graph.auxiliary().len());
    let end = lowering.scope(&keys.steps.0, scope, &path, from);
    lowering.part = Part::Main;
    lowering.places.insert(path, end);
    if !end.known {
        return;
    }
    if end.node == from.node {
        let message = format!("the head `{name}` has no layers");
        lowering
            .sink
            .push(Diagnostic::new(Code::EmptyNetwork, message).at(node.span, "nothing here"));
        return;
    }
    let weight = keys.weight.map_or(AUXILIARY_WEIGHT, |weight| weight.as_f32());
    lowering.graph.add_auxiliary(AuxiliaryHead { name, output: end.node, weight });
}

/// An entry of `params` that holds a value given from outside.
pub(crate) fn with_parameter(map: &Map, entry: &Entry) -> Map {
    let mut map = map.clone();
    let at = map.0.iter().position(|known| &*known.key == "params");
    let old = at.map_or_else(Vec::new, |at| declared(&map.0[at].value));
    let mut params = Map(old);
    match params.0.iter_mut().find(|known| known.key == entry.key) {
        Some(known) => known.value = entry.value.clone(),
        None => params.0.insert(0, entry.clone()),
    }
    let value = Node { span: entry.value.span, value: Value::Map(Arc::new(params)) };
    match at {
        Some(at) => map.0[at].value = value,
        None => map.0.push(Entry { key: Arc::from("params"), key_span: entry.key_span, value }),
    }
    map
}
