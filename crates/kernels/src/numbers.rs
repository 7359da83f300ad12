//! Numbers that a step owns, or that other steps write.

use std::sync::Arc;

use crate::{
    memory::{Aligned, Buffer, View},
    run::Context,
    simd::LANES,
};

/// Numbers that a step has for itself, or that other steps write.
#[derive(Clone, Debug)]
pub(crate) enum Numbers {
    Own(Arc<Aligned>),
    Shared(View),
}

impl Numbers {
    pub(crate) fn own(numbers: Aligned) -> Self {
        Self::Own(Arc::new(numbers))
    }

    /// Where they start.
    ///
    /// # Safety
    /// The program has checked the view.
    pub(crate) unsafe fn at(&self, context: &Context<'_>) -> *const f32 {
        match self {
            Self::Own(numbers) => numbers.as_slice().as_ptr(),
            // SAFETY: the caller's promise.
            Self::Shared(view) => unsafe { context.place(*view) }.at(0, 0).cast_const(),
        }
    }

    /// The view, if others write them.
    pub(crate) fn view(&self) -> Option<View> {
        match self {
            Self::Own(_) => None,
            Self::Shared(view) => Some(*view),
        }
    }

    /// Whether there are at least so many.
    pub(crate) fn has(&self, buffers: &[Buffer], len: usize) -> bool {
        match self {
            Self::Own(numbers) => numbers.len() >= len,
            Self::Shared(view) => buffers[view.buffer].is_vector() && view.blocks * LANES >= len,
        }
    }
}
