//! Tasks that threads share.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use web_time::Instant;

/// Between two questions whether to go on, unless all is done.
const PAUSE: Duration = Duration::from_millis(50);

/// Called with the number of points done; decides whether to go on.
pub(crate) type GoesOn<'g> = &'g (dyn Fn(usize) -> ControlFlow<()> + Sync);

/// What is left to do.
pub(crate) struct Board<'g, T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    /// Points of all tasks.
    total: usize,
    goes_on: GoesOn<'g>,
}

struct State<T> {
    tasks: VecDeque<T>,
    /// Workers at work, which may add tasks.
    active: usize,
    done: usize,
    /// When it was last asked whether to go on.
    asked: Option<Instant>,
    is_stopped: bool,
}

impl<'g, T> Board<'g, T> {
    /// With a first task.
    pub(crate) fn new(first: T, total: usize, goes_on: GoesOn<'g>) -> Self {
        let tasks = VecDeque::from([first]);
        let state = State { tasks, active: 0, done: 0, asked: None, is_stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), total, goes_on }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task; `None` when there will be none.
    pub(crate) fn take(&self) -> Option<(T, Active<'_, 'g, T>)> {
        let mut state = self.lock();
        loop {
            if state.is_stopped {
                return None;
            }
            if let Some(task) = state.tasks.pop_front() {
                state.active += 1;
                return Some((task, Active { board: self }));
            }
            if state.active == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Adds a task behind all others.
    pub(crate) fn add(&self, task: T) {
        self.lock().tasks.push_back(task);
        self.changed.notify_one();
    }

    /// Adds a task before all others.
    pub(crate) fn add_next(&self, task: T) {
        self.lock().tasks.push_front(task);
        self.changed.notify_one();
    }

    /// Notes points that are done; whether to go on.
    pub(crate) fn has_done(&self, count: usize) -> bool {
        // Locked during the call, so that the number that is reported never decreases.
        let mut state = self.lock();
        state.done += count;
        let is_due = state.done == self.total || state.asked.is_none_or(|at| at.elapsed() >= PAUSE);
        if is_due {
            state.is_stopped |= (self.goes_on)(state.done).is_break();
            state.asked = Some(Instant::now());
        }
        !state.is_stopped
    }

    /// Whether all points were counted.
    pub(crate) fn is_complete(&self) -> bool {
        self.lock().done == self.total
    }
}

/// A worker at work, until it is dropped.
pub(crate) struct Active<'b, 'g, T> {
    board: &'b Board<'g, T>,
}

impl<T> Drop for Active<'_, '_, T> {
    fn drop(&mut self) {
        let mut state = self.board.lock();
        state.active -= 1;
        // Others may wait for tasks that a worker in panic will not add.
        state.is_stopped |= thread::panicking();
        drop(state);
        self.board.changed.notify_all();
    }
}
