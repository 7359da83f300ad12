//! The network of one point of a space, with its widths as formulas of the variables.

use inceptive_ir::{Graph, NodeId};

use crate::{
    architecture::{Built, Draft, build_noting},
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink},
    expr::{Check, Formulas, LANES, Lanes, Notes, Symbol, Tape},
    lower::Channels,
    space::{Space, Variable},
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

/// What a point of a space is, and those that a sketch of it stands for.
#[derive(Debug)]
pub enum Outcome {
    /// A network.
    Network(Box<OpenNetwork>),
    /// No network: something does not fit.
    Refused,
    /// Either; it depends on something that is not noted, so the sketch stands for its own point alone.
    Alone,
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
        self.channels.depthwise.binary_search(&node).is_ok()
    }
}

impl Sketch {
    /// How points relate to it, by the numbers of its formulas.
    pub fn fits(&self, numbers: &[Lanes]) -> [Fit; LANES] {
        let mut fits = [Fit::Same; LANES];
        for (check, at_point) in &self.checks {
            for (lane, fit) in fits.iter_mut().enumerate() {
                let holds = check.requirement.holds(numbers, lane);
                if holds != *at_point && *fit == Fit::Same {
                    let refuses = !holds && check.refuses(numbers, lane);
                    *fit = if refuses { Fit::Refused } else { Fit::Other };
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
        let is_number =
            |variable: &Variable| variable.values.iter().all(|it| it.number().is_some());
        let variables = self.variables.iter().map(|it| (it.name.as_str().into(), is_number(it)));
        let (tape, sink) = (Tape::new(variables), DiagnosticSink::default());
        let (map, _) = self.at(choices);
        let draft = Draft { map, span: self.span(), overrides: Vec::new() };
        let built = build_noting(&draft, Some(&tape), &sink);
        let Notes { mut formulas, mut checks, decisions, are_complete } = tape.finish();
        let mut outcome = outcome(built, &sink);
        if !are_complete {
            outcome = Outcome::Alone;
        }
        if matches!(outcome, Outcome::Alone) {
            return Sketch {
                formulas: Formulas::default(),
                decisions,
                outcome,
                checks: Vec::new(),
            };
        }
        let none = &mut Channels::default();
        let channels = match &mut outcome {
            Outcome::Network(network) => &mut network.channels,
            Outcome::Refused | Outcome::Alone => none,
        };
        let of_checks = checks.iter().flat_map(|check| check.requirement.symbols());
        let places = formulas.keep(channels.symbols.iter().copied().flatten().chain(of_checks));
        let place = |symbol: Symbol| places[&symbol];
        for symbol in channels.symbols.iter_mut().flatten() {
            *symbol = place(*symbol);
        }
        for check in &mut checks {
            check.requirement = check.requirement.at(place);
        }
        let numbers = self.at_point(&formulas, choices);
        if numbers.iter().any(|lanes| lanes[0].is_nan()) {
            // Numbers beyond all limits: a maximum passes over what is none, and formulas do not.
            outcome = Outcome::Alone;
        }
        let with_point = |check: Check| (check, check.requirement.holds(&numbers, 0));
        let checks = checks.into_iter().map(with_point).collect();
        Sketch { formulas, decisions, outcome, checks }
    }

    /// The numbers of formulas at a point.
    fn at_point(&self, formulas: &Formulas, choices: &[usize]) -> Vec<Lanes> {
        let values = self.variables.iter().zip(choices);
        let number = |variable: &Variable, choice: usize| variable.values[choice].number();
        let variables: Vec<Lanes> =
            values.map(|(it, &choice)| [number(it, choice).unwrap_or(f64::NAN); LANES]).collect();
        let mut numbers = Vec::new();
        formulas.evaluate(&variables, &mut numbers);
        numbers
    }
}

/// What a point is whose network was built, or not.
fn outcome(built: Option<Built>, sink: &DiagnosticSink) -> Outcome {
    let reports = sink.take();
    // Where else a value cannot be computed, or a network is too large, is not noted.
    let is_noted =
        |report: &Diagnostic| !matches!(report.code, Code::Evaluation | Code::NetworkTooLarge);
    let of_heads = built.iter().flat_map(|built| &built.unfit_heads);
    let mut all = reports.iter().chain(of_heads.flat_map(|head| &head.diagnostics));
    if !all.all(is_noted) {
        return Outcome::Alone;
    }
    match built {
        Some(built) if reports.is_empty() => {
            let (graph, channels) = (built.graph, built.channels);
            Outcome::Network(Box::new(OpenNetwork { graph, channels }))
        }
        _ => Outcome::Refused,
    }
}
