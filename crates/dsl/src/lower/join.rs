//! Branches that run side by side and come together.

use std::collections::{HashMap, HashSet};

use inceptive_ir::{Form, Op};

use super::{Cursor, Lowering, Site};
use crate::{
    args::ParallelArgs,
    code::Code,
    diagnostic::{Diagnostic, suggestion},
    field::{Field, Join, Maybe, Real, given},
    scope::Reader,
    step::{Names, check_name},
    yaml::{Map, Node, Value},
};

impl Lowering<'_> {
    pub(super) fn parallel(&mut self, args: &ParallelArgs, site: &Site<'_>) -> Cursor {
        let Some(branches) = args.branches.0.map() else { return site.cursor.unknown() };
        let reader = Reader { scope: site.scope, sink: self.sink };
        let mut names = Names::default();
        if branches.0.len() > 1 {
            let join = given(&args.join).copied().unwrap_or(Join::Concat);
            names.take(join.name(), site.span, &reader);
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
                _ => self.scope(&branch.value, site.scope, &path, site.cursor),
            };
            self.places.insert(path, output);
            outputs.push(output);
        }
        let joined = match (outputs.as_slice(), join(args, branches, &reader)) {
            ([], _) => {
                let message = "there are no branches to join";
                let empty = Diagnostic::new(Code::EmptyNetwork, message);
                self.sink.push(empty.at(args.branches.0.span, "no branches"));
                site.cursor.unknown()
            }
            (_, None) => site.cursor.unknown(),
            ([only], Some(_)) => *only,
            (outputs, Some(op)) => {
                let path = site.path.join(op.name());
                self.add(op, outputs, path, site.span, Form::Module)
            }
        };
        match &args.then {
            Some(Maybe(Some(steps))) => {
                self.steps(&steps.0, site.scope, &site.path, joined, &mut names)
            }
            Some(Maybe(None)) => self.hide(&site.path, joined),
            None => joined,
        }
    }
}

/// The operator that joins branches.
fn join(args: &ParallelArgs, branches: &Map, reader: &Reader<'_>) -> Option<Op> {
    let join = match args.join {
        Some(Maybe(join)) => join?,
        None => Join::Concat,
    };
    let scales = match (&args.scale, join) {
        (Some(Maybe(None)), _) => return None,
        (Some(Maybe(Some(scale))), Join::Concat | Join::Multiply) => {
            let message = "`scale` is only allowed with `join: add`";
            return reader.report(
                Diagnostic::new(Code::UnknownKey, message).at(scale.0.span, "no sum here"),
            );
        }
        (Some(Maybe(Some(scale))), Join::Add) => Some(scale.0.map()?),
        (None, _) => None,
    };
    let known: Vec<&str> = branches.0.iter().map(|branch| &*branch.key).collect();
    let mut factors: HashMap<&str, &Node> = HashMap::new();
    let names: HashSet<&str> = known.iter().copied().collect();
    for entry in scales.into_iter().flat_map(|map| &map.0) {
        factors.insert(&entry.key, &entry.value);
        if !names.contains(&*entry.key) {
            let message = format!("there is no branch `{}` to scale", entry.key);
            let unknown =
                Diagnostic::new(Code::UnknownKey, message).at(entry.key_span, "not a branch");
            let help = suggestion(&entry.key, "branches", known.iter().copied());
            return reader.report(unknown.help(help));
        }
    }
    Some(match join {
        Join::Concat => Op::Concat,
        Join::Multiply => Op::Multiply,
        Join::Add => {
            let scale = |branch: &&str| match factors.get(branch) {
                Some(factor) => Real::read(factor, reader).map(Real::as_f32),
                None => Some(1.0),
            };
            Op::Add { scales: known.iter().map(scale).collect::<Option<_>>()? }
        }
    })
}
