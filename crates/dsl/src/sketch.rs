//! The network of one point of a space, with its widths as formulas of the variables.

use inceptive_ir::{Graph, NodeId};

use crate::{
    architecture::{Draft, build_noting},
    code::Code,
    diagnostic::DiagnosticSink,
    expr::{Check, Formulas, LANES, Lanes, Symbol, Tape},
    lower::Channels,
    space::Space,
};

/// The network of one point of a space, and for which others it stands: those that have the same values of the variables
/// that decide, and fit.
#[derive(Debug)]
pub struct Sketch {
    /// The formulas of its widths.
    pub formulas: Formulas,
    /// The variables, by number, that decide about the structure, in the order in which they were met.
    pub decisions: Vec<usize>,
    /// What the point is.
    pub outcome: Outcome,
    /// Conditions, with whether they hold at the point.
    checks: Vec<(Check, bool)>,
}

/// What a point of a space is.
#[derive(Debug)]
pub enum Outcome {
    /// A network.
    Network(Box<OpenNetwork>),
    /// No network: something does not fit.
    Refused,
    /// No network, for a reason that may hold for this point alone.
    RefusedAlone,
}

/// A network whose channels are formulas.
#[derive(Debug)]
pub struct OpenNetwork {
    /// The network at the point.
    pub graph: Graph,
    channels: Channels,
}

/// How a point relates to a sketch with the same values of the variables that decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is what the sketch's point is.
    Same,
    /// It is no network.
    Refused,
    /// It needs a sketch of its own.
    Other,
}

impl OpenNetwork {
    /// How the channels of a node follow from the variables; `None` if they are the same at every point.
    pub fn channels(&self, node: NodeId) -> Option<Symbol> {
        self.channels.symbols.get(node.index()).copied().flatten()
    }

    /// Whether a node is a convolution with as many groups as its input has channels, at every point.
    pub fn is_depthwise(&self, node: NodeId) -> bool {
        self.channels.depthwise.contains(&node)
    }
}

impl Sketch {
    /// The formulas that [`Sketch::fits`] needs the numbers of.
    pub fn checked(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.checks.iter().flat_map(|(check, _)| check.requirement.symbols())
    }

    /// How points relate to it, by the numbers of its formulas.
    pub fn fits(&self, numbers: &[Lanes]) -> [Fit; LANES] {
        let mut fits = [Fit::Same; LANES];
        for (check, at_point) in &self.checks {
            for (lane, fit) in fits.iter_mut().enumerate() {
                let holds = check.requirement.holds(numbers, lane);
                if holds != *at_point && *fit == Fit::Same {
                    *fit = if check.refuses && !holds { Fit::Refused } else { Fit::Other };
                }
            }
        }
        fits
    }
}

impl Space {
    /// The network at a point, by the positions of the values, with its widths as formulas.
    ///
    /// # Panics
    /// When there is no such position.
    pub fn sketch(&self, choices: &[usize]) -> Sketch {
        let names = self.variables.iter().map(|variable| variable.name.as_str().into());
        let (tape, sink) = (Tape::new(names), DiagnosticSink::default());
        let (map, _) = self.at(choices);
        let draft = Draft { map, span: self.span(), overrides: Vec::new() };
        let built = build_noting(&draft, Some(&tape), &sink);
        let reports = sink.take();
        let outcome = match built {
            Some(built) if reports.is_empty() => Outcome::Network(Box::new(OpenNetwork {
                graph: built.graph,
                channels: built.channels,
            })),
            // What these follow from is not noted.
            _ if reports
                .iter()
                .any(|it| matches!(it.code, Code::Evaluation | Code::NetworkTooLarge)) =>
            {
                Outcome::RefusedAlone
            }
            _ => Outcome::Refused,
        };
        let (formulas, checks, decisions) = tape.finish();
        let checks = self.at_point(&formulas, checks, choices);
        Sketch { formulas, decisions, outcome, checks }
    }

    /// Conditions, with whether they hold at a point.
    fn at_point(
        &self,
        formulas: &Formulas,
        checks: Vec<Check>,
        choices: &[usize],
    ) -> Vec<(Check, bool)> {
        let variables: Vec<Lanes> = self
            .variables
            .iter()
            .zip(choices)
            .map(|(variable, &choice)| {
                [variable.values[choice].number().unwrap_or(f64::NAN); LANES]
            })
            .collect();
        let mut numbers = vec![[0.0; LANES]; formulas.len()];
        let wanted = checks.iter().flat_map(|check| check.requirement.symbols());
        formulas.evaluate(&formulas.order(wanted), &variables, &mut numbers);
        let with_point = |check: Check| (check, check.requirement.holds(&numbers, 0));
        checks.into_iter().map(with_point).collect()
    }
}
