//! SynFlow (Tanaka et al. 2020, *Pruning neural networks without any data by iteratively conserving synaptic flow*).

use std::sync::atomic::AtomicBool;

use inceptive_ir::{Conv, Graph, Node, NodeId, Op, Pool, PoolKind, Role, Shape};
use inceptive_results::ProxyScore;
use inceptive_weights::{Missing, Weights};

use super::{ScoreError, go_on};
use crate::error::TrainError;

/// Maximum number of values that are computed between two checks of the request to stop, where each takes little time.
const CHUNK: usize = 1 << 16;

/// The logarithm of the sum over all weights of weight times gradient, where the loss is the sum of the outputs for an image of
/// ones, and weights are replaced by their absolute values (equation 2). Normalisations, activations, shifts and softmax are left
/// out (Abdelfattah et al. 2021, section 3), so the network is a sum of products of weights along its paths. Then the sum over all
/// weights is the derivative by a factor of all weights, which is computed forwards with the values.
pub(super) fn score(
    graph: &Graph,
    weights: &Weights,
    stop: &AtomicBool,
) -> Result<f64, ScoreError> {
    let mut readers = reader_counts(graph);
    let mut flows: Vec<Option<Flow>> = graph.ids().map(|_| None).collect();
    for (id, node) in graph.nodes() {
        go_on(stop)?;
        let inputs = graph.inputs(id);
        let flow = flow(graph, node, &inputs, &flows, weights, stop)?;
        flows[id.index()] = Some(flow);
        for input in last_read(&mut readers, inputs) {
            flows[input.index()] = None;
        }
    }
    let output = flows[graph.output().index()].take().unwrap_or_default();
    Ok(output.derivatives.iter().sum::<f64>().ln())
}

/// The most memory that is needed at the same time beside the weights, in bytes.
pub(super) fn needed_bytes(graph: &Graph) -> u64 {
    let of_map = |id: NodeId| Flow::bytes(graph.node(id).shape);
    let mut readers = reader_counts(graph);
    let (mut held, mut most) = (0_u64, 0_u64);
    for id in graph.ids() {
        let inputs = graph.inputs(id);
        // Sums, or the places of a window: half of what is read.
        let beside = inputs.first().map_or(0, |&input| of_map(input) / 2);
        held = held.saturating_add(of_map(id));
        most = most.max(held.saturating_add(beside));
        for input in last_read(&mut readers, inputs) {
            held = held.saturating_sub(of_map(input));
        }
    }
    most
}

/// How many nodes read each node.
fn reader_counts(graph: &Graph) -> Vec<usize> {
    graph.ids().map(|id| graph.consumers(id).len()).collect()
}

/// Those of the inputs of a node that no later node reads.
fn last_read(
    readers: &mut [usize],
    inputs: impl IntoIterator<Item = NodeId>,
) -> impl Iterator<Item = NodeId> {
    inputs.into_iter().filter(|input| {
        readers[input.index()] -= 1;
        readers[input.index()] == 0
    })
}

/// A feature map, in the order channels, rows, columns, and its derivative by a factor of all weights.
#[derive(Clone, Debug, Default, PartialEq)]
struct Flow {
    values: Vec<f64>,
    derivatives: Vec<f64>,
}

impl Flow {
    fn zeros(shape: Shape) -> Self {
        let len = usize::try_from(shape.elements()).unwrap_or(usize::MAX);
        Self { values: vec![0.0; len], derivatives: vec![0.0; len] }
    }

    /// The size of a map with its derivative.
    fn bytes(shape: Shape) -> u64 {
        shape.elements().saturating_mul(2 * size_of::<f64>() as u64)
    }

    /// Several one after the other.
    fn joined<'f>(
        flows: impl Iterator<Item = &'f Self> + Clone,
        stop: &AtomicBool,
    ) -> Result<Self, ScoreError> {
        let values = flows.clone().map(|flow| flow.values.as_slice());
        let derivatives = flows.map(|flow| flow.derivatives.as_slice());
        Ok(Self { values: joined(values, stop)?, derivatives: joined(derivatives, stop)? })
    }

    /// Adds a number of another flow, times a factor.
    fn add(&mut self, to: usize, other: &Self, from: usize, factor: f64) {
        self.values[to] += factor * other.values[from];
        self.derivatives[to] += factor * other.derivatives[from];
    }

    /// Values and derivatives together, which weights are multiplied by in derivatives.
    fn sums(&self, stop: &AtomicBool) -> Result<Vec<f64>, ScoreError> {
        let mut sums = Vec::with_capacity(self.values.len());
        for (values, derivatives) in self.values.chunks(CHUNK).zip(self.derivatives.chunks(CHUNK)) {
            go_on(stop)?;
            sums.extend(values.iter().zip(derivatives).map(|(value, other)| value + other));
        }
        Ok(sums)
    }
}

/// Copies slices one after the other.
fn joined<'s>(
    parts: impl Iterator<Item = &'s [f64]> + Clone,
    stop: &AtomicBool,
) -> Result<Vec<f64>, ScoreError> {
    let mut all = Vec::with_capacity(parts.clone().map(<[f64]>::len).sum());
    for some in parts.flat_map(|part| part.chunks(CHUNK)) {
        go_on(stop)?;
        all.extend_from_slice(some);
    }
    Ok(all)
}

/// Channels, rows and columns of a map.
fn sizes(shape: Shape) -> [usize; 3] {
    let size = shape.size();
    [shape.channels() as usize, size.height as usize, size.width as usize]
}

fn flow(
    graph: &Graph,
    node: &Node,
    inputs: &[NodeId],
    flows: &[Option<Flow>],
    weights: &Weights,
    stop: &AtomicBool,
) -> Result<Flow, ScoreError> {
    let read: Vec<(&Flow, Shape)> = inputs
        .iter()
        .filter_map(|id| Some((flows[id.index()].as_ref()?, graph.node(*id).shape)))
        .collect();
    let kernel = || {
        let found: Result<_, Missing> = weights.of(node, Role::Weight);
        found.map_err(|missing| ScoreError::Train(TrainError::from(missing)))
    };
    let Some(&(input, from)) = read.first() else {
        let zeros = Flow::zeros(node.shape);
        return Ok(Flow { values: vec![1.0; zeros.values.len()], ..zeros });
    };
    match &node.op {
        Op::Input(_)
        | Op::BatchNorm(_)
        | Op::Norm(_)
        | Op::Lrn(_)
        | Op::Activation(_)
        | Op::Prelu { .. }
        | Op::Scale(_)
        | Op::Rescale(_)
        | Op::Dropout { .. }
        | Op::DropPath { .. }
        | Op::Flatten
        | Op::Softmax => Flow::joined([input].into_iter(), stop),
        Op::Conv(conv) => self::conv((input, from), node.shape, conv, kernel()?, stop),
        Op::Linear(_) => linear(input, node.shape, kernel()?, stop),
        Op::Pool(pool) => self::pool((input, from), node.shape, pool, stop),
        Op::GlobalPool(kind) => {
            let [channels, ..] = sizes(from);
            let area = input.values.len() / channels.max(1);
            let window = |at: usize| (at * area..(at + 1) * area, area);
            pooled(input, node.shape, *kind, stop, window)
        }
        Op::AdaptiveAvgPool { .. } => adaptive((input, from), node.shape, stop),
        Op::Concat => Flow::joined(read.iter().map(|(it, _)| *it), stop),
        Op::Add { scales } => sum(&read, node.shape, scales, stop),
        Op::ChannelShuffle { groups } => shuffle(input, from, *groups as usize, stop),
        Op::ChannelMax
        | Op::ChannelMean
        | Op::Multiply
        | Op::Maximum
        | Op::ConvTranspose(_)
        | Op::Resize(_)
        | Op::Rearrange(_) => {
            Err(ScoreError::Operator { score: ProxyScore::Synflow, op: node.op.name() })
        }
    }
}

/// The outputs for which a tap of a window reads from within the input, along one axis.
fn inside(tap: usize, stride: u32, padding: u32, from: usize, to: usize) -> std::ops::Range<usize> {
    let (stride, padding) = (stride as usize, padding as usize);
    let first = padding.saturating_sub(tap).div_ceil(stride);
    let end = (from + padding).saturating_sub(tap).div_ceil(stride);
    first..end.min(to).max(first)
}

fn conv(
    (input, from): (&Flow, Shape),
    to: Shape,
    conv: &Conv,
    kernel: &[f32],
    stop: &AtomicBool,
) -> Result<Flow, ScoreError> {
    let ([channels, height, width], [outputs, rows, columns]) = (sizes(from), sizes(to));
    let groups = conv.groups as usize;
    let (ins, outs) = (channels / groups, outputs / groups);
    let (taps_y, taps_x) = (conv.kernel.height as usize, conv.kernel.width as usize);
    let (sums, mut flow) = (input.sums(stop)?, Flow::zeros(to));
    let stride = conv.stride.width as usize;
    for (number, weight) in kernel.iter().enumerate() {
        let weight = f64::from(weight.abs());
        let (tap_x, rest) = (number % taps_x, number / taps_x);
        let (tap_y, rest) = (rest % taps_y, rest / taps_y);
        let (channel, output) = (rest % ins, rest / ins);
        let channel = output / outs * ins + channel;
        let tap_y = tap_y * conv.dilation.height as usize;
        let tap_x = tap_x * conv.dilation.width as usize;
        let xs = inside(tap_x, conv.stride.width, conv.padding.left, width, columns);
        if xs.is_empty() {
            continue;
        }
        for y in inside(tap_y, conv.stride.height, conv.padding.top, height, rows) {
            go_on(stop)?;
            let row = y * conv.stride.height as usize + tap_y - conv.padding.top as usize;
            let first = xs.start * stride + tap_x - conv.padding.left as usize;
            let read = (channel * height + row) * width + first;
            let written = (output * rows + y) * columns + xs.start;
            let written = written..written + xs.len();
            let values = input.values[read..].iter().step_by(stride);
            for (sum, value) in flow.values[written.clone()].iter_mut().zip(values) {
                *sum += weight * value;
            }
            let sums = sums[read..].iter().step_by(stride);
            for (derivative, sum) in flow.derivatives[written].iter_mut().zip(sums) {
                *derivative += weight * sum;
            }
        }
    }
    Ok(flow)
}

fn linear(input: &Flow, to: Shape, kernel: &[f32], stop: &AtomicBool) -> Result<Flow, ScoreError> {
    let (sums, mut flow) = (input.sums(stop)?, Flow::zeros(to));
    let results = flow.values.iter_mut().zip(&mut flow.derivatives);
    for ((value, derivative), row) in results.zip(kernel.chunks_exact(input.values.len().max(1))) {
        go_on(stop)?;
        for ((weight, input), sum) in row.iter().zip(&input.values).zip(&sums) {
            let weight = f64::from(weight.abs());
            *value += weight * input;
            *derivative += weight * sum;
        }
    }
    Ok(flow)
}

fn pool(
    (input, from): (&Flow, Shape),
    to: Shape,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<Flow, ScoreError> {
    let ([_, height, width], [_, rows, columns]) = (sizes(from), sizes(to));
    let Pool { kernel, stride, dilation, padding, .. } = *pool;
    let axis = |at: usize, stride: u32, taps: u32, dilation: u32, before: u32, end: usize| {
        let first = at * stride as usize;
        let places = (0..taps as usize).map(move |tap| first + tap * dilation as usize);
        let inside: Vec<usize> = places
            .clone()
            .filter_map(|place| place.checked_sub(before as usize).filter(|&it| it < end))
            .collect();
        (inside, places)
    };
    pooled(input, to, pool.kind, stop, |at| {
        let (channel, y, x) = (at / (rows * columns), at / columns % rows, at % columns);
        let (ys, all_y) =
            axis(y, stride.height, kernel.height, dilation.height, padding.top, height);
        let (xs, all_x) = axis(x, stride.width, kernel.width, dilation.width, padding.left, width);
        let places: Vec<usize> = ys
            .iter()
            .flat_map(|y| xs.iter().map(move |x| (channel * height + y) * width + x))
            .collect();
        let count = match pool.count_include_pad {
            true => {
                let (bottom, right) = (
                    height + (padding.top + padding.bottom) as usize,
                    width + (padding.left + padding.right) as usize,
                );
                all_y.filter(|&y| y < bottom).count() * all_x.filter(|&x| x < right).count()
            }
            false => places.len(),
        };
        (places, count)
    })
}

/// Pools what lies at places of the input, and divides averages by a count.
fn pooled<P: IntoIterator<Item = usize> + Clone>(
    input: &Flow,
    to: Shape,
    kind: PoolKind,
    stop: &AtomicBool,
    window: impl Fn(usize) -> (P, usize),
) -> Result<Flow, ScoreError> {
    let mut flow = Flow::zeros(to);
    for at in 0..flow.values.len() {
        // A window may be as large as the map.
        go_on(stop)?;
        let (places, count) = window(at);
        match kind {
            PoolKind::Average => {
                #[expect(clippy::cast_precision_loss, reason = "a window is small")]
                let factor = 1.0 / count.max(1) as f64;
                places.into_iter().for_each(|from| flow.add(at, input, from, factor));
            }
            PoolKind::Max => {
                let largest =
                    places.into_iter().max_by(|&a, &b| input.values[a].total_cmp(&input.values[b]));
                largest.into_iter().for_each(|from| flow.add(at, input, from, 1.0));
            }
            PoolKind::L2 => {
                let squares = places.clone().into_iter().map(|from| input.values[from].powi(2));
                let norm = squares.sum::<f64>().sqrt();
                let products =
                    places.into_iter().map(|from| input.values[from] * input.derivatives[from]);
                flow.derivatives[at] = products.sum::<f64>() / norm.max(f64::MIN_POSITIVE);
                flow.values[at] = norm;
            }
        }
    }
    Ok(flow)
}

fn adaptive(
    (input, from): (&Flow, Shape),
    to: Shape,
    stop: &AtomicBool,
) -> Result<Flow, ScoreError> {
    let ([_, height, width], [_, rows, columns]) = (sizes(from), sizes(to));
    let range = |at: usize, from: usize, to: usize| at * from / to..((at + 1) * from).div_ceil(to);
    pooled(input, to, PoolKind::Average, stop, |at| {
        let (channel, y, x) = (at / (rows * columns), at / columns % rows, at % columns);
        let (ys, xs) = (range(y, height, rows), range(x, width, columns));
        let places: Vec<usize> =
            ys.flat_map(|y| xs.clone().map(move |x| (channel * height + y) * width + x)).collect();
        let count = places.len();
        (places, count)
    })
}

/// A sum; inputs of one channel or one pixel stand for all. Factors count without their signs, as weights do.
fn sum(
    inputs: &[(&Flow, Shape)],
    to: Shape,
    scales: &[f32],
    stop: &AtomicBool,
) -> Result<Flow, ScoreError> {
    let [_, rows, columns] = sizes(to);
    let mut flow = Flow::zeros(to);
    for (number, (input, shape)) in inputs.iter().enumerate() {
        let factor = scales.get(number).map_or(1.0, |scale| f64::from(scale.abs()));
        let [channels, height, width] = sizes(*shape);
        for at in 0..flow.values.len() {
            if at % CHUNK == 0 {
                go_on(stop)?;
            }
            let (channel, y, x) = (at / (rows * columns), at / columns % rows, at % columns);
            let channel = if channels == 1 { 0 } else { channel };
            let (y, x) = if height * width == 1 { (0, 0) } else { (y, x) };
            flow.add(at, input, (channel * height + y) * width + x, factor);
        }
    }
    Ok(flow)
}

fn shuffle(
    input: &Flow,
    shape: Shape,
    groups: usize,
    stop: &AtomicBool,
) -> Result<Flow, ScoreError> {
    let [channels, height, width] = sizes(shape);
    let area = height * width;
    let mut flow = Flow::zeros(shape);
    for at in 0..flow.values.len() {
        if at % CHUNK == 0 {
            go_on(stop)?;
        }
        let (channel, place) = (at / area, at % area);
        let from = channel % groups * (channels / groups) + channel / groups;
        flow.add(at, input, from * area + place, 1.0);
    }
    Ok(flow)
}
