//! Which buffers share memory: those that are never needed at once.

use std::{cmp::Reverse, collections::BTreeSet};

/// A buffer and the phases in which it is needed, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) len: usize,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// Gives each buffer an offset. A buffer takes the smallest free piece that it fits in, or grows the memory; pieces that
/// are free again join their neighbours.
pub(crate) fn assign(needs: &[Need]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..needs.len()).collect();
    // Of those that start together the largest first.
    order.sort_unstable_by_key(|&buffer| (needs[buffer].first, Reverse(needs[buffer].len)));
    let mut ends: Vec<usize> = (0..needs.len()).collect();
    ends.sort_unstable_by_key(|&buffer| needs[buffer].last);
    let mut ends = ends.into_iter().peekable();
    let mut offsets = vec![0; needs.len()];
    let mut free = Free::default();
    for buffer in order {
        while let Some(ended) = ends.next_if(|&ended| needs[ended].last < needs[buffer].first) {
            free.give(offsets[ended], needs[ended].len);
        }
        offsets[buffer] = free.take(needs[buffer].len);
    }
    offsets
}

/// Free pieces of memory.
#[derive(Default)]
struct Free {
    /// Length and offset.
    by_len: BTreeSet<(usize, usize)>,
    /// Offset and length.
    by_offset: BTreeSet<(usize, usize)>,
    end: usize,
}

impl Free {
    fn insert(&mut self, offset: usize, len: usize) {
        self.by_len.insert((len, offset));
        self.by_offset.insert((offset, len));
    }

    fn remove(&mut self, offset: usize, len: usize) {
        self.by_len.remove(&(len, offset));
        self.by_offset.remove(&(offset, len));
    }

    fn take(&mut self, len: usize) -> usize {
        let found = self.by_len.range((len, 0)..).next().copied();
        if let Some((found_len, offset)) = found {
            self.remove(offset, found_len);
            if found_len > len {
                self.insert(offset + len, found_len - len);
            }
            return offset;
        }
        // A free piece at the end grows.
        let last = self.by_offset.last().copied();
        let last = last.filter(|(offset, len)| offset + len == self.end);
        let offset = match last {
            Some((offset, last_len)) => {
                self.remove(offset, last_len);
                offset
            }
            None => self.end,
        };
        self.end = offset + len;
        offset
    }

    fn give(&mut self, mut offset: usize, mut len: usize) {
        if len == 0 {
            return;
        }
        let before = self.by_offset.range(..(offset, 0)).next_back().copied();
        if let Some((start, before_len)) = before.filter(|(start, len)| start + len == offset) {
            self.remove(start, before_len);
            offset = start;
            len += before_len;
        }
        let behind = self.by_offset.range((offset + len, 0)..).next().copied();
        if let Some((start, behind_len)) = behind.filter(|(start, _)| *start == offset + len) {
            self.remove(start, behind_len);
            len += behind_len;
        }
        self.insert(offset, len);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn memory_is_used_again() {
        let need = |len, first, last| Need { len, first, last };
        let needs = [need(10, 0, 1), need(20, 1, 2), need(10, 2, 3), need(30, 3, 4)];
        assert_eq!(assign(&needs), [0, 10, 0, 10]);
    }

    proptest! {
        #[test]
        fn buffers_that_are_needed_at_once_do_not_overlap(
            raw in prop::collection::vec((1_usize..100, 0_usize..30, 0_usize..10), 1..60)
        ) {
            let needs: Vec<Need> =
                raw.iter().map(|&(len, first, more)| Need { len, first, last: first + more }).collect();
            let offsets = assign(&needs);
            for (a, need) in needs.iter().enumerate() {
                for (b, other) in needs.iter().enumerate().skip(a + 1) {
                    let at_once = need.first <= other.last && other.first <= need.last;
                    let overlap = offsets[a] < offsets[b] + other.len && offsets[b] < offsets[a] + need.len;
                    prop_assert!(!(at_once && overlap), "{a} and {b}");
                }
            }
            let all: usize = needs.iter().map(|need| need.len).sum();
            prop_assert!(needs.iter().zip(&offsets).all(|(need, offset)| offset + need.len <= all));
        }
    }
}
