//! How the channels of nodes follow from the variables of a space.

use inceptive_ir::{Axis, NodeId, NormOver, Op, Rearrange, Rescale, Shared};

use super::Lowering;
use crate::expr::{Binary, Requirement, Symbol, Tape};

/// How the channels of nodes follow from the variables of a space.
#[derive(Clone, Debug, Default)]
pub(crate) struct Channels {
    /// By node; `None` of a number that follows from none.
    pub(crate) symbols: Vec<Option<Symbol>>,
    /// Convolutions that have as many groups as their input has channels, whatever their number, in the order of the nodes.
    pub(crate) depthwise: Vec<NodeId>,
}

impl Channels {
    pub(super) fn get(&self, node: NodeId) -> Option<Symbol> {
        self.symbols.get(node.index()).copied().flatten()
    }

    /// Notes that of the nodes from a number on, only some are left, by their old and new places.
    pub(super) fn keep(&mut self, from: usize, kept: &[(NodeId, NodeId)]) {
        let symbols: Vec<Option<Symbol>> = kept.iter().map(|&(old, _)| self.get(old)).collect();
        self.symbols.truncate(from);
        if !symbols.is_empty() {
            self.symbols.resize(from, None);
            self.symbols.extend(symbols);
        }
        let depthwise = std::mem::take(&mut self.depthwise);
        let (before, of_part): (Vec<NodeId>, Vec<NodeId>) =
            depthwise.into_iter().partition(|node| node.index() < from);
        let moved = kept.iter().filter(|(old, _)| of_part.binary_search(old).is_ok());
        self.depthwise = before.into_iter().chain(moved.map(|&(_, new)| new)).collect();
    }

    /// Notes a node that was added last.
    pub(super) fn push(&mut self, node: NodeId, channels: Option<Symbol>, is_depthwise: bool) {
        // Nodes of a head that did not fit are gone.
        self.symbols.resize(node.index(), None);
        self.symbols.push(channels);
        while self.depthwise.pop_if(|known| known.index() >= node.index()).is_some() {}
        if is_depthwise {
            self.depthwise.push(node);
        }
    }
}

/// How the channels of a layer follow from the variables of a space.
#[derive(Clone, Default)]
pub(super) struct Outputs {
    pub(super) channels: Option<Symbol>,
    /// Whether it is a convolution with as many groups as its input has channels.
    pub(super) is_depthwise: bool,
    /// The tensors that it uses of other layers.
    pub(super) shared: Shared,
}

impl<'a> Lowering<'a> {
    /// Where it is noted how values follow from the variables of a space.
    pub(super) fn tape(&self) -> Option<&'a Tape> {
        let tape = self.globals.tape()?;
        tape.close_if(!self.sink.is_empty());
        Some(tape)
    }

    /// Whether an auxiliary head is being built.
    pub(crate) fn note_head(&self, is_in_head: bool) {
        if let Some(tape) = self.tape() {
            tape.set_in_head(is_in_head);
        }
    }

    /// How the channels of a new node follow from the variables of a space. Notes what must hold for it to fit.
    pub(super) fn follow_inputs(
        &self,
        op: &Op,
        inputs: &[NodeId],
        outputs: &Outputs,
        tape: &Tape,
    ) -> Option<Symbol> {
        let symbols: Vec<Option<Symbol>> =
            inputs.iter().map(|&input| self.channels.get(input)).collect();
        let operand = |number: usize| {
            let channels = self.graph.node(inputs[number]).shape.channels();
            symbols[number].unwrap_or_else(|| tape.constant(channels.into()))
        };
        let divisible = |channels: Option<Symbol>, groups: u32| {
            if let Some(channels) = channels.filter(|_| groups > 1) {
                tape.check(Requirement::Divisible(channels, groups));
            }
        };
        match op {
            Op::Conv(conv) => {
                if !outputs.is_depthwise {
                    divisible(symbols[0], conv.groups);
                    divisible(outputs.channels, conv.groups);
                }
                outputs.channels
            }
            Op::Linear(_) => outputs.channels,
            Op::ChannelShuffle { groups } => {
                divisible(symbols[0], *groups);
                symbols[0]
            }
            Op::Concat => {
                symbols.iter().find(|symbol| symbol.is_some())?;
                let inputs: Vec<Symbol> = (0..inputs.len()).map(operand).collect();
                Some(tape.sum(&inputs))
            }
            Op::Add { .. } | Op::Multiply => {
                let channels = |number: usize| self.graph.node(inputs[number]).shape.channels();
                let most = (0..inputs.len()).map(channels).max();
                let whole = (0..inputs.len()).find(|&number| Some(channels(number)) == most)?;
                for number in (0..inputs.len()).filter(|&n| symbols[n] != symbols[whole]) {
                    if channels(number) == channels(whole) {
                        tape.check(Requirement::Broadcast(operand(whole), operand(number)));
                    } else if let Some(single) = symbols[number] {
                        // One channel that stands for all here may be several elsewhere.
                        tape.decide(single);
                    }
                }
                symbols[whole]
            }
            Op::Maximum => {
                for number in (1..inputs.len()).filter(|&number| symbols[number] != symbols[0]) {
                    tape.check(Requirement::Equal(operand(0), operand(number)));
                }
                symbols[0]
            }
            Op::ConvTranspose(conv) => {
                divisible(symbols[0], conv.groups);
                divisible(outputs.channels, conv.groups);
                outputs.channels
            }
            Op::Norm(norm) => {
                if let NormOver::Groups(groups) = norm.over {
                    divisible(symbols[0], groups);
                }
                symbols[0]
            }
            Op::Rescale(Rescale { scale, shift }) => {
                if let (Some(channels), 2..) = (symbols[0], scale.len().max(shift.len())) {
                    tape.decide(channels);
                }
                symbols[0]
            }
            Op::Rearrange(rearrange) => {
                let channels = symbols[0]?;
                let area = |block: u32| tape.constant(f64::from(block) * f64::from(block));
                match *rearrange {
                    Rearrange::Slice { axis: Axis::Channels, .. } => {
                        tape.decide(channels);
                        None
                    }
                    Rearrange::Slice { .. } | Rearrange::Pad { .. } => Some(channels),
                    Rearrange::SpaceToDepth { block, .. } => {
                        Some(tape.binary(Binary::Multiply, channels, area(block)))
                    }
                    Rearrange::DepthToSpace { block, .. } => {
                        divisible(Some(channels), block.saturating_mul(block));
                        Some(tape.binary(Binary::Divide, channels, area(block)))
                    }
                }
            }
            Op::Flatten => {
                let area = self.graph.node(inputs[0]).shape.size().area();
                #[expect(clippy::cast_precision_loss, reason = "a number of pixels")]
                let area = tape.constant(area as f64);
                symbols[0].map(|channels| tape.binary(Binary::Multiply, channels, area))
            }
            Op::Input(_) | Op::ChannelMax | Op::ChannelMean => None,
            Op::BatchNorm(_)
            | Op::Lrn(_)
            | Op::Activation(_)
            | Op::Pool(_)
            | Op::GlobalPool(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::Dropout { .. }
            | Op::DropPath { .. }
            | Op::Prelu { .. }
            | Op::Scale(_)
            | Op::Resize(_)
            | Op::Softmax => symbols[0],
        }
    }
}
