//! Builds the nodes of the graph from steps.
//!
//! After an error, the output of the step counts as unknown: the steps after it are still read and checked, but errors
//! that depend on the unknown shape are not reported.
//!
//! A dry run goes through every step once without any values, see [`Lowering::dry_run`]: it finds errors that do not
//! depend on values, also in blocks that are never used and in branches that a condition skips.

pub(crate) mod block;
mod channels;
mod flow;
mod inputs;
mod join;
mod learned;
mod names;
mod ops;
mod sweep;
pub(crate) mod tail;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use inceptive_ir::{Form, Graph, GraphError, NewNode, NodeId, Op, Part, Path, ShapeError, Span};

pub(crate) use channels::Channels;
use channels::Outputs;
use inputs::Inputs;
pub(crate) use names::Names;

use crate::{
    args::{Builtin, STEP_KEYS},
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink, suggestion},
    expr::{Symbol, ValKind},
    field::Fields,
    record::StepPlace,
    scope::{Reader, Scope},
    step::Step,
    width_rule::WidthRule,
    yaml::{Map, Node, Value},
};

/// Steps that a network may expand to.
const MAX_STEPS: u32 = 200_000;
/// Maximum number of recorded numbers; nobody sets more by hand.
const MAX_WRITTEN: usize = 4096;
/// How deep blocks may call each other and steps may be nested.
const MAX_CALLS: usize = 32;

/// A place in the network that a step can read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    pub(crate) node: NodeId,
    /// False after an error: the shape here is not known.
    pub(crate) known: bool,
    /// Whether `none` leaves nothing to read here; then it is not known either.
    pub(crate) is_absent: bool,
}

impl Cursor {
    /// The place after a node.
    pub(crate) fn at(node: NodeId) -> Self {
        Self { node, known: true, is_absent: false }
    }

    pub(crate) fn unknown(self) -> Self {
        Self { known: false, is_absent: false, ..self }
    }

    pub(crate) fn absent(self) -> Self {
        Self { known: false, is_absent: true, ..self }
    }
}

/// Arguments of a step that are replaced from outside.
pub(crate) struct Override {
    pub(crate) span: Span,
    pub(crate) args: Arc<Map>,
    pub(crate) used: Cell<bool>,
}

/// A number that a step was given as it is.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) path: Path,
    pub(crate) part: Part,
    /// The block that the step calls; none of a built-in one, whose width it is.
    pub(crate) block: Option<Arc<str>>,
    pub(crate) key: Arc<str>,
    pub(crate) value: f64,
}

/// Builds the graph of one network.
pub(crate) struct Lowering<'a> {
    pub(crate) sink: &'a DiagnosticSink,
    pub(crate) graph: Graph,
    pub(crate) blocks: HashMap<Arc<str>, &'a Node>,
    pub(crate) defaults: &'a Map,
    pub(crate) width: WidthRule,
    /// Arguments to replace, by the path of their step; earlier ones win.
    pub(crate) overrides: BTreeMap<Path, Vec<Override>>,
    /// Names that every expression sees.
    pub(crate) globals: &'a Scope<'a>,
    /// Output of every step.
    pub(crate) places: BTreeMap<Path, Cursor>,
    pub(crate) part: Part,
    /// Steps so far.
    pub(crate) steps: u32,
    /// Scopes whose steps are not known because of an error.
    hidden: BTreeSet<Path>,
    /// Steps that are left out because of `none`, with everything in them.
    left_out: BTreeSet<Path>,
    /// Whether no value is known and every step is taken once.
    pub(crate) is_rehearsal: bool,
    /// The names of steps whose results the network outputs, without the lists that they are in.
    pub(crate) outputs: HashSet<String>,
    /// Numbers that steps were given as they are, in the order of the steps.
    pub(crate) written: RefCell<Vec<Written>>,
    /// Where the blocks that are being built were called, outermost first.
    calls: Vec<Span>,
    /// How the multiplier of widths follows from the variables of a space.
    pub(crate) multiplier: Option<Symbol>,
    /// How channels follow from the variables of a space.
    pub(crate) channels: Channels,
}

/// The target of a step: a built-in operator or a block.
#[derive(Clone, Copy)]
enum Callee<'a> {
    Builtin(Builtin),
    Block(&'a Node),
}

/// Everything a step needs to become nodes.
struct Site<'s> {
    scope: &'s Scope<'s>,
    path: Path,
    span: Span,
    /// The first input that there is.
    cursor: Cursor,
    inputs: &'s Inputs,
    /// The names in the list that the step is in.
    names: &'s Names<'s>,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(
        sink: &'a DiagnosticSink,
        graph: Graph,
        blocks: HashMap<Arc<str>, &'a Node>,
        defaults: &'a Map,
        width: WidthRule,
        globals: &'a Scope<'a>,
    ) -> Self {
        Self {
            sink,
            graph,
            blocks,
            defaults,
            width,
            overrides: BTreeMap::new(),
            globals,
            places: BTreeMap::new(),
            part: Part::Main,
            steps: 0,
            hidden: BTreeSet::new(),
            left_out: BTreeSet::new(),
            is_rehearsal: false,
            outputs: HashSet::new(),
            written: RefCell::default(),
            calls: Vec::new(),
            multiplier: None,
            channels: Channels::default(),
        }
    }

    /// Records that an error hides the steps of a scope, and returns the cursor after it.
    pub(crate) fn hide(&mut self, scope: &Path, cursor: Cursor) -> Cursor {
        self.hidden.insert(scope.clone());
        cursor.unknown()
    }

    /// Whether there may be a step at a path that an error hides.
    pub(crate) fn is_hidden(&self, path: &Path) -> bool {
        is_within(path, &self.hidden)
    }

    /// Whether there may be a step at a path that `none` leaves out.
    pub(crate) fn is_left_out(&self, path: &Path) -> bool {
        is_within(path, &self.left_out)
    }

    /// Builds a list of steps that is a scope of its own.
    pub(crate) fn scope(&mut self, list: &Node, scope: &Scope<'_>, names: Names<'_>) -> Cursor {
        let mut names = names;
        let Some(input) = names.input() else { return self.nowhere() };
        let end = self.steps(list, scope, input, &mut names);
        self.expect_read(&names);
        end
    }

    /// Builds a list of steps in a scope that has names already.
    pub(crate) fn steps(
        &mut self,
        list: &Node,
        scope: &Scope<'_>,
        from: Cursor,
        names: &mut Names<'_>,
    ) -> Cursor {
        let reader = Reader { scope, sink: self.sink };
        let path = names.path().clone();
        let Some(list) = reader.substitute(list) else { return self.hide(&path, from) };
        let steps = match &list.value {
            Value::List(steps) => steps,
            Value::Null => return from,
            _ => {
                reader.wrong_type::<()>(&list, "a list of steps");
                return self.hide(&path, from);
            }
        };
        if self.calls.len() + path.depth() > 2 * MAX_CALLS {
            let message = "steps are nested too deeply";
            reader.sink.push(Diagnostic::new(Code::TooManyCalls, message).at(list.span, "here"));
            return self.hide(&path, from);
        }
        names.reserve(steps, &reader);
        let mut cursor = from;
        for step in steps.iter() {
            if !self.may_go_on(step.span) {
                return cursor.unknown();
            }
            cursor = self.step(step, scope, cursor, names);
        }
        cursor
    }

    /// A place that is not known.
    fn nowhere(&self) -> Cursor {
        Cursor::at(self.graph.input()).unknown()
    }

    /// Counts a step; false when there were too many, or too many mistakes.
    fn may_go_on(&mut self, span: Span) -> bool {
        if self.steps == MAX_STEPS {
            let message = format!("the network has more than {MAX_STEPS} steps");
            let many = Diagnostic::new(Code::NetworkTooLarge, message);
            self.sink.push(many.at(span, "reached here"));
        }
        // One above the limit from then on, so that it is reported once.
        self.steps = (self.steps + 1).min(MAX_STEPS + 1);
        !self.is_cut_short()
    }

    /// Whether steps were skipped, so that missing steps cannot be reported.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.steps > MAX_STEPS || self.sink.is_full() || self.sink.is_spent()
    }

    fn step(
        &mut self,
        node: &Node,
        outer: &Scope<'_>,
        cursor: Cursor,
        names: &mut Names<'_>,
    ) -> Cursor {
        let scope = outer.reading(self.input(cursor));
        let reader = Reader { scope: &scope, sink: self.sink };
        let Some(step) = Step::read(node, &reader) else {
            names.read_any();
            names.finish_unnamed();
            return self.hide(names.path(), cursor);
        };
        let Some(word) = word(&step, &reader) else {
            return self.step_of_unknown_word(&step, cursor, names, &reader);
        };
        let callee = self.callee(&word);
        if matches!(callee, Some(Callee::Builtin(Builtin::If))) {
            return self.branch_on(&step, &scope, cursor, names);
        }
        let name = match step.name {
            Some(name) => name.to_owned(),
            None => names.number(&word, step.span),
        };
        let place = names.path().join(&name);
        self.record(&place, &step, node.span, &word);
        let inputs = self.inputs(&step, &place, cursor, names, &reader);
        let inputs = self.expect_count(inputs, callee, &step, &word);
        let scope = outer.reading(self.input(inputs.first()));
        let site = Site {
            scope: &scope,
            path: place.clone(),
            span: step.span,
            cursor: inputs.first(),
            inputs: &inputs,
            names: &*names,
        };
        let end = match callee {
            Some(Callee::Builtin(Builtin::None)) => self.none(&step, &site),
            Some(_) if inputs.are_absent() => self.leave_out(&site),
            Some(Callee::Builtin(builtin)) => self.builtin(builtin, &step, site),
            Some(Callee::Block(block)) => self.call(&word, block, &step, &site),
            None => {
                self.unknown_step(&word, step.span);
                self.hide(&place, cursor)
            }
        };
        names.finish(&name, step.span, end);
        self.places.insert(place, end);
        end
    }

    /// What a step does is not known; its input and its name are.
    fn step_of_unknown_word(
        &mut self,
        step: &Step<'_>,
        cursor: Cursor,
        names: &mut Names<'_>,
        reader: &Reader<'_>,
    ) -> Cursor {
        let place = step.name.map_or_else(|| names.path().clone(), |name| names.path().join(name));
        self.inputs(step, &place, cursor, names, reader);
        match step.name {
            Some(name) => names.finish(name, step.span, cursor.unknown()),
            None => names.finish_unnamed(),
        }
        self.hide(&place, cursor)
    }

    fn none(&mut self, step: &Step<'_>, site: &Site<'_>) -> Cursor {
        if !step.is_chosen() {
            self.arguments(step, site, None, &[]);
        }
        self.leave_out(site)
    }

    /// The result of a step that `none` leaves out.
    fn leave_out(&mut self, site: &Site<'_>) -> Cursor {
        if self.is_rehearsal {
            return site.cursor.unknown();
        }
        self.left_out.insert(site.path.clone());
        self.use_settings(&site.path);
        site.cursor.absent()
    }

    /// Notes that a step has no use for the arguments that were set for it.
    fn use_settings(&self, path: &Path) {
        let replaced = self.overrides.get(path).into_iter().flatten();
        replaced.for_each(|replaced| replaced.used.set(true));
    }

    /// Notes where a step is written, for editors.
    fn record(&self, path: &Path, step: &Step<'_>, whole: Span, word: &Arc<str>) {
        let Some(mut record) = self.sink.record().filter(|_| !self.is_rehearsal) else { return };
        let block = self.blocks.contains_key(word).then(|| Arc::clone(word));
        let call = self.calls.first().copied();
        record.step(path.clone(), StepPlace { span: step.span, whole, call, block });
    }

    /// What the operator of a step names.
    fn callee(&self, word: &str) -> Option<Callee<'a>> {
        match Builtin::find(word) {
            Some(builtin) => Some(Callee::Builtin(builtin)),
            None => self.blocks.get(word).copied().map(Callee::Block),
        }
    }

    fn unknown_step(&self, word: &str, span: Span) {
        let unknown = Diagnostic::new(Code::UnknownStep, format!("unknown step `{word}`"));
        self.sink.push_with(unknown.at(span, "neither a built-in step nor a block"), || {
            let mut known: Vec<&str> = Builtin::ALL.iter().map(|(name, _)| *name).collect();
            known.extend(self.blocks.keys().map(|name| &**name));
            suggestion(word, "steps and blocks", known)
        });
    }

    /// The arguments of a step: settings first, then its own, then the file's defaults.
    fn arguments<'m>(
        &'m self,
        step: &'m Step<'_>,
        site: &'m Site<'_>,
        defaults: Option<&'m Map>,
        known: &[&str],
    ) -> Option<Fields<'m>> {
        let reader = Reader { scope: site.scope, sink: self.sink };
        let replaced = self.overrides.get(&site.path).into_iter().flatten();
        let known: Vec<&str> = known.iter().copied().chain(STEP_KEYS).collect();
        let mut maps = Vec::new();
        for entry in replaced {
            entry.used.set(true);
            crate::field::unknown_keys(&entry.args, step.word, &known, &reader);
            maps.push(&*entry.args);
        }
        let own = match step.args.map(|args| &args.value) {
            None => None,
            Some(Value::Map(map)) => Some(&**map),
            Some(_) => {
                let wanted = format!("a map of arguments of `{}`", step.word);
                return step.args.and_then(|args| reader.wrong_type(args, &wanted));
            }
        };
        if let Some(own) = own {
            crate::field::unknown_keys(own, step.word, &known, &reader);
            maps.push(own);
        }
        maps.extend(defaults);
        Some(Fields { reader, what: step.word, span: step.span, maps, resolved: &STEP_KEYS })
    }

    /// Notes an argument of the step at a path that was given as a number: it can be set.
    fn note(&self, path: Path, block: Option<&str>, key: &str, given: Option<&Node>) {
        let mut written = self.written.borrow_mut();
        if let Some(Value::Number(value)) = given.map(|given| &given.value)
            && written.len() < MAX_WRITTEN
        {
            let (block, key) = (block.map(Arc::from), Arc::from(key));
            written.push(Written { path, part: self.part, block, key, value: *value });
        }
    }

    /// Defaults of a built-in step.
    fn defaults_of(&self, name: &str) -> Option<&'a Map> {
        self.defaults.get(name).and_then(Node::map)
    }

    /// Adds a node whose channels follow from its inputs.
    fn add(&mut self, op: Op, inputs: &[Cursor], path: Path, span: Span, form: Form) -> Cursor {
        self.add_layer(op, inputs, path, span, form, Outputs::default())
    }

    /// Adds a node; a shape that does not fit is reported with the place of both sides.
    fn add_layer(
        &mut self,
        op: Op,
        inputs: &[Cursor],
        path: Path,
        span: Span,
        form: Form,
        outputs: Outputs,
    ) -> Cursor {
        let first = inputs[0];
        if inputs.iter().any(|input| !input.known) {
            return first.unknown();
        }
        let nodes: Vec<NodeId> = inputs.iter().map(|input| input.node).collect();
        let channels = self.tape().and_then(|tape| self.follow_inputs(&op, &nodes, &outputs, tape));
        let (part, shared) = (self.part, outputs.shared);
        let new = NewNode { part, span: Some(span), form, shared, ..NewNode::new(op, path) };
        match self.graph.add(new, &nodes) {
            Ok(node) => {
                if self.tape().is_some() {
                    self.channels.push(node, channels, outputs.is_depthwise);
                }
                Cursor::at(node)
            }
            Err(error) => {
                self.report_graph_error(&error, &nodes, span);
                first.unknown()
            }
        }
    }

    fn report_graph_error(&self, error: &GraphError, inputs: &[NodeId], span: Span) {
        if matches!(error, GraphError::DuplicatePath { .. }) && !self.sink.is_empty() {
            // The name that was given twice has been reported.
            return;
        }
        let (code, help) = match error {
            GraphError::Shape { error: ShapeError::Join { .. }, .. } => (
                Code::JoinMismatch,
                Some("check strides and paddings of the branches, or project the shortcut"),
            ),
            GraphError::Shape { error: ShapeError::TooLarge { .. }, .. }
            | GraphError::TooManyNodes { .. }
            | GraphError::TooDeep { .. } => (Code::NetworkTooLarge, None),
            GraphError::DuplicatePath { .. } => (Code::DuplicateName, None),
            GraphError::Shape { error: ShapeError::Rank { expected: "vector", .. }, .. } => (
                Code::ShapeMismatch,
                Some("put `flatten` or `gap` and `flatten` before a linear layer"),
            ),
            _ => (Code::ShapeMismatch, None),
        };
        let mut diagnostic = Diagnostic::new(code, error.to_string()).at(span, "does not fit here");
        for &input in inputs.iter().take(4) {
            let node = self.graph.node(input);
            if let Some(at) = node.span {
                let label = format!("`{}` has shape {}", node.path, node.shape);
                diagnostic = diagnostic.at(at, label);
            }
        }
        if let Some(call) = self.calls.first().filter(|call| **call != span) {
            diagnostic = diagnostic.at(*call, "while building this step");
        }
        self.sink.push(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }
}

/// Whether a path is one of some scopes, or in one.
fn is_within(path: &Path, scopes: &BTreeSet<Path>) -> bool {
    !scopes.is_empty()
        && std::iter::successors(Some(path.clone()), Path::parent)
            .any(|scope| scopes.contains(&scope))
}

/// The operator of a step; `$kind` is replaced by its value.
fn word(step: &Step<'_>, reader: &Reader<'_>) -> Option<Arc<str>> {
    if !step.is_chosen() {
        return Some(Arc::from(step.word));
    }
    match reader.evaluate(step.word, step.span)?.kind {
        ValKind::Text(word) => Some(word),
        ValKind::Number(_) | ValKind::Bool(_) | ValKind::Node(_) => {
            let message = format!("`{}` is not the name of a step or block", step.word);
            reader.report(Diagnostic::new(Code::WrongType, message).at(step.span, "used as a step"))
        }
    }
}
