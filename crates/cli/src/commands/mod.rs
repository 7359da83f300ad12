//! The subcommands: one file each.

mod bench;
mod calibrate;
mod check;
mod compare_spaces;
mod completions;
mod cost;
mod data;
mod diff;
mod engines;
mod evaluate;
mod explain;
mod explore;
mod export;
mod gui;
mod import;
mod inspect;
mod manual;
mod planned;
mod profile;
mod report;
mod results;
mod run;
mod schema;
mod show;
mod train;
mod worker;

use clap::{Parser, Subcommand};

use crate::output::Outcome;

/// Explore the design space of Inception-style convolutional networks: from YAML to exact numbers.
#[derive(Debug, Parser)]
#[command(
    name = "inceptive",
    version,
    propagate_version = true,
    max_term_width = 100,
    before_help = "Examples:
  inceptive report                                   count, measure and compare architectures/
  inceptive cost architectures/googlenet.yaml        parameters, MACs, FLOPs, memory
  inceptive diff A.yaml B.yaml                       what a change costs
  inceptive bench architectures/*.yaml               latency on this machine
  inceptive train architectures/small/*.yaml --data shapes    accuracy, trained here
  inceptive explore architectures/spaces/module-kinds.yaml --costs-only    all networks of a space
  inceptive gui                                      the dashboard
  inceptive help bench                               examples and options of a command"
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check files and print all errors
    Check(check::Check),
    /// Count parameters, compute, memory and receptive field
    Cost(cost::CostArguments),
    /// Compare two networks node by node and module by module
    Diff(diff::Diff),
    /// Show a network as a table or a graph
    Show(show::Show),
    /// Write a report: a page with tables and figures, and its data
    Report(report::Report),
    /// Open the dashboard
    Gui(gui::Gui),
    /// Measure latency on this machine
    Bench(bench::Bench),
    /// Calibrate predictions of latency on this machine
    Calibrate(calibrate::Calibrate),
    /// Train networks on images, and compare their accuracies
    Train(train::Train),
    /// Explore a space of networks: count all, train and measure the best
    Explore(explore::Explore),
    /// Do tasks of a plan on one of many machines
    Worker(worker::Worker),
    /// Compare two spaces by the accuracies of random networks of each
    CompareSpaces(compare_spaces::CompareSpaces),
    /// Run a network once and compare the outputs of several engines
    Run(run::Run),
    /// Measure the time of each node and module
    Profile(profile::Profile),
    /// Evaluate trained networks: accuracy, loss, calibration and confusion matrix
    Evaluate(evaluate::Evaluate),
    /// Inspect a trained network: near-zero channels, dead ReLUs, and the accuracy lost without each branch
    Inspect(inspect::Inspect),
    /// List, show, export and merge measured results
    Results(results::Results),
    /// List, download and check data sets
    Data(data::Data),
    /// List the inference engines, and how to install missing ones
    Engines(engines::Engines),
    /// Write a network as ONNX or as a PyTorch module
    Export(export::Export),
    /// Read an ONNX file and print a summary
    Import(import::Import),
    /// Print the JSON Schema of the YAML files, for editors
    Schema(schema::SchemaArguments),
    /// Explain a diagnostic by its code, such as E101
    Explain(explain::Explain),
    /// Print shell completions
    Completions(completions::Completions),
    /// Write manual pages
    Manual(manual::Manual),
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// When a file, an engine or the system fails; the error says which.
    pub fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Check(check) => Ok(check.run()),
            Self::Cost(cost) => cost.run(),
            Self::Diff(diff) => diff.run(),
            Self::Show(show) => show.run(),
            Self::Report(report) => report.run(),
            Self::Gui(gui) => gui.run(),
            Self::Bench(bench) => bench.run(),
            Self::Calibrate(calibrate) => calibrate.run(),
            Self::Train(train) => train.run(),
            Self::Explore(explore) => explore.run(),
            Self::Worker(worker) => worker.run(),
            Self::CompareSpaces(compare) => compare.run(),
            Self::Run(run) => run.run(),
            Self::Profile(profile) => profile.run(),
            Self::Evaluate(evaluate) => evaluate.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Results(results) => results.run(),
            Self::Data(data) => data.run(),
            Self::Engines(engines) => engines.run(),
            Self::Export(export) => export.run(),
            Self::Import(import) => import.run(),
            Self::Schema(schema) => schema.run(),
            Self::Explain(explain) => Ok(explain.run()),
            Self::Completions(completions) => Ok(completions.run()),
            Self::Manual(manual) => manual.run(),
        }
    }
}
