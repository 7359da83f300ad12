//! Which candidates are measured together.

use std::ops::Range;

/// The most networks in a group. Results are safe when their group is done, so groups are not too large.
const MOST: usize = 6;

/// Copies of its weights that a network has in memory while it is loaded: ours, the ONNX file, the engine's own
/// and what it rearranges.
const COPIES: u64 = 4;

/// Splits networks, by the bytes of their weights, into neighbouring groups that take turns. A group fits into
/// half of the available memory, unless a single network does not.
pub fn groups(weight_bytes: &[u64], available: u64) -> Vec<Range<usize>> {
    let limit = available / 2;
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut used: u64 = 0;
    for (at, bytes) in weight_bytes.iter().enumerate() {
        let bytes = bytes.saturating_mul(COPIES);
        match groups.last_mut() {
            Some(group) if group.len() < MOST && used.saturating_add(bytes) <= limit => {
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
        assert_eq!(groups(&[1; 8], 1 << 30), [0..6, 6..8]);
        assert_eq!(groups(&[10, 10, 10], 160), [0..2, 2..3]);
        assert_eq!(groups(&[1000, 1], 100), [0..1, 1..2]);
        assert!(groups(&[], 100).is_empty());
    }
}
