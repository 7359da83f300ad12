//! Points of spaces that are counted by formulas have the counts of their networks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fmt::Write as _, fs, ops::ControlFlow, path::Path};

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Disk, Memory, Space, load_space};
use inceptive_explore::{Counted, count};
use inceptive_results::Counts;
use proptest::prelude::*;

/// What the network of a point is when it is built.
fn built(space: &Space, point: &[usize]) -> Option<Counts> {
    let network = space.network(point).ok()?;
    Some(Counts::new(&network.graph, &Cost::new(&network.graph, Mode::Inference)))
}

fn at(space: &Space, mut place: usize) -> Vec<usize> {
    let mut point = vec![0; space.variables.len()];
    for (choice, variable) in point.iter_mut().zip(&space.variables).rev() {
        *choice = place % variable.values.len();
        place /= variable.values.len();
    }
    point
}

/// Points evenly over a space.
fn some(space: &Space, most: usize) -> Vec<Vec<usize>> {
    let size = usize::try_from(space.size()).unwrap();
    let step = (size / most).max(1);
    (0..size).step_by(step).map(|place| at(space, place)).collect()
}

/// Counts points by formulas and by building each; the number that has a network.
fn compare(space: &Space, points: &[Vec<usize>]) -> usize {
    let counted = count(space, points, 2, &|_| ControlFlow::Continue(()));
    assert_eq!(counted.len(), points.len());
    let mut networks = 0;
    for (place, (Counted { place: of, network }, point)) in counted.iter().zip(points).enumerate() {
        assert_eq!(place, *of);
        let expected = built(space, point);
        assert_eq!(network.map(|network| network.counts), expected, "{point:?}");
        networks += usize::from(expected.is_some());
    }
    networks
}

#[test]
fn shipped_spaces_are_counted_as_their_networks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures/spaces");
    let mut spaces = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let space = load_space(&Disk, &entry.unwrap().path()).unwrap();
        assert!(compare(&space, &some(&space, 150)) > 0, "{}", space.title);
        spaces += 1;
    }
    assert!(spaces >= 3);
}

#[test]
fn widths_decide_nothing_about_the_structure() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures/spaces");
    let decisions = |file: &str| -> Vec<String> {
        let space = load_space(&Disk, &folder.join(file)).unwrap();
        let sketch = space.sketch(&space.defaults());
        sketch.decisions.iter().map(|&variable| space.variables[variable].name.clone()).collect()
    };
    assert_eq!(decisions("googlenet-widths.yaml"), ["tail"]);
    assert_eq!(decisions("inception-v3-scaling.yaml"), ["size"]);
}

/// Steps that use the variables `a` (a width), `b` (a small number), `r` (a ratio) and `k` (a word) in all ways.
const STEPS: [&str; 39] = [
    "conv: {kernel: 3, width: $a}",
    "conv: {kernel: 1, width: \"$a * $r\"}",
    "conv: {kernel: 1, width: \"max(1, round($in * $r))\"}",
    "conv: {kernel: [1, 3], width: \"round_to($a * $r, $b)\", norm: bn, act: $k}",
    "conv: {kernel: $b, width: 12, stride: 2}",
    "conv: {kernel: 3, width: 24, groups: $b}",
    "conv: {kernel: 3, width: \"$a * 2\", groups: 4}",
    "conv: {kernel: 3, width: \"$a // ($b - 2)\"}",
    "depthwise: {kernel: 3, norm: bn}",
    "depthwise: {kernel: 3, multiplier: $b}",
    "maxpool: {kernel: 3, stride: 2}",
    "avgpool: {kernel: $b, stride: 1}",
    "bn",
    "lrn",
    "dropout: {p: 0.5}",
    "shuffle: {groups: $b}",
    "parallel: {branches: {x: [conv: {kernel: 1, width: $a}], y: [], z: [conv: {kernel: 3, width: \"2 * $a\"}]}}",
    "parallel: {branches: {x: [], y: [conv: {kernel: 1, width: $a}]}, join: add}",
    "parallel: {branches: {x: [], y: [conv: {kernel: 1, width: $in}]}, join: add, scale: {y: $r}}",
    "parallel: {branches: {x: [], y: [gap, conv: {kernel: 1, width: \"max(1, $in // 4)\"}, conv: {kernel: 1, width: $in, act: sigmoid}]}, join: multiply}",
    "repeat: {count: $b, steps: [conv: {kernel: 3, width: \"$a + $i\"}]}",
    "if: {cond: \"$a > 9 or $r / ($b - 1) > 1\", then: [conv: {kernel: 1, width: $a}], else: [relu]}",
    "cell: {width: $a, list: [$b, 1]}",
    "cell: {width: \"$in * $r\", list: [1, 2]}",
    "group: [conv x: {kernel: 1, width: $a}, $k y: {from: in}, concat: {from: [x, y, in]}]",
    "group: [$k x: {from: in}, conv y: {kernel: 3, width: \"2 * $a\"}, conv z: {from: in, kernel: 1, width: $a}, concat: {from: [y, z]}]",
    "group: [identity v, repeat: {from: [v, v], inputs: [h, p], count: $b, steps: [conv x: {from: h, kernel: 1, width: \"$a + $i\"}, concat: {from: [x, p]}]}]",
    "conv_transpose: {kernel: 3, width: \"$a * 2\", stride: 2, pad: same, groups: $b}",
    "space_to_depth: {block: 1}",
    "group: [conv: {kernel: 1, width: \"4 * $a\"}, depth_to_space: {block: 2}, space_to_depth: {block: 2, order: pixels_first}]",
    "group: [slice: {count: \"max(1, $in // 2)\"}, scale, prelu: {shared: true}]",
    "parallel: {branches: {x: [], y: [conv: {kernel: 3, width: 1, act: sigmoid}]}, join: multiply}",
    "parallel: {branches: {x: [conv: {kernel: 1, width: \"max(1, $a - 4)\"}], y: [conv: {kernel: 1, width: $a}]}, join: mean}",
    "parallel: {branches: {x: [], y: [gap, conv: {kernel: 1, width: $in}]}, join: add}",
    "parallel: {branches: {x: [], y: [channel_max, conv: {kernel: 3, width: 1, act: sigmoid}]}, join: multiply}",
    "group: [identity v, channel_max m: {from: v}, channel_mean n: {from: v}, concat: {from: [v, m, n]}]",
    "parallel: {branches: {x: [tanh], y: [group_norm: {groups: 1}, layer_norm]}, join: max}",
    "group: [conv v: {kernel: 1, width: $in}, conv w: {kernel: 1, width: $in, share: v}, resize: {factor: 1}]",
    "group: [depthwise x: {kernel: 3, multiplier: $b}, $k y: {from: x}, conv z: {from: in, kernel: 1, width: $a}, depthwise w: {kernel: 3}, concat: {from: [y, w]}]",
];

/// What an attack on the formulas found: each was counted wrongly once.
const ATTACKS: [(&str, &str, &str); 10] = [
    (
        "a remainder of infinity",
        "params: {n: 1}\ninput: {channels: 3, size: 8}\nbody: [conv: {kernel: 1, width: \"max(8, $n * 1e308 % 7)\"}]\n",
        "n: {from: 1, to: 5}",
    ),
    (
        "infinity less infinity, and a division by zero",
        "params: {n: 1, d: 1, e: 2}\ninput: {channels: 3, size: 8}\nbody: [conv: {kernel: 1, width: \
         \"max(8, $n * $n - $n * $n + 8 // ($d - $e))\"}]\n",
        "n: {values: [1, 1e300]}\n  d: {values: [1, 3]}\n  e: {values: [2, 3]}",
    ),
    (
        "infinity less infinity alone",
        "params: {n: 1, a: 1}\ninput: {channels: 3, size: 8}\nbody: [conv: {kernel: 1, width: \"max($a, $n * $n - $n * $n)\"}]\n",
        "n: {values: [1, 1e300, 1e301]}\n  a: {values: [4, 5]}",
    ),
    (
        "a division by zero in a maximum",
        "params: {a: 1, b: 1, c: 1}\ninput: {channels: 3, size: 8}\nbody: [conv: {kernel: 1, width: \"max(1, $a // ($b - $c))\"}]\n",
        "a: {values: [1, 4]}\n  b: {from: 1, to: 3}\n  c: {from: 1, to: 3}",
    ),
    (
        "a word among numbers",
        "params: {a: 1, b: 1}\ninput: {channels: 3, size: 8}\nbody: [if: {cond: \"$b > 1\", then: [conv: {kernel: 1, width: \"max(4, $a)\"}], \
         else: [conv: {kernel: 1, width: 3}]}]\n",
        "a: {values: [8, x, 16]}\n  b: {from: 1, to: 8}",
    ),
    (
        "a multiplier beyond all channels",
        "params: {a: 1, q: 1}\ninput: {channels: 1, size: 1}\nbody:\n  - conv: {kernel: 1, width: \"$a * $q\", act: none}\n  \
         - depthwise: {kernel: 1, multiplier: 4096, act: none}\n",
        "a: {values: [1, 2, 4, 524288, 1048575]}\n  q: {values: [1, 2]}",
    ),
    (
        "a head that is left out for a division by zero",
        "params: {b: 1, k: relu, a: 4}\ninput: {channels: 3, size: 8}\nbody: [conv x: {kernel: 1, width: $a}]\nauxiliary:\n  - name: h\n    \
         after: x\n    steps:\n      - conv: {kernel: 1, width: \"8 // ($b - 1)\"}\n      - if: {cond: \"$in > 2\", then: [conv: {kernel: 3, \
         width: 8, act: $k}], else: [relu]}\n      - gap\n      - flatten\n      - linear: {width: 5}\n",
        "a: {values: [4, 5, 6, 7]}\n  b: {values: [1, 3]}\n  k: {values: [relu, bogus]}",
    ),
    (
        "groups whose reciprocal is not exact",
        "params: {a: 1}\ninput: {channels: 49, size: 32}\nbody:\n  - conv: {kernel: 1, width: \"$a * 49\", act: none}\n  \
         - conv: {kernel: 1, width: \"$a * 49\", groups: 49, stride: 32, act: none, bias: false}\n",
        "a: {values: [1, 2, 3, 4, 5, 7]}",
    ),
    (
        "more formulas than are noted",
        "params: {a: 1}\ninput: {channels: 1, size: 1}\nbody: [repeat: {count: 6000, steps: [conv: {kernel: 1, width: \
         \"1 + 0 * (------------$a + $i)\", act: none}]}]\n",
        "a: {values: [1, 2, 3]}",
    ),
    (
        "many decisions",
        "params: {a: 1}\ninput: {channels: 1, size: 1}\nbody: [repeat: {count: 12000, steps: [conv: {kernel: \"1 + 0 * ($a + $i)\", \
         width: 1, stride: \"1 + 0 * ($a * $i)\", act: none}]}]\n",
        "a: {values: [1, 2, 3]}",
    ),
];

#[test]
fn what_an_attack_found_is_counted_as_it_is_built() {
    for (what, base, vary) in ATTACKS {
        let base = format!("name: B\n{base}tail: []\n");
        let space = format!("space: S\nbase: base.yaml\nvary:\n  {vary}\n");
        let files = Memory::default().with("base.yaml", base).with("s.yaml", space);
        let space = load_space(&files, Path::new("s.yaml")).unwrap();
        let mut points = some(&space, 1000);
        // Each point in turn is the one that is looked at first.
        for _ in 0..points.len().min(24) {
            points.rotate_left(1);
            assert!(compare(&space, &points) > 0, "{what}");
        }
    }
}

const TAILS: [&str; 4] = [
    "gap",
    "{fc: {widths: [$a, \"$b * 8\"]}}",
    "[gap, flatten, linear: {width: \"$a + $b\"}, softmax]",
    "[conv: {kernel: 1, width: $classes}, gmp, flatten]",
];

/// A space whose network has these steps.
fn text(steps: &[usize], tail: usize, has_rule: bool, has_head: bool) -> (String, String) {
    let mut base = "name: B\nparams: {a: 8, b: 2, r: 1, k: relu}\ninput: {channels: 3, size: 12}\nclasses: 5\n".to_owned();
    base += "blocks:\n  cell:\n    params: {width: 8, list: [1, 1]}\n    steps:\n      - conv one: {kernel: 1, width: $width}\n      \
             - conv two: {kernel: 3, width: \"$width + $in\", pad: $list}\n  \
             uses_all: {steps: [conv: {kernel: $b, width: \"$a * $r\", act: $k}]}\n";
    if has_rule {
        base += "width_multiplier: $r\nwidth_divisor: 4\n";
    }
    base += "body:\n  - conv first: {kernel: 3, width: \"$a\", act: $k}\n  - depthwise first_too: {kernel: 3}\n";
    for (number, step) in steps.iter().enumerate() {
        let (word, rest) = match STEPS[*step].split_once(':') {
            Some((word, rest)) if word != "if" => (format!("{word} s{number}"), format!(":{rest}")),
            Some((word, rest)) => (word.to_owned(), format!(":{rest}")),
            None => (format!("{} s{number}", STEPS[*step]), String::new()),
        };
        writeln!(base, "  - {word}{rest}").unwrap();
    }
    writeln!(base, "tail: {}", TAILS[tail]).unwrap();
    if has_rule {
        base += "outputs: [tail, first_too]\n";
    }
    if has_head {
        base += "auxiliary:\n  - name: aux\n    after: first\n    steps:\n      - conv: {kernel: 5, width: \"2 * $a\", groups: $b, pad: valid, stride: 3}\n      \
                 - gap\n      - flatten\n      - linear: {width: $classes}\n";
    }
    let space = "space: S\nbase: base.yaml\nvary:\n  a: {values: [1, 4, 6, 7.5, 8, 16, 20, 1e9]}\n  b: {from: 1, to: 4}\n  \
                 r: {values: [0.5, 1, 1.75, 3]}\n  k: {values: [relu, none, silu]}\n\
                 constraints: [\"params < 5K\", \"macs > 0\"]\n";
    (base, space.to_owned())
}

fn space(steps: &[usize], tail: usize, has_rule: bool, has_head: bool) -> Space {
    let (base, space) = text(steps, tail, has_rule, has_head);
    let files = Memory::default().with("base.yaml", base).with("s.yaml", space);
    load_space(&files, Path::new("s.yaml")).unwrap()
}

#[test]
fn each_step_is_in_some_network() {
    for (step, text) in STEPS.iter().enumerate() {
        let space = space(&[step], step % TAILS.len(), step % 2 == 0, step % 3 == 0);
        let networks = compare(&space, &some(&space, 384));
        assert!((20..384).contains(&networks), "{text}: {networks}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn random_spaces_are_counted_as_their_networks(
        steps in prop::collection::vec(0..STEPS.len(), 0..5),
        tail in 0..TAILS.len(),
        has_rule: bool,
        has_head: bool,
    ) {
        let space = space(&steps, tail, has_rule, has_head);
        compare(&space, &some(&space, 384));
    }
}
