//! The distribution of errors over the networks of a space.

use inceptive_results::statistics::{Estimate, resampled};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Number of resamples of a comparison.
const RESAMPLES: u32 = 4000;

/// A point of an empirical distribution function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// An error.
    pub error: f64,
    /// The share of networks whose error is not above it.
    pub share: Estimate,
}

/// The empirical distribution function of the errors of networks that were drawn at random from a space, with bands from
/// resampling them (Radosavovic et al. 2020, *Designing Network Design Spaces*, section 3.1); one step for each error that
/// occurs, in order.
#[expect(clippy::cast_precision_loss, reason = "few networks")]
pub fn distribution(errors: &[f64], seed: u64) -> Vec<Step> {
    let mut sorted = errors.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let share = |error: f64, sample: &mut dyn Iterator<Item = f64>| {
        sample.filter(|&it| it <= error).count() as f64 / errors.len() as f64
    };
    let step = |error: f64| {
        let value = share(error, &mut errors.iter().copied());
        let band = resampled(value, errors.len(), seed, |sample| {
            share(error, &mut sample.iter().map(|&at| errors[at]))
        });
        let within =
            Estimate { value, low: band.low.clamp(0.0, value), high: band.high.clamp(value, 1.0) };
        Step { error, share: within }
    };
    sorted.into_iter().map(step).collect()
}

/// A comparison of two spaces by the accuracies of networks drawn at random from each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The difference of the mean accuracies, first less second.
    pub mean: Estimate,
    /// The share of resamples in which the first has the higher mean.
    pub first_has_higher_mean: f64,
    /// The difference between the means of the best quarters.
    pub best_quarter: Estimate,
    /// The share of resamples in which the best quarter of the first has the higher mean.
    pub first_has_better_best: f64,
}

impl Comparison {
    /// The confidence that one of two is the better one, from its share of resamples: 0 for a tie, 1 if it always is.
    pub fn confidence(share: f64) -> f64 {
        (2.0 * share - 1.0).abs()
    }
}

/// Compares two spaces by the accuracies of networks drawn at random from each. Intervals come from resampling the networks
/// of each. `None` if one has fewer than four.
pub fn compare(first: &[f64], second: &[f64], seed: u64) -> Option<Comparison> {
    if first.len().min(second.len()) < 4 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |values: &[f64]| -> Vec<f64> {
        values.iter().map(|_| values[rng.random_range(0..values.len())]).collect()
    };
    let (mut means, mut bests) = (vec![], vec![]);
    for _ in 0..RESAMPLES {
        let (one, other) = (draw(first), draw(second));
        means.push(mean(&one) - mean(&other));
        bests.push(best_quarter(one) - best_quarter(other));
    }
    let estimate = |value: f64, mut differences: Vec<f64>| {
        differences.sort_by(f64::total_cmp);
        let at = |tail: f64| inceptive_results::statistics::quantile(&differences, tail);
        let above = differences.iter().filter(|&&it| it > 0.0).count() * 2
            + differences.iter().filter(|&&it| it == 0.0).count();
        #[expect(clippy::cast_precision_loss, reason = "few resamples")]
        let share = above as f64 / (2 * differences.len()) as f64;
        (Estimate { value, low: at(0.025).min(value), high: at(0.975).max(value) }, share)
    };
    let (mean, first_has_higher_mean) = estimate(mean(first) - mean(second), means);
    let best = best_quarter(first.to_vec()) - best_quarter(second.to_vec());
    let (best_quarter, first_has_better_best) = estimate(best, bests);
    Some(Comparison { mean, first_has_higher_mean, best_quarter, first_has_better_best })
}

#[expect(clippy::cast_precision_loss, reason = "few networks")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn best_quarter(mut values: Vec<f64>) -> f64 {
    values.sort_by(|a, b| b.total_cmp(a));
    values.truncate(values.len().div_ceil(4));
    mean(&values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_share_of_networks_up_to_an_error() {
        let steps = distribution(&[8.0, 6.0, 6.0, 10.0], 1);
        let found: Vec<(f64, f64)> =
            steps.iter().map(|step| (step.error, step.share.value)).collect();
        assert_eq!(found, [(6.0, 0.5), (8.0, 0.75), (10.0, 1.0)]);
        for Step { share: Estimate { value, low, high }, .. } in steps {
            assert!(0.0 <= low && low <= value && value <= high && high <= 1.0);
        }
        assert!(distribution(&[], 1).is_empty());
    }

    #[test]
    fn the_better_space_is_named_with_confidence() {
        let good: Vec<f64> = (0..20).map(|at| 90.0 + f64::from(at) / 10.0).collect();
        let bad: Vec<f64> = good.iter().map(|it| it - 1.5).collect();
        let found = compare(&good, &bad, 1).unwrap();
        assert!((found.mean.value - 1.5).abs() < 1e-9 && found.mean.low > 0.9, "{found:?}");
        assert!(found.first_has_higher_mean > 0.999);
        let same = compare(&good, &good, 2).unwrap();
        assert!(Comparison::confidence(same.first_has_higher_mean) < 0.1, "{same:?}");
        assert_eq!(compare(&good, &bad[..3], 1), None);
    }
}
