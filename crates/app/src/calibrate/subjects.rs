//! Which networks are measured for a calibration: drawn from spaces and from variants of networks.

use std::{
    collections::{BTreeSet, HashSet},
    path::{Path, PathBuf},
};

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Checked, Disk, Setting, Space, check};
use inceptive_ir::passes;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    constraints::violated,
    error::{CalibrateError, TaskError},
    explore::labels,
    inspect::list,
    measured::Request,
    network::{ReadError, is_onnx, read},
};

/// Networks that a model is judged on, at most.
pub(super) const JUDGED: usize = 100;

/// Networks that are measured, at most.
const MOST: usize = 5000;

/// Attempts to draw a network that was not drawn before, and that is one.
const ATTEMPTS: usize = 60;

/// Widths of variants of a network, as shares of its own.
const WIDTHS: [f64; 9] = [0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.125, 1.25];

/// Input sizes of variants of a network, as shares of its own.
const SIZES: [f64; 8] = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2];

/// What a measured network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The model is fitted to it.
    Fit,
    /// The model is judged on it.
    Judge,
}

/// A network to measure.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) request: Request,
    /// Fingerprint of its inference graph.
    pub(super) fingerprint: String,
    pub(super) purpose: Purpose,
    /// Its place among all networks, the same for the same targets and seed.
    pub(super) place: usize,
}

/// Where networks are drawn from.
enum Source {
    Space(Box<Space>),
    /// Files of networks.
    Networks(Vec<PathBuf>),
}

/// The files of some targets: those of folders in the order of their names.
pub(super) fn files(targets: &[PathBuf]) -> Result<Vec<PathBuf>, TaskError> {
    let mut all = BTreeSet::new();
    let mut files = vec![];
    for target in targets {
        let found = match target.is_dir() {
            true => {
                list(target).map_err(|error| ReadError::File { path: target.clone(), error })?
            }
            false => vec![target.clone()],
        };
        let new = found.into_iter().filter(|file| all.insert(file.clone()));
        files.extend(new);
    }
    Ok(files)
}

/// Networks in the order in which they are measured, the same for the same targets and seed.
pub(super) struct Subjects {
    sources: Vec<Source>,
    rng: ChaCha8Rng,
    taken: HashSet<String>,
    /// The networks that the model is judged on; they are drawn first, so that it is fitted to none of them.
    judged: std::vec::IntoIter<Subject>,
    /// How many were given out.
    given: usize,
    /// Which source is next.
    turn: usize,
}

impl Subjects {
    /// Reads the targets.
    ///
    /// # Errors
    /// When a file that was named cannot be read, or there is no network in them.
    pub(super) fn new(targets: &[PathBuf], seed: u64) -> Result<Self, TaskError> {
        let mut sources = vec![];
        let mut networks = vec![];
        for file in files(targets)? {
            if is_onnx(&file) {
                networks.push(file);
                continue;
            }
            match check(&Disk, &file) {
                Ok(Checked::Space(space)) => sources.push(Source::Space(space)),
                Ok(Checked::Architecture(_)) => networks.push(file),
                Ok(Checked::Library(_)) => {}
                Err(failure) => return Err(ReadError::Yaml(failure).into()),
            }
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        networks.shuffle(&mut rng);
        if !networks.is_empty() {
            sources.push(Source::Networks(networks.clone()));
        }
        if sources.is_empty() {
            return Err(CalibrateError::NoNetworks.into());
        }
        let mut subjects = Self {
            sources,
            rng,
            taken: HashSet::new(),
            judged: vec![].into_iter(),
            given: 0,
            turn: 0,
        };
        subjects.judged = subjects.draw_judged(networks).into_iter();
        Ok(subjects)
    }

    /// The networks to judge on: half of them those of the files themselves, as long as there are some.
    fn draw_judged(&mut self, files: Vec<PathBuf>) -> Vec<Subject> {
        let mut files = files.into_iter();
        let mut judged = vec![];
        let mut failed = 0;
        while judged.len() < JUDGED && failed < ATTEMPTS {
            let whole = self.next_is_network().then(|| files.next()).flatten();
            let drawn = match whole {
                Some(file) => self.accept(Request { file, settings: vec![] }, None),
                None => self.draw(),
            };
            match drawn {
                Some(subject) => judged.push(Subject { purpose: Purpose::Judge, ..subject }),
                None => failed += 1,
            }
        }
        judged
    }

    /// Moves on to the next source: every other time it is that of files, if there are both.
    fn next_is_network(&mut self) -> bool {
        self.turn += 1;
        let has_networks = matches!(self.sources.last(), Some(Source::Networks(_)));
        has_networks && (self.sources.len() == 1 || self.turn.is_multiple_of(2))
    }

    /// Draws a network of the current source.
    fn draw(&mut self) -> Option<Subject> {
        let has_networks = matches!(self.sources.last(), Some(Source::Networks(_)));
        let spaces = self.sources.len() - usize::from(has_networks);
        let place = match has_networks && (spaces == 0 || self.turn.is_multiple_of(2)) {
            true => spaces,
            false => (self.turn / if has_networks { 2 } else { 1 }) % spaces,
        };
        (0..ATTEMPTS).find_map(|_| {
            let (request, constraints) = match &self.sources[place] {
                Source::Space(space) => {
                    let (rng, variables) = (&mut self.rng, &space.variables);
                    let choices: Vec<usize> =
                        variables.iter().map(|it| rng.random_range(0..it.values.len())).collect();
                    let names = variables.iter().map(|variable| variable.name.clone());
                    let values = labels(space, &choices);
                    let settings =
                        names.zip(values).map(|(key, value)| Setting { key, value }).collect();
                    let request = Request { file: space.file.clone(), settings };
                    (request, Some(space.constraints.clone()))
                }
                Source::Networks(files) => {
                    let file = files[self.rng.random_range(0..files.len())].clone();
                    (variant(file, &mut self.rng)?, None)
                }
            };
            self.accept(request, constraints.as_deref())
        })
    }

    /// The network of a request, unless it was drawn before, does not fit together or violates a constraint.
    fn accept(
        &mut self,
        request: Request,
        constraints: Option<&[inceptive_dsl::Constraint]>,
    ) -> Option<Subject> {
        let graph = read(&request.file, &request.settings).ok()?.architecture.graph;
        if let Some(constraints) = constraints
            && !violated(constraints, &graph, &Cost::new(&graph, Mode::Inference)).is_empty()
        {
            return None;
        }
        let fingerprint = passes::inference(&graph).ok()?.fingerprint().to_string();
        let is_new = self.taken.insert(fingerprint.clone());
        is_new.then_some(Subject { request, fingerprint, purpose: Purpose::Fit, place: 0 })
    }
}

/// A network with another width and another input size; one of the two may be its own.
fn variant(file: PathBuf, rng: &mut ChaCha8Rng) -> Option<Request> {
    let side = side(&file)?;
    let width = WIDTHS[rng.random_range(0..WIDTHS.len())];
    let size = SIZES[rng.random_range(0..SIZES.len())];
    let setting = |key: &str, value: String| Setting { key: key.to_owned(), value };
    let mut settings = vec![setting("input.size", (side * size).round().to_string())];
    if !is_onnx(&file) {
        settings.push(setting("width_multiplier", width.to_string()));
    }
    Some(Request { file, settings })
}

/// Rows of the input of a network.
fn side(file: &Path) -> Option<f64> {
    let graph = read(file, &[]).ok()?.architecture.graph;
    Some(f64::from(graph.node(graph.input()).shape.size().height))
}

impl Iterator for Subjects {
    type Item = Subject;

    /// Of three networks, the model is judged on one, until there are enough of those.
    fn next(&mut self) -> Option<Subject> {
        self.given += 1;
        if self.given > MOST {
            return None;
        }
        let place = self.given;
        let judged = self.given.is_multiple_of(3).then(|| self.judged.next()).flatten();
        // Where a source has no other network, the next one may.
        let drawn = judged.or_else(|| {
            (0..=self.sources.len()).find_map(|_| {
                self.next_is_network();
                self.draw()
            })
        });
        drawn.or_else(|| self.judged.next()).map(|subject| Subject { place, ..subject })
    }
}
