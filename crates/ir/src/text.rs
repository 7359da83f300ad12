//! Makes text from untrusted files harmless before it is shown.
//!
//! Names, notes and paths may hold any characters. Shown unchanged, they could colour a terminal, hide a line or change
//! the reading direction of the text after them. Every output goes through one of these functions.

use std::{borrow::Cow, fmt::Write};

/// Whether a character must not reach a reader: control characters, line separators, and marks that turn the
/// direction of text, and the invisible letters U+E0000 to U+E007F. Joiners and variation selectors stay: emoji and many scripts need them.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// The text on one line: line breaks and tabs become spaces, other harmful characters U+FFFD.
pub fn one_line(text: &str) -> Cow<'_, str> {
    cleaned(text, |_| false)
}

/// The text with its lines and tabs, every other harmful character replaced by U+FFFD.
pub fn lines(text: &str) -> Cow<'_, str> {
    cleaned(text, |c| matches!(c, '\n' | '\t'))
}

fn cleaned(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_harmful(c) && !stays(c)) {
        return Cow::Borrowed(text);
    }
    let clean = |c: char| match c {
        _ if !is_harmful(c) || stays(c) => c,
        '\n' | '\r' | '\t' => ' ',
        _ => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(text.chars().map(clean).collect())
}

/// A JSON document with every harmful character in its strings written as `\uXXXX`. Its value stays the same:
/// outside of strings JSON has no such characters but line breaks and tabs.
pub fn json(document: &str) -> Cow<'_, str> {
    let is_raw = |c: char| is_harmful(c) && !matches!(c, '\n' | '\r' | '\t');
    if !document.chars().any(is_raw) {
        return Cow::Borrowed(document);
    }
    let mut escaped = String::with_capacity(document.len() + 16);
    for c in document.chars() {
        if is_raw(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// A cell of a table that spreadsheets open: on one line, and with an apostrophe before what they would take for a
/// formula. Numbers stay numbers, negative ones too.
pub fn cell(text: &str) -> Cow<'_, str> {
    let text = one_line(text);
    let starts_formula = text
        .trim_start_matches(|c: char| c.is_whitespace() || is_invisible(c))
        .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    let is_number = || text.parse::<f64>().is_ok_and(f64::is_finite);
    match starts_formula && !is_number() {
        true => Cow::Owned(format!("'{text}")),
        false => text,
    }
}

/// Whether a character is shown as nothing where it has no effect: those with Unicode's `Default_Ignorable_Code_Point`.
/// A spreadsheet may skip them at the start of a cell.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind: an escape sequence, a C1 control, marks of direction, a line separator.
    const HOSTILE: &str =
        "a\u{1b}[31m\u{9b}\u{202e}b\u{2067}c\u{200f}d\u{61c}e\u{2028}f\u{7f}g\u{e0041}";

    #[test]
    fn nothing_harmful_is_left() {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            assert!(!one_line(&text).chars().any(is_harmful), "{c:?}");
            assert!(
                !lines(&text).chars().any(|c| is_harmful(c) && c != '\n' && c != '\t'),
                "{c:?}"
            );
        }
        assert!(!one_line(HOSTILE).chars().any(is_harmful));
        assert_eq!(one_line("a\nb\tc\u{1b}"), "a b c\u{fffd}");
        assert_eq!(lines("a\nb\tc\u{1b}"), "a\nb\tc\u{fffd}");
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["GoogLeNet", "网络-é", "شبكة", "👩\u{200d}🔬", "❤\u{fe0f}", "می\u{200c}خواهم"]
        {
            assert!(matches!(one_line(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn json_keeps_its_value() {
        let document = "{\n  \"a\u{202e}\": \"\u{9b}b\u{2028}\"\n}";
        assert_eq!(json(document), "{\n  \"a\\u202e\": \"\\u009bb\\u2028\"\n}");
        assert!(matches!(json("{\"a\": \"é\"}\r\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn cells_are_no_formulas_and_numbers_stay() {
        let formulas = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1", "\t=1", "\r\n=1", "-inf", "-x"];
        let wide = ["＝1+1", "＋1+1", "－1+1", "＠SUM(A1)"];
        for formula in formulas.into_iter().chain(wide) {
            assert!(cell(formula).starts_with('\''), "{formula:?} became {:?}", cell(formula));
        }
        for invisible in ["\u{ad}", "\u{200b}", "\u{2060}", "\u{fe0f}", " \u{3164} \u{34f}"] {
            let formula = format!("{invisible}=1+1");
            assert!(cell(&formula).starts_with('\''), "{formula:?} became {:?}", cell(&formula));
            let name = format!("{invisible}name");
            assert_eq!(cell(&name), name);
        }
        for plain in ["-1", "-1.5e-3", "+2", "", "a=b", "googlenet-bn", "3x3"] {
            assert_eq!(cell(plain), plain);
        }
        assert_eq!(cell("a\nb"), "a b");
    }
}
