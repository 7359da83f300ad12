//! Properties of random graphs: order does not matter, every attribute does, rewrites keep validity.

use inceptive_ir::{
    Activation, AuxiliaryHead, BatchNorm, Conv, Graph, GraphError, HeadParts, Linear, Lrn, NewNode,
    NodeParts, Op, Padding, Part, Parts, Path, Pool, PoolKind, Role, Shape, Shared, Size, passes,
};
use proptest::prelude::*;

fn conv() -> Conv {
    Conv {
        kernel: Size::square(3),
        out_channels: 8,
        stride: Size::square(1),
        padding: Padding::symmetric(Size::square(1)),
        dilation: Size::square(1),
        groups: 1,
        bias: false,
    }
}

fn average() -> Pool {
    Pool {
        kind: PoolKind::Average,
        kernel: Size::square(3),
        stride: Size::square(1),
        dilation: Size::square(1),
        padding: Padding::symmetric(Size::square(1)),
        ceil: false,
        count_include_pad: true,
    }
}

/// An operator that keeps 8x6x6.
fn unary(choice: u8) -> Op {
    match choice % 7 {
        0 => Op::Conv(conv()),
        1 => Op::BatchNorm(BatchNorm { eps: 1e-3, scale: true, center: true }),
        2 => Op::Activation(Activation::Relu),
        3 => Op::Dropout { p: 0.5 },
        4 => Op::Pool(average()),
        5 => Op::Lrn(Lrn { size: 5, alpha: 1e-4, beta: 0.75, k: 1.0 }),
        _ => Op::ChannelShuffle { groups: 2 },
    }
}

fn node(op: Op, path: &str, inputs: Vec<usize>) -> NodeParts {
    NodeParts { node: NewNode::new(op, Path::new(path)), inputs }
}

/// Nodes that each read one or two earlier ones, joined at the end by a sum of everything unread.
fn graph(choices: &[(u8, usize, usize)]) -> Parts {
    let mut nodes = vec![node(Op::Input(Shape::map(8, 6, 6)), "input", vec![])];
    let mut read = vec![false];
    for (index, &(choice, a, b)) in choices.iter().enumerate() {
        let (a, b) = (a % nodes.len(), b % nodes.len());
        let path = index.to_string();
        let (op, inputs) = match choice % 9 {
            7 => (Op::Add { scales: vec![1.0, 0.25] }, vec![a, b]),
            8 => (Op::Multiply, vec![a, b]),
            choice => (unary(choice), vec![a]),
        };
        inputs.iter().for_each(|&input| read[input] = true);
        nodes.push(node(op, &path, inputs));
        read.push(false);
    }
    let mut unread: Vec<usize> = (0..nodes.len()).filter(|&index| !read[index]).collect();
    if let [only] = unread[..] {
        unread.push(only);
    }
    nodes.push(node(Op::Concat, "end", unread));
    let output = nodes.len() - 1;
    let mut head = node(Op::GlobalPool(PoolKind::Average), "aux1/gap", vec![0]);
    head.node.part = Part::Auxiliary(0);
    nodes.push(head);
    let head = HeadParts { name: "aux1".to_owned(), output: nodes.len() - 1, weight: 0.3 };
    Parts { nodes, output, more_outputs: vec![], auxiliary: vec![head] }
}

/// The same nodes in another order of the list.
fn permuted(parts: &Parts, keys: &[u32]) -> Parts {
    let key = |index: usize| (keys.get(index).copied().unwrap_or(0), index);
    let mut order: Vec<usize> = (0..parts.nodes.len()).collect();
    order.sort_by_key(|&index| key(index));
    let mut place = vec![0; order.len()];
    for (new, &old) in order.iter().enumerate() {
        place[old] = new;
    }
    let moved = |old: &usize| {
        let NodeParts { node, inputs } = parts.nodes[*old].clone();
        NodeParts { node, inputs: inputs.iter().map(|&input| place[input]).collect() }
    };
    Parts {
        nodes: order.iter().map(moved).collect(),
        output: place[parts.output],
        more_outputs: parts.more_outputs.iter().map(|&output| place[output]).collect(),
        auxiliary: parts
            .auxiliary
            .iter()
            .map(|head| HeadParts { output: place[head.output], ..head.clone() })
            .collect(),
    }
}

fn choices() -> impl Strategy<Value = Vec<(u8, usize, usize)>> {
    proptest::collection::vec((0_u8..9, any::<usize>(), any::<usize>()), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_graph_goes_back_to_what_it_was(before in choices(), after in choices()) {
        let mut graph = Graph::from_parts(graph(&before)).unwrap();
        let (parts, checkpoint) = (graph.to_parts(), graph.checkpoint());
        let mut at = graph.output();
        for (number, &(choice, ..)) in after.iter().enumerate() {
            let path = Path::new(&format!("more/{number}"));
            // Reads two nodes, of which one is from before, where it can.
            let added = graph.add(NewNode::new(Op::Concat, path.clone()), &[at, graph.input()]);
            at = added.or_else(|_| graph.add(NewNode::new(unary(choice), path), &[at])).unwrap();
        }
        let output = graph.output();
        graph.add_auxiliary(AuxiliaryHead { name: "more".to_owned(), output, weight: 1.0 });
        let whole = graph.to_parts();
        graph.go_back(checkpoint);
        prop_assert_eq!(graph.to_parts(), parts);
        prop_assert_eq!(graph.find(&Path::new("more/0")), None);
        prop_assert!(graph.ids().all(|id| graph.consumers(id).iter().all(|it| it.index() < graph.len())));
        // What was taken out can be added again.
        for NodeParts { node, inputs } in &whole.nodes[graph.len()..] {
            let ids: Vec<_> = graph.ids().collect();
            let inputs: Vec<_> = inputs.iter().map(|&input| ids[input]).collect();
            graph.add(node.clone(), &inputs).unwrap();
        }
        prop_assert_eq!(graph.to_parts().nodes, whole.nodes);
    }

    #[test]
    fn the_order_of_the_nodes_does_not_matter(
        choices in choices(), keys in proptest::collection::vec(any::<u32>(), 14),
    ) {
        let parts = graph(&choices);
        let a = Graph::from_parts(parts.clone()).unwrap();
        let b = Graph::from_parts(permuted(&parts, &keys)).unwrap();
        prop_assert_eq!(a.fingerprint(), b.fingerprint());
        let inputs_come_first =
            b.ids().all(|id| b.inputs(id).into_iter().all(|input| input < id));
        prop_assert!(inputs_come_first);
    }

    #[test]
    fn lists_give_the_graph_back(choices in choices()) {
        let built = Graph::from_parts(graph(&choices)).unwrap();
        let again = Graph::from_parts(built.to_parts()).unwrap();
        prop_assert_eq!(built.to_parts(), again.to_parts());
        prop_assert_eq!(built.fingerprint(), again.fingerprint());
    }

    #[test]
    fn rewrites_keep_the_graph_valid_and_settle(choices in choices()) {
        let built = Graph::from_parts(graph(&choices)).unwrap();
        let deployed = passes::inference(&built).unwrap();
        let is_dropout = |op: &Op| matches!(op, Op::Dropout { .. });
        prop_assert!(deployed.nodes().all(|(_, node)| !is_dropout(&node.op)));
        prop_assert_eq!(deployed.node(deployed.output()).shape, built.node(built.output()).shape);

        let (rewrite, folds) = passes::fold_batch_norm(&deployed);
        let folded = deployed.apply(&rewrite).unwrap();
        prop_assert_eq!(folded.len() + folds.len(), deployed.len());
        prop_assert_eq!(passes::fold_batch_norm(&folded).1, vec![]);
    }
}

/// Every attribute of every operator, changed.
#[test]
fn every_attribute_changes_the_fingerprint() {
    let lrn = Lrn { size: 5, alpha: 1e-4, beta: 0.75, k: 1.0 };
    let bn = BatchNorm { eps: 1e-3, scale: true, center: true };
    let linear = Linear { out_features: 8, bias: true };
    let maximum = Pool { kind: PoolKind::Max, ..average() };
    let padded = Padding { top: 1, left: 1, bottom: 1, right: 0 };
    let map = Shape::map(8, 6, 6);
    let groups: Vec<(Shape, Vec<Op>)> = vec![
        (
            map,
            vec![
                Op::Conv(conv()),
                Op::Conv(Conv { kernel: Size::new(3, 1), ..conv() }),
                Op::Conv(Conv { kernel: Size::new(1, 3), ..conv() }),
                Op::Conv(Conv { out_channels: 9, ..conv() }),
                Op::Conv(Conv { stride: Size::new(2, 1), ..conv() }),
                Op::Conv(Conv { padding: padded, ..conv() }),
                Op::Conv(Conv { dilation: Size::new(1, 2), ..conv() }),
                Op::Conv(Conv { groups: 2, ..conv() }),
                Op::Conv(Conv { bias: true, ..conv() }),
                Op::BatchNorm(bn),
                Op::BatchNorm(BatchNorm { eps: 1e-5, ..bn }),
                Op::BatchNorm(BatchNorm { scale: false, ..bn }),
                Op::BatchNorm(BatchNorm { center: false, ..bn }),
                Op::Lrn(lrn),
                Op::Lrn(Lrn { size: 3, ..lrn }),
                Op::Lrn(Lrn { alpha: 2e-4, ..lrn }),
                Op::Lrn(Lrn { beta: 0.5, ..lrn }),
                Op::Lrn(Lrn { k: 2.0, ..lrn }),
                Op::Pool(average()),
                Op::Pool(maximum),
                Op::Pool(Pool { kernel: Size::new(3, 2), ..average() }),
                Op::Pool(Pool { stride: Size::new(1, 2), ..average() }),
                Op::Pool(Pool { padding: padded, ..average() }),
                Op::Pool(Pool { ceil: true, ..average() }),
                Op::Pool(Pool { count_include_pad: false, ..average() }),
                Op::GlobalPool(PoolKind::Max),
                Op::GlobalPool(PoolKind::Average),
                Op::ChannelMax,
                Op::ChannelMean,
                Op::AdaptiveAvgPool { output: Size::new(1, 1) },
                Op::AdaptiveAvgPool { output: Size::new(1, 2) },
                Op::Flatten,
                Op::Softmax,
                Op::Dropout { p: 0.5 },
                Op::Dropout { p: 0.25 },
                Op::ChannelShuffle { groups: 2 },
                Op::ChannelShuffle { groups: 4 },
            ],
        ),
        (map, Activation::ALL.map(Op::Activation).to_vec()),
        (
            Shape::vector(8),
            vec![
                Op::Linear(linear),
                Op::Linear(Linear { out_features: 9, ..linear }),
                Op::Linear(Linear { bias: false, ..linear }),
            ],
        ),
        (Shape::map(8, 6, 7), vec![Op::Conv(conv())]),
    ];
    let mut seen = std::collections::HashMap::new();
    for (input, ops) in groups {
        for op in ops {
            let mut graph = Graph::new(input, None).unwrap();
            graph.add(NewNode::new(op.clone(), Path::new("op")), &[graph.input()]).unwrap();
            let before = seen.insert(graph.fingerprint(), op.clone());
            assert_eq!(before, None, "{op:?} has the fingerprint of another");
        }
    }
}

#[test]
fn a_path_is_taken_once() {
    let mut graph = Graph::new(Shape::map(8, 6, 6), None).unwrap();
    let relu = |path| NewNode::new(Op::Activation(Activation::Relu), Path::new(path));
    let a = graph.add(relu("a"), &[graph.input()]).unwrap();
    for path in ["a", "input"] {
        let twice = graph.add(relu(path), &[a]).unwrap_err();
        assert_eq!(twice, GraphError::DuplicatePath { path: Path::new(path) });
    }
    assert_eq!((graph.len(), graph.output(), graph.find(&Path::new("a"))), (2, a, Some(a)));
}

#[test]
fn lists_that_describe_no_graph_are_refused() {
    let relu = |path, inputs| node(Op::Activation(Activation::Relu), path, inputs);
    let input = || node(Op::Input(Shape::map(8, 6, 6)), "input", vec![]);
    let build = |nodes: Vec<NodeParts>, output| {
        Graph::from_parts(Parts { nodes, output, more_outputs: vec![], auxiliary: vec![] })
            .unwrap_err()
    };
    let cycle = build(vec![input(), relu("a", vec![2]), relu("b", vec![1])], 2);
    assert!(matches!(cycle, GraphError::Cycle { .. }), "{cycle}");
    let unknown = build(vec![input(), relu("a", vec![7])], 1);
    assert!(matches!(unknown, GraphError::UnknownInput { input: 7, .. }), "{unknown}");
    let output = build(vec![input(), relu("a", vec![0])], 7);
    assert!(matches!(output, GraphError::UnknownOutput { output: 7 }), "{output}");
    let twice = build(vec![input(), relu("a", vec![0]), relu("a", vec![1])], 2);
    assert!(matches!(twice, GraphError::DuplicatePath { .. }), "{twice}");
    let unused = build(vec![input(), relu("a", vec![0]), relu("b", vec![0])], 2);
    assert_eq!(unused, GraphError::Unused { path: Path::new("a") });
    let empty = build(vec![], 0);
    assert_eq!(empty, GraphError::Inputs { found: 0 });
    let mut second = input();
    second.node.path = Path::new("second");
    let two = build(vec![input(), second, node(Op::Concat, "c", vec![0, 1])], 2);
    assert_eq!(two, GraphError::Inputs { found: 2 });
    let arity = build(vec![input(), node(Op::Concat, "c", vec![0])], 1);
    assert!(matches!(arity, GraphError::Shape { .. }), "{arity}");

    let mut head = relu("aux1/a", vec![0]);
    head.node.part = Part::Auxiliary(0);
    let reads = build(vec![input(), head, relu("b", vec![1])], 2);
    assert!(matches!(reads, GraphError::ReadsAuxiliary { .. }), "{reads}");
}

/// Three convolutions in a row; the second and third have tensors in common as `share` says.
fn sharing(share: &[(Role, &str)]) -> Result<Graph, GraphError> {
    let mut graph = Graph::new(Shape::map(8, 6, 6), None)?;
    let op = || Op::Conv(Conv { bias: true, ..conv() });
    let mut last = graph.input();
    for path in ["a", "b", "c"] {
        let shared = share.iter().filter(|_| path == "c");
        let shared = Shared::new(shared.map(|&(role, path)| (role, Path::new(path))));
        last = graph.add(NewNode { shared, ..NewNode::new(op(), Path::new(path)) }, &[last])?;
    }
    Ok(graph)
}

#[test]
fn shared_tensors_are_part_of_what_a_network_is() {
    let fingerprint = |share: &[(Role, &str)]| sharing(share).unwrap().fingerprint();
    let all = [
        fingerprint(&[]),
        fingerprint(&[(Role::Weight, "b")]),
        fingerprint(&[(Role::Weight, "a")]),
        fingerprint(&[(Role::Bias, "b")]),
        fingerprint(&[(Role::Weight, "b"), (Role::Bias, "b")]),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{at}");
    }
    // A tensor that one node alone has is not shared, whatever it is called.
    assert_eq!(fingerprint(&[(Role::Weight, "gone")]), fingerprint(&[]));
    let graph = sharing(&[(Role::Weight, "b"), (Role::Bias, "b")]).unwrap();
    assert_eq!(Graph::from_parts(graph.to_parts()).unwrap().fingerprint(), graph.fingerprint());
}

#[test]
fn only_tensors_that_fit_are_shared() {
    let error = sharing(&[(Role::Mean, "b")]).unwrap_err().to_string();
    assert!(error.contains("cannot share the tensor `b.running_mean`"), "{error}");
    let mut graph = sharing(&[]).unwrap();
    let wide = Op::Conv(Conv { out_channels: 16, ..conv() });
    let shared = Shared::new([(Role::Weight, Path::new("a"))]);
    let node = NewNode { shared, ..NewNode::new(wide.clone(), Path::new("wide")) };
    let error = graph.add(node, &[graph.input()]).unwrap_err().to_string();
    assert!(error.contains("it needs [16, 8, 3, 3], found [8, 8, 3, 3]"), "{error}");
    // The name of a shared tensor is taken, whoever had it first.
    let mut graph = sharing(&[(Role::Weight, "later")]).unwrap();
    let error = graph.add(NewNode::new(wide, Path::new("later")), &[graph.input()]).unwrap_err();
    assert!(matches!(error, GraphError::SharedTensor { .. }), "{error}");
}

#[test]
fn a_shared_kernel_takes_no_normalisation_in() {
    let mut graph = sharing(&[(Role::Weight, "b")]).unwrap();
    let mut last = graph.output();
    let norm = Op::BatchNorm(BatchNorm { eps: 1e-3, scale: true, center: true });
    for (op, path) in [(norm.clone(), "c/bn"), (Op::Conv(conv()), "d"), (norm, "d/bn")] {
        last = graph.add(NewNode::new(op, Path::new(path)), &[last]).unwrap();
    }
    let (_, folds) = passes::fold_batch_norm(&graph);
    let folded: Vec<&str> = folds.iter().map(|fold| graph.node(fold.layer).path.as_str()).collect();
    assert_eq!(folded, ["d"]);
}

#[test]
fn paths_have_a_limit() {
    let mut graph = Graph::new(Shape::map(8, 6, 6), None).unwrap();
    let relu = |depth: usize| {
        let path = vec!["a"; depth].join("/");
        NewNode::new(Op::Activation(Activation::Relu), Path::new(&path))
    };
    graph.add(relu(Path::MAX_DEPTH), &[graph.input()]).unwrap();
    let error = graph.add(relu(Path::MAX_DEPTH + 1), &[graph.input()]).unwrap_err();
    assert_eq!(error.to_string(), "a node's path has more than 128 segments: `a/a/a/a/...`");
}
