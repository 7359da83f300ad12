//! Threads that compute one program together.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

/// How often a waiting thread looks before it lets others run, where each thread has a core.
const SPINS: u32 = 20_000;

/// The same for so many threads: with more threads than cores, another one could work meanwhile.
fn spins(threads: usize) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if threads > cores { 0 } else { SPINS }
}

/// What every thread does: a function of the thread's number, as a pointer without its lifetime.
#[derive(Clone, Copy)]
struct Job(*const (dyn Fn(usize) + Sync));

// SAFETY: the function may be called from any thread, and `Pool::run` keeps it alive while threads have it.
unsafe impl Send for Job {}

struct State {
    /// Counts the jobs, so that a thread sees that there is a new one.
    round: usize,
    job: Option<Job>,
    running: usize,
    panicked: bool,
    is_closing: bool,
}

struct Shared {
    state: Mutex<State>,
    has_job: Condvar,
    is_done: Condvar,
    /// The round that was started last, to look at without the lock.
    round: AtomicUsize,
    spins: u32,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The system does not start so many threads.
#[derive(Debug, thiserror::Error)]
#[error(
    "the system starts only {started} of {wanted} threads ({error}); use fewer, or raise the limit of processes or memory"
)]
pub struct TooFewThreads {
    /// How many it starts.
    started: usize,
    /// How many were asked for.
    wanted: usize,
    /// What the system says.
    error: std::io::Error,
}

/// A fixed number of threads, this one included.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// `threads` threads; the thread that calls [`Pool::run`] is one of them.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn new(threads: usize) -> Result<Self, TooFewThreads> {
        Self::start(threads, |thread, work| {
            std::thread::Builder::new().name(format!("kernels {thread}")).spawn(work)
        })
    }

    fn start(
        threads: usize,
        spawn: impl Fn(usize, Box<dyn FnOnce() + Send>) -> std::io::Result<JoinHandle<()>>,
    ) -> Result<Self, TooFewThreads> {
        let state = State { round: 0, job: None, running: 0, panicked: false, is_closing: false };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            has_job: Condvar::new(),
            is_done: Condvar::new(),
            round: AtomicUsize::new(0),
            spins: spins(threads),
        });
        let mut pool = Self { shared, workers: Vec::new() };
        for thread in 1..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            let worker = spawn(thread, Box::new(move || work(&shared, thread)));
            let refused =
                |error| TooFewThreads { started: pool.workers.len() + 1, wanted: threads, error };
            pool.workers.push(worker.map_err(refused)?);
        }
        Ok(pool)
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// A place where its threads wait for each other.
    pub(crate) fn barrier(&self) -> Barrier {
        Barrier {
            threads: self.threads(),
            spins: self.shared.spins,
            waiting: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Calls a function on every thread, with the thread's number, and waits for all of them. A panic of one is
    /// continued here.
    pub fn run(&mut self, job: &(dyn Fn(usize) + Sync)) {
        if self.workers.is_empty() {
            return job(0);
        }
        // SAFETY: only the lifetime changes; no thread has the pointer after the wait below.
        let job_of_threads: Job = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), Job>(std::ptr::from_ref(job))
        };
        {
            let mut state = self.shared.lock();
            state.job = Some(job_of_threads);
            state.running = self.workers.len();
            state.round = state.round.wrapping_add(1);
            self.shared.round.store(state.round, Ordering::Release);
        }
        self.shared.has_job.notify_all();
        let own = catch_unwind(AssertUnwindSafe(|| job(0)));
        let mut state = self.shared.lock();
        while state.running > 0 {
            state = self.shared.is_done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.job = None;
        let panicked = std::mem::take(&mut state.panicked);
        drop(state);
        match own {
            Err(panic) => resume_unwind(panic),
            Ok(()) if panicked => resume_unwind(Box::new("a thread of the pool panicked")),
            Ok(()) => {}
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.round.fetch_add(1, Ordering::Release);
        self.shared.has_job.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its jobs.
            let _ = worker.join();
        }
    }
}

fn work(shared: &Shared, thread: usize) {
    let mut last = 0;
    loop {
        // Runs of small networks follow each other quickly: look for a while before sleeping.
        for _ in 0..shared.spins {
            if shared.round.load(Ordering::Acquire) != last {
                break;
            }
            std::hint::spin_loop();
        }
        let mut state = shared.lock();
        while state.round == last && !state.is_closing {
            state = shared.has_job.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closing {
            return;
        }
        last = state.round;
        let job = state.job;
        drop(state);
        // SAFETY: `Pool::run` waits for this thread, and keeps the function until then.
        let outcome = job.map(|job| catch_unwind(AssertUnwindSafe(|| unsafe { (*job.0)(thread) })));
        let mut state = shared.lock();
        state.panicked |= matches!(outcome, Some(Err(_)));
        state.running -= 1;
        if state.running == 0 {
            shared.is_done.notify_one();
        }
    }
}

/// A place where threads wait for each other.
#[derive(Debug)]
pub(crate) struct Barrier {
    threads: usize,
    spins: u32,
    waiting: AtomicUsize,
    passed: AtomicUsize,
    is_broken: AtomicBool,
}

impl Barrier {
    /// Waits until every thread is here. Everything that a thread wrote before is seen by all of them after. False if one
    /// will never arrive: then nothing keeps threads apart any more.
    #[must_use]
    pub(crate) fn wait(&self) -> bool {
        if self.threads == 1 {
            return !self.is_broken();
        }
        let passed = self.passed.load(Ordering::Acquire);
        if self.waiting.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.waiting.store(0, Ordering::Relaxed);
            self.passed.store(passed.wrapping_add(1), Ordering::Release);
            return true;
        }
        let mut looks = 0;
        while self.passed.load(Ordering::Acquire) == passed {
            if self.is_broken() {
                return false;
            }
            if looks < self.spins {
                looks += 1;
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        true
    }

    /// Whether one will never arrive.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// Lets every thread leave from now on: one will never arrive.
    pub(crate) fn break_up(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_works_in_every_round() {
        for threads in [1, 2, 5] {
            let mut pool = Pool::new(threads).unwrap();
            assert_eq!(pool.threads(), threads);
            let calls: Vec<AtomicUsize> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
            for _ in 0..50 {
                pool.run(&|thread| {
                    calls[thread].fetch_add(1, Ordering::Relaxed);
                });
            }
            assert!(calls.iter().all(|calls| calls.load(Ordering::Relaxed) == 50));
        }
    }

    /// Those that were started end before there is an error.
    #[test]
    fn too_many_threads_are_refused_with_how_many_there_can_be() {
        let running = Arc::new(AtomicUsize::new(0));
        let refused = Pool::start(9, |thread, work| {
            if thread == 4 {
                return Err(std::io::ErrorKind::WouldBlock.into());
            }
            let running = Arc::clone(&running);
            std::thread::Builder::new().spawn(move || {
                running.fetch_add(1, Ordering::Relaxed);
                work();
                running.fetch_sub(1, Ordering::Relaxed);
            })
        });
        let text = refused.err().unwrap().to_string();
        assert!(text.starts_with("the system starts only 4 of 9 threads ("), "{text}");
        assert_eq!(running.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_panic_of_a_thread_reaches_the_caller_and_the_pool_goes_on() {
        let mut pool = Pool::new(3).unwrap();
        for bad in 0..3 {
            let run = AssertUnwindSafe(|| pool.run(&|thread| assert_ne!(thread, bad)));
            assert!(catch_unwind(run).is_err());
        }
        let count = AtomicUsize::new(0);
        pool.run(&|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 3);
    }

    #[test]
    fn a_barrier_keeps_steps_apart() {
        let mut pool = Pool::new(4).unwrap();
        let barrier = pool.barrier();
        let steps: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
        pool.run(&|_| {
            for (step, arrived) in steps.iter().enumerate() {
                if let Some(before) = step.checked_sub(1) {
                    assert_eq!(steps[before].load(Ordering::Relaxed), 4);
                }
                arrived.fetch_add(1, Ordering::Relaxed);
                assert!(barrier.wait());
            }
        });
    }

    #[test]
    fn nobody_waits_for_a_thread_that_left() {
        let mut pool = Pool::new(3).unwrap();
        let barrier = pool.barrier();
        let passed = AtomicUsize::new(0);
        pool.run(&|thread| {
            if thread == 1 {
                return barrier.break_up();
            }
            passed.fetch_add(usize::from(barrier.wait()), Ordering::Relaxed);
        });
        assert_eq!(passed.into_inner(), 0);
    }
}
