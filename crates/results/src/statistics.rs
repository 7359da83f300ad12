//! Statistics of measured times and of accuracies.
//!
//! Times of runs are skewed to the right and correlated: a disturbance affects several runs in a row.
//! So the value of a measurement is the median, and its interval comes from a bootstrap that resamples whole
//! turns (Künsch 1989, *The jackknife and the bootstrap for general stationary observations*), by percentiles
//! (Efron and Tibshirani 1993, chapter 13). Outliers are counted, never removed (Tukey 1977: beyond 1.5
//! interquartile ranges from the quartiles).
//!
//! Accuracies are shares of images, with the interval of a binomial distribution; over seeds, they are means with the
//! interval of Student's t distribution.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Probability that an interval is meant to hold the true value with.
pub const CONFIDENCE: f64 = 0.95;

/// Number of resamples of a bootstrap.
const RESAMPLES: usize = 1000;

/// Fewer turns than this cannot be resampled; single runs are then.
const FEWEST_TURNS: usize = 5;

/// Distance of Tukey's fences from the quartiles, in interquartile ranges.
const FENCE: f64 = 1.5;

/// A positive value with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// An estimate in JSON; an unbounded interval is null.
#[derive(Serialize, Deserialize)]
struct Written {
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
}

impl From<Estimate> for Written {
    fn from(estimate: Estimate) -> Self {
        let known = |end| estimate.has_interval().then_some(end);
        Self { value: estimate.value, low: known(estimate.low), high: known(estimate.high) }
    }
}

impl From<Written> for Estimate {
    fn from(Written { value, low, high }: Written) -> Self {
        match (low, high) {
            (Some(low), Some(high)) => Self { value, low, high },
            _ => Self::without_interval(value),
        }
    }
}

impl Estimate {
    /// A value without a confidence interval, from a single sample: the interval is unbounded.
    pub const fn without_interval(value: f64) -> Self {
        Self { value, low: 0.0, high: f64::MAX }
    }

    /// A value without doubt.
    pub const fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    /// Whether the interval is bounded.
    pub fn has_interval(&self) -> bool {
        self.low > 0.0 || self.high < f64::MAX
    }

    /// Half the width of the interval, relative to the value.
    pub fn relative_spread(&self) -> f64 {
        if self.value > 0.0 { (self.high - self.low) / 2.0 / self.value } else { 0.0 }
    }

    /// Whether the two intervals overlap, so that the two values are indistinguishable.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// The value and both ends through a function that keeps their order.
    #[must_use]
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { value: f(self.value), low: f(self.low), high: f(self.high) }
    }

    /// Through a function that turns their order around, such as time to rate.
    #[must_use]
    pub fn map_reversed(self, f: impl Fn(f64) -> f64) -> Self {
        Self { value: f(self.value), low: f(self.high), high: f(self.low) }
    }
}

/// Statistics of a list of times, in their unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of times.
    pub count: usize,
    /// The median with its interval.
    pub median: Estimate,
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
    /// How many are unusually short.
    pub low_outliers: usize,
    /// How many are unusually long.
    pub high_outliers: usize,
}

/// The value below which a share `at` of a sorted list lies, by linear interpolation.
pub fn quantile(sorted: &[f64], at: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    #[expect(clippy::cast_precision_loss, reason = "lists are shorter than 2^52")]
    let position = at.clamp(0.0, 1.0) * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the list")]
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * position.fract()
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The middle value; NaN of none.
pub fn median(values: &[f64]) -> f64 {
    quantile(&sorted(values.to_vec()), 0.5)
}

/// Summarizes times that were taken turn by turn.
pub fn summarize(turns: &[Vec<f64>], seed: u64) -> Summary {
    let median = bootstrap(turns, seed, |sample| quantile(sample, 0.5));
    Summary { median, ..summarize_without_interval(turns) }
}

/// Summarizes times without the interval of their median, which takes long to compute.
pub(crate) fn summarize_without_interval(turns: &[Vec<f64>]) -> Summary {
    let all = sorted(turns.concat());
    #[expect(clippy::cast_precision_loss, reason = "lists are shorter than 2^52")]
    let count = all.len() as f64;
    let mean = all.iter().sum::<f64>() / count;
    let squares: f64 = all.iter().map(|x| (x - mean).powi(2)).sum();
    let (first, third) = (quantile(&all, 0.25), quantile(&all, 0.75));
    let reach = FENCE * (third - first);
    Summary {
        count: all.len(),
        median: Estimate::without_interval(quantile(&all, 0.5)),
        mean,
        deviation: (squares / (count - 1.0).max(1.0)).sqrt(),
        min: quantile(&all, 0.0),
        max: quantile(&all, 1.0),
        low_outliers: all.iter().filter(|&&x| x < first - reach).count(),
        high_outliers: all.iter().filter(|&&x| x > third + reach).count(),
    }
}

/// The quantile of the standard normal distribution that leaves out half of what an interval leaves out.
const NORMAL_QUANTILE: f64 = 1.959_963_984_540_054;

/// A share of `trials`, from 0 to 1, with the score interval of a binomial distribution (Wilson 1927, *Probable
/// inference, the law of succession, and statistical inference*); `None` without trials.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub fn proportion(share: f64, trials: u64) -> Option<Estimate> {
    let n = (trials > 0).then_some(trials as f64)?;
    let z2 = NORMAL_QUANTILE * NORMAL_QUANTILE;
    let center = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let variance = share * (1.0 - share) / n + z2 / (4.0 * n * n);
    let half = NORMAL_QUANTILE / (1.0 + z2 / n) * variance.sqrt();
    // Rounding must not put the share outside.
    let (low, high) = ((center - half).clamp(0.0, share), (center + half).clamp(share, 1.0));
    Some(Estimate { value: share, low, high })
}

/// The mean of independent values, such as those of several seeds, with the interval by Student's t distribution; `None`
/// of fewer than two values.
#[expect(clippy::cast_precision_loss, reason = "lists are shorter than 2^52")]
pub fn mean(values: &[f64]) -> Option<Estimate> {
    let freedom = values.len().checked_sub(1).filter(|&freedom| freedom > 0)?;
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let error = (squares / freedom as f64 / count).sqrt();
    let half = t_quantile(freedom) * error;
    Some(Estimate { value: mean, low: mean - half, high: mean + half })
}

/// The quantile of Student's t distribution that belongs to [`NORMAL_QUANTILE`]: from a table, and for many degrees of
/// freedom by the expansion of Abramowitz and Stegun (26.7.5).
#[expect(clippy::cast_precision_loss, reason = "lists are shorter than 2^52")]
fn t_quantile(freedom: usize) -> f64 {
    const TABLE: [f64; 10] = [
        12.706_2, 4.302_65, 3.182_45, 2.776_45, 2.570_58, 2.446_91, 2.364_62, 2.306_00, 2.262_16,
        2.228_14,
    ];
    if let Some(&quantile) = freedom.checked_sub(1).and_then(|place| TABLE.get(place)) {
        return quantile;
    }
    let (z, n) = (NORMAL_QUANTILE, freedom as f64);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    let fourth = 79.0 * z.powi(9) + 776.0 * z.powi(7) + 1482.0 * z.powi(5);
    let fourth = (fourth - 1920.0 * z.powi(3) - 945.0 * z) / 92_160.0;
    z + first / n + second / n.powi(2) + third / n.powi(3) + fourth / n.powi(4)
}

/// The ratio of two networks measured in pairs of turns, `a` over `b`: the median over pairs of the ratio of their
/// medians, with its interval. A disturbance that lasts longer than a turn affects both sides and cancels.
pub fn paired_ratio(a: &[Vec<f64>], b: &[Vec<f64>], seed: u64) -> Estimate {
    let ratios: Vec<Vec<f64>> = a.iter().zip(b).map(|(a, b)| vec![median(a) / median(b)]).collect();
    bootstrap(&ratios, seed, |sample| quantile(sample, 0.5))
}

/// An estimate of a statistic of sorted values with its percentile interval. One value is resampled to itself
/// only, which says nothing about others.
fn bootstrap(turns: &[Vec<f64>], seed: u64, statistic: impl Fn(&[f64]) -> f64) -> Estimate {
    let value = statistic(&sorted(turns.concat()));
    let singles: Vec<Vec<f64>>;
    let blocks = if turns.len() < FEWEST_TURNS {
        singles = turns.iter().flatten().map(|&x| vec![x]).collect();
        &singles
    } else {
        turns
    };
    if blocks.len() < 2 {
        return Estimate::without_interval(value);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut resampled = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let sample: Vec<f64> = (0..blocks.len())
            .flat_map(|_| blocks[rng.random_range(0..blocks.len())].iter().copied())
            .collect();
        resampled.push(statistic(&sorted(sample)));
    }
    let resampled = sorted(resampled);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Estimate { value, low: quantile(&resampled, tail), high: quantile(&resampled, 1.0 - tail) }
}

/// A statistic of `count` independent items, whose value is known, with its interval: `statistic` gets the places of a
/// resample, which may hold an item several times. The interval is the basic one (Davison and Hinkley 1997, section 5.2.1):
/// a statistic that is too large for few items, such as a calibration error, is larger still in resamples, and the
/// interval reaches as far below the value.
pub fn resampled(
    value: f64,
    count: usize,
    seed: u64,
    statistic: impl FnMut(&[usize]) -> f64,
) -> Estimate {
    ends(value, count, seed, statistic, |found, tail| {
        [1.0 - tail, tail].map(|at| 2.0 * value - quantile(found, at))
    })
}

/// A value with an interval whose ends follow from the sorted statistics of resamples.
fn ends(
    value: f64,
    count: usize,
    seed: u64,
    mut statistic: impl FnMut(&[usize]) -> f64,
    ends: impl Fn(&[f64], f64) -> [f64; 2],
) -> Estimate {
    if count < 2 {
        return Estimate::without_interval(value);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sample = vec![0; count];
    let found = (0..RESAMPLES).map(|_| {
        sample.iter_mut().for_each(|place| *place = rng.random_range(0..count));
        statistic(&sample)
    });
    let found = sorted(found.collect());
    let [low, high] = ends(&found, (1.0 - CONFIDENCE) / 2.0);
    Estimate { value, low: low.min(value), high: high.max(value) }
}

/// A statistic of `count` independent items, whose value is known, with its interval by percentiles (Efron and Tibshirani 1993,
/// chapter 13), for one that is bounded: the interval stays within the bounds. `statistic` gets the places of a resample.
pub fn resampled_within(
    value: f64,
    count: usize,
    seed: u64,
    statistic: impl FnMut(&[usize]) -> f64,
) -> Estimate {
    ends(value, count, seed, statistic, |found, tail| {
        [tail, 1.0 - tail].map(|at| quantile(found, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn proportions_have_the_interval_of_wilson() {
        let estimate = proportion(0.9, 100).unwrap();
        assert!((estimate.low - 0.825_63).abs() < 1e-5, "{estimate:?}");
        assert!((estimate.high - 0.944_77).abs() < 1e-5, "{estimate:?}");
        let [none, all] = [0.0, 1.0].map(|share| proportion(share, 10).unwrap());
        assert_eq!((none.low, all.high), (0.0, 1.0));
        assert!((none.high - 0.277_53).abs() < 1e-5 && (all.low - 0.722_47).abs() < 1e-5);
        assert_eq!(proportion(0.5, 0), None);
    }

    #[test]
    fn means_have_the_interval_of_student() {
        let estimate = mean(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!(estimate.value, 2.0);
        assert!((estimate.high - 2.0 - 4.302_65 / 3_f64.sqrt()).abs() < 1e-5, "{estimate:?}");
        assert_eq!(mean(&[1.0]), None);
        for (freedom, quantile) in [(1, 12.7062), (11, 2.200_99), (30, 2.042_27), (1000, 1.962_34)]
        {
            assert!((t_quantile(freedom) - quantile).abs() < 1e-4, "{freedom}");
        }
    }

    /// The interval of a mean is about that of the normal distribution, and the same for a seed.
    #[test]
    fn resampled_means_have_about_the_interval_of_student() {
        let values: Vec<f64> = (0..200_u32).map(|x| f64::from(x * x % 97)).collect();
        let expected = mean(&values).unwrap();
        let found = || {
            resampled(expected.value, values.len(), 3, |places| {
                places.iter().map(|&place| values[place]).sum::<f64>() / 200.0
            })
        };
        let (estimate, half) = (found(), expected.high - expected.value);
        assert!((estimate.low - expected.low).abs() < 0.1 * half, "{estimate:?} {expected:?}");
        assert!((estimate.high - expected.high).abs() < 0.1 * half, "{estimate:?} {expected:?}");
        assert_eq!(estimate, found());
        assert!(!resampled(1.0, 1, 0, |_| 1.0).has_interval());
    }

    #[test]
    fn quantiles_interpolate() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(quantile(&values, 0.5), 2.5);
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(quantile(&values, 1.0), 4.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn outliers_are_counted_and_kept() {
        let mut times = vec![10.0; 20];
        times.extend([10.1, 9.9, 10.2, 9.8, 50.0]);
        let summary = summarize(&[times], 0);
        assert_eq!((summary.count, summary.max), (25, 50.0));
        assert!(summary.high_outliers >= 1);
        assert_eq!(summary.median.value, 10.0);
    }

    /// The share of intervals that hold the true median is close to the promise.
    #[test]
    fn intervals_cover_what_they_promise() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut covered = 0;
        let trials = 400;
        for trial in 0..trials {
            let turns: Vec<Vec<f64>> = (0..30)
                .map(|_| (0..3).map(|_| -f64::ln(1.0 - rng.random::<f64>())).collect())
                .collect();
            let median = summarize(&turns, trial).median;
            covered += usize::from((median.low..=median.high).contains(&std::f64::consts::LN_2));
        }
        assert!((360..=396).contains(&covered), "{covered} of {trials}");
    }

    #[test]
    fn one_time_has_no_interval() {
        let one = summarize(&[vec![2.0]], 0).median;
        assert!(!one.has_interval() && one.value == 2.0, "{one:?}");
        assert!(one.overlaps(&summarize(&[vec![9.0, 9.1], vec![9.2]], 0).median));
        assert!(one.relative_spread() > 1.0);
        assert!(summarize(&[vec![2.0], vec![2.1]], 0).median.has_interval());
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(json, r#"{"value":2.0,"low":null,"high":null}"#);
        assert_eq!(serde_json::from_str::<Estimate>(&json).unwrap(), one);
    }

    #[test]
    fn paired_ratios_cancel_what_touches_both() {
        let drift = |turn: u32| 1.0 + f64::from(turn) / 10.0;
        let a: Vec<Vec<f64>> = (0..30).map(|turn| vec![2.0 * drift(turn); 3]).collect();
        let b: Vec<Vec<f64>> = (0..30).map(|turn| vec![1.0 * drift(turn); 3]).collect();
        let ratio = paired_ratio(&a, &b, 0);
        assert!((ratio.low - 2.0).abs() < 1e-9 && (ratio.high - 2.0).abs() < 1e-9, "{ratio:?}");
    }

    proptest! {
        #[test]
        fn intervals_hold_their_value(turns in prop::collection::vec(prop::collection::vec(0.001..10.0, 1..5), 1..30)) {
            let Summary { median, min, max, .. } = summarize(&turns, 1);
            prop_assert!(median.low <= median.value && median.value <= median.high);
            prop_assert!(!median.has_interval() || min <= median.low && median.high <= max);
        }
    }
}
