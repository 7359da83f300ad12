//! When each unit is computed, and where its result lies.

use inceptive_ir::Graph;
use inceptive_kernels::{
    LANES,
    conv::Winograd,
    memory::{Border, Buffer, View},
};

use crate::{
    memory::{Need, assign},
    methods::{Method, Methods},
    options::PlanError,
    place::Place,
    units::{Kind, Unit, pair, window},
};

/// Pixels with padding for each pixel of a map, at most.
const MOST_PADDED: usize = 16;

/// Pixels that a map may have with padding in any case.
const SMALL: usize = 1 << 16;

/// Steps of a phase, at most: more would be compared with each other for too long.
const STEPS_OF_PHASE: usize = 32;

/// When each unit is computed.
pub(crate) struct Schedule {
    /// Units in an order in which each comes behind those that it reads.
    pub(crate) order: Vec<usize>,
    pub(crate) phase_of: Vec<usize>,
    pub(crate) phases: usize,
}

impl Schedule {
    /// Each unit as early as it can be.
    pub(crate) fn new(units: &[Unit]) -> Self {
        let mut order: Vec<usize> = (0..units.len()).collect();
        // A concatenation comes behind the copies that are made for it.
        let is_concat = |unit: usize| matches!(units[unit].kind, Kind::Concat);
        order.sort_by_key(|&unit| (units[unit].position, is_concat(unit), unit));
        let mut phase_of = vec![0; units.len()];
        let mut steps_of: Vec<usize> = Vec::new();
        for &unit in &order {
            let reads = units[unit].reads().map(|read| phase_of[read]);
            if is_concat(unit) {
                // There when the last of its parts is.
                phase_of[unit] = reads.max().unwrap_or(0);
                continue;
            }
            let mut phase = reads.max().map_or(0, |last| last + 1);
            while steps_of.get(phase).is_some_and(|&steps| steps >= STEPS_OF_PHASE) {
                phase += 1;
            }
            steps_of.resize(steps_of.len().max(phase + 1), 0);
            steps_of[phase] += 1;
            phase_of[unit] = phase;
        }
        let phases = steps_of.len();
        Self { order, phase_of, phases }
    }
}

/// Where everything lies.
pub(crate) struct Layout {
    pub(crate) buffers: Vec<Buffer>,
    /// The buffer and the blocks of each unit's result.
    views: Vec<View>,
}

impl Layout {
    pub(crate) fn view(&self, unit: usize) -> View {
        self.views[unit]
    }

    pub(crate) fn new(
        graph: &Graph,
        units: &[Unit],
        places: &[Place],
        schedule: &Schedule,
        results: &[usize],
        methods: &Methods,
        batch: usize,
    ) -> Result<Self, PlanError> {
        let uses = uses(units, places, schedule, results, methods);
        let owners: Vec<usize> =
            (0..units.len()).filter(|&unit| places[unit].owner == unit).collect();
        let mut buffers = Vec::with_capacity(owners.len());
        let mut index = vec![0; units.len()];
        let mut needs = Vec::with_capacity(owners.len());
        let mut total = 0_usize;
        for (position, &owner) in owners.iter().enumerate() {
            index[owner] = position;
            let Use { border, first, last } = uses[owner];
            let is_input = matches!(units[owner].kind, Kind::Input);
            let pixel = if is_input && !results.contains(&owner) {
                input_pixel(units, owner)
            } else {
                LANES
            };
            let buffer = buffer(graph, &units[owner], border, pixel, batch)?;
            let len = len(&buffer)?;
            total = total
                .checked_add(len)
                .filter(|total| *total < isize::MAX as usize / 8)
                .ok_or(PlanError::TooLarge)?;
            needs.push(Need { len: len.next_multiple_of(LANES), first: first.min(last), last });
            buffers.push(buffer);
        }
        for (buffer, offset) in buffers.iter_mut().zip(assign(&needs)) {
            buffer.offset = offset;
        }
        let view = |(unit, place): (usize, &Place)| View {
            buffer: index[place.owner],
            first: place.block,
            blocks: units[unit].blocks(),
        };
        Ok(Self { buffers, views: places.iter().enumerate().map(view).collect() })
    }
}

/// How the buffer of a unit is used.
#[derive(Clone, Copy)]
struct Use {
    border: Border,
    /// The first phase that writes to it, and the last one that uses it.
    first: usize,
    last: usize,
}

/// How the buffers of units are used by all units whose places are in them, and by those that read these.
fn uses(
    units: &[Unit],
    places: &[Place],
    schedule: &Schedule,
    results: &[usize],
    methods: &Methods,
) -> Vec<Use> {
    let unused = |&last: &usize| Use { border: Border::default(), first: usize::MAX, last };
    let mut uses: Vec<Use> = schedule.phase_of.iter().map(unused).collect();
    for (unit, of) in units.iter().enumerate() {
        let phase = schedule.phase_of[unit];
        let own = &mut uses[places[unit].owner];
        if !matches!(of.kind, Kind::Concat) {
            own.first = own.first.min(phase);
        }
        own.last = own.last.max(phase);
        for read in of.reads() {
            let read = &mut uses[places[read].owner];
            read.last = read.last.max(phase);
        }
        if let (Some(window), Some(&read)) = (window(of, units), of.inputs.first()) {
            let (input, output) = (pair(units[read].size), pair(of.size));
            let needs = if methods.of(unit) != Method::Direct {
                Winograd::border(window.padding, input, output)
            } else {
                window.border(input, output)
            };
            let read = &mut uses[places[read].owner];
            read.border = read.border.union(needs);
        }
    }
    // Results are copied out in a phase after all others, or after the run.
    for &result in results {
        uses[places[result].owner].last = schedule.phases;
    }
    uses
}

/// The buffer of a unit; its offset comes later.
pub(crate) fn buffer(
    graph: &Graph,
    unit: &Unit,
    border: Border,
    pixel: usize,
    images: usize,
) -> Result<Buffer, PlanError> {
    let [height, width] = pair(unit.size);
    let rows = border.top + height + border.bottom;
    let columns = border.left + width + border.right;
    if rows.saturating_mul(columns) > MOST_PADDED * height * width + SMALL {
        let node = graph.node(unit.node).path.clone();
        return Err(PlanError::Padding { node, height: rows, width: columns, of: unit.size });
    }
    Ok(Buffer { offset: 0, images, blocks: unit.blocks(), height, width, border, pixel })
}

/// Numbers of a buffer.
fn len(buffer: &Buffer) -> Result<usize, PlanError> {
    let Buffer { images, blocks, height, width, border, pixel, .. } = *buffer;
    let numbers = (images as u128)
        * blocks as u128
        * (border.top + height + border.bottom) as u128
        * ((border.left + width + border.right) * pixel) as u128;
    usize::try_from(numbers).map_err(|_| PlanError::TooLarge)
}

/// Numbers a pixel of the network's input: as many as channels, if there are few and only plain convolutions read them.
pub(crate) fn input_pixel(units: &[Unit], input: usize) -> usize {
    let channels = units[input].channels();
    let is_plain = |unit: &Unit| match &unit.kind {
        Kind::Conv(conv) => conv.groups == 1 && conv.dilation.width == 1,
        _ => false,
    };
    let mut readers = units.iter().filter(|unit| unit.reads().any(|read| read == input));
    if channels < LANES && readers.all(is_plain) { channels } else { LANES }
}
