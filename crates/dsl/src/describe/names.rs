//! Short names from the paths of an original.

use std::collections::HashSet;

use inceptive_ir::Path;

/// Words that say nothing about a module.
const NOTHING: [&str; 22] = [
    "block",
    "blocks",
    "body",
    "backbone",
    "branches",
    "conv",
    "convs",
    "encoder",
    "features",
    "feature_extractor",
    "input",
    "layer",
    "layers",
    "main",
    "model",
    "model_1",
    "module",
    "net",
    "network",
    "output",
    "resnet",
    "tail",
];

/// The longest name that is taken from a path.
const LONGEST: usize = 40;

/// The segments that all paths begin with, without the last one of any.
pub(super) fn common<'a>(mut paths: impl Iterator<Item = &'a Path>) -> Vec<&'a str> {
    let segments = |path: &'a Path| -> Vec<&'a str> { path.as_str().split('/').collect() };
    let Some(first) = paths.next() else { return Vec::new() };
    let mut common = segments(first);
    common.pop();
    for path in paths {
        let other = segments(path);
        let same = common.iter().zip(&other).take_while(|(a, b)| a == b).count();
        common.truncate(same.min(other.len() - 1));
    }
    common
}

/// A name for what has these segments, without those that say nothing and those before `skipped`.
pub(super) fn name(segments: &[&str], skipped: usize) -> Option<String> {
    let own = segments.get(skipped..)?;
    let start = own.iter().position(|segment| !NOTHING.contains(segment)).unwrap_or(own.len());
    let end =
        own.iter().rposition(|segment| !NOTHING.contains(segment)).map_or(start, |end| end + 1);
    let name = own.get(start..end)?.join(".");
    is_name(&name).then_some(name)
}

/// Whether a text can be a short name.
pub(super) fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (1..=LONGEST).contains(&text.len())
        && text.chars().all(is_plain)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The name of a parameter: letters, digits and underscores, not starting with a digit.
pub(super) fn parameter(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    match clean.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => clean,
        false => format!("c{clean}"),
    }
}

/// Names that are taken.
#[derive(Debug, Default)]
pub(super) struct Taken(HashSet<String>);

impl Taken {
    pub(super) fn with(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// The name, or with a number.
    pub(super) fn take(&mut self, name: &str) -> String {
        let numbered = (2_usize..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.to_owned()).chain(numbered);
        let mut free = free.filter(|name| !self.0.contains(name));
        let name = free.next().unwrap_or_else(|| name.to_owned());
        self.0.insert(name.clone());
        name
    }
}
