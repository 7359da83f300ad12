//! Where in the structure of a file a place is, also in half-typed text that cannot be parsed.
//!
//! Lines above are looked at by their indentation; lists and maps in brackets are read from where they begin.

use std::ops::Range;

use super::{
    highlight::{Token, tokens},
    lines::Lines,
};

/// Lines that brackets may span.
const MOST_LINES: usize = 200;

/// A step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The value of a key.
    Key(String),
    /// An item of a list.
    Item,
}

/// A place in the structure of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// The way from the whole file.
    pub path: Vec<Part>,
    /// Whether a key or an item is written here, and not the value of a key.
    pub is_key: bool,
    /// The bytes of the word that ends here.
    pub word: Range<usize>,
    /// Whether the word is the first one of its key or value.
    pub is_first: bool,
}

/// The place of a byte; `None` in comments and quoted texts.
pub(super) fn spot(lines: &Lines, byte: usize) -> Option<Spot> {
    let text = lines.text();
    let byte = text.floor_char_boundary(byte.min(text.len()));
    let line = lines.line_of(byte);
    let column = byte - lines.range(line).start;
    let at_cursor = tokens(lines.line(line))
        .into_iter()
        .find(|(range, _)| range.start < column && column <= range.end);
    if at_cursor.is_some_and(|(_, token)| matches!(token, Token::Comment | Token::Quoted)) {
        return None;
    }
    let first = opening(lines, line);
    let start = lines.range(first).start;
    let before = &text[start..byte];
    let Head { mut parts, rest } = head(before);
    let mut inner = Vec::new();
    let is_value = matches!(parts.last(), Some((_, Part::Key(_))));
    let content = &before[rest..];
    let (is_key, piece) = match content.trim_start().starts_with(['{', '[']) {
        true => flow(content, &mut inner)?,
        false => (!is_value, content.trim_start()),
    };
    let length = piece.chars().rev().take_while(|&c| is_word(c)).map(char::len_utf8).sum::<usize>();
    let word = byte - length..byte;
    let is_first = piece.len() == length;
    let column = parts.first().map_or(rest, |(column, _)| *column);
    let is_item = matches!(parts.first(), Some((_, Part::Item)));
    let mut path = above(lines, first, column, is_item);
    path.extend(parts.drain(..).map(|(_, part)| part));
    path.extend(inner);
    Some(Spot { path, is_key, word, is_first })
}

/// The bytes of the word around a byte.
pub(super) fn word_at(text: &str, byte: usize) -> Range<usize> {
    let byte = text.floor_char_boundary(byte.min(text.len()));
    let before = text[..byte].chars().rev().take_while(|&c| is_word(c));
    let after = text[byte..].chars().take_while(|&c| is_word(c));
    byte - before.map(char::len_utf8).sum::<usize>()
        ..byte + after.map(char::len_utf8).sum::<usize>()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '-')
}

/// The line where the brackets around the start of a line begin; the line itself if there are none.
fn opening(lines: &Lines, line: usize) -> usize {
    let (mut depth, mut start) = (0_usize, line);
    for number in line.saturating_sub(MOST_LINES)..line {
        let text = lines.line(number);
        if !text.contains(['{', '[', '}', ']']) {
            continue;
        }
        let marks = tokens(text).into_iter().filter(|(_, token)| *token == Token::Punctuation);
        for c in marks.flat_map(|(range, _)| text[range].chars()) {
            match c {
                '{' | '[' => {
                    if depth == 0 {
                        start = number;
                    }
                    depth += 1;
                }
                '}' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }
    if depth > 0 { start } else { line }
}

/// The dashes and the key that a line begins with, by column, and where the rest of it is.
struct Head {
    parts: Vec<(usize, Part)>,
    rest: usize,
}

fn head(line: &str) -> Head {
    let spaces = |at: usize| line[at..].len() - line[at..].trim_start_matches(' ').len();
    let mut at = spaces(0);
    let mut parts = Vec::new();
    while line[at..].starts_with("- ") || &line[at..] == "-" {
        parts.push((at, Part::Item));
        at += 1;
        at += spaces(at);
    }
    let rest = &line[at..];
    let before_brackets = rest.split(['{', '[', '#', '\n']).next().unwrap_or("");
    let is_end = |&(colon, _): &(usize, &str)| {
        rest[colon + 1..].is_empty() || rest[colon + 1..].starts_with([' ', '\n'])
    };
    if let Some((colon, _)) = before_brackets.match_indices(':').find(is_end) {
        parts.push((at, Part::Key(rest[..colon].trim().to_owned())));
        at += colon + 1;
    }
    Head { parts, rest: at }
}

/// What a place is in by indentation: keys and dashes further left in the lines above.
fn above(lines: &Lines, line: usize, column: usize, is_item: bool) -> Vec<Part> {
    let (mut limit, mut is_item) = (column, is_item);
    let mut path = Vec::new();
    for number in (0..line).rev() {
        if limit == 0 && !is_item {
            break;
        }
        let text = lines.line(number);
        let indent = text.len() - text.trim_start_matches(' ').len();
        if indent > limit || (indent == limit && !is_item) {
            continue;
        }
        let content = text[indent..].trim_end();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        for (column, part) in head(text).parts.into_iter().rev() {
            // A list may begin at the column of its key.
            let is_key = matches!(part, Part::Key(_));
            if column < limit || (column == limit && is_item && is_key) {
                (limit, is_item) = (column, !is_key);
                path.insert(0, part);
            }
        }
    }
    path
}

/// Reads lists and maps in brackets up to their end. Returns whether a key or an item is written there, and what is
/// written of it; `None` after the last bracket.
fn flow<'t>(text: &'t str, path: &mut Vec<Part>) -> Option<(bool, &'t str)> {
    // Each bracket that is open: whether it is a list, and the key whose value is being written.
    let mut open: Vec<(bool, Option<String>)> = Vec::new();
    let (mut start, mut quote, mut is_comment) = (0, None, false);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let next = text[at + c.len_utf8()..].chars().next();
        let last = std::mem::replace(&mut before, c);
        if is_comment {
            is_comment = c != '\n';
            start = at + c.len_utf8();
            continue;
        }
        if quote.is_some() {
            quote = quote.filter(|&end| end != c);
            continue;
        }
        match c {
            '"' | '\'' if !last.is_alphanumeric() => quote = Some(c),
            '#' if last.is_whitespace() => is_comment = true,
            '{' | '[' => open.push((c == '[', None)),
            '}' | ']' => {
                open.pop()?;
            }
            ',' => open.last_mut()?.1 = None,
            ':' if next.is_none_or(|next| next.is_whitespace() || next == '{') => {
                open.last_mut()?.1 = Some(text[start..at].trim().to_owned());
            }
            _ => continue,
        }
        start = at + c.len_utf8();
    }
    let (_, key) = open.last()?;
    let is_key = key.is_none();
    for (is_list, key) in open {
        path.extend(is_list.then_some(Part::Item));
        path.extend(key.map(Part::Key));
    }
    Some((is_key, text[start..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of `|`: its path, `=` before a value, and the word.
    fn at(text: &str) -> String {
        let byte = text.find('|').unwrap();
        let text = text.replace('|', "");
        let mut lines = Lines::default();
        lines.update(&text);
        let Some(spot) = spot(&lines, byte) else { return "nowhere".to_owned() };
        let parts = spot.path.iter().map(|part| match part {
            Part::Key(key) => key.as_str(),
            Part::Item => "-",
        });
        let path = parts.collect::<Vec<&str>>().join("/");
        let word = &text[spot.word];
        format!("{path}{}{word}", if spot.is_key { " " } else { "=" })
    }

    #[test]
    fn places_are_found_by_indentation() {
        assert_eq!(at("na|"), " na");
        assert_eq!(at("name: Ti|"), "name=Ti");
        assert_eq!(at("body:\n  - conv stem:\n      kernel: 3\n      wi|"), "body/-/conv stem wi");
        assert_eq!(at("body:\n- re|\n"), "body/- re");
        assert_eq!(at("body:\n  - relu\n  - |"), "body/- ");
        assert_eq!(at("blocks:\n  a:\n    params: {w}\n\n    st|"), "blocks/a st");
        assert_eq!(at("body:\n  - a: {}\ntail:\n  g|"), "tail g");
        assert_eq!(at("body:\n  - repeat:\n      steps:\n        - c|"), "body/-/repeat/steps/- c");
    }

    #[test]
    fn brackets_are_read_from_their_beginning() {
        assert_eq!(at("body:\n  - conv stem: {kernel: 3, wi|}"), "body/-/conv stem wi");
        assert_eq!(at("body:\n  - conv: {kernel: 3, width: 2 * $w|"), "body/-/conv/width=$w");
        assert_eq!(at("  3x3: [conv reduce: {kernel: 1}, co|]"), "3x3/- co");
        assert_eq!(at("  3x3: [conv reduce: {k|"), "3x3/-/conv reduce k");
        assert_eq!(at("- a x: {c1: 64, # why: {\n     c2|"), "-/a x c2");
        assert_eq!(at("input: {size: 3}|"), "nowhere");
    }

    #[test]
    fn comments_and_quoted_texts_have_no_place() {
        for text in ["# na|", "name: \"a|", "name: x # y|"] {
            assert_eq!(at(text), "nowhere", "{text}");
        }
        for text in ["|", "- |", "{|", "[[|", "a:\n\t|", "名称: |", "- - - x|"] {
            at(text);
        }
    }
}
