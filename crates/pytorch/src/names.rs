//! Names and strings in Python code.

use std::collections::{HashMap, HashSet};

/// More characters of a name than this are not repeated in docstrings.
const LONGEST_QUOTE: usize = 60;

/// Names in one scope of Python.
#[derive(Clone, Debug, Default)]
pub struct Names {
    taken: HashSet<String>,
    /// The last number that a name was given.
    numbers: HashMap<String, usize>,
}

impl Names {
    /// A scope where these names are taken.
    pub fn with<'a>(taken: impl IntoIterator<Item = &'a str>) -> Self {
        Self { taken: taken.into_iter().map(str::to_owned).collect(), numbers: HashMap::new() }
    }

    /// Whether a name is not taken.
    pub fn is_free(&self, name: &str) -> bool {
        !self.taken.contains(name)
    }

    /// Takes the wanted name, or it with a number.
    pub fn take(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let number = self.numbers.entry(name.clone()).or_insert(1);
        while !self.taken.insert(name.clone()) {
            *number += 1;
            name = format!("{}_{number}", wanted.trim_end_matches('_'));
        }
        name
    }
}

/// A text as an identifier: an underscore replaces each character that is not allowed, precedes a leading digit, and
/// follows a word that Python or `nn.Module` reserves. Starts with at most one underscore, because Python renames
/// identifiers that start with two.
pub fn identifier(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_digit() || is_letter(c) { c } else { '_' };
    let text: String = text.chars().map(keep).collect();
    let stem = text.trim_start_matches('_');
    let lead = if stem.len() < text.len() || !stem.starts_with(is_letter) { "_" } else { "" };
    let name = format!("{lead}{stem}");
    let is_kept = has(KEYWORDS, &name) || has(MODULE, &name);
    if is_kept { name + "_" } else { name }
}

/// Whether a letter can stand in an identifier and is in Python what it is here: Python reads other forms of
/// letters as their plain forms (NFKC).
const fn is_letter(c: char) -> bool {
    match c {
        'ĳ' | 'Ĳ' | 'ŀ' | 'Ŀ' | 'ŉ' | 'ſ' | '×' | '÷' => false,
        'A'..='Z' | 'a'..='z' | 'À'..='ž' => true,
        'Α'..='Ρ' | 'Σ'..='Ω' | 'α'..='ω' | 'Ѐ'..='ѯ' => true,
        'ぁ'..='ゖ' | 'ァ'..='ヺ' | '一'..='鿿' | '가'..='힣' => true,
        _ => false,
    }
}

/// A text as the name of a class: its words with capitals, and nothing between them.
pub fn class_name(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_ascii_digit() && !is_letter(c));
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    let name: String = words.map(capital).collect();
    let is_name = name.starts_with(is_letter) && !has(KEYWORDS, &name);
    is_name.then_some(name)
}

/// A text inside a docstring, escaped so that it cannot end the string, start an escape, change the reading direction
/// or break the line.
pub fn quoted(text: &str) -> String {
    let mut quoted: String = text.chars().take(LONGEST_QUOTE).map(escaped).collect();
    if text.chars().nth(LONGEST_QUOTE).is_some() {
        quoted.push_str("...");
    }
    quoted
}

fn escaped(c: char) -> String {
    match c {
        '\\' | '"' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        _ if c.is_alphanumeric() => c.to_string(),
        _ => format!("\\U{:08x}", u32::from(c)),
    }
}

fn has(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

/// Words that Python keeps, and the name that methods have for their object.
const KEYWORDS: &str = "
    False None True and as assert async await break class continue def del elif else except
    finally for from global if import in is lambda nonlocal not or pass raise return try while
    with yield self";

/// Attributes of `nn.Module` and `nn.Sequential`, which a layer must not hide.
const MODULE: &str = "
    T_destination _apply _backward_hooks _backward_pre_hooks _buffers _call_impl
    _compiled_call_impl _forward_hooks _forward_hooks_always_called _forward_hooks_with_kwargs
    _forward_pre_hooks _forward_pre_hooks_with_kwargs _get_backward_hooks
    _get_backward_pre_hooks _get_item_by_idx _get_name _is_full_backward_hook
    _load_from_state_dict _load_state_dict_post_hooks _load_state_dict_pre_hooks
    _maybe_warn_non_full_backward_hook _modules _named_members _non_persistent_buffers_set
    _parameters _register_load_state_dict_pre_hook _register_state_dict_hook
    _replicate_for_data_parallel _save_to_state_dict _slow_forward _state_dict_hooks
    _state_dict_pre_hooks _version _wrapped_call_impl add_module append apply bfloat16 buffers
    call_super_init children compile cpu cuda double dump_patches eval extend extra_repr float
    forward get_buffer get_extra_state get_parameter get_submodule half insert ipu
    load_state_dict modules mtia named_buffers named_children named_modules named_parameters
    parameters pop register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook
    requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train
    training type xpu zero_grad";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers() {
        let names = [
            ("3x3", "_3x3"),
            ("conv2_x", "conv2_x"),
            ("double-3x3", "double_3x3"),
            ("lambda", "lambda_"),
            ("train", "train_"),
            ("__class__", "_class__"),
            ("茎-3", "茎_3"),
            ("ﬁ½é", "_é"),
            ("", "_"),
            ("a\"); import os", "a____import_os"),
        ];
        for (text, name) in names {
            assert_eq!(identifier(text), name);
        }
        assert_eq!(class_name("Inception v3").as_deref(), Some("InceptionV3"));
        assert_eq!(class_name("ResNet-50").as_deref(), Some("ResNet50"));
        assert_eq!(class_name("none").as_deref(), None);
        assert_eq!(class_name("3a"), None);
        assert_eq!(class_name("!"), None);
        let mut names = Names::default();
        assert_eq!(["a", "a", "b_", "b_"].map(|name| names.take(name)), ["a", "a_2", "b_", "b_2"]);
    }

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(quoted("a\"\"\"\n\\\u{202e}é"), "a\\\"\\\"\\\"\\U0000000a\\\\\\U0000202eé");
        assert_eq!(quoted(&"a".repeat(61)), format!("{}...", "a".repeat(60)));
    }
}
