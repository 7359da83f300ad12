//! The parameters and arguments of a network that can be set, with their current values.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path as FilePath,
    sync::Arc,
};

use inceptive_ir::Part;

use crate::{
    architecture::{Built, Draft, build},
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink},
    expr,
    failure::Failure,
    load::{Document, Kind, Loader},
    lower::{
        Written,
        block::{declared, parameters},
        tail::{FC_WIDTHS, fc_path},
    },
    source::Files,
    width_rule::WidthRule,
    yaml::{Map, Node, Value},
};

/// The kind of a settable value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettableKind {
    /// A width, or something that widths are computed from.
    Width,
    /// A width of an auxiliary head, which is there in training only.
    HeadWidth,
    /// A parameter of the file.
    Parameter,
}

/// A number that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settable {
    /// How it is called in a [`crate::Setting`]: `4a.c3`.
    pub key: String,
    /// The current value.
    pub value: f64,
    /// Its kind.
    pub kind: SettableKind,
}

impl Settable {
    /// The step that it is an argument of; empty for a parameter of the file.
    pub fn step(&self) -> &str {
        self.key.rsplit_once('.').map_or("", |(step, _)| step)
    }

    /// Its name within the step.
    pub fn name(&self) -> &str {
        self.key.rsplit_once('.').map_or(&self.key, |(_, name)| name)
    }
}

/// A classifier that a network can end in.
#[derive(Clone, Debug, PartialEq)]
pub struct TailChoice {
    /// Its name.
    pub label: &'static str,
    /// The value of the setting `tail`; `None` for the one that the file has.
    pub value: Option<String>,
    /// Its widths, which can be set while the network ends in it.
    pub widths: Vec<Settable>,
}

/// Everything about a network that can be set and is no matter of taste.
#[derive(Clone, Debug, PartialEq)]
pub struct Settables {
    /// How widths are multiplied: the settings `width_multiplier` and `width_divisor`.
    pub width_rule: WidthRule,
    /// Whether that depends on no parameter of the file.
    pub has_fixed_rule: bool,
    /// The setting `input.size`; `None` if height and width differ.
    pub input_size: Option<u32>,
    /// What the setting `tail` can be, the file's own first; empty for a network without classes.
    pub tails: Vec<TailChoice>,
    /// Parameters of the file, then widths in the order of the steps, those of heads last. Widths of the tail are with
    /// the tails, if there are any.
    pub values: Vec<Settable>,
}

impl Settables {
    /// The number that a setting has; `None` for what is no number, or not there.
    pub fn number(&self, key: &str) -> Option<f64> {
        match key {
            "width_multiplier" => Some(self.width_rule.multiplier),
            "input.size" => self.input_size.map(f64::from),
            _ => {
                let widths = self.tails.iter().flat_map(|tail| &tail.widths);
                let all = self.values.iter().chain(widths);
                all.into_iter().find(|settable| settable.key == key).map(|settable| settable.value)
            }
        }
    }
}

/// The settable values of the network in a file.
///
/// # Errors
/// All diagnostics, when the file has errors or is not a network.
pub fn settables(files: &dyn Files, path: &FilePath) -> Result<Settables, Failure> {
    let sink = DiagnosticSink::default();
    let mut loader = Loader::new(files, &sink);
    let found = loader.open(path).and_then(|document| {
        let map = resolved(&document, &mut loader, &sink)?;
        let draft = Draft { map, span: document.span, overrides: Vec::new() };
        let built = build(&draft, &sink)?;
        Some(of(&draft.map, &built))
    });
    match found {
        Some(found) if sink.is_empty() => Ok(found),
        _ => Err(Failure::new(sink.take(), loader.sources)),
    }
}

/// The keys of a network with all that it extends.
pub(crate) fn resolved(
    document: &Document,
    loader: &mut Loader<'_>,
    sink: &DiagnosticSink,
) -> Option<Map> {
    let found = Kind::of(&document.map);
    if found == Kind::Architecture {
        return loader.resolve(document);
    }
    let message = format!("the file is {}, not a network", found.describe());
    sink.push(Diagnostic::new(Code::WrongKind, message).at(document.span, "here"));
    None
}

fn of(map: &Map, built: &Built) -> Settables {
    let graph = &built.graph;
    let input = graph.node(graph.input()).shape.size();
    let is_number =
        |key: &str| map.get(key).is_none_or(|node| matches!(node.value, Value::Number(_)));
    let has_fixed_rule = is_number("width_multiplier") && is_number("width_divisor");
    let params = map.get("params").map(declared).unwrap_or_default();
    let number = |entry: &crate::yaml::Entry| match entry.value.value {
        Value::Number(value) => {
            Some(Settable { key: entry.key.to_string(), value, kind: SettableKind::Parameter })
        }
        _ => None,
    };
    let mut values: Vec<Settable> = params.iter().filter_map(number).collect();
    let decisive = width_parameters(map);
    let decides = |written: &&Written| match &written.block {
        None => true,
        Some(block) => decisive.get(block).is_some_and(|names| names.contains(&written.key)),
    };
    let width = |written: &Written| Settable {
        key: format!("{}.{}", written.path, written.key),
        value: written.value,
        kind: match written.part {
            Part::Main => SettableKind::Width,
            Part::Auxiliary(_) => SettableKind::HeadWidth,
        },
    };
    let mut tails = tails(map);
    for written in built.written.iter().filter(decides) {
        match tails.first_mut().filter(|_| written.path.as_str().starts_with("tail/")) {
            Some(own) => own.widths.push(width(written)),
            None => values.push(width(written)),
        }
    }
    Settables {
        width_rule: built.width_rule,
        has_fixed_rule,
        input_size: (input.height == input.width).then_some(input.height),
        tails,
        values,
    }
}

/// The file's tail and the alternatives to it, with a softmax if it has one.
fn tails(map: &Map) -> Vec<TailChoice> {
    let Some(tail) = map.get("tail").filter(|_| map.get("classes").is_some()) else {
        return Vec::new();
    };
    let (word, args) = match &tail.value {
        Value::Text(word) => (&**word, None),
        Value::Map(map) => match map.0.first() {
            Some(entry) => (&*entry.key, entry.value.map()),
            None => ("", None),
        },
        _ => ("", None),
    };
    let softmax = args.and_then(|args| args.get("softmax")).map(|node| &node.value);
    let softmax = if softmax == Some(&Value::Bool(true)) { "softmax: true" } else { "" };
    let comma = if softmax.is_empty() { "" } else { ", " };
    let gap = format!("{{gap: {{{softmax}}}}}");
    let gap = TailChoice { label: "GAP", value: Some(gap), widths: vec![] };
    let fc = format!("{{fc: {{widths: {FC_WIDTHS:?}, dropout: 0.5{comma}{softmax}}}}}");
    let fc = TailChoice { label: "FC", value: Some(fc), widths: fc_widths() };
    let own = |label| TailChoice { label, value: None, widths: vec![] };
    match word {
        "gap" => vec![own("GAP"), fc],
        "fc" => vec![own("FC"), gap],
        _ => vec![own("as written"), gap, fc],
    }
}

/// The default widths of an `fc` tail.
fn fc_widths() -> Vec<Settable> {
    let width = |(number, width): (usize, u32)| Settable {
        key: format!("{}.width", fc_path(number)),
        value: width.into(),
        kind: SettableKind::Width,
    };
    (1..).zip(FC_WIDTHS).map(width).collect()
}

/// For each block its parameters that a width is computed from, in the block itself or in one that it calls.
fn width_parameters(map: &Map) -> HashMap<Arc<str>, BTreeSet<Arc<str>>> {
    let blocks = map.get("blocks").and_then(Node::map);
    let mut known: HashMap<Arc<str>, BTreeSet<Arc<str>>> = HashMap::new();
    // Blocks call each other in any order: look again until nothing new is found.
    loop {
        let mut changed = false;
        for entry in blocks.into_iter().flat_map(|map| &map.0) {
            let mut mentioned = BTreeSet::new();
            mentioned_in_widths(&entry.value, None, &known, &mut mentioned);
            let own = parameters(&entry.value);
            let found: BTreeSet<Arc<str>> = own
                .into_iter()
                .map(|parameter| parameter.key)
                .filter(|name| mentioned.contains(&**name))
                .collect();
            if known.get(&entry.key) != Some(&found) {
                known.insert(Arc::clone(&entry.key), found);
                changed = true;
            }
        }
        if !changed {
            return known;
        }
    }
}

/// Collects the names in values that are widths, or become one in a block that is called.
fn mentioned_in_widths<'a>(
    node: &'a Node,
    callee: Option<&str>,
    known: &HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    names: &mut BTreeSet<&'a str>,
) {
    match &node.value {
        Value::Map(map) => {
            for entry in &map.0 {
                let is_width = match callee.and_then(|word| known.get(word)) {
                    Some(decisive) => decisive.contains(&entry.key),
                    None => &*entry.key == "width",
                };
                match entry.value.text().filter(|_| is_width) {
                    Some(text) => names.extend(expr::mentions(text).map(|(_, name)| name)),
                    None => {
                        let word = entry.key.split_whitespace().next();
                        mentioned_in_widths(&entry.value, word, known, names);
                    }
                }
            }
        }
        Value::List(items) => {
            items.iter().for_each(|item| mentioned_in_widths(item, None, known, names));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    const FILE: &str = "
name: Two
input: {channels: 3, size: 32}
classes: 10
params: {depth: 2}
blocks:
  pair:
    params: {a, b, stride: 1}
    steps: [conv: {kernel: 1, width: $a}, conv: {kernel: 3, width: $a + $b, stride: $stride}]
  outer:
    params: {w}
    steps: [pair: {a: $w, b: 8, stride: 2}]
body:
  - conv stem: {kernel: 3, width: 16}
  - repeat rest: {count: $depth, steps: [outer: {w: 24}]}
tail: {gap: {softmax: true}}
auxiliary:
  - {after: stem, steps: [gap, flatten, linear: {width: 7}]}
";

    #[test]
    fn the_width_rule_is_that_of_the_parameters() {
        let rule = |multiplier: &str| {
            let text = format!(
                "name: A\nparams: {{w: 0.75}}\nwidth_multiplier: {multiplier}\ninput: {{channels: 3, size: 8}}\nbody:\n  \
                 - conv: {{kernel: 1, width: 64}}\n"
            );
            let files = Memory::default().with("a.yaml", text);
            let found = settables(&files, FilePath::new("a.yaml")).unwrap();
            (found.width_rule.multiplier, found.has_fixed_rule)
        };
        assert_eq!(rule("$w"), (0.75, false));
        assert_eq!(rule("2 * $w"), (1.5, false));
    }

    #[test]
    fn widths_and_parameters_are_found_through_blocks_and_loops() {
        let files = Memory::default().with("two.yaml", FILE);
        let found = settables(&files, FilePath::new("two.yaml")).unwrap();
        let keys: Vec<(&str, f64)> = found.values.iter().map(|it| (&*it.key, it.value)).collect();
        let wanted = [
            ("depth", 2.0),
            ("stem.width", 16.0),
            ("rest/1/outer.w", 24.0),
            ("rest/1/outer/pair.b", 8.0),
            ("rest/2/outer.w", 24.0),
            ("rest/2/outer/pair.b", 8.0),
            ("aux1/linear.width", 7.0),
        ];
        assert_eq!(keys, wanted);
        assert_eq!((found.width_rule.multiplier, found.input_size), (1.0, Some(32)));
        assert!(found.has_fixed_rule);
        let tails: Vec<_> =
            found.tails.iter().map(|tail| (tail.label, tail.value.as_deref())).collect();
        let fc = "{fc: {widths: [4096, 4096], dropout: 0.5, softmax: true}}";
        assert_eq!(tails, [("GAP", None), ("FC", Some(fc))]);
        let last = found.values.last().unwrap();
        assert_eq!(last.kind, SettableKind::HeadWidth);
        // Whatever is found can be set, while the network ends in the tail that it belongs to.
        let setting =
            |key: &str, value: &str| crate::Setting { key: key.into(), value: value.into() };
        let set = |settings: &[crate::Setting]| {
            let loaded = crate::load(&files, FilePath::new("two.yaml"), settings).unwrap();
            loaded.architecture.graph.fingerprint()
        };
        for settable in &found.values {
            assert_ne!(set(&[setting(&settable.key, "3")]), set(&[]), "{}", settable.key);
        }
        for tail in &found.tails {
            let chosen = tail.value.as_ref().map(|value| setting("tail", value));
            let chosen: Vec<_> = chosen.into_iter().collect();
            for width in &tail.widths {
                let both = [&chosen[..], &[setting(&width.key, "3")]].concat();
                assert_ne!(set(&both), set(&chosen), "{}", width.key);
            }
        }
    }

    #[test]
    fn hidden_layers_of_a_tail_belong_to_it() {
        let file = |tail: &str| {
            format!(
                "name: N\ninput: {{channels: 3, size: 8}}\nclasses: 2\nbody: [relu]\ntail: {tail}\n"
            )
        };
        let check = |tail: &str, wanted: &[(&str, f64)]| {
            let files = Memory::default().with("n.yaml", file(tail));
            let found = settables(&files, FilePath::new("n.yaml")).unwrap();
            let widths = found.tails[0].widths.iter().map(|it| (&*it.key, it.value));
            assert_eq!(widths.collect::<Vec<_>>(), wanted, "{tail}");
            assert_eq!(found.values, []);
        };
        check("{fc: {widths: [64, 32]}}", &[("tail/fc1.width", 64.0), ("tail/fc2.width", 32.0)]);
        check("fc", &[("tail/fc1.width", 4096.0), ("tail/fc2.width", 4096.0)]);
        check("gap", &[]);
        check("[flatten, linear a: {width: 8}]", &[("tail/a.width", 8.0)]);
    }
}
