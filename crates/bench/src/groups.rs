//! Which candidates are measured together.

use std::ops::Range;

use crate::need::{Copies, MemoryEstimate};

/// Splits networks, by the memory they need, into consecutive groups that take turns. A group has at most `most`
/// networks, because results are saved when their group is done, and it fits into the available memory: all of its
/// networks are kept on each of the engines at once, and loaded one after the other. A single network is a group even
/// if it does not fit.
pub fn groups(
    needs: &[MemoryEstimate],
    copies: Copies,
    most: usize,
    available: u64,
) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    // The memory kept by the last group, and the temporary memory of loading.
    let (mut kept, mut loading): (u64, u64) = (0, 0);
    for (at, need) in needs.iter().enumerate() {
        let (more, moment) = (need.to_keep(copies), need.to_load(copies).max(need.to_read()));
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
        let (one, two) =
            (Copies::new(1, 3), Copies::together([Copies::new(1, 3), Copies::new(2, 4)]));
        let groups = |needs: &[u64], copies, most, available: u64| {
            let needs: Vec<MemoryEstimate> = needs
                .iter()
                .map(|&weights| MemoryEstimate::of_weights(weights * gibibyte))
                .collect();
            groups(&needs, copies, most, available * gibibyte)
        };
        assert_eq!(groups(&[1; 8], one, 6, 1000), [0..6, 6..8]);
        // Two copies of each network, two temporary ones of one, and the engines' own memory.
        assert_eq!(groups(&[10, 10, 10], one, 6, 61), [0..2, 2..3]);
        assert_eq!(groups(&[10, 10, 10], one, 6, 60), [0..1, 1..2, 2..3]);
        assert_eq!(groups(&[10, 10, 10], two, 6, 101), [0..2, 2..3]);
        assert_eq!(groups(&[1000, 1], one, 6, 100), [0..1, 1..2]);
        assert!(groups(&[], one, 6, 100).is_empty());
    }
}
