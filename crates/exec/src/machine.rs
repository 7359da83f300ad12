//! Facts about the machine that do not change while it runs.

use std::{fs, num::NonZeroU32};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

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

/// Flags of the processor that inference engines use.
const ISA: [&str; 20] = [
    "sse4_1",
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx_vnni",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimddp",
    "bf16",
    "sve",
];

/// Rounding of main memory: what is left to the system differs from start to start.
const GIBIBYTE: u64 = 1 << 30;

impl Machine {
    /// Reads the facts.
    pub fn read() -> Self {
        let kind = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(kind);
        let cpus = system.as_ref().map_or(&[][..], System::cpus);
        let logical = std::thread::available_parallelism().map_or(cpus.len(), usize::from);
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let flags = flags(&info);
        let brand = cpus.first().map_or("", |cpu| cpu.brand().trim());
        let count = |cores: usize| u32::try_from(cores).unwrap_or(u32::MAX);
        Self {
            cpu: if brand.is_empty() { "unknown".to_owned() } else { brand.to_owned() },
            physical_cores: count(System::physical_core_count().unwrap_or(logical)),
            logical_cores: count(logical),
            isa: ISA.iter().filter(|isa| flags.contains(*isa)).map(|&isa| isa.to_owned()).collect(),
            l1d_bytes: cache(1, "Data"),
            l2_bytes: cache(2, "Unified"),
            l3_bytes: cache(3, "Unified"),
            memory_bytes: system
                .as_ref()
                .map_or(0, System::total_memory)
                .next_multiple_of(GIBIBYTE),
            os: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
            kernel: System::kernel_long_version().unwrap_or_default(),
            arch: std::env::consts::ARCH.to_owned(),
            is_virtual: flags.contains(&"hypervisor"),
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        }
    }

    /// Threads that networks run on without a choice: as many as there are cores that compute by themselves.
    pub fn default_threads(&self) -> NonZeroU32 {
        NonZeroU32::new(self.physical_cores.min(self.logical_cores)).unwrap_or(NonZeroU32::MIN)
    }

    /// A short name that is the same for the same facts.
    pub fn id(&self) -> String {
        let facts = serde_json::to_string(self).unwrap_or_default();
        let digest = Sha256::digest(facts);
        digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Bytes of main memory that can be taken without moving others out; no limit where it cannot be read.
pub fn available_memory() -> u64 {
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let available = System::new_with_specifics(kind).map(|system| system.available_memory());
    available.ok().filter(|&bytes| bytes > 0).unwrap_or(u64::MAX)
}

/// The first core's flags, of x86 (`flags`) or Arm (`Features`).
fn flags(info: &str) -> Vec<&str> {
    let line = info.lines().find(|line| line.starts_with("flags") || line.starts_with("Features"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(Vec::new, |(_, flags)| flags.split_whitespace().collect())
}

/// Size of a cache of the first core.
fn cache(level: u32, kind: &str) -> Option<u64> {
    (0..8).find_map(|index| {
        let folder = format!("/sys/devices/system/cpu/cpu0/cache/index{index}");
        let is_wanted = read(&format!("{folder}/level"))? == level.to_string()
            && read(&format!("{folder}/type"))? == kind;
        let size = read(&format!("{folder}/size"))?;
        let kibibytes: u64 = size.strip_suffix('K')?.parse().ok()?;
        is_wanted.then_some(kibibytes * 1024)
    })
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_itself() {
        let machine = Machine::read();
        assert!(machine.logical_cores > 0 && machine.memory_bytes > 0);
        assert_eq!(machine.id(), Machine::read().id());
    }
}
