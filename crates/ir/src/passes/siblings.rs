//! 1x1 convolutions that read the same input.

use std::collections::BTreeMap;

use crate::{
    graph::{Graph, NodeId},
    op::{Conv, Op},
    shape::{Padding, Size},
};

/// 1x1 convolutions that one wide convolution could compute: they have the same input and stride.
/// An Inception module has three: its 1x1 branch and the two reductions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Siblings {
    /// What they read.
    pub input: NodeId,
    /// Their stride.
    pub stride: Size,
    /// The convolutions, in execution order; at least two.
    pub convs: Vec<NodeId>,
}

/// All groups of sibling 1x1 convolutions, in execution order of their inputs.
pub fn sibling_pointwise(graph: &Graph) -> Vec<Siblings> {
    let mut groups: BTreeMap<(NodeId, Size), Vec<NodeId>> = BTreeMap::new();
    for (id, node) in graph.nodes() {
        if let (Some(stride), [input]) = (pointwise_stride(&node.op), graph.inputs(id).as_slice()) {
            groups.entry((*input, stride)).or_default().push(id);
        }
    }
    groups
        .into_iter()
        .filter(|(_, convs)| convs.len() > 1)
        .map(|((input, stride), convs)| Siblings { input, stride, convs })
        .collect()
}

fn pointwise_stride(op: &Op) -> Option<Size> {
    match op {
        Op::Conv(Conv { kernel, stride, padding, groups: 1, .. })
            if *kernel == Size::square(1) && *padding == Padding::NONE =>
        {
            Some(*stride)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewNode, Path, Shape};

    #[test]
    fn an_inception_module_has_three() {
        let mut graph = Graph::new(Shape::map(192, 28, 28), None).unwrap();
        let conv = |kernel, groups| {
            Op::Conv(Conv {
                kernel: Size::square(kernel),
                out_channels: 64,
                stride: Size::square(1),
                padding: Padding::symmetric(Size::square(kernel / 2)),
                dilation: Size::square(1),
                groups,
                bias: true,
            })
        };
        let input = graph.input();
        let mut add =
            |name: &str, op, input| graph.add(NewNode::new(op, Path::new(name)), &[input]).unwrap();
        let one = add("1x1", conv(1, 1), input);
        let three = add("3x3/reduce", conv(1, 1), input);
        add("3x3/conv", conv(3, 1), three);
        let five = add("5x5/reduce", conv(1, 1), input);
        add("grouped", conv(1, 2), input);
        add("project", conv(1, 1), five);
        let expected = Siblings { input, stride: Size::square(1), convs: vec![one, three, five] };
        assert_eq!(sibling_pointwise(&graph), [expected]);
    }
}
