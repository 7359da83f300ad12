//! Numbers as every screen shows them; [`inceptive_report::numbers`] writes them.

use inceptive_cost::Convention;
pub use inceptive_report::numbers::{bytes, exact, share, short_count};

/// A latency in milliseconds with three digits: `1.24 ms`, `153 ms`.
pub fn milliseconds(ms: f64) -> String {
    let decimals = if ms < 9.995 {
        2
    } else if ms < 99.95 {
        1
    } else {
        0
    };
    format!("{ms:.decimals$} ms")
}

/// What a convention counts, with its tool unless it is ours: `MACs`, `mult-adds (torchinfo)`.
pub fn compute_unit(convention: Convention) -> String {
    match convention {
        Convention::Inceptive => convention.unit().to_owned(),
        other => format!("{} ({other})", other.unit()),
    }
}

/// A part of a whole; nothing of nothing is nothing.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
