//! Which candidates are measured together.

use std::ops::Range;

use crate::need::Need;

/// Splits networks, by what they need, into neighbouring groups that take turns. A group has `most` networks at
/// most, as results are safe when their group is done, and fits into half of the available memory on each of
/// the engines, unless a single network does not.
pub fn groups(needs: &[Need], engines: usize, most: usize, available: u64) -> Vec<Range<usize>> {
    let limit = available / 2;
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut used: u64 = 0;
    for (at, need) in needs.iter().enumerate() {
        let bytes = need.at_most().saturating_mul(engines as u64);
        match groups.last_mut() {
            Some(group) if group.len() < most && used.saturating_add(bytes) <= limit => {
                group.end += 1;
                used += bytes;
            }
            _ => {
                groups.push(at..at + 1);
                used = bytes;
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_small_and_fit() {
        let groups = |needs: &[u64], engines, most, available| {
            let needs: Vec<Need> = needs.iter().map(|&weights| Need::of_weights(weights)).collect();
            groups(&needs, engines, most, available)
        };
        assert_eq!(groups(&[1; 8], 1, 6, 1 << 30), [0..6, 6..8]);
        assert_eq!(groups(&[10, 10, 10], 1, 6, 160), [0..2, 2..3]);
        assert_eq!(groups(&[10, 10, 10], 2, 6, 320), [0..2, 2..3]);
        assert_eq!(groups(&[1000, 1], 1, 6, 100), [0..1, 1..2]);
        assert!(groups(&[], 1, 6, 100).is_empty());
    }
}
