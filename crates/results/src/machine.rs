//! The machine that results are of.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Maximum number of threads per core that the system sees. With far more threads than cores they wait for each other, and
/// one run takes minutes, regardless of the budget.
pub const MAX_THREADS_PER_CORE: u32 = 16;

/// The machine, as columns of every result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Machine {
    /// What the processor calls itself.
    pub cpu: String,
    /// Cores that compute by themselves.
    pub physical_cores: u32,
    /// Cores that the system sees.
    pub logical_cores: u32,
    /// Instruction sets that matter here, such as `avx512f`.
    pub isa: Vec<String>,
    /// First-level data cache of a core, in bytes, where it can be read.
    pub l1d_bytes: Option<u64>,
    /// Second-level cache of a core.
    pub l2_bytes: Option<u64>,
    /// Third-level cache.
    pub l3_bytes: Option<u64>,
    /// Main memory.
    pub memory_bytes: u64,
    /// Operating system and its version.
    pub os: String,
    /// Kernel and its version.
    pub kernel: String,
    /// Processor architecture.
    pub arch: String,
    /// Whether a hypervisor runs below, as far as can be read.
    pub is_virtual: bool,
    /// The policy that sets the clock, where it can be read.
    pub governor: Option<String>,
}

impl Machine {
    /// A short name that is the same for the same facts.
    pub fn id(&self) -> String {
        let facts = serde_json::to_string(self).unwrap_or_default();
        let digest = Sha256::digest(facts);
        digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Threads that networks run on without a choice: as many as there are cores that compute by themselves.
    pub fn default_threads(&self) -> NonZeroU32 {
        NonZeroU32::new(self.physical_cores.min(self.logical_cores)).unwrap_or(NonZeroU32::MIN)
    }

    /// Maximum number of threads on it.
    pub const fn max_threads(&self) -> u32 {
        self.logical_cores.saturating_mul(MAX_THREADS_PER_CORE)
    }
}
