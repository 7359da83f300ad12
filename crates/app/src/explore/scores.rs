//! Scores of the untrained networks that a search may choose from.

use std::{
    ops::ControlFlow,
    panic::resume_unwind,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use inceptive_bench::Isa;
use inceptive_dsl::Space;
use inceptive_explore::Scored;
use inceptive_results::ProxyScore;
use inceptive_train::{Machine, ScoreError, proxy_score};

use super::count::labels;
use crate::{
    error::{ExploreError, TaskError},
    network::ReadError,
};

/// Networks between two calls that say how far it is.
const BETWEEN: usize = 32;

/// How scores are computed.
pub(super) struct Scoring<'s> {
    pub(super) space: &'s Space,
    /// The scores.
    pub(super) wanted: &'s [ProxyScore],
    /// The seed of the weights.
    pub(super) seed: u64,
    /// Number of threads; the scores do not depend on it.
    pub(super) threads: usize,
    /// Maximum memory in bytes.
    pub(super) most_bytes: u64,
    pub(super) stop: &'s AtomicBool,
}

impl Scoring<'_> {
    /// The scores of networks, by the positions of their values. `goes_on` is told how many are done.
    ///
    /// # Errors
    /// When a network has no such score, or it was stopped.
    pub(super) fn scores(
        &self,
        points: &[&[usize]],
        goes_on: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>, TaskError> {
        let scored = |&score| Scored { score, values: Vec::with_capacity(points.len()) };
        let mut found: Vec<Scored> = self.wanted.iter().map(scored).collect();
        for (number, some) in points.chunks(BETWEEN).enumerate() {
            if goes_on(number * BETWEEN).is_break() {
                return Err(TaskError::Stopped);
            }
            for scores in self.of_some(some)? {
                for (scored, value) in found.iter_mut().zip(scores) {
                    scored.values.push(value);
                }
            }
        }
        Ok(found)
    }

    /// The scores of some networks, on all threads.
    fn of_some(&self, points: &[&[usize]]) -> Result<Vec<Vec<f64>>, TaskError> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = vec![];
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(point) = points.get(at) else { return done };
                if self.stop.load(Ordering::Relaxed) {
                    done.push((at, Err(TaskError::Stopped)));
                    return done;
                }
                done.push((at, self.of(point)));
            }
        };
        let mut done = thread::scope(|scope| {
            let helpers: Vec<_> = (1..self.threads).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for helper in helpers {
                done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            done
        });
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, scores)| scores).collect()
    }

    /// The scores of a network.
    fn of(&self, point: &[usize]) -> Result<Vec<f64>, TaskError> {
        let network = self
            .space
            .network(point)
            .map_err(|failure| TaskError::Read(ReadError::Yaml(failure)))?;
        let most_bytes = self.most_bytes / self.threads.max(1) as u64;
        let machine = Machine { threads: 1, isa: Isa::best(), most_bytes };
        let failed = |error: ScoreError| match self.stop.load(Ordering::Relaxed) {
            true => TaskError::Stopped,
            false => {
                let point = labels(self.space, point).join(", ");
                ExploreError::Score { network: point, reason: error.to_string() }.into()
            }
        };
        let score = |&score| {
            proxy_score(score, &network.graph, self.seed, machine, self.stop).map_err(failed)
        };
        self.wanted.iter().map(score).collect()
    }
}
