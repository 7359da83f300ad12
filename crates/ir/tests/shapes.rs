//! Shape inference: a table of known results, and windows counted one by one.

use inceptive_ir::{Conv, Linear, Lrn, Op, Padding, Pool, PoolKind, Shape, ShapeError, Size};
use proptest::prelude::*;

fn conv(kernel: u32, width: u32, stride: u32, pad: u32) -> Conv {
    Conv {
        kernel: Size::square(kernel),
        out_channels: width,
        stride: Size::square(stride),
        padding: Padding::symmetric(Size::square(pad)),
        dilation: Size::square(1),
        groups: 1,
        bias: true,
    }
}

fn pool(kernel: u32, stride: u32, pad: u32, ceil: bool) -> Pool {
    Pool {
        kind: PoolKind::Max,
        kernel: Size::square(kernel),
        stride: Size::square(stride),
        dilation: Size::square(1),
        padding: Padding::symmetric(Size::square(pad)),
        ceil,
        count_include_pad: true,
    }
}

/// Networks' own layers, as the papers and PyTorch give their sizes.
#[test]
fn layers_of_known_networks() {
    let map = Shape::map;
    let asymmetric = Conv {
        kernel: Size::new(1, 7),
        padding: Padding::symmetric(Size::new(0, 3)),
        ..conv(1, 192, 1, 0)
    };
    let tensorflow_same =
        Conv { padding: Padding { top: 2, left: 2, bottom: 3, right: 3 }, ..conv(7, 64, 2, 0) };
    let dilated = Conv { dilation: Size::square(2), ..conv(3, 8, 1, 2) };
    let table = [
        ("GoogLeNet conv1", Op::Conv(conv(7, 64, 2, 3)), map(3, 224, 224), map(64, 112, 112)),
        (
            "GoogLeNet pool1, Caffe",
            Op::Pool(pool(3, 2, 0, true)),
            map(64, 112, 112),
            map(64, 56, 56),
        ),
        (
            "the same, rounded down",
            Op::Pool(pool(3, 2, 0, false)),
            map(64, 112, 112),
            map(64, 55, 55),
        ),
        ("ResNet pool1", Op::Pool(pool(3, 2, 1, false)), map(64, 112, 112), map(64, 56, 56)),
        // The fourth window would start in the padding: dropped.
        ("ceil into padding", Op::Pool(pool(2, 2, 1, true)), map(1, 5, 5), map(1, 3, 3)),
        ("AlexNet conv1", Op::Conv(conv(11, 64, 4, 2)), map(3, 224, 224), map(64, 55, 55)),
        ("Inception v3 conv1", Op::Conv(conv(3, 32, 2, 0)), map(3, 299, 299), map(32, 149, 149)),
        ("Inception v3 1x7", Op::Conv(asymmetric), map(128, 17, 17), map(192, 17, 17)),
        ("TensorFlow SAME", Op::Conv(tensorflow_same), map(3, 224, 224), map(64, 112, 112)),
        ("dilated", Op::Conv(dilated), map(8, 16, 16), map(8, 16, 16)),
        ("window as large as the map", Op::Conv(conv(7, 8, 1, 0)), map(3, 7, 7), map(8, 1, 1)),
        ("global", Op::GlobalPool(PoolKind::Average), map(1024, 7, 7), map(1024, 1, 1)),
        ("channel max", Op::ChannelMax, map(64, 7, 9), map(1, 7, 9)),
        ("channel mean", Op::ChannelMean, map(1, 7, 9), map(1, 7, 9)),
        ("adaptive", Op::AdaptiveAvgPool { output: Size::square(6) }, map(9, 13, 13), map(9, 6, 6)),
        ("flatten", Op::Flatten, map(256, 6, 6), Shape::vector(9216)),
        ("softmax", Op::Softmax, Shape::vector(10), Shape::vector(10)),
        ("shuffle", Op::ChannelShuffle { groups: 3 }, map(6, 2, 2), map(6, 2, 2)),
    ];
    for (what, op, input, expected) in table {
        assert_eq!(op.infer(&[input]), Ok(expected), "{what}");
    }
}

#[test]
fn joins() {
    let map = Shape::map;
    let add = Op::Add { scales: vec![1.0, 0.5] };
    assert_eq!(Op::Concat.infer(&[map(2, 4, 4), map(3, 4, 4)]), Ok(map(5, 4, 4)));
    assert_eq!(add.infer(&[map(2, 4, 4), map(2, 4, 4)]), Ok(map(2, 4, 4)));
    assert_eq!(Op::Multiply.infer(&[map(2, 1, 1), map(2, 4, 4)]), Ok(map(2, 4, 4)));
    // A single channel or pixel stands for all.
    for single in [map(1, 4, 4), map(2, 1, 1), map(1, 1, 1)] {
        assert_eq!(add.infer(&[single, map(2, 4, 4)]), Ok(map(2, 4, 4)));
        assert_eq!(Op::Multiply.infer(&[map(2, 4, 4), single]), Ok(map(2, 4, 4)));
    }
    for (op, inputs) in [
        (Op::Concat, [map(2, 4, 4), map(2, 4, 5)]),
        (add.clone(), [map(2, 4, 4), map(3, 4, 4)]),
        (add, [map(2, 1, 2), map(2, 4, 4)]),
        (Op::Multiply, [map(3, 1, 1), map(2, 4, 4)]),
        (Op::Maximum, [map(2, 1, 1), map(2, 4, 4)]),
        (Op::Concat, [map(2, 1, 1), Shape::vector(2)]),
    ] {
        let error = op.infer(&inputs).unwrap_err();
        assert!(matches!(error, ShapeError::Join { input: 0 | 1, .. }), "{error}");
        let text = error.to_string();
        assert!(inputs.iter().all(|shape| text.contains(&shape.to_string())), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let map = Shape::map(4, 8, 8);
    let window = |op: Op| matches!(op.infer(&[map]), Err(ShapeError::Window { .. }));
    assert!(window(Op::Conv(conv(9, 1, 1, 0))));
    assert!(window(Op::Conv(Conv { dilation: Size::square(u32::MAX), ..conv(3, 1, 1, 0) })));
    let attribute = |op: Op| matches!(op.infer(&[map]), Err(ShapeError::Attribute { .. }));
    assert!(attribute(Op::Conv(conv(0, 1, 1, 0))));
    assert!(attribute(Op::Conv(conv(1, 0, 1, 0))));
    assert!(attribute(Op::Conv(conv(1, 1, 0, 0))));
    assert!(attribute(Op::Conv(Conv { groups: 0, ..conv(1, 4, 1, 0) })));
    assert!(attribute(Op::Pool(pool(3, 1, 2, false))));
    assert!(attribute(Op::Dropout { p: 1.0 }));
    assert!(attribute(Op::Dropout { p: f32::NAN }));
    assert!(attribute(Op::Lrn(Lrn { size: 0, alpha: 1.0, beta: 1.0, k: 1.0 })));
    let groups = |op: Op| matches!(op.infer(&[map]), Err(ShapeError::Groups { .. }));
    assert!(groups(Op::Conv(Conv { groups: 3, ..conv(1, 6, 1, 0) })));
    assert!(groups(Op::Conv(Conv { groups: 2, ..conv(1, 3, 1, 0) })));
    let rank = |op: Op, shape| matches!(op.infer(&[shape]), Err(ShapeError::Rank { .. }));
    assert!(rank(Op::Conv(conv(1, 1, 1, 0)), Shape::vector(4)));
    assert!(rank(Op::Linear(Linear { out_features: 1, bias: true }), map));
    assert!(matches!(Op::Concat.infer(&[map]), Err(ShapeError::Arity { .. })));
}

/// Counts the windows that a sliding window has, by sliding it.
fn slide(input: i64, window: i64, stride: i64, before: i64, after: i64, ceil: bool) -> Option<u32> {
    let end = input + before + after;
    if window > end {
        return None;
    }
    let starts = (0..).map(|index| index * stride);
    // With ceil a window may hang over the end, but not start in the padding behind the input.
    let fits = |&start: &i64| {
        start + window <= end || (ceil && start - stride + window < end && start < input + before)
    };
    u32::try_from(starts.take_while(fits).count()).ok()
}

proptest! {
    #[test]
    fn windows_are_counted_right(
        input in 1_u32..40, window in 1_u32..9, stride in 1_u32..6,
        before in 0_u32..5, after in 0_u32..5, ceil: bool,
    ) {
        let (before, after) = (before.min(window / 2), after.min(window / 2));
        let op = Op::Pool(Pool {
            padding: Padding { top: before, left: 0, bottom: after, right: 0 },
            kernel: Size::new(window, 1),
            stride: Size::new(stride, 1),
            ..pool(1, 1, 0, ceil)
        });
        let found = op.infer(&[Shape::map(1, input, 1)]).ok().map(|shape| shape.size().height);
        let (i, w, s) = (input.into(), window.into(), stride.into());
        prop_assert_eq!(found, slide(i, w, s, before.into(), after.into(), ceil));
    }

    #[test]
    fn any_numbers_give_a_shape_or_an_error(
        kernel: u32, width: u32, stride: u32, pad: u32, dilation: u32, groups: u32,
        channels: u32, height: u32, columns: u32, ceil: bool,
    ) {
        let input = Shape::map(channels, height, columns);
        let conv = Conv { dilation: Size::square(dilation), groups, ..conv(kernel, width, stride, pad) };
        let _ = Op::Conv(conv).infer(&[input]);
        let _ = Op::Pool(pool(kernel, stride, pad, ceil)).infer(&[input]);
        let _ = Op::Flatten.infer(&[input]);
        let _ = Op::Concat.infer(&[input, input, input]);
    }
}
