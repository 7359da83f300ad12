//! Names in `keras.applications`, as `{weight.path: weight.numpy() for weight in model.weights}` has them.

use super::{Keras, Naming, Table, named};

const NONE: Table = Table {
    naming: named("Keras"),
    maps: &[],
    layers: &[],
    ends: ["", ""],
    pairs: &[],
    keras: None,
};

/// Keras, where a network computes something else than ours.
const fn but(differs: &'static str) -> Naming {
    Naming { source: "Keras", differs: Some(differs) }
}

const fn keras(eps: f32, in_order: &'static [&'static str]) -> Option<Keras> {
    Some(Keras { eps, in_order })
}

/// One for each kind of network.
pub const TABLES: &[Table] =
    &[VGG, INCEPTION_V3, INCEPTION_RESNET_V2, XCEPTION, MOBILENET_V1, MOBILENET_V2, DENSENET];

const VGG: Table = Table {
    layers: &[
        ("block{b}_conv{c}", "conv{b}/{c}/conv"),
        ("fc1", "tail/fc1"),
        ("fc2", "tail/fc2"),
        ("predictions", "tail/classifier"),
    ],
    keras: keras(1e-3, &[]),
    ..NONE
};

const INCEPTION_V3: Table = Table {
    naming: but("its average pooling does not count padding, so its outputs differ"),
    layers: &[("predictions", "tail/classifier")],
    keras: keras(1e-3, &["5b/5x5/reduce", "6e/double7x7/1x7b", "7c/double3x3/split/3x1/conv"]),
    ..NONE
};

const INCEPTION_RESNET_V2: Table = Table {
    layers: &[
        ("block8_10_conv", "last/residual/expand"),
        ("block35_{n}_conv", "inception-a/{n}/inception-resnet-a/residual/expand"),
        ("block17_{n}_conv", "inception-b/{n}/inception-resnet-b/residual/expand"),
        ("block8_{n}_conv", "inception-c/{n}/inception-resnet-c/residual/expand"),
        ("conv_7b", "7b"),
        ("conv_7b_bn", "7b/bn"),
        ("predictions", "tail/classifier"),
    ],
    keras: keras(1e-3, &["5b/5x5/reduce", "reduction-b/3x3b/conv", "last/residual/towers/3x3/3x1"]),
    ..NONE
};

/// The four convolutions of the shortcuts have no names.
const XCEPTION: Table = Table {
    naming: but(
        "it pads maps of even size on the right and below only before halving them, so its outputs differ, but not with an input of 295x295",
    ),
    maps: &[
        (
            "b",
            &[
                ("2_", "entry/module2/main/"),
                ("3_", "entry/module3/main/"),
                ("4_", "entry/module4/main/"),
                ("5_", "middle/1/middle/main/"),
                ("6_", "middle/2/middle/main/"),
                ("7_", "middle/3/middle/main/"),
                ("8_", "middle/4/middle/main/"),
                ("9_", "middle/5/middle/main/"),
                ("10_", "middle/6/middle/main/"),
                ("11_", "middle/7/middle/main/"),
                ("12_", "middle/8/middle/main/"),
                ("13_", "exit/module13/main/"),
                ("14_", "exit/"),
            ],
        ),
        ("c", &[("1", "first"), ("2", "second"), ("3", "third")]),
    ],
    layers: &[
        ("block1_conv{n}", "entry/conv{n}"),
        ("block1_conv{n}_bn", "entry/conv{n}/bn"),
        ("block{b}sepconv{c}/depthwise", "{b}{c}/depthwise"),
        ("block{b}sepconv{c}/pointwise", "{b}{c}/conv"),
        ("block{b}sepconv{c}_bn", "{b}{c}/conv/bn"),
        ("predictions", "tail/classifier"),
    ],
    keras: keras(1e-3, &["entry/module2/shortcut/project", "exit/module13/shortcut/project"]),
    ..NONE
};

const MOBILENET_V1: Table = Table {
    naming: but(
        "it pads maps on the right and below only before halving them, so its outputs differ",
    ),
    layers: &[
        ("conv1", "conv1"),
        ("conv1_bn", "conv1/bn"),
        ("conv_dw_{n}", "conv{n+1}/depthwise"),
        ("conv_dw_{n}_bn", "conv{n+1}/depthwise/bn"),
        ("conv_pw_{n}", "conv{n+1}/conv"),
        ("conv_pw_{n}_bn", "conv{n+1}/conv/bn"),
        ("conv_dw_{n}", "conv8/{n-6}/separable/depthwise"),
        ("conv_dw_{n}_bn", "conv8/{n-6}/separable/depthwise/bn"),
        ("conv_pw_{n}", "conv8/{n-6}/separable/conv"),
        ("conv_pw_{n}_bn", "conv8/{n-6}/separable/conv/bn"),
        ("conv_preds", "tail/classifier"),
    ],
    keras: keras(1e-3, &[]),
    ..NONE
};

const MOBILENET_V2: Table = Table {
    naming: but(
        "it pads maps of even size on the right and below only before halving them, so its outputs differ, but not with an input of 225x225",
    ),
    maps: &[(
        "block",
        &[
            ("1_", "stage2/1/bottleneck/inverted/"),
            ("2_", "stage2/2/bottleneck/residual/main/inverted/"),
            ("3_", "stage3/1/bottleneck/inverted/"),
            ("4_", "stage3/2/bottleneck/residual/main/inverted/"),
            ("5_", "stage3/3/bottleneck/residual/main/inverted/"),
            ("6_", "stage4/1/bottleneck/inverted/"),
            ("7_", "stage4/2/bottleneck/residual/main/inverted/"),
            ("8_", "stage4/3/bottleneck/residual/main/inverted/"),
            ("9_", "stage4/4/bottleneck/residual/main/inverted/"),
            ("10_", "stage5/1/bottleneck/inverted/"),
            ("11_", "stage5/2/bottleneck/residual/main/inverted/"),
            ("12_", "stage5/3/bottleneck/residual/main/inverted/"),
            ("13_", "stage6/1/bottleneck/inverted/"),
            ("14_", "stage6/2/bottleneck/residual/main/inverted/"),
            ("15_", "stage6/3/bottleneck/residual/main/inverted/"),
            ("16_", "stage7/1/bottleneck/inverted/"),
        ],
    )],
    layers: &[
        ("Conv1", "conv1"),
        ("bn_Conv1", "conv1/bn"),
        ("expanded_conv_depthwise", "stage1/1/bottleneck/inverted/depthwise"),
        ("expanded_conv_depthwise_BN", "stage1/1/bottleneck/inverted/depthwise/bn"),
        ("expanded_conv_project", "stage1/1/bottleneck/inverted/project"),
        ("expanded_conv_project_BN", "stage1/1/bottleneck/inverted/project/bn"),
        ("block_{block}expand", "{block}expand"),
        ("block_{block}expand_BN", "{block}expand/bn"),
        ("block_{block}depthwise", "{block}depthwise"),
        ("block_{block}depthwise_BN", "{block}depthwise/bn"),
        ("block_{block}project", "{block}project"),
        ("block_{block}project_BN", "{block}project/bn"),
        ("Conv_1", "conv2"),
        ("Conv_1_bn", "conv2/bn"),
        ("predictions", "tail/classifier"),
    ],
    keras: keras(1e-3, &[]),
    ..NONE
};

const DENSENET: Table = Table {
    layers: &[
        ("conv1_conv", "conv1"),
        ("conv1_bn", "conv1/bn"),
        ("conv{d}_block{l}_0_bn", "dense{d-1}/{l}/layer/new/norm1"),
        ("conv{d}_block{l}_1_conv", "dense{d-1}/{l}/layer/new/reduce"),
        ("conv{d}_block{l}_1_bn", "dense{d-1}/{l}/layer/new/reduce/bn"),
        ("conv{d}_block{l}_2_conv", "dense{d-1}/{l}/layer/new/conv"),
        ("pool{d}_bn", "transition{d-1}/norm"),
        ("pool{d}_conv", "transition{d-1}/conv"),
        ("bn", "norm5"),
        ("predictions", "tail/classifier"),
    ],
    keras: keras(1.001e-5, &[]),
    ..NONE
};
