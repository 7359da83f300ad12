//! Which variables of a space decide about accuracy.

use inceptive_results::statistics::{Estimate, resampled_within};

use crate::axes::Axis;

/// Groups that the values of a variable of numbers are put in at most.
const GROUPS: usize = 4;

/// The networks among which the good ones are compared, as a share: the better half.
const BETTER: f64 = 0.5;

/// The good ones, as a share.
const GOOD: f64 = 0.1;

/// Fewest good networks.
const FEWEST_GOOD: usize = 5;

/// Networks that intervals are computed from at most; of more, this many are taken at equal distances.
const MOST: usize = 2000;

/// How much a variable decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Importance {
    /// The share of the variance of accuracy over all networks that it explains by itself, from 0 to 1: the omega squared of
    /// its groups (Hays 1963), which is 0 on average if it explains nothing.
    pub overall: Estimate,
    /// How much it decides whether one of the better half is one of the best tenth, as a share of what all variables do
    /// (PED-ANOVA: Watanabe, Bansal and Hutter 2023, equation 16). `None` for fewer than ten networks in the better half.
    pub among_good: Option<Estimate>,
}

/// The importance of each variable for the accuracies of networks, by the positions of their values. Numbers are put into
/// at most four groups of equal size. The intervals come from resampling the networks. `None` for fewer than eight networks,
/// or if all accuracies are equal.
pub fn importances(
    axes: &[Axis],
    points: &[Vec<usize>],
    accuracies: &[f64],
    seed: u64,
) -> Option<Vec<Importance>> {
    let all = spread(points.len().min(accuracies.len()), MOST);
    if all.len() < 8 || all.iter().all(|&at| accuracies[at] == accuracies[all[0]]) {
        return None;
    }
    let groups: Vec<Vec<usize>> = axes
        .iter()
        .enumerate()
        .map(|(variable, axis)| {
            groups(axis, &all.iter().map(|&at| points[at][variable]).collect::<Vec<_>>(), GROUPS)
        })
        .collect();
    let values: Vec<f64> = all.iter().map(|&at| accuracies[at]).collect();
    let places: Vec<usize> = (0..values.len()).collect();
    let within = |estimate: Estimate| {
        let Estimate { value, low, high } = estimate;
        Estimate { value, low: low.clamp(0.0, value), high: high.clamp(value, 1.0) }
    };
    let good = shares_among_good(&groups, &values, &places);
    let importance = |variable: usize| {
        let groups_of = &groups[variable];
        let overall = omega_squared(groups_of, &values, &places);
        let overall = resampled_within(overall, values.len(), seed, |sample| {
            omega_squared(groups_of, &values, sample)
        });
        let among_good = good.as_ref().map(|shares| {
            let of = |sample: &[usize]| {
                shares_among_good(&groups, &values, sample)
                    .map_or(shares[variable], |shares| shares[variable])
            };
            within(resampled_within(shares[variable], values.len(), seed, of))
        });
        Importance { overall: within(overall), among_good }
    };
    Some((0..axes.len()).map(importance).collect())
}

/// At most so many places of a list, at equal distances.
pub(crate) fn spread(count: usize, most: usize) -> Vec<usize> {
    match count <= most {
        true => (0..count).collect(),
        false => (0..most).map(|at| at * count / most).collect(),
    }
}

/// The group of each value: itself, or of more than `most` numbers that of as many parts of equal size that it belongs to.
pub(crate) fn groups(axis: &Axis, values: &[usize], most: usize) -> Vec<usize> {
    if axis.numbers.is_none() || axis.values <= most {
        return values.to_vec();
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    // All networks with one value are in the group of the first of them.
    let group = |value: &usize| sorted.partition_point(|other| other < value) * most / sorted.len();
    values.iter().map(group).collect()
}

/// The share of variance that groups explain, less what they do by chance; not below 0.
#[expect(clippy::cast_precision_loss, reason = "few networks")]
fn omega_squared(groups: &[usize], values: &[f64], sample: &[usize]) -> f64 {
    let mut sums: Vec<(f64, f64)> = vec![];
    for &at in sample {
        if sums.len() <= groups[at] {
            sums.resize(groups[at] + 1, (0.0, 0.0));
        }
        sums[groups[at]].0 += 1.0;
        sums[groups[at]].1 += values[at];
    }
    sums.retain(|(count, _)| *count > 0.0);
    let count = sample.len() as f64;
    let mean = sums.iter().map(|(_, sum)| sum).sum::<f64>() / count;
    let total: f64 = sample.iter().map(|&at| (values[at] - mean).powi(2)).sum();
    let between: f64 = sums.iter().map(|(count, sum)| count * (sum / count - mean).powi(2)).sum();
    let used = sums.len() as f64;
    if total <= 0.0 || count <= used {
        return 0.0;
    }
    let within = (total - between) / (count - used);
    ((between - (used - 1.0) * within) / (total + within)).max(0.0)
}

/// For each variable the divergence of its distribution among the best tenth from that among the better half, as a share of
/// the sum.
#[expect(clippy::cast_precision_loss, reason = "few networks")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
fn shares_among_good(groups: &[Vec<usize>], values: &[f64], sample: &[usize]) -> Option<Vec<f64>> {
    let mut order = sample.to_vec();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let better = (order.len() as f64 * BETTER) as usize;
    let good = ((order.len() as f64 * GOOD) as usize).max(FEWEST_GOOD);
    if better < 2 * FEWEST_GOOD {
        return None;
    }
    let divergence = |groups: &Vec<usize>| {
        let most = groups.iter().max().map_or(1, |most| most + 1);
        // Every group that occurs has one network more, so that none has a density of 0.
        let density = |count: usize| {
            let mut density = vec![0.0; most];
            order[..better].iter().for_each(|&at| density[groups[at]] = 1.0);
            order[..count].iter().for_each(|&at| density[groups[at]] += 1.0);
            let sum: f64 = density.iter().sum();
            density.into_iter().map(|it| it / sum).collect::<Vec<f64>>()
        };
        let (of_good, of_better) = (density(good), density(better));
        let pairs = of_good.iter().zip(&of_better).filter(|(_, better)| **better > 0.0);
        pairs.map(|(good, better)| better * (good / better - 1.0).powi(2)).sum::<f64>()
    };
    let divergences: Vec<f64> = groups.iter().map(divergence).collect();
    let sum: f64 = divergences.iter().sum();
    (sum > 0.0).then(|| divergences.into_iter().map(|it| it / sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> Vec<Vec<usize>> {
        (0..240).map(|at| vec![at % 3, at / 3 % 8, at / 24]).collect()
    }

    fn axes() -> Vec<Axis> {
        let numbers = |count: usize| (0..count).map(|it| it.to_string()).collect::<Vec<_>>();
        let axis = |count| Axis::new(numbers(count).iter().map(String::as_str));
        vec![Axis::new(["a", "b", "c"]), axis(8), axis(10)]
    }

    #[test]
    fn what_decides_is_important() {
        // The first variable decides about most; the second one about the good ones.
        let points = points();
        let accuracy = |point: &Vec<usize>| {
            let kind = [50.0, 80.0, 80.0][point[0]];
            let noise = ((point[2] * 7 + point[1] * 3 + point[0]) % 10) as f64 / 10.0;
            kind + if point[0] > 0 { point[1] as f64 / 2.0 } else { 0.0 } + noise
        };
        let accuracies: Vec<f64> = points.iter().map(accuracy).collect();
        let found = importances(&axes(), &points, &accuracies, 1).unwrap();
        let overall: Vec<f64> = found.iter().map(|it| it.overall.value).collect();
        assert!(overall[0] > 0.9 && overall[1] < 0.1 && overall[2] < 0.05, "{overall:?}");
        let good: Vec<f64> = found.iter().map(|it| it.among_good.unwrap().value).collect();
        assert!(good[1] > 0.6 && good[1] > good[0], "{good:?}");
        assert!((good.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        for importance in &found {
            let Estimate { value, low, high } = importance.overall;
            assert!(0.0 <= low && low <= value && value <= high && high <= 1.0, "{importance:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_few_or_equal_networks() {
        let points = points();
        assert_eq!(
            importances(&axes(), &points[..7], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 1),
            None
        );
        assert_eq!(importances(&axes(), &points, &[1.0; 240], 1), None);
        let few: Vec<f64> = (0..12).map(f64::from).collect();
        let found = importances(&axes(), &points[..12], &few, 1).unwrap();
        assert!(found.iter().all(|it| it.among_good.is_none()));
    }

    #[test]
    fn omega_squared_is_that_of_the_books() {
        // Three groups: means 2, 4, 6; within 2 each, so between 24, total 30, within mean 1.
        let groups = [0, 0, 0, 1, 1, 1, 2, 2, 2];
        let values = [1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 5.0, 6.0, 7.0];
        let found = omega_squared(&groups, &values, &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert!((found - (24.0 - 2.0) / 31.0).abs() < 1e-12, "{found}");
    }

    #[test]
    fn many_numbers_are_four_groups() {
        let axis = Axis::new(["1", "2", "3", "4", "5", "6", "7", "8"]);
        assert_eq!(groups(&axis, &[0, 1, 2, 3, 4, 5, 6, 7], GROUPS), [0, 0, 1, 1, 2, 2, 3, 3]);
        assert_eq!(groups(&axis, &[7, 7, 7, 7], GROUPS), [0, 0, 0, 0]);
        assert_eq!(spread(10, 4), [0, 2, 5, 7]);
    }
}
