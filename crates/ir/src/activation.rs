//! The elementwise nonlinearities.

/// An elementwise nonlinearity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x * sigmoid(x)`, also called swish.
    Silu,
    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// `x * hard_sigmoid(x)`.
    HardSwish,
    /// `x` where it is positive, else `slope * x` (Maas et al. 2013).
    LeakyRelu {
        /// The slope below zero.
        slope: f32,
    },
    /// `x` where it is positive, else `alpha * (exp(x) - 1)` (Clevert et al. 2015).
    Elu {
        /// The limit below zero, negated.
        alpha: f32,
    },
    /// ELU with the scale and the alpha that keep mean and variance (Klambauer et al. 2017).
    Selu,
    /// `x * Phi(x)`, with the distribution function of the normal distribution (Hendrycks and Gimpel 2016).
    Gelu,
    /// The approximation of [`Activation::Gelu`] by a hyperbolic tangent.
    GeluTanh,
    /// `x * tanh(softplus(x))` (Misra 2019).
    Mish,
    /// `ln(1 + exp(x))`.
    Softplus,
    /// The hyperbolic tangent.
    Tanh,
    /// `min(max(x, low), high)`.
    Clip {
        /// The least result.
        low: f32,
        /// The largest result.
        high: f32,
    },
}

impl Activation {
    /// The scale of [`Activation::Selu`].
    pub const SELU_SCALE: f32 = 1.050_701;
    /// The alpha of [`Activation::Selu`].
    pub const SELU_ALPHA: f32 = 1.673_263_2;

    /// The name that the YAML language, tables and paths use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::Sigmoid => "sigmoid",
            Self::Silu => "silu",
            Self::HardSigmoid => "hard_sigmoid",
            Self::HardSwish => "hard_swish",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Elu { .. } => "elu",
            Self::Selu => "selu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Mish => "mish",
            Self::Softplus => "softplus",
            Self::Tanh => "tanh",
            Self::Clip { .. } => "clip",
        }
    }

    /// Every activation, those with numbers with the usual ones.
    pub const ALL: [Self; 15] = [
        Self::Relu,
        Self::Relu6,
        Self::Sigmoid,
        Self::Silu,
        Self::HardSigmoid,
        Self::HardSwish,
        Self::LeakyRelu { slope: 0.01 },
        Self::Elu { alpha: 1.0 },
        Self::Selu,
        Self::Gelu,
        Self::GeluTanh,
        Self::Mish,
        Self::Softplus,
        Self::Tanh,
        Self::Clip { low: -1.0, high: 1.0 },
    ];

    /// Its numbers by name, in a fixed order.
    pub(crate) fn numbers(self) -> Vec<(&'static str, f32)> {
        match self {
            Self::LeakyRelu { slope } => vec![("slope", slope)],
            Self::Elu { alpha } => vec![("alpha", alpha)],
            Self::Clip { low, high } => vec![("low", low), ("high", high)],
            Self::Relu
            | Self::Relu6
            | Self::Sigmoid
            | Self::Silu
            | Self::HardSigmoid
            | Self::HardSwish
            | Self::Selu
            | Self::Gelu
            | Self::GeluTanh
            | Self::Mish
            | Self::Softplus
            | Self::Tanh => vec![],
        }
    }
}
