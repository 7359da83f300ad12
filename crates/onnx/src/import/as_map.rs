//! Vectors that the file makes maps of, and inputs whose dimensions have another order.

use std::collections::HashMap;

use inceptive_ir::{BlockOrder, Conv, Linear, Op, Padding, Rearrange, Role, Shape, Size};

use super::{
    constant::Constant,
    error::{UnsupportedOp, short},
    importer::{Draft, Importer, Value, sizes_text},
    layout::{Axis, Layout, Part},
};

/// Maximum number of nodes that are made anew for one map.
const MAX_CHAIN: usize = 64;

impl Importer {
    /// The map that a vector becomes. Between a map of one pixel and this one, linear layers become convolutions of the
    /// same weights, as in gates of channels.
    pub(super) fn as_map(
        &mut self,
        path: &str,
        vector: usize,
        shape: Shape,
    ) -> Result<Option<usize>, UnsupportedOp> {
        if let Op::Flatten = self.drafts[vector].op {
            let source = self.drafts[vector].inputs[0];
            if self.drafts[source].shape == shape {
                return Ok(Some(source));
            }
        }
        if self.is_only_the_input(vector) {
            let flat = Layout::of(shape, self.batch)
                .reshaped(&[signed(self.batch), signed(shape.elements())]);
            if let Some(flat) = flat {
                self.drafts[0].op = Op::Input(shape);
                self.drafts[0].shape = shape;
                self.values.insert(self.input.clone(), Value::View(0, flat));
                return Ok(Some(0));
            }
        }
        let mut chain = Vec::new();
        let mut known = HashMap::new();
        if !self.collect_chain(vector, &mut chain, &mut known) {
            return Ok(None);
        }
        for &at in &chain {
            let map = self.one_pixel(at, &known)?;
            known.insert(at, map);
        }
        let Some(&map) = known.get(&vector) else { return Ok(None) };
        let size = shape.size();
        if size == Size::square(1) {
            return Ok(Some(map));
        }
        if size.height != size.width {
            return Ok(None);
        }
        let (block, order) = (size.height, BlockOrder::ChannelsFirst);
        let op = Op::Rearrange(Rearrange::DepthToSpace { block, order });
        self.draft(path.to_owned(), op, vec![map], vec![]).map(Some)
    }

    /// Whether a node is the input and no other reads it.
    fn is_only_the_input(&self, draft: usize) -> bool {
        draft == 0 && self.drafts.iter().all(|draft| !draft.inputs.contains(&0))
    }

    /// The nodes between flattened maps of one pixel and a vector, in order. `known` gets the maps.
    fn collect_chain(
        &self,
        vector: usize,
        chain: &mut Vec<usize>,
        known: &mut HashMap<usize, usize>,
    ) -> bool {
        let mut stack = vec![(vector, false)];
        while let Some((at, is_done)) = stack.pop() {
            if is_done {
                if !chain.contains(&at) {
                    chain.push(at);
                }
                continue;
            }
            if known.contains_key(&at) || chain.contains(&at) {
                continue;
            }
            let Draft { op, inputs, .. } = &self.drafts[at];
            if chain.len() + stack.len() > MAX_CHAIN {
                return false;
            }
            match op {
                Op::Flatten if self.drafts[inputs[0]].shape.size() == Size::square(1) => {
                    known.insert(at, inputs[0]);
                }
                Op::Linear(_)
                | Op::BatchNorm(_)
                | Op::Activation(_)
                | Op::Concat
                | Op::Add { .. }
                | Op::Multiply
                | Op::Maximum
                | Op::Dropout { .. }
                | Op::Softmax
                | Op::Norm(_)
                | Op::Prelu { .. }
                | Op::Scale(_)
                | Op::Rescale(_)
                | Op::Rearrange(Rearrange::Slice { .. }) => {
                    stack.push((at, true));
                    stack.extend(inputs.iter().map(|&input| (input, false)));
                }
                Op::Input(_)
                | Op::Conv(_)
                | Op::Lrn(_)
                | Op::Pool(_)
                | Op::GlobalPool(_)
                | Op::ChannelMax
                | Op::ChannelMean
                | Op::AdaptiveAvgPool { .. }
                | Op::Flatten
                | Op::DropPath { .. }
                | Op::ChannelShuffle { .. }
                | Op::ConvTranspose(_)
                | Op::Resize(_)
                | Op::Rearrange(_) => return false,
            }
        }
        true
    }

    /// A node of vectors as one of maps of one pixel.
    fn one_pixel(
        &mut self,
        at: usize,
        known: &HashMap<usize, usize>,
    ) -> Result<usize, UnsupportedOp> {
        let Draft { op, path, inputs, tensors, is_read_again, origins, .. } =
            self.drafts[at].clone();
        let inputs: Vec<usize> =
            inputs.iter().map(|input| known.get(input).copied().unwrap_or(*input)).collect();
        let (op, tensors) = match op {
            Op::Linear(Linear { out_features, bias }) => {
                let (kernel, stride) = (Size::square(1), Size::square(1));
                let (padding, dilation, groups) = (Padding::NONE, Size::square(1), 1);
                let out_channels = out_features;
                let conv = Conv { kernel, out_channels, stride, padding, dilation, groups, bias };
                (Op::Conv(conv), tensors.into_iter().map(as_kernel).collect())
            }
            other => (other, tensors),
        };
        let map = self.draft(path, op, inputs, tensors)?;
        self.drafts[map].is_read_again = is_read_again;
        self.drafts[map].origins = origins;
        Ok(map)
    }

    /// An input that no node reads yet, in an order that makes this layout of it one of channels, height and width.
    pub(super) fn reordered_input(&mut self, draft: usize, layout: &Layout) -> bool {
        if !self.is_only_the_input(draft) {
            return false;
        }
        let Some(dims) = layout.behind_batch() else { return false };
        let before = self.drafts[0].shape;
        let size =
            |dim: &[Part]| u32::try_from(dim.iter().map(|part| part.size).product::<u64>()).ok();
        let [Some(channels), Some(height), Some(width)] = dims.map(size) else { return false };
        // Where the axes of the file are now.
        let is_single = dims.iter().all(|dim| dim.len() <= 1);
        let shape = Shape::map(channels, height, width);
        if !is_single || shape.elements() != before.elements() {
            return false;
        }
        let mut old: Vec<(Part, usize)> =
            dims.iter().enumerate().filter_map(|(at, dim)| Some((*dim.first()?, at))).collect();
        // In the order of the file: by axis, and from the largest steps of one to the smallest.
        let rank = |axis| match axis {
            Axis::Batch => 0,
            Axis::Channels => 1,
            Axis::Height => 2,
            Axis::Width => 3,
        };
        old.sort_by_key(|(part, _)| (rank(part.axis), std::cmp::Reverse(part.step)));
        let sizes = Layout::of(before, self.batch).sizes();
        let own = Layout::of(shape, self.batch);
        let order: Vec<usize> = old.iter().map(|(_, at)| at + 1).collect();
        let rest = (1..4).filter(|at| !order.contains(at));
        let order: Vec<usize> =
            std::iter::once(0).chain(order.iter().copied()).chain(rest).collect();
        let Some(original) = own.permuted(&order).and_then(|layout| layout.reshaped(&sizes)) else {
            return false;
        };
        self.drafts[0].op = Op::Input(shape);
        self.drafts[0].shape = shape;
        self.values.insert(self.input.clone(), Value::View(0, original));
        true
    }

    /// That the input has other dimensions than in the file, if what reads it first gives it these.
    pub(super) fn remark_on_input(&self, own: &Layout) -> Option<String> {
        let Some(Value::View(0, original)) = self.values.get(&self.input) else { return None };
        if original == own {
            return None;
        }
        let original =
            original.names().unwrap_or_else(|| format!("of {}", sizes_text(&original.sizes())));
        let here = match self.drafts[0].shape {
            Shape::Map { .. } => "batch x channels x height x width",
            Shape::Vector { .. } => "batch x features",
        };
        Some(format!(
            "the input `{}` is {original} in the file, and {here} here",
            short(&self.input)
        ))
    }
}

/// A matrix as a kernel of one pixel; a bias as it is.
fn as_kernel((role, tensor): (Role, Constant)) -> (Role, Constant) {
    if role != Role::Weight {
        return (role, tensor);
    }
    let dims = [&tensor.dims[..], &[1, 1]].concat();
    match tensor.reshaped(dims) {
        Some(kernel) => (role, kernel),
        None => (role, tensor),
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
