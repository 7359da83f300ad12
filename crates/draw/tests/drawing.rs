//! Drawings as text.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use inceptive_draw::{
    Arrangement, DrawError, Flow, Open, Repeats, Scene, dot, head_path, mermaid, modules, node_at,
    svg,
};
use inceptive_dsl::{Disk, load};
use inceptive_ir::{Activation, Graph, NewNode, Op, Path as NodePath, Shape};

fn network(name: &str) -> Graph {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
    load(&Disk, &folder.join(name), &[]).unwrap().architecture.graph
}

#[test]
fn graphviz() {
    insta::assert_snapshot!(dot(&network("module-reduced.yaml"), &Open::above(None)).text);
}

#[test]
fn graphviz_of_closed_modules() {
    insta::assert_snapshot!(dot(&network("googlenet.yaml"), &Open::above(Some(1))).text);
}

#[test]
fn mermaid_flowchart() {
    insta::assert_snapshot!(mermaid(&network("module-reduced.yaml"), &Open::above(Some(2))).text);
}

#[test]
fn picture() {
    insta::assert_snapshot!(
        svg(&network("module-reduced.yaml"), &Open::above(Some(2))).unwrap().text
    );
}

#[test]
fn the_same_network_gives_the_same_picture() {
    let graph = network("inception-v3.yaml");
    for depth in [Some(1), Some(2), None] {
        assert_eq!(
            svg(&graph, &Open::above(depth)).unwrap(),
            svg(&graph, &Open::above(depth)).unwrap()
        );
        assert_eq!(dot(&graph, &Open::above(depth)), dot(&graph, &Open::above(depth)));
        assert_eq!(mermaid(&graph, &Open::above(depth)), mermaid(&graph, &Open::above(depth)));
    }
}

#[test]
fn names_cannot_become_markup() {
    let names = [
        "\"]; evil [label=\"",
        "<script>alert(1)</script>",
        "a\\",
        "a\nb\u{0}\u{1b}[31m",
        "\u{202e}gnp.exe",
        "</title></svg>",
        "网络层/شبكة/🧠",
    ];
    let mut graph = Graph::new(Shape::map(3, 4, 4), None).unwrap();
    let mut last = graph.input();
    for name in names {
        let node = NewNode::new(Op::Activation(Activation::Relu), NodePath::new(name));
        last = graph.add(node, &[last]).unwrap();
    }
    for depth in [Some(1), None] {
        let picture = svg(&graph, &Open::above(depth)).unwrap().text;
        let document = roxmltree::Document::parse(&picture).unwrap();
        assert_eq!(document.descendants().filter(|node| node.has_tag_name("script")).count(), 0);
        let cards = document.descendants().filter(|node| node.attribute("class") == Some("card"));
        assert_eq!(cards.count(), names.len() + 1);
        let text = dot(&graph, &Open::above(depth)).text;
        assert!(!text.contains("evil [label=\""), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{0}', '\u{202e}']), "{text}");
        let text = mermaid(&graph, &Open::above(depth)).text;
        assert!(!text.contains("<script>") && !text.contains("\"];"), "{text}");
    }
}

#[test]
fn pictures_are_xml_with_text_that_fits() {
    for name in ["googlenet.yaml", "xception.yaml", "squeezenet1_1.yaml"] {
        let picture = svg(&network(name), &Open::above(Some(2))).unwrap().text;
        let document = roxmltree::Document::parse(&picture).unwrap();
        let root = document.root_element();
        let size = |name: &str| root.attribute(name).unwrap().parse::<f64>().unwrap();
        assert_eq!(
            root.attribute("viewBox").unwrap(),
            format!("0 0 {} {}", size("width"), size("height"))
        );
        let heads = document
            .descendants()
            .filter(|node| node.attribute("stroke-dasharray").is_some())
            .count();
        assert_eq!(heads > 0, name == "googlenet.yaml", "{name}: {heads} dashed");
    }
}

/// `steps` activations, each reading the one before it.
fn chain(steps: usize) -> Graph {
    let mut graph = Graph::new(Shape::map(3, 8, 8), None).unwrap();
    let mut last = graph.input();
    for step in 0..steps {
        let path = NodePath::new(&format!("relu-{step}"));
        last = graph.add(NewNode::new(Op::Activation(Activation::Relu), path), &[last]).unwrap();
    }
    graph.set_output(last);
    graph
}

#[test]
fn a_deep_network_is_drawn() {
    let scene = Scene::new(&chain(5_000), &Open::All).unwrap();
    assert_eq!(scene.cards.len(), 5_001);
    assert!(scene.cards.windows(2).all(|pair| pair[0].rect.y < pair[1].rect.y));
}

#[test]
fn a_layout_stops_before_the_next_module() {
    let mut graph = Graph::new(Shape::map(3, 8, 8), None).unwrap();
    let mut last = graph.input();
    for step in 0..40 {
        let path = NodePath::new(&format!("module-{}/relu-{step}", step / 2));
        last = graph.add(NewNode::new(Op::Activation(Activation::Relu), path), &[last]).unwrap();
    }
    graph.set_output(last);
    let asked = AtomicUsize::new(0);
    let scene =
        Scene::unless_stopped(&graph, &Open::All, &|| asked.fetch_add(1, Ordering::Relaxed) == 3);
    assert_eq!(scene, Err(DrawError::Stopped));
    assert_eq!(asked.into_inner(), 4, "nothing is laid out after it");
    assert_eq!(Scene::new(&graph, &Open::All).unwrap().frames.len(), 20);
}

#[test]
fn too_much_in_one_module_is_an_error() {
    let error = Scene::new(&chain(24_000), &Open::All).unwrap_err();
    assert!(matches!(error, DrawError::TooMany { blocks: 24_001, .. }), "{error:?}");
    assert!(error.to_string().contains("fewer levels"), "{error}");
    assert!(Scene::new(&chain(24_000), &Open::Above(0)).is_ok());
}

/// `modules` modules of `steps` activations each, all of which are read by one concatenation.
fn wide(modules: usize, steps: usize) -> Graph {
    let mut graph = Graph::new(Shape::map(1, 1, 1), None).unwrap();
    let mut ends = Vec::new();
    for module in 0..modules {
        for step in 0..steps {
            let path = NodePath::new(&format!("m{module}/relu-{step}"));
            let relu = NewNode::new(Op::Activation(Activation::Relu), path);
            ends.push(graph.add(relu, &[graph.input()]).unwrap());
        }
    }
    graph.add(NewNode::new(Op::Concat, NodePath::new("concat")), &ends).unwrap();
    graph
}

#[test]
fn what_is_too_large_is_drawn_simpler_and_says_so() {
    let flat = chain(24_000);
    for drawing in
        [svg(&flat, &Open::All).unwrap(), dot(&flat, &Open::All), mermaid(&flat, &Open::All)]
    {
        let simplified = drawing.simplified.unwrap();
        assert_eq!((simplified.blocks, simplified.depth), (24_001, 0));
        assert!(simplified.to_string().contains("the network is one box"), "{simplified}");
        assert!(drawing.text.len() < 4_000, "{}", drawing.text.len());
    }
    let nested = wide(30, 1_000);
    for drawing in [dot(&nested, &Open::All), mermaid(&nested, &Open::All)] {
        let simplified = drawing.simplified.unwrap();
        assert_eq!((simplified.blocks, simplified.lines, simplified.depth), (30_002, 60_000, 1));
        assert!(simplified.to_string().contains("as with --depth 1"), "{simplified}");
    }
    assert_eq!(dot(&nested, &Open::Above(1)).simplified, None);
}

#[test]
fn lines_that_keep_ports_at_the_border_count_too() {
    // Every one of 1,000 steps gives something to the outside and reads nothing inside: a million lines.
    let error = Scene::new(&wide(2, 1_000), &Open::All).unwrap_err();
    assert!(matches!(error, DrawError::TooMany { .. }), "{error:?}");
    assert_eq!(svg(&wide(2, 1_000), &Open::All).unwrap().simplified.unwrap().depth, 1);
}

/// Rows are laid out in a time that grows with the square of their width.
#[test]
fn a_wide_row_is_too_much() {
    let error = Scene::new(&wide(1_600, 1), &Open::All).unwrap_err();
    let is_wide = matches!(error, DrawError::TooMany { blocks: 1_602, widest: 1_600, .. });
    assert!(is_wide, "{error:?}");
    assert!(error.to_string().contains("too large to draw"), "{error}");
    assert_eq!(svg(&wide(1_600, 1), &Open::All).unwrap().simplified.unwrap().depth, 0);
    assert_eq!(svg(&wide(400, 1), &Open::All).unwrap().simplified, None);
}

#[test]
fn modules_with_one_thing_inside_dissolve_in_any_number() {
    let graph = wide(15_000, 1);
    let drawing = dot(&graph, &Open::All);
    assert_eq!(drawing.simplified, None);
    assert!(!drawing.text.contains("subgraph"));
}

/// Each module fits, and all of them together would take minutes.
#[test]
fn many_large_modules_are_too_much_together() {
    let mut graph = Graph::new(Shape::map(1, 1, 1), None).unwrap();
    for step in 0..24_000 {
        let path = NodePath::new(&format!("m{}/relu-{step}", step / 6_000));
        let relu = NewNode::new(Op::Activation(Activation::Relu), path);
        graph.add(relu, &[graph.output()]).unwrap();
    }
    let error = Scene::new(&graph, &Open::All).unwrap_err();
    assert!(matches!(&error, DrawError::TooMany { module, .. } if module.is_root()), "{error:?}");
    assert_eq!(svg(&graph, &Open::All).unwrap().simplified.unwrap().depth, 1);
}

fn arranged(graph: &Graph, arrangement: &Arrangement) -> Scene {
    Scene::arranged(graph, arrangement, &|| false).unwrap()
}

/// Everything open, repeated modules once.
fn once(except: &[&str]) -> Arrangement {
    let apart = except.iter().map(|path| NodePath::new(path)).collect();
    Arrangement { repeats: Repeats::OnceExcept(apart), ..Arrangement::plain(Open::All) }
}

#[test]
fn repeated_modules_are_drawn_once() {
    let graph = network("inception-resnet-v2.yaml");
    let each = arranged(&graph, &Arrangement::plain(Open::All));
    let scene = arranged(&graph, &once(&[]));
    let counts: Vec<usize> = scene.repeats.iter().map(|repeat| repeat.members.len()).collect();
    assert_eq!(counts, [10, 20, 9]);
    assert_eq!(scene.repeats[2].to_string(), "inception-c/1 to 9");
    assert!(scene.cards.len() * 3 < each.cards.len(), "{}", scene.cards.len());
    let titles: Vec<&str> = scene.frames.iter().map(|frame| frame.title.as_str()).collect();
    assert!(titles.contains(&"inception-c/1 to 9, x 9"), "{titles:?}");
    // Every node is in one card.
    let nodes: usize = scene.cards.iter().map(|card| card.nodes.len()).sum();
    assert_eq!(nodes, graph.len());
    let inner = scene.cards.iter().find(|card| card.path.as_str().starts_with("inception-c/1/"));
    let inner = inner.unwrap();
    assert!(inner.times == 9 && inner.tooltip.contains("9 times"), "{}", inner.tooltip);
    // One repeat is opened; the others stay.
    let apart = arranged(&graph, &once(&["inception-c/1/inception-resnet-c"]));
    let is_last = |path: &NodePath| path.as_str() == "inception-c/9/inception-resnet-c";
    assert!(apart.frames.iter().any(|frame| is_last(&frame.path)));
    assert!(apart.cards.len() > scene.cards.len() && apart.cards.len() < each.cards.len());
    let open = Open::These([NodePath::new("inception-c")].into());
    let scene = arranged(&graph, &Arrangement { open, ..once(&[]) });
    let card = scene.cards.iter().find(|card| card.title == "inception-c/1 to 9").unwrap();
    assert!(card.detail.starts_with("x 9: ") && card.is_module && card.times == 9, "{card:?}");
}

#[test]
fn modules_that_differ_are_drawn_each() {
    // The first module of a stage of ResNet has other input channels and a stride.
    let scene = arranged(&network("resnet50.yaml"), &once(&[]));
    let counts: Vec<usize> = scene.repeats.iter().map(|repeat| repeat.members.len()).collect();
    assert_eq!(counts, [2, 3, 5, 2]);
    for name in ["densenet121.yaml", "googlenet.yaml", "vgg16.yaml"] {
        assert!(arranged(&network(name), &once(&[])).repeats.is_empty());
    }
}

#[test]
fn a_step_opens_into_its_nodes() {
    let graph = network("googlenet-bn.yaml");
    let scene = |open: &[&str]| {
        let open = Open::These(open.iter().map(|path| NodePath::new(path)).collect());
        arranged(&graph, &Arrangement::plain(open))
    };
    let closed = scene(&["3a"]);
    let step = closed.cards.iter().find(|card| card.path.as_str() == "3a/1x1/conv").unwrap();
    assert!(step.is_fused && step.opens() && step.nodes.len() == 3);
    let open = scene(&["3a", "3a/1x1/conv"]);
    assert!(open.frames.iter().any(|frame| frame.path.as_str() == "3a/1x1/conv"));
    let parts = open.cards.iter().filter(|card| card.path.as_str().starts_with("3a/1x1/"));
    let parts: Vec<&str> = parts.map(|card| card.path.as_str()).collect();
    assert_eq!(parts, ["3a/1x1/conv/conv", "3a/1x1/conv/bn", "3a/1x1/conv/relu"]);
    let head = graph.find(&NodePath::new("3a/1x1/conv")).unwrap();
    assert_eq!(node_at(&graph, &head_path(&graph, head)), Some(head));
    assert_eq!(node_at(&graph, &NodePath::new("3a")), None);
}

/// The children of a module by row, as they follow each other, whether they are open or closed.
fn order(scene: &Scene, siblings: &[NodePath]) -> Vec<NodePath> {
    let place = |path: &NodePath| {
        let cards = scene.cards.iter().map(|card| (&card.path, card.rect));
        let mut all = cards.chain(scene.frames.iter().map(|frame| (&frame.path, frame.rect)));
        all.find(|(known, _)| *known == path).map(|(_, rect)| rect.x + rect.width / 2.0)
    };
    let mut placed: Vec<(f64, &NodePath)> =
        siblings.iter().filter_map(|path| Some((place(path)?, path))).collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed.into_iter().map(|(_, path)| path.clone()).collect()
}

/// Modules beside each other: branches, each a module of its own.
fn branches() -> Graph {
    let mut graph = Graph::new(Shape::map(3, 8, 8), None).unwrap();
    let relu = |graph: &mut Graph, path: &str, from| {
        let node = NewNode::new(Op::Activation(Activation::Relu), NodePath::new(path));
        graph.add(node, &[from]).unwrap()
    };
    let mut last = graph.input();
    for module in ["m", "n"] {
        let mut ends = Vec::new();
        for branch in ["a", "b", "c", "d"] {
            let first = relu(&mut graph, &format!("{module}/{branch}/1"), last);
            ends.push(relu(&mut graph, &format!("{module}/{branch}/2"), first));
        }
        let concat = NewNode::new(Op::Concat, NodePath::new(&format!("{module}/concat")));
        last = graph.add(concat, &ends).unwrap();
    }
    graph.set_output(last);
    graph
}

#[test]
fn branches_keep_their_order_when_one_is_opened() {
    let graph = branches();
    let branches: Vec<NodePath> = ["m/a", "m/b", "m/c", "m/d"].map(NodePath::new).to_vec();
    let around: BTreeSet<NodePath> = ["m", "n"].map(NodePath::new).into();
    for opened in 0..16_u32 {
        let chosen = (0..4).filter(|branch| opened >> branch & 1 == 1);
        let open = around.iter().cloned().chain(chosen.map(|branch| branches[branch].clone()));
        let scene = Scene::new(&graph, &Open::These(open.collect())).unwrap();
        assert_eq!(order(&scene, &branches), branches, "{opened:b}");
    }
    // The four branches of GoogLeNet's modules, as in the paper's figure.
    let graph = network("googlenet.yaml");
    for module in modules(&graph).iter().filter(|path| path.depth() == 1) {
        let closed = Scene::new(&graph, &Open::These([module.clone()].into())).unwrap();
        let first = |scene: &Scene| {
            let steps = ["1x1", "3x3", "5x5", "pool"].map(|name| module.join(name));
            order(scene, &steps)
        };
        let open = Scene::new(&graph, &Open::All).unwrap();
        assert_eq!(first(&closed), first(&open), "{module}");
    }
}

#[test]
fn a_long_network_is_folded_to_the_shape_of_a_window() {
    for (graph, name) in [
        (network("inception-resnet-v2.yaml"), "inception-resnet-v2"),
        (network("densenet121.yaml"), "densenet121"),
        (network("vgg16.yaml"), "vgg16"),
        (chain(5_000), "5,000 nodes"),
    ] {
        let flow = Flow::Columns { width: 3, height: 2 };
        let folded = arranged(&graph, &Arrangement { flow, ..Arrangement::plain(Open::All) });
        let shape = folded.width / folded.height;
        assert!((0.75..3.0).contains(&shape), "{name}: {} x {}", folded.width, folded.height);
        let right = Arrangement { flow: Flow::Right, ..Arrangement::plain(Open::All) };
        let right = arranged(&graph, &right);
        assert!(right.width > right.height, "{name}");
        assert_eq!(right.cards.len(), folded.cards.len());
    }
}
