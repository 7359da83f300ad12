//! Measures the limits of the machine: arithmetic and memory bandwidth.

use std::{
    hint::black_box,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use inceptive_kernels::{Isa, probe::multiply_add};
use inceptive_results::Roofline;

/// How long each probe runs on each thread, and how often; the best counts.
const LENGTH: Duration = Duration::from_millis(40);
const REPEATS: usize = 4;

/// Values in each of the three arrays of the memory probe, over all threads: 64 MiB, past any cache that one
/// process has to itself.
const ARRAY: usize = 16 << 20;

/// Values of each array between two looks at the clock.
const STRETCH: usize = 64 << 10;

/// Measures with this number of threads; takes half a second. Uses at most one thread per core, because more threads
/// than cores are not faster. It ends early soon after `stop` is set, and what it returns then is not to be used.
pub fn measure_roofline(threads: u32, stop: &AtomicBool) -> Roofline {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(threads.max(1) as usize);
    let (peak_gflops, bandwidth_gbps) = (peak(workers, stop), bandwidth(workers, stop));
    Roofline { threads, peak_gflops, bandwidth_gbps }
}

fn peak(workers: usize, stop: &AtomicBool) -> f64 {
    let nothing = || ();
    best(workers, nothing, |()| multiply_add(Isa::best(), 20_000), stop)
}

/// A worker's part of the arrays of the memory probe, and where it is in them.
struct Arrays {
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
    at: usize,
}

impl Arrays {
    fn new(length: usize) -> Self {
        Self { a: vec![0.0; length], b: vec![1.0; length], c: vec![2.0; length], at: 0 }
    }

    /// Computes the next part; returns the bytes that were moved.
    fn advance(&mut self) -> usize {
        let end = (self.at + STRETCH).min(self.a.len());
        let stretch = self.at..end;
        let scale = black_box(0.5_f32);
        let (a, b, c) =
            (&mut self.a[stretch.clone()], &self.b[stretch.clone()], &self.c[stretch.clone()]);
        for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
            *a = *b + scale * *c;
        }
        black_box(&self.a);
        self.at = if end == self.a.len() { 0 } else { end };
        3 * stretch.len() * size_of::<f32>()
    }
}

fn bandwidth(workers: usize, stop: &AtomicBool) -> f64 {
    if stop.load(Ordering::Relaxed) {
        return 0.0;
    }
    best(workers, || Arrays::new(ARRAY / workers), Arrays::advance, stop)
}

/// The work of a thread in one window.
struct Stint {
    start: Instant,
    end: Instant,
    units: usize,
}

/// The best rate, in 10^9 units a second, of work that this number of threads do at the same time, each with its own
/// data from `prepare`. The work returns its units.
fn best<T>(
    workers: usize,
    prepare: impl Fn() -> T + Sync,
    work: impl Fn(&mut T) -> usize + Sync,
    stop: &AtomicBool,
) -> f64 {
    let together = Barrier::new(workers);
    let worker = || {
        let mut own = prepare();
        let stint = |_| {
            together.wait();
            let start = Instant::now();
            let mut units = 0;
            while start.elapsed() < LENGTH && !stop.load(Ordering::Relaxed) {
                units += work(&mut own);
            }
            Stint { start, end: Instant::now(), units }
        };
        (0..REPEATS).map(stint).collect::<Vec<Stint>>()
    };
    let stints: Vec<Vec<Stint>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let rates = (0..REPEATS).map(|at| rate(stints.iter().map(|worker| &worker[at])));
    rates.fold(0.0, f64::max)
}

/// All work over the time from the first start to the last end. Rates of single workers must not be added:
/// where these had to wait for a core, they did not work at the same time.
#[expect(clippy::cast_precision_loss, reason = "a rate does not need the last digit")]
fn rate<'a>(stints: impl Iterator<Item = &'a Stint> + Clone) -> f64 {
    let start = stints.clone().map(|stint| stint.start).min();
    let end = stints.clone().map(|stint| stint.end).max();
    let seconds = start.zip(end).map_or(0.0, |(start, end)| (end - start).as_secs_f64());
    let units: usize = stints.map(|stint| stint.units).sum();
    if seconds > 0.0 { units as f64 / seconds / 1e9 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);

    #[test]
    fn probes_measure_something() {
        let roofline = measure_roofline(1, &NEVER);
        assert!(roofline.peak_gflops > 0.1, "{roofline:?}");
        assert!(roofline.bandwidth_gbps > 0.01, "{roofline:?}");
        assert!(roofline.ridge() > 0.0);
    }

    #[test]
    fn more_threads_than_cores_add_nothing() {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let many = peak(cores * 50, &NEVER);
        let own = peak(cores, &NEVER);
        // Other programs may disturb either; rates added up over threads are too high by about fifty.
        assert!(many < own * 8.0, "{many} with fifty times the threads, {own} without");
        assert_eq!(measure_roofline(500, &NEVER).threads, 500);
    }

    #[test]
    fn probes_end_when_they_are_stopped() {
        let start = Instant::now();
        for _ in 0..100 {
            measure_roofline(2, &AtomicBool::new(true));
        }
        assert!(start.elapsed() < LENGTH * 100);
    }

    #[test]
    fn work_counts_over_the_common_time() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let stints = [
            Stint { start, end: after(1), units: 4_000_000_000 },
            Stint { start: after(3), end: after(4), units: 4_000_000_000 },
        ];
        assert!((rate(stints.iter()) - 2.0).abs() < 1e-9);
    }
}
