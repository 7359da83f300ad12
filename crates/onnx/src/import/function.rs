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

/// Bytes that a call counts for, and each name that it stands for: it takes time even where it becomes nothing.
const CALL_BYTES: usize = 64;

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
    let mut expansion = Expansion { functions, nodes: Vec::new(), calls: 0, room };
    for node in std::mem::take(&mut file.node) {
        expansion.node(node, 0)?;
    }
    file.node = expansion.nodes;
    Ok(())
}

struct Expansion<'a> {
    functions: HashMap<(String, String), &'a FunctionProto>,
    nodes: Vec<NodeProto>,
    /// How often functions were called.
    calls: usize,
    /// Bytes that are left for nodes.
    room: usize,
}

impl Expansion<'_> {
    fn node(&mut self, node: NodeProto, depth: usize) -> Result<(), ImportError> {
        if self.nodes.len() + self.calls >= MOST_OPERATORS {
            return Err(ImportError::TooMuch { what: "operators", limit: MOST_OPERATORS });
        }
        let key = (node.domain.clone(), node.op_type.clone());
        let Some(&function) = self.functions.get(&key) else {
            self.nodes.push(node);
            return Ok(());
        };
        if depth >= MAX_DEPTH {
            return Err(ImportError::TooMuch {
                what: "functions within functions",
                limit: MAX_DEPTH,
            });
        }
        self.calls += 1;
        self.charge(signature_bytes(function))?;
        let call = Call::new(&node, function);
        for inner in &function.node {
            self.charge(call.bytes(inner))?;
            self.node(call.inner(inner), depth + 1)?;
        }
        Ok(())
    }

    /// Takes bytes of the room.
    fn charge(&mut self, bytes: usize) -> Result<(), ImportError> {
        let (what, limit) = ("bytes of functions' nodes", FLOOR_BYTES);
        self.room = self.room.checked_sub(bytes).ok_or(ImportError::TooMuch { what, limit })?;
        Ok(())
    }
}

/// Bytes that a call of a function counts for, whatever the function consists of.
fn signature_bytes(function: &FunctionProto) -> usize {
    let names = function.input.iter().chain(&function.output).map(String::len);
    let names = names.chain(function.attribute_proto.iter().map(|given| given.name.len()));
    names.fold(CALL_BYTES, |sum, name| sum.saturating_add(name).saturating_add(CALL_BYTES))
}

/// A call of a function.
struct Call<'a> {
    node: &'a NodeProto,
    /// What its values are called where it is, by their names in the function.
    names: HashMap<&'a str, &'a str>,
    /// What stands before the names of all other values of the function.
    prefix: &'a str,
    /// Attributes of the call, and those that the function has in their place.
    attributes: HashMap<&'a str, &'a AttributeProto>,
}

impl<'a> Call<'a> {
    fn new(node: &'a NodeProto, function: &'a FunctionProto) -> Self {
        let outside = |names: &'a [String], own: &'a [String]| {
            let name = |at: usize| names.get(at).map_or("", String::as_str);
            own.iter().enumerate().map(move |(at, own)| (own.as_str(), name(at)))
        };
        let names = outside(&node.input, &function.input);
        let names = names.chain(outside(&node.output, &function.output)).collect();
        let prefix = node.output.first().map_or("", String::as_str);
        let mut attributes = HashMap::new();
        for given in node.attribute.iter().chain(&function.attribute_proto) {
            attributes.entry(given.name.as_str()).or_insert(given);
        }
        Self { node, names, prefix, attributes }
    }

    /// The attribute that one of a node of the function stands for.
    fn attribute(&self, own: &'a AttributeProto) -> Option<&'a AttributeProto> {
        match own.ref_attr_name.as_str() {
            "" => Some(own),
            of_the_call => self.attributes.get(of_the_call).copied(),
        }
    }

    /// Bytes of a node of the function where it is called, at most.
    fn bytes(&self, inner: &'a NodeProto) -> usize {
        let names = inner.input.iter().chain(&inner.output);
        let names = names
            .map(|name| self.names.get(name.as_str()).map_or(self.prefix.len(), |it| it.len()));
        let attributes = inner.attribute.iter().filter(|own| !own.ref_attr_name.is_empty());
        let attributes = attributes.filter_map(|own| Some(self.attribute(own)?.encoded_len()));
        let call = self.node.metadata_props.iter().map(Message::encoded_len);
        let call = call.chain([self.node.name.len(), inner.encoded_len()]);
        names.chain(attributes).chain(call).fold(0, usize::saturating_add)
    }

    /// A node of the function as it is where the function is called.
    fn inner(&self, inner: &'a NodeProto) -> NodeProto {
        let outside = |name: &String| match self.names.get(name.as_str()) {
            Some(&outside) => outside.to_owned(),
            None if name.is_empty() => String::new(),
            None => format!("{}/{name}", self.prefix),
        };
        let attribute = |own: &'a AttributeProto| {
            Some(AttributeProto { name: own.name.clone(), ..self.attribute(own)?.clone() })
        };
        let call = self.node;
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
            op_type: inner.op_type.clone(),
            domain: inner.domain.clone(),
            doc_string: inner.doc_string.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op: &str, input: &[&str], output: &[&str]) -> NodeProto {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        NodeProto {
            op_type: op.to_owned(),
            input: names(input),
            output: names(output),
            ..NodeProto::default()
        }
    }

    fn function(name: &str, node: Vec<NodeProto>) -> FunctionProto {
        FunctionProto { name: name.to_owned(), node, ..FunctionProto::default() }
    }

    fn inlined(node: Vec<NodeProto>, functions: &[FunctionProto]) -> Result<GraphProto, String> {
        let mut file = GraphProto { node, ..GraphProto::default() };
        inline(&mut file, functions, 1 << 20).map_err(|error| error.to_string())?;
        Ok(file)
    }

    #[test]
    fn calls_become_the_nodes_of_the_function() {
        let alpha = |name: &str, of: &str| AttributeProto {
            name: name.to_owned(),
            f: if of.is_empty() { 0.5 } else { 0.0 },
            ref_attr_name: of.to_owned(),
            ..AttributeProto::default()
        };
        let inner = NodeProto {
            attribute: vec![alpha("alpha", "slope"), alpha("absent", "nothing")],
            ..node("LeakyRelu", &["a"], &["b"])
        };
        let block = FunctionProto {
            input: vec!["a".to_owned()],
            output: vec!["c".to_owned()],
            ..function("block", vec![inner, node("Relu", &["b"], &["c"])])
        };
        let call = NodeProto {
            attribute: vec![alpha("slope", "")],
            name: "first".to_owned(),
            ..node("block", &["x"], &["y"])
        };
        let nodes = inlined(vec![call], &[block]).unwrap().node;
        let [leaky, relu] = &nodes[..] else { panic!("{nodes:?}") };
        assert_eq!(
            (&leaky.input[..], &leaky.output[..]),
            (&["x".to_owned()][..], &["y/b".to_owned()][..])
        );
        assert_eq!(
            (&relu.input[..], &relu.output[..]),
            (&["y/b".to_owned()][..], &["y".to_owned()][..])
        );
        assert_eq!(leaky.attribute, [alpha("alpha", "")]);
        assert_eq!(relu.name, "first");
    }

    /// 36 million calls of nothing, each of no bytes, in a file of some kilobytes.
    #[test]
    fn calls_of_nothing_are_counted() {
        let call = |op: &str| node(op, &[], &[]);
        let functions = [
            function("", vec![]),
            function("a", vec![call(""); 6_000]),
            function("b", vec![call("a"); 6_000]),
        ];
        let error = inlined(vec![call("b")], &functions).unwrap_err();
        assert!(error.contains("operators"), "{error}");
    }

    /// A short name in a function that stands for a long one, many times.
    #[test]
    fn names_are_counted_before_they_are_written() {
        let long = "n".repeat(1 << 20);
        let wide = node("Sum", &["a"; 100_000], &["b"]);
        let block = FunctionProto { input: vec!["a".to_owned()], ..function("block", vec![wide]) };
        let error = inlined(vec![node("block", &[&long], &["y"])], &[block]).unwrap_err();
        assert!(error.contains("bytes of functions' nodes"), "{error}");
    }
}
