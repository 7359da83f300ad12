//! The lines of a text, and the difference between two texts.

use std::ops::Range;

/// Bytes that are compared at once.
const BLOCK: usize = 4096;

/// Where the lines of a text start, in bytes and in characters.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
    starts: Vec<(usize, usize)>,
}

impl Lines {
    /// Reads a text, unless it is the one that was read last.
    pub fn update(&mut self, text: &str) {
        if self.text == text && !self.starts.is_empty() {
            return;
        }
        text.clone_into(&mut self.text);
        self.starts.clear();
        self.starts.push((0, 0));
        let (mut bytes, mut chars) = (0, 0);
        for line in text.split_inclusive('\n') {
            bytes += line.len();
            chars += if line.is_ascii() { line.len() } else { line.chars().count() };
            if line.ends_with('\n') {
                self.starts.push((bytes, chars));
            }
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.starts.len()
    }

    /// The line of a byte, from 0.
    pub fn line_of(&self, byte: usize) -> usize {
        self.starts.partition_point(|&(start, _)| start <= byte).saturating_sub(1)
    }

    /// The bytes of a line, without its end.
    pub fn range(&self, line: usize) -> Range<usize> {
        let start = self.starts.get(line).map_or(self.text.len(), |&(start, _)| start);
        let end = self.starts.get(line + 1).map_or(self.text.len(), |&(next, _)| next - 1);
        start..end.max(start)
    }

    /// A line without its end.
    pub fn line(&self, line: usize) -> &str {
        self.text.get(self.range(line)).unwrap_or("")
    }

    /// The character of a byte.
    pub fn char_of(&self, byte: usize) -> usize {
        let byte = self.text.floor_char_boundary(byte.min(self.text.len()));
        let Some(&(start, chars)) = self.starts.get(self.line_of(byte)) else { return 0 };
        chars + self.text[start..byte].chars().count()
    }

    /// The character of a byte, counted from the start of its line.
    pub fn column_of(&self, byte: usize) -> usize {
        let byte = self.text.floor_char_boundary(byte.min(self.text.len()));
        let start = self.range(self.line_of(byte)).start;
        self.text[start..byte].chars().count()
    }

    /// The byte of a character.
    pub fn byte_of(&self, char: usize) -> usize {
        let line = self.starts.partition_point(|&(_, start)| start <= char).saturating_sub(1);
        let Some(&(start, chars)) = self.starts.get(line) else { return 0 };
        let mut rest = self.text[start..].char_indices().map(|(at, _)| start + at);
        rest.nth(char - chars).unwrap_or(self.text.len())
    }
}

/// A part of a text that became another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The bytes before.
    pub old: Range<usize>,
    /// The bytes after.
    pub new: Range<usize>,
}

impl Change {
    /// The smallest change between two texts; it begins and ends between characters.
    pub fn between(old: &str, new: &str) -> Self {
        let least = old.len().min(new.len());
        let mut start = common(old.as_bytes(), new.as_bytes());
        while !old.is_char_boundary(start) || !new.is_char_boundary(start) {
            start -= 1;
        }
        let mut after = common_end(old.as_bytes(), new.as_bytes()).min(least - start);
        while !old.is_char_boundary(old.len() - after) || !new.is_char_boundary(new.len() - after) {
            after -= 1;
        }
        Self { old: start..old.len() - after, new: start..new.len() - after }
    }

    /// Where a part of the old text is in the new one; `None` if it was edited.
    pub fn to_new(&self, range: &Range<usize>) -> Option<Range<usize>> {
        moved(range, &self.old, &self.new)
    }

    /// Where a byte of the new text was in the old one; `None` if it was typed since.
    pub fn to_old(&self, byte: usize) -> Option<usize> {
        moved(&(byte..byte), &self.new, &self.old).map(|range| range.start)
    }
}

fn moved(range: &Range<usize>, from: &Range<usize>, to: &Range<usize>) -> Option<Range<usize>> {
    if range.end <= from.start {
        return Some(range.clone());
    }
    let shift = |at: usize| at - from.end + to.end;
    (range.start >= from.end).then(|| shift(range.start)..shift(range.end))
}

/// Bytes at the start that are the same.
fn common(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK)).take_while(|(a, b)| a == b);
    let equal: usize = blocks.map(|(block, _)| block.len()).sum();
    let rest = a[equal..].iter().zip(&b[equal..]);
    equal + rest.take_while(|(a, b)| a == b).count()
}

/// Bytes at the end that are the same.
fn common_end(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.rchunks(BLOCK).zip(b.rchunks(BLOCK)).take_while(|(a, b)| a == b);
    let equal: usize = blocks.map(|(block, _)| block.len()).sum();
    let rest = a[..a.len() - equal].iter().rev().zip(b[..b.len() - equal].iter().rev());
    equal + rest.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_characters_are_found_by_line() {
        let mut lines = Lines::default();
        lines.update("a: ü\nb: 2\n");
        assert_eq!(lines.count(), 3);
        assert_eq!([lines.line(0), lines.line(1), lines.line(2)], ["a: ü", "b: 2", ""]);
        assert_eq!((lines.line_of(5), lines.line_of(6), lines.line_of(99)), (0, 1, 2));
        for (byte, char) in [(0, 0), (3, 3), (5, 4), (6, 5), (11, 10)] {
            assert_eq!((lines.char_of(byte), lines.byte_of(char)), (char, byte));
        }
        assert_eq!(lines.column_of(9), 3);
    }

    #[test]
    fn a_change_is_as_small_as_it_can_be() {
        let change = |old, new| {
            let Change { old, new } = Change::between(old, new);
            (old, new)
        };
        assert_eq!(change("a: 1\n", "a: 12\n"), (4..4, 4..5));
        assert_eq!(change("aaaa", "aaa"), (3..4, 3..3));
        assert_eq!(change("ä", "ö"), (0..2, 0..2));
        assert_eq!(change("same", "same"), (4..4, 4..4));
        let long = "x".repeat(10_000);
        assert_eq!(change(&format!("{long}1{long}"), &format!("{long}{long}")).0.len(), 1);
    }

    #[test]
    fn places_move_with_the_text_around_them() {
        let change = Change::between("one two three", "one 2 three");
        assert_eq!(change.to_new(&(0..3)), Some(0..3));
        assert_eq!(change.to_new(&(8..13)), Some(6..11));
        assert_eq!(change.to_new(&(2..6)), None);
        assert_eq!((change.to_old(6), change.to_old(2)), (Some(8), Some(2)));
    }
}
