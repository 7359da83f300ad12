//! Steps that name what they read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fmt::Write, path::Path as FilePath};

use inceptive_dsl::{Memory, Setting, check, load, load_space, trace};
use inceptive_ir::{Graph, Path};
use proptest::prelude::*;

/// A network with these blocks and this body; `params` are those of the file.
fn file(params: &str, blocks: &str, body: &str) -> String {
    format!(
        "name: x\ninput: {{channels: 8, size: 8}}\nclasses: 4\nparams: {{{params}}}\nblocks: {{{blocks}}}\nbody:\n{body}tail: []\n"
    )
}

fn load_with(text: &str, settings: &[&str]) -> Result<Graph, String> {
    let files = Memory::default().with("n.yaml", text);
    let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
    let loaded = load(&files, FilePath::new("n.yaml"), &settings).map_err(|it| it.to_string())?;
    assert_eq!(loaded.architecture.graph.validate(), Ok(()), "{text}");
    Ok(loaded.architecture.graph)
}

fn graph(text: &str) -> Graph {
    load_with(text, &[]).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Every node with what it reads.
fn edges(graph: &Graph) -> String {
    let mut text = String::new();
    for (id, node) in graph.nodes() {
        let inputs = graph.inputs(id).into_iter().map(|input| graph.node(input).path.to_string());
        write!(text, "{}({}) ", node.path, inputs.collect::<Vec<_>>().join(" ")).unwrap();
    }
    text.trim_end().to_owned()
}

#[track_caller]
fn expect(params: &str, blocks: &str, body: &str, wanted: &str) {
    assert_eq!(edges(&graph(&file(params, blocks, body))), wanted);
}

#[test]
fn a_result_may_feed_several_steps() {
    expect(
        "",
        "",
        "  - relu a\n  - sigmoid b: {from: in}\n  - add c: {from: [a, b]}\n  - silu d: {from: a}\n  - concat: {from: [b, c, d, in]}\n",
        "input() a(input) b(input) c(a b) d(a) concat(b c d input)",
    );
    // One alone stays as it is, and a result may be read twice.
    expect(
        "",
        "",
        "  - relu a\n  - add b: {from: a}\n  - add c: {from: [b, b]}\n  - identity d\n  - multiply: {from: [a, d]}\n",
        "input() a(input) c(a a) multiply(a c)",
    );
    expect(
        "",
        "",
        "  - relu a\n  - add: {from: [in, a], scale: {a: 0.5}}\n",
        "input() a(input) add(input a)",
    );
}

#[test]
fn lists_inside_see_the_names_outside() {
    expect(
        "",
        "",
        "  - relu a\n  - group g:\n      - silu b\n      - parallel p:\n          branches: {x: [sigmoid c: {from: a}], y: [relu d]}\n          join: add\n          \
         then: [concat: {from: [add, in, a]}]\n  - concat: {from: [in, g/p/y, g, input]}\n",
        "input() a(input) g/b(a) g/p/x/c(a) g/p/y/d(g/b) g/p/add(g/p/x/c g/p/y/d) \
         g/p/concat(g/p/add g/b a) concat(input g/p/y/d g/p/concat input)",
    );
    // The nearest one counts.
    expect(
        "",
        "",
        "  - relu a\n  - group g: [silu a, sigmoid b, add: {from: [a, b]}]\n  - add: {from: [g, g/b]}\n",
        "input() a(input) g/a(a) g/b(g/a) g/add(g/a g/b) add(g/add g/b)",
    );
    // Steps of a condition are steps of the list around it.
    expect(
        "p: 1",
        "",
        "  - relu a\n  - if: {cond: $p == 1, then: [silu b: {from: in}], else: [sigmoid b]}\n  - add: {from: [a, b]}\n",
        "input() a(input) b(input) add(a b)",
    );
}

#[test]
fn absent_inputs_are_left_out_of_joins() {
    let cell = "c: {params: {x, y, z}, steps: [$x a: {from: in, functional: true}, $y b: {from: a}, $z d: {from: in}, add e: {from: [b, d]}, silu]}";
    let check = |x: &str, y: &str, z: &str, wanted: &str| {
        let body = format!("  - c: {{x: {x}, y: {y}, z: {z}}}\n  - sigmoid\n");
        expect("", cell, &body, wanted);
    };
    check(
        "relu",
        "sigmoid",
        "relu6",
        "input() c/a(input) c/b(c/a) c/d(input) c/e(c/b c/d) c/silu(c/e) sigmoid(c/silu)",
    );
    check("relu", "none", "relu6", "input() c/d(input) c/silu(c/d) sigmoid(c/silu)");
    check("none", "sigmoid", "relu6", "input() c/d(input) c/silu(c/d) sigmoid(c/silu)");
    check("identity", "none", "skip", "input() c/silu(input) sigmoid(c/silu)");
    check("identity", "skip", "skip", "input() c/e(input input) c/silu(c/e) sigmoid(c/silu)");
    check("relu", "sigmoid", "none", "input() c/a(input) c/b(c/a) c/silu(c/b) sigmoid(c/silu)");
    let body = "  - c: {x: none, y: relu, z: none}\n  - sigmoid\n";
    let failure = load_with(&file("", cell, body), &[]).unwrap_err();
    assert!(failure.contains("E508"), "{failure}");
}

#[test]
fn branches_and_repetitions_may_be_absent() {
    let body = |kind: &str| {
        format!(
            "  - parallel: {{branches: {{a: [{kind} x, repeat: {{count: 2, steps: [relu]}}], b: [silu]}}}}\n"
        )
    };
    expect("", "", &body("none"), "input() parallel/b/silu(input)");
    expect(
        "",
        "",
        &body("identity"),
        "input() parallel/a/repeat/1/relu(input) parallel/a/repeat/2/relu(parallel/a/repeat/1/relu) \
         parallel/b/silu(input) parallel/concat(parallel/a/repeat/2/relu parallel/b/silu)",
    );
    // A factor of a sum that is none any more would be lost.
    let text = file(
        "",
        "",
        "  - parallel: {branches: {a: [none], b: [relu]}, join: add, scale: {b: 0.5}}\n",
    );
    assert!(load_with(&text, &[]).unwrap_err().contains("E507"));
}

#[test]
fn what_is_left_out_can_be_set_and_is_no_setting() {
    let text = file(
        "op: none",
        "",
        "  - $op a\n  - conv b: {kernel: 1, width: 8}\n  - relu c: {from: in}\n  - concat: {from: [b, c]}\n",
    ) + "set: {b: {width: 16}, a: {width: 3}}\n";
    assert_eq!(edges(&graph(&text)), "input() c(input)");
    let there = load_with(&text, &["op=identity"]).unwrap();
    assert_eq!(edges(&there), "input() b(input) b/relu(b) c(input) concat(b/relu c)");
    assert_eq!(there.node(there.find(&Path::new("b")).unwrap()).shape.channels(), 16);
    let numbers = |op: &str| {
        let text = text.replace("op: none", &format!("op: {op}"));
        let files = Memory::default().with("n.yaml", text.split("set:").next().unwrap());
        let found = inceptive_dsl::settables(&files, FilePath::new("n.yaml")).unwrap();
        found.values.into_iter().map(|it| it.key).collect::<Vec<String>>()
    };
    assert_eq!(numbers("identity"), ["b.width"]);
    assert_eq!(numbers("none"), Vec::<String>::new());
}

#[test]
fn a_head_after_an_absent_step_is_left_out() {
    let text = file(
        "op: relu",
        "",
        "  - $op a: {from: in}\n  - silu b: {from: in}\n  - add: {from: [a, b]}\n",
    ) + "auxiliary: [{name: h, after: a, steps: [gap, flatten, linear: {width: 2}]}]\n";
    let files = Memory::default().with("n.yaml", text);
    let heads = |op: &str| {
        let setting = format!("op={op}").parse().unwrap();
        let loaded = load(&files, FilePath::new("n.yaml"), &[setting]).unwrap();
        let graph = &loaded.architecture.graph;
        assert_eq!(graph.validate(), Ok(()));
        (graph.auxiliary().len(), loaded.architecture.unfit_heads.len())
    };
    assert_eq!((heads("relu"), heads("none")), ((1, 0), (0, 1)));
}

/// A cell that joins the results of the two cells before it.
const CELL: &str =
    "cell: {inputs: [h, p], steps: [relu a: {from: h}, silu b: {from: p}, add: {from: [a, b]}]}";

#[test]
fn repetitions_hand_several_results_on() {
    let repeat = |count: usize| {
        let body = format!(
            "  - sigmoid s\n  - repeat r: {{from: [s, in], inputs: [h, p], count: {count}, steps: [cell: {{from: [h, p]}}]}}\n  \
             - concat: {{from: [r, r.p, r.h]}}\n"
        );
        edges(&graph(&file("", CELL, &body)))
    };
    assert_eq!(repeat(0), "input() s(input) concat(s input s)");
    assert_eq!(
        repeat(1),
        "input() s(input) r/1/cell/a(s) r/1/cell/b(input) r/1/cell/add(r/1/cell/a r/1/cell/b) \
         concat(r/1/cell/add s r/1/cell/add)"
    );
    let three = repeat(3);
    let last = "r/3/cell/a(r/2/cell/add) r/3/cell/b(r/1/cell/add) r/3/cell/add(r/3/cell/a r/3/cell/b) \
                concat(r/3/cell/add r/2/cell/add r/3/cell/add)";
    assert!(three.ends_with(last), "{three}");
}

#[test]
fn one_of_several_inputs_may_be_absent() {
    let body = "  - none n: {from: in}\n  - relu r: {from: in}\n  - cell: {from: [n, r]}\n";
    expect("", CELL, body, "input() r(input) cell/b(r)");
    let body = "  - none n: {from: in}\n  - relu r: {from: in}\n  - cell: {from: [r, n]}\n";
    expect("", CELL, body, "input() r(input) cell/a(r)");
    // `$in` is that of the first one that is there.
    let cell = "cell: {inputs: [h, p], params: {w: $in * 2}, steps: [conv a: {from: h, kernel: 1, width: $w}, conv b: {from: p, kernel: 1, width: $w}, \
                add: {from: [a, b]}]}";
    let body = "  - none n: {from: in}\n  - cell: {from: [n, in]}\n";
    let graph = graph(&file("", cell, body));
    assert_eq!(graph.node(graph.output()).shape.channels(), 16);
}

#[test]
fn what_is_read_may_be_a_parameter() {
    let cell = "cell: {params: {read, more: [in]}, steps: [relu a, silu b, add: {from: $read}, concat: {from: [$more, add, $read]}]}";
    expect(
        "",
        cell,
        "  - cell: {read: [a, b]}\n",
        "input() cell/a(input) cell/b(cell/a) cell/add(cell/a cell/b) cell/concat(input cell/add cell/a cell/b)",
    );
    // What a parameter names may be any step, so none of them is unread.
    expect(
        "",
        cell,
        "  - cell: {read: b, more: [a]}\n",
        "input() cell/a(input) cell/b(cell/a) cell/concat(cell/a cell/b cell/b)",
    );
    let later = "  - cell: {read: c}\n";
    let failure = load_with(&file("", cell, later), &[]).unwrap_err();
    assert!(failure.contains("there is no step `c` to read"), "{failure}");
}

/// Everywhere that a step may name what it reads, and what each of them is.
/// A condition on the size of a map that is absent leaves its steps out.
#[test]
fn conditions_on_absent_maps_leave_steps_out() {
    let absent = "[none, if: {cond: $in_height > 8, then: [relu]}]";
    expect(
        "",
        "",
        &format!("  - parallel p: {{branches: {{a: [silu a], b: {absent}}}, join: add}}\n"),
        "input() p/a/a(input)",
    );
    let nothing =
        load_with(&file("", "", "  - none\n  - if: {cond: $in_height > 8, then: [relu]}\n"), &[]);
    assert!(nothing.unwrap_err().contains("E508"));
}

/// Each result that the network outputs is read; the first one is the output that commands take.
#[test]
fn a_network_may_have_several_outputs() {
    let with = |body: &str, tail: &str, outputs: &str| {
        load_with(
            &file(if body.contains("$k") { "k: relu" } else { "" }, "", body)
                .replace("tail: []", &format!("tail: {tail}\noutputs: {outputs}")),
            &[],
        )
    };
    let body = "  - conv a: {kernel: 1, width: 3, act: none}\n  - conv b: {from: a, kernel: 1, width: 2, act: none}\n  \
                - group g: [relu x, $k y: {from: a}]\n";
    let names = |graph: &Graph| {
        graph.outputs().map(|id| graph.node(id).path.to_string()).collect::<Vec<_>>().join(" ")
    };
    let graph = with(body, "[]", "[g/y, b, g/x, a]").unwrap();
    assert_eq!(names(&graph), "g/y b g/x a");
    let graph = with(body, "gap", "[g/x, tail]").unwrap();
    assert_eq!(names(&graph), "g/x tail/classifier");
    for (outputs, wanted) in [
        ("[b, nothing]", "there is no step `nothing` to output"),
        ("[b, g/y, b]", "an output already"),
        ("[b]", "E506"),
        ("[]", "E508"),
        ("b", "a list of paths"),
        ("[{a: b}, g/y]", "E102"),
    ] {
        let failure = with(body, "[]", outputs).unwrap_err();
        assert!(failure.contains(wanted), "{outputs}: {failure}");
    }
    // What `none` leaves out is no output.
    let absent = body.replace("$k y", "none y");
    let graph = with(&absent, "[]", "[g/y, g/x, b]").unwrap();
    assert_eq!(names(&graph), "g/x b");
}

#[test]
fn a_step_that_nothing_reads_is_one_mistake() {
    let body = "  - group g: [relu a: {from: in}, silu b: {from: in}]\n";
    let failure = load_with(&file("", "", body), &[]).unwrap_err();
    assert_eq!(failure.matches("E506").count(), 1, "{failure}");
}

#[test]
fn numbers_are_names() {
    expect(
        "",
        "",
        "  - relu 1\n  - silu 2\n  - add 3: {from: [1, 2]}\n  - sigmoid: {from: 3}\n",
        "input() 1(input) 2(1) 3(1 2) sigmoid(3)",
    );
}

#[test]
fn a_step_of_a_cell_is_found_in_its_text() {
    let text = file("", "", "  - relu a\n  - silu b: {from: in}\n  - add c: {from: [a, b]}\n");
    let files = Memory::default().with("n.yaml", text.clone());
    let trace = trace(&files, FilePath::new("n.yaml")).unwrap();
    let at = |part: &str| u32::try_from(text.find(part).unwrap()).unwrap();
    assert_eq!(trace.steps_at(0, at("silu b")).unwrap().1, [&Path::new("b")]);
    assert_eq!(trace.steps_at(0, at("[a, b]")).unwrap().1, [&Path::new("c")]);
}

/// Operators that are variables decide about the structure; a point whose output is absent is no network.
#[test]
fn a_space_of_cells() {
    let base = file(
        "x: relu, y: relu, w: 8",
        "",
        "  - conv c: {kernel: 1, width: $w}\n  - $x a: {from: c}\n  - $y b: {from: c}\n  - add: {from: [a, b]}\n",
    );
    let space = "space: s\nbase: n.yaml\nvary: {x: {values: [relu, none, identity]}, y: {values: [relu, none, identity]}, w: {values: [8, 16]}}\n";
    let files = Memory::default().with("n.yaml", base).with("s.yaml", space);
    let space = load_space(&files, FilePath::new("s.yaml")).unwrap();
    let decisions = |point: &[usize]| space.sketch(point).decisions;
    assert_eq!(decisions(&[0, 0, 0]), [0, 1]);
    assert_eq!(decisions(&[1, 1, 1]), [0, 1]);
    let refused: Vec<[usize; 3]> = (0..18)
        .map(|place| [place / 6, place / 2 % 3, place % 2])
        .filter(|point| space.network(point).is_err())
        .collect();
    assert_eq!(refused, [[1, 1, 0], [1, 1, 1]]);
}

/// A part of a network: steps one after the other, or branches that are joined.
#[derive(Clone, Debug)]
enum Part {
    Step(u8),
    Chain(Vec<Part>),
    Branches(Vec<Part>, u8),
}

const WORDS: [&str; 4] = ["relu", "silu", "conv: {kernel: 1, width: 8", "sigmoid"];
const JOINS: [&str; 2] = ["add", "multiply"];

fn parts() -> impl Strategy<Value = Part> {
    let leaf = (0..4_u8).prop_map(Part::Step);
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Part::Chain),
            (prop::collection::vec(inner, 2..4), 0..2_u8)
                .prop_map(|(parts, join)| Part::Branches(parts, join)),
        ]
    })
}

impl Part {
    /// As nested branches.
    fn nested(&self) -> String {
        match self {
            Self::Step(word) => match WORDS[usize::from(*word)] {
                word if word.contains('{') => format!("{word}}}"),
                word => word.to_owned(),
            },
            Self::Chain(parts) => {
                let parts: Vec<String> = parts.iter().map(Self::nested).collect();
                format!("group: [{}]", parts.join(", "))
            }
            Self::Branches(parts, join) => {
                let branch = |(at, part): (usize, &Self)| format!("b{at}: [{}]", part.nested());
                let parts: Vec<String> = parts.iter().enumerate().map(branch).collect();
                let join = JOINS[usize::from(*join)];
                format!("parallel: {{branches: {{{}}}, join: {join}}}", parts.join(", "))
            }
        }
    }

    /// As steps that name what they read; the name of the result.
    fn flat(&self, from: &str, steps: &mut Vec<String>) -> String {
        let name = |steps: &Vec<String>| format!("s{}", steps.len());
        match self {
            Self::Step(word) => {
                let name = name(steps);
                steps.push(match WORDS[usize::from(*word)].split_once(": {") {
                    Some((word, args)) => format!("{word} {name}: {{from: {from}, {args}}}"),
                    None => format!("{} {name}: {{from: {from}}}", WORDS[usize::from(*word)]),
                });
                name
            }
            Self::Chain(parts) => {
                parts.iter().fold(from.to_owned(), |from, part| part.flat(&from, steps))
            }
            Self::Branches(parts, join) => {
                let results: Vec<String> =
                    parts.iter().map(|part| part.flat(from, steps)).collect();
                let (name, join) = (name(steps), JOINS[usize::from(*join)]);
                steps.push(format!("{join} {name}: {{from: [{}]}}", results.join(", ")));
                name
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nested_branches_can_be_written_as_a_cell(part in parts()) {
        let nested = format!("  - {}\n  - relu last\n", part.nested());
        let mut steps = Vec::new();
        let result = part.flat("in", &mut steps);
        steps.push(format!("relu last: {{from: {result}}}"));
        let flat: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
        let (nested, flat) = (graph(&file("", "", &nested)), graph(&file("", "", &flat)));
        prop_assert_eq!(nested.fingerprint(), flat.fingerprint());
    }

    /// Any graph: every node reads some before it, those that nothing reads are joined at the end.
    #[test]
    fn any_graph_can_be_written(reads in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..4), 1..20)) {
        let mut body = String::new();
        let mut is_read = vec![false; reads.len() + 1];
        let mut wanted = Vec::new();
        for (at, reads) in (1..).zip(&reads) {
            let mut from: Vec<usize> = reads.iter().map(|read| read.index(at)).collect();
            from.dedup();
            from.iter().for_each(|&read| is_read[read] = true);
            let names: Vec<String> = from.iter().map(|&read| if read == 0 { "in".to_owned() } else { read.to_string() }).collect();
            body += &format!("  - group {at}: [add: {{from: [{}]}}, relu]\n", names.join(", "));
            wanted.push(from.len());
        }
        let ends: Vec<String> = (1..is_read.len()).filter(|&at| !is_read[at]).map(|at| at.to_string()).collect();
        body += &format!("  - add end: {{from: [{}]}}\n", ends.join(", "));
        let graph = graph(&file("", "", &body));
        for (at, count) in (1..).zip(wanted) {
            let add = graph.find(&Path::new(&format!("{at}/add")));
            prop_assert_eq!(add.map_or(1, |add| graph.inputs(add).len()), count);
            let relu = graph.find(&Path::new(&format!("{at}/relu")));
            prop_assert!(relu.is_some());
        }
    }
}

/// Many steps that read many others: nothing takes time in their square.
#[test]
fn large_cells_are_read_in_time() {
    let mut body = String::new();
    for at in 1..15_000_usize {
        let before = if at == 1 { "in".to_owned() } else { (at - 1).to_string() };
        writeln!(body, "  - relu {at}: {{from: {before}}}").unwrap();
    }
    let started = std::time::Instant::now();
    assert_eq!(graph(&file("", "", &body)).len(), 15_000);
    // With one of them left out, those after it are built again.
    let cell = body
        + "  - relu unread: {from: 7}\n  - none x: {from: unread}\n  - silu end: {from: 14999}\n  - add: {from: [x, end]}\n";
    assert_eq!(graph(&file("", "", &cell)).len(), 15_001);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn a_library_of_cells_is_checked() {
    let files = Memory::default().with("l.yaml", format!("blocks: {{{CELL}}}\n"));
    assert!(check(&files, FilePath::new("l.yaml")).is_ok());
    let wrong = CELL.replace("from: p", "from: q");
    let files = Memory::default().with("l.yaml", format!("blocks: {{{wrong}}}\n"));
    let failure = check(&files, FilePath::new("l.yaml")).unwrap_err().to_string();
    assert!(
        failure.contains("there is no step `q`") && failure.contains("the input `p` is never read"),
        "{failure}"
    );
}
