//! Long tasks: reading networks of every kind, measuring and profiling them.
//!
//! The command line and the dashboard start the same tasks and show them differently. This crate does the work, reports
//! progress as events, and stops on request. It prints nothing and draws nothing.

#![forbid(unsafe_code)]

mod bench;
mod calibrate;
mod compare_spaces;
mod constraints;
mod design;
mod engines;
mod error;
mod evaluate;
mod explore;
mod exploring;
mod export;
mod gather;
mod git;
mod imports;
mod inspect;
mod inspect_trained;
mod measured;
mod memory;
mod model_file;
mod network;
mod notes;
mod onnx_settings;
mod opened;
mod placed_model;
mod plan;
mod predict;
mod profile;
mod report;
mod report_input;
mod repro_command;
mod running;
mod space;
mod space_comparison;
mod space_points;
mod task;
mod tensor_values;
mod texts;
mod train;
mod training;
mod weight_statistics;

pub use bench::BenchPlan;
pub use calibrate::CalibratePlan;
pub use compare_spaces::CompareSpacesPlan;
pub use constraints::{counts_by_name, violated, violated_constraints};
pub use design::{NewFile, SaveError, design, save_variant, yaml_file_name};
pub use engines::{ALL, AvailableEngine, ChoiceError, choose, choose_among};
pub use error::{CalibrateError, ExploreError, InputError, PlanError, TaskError, error_chain};
pub use evaluate::{
    Engines, EvaluateError, EvaluatePlan, Evaluated, EvaluatedNetwork, EvaluationSource, ImagePart,
    NetworkResult, OnEngine, evaluate,
};
pub use explore::{
    CountRequest, ExplorePlan, MOST_COUNTED, SpaceCounts, TableNetwork, TableRequest, TableSearch,
    count_space, labels, read_conditions, read_space, search_table,
};
pub use exploring::ExploreEvent;
pub use export::{ExportError, Exported, OnnxOptions, export_onnx, export_pytorch};
pub use gather::{GatherEvent, GatherPlan, Gathered, GoesOn, SMALL_SPACE, gather, gather_revision};
pub use git::{GitError, GitFiles};
pub use imports::{ImportFileError, Imported, import};
pub use inceptive_onnx::{ModelInfo, OriginalNode, OriginalValue, WeightType};
pub use inspect::{
    Content, Inspected, OnnxFile, OverlayFiles, inspect, is_listed, is_network, list,
};
pub use inspect_trained::{InspectedNetwork, InspectionPlan, inspect_trained};
pub use measured::{Network, Request};
pub use memory::{OutOfMemory, Purpose, check_memory, with_batch};
pub use network::{
    ReadError, Runnable, WeightSource, files_of, import_notes, is_onnx, own_weights, read,
    read_onnx, read_runnable,
};
pub use notes::{Note, notes_of, weight_notes};
pub use onnx_settings::{CUT, INPUT_SIZE, OnnxSettingError, OpenSettings};
pub use opened::{Opened, TorchNetwork};
pub use plan::{
    BrokenFile, Choice, EngineChoice, Given, MAX_TASKS, MergedTasks, Plan, PlanStatus, Programs,
    SearchStage, Selection, Work, WorkerEvent, WorkerOutcome, WorkerPlan, WrittenPlan,
    broken_result, check_plans, explore_planned, is_plan, merge, merge_file, plan_bench,
    plan_count, plan_training, united_counts, work,
};
pub use predict::{LatencyPredictor, PredictError, calibrations_of};
pub use profile::ProfilePlan;
pub use report::{StoreQuery, report_on};
pub use report_input::{input_name, named_input};
pub use repro_command::{DEFAULT_SAMPLES, ReproCommand, quoted};
pub use running::{NEVER, TaskContext, TaskEvent, TaskFailure, TaskOutcome, TaskRecord};
pub use space::{CloudPlan, cloud};
pub use space_comparison::{ComparedSpace, SpaceComparison};
pub use space_points::SpacePoints;
pub use task::Task;
pub use tensor_values::{TensorValues, tensor_values};
pub use train::{TrainPlan, TrainerName, read_recipe};
pub use training::{PlannedRun, RunState, SideBySide, TrainingEvent};
pub use weight_statistics::{TensorStatistics, WeightStatistics, weight_statistics};
