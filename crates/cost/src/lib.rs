//! Counts of a network: parameters, compute, activations, memory and receptive field.
//!
//! Everything is counted exactly from the graph; this crate runs nothing, measures nothing and reads no
//! files. MACs are multiply-accumulates of convolutions, transposed convolutions and linear layers without bias. FLOPs are twice
//! the MACs plus what every other operator does, by the rules below. Values are 32-bit floats.
//!
//! | operator | FLOPs beside the MACs |
//! |---|---|
//! | convolution, transposed convolution, linear | 1 per output if there is a bias |
//! | batch normalisation | 2 per value: statistics, gamma and beta folded into a factor and a summand |
//! | group, instance and layer normalisation | 6 per value, and 1 each for factor and shift: sum; difference, square and sum; difference and product |
//! | scale, rescale | 1 per value each for factor and shift |
//! | local response normalisation | 2 `size` + 3 per value: `size` squares added up (2 `size` - 1), times alpha, plus k, power, quotient |
//! | relu | 1 per value |
//! | relu6 | 2 per value |
//! | sigmoid | 4 per value: negation, exponential, sum, quotient |
//! | silu | 5 per value: sigmoid and product |
//! | hard_sigmoid | 4 per value: sum, minimum, maximum, quotient |
//! | hard_swish | 5 per value: hard_sigmoid and product |
//! | leaky_relu, prelu | 2 per value: comparison and product |
//! | clip | 2 per value |
//! | tanh | 1 per value |
//! | softplus | 3 per value: exponential, sum, logarithm |
//! | elu | 4 per value: comparison, exponential, difference, product; selu has one more product |
//! | gelu | 5 per value: quotient, error function, sum, two products; 9 with the tanh approximation |
//! | mish | 5 per value: softplus, tanh, product |
//! | maximum pooling | window area - 1 per output |
//! | average pooling | window area per output: area - 1 sums and a quotient |
//! | L2 pooling | 2 window area per output: squares, sums, root |
//! | maximum over channels | channels - 1 per output |
//! | mean over channels | channels per output: channels - 1 sums and a quotient |
//! | resize | none; 7 per output with bilinear interpolation |
//! | maximum of inputs | inputs - 1 per value |
//! | sum | inputs - 1 per value, and 1 for each input with a factor other than 1 |
//! | product | inputs - 1 per value |
//! | softmax over n | 5 n - 2: n - 1 maxima, n differences, n exponentials, n - 1 sums, n quotients |
//! | dropout, stochastic depth | none at inference; 2 per value in training: mask and scale |
//! | concatenation, flatten, channel shuffle, slice, padding, space-to-depth and back | none |
//!
//! An exponential, a power or a quotient counts as one; windows count in full at the borders.
//!
//! ```
//! use inceptive_cost::{Convention, Cost, Mode};
//! use inceptive_ir::{Graph, Linear, NewNode, Op, Path, Shape};
//!
//! let mut graph = Graph::new(Shape::vector(1024), None)?;
//! let linear = Op::Linear(Linear { out_features: 1000, bias: true });
//! graph.add(NewNode::new(linear, Path::new("classifier")), &[graph.input()])?;
//!
//! let total = Cost::new(&graph, Mode::Inference).total;
//! assert_eq!((total.params, total.macs, total.flops), (1_025_000, 1_024_000, 2_049_000));
//! assert_eq!(Convention::Ptflops.total(&graph), 1_025_000);
//! # Ok::<(), inceptive_ir::GraphError>(())
//! ```

mod convention;
mod cost;
mod diff;
mod group;
mod memory;
mod mode;
mod node;
mod receptive_field;
mod reconcile;
mod totals;

pub use convention::{Convention, Rule, UnknownConvention};
pub use cost::{BatchTooLarge, Cost};
pub use diff::{
    AttributeChange, Change, Diff, HeadChange, HeadSide, ModuleChange, NodeChange, NodeSide, diff,
};
pub use group::{ModuleCost, OpCost, by_module, by_op};
pub use memory::{Moment, Peak, moments};
pub use mode::Mode;
pub use node::NodeCost;
pub use receptive_field::ReceptiveField;
pub use reconcile::{Reason, Reconciliation, Row, reconcile};
pub use totals::Totals;

/// Bytes of a value; all are 32-bit floats.
pub const BYTES_PER_VALUE: u64 = 4;
