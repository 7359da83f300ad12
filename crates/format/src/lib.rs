//! Numbers as people read them.

#![forbid(unsafe_code)]

mod numbers;

pub use numbers::{
    bytes, change, combinations, counted, decimals, exact, form, percent, percent_change, ratio,
    share, short_count, signed, significant,
};
