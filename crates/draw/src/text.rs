//! Text in figures and pages: its width, shortening and escaping.
//!
//! Names may be in any script and of any length. Figures include no font, so widths are those of DejaVu Sans, the
//! widest of the usual sans-serif fonts: text that fits by this estimate fits in Arial and Helvetica too.

use std::borrow::Cow;

pub use inceptive_ir::text::one_line as clean;
use unicode_width::UnicodeWidthChar;

/// The font of every figure.
pub const FONT: &str = "sans-serif";

/// Advance widths of DejaVu Sans for the ASCII characters from space to `~`, in hundredths of an em.
const ASCII_ADVANCE: [u8; 95] = [
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75,
    79, 60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35,
    63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
];

/// How much wider bold text is.
const BOLD: f64 = 1.13;

/// Maximum number of characters of a name that a figure shows, however narrow they are.
const LONGEST: usize = 200;

/// Advance width of a character in ems.
fn advance_em(character: char) -> f64 {
    let ascii = (character as usize).checked_sub(32).and_then(|index| ASCII_ADVANCE.get(index));
    match (ascii, character.width()) {
        (Some(&hundredths), _) => f64::from(hundredths) / 100.0,
        (None, Some(0)) => 0.0,
        // Letters of other alphabets are wider than Latin ones on average; emoji are wider than ideographs.
        (None, Some(1) | None) => 0.8,
        (None, Some(_)) if character > '\u{1f000}' => 1.35,
        (None, Some(_)) => 1.0,
    }
}

/// Width of a text in pixels at a font size in pixels.
pub fn width_px(text: &str, size: f64) -> f64 {
    size * text.chars().map(advance_em).sum::<f64>()
}

/// Width of a bold text in pixels at a font size in pixels.
pub fn bold_width_px(text: &str, size: f64) -> f64 {
    BOLD * width_px(text, size)
}

/// The text if it is at most `limit_px` wide, else its beginning and an ellipsis.
pub fn shortened(text: &str, size: f64, limit_px: f64) -> Cow<'_, str> {
    let ellipsis = width_px("…", size);
    let mut end_px = 0.0;
    let mut cut = 0;
    for (count, (start, character)) in text.char_indices().enumerate() {
        if end_px + ellipsis <= limit_px {
            cut = start;
        }
        end_px += size * advance_em(character);
        if end_px > limit_px || count >= LONGEST {
            return Cow::Owned(format!("{}…", &text[..cut]));
        }
    }
    Cow::Borrowed(text)
}

/// The text as XML character data or as a quoted attribute value.
pub fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in clean(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_kept() {
        assert_eq!(shortened("GoogLeNet", 12.0, 200.0), "GoogLeNet");
        assert_eq!(shortened("", 12.0, 0.0), "");
    }

    #[test]
    fn long_text_is_cut_to_the_width_in_every_script() {
        for unit in ["inception ", "网络", "شبكة", "🧠", "e\u{301}"] {
            let text = unit.repeat(10_000);
            let short = shortened(&text, 12.0, 120.0);
            assert!(short.ends_with('…'), "{short}");
            assert!(width_px(&short, 12.0) <= 120.0, "{short}");
            assert!(short.chars().count() > 4, "{short}");
        }
    }

    #[test]
    fn text_without_width_is_cut_too() {
        assert!(shortened(&"\u{301}".repeat(10_000), 12.0, 120.0).chars().count() <= LONGEST + 1);
    }

    #[test]
    fn control_characters_go() {
        assert_eq!(clean("a\u{1b}[31m\nb\u{0}"), "a\u{fffd}[31m b\u{fffd}");
        assert_eq!(xml("<a b='1'>&\"\u{c}"), "&lt;a b=&#39;1&#39;&gt;&amp;&quot;\u{fffd}");
    }
}
