//! Typed values of keys. One definition of a key serves for reading, for diagnostics and for the JSON Schema.

mod keys;
mod number;
mod raw;
mod share;
mod window;
mod word;

pub(crate) use keys::{Field, Fields, Maybe, given, is_misspelt, record, schema, unknown_keys};
pub(crate) use number::{Count, Factors, Index, Limit, Multiplier, Real, Width};
pub(crate) use raw::{Branches, Condition, FromKey, InputNames, Scales, Steps, raw};
pub(crate) use share::{Share, key_of};
pub(crate) use window::{Added, Extent, Pad};
pub(crate) use word::{Act, Along, Filling, Flag, Join, Mode, Norm, Order, Text};
