//! The queue of jobs, and what runs them.

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
    time::Duration,
};

use egui::Context;
use inceptive_app::TrainingEvent;

use super::{
    Event, Finish, Job, JobEvent, JobId, Lane, MeasurementBackend, Progress, lanes::Lanes,
    turns::Turns,
};

/// Time between two looks at whether training still computes.
const TICK: Duration = Duration::from_millis(5);

/// A job that waits or runs.
pub(super) struct Task {
    id: JobId,
    job: Job,
    stop: Arc<AtomicBool>,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Task>,
    /// The running jobs, as copies.
    running: Vec<Task>,
    pub(super) is_closed: bool,
}

impl Queue {
    /// Adds a job at the end and stops the jobs that it supersedes; returns those that never ran.
    fn put(&mut self, id: JobId, job: Job) -> Vec<JobId> {
        let (superfluous, waiting): (Vec<Task>, Vec<Task>) =
            self.waiting.drain(..).partition(|task| job.supersedes(&task.job));
        self.waiting = waiting.into();
        for task in self.running.iter().filter(|task| job.supersedes(&task.job)) {
            task.stop.store(true, Ordering::Relaxed);
        }
        self.waiting.push_back(Task { id, job, stop: Arc::default() });
        superfluous.into_iter().map(|task| task.id).collect()
    }

    /// The first job of a lane that need not wait for another one; it runs from now on.
    pub(super) fn take(&mut self, lane: Lane) -> Option<Task> {
        let place = self.waiting.iter().position(|Task { job, .. }| {
            let superseded = self.running.iter().filter(|other| job.supersedes(&other.job));
            job.lane() == lane && superseded.count() <= job.max_superseded_running()
        });
        let task = self.waiting.remove(place?)?;
        let copy = Task { id: task.id, job: task.job.clone(), stop: Arc::clone(&task.stop) };
        self.running.push(copy);
        Some(task)
    }

    /// Whether a measurement waits or runs.
    fn measures(&self) -> bool {
        self.waiting.iter().chain(&self.running).any(|task| task.job.lane() == Lane::Measure)
    }

    /// Forgets a job that is over.
    fn end(&mut self, id: JobId) {
        self.running.retain(|task| task.id != id);
    }
}

/// What the threads share.
#[derive(Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    pub(super) changed: Condvar,
    turns: Arc<Turns>,
}

impl Shared {
    /// The queue. Nothing panics while it is locked, so it stays consistent.
    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes which jobs there are.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.lock();
        let result = change(&mut queue);
        self.turns.set_measures(queue.measures());
        result
    }
}

/// Runs jobs, several at a time, and sends their events. Dropping it stops running jobs.
pub struct Worker {
    shared: Arc<Shared>,
    lanes: Lanes,
    sender: Sender<Event>,
    events: Receiver<Event>,
    ctx: Context,
    last_id: u64,
}

impl Worker {
    /// Starts the threads. Each event makes the window draw a frame.
    pub fn new(ctx: &Context, machinery: &MeasurementBackend) -> Self {
        let (sender, events) = channel();
        let shared = Arc::new(Shared::default());
        let runner = Runner {
            shared: Arc::clone(&shared),
            machinery: machinery.clone(),
            sender: sender.clone(),
            ctx: ctx.clone(),
        };
        Self { shared, lanes: Lanes::start(runner), sender, events, ctx: ctx.clone(), last_id: 0 }
    }

    /// Puts a job at the end of its lane and stops those that it makes superfluous.
    pub fn start(&mut self, job: Job) -> JobId {
        self.last_id += 1;
        let id = JobId(self.last_id);
        for superfluous in self.shared.change(|queue| queue.put(id, job)) {
            self.tell(superfluous, JobEvent::Finished(Finish::Stopped));
        }
        self.shared.changed.notify_all();
        id
    }

    /// Stops a job: at once if it waits, else at the next place where it looks.
    pub fn stop(&self, id: JobId) {
        self.shared.change(|queue| {
            if let Some(place) = queue.waiting.iter().position(|task| task.id == id) {
                queue.waiting.remove(place);
                self.tell(id, JobEvent::Finished(Finish::Stopped));
            }
            for task in queue.running.iter().filter(|task| task.id == id) {
                task.stop.store(true, Ordering::Relaxed);
            }
        });
    }

    /// What happened since the last call.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.lanes.go_on();
        self.events.try_iter()
    }

    fn tell(&self, job: JobId, what: JobEvent) {
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

/// Reports the progress of a job, and tells the job whether to stop.
pub struct Reporter {
    job: JobId,
    sender: Sender<Event>,
    ctx: Context,
    stop: Arc<AtomicBool>,
    turns: Arc<Turns>,
}

impl Reporter {
    /// Sends an event.
    pub fn tell(&self, what: JobEvent) {
        // The window may be closed already.
        let _ = self.sender.send(Event { job: self.job, what });
        self.ctx.request_repaint();
    }

    /// Reports the progress of the job.
    pub fn progress(&self, progress: Progress) {
        self.tell(JobEvent::Progress(progress));
    }

    /// Reports an error in a part of the job; the others continue.
    pub fn note(&self, text: String) {
        self.tell(JobEvent::Note(text));
    }

    /// Set when the job should stop.
    pub fn stop_flag(&self) -> &AtomicBool {
        &self.stop
    }

    /// Who uses the machine.
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Waits until training has come to a place where it waits for the measurement.
    pub(super) fn wait_for_training(&self) {
        if self.turns.is_training() {
            let activity = "waits until training pauses".to_owned();
            self.progress(Progress { share: 0.0, activity });
        }
        while self.turns.is_training() && !self.is_stopped() {
            thread::sleep(TICK);
        }
    }

    /// Waits while something is measured, in a job that computes as training does.
    pub(super) fn wait_for_measurement(&self) {
        let waits = || self.turns.measures().load(Ordering::SeqCst) && !self.is_stopped();
        if !waits() {
            return;
        }
        self.tell(JobEvent::Training(TrainingEvent::Waiting(true)));
        while waits() {
            self.turns.set_trains(false);
            while waits() {
                thread::sleep(TICK);
            }
            // A measurement may have come in between: it did not wait, so this job has to.
            self.turns.set_trains(true);
        }
        self.tell(JobEvent::Training(TrainingEvent::Waiting(false)));
    }

    /// Whether the job should stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Runs one job after another.
#[derive(Clone)]
pub(super) struct Runner {
    pub shared: Arc<Shared>,
    pub ctx: Context,
    machinery: MeasurementBackend,
    sender: Sender<Event>,
}

impl Runner {
    /// Runs a job, and sends its events.
    pub fn run(&self, task: Task) {
        let Task { id, job, stop } = task;
        let (sender, ctx, turns) =
            (self.sender.clone(), self.ctx.clone(), Arc::clone(&self.shared.turns));
        let report = Reporter { job: id, sender, ctx, stop, turns };
        let is_long = job.lane().is_long();
        report.tell(JobEvent::Started);
        let result = catch_unwind(AssertUnwindSafe(|| job.run(&report, &self.machinery)));
        let finish = match result {
            // Finished parts of a stopped long job are kept; other jobs start again.
            Ok(_) if !is_long && report.is_stopped() => Finish::Stopped,
            Ok(Ok(output)) if report.is_stopped() => Finish::Kept(output),
            Ok(Ok(output)) => Finish::Done(output),
            Ok(Err(_)) if report.is_stopped() => Finish::Stopped,
            Ok(Err(message)) => Finish::Failed(message),
            Err(panic) => Finish::Failed(format!("internal error: {}", said(&*panic))),
        };
        // Sent first: jobs that waited for this one start only after that.
        report.tell(JobEvent::Finished(finish));
        self.shared.change(|queue| queue.end(id));
    }
}

/// The message of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use inceptive_app::{Content, inspect};
    use inceptive_draw::{Arrangement, Open};
    use inceptive_files::InputFiles;

    use inceptive_app::Request;

    use super::*;
    use crate::jobs::{ReadRequest, Text};
    use crate::{
        file::FilePath,
        jobs::{LayoutRequest, Place},
    };

    /// A layout of a small network at a place.
    fn layout(place: Place) -> Job {
        let text = "name: N\ninput: {channels: 3, size: 8}\nclasses: 2\nbody: []\ntail: gap\n";
        let files = inceptive_dsl::Memory::default().with("n.yaml", text);
        let Ok(Content::Network(network)) = inspect(&files, Path::new("n.yaml"), &[]) else {
            panic!("a network");
        };
        let arrangement = Arrangement::plain(Open::All);
        Job::Layout(LayoutRequest { place, network, arrangement })
    }

    fn ids(tasks: impl IntoIterator<Item = Task>) -> Vec<u64> {
        tasks.into_iter().map(|task| task.id.0).collect()
    }

    #[test]
    fn a_newer_layout_runs_beside_one_stopped_one_and_no_more() {
        let mut queue = Queue::default();
        let put = |queue: &mut Queue, id, place| {
            queue.put(JobId(id), layout(place)).into_iter().map(|id| id.0).collect::<Vec<u64>>()
        };
        assert!(put(&mut queue, 1, Place::Graph).is_empty());
        let first = queue.take(Lane::Layout).unwrap();
        assert!(!first.stop.load(Ordering::Relaxed));

        assert!(put(&mut queue, 2, Place::Graph).is_empty());
        assert!(first.stop.load(Ordering::Relaxed), "nobody wants it any more");
        let second = queue.take(Lane::Layout).unwrap();
        assert_eq!(second.id, JobId(2), "it does not wait for the first one");

        // However many come now, only one waits, and the others never run.
        for id in 3..6 {
            assert_eq!(
                put(&mut queue, id, Place::Graph),
                Vec::from_iter((id > 3).then_some(id - 1))
            );
            assert!(queue.take(Lane::Layout).is_none(), "two of a place are enough");
        }
        assert!(second.stop.load(Ordering::Relaxed));
        // Another place does not wait for this one.
        put(&mut queue, 6, Place::Compare(0));
        assert_eq!(ids(queue.take(Lane::Layout)), [6]);

        queue.end(JobId(1));
        assert_eq!(ids(queue.take(Lane::Layout)), [5]);
        assert_eq!(ids(queue.running), [2, 6, 5]);
    }

    #[test]
    fn a_file_is_read_again_only_when_the_reading_before_is_over() {
        let mut queue = Queue::default();
        let read = |file: &str| {
            let own = Text { file: Path::new(file).into(), text: None };
            Job::Read(ReadRequest { own, from: None, settings: vec![] })
        };
        queue.put(JobId(1), read("a.yaml"));
        assert_eq!(ids(queue.take(Lane::Quick)), [1]);
        queue.put(JobId(2), read("a.yaml"));
        queue.put(JobId(3), read("b.yaml"));
        assert_eq!(ids(queue.take(Lane::Quick)), [3], "another file does not wait");
        assert!(queue.take(Lane::Quick).is_none());
        queue.end(JobId(1));
        assert_eq!(ids(queue.take(Lane::Quick)), [2]);
    }

    #[test]
    fn measuring_waits_for_measuring_only() {
        let mut queue = Queue::default();
        let file: FilePath = Path::new("a.yaml").into();
        let profile = || {
            Job::Profile(crate::jobs::ProfileRequest {
                network: Request { file: file.to_path_buf(), settings: vec![] },
                engines: vec![],
                choice: crate::jobs::EngineChoice::default(),
                precision: inceptive_bench::PrecisionRequest::default(),
                device: "cpu".to_owned(),
                batches: vec![1],
                threads: vec![],
                runs: 5,
                store: "results.db".into(),
            })
        };
        let report = Job::Report(crate::jobs::ReportRequest {
            networks: vec![Request { file: file.to_path_buf(), settings: vec![] }],
            folder: "report".into(),
            store: "results.db".into(),
            inputs: InputFiles::default(),
        });
        for (id, job) in [(1, profile()), (2, profile()), (3, report)] {
            queue.put(JobId(id), job);
        }
        assert_eq!(ids(queue.take(Lane::Measure)), [1]);
        assert_eq!(ids(queue.take(Lane::Background)), [3], "a report does not wait for it");
        for id in 1..3 {
            assert!(queue.measures());
            queue.end(JobId(id));
            queue.take(Lane::Measure);
        }
        assert!(!queue.measures(), "training goes on");
    }

    #[test]
    fn a_measurement_begins_only_when_training_pauses() {
        let (sender, events) = channel();
        let (stop, turns) = (Arc::default(), Arc::<Turns>::default());
        turns.set_trains(true);
        let report = Reporter {
            job: JobId(1),
            sender,
            ctx: Context::default(),
            stop,
            turns: Arc::clone(&turns),
        };
        let waiting = thread::spawn(move || report.wait_for_training());
        let JobEvent::Progress(progress) = events.recv().unwrap().what else {
            panic!("it says that it waits");
        };
        assert_eq!(progress.activity, "waits until training pauses");
        thread::sleep(4 * TICK);
        assert!(!waiting.is_finished());
        turns.set_trains(false);
        waiting.join().unwrap();
    }
}
