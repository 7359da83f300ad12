//! Trains with [`inceptive_app`], and finds the available data sets and recipes.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use inceptive_app::{
    ExploreEvent, PlannedRun, Request, Task, TaskContext, TaskEvent, TrainPlan, TrainerName,
    TrainingEvent, error_chain, is_listed, read_recipe,
};
use inceptive_bench::Isa;
use inceptive_data::{CATALOG, KnownSet, Places};
use inceptive_dsl::Setting;
use inceptive_format::counted;
use inceptive_store::Store;
use inceptive_train::{Recipe, recipe::shipped};

use super::{JobEvent, Output, Progress, Reporter, Tools, turns::Turns};

/// The folder of recipes, in the working folder and in the open one.
const RECIPES: &str = "recipes";

/// Networks to train, and how.
#[derive(Clone, Debug)]
pub struct TrainRequest {
    /// The networks.
    pub networks: Vec<Request>,
    /// The data set.
    pub data: String,
    /// The recipe: a name or a file.
    pub recipe: String,
    /// Settings of the recipe.
    pub recipe_settings: Vec<Setting>,
    /// Number of seeds, counted from 0.
    pub seeds: u32,
    /// Total number of threads of all runs; `None` for one per core.
    pub threads: Option<u32>,
    /// What computes the steps.
    pub trainer: TrainerName,
    /// The device; the native trainer has the processor only.
    pub device: String,
    /// The instruction set of the native trainer; `None` for the widest.
    pub isa: Option<Isa>,
    /// Where results are saved; weights and checkpoints are saved beside it.
    pub store: PathBuf,
}

/// A published data set and where it is.
#[derive(Clone, Debug)]
pub struct DataSetState {
    /// The data set.
    pub set: &'static KnownSet,
    /// Its folder, if it was found.
    pub folder: Option<PathBuf>,
}

/// A recipe that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipeState {
    /// Its name or file.
    pub name: String,
    /// Its description, or why it cannot be used.
    pub description: Result<String, String>,
}

/// Available data sets and recipes.
#[derive(Clone, Debug, Default)]
pub struct TrainingChoices {
    /// The published data sets.
    pub sets: Vec<DataSetState>,
    /// The recipes.
    pub recipes: Vec<RecipeState>,
}

/// Looks for data sets and recipes.
pub(super) fn choices(folder: &Path) -> Output {
    let places = Places::from_env();
    let sets = CATALOG.iter().map(|set| DataSetState { set, folder: places.find(set) }).collect();
    let mut recipes: Vec<RecipeState> = shipped().map(recipe_state).collect();
    for file in recipe_files(folder) {
        if !recipes
            .iter()
            .any(|known| file == Path::new(RECIPES).join(format!("{}.yaml", known.name)))
        {
            recipes.push(recipe_state(&file.display().to_string()));
        }
    }
    Output::TrainingChoices(TrainingChoices { sets, recipes })
}

/// A recipe by its name: a file in the working folder takes precedence over the built-in one.
fn recipe_state(name: &str) -> RecipeState {
    let read = read_recipe(name, &[]).map_err(|error| error_chain(&error));
    RecipeState { name: name.to_owned(), description: read.map(|recipe| about(&recipe)) }
}

fn about(recipe: &Recipe) -> String {
    let epochs = counted(recipe.epochs as usize, "epoch", "epochs");
    match &recipe.description {
        Some(text) => format!("{text} ({epochs})"),
        None => epochs,
    }
}

/// Folders of recipes: in the working folder, in the open one, and beside it.
fn recipe_folders(folder: &Path) -> [PathBuf; 3] {
    let beside = folder.parent().unwrap_or(folder).join(RECIPES);
    [PathBuf::from(RECIPES), folder.join(RECIPES), beside]
}

/// The folder for a new recipe: the first that there is, else the one beside the open folder.
pub(crate) fn new_recipe_folder(folder: &Path) -> PathBuf {
    let [here, inside, beside] = recipe_folders(folder);
    [here, inside].into_iter().find(|place| place.is_dir()).unwrap_or(beside)
}

/// The recipes of the working folder, of the open one and beside it.
fn recipe_files(folder: &Path) -> Vec<PathBuf> {
    let mut known = BTreeSet::new();
    let is_new = |place: &PathBuf| place.canonicalize().is_ok_and(|place| known.insert(place));
    let places: Vec<PathBuf> = recipe_folders(folder).into_iter().filter(is_new).collect();
    let listed = places.iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten();
    let mut files: Vec<PathBuf> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "yaml") && is_listed(path))
        .collect();
    files.sort();
    files
}

/// Marks training as computing until this is dropped.
pub(super) struct TrainingGuard<'a>(&'a Turns);

impl<'a> TrainingGuard<'a> {
    pub(super) fn new(turns: &'a Turns) -> Self {
        turns.set_trains(true);
        Self(turns)
    }
}

impl Drop for TrainingGuard<'_> {
    fn drop(&mut self) {
        self.0.set_trains(false);
    }
}

/// Reports what happens in a task that trains, and whether it computes or waits for a measurement.
pub(super) fn follow(report: &Reporter) -> impl FnMut(TaskEvent) + '_ {
    let mut planned = 1;
    move |event| match event {
        TaskEvent::Planned(count) => planned = count.max(1),
        TaskEvent::Loaded { network, notes } => {
            for note in notes {
                report.note(format!("{network}: {}", note.text));
            }
        }
        TaskEvent::Progress { done, activity } => {
            report.progress(Progress { share: (done / planned as f64) as f32, activity });
        }
        TaskEvent::Kept(_) => report.tell(JobEvent::Kept),
        TaskEvent::Training(event) => {
            match &event {
                TrainingEvent::Waiting(waits) => report.turns().set_trains(!waits),
                TrainingEvent::Runs(runs) => {
                    if let Some(known) = PlannedRun::known(runs) {
                        report.note(format!("{known} and not repeated"));
                    }
                }
                _ => {}
            }
            report.tell(JobEvent::Training(event));
        }
        TaskEvent::Exploring(event) => {
            if let ExploreEvent::Doubtful { networks } = event {
                let networks = counted(networks, "network", "networks");
                report.note(format!(
                    "the latency of {networks} stays imprecise: other programs use this machine"
                ));
            }
            report.tell(JobEvent::Exploring(event));
        }
        TaskEvent::Failed(failure) => report.note(failure.message),
    }
}

/// Trains. Runs that finished before a stop are in the store, and whole epochs of the others in their checkpoints.
pub(super) fn train(
    request: &TrainRequest,
    tools: Tools,
    report: &Reporter,
) -> Result<Output, String> {
    let threads = request.threads.unwrap_or_else(|| tools.machine.default_threads().get());
    let task = Task::Train(TrainPlan {
        requests: request.networks.clone(),
        data: request.data.clone(),
        recipe: request.recipe.clone(),
        recipe_settings: request.recipe_settings.clone(),
        seeds: (0..u64::from(request.seeds)).collect(),
        threads,
        side_by_side: None,
        isa: request.isa.map(|isa| isa.name().to_owned()),
        trainer: request.trainer,
        device: request.device.clone(),
        python: None,
        folder: TrainPlan::folder_beside(&request.store),
        report: None,
        again: false,
        until: None,
    });
    let mut store = Store::open(&request.store).map_err(|error| error_chain(&error))?;
    let turns = report.turns();
    let _guard = TrainingGuard::new(turns);
    let context = TaskContext {
        engines: &[],
        host: tools.host.as_ref(),
        machine: &tools.machine,
        roofline: &tools.roofline,
        available_bytes: tools.available_bytes,
        stop: report.stop_flag(),
        wait: turns.measures(),
    };
    let outcome = task.run(&context, &mut store, &mut follow(report));
    match outcome.training_runs.is_empty() {
        _ if report.is_stopped() => Err("stopped".to_owned()),
        true => Err("nothing was trained".to_owned()),
        false if outcome.kept == 0 && outcome.failed => Err("nothing new was saved".to_owned()),
        false => Ok(Output::Trained(outcome.inputs)),
    }
}
