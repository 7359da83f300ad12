//! Ranks and rank correlation.

use statrs::distribution::{ContinuousCDF, Normal};

/// The rank of each value, from 0; equal values share the mean of their ranks. NaN comes last.
#[expect(clippy::cast_precision_loss, reason = "few values")]
pub(crate) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let equal = order[from..]
            .iter()
            .take_while(|&&at| values[at] == values[order[from]])
            .count()
            .max(1);
        for &at in &order[from..from + equal] {
            ranks[at] = from as f64 + (equal - 1) as f64 / 2.0;
        }
        from += equal;
    }
    ranks
}

/// The values that ranks would have in a sample of the standard normal distribution.
#[expect(clippy::cast_precision_loss, reason = "few values")]
pub(crate) fn normal_scores(values: &[f64]) -> Vec<f64> {
    let count = values.len() as f64;
    let normal = Normal::standard();
    ranks(values).into_iter().map(|rank| normal.inverse_cdf((rank + 0.5) / count)).collect()
}

/// Spearman's rank correlation; `None` of fewer than three pairs, or if one side is constant.
#[expect(clippy::cast_precision_loss, reason = "few values")]
pub fn rank_correlation(one: &[f64], other: &[f64]) -> Option<f64> {
    let (one, other) = (ranks(one), ranks(other));
    let count = one.len().min(other.len());
    if count < 3 {
        return None;
    }
    let middle = (count - 1) as f64 / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum()
    };
    let scale = (product(&one, &one) * product(&other, &other)).sqrt();
    (scale > 0.0).then(|| product(&one, &other) / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        assert_eq!(ranks(&[f64::NAN, 1.0, f64::NAN]), [1.0, 0.0, 2.0]);
        assert_eq!(ranks(&[]), [0.0; 0]);
    }

    #[test]
    fn correlation_is_that_of_spearman() {
        // As scipy.stats.spearmanr gives it.
        let found =
            rank_correlation(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]).unwrap();
        assert!((found - 0.820_782_681_668_123_3).abs() < 1e-12, "{found}");
        assert_eq!(rank_correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        assert_eq!(rank_correlation(&[1.0, 1.0, 1.0], &[3.0, 2.0, 1.0]), None);
        assert_eq!(rank_correlation(&[1.0, 2.0], &[3.0, 2.0]), None);
    }

    #[test]
    fn scores_are_quantiles_of_the_normal_distribution() {
        let scores = normal_scores(&[1.0, 30.0, 2.0]);
        assert!((scores[1] - 0.967_421_566_101_701).abs() < 1e-9, "{scores:?}");
        assert!(scores[2].abs() < 1e-12 && (scores[0] + scores[1]).abs() < 1e-12);
    }
}
