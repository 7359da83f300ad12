//! Results that come together: the branches of `parallel`, and what a join reads.

use std::collections::{HashMap, HashSet};

use inceptive_ir::{Form, Op, Path, Span};

use super::{Cursor, Lowering, Names, Site};
use crate::{
    args::{JoinArgs, ParallelArgs},
    code::Code,
    diagnostic::{Diagnostic, suggestion},
    field::{Field, Join, Maybe, Real, Scales, given},
    scope::Reader,
    step::check_name,
    yaml::{Node, Value},
};

/// What is joined, for messages: one, and several.
type Joined = (&'static str, &'static str);
const BRANCHES: Joined = ("branch", "branches");
const INPUTS: Joined = ("input", "inputs");

impl Lowering<'_> {
    pub(super) fn parallel(&mut self, args: &ParallelArgs, site: &Site<'_>) -> Cursor {
        let Some(branches) = args.branches.0.map() else { return site.cursor.unknown() };
        let reader = Reader { scope: site.scope, sink: self.sink };
        let mut names = Names::inside(site.names, site.path.clone(), site.cursor);
        let join = match args.join {
            Some(Maybe(join)) => join,
            None => Some(Join::Concat),
        };
        let name = join.unwrap_or(Join::Concat).name();
        if branches.0.len() > 1 {
            names.take(name, site.span, &reader);
        }
        let mut outputs = Vec::with_capacity(branches.0.len());
        for branch in &branches.0 {
            if !self.may_go_on(branch.key_span) {
                return site.cursor.unknown();
            }
            if check_name(&branch.key, "branch", branch.key_span, &reader).is_none() {
                outputs.push(site.cursor.unknown());
                continue;
            }
            names.take(&branch.key, branch.key_span, &reader);
            let path = site.path.join(&branch.key);
            let output = match branch.value.value {
                Value::Null => site.cursor,
                _ => {
                    let inner = Names::inside(&names, path.clone(), site.cursor);
                    self.scope(&branch.value, site.scope, inner)
                }
            };
            names.finish(&branch.key, branch.key_span, output);
            names.read_last();
            self.places.insert(path, output);
            outputs.push(output);
        }
        let known: Vec<&str> = branches.0.iter().map(|branch| &*branch.key).collect();
        let factors = join.and_then(|join| factors(join, &args.scale, BRANCHES, &known, &reader));
        let joined = match (join, factors) {
            _ if outputs.is_empty() => {
                let empty = Diagnostic::new(Code::EmptyNetwork, "there are no branches to join");
                self.sink.push(empty.at(args.branches.0.span, "no branches"));
                site.cursor.unknown()
            }
            (Some(join), Some(factors)) => {
                self.join(join, &outputs, &factors, site.path.join(name), site.span)
            }
            _ => site.cursor.unknown(),
        };
        if branches.0.len() > 1 {
            names.finish(name, site.span, joined);
        }
        let end = match &args.then {
            Some(Maybe(Some(steps))) => self.steps(&steps.0, site.scope, joined, &mut names),
            Some(Maybe(None)) => self.hide(&site.path, joined),
            None => joined,
        };
        self.expect_read(&names);
        end
    }

    /// A join of the results that `from` names.
    pub(super) fn join_step(&mut self, join: Join, args: &JoinArgs, site: &Site<'_>) -> Cursor {
        let reader = Reader { scope: site.scope, sink: self.sink };
        let Some(named) = site.inputs.named().filter(|_| site.inputs.are_given()) else {
            if !site.inputs.are_given() {
                let message = format!("`{}` needs the key `from`", join.name());
                let missing = Diagnostic::new(Code::MissingKey, message);
                let help = "name the results that come together: `from: [a, b]`";
                self.sink.push(missing.at(site.span, "`from` is missing").help(help));
            }
            return site.cursor.unknown();
        };
        let (names, cursors): (Vec<&str>, Vec<Cursor>) =
            named.map(|(name, cursor)| (&*name.text, cursor)).unzip();
        match factors(join, &args.scale, INPUTS, &names, &reader) {
            Some(factors) => self.join(join, &cursors, &factors, site.path.clone(), site.span),
            None => site.cursor.unknown(),
        }
    }

    /// Joins results, those that are absent left out. A single one stays as it is.
    fn join(
        &mut self,
        join: Join,
        inputs: &[Cursor],
        factors: &[f32],
        path: Path,
        span: Span,
    ) -> Cursor {
        let both = inputs.iter().zip(factors);
        let (present, scales): (Vec<Cursor>, Vec<f32>) = both
            .filter(|(input, _)| !input.is_absent)
            .map(|(&input, &scale)| (input, scale))
            .unzip();
        match (present.as_slice(), join) {
            ([], _) => inputs[0].absent(),
            ([only], _) if scales[0].to_bits() == 1.0_f32.to_bits() => *only,
            ([only], _) => {
                let message = "a factor needs a sum of two or more";
                let single = Diagnostic::new(Code::WrongInputs, message);
                self.sink.push(single.at(span, "only one is left here"));
                only.unknown()
            }
            (present, Join::Concat) => self.add(Op::Concat, present, path, span, Form::Module),
            (present, Join::Multiply) => self.add(Op::Multiply, present, path, span, Form::Module),
            (present, Join::Add) => self.add(Op::Add { scales }, present, path, span, Form::Module),
            (present, Join::Mean) => {
                #[expect(clippy::cast_precision_loss, reason = "a number of inputs")]
                let scales = vec![1.0 / present.len() as f32; present.len()];
                self.add(Op::Add { scales }, present, path, span, Form::Module)
            }
            (present, Join::Maximum) => self.add(Op::Maximum, present, path, span, Form::Module),
        }
    }
}

/// The factor of each of the inputs of a join; 1 without `scale`.
fn factors(
    join: Join,
    scale: &Option<Maybe<Scales>>,
    (one, several): Joined,
    known: &[&str],
    reader: &Reader<'_>,
) -> Option<Vec<f32>> {
    if matches!(scale, Some(Maybe(None))) {
        return None;
    }
    let Some(scale) = given(scale) else { return Some(vec![1.0; known.len()]) };
    if join != Join::Add {
        let message = "`scale` is only allowed with `join: add`";
        let wrong = Diagnostic::new(Code::UnknownKey, message);
        return reader.report(wrong.at(scale.0.span, "no sum here"));
    }
    let names: HashSet<&str> = known.iter().copied().collect();
    let mut factors: HashMap<&str, &Node> = HashMap::new();
    for entry in scale.0.map().into_iter().flat_map(|map| &map.0) {
        factors.insert(&entry.key, &entry.value);
        if !names.contains(&*entry.key) {
            let message = format!("there is no {one} `{}` to scale", entry.key);
            let unknown = Diagnostic::new(Code::UnknownKey, message);
            let help = suggestion(&entry.key, several, known.iter().copied());
            return reader.report(unknown.at(entry.key_span, "not known here").help(help));
        }
    }
    let factor = |name: &&str| match factors.get(name) {
        Some(factor) => Real::read(factor, reader).map(Real::as_f32),
        None => Some(1.0),
    };
    known.iter().map(factor).collect()
}
