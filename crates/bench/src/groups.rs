//! Which candidates are measured together.

use std::ops::Range;

use crate::need::MemoryEstimate;

/// Splits networks, by the memory they need, into consecutive groups that take turns. A group has at most `most`
/// networks, because results are saved when their group is done, and it fits into the available memory: all of its
/// networks are kept on each of the engines at once, and loaded one after the other. A single network is a group even
/// if it does not fit.
pub fn groups(
    needs: &[MemoryEstimate],
    engines: usize,
    most: usize,
    available: u64,
) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    // The memory kept by the last group, and the temporary memory of loading.
    let (mut kept, mut loading): (u64, u64) = (0, 0);
    for (at, need) in needs.iter().enumerate() {
        let (more, moment) = (need.to_keep(engines), need.to_load().max(need.to_read()));
        let (with, peak) = (kept.saturating_add(more), loading.max(moment));
        match groups.last_mut() {
            Some(group) if group.len() < most && with.saturating_add(peak) <= available => {
                group.end += 1;
                (kept, loading) = (with, peak);
            }
            _ => {
                groups.push(at..at + 1);
                (kept, loading) = (more, moment);
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
        let gibibyte = 1 << 30;
        let groups = |needs: &[u64], engines, most, available: u64| {
            let needs: Vec<MemoryEstimate> = needs
                .iter()
                .map(|&weights| MemoryEstimate::of_weights(weights * gibibyte))
                .collect();
            groups(&needs, engines, most, available * gibibyte)
        };
        assert_eq!(groups(&[1; 8], 1, 6, 1000), [0..6, 6..8]);
        // Three copies of each network, two temporary ones of one, and the engines' own memory.
        assert_eq!(groups(&[10, 10, 10], 1, 6, 81), [0..2, 2..3]);
        assert_eq!(groups(&[10, 10, 10], 1, 6, 79), [0..1, 1..2, 2..3]);
        assert_eq!(groups(&[10, 10, 10], 2, 6, 121), [0..2, 2..3]);
        assert_eq!(groups(&[1000, 1], 1, 6, 100), [0..1, 1..2]);
        assert!(groups(&[], 1, 6, 100).is_empty());
    }
}
