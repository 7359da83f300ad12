//! What of a file does not fit a network.

use std::fmt;

use crate::{header::StoredTensor, weights::Slot};

/// The tensors that do not fit, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Places without a tensor.
    pub missing: Vec<String>,
    /// Tensors without a place.
    pub extra: Vec<String>,
    /// Tensors whose shape or type is another.
    pub differing: Vec<String>,
}

/// How many tensors of each list a message names.
const SHOWN: usize = 5;

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tensors do not fit the network")?;
        let lists = [
            ("missing", &self.missing),
            ("extra", &self.extra),
            ("with the wrong shape or type", &self.differing),
        ];
        for (what, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            write!(f, "\n  {} {what}:", list.len())?;
            list.iter().take(SHOWN).try_for_each(|line| write!(f, "\n    {line}"))?;
            if list.len() > SHOWN {
                write!(f, "\n    and {} more", list.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}

/// A place, as messages name it.
pub fn describe_slot(slot: &Slot) -> String {
    format!("{slot} {:?}", slot.shape)
}

/// A tensor, as messages name it.
pub fn describe_tensor(name: &str, tensor: &StoredTensor<'_>) -> String {
    format!("{name} {:?} {:?}", tensor.shape(), tensor.dtype())
}
