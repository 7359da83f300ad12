//! Training many networks for few epochs, and few for many.

/// A step of successive halving (Jamieson, Talwalkar 2016, *Non-stochastic Best Arm Identification and Hyperparameter
/// Optimization*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// How many networks are trained.
    pub networks: usize,
    /// Until this epoch of the recipe.
    pub epochs: u32,
}

/// The rungs for a number of networks: on each, half of those before are trained for twice as many epochs, up to all epochs
/// of the recipe. The first is after at least a quarter of the epochs; at least `finalists` networks, if there are so many,
/// reach the last.
pub fn rungs(networks: usize, epochs: u32, finalists: usize) -> Vec<Rung> {
    let last = epochs.max(1);
    let mut ends = vec![last];
    for _ in 0..2 {
        let end = ends[ends.len() - 1].div_ceil(2);
        if ends.last() != Some(&end) {
            ends.push(end);
        }
    }
    ends.reverse();
    let mut left = networks;
    let rung = |(number, epochs): (usize, u32)| {
        if number > 0 {
            left = left.div_ceil(2).max(finalists.min(left));
        }
        Rung { networks: left, epochs }
    };
    ends.into_iter().enumerate().map(rung).collect()
}

/// Epochs that all networks of these rungs are trained for together: each goes on where it was.
pub fn epochs(rungs: &[Rung]) -> u64 {
    let mut before = 0;
    let of_rung = |rung: &Rung| {
        let new = u64::from(rung.epochs - before);
        before = rung.epochs;
        rung.networks as u64 * new
    };
    rungs.iter().map(of_rung).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(rungs: &[Rung]) -> Vec<(usize, u32)> {
        rungs.iter().map(|rung| (rung.networks, rung.epochs)).collect()
    }

    #[test]
    fn half_of_the_networks_go_on() {
        assert_eq!(pairs(&rungs(32, 4, 3)), [(32, 1), (16, 2), (8, 4)]);
        assert_eq!(epochs(&rungs(32, 4, 3)), 32 + 16 + 2 * 8);
        assert_eq!(pairs(&rungs(9, 16, 3)), [(9, 4), (5, 8), (3, 16)]);
        assert_eq!(pairs(&rungs(4, 5, 3)), [(4, 2), (3, 3), (3, 5)]);
        assert_eq!(pairs(&rungs(2, 4, 3)), [(2, 1), (2, 2), (2, 4)]);
        assert_eq!(pairs(&rungs(6, 1, 3)), [(6, 1)]);
        assert_eq!(pairs(&rungs(6, 2, 3)), [(6, 1), (3, 2)]);
        assert_eq!(epochs(&rungs(0, 4, 3)), 0);
    }
}
