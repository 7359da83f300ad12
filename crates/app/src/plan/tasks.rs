//! What a plan says, and its tasks.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use inceptive_bench::engines::{EngineOptions, PyTorchOptions};
use inceptive_files::leads_out;
use inceptive_results::ObjectiveInfo;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    bench::BenchPlan,
    error::{PlanError, TaskError},
    measured::Request,
    repro_command::quoted,
    train::TrainPlan,
};

/// The version of the format of plans and results.
pub(super) const VERSION: u32 = 1;

/// The file that makes a folder a plan.
pub(super) const PLAN_FILE: &str = "plan.json";

/// The folder of copies of the inputs.
pub(super) const INPUTS: &str = "inputs";

/// The folder of checkpoints and trained weights, in that of the plan or, in a search, beside it.
pub(super) const TRAINED: &str = "trained";

/// Most tasks of a plan.
pub const MAX_TASKS: u64 = 10_000_000;

/// Networks that a task counts at most.
pub(super) const MOST_OF_TASK: u64 = 100_000_000;

/// Most networks of a space that is counted in parts.
pub(super) const MOST_OF_SPACE: u64 = 1_000_000_000_000_000;

/// Maximum size of a plan: that of a search with thousands of networks is a thousandth of it.
const MAX_PLAN_BYTES: u64 = inceptive_files::GIB;

/// A list of tasks that many machines share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of the format.
    pub(super) inceptive_plan: u32,
    /// What is to be done.
    pub work: Work,
    /// The files that it needs, in the order of their paths.
    pub(super) inputs: Vec<Input>,
}

/// A file that tasks need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Input {
    /// Its path below the folder of inputs, with `/`.
    pub path: String,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// What is to be done. Paths of inputs are relative to the folder of inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Training: a task for each network and seed. The folder of trained weights is relative to that of the plan; 0 threads
    /// are all of the machine.
    Train(TrainPlan),
    /// Measuring: a task for each network, batch size and number of threads. Without a number of threads, they are all of the
    /// machine.
    Bench {
        /// What is measured.
        plan: BenchPlan,
        /// With what.
        engines: EngineChoice,
    },
    /// Counting: a task for each part of a space.
    Count {
        /// The file of the space.
        space: PathBuf,
        /// Conditions beside those of the space.
        conditions: Vec<String>,
        /// The objectives; of the space, if there are none.
        objectives: Vec<ObjectiveInfo>,
        /// Networks of the space.
        size: u64,
        /// Number of parts.
        tasks: u64,
    },
}

/// Engines by their names, with their options. Where their programs and libraries are is not among them: a plan may be a
/// stranger's, and must not choose what is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineChoice {
    /// The names.
    pub names: Vec<String>,
    /// How PyTorch starts operators.
    pub mode: String,
    /// Whether feature maps lie in memory pixel by pixel with PyTorch.
    pub channels_last: bool,
    /// The instruction set of the native engine.
    pub isa: Option<String>,
}

impl EngineChoice {
    /// Engines with these options.
    pub fn new(names: &[String], options: &EngineOptions) -> Self {
        let EngineOptions { pytorch, isa, .. } = options;
        Self {
            names: names.to_vec(),
            mode: pytorch.mode.name().to_owned(),
            channels_last: pytorch.channels_last,
            isa: isa.map(|isa| isa.name().to_owned()),
        }
    }

    /// The options, with the programs of a worker.
    ///
    /// # Errors
    /// When the plan names an instruction set or mode that is not known.
    pub(super) fn options(&self, programs: &Programs) -> Result<EngineOptions, TaskError> {
        let Programs { onnxruntime, openvino, python } = programs.clone();
        let isa = self.isa.as_ref().map(|name| name.parse()).transpose()?;
        let mode = self.mode.parse().map_err(PlanError::Choice)?;
        let pytorch = PyTorchOptions { python, mode, channels_last: self.channels_last };
        Ok(EngineOptions { onnxruntime, openvino, pytorch, isa })
    }
}

/// The programs and libraries of engines that a worker uses; those that are not named are searched for. Only the worker's
/// user names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// ONNX Runtime's shared library.
    pub onnxruntime: Option<PathBuf>,
    /// OpenVINO's C library.
    pub openvino: Option<PathBuf>,
    /// The Python with PyTorch.
    pub python: Option<PathBuf>,
}

impl From<EngineOptions> for Programs {
    fn from(options: EngineOptions) -> Self {
        let EngineOptions { onnxruntime, openvino, pytorch, .. } = options;
        Self { onnxruntime, openvino, python: pytorch.python }
    }
}

impl Programs {
    /// The options of a worker that name them, each after a space.
    pub fn options(&self) -> String {
        let Self { onnxruntime, openvino, python } = self;
        [("onnxruntime", onnxruntime), ("openvino", openvino), ("python", python)]
            .into_iter()
            .filter_map(|(option, file)| {
                Some(format!(" --{option} {}", quoted(file.as_ref()?.as_os_str())))
            })
            .collect()
    }
}

/// A task of a plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TaskPart {
    Train(TrainPlan),
    Bench(BenchPlan),
    Count(Range<u64>),
}

/// The point of `tasks` equal parts of `size` at which one begins.
fn part_start(size: u64, tasks: u64, part: u64) -> u64 {
    let at = u128::from(size) * u128::from(part) / u128::from(tasks.max(1));
    u64::try_from(at).unwrap_or(size)
}

impl Plan {
    /// Number of tasks.
    pub fn len(&self) -> usize {
        match &self.work {
            Work::Train(plan) => plan.requests.len().saturating_mul(plan.seeds.len()),
            Work::Bench { plan, .. } => {
                let networks = if plan.paired { 1 } else { plan.requests.len() };
                let setups = plan.batches.len().saturating_mul(plan.threads.len().max(1));
                networks.saturating_mul(setups)
            }
            Work::Count { tasks, .. } => usize::try_from(*tasks).unwrap_or(usize::MAX),
        }
    }

    /// Whether it has no tasks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether its tasks measure times, so that nothing else may run on their machine.
    pub const fn owns_machine(&self) -> bool {
        matches!(self.work, Work::Bench { .. })
    }

    /// A task by its number, from 0. All networks are trained with the first seed before any is with the second, as without
    /// a plan.
    pub(super) fn part(&self, number: usize) -> Option<TaskPart> {
        if number >= self.len() {
            return None;
        }
        Some(match &self.work {
            Work::Train(plan) => {
                let (request, seed) = of_training(plan, number);
                TaskPart::Train(plan.only(request.clone(), seed))
            }
            Work::Bench { plan, .. } => {
                let (requests, batch, threads) = of_bench(plan, number);
                let threads = threads.into_iter().collect();
                TaskPart::Bench(plan.only(requests.to_vec(), batch, threads))
            }
            Work::Count { size, tasks, .. } => TaskPart::Count(range(*size, *tasks, number)),
        })
    }

    /// What a task does, in a few words; the empty text if there is no such task.
    pub fn name(&self, number: usize) -> String {
        if number >= self.len() {
            return String::new();
        }
        match &self.work {
            Work::Train(plan) => {
                let (request, seed) = of_training(plan, number);
                let until = plan.until.map(|epoch| format!(" until epoch {epoch}"));
                let until = until.unwrap_or_default();
                format!("train {} seed {seed}{until}", requested(std::slice::from_ref(request)))
            }
            Work::Bench { plan, .. } => {
                let (requests, batch, threads) = of_bench(plan, number);
                let threads = threads.map(|threads| format!(" threads {threads}"));
                format!(
                    "bench {} batch {batch}{}",
                    requested(requests),
                    threads.unwrap_or_default()
                )
            }
            Work::Count { size, tasks, .. } => {
                let Range { start, end } = range(*size, *tasks, number);
                format!("count {start} to {end}")
            }
        }
    }

    /// What is wrong with it, beside what its types say: a plan may be a stranger's, or be damaged.
    fn fault(&self) -> Option<String> {
        if self.len() as u64 > MAX_TASKS {
            return Some(format!("it has more than {MAX_TASKS} tasks"));
        }
        if let Some(fault) = self.path_fault() {
            return Some(fault);
        }
        match &self.work {
            Work::Train(plan) if plan.python.is_some() => {
                Some("it names a program, which only its worker may do, with --python".to_owned())
            }
            Work::Train(TrainPlan { folder, report, .. }) => {
                let is_known =
                    folder == Path::new(TRAINED) || folder == &Path::new("..").join(TRAINED);
                let folder = folder.display();
                match (is_known, report) {
                    (true, None) => None,
                    (true, Some(_)) => Some("it asks for a report".to_owned()),
                    (false, _) => {
                        Some(format!("it would keep weights in `{folder}`, not in `{TRAINED}`"))
                    }
                }
            }
            Work::Bench { plan, .. } => {
                let is_possible = !plan.batches.contains(&0) && !plan.threads.contains(&0);
                (!is_possible)
                    .then(|| "batch sizes and numbers of threads are at least 1".to_owned())
            }
            Work::Count { size, tasks, .. } => {
                let is_possible = (1..=MOST_OF_SPACE).contains(size)
                    && (1..=*size).contains(tasks)
                    && size.div_ceil(*tasks) <= MOST_OF_TASK;
                (!is_possible)
                    .then(|| format!("{size} networks cannot be counted in {tasks} tasks"))
            }
        }
    }

    /// The text of its file: the same for the same plan.
    pub(super) fn text(&self) -> Result<String, PlanError> {
        let text = serde_json::to_string_pretty(self);
        let unreadable = |error: serde_json::Error| PlanError::Unreadable {
            file: PLAN_FILE.into(),
            reason: error.to_string(),
        };
        Ok(text.map_err(unreadable)? + "\n")
    }
}

/// The network and the seed of a task.
fn of_training(plan: &TrainPlan, number: usize) -> (&Request, u64) {
    let (seed, network) = (number / plan.requests.len(), number % plan.requests.len());
    (&plan.requests[network], plan.seeds[seed])
}

/// The networks, the batch size and, if it is given, the number of threads of a task.
fn of_bench(plan: &BenchPlan, number: usize) -> (&[Request], u32, Option<u32>) {
    let threads = plan.threads.len().max(1);
    let (outer, thread) = (number / threads, number % threads);
    let (network, batch) = (outer / plan.batches.len(), outer % plan.batches.len());
    let requests = match plan.paired {
        true => plan.requests.as_slice(),
        false => std::slice::from_ref(&plan.requests[network]),
    };
    (requests, plan.batches[batch], plan.threads.get(thread).copied())
}

/// The points that a task counts.
fn range(size: u64, tasks: u64, number: usize) -> Range<u64> {
    let number = number as u64;
    part_start(size, tasks, number)..part_start(size, tasks, number + 1)
}

fn requested(requests: &[Request]) -> String {
    let one = |request: &Request| {
        let settings: Vec<String> =
            request.settings.iter().map(|it| format!(" {}={}", it.key, it.value)).collect();
        format!("{}{}", request.file.display(), settings.concat())
    };
    requests.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// A plan in its folder.
#[derive(Clone, Debug)]
pub(super) struct OpenPlan {
    /// The folder, as an absolute path.
    pub folder: PathBuf,
    pub plan: Plan,
    /// SHA-256 of its file.
    pub digest: String,
}

impl OpenPlan {
    /// Reads the plan of a folder.
    pub fn read(folder: &Path) -> Result<Self, PlanError> {
        let file = folder.join(PLAN_FILE);
        if !file.exists() {
            return Err(PlanError::None(folder.to_owned()));
        }
        let text = inceptive_files::read_text(&file, MAX_PLAN_BYTES)
            .map_err(|error| PlanError::Read { path: file.clone(), error })?;
        let unreadable = |reason: String| PlanError::Unreadable { file: file.clone(), reason };
        let plan: Plan = serde_json::from_str(&text).map_err(|error| match leads_out(&file) {
            // The error may quote a value of a private file.
            true => unreadable("it is a link to another file".to_owned()),
            false => unreadable(error.to_string()),
        })?;
        if plan.inceptive_plan != VERSION {
            let version = plan.inceptive_plan;
            return Err(unreadable(format!("its version is {version}, not {VERSION}")));
        }
        if let Some(fault) = plan.fault() {
            return Err(unreadable(fault));
        }
        let folder = fs::canonicalize(folder)
            .map_err(|error| PlanError::Read { path: folder.to_owned(), error })?;
        Ok(Self { folder, plan, digest: sha256(text.as_bytes()) })
    }

    /// What identifies a task among those of all plans.
    pub fn task_id(&self, number: usize) -> String {
        task_id(&self.digest, number)
    }

    pub fn inputs(&self) -> PathBuf {
        self.folder.join(INPUTS)
    }
}

/// What identifies a task among those of all plans: 32 hexadecimal digits.
pub(super) fn task_id(plan_digest: &str, number: usize) -> String {
    sha256(format!("{plan_digest} {number}").as_bytes())[..32].to_owned()
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(size: u64, tasks: u64) -> Plan {
        let work = Work::Count {
            space: "space.yaml".into(),
            conditions: vec![],
            objectives: vec![],
            size,
            tasks,
        };
        Plan { inceptive_plan: VERSION, work, inputs: vec![] }
    }

    #[test]
    fn parts_of_a_space_are_all_of_it() {
        for (size, tasks) in [(15_625, 10_000), (7, 7), (1 << 60, 3)] {
            let plan = counting(size, tasks);
            let mut next = 0;
            for number in 0..plan.len() {
                let Some(TaskPart::Count(range)) = plan.part(number) else { panic!("no part") };
                assert!(range.start == next && range.end > next, "{range:?}");
                next = range.end;
            }
            assert_eq!(next, size);
            assert_eq!(plan.part(plan.len()), None);
        }
    }

    #[test]
    fn tasks_of_different_plans_are_different() {
        assert_ne!(task_id("a", 0), task_id("b", 0));
        assert_ne!(task_id("a", 0), task_id("a", 1));
        assert_eq!(task_id("a", 1).len(), 32);
    }
}
