//! The machine as it is right now: time, load, memory, clock. Behind a trait, so that everything about
//! measuring can be tested without waiting and without a noisy machine.

use std::{
    cell::Cell,
    collections::HashMap,
    fs, iter,
    rc::Rc,
    time::{Duration, Instant},
};

/// Values that are read from the machine during a measurement.
pub trait Host {
    /// Time since some fixed moment.
    fn now(&self) -> Duration;

    /// Processor time so far; `None` if it cannot be read.
    fn cpu_time(&self) -> Option<CpuTime>;

    /// Bytes of this process in memory, now and at most since the last [`Host::reset_memory_peak`].
    fn memory(&self) -> Option<Memory>;

    /// Forgets the peak of memory.
    fn reset_memory_peak(&self);

    /// Clock of the first core in MHz, where it can be read.
    fn clock_mhz(&self) -> Option<f64>;
}

/// Processor time of all cores since the machine started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// Of everything, this process included.
    pub busy: Duration,
    /// Taken away by the hypervisor.
    pub stolen: Duration,
    /// Of this process and those that it started.
    pub own: Duration,
}

/// Bytes of this process in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Now.
    pub resident: u64,
    /// At most.
    pub peak: u64,
}

/// The machine that this program runs on. Other systems than Linux report most values as unknown.
#[derive(Clone, Copy, Debug)]
pub struct System(Instant);

impl System {
    /// The machine, with time from now.
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

/// The unit of times in `/proc`: `USER_HZ`, which is 100 on every Linux that is not self-made.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of this process and of those that it started, in units of [`TICK`].
fn own_ticks() -> Option<u64> {
    let own = std::process::id();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let processes: HashMap<u32, ProcessTime> = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|process| Some((process, ProcessTime::of(process)?)))
        .collect();
    let is_ours = |&process: &u32| {
        let parent = |process: &u32| processes.get(process).map(|found| found.parent);
        // Numbers of processes are used again, so the way up could be a circle.
        let mut parents = iter::successors(Some(process), parent).take(processes.len());
        parents.any(|process| process == own)
    };
    Some(processes.iter().filter(|(process, _)| is_ours(process)).map(|(_, it)| it.ticks).sum())
}

/// What `/proc` says of a process.
struct ProcessTime {
    parent: u32,
    /// Its processor time, with that of processes that it started and that have ended, in units of [`TICK`].
    ticks: u64,
}

impl ProcessTime {
    fn of(process: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name of the program, in parentheses, may hold spaces.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11..15)?.iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Some(Self { parent: fields.get(1)?.parse().ok()?, ticks })
    }
}

/// Writing this to `/proc/self/clear_refs` forgets the peak (proc(5)).
const FORGET_PEAK: &str = "5";

impl Host for System {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn cpu_time(&self) -> Option<CpuTime> {
        let ticks =
            |fields: &[u64]| TICK * u32::try_from(fields.iter().sum::<u64>()).unwrap_or(u32::MAX);
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let all: Vec<u64> =
            stat.lines().next()?.split_whitespace().skip(1).map_while(|t| t.parse().ok()).collect();
        let &[user, nice, system, _idle, _iowait, irq, softirq, stolen, ..] = all.as_slice() else {
            return None;
        };
        Some(CpuTime {
            busy: ticks(&[user, nice, system, irq, softirq]),
            stolen: ticks(&[stolen]),
            own: ticks(&[own_ticks()?]),
        })
    }

    fn memory(&self) -> Option<Memory> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kibibytes * 1024)
        };
        Some(Memory { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
    }

    fn reset_memory_peak(&self) {
        // If this is refused, the peak is that of the whole process: possibly too large, never too small.
        let _ = fs::write("/proc/self/clear_refs", FORGET_PEAK);
    }

    fn clock_mhz(&self) -> Option<f64> {
        let text =
            fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").ok()?;
        let kilohertz: f64 = text.trim().parse().ok()?;
        Some(kilohertz / 1000.0)
    }
}

/// A machine for tests: its time advances only on request, and its other values are set by the test.
#[derive(Clone, Debug, Default)]
pub struct FakeHost {
    time: Rc<Cell<Duration>>,
    /// Processor time per second that others take.
    pub interference: Rc<Cell<f64>>,
    /// The value of [`Host::clock_mhz`].
    pub clock: Rc<Cell<Option<f64>>>,
}

impl FakeHost {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.time.set(self.time.get() + by);
    }
}

impl Host for FakeHost {
    fn now(&self) -> Duration {
        self.time.get()
    }

    fn cpu_time(&self) -> Option<CpuTime> {
        let own = self.time.get();
        let busy = own + own.mul_f64(self.interference.get());
        Some(CpuTime { busy, stolen: Duration::ZERO, own })
    }

    fn memory(&self) -> Option<Memory> {
        None
    }

    fn reset_memory_peak(&self) {}

    fn clock_mhz(&self) -> Option<f64> {
        self.clock.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_machine_can_be_read() {
        let system = System::new();
        let memory = system.memory().unwrap();
        assert!(memory.resident > 0 && memory.peak >= memory.resident / 2);
        let time = system.cpu_time().unwrap();
        assert!(time.busy >= time.own);
    }
}
