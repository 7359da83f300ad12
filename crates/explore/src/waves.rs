//! Networks of a search that are chosen and trained in waves, so that later ones can be proposed by a surrogate.

use crate::surrogate::FEWEST_JUDGED;

/// The most waves after the first, and the fewest networks of each: most of them are to be proposed.
const MOST_LATER: usize = 4;
const FEWEST: usize = 4;

/// How many networks each wave has. The first is large enough to judge a surrogate. A single wave if there are too few
/// networks for more, or the choice is among no more than are wanted.
pub fn waves(networks: usize, choice: usize) -> Vec<usize> {
    let first = networks.div_ceil(4).max(FEWEST_JUDGED);
    let rest = networks.saturating_sub(first);
    let later = (rest / FEWEST).min(MOST_LATER);
    if later == 0 || choice <= networks {
        return vec![networks];
    }
    let mut sizes = vec![first];
    for left in (1..=later).rev() {
        let before: usize = sizes.iter().sum();
        sizes.push((networks - before).div_ceil(left));
    }
    sizes
}

/// An order of places in which each of its beginnings is spread evenly over all places: the radical inverse in base 2 (van der
/// Corput 1935).
pub fn spread_order(count: usize) -> Vec<usize> {
    let bits = count.next_power_of_two().trailing_zeros();
    let reversed = |place: usize| (0..bits).fold(0, |sum, bit| sum << 1 | place >> bit & 1);
    (0..1 << bits).map(reversed).filter(|&place| place < count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_have_all_networks() {
        assert_eq!(waves(24, 1000), [10, 5, 5, 4]);
        assert_eq!(waves(60, 1000), [15, 12, 11, 11, 11]);
        assert_eq!(waves(14, 1000), [10, 4]);
        assert_eq!([waves(13, 1000), waves(4, 9), waves(0, 9)], [vec![13], vec![4], vec![0]]);
        assert_eq!(waves(60, 60), [60], "all are trained in any case");
    }

    #[test]
    fn each_beginning_is_spread() {
        assert_eq!(spread_order(8), [0, 4, 2, 6, 1, 5, 3, 7]);
        assert_eq!(spread_order(6), [0, 4, 2, 1, 5, 3]);
        assert_eq!([spread_order(0), spread_order(1)], [vec![], vec![0]]);
    }
}
