//! Facts about this machine that do not change while it runs.

use std::fs;

use inceptive_results::Machine;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

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

/// Main memory is rounded to this, because the part that the system reserves varies between starts.
const GIBIBYTE: u64 = 1 << 30;

/// Reads the facts about this machine.
pub fn this_machine() -> Machine {
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
    Machine {
        cpu: if brand.is_empty() { "unknown".to_owned() } else { brand.to_owned() },
        physical_cores: count(System::physical_core_count().unwrap_or(logical)),
        logical_cores: count(logical),
        isa: ISA.iter().filter(|isa| flags.contains(*isa)).map(|&isa| isa.to_owned()).collect(),
        l1d_bytes: cache(1, "Data"),
        l2_bytes: cache(2, "Unified"),
        l3_bytes: cache(3, "Unified"),
        memory_bytes: system.as_ref().map_or(0, System::total_memory).next_multiple_of(GIBIBYTE),
        os: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
        kernel: System::kernel_long_version().unwrap_or_default(),
        arch: std::env::consts::ARCH.to_owned(),
        is_virtual: flags.contains(&"hypervisor"),
        governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    }
}

/// Bytes of main memory where they cannot be read: no limit, but in a browser, whose pages have 4 GiB at most, half of that.
const UNKNOWN_MEMORY: u64 = if cfg!(target_family = "wasm") { 2 * GIBIBYTE } else { u64::MAX };

/// Bytes of main memory that can be taken without moving others out.
pub fn available_memory() -> u64 {
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let available = System::new_with_specifics(kind).map(|system| system.available_memory());
    available.ok().filter(|&bytes| bytes > 0).unwrap_or(UNKNOWN_MEMORY)
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
        let machine = this_machine();
        assert!(machine.logical_cores > 0 && machine.memory_bytes > 0);
        assert_eq!(machine.id(), this_machine().id());
    }
}
