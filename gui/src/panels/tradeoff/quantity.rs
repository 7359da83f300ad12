//! What axes, colours and columns show: metrics of networks, and variables of a space.

use inceptive_cost::Convention;
use inceptive_results::Metric;
use serde::{Deserialize, Serialize};

use super::{
    metric::{AxisMetric, trimmed},
    rows::Rows,
};
use crate::jobs::Cloud;

/// A metric, or a variable of the space by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "Metric", from = "Metric")]
pub enum Quantity {
    /// A variable of the space that is drawn.
    Variable(usize),
    /// A metric.
    Metric(Metric),
}

impl From<Metric> for Quantity {
    fn from(metric: Metric) -> Self {
        Self::Metric(metric)
    }
}

/// For the next run, which starts without a space.
impl From<Quantity> for Metric {
    fn from(quantity: Quantity) -> Self {
        quantity.metric().unwrap_or(Self::Macs)
    }
}

impl Quantity {
    /// The metric.
    pub const fn metric(self) -> Option<Metric> {
        match self {
            Self::Metric(metric) => Some(metric),
            Self::Variable(_) => None,
        }
    }

    /// Whether it is shown by powers of ten at first.
    pub fn is_log(self) -> bool {
        self.metric().is_some_and(AxisMetric::is_log)
    }

    /// Whether more is better; `None` if neither is.
    pub fn wants_more(self) -> Option<bool> {
        self.metric().map(AxisMetric::wants_more)
    }

    /// Whether it follows from an accuracy.
    pub fn is_accuracy(self) -> bool {
        self.metric().is_some_and(AxisMetric::is_accuracy)
    }
}

/// The variables of a space, with a number for each of their values.
#[derive(Debug, Default)]
pub struct Variables(Vec<Variable>);

#[derive(Debug)]
struct Variable {
    name: String,
    labels: Vec<String>,
    /// Without them, values are at their places in the list.
    numbers: Option<Vec<f64>>,
}

impl Variables {
    /// Those of a space.
    pub fn new(cloud: &Cloud) -> Self {
        let variable = |(name, labels): &(String, Vec<String>)| Variable {
            name: name.clone(),
            labels: labels.clone(),
            numbers: labels.iter().map(|label| label.parse().ok()).collect(),
        };
        Self(cloud.counts.variables.iter().map(variable).collect())
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The name of one.
    pub fn name(&self, variable: usize) -> &str {
        self.0.get(variable).map_or("", |variable| &variable.name)
    }

    /// Whether its values are numbers.
    pub fn is_numeric(&self, variable: usize) -> bool {
        self.0[variable].numbers.is_some()
    }

    /// The values as they are written.
    pub fn labels(&self, variable: usize) -> &[String] {
        &self.0[variable].labels
    }

    /// Where a value is on an axis.
    pub fn number(&self, variable: usize, choice: u16) -> f64 {
        let numbers = self.0[variable].numbers.as_ref();
        numbers.map_or_else(|| f64::from(choice), |numbers| numbers[usize::from(choice)])
    }

    /// The value at a place of an axis; `None` between two values that are no numbers.
    fn tick(&self, variable: usize, value: f64) -> Option<String> {
        let variable = self.0.get(variable)?;
        if variable.numbers.is_some() {
            return Some(trimmed(value, 6));
        }
        let is_place = value >= 0.0 && (value - value.round()).abs() < 1e-6;
        is_place.then(|| variable.labels.get(value.round() as usize).cloned()).flatten()
    }
}

/// How quantities are called, and how their values are written.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// What accuracies are of.
    pub rows: &'a Rows,
    /// The variables of the space, if one is drawn.
    pub variables: Option<&'a Variables>,
    /// How compute is counted.
    pub convention: Convention,
}

impl Names<'_> {
    /// The name of a quantity, with its unit and where its values come from.
    pub fn title(&self, quantity: Quantity) -> String {
        match quantity {
            Quantity::Metric(metric) => self.rows.title(metric, self.convention),
            Quantity::Variable(variable) => self.variable(variable),
        }
    }

    /// The title without what accuracies were trained on.
    pub fn short_title(&self, quantity: Quantity) -> String {
        match quantity {
            Quantity::Metric(metric) => self.rows.short_title(metric, self.convention),
            Quantity::Variable(variable) => self.variable(variable),
        }
    }

    fn variable(&self, variable: usize) -> String {
        self.variables.map_or_else(String::new, |all| all.name(variable).to_owned())
    }

    /// A value at an axis, as short as possible; `None` where nothing is to be written.
    pub fn tick(&self, quantity: Quantity, value: f64) -> Option<String> {
        match quantity {
            Quantity::Metric(metric) => Some(metric.tick(value)),
            Quantity::Variable(variable) => self.variables?.tick(variable, value),
        }
    }

    /// A value on an axis with its unit.
    pub fn text(&self, quantity: Quantity, value: f64) -> String {
        match quantity {
            Quantity::Metric(metric) => metric.text(value),
            Quantity::Variable(_) => self.tick(quantity, value).unwrap_or_default(),
        }
    }

    /// Every quantity that can be chosen: variables, then metrics, the main ones first.
    pub fn offered(&self) -> Vec<Quantity> {
        let variables = 0..self.variables.map_or(0, Variables::len);
        let (main, others): (Vec<Metric>, Vec<Metric>) =
            Metric::ALL.into_iter().partition(|metric| metric.is_main());
        let metrics = main.into_iter().chain(others).map(Quantity::Metric);
        variables.map(Quantity::Variable).chain(metrics).collect()
    }
}
