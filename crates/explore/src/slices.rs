//! What accuracy is at each value of a variable, and at each pair of values of two.

use inceptive_results::statistics::Estimate;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::{
    axes::Axis,
    importance::{groups, spread},
};

/// Groups that the values of a variable of numbers are put in at most; of few networks fewer.
const GROUPS: [usize; 3] = [5, 3, 2];

/// The same for pairs of variables.
const PAIR_GROUPS: [usize; 3] = [4, 3, 2];

/// What a 95% interval leaves out at its upper end.
const TAIL: f64 = 0.025;

/// Networks that are looked at at most; of more, this many are taken at equal distances.
const MOST: usize = 1000;

/// Rounds of the fit of sums at most, and the change at which it ends, in percentage points.
const ROUNDS: usize = 100;
const SMALL: f64 = 1e-9;

/// Permutations of the residuals.
const PERMUTATIONS: usize = 199;

/// Accuracy by the values of variables, with what the other variables do taken away.
#[derive(Clone, Debug, PartialEq)]
pub struct Slices {
    /// For each variable; `None` where all networks have one value.
    pub of_variables: Vec<Option<Vec<Slice>>>,
    /// The two variables that depend on each other most, if any two can be looked at.
    pub interaction: Option<Interaction>,
}

/// The networks with one value of a variable, or with one of a few neighbouring numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    /// The positions of the first and the last of the values.
    pub values: [usize; 2],
    /// How many networks.
    pub networks: usize,
    /// Their mean accuracy in percent, as if the other variables were as they are on average; the interval follows from
    /// what the sum does not explain of all networks.
    pub accuracy: Estimate,
}

/// Two variables of which one decides what the other one does.
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
    /// The variables, that with more groups first.
    pub variables: [usize; 2],
    /// The groups of both, by the positions of their first and last values.
    pub groups: [Vec<[usize; 2]>; 2],
    /// The share of the variance of accuracy that the pair explains beyond the sum of what each variable does, less what
    /// pairs do by chance (omega squared: Hays 1963).
    pub share: f64,
    /// The share of random orders of the residuals in which the best pair explains as much.
    pub by_chance: f64,
    /// Mean accuracy in percent for each group of the second variable, and in it for each of the first, with what the other
    /// variables do taken away; `None` where no network is.
    pub means: Vec<Vec<Option<f64>>>,
}

/// Looks at networks by the positions of their values. Accuracy is taken for a sum over the variables (fitted by groups of
/// values, Hastie and Tibshirani 1990, *Generalized Additive Models*, chapter 4), and for pairs a sum plus the pair.
/// `None` when there are not at least two networks for each number of the sum.
pub fn slices(
    axes: &[Axis],
    points: &[Vec<usize>],
    accuracies: &[f64],
    seed: u64,
) -> Option<Slices> {
    let all = spread(points.len().min(accuracies.len()), MOST);
    let values: Vec<f64> = all.iter().map(|&at| accuracies[at]).collect();
    let grouped = |most: usize| -> Vec<Grouping> {
        axes.iter()
            .enumerate()
            .map(|(variable, axis)| {
                Grouping::new(axis, all.iter().map(|&at| points[at][variable]).collect(), most)
            })
            .collect()
    };
    let fitting = |choices: [usize; 3]| {
        choices.into_iter().find_map(|most| {
            let groupings = grouped(most);
            Some((Sum::fit(&groupings, &values)?, groupings))
        })
    };
    let (sum, groupings) = fitting(GROUPS)?;
    let slices = |(variable, grouping): (usize, &Grouping)| {
        (grouping.len() > 1).then(|| sum.slices(grouping, variable))
    };
    let interaction = fitting(PAIR_GROUPS)
        .and_then(|(sum, groupings)| Interaction::strongest(&sum, &groupings, &values, seed));
    Some(Slices { of_variables: groupings.iter().enumerate().map(slices).collect(), interaction })
}

/// The values of a variable in groups.
struct Grouping {
    /// The group of each network.
    of: Vec<usize>,
    /// The positions of the first and the last value of each group.
    ends: Vec<[usize; 2]>,
}

impl Grouping {
    fn new(axis: &Axis, values: Vec<usize>, most: usize) -> Self {
        let raw = groups(axis, &values, most);
        let mut kept: Vec<usize> = raw.clone();
        kept.sort_unstable();
        kept.dedup();
        let of: Vec<usize> =
            raw.iter().map(|group| kept.partition_point(|it| it < group)).collect();
        let mut ends = vec![[usize::MAX, 0]; kept.len()];
        for (&group, &value) in of.iter().zip(&values) {
            let [first, last] = &mut ends[group];
            (*first, *last) = ((*first).min(value), (*last).max(value));
        }
        Self { of, ends }
    }

    fn len(&self) -> usize {
        self.ends.len()
    }
}

/// Accuracies as a sum over variables.
struct Sum {
    mean: f64,
    /// How many numbers were fitted.
    numbers: usize,
    /// What each group of each variable adds.
    parts: Vec<Vec<f64>>,
    /// What is left of each network.
    rest: Vec<f64>,
}

impl Sum {
    #[expect(clippy::cast_precision_loss, reason = "few networks")]
    fn fit(groupings: &[Grouping], values: &[f64]) -> Option<Self> {
        let numbers = 1 + groupings.iter().map(|it| it.len().saturating_sub(1)).sum::<usize>();
        if numbers == 1 || values.len() < 2 * numbers {
            return None;
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let mut sum = Self {
            mean,
            numbers,
            parts: groupings.iter().map(|it| vec![0.0; it.len()]).collect(),
            rest: values.iter().map(|value| value - mean).collect(),
        };
        for _ in 0..ROUNDS {
            let mut most = 0.0_f64;
            for (grouping, parts) in groupings.iter().zip(&mut sum.parts) {
                let changes = means(&sum.rest, &grouping.of, grouping.len());
                for (rest, &group) in sum.rest.iter_mut().zip(&grouping.of) {
                    *rest -= changes[group].unwrap_or_default();
                }
                for (part, change) in parts.iter_mut().zip(&changes) {
                    *part += change.unwrap_or_default();
                    most = most.max(change.unwrap_or_default().abs());
                }
            }
            if most < SMALL {
                break;
            }
        }
        Some(sum)
    }

    #[expect(clippy::cast_precision_loss, reason = "few networks")]
    fn slices(&self, grouping: &Grouping, variable: usize) -> Vec<Slice> {
        let squares: f64 = self.rest.iter().map(|it| it.powi(2)).sum();
        let freedom = (self.rest.len() - self.numbers) as f64;
        let quantile = StudentsT::new(0.0, 1.0, freedom)
            .map_or(f64::INFINITY, |distribution| distribution.inverse_cdf(1.0 - TAIL));
        let slice = |(group, &values): (usize, &[usize; 2])| {
            let networks = grouping.of.iter().filter(|of| **of == group).count();
            let half = quantile * (squares / freedom / networks as f64).sqrt();
            let value = self.mean + self.parts[variable][group];
            let accuracy = Estimate { value, low: value - half, high: value + half };
            Slice { values, networks, accuracy }
        };
        grouping.ends.iter().enumerate().map(slice).collect()
    }
}

/// The mean of the numbers of each group.
#[expect(clippy::cast_precision_loss, reason = "few networks")]
fn means(numbers: &[f64], groups: &[usize], count: usize) -> Vec<Option<f64>> {
    let mut sums = vec![(0_usize, 0.0); count];
    for (number, &group) in numbers.iter().zip(groups) {
        sums[group].0 += 1;
        sums[group].1 += number;
    }
    sums.into_iter().map(|(many, sum)| (many > 0).then(|| sum / many as f64)).collect()
}

impl Interaction {
    fn strongest(sum: &Sum, groupings: &[Grouping], values: &[f64], seed: u64) -> Option<Self> {
        let total: f64 = values.iter().map(|value| (value - sum.mean).powi(2)).sum();
        let (pair, share) = strongest_pair(groupings, &sum.rest, total)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut shuffled = sum.rest.clone();
        let mut as_much = 1;
        for _ in 0..PERMUTATIONS {
            shuffled.shuffle(&mut rng);
            let by_chance = Sum::fit(groupings, &shuffled)
                .and_then(|sum| strongest_pair(groupings, &sum.rest, total));
            as_much += usize::from(by_chance.is_some_and(|(_, other)| other >= share));
        }
        let [a, b] = pair;
        let [first, second] =
            if groupings[a].len() >= groupings[b].len() { [a, b] } else { [b, a] };
        let (columns, rows) = (&groupings[first], &groupings[second]);
        let means = means(&sum.rest, &cells(columns, rows), columns.len() * rows.len());
        let means = (0..rows.len()).map(|row| {
            let of = |column: usize| {
                let rest = means[row * columns.len() + column]?;
                Some(sum.mean + sum.parts[first][column] + sum.parts[second][row] + rest)
            };
            (0..columns.len()).map(of).collect()
        });
        #[expect(clippy::cast_precision_loss, reason = "few permutations")]
        let by_chance = as_much as f64 / (PERMUTATIONS + 1) as f64;
        Some(Self {
            variables: [first, second],
            groups: [columns.ends.clone(), rows.ends.clone()],
            share,
            by_chance,
            means: means.collect(),
        })
    }

    /// Whether it is more than chance gives.
    pub fn is_real(&self) -> bool {
        self.by_chance <= 0.05 && self.share > 0.0
    }
}

/// The cell of a table of groups that each network is in.
fn cells(columns: &Grouping, rows: &Grouping) -> Vec<usize> {
    columns.of.iter().zip(&rows.of).map(|(column, row)| row * columns.len() + column).collect()
}

/// The pair of variables that explains most of the residuals, and what share of a sum of squares.
#[expect(clippy::cast_precision_loss, reason = "few networks")]
fn strongest_pair(groupings: &[Grouping], rest: &[f64], total: f64) -> Option<([usize; 2], f64)> {
    let numbers = 1 + groupings.iter().map(|it| it.len().saturating_sub(1)).sum::<usize>();
    let left: f64 = rest.iter().map(|it| it.powi(2)).sum();
    let share = |[a, b]: [usize; 2]| {
        let (columns, rows) = (&groupings[a], &groupings[b]);
        if columns.len() < 2 || rows.len() < 2 {
            return None;
        }
        let cells = cells(columns, rows);
        let means = means(rest, &cells, columns.len() * rows.len());
        let occupied = means.iter().flatten().count();
        let freedom = (occupied + 1).checked_sub(columns.len() + rows.len())?;
        let within_freedom = rest.len().checked_sub(numbers + freedom).filter(|it| *it > 0)?;
        if freedom == 0 {
            return None;
        }
        let between: f64 = cells.iter().filter_map(|&cell| means[cell]).map(|it| it.powi(2)).sum();
        let within = (left - between).max(0.0) / within_freedom as f64;
        let share = (between - freedom as f64 * within) / (total + within);
        share.is_finite().then_some(([a, b], share.max(0.0)))
    };
    let pairs = (0..groupings.len()).flat_map(|a| (0..a).map(move |b| [b, a]));
    pairs.filter_map(share).max_by(|(_, a), (_, b)| a.total_cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> Vec<Axis> {
        let numbers: Vec<String> = (0..8).map(|it| it.to_string()).collect();
        vec![
            Axis::new(["a", "b", "c"]),
            Axis::new(numbers.iter().map(String::as_str)),
            Axis::new(["x"]),
        ]
    }

    fn points() -> Vec<Vec<usize>> {
        (0..96).map(|at| vec![at % 3, at / 3 % 8, 0]).collect()
    }

    /// Noise without a pattern.
    fn noise(at: usize) -> f64 {
        ((at * 7919 + 13) % 101) as f64 / 101.0 - 0.5
    }

    #[test]
    fn a_sum_is_taken_apart() {
        let points = points();
        let accuracy = |(at, point): (usize, &Vec<usize>)| {
            80.0 + [0.0, 3.0, -3.0][point[0]] + point[1] as f64 + 0.2 * noise(at)
        };
        let accuracies: Vec<f64> = points.iter().enumerate().map(accuracy).collect();
        let found = slices(&axes(), &points, &accuracies, 1).unwrap();
        let kinds = found.of_variables[0].as_ref().unwrap();
        for (slice, expected) in kinds.iter().zip([83.5, 86.5, 80.5]) {
            assert!((slice.accuracy.value - expected).abs() < 0.1, "{slice:?}");
            assert!(slice.accuracy.low < slice.accuracy.value, "{slice:?}");
            assert_eq!(slice.networks, 32);
        }
        let widths = found.of_variables[1].as_ref().unwrap();
        assert_eq!(widths.iter().map(|it| it.networks).sum::<usize>(), 96);
        assert!(widths.windows(2).all(|pair| pair[0].accuracy.value < pair[1].accuracy.value));
        assert!(widths.windows(2).all(|pair| pair[0].values[1] < pair[1].values[0]));
        assert_eq!(found.of_variables[2], None, "it has one value");
        let interaction = found.interaction.unwrap();
        assert!(!interaction.is_real() && interaction.share < 0.02, "{interaction:?}");
    }

    #[test]
    fn an_interaction_is_found() {
        let points = points();
        // Width helps one kind and hurts another.
        let accuracy = |(at, point): (usize, &Vec<usize>)| {
            80.0 + [1.0, 0.0, -1.0][point[0]] * (point[1] as f64 - 3.5) + 0.2 * noise(at)
        };
        let accuracies: Vec<f64> = points.iter().enumerate().map(accuracy).collect();
        let found = slices(&axes(), &points, &accuracies, 1).unwrap().interaction.unwrap();
        assert!(found.is_real() && found.share > 0.7, "{found:?}");
        assert_eq!(found.variables, [1, 0]);
        assert_eq!(found.groups[0], [[0, 1], [2, 3], [4, 5], [6, 7]]);
        for (means, sign) in found.means.iter().zip([1.0, 0.0, -1.0]) {
            for (mean, middle) in means.iter().zip([-3.0, -1.0, 1.0, 3.0]) {
                assert!((mean.unwrap() - 80.0 - sign * middle).abs() < 0.2, "{found:?}");
            }
        }
    }

    #[test]
    fn few_networks_say_nothing() {
        let points = points();
        assert_eq!(slices(&axes(), &points[..7], &[80.0; 7], 1), None);
        assert_eq!(slices(&[Axis::new(["x"])], &vec![vec![0]; 50], &[80.0; 50], 1), None);
        let equal = slices(&axes(), &points, &[80.0; 96], 1).unwrap();
        assert!(equal.interaction.is_none_or(|it| !it.is_real()));
    }
}
