//! Counts that can be had in two ways are equal, on every shipped network; rules on a small one.

use std::path::Path as FilePath;

use crate::common::{names, network};
use inceptive_cost::{Change, Cost, Mode, Totals, by_module, by_op, diff};
use inceptive_dsl::{Memory, load};
use inceptive_ir::{Graph, Op, Part, passes};

fn all_networks() -> Vec<(String, Graph)> {
    names().into_iter().map(|name| (name.clone(), network(&name))).collect()
}

fn parsed(yaml: &str) -> Graph {
    let files = Memory::default().with("network.yaml", yaml);
    match load(&files, FilePath::new("network.yaml"), &[]) {
        Ok(loaded) => loaded.architecture.graph,
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn graphs_are_valid() {
    for (name, graph) in all_networks() {
        assert_eq!(graph.validate(), Ok(()), "{name}");
    }
}

#[test]
fn parts_add_up_to_the_whole() {
    for (name, graph) in all_networks() {
        for mode in [Mode::Inference, Mode::Training] {
            let cost = Cost::new(&graph, mode);
            let ops: Totals = by_op(&graph, &cost).iter().map(|op| op.totals).sum();
            assert_eq!(ops, cost.total, "{name} by op");
            for depth in 0..5 {
                let modules = by_module(&graph, &cost, depth);
                let sum: Totals = modules.iter().map(|module| module.totals).sum();
                assert_eq!(sum, cost.total, "{name} by module at depth {depth}");
                let fits = |part: u64, whole: u64| part <= whole;
                assert!(modules.iter().all(|m| fits(m.totals.macs, m.parent.macs)), "{name}");
            }
        }
    }
}

#[test]
fn a_batch_multiplies_everything_but_the_weights() {
    for (name, graph) in all_networks() {
        let one = Cost::new(&graph, Mode::Inference);
        let many = one.clone().scaled(8).unwrap();
        let (a, b) = (one.total, many.total);
        assert_eq!((a.params, a.buffers, a.weight_bytes), (b.params, b.buffers, b.weight_bytes));
        assert_eq!((8 * a.macs, 8 * a.flops, 8 * a.acts), (b.macs, b.flops, b.acts), "{name}");
        assert_eq!(8 * one.peak.bytes, many.peak.bytes, "{name}");
        let weights = 4 * (a.params + a.buffers);
        assert_eq!(8 * (a.moved_bytes - weights) + weights, b.moved_bytes, "{name}");
        assert_eq!(one.clone().scaled(1), Ok(one.clone()));
        assert!(one.scaled(u32::MAX).is_err(), "{name}");
    }
}

/// The peak found by asking for each moment which results somebody still needs.
fn slow_peak(graph: &Graph, mode: Mode) -> u64 {
    let runs = |part| mode == Mode::Training || part == Part::Main;
    let ids: Vec<_> = graph.ids().filter(|&id| runs(graph.node(id).part)).collect();
    let is_view = |id| match graph.node(id).op {
        Op::Flatten => true,
        Op::Dropout { .. } => mode == Mode::Inference,
        _ => false,
    };
    let heads = graph.auxiliary().iter().map(|head| head.output).filter(|_| mode == Mode::Training);
    let results: Vec<_> = heads.chain(graph.outputs()).collect();
    // Whether some node after `now`, or the end, reads a result or a view of it.
    fn needed(
        graph: &Graph,
        id: inceptive_ir::NodeId,
        now: usize,
        results: &[inceptive_ir::NodeId],
        is_view: &impl Fn(inceptive_ir::NodeId) -> bool,
        runs: &impl Fn(Part) -> bool,
    ) -> bool {
        results.contains(&id)
            || graph.consumers(id).into_iter().filter(|&c| runs(graph.node(c).part)).any(|c| {
                c.index() >= now || (is_view(c) && needed(graph, c, now, results, is_view, runs))
            })
    }
    let bytes = |id| if is_view(id) { 0 } else { 4 * graph.node(id).shape.elements() };
    let at = |now: usize| -> u64 {
        let so_far = ids.iter().filter(|id| id.index() <= now);
        so_far
            .filter(|&&id| id.index() == now || needed(graph, id, now, &results, &is_view, &runs))
            .map(|&id| bytes(id))
            .sum()
    };
    ids.iter().map(|id| at(id.index())).max().unwrap()
}

#[test]
fn the_peak_is_what_a_slow_search_finds() {
    for (name, graph) in all_networks() {
        for mode in [Mode::Inference, Mode::Training] {
            let cost = Cost::new(&graph, mode);
            assert_eq!(cost.peak.bytes, slow_peak(&graph, mode), "{name} in {}", mode.name());
            let live: u64 =
                cost.peak.live.iter().map(|&id| cost.get(id).unwrap().activation_bytes).sum();
            assert_eq!(live, cost.peak.bytes, "{name}");
        }
    }
}

#[test]
fn deployment_and_folding_keep_the_macs() {
    for (name, graph) in all_networks() {
        let deployed = passes::inference(&graph).unwrap();
        let (rewrite, folds) = passes::fold_batch_norm(&deployed);
        let folded = deployed.apply(&rewrite).unwrap();
        let macs = |graph| Cost::new(graph, Mode::Inference).total.macs;
        assert_eq!(macs(&graph), macs(&deployed), "{name}");
        assert_eq!(macs(&graph), macs(&folded), "{name}");
        assert_eq!(folded.len() + folds.len(), deployed.len(), "{name}");
    }
}

const SMALL: &str = "
name: Small
input: {channels: 4, size: 8}
classes: 10
body:
  - conv a: {kernel: 3, width: 6, bias: true, act: relu6}
  - lrn: {size: 5}
  - parallel p:
      branches:
        x: [conv: {kernel: 1, width: 6, norm: bn, act: silu}]
        y: [avgpool: {kernel: 3, stride: 1}]
        z: []
      join: add
      scale: {x: 0.5}
  - maxpool: {kernel: 2, stride: 2}
tail: {gap: {dropout: 0.5, softmax: true}}
";

#[test]
fn flops_by_the_rules() {
    let graph = parsed(SMALL);
    let flops = |path: &str, mode| {
        let id = graph.find(&inceptive_ir::Path::new(path));
        let id = id.unwrap_or_else(|| panic!("{path}"));
        Cost::new(&graph, mode).get(id).unwrap().flops
    };
    let map = 6 * 8 * 8;
    for (path, expected) in [
        ("input", 0),
        ("a", 2 * map * 36 + map),
        ("a/relu6", 2 * map),
        ("lrn", 13 * map),
        ("p/x/conv", 2 * map * 6),
        ("p/x/conv/bn", 2 * map),
        ("p/x/conv/silu", 5 * map),
        ("p/y/avgpool", 9 * map),
        ("p/add", 3 * map),
        ("maxpool", 3 * 6 * 4 * 4),
        ("tail/pool", 6 * 16),
        ("tail/flatten", 0),
        ("tail/dropout", 0),
        ("tail/classifier", 2 * 60 + 10),
        ("tail/softmax", 48),
    ] {
        assert_eq!(flops(path, Mode::Inference), expected, "{path}");
    }
    assert_eq!(flops("tail/dropout", Mode::Training), 12);
}

#[test]
fn bytes_by_hand() {
    let graph = parsed(SMALL);
    let cost = Cost::new(&graph, Mode::Inference);
    let at = |path: &str| cost.get(graph.find(&inceptive_ir::Path::new(path)).unwrap()).unwrap();
    let map = 6 * 8 * 8;
    assert_eq!(at("input").activation_bytes, 4 * 4 * 64);
    assert_eq!(at("input").moved_bytes, 0);
    assert_eq!(at("a").moved_bytes, 4 * (4 * 64 + 4 * 9 * 6 + 6 + map));
    assert_eq!(at("p/x/conv/bn").moved_bytes, 4 * (2 * map + 4 * 6));
    assert_eq!(at("p/add").moved_bytes, 4 * 4 * map);
    assert_eq!(at("tail/flatten").activation_bytes, 0);
    assert_eq!(at("tail/dropout").moved_bytes, 0);
    // Shortcut, scaled branch and average while the sum is made.
    assert_eq!(cost.peak.bytes, 4 * 4 * map);
    assert_eq!(graph.node(cost.peak.at).path.as_str(), "p/add");
    assert_eq!(cost.receptive_field.size, Some(inceptive_ir::Size::square(6)));
    assert_eq!(cost.receptive_field.stride, Some(inceptive_ir::Size::square(2)));
}

#[test]
fn a_network_does_not_differ_from_itself() {
    for (name, graph) in all_networks() {
        let same = diff(&graph, &graph, Mode::Training, 1);
        assert!(same.same_structure, "{name}");
        assert!(same.nodes.is_empty() && same.modules.is_empty(), "{name}");
        assert_eq!(same.totals[0], same.totals[1]);
    }
}

#[test]
fn a_diff_names_what_changed_and_what_follows() {
    let a = parsed(SMALL);
    let wider = SMALL.replace("x: [conv: {kernel: 1, width: 6,", "x: [conv: {kernel: 3, width: 6,");
    let b = parsed(&wider.replace("  - maxpool: {kernel: 2, stride: 2}\n", "  - relu last\n"));
    let diff = diff(&a, &b, Mode::Inference, 1);
    let summary: Vec<String> = diff
        .nodes
        .iter()
        .map(|node| {
            let word = match node.change {
                Change::Added(_) => "added",
                Change::Removed(_) => "removed",
                Change::Changed(..) => "changed",
            };
            let names: Vec<&str> = node.attributes().iter().map(|change| change.name).collect();
            format!("{} {word} {}", node.path, names.join(" "))
        })
        .collect();
    let expected =
        ["p/x/conv changed kernel pad", "maxpool removed ", "tail/pool changed ", "last added "];
    assert_eq!(summary, expected);
    let modules: Vec<&str> = diff.modules.iter().map(|module| module.path.as_str()).collect();
    assert_eq!(modules, ["p", "maxpool", "tail", "last"]);
    assert!(!diff.same_structure);
}

#[test]
fn what_only_stands_beside_a_change_is_told_apart_from_other_wiring() {
    let a = parsed(SMALL);
    let lrn = "  - lrn: {size: 5}\n";
    let changed = |text: &str| {
        let of = |is: bool| move |node: &&inceptive_cost::NodeChange| node.is_consequence() == is;
        let nodes = diff(&a, &parsed(text), Mode::Inference, 1).nodes;
        [true, false].map(|is| {
            let paths = nodes.iter().filter(of(is)).map(|node| node.path.to_string());
            paths.collect::<Vec<String>>().join(" ")
        })
    };
    let readers = "p/x/conv p/y/avgpool p/add";
    assert_eq!(changed(&SMALL.replace(lrn, "")), [readers, "lrn"]);
    assert_eq!(changed(&SMALL.replace("- lrn:", "- lrn n:")), [readers, "lrn n"]);
    // Moved behind the branches it is in both, and everything around it reads something else.
    let moved = SMALL.replace(lrn, "").replace("  - maxpool", &format!("{lrn}  - maxpool"));
    assert_eq!(changed(&moved), ["", "lrn p/x/conv p/y/avgpool p/add maxpool"]);
    // Something else changes as well.
    let wider =
        SMALL.replace(lrn, "").replace("y: [avgpool: {kernel: 3", "y: [avgpool: {kernel: 5");
    assert_eq!(changed(&wider), ["p/x/conv p/add", "lrn p/y/avgpool"]);
}
