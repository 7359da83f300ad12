//! Operators that a file defines itself, as the nodes that they consist of.

use std::collections::HashMap;

use prost::Message;

use super::{census::MOST_OPERATORS, error::ImportError};
use crate::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto};

/// How deeply functions may call functions.
const MAX_DEPTH: usize = 16;

/// Bytes of nodes that functions may expand to, for each byte of the file, and in any case.
const BYTES_PER_BYTE: usize = 4;
const FLOOR_BYTES: usize = 64 << 20;

/// Puts the nodes of functions where they are called.
///
/// # Errors
/// When that would be too much.
pub(super) fn inline(
    file: &mut GraphProto,
    functions: &[FunctionProto],
    file_bytes: usize,
) -> Result<(), ImportError> {
    if functions.is_empty() {
        return Ok(());
    }
    let key = |function: &FunctionProto| (function.domain.clone(), function.name.clone());
    let functions: HashMap<(String, String), &FunctionProto> =
        functions.iter().map(|function| (key(function), function)).collect();
    let room = file_bytes.saturating_mul(BYTES_PER_BYTE).saturating_add(FLOOR_BYTES);
    let mut expansion = Expansion { functions, nodes: Vec::new(), room };
    for node in std::mem::take(&mut file.node) {
        expansion.node(node, 0)?;
    }
    file.node = expansion.nodes;
    Ok(())
}

struct Expansion<'a> {
    functions: HashMap<(String, String), &'a FunctionProto>,
    nodes: Vec<NodeProto>,
    /// Bytes that are left for nodes.
    room: usize,
}

impl Expansion<'_> {
    fn node(&mut self, node: NodeProto, depth: usize) -> Result<(), ImportError> {
        let key = (node.domain.clone(), node.op_type.clone());
        let Some(&function) = self.functions.get(&key) else {
            if self.nodes.len() >= MOST_OPERATORS {
                return Err(ImportError::TooMuch { what: "operators", limit: MOST_OPERATORS });
            }
            self.nodes.push(node);
            return Ok(());
        };
        if depth >= MAX_DEPTH {
            return Err(ImportError::TooMuch {
                what: "functions within functions",
                limit: MAX_DEPTH,
            });
        }
        let prefix = node.output.first().cloned().unwrap_or_default();
        let outside = |names: &[String], own: &[String]| -> HashMap<String, String> {
            let pairs = own.iter().enumerate();
            pairs
                .map(|(at, name)| (name.clone(), names.get(at).cloned().unwrap_or_default()))
                .collect()
        };
        let mut names = outside(&node.input, &function.input);
        names.extend(outside(&node.output, &function.output));
        for inner in &function.node {
            let inner = called(inner, &node, function, &names, &prefix);
            let size = inner.encoded_len();
            let limit = FLOOR_BYTES;
            self.room = self
                .room
                .checked_sub(size)
                .ok_or(ImportError::TooMuch { what: "bytes of functions' nodes", limit })?;
            self.node(inner, depth + 1)?;
        }
        Ok(())
    }
}

/// A node of a function as it is where the function is called.
fn called(
    inner: &NodeProto,
    call: &NodeProto,
    function: &FunctionProto,
    names: &HashMap<String, String>,
    prefix: &str,
) -> NodeProto {
    let outside = |name: &String| match names.get(name) {
        Some(outside) => outside.clone(),
        None if name.is_empty() => String::new(),
        None => format!("{prefix}/{name}"),
    };
    let attribute = |own: &AttributeProto| {
        if own.ref_attr_name.is_empty() {
            return Some(own.clone());
        }
        let mut given = call.attribute.iter().chain(&function.attribute_proto);
        let given = given.find(|given| given.name == own.ref_attr_name)?;
        Some(AttributeProto { name: own.name.clone(), ..given.clone() })
    };
    let name = match (call.name.is_empty(), inner.name.is_empty()) {
        (true, _) => inner.name.clone(),
        (_, true) => call.name.clone(),
        _ => format!("{}/{}", call.name, inner.name),
    };
    NodeProto {
        input: inner.input.iter().map(outside).collect(),
        output: inner.output.iter().map(outside).collect(),
        name,
        attribute: inner.attribute.iter().filter_map(attribute).collect(),
        metadata_props: match inner.metadata_props.is_empty() {
            true => call.metadata_props.clone(),
            false => inner.metadata_props.clone(),
        },
        ..inner.clone()
    }
}
