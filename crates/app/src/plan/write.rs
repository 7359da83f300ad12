//! Writing plans.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use inceptive_data::DataName;
use inceptive_dsl::{Architecture, Loaded};
use inceptive_files::{InputFiles, create_folder, replace_file};
use inceptive_results::{Objective, ObjectiveInfo};
use inceptive_train::expect_fit_of;

use super::{
    inputs::{Contents, Inputs},
    tasks::{
        EngineChoice, INPUTS, MAX_TASKS, MOST_OF_SPACE, MOST_OF_TASK, OpenPlan, PLAN_FILE, Plan,
        TRAINED, VERSION, Work,
    },
};
use crate::{
    bench::BenchPlan,
    error::{PlanError, TaskError},
    explore::{read_conditions, read_space},
    measured::Request,
    network::read,
    train::{TrainPlan, recipe_file, recipe_files},
};

/// The list of tasks, one a line: its number and what it does.
const TASKS_FILE: &str = "tasks.txt";

/// Networks that a task counts unless a number of tasks is given: about a second.
const USUAL_OF_TASK: u64 = 1_000_000;

/// A plan that was written, or was there before.
#[derive(Clone, Debug)]
pub struct WrittenPlan {
    /// The plan.
    pub plan: Plan,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// Plans to train networks: writes a folder that the same call writes with the same bytes.
///
/// # Errors
/// When a network or the recipe is wrong, a network does not fit the images, as far as their shape is known, or the folder has
/// something else.
pub fn plan_training(plan: &TrainPlan, folder: &Path) -> Result<WrittenPlan, TaskError> {
    let data = plan.data.parse::<DataName>()?;
    let (images, classes) = (data.shape(), data.classes().map(<[_]>::len));
    let networks = files_of(&plan.requests, |loaded| {
        let Architecture { name, graph, .. } = &loaded.architecture;
        let fit = expect_fit_of(graph, images, classes);
        fit.map_err(|error| TaskError::train(name.clone(), error))
    })?;
    write_training(plan, networks, folder, Path::new(TRAINED))
}

/// Plans to train networks whose files are known; `trained` is the folder of checkpoints, relative to that of the plan.
pub(super) fn write_training(
    plan: &TrainPlan,
    networks: Vec<PathBuf>,
    folder: &Path,
    trained: &Path,
) -> Result<WrittenPlan, TaskError> {
    let data = plan.data.parse::<DataName>()?;
    if data.may_be_class(folder) {
        return Err(PlanError::InData { folder: folder.to_owned(), data: plan.data.clone() }.into());
    }
    let recipe = recipe_files(&plan.recipe, &plan.recipe_settings)?;
    let inputs = Inputs::new(networks.into_iter().chain(recipe.clone()));
    let own = TrainPlan {
        requests: relative(&plan.requests, &inputs),
        data: absolute_data(&data)?,
        recipe: match recipe.first() {
            Some(file) => named_as_file(&inputs.path(file)),
            None => plan.recipe.clone(),
        },
        side_by_side: None,
        folder: trained.to_owned(),
        // A worker's user names programs.
        python: None,
        report: None,
        again: false,
        ..plan.clone()
    };
    Ok(write(folder, Work::Train(own), &inputs)?)
}

/// Plans to measure networks.
///
/// # Errors
/// As [`plan_training`].
pub fn plan_bench(
    plan: &BenchPlan,
    engines: EngineChoice,
    folder: &Path,
) -> Result<WrittenPlan, TaskError> {
    let networks = files_of(&plan.requests, |_| Ok(()))?;
    write_bench(plan, engines, networks, folder)
}

pub(super) fn write_bench(
    plan: &BenchPlan,
    engines: EngineChoice,
    networks: Vec<PathBuf>,
    folder: &Path,
) -> Result<WrittenPlan, TaskError> {
    let weights = plan.weights.file.clone();
    let inputs = Inputs::new(networks.into_iter().chain(weights.clone()));
    let mut own = BenchPlan { requests: relative(&plan.requests, &inputs), ..plan.clone() };
    own.weights.file = weights.map(|file| inputs.path(&file));
    Ok(write(folder, Work::Bench { plan: own, engines }, &inputs)?)
}

/// Plans to count all networks of a space in `tasks` parts, or in parts of a million.
///
/// # Errors
/// When the space or a condition is wrong, there are too many networks for so many tasks, or the folder has something else.
pub fn plan_count(
    space: &Path,
    conditions: &[String],
    objectives: &[Objective],
    tasks: Option<u64>,
    folder: &Path,
) -> Result<WrittenPlan, TaskError> {
    read_conditions(conditions)?;
    let whole = read_space(space)?;
    let size = u64::try_from(whole.size()).ok().filter(|&size| size <= MOST_OF_SPACE);
    let Some(size) = size else {
        let (space, size, most) = (whole.title.clone(), whole.size(), MOST_OF_SPACE);
        return Err(PlanError::TooLarge { space, size, most }.into());
    };
    let tasks = tasks.unwrap_or_else(|| size.div_ceil(USUAL_OF_TASK).max(1));
    let is_possible = (1..=size.min(MAX_TASKS)).contains(&tasks);
    if !is_possible || size.div_ceil(tasks.max(1)) > MOST_OF_TASK {
        return Err(PlanError::Tasks { tasks, size, most: MOST_OF_TASK }.into());
    }
    let inputs = Inputs::new(whole.files.iter().cloned());
    let work = Work::Count {
        space: inputs.path(space),
        conditions: conditions.to_vec(),
        objectives: objectives.iter().copied().map(ObjectiveInfo::from).collect(),
        size,
        tasks,
    };
    Ok(write(folder, work, &inputs)?)
}

/// All files of networks. Reading and checking them finds mistakes before anything is submitted.
fn files_of(
    requests: &[Request],
    check: impl Fn(&Loaded) -> Result<(), TaskError>,
) -> Result<Vec<PathBuf>, TaskError> {
    let mut files = vec![];
    for request in requests {
        let loaded = read(&request.file, &request.settings)?;
        check(&loaded)?;
        files.extend(loaded.sources.paths().map(Path::to_owned));
        files.push(request.file.clone());
    }
    Ok(files)
}

fn relative(requests: &[Request], inputs: &Inputs) -> Vec<Request> {
    let one = |request: &Request| Request {
        file: inputs.path(&request.file),
        settings: request.settings.clone(),
    };
    requests.iter().map(one).collect()
}

/// A recipe's file in a form that is not mistaken for the name of a recipe of the program.
fn named_as_file(path: &Path) -> String {
    let path = path.to_string_lossy().into_owned();
    match recipe_file(&path) {
        Some(_) => path,
        None => format!("./{path}"),
    }
}

/// The name of a data set that means the same in every working folder.
fn absolute_data(data: &DataName) -> Result<String, PlanError> {
    let Some(path) = data.path() else { return Ok(data.to_string()) };
    let full =
        fs::canonicalize(path).map_err(|error| PlanError::Read { path: path.to_owned(), error })?;
    Ok(format!("{}={}", data.label(), full.display()))
}

/// Writes a plan, its file at last: a folder without it is no plan yet.
fn write(folder: &Path, work: Work, inputs: &Inputs) -> Result<WrittenPlan, PlanError> {
    let (listed, contents) = inputs.read()?;
    let plan = Plan { inceptive_plan: VERSION, work, inputs: listed };
    let text = plan.text()?;
    if folder.join(PLAN_FILE).exists() {
        let known = OpenPlan::read(folder)?;
        let is_same = known.plan.text()? == text;
        known.check_inputs()?;
        return match is_same {
            true => Ok(WrittenPlan { plan, is_new: false }),
            false => Err(PlanError::Differs(folder.to_owned())),
        };
    }
    let tasks: String =
        (0..plan.len()).map(|number| format!("{number} {}\n", plan.name(number))).collect();
    expect_unused(folder, &contents, &tasks)?;
    write_inputs(&folder.join(INPUTS), &contents)?;
    let none = InputFiles::default();
    replace_file(&folder.join(TASKS_FILE), tasks.as_bytes(), &none)?;
    replace_file(&folder.join(PLAN_FILE), text.as_bytes(), &none)?;
    Ok(WrittenPlan { plan, is_new: true })
}

fn write_inputs(folder: &Path, contents: &Contents) -> Result<(), PlanError> {
    create_folder(folder)?;
    for (path, content) in contents {
        let target = folder.join(path);
        create_folder(target.parent().unwrap_or(folder))?;
        replace_file(&target, content, &InputFiles::default())?;
    }
    Ok(())
}

/// Checks that a folder is not there, or has only what the same plan leaves when it is interrupted.
fn expect_unused(folder: &Path, inputs: &Contents, tasks: &str) -> Result<(), PlanError> {
    let own: BTreeMap<PathBuf, &[u8]> = inputs
        .iter()
        .map(|(path, content)| (Path::new(INPUTS).join(path), content.as_slice()))
        .chain([(PathBuf::from(TASKS_FILE), tasks.as_bytes())])
        .collect();
    let folders: BTreeSet<&Path> = own.keys().flat_map(|path| path.ancestors()).collect();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let Ok(entries) = fs::read_dir(folder.join(&inner)) else { continue };
        for entry in entries.flatten() {
            let path = inner.join(entry.file_name());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let is_same = |content: &&[u8]| {
                inceptive_files::read(&entry.path(), content.len() as u64)
                    .is_ok_and(|found| found == **content)
            };
            let is_ours = match is_folder {
                true => folders.contains(path.as_path()),
                false => {
                    own.get(&path).is_some_and(is_same)
                        || entry.file_name().to_string_lossy().starts_with(".inceptive-")
                }
            };
            if !is_ours {
                let entry = path.to_string_lossy().into_owned();
                return Err(PlanError::NotEmpty { folder: folder.to_owned(), entry });
            }
            if is_folder {
                open.push(path);
            }
        }
    }
    Ok(())
}
