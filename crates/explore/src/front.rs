//! Pareto fronts of very many points.

use std::mem;

/// New points that are collected before the front is computed again.
const FRESH: usize = 1 << 14;

/// Points of a front that new points are compared with at once.
const GUARDS: usize = 24;

/// As few points are compared with each other directly.
const SMALL: usize = 24;

/// The points that no other dominates, of all that were added: a point dominates another if it is nowhere worse and
/// somewhere better. Keys are costs; smaller is better.
#[derive(Clone, Debug, Default)]
pub(crate) struct Front {
    /// In lexicographic order of their keys, which all differ.
    members: Vec<Member>,
    fresh: Vec<Member>,
    /// Places of members that dominate many.
    guards: Vec<usize>,
}

/// A point of a front.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    pub(crate) key: Box<[u64]>,
    /// The first point that has this key.
    pub(crate) place: u64,
    /// How many points have it.
    pub(crate) equal: u64,
}

impl Front {
    /// Adds a point.
    pub(crate) fn add(&mut self, key: &[u64], place: u64) {
        if self.is_dominated(key) {
            return;
        }
        self.fresh.push(Member { key: key.into(), place, equal: 1 });
        if self.fresh.len() >= FRESH.max(self.members.len()) {
            self.reduce();
        }
    }

    /// Adds the points of another front.
    pub(crate) fn extend(&mut self, other: Self) {
        self.fresh.extend(other.members);
        self.fresh.extend(other.fresh);
        self.reduce();
    }

    /// The front, in the order of its keys.
    pub(crate) fn finish(mut self) -> Vec<Member> {
        self.reduce();
        self.members
    }

    /// Whether a member is known to dominate it.
    fn is_dominated(&self, key: &[u64]) -> bool {
        if let [x, y] = key {
            // Along the front of two costs, the second one falls.
            let after = self.members.partition_point(|member| member.key[0] <= *x);
            return after > 0
                && self.members[after - 1].key[1] <= *y
                && *self.members[after - 1].key != *key;
        }
        self.guards.iter().any(|&at| {
            let own = &self.members[at].key;
            **own != *key && is_nowhere_worse(own, key)
        })
    }

    fn reduce(&mut self) {
        let mut all = mem::take(&mut self.members);
        all.append(&mut self.fresh);
        all.sort_unstable();
        all.dedup_by(|later, kept| {
            let is_equal = later.key == kept.key;
            if is_equal {
                // The earlier one comes first.
                kept.equal += later.equal;
            }
            is_equal
        });
        let keys: Vec<&[u64]> = all.iter().map(|member| &*member.key).collect();
        let mut is_kept = vec![false; all.len()];
        for at in best((0..all.len()).collect(), &keys) {
            is_kept[at] = true;
        }
        let mut kept = is_kept.into_iter();
        all.retain(|_| kept.next().unwrap_or_default());
        self.members = all;
        let step = self.members.len().div_ceil(GUARDS).max(1);
        self.guards = (0..self.members.len()).step_by(step).collect();
    }
}

fn is_nowhere_worse(a: &[u64], b: &[u64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

/// The points that no other dominates, among some that are in lexicographic order and all differ (Kung, Luccio, Preparata
/// 1975, *On Finding the Maxima of a Set of Vectors*).
fn best(mut points: Vec<usize>, keys: &[&[u64]]) -> Vec<usize> {
    if points.len() <= 1 {
        return points;
    }
    // Only points before it can dominate a point.
    let later = points.split_off(points.len() / 2);
    let mut earlier = best(points, keys);
    let mut later = best(later, keys);
    remove_worse(&mut later, &earlier, keys, 1);
    earlier.append(&mut later);
    earlier
}

/// Removes the points for which another list has one that is nowhere worse, from one cost on.
fn remove_worse(points: &mut Vec<usize>, others: &[usize], keys: &[&[u64]], from: usize) {
    if points.is_empty() || others.is_empty() {
        return;
    }
    let costs = keys[others[0]].len();
    if from >= costs {
        points.clear();
        return;
    }
    if from + 1 == costs {
        let least = others.iter().map(|&at| keys[at][from]).min();
        points.retain(|&at| least.is_none_or(|least| keys[at][from] < least));
        return;
    }
    if from + 2 == costs {
        remove_worse_of_two(points, others, keys, from);
        return;
    }
    if points.len() * others.len() <= SMALL * SMALL {
        let is_worse = |at: usize| {
            others.iter().any(|&other| is_nowhere_worse(&keys[other][from..], &keys[at][from..]))
        };
        points.retain(|&at| !is_worse(at));
        return;
    }
    let mut values: Vec<u64> = others.iter().map(|&at| keys[at][from]).collect();
    let middle = values.len() / 2;
    let median = *values.select_nth_unstable(middle).1;
    let (low, rest): (Vec<usize>, Vec<usize>) =
        others.iter().partition(|&&at| keys[at][from] < median);
    let (equal, high): (Vec<usize>, Vec<usize>) =
        rest.into_iter().partition(|&at| keys[at][from] == median);
    let (mut below, mut above): (Vec<usize>, Vec<usize>) =
        points.iter().partition(|&&at| keys[at][from] < median);
    remove_worse(&mut below, &low, keys, from);
    // Of these, the cost is not worse.
    let up_to_median: Vec<usize> = low.into_iter().chain(equal).collect();
    remove_worse(&mut above, &up_to_median, keys, from + 1);
    remove_worse(&mut above, &high, keys, from);
    below.append(&mut above);
    below.sort_unstable();
    *points = below;
}

/// The same for the last two costs: a sweep along the first of them.
fn remove_worse_of_two(points: &mut Vec<usize>, others: &[usize], keys: &[&[u64]], from: usize) {
    let pair = |at: usize| [keys[at][from], keys[at][from + 1]];
    let mut sorted: Vec<[u64; 2]> = others.iter().map(|&at| pair(at)).collect();
    sorted.sort_unstable();
    let mut least = u64::MAX;
    for [_, second] in &mut sorted {
        least = least.min(*second);
        *second = least;
    }
    points.retain(|&at| {
        let [x, y] = pair(at);
        let up_to = sorted.partition_point(|other| other[0] <= x);
        up_to == 0 || sorted[up_to - 1][1] > y
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The front by comparing all points with each other.
    fn naive(points: &[Vec<u64>]) -> Vec<Member> {
        let mut members: Vec<Member> = vec![];
        for (place, key) in points.iter().enumerate() {
            let is_dominated =
                points.iter().any(|other| other != key && is_nowhere_worse(other, key));
            match members.iter_mut().find(|member| *member.key == **key) {
                Some(member) => member.equal += 1,
                None if is_dominated => {}
                None => members.push(Member {
                    key: key.as_slice().into(),
                    place: place as u64,
                    equal: 1,
                }),
            }
        }
        members.sort_unstable();
        members
    }

    proptest! {
        #[test]
        fn it_is_that_of_comparing_all(
            costs in 1_usize..6,
            values in prop::collection::vec(0_u64..12, 0..1200),
            parts in 1_usize..4,
        ) {
            let points: Vec<Vec<u64>> = values.chunks_exact(costs).map(<[u64]>::to_vec).collect();
            let mut fronts = vec![Front::default(); parts];
            for (place, key) in points.iter().enumerate() {
                fronts[place % parts].add(key, place as u64);
                if place % 97 == 0 {
                    fronts[place % parts].reduce();
                }
            }
            let mut whole = Front::default();
            for front in fronts {
                whole.extend(front);
            }
            prop_assert_eq!(whole.finish(), naive(&points));
        }
    }
}
