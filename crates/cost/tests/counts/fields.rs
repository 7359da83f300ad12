//! Receptive fields behind gates, and those that are too large to be counted.

use std::path::Path as FilePath;

use inceptive_cost::{Cost, Mode, ReceptiveField};
use inceptive_dsl::{Memory, load};
use inceptive_ir::{Graph, Path, Size};

fn parsed(size: u32, body: &str) -> Graph {
    let head = format!("name: N\ninput: {{channels: 3, size: {size}}}\nclasses: 10\n");
    let files = Memory::default().with("network.yaml", format!("{head}{body}tail: gap\n"));
    match load(&files, FilePath::new("network.yaml"), &[]) {
        Ok(loaded) => loaded.architecture.graph,
        Err(failure) => panic!("{failure}"),
    }
}

fn at(graph: &Graph, path: &str) -> ReceptiveField {
    let id = graph.find(&Path::new(path)).unwrap_or_else(|| panic!("no node {path}"));
    Cost::new(graph, Mode::Inference).get(id).unwrap().receptive_field
}

fn field(size: u32, stride: u32, is_gated: bool) -> ReceptiveField {
    let square = |side| Some(Size::square(side));
    ReceptiveField { size: square(size), stride: square(stride), is_gated, is_irregular: false }
}

const EXCITE: &str = "blocks:
  excite:
    params: {width}
    branches:
      main: []
      gate: [gap, conv squeeze: {kernel: 1, width: 4}, conv: {kernel: 1, width: $width, act: sigmoid}]
    join: multiply
";

/// The example of the issue: 25665x25665 with stride 8192 is wrong.
#[test]
fn a_gate_changes_neither_size_nor_stride() {
    let body = format!(
        "{EXCITE}body:
  - conv: {{kernel: 3, width: 8, stride: 2}}
  - excite a: {{width: 8}}
  - excite b: {{width: 8}}
  - excite c: {{width: 8}}
"
    );
    let graph = parsed(32, &body);
    assert_eq!(at(&graph, "conv"), field(3, 2, false));
    assert_eq!(at(&graph, "a/multiply"), field(3, 2, true));
    assert_eq!(at(&graph, "c/multiply"), field(3, 2, true));
    // The gate itself sees everything.
    assert!(at(&graph, "a/gate/gap").longest().unwrap() >= 32);
    let whole = Cost::new(&graph, Mode::Inference).receptive_field;
    assert_eq!(whole, field(3, 2, true));
    assert_eq!(
        whole.to_string(),
        "3x3, stride 2, and the whole image through a gate or a normalisation"
    );
}

/// Inverted residuals with gates, as in MobileNetV3.
#[test]
fn gates_in_a_row_of_blocks_leave_the_field_of_their_convolutions() {
    let block = |name: &str, stride: u32| {
        format!(
            "  - conv {name}-wide: {{kernel: 1, width: 16}}
  - conv {name}-deep: {{kernel: 3, width: 16, stride: {stride}, groups: 16}}
  - excite {name}-gate: {{width: 16}}
  - conv {name}-narrow: {{kernel: 1, width: 8}}
"
        )
    };
    let blocks: String =
        (0..12).map(|at| block(&format!("b{at}"), 1 + u32::from(at % 3 == 0))).collect();
    let graph = parsed(224, &format!("{EXCITE}body:\n{blocks}"));
    // A 3x3 convolution adds twice the stride before it (Araujo et al. 2019, equation 1).
    let (mut size, mut stride) = (1, 1);
    for at in 0..12 {
        size += 2 * stride;
        stride *= 1 + u32::from(at % 3 == 0);
    }
    assert_eq!(stride, 16);
    assert_eq!(Cost::new(&graph, Mode::Inference).receptive_field, field(size, stride, true));
}

/// 2^40 is no number of pixels that somebody reads; 4294967295 would be a wrong one.
#[test]
fn what_is_too_large_is_no_number() {
    let body: String =
        (0..40).map(|at| format!("  - maxpool p{at}: {{kernel: 1, stride: 2}}\n")).collect();
    let graph = parsed(4, &format!("body:\n  - conv: {{kernel: 3, width: 8}}\n{body}"));
    let last = at(&graph, "p39");
    assert_eq!((last.size, last.stride), (Some(Size::square(3)), None));
    assert_eq!(last.to_string(), "3x3, stride 2^32 or more");
    let body: String = (0..40)
        .map(|at| format!("  - maxpool p{at}: {{kernel: 3, stride: 2, pad: 1}}\n"))
        .collect();
    let graph = parsed(4, &format!("body:\n{body}"));
    let last = at(&graph, "p39");
    assert_eq!((last.size, last.stride, last.longest()), (None, None, None));
    assert_eq!(last.to_string(), "2^32 or more, stride 2^32 or more");
}

/// The windows of 7 to 4 are 2, 3, 3 and 2 long, those of 3 to 7 are 1 and 2 long.
#[test]
fn adaptive_pooling_has_the_largest_of_its_windows() {
    for (from, to, largest) in [(7_u32, 4_u32, 3), (3, 7, 2), (8, 3, 4), (5, 3, 3)] {
        let windows = (0..to).map(|at| ((at + 1) * from).div_ceil(to) - at * from / to);
        assert_eq!(windows.max(), Some(largest));
        let body = format!(
            "body:\n  - adaptive_avgpool: {{size: {to}}}\n  - conv a: {{kernel: 1, width: 3}}\n  - conv b: {{kernel: 3, width: 3}}\n"
        );
        let graph = parsed(from, &body);
        for path in ["adaptive_avgpool", "a"] {
            let field = at(&graph, path);
            assert_eq!((field.size, field.stride), (Some(Size::square(largest)), None));
            assert_eq!(field.to_string(), format!("{largest}x{largest}, stride irregular"));
        }
        assert_eq!(at(&graph, "b").to_string(), "irregular, stride irregular");
    }
    let graph =
        parsed(8, "body:\n  - adaptive_avgpool: {size: 4}\n  - conv b: {kernel: 3, width: 3}\n");
    assert_eq!(at(&graph, "b"), field(6, 2, false));
}

/// Value 0 sees 0..=2 through the gate, value 7 sees 0..=7.
#[test]
fn a_gate_that_sees_a_part_of_the_image_is_joined() {
    let body = "body:
  - parallel g:
      branches:
        main: []
        gate: [conv s: {kernel: 3, width: 3, stride: 8, pad: valid}]
      join: multiply
  - conv c: {kernel: 3, width: 16}
";
    let graph = parsed(8, body);
    assert_eq!(at(&graph, "g/multiply"), field(8, 1, false));
    // -1..=2 and 0..=8.
    assert_eq!(at(&graph, "c"), field(9, 1, false));
}

/// At value i, one branch sees 3i..=3i+2 and the other i..=i+8: from 0..=8 to 2..=10.
#[test]
fn branches_of_different_stride_have_no_common_stride() {
    let body = "body:
  - parallel p:
      branches:
        a: [conv s: {kernel: 3, width: 8, stride: 3, pad: valid}]
        b: [conv t: {kernel: 9, width: 8, pad: valid}]
      join: add
  - conv c: {kernel: 3, width: 8}
";
    let joined = at(&parsed(11, body), "p/add");
    assert_eq!((joined.size, joined.stride), (Some(Size::square(9)), None));
    assert_eq!(joined.to_string(), "9x9, stride irregular");
    // -3..=5 and -1..=9 at value 0, 3..=11 and 1..=11 at value 2.
    assert_eq!(at(&parsed(11, body), "c").size, Some(Size::square(13)));
}
