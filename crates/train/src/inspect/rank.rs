//! Effective rank of a feature map.

use std::sync::atomic::{AtomicBool, Ordering};

use super::MAX_RANK_CHANNELS;

/// Number of samples that are collected before their products are added, so that each sum stays in the cache.
const SAMPLES_AT_ONCE: usize = 32;

/// Maximum number of steps for each eigenvalue; a few are needed.
const MOST_STEPS: usize = 60;

/// Sums over samples from which the covariance of channels is computed. With more than [`MAX_RANK_CHANNELS`] channels, each is
/// added to or subtracted from one of as many sums, chosen at random with a fixed seed: a projection that keeps distances
/// (Charikar et al. 2002, *Finding frequent items in data streams*; Clarkson and Woodruff 2013, arXiv:1207.6365).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Covariance {
    channels: usize,
    width: usize,
    samples: usize,
    sums: Vec<f64>,
    /// Sums of products of each pair of channels: the lower triangle, row by row.
    products: Vec<f64>,
    /// Samples that have not been added yet.
    pending: Vec<f64>,
}

/// Number of sums for this number of channels.
const fn width_of(channels: usize) -> usize {
    if channels < MAX_RANK_CHANNELS { channels } else { MAX_RANK_CHANNELS }
}

impl Covariance {
    pub fn new(channels: usize) -> Self {
        Self::with_width(channels, width_of(channels))
    }

    fn with_width(channels: usize, width: usize) -> Self {
        let products = vec![0.0; width * (width + 1) / 2];
        let pending = Vec::with_capacity(SAMPLES_AT_ONCE * width);
        Self { channels, width, samples: 0, sums: vec![0.0; width], products, pending }
    }

    /// Bytes that one for this number of channels takes.
    pub fn bytes(channels: usize) -> u64 {
        let width = width_of(channels);
        ((width * (width + 1) / 2 + (SAMPLES_AT_ONCE + 1) * width) * size_of::<f64>()) as u64
    }

    /// Adds a value of each channel.
    pub fn add(&mut self, sample: &[f64]) {
        self.samples += 1;
        let start = self.pending.len();
        match self.width == self.channels {
            true => self.pending.extend_from_slice(sample),
            false => {
                self.pending.resize(start + self.width, 0.0);
                let sums = &mut self.pending[start..];
                for (channel, &value) in (0_u64..).zip(sample) {
                    let random = mixed(channel);
                    let place = (random >> 1) % self.width as u64;
                    let signed = if random.is_multiple_of(2) { value } else { -value };
                    sums[usize::try_from(place).unwrap_or(0)] += signed;
                }
            }
        }
        if self.pending.len() == SAMPLES_AT_ONCE * self.width {
            self.add_pending();
        }
    }

    fn add_pending(&mut self) {
        let Self { width, sums, products, pending, .. } = self;
        let mut products = products.as_mut_slice();
        for channel in 0..*width {
            let (row, rest) = products.split_at_mut(channel + 1);
            for sample in pending.chunks_exact(*width) {
                let value = sample[channel];
                sums[channel] += value;
                row.iter_mut().zip(sample).for_each(|(sum, other)| *sum += value * other);
            }
            products = rest;
        }
        pending.clear();
    }

    /// Whether all samples are finite, as far as their sums tell.
    pub fn is_finite(&mut self) -> bool {
        self.add_pending();
        self.sums.iter().all(|sum| sum.is_finite())
    }

    /// The effective rank of the samples about their mean (Roy and Vetterli 2007, *The effective rank: a measure of
    /// effective dimensionality*): `exp` of the entropy of the singular values, normalised to the sum 1. It is `n` if
    /// the samples have equal variance in `n` dimensions, and 0 if they are all the same. `None` once `stop` is set.
    pub fn effective_rank(mut self, stop: &AtomicBool) -> Option<f64> {
        self.add_pending();
        let n = self.samples.max(1) as f64;
        let Self { width, sums, products: mut rows, .. } = self;
        let mut largest = 0.0_f64;
        let mut rest = rows.as_mut_slice();
        for a in 0..width {
            let (row, behind) = rest.split_at_mut(a + 1);
            for (product, sum) in row.iter_mut().zip(&sums) {
                *product = *product / n - sums[a] / n * (sum / n);
            }
            largest = largest.max(row[a]);
            rest = behind;
        }
        // Eigenvalues that are only rounding errors are not counted.
        let floor = 1e-12 * largest;
        let squares = eigenvalues(rows, width, stop)?;
        let values = squares.into_iter().filter(|value| *value > floor).map(f64::sqrt);
        Some(effective_rank(&values.collect::<Vec<f64>>()))
    }
}

/// A random number for each channel (Steele et al. 2014, *Fast splittable pseudorandom number generators*).
const fn mixed(channel: u64) -> u64 {
    let mut x = channel.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
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

/// The eigenvalues of a symmetric matrix, given by the rows of its lower triangle: by Householder's reduction to a
/// tridiagonal matrix, and the implicit QL method (Golub and Van Loan 2013, section 8.3). `None` once `stop` is set.
fn eigenvalues(mut triangle: Vec<f64>, n: usize, stop: &AtomicBool) -> Option<Vec<f64>> {
    let (mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n]);
    let mut products = vec![0.0; n];
    for last in (0..n).rev() {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let (above, row) = triangle.split_at_mut(last * (last + 1) / 2);
        diagonal[last] = row[last];
        if let Some(end) = last.checked_sub(1) {
            beside[last] = reflect(above, &mut row[..=end], &mut products[..=end]);
        }
    }
    Some(tridiagonal_eigenvalues(diagonal, beside))
}

/// Reflects the rows above a row such that all of its numbers but the last one become zero; returns that one. The row becomes the
/// vector of the reflection.
fn reflect(above: &mut [f64], row: &mut [f64], products: &mut [f64]) -> f64 {
    let end = row.len() - 1;
    // Scaled, so that squares neither overflow nor vanish.
    let scale = row.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if scale == 0.0 || row[..end].iter().all(|x| *x == 0.0) {
        return row[end];
    }
    row.iter_mut().for_each(|x| *x /= scale);
    let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
    let end_value = if row[end] > 0.0 { -norm } else { norm };
    // Half the square of the vector's norm.
    let half = norm * norm - row[end] * end_value;
    row[end] -= end_value;
    // The product of the matrix and the vector.
    products.fill(0.0);
    let mut rest = &*above;
    for (at, &value) in row.iter().enumerate() {
        let (own, behind) = rest.split_at(at + 1);
        let mut sum = own[at] * value;
        for ((element, other), product) in own[..at].iter().zip(&*row).zip(&mut *products) {
            sum += element * other;
            *product += element * value;
        }
        products[at] += sum;
        rest = behind;
    }
    products.iter_mut().for_each(|product| *product /= half);
    let along = row.iter().zip(&*products).map(|(x, product)| x * product).sum::<f64>();
    let shift = along / (2.0 * half);
    products.iter_mut().zip(&*row).for_each(|(product, x)| *product -= shift * x);
    let mut rest = above;
    for at in 0..row.len() {
        let (own, behind) = rest.split_at_mut(at + 1);
        let (x, product) = (row[at], products[at]);
        for ((element, other), other_product) in own.iter_mut().zip(&*row).zip(&*products) {
            *element -= x * other_product + product * other;
        }
        rest = behind;
    }
    scale * end_value
}

/// The eigenvalues of a tridiagonal matrix; `beside[at]` is beside the diagonal, in the row `at`.
fn tridiagonal_eigenvalues(mut diagonal: Vec<f64>, mut beside: Vec<f64>) -> Vec<f64> {
    let n = diagonal.len();
    if n == 0 {
        return diagonal;
    }
    // The row before it, so that the last one is zero.
    beside.rotate_left(1);
    let all = diagonal.iter().chain(&beside);
    let floor = f64::EPSILON * all.fold(0.0_f64, |largest, x| largest.max(x.abs()));
    for first in 0..n {
        for _ in 0..MOST_STEPS {
            let end = (first..n - 1).find(|&at| beside[at].abs() <= floor).unwrap_or(n - 1);
            if end == first {
                break;
            }
            step_of_ql(&mut diagonal, &mut beside, first, end);
        }
    }
    diagonal
}

/// An implicit QL step on the rows from `first` to `end`.
fn step_of_ql(diagonal: &mut [f64], beside: &mut [f64], first: usize, end: usize) {
    let half = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first]);
    let root = half.hypot(1.0).copysign(half);
    let mut g = diagonal[end] - diagonal[first] + beside[first] / (half + root);
    let (mut sine, mut cosine, mut moved) = (1.0, 1.0, 0.0);
    for at in (first..end).rev() {
        let (f, b) = (sine * beside[at], cosine * beside[at]);
        let radius = f.hypot(g);
        beside[at + 1] = radius;
        if radius == 0.0 {
            diagonal[at + 1] -= moved;
            beside[end] = 0.0;
            return;
        }
        (sine, cosine) = (f / radius, g / radius);
        g = diagonal[at + 1] - moved;
        let r = (diagonal[at] - g) * sine + 2.0 * cosine * b;
        moved = sine * r;
        diagonal[at + 1] = g + moved;
        g = cosine * r - b;
    }
    diagonal[first] -= moved;
    beside[first] = g;
    beside[end] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    static GO_ON: AtomicBool = AtomicBool::new(false);

    fn sorted(triangle: Vec<f64>, n: usize) -> Vec<f64> {
        let mut found = eigenvalues(triangle, n, &GO_ON).unwrap();
        found.sort_by(f64::total_cmp);
        found
    }

    #[test]
    fn eigenvalues_are_those_of_known_matrices() {
        let found = sorted(vec![2.0, 1.0, 2.0, 0.0, 0.0, 5.0], 3);
        for (found, expected) in found.iter().zip([1.0, 3.0, 5.0]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
        // Second differences: 2 - 2 cos(k pi / (n + 1)).
        let n = 12;
        let entry = |row: usize, column: usize| match row - column {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        let rows = (0..n).flat_map(|row| (0..=row).map(move |column| entry(row, column)));
        for (k, found) in (1..).zip(sorted(rows.collect(), n)) {
            let expected = 2.0 - 2.0 * (f64::from(k) * std::f64::consts::PI / 13.0).cos();
            assert!((found - expected).abs() < 1e-10, "{k}: {found} {expected}");
        }
        assert_eq!(sorted(vec![0.0; 10], 4), [0.0; 4]);
        assert_eq!(sorted(vec![3.0], 1), [3.0]);
        assert_eq!(eigenvalues(vec![0.0; 10], 4, &AtomicBool::new(true)), None);
    }

    /// Reflecting a diagonal matrix twice does not change its eigenvalues.
    #[test]
    fn eigenvalues_of_a_full_matrix() {
        let n = 40;
        let values: Vec<f64> =
            (0..n).map(|at| if at < 5 { 0.0 } else { (at * at) as f64 }).collect();
        let mut full = vec![vec![0.0; n]; n];
        values.iter().enumerate().for_each(|(at, value)| full[at][at] = *value);
        for seed in [1, 1000] {
            let vector: Vec<f64> = (0..n as u64)
                .map(|at| (mixed(at + seed) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
                .collect();
            let square: f64 = vector.iter().map(|x| x * x).sum();
            let reflection = |a: usize, b: usize| {
                f64::from(u8::from(a == b)) - 2.0 * vector[a] * vector[b] / square
            };
            let product = |a: &dyn Fn(usize, usize) -> f64, b: &dyn Fn(usize, usize) -> f64| {
                let cell = |row, column| (0..n).map(|k| a(row, k) * b(k, column)).sum::<f64>();
                (0..n).map(|row| (0..n).map(|column| cell(row, column)).collect()).collect()
            };
            let once: Vec<Vec<f64>> = product(&reflection, &|a, b| full[a][b]);
            full = product(&|a, b| once[a][b], &reflection);
        }
        let triangle = (0..n).flat_map(|row| full[row][..=row].to_vec()).collect();
        for (found, expected) in sorted(triangle, n).iter().zip(&values) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    fn rank(covariance: Covariance) -> f64 {
        covariance.effective_rank(&GO_ON).unwrap()
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
        assert!((rank(covariance) - 2.0).abs() < 1e-9);
        let mut same = Covariance::new(2);
        (0..3).for_each(|_| same.add(&[1.0, 2.0]));
        assert_eq!(rank(same), 0.0);
        // More samples than are added at once.
        let mut line = Covariance::new(2);
        (0..99).for_each(|x| line.add(&[f64::from(x), 3.0 - 2.0 * f64::from(x)]));
        let found = rank(line);
        assert!((found - 1.0).abs() < 1e-6, "{found}");
    }

    /// Four directions of equal size.
    #[test]
    fn very_wide_maps_are_projected() {
        // The covariance of all channels would take 40 GiB.
        assert!(Covariance::bytes(100_000) < 64 << 20);
        let channels = 10_000;
        let mut covariance = Covariance::with_width(channels, 64);
        for at in 0..4_usize {
            for sign in [1.0, -1.0] {
                let value = |channel: usize| if channel % 4 == at { sign } else { 0.0 };
                covariance.add(&(0..channels).map(value).collect::<Vec<f64>>());
            }
        }
        let found = rank(covariance);
        assert!((found - 4.0).abs() < 0.2, "{found}");
    }
}
