//! Names in torchvision, timm, and Cadene's pretrained-models.pytorch.

use super::{Table, named};

const NONE: Table =
    Table { naming: named(""), maps: &[], layers: &[], ends: ["", ""], pairs: &[], keras: None };

/// One for each kind of network.
pub const TABLES: &[Table] = &[
    GOOGLENET,
    INCEPTION_V3,
    INCEPTION_V4,
    INCEPTION_RESNET_V2,
    XCEPTION,
    NASNET_MOBILE,
    RESNET,
    DENSENET,
    ALEXNET,
    VGG16,
    VGG19,
    SQUEEZENET,
    MOBILENET_V2,
    MOBILENET_V2_TIMM,
    MOBILENET_V1_TIMM,
];

const GOOGLENET: Table = Table {
    naming: named("torchvision"),
    layers: &[("fc", "tail/classifier")],
    ends: [".conv", ".bn"],
    pairs: &[
        ("conv1", "stem/conv1"),
        ("conv2", "stem/reduce"),
        ("conv3", "stem/conv2"),
        ("inception{m}.branch1", "{m}/1x1/conv"),
        ("inception{m}.branch2.0", "{m}/3x3/reduce"),
        ("inception{m}.branch2.1", "{m}/3x3/conv"),
        ("inception{m}.branch3.0", "{m}/5x5/reduce"),
        ("inception{m}.branch3.1", "{m}/5x5/conv"),
        ("inception{m}.branch4.1", "{m}/pool/project"),
    ],
    ..NONE
};

const INCEPTION_V3: Table = Table {
    naming: named("torchvision and timm"),
    layers: &[("fc", "tail/classifier"), ("last_linear", "tail/classifier")],
    ends: [".conv", ".bn"],
    pairs: &[
        ("Conv2d_{n}_{k}", "{n}"),
        ("Mixed_{m}.branch1x1", "{m}/1x1/conv"),
        ("Mixed_{m}.branch_pool", "{m}/pool/project"),
        ("Mixed_{m}.branch5x5_1", "{m}/5x5/reduce"),
        ("Mixed_{m}.branch5x5_2", "{m}/5x5/conv"),
        ("Mixed_{m}.branch3x3", "{m}/3x3/conv"),
        ("Mixed_{m}.branch3x3_1", "{m}/3x3/reduce"),
        ("Mixed_{m}.branch3x3_2", "{m}/3x3/conv"),
        ("Mixed_{m}.branch3x3_2a", "{m}/3x3/split/1x3/conv"),
        ("Mixed_{m}.branch3x3_2b", "{m}/3x3/split/3x1/conv"),
        ("Mixed_{m}.branch3x3dbl_1", "{m}/double3x3/reduce"),
        ("Mixed_{m}.branch3x3dbl_2", "{m}/double3x3/first"),
        ("Mixed_{m}.branch3x3dbl_3", "{m}/double3x3/second"),
        ("Mixed_{m}.branch3x3dbl_3a", "{m}/double3x3/split/1x3/conv"),
        ("Mixed_{m}.branch3x3dbl_3b", "{m}/double3x3/split/3x1/conv"),
        ("Mixed_{m}.branch7x7_1", "{m}/7x7/reduce"),
        ("Mixed_{m}.branch7x7_2", "{m}/7x7/1x7"),
        ("Mixed_{m}.branch7x7_3", "{m}/7x7/7x1"),
        ("Mixed_{m}.branch7x7dbl_1", "{m}/double7x7/reduce"),
        ("Mixed_{m}.branch7x7dbl_2", "{m}/double7x7/7x1"),
        ("Mixed_{m}.branch7x7dbl_3", "{m}/double7x7/1x7"),
        ("Mixed_{m}.branch7x7dbl_4", "{m}/double7x7/7x1b"),
        ("Mixed_{m}.branch7x7dbl_5", "{m}/double7x7/1x7b"),
        ("Mixed_{m}.branch7x7x3_1", "{m}/7x7/reduce"),
        ("Mixed_{m}.branch7x7x3_2", "{m}/7x7/1x7"),
        ("Mixed_{m}.branch7x7x3_3", "{m}/7x7/7x1"),
        ("Mixed_{m}.branch7x7x3_4", "{m}/7x7/3x3"),
    ],
    ..NONE
};

const INCEPTION_V4: Table = Table {
    naming: named("timm and pretrained-models.pytorch"),
    layers: &[("last_linear", "tail/classifier")],
    ends: [".conv", ".bn"],
    pairs: &[
        ("features.0", "stem/1a"),
        ("features.1", "stem/2a"),
        ("features.2", "stem/2b"),
        ("features.3.conv", "stem/3a/3x3/conv"),
        ("features.4.branch0.0", "stem/4a/3x3/reduce"),
        ("features.4.branch0.1", "stem/4a/3x3/conv"),
        ("features.4.branch1.0", "stem/4a/7x7/reduce"),
        ("features.4.branch1.1", "stem/4a/7x7/1x7"),
        ("features.4.branch1.2", "stem/4a/7x7/7x1"),
        ("features.4.branch1.3", "stem/4a/7x7/3x3"),
        ("features.5.conv", "stem/5a/3x3/conv"),
        ("features.{n}.branch0", "inception-a/{n-5}/double3x3/1x1/conv"),
        ("features.{n}.branch1.0", "inception-a/{n-5}/double3x3/3x3/reduce"),
        ("features.{n}.branch1.1", "inception-a/{n-5}/double3x3/3x3/conv"),
        ("features.{n}.branch2.0", "inception-a/{n-5}/double3x3/double3x3/reduce"),
        ("features.{n}.branch2.1", "inception-a/{n-5}/double3x3/double3x3/first"),
        ("features.{n}.branch2.2", "inception-a/{n-5}/double3x3/double3x3/second"),
        ("features.{n}.branch3.1", "inception-a/{n-5}/double3x3/pool/project"),
        ("features.10.branch0", "reduction-a/3x3/conv"),
        ("features.10.branch1.0", "reduction-a/double3x3/reduce"),
        ("features.10.branch1.1", "reduction-a/double3x3/first"),
        ("features.10.branch1.2", "reduction-a/double3x3/second"),
        ("features.{n}.branch0", "inception-b/{n-10}/inception-b/1x1/conv"),
        ("features.{n}.branch1.0", "inception-b/{n-10}/inception-b/7x7/reduce"),
        ("features.{n}.branch1.1", "inception-b/{n-10}/inception-b/7x7/1x7"),
        ("features.{n}.branch1.2", "inception-b/{n-10}/inception-b/7x7/7x1"),
        ("features.{n}.branch2.0", "inception-b/{n-10}/inception-b/double7x7/reduce"),
        ("features.{n}.branch2.1", "inception-b/{n-10}/inception-b/double7x7/7x1"),
        ("features.{n}.branch2.2", "inception-b/{n-10}/inception-b/double7x7/1x7"),
        ("features.{n}.branch2.3", "inception-b/{n-10}/inception-b/double7x7/7x1b"),
        ("features.{n}.branch2.4", "inception-b/{n-10}/inception-b/double7x7/1x7b"),
        ("features.{n}.branch3.1", "inception-b/{n-10}/inception-b/pool/project"),
        ("features.18.branch0.0", "reduction-b/3x3/reduce"),
        ("features.18.branch0.1", "reduction-b/3x3/conv"),
        ("features.18.branch1.0", "reduction-b/7x7/reduce"),
        ("features.18.branch1.1", "reduction-b/7x7/1x7"),
        ("features.18.branch1.2", "reduction-b/7x7/7x1"),
        ("features.18.branch1.3", "reduction-b/7x7/3x3"),
        ("features.{n}.branch0", "inception-c/{n-18}/inception-c/1x1/conv"),
        ("features.{n}.branch1_0", "inception-c/{n-18}/inception-c/3x3/reduce"),
        ("features.{n}.branch1_1a", "inception-c/{n-18}/inception-c/3x3/split/1x3/conv"),
        ("features.{n}.branch1_1b", "inception-c/{n-18}/inception-c/3x3/split/3x1/conv"),
        ("features.{n}.branch2_0", "inception-c/{n-18}/inception-c/double3x3/reduce"),
        ("features.{n}.branch2_1", "inception-c/{n-18}/inception-c/double3x3/3x1"),
        ("features.{n}.branch2_2", "inception-c/{n-18}/inception-c/double3x3/1x3"),
        ("features.{n}.branch2_3a", "inception-c/{n-18}/inception-c/double3x3/split/1x3/conv"),
        ("features.{n}.branch2_3b", "inception-c/{n-18}/inception-c/double3x3/split/3x1/conv"),
        ("features.{n}.branch3.1", "inception-c/{n-18}/inception-c/pool/project"),
    ],
    ..NONE
};

const INCEPTION_RESNET_V2: Table = Table {
    naming: named("timm and pretrained-models.pytorch"),
    layers: &[
        ("classif", "tail/classifier"),
        ("last_linear", "tail/classifier"),
        ("repeat.{n}.conv2d", "inception-a/{n+1}/inception-resnet-a/residual/expand"),
        ("repeat_1.{n}.conv2d", "inception-b/{n+1}/inception-resnet-b/residual/expand"),
        ("repeat_2.{n}.conv2d", "inception-c/{n+1}/inception-resnet-c/residual/expand"),
        ("block8.conv2d", "last/residual/expand"),
    ],
    ends: [".conv", ".bn"],
    pairs: &[
        ("conv2d_{n}", "{n}"),
        ("mixed_5b.branch0", "5b/1x1/conv"),
        ("mixed_5b.branch1.0", "5b/5x5/reduce"),
        ("mixed_5b.branch1.1", "5b/5x5/conv"),
        ("mixed_5b.branch2.0", "5b/double3x3/reduce"),
        ("mixed_5b.branch2.1", "5b/double3x3/first"),
        ("mixed_5b.branch2.2", "5b/double3x3/second"),
        ("mixed_5b.branch3.1", "5b/pool/project"),
        ("repeat.{n}.branch0", "inception-a/{n+1}/inception-resnet-a/residual/towers/1x1/conv"),
        ("repeat.{n}.branch1.0", "inception-a/{n+1}/inception-resnet-a/residual/towers/3x3/reduce"),
        ("repeat.{n}.branch1.1", "inception-a/{n+1}/inception-resnet-a/residual/towers/3x3/conv"),
        (
            "repeat.{n}.branch2.0",
            "inception-a/{n+1}/inception-resnet-a/residual/towers/double3x3/reduce",
        ),
        (
            "repeat.{n}.branch2.1",
            "inception-a/{n+1}/inception-resnet-a/residual/towers/double3x3/first",
        ),
        (
            "repeat.{n}.branch2.2",
            "inception-a/{n+1}/inception-resnet-a/residual/towers/double3x3/second",
        ),
        ("mixed_6a.branch0", "reduction-a/3x3/conv"),
        ("mixed_6a.branch1.0", "reduction-a/double3x3/reduce"),
        ("mixed_6a.branch1.1", "reduction-a/double3x3/first"),
        ("mixed_6a.branch1.2", "reduction-a/double3x3/second"),
        ("repeat_1.{n}.branch0", "inception-b/{n+1}/inception-resnet-b/residual/towers/1x1/conv"),
        (
            "repeat_1.{n}.branch1.0",
            "inception-b/{n+1}/inception-resnet-b/residual/towers/7x7/reduce",
        ),
        ("repeat_1.{n}.branch1.1", "inception-b/{n+1}/inception-resnet-b/residual/towers/7x7/1x7"),
        ("repeat_1.{n}.branch1.2", "inception-b/{n+1}/inception-resnet-b/residual/towers/7x7/7x1"),
        ("mixed_7a.branch0.0", "reduction-b/3x3/reduce"),
        ("mixed_7a.branch0.1", "reduction-b/3x3/conv"),
        ("mixed_7a.branch1.0", "reduction-b/3x3b/reduce"),
        ("mixed_7a.branch1.1", "reduction-b/3x3b/conv"),
        ("mixed_7a.branch2.0", "reduction-b/double3x3/reduce"),
        ("mixed_7a.branch2.1", "reduction-b/double3x3/first"),
        ("mixed_7a.branch2.2", "reduction-b/double3x3/second"),
        ("repeat_2.{n}.branch0", "inception-c/{n+1}/inception-resnet-c/residual/towers/1x1/conv"),
        (
            "repeat_2.{n}.branch1.0",
            "inception-c/{n+1}/inception-resnet-c/residual/towers/3x3/reduce",
        ),
        ("repeat_2.{n}.branch1.1", "inception-c/{n+1}/inception-resnet-c/residual/towers/3x3/1x3"),
        ("repeat_2.{n}.branch1.2", "inception-c/{n+1}/inception-resnet-c/residual/towers/3x3/3x1"),
        ("block8.branch0", "last/residual/towers/1x1/conv"),
        ("block8.branch1.0", "last/residual/towers/3x3/reduce"),
        ("block8.branch1.1", "last/residual/towers/3x3/1x3"),
        ("block8.branch1.2", "last/residual/towers/3x3/3x1"),
    ],
    ..NONE
};

/// Blocks 1, 2, 3 and 12 have a shortcut; the first one has no ReLU before its first convolution.
const XCEPTION: Table = Table {
    naming: named("timm and pretrained-models.pytorch"),
    maps: &[
        (
            "b",
            &[
                ("1.", "entry/module2/"),
                ("2.", "entry/module3/"),
                ("3.", "entry/module4/"),
                ("4.", "middle/1/middle/"),
                ("5.", "middle/2/middle/"),
                ("6.", "middle/3/middle/"),
                ("7.", "middle/4/middle/"),
                ("8.", "middle/5/middle/"),
                ("9.", "middle/6/middle/"),
                ("10.", "middle/7/middle/"),
                ("11.", "middle/8/middle/"),
                ("12.", "exit/module13/"),
            ],
        ),
        ("first", &[("0", "first"), ("3", "second")]),
        ("firstbn", &[("1", "first"), ("4", "second")]),
        ("sep", &[("1", "first"), ("4", "second"), ("7", "third")]),
        ("sepbn", &[("2", "first"), ("5", "second"), ("8", "third")]),
    ],
    layers: &[
        ("conv1", "entry/conv1"),
        ("bn1", "entry/conv1/bn"),
        ("conv2", "entry/conv2"),
        ("bn2", "entry/conv2/bn"),
        ("block1.rep.{first}.conv1", "entry/module2/main/{first}/depthwise"),
        ("block1.rep.{first}.pointwise", "entry/module2/main/{first}/conv"),
        ("block1.rep.{firstbn}", "entry/module2/main/{firstbn}/conv/bn"),
        ("block{b}rep.{sep}.conv1", "{b}main/{sep}/depthwise"),
        ("block{b}rep.{sep}.pointwise", "{b}main/{sep}/conv"),
        ("block{b}rep.{sepbn}", "{b}main/{sepbn}/conv/bn"),
        ("block{b}skip", "{b}shortcut/project"),
        ("block{b}skipbn", "{b}shortcut/project/bn"),
        ("conv3.conv1", "exit/first/depthwise"),
        ("conv3.pointwise", "exit/first/conv"),
        ("bn3", "exit/first/conv/bn"),
        ("conv4.conv1", "exit/second/depthwise"),
        ("conv4.pointwise", "exit/second/conv"),
        ("bn4", "exit/second/conv/bn"),
        ("fc", "tail/classifier"),
        ("last_linear", "tail/classifier"),
    ],
    ..NONE
};

const NASNET_MOBILE: Table = Table {
    naming: named("pretrained-models.pytorch"),
    maps: &[
        (
            "cell",
            &[
                ("cell_stem_0.", "stem0/"),
                ("cell_stem_1.", "stem1/"),
                ("cell_0.", "stage1/1/normal/"),
                ("cell_1.", "stage1/2/normal/"),
                ("cell_2.", "stage1/3/normal/"),
                ("cell_3.", "stage1/4/normal/"),
                ("reduction_cell_0.", "reduction1/"),
                ("cell_6.", "stage2/1/normal/"),
                ("cell_7.", "stage2/2/normal/"),
                ("cell_8.", "stage2/3/normal/"),
                ("cell_9.", "stage2/4/normal/"),
                ("reduction_cell_1.", "reduction2/"),
                ("cell_12.", "stage3/1/normal/"),
                ("cell_13.", "stage3/2/normal/"),
                ("cell_14.", "stage3/3/normal/"),
                ("cell_15.", "stage3/4/normal/"),
            ],
        ),
        (
            "op",
            &[
                ("0_left", "1a"),
                ("0_right", "1b"),
                ("1_left", "2a"),
                ("1_right", "2b"),
                ("2_right", "3b"),
                ("4_left", "5a"),
            ],
        ),
    ],
    layers: &[
        ("{cell}comb_iter_{op}.separable_{n}.depthwise_conv2d", "{cell}{op}/depthwise{n}"),
        ("{cell}comb_iter_{op}.separable_{n}.pointwise_conv2d", "{cell}{op}/pointwise{n}"),
        ("{cell}comb_iter_{op}.bn_sep_{n}", "{cell}{op}/pointwise{n}/bn"),
        ("{cell}path_1.conv", "{cell}previous/even"),
        ("{cell}path_2.conv", "{cell}previous/odd"),
        ("{cell}final_path_bn", "{cell}previous/bn"),
        ("last_linear", "tail/classifier"),
    ],
    ends: [".conv", ".bn"],
    pairs: &[
        ("conv0", "conv0"),
        ("{cell}conv_1x1", "{cell}hidden/conv"),
        ("{cell}conv_prev_1x1", "{cell}previous/conv"),
    ],
    ..NONE
};

const RESNET: Table = Table {
    naming: named("torchvision and timm"),
    layers: &[
        ("conv1", "conv1"),
        ("bn1", "conv1/bn"),
        ("layer{s}.{b}.conv1", "conv{s+1}_x/{b+1}/bottleneck/main/reduce"),
        ("layer{s}.{b}.bn1", "conv{s+1}_x/{b+1}/bottleneck/main/reduce/bn"),
        ("layer{s}.{b}.conv2", "conv{s+1}_x/{b+1}/bottleneck/main/conv"),
        ("layer{s}.{b}.bn2", "conv{s+1}_x/{b+1}/bottleneck/main/conv/bn"),
        ("layer{s}.{b}.conv3", "conv{s+1}_x/{b+1}/bottleneck/main/expand"),
        ("layer{s}.{b}.bn3", "conv{s+1}_x/{b+1}/bottleneck/main/expand/bn"),
        ("layer{s}.{b}.downsample.0", "conv{s+1}_x/{b+1}/bottleneck/shortcut/project"),
        ("layer{s}.{b}.downsample.1", "conv{s+1}_x/{b+1}/bottleneck/shortcut/project/bn"),
        ("layer{s}.{b}.conv1", "conv{s+1}_x/{b+1}/basic/main/first"),
        ("layer{s}.{b}.bn1", "conv{s+1}_x/{b+1}/basic/main/first/bn"),
        ("layer{s}.{b}.conv2", "conv{s+1}_x/{b+1}/basic/main/second"),
        ("layer{s}.{b}.bn2", "conv{s+1}_x/{b+1}/basic/main/second/bn"),
        ("layer{s}.{b}.downsample.0", "conv{s+1}_x/{b+1}/basic/shortcut/project"),
        ("layer{s}.{b}.downsample.1", "conv{s+1}_x/{b+1}/basic/shortcut/project/bn"),
        ("fc", "tail/classifier"),
        ("last_linear", "tail/classifier"),
    ],
    ..NONE
};

/// Files of torchvision's first versions have a point before the numbers of a layer's parts.
const DENSENET: Table = Table {
    naming: named("torchvision and timm"),
    layers: &[
        ("features.conv0", "conv1"),
        ("features.norm0", "conv1/bn"),
        ("features.denseblock{d}.denselayer{l}.norm1", "dense{d}/{l}/layer/new/norm1"),
        ("features.denseblock{d}.denselayer{l}.conv1", "dense{d}/{l}/layer/new/reduce"),
        ("features.denseblock{d}.denselayer{l}.norm2", "dense{d}/{l}/layer/new/reduce/bn"),
        ("features.denseblock{d}.denselayer{l}.conv2", "dense{d}/{l}/layer/new/conv"),
        ("features.denseblock{d}.denselayer{l}.norm.1", "dense{d}/{l}/layer/new/norm1"),
        ("features.denseblock{d}.denselayer{l}.conv.1", "dense{d}/{l}/layer/new/reduce"),
        ("features.denseblock{d}.denselayer{l}.norm.2", "dense{d}/{l}/layer/new/reduce/bn"),
        ("features.denseblock{d}.denselayer{l}.conv.2", "dense{d}/{l}/layer/new/conv"),
        ("features.transition{d}.norm", "transition{d}/norm"),
        ("features.transition{d}.conv", "transition{d}/conv"),
        ("features.norm5", "norm5"),
        ("classifier", "tail/classifier"),
        ("last_linear", "tail/classifier"),
    ],
    ..NONE
};

const ALEXNET: Table = Table {
    naming: named("torchvision"),
    layers: &[
        ("features.0", "conv1"),
        ("features.3", "conv2"),
        ("features.6", "conv3"),
        ("features.8", "conv4"),
        ("features.10", "conv5"),
        ("classifier.1", "tail/fc6"),
        ("classifier.4", "tail/fc7"),
        ("classifier.6", "tail/fc8"),
    ],
    ..NONE
};

/// timm has convolutions for the first two linear layers.
const VGG_LAYERS: &[(&str, &str)] = &[
    ("features.{conv}", "{conv}/conv"),
    ("classifier.0", "tail/fc1"),
    ("classifier.3", "tail/fc2"),
    ("classifier.6", "tail/classifier"),
    ("pre_logits.fc1", "tail/fc1"),
    ("pre_logits.fc2", "tail/fc2"),
    ("head.fc", "tail/classifier"),
];

const VGG16: Table = Table {
    naming: named("torchvision and timm"),
    maps: &[(
        "conv",
        &[
            ("0", "conv1/1"),
            ("2", "conv1/2"),
            ("5", "conv2/1"),
            ("7", "conv2/2"),
            ("10", "conv3/1"),
            ("12", "conv3/2"),
            ("14", "conv3/3"),
            ("17", "conv4/1"),
            ("19", "conv4/2"),
            ("21", "conv4/3"),
            ("24", "conv5/1"),
            ("26", "conv5/2"),
            ("28", "conv5/3"),
        ],
    )],
    layers: VGG_LAYERS,
    ..NONE
};

const VGG19: Table = Table {
    naming: named("torchvision and timm"),
    maps: &[(
        "conv",
        &[
            ("0", "conv1/1"),
            ("2", "conv1/2"),
            ("5", "conv2/1"),
            ("7", "conv2/2"),
            ("10", "conv3/1"),
            ("12", "conv3/2"),
            ("14", "conv3/3"),
            ("16", "conv3/4"),
            ("19", "conv4/1"),
            ("21", "conv4/2"),
            ("23", "conv4/3"),
            ("25", "conv4/4"),
            ("28", "conv5/1"),
            ("30", "conv5/2"),
            ("32", "conv5/3"),
            ("34", "conv5/4"),
        ],
    )],
    layers: VGG_LAYERS,
    ..NONE
};

const SQUEEZENET: Table = Table {
    naming: named("torchvision"),
    maps: &[(
        "fire",
        &[
            ("3.", "fire2/"),
            ("4.", "fire3/"),
            ("6.", "fire4/"),
            ("7.", "fire5/"),
            ("9.", "fire6/"),
            ("10.", "fire7/"),
            ("11.", "fire8/"),
            ("12.", "fire9/"),
        ],
    )],
    layers: &[
        ("features.0", "conv1"),
        ("features.{fire}squeeze", "{fire}squeeze"),
        ("features.{fire}expand{k}", "{fire}expand/{k}/conv"),
        ("classifier.1", "tail/conv10"),
    ],
    ..NONE
};

const MOBILENET_V2: Table = Table {
    naming: named("torchvision"),
    maps: &[(
        "block",
        &[
            ("2.", "stage2/1/bottleneck/inverted/"),
            ("3.", "stage2/2/bottleneck/residual/main/inverted/"),
            ("4.", "stage3/1/bottleneck/inverted/"),
            ("5.", "stage3/2/bottleneck/residual/main/inverted/"),
            ("6.", "stage3/3/bottleneck/residual/main/inverted/"),
            ("7.", "stage4/1/bottleneck/inverted/"),
            ("8.", "stage4/2/bottleneck/residual/main/inverted/"),
            ("9.", "stage4/3/bottleneck/residual/main/inverted/"),
            ("10.", "stage4/4/bottleneck/residual/main/inverted/"),
            ("11.", "stage5/1/bottleneck/inverted/"),
            ("12.", "stage5/2/bottleneck/residual/main/inverted/"),
            ("13.", "stage5/3/bottleneck/residual/main/inverted/"),
            ("14.", "stage6/1/bottleneck/inverted/"),
            ("15.", "stage6/2/bottleneck/residual/main/inverted/"),
            ("16.", "stage6/3/bottleneck/residual/main/inverted/"),
            ("17.", "stage7/1/bottleneck/inverted/"),
        ],
    )],
    layers: &[
        ("features.0.0", "conv1"),
        ("features.0.1", "conv1/bn"),
        ("features.1.conv.0.0", "stage1/1/bottleneck/inverted/depthwise"),
        ("features.1.conv.0.1", "stage1/1/bottleneck/inverted/depthwise/bn"),
        ("features.1.conv.1", "stage1/1/bottleneck/inverted/project"),
        ("features.1.conv.2", "stage1/1/bottleneck/inverted/project/bn"),
        ("features.{block}conv.0.0", "{block}expand"),
        ("features.{block}conv.0.1", "{block}expand/bn"),
        ("features.{block}conv.1.0", "{block}depthwise"),
        ("features.{block}conv.1.1", "{block}depthwise/bn"),
        ("features.{block}conv.2", "{block}project"),
        ("features.{block}conv.3", "{block}project/bn"),
        ("features.18.0", "conv2"),
        ("features.18.1", "conv2/bn"),
        ("classifier.1", "tail/classifier"),
    ],
    ..NONE
};

/// The first block has no expansion, so its normalisations are numbered otherwise.
const MOBILENET_V2_TIMM: Table = Table {
    naming: named("timm"),
    layers: &[
        ("conv_stem", "conv1"),
        ("bn1", "conv1/bn"),
        ("blocks.0.0.conv_dw", "stage1/1/bottleneck/inverted/depthwise"),
        ("blocks.0.0.bn1", "stage1/1/bottleneck/inverted/depthwise/bn"),
        ("blocks.0.0.conv_pw", "stage1/1/bottleneck/inverted/project"),
        ("blocks.0.0.bn2", "stage1/1/bottleneck/inverted/project/bn"),
        ("blocks.{s}.{b}.conv_pw", "stage{s+1}/{b+1}/bottleneck/inverted/expand"),
        ("blocks.{s}.{b}.bn1", "stage{s+1}/{b+1}/bottleneck/inverted/expand/bn"),
        ("blocks.{s}.{b}.conv_dw", "stage{s+1}/{b+1}/bottleneck/inverted/depthwise"),
        ("blocks.{s}.{b}.bn2", "stage{s+1}/{b+1}/bottleneck/inverted/depthwise/bn"),
        ("blocks.{s}.{b}.conv_pwl", "stage{s+1}/{b+1}/bottleneck/inverted/project"),
        ("blocks.{s}.{b}.bn3", "stage{s+1}/{b+1}/bottleneck/inverted/project/bn"),
        ("blocks.{s}.{b}.conv_pw", "stage{s+1}/{b+1}/bottleneck/residual/main/inverted/expand"),
        ("blocks.{s}.{b}.bn1", "stage{s+1}/{b+1}/bottleneck/residual/main/inverted/expand/bn"),
        ("blocks.{s}.{b}.conv_dw", "stage{s+1}/{b+1}/bottleneck/residual/main/inverted/depthwise"),
        ("blocks.{s}.{b}.bn2", "stage{s+1}/{b+1}/bottleneck/residual/main/inverted/depthwise/bn"),
        ("blocks.{s}.{b}.conv_pwl", "stage{s+1}/{b+1}/bottleneck/residual/main/inverted/project"),
        ("blocks.{s}.{b}.bn3", "stage{s+1}/{b+1}/bottleneck/residual/main/inverted/project/bn"),
        ("conv_head", "conv2"),
        ("bn2", "conv2/bn"),
        ("classifier", "tail/classifier"),
    ],
    ..NONE
};

const MOBILENET_V1_TIMM: Table = Table {
    naming: named("timm"),
    maps: &[(
        "block",
        &[
            ("0.0.", "conv2/"),
            ("1.0.", "conv3/"),
            ("1.1.", "conv4/"),
            ("2.0.", "conv5/"),
            ("2.1.", "conv6/"),
            ("3.0.", "conv7/"),
            ("3.1.", "conv8/1/separable/"),
            ("3.2.", "conv8/2/separable/"),
            ("3.3.", "conv8/3/separable/"),
            ("3.4.", "conv8/4/separable/"),
            ("3.5.", "conv8/5/separable/"),
            ("4.0.", "conv13/"),
            ("4.1.", "conv14/"),
        ],
    )],
    layers: &[
        ("conv_stem", "conv1"),
        ("bn1", "conv1/bn"),
        ("blocks.{block}conv_dw", "{block}depthwise"),
        ("blocks.{block}bn1", "{block}depthwise/bn"),
        ("blocks.{block}conv_pw", "{block}conv"),
        ("blocks.{block}bn2", "{block}conv/bn"),
        ("classifier", "tail/classifier"),
    ],
    ..NONE
};
