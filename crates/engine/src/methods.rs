//! How convolutions are computed, and how large their packed weights are.

use std::cmp::Reverse;

use inceptive_ir::Size;
use inceptive_kernels::{LANES, conv::Winograd};

use crate::{
    options::Options,
    units::{Kind, Unit, pair, window},
};

/// Numbers of a 3x3 kernel that is transformed for Winograd's method.
const TRANSFORMED: usize = 36;

/// By how much transformed kernels may make a plan larger, as a share of packed weights and feature maps without them: plans
/// take at most 1.3 times the weights and the peak memory of activations.
const GROWTH: f64 = 0.25;

/// How a unit is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// By its definition.
    Direct,
    /// By Winograd's method, with kernels that are transformed when they are used.
    Winograd,
    /// By Winograd's method, with kernels that are packed transformed.
    Transformed,
}

/// The method of each unit.
pub(crate) struct Methods {
    methods: Vec<Method>,
    packed: Vec<u64>,
}

impl Methods {
    /// Transformed kernels have four times as many numbers, so as many are packed as [`GROWTH`] allows: first where the map
    /// is largest, because most tasks would transform them there. Of equal maps, the first come first.
    pub(crate) fn new(units: &[Unit], options: Options) -> Self {
        let mut packed: Vec<u64> = units.iter().map(|unit| packed(unit, units, false)).collect();
        let method = |unit| match is_faster(unit, units, options) {
            true => Method::Winograd,
            false => Method::Direct,
        };
        let mut methods: Vec<Method> = units.iter().map(method).collect();
        let maps = units.iter().map(|unit| numbers_of_maps(unit, units, options.batch)).max();
        let total = packed.iter().copied().fold(maps.unwrap_or(0), u64::saturating_add);
        let mut left = (total as f64 * GROWTH) as u64;
        let gains =
            |unit: &Unit| Winograd::is_faster_if_transformed(options.batch, pair(unit.size));
        let mut candidates: Vec<usize> = (0..units.len())
            .filter(|&unit| methods[unit] == Method::Winograd && gains(&units[unit]))
            .collect();
        candidates.sort_by_key(|&unit| Reverse(units[unit].size.area()));
        for unit in candidates {
            let transformed = self::packed(&units[unit], units, true);
            let more = transformed.saturating_sub(packed[unit]);
            if more <= left {
                left -= more;
                (packed[unit], methods[unit]) = (transformed, Method::Transformed);
            }
        }
        Self { methods, packed }
    }

    /// The method of a unit.
    pub(crate) fn of(&self, unit: usize) -> Method {
        self.methods[unit]
    }

    /// Numbers of a unit's weights as they are packed, with its bias.
    pub(crate) fn packed(&self, unit: usize) -> u64 {
        self.packed[unit]
    }
}

/// Whether Winograd's method can compute a unit, and faster.
fn is_faster(unit: &Unit, units: &[Unit], options: Options) -> bool {
    let Kind::Conv(conv) = &unit.kind else { return false };
    let input = &units[unit.inputs[0]];
    let is_plain = options.winograd
        && conv.kernel == Size::square(3)
        && conv.stride == Size::square(1)
        && conv.dilation == Size::square(1)
        && conv.groups == 1
        && !(matches!(input.kind, Kind::Input) && input.channels() < LANES);
    let (inputs, outputs) = (input.channels(), unit.channels());
    let output = pair(unit.size);
    is_plain
        && Winograd::is_faster(options.batch, inputs, outputs, output)
        && Winograd::fits(input.blocks(), output[1])
}

/// Numbers of the maps that a unit reads and writes.
pub(crate) fn numbers_of_maps(unit: &Unit, units: &[Unit], batch: usize) -> u64 {
    let numbers = |unit: &Unit| unit.size.area().saturating_mul(unit.channels() as u64);
    let maps = unit.reads().map(|read| numbers(&units[read])).chain([numbers(unit)]);
    maps.fold(0, u64::saturating_add).saturating_mul(batch as u64)
}

/// Numbers of a unit's weights as they are packed, with its bias: whole blocks of outputs, each with the inputs of its
/// groups.
pub(crate) fn packed(unit: &Unit, units: &[Unit], is_transformed: bool) -> u64 {
    let of_lanes = |each: u64| each.saturating_mul((unit.blocks() * LANES) as u64);
    let groups = match &unit.kind {
        Kind::Conv(conv) => conv.groups as usize,
        Kind::Linear { .. } => 1,
        // Weights of each lane and its bias.
        Kind::Depthwise(conv) => return of_lanes(conv.kernel.area() + 1),
        Kind::BatchNorm(_) | Kind::Scale(_) | Kind::Rescale(_) => return of_lanes(2),
        _ => return 0,
    };
    let (inputs, outputs) = (units[unit.inputs[0]].channels(), unit.channels());
    let of_group = outputs / groups;
    // Blocks start at groups, or groups at blocks, or a block has parts of one at both ends.
    let groups_of_block = match (of_group % LANES, LANES % of_group.max(1)) {
        (0, _) => 1,
        (_, 0) => LANES / of_group,
        _ => (LANES - 1) / of_group + 2,
    };
    let groups_of_block = groups_of_block.min(groups);
    let lanes = inputs / groups * groups_of_block;
    let taps = window(unit, units).map_or(1, |window| window.kernel.iter().product());
    let taps: usize = if is_transformed { TRANSFORMED } else { taps };
    let blocks = outputs.div_ceil(LANES) * LANES;
    // And a bias.
    let each = (lanes as u64).saturating_mul(taps as u64).saturating_add(1);
    each.saturating_mul(blocks as u64)
}
