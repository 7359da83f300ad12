//! Text that a person wrote.

use std::borrow::Cow;

use askama::{Template, filters::HtmlSafe};

use crate::candidate::NetworkEntry;
use inceptive_draw::text::clean;

/// Maximum number of characters of a name that a page holds.
const LONGEST_NAME: usize = 200;

/// Names so long may be cut by the layout, so that they need a tooltip.
const LONG_NAME: usize = 24;

/// Maximum number of characters of a description or a note.
const LONGEST_PROSE: usize = 4_000;

/// Maximum number of characters of a piece of YAML.
const LONGEST_CODE: usize = 20_000;

/// A name, in any script and direction.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"<bdi class="name"{% if is_long %} title="{{ text }}"{% endif %}>{{ text }}</bdi>"#,
    ext = "html"
)]
pub(super) struct Name {
    text: String,
    is_long: bool,
}

impl HtmlSafe for Name {}

impl Name {
    pub fn new(text: &str) -> Self {
        let text = cut(&clean(text), LONGEST_NAME).into_owned();
        let is_long = text.chars().count() > LONG_NAME;
        Self { text, is_long }
    }
}

/// A name as plain text.
pub(super) fn plain_name(text: &str) -> String {
    cut(&clean(text), LONGEST_NAME).into_owned()
}

/// A description, a note, a source.
pub(super) fn prose(text: &str) -> String {
    cut(&clean(text.trim()), LONGEST_PROSE).into_owned()
}

/// Text whose lines matter.
pub(super) fn code(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.lines().map(clean).collect();
    cut(&lines.join("\n"), LONGEST_CODE).into_owned()
}

/// A sentence about candidates, with their names at the length that pages hold.
pub(super) fn sentence(text: &str, candidates: &[NetworkEntry]) -> String {
    let mut text = text.to_owned();
    for candidate in candidates {
        if candidate.name.chars().count() > LONGEST_NAME {
            text = text.replace(&candidate.name, &plain_name(&candidate.name));
        }
    }
    clean(&text).into_owned()
}

/// The text if it has at most `most` characters, else its beginning and an ellipsis.
fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text() {
        let name = Name::new("<script>alert('1')</script>\u{202e}");
        let html = name.render().unwrap();
        assert!(!html.contains("<script") && !html.contains('\u{202e}'), "{html}");
        assert!(html.contains("&#60;script&#62;"), "{html}");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let name = Name::new(&"网络".repeat(5_000));
        assert_eq!(name.text.chars().count(), LONGEST_NAME + 1);
        assert!(name.is_long && name.text.ends_with('…'));
        assert_eq!(code("a\r\n  b\u{0}\n"), "a\n  b\u{fffd}");
    }
}
