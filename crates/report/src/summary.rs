//! The report in sentences, made from the numbers and never stronger than their intervals.

use inceptive_results::{Grade, statistics::Estimate};

use crate::{
    axis::{Axis, front},
    candidate::{NetworkEntry, SAMPLING_POINTS},
    picks::Recommendation,
    training::TrainingGroup,
    variants::{VariantCost, latency_ratio},
    way::BenchConfig,
};
use inceptive_format::{counted, decimals, ratio, short_count, significant};

/// Minimum number of networks for a rank correlation with latency.
const FEWEST_RANKED: usize = 8;

/// Maximum number of networks for which notes are in the summary; they are always in the sections of networks.
const MOST_WITH_NOTES: usize = 12;

/// Maximum number of engines whose order of networks is compared.
const MOST_ENGINES: usize = 4;

/// Maximum number of sentences of one sort.
const MOST: usize = 6;

/// The facts that the summary is written from.
pub struct Facts<'a> {
    /// The candidates.
    pub candidates: &'a [NetworkEntry],
    /// The way that most of them were measured in.
    pub way: Option<&'a BenchConfig>,
    /// The other ways.
    pub other_ways: &'a [BenchConfig],
    /// Which to take for a budget.
    pub picks: &'a [Recommendation],
    /// Variants compared with their bases.
    pub variants: &'a [VariantCost],
    /// Networks compared by training.
    pub training: &'a [TrainingGroup],
}

/// A report in sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The scope of the report.
    pub scope: String,
    /// The recommendation for a budget.
    pub lead: Option<String>,
    /// Further conclusions.
    pub rest: Vec<String>,
}

impl Summary {
    /// Writes the summary.
    pub fn new(facts: &Facts<'_>) -> Self {
        let rest = [
            facts.training(),
            facts.front().into_iter().collect(),
            facts.steps(),
            facts.equal_latency(),
            facts.far_variants(),
            facts.fastest().into_iter().collect(),
            facts.notes(),
            facts.ranking().into_iter().collect(),
            facts.agreement().into_iter().collect(),
            facts.trust().into_iter().collect(),
        ];
        Self { scope: scope(facts), lead: facts.budget(), rest: rest.concat() }
    }

    /// All sentences, in the order in which they are read.
    pub fn sentences(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.scope).chain(&self.lead).chain(&self.rest)
    }
}

fn scope(facts: &Facts<'_>) -> String {
    let candidates = facts.candidates;
    let accurate = candidates.iter().filter(|candidate| candidate.top1().is_some()).count();
    let mut text = counted(candidates.len(), "network", "networks");
    text.push_str(&match accurate {
        0 => ", none with a comparable published ImageNet accuracy".to_owned(),
        _ => format!(", {accurate} with a comparable published ImageNet top-1 accuracy"),
    });
    match facts.way {
        Some(way) => {
            text.push_str(&format!(
                "; {} measured on {} ({})",
                way.coverage,
                way.machine.cpu,
                way.label()
            ));
            let others = facts.other_ways.len();
            if others > 0 {
                let are = if others == 1 { "is" } else { "are" };
                let others = counted(others, "other configuration", "other configurations");
                text.push_str(&format!("; {others} {are} in the figure of latencies"));
            }
        }
        None => text.push_str("; no latency was measured"),
    }
    let trained = candidates.iter().filter(|candidate| !candidate.trained.is_empty()).count();
    if trained > 0 {
        text.push_str(&format!("; {trained} trained"));
    }
    text + "."
}

impl Facts<'_> {
    fn name(&self, at: usize) -> &str {
        &self.candidates[at].name
    }

    fn top1(&self, at: usize) -> f64 {
        self.candidates[at].top1().unwrap_or(f64::NAN)
    }

    /// The best network of each data set and recipe, and what cannot be told apart from it.
    fn training(&self) -> Vec<String> {
        let sentence = |group: &TrainingGroup| {
            let best = group.networks.first()?;
            let top1 = best.accuracy.top1?;
            let percent = |value| decimals(value, 2);
            let seeds = match best.accuracy.seeds.len() {
                1 => "one seed".to_owned(),
                seeds => format!("mean of {seeds} seeds"),
            };
            let mut text = format!(
                "Trained on {}: {} has the highest test top-1 accuracy, {}% ({} to {}, {seeds})",
                group.label(),
                best.name,
                percent(top1.value),
                percent(top1.low),
                percent(top1.high),
            );
            let second = group.networks.get(1);
            let second = second.and_then(|second| Some((second, second.accuracy.top1?)));
            if let Some((second, top1)) = second {
                let top1 = percent(top1.value);
                text.push_str(&match group.tied_with(0).next() {
                    Some(_) => format!("; {} ({top1}%) is indistinguishable from it", second.name),
                    None => format!("; the second is {} with {top1}%", second.name),
                });
            }
            Some(text + ".")
        };
        self.training.iter().filter_map(sentence).take(MOST).collect()
    }

    /// Those that nothing beats for its MACs.
    fn front(&self) -> Option<String> {
        let front = front(self.candidates, Axis::Macs);
        if front.len() < 2 {
            return None;
        }
        let beaten = self.candidates.iter().filter(|candidate| candidate.top1().is_some()).count()
            - front.len();
        let names: Vec<String> = front
            .iter()
            .map(|&at| {
                let macs = short_count(self.candidates[at].subject.macs);
                format!("{} ({}%, {macs})", self.name(at), decimals(self.top1(at), 1))
            })
            .collect();
        let others = match beaten {
            0 => String::new(),
            1 => " The other one is dominated by one of these.".to_owned(),
            _ => format!(" The other {beaten} are dominated by one of these."),
        };
        let names = list(&names);
        Some(format!("Pareto-optimal in published accuracy and MACs: {names}.{others}"))
    }

    /// The recommendation for two GMACs, or for the budget nearest to it.
    fn budget(&self) -> Option<String> {
        let distance = |pick: &&Recommendation| (pick.budget / 2e9).ln().abs();
        let macs = self.picks.iter().filter(|pick| pick.what == "MACs");
        let pick = macs.min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        let best = &self.candidates[pick.best];
        let mut text = format!(
            "For a budget of {} take {}: {}% is the highest published top-1 accuracy within it, at {} MACs and \
             {} parameters.",
            pick.budget_text,
            best.name,
            decimals(self.top1(pick.best), 1),
            short_count(best.subject.macs),
            short_count(best.subject.params),
        );
        if let Some(&close) = pick.close.first() {
            text.push_str(&format!(" {} is statistically tied.", self.name(close)));
        }
        Some(text)
    }

    /// What each step along the front costs and brings.
    fn steps(&self) -> Vec<String> {
        let front = front(self.candidates, Axis::Macs);
        let steps = front.windows(2).take(MOST);
        steps.filter_map(|pair| self.step(pair[1], pair[0])).collect()
    }

    /// Compares `a` with `b` in accuracy, counts and latency.
    fn step(&self, a: usize, b: usize) -> Option<String> {
        let (first, second) = (&self.candidates[a], &self.candidates[b]);
        let points = first.top1()? - second.top1()?;
        let mut text = if points.abs() < SAMPLING_POINTS {
            format!("{} is statistically tied with {} in accuracy", first.name, second.name)
        } else {
            let more = if points > 0.0 { "more" } else { "less" };
            format!(
                "{} is {} points {more} accurate than {}",
                first.name,
                decimals(points.abs(), 1),
                second.name
            )
        };
        text.push_str(&format!(
            ", at {} and {}",
            as_many(first.subject.macs, second.subject.macs, "MACs"),
            as_many(first.subject.params, second.subject.params, "parameters")
        ));
        if let Some(times) = self.way.and_then(|way| latency_ratio(way, first, second)) {
            text.push_str(&match times.low > 1.0 || times.high < 1.0 {
                true => format!(
                    "; its latency is {} times as high (between {} and {})",
                    decimals(times.value, 2),
                    decimals(times.low, 2),
                    decimals(times.high, 2)
                ),
                false => "; their latencies are indistinguishable".to_owned(),
            });
        }
        Some(text + ".")
    }

    /// Pairs with indistinguishable latencies, with the largest differences in accuracy.
    fn equal_latency(&self) -> Vec<String> {
        let Some(way) = self.way else { return vec![] };
        let known: Vec<(usize, f64)> = (0..self.candidates.len())
            .filter_map(|at| Some((at, self.candidates[at].top1()?)))
            .filter(|(at, _)| way.of(&self.candidates[*at]).is_some())
            .collect();
        let mut pairs = Vec::new();
        for (place, &(a, a_top1)) in known.iter().enumerate() {
            for &(b, b_top1) in &known[place + 1..] {
                let (first, second) = (way.of(&self.candidates[a]), way.of(&self.candidates[b]));
                let overlap = first.zip(second).is_some_and(|(first, second)| {
                    first.latency_ms.median.overlaps(&second.latency_ms.median)
                });
                if overlap && (a_top1 - b_top1).abs() > 2.0 * SAMPLING_POINTS {
                    let (better, worse) = if a_top1 > b_top1 { (a, b) } else { (b, a) };
                    pairs.push((better, worse, (a_top1 - b_top1).abs()));
                }
            }
        }
        pairs.sort_by(|(_, _, a), (_, _, b)| b.total_cmp(a));
        pairs.truncate(2);
        let sentence = |(better, worse, points): (usize, usize, f64)| {
            let ms = |at: usize| {
                way.of(&self.candidates[at])
                    .map_or_else(String::new, |m| significant(m.latency_ms.median.value))
            };
            format!(
                "The latencies of {} ({} ms) and {} ({} ms) are indistinguishable, and the first is {} points more accurate.",
                self.name(better),
                ms(better),
                self.name(worse),
                ms(worse),
                decimals(points, 1),
            )
        };
        pairs.into_iter().map(sentence).collect()
    }

    /// What the variants of the family show: modules without reductions, fully connected layers, and so on.
    fn far_variants(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for variant in self.variants {
            let [base, changed] = &variant.diff.totals;
            let far = |a: u64, b: u64| a.max(b) >= 2 * a.min(b).max(1);
            if !far(base.params, changed.params) && !far(base.macs, changed.macs) {
                continue;
            }
            sentences.push(format!(
                "{} has {} the parameters and {} the MACs of {}.",
                self.name(variant.variant),
                about(ratio(changed.params, base.params)),
                about(ratio(changed.macs, base.macs)),
                self.name(variant.base)
            ));
        }
        sentences.truncate(MOST);
        sentences
    }

    /// Without accuracies, as for single modules: the fastest network, and by what factor.
    fn fastest(&self) -> Option<String> {
        let way = self.way.filter(|_| self.candidates.iter().all(|c| c.top1().is_none()))?;
        let mut measured: Vec<&NetworkEntry> =
            self.candidates.iter().filter(|candidate| way.of(candidate).is_some()).collect();
        measured.sort_by(|a, b| {
            let ms = |c: &NetworkEntry| way.of(c).map_or(f64::NAN, |m| m.latency_ms.median.value);
            ms(a).total_cmp(&ms(b))
        });
        let (first, last) = (*measured.first()?, *measured.last()?);
        let times = latency_ratio(way, last, first).filter(|times| times.low > 1.0)?;
        let median = way.of(first)?.latency_ms.median;
        Some(format!(
            "{} has the lowest latency, {} ms, and {} the highest, {} times that (between {} and {}), with {}.",
            first.name,
            significant(median.value),
            last.name,
            decimals(times.value, 2),
            decimals(times.low, 2),
            decimals(times.high, 2),
            as_many(last.subject.macs, first.subject.macs, "MACs"),
        ))
    }

    /// Notes from the files, if the report has few networks.
    fn notes(&self) -> Vec<String> {
        if self.candidates.len() > MOST_WITH_NOTES {
            return vec![];
        }
        let notes = self.candidates.iter().flat_map(|candidate| {
            candidate.notes.iter().map(|note| format!("{}: {note}", candidate.name))
        });
        notes.collect()
    }

    /// How well counts predict the order of latencies.
    #[expect(clippy::cast_precision_loss, reason = "ranks of counts")]
    fn ranking(&self) -> Option<String> {
        let way = self.way?;
        let measured: Vec<(&NetworkEntry, f64)> = self
            .candidates
            .iter()
            .filter_map(|candidate| Some((candidate, way.of(candidate)?.latency_ms.median.value)))
            .collect();
        if measured.len() < FEWEST_RANKED {
            return None;
        }
        let times: Vec<f64> = measured.iter().map(|(_, ms)| *ms).collect();
        type Count = fn(&NetworkEntry) -> u64;
        let counts: [(&str, Count); 3] = [
            ("MACs", |candidate| candidate.subject.macs),
            ("activations", |candidate| candidate.subject.acts),
            ("parameters", |candidate| candidate.subject.params),
        ];
        let correlation = |(what, count): (&str, Count)| {
            let counts: Vec<f64> =
                measured.iter().map(|(candidate, _)| count(candidate) as f64).collect();
            let value = decimals(rank_correlation(&counts, &times)?, 2);
            Some(format!("{value} for {what}"))
        };
        let known: Vec<String> = counts.into_iter().filter_map(correlation).collect();
        (!known.is_empty()).then(|| {
            format!(
                "Rank correlation with latency over the {} measured networks: {}.",
                measured.len(),
                list(&known),
            )
        })
    }

    /// How far other engines put the networks in the same order, under the conditions of the main configuration.
    fn agreement(&self) -> Option<String> {
        let way = self.way?;
        let is_peer = |other: &&BenchConfig| {
            let (a, b) = (&way.runtime, &other.runtime);
            other.coverage >= FEWEST_RANKED
                && other.machine == way.machine
                && a.engine != b.engine
                && (&a.device, &a.accelerator, &a.precision, a.batch, a.threads)
                    == (&b.device, &b.accelerator, &b.precision, b.batch, b.threads)
        };
        let mut engines = vec![way];
        for other in self.other_ways.iter().filter(is_peer) {
            let is_new = engines.iter().all(|known| known.runtime.engine != other.runtime.engine);
            if is_new && engines.len() < MOST_ENGINES {
                engines.push(other);
            }
        }
        let pairs = engines.iter().enumerate().flat_map(|(at, a)| {
            engines[at + 1..].iter().filter_map(|b| {
                let order = Order::new(self.candidates, a, b)?;
                let [a, b] = [&a.runtime.engine, &b.runtime.engine];
                Some(format!("{a} and {b} {}", order.in_words()))
            })
        });
        let known: Vec<String> = pairs.collect();
        (!known.is_empty())
            .then(|| format!("Rank correlation of latencies between engines: {}.", list(&known)))
    }

    /// The reliability of the measurements.
    fn trust(&self) -> Option<String> {
        let way = self.way?;
        let grades: Vec<Grade> = self
            .candidates
            .iter()
            .filter_map(|candidate| way.of(candidate))
            .map(|measurement| measurement.grade)
            .collect();
        let having = |grade: Grade| grades.iter().filter(|found| **found == grade).count();
        let poor = |grade, meaning| {
            let count = having(grade);
            let have = if count == 1 { "has" } else { "have" };
            let measurements = counted(count, "measurement", "measurements");
            (count > 0).then(|| {
                format!("{measurements} of {} {have} grade {grade}: {meaning}.", grades.len())
            })
        };
        let sentences: Vec<String> = [
            poor(Grade::C, "differences of a few percent are noise there"),
            poor(Grade::D, "order of magnitude only"),
        ]
        .into_iter()
        .flatten()
        .collect();
        Some(match grades.len() {
            _ if !sentences.is_empty() => sentences.join(" "),
            1 => "The measurement has grade A or B.".to_owned(),
            all => format!("All {all} measurements have grade A or B."),
        })
    }
}

/// `2.0 times the MACs`, or `about as many MACs`.
fn as_many(a: u64, b: u64, what: &str) -> String {
    match ratio(a, b) {
        same if same == SAME => format!("about as many {what}"),
        times => format!("{times} the {what}"),
    }
}

/// A ratio before `the MACs of`.
fn about(ratio: String) -> String {
    if ratio == SAME { "about".to_owned() } else { ratio }
}

/// A ratio that rounds to 1.
const SAME: &str = "1.0 times";

/// `a, b and c`.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// The order of latencies by two engines.
struct Order {
    correlation: f64,
    pairs: usize,
    /// Pairs of networks of which another one is the faster on each engine.
    swapped: usize,
    /// Those of them whose intervals do not overlap on either engine.
    certain: usize,
}

impl Order {
    /// Of the networks that were measured on both, if there are enough.
    fn new(candidates: &[NetworkEntry], a: &BenchConfig, b: &BenchConfig) -> Option<Self> {
        let on_both = candidates.iter().filter_map(|candidate| {
            Some([a.of(candidate)?.latency_ms.median, b.of(candidate)?.latency_ms.median])
        });
        let both: Vec<[Estimate; 2]> = on_both.collect();
        if both.len() < FEWEST_RANKED {
            return None;
        }
        let medians = |engine: usize| both.iter().map(|of| of[engine].value).collect::<Vec<_>>();
        let correlation = rank_correlation(&medians(0), &medians(1))?;
        let mut order = Self { correlation, pairs: 0, swapped: 0, certain: 0 };
        for (at, first) in both.iter().enumerate() {
            for second in &both[at + 1..] {
                let is_faster = |engine: usize| first[engine].value < second[engine].value;
                let is_certain = |engine: usize| {
                    let (first, second) = (first[engine], second[engine]);
                    first.high < second.low || second.high < first.low
                };
                let is_swapped = is_faster(0) != is_faster(1);
                order.pairs += 1;
                order.swapped += usize::from(is_swapped);
                order.certain += usize::from(is_swapped && is_certain(0) && is_certain(1));
            }
        }
        Some(order)
    }

    /// `0.995 (4 of 325 pairs swapped, 1 of them beyond the intervals)`.
    fn in_words(&self) -> String {
        let Self { correlation, pairs, swapped, certain } = self;
        let beyond = match certain {
            0 => String::new(),
            _ => format!(", {certain} of them beyond the intervals"),
        };
        format!("{} ({swapped} of {pairs} pairs swapped{beyond})", decimals(*correlation, 3))
    }
}

/// Spearman's rank correlation; equal values share their mean rank. There is none where all values of one are equal.
fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    #[expect(clippy::cast_precision_loss, reason = "lists are short")]
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let mut sums = [0.0; 3];
    for (a, b) in a.iter().zip(&b) {
        sums[0] += (a - mean) * (b - mean);
        sums[1] += (a - mean).powi(2);
        sums[2] += (b - mean).powi(2);
    }
    let value = sums[0] / (sums[1] * sums[2]).sqrt();
    value.is_finite().then_some(value)
}

/// The rank of each value from 0; equal values share their mean rank.
#[expect(clippy::cast_precision_loss, reason = "lists are short")]
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<usize> = (0..values.len()).collect();
    sorted.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for equal in sorted.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = first as f64 + (equal.len() as f64 - 1.0) / 2.0;
        equal.iter().for_each(|&at| ranks[at] = rank);
        first += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_agree_with_scipy() {
        // scipy.stats.spearmanr([1, 2, 2, 4, 5], [2, 1, 3, 5, 4]) is 0.718...
        let found =
            rank_correlation(&[1.0, 2.0, 2.0, 4.0, 5.0], &[2.0, 1.0, 3.0, 5.0, 4.0]).unwrap();
        assert!((found - 0.718_184_85).abs() < 1e-6, "{found}");
        let opposite = rank_correlation(&[1.0, 2.0, 3.0], &[9.0, 4.0, 1.0]).unwrap();
        assert!((opposite + 1.0).abs() < 1e-12);
        assert_eq!(rank_correlation(&[7.0; 3], &[9.0, 4.0, 1.0]), None, "all counts are equal");
    }

    #[test]
    fn lists_read_well() {
        let items = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(list(&items), "a, b and c");
        assert_eq!(list(&items[..1]), "a");
    }
}
