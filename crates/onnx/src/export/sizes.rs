//! What fits into a file, before it is written.

use half::f16;
use inceptive_ir::{Graph, NodeId, Op, Size};
use inceptive_weights::{Slot, Weights, slots};

use super::options::{ExportError, MAX_BYTES};

/// Bytes of a value.
const VALUE_BYTES: u64 = size_of::<f32>() as u64;

/// Checks that half precision has every weight of a network, rounded.
pub(super) fn expect_halves(graph: &Graph, weights: &Weights) -> Result<(), ExportError> {
    for slot in slots(graph) {
        let values = weights.get(&slot.path, slot.role)?;
        if values.iter().any(|&value| value.is_finite() && !f16::from_f32(value).is_finite()) {
            return Err(ExportError::BeyondHalf(slot.to_string()));
        }
    }
    Ok(())
}

/// Checks that a network's weights, and the constants that its operators are written with, fit into an ONNX file, before
/// there are any.
///
/// # Errors
/// When they do not.
pub fn expect_size(graph: &Graph) -> Result<(), ExportError> {
    let values = |slot: Slot| slot.shape.iter().map(|&dim| dim as u64).product::<u64>();
    let values: u64 = slots(graph).into_iter().map(values).sum();
    let weights = values.saturating_mul(VALUE_BYTES);
    match weights.saturating_add(constant_bytes(graph)) {
        bytes if bytes >= MAX_BYTES => Err(ExportError::TooLarge { bytes }),
        _ => Ok(()),
    }
}

/// Bytes of a file's constants that grow with the network and are no weights: matrices of adaptive pooling, and factors
/// and additions that normalisations do not have.
pub fn constant_bytes(graph: &Graph) -> u64 {
    let values = graph.ids().map(|id| Beside::of(graph, id).constants);
    values.fold(0, u64::saturating_add).saturating_mul(VALUE_BYTES)
}

/// Bytes of the largest value, of one image, that engines compute between two values of the network: averages over
/// rows alone, in adaptive pooling.
pub fn intermediate_bytes(graph: &Graph) -> u64 {
    let values = graph.ids().map(|id| Beside::of(graph, id).intermediate);
    values.max().unwrap_or(0).saturating_mul(VALUE_BYTES)
}

/// Numbers of values that a node is written with, beside its weights and its result.
#[derive(Default)]
struct Beside {
    constants: u64,
    intermediate: u64,
}

impl Beside {
    fn of(graph: &Graph, id: NodeId) -> Self {
        let node = graph.node(id);
        let product = |a: u32, b: u32| u64::from(a).saturating_mul(b.into());
        match &node.op {
            Op::AdaptiveAvgPool { output } => {
                let from = graph.input_shapes(id)[0];
                let (channels, size) = (u64::from(from.channels()), from.size());
                if is_plain(size, *output) {
                    return Self::default();
                }
                let rows = product(size.height, output.height);
                Self {
                    constants: rows.saturating_add(product(size.width, output.width)),
                    intermediate: product(output.height, size.width).saturating_mul(channels),
                }
            }
            Op::BatchNorm(norm) => {
                let absent = u32::from(!norm.scale) + u32::from(!norm.center);
                Self { constants: product(node.shape.channels(), absent), intermediate: 0 }
            }
            // Nothing, or a few numbers, or values that are as large as the result.
            Op::Input(_)
            | Op::Conv(_)
            | Op::Linear(_)
            | Op::Lrn(_)
            | Op::Activation(_)
            | Op::Pool(_)
            | Op::GlobalPool(_)
            | Op::ChannelMax
            | Op::ChannelMean
            | Op::Concat
            | Op::Add { .. }
            | Op::Multiply
            | Op::Flatten
            | Op::Dropout { .. }
            | Op::Softmax
            | Op::ChannelShuffle { .. }
            | Op::Maximum
            | Op::DropPath { .. }
            | Op::ConvTranspose(_)
            | Op::Prelu { .. }
            | Op::Scale(_)
            | Op::Resize(_)
            | Op::Rearrange(_) => Self::default(),
            // At most a factor and a shift of each channel, which a normalisation without them is written with.
            Op::Norm(_) | Op::Rescale(_) => {
                Self { constants: product(node.shape.channels(), 2), intermediate: 0 }
            }
        }
    }
}

/// Whether adaptive pooling is the same as plain pooling, because the grid divides the map.
pub(super) const fn is_plain(from: Size, output: Size) -> bool {
    from.height.is_multiple_of(output.height) && from.width.is_multiple_of(output.width)
}
