//! Passes that remove what only training needs.

use crate::{graph::Graph, op::Op};

use super::Rewrite;

/// Removes the auxiliary heads.
pub fn drop_auxiliary(graph: &Graph) -> Rewrite {
    Rewrite { drops_auxiliary: !graph.auxiliary().is_empty(), ..Rewrite::default() }
}

/// Removes dropout and stochastic depth, which are the identity at inference.
pub fn drop_dropout(graph: &Graph) -> Rewrite {
    let is_dropout = |op: &Op| matches!(op, Op::Dropout { .. } | Op::DropPath { .. });
    let dropouts = graph.nodes().filter(|(_, node)| is_dropout(&node.op));
    Rewrite { bypassed: dropouts.map(|(id, _)| id).collect(), ..Rewrite::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AuxiliaryHead, NewNode, Part, Path, Shape, passes};

    #[test]
    fn what_is_deployed_has_neither_heads_nor_dropout() {
        let mut graph = Graph::new(Shape::vector(4), None).unwrap();
        let drop = NewNode::new(Op::Dropout { p: 0.5 }, Path::new("drop"));
        let first = graph.add(drop.clone(), &[graph.input()]).unwrap();
        let again = graph.add(NewNode { path: Path::new("again"), ..drop }, &[first]).unwrap();
        let soft = graph.add(NewNode::new(Op::Softmax, Path::new("softmax")), &[again]).unwrap();
        let head = NewNode {
            part: Part::Auxiliary(0),
            ..NewNode::new(Op::Softmax, Path::new("aux1/softmax"))
        };
        let output = graph.add(head, &[first]).unwrap();
        graph.set_output(soft);
        graph.add_auxiliary(AuxiliaryHead { name: "aux1".to_owned(), output, weight: 0.3 });

        let deployed = passes::inference(&graph).unwrap();
        let paths: Vec<&str> = deployed.nodes().map(|(_, node)| node.path.as_str()).collect();
        assert_eq!(paths, ["input", "softmax"]);
        assert!(deployed.auxiliary().is_empty());
        assert!(drop_dropout(&deployed).is_empty() && drop_auxiliary(&deployed).is_empty());
    }

    #[test]
    fn dropout_at_the_end_gives_way_to_what_it_read() {
        let mut graph = Graph::new(Shape::vector(4), None).unwrap();
        let soft = NewNode::new(Op::Softmax, Path::new("softmax"));
        let soft = graph.add(soft, &[graph.input()]).unwrap();
        graph.add(NewNode::new(Op::Dropout { p: 0.5 }, Path::new("drop")), &[soft]).unwrap();
        let deployed = graph.apply(&drop_dropout(&graph)).unwrap();
        assert_eq!(deployed.node(deployed.output()).path.as_str(), "softmax");
    }
}
