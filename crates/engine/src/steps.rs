//! From units to steps.

use std::{
    cmp::Reverse,
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use inceptive_ir::{BatchNorm, Graph, Norm, NormOver, Op, Pool, PoolKind, Role};
use inceptive_kernels::{
    LANES,
    conv::{Conv, Finish, Places, Values, Window, Winograd},
    memory::{Aligned, Buffer, View},
    step::{
        Affine, ChannelPool, ChannelScale, Depthwise, Factor, Flatten, Gather, Joined, Load, Lrn,
        LrnFactors, Over, Pool as PoolStep, PoolKind as StepPoolKind, Resample, Softmax,
        Standardise, Step, Term,
    },
};
use inceptive_weights::{Missing, Weights};

use crate::{
    layout::Layout,
    methods::{Method, Methods},
    options::{Needs, Options, PlanError, check_memory},
    resample::turned,
    units::{Kind, Unit, pair, window},
};

/// A step with what tables show of it.
pub(crate) struct Made {
    pub(crate) step: Step,
    pub(crate) kernel: String,
    pub(crate) weight_bytes: usize,
}

/// What steps are made from.
pub(crate) struct Making<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) weights: &'a Weights,
    pub(crate) units: &'a [Unit],
    pub(crate) methods: &'a Methods,
    pub(crate) layout: &'a Layout,
    pub(crate) options: Options,
    /// Set when nobody waits for the steps any more.
    pub(crate) stop: &'a AtomicBool,
}

impl Making<'_> {
    /// What the plan takes, if there may be so much.
    pub(crate) fn needs(&self, output: usize) -> Result<Needs, PlanError> {
        let bytes = |numbers: u64| numbers.saturating_mul(size_of::<f32>() as u64);
        let ends = self.layout.buffers.iter().map(|buffer| buffer.offset + buffer.len());
        let weights = (0..self.units.len()).map(|unit| self.methods.packed(unit));
        let Options { batch, threads, most_bytes, .. } = self.options;
        let of_output = &self.units[output];
        let numbers = [of_output.channels(), of_output.size.area() as usize, batch];
        let numbers = numbers.into_iter().fold(1, |all: u64, one| all.saturating_mul(one as u64));
        let mut needs = Needs {
            weights: bytes(weights.fold(0, u64::saturating_add)),
            maps: bytes(ends.max().unwrap_or(0) as u64),
            scratch: 0,
            output: bytes(numbers),
        };
        // Steps that are made to see what they need are no larger than their maps.
        check_memory(needs.total(), most_bytes)?;
        let scratch = (0..self.units.len()).map(|unit| self.scratch(unit)).max().unwrap_or(0);
        let scratch = scratch.next_multiple_of(LANES) as u64;
        needs.scratch = bytes(scratch.saturating_mul(threads.max(1) as u64));
        check_memory(needs.total(), most_bytes)?;
        Ok(needs)
    }

    /// Numbers of memory that a thread needs for a unit, at most.
    fn scratch(&self, index: usize) -> usize {
        let unit = &self.units[index];
        match &unit.kind {
            Kind::Conv(_) if self.methods.of(index) != Method::Direct => {
                let segments = &self.units[unit.inputs[0]].segments;
                let runs = segments.iter().map(|segment| segment.channels.div_ceil(LANES)).sum();
                let (blocks, output) = (unit.blocks(), pair(unit.size));
                Winograd::most_scratch(self.options.batch, runs, blocks, output)
            }
            Kind::Pool(_) | Kind::Grid { .. } | Kind::Lrn(_) => {
                let view = |unit| self.layout.view(unit);
                let step = plain(&self.layout.buffers, self.units, index, &view);
                step.map_or(0, |step| step.scratch_len())
            }
            // Those have none.
            Kind::Input
            | Kind::Conv(_)
            | Kind::Depthwise(_)
            | Kind::Linear { .. }
            | Kind::BatchNorm(_)
            | Kind::Function
            | Kind::Sum(_)
            | Kind::Product
            | Kind::ChannelPool { .. }
            | Kind::Softmax
            | Kind::Flatten
            | Kind::Gather(_)
            | Kind::Concat
            | Kind::Dropout(_)
            | Kind::DropPath(_)
            | Kind::Maximum
            | Kind::Resample(_)
            | Kind::Scale(_)
            | Kind::Rescale(_)
            | Kind::Standardise(_)
            | Kind::Copy => 0,
        }
    }

    /// The steps of all units, in order. They are made on all cores, because packing weights takes a while; the largest
    /// first, so that the last ones to finish are small.
    pub(crate) fn make_all(&self) -> Result<Vec<Option<Made>>, PlanError> {
        let mut order: Vec<usize> = (0..self.units.len()).collect();
        order.sort_by_cached_key(|&unit| Reverse(self.methods.packed(unit)));
        let next = AtomicUsize::new(0);
        let make = || {
            let mut made = Vec::new();
            while let Some(&unit) = order.get(next.fetch_add(1, Ordering::Relaxed))
                && !self.stop.load(Ordering::Relaxed)
            {
                made.push((unit, self.make(unit)));
            }
            made
        };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let made = thread::scope(|scope| {
            let helpers: Vec<_> =
                (1..cores.min(self.units.len())).map(|_| scope.spawn(make)).collect();
            let mut made = make();
            for helper in helpers {
                made.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            made
        });
        if self.stop.load(Ordering::Relaxed) {
            return Err(PlanError::Stopped);
        }
        let mut steps: Vec<Option<Made>> = self.units.iter().map(|_| None).collect();
        for (unit, step) in made {
            steps[unit] = step?;
        }
        Ok(steps)
    }

    /// The step of a unit; a concatenation has none.
    fn make(&self, index: usize) -> Result<Option<Made>, PlanError> {
        let unit = &self.units[index];
        let buffers = &self.layout.buffers;
        let y = self.layout.view(index);
        let input = unit.inputs.first().copied().unwrap_or(index);
        let x = self.layout.view(input);
        let step: Step = match &unit.kind {
            Kind::Conv(conv) => {
                let groups = conv.groups as usize;
                return self.conv(index, input, conv.out_channels as usize, groups, conv.bias);
            }
            Kind::Linear { outputs, has_bias } => {
                return self.conv(index, input, *outputs, 1, *has_bias);
            }
            Kind::Depthwise(conv) => self.depthwise(index, input, conv.bias)?.into(),
            Kind::BatchNorm(norm) => {
                let (scales, shifts) = self.factors(unit, norm)?;
                let affine = Affine::new(buffers, x, y, unit.function);
                affine.with_factors(scales, shifts).into()
            }
            Kind::Scale(scale) => {
                let factor = |role, is_learned: bool| -> Result<Option<Factor>, Missing> {
                    let numbers = is_learned.then(|| self.tensor(unit, role)).transpose()?;
                    Ok(numbers.and_then(|numbers| constant_factor(unit, numbers)))
                };
                let factors =
                    (factor(Role::Weight, scale.scale)?, factor(Role::Bias, scale.center)?);
                ChannelScale::new(buffers, (x, y), factors.0, factors.1, false).into()
            }
            _ => match plain(buffers, self.units, index, &|unit| self.layout.view(unit)) {
                Some(step) => step,
                None => return Ok(None),
            },
        };
        let kernel = step.name().to_owned();
        Ok(Some(Made { step, kernel, weight_bytes: 0 }))
    }
}

/// The step of a unit that has no weights; none of a concatenation, whose parts are computed at their places.
pub(crate) fn plain(
    buffers: &[Buffer],
    units: &[Unit],
    index: usize,
    view: &dyn Fn(usize) -> View,
) -> Option<Step> {
    let unit = &units[index];
    let y = view(index);
    let Some(&input) = unit.inputs.first() else {
        return Some(Load::new(buffers, y, unit.channels()).into());
    };
    let x = view(input);
    Some(match &unit.kind {
        Kind::Input
        | Kind::Concat
        | Kind::Conv(_)
        | Kind::Linear { .. }
        | Kind::Depthwise(_)
        | Kind::Scale(_)
        | Kind::BatchNorm(_) => return None,
        kind @ (Kind::Pool(_) | Kind::Grid { .. }) => pool_step(buffers, kind, x, y)?.into(),
        Kind::Maximum => {
            let term = |&input: &usize| Term { view: view(input), scale: 1.0 };
            let terms = unit.inputs.iter().map(term).collect();
            Joined::max(buffers, terms, y, unit.function).into()
        }
        Kind::Resample(resampled) => {
            let parts = Arc::clone(&resampled.parts);
            Resample::new(buffers, (x, y), parts, resampled.fill, false).into()
        }
        Kind::Rescale(rescale) => {
            let factor = constant_factor(unit, &rescale.scale);
            let shift = constant_factor(unit, &rescale.shift);
            ChannelScale::new(buffers, (x, y), factor, shift, false).into()
        }
        Kind::Standardise(norm) => {
            Standardise::new(buffers, (x, y), over(unit, norm), norm.eps).into()
        }
        Kind::Function | Kind::Copy | Kind::Dropout(_) | Kind::DropPath(_) => {
            Affine::new(buffers, x, y, unit.function).into()
        }
        Kind::Sum(scales) => {
            let views = unit.inputs.iter().map(|&input| view(input));
            let terms = views.zip(scales).map(|(view, &scale)| Term { view, scale }).collect();
            Joined::sum(buffers, terms, y, unit.function).into()
        }
        Kind::Product => {
            // The first one as large as the result; the others may be a single pixel.
            let mut inputs = unit.inputs.clone();
            inputs.sort_by_key(|&input| units[input].size != unit.size);
            let term = |input| Term { view: view(input), scale: 1.0 };
            let terms = inputs.into_iter().map(term).collect();
            Joined::product(buffers, terms, y, unit.function).into()
        }
        Kind::ChannelPool { is_max } => {
            let segments = Arc::clone(&units[input].segments);
            ChannelPool::new(buffers, (x, y), segments, *is_max).into()
        }
        Kind::Softmax => Softmax::new(buffers, x, y, Arc::clone(&unit.segments)).into(),
        Kind::Lrn(lrn) => Lrn::new(buffers, x, y, lrn_factors(unit, lrn)).into(),
        Kind::Flatten => Flatten::new(buffers, x, Arc::clone(&units[input].segments), y).into(),
        Kind::Gather(lanes) => Gather::new(buffers, x, y, Arc::clone(lanes)).into(),
    })
}

impl Making<'_> {
    /// A tensor of a unit's node.
    fn tensor(&self, unit: &Unit, role: Role) -> Result<&[f32], Missing> {
        self.weights.of(self.graph.node(unit.node), role)
    }

    fn conv(
        &self,
        index: usize,
        input: usize,
        outputs: usize,
        groups: usize,
        has_bias: bool,
    ) -> Result<Option<Made>, PlanError> {
        let unit = &self.units[index];
        let times =
            |values: &[f32]| -> Vec<f32> { values.iter().map(|x| x * unit.factor).collect() };
        let is_scaled = unit.factor != 1.0;
        let mut weights = self.tensor(unit, Role::Weight)?;
        let in_order: Vec<f32>;
        if let (true, Op::ConvTranspose(conv)) = (unit.is_turned, &self.graph.node(unit.node).op) {
            let order = turned(conv, self.units[input].channels());
            in_order = order.into_iter().map(|at| weights[at]).collect();
            weights = &in_order;
        }
        let scaled = if is_scaled { times(weights) } else { Vec::new() };
        let bias = if has_bias { Some(self.tensor(unit, Role::Bias)?) } else { None };
        let scaled_bias = bias.filter(|_| is_scaled).map(times);
        let places = Places {
            buffers: &self.layout.buffers,
            x: self.layout.view(input),
            segments: &self.units[input].segments,
            y: self.layout.view(index),
        };
        let values = Values {
            weights: if is_scaled { &scaled } else { weights },
            bias: scaled_bias.as_deref().or(bias),
            outputs,
            groups,
        };
        let residual = unit.residual.map(|residual| self.layout.view(residual));
        let finish = Finish { residual, function: unit.function };
        let Options { isa, threads, .. } = self.options;
        let window = window(unit, self.units).unwrap_or(Window::POINT);
        let method = self.methods.of(index);
        if method != Method::Direct {
            let padding = window.padding;
            let mut conv =
                Winograd::new_until(isa, threads, places, padding, values, finish, self.stop)?;
            if method == Method::Transformed {
                conv = conv.with_transformed_kernels(isa, self.stop)?;
            }
            let (kernel, weight_bytes) = (conv.describe(), conv.weight_bytes());
            return Ok(Some(Made { step: conv.into(), kernel, weight_bytes }));
        }
        let conv = Conv::new_until(isa, threads, places, window, values, finish, self.stop)?;
        let (kernel, weight_bytes) = (conv.describe(), conv.weight_bytes());
        Ok(Some(Made { step: conv.into(), kernel, weight_bytes }))
    }

    fn depthwise(
        &self,
        index: usize,
        input: usize,
        has_bias: bool,
    ) -> Result<Depthwise, PlanError> {
        let unit = &self.units[index];
        let window = window(unit, self.units).unwrap_or(Window::POINT);
        let taps = window.kernel[0] * window.kernel[1];
        let weights = self.spread(unit, self.tensor(unit, Role::Weight)?, taps, 0.0);
        let bias = if has_bias { self.tensor(unit, Role::Bias)? } else { &[] };
        let bias = self.spread(unit, bias, 1, 0.0);
        let places = (self.layout.view(input), self.layout.view(index));
        let buffers = &self.layout.buffers;
        Ok(Depthwise::new(buffers, places, window, &weights, &bias, unit.function))
    }

    /// Numbers of each channel at the lanes of a unit; `other` in lanes without a channel.
    fn spread(&self, unit: &Unit, of_channels: &[f32], each: usize, other: f32) -> Vec<f32> {
        let mut spread = vec![other; unit.blocks() * LANES * each];
        for (lane, numbers) in unit.lanes().zip(of_channels.chunks_exact(each.max(1))) {
            spread[lane * each..][..each].copy_from_slice(numbers);
        }
        spread
    }

    /// Scale and shift of each lane: a normalisation with fixed statistics.
    fn factors(&self, unit: &Unit, norm: &BatchNorm) -> Result<(Aligned, Aligned), PlanError> {
        let (mean, variance) = (self.tensor(unit, Role::Mean)?, self.tensor(unit, Role::Variance)?);
        let gamma = if norm.scale { Some(self.tensor(unit, Role::Weight)?) } else { None };
        let beta = if norm.center { Some(self.tensor(unit, Role::Bias)?) } else { None };
        let (mut scales, mut shifts) = (Vec::new(), Vec::new());
        for (channel, (mean, variance)) in mean.iter().zip(variance).enumerate() {
            let gamma = gamma.map_or(1.0, |gamma| f64::from(gamma[channel]));
            let beta = beta.map_or(0.0, |beta| f64::from(beta[channel]));
            let scale = gamma / (f64::from(*variance) + f64::from(norm.eps)).sqrt();
            scales.push(narrow(scale));
            shifts.push(narrow(beta - f64::from(*mean) * scale));
        }
        let aligned = |numbers: &[f32]| {
            let spread = self.spread(unit, numbers, 1, 0.0);
            let mut aligned = Aligned::zeros(spread.len());
            aligned.as_mut_slice().copy_from_slice(&spread);
            aligned
        };
        Ok((aligned(&scales), aligned(&shifts)))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "kernels compute in single precision")]
fn narrow(x: f64) -> f32 {
    x as f32
}

/// Numbers of channels, or one for all, at the lanes of a unit; none of an empty list.
pub(crate) fn constant_factor(unit: &Unit, numbers: &[f32]) -> Option<Factor> {
    let first = *numbers.first()?;
    let mut lanes = Aligned::zeros(unit.blocks() * LANES);
    for (channel, lane) in unit.lanes().enumerate() {
        lanes.as_mut_slice()[lane] = if numbers.len() == 1 { first } else { numbers[channel] };
    }
    Some(Factor::Fixed(lanes))
}

/// What a normalisation takes mean and variance over, at the lanes of a unit.
pub(crate) fn over(unit: &Unit, norm: &Norm) -> Over {
    let lanes = unit.blocks() * LANES;
    let mut groups = vec![None; lanes];
    let of_group = match norm.over {
        NormOver::Channels => {
            let mut is_channel = vec![false; lanes];
            unit.lanes().for_each(|lane| is_channel[lane] = true);
            return Over::Pixels(is_channel.into());
        }
        NormOver::Instance => 1,
        NormOver::Groups(count) => (unit.channels() / count as usize).max(1),
    };
    for (channel, lane) in unit.lanes().enumerate() {
        groups[lane] = Some(channel / of_group);
    }
    Over::Groups(groups.into())
}

/// The window of a pool, and what it computes.
fn sliding(pool: &Pool) -> (Window, StepPoolKind) {
    let padding = pool.padding;
    let window = Window {
        kernel: pair(pool.kernel),
        stride: pair(pool.stride),
        dilation: pair(pool.dilation),
        padding: [padding.top as usize, padding.left as usize],
    };
    let behind = [padding.bottom as usize, padding.right as usize];
    let kind = match pool.kind {
        PoolKind::Max => StepPoolKind::Max,
        PoolKind::Average | PoolKind::L2 => {
            StepPoolKind::Average { padding: pool.count_include_pad.then_some(behind) }
        }
    };
    (window, kind)
}

/// The numbers of a local response normalisation.
pub(crate) fn lrn_factors(unit: &Unit, lrn: &inceptive_ir::Lrn) -> LrnFactors {
    LrnFactors {
        channels: unit.channels(),
        size: lrn.size as usize,
        alpha: lrn.alpha,
        beta: lrn.beta,
        k: lrn.k,
    }
}

/// The step of a pool.
pub(crate) fn pool_step(buffers: &[Buffer], kind: &Kind, x: View, y: View) -> Option<PoolStep> {
    match kind {
        Kind::Pool(pool) => {
            let (window, kind) = sliding(pool);
            Some(PoolStep::sliding(buffers, x, y, window, kind))
        }
        Kind::Grid { is_max } => Some(PoolStep::grid(buffers, x, y, *is_max)),
        _ => None,
    }
}
