//! Effective rank of a feature map.

/// Maximum number of sweeps of Jacobi's method, which converges in about ten.
const MOST_SWEEPS: usize = 60;

/// Sums over samples from which the covariance of channels is computed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Covariance {
    channels: usize,
    samples: usize,
    sums: Vec<f64>,
    /// Sums of products of each pair of channels: the lower triangle, row by row.
    products: Vec<f64>,
}

impl Covariance {
    pub fn new(channels: usize) -> Self {
        let products = vec![0.0; channels * (channels + 1) / 2];
        Self { channels, samples: 0, sums: vec![0.0; channels], products }
    }

    /// Adds a value of each channel.
    pub fn add(&mut self, sample: &[f64]) {
        self.samples += 1;
        let mut products = self.products.as_mut_slice();
        for (channel, &value) in sample.iter().enumerate() {
            self.sums[channel] += value;
            let (row, rest) = products.split_at_mut(channel + 1);
            row.iter_mut().zip(sample).for_each(|(sum, other)| *sum += value * other);
            products = rest;
        }
    }

    /// Whether all samples are finite, as far as their sums tell.
    pub fn is_finite(&self) -> bool {
        self.sums.iter().all(|sum| sum.is_finite())
    }

    /// The effective rank of the samples about their mean (Roy and Vetterli 2007, *The effective rank: a measure of
    /// effective dimensionality*): `exp` of the entropy of the singular values, normalised to the sum 1. It is `n` if
    /// the samples have equal variance in `n` dimensions, and 0 if they are all the same.
    pub fn effective_rank(&self) -> f64 {
        let n = self.samples.max(1) as f64;
        let mut rows = Vec::with_capacity(self.channels * self.channels);
        for a in 0..self.channels {
            for b in 0..self.channels {
                let (large, small) = (a.max(b), a.min(b));
                let product = self.products[large * (large + 1) / 2 + small];
                rows.push(product / n - self.sums[a] / n * (self.sums[b] / n));
            }
        }
        let largest = (0..self.channels).map(|a| rows[a * self.channels + a]).fold(0.0, f64::max);
        // Eigenvalues that are only rounding errors are not counted.
        let floor = 1e-12 * largest;
        let squares = eigenvalues(&mut rows, self.channels);
        let values = squares.into_iter().filter(|value| *value > floor).map(f64::sqrt);
        effective_rank(&values.collect::<Vec<f64>>())
    }
}

/// The effective rank of singular values.
fn effective_rank(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    if sum <= 0.0 {
        return 0.0;
    }
    let entropy = |value: &f64| {
        let share = value / sum;
        if share > 0.0 { -share * share.ln() } else { 0.0 }
    };
    values.iter().map(entropy).sum::<f64>().exp()
}

/// The eigenvalues of a symmetric matrix, which it overwrites: Jacobi's method, row by row (Golub and Van Loan 2013,
/// section 8.5).
fn eigenvalues(matrix: &mut [f64], n: usize) -> Vec<f64> {
    let scale: f64 = matrix.iter().map(|x| x * x).sum();
    for _ in 0..MOST_SWEEPS {
        let off: f64 = (0..n)
            .flat_map(|p| (0..p).map(move |q| (p, q)))
            .map(|(p, q)| matrix[p * n + q].powi(2))
            .sum();
        if off <= 1e-24 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(matrix, n, p, q);
            }
        }
    }
    (0..n).map(|at| matrix[at * n + at]).collect()
}

/// One Jacobi rotation, which makes the element at row `p` and column `q` zero.
fn rotate(matrix: &mut [f64], n: usize, p: usize, q: usize) {
    let apart = matrix[p * n + q];
    if apart == 0.0 {
        return;
    }
    let theta = (matrix[q * n + q] - matrix[p * n + p]) / (2.0 * apart);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for row in matrix.chunks_exact_mut(n) {
        let (a, b) = (row[p], row[q]);
        (row[p], row[q]) = (c * a - s * b, s * a + c * b);
    }
    let (upper, lower) = matrix.split_at_mut(q * n);
    let rows = upper[p * n..][..n].iter_mut().zip(&mut lower[..n]);
    for (a, b) in rows {
        (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_are_those_of_known_matrices() {
        let mut found = eigenvalues(&mut [2.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 5.0], 3);
        found.sort_by(f64::total_cmp);
        for (found, expected) in found.iter().zip([1.0, 3.0, 5.0]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
        // Second differences: 2 - 2 cos(k pi / (n + 1)).
        let n = 12;
        let entry = |at: usize| match (at / n).abs_diff(at % n) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        let mut matrix: Vec<f64> = (0..n * n).map(entry).collect();
        let mut found = eigenvalues(&mut matrix, n);
        found.sort_by(f64::total_cmp);
        for (k, found) in (1..).zip(found) {
            let expected = 2.0 - 2.0 * (f64::from(k) * std::f64::consts::PI / 13.0).cos();
            assert!((found - expected).abs() < 1e-10, "{k}: {found} {expected}");
        }
    }

    #[test]
    fn the_rank_is_the_number_of_dimensions_that_are_filled_alike() {
        assert!((effective_rank(&[3.0, 3.0, 3.0]) - 3.0).abs() < 1e-12);
        assert!((effective_rank(&[7.0, 0.0]) - 1.0).abs() < 1e-12);
        // Shares of 3/4 and 1/4: an entropy of 0.5623.
        assert!((effective_rank(&[3.0, 1.0]) - 1.754_765_35).abs() < 1e-6);
        assert_eq!(effective_rank(&[]), 0.0);

        // Two independent directions of equal size among three channels; the third is a sum of both.
        let mut covariance = Covariance::new(3);
        for (a, b) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
            covariance.add(&[5.0 + a, b, 7.0]);
        }
        assert!((covariance.effective_rank() - 2.0).abs() < 1e-9);
        let mut same = Covariance::new(2);
        (0..3).for_each(|_| same.add(&[1.0, 2.0]));
        assert_eq!(same.effective_rank(), 0.0);
        let mut line = Covariance::new(2);
        (0..9).for_each(|x| line.add(&[f64::from(x), 3.0 - 2.0 * f64::from(x)]));
        assert!((line.effective_rank() - 1.0).abs() < 1e-6, "{}", line.effective_rank());
    }
}
