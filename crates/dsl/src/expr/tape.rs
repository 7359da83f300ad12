//! How numbers of a network follow from the variables of its space.
//!
//! While the network of a point is built, each number that follows from a variable carries a [`Symbol`], its place among
//! formulas. Widths stay formulas. Whatever else a variable reaches, such as a requirement, a kernel or a number of
//! repetitions, decides about the structure, and the variable is noted.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::Arc,
};

use super::tree::{Binary, Function};
use crate::width_rule::WidthRule;

/// Points that formulas are evaluated for at a time.
pub const LANES: usize = 64;

/// A number of each of [`LANES`] points.
pub type Lanes = [f64; LANES];

/// A number that follows from variables: its place among the formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(usize);

impl Symbol {
    /// Its place among the formulas.
    pub const fn index(self) -> usize {
        self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// The value of a variable, by its number.
    Variable(usize),
    /// A number, by its bits.
    Constant(u64),
    Negative,
    Binary(Binary),
    Call(Function),
    /// A width times the multiplier of the network: multiplier and width.
    Width {
        divisor: u32,
    },
    Sum,
    /// True or false by its inputs; it has no number.
    Truth,
}

/// How a number follows from numbers before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Formula {
    kind: Kind,
    inputs: Box<[Symbol]>,
}

/// Numbers that follow from variables, each from numbers before it.
#[derive(Clone, Debug, Default)]
pub struct Formulas {
    all: Vec<Formula>,
    places: HashMap<Formula, Symbol>,
}

impl Formulas {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn add(&mut self, kind: Kind, inputs: &[Symbol]) -> Symbol {
        let formula = Formula { kind, inputs: inputs.into() };
        if let Some(&known) = self.places.get(&formula) {
            return known;
        }
        let symbol = Symbol(self.all.len());
        self.all.push(formula.clone());
        self.places.insert(formula, symbol);
        symbol
    }

    /// The formulas that these follow from, and themselves, each after those that it follows from.
    pub fn order(&self, wanted: impl IntoIterator<Item = Symbol>) -> Vec<Symbol> {
        let mut is_wanted = vec![false; self.all.len()];
        wanted.into_iter().for_each(|symbol| is_wanted[symbol.0] = true);
        for place in (0..self.all.len()).rev().filter(|&place| is_wanted[place]).collect::<Vec<_>>()
        {
            self.mark(place, &mut is_wanted);
        }
        (0..self.all.len()).filter(|&place| is_wanted[place]).map(Symbol).collect()
    }

    fn mark(&self, place: usize, is_wanted: &mut [bool]) {
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            for input in &self.all[place].inputs {
                if !is_wanted[input.0] {
                    is_wanted[input.0] = true;
                    open.push(input.0);
                }
            }
        }
    }

    /// The numbers of the variables that a formula follows from, in the order of the space.
    fn variables(&self, symbol: Symbol) -> Vec<usize> {
        let order = self.order([symbol]);
        let mut variables: Vec<usize> = order
            .into_iter()
            .filter_map(|symbol| match self.all[symbol.0].kind {
                Kind::Variable(number) => Some(number),
                _ => None,
            })
            .collect();
        variables.sort_unstable();
        variables
    }

    /// Computes the numbers of formulas, listed as [`Formulas::order`] does, from the values of all variables. A division
    /// by zero is not a number.
    pub fn evaluate(&self, order: &[Symbol], variables: &[Lanes], numbers: &mut [Lanes]) {
        for symbol in order {
            let (before, rest) = numbers.split_at_mut(symbol.0);
            let Some(result) = rest.first_mut() else { continue };
            self.all[symbol.0].evaluate(variables, before, result);
        }
    }
}

impl Formula {
    fn evaluate(&self, variables: &[Lanes], before: &[Lanes], result: &mut Lanes) {
        let input = |number: usize| &before[self.inputs[number].0];
        match self.kind {
            Kind::Variable(number) => *result = variables[number],
            Kind::Constant(bits) => *result = [f64::from_bits(bits); LANES],
            Kind::Negative => each(result, |lane| -input(0)[lane]),
            Kind::Binary(operator) => {
                let (left, right) = (input(0), input(1));
                match operator {
                    // Spelled out, so that the lanes are computed together.
                    Binary::Add => each(result, |lane| left[lane] + right[lane]),
                    Binary::Subtract => each(result, |lane| left[lane] - right[lane]),
                    Binary::Multiply => each(result, |lane| left[lane] * right[lane]),
                    _ => each(result, |lane| {
                        operator.number(left[lane], right[lane]).unwrap_or(f64::NAN)
                    }),
                }
            }
            Kind::Call(function) => {
                let mut numbers = vec![0.0; self.inputs.len()];
                each(result, |lane| {
                    for (number, input) in numbers.iter_mut().zip(&self.inputs) {
                        *number = before[input.0][lane];
                    }
                    function.number(&numbers).unwrap_or(f64::NAN)
                });
            }
            Kind::Width { divisor } => {
                let (multiplier, width) = (input(0), input(1));
                each(result, |lane| {
                    let rule = WidthRule { multiplier: multiplier[lane], divisor };
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "checked"
                    )]
                    let width = width[lane] as u32;
                    rule.apply(width).into()
                });
            }
            Kind::Sum => {
                *result = [0.0; LANES];
                for input in &self.inputs {
                    let input = &before[input.0];
                    for (sum, number) in result.iter_mut().zip(input) {
                        *sum += number;
                    }
                }
            }
            Kind::Truth => *result = [f64::NAN; LANES],
        }
    }
}

fn each(result: &mut Lanes, mut number: impl FnMut(usize) -> f64) {
    for (lane, result) in result.iter_mut().enumerate() {
        *result = number(lane);
    }
}

/// What has to hold for a point to have the network that was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Requirement {
    /// The number is a width: whole, and neither too small nor too large.
    Width(Symbol),
    /// The number multiplies widths.
    Multiplier(Symbol),
    /// The number can be computed.
    Number(Symbol),
    /// Channels can be divided into groups.
    Divisible(Symbol, u32),
    /// Channels are equal.
    Equal(Symbol, Symbol),
}

impl Requirement {
    /// The formulas that it is about.
    pub(crate) fn symbols(self) -> [Symbol; 2] {
        match self {
            Self::Width(number)
            | Self::Multiplier(number)
            | Self::Number(number)
            | Self::Divisible(number, _) => [number, number],
            Self::Equal(left, right) => [left, right],
        }
    }

    /// Whether it holds for a point.
    pub(crate) fn holds(self, numbers: &[Lanes], lane: usize) -> bool {
        let number = |symbol: Symbol| numbers[symbol.0][lane];
        match self {
            Self::Width(width) => is_width(number(width)),
            Self::Multiplier(multiplier) => is_multiplier(number(multiplier)),
            Self::Number(of) => !number(of).is_nan(),
            Self::Divisible(channels, groups) => number(channels) % f64::from(groups) == 0.0,
            Self::Equal(left, right) => number(left) == number(right),
        }
    }
}

/// The largest number that a width, kernel, stride or size may have.
pub(crate) const MAX_COUNT: u32 = 1 << 20;

/// Whether a number can be a width.
fn is_width(number: f64) -> bool {
    number.fract() == 0.0 && (1.0..=f64::from(MAX_COUNT)).contains(&number)
}

/// Whether widths can be multiplied by a number.
pub(crate) fn is_multiplier(number: f64) -> bool {
    number > 0.0 && number <= 1024.0
}

/// A requirement, in the order in which they were met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    pub(crate) requirement: Requirement,
    /// Whether there is no network where it does not hold; else it may be another one.
    pub(crate) refuses: bool,
}

/// What is noted about the variables of a space while the network of one point is built.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    names: Vec<Arc<str>>,
    formulas: RefCell<Formulas>,
    checks: RefCell<Vec<Check>>,
    decisions: RefCell<Vec<usize>>,
    /// Whether an auxiliary head is being built: where it does not fit, it is left out.
    is_in_head: Cell<bool>,
    /// Whether the network is refused, so that nothing more matters.
    is_closed: Cell<bool>,
}

impl Tape {
    /// An empty one for variables of these names.
    pub(crate) fn new(names: impl Iterator<Item = Arc<str>>) -> Self {
        Self { names: names.collect(), ..Self::default() }
    }

    /// The number of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| **known == *name)
    }

    fn add(&self, kind: Kind, inputs: &[Symbol]) -> Symbol {
        self.formulas.borrow_mut().add(kind, inputs)
    }

    pub(crate) fn value(&self, variable: usize) -> Symbol {
        self.add(Kind::Variable(variable), &[])
    }

    pub(crate) fn constant(&self, number: f64) -> Symbol {
        self.add(Kind::Constant(number.to_bits()), &[])
    }

    pub(crate) fn negative(&self, of: Symbol) -> Symbol {
        self.add(Kind::Negative, &[of])
    }

    pub(crate) fn binary(&self, operator: Binary, left: Symbol, right: Symbol) -> Symbol {
        self.add(Kind::Binary(operator), &[left, right])
    }

    pub(crate) fn call(&self, function: Function, inputs: &[Symbol]) -> Symbol {
        self.add(Kind::Call(function), inputs)
    }

    pub(crate) fn width(&self, multiplier: Symbol, divisor: u32, width: Symbol) -> Symbol {
        self.add(Kind::Width { divisor }, &[multiplier, width])
    }

    pub(crate) fn sum(&self, inputs: &[Symbol]) -> Symbol {
        self.add(Kind::Sum, inputs)
    }

    pub(crate) fn truth(&self, inputs: &[Symbol]) -> Symbol {
        self.add(Kind::Truth, inputs)
    }

    /// Notes that the structure depends on a number.
    pub(crate) fn decide(&self, symbol: Symbol) {
        if !self.is_closed.get() {
            let variables = self.formulas.borrow().variables(symbol);
            variables.into_iter().for_each(|variable| self.decide_variable(variable));
        }
    }

    /// Notes that the structure depends on a variable.
    pub(crate) fn decide_variable(&self, variable: usize) {
        let mut decisions = self.decisions.borrow_mut();
        if !self.is_closed.get() && !decisions.contains(&variable) {
            decisions.push(variable);
        }
    }

    /// Notes a requirement.
    pub(crate) fn check(&self, requirement: Requirement) {
        let mut checks = self.checks.borrow_mut();
        let refuses = !self.is_in_head.get() && !matches!(requirement, Requirement::Number(_));
        let is_known =
            || checks.iter().any(|it| it.requirement == requirement && it.refuses == refuses);
        if !self.is_closed.get() && !is_known() {
            checks.push(Check { requirement, refuses });
        }
    }

    /// Whether an auxiliary head is being built.
    pub(crate) fn set_in_head(&self, is_in_head: bool) {
        self.is_in_head.set(is_in_head);
    }

    /// Notes nothing more if something was reported about the network itself.
    pub(crate) fn close_if(&self, is_refused: bool) {
        if is_refused && !self.is_in_head.get() {
            self.is_closed.set(true);
        }
    }

    /// What was noted.
    pub(crate) fn finish(self) -> (Formulas, Vec<Check>, Vec<usize>) {
        (self.formulas.into_inner(), self.checks.into_inner(), self.decisions.into_inner())
    }
}
