//! Classes of layers that are fused with their normalisation and activation.

use std::collections::HashMap;

use inceptive_ir::{Activation, BatchNorm, Op};

use super::{
    expr::Expr,
    helper::Helper,
    names::{Names, class_name},
    step::{Step, Value, is_symmetric},
    torch::{Number, activation, batch_norm},
};

/// A layer with its normalisation and activation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused {
    /// Whether a convolution's padding differs between sides; `None` for a linear layer.
    is_padded: Option<bool>,
    /// Whether the layer has a bias.
    bias: bool,
    /// The normalisation.
    norm: Option<BatchNorm>,
    /// The activation.
    activation: Option<Activation>,
}

impl Fused {
    /// The class that fuses a step with its normalisation and activation, if there is something to fuse.
    pub fn of(step: &Step) -> Option<Self> {
        let (is_padded, bias) = match &step.op {
            Op::Conv(conv) => (Some(!is_symmetric(conv.padding)), conv.bias),
            Op::Linear(linear) => (None, linear.bias),
            _ => return None,
        };
        if step.norm.is_none() && step.activation.is_none() {
            return None;
        }
        // Without a normalisation the call says whether there is a bias.
        Some(Self {
            is_padded,
            bias: bias || step.norm.is_none(),
            norm: step.norm,
            activation: step.activation,
        })
    }

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
