//! Does nothing: it makes the build dependencies count (see `Cargo.toml`).

fn main() {}
