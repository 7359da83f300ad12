//! Programs: steps over one block of memory, run by several threads.

mod runner;

use std::{collections::HashMap, ops::Range};

use crate::{
    memory::{Buffer, View},
    run::{Invalid, Reason},
    simd::LANES,
    step::Step,
};

pub(crate) use runner::Watch;
pub use runner::{RunError, Runner, StartError, Stopped, Times};

/// Steps that do not depend on each other: their tasks may run in any order.
pub type Phase = Vec<Step>;

/// Steps over buffers in an arena.
#[derive(Debug)]
pub struct Program {
    buffers: Vec<Buffer>,
    phases: Vec<Phase>,
    arena_len: usize,
    scratch_len: usize,
    input_len: usize,
    output_len: usize,
    labels_len: usize,
    stretches: Vec<Stretch>,
}

/// Phases at whose ends threads do not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    phases: Range<usize>,
    /// Whether each of its phases has a single task, so that one thread does all of them.
    is_for_one: bool,
}

/// Phases with a single task become one stretch with those behind them; the others are stretches by themselves.
fn stretches(phases: &[Phase]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (index, phase) in phases.iter().enumerate() {
        let tasks: usize = phase.iter().map(Step::tasks).sum();
        let is_for_one = tasks <= 1;
        match stretches.last_mut() {
            Some(last) if is_for_one && last.is_for_one => last.phases.end = index + 1,
            _ => stretches.push(Stretch { phases: index..index + 1, is_for_one }),
        }
    }
    stretches
}

impl Program {
    /// Checks the steps: every address that they can compute lies in their buffers, and steps of one phase do not use
    /// what another of them writes.
    ///
    /// # Errors
    /// When that is not so.
    pub fn new(buffers: Vec<Buffer>, phases: Vec<Phase>) -> Result<Self, Invalid> {
        let arena = |buffer: &Buffer| {
            let pixel_fits = (1..=LANES).contains(&buffer.pixel)
                && (buffer.pixel == LANES || buffer.blocks == 1);
            let size = [buffer.images, buffer.blocks, buffer.height, buffer.width];
            let is_filled = size.into_iter().all(|size| size > 0);
            let is_valid = pixel_fits && is_filled && buffer.offset.is_multiple_of(LANES);
            is_valid.then(|| buffer.offset + buffer.len())
        };
        let ends: Option<Vec<usize>> = buffers.iter().map(arena).collect();
        let Some(ends) = ends else { return Err(Invalid::new("program", Reason::Arena)) };
        let (mut input_len, mut output_len, mut scratch_len) = (0, 0, 0);
        let mut labels_len = 0;
        for phase in &phases {
            for step in phase {
                let run = step.as_run();
                let refuse = |reason| Err(Invalid::new(run.name(), reason));
                let is_inside = |view: &View| {
                    let buffer = buffers.get(view.buffer);
                    view.blocks > 0
                        && buffer.is_some_and(|buffer| view.first + view.blocks <= buffer.blocks)
                };
                if !run.reads().iter().chain(&run.writes()).all(is_inside) {
                    return refuse(Reason::Buffer);
                }
                if let Some(reason) = run.check(&buffers) {
                    return refuse(reason);
                }
                input_len = input_len.max(run.input_len(&buffers));
                output_len = output_len.max(run.output_len(&buffers));
                labels_len = labels_len.max(run.labels_len(&buffers));
                scratch_len = scratch_len.max(run.scratch());
            }
            check_phase(&buffers, phase)?;
        }
        let arena_len = ends.into_iter().max().unwrap_or(0);
        let stretches = stretches(&phases);
        Ok(Self {
            buffers,
            phases,
            arena_len,
            scratch_len,
            input_len,
            output_len,
            labels_len,
            stretches,
        })
    }

    /// Its phases, in order.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// Where feature maps lie.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// Bytes of the arena.
    pub fn arena_bytes(&self) -> usize {
        4 * self.arena_len
    }

    /// Bytes of scratch memory of each thread.
    pub fn scratch_bytes(&self) -> usize {
        4 * self.scratch_len.next_multiple_of(LANES)
    }

    /// Number of input values.
    pub fn input_len(&self) -> usize {
        self.input_len
    }

    /// Number of output values.
    pub fn output_len(&self) -> usize {
        self.output_len
    }
}

/// Checks that no step of a phase uses what another one, or it at another place, writes.
fn check_phase(buffers: &[Buffer], phase: &[Step]) -> Result<(), Invalid> {
    let mut uses = Vec::new();
    for (index, step) in phase.iter().enumerate() {
        let run = step.as_run();
        let (reads, writes) = (run.reads(), run.writes());
        let is_wrong = match step {
            // Its own steps may use what others of them wrote for the same image; it has checked that.
            Step::Chain(chain) => chain.has_conflict(buffers),
            _ => clashes(&reads, &writes),
        };
        if is_wrong {
            return Err(Invalid::new(run.name(), Reason::Conflict));
        }
        uses.extend(reads.into_iter().map(|view| Use { view, step: index, is_write: false }));
        uses.extend(writes.into_iter().map(|view| Use { view, step: index, is_write: true }));
    }
    let conflict = |step: usize| Err(Invalid::new(phase[step].as_run().name(), Reason::Conflict));
    let views = || uses.iter().map(|of| (of.view.buffer, of.is_write));
    if let Some(buffer) = overlapping(buffers, views()) {
        let user = uses.iter().find(|of| of.view.buffer == buffer);
        return conflict(user.map_or(0, |of| of.step));
    }
    // Blocks of a buffer in ascending order, so that those before may share blocks with it if they end after its start.
    uses.sort_unstable_by_key(|of| (of.view.buffer, of.view.first));
    for of_buffer in uses.chunk_by(|a, b| a.view.buffer == b.view.buffer) {
        let (mut written, mut used) = (Ends::default(), Ends::default());
        for of in of_buffer {
            let View { first, blocks, .. } = of.view;
            let others = if of.is_write { &used } else { &written };
            if others.end_of_others(of.step) > first {
                return conflict(of.step);
            }
            used.add(of.step, first + blocks);
            if of.is_write {
                written.add(of.step, first + blocks);
            }
        }
    }
    Ok(())
}

/// Whether a step reads blocks that it writes at another place.
fn clashes(reads: &[View], writes: &[View]) -> bool {
    let mut of_buffer: HashMap<usize, Vec<&View>> = HashMap::new();
    reads.iter().for_each(|read| of_buffer.entry(read.buffer).or_default().push(read));
    writes.iter().any(|write| {
        let reads = of_buffer.get(&write.buffer).into_iter().flatten();
        reads.filter(|read| **read != write).any(|read| read.shares_blocks(write))
    })
}

/// A view that a step reads or writes.
struct Use {
    view: View,
    step: usize,
    is_write: bool,
}

/// The highest end of any step, and the highest end of another step.
#[derive(Default)]
struct Ends {
    highest: Option<(usize, usize)>,
    second: usize,
}

impl Ends {
    fn add(&mut self, step: usize, end: usize) {
        match self.highest {
            Some((highest, of)) if of == step => self.highest = Some((highest.max(end), step)),
            Some((highest, _)) if highest >= end => self.second = self.second.max(end),
            before => {
                self.second = self.second.max(before.map_or(0, |(highest, _)| highest));
                self.highest = Some((end, step));
            }
        }
    }

    /// The highest end of the steps other than this one.
    fn end_of_others(&self, step: usize) -> usize {
        match self.highest {
            Some((_, of)) if of == step => self.second,
            Some((highest, _)) => highest,
            None => 0,
        }
    }
}

/// A buffer that has a number in common with another one, of which at least one is written. `uses` are buffers, each with
/// whether it is written.
pub(crate) fn overlapping(
    buffers: &[Buffer],
    uses: impl Iterator<Item = (usize, bool)>,
) -> Option<usize> {
    let mut used: Vec<(usize, bool)> = uses.collect();
    // Each buffer once; that it is written comes first.
    used.sort_unstable_by_key(|&(buffer, is_written)| {
        (buffers[buffer].offset, buffer, !is_written)
    });
    used.dedup_by_key(|&mut (buffer, _)| buffer);
    let (mut end, mut written_end) = (0, 0);
    for (buffer, is_written) in used {
        let std::ops::Range { start, end: own_end } = buffers[buffer].range();
        if start < if is_written { end } else { written_end } {
            return Some(buffer);
        }
        end = end.max(own_end);
        if is_written {
            written_end = written_end.max(own_end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicBool};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        chain::Chain,
        memory::Border,
        simd::Isa,
        step::{Gather, Load},
    };

    fn buffer(offset: usize, blocks: usize) -> Buffer {
        let border = Border::default();
        Buffer { offset, images: 1, blocks, height: 1, width: 1, border, pixel: LANES }
    }

    /// By comparing each pair.
    fn has_conflict(buffers: &[Buffer], phase: &[(View, View)]) -> bool {
        let clash = |a: &View, b: &View| match a.buffer == b.buffer {
            true => a.shares_blocks(b),
            false => buffers[a.buffer].overlaps(&buffers[b.buffer]),
        };
        phase.iter().enumerate().any(|(at, (read, write))| {
            (read != write && clash(read, write))
                || phase[at + 1..].iter().any(|(other_read, other_write)| {
                    clash(write, other_read)
                        || clash(write, other_write)
                        || clash(read, other_write)
                })
        })
    }

    proptest! {
        #[test]
        fn conflicts_are_those_of_pairs(
            offsets in prop::collection::vec(0_usize..12, 4),
            raw in prop::collection::vec(((0_usize..4, 0_usize..3), (0_usize..4, 0_usize..3)), 1..5),
        ) {
            let buffers: Vec<Buffer> =
                offsets.iter().map(|offset| buffer(offset * 3 * LANES, 4)).collect();
            let view = |(buffer, first)| View { buffer, first, blocks: 2 };
            let views: Vec<(View, View)> =
                raw.into_iter().map(|(from, to)| (view(from), view(to))).collect();
            let phase: Vec<Step> = views
                .iter()
                .map(|&(from, to)| Gather::new(&buffers, from, to, vec![0]).into())
                .collect();
            let found = check_phase(&buffers, &phase);
            prop_assert_eq!(found.is_err(), has_conflict(&buffers, &views), "{:?}", views);
        }
    }

    /// Comparing each pair would take minutes.
    #[test]
    fn many_steps_of_a_phase_are_checked_and_run_in_no_time() {
        let count = 100_000;
        let buffers: Vec<Buffer> = (0..count).map(|at| buffer(at * LANES, 1)).collect();
        let load =
            |at| Step::from(Load::new(&buffers, View { buffer: at, first: 0, blocks: 1 }, LANES));
        let mut phase: Vec<Step> = (0..count).map(load).collect();
        assert!(check_phase(&buffers, &phase).is_ok());
        let all = |first: usize| -> Vec<View> {
            (first..first + count).map(|buffer| View { buffer, first: 0, blocks: 1 }).collect()
        };
        assert!(!clashes(&all(0), &all(0)) && !clashes(&all(0), &all(count)));
        phase.push(load(7));
        assert!(check_phase(&buffers, &phase).is_err());
        phase.pop();
        let program = Arc::new(Program::new(buffers.clone(), vec![phase]).unwrap());
        let stop = AtomicBool::new(false);
        let mut runner = Runner::new(program, Isa::best(), 2, &stop).unwrap();
        runner.run(&[7.0; LANES], &mut [], &stop).unwrap();
        assert!(runner.numbers(count - 1).iter().all(|x| *x == 7.0));
        let chain = Chain::new((0..count).map(load).collect(), 1, 1, 1);
        assert!(check_phase(&buffers, &[chain.into()]).is_ok());
        // One number in common with the next buffer.
        let mut moved = buffers.clone();
        moved[5].offset += 1;
        let chain = Chain::new((0..count).map(load).collect(), 1, 1, 1);
        assert!(check_phase(&moved, &[chain.into()]).is_err());
    }
}
