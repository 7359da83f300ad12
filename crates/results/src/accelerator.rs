//! Devices beside the processor.

use serde::{Deserialize, Serialize};

/// A device beside the processor that ran a network, such as a GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accelerator {
    /// The name of the hardware, such as `NVIDIA H200`.
    pub name: String,
    /// The version of its driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// What the engine computes with on it, such as `CUDA 13.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Bytes of its memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Its clock at the start and at the end, in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_mhz: Option<[f64; 2]>,
}
