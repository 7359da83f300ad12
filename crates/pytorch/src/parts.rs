//! Small classes that are included in the generated file: layers that PyTorch lacks, and fused layers.

use std::collections::HashMap;

use inceptive_ir::{Activation, BatchNorm, Op, Pool, PoolKind, Shape};

use super::{
    expr::Expr,
    names::{Names, class_name},
    step::{Step, Value, is_symmetric},
    torch::{Number, activation, batch_norm},
};

/// A class that PyTorch does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Helper {
    /// A convolution whose padding differs between sides.
    Conv,
    /// Maximum pooling whose padding differs between sides.
    MaxPool,
    /// Average pooling whose padding differs between sides.
    AvgPool,
    /// Batch normalisation of maps that learns one of scale and shift.
    BatchNorm2d,
    /// The same of vectors.
    BatchNorm1d,
    /// Local response normalisation over an even number of channels.
    EvenLrn,
}

impl Helper {
    /// In the order in which they are written.
    pub const ALL: [Self; 6] = [
        Self::Conv,
        Self::MaxPool,
        Self::AvgPool,
        Self::BatchNorm2d,
        Self::BatchNorm1d,
        Self::EvenLrn,
    ];

    /// The class's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv => "PaddedConv2d",
            Self::MaxPool => "PaddedMaxPool2d",
            Self::AvgPool => "PaddedAvgPool2d",
            Self::BatchNorm2d => "PartialBatchNorm2d",
            Self::BatchNorm1d => "PartialBatchNorm1d",
            Self::EvenLrn => "EvenLocalResponseNorm",
        }
    }

    /// The class.
    pub fn class(self) -> String {
        match self {
            Self::Conv => PADDED_CONV.to_owned(),
            Self::MaxPool => PADDED_MAX_POOL.to_owned(),
            Self::AvgPool => PADDED_AVG_POOL.to_owned(),
            Self::BatchNorm2d => PARTIAL_BATCH_NORM.to_owned(),
            Self::BatchNorm1d => PARTIAL_BATCH_NORM.replace("2d", "1d"),
            Self::EvenLrn => EVEN_LRN.to_owned(),
        }
    }

    /// The classes that a step needs.
    pub fn of(step: &Step) -> Vec<Self> {
        let norm = |norm: &BatchNorm, shape: Shape| match shape {
            _ if norm.scale == norm.center => None,
            Shape::Map { .. } => Some(Self::BatchNorm2d),
            Shape::Vector { .. } => Some(Self::BatchNorm1d),
        };
        let own = match &step.op {
            Op::Conv(conv) if !is_symmetric(conv.padding) => Some(Self::Conv),
            Op::Pool(Pool { kind, padding, .. }) if !is_symmetric(*padding) => Some(match kind {
                PoolKind::Max => Self::MaxPool,
                PoolKind::Average => Self::AvgPool,
            }),
            Op::Lrn(lrn) if lrn.size % 2 == 0 => Some(Self::EvenLrn),
            Op::BatchNorm(own) => norm(own, step.input),
            _ => None,
        };
        let after = step.norm.and_then(|own| norm(&own, step.input));
        own.into_iter().chain(after).collect()
    }
}

const PADDED_CONV: &str = r#"class PaddedConv2d(nn.Conv2d):
    """A convolution with separate padding on each side: left, right, top, bottom."""

    def __init__(self, *arguments, sides: tuple[int, int, int, int], **options) -> None:
        super().__init__(*arguments, **options)
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.sides))
"#;

const PADDED_MAX_POOL: &str = r#"class PaddedMaxPool2d(nn.MaxPool2d):
    """Maximum pooling with separate padding on each side: left, right, top, bottom."""

    def __init__(self, *arguments, sides: tuple[int, int, int, int], **options) -> None:
        super().__init__(*arguments, **options)
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        left, _, top, _ = self.sides
        rows, columns = (x.shape[2] + top - 1, x.shape[3] + left - 1)
        x = super().forward(F.pad(x, self.sides, value=float("-inf")))
        # No window starts in the padding below or on the right.
        step = self.stride if isinstance(self.stride, tuple) else (self.stride, self.stride)
        return x[:, :, : rows // step[0] + 1, : columns // step[1] + 1]
"#;

const PADDED_AVG_POOL: &str = r#"class PaddedAvgPool2d(nn.AvgPool2d):
    """Average pooling with separate padding on each side: left, right, top, bottom."""

    def __init__(self, *arguments, sides: tuple[int, int, int, int], **options) -> None:
        super().__init__(*arguments, **options)
        self.sides = sides

    def average(self, x: Tensor) -> Tensor:
        left, _, top, _ = self.sides
        rows, columns = (x.shape[2] + top - 1, x.shape[3] + left - 1)
        x = super().forward(F.pad(x, self.sides))
        # No window starts in the padding below or on the right.
        step = self.stride if isinstance(self.stride, tuple) else (self.stride, self.stride)
        return x[:, :, : rows // step[0] + 1, : columns // step[1] + 1]

    def forward(self, x: Tensor) -> Tensor:
        if self.count_include_pad:
            return self.average(x)
        return self.average(x) / self.average(torch.ones_like(x[:1, :1]))
"#;

const PARTIAL_BATCH_NORM: &str = r#"class PartialBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that learns a scale and no shift, or a shift and no scale."""

    def __init__(self, channels: int, *, eps: float = 1e-5, scale: bool) -> None:
        super().__init__(channels, eps=eps)
        name, value = ("bias", torch.zeros) if scale else ("weight", torch.ones)
        delattr(self, name)
        self.register_buffer(name, value(channels), persistent=False)
"#;

const EVEN_LRN: &str = r#"class EvenLocalResponseNorm(nn.LocalResponseNorm):
    """Windows of even sizes extend further up the channels; in PyTorch, further down."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flip(1)).flip(1)
"#;

/// A layer with its normalisation and activation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused {
    /// Whether a convolution's padding differs between sides; `None` for a linear layer.
    pub is_padded: Option<bool>,
    /// Whether the layer has a bias.
    pub bias: bool,
    /// The normalisation.
    pub norm: Option<BatchNorm>,
    /// The activation.
    pub activation: Option<Activation>,
}

impl Fused {
    /// A descriptive name, such as `ConvBnRelu`.
    fn name(&self) -> String {
        let layer = match self.is_padded {
            Some(false) => "Conv",
            Some(true) => "PaddedConv",
            None => "Linear",
        };
        let norm = if self.norm.is_some() { "Bn" } else { "" };
        let activation = self.activation.map(Activation::name).and_then(class_name);
        format!("{layer}{norm}{}", activation.unwrap_or_default())
    }

    /// The class.
    pub fn class(&self, name: &str) -> String {
        let (base, what) = match self.is_padded {
            Some(false) => ("nn.Conv2d", "convolution"),
            Some(true) => (Helper::Conv.name(), "convolution"),
            None => ("nn.Linear", "linear layer"),
        };
        let norm = self.norm.map(|_| "batch normalisation");
        let activation_name = self.activation.map(|activation| activation.name().replace('_', " "));
        let parts: Vec<&str> = norm.into_iter().chain(activation_name.as_deref()).collect();
        let mut value = Expr::atom("super().forward(x)");
        let mut text = format!(
            "class {name}({base}):\n    \"\"\"A {what} with {}.\"\"\"\n\n",
            parts.join(" and ")
        );
        if let Some(norm) = self.norm {
            text += &self.constructor(&norm);
            value = Expr::apply("self.bn", vec![value]);
        }
        if let Some(own) = self.activation {
            value = activation(own, value);
        }
        text + "    def forward(self, x: Tensor) -> Tensor:\n" + &value.line(2, "return ", "")
    }

    fn constructor(&self, norm: &BatchNorm) -> String {
        let bias = if self.bias { "True" } else { "False" };
        let (signature, arguments, channels) = match self.is_padded {
            Some(_) => (
                "in_channels: int, out_channels: int, kernel_size: int | tuple[int, int], **options",
                format!("in_channels, out_channels, kernel_size, bias={bias}, **options"),
                "out_channels",
            ),
            None => (
                "in_features: int, out_features: int",
                format!("in_features, out_features, bias={bias}"),
                "out_features",
            ),
        };
        let epsilon = Number::Literal(Value::Number(norm.eps));
        let norm = batch_norm(norm, Expr::atom(channels), epsilon, self.is_padded.is_some());
        let own = "    def __init__(self, ";
        let signature = if signature.len() + own.len() + 10 > 100 {
            format!("    def __init__(\n        self, {signature}\n    ) -> None:\n")
        } else {
            format!("{own}{signature}) -> None:\n")
        };
        format!(
            "{signature}        super().__init__({arguments})\n{}\n",
            norm.line(2, "self.bn = ", "")
        )
    }
}

/// The fused layers of a network by their names.
#[derive(Clone, Debug, Default)]
pub struct FusedNames {
    /// In the order of their first use.
    classes: Vec<(Fused, String)>,
    /// Positions by what a layer is, as text.
    known: HashMap<String, usize>,
}

impl FusedNames {
    /// Names the classes of fused layers in these steps.
    pub fn new(all: impl Iterator<Item = Fused>, names: &mut Names) -> Self {
        let mut fused = Self::default();
        for one in all {
            fused.known.entry(format!("{one:?}")).or_insert_with(|| {
                fused.classes.push((one, names.take(&one.name())));
                fused.classes.len() - 1
            });
        }
        fused
    }

    /// The name of a class.
    pub fn get(&self, fused: &Fused) -> Option<&str> {
        let at = self.known.get(&format!("{fused:?}"))?;
        self.classes.get(*at).map(|(_, name)| &**name)
    }

    /// All classes, in the order of their first use.
    pub fn classes(&self) -> impl Iterator<Item = String> {
        self.classes.iter().map(|(fused, name)| fused.class(name))
    }
}
