//! Files that once took minutes or gigabytes. They are built here with the crate's own messages. Times are not
//! measured: sizes are such that work that grows with the square of them would not end while somebody waits.

use super::tests::{graph, node, read};
use super::*;
use crate::export::{Batch, LrnForm, Opset, Options, to_onnx};
use inceptive_ir::GraphError;
use inceptive_pytorch::to_pytorch;

fn named(op: &str, inputs: &[&str], output: &str, name: &str) -> NodeProto {
    NodeProto { name: name.to_owned(), ..node(op, inputs, output) }
}

/// A chain of activations from `x` to `y`, each with a name.
fn chain(length: usize, name: impl Fn(usize) -> String) -> GraphProto {
    let value = |at: usize| match at {
        0 => "x".to_owned(),
        at if at == length => "y".to_owned(),
        at => format!("v{at}"),
    };
    let link = |at: usize| named("Relu", &[&value(at)], &value(at + 1), &name(at));
    graph((0..length).map(link).collect(), vec![])
}

fn options() -> Options {
    Options {
        name: "n".to_owned(),
        opset: Opset::DEFAULT,
        batch: Batch::Fixed(1),
        lrn: LrnForm::Operator,
    }
}

#[test]
fn nodes_of_one_name_are_numbered() {
    let network = read(chain(90_000, |_| "same".to_owned())).unwrap().graph;
    assert_eq!(network.node(network.output()).path.as_str(), "same_90000");
}

#[test]
fn more_operators_than_are_read_are_counted_and_refused() {
    let error = read(chain(census::MOST_OPERATORS + 1, |_| String::new())).unwrap_err();
    assert!(matches!(error, ImportError::TooMuch { what: "operators", .. }), "{error}");
    let error = read(chain(Graph::MAX_NODES, |_| String::new())).unwrap_err();
    assert!(matches!(error, ImportError::Graph(GraphError::TooManyNodes { .. })), "{error}");
}

#[test]
fn a_deep_name_becomes_a_path_within_the_limit() {
    let network = read(chain(1_000, |_| "a/".repeat(60_000))).unwrap().graph;
    assert!(network.nodes().all(|(_, node)| node.path.depth() <= Path::MAX_DEPTH));
}

/// One sum of 90,000 values is written as a chain, and read as one sum again.
#[test]
fn a_wide_sum_travels() {
    let wide = graph(vec![node("Sum", &["x"; 90_000], "y")], vec![]);
    let network = read(wide).unwrap().graph;
    assert_eq!(network.inputs(network.output()).len(), 90_000);
    let bytes = to_onnx(&network, &Weights::default(), &options()).unwrap();
    let again = from_onnx(bytes).unwrap().graph;
    assert_eq!(again.len(), 2);
    assert_eq!(again.fingerprint(), network.fingerprint());
    assert!(to_pytorch(&network, "Wide").lines().count() > 0);
}

/// Joins of joins: every value is read by two nodes, and names are as long as they may be.
#[test]
fn many_joins_with_long_names_are_read() {
    let long = "n".repeat(300);
    let value = |at: usize| if at == 0 { "x".to_owned() } else { format!("{long}{at}") };
    let mut nodes: Vec<NodeProto> = (0..20_000)
        .map(|at| named("Add", &[&value(at), &value(at)], &value(at + 1), &long))
        .collect();
    nodes.push(node("Relu", &[&value(20_000)], "y"));
    assert_eq!(read(graph(nodes, vec![])).unwrap().graph.len(), 20_002);
}
