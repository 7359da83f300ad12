//! Counts the networks of a space.

use std::{collections::BTreeMap, mem, ops::ControlFlow, panic, sync::Arc, thread};

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{LANES, Outcome, Space};
use inceptive_results::Counts;

use crate::{
    board::Board,
    program::{Found, Program, Scratch},
};

/// Points that a worker counts at a time.
const CHUNK: usize = 1024;

/// Points that are sorted by structure between two questions whether to go on: there may be millions.
const SORTED_AT_ONCE: usize = 1 << 16;

/// As many points are built one by one: compiling takes longer.
pub(crate) const FEW: usize = 2;

/// A network of a space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Its counts.
    pub counts: Counts,
    /// Whether it satisfies the constraints of the space.
    pub is_inside: bool,
}

/// What a point of a space is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counted {
    /// Its place among the points that were asked for.
    pub place: usize,
    /// Its network; `None` if the values do not fit together.
    pub network: Option<Network>,
}

/// About how many structures the networks of a space have: the combinations of the variables that decide about the structure of
/// its default network. A point whose structure no other point has takes a thousand times as long to count as others.
pub fn structures(space: &Space) -> u128 {
    let sketch = space.sketch(&space.defaults());
    if matches!(sketch.outcome, inceptive_dsl::Outcome::Alone) {
        return space.size();
    }
    let values = sketch.decisions.iter().map(|&at| space.variables[at].values.len() as u128);
    values.fold(1, u128::saturating_mul)
}

/// Counts points of a space, each given by the positions of its values, on this number of threads. Those that come first
/// are counted first, as far as possible. `goes_on` is called by one thread at a time with the number of points done,
/// always increasing, every 50 ms and at the end; it decides whether to go on. When it stops, the points counted until then are returned; always in
/// the order of the points.
///
/// # Panics
/// When a point has no such position, or `goes_on` panics.
pub fn count(
    space: &Space,
    points: &[Vec<usize>],
    workers: usize,
    goes_on: &(dyn Fn(usize) -> ControlFlow<()> + Sync),
) -> Vec<Counted> {
    let all = Split { decided: Vec::new(), points: (0..points.len()).collect() };
    let board = Board::new(Task::Split(all), points.len(), goes_on);
    let work = || Worker::new(space, points, &board).work();
    let mut counted: Vec<Counted> = thread::scope(|scope| {
        let helpers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut counted = work();
        for helper in helpers {
            counted.extend(helper.join().unwrap_or_else(|it| panic::resume_unwind(it)));
        }
        counted
    });
    counted.sort_unstable_by_key(|counted| counted.place);
    counted
}

/// Points that have the values of some variables in common.
struct Split {
    /// The variables.
    decided: Vec<usize>,
    points: Vec<usize>,
}

enum Task {
    /// Finds the structures of points.
    Split(Split),
    /// Counts points of one structure.
    Run(Arc<Program>, Split),
}

struct Worker<'w, 'g> {
    space: &'w Space,
    points: &'w [Vec<usize>],
    board: &'w Board<'g, Task>,
    scratch: Scratch,
    counted: Vec<Counted>,
}

impl<'w, 'g> Worker<'w, 'g> {
    fn new(space: &'w Space, points: &'w [Vec<usize>], board: &'w Board<'g, Task>) -> Self {
        Self { space, points, board, scratch: Scratch::default(), counted: Vec::new() }
    }

    fn work(mut self) -> Vec<Counted> {
        while let Some((task, _active)) = self.board.take() {
            match task {
                Task::Split(split) => self.split(split),
                Task::Run(program, split) => self.run(program, split),
            }
        }
        self.counted
    }

    /// Finds out what decides about the structure of the first point, and counts those that have it.
    fn split(&mut self, Split { mut decided, points }: Split) {
        if points.len() <= FEW {
            self.build_each(&points);
            return;
        }
        let sketch = self.space.sketch(&self.points[points[0]]);
        let new: Vec<usize> =
            sketch.decisions.iter().copied().filter(|it| !decided.contains(it)).collect();
        let key = |place: usize| -> Vec<usize> {
            new.iter().map(|&variable| self.points[place][variable]).collect()
        };
        let own = key(points[0]);
        let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (at, place) in points.into_iter().enumerate() {
            if at > 0 && at.is_multiple_of(SORTED_AT_ONCE) && !self.board.has_done(0) {
                return;
            }
            groups.entry(key(place)).or_default().push(place);
        }
        let like_first = groups.remove(&own).unwrap_or_default();
        decided.extend(new);
        for points in groups.into_values() {
            self.board.add(Task::Split(Split { decided: decided.clone(), points }));
        }
        let stands_for_others = !matches!(sketch.outcome, Outcome::Alone);
        match Program::new(sketch).filter(|_| like_first.len() > FEW) {
            Some(program) => self.run(Arc::new(program), Split { decided, points: like_first }),
            None if stands_for_others => self.build_each(&like_first),
            None => {
                let (first, others) = like_first.split_at(1);
                self.build_each(first);
                if !others.is_empty() {
                    self.board.add(Task::Split(Split { decided, points: others.to_vec() }));
                }
            }
        }
    }

    /// Counts some points; the others later, so that all structures are counted side by side.
    fn run(&mut self, program: Arc<Program>, Split { decided, mut points }: Split) {
        let others = points.split_off(points.len().min(CHUNK));
        let (mut of_other_structures, mut unknown) = (Vec::new(), Vec::new());
        let Self { space, points: all, .. } = *self;
        let mut scratch = mem::take(&mut self.scratch);
        for places in points.chunks(LANES) {
            let values: Vec<&[usize]> = places.iter().map(|&place| all[place].as_slice()).collect();
            program.run(space, &values, &mut scratch, |lane, found| match found {
                Found::Network(counts) => self.counted.push(self.network(places[lane], counts)),
                Found::Refused => self.counted.push(Counted { place: places[lane], network: None }),
                Found::Other => of_other_structures.push(places[lane]),
                Found::Unknown => unknown.push(places[lane]),
            });
        }
        self.scratch = scratch;
        let done = points.len() - of_other_structures.len() - unknown.len();
        if !self.board.has_done(done) {
            return;
        }
        if !of_other_structures.is_empty() {
            // Their sketch is another one: the first of them is not what this one stands for.
            let split = Split { decided: decided.clone(), points: of_other_structures };
            self.board.add(Task::Split(split));
        }
        if !others.is_empty() {
            self.board.add(Task::Run(program, Split { decided, points: others }));
        }
        self.build_each(&unknown);
    }

    /// Builds networks to count them.
    fn build_each(&mut self, places: &[usize]) {
        for &place in places {
            let network = self.space.network(&self.points[place]).ok();
            let counted = network.map_or(Counted { place, network: None }, |network| {
                let cost = Cost::new(&network.graph, Mode::Inference);
                self.network(place, Counts::new(&network.graph, &cost))
            });
            self.counted.push(counted);
            if !self.board.has_done(1) {
                return;
            }
        }
    }

    fn network(&self, place: usize, counts: Counts) -> Counted {
        let by_name = |name: &str| counts.by_name(name);
        let mut constraints = self.space.constraints.iter();
        let is_inside = constraints.all(|it| it.holds(&by_name) != Some(false));
        Counted { place, network: Some(Network { counts, is_inside }) }
    }
}
