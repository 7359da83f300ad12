//! How likely networks are to be Pareto-optimal.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StudentT};

use crate::pareto::dominates;

/// How often each network is drawn.
const DRAWS: u32 = 4000;

/// A cost that is known up to an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uncertain {
    /// Its estimate.
    pub value: f64,
    /// The standard error of the estimate; 0 of a cost that is known exactly.
    pub error: f64,
    /// Degrees of freedom of the standard error; `None` if it is known.
    pub freedom: Option<f64>,
}

impl Uncertain {
    /// A cost that is known exactly.
    pub const fn exact(value: f64) -> Self {
        Self { value, error: 0.0, freedom: None }
    }

    fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        let deviation: f64 = match self.freedom.map(StudentT::new) {
            Some(Ok(student)) => student.sample(rng),
            Some(Err(_)) | None => StandardNormal.sample(rng),
        };
        self.value + self.error * deviation
    }
}

/// For each network the probability that no other of them dominates it, when the errors of all costs are independent:
/// the share of random draws in which that is so. Smaller costs are better. The same seed gives the same result.
pub fn front_probabilities(networks: &[Vec<Uncertain>], seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut times = vec![0_u32; networks.len()];
    for _ in 0..DRAWS {
        let points: Vec<Vec<f64>> = networks
            .iter()
            .map(|costs| costs.iter().map(|cost| cost.draw(&mut rng)).collect())
            .collect();
        for (point, times) in points.iter().zip(&mut times) {
            *times += u32::from(!points.iter().any(|other| dominates(other, point)));
        }
    }
    let share = |times: u32| f64::from(times) / f64::from(DRAWS);
    times.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 0.03, "{found} is not {wanted}");
    }

    #[test]
    fn ties_are_shared_and_certain_ones_are_certain() {
        let at = |macs: f64, value: f64| {
            vec![Uncertain::exact(macs), Uncertain { value, error: 0.5, freedom: None }]
        };
        let found =
            front_probabilities(&[at(1.0, 8.0), at(1.0, 8.0), at(1.0, 20.0), at(0.5, 30.0)], 1);
        close(found[0], 0.5);
        close(found[1], 0.5);
        close(found[2], 0.0);
        close(found[3], 1.0);
    }

    #[test]
    fn it_is_the_probability_of_the_distribution() {
        // One is better than the other by a standard deviation of the difference: 84%.
        let at = |value: f64| vec![Uncertain { value, error: 1.0, freedom: None }];
        let found = front_probabilities(&[at(0.0), at(2_f64.sqrt())], 2);
        close(found[0], 0.841);
        close(found[0] + found[1], 1.0);
        let exact =
            front_probabilities(&[vec![Uncertain::exact(1.0)], vec![Uncertain::exact(2.0)]], 3);
        assert_eq!(exact, [1.0, 0.0]);
    }
}
