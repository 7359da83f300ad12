//! How much of a metric's variance each variable explains.

use inceptive_results::Metric;

/// Largest value that is added up: sums of squares of so many as can be counted stay below 2^128.
const MOST: u64 = 1 << 48;

/// Largest number of values.
const MOST_VALUES: u64 = 1 << 31;

/// How much of the variance of a metric each variable explains, over the networks of a survey.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// The metric.
    pub metric: Metric,
    /// For each variable, the variance of the mean over the networks with each of its values, as a share of the variance
    /// over all networks: its first-order index (Sobol' 1993, *Sensitivity Estimates for Nonlinear Mathematical Models*)
    /// if all networks of the space fit. `None` if all networks have the same value, or values are too large.
    pub of_variables: Option<Vec<f64>>,
}

/// Sums of a metric over the networks counted so far; exact, so that their order does not matter.
#[derive(Clone, Debug)]
pub(crate) struct ShareSums {
    metric: Metric,
    count: u64,
    sum: u128,
    squares: u128,
    /// For each variable and each of its values: the number of networks, and their sum.
    of_values: Vec<Vec<(u64, u128)>>,
    is_too_large: bool,
}

impl ShareSums {
    /// For variables with these numbers of values.
    pub(crate) fn new(metric: Metric, values: impl Iterator<Item = usize>) -> Self {
        let of_values = values.map(|count| vec![(0, 0); count]).collect();
        Self { metric, count: 0, sum: 0, squares: 0, of_values, is_too_large: false }
    }

    /// The metric.
    pub(crate) const fn metric(&self) -> Metric {
        self.metric
    }

    /// Adds a network, by the positions of its values.
    pub(crate) fn add(&mut self, choices: &[usize], value: u64) {
        if value > MOST || self.count >= MOST_VALUES {
            self.is_too_large = true;
            return;
        }
        let value = u128::from(value);
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
        for (of_values, &choice) in self.of_values.iter_mut().zip(choices) {
            let (count, sum) = &mut of_values[choice];
            *count += 1;
            *sum += value;
        }
    }

    /// The sums over the networks of both.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
        self.is_too_large |= other.is_too_large || self.count > MOST_VALUES;
        for (own, other) in
            self.of_values.iter_mut().flatten().zip(other.of_values.iter().flatten())
        {
            own.0 += other.0;
            own.1 += other.1;
        }
        self
    }

    /// The shares.
    #[expect(clippy::cast_precision_loss, reason = "a share has far fewer digits")]
    pub(crate) fn finish(&self) -> Shares {
        let count = self.count as f64;
        let mean = self.sum as f64 / count;
        // The mean of the squares less the square of the mean would cancel.
        let whole = self.sum / u128::from(self.count.max(1));
        let spread = self.squares.saturating_sub(whole * self.sum) as f64
            - (mean - whole as f64) * self.sum as f64;
        let variance = spread / count;
        let explained = |of_values: &Vec<(u64, u128)>| {
            let parts = of_values.iter().filter(|(count, _)| *count > 0).map(|&(of_value, sum)| {
                let distance = sum as f64 / of_value as f64 - mean;
                of_value as f64 / count * distance * distance
            });
            (parts.sum::<f64>() / variance).clamp(0.0, 1.0)
        };
        let is_known = !self.is_too_large && self.count > 1 && variance > mean * 1e-12;
        Shares {
            metric: self.metric,
            of_variables: is_known.then(|| self.of_values.iter().map(explained).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_analysis_of_variance() {
        // 10 x + y over all pairs of 0 to 3: the variances of 10 x and of y are 125 and 1.25.
        let mut sums = ShareSums::new(Metric::Macs, [4, 4, 2].into_iter());
        let mut other = sums.clone();
        for x in 0..4 {
            for y in 0..4 {
                let half = if x < 2 { &mut sums } else { &mut other };
                half.add(&[x, y, (x + y) % 2], 1_000_000 + 10 * x as u64 + y as u64);
            }
        }
        let shares = sums.and(&other).finish().of_variables.unwrap();
        let close = |share: f64, wanted: f64| assert!((share - wanted).abs() < 1e-9, "{shares:?}");
        close(shares[0], 125.0 / 126.25);
        close(shares[1], 1.25 / 126.25);
        close(shares[2], 0.0);
    }

    #[test]
    fn nothing_is_explained_of_what_does_not_vary() {
        let mut sums = ShareSums::new(Metric::Macs, [2].into_iter());
        sums.add(&[0], 7);
        assert_eq!(sums.finish().of_variables, None, "one network");
        sums.add(&[1], 7);
        assert_eq!(sums.finish().of_variables, None);
        sums.add(&[1], MOST + 1);
        assert_eq!(sums.finish().of_variables, None, "too large");
    }
}
