//! Records of results: the machine, the measurements and their quality, training runs.
//!
//! This crate depends on no engine, runs nothing, and reads and writes no file.

#![forbid(unsafe_code)]

mod accelerator;
mod accuracy_judgement;
mod best;
mod calibration;
mod compare;
mod compared;
pub mod date;
pub mod example;
mod exploration;
mod imported;
mod known;
mod machine;
mod measurement;
mod metric;
mod names;
mod plausible;
mod precision;
mod profile;
mod proxy_score;
mod quality;
mod record;
mod roofline;
mod space_count;
pub mod statistics;
mod subnormal;
mod training;
mod value;

pub use accelerator::Accelerator;
pub use accuracy_judgement::AccuracyJudgement;
pub use best::BestRoofline;
pub use calibration::{
    Calibration, CalibrationConditions, CalibrationKey, CalibrationSample, JudgedLatency,
    KernelKind, KernelShape, KernelTime, KindModel, LatencyJudgement, LatencyModel,
};
pub use compare::{Comparison, MIN_PAIRS, Verdict, compare, compare_any};
pub use compared::{RankedNetwork, Ranking, TrainedAccuracy};
pub use date::unix_ms;
pub use exploration::{
    CountedSpace, Exploration, ExplorationKey, ExplorationRequest, ExploredNetwork,
    ExploredOutcome, ObjectiveInfo, Preference, SpaceInfo, Wave,
};
pub use imported::{ImportedResult, NetworkNames};
pub use known::KnownRooflines;
pub use machine::{MAX_THREADS_PER_CORE, Machine};
pub use measurement::{Conditions, Measurement, NetworkInfo, ProfileRecord, Runtime};
pub use metric::{Counts, Direction, Metric, Objective, Source, Unit, UnknownMetric};
pub use names::{NetworkFact, distinct_labels};
pub use precision::Precision;
pub use profile::{Bound, NodeProfile, Profile};
pub use proxy_score::{ProxyScore, ScoreJudgement, UnknownProxyScore};
pub use quality::{Finding, Grade, Problem, Remedy, beyond, grade};
pub use record::{Record, Run, latest};
pub use roofline::Roofline;
pub use space_count::{CountedNetwork, SpaceCount, SpaceCountKey};
pub use subnormal::Subnormals;
pub use training::{
    DatasetInfo, EpochRecord, RecipeInfo, TrainingKey, TrainingOutcome, TrainingRun,
};
pub use value::{Origin, OriginKind, Published, Value, comparable};
