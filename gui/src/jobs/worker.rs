//! Threads that do jobs.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use egui::Context;

use super::{Event, Finish, Job, JobId, Lane, Machinery, Progress, What};

/// A thread for each: one of a lane, more where several jobs are waited for at once.
const THREADS: [Lane; 5] = [Lane::Quick, Lane::Quick, Lane::Layout, Lane::Layout, Lane::Long];

/// A job that waits or runs.
struct Task {
    id: JobId,
    job: Job,
    stop: Arc<AtomicBool>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Task>,
    /// What runs; the jobs are copies.
    running: Vec<Task>,
    is_closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    /// The queue. Nothing panics while it is locked, so it is whole even if that should happen.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs jobs, several at a time, and tells what happens. Dropping it stops what runs.
pub struct Worker {
    shared: Arc<Shared>,
    sender: Sender<Event>,
    events: Receiver<Event>,
    ctx: Context,
    last_id: u64,
}

impl Worker {
    /// Starts the threads. Each event makes the window draw a frame.
    pub fn new(ctx: &Context, machinery: &Machinery) -> Self {
        let (sender, events) = channel();
        let shared = Arc::new(Shared::default());
        for lane in THREADS {
            let (shared, sender, ctx) = (Arc::clone(&shared), sender.clone(), ctx.clone());
            let machinery = machinery.clone();
            thread::spawn(move || work(lane, &shared, &machinery, &sender, &ctx));
        }
        Self { shared, sender, events, ctx: ctx.clone(), last_id: 0 }
    }

    /// Puts a job at the end of its lane and stops those that it makes superfluous.
    pub fn start(&mut self, job: Job) -> JobId {
        self.last_id += 1;
        let id = JobId(self.last_id);
        let mut queue = self.shared.lock();
        queue.waiting.retain(|task| {
            let is_wanted = !job.supersedes(&task.job);
            if !is_wanted {
                self.tell(task.id, What::Finished(Finish::Stopped));
            }
            is_wanted
        });
        for task in queue.running.iter().filter(|task| job.supersedes(&task.job)) {
            task.stop.store(true, Ordering::Relaxed);
        }
        queue.waiting.push_back(Task { id, job, stop: Arc::default() });
        drop(queue);
        self.shared.changed.notify_all();
        id
    }

    /// Stops a job: at once if it waits, else at the next place where it looks.
    pub fn stop(&self, id: JobId) {
        let mut queue = self.shared.lock();
        if let Some(place) = queue.waiting.iter().position(|task| task.id == id) {
            queue.waiting.remove(place);
            self.tell(id, What::Finished(Finish::Stopped));
        }
        for task in queue.running.iter().filter(|task| task.id == id) {
            task.stop.store(true, Ordering::Relaxed);
        }
    }

    /// What happened since the last call.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.events.try_iter()
    }

    fn tell(&self, job: JobId, what: What) {
        // Nobody listens only when the worker is being dropped.
        let _ = self.sender.send(Event { job, what });
        self.ctx.request_repaint();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.is_closed = true;
        queue.running.iter().for_each(|task| task.stop.store(true, Ordering::Relaxed));
        drop(queue);
        self.shared.changed.notify_all();
    }
}

/// How a job tells what happens to it, and whether it should stop.
pub struct Reporter {
    job: JobId,
    sender: Sender<Event>,
    ctx: Context,
    stop: Arc<AtomicBool>,
}

impl Reporter {
    /// Tells something.
    pub fn tell(&self, what: What) {
        // The window may be closed already.
        let _ = self.sender.send(Event { job: self.job, what });
        self.ctx.request_repaint();
    }

    /// Tells how far the job is.
    pub fn progress(&self, progress: Progress) {
        self.tell(What::Progress(progress));
    }

    /// Tells what went wrong with a part; the rest goes on.
    pub fn note(&self, text: String) {
        self.tell(What::Note(text));
    }

    /// Set when somebody wants the job to stop.
    pub fn stop_flag(&self) -> &AtomicBool {
        &self.stop
    }

    /// Whether somebody wants the job to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A thread: takes the next job of a lane until the queue is closed.
fn work(lane: Lane, shared: &Shared, machinery: &Machinery, sender: &Sender<Event>, ctx: &Context) {
    while let Some(task) = next(lane, shared) {
        let Task { id, job, stop } = task;
        let report = Reporter { job: id, sender: sender.clone(), ctx: ctx.clone(), stop };
        report.tell(What::Started);
        let result = catch_unwind(AssertUnwindSafe(|| job.run(&report, machinery)));
        let finish = match result {
            // What is done of a long job is kept when it is stopped; another is done again.
            Ok(_) if lane != Lane::Long && report.is_stopped() => Finish::Stopped,
            Ok(Ok(output)) => Finish::Done(output),
            Ok(Err(_)) if report.is_stopped() => Finish::Stopped,
            Ok(Err(message)) => Finish::Failed(message),
            Err(panic) => Finish::Failed(format!("a mistake in this program: {}", said(&*panic))),
        };
        // Told first: what waited for it starts only after that.
        report.tell(What::Finished(finish));
        shared.lock().running.retain(|task| task.id != id);
    }
}

fn next(lane: Lane, shared: &Shared) -> Option<Task> {
    let mut queue = shared.lock();
    loop {
        if queue.is_closed {
            return None;
        }
        let place = queue.waiting.iter().position(|task| {
            let mut running = queue.running.iter();
            task.job.lane() == lane && !running.any(|other| task.job.supersedes(&other.job))
        });
        if let Some(task) = place.and_then(|place| queue.waiting.remove(place)) {
            let copy = Task { id: task.id, job: task.job.clone(), stop: Arc::clone(&task.stop) };
            queue.running.push(copy);
            return Some(task);
        }
        queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

/// What a panic says.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
