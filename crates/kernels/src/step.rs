//! The steps of programs.

use crate::run::Run;
pub use crate::{
    chain::Chain,
    conv::{Conv, ConvData, ConvWeights, Pack, Unpack, Winograd},
    layout::{Flatten, Gather, Load, Store},
    pointwise::{Affine, Joined, Lrn, LrnFactors, Softmax, Term},
    window::{Depthwise, Pool, PoolKind},
};

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// A step of a program.
        #[derive(Debug)]
        pub enum Step {
            $($(#[$doc])* $name($name),)*
        }

        impl Step {
            pub(crate) fn as_run(&self) -> &dyn Run {
                match self {
                    $(Self::$name(step) => step,)*
                }
            }
        }

        $(impl From<$name> for Step {
            fn from(step: $name) -> Self {
                Self::$name(step)
            }
        })*
    };
}

steps!(
    /// Brings the network's input in.
    Load,
    /// Takes the network's output out.
    Store,
    /// A convolution or a fully connected layer.
    Conv,
    /// Several steps for some images at a time.
    Chain,
    /// The gradient of a convolution's input.
    ConvData,
    /// The gradient of a convolution's weights.
    ConvWeights,
    /// Weights in the order in which they are read.
    Pack,
    /// The gradient of weights in the order of their tensor.
    Unpack,
    /// A convolution of 3x3 by Winograd's method.
    Winograd,
    /// A convolution of each channel by itself.
    Depthwise,
    /// The maximum or the mean of windows.
    Pool,
    /// A scale and a shift of each channel, and an activation.
    Affine,
    /// A sum or a product.
    Joined,
    /// Softmax.
    Softmax,
    /// Local response normalisation.
    Lrn,
    /// Maps to a vector.
    Flatten,
    /// Channels in another order.
    Gather,
);

impl Step {
    /// The operator, for tables.
    pub fn name(&self) -> &'static str {
        self.as_run().name()
    }

    /// Into how many tasks it is cut.
    pub fn tasks(&self) -> usize {
        self.as_run().tasks()
    }
}
