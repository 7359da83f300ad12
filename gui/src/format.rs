//! Numbers as every screen shows them; [`inceptive_report::numbers`] writes them.

use inceptive_cost::Convention;
use inceptive_exec::Runtime;
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

/// How a network was run: `rten fp32, batch 1, threads 2`.
pub fn way(runtime: &Runtime) -> String {
    let Runtime { engine, device, precision, batch, threads, .. } = runtime;
    let device = if device == "cpu" { String::new() } else { format!(" on {device}") };
    format!("{engine} {precision}{device}, batch {batch}, threads {threads}")
}

/// A part of a whole; nothing of nothing is nothing.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
