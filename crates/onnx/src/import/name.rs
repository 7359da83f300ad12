//! Paths for the nodes of other programs' files.

use std::collections::HashMap;

use inceptive_ir::{Path, is_invisible};

use crate::proto::NodeProto;

/// Maximum number of characters of a path from a file, without an appended number.
const MOST_CHARACTERS: usize = 400;

/// Endings of the names of weights; the part before the ending is the layer.
const WEIGHT_ENDINGS: [&str; 4] = [".weight", "_w_0", "_scale_0", "_s_0"];

/// The property in which PyTorch's exporter writes the module of a node.
const SCOPES: &str = "pkg.torch.onnx.name_scopes";

/// Assigns each node a unique path.
#[derive(Debug, Default)]
pub struct Names {
    /// Every path with the last number that was tried behind it, so that equal names take no longer than others.
    taken: HashMap<String, usize>,
}

impl Names {
    /// The wanted path with nothing in it that a path cannot have, and a number if it is taken.
    pub fn unique(&mut self, wanted: &str, op: &str) -> String {
        let base = Some(limited(wanted)).filter(|path| !path.is_empty());
        let base = base.unwrap_or_else(|| op.to_owned());
        let Some(&last) = self.taken.get(&base) else {
            self.taken.insert(base.clone(), 1);
            return base;
        };
        let free = (last + 1..).map(|number| (number, format!("{base}_{number}")));
        let mut free = free.filter(|(_, path)| !self.taken.contains_key(path));
        let Some((number, path)) = free.next() else { return base };
        self.taken.insert(base, number);
        self.taken.insert(path.clone(), 1);
        path
    }
}

/// The path that a node is to have: the module that it belongs to, as far as the file says, followed by its name if the
/// operator has no weights.
pub fn wanted(node: &NodeProto, op: &str, weight: Option<&str>) -> String {
    let layer = weight.and_then(stem);
    let is_layer = weight.is_some();
    let inside = |module: String| if is_layer { module } else { format!("{module}/{op}") };
    let wanted = layer
        .or_else(|| scope(node).map(inside))
        .or_else(|| traced(node).map(inside))
        .unwrap_or_else(|| plain(node));
    limited(&wanted)
}

/// A name as a path within the limits: characters that are not allowed are replaced, segments that are too deep are
/// merged into one, and a name that is too long is cut.
pub fn limited(name: &str) -> String {
    let is_bad = |c: char| c.is_whitespace() || is_invisible(c) || "$=".contains(c);
    let mut path = String::new();
    let mut room = MOST_CHARACTERS;
    for (depth, segment) in name.split('/').filter(|segment| !segment.is_empty()).enumerate() {
        let separator = match depth {
            0 => None,
            1..Path::MAX_DEPTH => Some('/'),
            _ => Some('.'),
        };
        let clean = segment.chars().map(|c| if is_bad(c) { '_' } else { c });
        let added = separator.into_iter().chain(clean).take(room);
        let length = path.chars().count();
        path.extend(added);
        room -= path.chars().count() - length;
        if room == 0 {
            break;
        }
    }
    path.trim_end_matches('/').to_owned()
}

/// The layer that a weight belongs to: `conv1.conv.weight` is of `conv1/conv`.
fn stem(weight: &str) -> Option<String> {
    let stem = WEIGHT_ENDINGS.iter().find_map(|ending| weight.strip_suffix(ending))?;
    Some(stem.replace('.', "/"))
}

/// The module, from the list of scopes that `torch.onnx.export(dynamo=True)` writes. It starts with the
/// network and ends with the function.
fn scope(node: &NodeProto) -> Option<String> {
    let list = &node.metadata_props.iter().find(|entry| entry.key == SCOPES)?.value;
    let scopes: Vec<&str> = list.split('\'').skip(1).step_by(2).collect();
    let module = scopes[..scopes.len().checked_sub(1)?].last()?;
    (!module.is_empty()).then(|| module.replace('.', "/"))
}

/// The module, from a name like `/conv1/conv/Conv` that `torch.onnx.export(dynamo=False)` writes.
fn traced(node: &NodeProto) -> Option<String> {
    let (module, _) = node.name.strip_prefix('/')?.rsplit_once('/')?;
    let mut segments: Vec<&str> = Vec::new();
    let mut around = "";
    for segment in module.split('/') {
        // A list's members are named with the list: `branch3/branch3.1`.
        let own = segment.strip_prefix(around).and_then(|rest| rest.strip_prefix('.'));
        segments.push(own.filter(|_| !around.is_empty()).unwrap_or(segment));
        around = segment;
    }
    Some(segments.join("/"))
}

/// The node's name, or that of its result.
fn plain(node: &NodeProto) -> String {
    let output = || node.output.first().cloned().unwrap_or_default();
    if node.name.is_empty() { output() } else { node.name.trim_start_matches('/').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_in_what_exporters_write() {
        let node = |name: &str, scopes: Option<&str>| NodeProto {
            name: name.to_owned(),
            output: vec!["out".to_owned()],
            metadata_props: scopes
                .map(|value| crate::proto::StringStringEntryProto {
                    key: SCOPES.to_owned(),
                    value: value.to_owned(),
                })
                .into_iter()
                .collect(),
            ..NodeProto::default()
        };
        let mut names = Names::default();
        let mut path =
            |name, scopes, op, weight| names.unique(&wanted(&node(name, scopes), op, weight), op);
        assert_eq!(path("n", None, "conv", Some("a.0.conv.weight")), "a/0/conv");
        assert_eq!(path("n", Some("['', 'a', 'a.relu', 'relu_1']"), "relu", None), "a/relu/relu");
        assert_eq!(path("n", Some("['', 'relu_1']"), "relu", None), "n");
        assert_eq!(path("/b/conv/Conv", None, "conv", Some("onnx::Conv_5")), "b/conv");
        assert_eq!(path("/b/Relu", None, "relu", None), "b/relu");
        assert_eq!(path("/c/d/d.1/bn/Conv", None, "conv", Some("x")), "c/d/1/bn");
        assert_eq!(path("", None, "relu", None), "out");
        assert_eq!(path("", None, "relu", None), "out_2");
    }

    #[test]
    fn equal_names_are_numbered_without_trying_every_number_again() {
        let mut names = Names::default();
        names.unique("a_3", "relu");
        let numbered: Vec<String> = (0..4).map(|_| names.unique("a", "relu")).collect();
        assert_eq!(numbered, ["a", "a_2", "a_4", "a_5"]);
        assert_eq!(names.unique("a_2", "relu"), "a_2_2");
        for _ in 0..200_000 {
            names.unique("same", "relu");
        }
        assert_eq!(names.unique("same", "relu"), "same_200001");
    }

    #[test]
    fn paths_are_neither_deep_nor_long() {
        let mut names = Names::default();
        let deep = Path::new(&names.unique(&"a/".repeat(60_000), "relu"));
        assert_eq!(deep.depth(), Path::MAX_DEPTH);
        assert!(deep.as_str().len() <= MOST_CHARACTERS);
        let long = names.unique(&"é".repeat(10_000), "relu");
        assert_eq!(long.chars().count(), MOST_CHARACTERS);
        assert_eq!(names.unique(&"é".repeat(20_000), "relu"), format!("{long}_2"));
        let within = vec!["b"; Path::MAX_DEPTH].join("/");
        assert_eq!(names.unique(&within, "relu"), within);
    }
}
