//! From the keys of a file to a checked network.

mod heads;

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    fmt,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use inceptive_ir::{Graph, Path, Shape, Span};
use inceptive_results::{Published, comparable};

use crate::{
    code::Code,
    constraint::Constraint,
    diagnostic::{Diagnostic, DiagnosticSink, nearest, suggestion},
    document::{
        ArchitectureKeys, InputKeys, OutputList, RESOLVED_KEYS, SETTABLE, fields, published, texts,
        without,
    },
    expr::{Symbol, Tape, Val, ValKind, is_multiplier},
    field::{Field, Fields, Maybe, Text, given},
    lower::{
        Channels, Cursor, Lowering, Names, Override, Written,
        block::{declared, value},
    },
    scope::{Named, Reader, Scope},
    static_check,
    step::check_name,
    width_rule::WidthRule,
    yaml::{Entry, Map, Node, Value},
};

/// How many steps of a network a mistyped path is compared with.
const MOST_COMPARED: usize = 1000;

/// Maximum number of parameters of a file, variables of its space included. Every expression looks through them.
const MAX_PARAMETERS: usize = 512;

/// A checked network.
#[derive(Clone, Debug)]
pub struct Architecture {
    /// Its name.
    pub name: String,
    /// The file that it was read from.
    pub file: PathBuf,
    /// A description in one line.
    pub description: Option<String>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// The papers or code that it comes from.
    pub cite: Vec<String>,
    /// The file that it is a variant of.
    pub extends: Option<PathBuf>,
    /// Published accuracies; empty for a network that was changed from the outside.
    pub published: Vec<Published>,
    /// The network with those of its auxiliary heads that fit.
    pub graph: Graph,
    /// Auxiliary heads that do not fit, and are not in the graph.
    pub unfit_heads: Vec<UnfitHead>,
    /// Values that were set from the outside or chosen in a space, by name.
    pub point: Vec<(String, String)>,
    /// Constraints of the space that it is a point of.
    pub constraints: Vec<Constraint>,
}

/// An auxiliary head that does not fit where it is put: at this size of the input, for instance, a window is larger
/// than its map. Only training needs heads, so the network is right without it in inference.
#[derive(Clone, Debug, PartialEq)]
pub struct UnfitHead {
    /// Its name.
    pub name: String,
    /// The errors; at least one.
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for UnfitHead {
    /// The name and the first thing that is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the auxiliary head `{}` does not fit and is left out", self.name)?;
        match self.diagnostics.first() {
            Some(first) => write!(f, ": {}", first.message),
            None => Ok(()),
        }
    }
}

impl Architecture {
    /// The published accuracy that is compared with those of other networks.
    pub fn comparable(&self) -> Option<&Published> {
        comparable(&self.published, self.graph.node(self.graph.input()).shape.size().height)
    }
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
    pub(crate) unfit_heads: Vec<UnfitHead>,
    /// Steps that were taken to build it.
    pub(crate) steps: u32,
    /// Numbers that its steps were given.
    pub(crate) written: Vec<Written>,
    /// How widths are multiplied.
    pub(crate) width_rule: WidthRule,
    /// How channels follow from the variables of a space.
    pub(crate) channels: Channels,
}

/// The network of a draft with what its file and the settings say about it.
pub(crate) fn finish(
    draft: &Draft,
    path: &FilePath,
    point: Vec<(String, String)>,
    extends: Option<PathBuf>,
    sink: &DiagnosticSink,
) -> Option<Architecture> {
    let built = build(draft, sink)?;
    Some(Architecture {
        name: built.name,
        file: path.to_owned(),
        description: built.description,
        notes: built.notes,
        extends,
        cite: built.cite,
        published: built.published,
        graph: built.graph,
        unfit_heads: built.unfit_heads,
        point,
        constraints: Vec::new(),
    })
}

/// Builds the network of a draft; `None` if something was reported.
pub(crate) fn build(draft: &Draft, sink: &DiagnosticSink) -> Option<Built> {
    build_noting(draft, None, sink)
}

/// Builds the network of a draft, and notes how it follows from the variables of a space.
pub(crate) fn build_noting(
    draft: &Draft,
    tape: Option<&Tape>,
    sink: &DiagnosticSink,
) -> Option<Built> {
    sink.start_network();
    let map = without(&draft.map, &RESOLVED_KEYS);
    let mut values = parameters(&map, tape, sink)?;
    let scope = Scope::root(&values).noting(tape);
    let reader = Reader { scope: &scope, sink };
    let fields = Fields {
        reader,
        what: "an architecture",
        span: draft.span,
        maps: vec![&map],
        resolved: &RESOLVED_KEYS,
    };
    let keys = ArchitectureKeys::read(&fields)?;
    let about = About::read(&keys, &reader);
    let input = input_shape(&keys, reader);
    if let Some(classes) = keys.classes {
        let classes = classes.0.map(|count| Val::number(count.value.into()));
        let classes = classes.map(|classes| Val { from_input: true, ..classes });
        values.push((Arc::from("classes"), classes));
    }
    // Without them nearly every step would have errors.
    let is_readable = !matches!(keys.params, Some(Maybe(None)))
        && !matches!(keys.blocks, Some(Maybe(None)))
        && !matches!(keys.defaults, Some(Maybe(None)));
    if !is_readable {
        return None;
    }
    if let Some(params) = given(&keys.params) {
        static_check::file_parameters(&params.0, &map, sink);
    }
    let rehearsed =
        static_check::architecture(&map, values.iter().map(|(name, _)| Arc::clone(name)), sink);
    let scope = Scope::root(&values).noting(tape);
    let lowered = lower(draft, &keys, &scope, input, sink)?;
    let Lowered { graph, unfit_heads, steps, written, width_rule, channels } = lowered;
    sink.is_empty().then_some(Built {
        name: about.name,
        description: about.description,
        notes: about.notes,
        cite: about.cite,
        published: about.published,
        graph,
        unfit_heads,
        steps: steps + rehearsed,
        written,
        width_rule,
        channels,
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
        if let Some(Text { span, .. }) =
            keys.name.0.as_ref().filter(|name| name.text.trim().is_empty())
        {
            let empty = Diagnostic::new(Code::InvalidName, "the name of a network cannot be empty");
            reader.sink.push(empty.at(*span, "empty"));
        }
        Self {
            name: keys.name.0.as_ref().map_or_else(String::new, |name| name.text.clone()),
            description: given(&keys.description).map(|text| text.text.clone()),
            notes: given(&keys.notes).map_or_else(Vec::new, |notes| texts(notes, reader)),
            cite: given(&keys.cite).map_or_else(Vec::new, |cite| texts(cite, reader)),
            published: given(&keys.published).map_or_else(Vec::new, |list| published(list, reader)),
        }
    }
}

/// The values of the file's parameters; each sees the ones before it. None when there are too many.
fn parameters(map: &Map, tape: Option<&Tape>, sink: &DiagnosticSink) -> Option<Vec<Named>> {
    let mut values: Vec<Named> = Vec::new();
    let Some(params) = map.get("params") else { return Some(values) };
    if declared(params).len() > MAX_PARAMETERS {
        let message = format!("a file has at most {MAX_PARAMETERS} parameters");
        let many = Diagnostic::new(Code::TooManyValues, message);
        sink.push(many.at(params.span, "these parameters"));
        return None;
    }
    for entry in declared(params) {
        let scope = Scope::root(&values).noting(tape);
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
            let value = value(&entry.value, &reader).map(|value| of_space(value, &entry.key, tape));
            values.push((Arc::clone(&entry.key), value));
        }
    }
    Some(values)
}

/// The value of a parameter, which may be a variable of a space.
fn of_space(value: Val, name: &str, tape: Option<&Tape>) -> Val {
    let found = tape.and_then(|tape| Some((tape, tape.variable(name)?)));
    let Some((tape, variable)) = found else { return value };
    match value.kind {
        ValKind::Number(_) => Val { symbol: tape.value(variable), ..value },
        ValKind::Bool(_) | ValKind::Text(_) | ValKind::Node(_) => {
            tape.decide_variable(variable);
            value
        }
    }
}

fn input_shape(keys: &ArchitectureKeys, reader: Reader<'_>) -> Option<(Shape, Span)> {
    let written = &keys.input.0.as_ref()?.0;
    let input = InputKeys::read(&fields(written, "input", reader)?)?;
    let size = input.size.0;
    Some((Shape::map(input.channels.value, size.height, size.width), written.span))
}

/// The graph of an input alone; if the input is unknown, the graph of a placeholder.
fn start(input: Option<(Shape, Span)>, reader: &Reader<'_>) -> Option<(Graph, Cursor)> {
    let graph = input.and_then(|(shape, span)| match Graph::new(shape, Some(span)) {
        Ok(graph) => Some(graph),
        Err(error) => {
            let large = Diagnostic::new(Code::NetworkTooLarge, error.to_string());
            reader.report(large.at(span, "this input"))
        }
    });
    let known = graph.is_some();
    let graph = graph.or_else(|| Graph::new(Shape::map(1, 1, 1), None).ok())?;
    let node = graph.input();
    let start = Cursor::at(node);
    Some((graph, if known { start } else { start.unknown() }))
}

/// What the steps of a network make up.
struct Lowered {
    graph: Graph,
    unfit_heads: Vec<UnfitHead>,
    steps: u32,
    written: Vec<Written>,
    width_rule: WidthRule,
    channels: Channels,
}

fn lower(
    draft: &Draft,
    keys: &ArchitectureKeys,
    scope: &Scope<'_>,
    input: Option<(Shape, Span)>,
    sink: &DiagnosticSink,
) -> Option<Lowered> {
    let reader = Reader { scope, sink };
    let (none, of_head) = (Map::default(), sink.sibling());
    let defaults = given(&keys.defaults).and_then(|defaults| defaults.0.map()).unwrap_or(&none);
    let width = width_rule(keys, draft.map.get("width_multiplier"), &reader);
    let (graph, mut start) = start(input, &reader)?;
    // Without a rule no width is known, and no shape.
    start.known &= width.is_some();
    let (width, multiplier) = width.unwrap_or((WidthRule::NONE, None));
    let mut lowering = Lowering::new(sink, graph, blocks(keys), defaults, width, scope);
    lowering.multiplier = multiplier;
    lowering.overrides = overrides(draft, keys, &reader);
    let mut names = names(keys, start, &reader);
    let before = lowering.before();
    let end = network(&mut lowering, keys, scope, &mut names, start);
    let ends = outputs(&mut lowering, keys, end, &reader);
    let ends = lowering.sweep_all(&Path::root(), before, ends);
    let (&end, more) = ends.split_first()?;
    let heads = given(&keys.auxiliary).and_then(|list| list.0.list()).unwrap_or_default();
    lowering.graph.set_output(end.node);
    more.iter().filter(|more| more.known).for_each(|more| lowering.graph.add_output(more.node));
    let mut unfit_heads = Vec::new();
    for (number, head) in heads.iter().enumerate() {
        if lowering.is_cut_short() {
            return None;
        }
        let unfit = heads::build(&mut lowering, number, head, scope, &mut names, &of_head);
        unfit_heads.extend(unfit);
    }
    check_overrides(&lowering);
    lowering.forget_absent_numbers();
    let (steps, written) = (lowering.steps, lowering.written.into_inner());
    let (graph, channels) = (lowering.graph, lowering.channels);
    // What is not known was reported.
    end.known.then_some(Lowered { graph, unfit_heads, steps, written, width_rule: width, channels })
}

/// Builds the body and the tail.
fn network(
    lowering: &mut Lowering<'_>,
    keys: &ArchitectureKeys,
    scope: &Scope<'_>,
    names: &mut Names<'_>,
    start: Cursor,
) -> Cursor {
    // Where outputs are named, nothing else has to lead to the end.
    let is_end_needed = keys.outputs.is_none();
    let tail = given(&keys.tail).filter(|tail| tail.0.list() != Some(&[]));
    let mut end = match &keys.body.0 {
        Some(body) => {
            let end = lowering.steps(&body.0, scope, start, names);
            match is_end_needed || tail.is_some() {
                true => expect_present(lowering, end, body.0.span),
                false => end,
            }
        }
        None => lowering.hide(&Path::root(), start),
    };
    let classes = keys.classes.map(|classes| Maybe(classes.0.map(|count| count.value)));
    match &keys.tail {
        Some(Maybe(Some(tail))) => {
            end = lowering.tail(tail, classes, scope, end);
            if is_end_needed {
                end = expect_present(lowering, end, tail.0.span);
            }
        }
        Some(Maybe(None)) => end = lowering.hide(&Path::new("tail"), end),
        None => {}
    }
    if let (true, Some(body)) = (end.known && end.node == start.node, &keys.body.0) {
        let empty = Diagnostic::new(Code::EmptyNetwork, "the network has no layers");
        lowering.sink.push(empty.at(body.0.span, "empty"));
    }
    end
}

/// The results that the network outputs, without those that `none` leaves out: its end, unless the file names others.
fn outputs(
    lowering: &mut Lowering<'_>,
    keys: &ArchitectureKeys,
    end: Cursor,
    reader: &Reader<'_>,
) -> Vec<Cursor> {
    let written = match &keys.outputs {
        None => return vec![end],
        Some(Maybe(None)) => return vec![end.unknown()],
        Some(Maybe(Some(OutputList(written)))) => written,
    };
    let mut ends: Vec<Cursor> = Vec::new();
    for item in written.list().unwrap_or_default() {
        let Some(Text { text, span }) = Text::read(item, reader) else {
            ends.push(end.unknown());
            continue;
        };
        let path = Path::new(&text);
        let place = match path.as_str() {
            "tail" => Some(end),
            _ => lowering.places.get(&path).copied(),
        };
        if place.is_some_and(|place| place.is_absent) || lowering.is_left_out(&path) {
            continue;
        }
        let is_known = |place: &Cursor| ends.iter().any(|end| end.known && end.node == place.node);
        match place {
            Some(place) if place.known && is_known(&place) => {
                let message = format!("the result of `{path}` is an output already");
                let twice = Diagnostic::new(Code::DuplicateName, message).at(span, "again here");
                reader.sink.push(twice);
            }
            Some(place) => ends.push(place),
            None => {
                if !lowering.is_hidden(&path) {
                    let message = format!("there is no step `{path}` to output");
                    let missing = Diagnostic::new(Code::UnknownPlace, message);
                    let missing = missing.at(span, "named here");
                    reader.sink.push_with(missing, || steps_like(&path, lowering));
                }
                ends.push(end.unknown());
            }
        }
    }
    match ends.is_empty() {
        true => vec![expect_present(lowering, end.absent(), written.span)],
        false => ends,
    }
}

/// Reports a part of the network of which `none` leaves nothing.
fn expect_present(lowering: &Lowering<'_>, end: Cursor, span: Span) -> Cursor {
    if !end.is_absent {
        return end;
    }
    let message = "the output of the network is absent";
    let absent = Diagnostic::new(Code::AbsentOutput, message).at(span, "nothing leads to its end");
    lowering.sink.push(absent.help("on every way through it, a step is `none`"));
    end.unknown()
}

/// The names of a network's outermost scope that are no steps.
fn names<'n>(keys: &ArchitectureKeys, start: Cursor, reader: &Reader<'_>) -> Names<'n> {
    let mut names = Names::of(Path::root(), start);
    if let Some(input) = &keys.input.0 {
        names.take("input", input.0.span, reader);
    }
    if let Some(tail) = given(&keys.tail).filter(|tail| tail.0.list() != Some(&[])) {
        names.take("tail", tail.0.span, reader);
    }
    names
}

/// How widths are multiplied, and how the multiplier follows from the variables of a space; none, with a report, when
/// that is not known.
fn width_rule(
    keys: &ArchitectureKeys,
    written: Option<&Node>,
    reader: &Reader<'_>,
) -> Option<(WidthRule, Option<Symbol>)> {
    let (multiplier, symbol) = match keys.width_multiplier {
        Some(Maybe(multiplier)) => multiplier.map(|it| (it.value, it.symbol))?,
        None => (WidthRule::NONE.multiplier, None),
    };
    let divisor = match keys.width_divisor {
        Some(Maybe(divisor)) => divisor?.value,
        None => WidthRule::NONE.divisor,
    };
    if is_multiplier(multiplier) {
        return Some((WidthRule { multiplier, divisor }, symbol));
    }
    let message =
        format!("`width_multiplier` is {multiplier}, which must be above 0 and at most 1024");
    let range = Diagnostic::new(Code::OutOfRange, message);
    reader.report(written.map_or(range.clone(), |written| range.at(written.span, "out of range")))
}

fn blocks(keys: &ArchitectureKeys) -> HashMap<Arc<str>, &Node> {
    let blocks = given(&keys.blocks).and_then(|blocks| blocks.0.map());
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
    let set = given(&keys.set).and_then(|set| set.0.map());
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
fn check_overrides(lowering: &Lowering<'_>) {
    let all = lowering.overrides.iter();
    let entries = all.flat_map(|(path, entries)| entries.iter().map(move |entry| (path, entry)));
    for (path, entry) in entries.filter(|(_, entry)| !entry.used.get()) {
        if lowering.is_cut_short() {
            break;
        }
        if lowering.is_hidden(path) || lowering.is_left_out(path) {
            continue;
        }
        let message = match lowering.places.contains_key(path) {
            true => format!("`{path}` takes no arguments"),
            false => format!("there is no step `{path}`"),
        };
        let unknown = Diagnostic::new(Code::UnknownPlace, message).at(entry.span, "named here");
        lowering.sink.push_with(unknown, || {
            let steps = steps_like(path, lowering);
            match key_like(path, &entry.args) {
                Some(key) => format!("did you mean `{key}`? {steps}"),
                None => steps,
            }
        });
    }
}

/// The top-level key with a dot, such as `input.size`, that a setting of an unknown step may have meant.
fn key_like(path: &Path, args: &Map) -> Option<&'static str> {
    let [argument] = args.0.as_slice() else { return None };
    let written = format!("{path}.{}", argument.key);
    let dotted = SETTABLE.into_iter().filter(|key| key.contains('.'));
    nearest(&written, dotted).first().copied()
}

fn steps_like(path: &Path, lowering: &Lowering<'_>) -> String {
    let depth = path.depth();
    let known = lowering.places.keys().filter(|place| place.depth() == depth);
    suggestion(path.as_str(), "steps", known.take(MOST_COMPARED).map(Path::as_str))
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
