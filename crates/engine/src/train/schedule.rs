//! Which steps run as a chain, when all threads synchronize, and which buffers share memory.

use std::ops::Range;

use inceptive_ir::Graph;
use inceptive_kernels::{
    LANES,
    memory::{Buffer, View},
    program::{Phase, Program},
    step::{Chain, Step},
};

use super::{MAPS_IN_CACHE, Planned, TrainOptions};
use crate::{
    memory::{Need, assign},
    options::{PlanError, bytes_beside, check_memory},
};

/// A use of some blocks of a buffer.
struct Access {
    blocks: Range<usize>,
    level: usize,
    writes: bool,
}

/// Levels are odd for steps that need all images at the same time, and even for steps that process them in parts.
fn level_of(step: &Step, accesses: &[Vec<Access>]) -> usize {
    let by_images = step.images().is_some();
    let mut level = usize::from(!by_images);
    let mut behind = |access: &Access| {
        let needed = match (access.level.is_multiple_of(2), by_images) {
            // The steps of a level go through the images in their order.
            (true, true) => access.level,
            (true, false) | (false, true) => access.level + 1,
            (false, false) => access.level + 2,
        };
        level = level.max(needed);
    };
    let meets = |view: &View, access: &Access| {
        view.first < access.blocks.end && access.blocks.start < view.first + view.blocks
    };
    for view in step.reads() {
        let earlier = accesses[view.buffer].iter().filter(|access| access.writes);
        earlier.filter(|access| meets(&view, access)).for_each(&mut behind);
    }
    for view in step.writes() {
        // What is written for each part of the images is used by nothing else of its level.
        let earlier = accesses[view.buffer].iter();
        earlier.filter(|access| meets(&view, access)).for_each(&mut behind);
    }
    level
}

/// Bytes that steps use of each image.
fn bytes_of_image(steps: &[Step], buffers: &[Buffer], images: usize) -> usize {
    let views = steps.iter().flat_map(|step| step.reads().into_iter().chain(step.writes()));
    let mut used: Vec<usize> = views.map(|view| view.buffer).collect();
    used.sort_unstable();
    used.dedup();
    let of_images = used.into_iter().filter(|&index| buffers[index].images == images);
    of_images.map(|index| 4 * buffers[index].image()).sum()
}

/// Makes a program of steps, with the nodes of each phase.
pub(super) fn program(
    graph: &Graph,
    planned: Vec<Planned>,
    mut maps: super::Maps,
    options: TrainOptions,
) -> Result<(Program, Vec<Vec<String>>), PlanError> {
    let buffers = &mut maps.buffers;
    let mut accesses: Vec<Vec<Access>> = buffers.iter().map(|_| Vec::new()).collect();
    let mut levels: Vec<(Vec<Step>, Vec<String>)> = Vec::new();
    for Planned { step, node } in planned {
        let level = level_of(&step, &accesses);
        for (views, writes) in [(step.reads(), false), (step.writes(), true)] {
            for view in views {
                let blocks = view.first..view.first + view.blocks;
                accesses[view.buffer].push(Access { blocks, level, writes });
            }
        }
        while levels.len() <= level {
            levels.push((Vec::new(), Vec::new()));
        }
        levels[level].1.push(format!("{} {}", step.name(), graph.node(node).path));
        levels[level].0.push(step);
    }
    let last = levels.len();
    let needs: Vec<Need> = accesses
        .iter()
        .zip(buffers.iter())
        .zip(&maps.is_kept)
        .map(|((accesses, buffer), &is_kept)| {
            let used = accesses.iter().map(|access| access.level);
            let (first, end) = (used.clone().min(), used.max());
            let len = buffer.len().next_multiple_of(LANES);
            match (first, end, is_kept) {
                (_, _, true) => Need { len, first: 0, last },
                (Some(first), Some(end), false) => Need { len, first, last: end },
                // Nothing uses it.
                _ => Need { len: LANES, first: 0, last: 0 },
            }
        })
        .collect();
    let total: u128 = needs.iter().map(|need| need.len as u128).sum();
    if total > (isize::MAX / 8) as u128 {
        return Err(PlanError::TooLarge);
    }
    let mut end = 0;
    for ((buffer, need), offset) in buffers.iter_mut().zip(&needs).zip(assign(&needs)) {
        buffer.offset = offset;
        end = end.max(offset + need.len);
    }
    let needed = 4 * end as u64;
    check_memory(needed, options.most_bytes)?;
    let mut phases: Vec<Phase> = Vec::new();
    let mut labels = Vec::new();
    for (level, (steps, nodes)) in levels.into_iter().enumerate() {
        if steps.is_empty() {
            continue;
        }
        labels.push(nodes);
        if !level.is_multiple_of(2) {
            phases.push(steps);
            continue;
        }
        let bytes = bytes_of_image(&steps, buffers, options.batch);
        let at_once = (MAPS_IN_CACHE / bytes.max(1)).clamp(1, options.images_of_part());
        let chain = Chain::new(steps, options.batch, options.images_of_part(), at_once);
        phases.push(vec![chain.into()]);
    }
    let program = Program::new(std::mem::take(&mut maps.buffers), phases)?;
    let beside = bytes_beside(&program, options.threads);
    check_memory(needed.saturating_add(beside), options.most_bytes)?;
    Ok((program, labels))
}
