//! One network of a finished search, for what somebody wants.

use inceptive_dsl::{ColumnName, ColumnType, Filter, Table};
use inceptive_format::{counted, significant};
use inceptive_results::{
    Direction, Exploration, ExploredNetwork, Metric, Objective, Preference, Source,
};

use crate::{
    axes::Axis,
    finalists::{as_cost, estimate, finalists, first_cost},
};

/// What is recommended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// The place of a network in the exploration; `None` if no network of the front is what is wanted.
    pub network: Option<usize>,
    /// Why, as a sentence without its stop; networks are numbered from 1.
    pub reason: String,
}

/// Recommends a network of the front of a finished search. With weights, the one with the best weighted sum; with a condition
/// on costs, the most accurate that satisfies it, or the cheapest that cannot be told apart from it; with a condition on
/// accuracy, the cheapest that satisfies it; else the knee. `None` if no network is on the front.
///
/// # Errors
/// What is wrong with the condition, in one line.
pub fn recommendation(
    exploration: &Exploration,
    preference: &Preference,
) -> Result<Option<Recommendation>, String> {
    let candidates = Candidates::new(exploration);
    if candidates.front.is_empty() {
        return Ok(None);
    }
    let Some(condition) = &preference.condition else {
        return Ok(Some(match preference.weights.is_empty() {
            true => candidates.usual(),
            false => candidates.by_weights(&candidates.front, &preference.weights, ""),
        }));
    };
    let limits = Limits::new(condition, exploration)?;
    let inside: Vec<usize> = candidates
        .front
        .iter()
        .copied()
        .filter(|&at| limits.filter.holds(&candidates, at))
        .collect();
    if inside.is_empty() {
        let networks = counted(candidates.front.len(), "network", "networks");
        let reason = format!(
            "none of the {networks} on the front satisfies `{condition}`{}",
            candidates.ranges(&limits.metrics)
        );
        return Ok(Some(Recommendation { network: None, reason }));
    }
    let among = format!(" that satisfies `{condition}`");
    let mut found = match preference.weights.is_empty() {
        false => candidates.by_weights(&inside, &preference.weights, &among),
        true if limits.metrics.contains(&Metric::Top1) => {
            candidates.cheapest(&inside, &limits.metrics, &among)
        }
        true => candidates.most_accurate(&inside, &among),
    };
    if let Some(at) = found.network {
        found.reason.push_str(&candidates.doubts(at, &limits));
    }
    Ok(Some(found))
}

/// Whether a condition on finalists can be read.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn check_preference(condition: &str, variables: &[String]) -> Result<(), String> {
    Filter::new(condition, &columns(variables, &|_| false)).map(|_| ())
}

/// The metrics that conditions and weights may name.
fn metrics() -> impl Iterator<Item = Metric> {
    let known = [Metric::Top1, Metric::Latency];
    known.into_iter().chain(Metric::from_source(Source::Counted))
}

/// The columns that a condition may name: metrics first, then variables.
fn columns(variables: &[String], is_number: &dyn Fn(usize) -> bool) -> Vec<ColumnName> {
    let column = |name: &str, holds| ColumnName { name: name.to_owned(), holds };
    let metrics = metrics().map(|metric| column(metric.id(), ColumnType::Number));
    let variables = variables.iter().enumerate().map(|(at, name)| {
        column(name, if is_number(at) { ColumnType::Number } else { ColumnType::Text })
    });
    metrics.chain(variables).collect()
}

/// A condition with the metrics that it names.
struct Limits {
    filter: Filter,
    metrics: Vec<Metric>,
}

impl Limits {
    fn new(condition: &str, exploration: &Exploration) -> Result<Self, String> {
        let is_number = |variable: usize| {
            let values = exploration.networks.iter().map(|it| it.values[variable].as_str());
            Axis::new(values).numbers.is_some()
        };
        let columns = columns(&exploration.space.variables, &is_number);
        let filter = Filter::new(condition, &columns)?;
        let named = filter.columns().iter().filter_map(|&column| metrics().nth(column));
        Ok(Self { metrics: named.collect(), filter })
    }
}

/// The networks of the front, with what they are compared by.
struct Candidates<'e> {
    exploration: &'e Exploration,
    /// Their places in the exploration, the cheapest first.
    front: Vec<usize>,
    knee: Option<usize>,
    objectives: Vec<Objective>,
}

impl Table for Candidates<'_> {
    fn number(&self, column: usize, row: usize) -> f64 {
        self.value(column, row, &|it| it.value)
    }

    fn text(&self, column: usize, row: usize) -> Option<&str> {
        let variable = column.checked_sub(metrics().count())?;
        self.exploration.networks[row].values.get(variable).map(String::as_str)
    }
}

/// The same with one end of each interval.
struct AtEnd<'c, 'e>(&'c Candidates<'e>, fn(&inceptive_results::statistics::Estimate) -> f64);

impl Table for AtEnd<'_, '_> {
    fn number(&self, column: usize, row: usize) -> f64 {
        self.0.value(column, row, &self.1)
    }

    fn text(&self, column: usize, row: usize) -> Option<&str> {
        self.0.text(column, row)
    }
}

impl<'e> Candidates<'e> {
    fn new(exploration: &'e Exploration) -> Self {
        let all = finalists(exploration);
        let is_on_front = |at: &usize| {
            exploration.networks[*at].outcome.as_ref().is_some_and(|outcome| outcome.on_front)
        };
        Self {
            exploration,
            front: all.iter().map(|it| it.network).filter(is_on_front).collect(),
            knee: all.iter().find(|it| it.is_knee).map(|it| it.network),
            objectives: exploration.request.objectives.iter().map(|&it| it.into()).collect(),
        }
    }

    fn network(&self, at: usize) -> &'e ExploredNetwork {
        &self.exploration.networks[at]
    }

    fn value(
        &self,
        column: usize,
        row: usize,
        of: &dyn Fn(&inceptive_results::statistics::Estimate) -> f64,
    ) -> f64 {
        let network = self.network(row);
        let Some(metric) = metrics().nth(column) else {
            let variable = column - metrics().count();
            return network.values.get(variable).and_then(|it| it.parse().ok()).unwrap_or(f64::NAN);
        };
        estimate(network, metric).map_or(f64::NAN, |it| of(&it))
    }

    /// What is recommended to those who ask for nothing.
    fn usual(&self) -> Recommendation {
        let Some(knee) = self.knee else { return self.most_accurate(&self.front, "") };
        let cost = first_cost(self.exploration).metric;
        let reason = format!(
            "{} is the knee of the front: beyond it, accuracy costs most in {}",
            self.named(knee),
            cost.label()
        );
        Recommendation { network: Some(knee), reason }
    }

    /// The most accurate of some networks, or the cheapest that cannot be told apart from it.
    fn most_accurate(&self, among: &[usize], which: &str) -> Recommendation {
        let top1 = |at: usize| estimate(self.network(at), Metric::Top1);
        let by_value = |a: &&usize, b: &&usize| {
            let value = |at: usize| top1(at).map_or(f64::NEG_INFINITY, |it| it.value);
            value(**a).total_cmp(&value(**b))
        };
        let Some(&best) = among.iter().max_by(by_value) else {
            return Recommendation { network: None, reason: String::new() };
        };
        let is_same =
            |at: &&usize| top1(**at).zip(top1(best)).is_some_and(|(one, best)| one.overlaps(&best));
        // The cheapest is the first.
        let chosen = among.iter().find(is_same).copied().unwrap_or(best);
        let reason = match chosen == best {
            true => format!("{} is the most accurate on the front{which}", self.named(best)),
            false => format!(
                "{} is the cheapest on the front{which} whose accuracy cannot be told apart from that of the most accurate, \
                 {}",
                self.named(chosen),
                self.named(best)
            ),
        };
        Recommendation { network: Some(chosen), reason }
    }

    /// The cheapest of some networks in the first cost that the condition does not name.
    fn cheapest(&self, among: &[usize], named: &[Metric], which: &str) -> Recommendation {
        let is_free = |it: &&Objective| it.metric != Metric::Top1 && !named.contains(&it.metric);
        let Some(&objective) = self.objectives.iter().find(is_free) else {
            return self.most_accurate(among, which);
        };
        let cost = |at: usize| {
            as_cost(self.network(at), objective).map_or(f64::INFINITY, |estimate| estimate.value)
        };
        let best = among.iter().copied().min_by(|&a, &b| cost(a).total_cmp(&cost(b)));
        let most = match objective.direction {
            Direction::Minimize => "lowest",
            Direction::Maximize => "highest",
        };
        let reason = best.map_or_else(String::new, |best| {
            let value = estimate(self.network(best), objective.metric);
            format!(
                "{} has the {most} {} on the front{which}: {}",
                self.named(best),
                objective.metric.label(),
                value.map_or_else(String::new, |it| objective.metric.short(it.value))
            )
        });
        Recommendation { network: best, reason }
    }

    /// The network with the highest sum of weighted values, each scaled to the range of the front.
    fn by_weights(
        &self,
        among: &[usize],
        weights: &[(Metric, f64)],
        which: &str,
    ) -> Recommendation {
        let mut weighted: Vec<(Objective, f64)> =
            self.objectives.iter().map(|&objective| (objective, 1.0)).collect();
        for &(metric, weight) in weights {
            match weighted.iter_mut().find(|(objective, _)| objective.metric == metric) {
                Some((_, known)) => *known = weight,
                None => {
                    weighted.push((Objective { metric, direction: metric.direction() }, weight));
                }
            }
        }
        let sum: f64 = weighted.iter().map(|(_, weight)| weight).sum();
        if sum <= 0.0 {
            return self.most_accurate(among, which);
        }
        let score = |at: usize| -> f64 {
            let of = |&(objective, weight): &(Objective, f64)| weight * self.scaled(at, objective);
            weighted.iter().map(of).sum::<f64>() / sum
        };
        let mut order: Vec<(usize, f64)> = among.iter().map(|&at| (at, score(at))).collect();
        order.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let texts: Vec<String> = weighted
            .iter()
            .map(|(objective, weight)| format!("{} {weight}", objective.metric.label()))
            .collect();
        let next = order.get(1).map_or_else(String::new, |&(at, score)| {
            format!(", before network {} with {}", at + 1, significant(score))
        });
        let (best, score) = order[0];
        let reason = format!(
            "{} is the best on the front{which} with the weights {}: {} of 1{next}, every value scaled from 0 (worst on the \
             front) to 1 (best)",
            self.named(best),
            texts.join(", "),
            significant(score)
        );
        Recommendation { network: Some(best), reason }
    }

    /// A value of a network, 1 if it is the best of the front and 0 if it is the worst or unknown.
    fn scaled(&self, at: usize, objective: Objective) -> f64 {
        let cost = |at: usize| as_cost(self.network(at), objective).map(|estimate| estimate.value);
        let all = || self.front.iter().filter_map(|&at| cost(at));
        let (best, worst) =
            (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        match cost(at) {
            Some(own) if worst > best => (worst - own) / (worst - best),
            Some(_) => 1.0,
            None => 0.0,
        }
    }

    /// `network 3 (kind=plain, width=8)`.
    fn named(&self, at: usize) -> String {
        let names = &self.exploration.space.variables;
        let pairs = names.iter().zip(&self.network(at).values);
        let values: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
        format!("network {} ({})", at + 1, values.join(", "))
    }

    /// What the front has instead of what a condition asks for.
    fn ranges(&self, metrics: &[Metric]) -> String {
        let range = |&metric: &Metric| {
            let values: Vec<f64> = self
                .front
                .iter()
                .filter_map(|&at| Some(estimate(self.network(at), metric)?.value))
                .collect();
            let low = values.iter().copied().min_by(f64::total_cmp)?;
            let high = values.iter().copied().max_by(f64::total_cmp)?;
            Some(format!("{} is {} to {}", metric.label(), metric.short(low), metric.short(high)))
        };
        let ranges: Vec<String> = metrics.iter().filter_map(range).collect();
        match ranges.is_empty() {
            true => String::new(),
            false => format!("; there, {}", ranges.join(" and ")),
        }
    }

    /// Whether the condition holds over the whole intervals.
    fn doubts(&self, at: usize, limits: &Limits) -> String {
        let holds = [AtEnd(self, |it| it.low), AtEnd(self, |it| it.high)]
            .iter()
            .all(|table| limits.filter.holds(table, at));
        let is_uncertain = |metric: &&Metric| matches!(metric, Metric::Top1 | Metric::Latency);
        let names: Vec<&str> =
            limits.metrics.iter().filter(is_uncertain).map(|metric| metric.label()).collect();
        match holds {
            true => String::new(),
            false => {
                format!("; the interval of its {} reaches beyond the condition", names.join(" or "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use inceptive_results::example;

    use super::*;

    fn recommended(condition: Option<&str>, weights: &[(Metric, f64)]) -> Recommendation {
        let preference =
            Preference { condition: condition.map(str::to_owned), weights: weights.to_vec() };
        recommendation(&example::search(), &preference).unwrap().unwrap()
    }

    /// A condition, and weights.
    type Wish<'w> = (Option<&'w str>, &'w [(Metric, f64)]);

    #[test]
    fn what_is_wanted_is_recommended() {
        let cases: [Wish<'_>; 7] = [
            (None, &[]),
            (Some("median_ms < 1.5"), &[]),
            (Some("top1 > 86"), &[]),
            (Some("top1 > 86 and macs < 5M and kind == plain"), &[]),
            (Some("median_ms < 0.1 or top1 > 99"), &[]),
            (None, &[(Metric::Top1, 5.0)]),
            (Some("width < 30"), &[(Metric::Params, 2.0), (Metric::Macs, 0.5)]),
        ];
        let text: Vec<String> = cases
            .into_iter()
            .map(|(condition, weights)| {
                let found = recommended(condition, weights);
                format!("{condition:?} {weights:?}\n  {:?}: {}", found.network, found.reason)
            })
            .collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn it_satisfies_the_condition_and_nothing_is_better() {
        let search = example::search();
        let front: Vec<usize> = (0..search.networks.len())
            .filter(|&at| search.networks[at].outcome.as_ref().is_some_and(|it| it.on_front))
            .collect();
        let value = |at: usize, metric: Metric| search.networks[at].value(metric).unwrap();
        for limit in 1..80 {
            let limit = f64::from(limit) / 10.0;
            let found = recommended(Some(&format!("median_ms < {limit}")), &[]).network;
            let inside = || front.iter().filter(|&&at| value(at, Metric::Latency) < limit);
            assert_eq!(found.is_some(), inside().count() > 0, "{limit}");
            let Some(found) = found else { continue };
            assert!(value(found, Metric::Latency) < limit);
            let best = inside().map(|&at| search.networks[at].outcome.as_ref().unwrap().top1);
            let best = best.max_by(|a, b| a.value.total_cmp(&b.value)).unwrap();
            assert!(search.networks[found].outcome.as_ref().unwrap().top1.overlaps(&best));
        }
        for weight in 0..50 {
            let found = recommended(None, &[(Metric::Top1, f64::from(weight))]).network.unwrap();
            assert!(front.contains(&found));
        }
        let accurate = recommended(None, &[(Metric::Top1, 1.0), (Metric::Macs, 0.0)]).network;
        let best = front
            .iter()
            .copied()
            .max_by(|&a, &b| value(a, Metric::Top1).total_cmp(&value(b, Metric::Top1)));
        assert_eq!(accurate, best);
    }

    #[test]
    fn a_wrong_condition_is_refused() {
        let variables = ["kind".to_owned(), "width".to_owned()];
        for wrong in ["speed < 3", "top1", "kind <", ""] {
            assert!(check_preference(wrong, &variables).is_err(), "{wrong}");
            let preference = Preference { condition: Some(wrong.to_owned()), weights: vec![] };
            assert!(recommendation(&example::search(), &preference).is_err(), "{wrong}");
        }
    }
}
