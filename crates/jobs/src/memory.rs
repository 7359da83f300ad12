//! Refusing what does not fit into memory, before the system ends the program for it.

use inceptive_exec::Need;
use inceptive_report::numbers::bytes;

/// Something is too large for this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} needs at least {} of memory, but only {} are left", bytes(*needed), bytes(*available)
)]
pub struct OutOfMemory {
    /// What it is.
    pub what: String,
    /// Bytes that it needs.
    pub needed: u64,
    /// Bytes that are left.
    pub available: u64,
}

/// Checks that something fits into the memory that is left, [`inceptive_exec::available_memory`] as a rule.
///
/// # Errors
/// When it does not.
pub fn check_memory(
    what: impl FnOnce() -> String,
    need: &Need,
    available: u64,
) -> Result<(), OutOfMemory> {
    let needed = need.at_least();
    match needed <= available {
        true => Ok(()),
        false => Err(OutOfMemory { what: what(), needed, available }),
    }
}

/// A network's file, or what people call it, with the images that are to run at once.
pub fn with_batch(network: &str, batch: u32) -> String {
    match batch {
        1 => format!("`{network}`"),
        _ => format!("`{network}` with {batch} images at once"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inceptive_ir::{Graph, Shape};

    #[test]
    fn what_does_not_fit_says_how_much_it_needs() {
        let graph = Graph::new(Shape::map(3, 32, 32), None).unwrap();
        let check = |batch, available| {
            check_memory(|| with_batch("m", batch), &Need::new(&graph, batch), available)
        };
        // The image twice: ours and the engine's.
        assert_eq!(check(1, 24 << 10), Ok(()));
        let message = check(4, 90 << 10).unwrap_err().to_string();
        assert_eq!(
            message,
            "`m` with 4 images at once needs at least 96.00 KiB of memory, but only 90.00 KiB are left"
        );
    }
}
