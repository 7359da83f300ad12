//! Spaces of networks: a base, variables, constraints and objectives.

use std::{
    collections::HashSet,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use inceptive_ir::Span;
use inceptive_results::{Direction, Metric, Objective};

use crate::{
    architecture::{Architecture, Draft, finish, with_parameter},
    code::Code,
    constraint::Constraint,
    diagnostic::{Diagnostic, DiagnosticSink, suggestion},
    document::{SpaceKeys, VariableKeys, fields, texts},
    expr::MAX_VARIABLES,
    failure::Failure,
    field::{Fields, Text},
    load::{Document, Loader},
    lower::block::declared,
    merge::merge,
    path::normal,
    scope::{Reader, Scope},
    source::Sources,
    step::check_name,
    yaml::{Entry, Map, Node, Value},
};

/// Values that one variable may have.
const MAX_VALUES: f64 = 10_000.0;

/// Relative difference up to which two numbers are the same value, rounded.
const SAME_VALUE: f64 = 1e-9;

/// Digits of the values of a range, counted from the first digit of its larger end.
const RANGE_DIGITS: f64 = 13.0;

/// A space of networks.
#[derive(Clone, Debug)]
pub struct Space {
    /// Its title.
    pub title: String,
    /// A description in one line.
    pub description: Option<String>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// The variables.
    pub variables: Vec<Variable>,
    /// What every network of interest satisfies.
    pub constraints: Vec<Constraint>,
    /// The objectives.
    pub objectives: Vec<Objective>,
    /// The file that it was read from.
    pub file: PathBuf,
    /// The file of the network that varies.
    pub base_file: PathBuf,
    /// All files that were read: these two, what they extend and the libraries that they use.
    pub files: Vec<PathBuf>,
    /// How the base is changed for all networks.
    pub(crate) with: Arc<Map>,
    base: Arc<Map>,
    span: Span,
}

/// A variable of a space.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its values, in order.
    pub values: Vec<Choice>,
    /// Position of the value where none is given.
    pub default: usize,
    span: Span,
}

/// One value of a variable.
#[derive(Clone, Debug)]
pub struct Choice {
    /// How it is written in `--set` and in tables.
    pub label: String,
    value: Node,
}

/// Reads `minimize macs`.
fn objective(text: &str) -> Result<Objective, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (direction, metric) = match words.as_slice() {
        ["maximize", metric] => (Direction::Maximize, *metric),
        ["minimize", metric] => (Direction::Minimize, *metric),
        _ => return Err("write `minimize macs` or `maximize top1`".to_owned()),
    };
    metric.parse().map(|metric| Objective { metric, direction }).map_err(|_| {
        let known = Metric::ALL.map(Metric::id);
        format!("there is no metric `{metric}`; {}", suggestion(metric, "metrics", known))
    })
}

/// Reads objectives, separated by commas, such as `top1, macs` or `maximize top1, minimize params`. A metric without a
/// direction is wanted as it is usually.
///
/// # Errors
/// What is wrong with the first that is none.
pub fn read_objectives(text: &str) -> Result<Vec<Objective>, String> {
    let read = |part: &str| match part.trim().parse::<Metric>() {
        Ok(metric) => Ok(Objective { metric, direction: metric.direction() }),
        // A single word is meant to be a metric.
        Err(_) if part.split_whitespace().count() == 1 => objective(&format!("minimize {part}")),
        Err(_) => objective(part),
    };
    text.split(',').map(read).collect()
}

impl Choice {
    /// The value, if it is a number.
    pub const fn number(&self) -> Option<f64> {
        match self.value.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The value as it is written.
    pub(crate) fn node(&self) -> &Node {
        &self.value
    }
}

impl Space {
    /// Reads a space with its base.
    pub(crate) fn read(
        document: &Document,
        loader: &mut Loader<'_>,
        sink: &DiagnosticSink,
    ) -> Option<Self> {
        let reader = Reader { scope: &Scope::EMPTY, sink };
        let fields = Fields {
            reader,
            what: "a space",
            span: document.span,
            maps: vec![&document.map],
            resolved: &[],
        };
        // `with` may mention the variables and is read with the architecture that it changes.
        let keys = SpaceKeys::read(&fields)?;
        let base = loader.base_of_space(document, &keys.base)?;
        let with = keys.with.as_ref().and_then(|with| with.0.map().cloned()).unwrap_or_default();
        let mut whole = merge(&base, &with);
        if whole.get("name").is_none() {
            whole.0.insert(0, title(&keys.space));
        }
        let vary = keys.vary.0.map()?;
        if vary.0.is_empty() {
            let nothing = Diagnostic::new(Code::OutOfRange, "`vary` needs at least one variable");
            return reader.report(nothing.at(keys.vary.0.span, "no variables"));
        }
        if vary.0.len() > MAX_VARIABLES {
            let message = format!("a space has at most {MAX_VARIABLES} variables");
            let many = Diagnostic::new(Code::TooManyValues, message);
            return reader.report(many.at(keys.vary.0.span, "these variables"));
        }
        expect_no_parameter(vary, &with, &reader)?;
        let variables: Vec<Variable> =
            vary.0.iter().filter_map(|entry| Variable::read(entry, &reader)).collect();
        let constraints = conditions(keys.constraints.as_ref(), Constraint::parse, &reader);
        let objectives = conditions(keys.objectives.as_ref(), objective, &reader);
        sink.is_empty().then_some(Self {
            title: keys.space.text,
            notes: keys.notes.as_ref().map_or_else(Vec::new, |notes| texts(notes, &reader)),
            description: keys.description.map(|text| text.text),
            variables,
            constraints,
            objectives,
            file: document.path.clone(),
            base_file: normal(
                &document.path.parent().unwrap_or(FilePath::new("")).join(&keys.base.text),
            ),
            files: loader.sources.paths().map(FilePath::to_owned).collect(),
            with: Arc::new(with),
            base: Arc::new(whole),
            span: document.span,
        })
    }

    /// Number of networks in the space, constraints not considered; `u128::MAX` if there are more.
    pub fn size(&self) -> u128 {
        let counts = self.variables.iter().map(|variable| variable.values.len() as u128);
        counts.fold(1, u128::saturating_mul)
    }

    /// The architecture's keys with one value of each variable.
    pub(crate) fn at(&self, choices: &[usize]) -> (Map, Vec<(String, String)>) {
        let mut map = (*self.base).clone();
        let mut point = Vec::new();
        // Each parameter is put in front, so that the file's own parameters can refer to it.
        for (variable, &choice) in self.variables.iter().zip(choices).rev() {
            let chosen = &variable.values[choice];
            let entry = Entry {
                key: Arc::from(&*variable.name),
                key_span: variable.span,
                value: chosen.value.clone(),
            };
            map = with_parameter(&map, &entry);
            point.insert(0, (variable.name.clone(), chosen.label.clone()));
        }
        (map, point)
    }

    /// The network with one value of each variable, by their positions.
    ///
    /// # Errors
    /// All diagnostics, when there is no such network: its shapes do not fit, for instance. They have no
    /// places, as the files are not kept.
    ///
    /// # Panics
    /// When there is no such position.
    pub fn network(&self, choices: &[usize]) -> Result<Architecture, Failure> {
        let sink = DiagnosticSink::default();
        let (map, point) = self.at(choices);
        let draft = Draft { map, span: self.span, overrides: Vec::new() };
        let network = finish(&draft, &self.file, point, None, &sink);
        match network {
            Some(mut network) if sink.is_empty() => {
                network.constraints.clone_from(&self.constraints);
                Ok(network)
            }
            _ => Err(Failure::new(sink.take(), Sources::default())),
        }
    }

    /// The positions of the default values.
    pub fn defaults(&self) -> Vec<usize> {
        self.variables.iter().map(|variable| variable.default).collect()
    }

    pub(crate) fn span(&self) -> Span {
        self.span
    }
}

/// A variable sets the parameter of its name, so `with` cannot set that to something else.
fn expect_no_parameter(vary: &Map, with: &Map, reader: &Reader<'_>) -> Option<()> {
    let params = with.get("params").map(declared).unwrap_or_default();
    let is_itself = |param: &Entry| match &param.value.value {
        Value::Text(text) => text.strip_prefix('$') == Some(&*param.key),
        _ => false,
    };
    let both = params.iter().filter(|param| !is_itself(param)).find_map(|param| {
        let variable = vary.0.iter().find(|variable| variable.key == param.key)?;
        Some((param, variable))
    });
    let Some((param, variable)) = both else { return Some(()) };
    let message = format!("`{}` is a variable and a parameter of `with`", param.key);
    let twice = Diagnostic::new(Code::DuplicateName, message)
        .at(param.key_span, "this parameter has no effect")
        .at(variable.key_span, "the variable");
    reader.report(twice.help("rename one of the two"))
}

fn title(space: &Text) -> Entry {
    let value = Node { span: space.span, value: Value::Text(Arc::from(&*space.text)) };
    Entry { key: Arc::from("name"), key_span: space.span, value }
}

fn conditions<T>(
    list: Option<&crate::document::ConstraintList>,
    parse: impl Fn(&str) -> Result<T, String>,
    reader: &Reader<'_>,
) -> Vec<T> {
    let items = list.and_then(|list| list.0.list()).unwrap_or_default();
    let read = |item: &Node| {
        if reader.sink.is_full() {
            return None;
        }
        let Some(text) = item.text() else { return reader.wrong_type(item, "text") };
        match parse(text) {
            Ok(condition) => Some(condition),
            Err(reason) => {
                let message = format!("`{text}` cannot be read: {reason}");
                let invalid = Diagnostic::new(Code::InvalidConstraint, message);
                reader.report(invalid.at(item.span, "this one"))
            }
        }
    };
    items.iter().filter_map(read).collect()
}

impl Variable {
    fn read(entry: &Entry, reader: &Reader<'_>) -> Option<Self> {
        check_name(&entry.key, "variable", entry.key_span, reader)?;
        let keys = VariableKeys::read(&fields(&entry.value, &entry.key, *reader)?)?;
        let values = match (&keys.values, keys.from, keys.to) {
            (Some(values), None, None) => listed(&values.0, reader)?,
            (None, Some(from), Some(to)) => {
                let step = keys.step.map_or(1.0, |step| step.0);
                range(from.0, to.0, step, &entry.value, reader)?
            }
            _ => {
                let message =
                    format!("the variable `{}` needs `values`, or `from` and `to`", entry.key);
                let missing = Diagnostic::new(Code::MissingKey, message);
                return reader.report(missing.at(entry.key_span, "this variable"));
            }
        };
        let mut variable =
            Self { name: entry.key.to_string(), values, default: 0, span: entry.key_span };
        if let Some(default) = keys.default {
            variable.default = variable.find(&default.0, reader)?;
        }
        Some(variable)
    }

    /// The position of a value that was written by a person.
    pub(crate) fn find(&self, wanted: &Node, reader: &Reader<'_>) -> Option<usize> {
        let is_wanted = |choice: &Choice, tolerance: f64| match (&choice.value.value, &wanted.value)
        {
            (Value::Number(a), Value::Number(b)) => {
                (a - b).abs() <= tolerance * a.abs().max(b.abs())
            }
            (_, Value::Number(number)) => choice.label == number.to_string(),
            (_, Value::Text(text)) => choice.label == **text,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            _ => false,
        };
        // An equal value comes before one that differs by rounding alone.
        let at = |tolerance| self.values.iter().position(|choice| is_wanted(choice, tolerance));
        if let Some(position) = at(0.0).or_else(|| at(SAME_VALUE)) {
            return Some(position);
        }
        let labels: Vec<&str> = self.values.iter().map(|choice| &*choice.label).collect();
        let wanted_text = wanted.brief();
        let message = format!("the variable `{}` has no value {wanted_text}", self.name);
        let outside =
            Diagnostic::new(Code::OutsideDomain, message).at(wanted.span, "not in the space");
        let shown = if labels.len() <= 30 {
            format!("values: {}", labels.join(", "))
        } else {
            format!("{} values from {} to {}", labels.len(), labels[0], labels[labels.len() - 1])
        };
        reader.report(outside.help(shown))
    }
}

fn listed(values: &Node, reader: &Reader<'_>) -> Option<Vec<Choice>> {
    let choices: Vec<Choice> = match &values.value {
        Value::Map(map) => map
            .0
            .iter()
            .map(|entry| Choice { label: entry.key.to_string(), value: entry.value.clone() })
            .collect(),
        Value::List(items) => {
            items.iter().map(|item| label(item, reader)).collect::<Option<_>>()?
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => Vec::new(),
    };
    if choices.is_empty() {
        let message = "a variable needs at least one value";
        return reader
            .report(Diagnostic::new(Code::OutOfRange, message).at(values.span, "no values"));
    }
    expect_different(&choices, reader)?;
    Some(choices)
}

/// Values that are listed twice would be sampled twice.
fn expect_different(choices: &[Choice], reader: &Reader<'_>) -> Option<()> {
    let mut labels = HashSet::with_capacity(choices.len());
    match choices.iter().find(|choice| !labels.insert(&choice.label)) {
        None => Some(()),
        Some(Choice { label, value }) => {
            let twice =
                Diagnostic::new(Code::DuplicateName, format!("the value {label} is listed twice"));
            reader.report(twice.at(value.span, "again here"))
        }
    }
}

fn label(item: &Node, reader: &Reader<'_>) -> Option<Choice> {
    let label = match &item.value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::List(_) | Value::Map(_) => {
            return reader.wrong_type(item, "a number or a word; give lists and maps a label");
        }
    };
    Some(Choice { label, value: item.clone() })
}

fn range(from: f64, to: f64, step: f64, node: &Node, reader: &Reader<'_>) -> Option<Vec<Choice>> {
    let steps = ((to - from) / step + 1e-9).floor();
    if step <= 0.0 || !(0.0..MAX_VALUES).contains(&steps) {
        let message = format!(
            "a range from {from} to {to} by {step} has no values, or more than {MAX_VALUES}"
        );
        return reader
            .report(Diagnostic::new(Code::OutOfRange, message).at(node.span, "this range"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let steps = steps as u32;
    let choice = |index: u32| {
        let number = match index {
            0 => from,
            _ => rounded(f64::from(index).mul_add(step, from), from.abs().max(to.abs())),
        };
        let value = Node { span: node.span, value: Value::Number(number) };
        Choice { label: number.to_string(), value }
    };
    let choices: Vec<Choice> = (0..=steps).map(choice).collect();
    expect_different(&choices, reader)?;
    Some(choices)
}

/// A value of a range, rounded to the first [`RANGE_DIGITS`] digits of `scale`, the larger end: steps such as 0.1 are
/// not exact, and the error is as large for the values near zero.
fn rounded(exact: f64, scale: f64) -> f64 {
    let decimals = RANGE_DIGITS - 1.0 - scale.log10().floor();
    if decimals < 0.0 {
        return exact;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 400")]
    let decimals = decimals as usize;
    // The sum with zero turns -0 into 0.
    format!("{exact:.decimals$}").parse().map_or(exact, |number: f64| number + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::DiagnosticSink;

    const PLACE: Span = Span { source: 0, start: 0, end: 0 };

    fn values(from: f64, to: f64, step: f64) -> Vec<String> {
        let sink = DiagnosticSink::default();
        let reader = Reader { scope: &Scope::EMPTY, sink: &sink };
        let node = Node { span: PLACE, value: Value::Null };
        let choices = range(from, to, step, &node, &reader).unwrap_or_default();
        choices.into_iter().map(|choice| choice.label).collect()
    }

    #[test]
    fn ranges_have_the_decimal_values_that_are_meant() {
        assert_eq!(values(0.1, 0.7, 0.1), ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]);
        assert_eq!(values(-0.3, 0.1, 0.1), ["-0.3", "-0.2", "-0.1", "0", "0.1"]);
        assert_eq!(values(32.0, 96.0, 32.0), ["32", "64", "96"]);
        assert_eq!(values(0.0, 0.0, 1.0), ["0"]);
        assert_eq!(values(1e15, 1e15 + 2.0, 1.0).len(), 3);
        let small = values(1e-13, 5e-13, 1e-13);
        assert_eq!(small, [1e-13, 2e-13, 3e-13, 4e-13, 5e-13].map(|x: f64| x.to_string()));
        let smallest = values(1e-300, 3e-300, 1e-300);
        assert_eq!(smallest, [1e-300, 2e-300, 3e-300].map(|x: f64| x.to_string()));
    }

    #[test]
    fn small_values_are_told_apart() {
        let number = |x| Node { span: PLACE, value: Value::Number(x) };
        let values = [1e-10, 1e-12, 0.0, 0.3];
        let variable = Variable {
            name: "eps".to_owned(),
            values: values.map(|x: f64| Choice { label: x.to_string(), value: number(x) }).to_vec(),
            default: 0,
            span: PLACE,
        };
        let find = |x| {
            let sink = DiagnosticSink::default();
            variable.find(&number(x), &Reader { scope: &Scope::EMPTY, sink: &sink })
        };
        assert_eq!(values.map(find), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!([1e-11, 1e-13, -1e-12].map(find), [None; 3]);
        assert_eq!(find(0.1 + 0.2), Some(3));
    }
}
