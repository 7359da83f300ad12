//! Fingerprints: identifiers of what a network computes.

use std::{collections::HashMap, fmt};

use sha2::{Digest, Sha256};

use crate::{
    graph::{AuxiliaryHead, Graph, NodeId},
    op::Op,
    path::Path,
    tensor::Role,
};

/// Changes whenever the encoding below does, so that stored fingerprints are never confused.
const VERSION: u8 = 1;

/// Identifies a network by its structure: 128 bits of SHA-256, shown as 32 hexadecimal digits.
///
/// Equal for networks with the same operators, attributes and connections, whatever their nodes are
/// called, wherever they were written and in which order they were added; the inputs of sums and
/// products may be swapped. Different when an attribute, an edge, an auxiliary head or the weight of its
/// loss differs, and when a result or a tensor is shared in one network and computed or kept twice in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 16]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Fingerprint {
    /// The first half of a SHA-256.
    fn of(hasher: Sha256) -> Self {
        let whole: Hash = hasher.finalize().into();
        let mut short = [0; 16];
        short.copy_from_slice(&whole[..16]);
        Self(short)
    }
}

type Hash = [u8; 32];

/// An input and the factor that a sum applies to it; 1 for other operators.
type ScaledInput = (NodeId, f32);

impl Graph {
    /// The network's [`Fingerprint`].
    pub fn fingerprint(&self) -> Fingerprint {
        let inputs = self.canonical_inputs();
        let mut numbering = Numbering::new(self.len());
        let main = numbering.visit(self, &inputs, self.output());
        // None in networks of one output, whose fingerprints do not depend on there being others.
        let more: Vec<Vec<u8>> =
            self.outputs().skip(1).map(|id| numbering.visit(self, &inputs, id)).collect();
        let heads = self.auxiliary().iter();
        let mut heads: Vec<Hash> =
            heads.map(|head| self.hash_of_head(head, &inputs, &mut numbering)).collect();
        heads.sort_unstable();

        let mut hasher = Sha256::new();
        hasher.update([VERSION]);
        hasher.update(&main);
        for output in more {
            hasher.update(b"output");
            hasher.update(&output);
        }
        for head in heads {
            hasher.update(b"head");
            hasher.update(head);
        }
        Fingerprint::of(hasher)
    }

    /// Identifies a network by its structure, the paths of its nodes and their order. Random weights depend on paths, so
    /// networks of equal [`Graph::fingerprint`] can have different ones.
    pub fn fingerprint_with_paths(&self) -> Fingerprint {
        let mut hasher = Sha256::new();
        hasher.update([VERSION]);
        let mut add = |text: &[u8]| {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        };
        for (id, node) in self.nodes() {
            let mut inputs = self.inputs(id).into_iter().map(|id| (id, 1.0)).collect::<Vec<_>>();
            if let Op::Add { scales } = &node.op {
                inputs.iter_mut().zip(scales).for_each(|(input, &scale)| input.1 = scale);
            }
            add(node.path.as_str().as_bytes());
            add(&encoded(&node.op, &inputs, |input| (input.index() as u64).to_le_bytes()));
            for (role, _) in node.op.tensors(&self.input_shapes(id)) {
                add(node.tensor_path(role).as_str().as_bytes());
            }
        }
        for output in self.outputs() {
            add(&(output.index() as u64).to_le_bytes());
        }
        for head in self.auxiliary() {
            add(&(head.output.index() as u64).to_le_bytes());
            add(&head.weight.to_le_bytes());
        }
        Fingerprint::of(hasher)
    }

    /// For each node, the node of a network with an equal fingerprint that computes the same; `None` if it has another one,
    /// or auxiliary heads.
    pub fn matching(&self, other: &Self) -> Option<Vec<NodeId>> {
        if self.fingerprint() != other.fingerprint()
            || self.len() != other.len()
            || !self.auxiliary().is_empty()
        {
            return None;
        }
        let order = |graph: &Self| {
            let mut numbering = Numbering::new(graph.len());
            let inputs = graph.canonical_inputs();
            for output in graph.outputs() {
                numbering.visit(graph, &inputs, output);
            }
            numbering.order
        };
        let mut nodes = vec![None; self.len()];
        for (own, other) in order(self).into_iter().zip(order(other)) {
            nodes[own.index()] = Some(other);
        }
        nodes.into_iter().collect()
    }

    /// A head's own nodes, numbered after the main ones that it reads, and then no more.
    fn hash_of_head(
        &self,
        head: &AuxiliaryHead,
        inputs: &[Vec<ScaledInput>],
        main: &mut Numbering,
    ) -> Hash {
        let before = main.order.len();
        let mut hasher = Sha256::new();
        hasher.update(head.weight.to_le_bytes());
        hasher.update(main.visit(self, inputs, head.output));
        main.forget(before);
        hasher.finalize().into()
    }

    /// The inputs of every node, those of sums and products sorted by what they compute.
    fn canonical_inputs(&self) -> Vec<Vec<ScaledInput>> {
        let mut hashes: Vec<Hash> = Vec::with_capacity(self.len());
        let mut canonical = Vec::with_capacity(self.len());
        for (id, node) in self.nodes() {
            let mut inputs = self.inputs(id).into_iter().map(|id| (id, 1.0)).collect::<Vec<_>>();
            if let Op::Add { scales } = &node.op {
                inputs.iter_mut().zip(scales).for_each(|(input, &scale)| input.1 = scale);
            }
            if matches!(node.op, Op::Add { .. } | Op::Multiply | Op::Maximum) {
                inputs.sort_by(|a, b| {
                    let by_hash = hashes[a.0.index()].cmp(&hashes[b.0.index()]);
                    by_hash.then(a.1.total_cmp(&b.1))
                });
            }
            let text = encoded(&node.op, &inputs, |input| hashes[input.index()]);
            hashes.push(Sha256::digest(&text).into());
            canonical.push(inputs);
        }
        canonical
    }
}

/// Numbers nodes in the order in which a depth-first walk from an output leaves them.
struct Numbering {
    number: Vec<Option<u32>>,
    /// The nodes that have a number, in the order of their numbers.
    order: Vec<NodeId>,
    /// The nodes that have shared tensors first.
    tensors: HashMap<(Path, Role), NodeId>,
}

impl Numbering {
    fn new(nodes: usize) -> Self {
        Self { number: vec![None; nodes], order: Vec::new(), tensors: HashMap::new() }
    }

    /// Writes down the nodes that had no number yet, in the order of their numbers, each with those of its inputs.
    /// Walks with a stack of its own: networks may be deeper than the thread's.
    fn visit(&mut self, graph: &Graph, inputs: &[Vec<ScaledInput>], output: NodeId) -> Vec<u8> {
        let mut text = Vec::new();
        let mut stack = vec![(output, 0)];
        while let Some((id, done)) = stack.pop() {
            if self.number[id.index()].is_some() {
                continue;
            }
            let inputs = &inputs[id.index()];
            match inputs.get(done) {
                Some(&(input, _)) => stack.extend([(id, done + 1), (input, 0)]),
                None => {
                    text.extend(encoded(&graph.node(id).op, inputs, |input| self.bytes(input)));
                    self.write_shared(graph, id, &mut text);
                    self.number[id.index()] = u32::try_from(self.order.len()).ok();
                    self.order.push(id);
                }
            }
        }
        text.extend(self.bytes(output));
        text
    }

    /// Takes the numbers back but for the first `count`.
    fn forget(&mut self, count: usize) {
        for id in self.order.drain(count..) {
            self.number[id.index()] = None;
        }
        let number = &self.number;
        self.tensors.retain(|_, first| number[first.index()].is_some());
    }

    /// Writes down which tensors a node has in common with one that was left before, by that one's number.
    fn write_shared(&mut self, graph: &Graph, id: NodeId, text: &mut Vec<u8>) {
        if !graph.shares_tensors(id) {
            return;
        }
        let node = graph.node(id);
        for (role, _) in node.op.tensors(&graph.input_shapes(id)) {
            let tensor = (node.tensor_path(role).clone(), role);
            match self.tensors.get(&tensor) {
                None => {
                    self.tensors.insert(tensor, id);
                }
                Some(&first) => {
                    text.extend(b"shares ");
                    text.extend(role.name().as_bytes());
                    text.extend(self.bytes(first));
                }
            }
        }
    }

    fn bytes(&self, id: NodeId) -> [u8; 4] {
        self.number[id.index()].unwrap_or(u32::MAX).to_le_bytes()
    }
}

/// An operator, its attributes and its inputs, without ambiguity.
fn encoded<const N: usize>(
    op: &Op,
    inputs: &[ScaledInput],
    name: impl Fn(NodeId) -> [u8; N],
) -> Vec<u8> {
    let mut text = op.name().as_bytes().to_vec();
    // The factors of a sum are written with its inputs, whose order may differ from the attribute's.
    if !matches!(op, Op::Add { .. }) {
        for (attribute, value) in op.attributes() {
            text.extend(format!(" {attribute}={value}").into_bytes());
        }
    }
    text.push(0);
    text.extend((inputs.len() as u64).to_le_bytes());
    for &(input, scale) in inputs {
        text.extend(name(input));
        text.extend(scale.to_le_bytes());
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::{
        Activation, AuxiliaryHead, Form, Graph, NewNode, NodeId, Op, Part, Path, PoolKind, Shape,
        Span,
    };

    fn new_graph() -> (Graph, NodeId) {
        let graph = Graph::new(Shape::map(8, 4, 4), None).unwrap();
        let input = graph.input();
        (graph, input)
    }

    fn activation(graph: &mut Graph, kind: Activation, path: &str, from: NodeId) -> NodeId {
        graph.add(NewNode::new(Op::Activation(kind), Path::new(path)), &[from]).unwrap()
    }

    #[test]
    fn names_places_and_forms_do_not_matter() {
        let (mut a, input) = new_graph();
        activation(&mut a, Activation::Relu, "a", input);
        let mut b =
            Graph::new(Shape::map(8, 4, 4), Some(Span { source: 1, start: 2, end: 3 })).unwrap();
        let node = NewNode {
            form: Form::Functional,
            span: Some(Span { source: 0, start: 9, end: 10 }),
            ..NewNode::new(Op::Activation(Activation::Relu), Path::new("other/name"))
        };
        b.add(node, &[b.input()]).unwrap();
        assert_eq!(a.fingerprint(), b.fingerprint());
        assert_eq!(a.fingerprint().to_string().len(), 32);
        assert_ne!(a.fingerprint_with_paths(), b.fingerprint_with_paths());
        assert_eq!(a.fingerprint_with_paths(), a.clone().fingerprint_with_paths());
    }

    fn join(op: Op, swapped: bool) -> Graph {
        let (mut graph, input) = new_graph();
        let relu = activation(&mut graph, Activation::Relu, "a", input);
        let silu = activation(&mut graph, Activation::Silu, "b", input);
        let inputs = if swapped { [silu, relu] } else { [relu, silu] };
        graph.add(NewNode::new(op, Path::new("join")), &inputs).unwrap();
        graph
    }

    #[test]
    fn order_matters_to_concat_only() {
        let fingerprint = |op: &Op, swapped| join(op.clone(), swapped).fingerprint();
        let add = |a, b| Op::Add { scales: vec![a, b] };
        assert_ne!(fingerprint(&Op::Concat, false), fingerprint(&Op::Concat, true));
        assert_eq!(fingerprint(&Op::Multiply, false), fingerprint(&Op::Multiply, true));
        assert_eq!(fingerprint(&add(1.0, 0.5), false), fingerprint(&add(0.5, 1.0), true));
        assert_ne!(fingerprint(&add(1.0, 0.5), false), fingerprint(&add(1.0, 0.5), true));
    }

    #[test]
    fn a_shared_node_is_not_two_equal_ones() {
        let op = Op::Add { scales: vec![1.0, 1.0] };
        let (mut shared, input) = new_graph();
        let relu = activation(&mut shared, Activation::Relu, "a", input);
        shared.add(NewNode::new(op.clone(), Path::new("add")), &[relu, relu]).unwrap();
        let (mut twice, input) = new_graph();
        let a = activation(&mut twice, Activation::Relu, "a", input);
        let b = activation(&mut twice, Activation::Relu, "b", input);
        twice.add(NewNode::new(op, Path::new("add")), &[a, b]).unwrap();
        assert_ne!(shared.fingerprint(), twice.fingerprint());
    }

    fn with_heads(heads: &[(Activation, f32)], early: bool) -> Graph {
        let (mut graph, input) = new_graph();
        let first = activation(&mut graph, Activation::Relu, "a", input);
        let second = activation(&mut graph, Activation::Relu, "b", first);
        for (index, &(kind, weight)) in heads.iter().enumerate() {
            let name = format!("aux{index}");
            let node = NewNode {
                part: Part::Auxiliary(index),
                ..NewNode::new(Op::Activation(kind), Path::new(&name))
            };
            let output = graph.add(node, &[if early { first } else { second }]).unwrap();
            graph.add_auxiliary(AuxiliaryHead { name, output, weight });
        }
        graph.validate().unwrap();
        graph
    }

    #[test]
    fn heads_matter_but_not_their_order() {
        let relu = (Activation::Relu, 0.3);
        let silu = (Activation::Silu, 0.3);
        let fingerprint = |heads: &[_], early| with_heads(heads, early).fingerprint();
        let reference = fingerprint(&[relu, silu], true);
        assert_eq!(reference, fingerprint(&[silu, relu], true));
        assert_ne!(reference, fingerprint(&[relu, silu], false));
        assert_ne!(reference, fingerprint(&[relu], true));
        assert_ne!(reference, fingerprint(&[relu, (Activation::Silu, 0.4)], true));
        assert_ne!(reference, fingerprint(&[relu, relu], true));
    }

    #[test]
    fn a_deep_chain_needs_no_deep_stack() {
        let (mut graph, input) = new_graph();
        let mut last = input;
        for index in 0..50_000 {
            last = activation(&mut graph, Activation::Relu, &index.to_string(), last);
        }
        graph.add(NewNode::new(Op::GlobalPool(PoolKind::Max), Path::new("gmp")), &[last]).unwrap();
        graph.validate().unwrap();
        assert_eq!(graph.fingerprint(), graph.fingerprint());
    }
}
