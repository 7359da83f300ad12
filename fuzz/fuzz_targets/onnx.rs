//! Any bytes as an ONNX file: the answer is a network that can be counted and written again, or an error.
//!
//! `cargo +nightly fuzz run onnx`; `mkdir -p fuzz/corpus/onnx && cp crates/onnx/tests/fixtures/*.onnx fuzz/corpus/onnx` gives it a
//! start.

#![no_main]

use inceptive_cost::{Cost, Mode};
use inceptive_ir::passes;
use inceptive_onnx::from_onnx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match from_onnx(bytes.to_vec()) {
        Ok(imported) => {
            imported.graph.validate().expect("what is read is valid");
            let deployed = passes::inference(&imported.graph).expect("what is read can be deployed");
            let cost = Cost::new(&deployed, Mode::Inference);
            assert!(cost.peak.bytes <= cost.total.activation_bytes);
            let _ = imported.graph.fingerprint();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
