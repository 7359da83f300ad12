//! Long tasks, and the events that they report.
//!
//! A job is a value; [`Worker`] runs it on a separate thread and sends [`Event`]s. To add a kind of job: a variant of
//! [`Job`] with its lane and title, a variant of [`Output`] for its result, and a line in
//! [`crate::model::Model::apply`] that handles it.

mod design;
mod explore;
mod export;
mod files;
mod import;
mod inspect;
mod keep;
#[cfg_attr(target_family = "wasm", path = "../browser/lanes.rs")]
mod lanes;
mod layout;
mod machinery;
mod measure;
mod read;
mod statistics;
mod steps;
mod table;
mod tensor;
mod train;
mod turns;
mod worker;
mod write;

use std::{path::PathBuf, sync::Arc};

use inceptive_app::{
    ExploreEvent, NewFile, ReadError, Request, SaveError, SpaceComparison, TensorValues,
    TrainingEvent, WeightStatistics,
};
use inceptive_draw::{DrawError, Scene};
use inceptive_dsl::Trace;
use inceptive_explore::Understood;
use inceptive_files::InputFiles;

use crate::{
    file::{FilePath, stem},
    inspection::{InspectRequest, Inspection},
    results::{ResultsReading, ResultsRequest},
};

pub use design::{
    Cloud, CloudRequest, DesignReading, DesignRequest, Made, OriginalReading, OriginalRequest, Text,
};
pub use explore::{
    CompareSpacesRequest, CountSpaceRequest, CountedNetworks, ExploreRequest, UnderstandRequest,
};
pub use export::{ExportFormat, ExportRequest};
pub use files::{CreateRequest, RenameRequest, TrashRequest};
pub use import::{ImportReading, ImportRequest};
pub use keep::{Keep, Stopped};
pub use layout::{LayoutRequest, Place};
pub use machinery::{EngineChoice, MeasurementBackend, Tools};
pub use measure::{BenchRequest, EngineState, ProfileRequest};
pub use read::{ReadRequest, Reading, ReportRequest, TraceRequest};
pub use statistics::StatisticsRequest;
pub use steps::{Counts, METRICS, StepCosts, StepsRequest};
pub use table::{Cells, TableRequest};
pub use tensor::{TensorRequest, WriteTensorRequest};
pub(crate) use train::new_recipe_folder;
pub use train::{DataSetState, RecipeState, TrainRequest, TrainingChoices};
pub use worker::{Reporter, Worker};
pub use write::{Expected, KeepRequest, Picture, PictureRequest, SaveProblem, SaveRequest};

/// Something to do on a thread of its own.
#[derive(Clone, Debug)]
pub enum Job {
    /// Finds the files of a folder.
    List(PathBuf),
    /// Reads, checks and counts a file; its text may be in an editor.
    Read(ReadRequest),
    /// Writes a text from the editor to its file.
    Save(SaveRequest),
    /// Writes a new file.
    Create(CreateRequest),
    /// Renames a file.
    Rename(RenameRequest),
    /// Moves files to the trash.
    Trash(TrashRequest),
    /// Writes a network for another program.
    Export(ExportRequest),
    /// Keeps texts that are not saved.
    KeepDrafts(KeepRequest),
    /// Writes a picture.
    Picture(PictureRequest),
    /// Lays a network out.
    Layout(LayoutRequest),
    /// Finds where the steps of a network are written.
    Trace(TraceRequest),
    /// Computes statistics of the weights of a network.
    Statistics(StatisticsRequest),
    /// Reads the values of a tensor.
    Tensor(TensorRequest),
    /// Writes the values of a tensor.
    WriteTensor(WriteTensorRequest),
    /// Looks up what can be set in a network or a space.
    Original(OriginalRequest),
    /// Writes a design as text and counts it.
    Design(DesignRequest),
    /// Counts a network after one step of each slider.
    Steps(StepsRequest),
    /// Writes networks of a space, each as a file of its own.
    SavePoints(Vec<NewFile>),
    /// Writes a table.
    Table(TableRequest),
    /// Counts networks of a space.
    Cloud(CloudRequest),
    /// Reads what is new in the store.
    Results(ResultsRequest),
    /// Adds the rows of a table to a store.
    Import(ImportRequest),
    /// Looks for engines.
    Engines,
    /// Measures latency.
    Bench(BenchRequest),
    /// Measures the time of each node.
    Profile(ProfileRequest),
    /// Writes a report about files into a folder.
    Report(ReportRequest),
    /// Looks for data sets, and for recipes in a folder too.
    TrainingChoices(PathBuf),
    /// Trains networks.
    Train(TrainRequest),
    /// Inspects a trained network.
    Inspect(InspectRequest),
    /// Counts all networks of a space.
    CountSpace(CountSpaceRequest),
    /// Searches a space under a budget of time.
    Explore(ExploreRequest),
    /// Compares two spaces by random networks.
    CompareSpaces(CompareSpacesRequest),
    /// Finds which variables decide about the accuracies of a search.
    Understand(UnderstandRequest),
}

/// A job that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(u64);

/// Jobs of one lane wait for each other; those of different lanes do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Short jobs: reading and writing files, counting.
    Quick,
    /// Layouts, statistics and exports, which may take seconds and must not delay the checking of typed text.
    Layout,
    /// Counting spaces and writing reports, which a person waits for.
    Background,
    /// Measuring, which a person waits for and which needs the machine to itself: one job at a time.
    Measure,
    /// Training and inspecting networks and searching spaces, which pause while something is measured: one job at a time.
    Train,
}

impl Lane {
    /// Whether a person waits for its jobs, so that they are listed, and what they did is kept when they are stopped.
    pub const fn is_long(self) -> bool {
        match self {
            Self::Quick | Self::Layout => false,
            Self::Background | Self::Measure | Self::Train => true,
        }
    }
}

impl Job {
    /// Which jobs it waits for.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::List(_)
            | Self::Read(_)
            | Self::Save(_)
            | Self::Create(_)
            | Self::Rename(_)
            | Self::Trash(_)
            | Self::KeepDrafts(_)
            | Self::Picture(_)
            | Self::Original(_)
            | Self::Trace(_)
            | Self::Design(_)
            | Self::Steps(_)
            | Self::SavePoints(_)
            | Self::Table(_)
            | Self::WriteTensor(_)
            | Self::Results(_)
            | Self::Import(_)
            | Self::Engines
            | Self::TrainingChoices(_) => Lane::Quick,
            Self::Layout(_)
            | Self::Statistics(_)
            | Self::Tensor(_)
            | Self::Understand(_)
            | Self::Export(_) => Lane::Layout,
            Self::Cloud(_) | Self::CountSpace(_) | Self::Report(_) => Lane::Background,
            Self::Bench(_) | Self::Profile(_) => Lane::Measure,
            Self::Train(_) | Self::Inspect(_) | Self::Explore(_) | Self::CompareSpaces(_) => {
                Lane::Train
            }
        }
    }

    /// Whether it needs a machine, and not only a browser: its processor, its programs or its disk.
    pub const fn needs_program(&self) -> bool {
        match self.lane() {
            Lane::Measure | Lane::Train => true,
            Lane::Quick => {
                matches!(self, Self::Engines | Self::TrainingChoices(_) | Self::Import(_))
            }
            Lane::Background => matches!(self, Self::Report(_) | Self::CountSpace(_)),
            Lane::Layout => false,
        }
    }

    /// Its title in the list of jobs.
    pub fn title(&self) -> String {
        let count = |files: &[FilePath]| match files {
            [only] => stem(only),
            files => format!("{} networks", files.len()),
        };
        let named = |networks: &[Request]| match networks {
            [only] => stem(&only.file),
            networks => format!("{} networks", networks.len()),
        };
        match self {
            Self::List(folder) => format!("list {}", folder.display()),
            Self::Read(request) => format!("read {}", request.own.file.display()),
            Self::Save(request) => format!("save {}", request.file.display()),
            Self::Create(request) => format!("create {}", request.file.display()),
            Self::Rename(request) => format!("rename {}", request.from.display()),
            Self::Trash(request) => format!("delete {}", count(&request.files)),
            Self::Export(request) => format!("export {}", request.network.architecture.name),
            Self::KeepDrafts(_) => "keep unsaved changes".to_owned(),
            Self::Picture(request) => format!("write {}", request.path.display()),
            Self::Layout(_) => "lay out".to_owned(),
            Self::Trace(request) => format!("trace {}", request.file.display()),
            Self::Statistics(_) => "compute statistics of weights".to_owned(),
            Self::Tensor(request) => format!("read {}.{}", request.path, request.role),
            Self::WriteTensor(request) => format!("write {}", request.path.display()),
            Self::Design(request) => format!("count {}", request.file.display()),
            Self::Steps(request) => format!("count steps of {}", request.from.file.display()),
            Self::Original(request) => {
                format!("read the settings of {}", request.text.file.display())
            }
            Self::SavePoints(all) => format!("write {} networks", all.len()),
            Self::Table(request) => format!("write {}", request.path.display()),
            Self::Cloud(request) => format!("count networks of {}", request.space.title),
            Self::Results(_) => "read results".to_owned(),
            Self::Import(request) => format!("import {}", request.table.display()),
            Self::Engines => "search for engines".to_owned(),
            Self::Bench(request) => format!("bench {}", named(&request.networks)),
            Self::Profile(request) => format!("profile {}", stem(&request.network.file)),
            Self::Report(request) => format!("report on {}", named(&request.networks)),
            Self::TrainingChoices(_) => "search for data sets and recipes".to_owned(),
            Self::Train(request) => {
                let what = named(&request.networks);
                format!("train {what} on {} with {}", request.data, request.recipe)
            }
            Self::CountSpace(request) => format!("count all networks of {}", stem(&request.file)),
            Self::Understand(request) => {
                format!("look at the networks of {}", request.exploration.space.title)
            }
            Self::Explore(request) => {
                let space = stem(&request.space);
                format!("search {space} on {} with {}", request.data, request.recipe)
            }
            Self::CompareSpaces(request) => {
                let [first, second] = request.spaces.each_ref().map(|file| stem(file));
                format!("compare {first} and {second} on {} with {}", request.data, request.recipe)
            }
            Self::Inspect(request) => {
                format!("inspect {}, seed {}", stem(&request.file), request.seed)
            }
        }
    }

    /// How many jobs that it supersedes may still run when it starts. More would pile up, however fast requests come.
    const fn max_superseded_running(&self) -> usize {
        match self.lane() {
            // A module's inside is laid out in one go that cannot be stopped.
            Lane::Layout => 1,
            Lane::Quick | Lane::Background | Lane::Measure | Lane::Train => 0,
        }
    }

    /// Whether this job makes the output of an earlier one obsolete. The earlier one is then stopped.
    fn supersedes(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::List(_), Self::List(_))
            | (Self::Results(_), Self::Results(_))
            | (Self::Statistics(_), Self::Statistics(_))
            | (Self::Tensor(_), Self::Tensor(_))
            | (Self::TrainingChoices(_), Self::TrainingChoices(_))
            | (Self::KeepDrafts(_), Self::KeepDrafts(_))
            | (Self::Understand(_), Self::Understand(_))
            | (Self::Steps(_), Self::Steps(_))
            | (Self::Trace(_), Self::Trace(_)) => true,
            (Self::CountSpace(request), Self::CountSpace(other)) => request.file == other.file,
            (Self::Read(request), Self::Read(other)) => request.own.file == other.own.file,
            (Self::Layout(request), Self::Layout(other)) => request.place == other.place,
            _ => false,
        }
    }

    /// Does it.
    fn run(self, report: &Reporter, machinery: &MeasurementBackend) -> Result<Output, String> {
        match self {
            Self::List(folder) => Ok(read::listed(folder)),
            Self::Read(request) => Ok(read::read(request)),
            Self::Save(request) => Ok(write::save(request)),
            Self::Create(request) => files::create(request),
            Self::Rename(request) => files::rename(request),
            Self::Trash(request) => Ok(files::trash(request)),
            Self::Export(request) => export::export(request, report),
            Self::KeepDrafts(request) => write::keep(&request),
            Self::Picture(request) => write::picture(request),
            Self::Layout(request) => Ok(layout::lay_out(request, report)),
            Self::Trace(request) => Ok(read::trace(request)),
            Self::Statistics(request) => Ok(statistics::compute(request, report)),
            Self::Tensor(request) => Ok(tensor::read(request, report)),
            Self::WriteTensor(request) => tensor::write(request),
            Self::Design(request) => Ok(design::count(request)),
            Self::Steps(request) => Ok(steps::count(request, report)),
            Self::Original(request) => Ok(design::original(request)),
            Self::SavePoints(all) => Ok(design::save_all(all)),
            Self::Table(request) => table::write(request),
            Self::Cloud(request) => Ok(design::cloud(&request, report)),
            Self::Results(request) => Ok(Output::Results(request.read())),
            Self::Import(request) => Ok(import::import(request)),
            Self::Engines => Ok(measure::engines(&machinery.tools(EngineChoice::default()))),
            Self::Bench(request) => {
                report.wait_for_training();
                measure::bench(&request, machinery.tools(request.choice), report)
            }
            Self::Profile(request) => {
                report.wait_for_training();
                measure::profile(&request, machinery.tools(request.choice), report)
            }
            Self::Report(request) => read::report(&request, report),
            Self::TrainingChoices(folder) => Ok(train::choices(&folder)),
            Self::Train(request) => {
                train::train(&request, machinery.tools(EngineChoice::default()), report)
            }
            Self::CountSpace(request) => Ok(explore::count(request, report)),
            Self::Understand(request) => Ok(explore::understand(&request)),
            Self::Explore(request) => {
                explore::explore(&request, machinery.tools(EngineChoice::default()), report)
            }
            Self::CompareSpaces(request) => {
                explore::compare(&request, machinery.tools(EngineChoice::default()), report)
            }
            Self::Inspect(request) => {
                inspect::inspect(request, &machinery.tools(EngineChoice::default()), report)
            }
        }
    }
}

/// Something that happened to a job.
#[derive(Debug)]
pub struct Event {
    /// The job.
    pub job: JobId,
    /// What happened.
    pub what: JobEvent,
}

/// Events of jobs.
#[derive(Debug)]
pub enum JobEvent {
    /// It runs now.
    Started,
    /// It went on.
    Progress(Progress),
    /// An error in a part of it; the others continue.
    Note(String),
    /// Something happened in training.
    Training(TrainingEvent),
    /// Something happened in a search.
    Exploring(ExploreEvent),
    /// A result is in the store.
    Kept,
    /// It is over.
    Finished(Finish),
}

/// The progress of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Share that is done, from 0 to 1.
    pub share: f32,
    /// The current activity.
    pub activity: String,
}

/// How a job ended.
#[derive(Debug)]
pub enum Finish {
    /// With this.
    Done(Output),
    /// It was stopped; this is what was finished before.
    Kept(Output),
    /// Not at all; why.
    Failed(String),
    /// It was stopped, or superseded by a newer job.
    Stopped,
}

/// What came of a job.
#[derive(Debug)]
pub enum Output {
    /// The files of a folder, or why it cannot be read.
    Listed(PathBuf, Result<Vec<PathBuf>, String>),
    /// The content of a file.
    Read(Reading),
    /// What came of saving a text.
    Saved(FilePath, Arc<str>, Result<(), SaveProblem>),
    /// A new file.
    Created(PathBuf),
    /// The paths of a file before and after it was renamed.
    Renamed(FilePath, FilePath),
    /// Files that were to be moved to the trash, each with the reason why it was not.
    Trashed(Vec<(FilePath, Result<(), String>)>),
    /// A network at its places, or why it has none.
    LaidOut(LayoutRequest, Result<Arc<Scene>, DrawError>),
    /// Where the steps of a network are written, if its text is right.
    Traced(TraceRequest, Option<Arc<Trace>>),
    /// Statistics of weights, or why there are none.
    Statistics(StatisticsRequest, Result<Arc<WeightStatistics>, String>),
    /// The values of a tensor, or why there are none.
    Tensor(TensorRequest, Result<Arc<TensorValues>, String>),
    /// What can be set in a network or a space.
    Original(OriginalRequest, OriginalReading),
    /// A design as a file, or why it cannot be written as one.
    Designed(Box<DesignRequest>, Result<Box<DesignReading>, ReadError>),
    /// What one step of each slider costs; nothing if the network has errors.
    Steps(StepsRequest, Option<Arc<StepCosts>>),
    /// The files of networks of a space, or why they were not written.
    PointsSaved(Vec<(NewFile, Result<PathBuf, SaveError>)>),
    /// Networks of a space by cost.
    Clouded(Arc<Cloud>),
    /// What the networks of a search, by its number, say about its variables.
    Understood(i64, Arc<Understood>),
    /// What all networks of a space cost.
    SpaceCounted(Arc<CountedNetworks>),
    /// What is new in the store.
    Results(ResultsReading),
    /// What came of importing a table.
    Imported(ImportReading),
    /// Engines, found or not.
    Engines(Vec<EngineState>),
    /// Data sets and recipes.
    TrainingChoices(TrainingChoices),
    /// The results of inspecting a trained network, and the files that were read for it.
    Inspection(Arc<Inspection>, InputFiles),
    /// Results are in the store; each was reported with [`JobEvent::Kept`].
    Measured,
    /// Two spaces, compared. Contains the files that were read.
    SpacesCompared(Arc<SpaceComparison>, InputFiles),
    /// Networks were trained; the results are in the store. Contains the files that were read.
    Trained(InputFiles),
    /// Files were written.
    Written(Vec<PathBuf>),
}
