//! Folding batch normalisation into the layer before it.

use std::collections::HashMap;

use crate::{
    graph::{Graph, NodeId},
    op::{Conv, Linear, Op},
};

use super::Rewrite;

/// A normalisation and the layer that takes it in. With running mean m and variance v, gamma g and
/// beta b, the layer's weights become `w * s` and its bias `(bias - m) * s + b`, where
/// `s = g / sqrt(v + eps)`, per output channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The convolution or linear layer.
    pub layer: NodeId,
    /// The normalisation, which vanishes.
    pub norm: NodeId,
}

/// Folds each normalisation into the convolution or linear layer before it, behind other normalisations too, if nothing
/// else reads what is between and the layer shares no tensors, because a shared kernel cannot absorb two normalisations.
/// The second result lists the folded pairs in order, as nodes of `graph`, so that weights can be folded too.
pub fn fold_batch_norm(graph: &Graph) -> (Rewrite, Vec<Folded>) {
    let mut rewrite = Rewrite::default();
    let mut folds = Vec::new();
    let results = graph.results();
    let mut layer_of = HashMap::new();
    for (norm, node) in graph.nodes() {
        if !matches!(node.op, Op::BatchNorm(_)) {
            continue;
        }
        let layer = sole_producer(graph, norm).filter(|layer| !results.contains(layer));
        let Some(layer) = layer.map(|id| *layer_of.get(&id).unwrap_or(&id)) else { continue };
        if graph.shares_tensors(layer) {
            continue;
        }
        if let Some(op) = with_bias(&graph.node(layer).op) {
            rewrite.replaced.insert(layer, op);
            rewrite.bypassed.insert(norm);
            layer_of.insert(norm, layer);
            folds.push(Folded { layer, norm });
        }
    }
    (rewrite, folds)
}

/// The input of a node, if nothing else reads that input.
fn sole_producer(graph: &Graph, node: NodeId) -> Option<NodeId> {
    let producer = *graph.inputs(node).first()?;
    (graph.only_consumer(producer) == Some(node)).then_some(producer)
}

/// A layer with weights, made to have a bias; `None` for other operators.
fn with_bias(op: &Op) -> Option<Op> {
    match op {
        Op::Conv(conv) => Some(Op::Conv(Conv { bias: true, ..*conv })),
        Op::Linear(linear) => Some(Op::Linear(Linear { bias: true, ..*linear })),
        Op::Input(_)
        | Op::BatchNorm(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::Pool(_)
        | Op::GlobalPool(_)
        | Op::ChannelMax
        | Op::ChannelMean
        | Op::AdaptiveAvgPool { .. }
        | Op::Concat
        | Op::Add { .. }
        | Op::Multiply
        | Op::Flatten
        | Op::Dropout { .. }
        | Op::Softmax
        | Op::ChannelShuffle { .. }
        | Op::Maximum
        | Op::DropPath { .. }
        | Op::ConvTranspose(_)
        | Op::Norm(_)
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Resize(_)
        | Op::Rearrange(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchNorm, NewNode, Padding, Path, Shape, Size};

    fn conv(width: u32) -> Op {
        Op::Conv(Conv {
            kernel: Size::square(1),
            out_channels: width,
            stride: Size::square(1),
            padding: Padding::NONE,
            dilation: Size::square(1),
            groups: 1,
            bias: false,
        })
    }

    fn norm() -> Op {
        Op::BatchNorm(BatchNorm { eps: 1e-5, scale: true, center: true })
    }

    #[test]
    fn only_a_layer_with_one_reader_takes_its_normalisation() {
        let mut graph = Graph::new(Shape::map(3, 8, 8), None).unwrap();
        let new = |op, path| NewNode::new(op, Path::new(path));
        let a = graph.add(new(conv(4), "a"), &[graph.input()]).unwrap();
        let a_bn = graph.add(new(norm(), "a/bn"), &[a]).unwrap();
        let b = graph.add(new(conv(4), "b"), &[a_bn]).unwrap();
        let b_bn = graph.add(new(norm(), "b/bn"), &[b]).unwrap();
        let sum = Op::Add { scales: vec![1.0, 1.0] };
        let sum = graph.add(new(sum, "add"), &[b, b_bn]).unwrap();
        graph.add(new(norm(), "bn"), &[sum]).unwrap();

        let (rewrite, folds) = fold_batch_norm(&graph);
        assert_eq!(folds, [Folded { layer: a, norm: a_bn }]);
        let folded = graph.apply(&rewrite).unwrap();
        let paths: Vec<&str> = folded.nodes().map(|(_, node)| node.path.as_str()).collect();
        assert_eq!(paths, ["input", "a", "b", "b/bn", "add", "bn"]);
        let a = folded.find(&Path::new("a")).unwrap();
        assert!(matches!(folded.node(a).op, Op::Conv(Conv { bias: true, .. })));
    }

    #[test]
    fn normalisations_one_after_the_other_fold_into_one_layer() {
        let mut graph = Graph::new(Shape::map(3, 4, 4), None).unwrap();
        let mut add = |op, path, input| {
            let input = [input].map(|input: Option<NodeId>| input.unwrap_or(graph.input()));
            graph.add(NewNode::new(op, Path::new(path)), &input).unwrap()
        };
        let layer = add(conv(4), "a", None);
        let first = add(norm(), "b", Some(layer));
        let second = add(norm(), "c", Some(first));
        let (rewrite, folds) = fold_batch_norm(&graph);
        assert_eq!(folds, [first, second].map(|norm| Folded { layer, norm }));
        let folded = graph.apply(&rewrite).unwrap();
        assert_eq!(folded.len(), 2);
        assert_eq!(fold_batch_norm(&folded).1, []);
    }
}
