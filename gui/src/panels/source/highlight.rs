//! The parts of a YAML text that have colours of their own.
//!
//! A scanner by lines, not a parser: half-typed text has colours too, and a mistake changes the colours of its line
//! only.

use std::ops::Range;

/// The kind of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// From `#` to the end of the line.
    Comment,
    /// A name before a colon.
    Key,
    /// The operator in `- conv stem:`.
    Operator,
    /// A quoted string.
    Quoted,
    /// A number, `true`, `false` or `null`.
    Literal,
    /// A variable as `$growth`.
    Variable,
    /// Brackets, commas, colons, dashes of lists.
    Punctuation,
    /// Everything else.
    Plain,
}

/// The parts of a text in order, without gaps.
pub(super) fn tokens(text: &str) -> Vec<(Range<usize>, Token)> {
    let mut parts = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        scan(line, start, &mut parts);
        start += line.len();
    }
    parts
}

fn scan(line: &str, offset: usize, parts: &mut Vec<(Range<usize>, Token)>) {
    let mut at = 0;
    let mut is_step = false;
    while let Some(first) = line[at..].chars().next() {
        let before = line[..at].chars().next_back();
        let (length, token) = match first {
            '#' if before.is_none_or(char::is_whitespace) => (line.len() - at, Token::Comment),
            '"' | '\'' if before.is_none_or(|c| !c.is_alphanumeric()) => {
                (quoted(&line[at..], first), Token::Quoted)
            }
            '$' => (1 + word(&line[at + 1..]), Token::Variable),
            '-' if line[..at].trim().is_empty()
                && (line.len() == at + 1 || line[at + 1..].starts_with([' ', '\n'])) =>
            {
                is_step = true;
                (1, Token::Punctuation)
            }
            '{' | '}' | '[' | ']' | ',' | ':' => {
                is_step = false;
                (first.len_utf8(), Token::Punctuation)
            }
            c if c.is_whitespace() => (c.len_utf8(), Token::Plain),
            _ => {
                let length = words(&line[at..]);
                let piece = &line[at..at + length];
                if line[at + length..].starts_with(':') {
                    // `conv stem` in a list: an operator with the name of its step.
                    let name = piece.find(' ').filter(|_| is_step);
                    let operator = name.unwrap_or(if is_step { length } else { 0 });
                    push(parts, offset + at, operator, Token::Operator);
                    at += operator;
                    is_step = false;
                    (length - operator, Token::Key)
                } else if let Some(operator) = bare_step(piece).filter(|_| is_step) {
                    push(parts, offset + at, operator, Token::Operator);
                    at += operator;
                    is_step = false;
                    (length - operator, Token::Key)
                } else {
                    is_step = false;
                    (length, kind(piece))
                }
            }
        };
        push(parts, offset + at, length, token);
        at += length;
    }
}

fn push(parts: &mut Vec<(Range<usize>, Token)>, start: usize, length: usize, token: Token) {
    if length == 0 {
        return;
    }
    match parts.last_mut() {
        Some((range, last)) if *last == token => range.end = start + length,
        _ => parts.push((start..start + length, token)),
    }
}

/// Bytes of a quoted string, to the end of the line if it is not closed.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = quote == '"' && c == '\\' && !is_escaped;
    }
    text.len()
}

/// Bytes of a name.
fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Bytes of plain words: to the next mark that means something.
fn words(text: &str) -> usize {
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let ends = match c {
            '{' | '}' | '[' | ']' | ',' | '\n' | '$' => true,
            ':' => rest.is_empty() || rest.starts_with([' ', '\n', ',', '}']),
            ' ' => rest.starts_with('#'),
            _ => false,
        };
        if ends {
            break;
        }
        end = at + c.len_utf8();
    }
    // At least one character, so that scanning goes on.
    end.max(text.chars().next().map_or(0, char::len_utf8))
}

/// Bytes of the operator in a step without arguments, as `relu` or `lrn norm1`.
fn bare_step(piece: &str) -> Option<usize> {
    let mut words = piece.split_whitespace();
    let operator = words.next()?;
    let is_name =
        operator.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
    let is_short = words.next().is_none_or(|name| !name.contains('.')) && words.next().is_none();
    (is_name && !operator.starts_with(|c: char| c.is_ascii_digit()) && is_short)
        .then_some(operator.len())
}

fn kind(piece: &str) -> Token {
    let piece = piece.trim();
    let is_word = matches!(piece, "true" | "false" | "null" | "~");
    if is_word || piece.parse::<f64>().is_ok() { Token::Literal } else { Token::Plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(&str, Token)> {
        let parts = tokens(text);
        let end = parts.iter().fold(0, |end, (range, _)| {
            assert_eq!(range.start, end, "there is a gap in {text:?}");
            range.end
        });
        assert_eq!(end, text.len());
        let all = parts.into_iter().map(|(range, token)| (&text[range], token));
        all.filter(|(piece, token)| !piece.trim().is_empty() && *token != Token::Punctuation)
            .collect()
    }

    #[test]
    fn steps_have_operators_and_names() {
        use Token::{Comment, Key, Literal, Operator, Plain, Variable};
        assert_eq!(
            shown("  - conv stem: {kernel: 3, width: $growth, act: none}  # why\n"),
            [
                ("conv", Operator),
                (" stem", Key),
                ("kernel", Key),
                ("3", Literal),
                ("width", Key),
                ("$growth", Variable),
                ("act", Key),
                (" none", Plain),
                ("# why\n", Comment),
            ]
        );
    }

    #[test]
    fn steps_need_no_arguments() {
        use Token::{Key, Operator, Plain};
        assert_eq!(
            shown("- relu\n- lrn norm1\n- Huang et al\n"),
            [("relu", Operator), ("lrn", Operator), (" norm1", Key), (" Huang et al\n", Plain)]
        );
    }

    #[test]
    fn strings_may_hold_anything() {
        use Token::{Key, Quoted};
        assert_eq!(
            shown("source: \"a: {b} # \\\" c\"\nname: 'it' "),
            [("source", Key), ("\"a: {b} # \\\" c\"", Quoted), ("name", Key), ("'it'", Quoted)]
        );
    }

    #[test]
    fn half_typed_and_foreign_text_is_covered() {
        for text in ["", "\n\n", "a: \"", "- ", "- $", "名称: 网络 # 说明", "{[,:", "\t\r\n-x", "'"]
        {
            shown(text);
        }
    }
}
