//! The model of the window: the open folder, its files, the selection, results, jobs.
//!
//! Screens only read it. It changes in two places: [`Model::apply`] handles the events of jobs, and the app carries out
//! commands.

mod design;
mod designs;
mod entry;
mod files;
mod import;
mod jobs;
mod kept;
mod search;
mod training;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use egui::ThemePreference;
use inceptive_app::{
    Inspected, NewFile, SaveError, SpaceComparison, TensorValues, WeightStatistics, error_chain,
};
use inceptive_cost::Convention;
use inceptive_draw::{DrawError, Scene};
use inceptive_dsl::Trace;
use inceptive_explore::Understood;
use inceptive_files::{InputFiles, disk};
use inceptive_results::Exploration;
use inceptive_store::Stored;
use serde::{Deserialize, Serialize};

use crate::{
    command::{Command, Commands},
    file::{FileOrder, FilePath},
    inspection::Inspection,
    jobs::{
        Cloud, CountedNetworks, EngineState, Event, Job, JobEvent, LayoutRequest, OriginalReading,
        Output, Place, StatisticsRequest, StepCosts, StepsRequest, TensorRequest, TraceRequest,
        TrainingChoices, UnderstandRequest,
    },
    onnx_settings::AllOnnxSettings,
    results::Results,
    targets::AllTargets,
};

pub use design::{Design, Original};
pub use entry::{Entry, Good, State};
pub use jobs::{JobState, Jobs, Status};
pub use kept::KeptDesigns;
pub use search::{Search, Stage};
pub use training::{LiveRun, Training};

/// A message below the screens, shown until it is dismissed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What went wrong.
    Problem(String),
    /// Success.
    Done(String),
}

/// What the user chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How compute is counted; the name of a [`Convention`].
    convention: String,
    /// Light, dark, or as the system.
    pub theme: ThemePreference,
    /// Sliders of widths stop at multiples of this.
    pub snap: f64,
    /// The order of files.
    pub order: FileOrder,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            convention: Convention::Inceptive.to_string(),
            theme: ThemePreference::System,
            snap: 1.0,
            order: FileOrder::default(),
        }
    }
}

impl Settings {
    /// How compute is counted.
    pub fn convention(&self) -> Convention {
        self.convention.parse().unwrap_or(Convention::Inceptive)
    }

    /// Counts compute in another convention.
    pub fn count_in(&mut self, convention: Convention) {
        self.convention = convention.to_string();
    }
}

/// What the window is about.
#[derive(Debug, Default)]
pub struct Model {
    /// The open folder.
    pub folder: PathBuf,
    /// Folders that were open, the latest first.
    pub recent: Vec<PathBuf>,
    /// Why the folder cannot be read.
    pub folder_problem: Option<String>,
    /// Whether the folder was read at all.
    pub is_listed: bool,
    /// Files outside of the folder that the user added to the list.
    pub added: Vec<FilePath>,
    /// Its files by their paths.
    pub entries: BTreeMap<FilePath, Entry>,
    /// The selected files, in the order of selection; the last one is current.
    pub selection: Vec<FilePath>,
    /// The store.
    pub store: PathBuf,
    /// The results in the store.
    pub results: Results,
    /// Where the steps of a network are written; of the text that was traced last.
    pub trace: Option<(TraceRequest, Option<Arc<Trace>>)>,
    /// What was set of ONNX files.
    pub onnx: AllOnnxSettings,
    /// What the current design is compared with, as it was read last.
    pub original: Option<Original>,
    /// What designs are kept within.
    pub targets: AllTargets,
    /// Designs whose files are written, with their steps.
    pub kept: KeptDesigns,
    /// What one step of each slider costs, as it was counted last.
    pub steps: Option<(StepsRequest, Option<Arc<StepCosts>>)>,
    /// Networks of a space by cost, as they were counted last.
    pub cloud: Option<Arc<Cloud>>,
    /// All networks of a space by cost, as they were counted last.
    pub counted: Option<Arc<CountedNetworks>>,
    /// What the networks of a search say about its variables, with its number in the store; of the one that was looked at
    /// last.
    pub understood: Option<(i64, Arc<Understood>)>,
    /// Two spaces, as they were compared last.
    pub space_comparison: Option<Arc<SpaceComparison>>,
    /// Why the table of the import dialog was not imported.
    pub import_problem: Option<String>,
    /// Engines, found or not; `None` before the first search.
    pub engines: Option<Vec<EngineState>>,
    /// Data sets and recipes; `None` before the first search.
    pub training_choices: Option<TrainingChoices>,
    /// Trained networks that were looked into, oldest first.
    pub inspections: Vec<Arc<Inspection>>,
    /// Recipes, data sets and weights that training and inspections have read.
    read_by_jobs: InputFiles,
    /// The jobs.
    pub jobs: Jobs,
    /// What the user chose.
    pub settings: Settings,
    /// What went wrong or was written and has no other place, newest last.
    pub messages: Vec<Message>,
    scenes: Vec<(LayoutRequest, Result<Arc<Scene>, DrawError>)>,
    statistics: Vec<(StatisticsRequest, Statistics)>,
    /// The tensor whose values were read last.
    tensor: Option<(TensorRequest, Tensor)>,
}

/// The values of a tensor, or why there are none.
type Tensor = Result<Arc<TensorValues>, String>;

/// Statistics of weights, or why there are none.
type Statistics = Result<Arc<WeightStatistics>, String>;

/// Networks whose statistics are kept.
const MOST_STATISTICS: usize = 8;

/// Scenes that are kept: going back and forth between a few is immediate.
const MOST_SCENES: usize = 16;

impl Model {
    /// Nothing is open yet.
    pub(crate) fn new(store: PathBuf, settings: Settings) -> Self {
        Self { store, settings, ..Self::default() }
    }

    /// The current file.
    pub fn current(&self) -> Option<&Entry> {
        self.selection.last().and_then(|file| self.entries.get(file))
    }

    /// The network of the current file: while it has mistakes, as it was before.
    pub fn network(&self) -> Option<&Arc<Inspected>> {
        self.current().and_then(|entry| entry.network.as_ref())
    }

    /// What was found last in a network, as it is in a file.
    pub fn inspection(&self, file: &Path, network: &Inspected) -> Option<&Inspection> {
        let mut latest = self.inspections.iter().rev().map(Arc::as_ref);
        latest.find(|inspection| inspection.is_of(file, network))
    }

    /// The selected entries, in the order of selection.
    pub fn selected(&self) -> impl Iterator<Item = &Entry> {
        self.selection.iter().filter_map(|file| self.entries.get(file))
    }

    /// Every network, in the order of files.
    pub fn networks(&self) -> impl Iterator<Item = (&Entry, &Arc<Inspected>)> {
        self.entries.values().filter_map(|entry| Some((entry, entry.network.as_ref()?)))
    }

    /// All files that were read, the store included.
    pub fn inputs(&self) -> InputFiles {
        let mut inputs = self.read_by_jobs.clone();
        inputs.add_store(&self.store);
        for entry in self.entries.values() {
            inputs.add(&entry.file);
            if let Some(network) = &entry.network {
                network.sources.paths().for_each(|path| inputs.add(path));
            }
            if let Some(space) = entry.space() {
                space.files.iter().for_each(|path| inputs.add(path));
            }
        }
        inputs
    }

    /// The job that reads what is new in the store.
    pub(crate) fn read_results(&self) -> Job {
        Job::Results(self.results.request(&self.store))
    }

    fn laid_out(&self, request: &LayoutRequest) -> Option<&Result<Arc<Scene>, DrawError>> {
        self.scenes.iter().find(|(known, _)| known == request).map(|(_, scene)| scene)
    }

    /// A scene that was laid out; `None` if it is not ready, see [`Model::wants`] for whether to request it.
    pub fn scene(&self, request: &LayoutRequest) -> Option<&Arc<Scene>> {
        self.laid_out(request)?.as_ref().ok()
    }

    /// Why a scene cannot be laid out.
    pub fn layout_problem(&self, request: &LayoutRequest) -> Option<&DrawError> {
        self.laid_out(request)?.as_ref().err()
    }

    /// The latest scene at a place, to be shown until a better one is there.
    pub fn last_scene(&self, place: Place) -> Option<(&LayoutRequest, &Arc<Scene>)> {
        let at_place = self.scenes.iter().rev().filter(|(known, _)| known.place == place);
        at_place.into_iter().find_map(|(known, scene)| Some((known, scene.as_ref().ok()?)))
    }

    /// Whether a scene has to be asked for: nothing is known about it, and none is being made.
    pub fn wants(&self, request: &LayoutRequest) -> bool {
        self.laid_out(request).is_none() && !self.jobs.is_laying_out(request)
    }

    /// Statistics of weights; `None` if they are not ready, see [`Model::wants_statistics`] for whether to request them.
    pub fn statistics(&self, request: &StatisticsRequest) -> Option<&Statistics> {
        self.statistics.iter().find(|(known, _)| known == request).map(|(_, found)| found)
    }

    /// Whether statistics have to be asked for: nothing is known about them, and they are not being computed.
    pub fn wants_statistics(&self, request: &StatisticsRequest) -> bool {
        self.statistics(request).is_none() && !self.jobs.is_computing(request)
    }

    /// The values of a tensor; `None` if they are not ready, see [`Model::wants_tensor`] for whether to request them.
    pub fn tensor(&self, request: &TensorRequest) -> Option<&Tensor> {
        self.tensor.as_ref().filter(|(known, _)| known == request).map(|(_, found)| found)
    }

    /// Whether the values of a tensor have to be asked for.
    pub fn wants_tensor(&self, request: &TensorRequest) -> bool {
        self.tensor(request).is_none() && !self.jobs.is_reading(request)
    }

    /// What the networks of a finished search say about its variables, if that is known; else the job that finds it, unless
    /// it runs.
    pub fn understood(
        &self,
        stored: &Stored<Exploration>,
    ) -> (Option<&Arc<Understood>>, Option<Job>) {
        if let Some((_, known)) = self.understood.as_ref().filter(|(id, _)| *id == stored.id) {
            return (Some(known), None);
        }
        let is_asked = self
            .jobs
            .active()
            .any(|state| matches!(&state.job, Job::Understand(it) if it.id == stored.id));
        let exploration = || Arc::new(stored.result.clone());
        let job = (!is_asked).then(|| {
            Job::Understand(UnderstandRequest { id: stored.id, exploration: exploration() })
        });
        (None, job)
    }

    /// A file as it is called in the open folder.
    pub fn name_of<'a>(&self, file: &'a Path) -> &'a Path {
        file.strip_prefix(&self.folder).unwrap_or(file)
    }

    /// Handles an event of a job; follow-up work is requested by commands.
    pub fn apply(&mut self, event: Event, commands: &mut Commands) {
        let Event { job, what } = event;
        if matches!(what, JobEvent::Kept) {
            commands.push(Command::Start(self.read_results()));
        }
        if let Some(output) = self.jobs.apply(job, what, &mut self.messages) {
            self.take_in(output, commands);
        }
    }

    fn take_in(&mut self, output: Output, commands: &mut Commands) {
        match output {
            Output::Listed(folder, files) if folder == self.folder => self.list(files, commands),
            Output::Listed(..) => {}
            Output::Read(reading) => self.take_reading(reading),
            Output::Saved(file, text, result) => {
                if let Some(entry) = self.entries.get_mut(&file) {
                    entry.saved(text, result);
                    if let Some(design) = entry.saved_design() {
                        self.kept.keep(design);
                    }
                    commands.push(Command::Start(Job::Read(self.read_request(&file))));
                }
            }
            Output::Created(file) => {
                if self.training_choices.is_some() {
                    // It may be a recipe.
                    let search = Job::TrainingChoices(self.folder.clone());
                    commands.push(Command::Start(search));
                }
                self.messages.push(Message::Done(format!("wrote {}", file.display())));
            }
            Output::Renamed(from, to) => self.renamed(&from, &to, commands),
            Output::Trashed(files) => self.trashed(files, commands),
            Output::LaidOut(request, scene) => {
                if self.scenes.len() >= MOST_SCENES {
                    self.scenes.drain(..1);
                }
                self.scenes.push((request, scene));
            }
            Output::Traced(request, trace) => self.trace = Some((request, trace)),
            Output::Statistics(request, found) => {
                if self.statistics.len() >= MOST_STATISTICS {
                    self.statistics.drain(..1);
                }
                self.statistics.push((request, found));
            }
            Output::Tensor(request, found) => self.tensor = Some((request, found)),
            Output::Original(request, reading) => {
                let OriginalReading { network, settables } = reading;
                self.original = Some(Original { request, network, settables });
            }
            Output::Designed(request, reading) => {
                if let Some(entry) = self.entries.get_mut(&request.file) {
                    entry.take_design(&request, reading);
                }
            }
            Output::Steps(request, costs) => self.steps = Some((request, costs)),
            Output::PointsSaved(all) => self.points_saved(all, commands),
            Output::Clouded(cloud) => self.cloud = Some(cloud),
            Output::Understood(id, understood) => self.understood = Some((id, understood)),
            Output::SpaceCounted(counted) => self.counted = Some(counted),
            Output::Results(reading) => {
                if !self.results.take_in(reading) {
                    commands.push(Command::Start(self.read_results()));
                }
            }
            Output::Imported(reading) => self.imported(reading, commands),
            Output::Engines(engines) => self.engines = Some(engines),
            Output::TrainingChoices(choices) => self.training_choices = Some(choices),
            Output::Inspection(inspection, inputs) => {
                self.inspections.push(inspection);
                self.read_by_jobs.extend(&inputs);
            }
            Output::SpacesCompared(found, inputs) => {
                self.read_by_jobs.extend(&inputs);
                self.space_comparison = Some(found);
            }
            Output::Trained(inputs) => self.read_by_jobs.extend(&inputs),
            // The list of jobs says it, or a message.
            Output::Measured | Output::Written(_) => {}
        }
    }

    fn points_saved(
        &mut self,
        all: Vec<(NewFile, Result<PathBuf, SaveError>)>,
        commands: &mut Commands,
    ) {
        let mut written = vec![];
        for (new, result) in all {
            match result {
                Ok(_) => written.push(new.file_name),
                Err(error) => {
                    let text = format!("{}: {}", new.file_name, error_chain(&error));
                    self.messages.push(Message::Problem(text));
                }
            }
        }
        if !written.is_empty() {
            self.messages.push(Message::Done(format!("wrote {}", written.join(", "))));
            commands.push(Command::Start(Job::List(self.folder.clone())));
        }
    }

    fn list(&mut self, files: Result<Vec<PathBuf>, String>, commands: &mut Commands) {
        self.is_listed = true;
        let files = match files {
            Ok(files) => {
                self.folder_problem = None;
                files
            }
            Err(problem) => {
                self.folder_problem = Some(problem);
                // The last content stays on the screen.
                self.entries.values_mut().for_each(Entry::vanish);
                return;
            }
        };
        let mut files: Vec<FilePath> = files.into_iter().map(Arc::from).collect();
        files.extend(self.added.iter().filter(|file| disk::is_file(file)).cloned());
        files.sort();
        let selection = &self.selection;
        self.entries.retain(|file, entry| {
            let is_there = files.binary_search(file).is_ok();
            if !is_there && !entry.is_new() {
                entry.vanish();
            }
            // Selected or edited files stay in the list.
            is_there || selection.contains(file) || entry.draft.is_some() || entry.is_new()
        });
        let mut unread = Vec::new();
        for file in files {
            let entry = self.entries.entry(Arc::clone(&file)).or_insert_with(|| Entry::new(&file));
            if entry.needs_reading() {
                unread.push(file);
            }
        }
        for file in unread {
            commands.push(Command::Start(Job::Read(self.read_request(&file))));
        }
        if self.current().is_none()
            && let Some(first) = self.entries.keys().next()
        {
            commands.push(Command::Select(vec![Arc::clone(first)]));
        }
    }
}
