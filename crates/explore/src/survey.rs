//! Counting all points of a space.

use std::{
    mem,
    ops::ControlFlow,
    panic,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use inceptive_dsl::{LANES, Outcome, Space};

use crate::{
    board::Board,
    count::{FEW, count},
    program::{Found, Program, Scratch},
    region::{Region, place},
    surveyed::{Points, Survey, SurveyPlan},
    totals::Totals,
};

/// Points that a worker counts at a time.
const PIECE: usize = 1 << 13;

/// Counts points of a space and keeps what matters of them, in memory that does not depend on their number. The result does
/// not depend on the number of threads. `goes_on` is called by one thread at a time with the number of points done, always
/// increasing; it decides whether to go on. When it stops, the points counted until then are what the survey is of.
///
/// # Panics
/// When a listed point has no such position, or `goes_on` panics.
pub fn survey(
    space: &Space,
    plan: SurveyPlan<'_>,
    goes_on: &(dyn Fn(usize) -> ControlFlow<()> + Sync),
) -> Survey {
    let all = Region::all(space);
    let (first, total) = match plan.points {
        Points::All => {
            let total = all.len(space);
            (Task::Split(all), total)
        }
        Points::Listed(points) => (Task::Listed(0), points.len()),
    };
    let board = Board::new(first, total, goes_on);
    let work = || Worker::new(space, plan, &board).work();
    let totals = thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let totals = workers.into_iter().map(|worker| worker.join());
        let totals = totals.map(|totals| totals.unwrap_or_else(|it| panic::resume_unwind(it)));
        totals.reduce(Totals::and).unwrap_or_else(|| Totals::new(space, plan))
    });
    totals.finish(board.is_complete())
}

enum Task {
    /// Finds the structures of points.
    Split(Region),
    /// Counts points of one structure, from one on.
    Run(Arc<Program>, Region, usize),
    /// Counts points of which each may have another structure, from one on.
    Apart(Region, usize),
    /// Counts listed points, from one on.
    Listed(usize),
}

struct Worker<'w, 'g> {
    space: &'w Space,
    plan: SurveyPlan<'w>,
    board: &'w Board<'g, Task>,
    scratch: Scratch,
    totals: Totals<'w>,
}

impl<'w, 'g> Worker<'w, 'g> {
    fn new(space: &'w Space, plan: SurveyPlan<'w>, board: &'w Board<'g, Task>) -> Self {
        let totals = Totals::new(space, plan);
        Self { space, plan, board, scratch: Scratch::default(), totals }
    }

    fn work(mut self) -> Totals<'w> {
        while let Some((task, _active)) = self.board.take() {
            match task {
                Task::Split(region) => self.split(region),
                Task::Run(program, region, from) => self.run(program, region, from),
                Task::Apart(region, from) => self.apart(region, from),
                Task::Listed(from) => self.listed(from),
            }
        }
        self.totals
    }

    /// Finds out what decides about the structure of the first point.
    fn split(&mut self, region: Region) {
        if region.len(self.space) <= FEW {
            self.apart(region, 0);
            return;
        }
        let mut point = vec![];
        region.point(self.space, 0, &mut point);
        let sketch = self.space.sketch(&point);
        let (parts, own) = region.split(self.space, &sketch.decisions);
        for part in parts {
            self.board.add_next(Task::Split(part));
        }
        let is_alone = matches!(sketch.outcome, Outcome::Alone);
        match Program::new(sketch).filter(|_| own.len(self.space) > FEW && !is_alone) {
            Some(program) => self.run(Arc::new(program), own, 0),
            None => self.apart(own, 0),
        }
    }

    /// Counts a piece of a region; the rest later, so that other threads can take it.
    fn run(&mut self, program: Arc<Program>, region: Region, from: usize) {
        let to = region.len(self.space).min(from.saturating_add(PIECE));
        if to < region.len(self.space) {
            self.board.add_next(Task::Run(program.clone(), region.clone(), to));
        }
        let mut scratch = mem::take(&mut self.scratch);
        let mut lanes = vec![vec![]; LANES];
        let mut others: Vec<Vec<usize>> = vec![];
        let mut at = from;
        while at < to {
            let count = LANES.min(to - at);
            for (lane, point) in lanes.iter_mut().enumerate().take(count) {
                region.point(self.space, at + lane, point);
            }
            let values: Vec<&[usize]> = lanes[..count].iter().map(Vec::as_slice).collect();
            let totals = &mut self.totals;
            program.run(self.space, &values, &mut scratch, |lane, found| match found {
                Found::Network(counts) => {
                    totals.network(place(self.space, values[lane]), values[lane], &counts);
                }
                Found::Refused => totals.refused(),
                Found::Other | Found::Unknown => others.push(values[lane].to_vec()),
            });
            at += count;
        }
        self.scratch = scratch;
        if self.board.has_done(to - from - others.len()) {
            self.count_others(&others);
        }
    }

    /// Counts a piece of a region, each point by itself.
    fn apart(&mut self, region: Region, from: usize) {
        let to = region.len(self.space).min(from.saturating_add(PIECE));
        if to < region.len(self.space) {
            self.board.add_next(Task::Apart(region.clone(), to));
        }
        let point = |at| {
            let mut point = vec![];
            region.point(self.space, at, &mut point);
            point
        };
        let points: Vec<Vec<usize>> = (from..to).map(point).collect();
        self.count_others(&points);
    }

    /// Counts a piece of the listed points.
    fn listed(&mut self, from: usize) {
        let Points::Listed(points) = self.plan.points else { return };
        let to = points.len().min(from.saturating_add(PIECE));
        if to < points.len() {
            self.board.add_next(Task::Listed(to));
        }
        self.count_points(&points[from..to], |at| (from + at) as u64);
    }

    /// Counts points of the space that may have several structures.
    fn count_others(&mut self, points: &[Vec<usize>]) {
        let space = self.space;
        self.count_points(points, |at| place(space, &points[at]));
    }

    fn count_points(&mut self, points: &[Vec<usize>], number: impl Fn(usize) -> u64) {
        if points.is_empty() {
            return;
        }
        let told = AtomicUsize::new(0);
        let goes_on = |done: usize| {
            let before = told.swap(done, Ordering::Relaxed);
            match self.board.has_done(done - before) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        let counted = count(self.space, points, 1, &goes_on);
        for counted in counted {
            let at = counted.place;
            match counted.network {
                Some(network) => self.totals.network(number(at), &points[at], &network.counts),
                None => self.totals.refused(),
            }
        }
    }
}
