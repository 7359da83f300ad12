//! Kinds of modules: which of them become classes, and the names of the classes.

use std::collections::{BTreeMap, HashMap, HashSet};

use inceptive_ir::Op;

use super::{
    names::{Names, class_name},
    tree::{Body, Content, Item, Network, Source},
};

/// Shorter chains are written inline.
const SHORTEST_CHAIN_CLASS: usize = 3;

/// A kind of module.
#[derive(Clone, Debug, Default)]
pub struct Kind<'a> {
    /// Every module of this kind.
    pub instances: Vec<&'a Body>,
    /// Their paths.
    pub paths: Vec<String>,
    /// Its name, if it is a class; otherwise it is a chain that is written inline.
    pub class: Option<String>,
}

/// Whether every item reads the one before it and nothing else.
pub fn is_chain(body: &Body) -> bool {
    let before = |at: usize| at.checked_sub(1).map_or(Source::Input(0), Source::Item);
    body.inputs.len() == 1
        && body.items.iter().enumerate().all(|(at, item)| item.reads == [before(at)])
}

/// The kinds of modules of a network. Chains become classes where they repeat and consist of steps only;
/// everything else always does.
pub fn kinds<'a>(network: &'a Network, names: &mut Names) -> Vec<Kind<'a>> {
    let mut kinds = vec![Kind::default(); network.kinds];
    let mut last_names = vec![Vec::new(); network.kinds];
    collect(&network.body, "", &mut kinds, &mut last_names);
    let mut repeats = vec![0_usize; network.kinds];
    count_repeats(&network.body, &mut repeats);
    let mut is_class = vec![false; network.kinds];
    for (kind, Kind { instances, .. }) in kinds.iter().enumerate() {
        let Some(body) = instances.first() else { continue };
        let holds_class = modules(body).any(|(_, module)| is_class[module.kind]);
        let is_long = body.items.len() >= SHORTEST_CHAIN_CLASS && !holds_class;
        is_class[kind] = !is_chain(body) || (is_long && repeats[kind] > 1);
    }
    let is_wanted = |kind: &usize| is_class[*kind] && *kind != network.body.kind;
    // Names in words come first, and letters go to those that have none.
    let mut by_base: BTreeMap<(bool, String), Vec<usize>> = BTreeMap::new();
    for kind in (0..kinds.len()).filter(is_wanted) {
        let in_words = common_name(&last_names[kind]);
        let has_none = in_words.is_none();
        let base = in_words.unwrap_or_else(|| by_shape(kinds[kind].instances[0]).to_owned());
        by_base.entry((has_none, base)).or_default().push(kind);
    }
    for ((_, base), group) in by_base {
        let bodies: Vec<&Body> = group.iter().map(|&kind| kinds[kind].instances[0]).collect();
        for (kind, name) in group.into_iter().zip(variants(&base, &bodies, names)) {
            kinds[kind].class = Some(name);
        }
    }
    kinds
}

/// The modules directly inside of a module.
fn modules(body: &Body) -> impl Iterator<Item = (&Item, &Body)> {
    body.items.iter().filter_map(|item| match &item.content {
        Content::Module(module) => Some((item, module)),
        Content::Step(_) => None,
    })
}

fn collect<'a>(
    body: &'a Body,
    path: &str,
    kinds: &mut [Kind<'a>],
    last_names: &mut [Vec<&'a str>],
) {
    for (item, module) in modules(body) {
        let own = item.segments.join("/");
        let path = if path.is_empty() { own } else { format!("{path}/{own}") };
        let kind = &mut kinds[module.kind];
        kind.instances.push(module);
        last_names[module.kind].extend(item.segments.last().map(String::as_str));
        collect(module, &path, kinds, last_names);
        kinds[module.kind].paths.push(path);
    }
}

/// Counts the occurrences of chains within other chains.
fn count_repeats(body: &Body, repeats: &mut [usize]) {
    for (_, module) in modules(body).filter(|(_, module)| is_chain(module)) {
        repeats[module.kind] += 1;
        count_repeats(module, repeats);
    }
}

/// The name that all modules of a kind share, apart from a number; `None` if it is not descriptive.
fn common_name(names: &[&str]) -> Option<String> {
    let is_number = |c: char| c.is_ascii_digit() || !c.is_ascii_alphanumeric();
    let (first, rest) = names.split_first()?;
    let stem = match rest.iter().all(|name| name == first) {
        true => first,
        false => first.trim_end_matches(is_number),
    };
    let is_common = rest
        .iter()
        .all(|name| name.strip_prefix(stem).is_some_and(|number| number.chars().all(is_number)));
    let name = class_name(stem).filter(|_| is_common && stem.len() > 1)?;
    let says_nothing = NOTHING.contains(&name.trim_end_matches(is_number));
    (!says_nothing).then_some(name)
}

/// Names of modules that are not descriptive.
const NOTHING: [&str; 5] = ["Block", "Conv", "Module", "Pool", "Stage"];

/// The kind of a module without a descriptive name, from how its branches are joined.
fn by_shape(body: &Body) -> &'static str {
    let step = |item: &Item| match &item.content {
        Content::Step(step) => Some(step.op.clone()),
        Content::Module(_) => None,
    };
    let join = body.items.iter().rev().find_map(|item| match step(item)? {
        op @ (Op::Concat | Op::Add { .. } | Op::Multiply | Op::Maximum) => Some(op),
        _ => None,
    });
    match join {
        Some(Op::Concat) => "Inception",
        Some(Op::Add { .. }) => "Residual",
        Some(Op::Multiply) => "Gated",
        _ => "Block",
    }
}

/// Names for classes that would have the same: by what only one of them has, else by letters.
fn variants(base: &str, bodies: &[&Body], names: &mut Names) -> Vec<String> {
    if let [_] = bodies {
        return vec![names.take(base)];
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for body in bodies {
        let names: HashSet<&str> = body.items.iter().map(|item| &*item.attribute).collect();
        names.into_iter().for_each(|name| *counts.entry(name).or_default() += 1);
    }
    let own_name = |body: &&Body| {
        let is_common = |item: &Item| counts[&*item.attribute] == bodies.len();
        let own = body.items.iter().find(|item| counts[&*item.attribute] == 1);
        match own.and_then(|item| item.segments.last()) {
            Some(own) => class_name(&format!("{base} {own}")),
            None => body.items.iter().all(is_common).then(|| base.to_owned()),
        }
    };
    let own: Option<Vec<String>> = bodies.iter().map(own_name).collect();
    let is_clear = |own: &Vec<String>| own.iter().collect::<HashSet<_>>().len() == own.len();
    match own.filter(is_clear) {
        Some(own) => own.iter().map(|name| names.take(name)).collect(),
        None => {
            let mut letters = (0..).map(letter).map(|letter| format!("{base}{letter}"));
            let free = |_| letters.find(|name| names.is_free(name)).unwrap_or_default();
            let own: Vec<String> = bodies.iter().map(free).collect();
            own.iter().map(|name| names.take(name)).collect()
        }
    }
}

/// `A` to `Z`, then numbers.
fn letter(at: usize) -> String {
    match u8::try_from(at) {
        Ok(at @ 0..26) => char::from(b'A' + at).to_string(),
        _ => (at + 1).to_string(),
    }
}
