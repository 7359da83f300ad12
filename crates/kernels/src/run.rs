//! What each kind of step is to a program.

use std::fmt;

use crate::{
    memory::{Buffer, Place, View},
    simd::Isa,
};

/// Numbers of the program do not fit together: a mistake of who made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {reason}")]
pub struct Invalid {
    step: &'static str,
    reason: Reason,
}

impl Invalid {
    pub(crate) fn new(step: &'static str, reason: Reason) -> Self {
        Self { step, reason }
    }
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A view names no buffer, or is not in it, or buffers differ in size.
    Buffer,
    /// The border of the input is too narrow for the window.
    Border,
    /// The numbers of values, channels or groups.
    Values,
    /// Steps of one phase use the same memory.
    Conflict,
    /// A buffer is not in the arena.
    Arena,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buffer => "its views do not fit its buffers",
            Self::Border => "the border of its input is too narrow",
            Self::Values => "its values do not fit its shapes",
            Self::Conflict => "it uses memory that another step of its phase writes",
            Self::Arena => "a buffer is not inside of the arena",
        })
    }
}

/// What a step is run with.
pub(crate) struct Context<'a> {
    pub(crate) isa: Isa,
    pub(crate) arena: *mut f32,
    pub(crate) buffers: &'a [Buffer],
    /// The network's input, `images x channels x height x width`.
    pub(crate) input: &'a [f32],
    /// The network's output, `images x channels`; of its length.
    pub(crate) output: *mut f32,
    /// Memory of this thread alone.
    pub(crate) scratch: *mut f32,
}

impl Context<'_> {
    /// Where a view lies.
    ///
    /// # Safety
    /// The view is one of a step that the program has checked.
    pub(crate) unsafe fn place(&self, view: View) -> Place {
        // SAFETY: the program has checked that the view lies in the buffer, and the buffer in the arena.
        unsafe { Place::new(self.arena, self.buffers[view.buffer], view) }
    }
}

/// What each kind of step does.
pub(crate) trait Run {
    /// The operator, for tables.
    fn name(&self) -> &'static str;

    /// What it reads.
    fn reads(&self) -> Vec<View>;

    /// What it writes; a view that it also reads is changed in place, each number by one task.
    fn writes(&self) -> Vec<View>;

    /// Checks everything that its addresses depend on but that views lie in buffers.
    fn check(&self, buffers: &[Buffer]) -> Option<Reason>;

    /// Into how many tasks it is cut. Tasks write different numbers and read none that another one writes.
    fn tasks(&self) -> usize;

    /// Numbers of memory that a thread needs for itself.
    fn scratch(&self) -> usize {
        0
    }

    /// Numbers of the network's output that it writes.
    fn output_len(&self, _buffers: &[Buffer]) -> usize {
        0
    }

    /// Numbers of the network's input that it reads.
    fn input_len(&self, _buffers: &[Buffer]) -> usize {
        0
    }

    /// Does one task.
    ///
    /// # Safety
    /// The program has checked the step; the processor has the instruction set; nothing else uses what the task
    /// writes.
    unsafe fn run(&self, context: &Context<'_>, task: usize);
}
