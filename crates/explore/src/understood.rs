//! What the trained networks of a space say about its variables.

use inceptive_format::percent;
use inceptive_results::{
    AccuracyJudgement, Exploration, ExploredNetwork, Metric, Objective, Source,
    statistics::Estimate,
};

use crate::{
    axes::Axis,
    effects::{Effect, effects},
    importance::{Importance, importances},
    slices::{Slices, slices},
    surrogate::judge,
};

/// The seed of intervals and of cross-validation.
const SEED: u64 = 1;

/// A network whose accuracy is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The value of each variable of the space.
    pub values: Vec<String>,
    /// Its accuracy in percent.
    pub accuracy: f64,
    /// Its number of parameters.
    pub params: f64,
    /// What it costs.
    pub cost: f64,
}

/// What the trained networks of a space say about its variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    /// How many networks.
    pub networks: usize,
    /// The variables.
    pub variables: Vec<String>,
    /// The values of each variable that occur, numbers in order.
    pub values: Vec<Vec<String>>,
    /// How much each variable decides about accuracy, if there are enough networks.
    pub importance: Option<Vec<Importance>>,
    /// What each variable does to accuracy, in percentage points.
    pub accuracy: Option<Vec<Option<Effect>>>,
    /// Accuracy by the values of each variable, and by pairs of values of two.
    pub slices: Option<Slices>,
    /// The cost that is looked at.
    pub metric: Metric,
    /// What each variable does to the cost.
    pub cost: Option<Vec<Option<Effect>>>,
    /// How well the accuracies of other networks can be predicted from these.
    pub judgement: Option<AccuracyJudgement>,
}

/// The cost that accuracy is weighed against where one is needed that is known of all networks: the first objective that is
/// counted, or multiply-accumulates.
pub fn counted_cost(objectives: impl IntoIterator<Item = Objective>) -> Metric {
    let mut metrics = objectives.into_iter().map(|objective| objective.metric);
    metrics.find(|metric| metric.source() == Source::Counted).unwrap_or(Metric::Macs)
}

impl Understood {
    /// Looks at networks of a space with these variables.
    pub fn new(variables: &[String], networks: &[Observed], metric: Metric) -> Self {
        let values: Vec<Vec<String>> =
            (0..variables.len()).map(|at| occurring(networks, at)).collect();
        let axes: Vec<Axis> =
            values.iter().map(|values| Axis::new(values.iter().map(String::as_str))).collect();
        let place = |variable: usize, value: &String| {
            values[variable].iter().position(|it| it == value).unwrap_or(0)
        };
        let points: Vec<Vec<usize>> = networks
            .iter()
            .map(|it| it.values.iter().enumerate().map(|(at, value)| place(at, value)).collect())
            .collect();
        let all = |of: fn(&Observed) -> f64| -> Vec<f64> { networks.iter().map(of).collect() };
        let (accuracies, params, costs) =
            (all(|it| it.accuracy), all(|it| it.params), all(|it| it.cost));
        Self {
            networks: networks.len(),
            variables: variables.to_vec(),
            importance: importances(&axes, &points, &accuracies, SEED),
            accuracy: effects(&axes, &points, &accuracies, SEED),
            slices: slices(&axes, &points, &accuracies, SEED),
            metric,
            cost: effects(&axes, &points, &costs, SEED),
            judgement: judge(&axes, &points, &accuracies, &params, SEED),
            values,
        }
    }

    /// Looks at the networks of an exploration by their validation accuracies after its first rung, which all of them reached.
    pub fn of(exploration: &Exploration) -> Self {
        let metric = counted_cost(exploration.request.objectives.iter().map(|&it| it.into()));
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let observed = |network: &ExploredNetwork| {
            Some(Observed {
                values: network.values.clone(),
                accuracy: network.rungs.first().copied().flatten()?,
                params: network.subject.params as f64,
                cost: network.value(metric)?,
            })
        };
        let networks: Vec<Observed> = exploration.networks.iter().filter_map(observed).collect();
        Self::new(&exploration.space.variables, &networks, metric)
    }

    /// What each variable does, in words; nothing if there are too few networks to say.
    pub fn sentences(&self) -> Vec<String> {
        let Some(accuracy) = &self.accuracy else { return vec![] };
        let cost = |at: usize| self.cost.as_ref().and_then(|costs| costs[at].as_ref());
        let effects =
            accuracy.iter().enumerate().filter_map(|(at, effect)| Some((at, effect.as_ref()?)));
        let mut sentences: Vec<String> =
            effects.map(|(at, effect)| self.sentence(at, effect, cost(at))).collect();
        sentences.extend(self.interaction());
        sentences
    }

    /// What the two variables that depend on each other most do together.
    fn interaction(&self) -> Option<String> {
        let found = self.slices.as_ref()?.interaction.as_ref()?;
        let [first, second] = found.variables.map(|at| self.variables[at].as_str());
        Some(match found.is_real() {
            true => format!(
                "{first} and {second} depend on each other: together they explain another {} of the variance, beyond what \
                 each does alone (by chance: {})",
                percent(found.share),
                percent(found.by_chance)
            ),
            false => "no two variables can be told to depend on each other".to_owned(),
        })
    }

    /// Whether the values of a variable are numbers.
    pub fn is_number(&self, variable: usize) -> bool {
        Axis::new(self.values[variable].iter().map(String::as_str)).numbers.is_some()
    }

    /// Values of a variable that are looked at together, such as `0.5–0.75`.
    pub fn range(&self, variable: usize, [first, last]: [usize; 2]) -> String {
        let values = &self.values[variable];
        match first == last {
            true => values[first].clone(),
            false => format!("{}–{}", values[first], values[last]),
        }
    }

    fn sentence(&self, at: usize, effect: &Effect, cost: Option<&Effect>) -> String {
        let (name, values) = (&self.variables[at], &self.values[at]);
        match effect {
            Effect::Range { from, to, change } => {
                let costs = match cost {
                    Some(Effect::Range { change: cost, .. }) => {
                        format!("; {} {}", self.metric.label(), self.amount(*cost))
                    }
                    _ => String::new(),
                };
                format!(
                    "{name}, from {} to {}: {}{costs}",
                    values[*from],
                    values[*to],
                    points(*change)
                )
            }
            Effect::Values(effects) => {
                let mut sorted = effects.clone();
                sorted.sort_by(|(_, a), (_, b)| b.value.total_cmp(&a.value));
                let of = |(value, estimate): &(usize, Estimate)| {
                    format!("{} {}", values[*value], points(*estimate))
                };
                let parts: Vec<String> = sorted.iter().map(of).collect();
                format!("{name}, against the mean of its values: {}", parts.join("; "))
            }
        }
    }

    /// A change of the cost.
    fn amount(&self, Estimate { value, .. }: Estimate) -> String {
        format!("{}{}", if value < 0.0 { "-" } else { "+" }, self.metric.short(value.abs()))
    }
}

/// A change of accuracy with its interval.
fn points(Estimate { value, low, high }: Estimate) -> String {
    let doubt = if low <= 0.0 && high >= 0.0 { ", which may be none" } else { "" };
    format!("{value:+.2} points ({low:+.2} to {high:+.2}){doubt}")
}

/// The values of a variable that occur, numbers in order.
fn occurring(networks: &[Observed], variable: usize) -> Vec<String> {
    let mut values: Vec<String> = vec![];
    let mut seen = std::collections::HashSet::new();
    for network in networks {
        if seen.insert(&network.values[variable]) {
            values.push(network.values[variable].clone());
        }
    }
    let axis = Axis::new(values.iter().map(String::as_str));
    if let Some(numbers) = axis.numbers {
        let mut pairs: Vec<(f64, String)> = numbers.into_iter().zip(values).collect();
        pairs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        values = pairs.into_iter().map(|(_, value)| value).collect();
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judged::judgement_sentence;

    fn networks() -> Vec<Observed> {
        let kinds = ["conv", "pool"];
        let network = |at: usize| {
            let (kind, width) = (at % 2, [0.5, 1.0, 2.0][at / 2 % 3]);
            Observed {
                values: vec![kinds[kind].to_owned(), width.to_string()],
                accuracy: 80.0
                    + [2.0, -2.0][kind]
                    + 3.0 * width
                    + if at.is_multiple_of(5) { 0.1 } else { 0.0 },
                params: 1000.0 * width,
                cost: 1e6 * width,
            }
        };
        (0..30).rev().map(network).collect()
    }

    #[test]
    fn it_is_said_in_words() {
        let variables = ["kind".to_owned(), "width".to_owned()];
        let understood = Understood::new(&variables, &networks(), Metric::Macs);
        assert_eq!(understood.values, [vec!["pool", "conv"], vec!["0.5", "1", "2"]]);
        let sentences = understood.sentences();
        assert!(
            sentences[0].starts_with("kind, against the mean of its values: conv +2.0"),
            "{sentences:?}"
        );
        assert!(sentences[1].starts_with("width, from 0.5 to 2: +4.5"), "{sentences:?}");
        assert!(sentences[1].ends_with("; MACs +1.50M"), "{sentences:?}");
        assert!(judgement_sentence(&understood.judgement.unwrap()).contains("30 networks"));
    }

    #[test]
    fn few_networks_say_nothing() {
        let understood = Understood::new(
            &["kind".to_owned(), "width".to_owned()],
            &networks()[..4],
            Metric::Macs,
        );
        assert!(understood.sentences().is_empty() && understood.importance.is_none());
        assert_eq!(Understood::of(&inceptive_results::example::exploration()).networks, 2);
    }
}
