//! The statements of `forward`.

use std::{collections::HashMap, ops::Range};

use inceptive_ir::Op;

use super::{
    expr::{Argument, Expr},
    names::{Names, identifier},
    torch,
    tree::{Body, Content, Item, Source},
};

/// Expressions of more levels are given a name.
const DEEPEST: usize = 3;

/// The value of items that are never named.
const RETURNED: usize = usize::MAX;

/// Factors of sums, by the item and the position among its inputs.
pub type Scales = HashMap<(usize, usize), Expr>;

/// The body of `forward` while it is written. A value that is read once, by a join or function, is written inline;
/// every other value is a statement. `x` holds the current value.
pub struct Forward<'a> {
    body: &'a Body,
    scales: &'a Scales,
    /// The statement that contains each item.
    statement: Vec<usize>,
    /// The first and the last statement that need a value.
    uses: HashMap<Source, (usize, usize)>,
    /// Items that are written inline.
    inlined: HashMap<usize, Expr>,
    variables: HashMap<Source, String>,
    /// What `x` holds.
    held: Source,
    names: Names,
}

impl<'a> Forward<'a> {
    /// Prepares the statements of a module with these results.
    pub fn new(body: &'a Body, results: &[Source], scales: &'a Scales, mut names: Names) -> Self {
        names.take("self");
        let inputs = (0..body.inputs.len().max(1)).map(|at| (Source::Input(at), names.take("x")));
        let variables = inputs.collect();
        let statement = statements(body, results);
        let mut uses: HashMap<Source, (usize, usize)> = HashMap::new();
        let items = body.items.iter().zip(&statement);
        let reads = items.flat_map(|(item, &at)| item.reads.iter().map(move |&read| (read, at)));
        for (read, at) in reads.chain(results.iter().map(|&result| (result, RETURNED))) {
            let (first, last) = uses.entry(read).or_insert((at, at));
            (*first, *last) = ((*first).min(at), (*last).max(at));
        }
        let (inlined, held) = (HashMap::new(), Source::Input(0));
        Self { body, scales, statement, uses, inlined, variables, held, names }
    }

    /// Names of the inputs.
    pub fn inputs(&self) -> Vec<String> {
        let inputs = (0..self.body.inputs.len().max(1)).map(Source::Input);
        inputs.filter_map(|input| self.variables.get(&input).cloned()).collect()
    }

    /// The statements of these items.
    pub fn run(&mut self, items: Range<usize>) -> String {
        let mut text = String::new();
        for at in items {
            let value = self.apply(at);
            if self.statement[at] != at {
                self.inlined.insert(at, value);
                continue;
            }
            let is_free = self.uses.get(&self.held).is_none_or(|&(_, last)| last <= at);
            // What is needed again after the next statement that reads it has a name of its own.
            let flows = self.uses.get(&Source::Item(at)).is_none_or(|(first, last)| first == last);
            let name = match is_free && flows {
                true => {
                    let held = std::mem::replace(&mut self.held, Source::Item(at));
                    self.variables.get(&held).cloned().unwrap_or_default()
                }
                false => self.names.take(&variable(&self.body.items[at].attribute)),
            };
            text += &value.line(2, &format!("{name} = "), "");
            self.variables.insert(Source::Item(at), name);
        }
        text
    }

    /// A value: its name, or where it has none, itself.
    pub fn value(&self, source: Source) -> Expr {
        let inlined = match source {
            Source::Item(item) => self.inlined.get(&item).cloned(),
            Source::Input(_) => None,
        };
        let name = || Expr::atom(self.variables.get(&source).cloned().unwrap_or_default());
        inlined.unwrap_or_else(name)
    }

    /// The expression of an item.
    fn apply(&self, at: usize) -> Expr {
        let item = &self.body.items[at];
        let mut values: Vec<Expr> = item.reads.iter().map(|&read| self.value(read)).collect();
        let Content::Step(step) = &item.content else {
            return Expr::apply(format!("self.{}", item.attribute), values);
        };
        let mut only = || values.pop().unwrap_or_else(|| Expr::atom("x"));
        match &step.op {
            Op::Concat => {
                let dim = Argument::named("dim", Expr::atom("1"));
                Expr::call("torch.cat", vec![Argument::positional(Expr::List(values)), dim])
            }
            Op::Add { .. } => {
                let scaled = |(input, value)| match self.scales.get(&(at, input)) {
                    Some(scale) => Expr::infix("*", vec![scale.clone(), value]),
                    None => value,
                };
                Expr::infix("+", values.into_iter().enumerate().map(scaled).collect())
            }
            Op::Multiply => Expr::infix("*", values),
            Op::Maximum => {
                let larger = |a, b| Expr::apply("torch.maximum", vec![a, b]);
                values.into_iter().reduce(larger).unwrap_or_else(|| Expr::atom("x"))
            }
            Op::Activation(activation) => torch::activation(*activation, only()),
            Op::Flatten => Expr::apply("torch.flatten", vec![only(), Expr::atom("1")]),
            Op::Softmax => torch::softmax(only()),
            Op::Input(_)
            | Op::Conv(_)
            | Op::BatchNorm(_)
            | Op::Lrn(_)
            | Op::Pool(_)
            | Op::GlobalPool(_)
            | Op::ChannelMax
            | Op::ChannelMean
            | Op::AdaptiveAvgPool { .. }
            | Op::Linear(_)
            | Op::Dropout { .. }
            | Op::ChannelShuffle { .. }
            | Op::DropPath { .. }
            | Op::ConvTranspose(_)
            | Op::Norm(_)
            | Op::Prelu { .. }
            | Op::Scale(_)
            | Op::Rescale(_)
            | Op::Resize(_)
            | Op::Rearrange(_) => Expr::apply(format!("self.{}", item.attribute), values),
        }
    }
}

/// The statement that contains each item: its own, its reader's, or the return statement.
fn statements(body: &Body, results: &[Source]) -> Vec<usize> {
    let count = body.items.len();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, item) in body.items.iter().enumerate() {
        for &read in &item.reads {
            if let Source::Item(read) = read {
                readers[read].push(at);
            }
        }
    }
    for &result in results {
        if let Source::Item(item) = result {
            readers[item].push(RETURNED);
        }
    }
    let mut depth = vec![1; count];
    let mut joins = vec![false; count];
    for (at, item) in body.items.iter().enumerate() {
        let may = |reader: usize| reader == RETURNED || is_expression(&body.items[reader]);
        joins[at] = matches!(readers[at][..], [reader] if may(reader)) && depth[at] <= DEEPEST;
        match readers[at][..] {
            [reader] if joins[at] && reader != RETURNED => {
                depth[reader] = depth[reader].max(depth[at] + 1);
            }
            _ => {}
        }
        debug_assert!(readers[at].iter().all(|&reader| reader > at), "{:?}", item.segments);
    }
    let mut statement: Vec<usize> = (0..count).collect();
    for at in (0..count).rev() {
        if joins[at] {
            let reader = readers[at][0];
            statement[at] = statement.get(reader).copied().unwrap_or(RETURNED);
        }
    }
    statement
}

fn is_expression(item: &Item) -> bool {
    matches!(&item.content, Content::Step(step) if torch::is_expression(step))
}

/// The name of a value, after its attribute.
fn variable(attribute: &str) -> String {
    match attribute.strip_prefix('_') {
        Some(rest) => identifier(&format!("x_{rest}")),
        None => attribute.to_owned(),
    }
}
