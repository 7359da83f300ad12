//! How numbers of a network follow from the variables of its space.
//!
//! While the network of a point is built, each number that follows from a variable carries a [`Symbol`], its place among
//! formulas. Widths stay formulas. Whatever else a variable reaches, such as a requirement, a kernel or a number of
//! repetitions, decides about the structure, and the variable is noted.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
};

use super::tree::{Binary, Function};
use crate::width_rule::WidthRule;

/// Formulas that are noted for one network; one with more stands for its own point alone. Each needs half a kibibyte when
/// it is evaluated.
const MOST_FORMULAS: usize = 1 << 16;

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
}

impl Formulas {
    /// Leaves out all but the formulas that these follow from; returns the new places of those that stay.
    pub(crate) fn keep(
        &mut self,
        wanted: impl IntoIterator<Item = Symbol>,
    ) -> HashMap<Symbol, Symbol> {
        let mut is_wanted = vec![false; self.all.len()];
        wanted.into_iter().for_each(|symbol| is_wanted[symbol.0] = true);
        // What a formula follows from is before it.
        for place in (0..self.all.len()).rev() {
            if is_wanted[place] {
                self.all[place].inputs.iter().for_each(|input| is_wanted[input.0] = true);
            }
        }
        let mut places = HashMap::new();
        let all = mem::take(&mut self.all);
        for (place, mut formula) in all.into_iter().enumerate().filter(|(at, _)| is_wanted[*at]) {
            for input in &mut formula.inputs {
                *input = places[input];
            }
            places.insert(Symbol(place), Symbol(self.all.len()));
            self.all.push(formula);
        }
        places
    }

    /// Computes the numbers of all formulas from the values of all variables. What cannot be computed, such as a division
    /// by zero, is not a number, and neither is what follows from it.
    pub fn evaluate(&self, variables: &[Lanes], numbers: &mut Vec<Lanes>) {
        numbers.resize(self.all.len(), [0.0; LANES]);
        for (place, formula) in self.all.iter().enumerate() {
            let (before, rest) = numbers.split_at_mut(place);
            formula.evaluate(variables, before, &mut rest[0]);
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
                    // A minimum or maximum would pass over what is not a number.
                    match numbers.iter().any(|number| number.is_nan()) {
                        true => f64::NAN,
                        false => function.number(&numbers).unwrap_or(f64::NAN),
                    }
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
    /// Channels are equal, in a sum or product, where a single channel may also stand for all.
    Broadcast(Symbol, Symbol),
}

impl Requirement {
    /// The formulas that it is about.
    pub(crate) fn symbols(self) -> [Symbol; 2] {
        match self {
            Self::Width(number)
            | Self::Multiplier(number)
            | Self::Number(number)
            | Self::Divisible(number, _) => [number, number],
            Self::Equal(left, right) | Self::Broadcast(left, right) => [left, right],
        }
    }

    /// The same of formulas at other places.
    pub(crate) fn at(self, place: impl Fn(Symbol) -> Symbol) -> Self {
        match self {
            Self::Width(number) => Self::Width(place(number)),
            Self::Multiplier(number) => Self::Multiplier(place(number)),
            Self::Number(number) => Self::Number(place(number)),
            Self::Divisible(number, groups) => Self::Divisible(place(number), groups),
            Self::Equal(left, right) => Self::Equal(place(left), place(right)),
            Self::Broadcast(left, right) => Self::Broadcast(place(left), place(right)),
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
            Self::Equal(left, right) | Self::Broadcast(left, right) => {
                number(left) == number(right)
            }
        }
    }

    /// Whether there may be a network, of another structure, where it does not hold.
    fn has_exceptions(self, numbers: &[Lanes], lane: usize) -> bool {
        let is_one = |symbol: Symbol| numbers[symbol.0][lane] == 1.0;
        match self {
            Self::Broadcast(left, right) => is_one(left) || is_one(right),
            Self::Width(_)
            | Self::Multiplier(_)
            | Self::Number(_)
            | Self::Divisible(..)
            | Self::Equal(..) => false,
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
    /// Whether there is no network where it does not hold, but for exceptions; else it may be another one.
    refuses: bool,
}

impl Check {
    /// Whether a point that does not meet it is no network.
    pub(crate) fn refuses(&self, numbers: &[Lanes], lane: usize) -> bool {
        let is_known = |symbol: &Symbol| !numbers[symbol.0][lane].is_nan();
        self.refuses
            && self.requirement.symbols().iter().all(is_known)
            && !self.requirement.has_exceptions(numbers, lane)
    }
}

/// Variables of a space, a bit for each.
type Variables = [u64; MAX_VARIABLES / 64];

/// Variables that a space may have.
pub(crate) const MAX_VARIABLES: usize = 256;

/// What is noted about the variables of a space while the network of one point is built.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// The variables, and whether all of their values are numbers.
    variables: Vec<(Arc<str>, bool)>,
    formulas: RefCell<Formulas>,
    /// The formulas by what they are, and the variables that each follows from.
    places: RefCell<HashMap<Formula, Symbol>>,
    follows: RefCell<Vec<Variables>>,
    checks: RefCell<Vec<Check>>,
    known_checks: RefCell<HashSet<(Requirement, bool)>>,
    decisions: RefCell<Vec<usize>>,
    /// Whether an auxiliary head is being built: where it does not fit, it is left out.
    is_in_head: Cell<bool>,
    /// Whether the network is refused, so that nothing more matters.
    is_closed: Cell<bool>,
    /// Whether something is not noted, such as formulas beyond the limit.
    is_full: Cell<bool>,
}

/// What was noted.
pub(crate) struct Notes {
    pub(crate) formulas: Formulas,
    pub(crate) checks: Vec<Check>,
    pub(crate) decisions: Vec<usize>,
    /// Whether that is all.
    pub(crate) are_complete: bool,
}

impl Tape {
    /// An empty one for variables, each with whether all of its values are numbers.
    pub(crate) fn new(variables: impl Iterator<Item = (Arc<str>, bool)>) -> Self {
        Self { variables: variables.collect(), ..Self::default() }
    }

    /// The number of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|(known, _)| **known == *name)
    }

    fn add(&self, kind: Kind, inputs: &[Symbol]) -> Symbol {
        let formula = Formula { kind, inputs: inputs.into() };
        if let Some(&known) = self.places.borrow().get(&formula) {
            return known;
        }
        let mut formulas = self.formulas.borrow_mut();
        if formulas.all.len() == MOST_FORMULAS {
            self.is_full.set(true);
            return Symbol(0);
        }
        let mut follows = self.follows.borrow_mut();
        let mut variables = Variables::default();
        for input in inputs {
            for (all, of_input) in variables.iter_mut().zip(follows[input.0]) {
                *all |= of_input;
            }
        }
        if let Kind::Variable(number) = kind {
            variables[number / 64] |= 1 << (number % 64);
        }
        follows.push(variables);
        let symbol = Symbol(formulas.all.len());
        formulas.all.push(formula.clone());
        self.places.borrow_mut().insert(formula, symbol);
        symbol
    }

    /// A variable as a formula; `None`, and it decides about the structure, if one of its values is no number.
    pub(crate) fn value(&self, variable: usize) -> Option<Symbol> {
        if self.variables[variable].1 {
            return Some(self.add(Kind::Variable(variable), &[]));
        }
        self.decide_variable(variable);
        None
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
        let variables = self.follows.borrow()[symbol.0];
        let is_in = |variable: &usize| variables[variable / 64] >> (variable % 64) & 1 == 1;
        let decides = (0..self.variables.len()).filter(is_in);
        decides.for_each(|variable| self.decide_variable(variable));
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
        let refuses = !self.is_in_head.get() && !matches!(requirement, Requirement::Number(_));
        if !self.is_closed.get() && self.known_checks.borrow_mut().insert((requirement, refuses)) {
            self.checks.borrow_mut().push(Check { requirement, refuses });
        }
    }

    /// Notes that the network follows from something that cannot be noted.
    pub(crate) fn give_up(&self) {
        self.is_full.set(true);
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
    pub(crate) fn finish(self) -> Notes {
        Notes {
            formulas: self.formulas.into_inner(),
            checks: self.checks.into_inner(),
            decisions: self.decisions.into_inner(),
            are_complete: !self.is_full.get(),
        }
    }
}
