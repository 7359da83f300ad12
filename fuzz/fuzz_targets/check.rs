//! Any bytes as a file: the answer is a network that can be counted, or diagnostics that can be shown.
//!
//! `cargo +nightly fuzz run check -- -dict=fuzz/yaml.dict`, after `cargo install cargo-fuzz`;
//! `mkdir -p fuzz/corpus/check && cp architectures/*.yaml architectures/*/*.yaml fuzz/corpus/check` gives it a start.

#![no_main]

use std::path::Path;

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Checked, Memory, Style, check};
use libfuzzer_sys::fuzz_target;

const LIBRARY: &str = include_str!("../../architectures/blocks/inception.yaml");
const BASE: &str = include_str!("../../architectures/module-reduced.yaml");

fuzz_target!(|bytes: &[u8]| {
    let files = Memory::default()
        .with("blocks/inception.yaml", LIBRARY)
        .with("base.yaml", BASE)
        .with("fuzz.yaml", bytes);
    match check(&files, Path::new("fuzz.yaml")) {
        Ok(Checked::Architecture(loaded)) => {
            let graph = &loaded.architecture.graph;
            graph.validate().expect("what is checked is valid");
            let cost = Cost::new(graph, Mode::Training);
            assert!(cost.peak.bytes <= cost.total.activation_bytes);
            let _ = graph.fingerprint();
        }
        Ok(Checked::Space(_) | Checked::Library(_)) => {}
        Err(failure) => assert!(!failure.render(Style::Plain).is_empty()),
    }
});
