//! The order of nodes.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use super::error::ImportError;
use crate::proto::{GraphProto, NodeProto};

/// Puts the nodes into an order in which each one only reads what is computed before it. The specification requires such an
/// order (ONNX, section Graphs), but converters to half precision append nodes at the end, and ONNX Runtime sorts them too. Nodes
/// stay in the order of the file as far as possible.
///
/// # Errors
/// When nodes wait for each other.
pub(super) fn sort(file: &mut GraphProto) -> Result<(), ImportError> {
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (place, node) in file.node.iter().enumerate() {
        makers.extend(node.output.iter().map(|output| (output.as_str(), place)));
    }
    let made_by = |name: &String| makers.get(name.as_str()).copied().filter(|_| !name.is_empty());
    let is_sorted = file
        .node
        .iter()
        .enumerate()
        .all(|(place, node)| node.input.iter().filter_map(made_by).all(|maker| maker < place));
    if is_sorted {
        return Ok(());
    }
    let mut readers: Vec<Vec<usize>> = vec![vec![]; file.node.len()];
    let mut missing = vec![0_usize; file.node.len()];
    for (place, node) in file.node.iter().enumerate() {
        for maker in node.input.iter().filter_map(made_by) {
            readers[maker].push(place);
            missing[place] += 1;
        }
    }
    let is_ready = |&place: &usize| missing[place] == 0;
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..file.node.len()).filter(is_ready).map(Reverse).collect();
    let mut order = Vec::with_capacity(file.node.len());
    while let Some(Reverse(place)) = ready.pop() {
        order.push(place);
        for &reader in &readers[place] {
            missing[reader] -= 1;
            if missing[reader] == 0 {
                ready.push(Reverse(reader));
            }
        }
    }
    if let Some(waiting) = missing.iter().position(|&count| count > 0) {
        let awaited = |place: usize| {
            let inputs = file.node[place].input.iter();
            let mut makers = inputs.filter_map(|name| Some((made_by(name)?, name)));
            makers.find(|&(maker, _)| missing[maker] > 0)
        };
        // Whoever goes from a node to one that it waits for ends in a cycle, and comes to a node of it again.
        let mut is_known = vec![false; file.node.len()];
        let mut cyclic = waiting;
        while !std::mem::replace(&mut is_known[cyclic], true) {
            cyclic = awaited(cyclic).map_or(cyclic, |(maker, _)| maker);
        }
        let input = awaited(cyclic).map_or_else(String::new, |(_, name)| name.clone());
        return Err(ImportError::Order { op: file.node[cyclic].op_type.clone(), input });
    }
    let mut nodes: Vec<Option<NodeProto>> =
        std::mem::take(&mut file.node).into_iter().map(Some).collect();
    file.node = order.into_iter().filter_map(|place| nodes[place].take()).collect();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: &[(&str, &[&str], &[&str])]) -> GraphProto {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let node = |&(op, input, output): &(&str, &[&str], &[&str])| NodeProto {
            op_type: op.to_owned(),
            input: names(input),
            output: names(output),
            ..NodeProto::default()
        };
        GraphProto { node: nodes.iter().map(node).collect(), ..GraphProto::default() }
    }

    fn sorted(nodes: &[(&str, &[&str], &[&str])]) -> Result<String, String> {
        let mut graph = graph(nodes);
        sort(&mut graph).map_err(|error| error.to_string())?;
        Ok(graph.node.iter().map(|node| node.op_type.as_str()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn nodes_that_are_appended_come_where_they_are_read() {
        let ordered = sorted(&[("A", &["x"], &["a"]), ("B", &["a", ""], &["b"])]);
        assert_eq!(ordered.unwrap(), "A B");
        let appended =
            sorted(&[("A", &["x16"], &["a"]), ("B", &["a"], &["b"]), ("Cast", &["x"], &["x16"])]);
        assert_eq!(appended.unwrap(), "Cast A B");
    }

    #[test]
    fn cycles_are_refused() {
        let cycle =
            sorted(&[("A", &["x"], &["a"]), ("B", &["a", "c"], &["b"]), ("C", &["b"], &["c"])]);
        let text = cycle.unwrap_err();
        let texts = ["B reads `c`", "C reads `b`"]
            .map(|what| format!("the graph is cyclic: {what}, which depends on its result"));
        assert!(texts.contains(&text), "{text}");
        // A node that only reads from a cycle is not in it.
        let behind = sorted(&[("D", &["c"], &["d"]), ("B", &["c"], &["b"]), ("C", &["b"], &["c"])]);
        assert!(!behind.unwrap_err().contains("D reads"));
        assert!(sorted(&[("A", &["a"], &["a"])]).is_err());
    }

    #[test]
    fn a_long_graph_in_reverse_is_sorted_in_no_time() {
        let names: Vec<String> = (0..=100_000).map(|at| at.to_string()).collect();
        let nodes = (0..100_000).rev().map(|at| NodeProto {
            op_type: "Relu".to_owned(),
            input: vec![names[at].clone()],
            output: vec![names[at + 1].clone()],
            ..NodeProto::default()
        });
        let mut graph = GraphProto { node: nodes.collect(), ..GraphProto::default() };
        sort(&mut graph).unwrap();
        assert_eq!(graph.node[0].input, ["0"]);
    }
    /// The cycle is two nodes, of which one has many inputs; before them are many others.
    #[test]
    fn a_cycle_is_found_in_no_time() {
        let count = 200_000;
        let node = |op: &str, input: Vec<String>, output: &str| NodeProto {
            op_type: op.to_owned(),
            input,
            output: vec![output.to_owned()],
            ..NodeProto::default()
        };
        let ahead = (0..count).map(|at| node("Relu", vec!["x".to_owned()], &format!("v{at}")));
        let wide = [vec!["v0".to_owned(); count], vec!["b".to_owned()]].concat();
        let cycle = [node("Sum", wide, "a"), node("Relu", vec!["a".to_owned()], "b")];
        let mut graph = GraphProto { node: ahead.chain(cycle).collect(), ..GraphProto::default() };
        let text = sort(&mut graph).unwrap_err().to_string();
        assert!(text.contains("Sum reads `b`") || text.contains("Relu reads `a`"), "{text}");
    }
}
