//! `inceptive report`.

mod difference;
mod input;
mod measure;

use std::{
    ffi::OsString,
    num::NonZeroU32,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use inceptive_app::{DEFAULT_SAMPLES, GatherPlan, ReproCommand, StoreQuery, TaskError, gather};
use inceptive_format::{counted, exact, significant};
use inceptive_report::{Analysis, Report as Page, Threshold};
use inceptive_store::{Filter, StoreState};

use crate::{
    commands::bench::{budget, stop_on_interrupt, watch::tell},
    input::Settings,
    machinery::{EngineArguments, positive, thread_count},
    output::{Outcome, error, usage, warn},
    table::{Column, Grid, one_line},
};

use input::Inputs;
use measure::Measuring;

/// The default input.
const NETWORKS: &str = "architectures";

/// Arguments that have no effect with --diff, which measures nothing and writes no file.
const NOT_OF_DIFFERENCES: [&str; 19] = [
    "inputs",
    "out",
    "title",
    "bench",
    "engines",
    "device",
    "precision",
    "onnxruntime",
    "openvino",
    "isa",
    "batch",
    "threads",
    "budget",
    "store",
    "up_to",
    "samples",
    "seed",
    "note",
    "set",
];

/// Write a report: a page with tables and figures, and its data.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive report                                          all of architectures/, measured
  inceptive report architectures/googlenet*.yaml --bench --out reports/googlenet
  inceptive report architectures/spaces/googlenet-widths.yaml architectures/googlenet.yaml
  inceptive report 'laptop.db?engine=onnxruntime'           the results in a store
  inceptive report --diff HEAD~1:architectures architectures --fail-if 'macs > +2%'",
    after_help = "INPUT is an architecture, a space, an ONNX file, a folder of them, or a store of results with an
optional query of model=, engine=, machine= and fingerprint=. What an ONNX file alone needs follows
its name: 'model.onnx?input.size=640x480&cut=true'. Without INPUT, architectures/ is measured
(--bench). Results already in the store are not measured again. The page ends with
the command that makes the same page from the stored results. In a folder, only .yaml, .yml
and .onnx files are read; subfolders are skipped."
)]
pub struct Report {
    /// Architectures, spaces, ONNX files, folders or stores
    #[arg(value_name = "INPUT")]
    inputs: Vec<OsString>,
    /// Output folder; files in it are replaced
    #[arg(long, value_name = "DIR", default_value = "reports/latest")]
    out: PathBuf,
    /// Title of the page
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// First measure the latency of every network, and profile it
    #[arg(long)]
    bench: bool,
    #[command(flatten)]
    engine: EngineArguments,
    /// Batch sizes; each is benchmarked separately
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "1", value_parser = positive)]
    batch: Vec<NonZeroU32>,
    /// Threads per inference; each count is benchmarked separately; default: all cores
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = thread_count)]
    threads: Vec<NonZeroU32>,
    /// Time per network and configuration, including warm-up
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = budget)]
    budget: Duration,
    /// Store of results to show and add to
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
    /// Ignore results added after this state of each store: the ids of its last measurement, profile, training run and
    /// imported result, and a digest of the results up to these, such as 12+3@9f3ac2d1b0aa; copy it from the command at the
    /// end of a page
    #[arg(long, value_name = "STATE,..", value_delimiter = ',', conflicts_with = "bench")]
    up_to: Vec<StoreState>,
    /// Maximum number of networks counted per space; a random sample if it has more
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SAMPLES as u32, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    samples: u32,
    /// Seed of samples, weights and inputs
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Add a note to the page's warnings; can be repeated
    #[arg(long, value_name = "TEXT")]
    note: Vec<String>,
    /// Print the content of data.json
    #[arg(long)]
    json: bool,
    /// Show the changes from OLD to NEW; each is the folder of a report, a file or folder of networks, or
    /// REVISION:PATH in a git repository
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with_all = NOT_OF_DIFFERENCES)]
    diff: Option<Vec<String>>,
    /// Fail if a metric exceeds its limit beyond measurement error; can be repeated. A signed limit, such as
    /// 'macs > +2%', applies to the change of networks that exist in OLD and NEW; an unsigned one, such as 'params > 8M',
    /// to the value of new and changed networks. A metric that is not known for any network is a failure too
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<Threshold>,
    #[command(flatten)]
    settings: Settings,
}

impl Report {
    /// Writes the report; an invalid file is left out and makes the command fail.
    ///
    /// # Errors
    /// When an engine is not available, or the report cannot be written.
    pub fn run(mut self) -> anyhow::Result<Outcome> {
        if let Some([old, new]) = self.diff.as_deref() {
            return difference::run(old, new, &self.fail_if, self.json);
        }
        // clap ignores `requires` if an argument that conflicts with --diff is given, such as an input.
        if !self.fail_if.is_empty() {
            return Err(usage("--fail-if needs --diff OLD NEW"));
        }
        if self.inputs.is_empty() {
            if !Path::new(NETWORKS).is_dir() {
                bail!("there is no folder `{NETWORKS}` here; name the networks to report on");
            }
            self.inputs = vec![NETWORKS.into()];
            self.bench = self.up_to.is_empty();
        }
        let notes = self.note.len();
        let inputs = Inputs::parse(&self.inputs)?;
        let stores = self.stores(&inputs)?;
        let plan = GatherPlan {
            inputs: inputs.files,
            settings: self.settings.all(),
            samples: self.samples as usize,
            seed: self.seed,
        };
        // Until something is measured an interrupt ends the program, and nothing is written.
        let mut gathered = gather(&plan, &|_| ControlFlow::Continue(())).unwrap_or_default();
        gathered.troubles.iter().for_each(tell);
        let mut stop = None;
        if self.bench {
            // Networks that only stores know have files too.
            let requests = gathered.requests_with(&stores)?;
            if !requests.is_empty() {
                let stop = stop.insert(stop_on_interrupt("finished results are saved")?);
                // Errors of measuring are not in the store.
                self.note.extend(self.measuring().run(requests, stop)?);
            }
        }
        let told = gathered.troubles.len();
        let states = gathered.join(&stores)?;
        gathered.troubles[told..].iter().for_each(tell);
        if gathered.is_empty() {
            error(&TaskError::NothingToReport);
            let text = if self.json { "null\n" } else { "" };
            return Ok(Outcome { text: text.to_owned(), failed: true });
        }
        // Rows that cannot be read are left out, as `inceptive results` does.
        let is_wrong = |trouble: &TaskError| !matches!(trouble, TaskError::Store(_));
        let failed = gathered.troubles.iter().any(is_wrong) || self.note.len() > notes;
        let inputs = std::mem::take(&mut gathered.inputs);
        let page = gathered.into_report(&self.repro_command(states));
        let findings = Analysis::new(&page.candidates);
        let mut wait = waiting(&self.out, stop.as_deref());
        let written = inceptive_report::write(&page, &findings, &self.out, &inputs, &mut wait)
            .with_context(|| format!("no report was written to `{}`", self.out.display()))?;
        if self.json {
            return Ok(Outcome { text: inceptive_report::json(&page, &findings), failed });
        }
        let mut text = summary(&page, &findings) + "\n";
        if let Some(first) = written.first() {
            text.push_str(&format!("open {}\n", first.display()));
        }
        Ok(Outcome { text, failed })
    }

    /// How networks that have files are measured.
    fn measuring(&self) -> Measuring<'_> {
        let numbers = |list: &[NonZeroU32]| list.iter().map(|n| n.get()).collect();
        Measuring {
            engine: &self.engine,
            batches: numbers(&self.batch),
            threads: numbers(&self.threads),
            budget: self.budget,
            seed: self.seed,
            store: &self.store,
        }
    }

    /// The queries of all stores: those among the inputs, then the one that results are added to.
    fn stores(&self, inputs: &Inputs) -> anyhow::Result<Vec<StoreQuery>> {
        let mut stores = inputs.stores.clone();
        let (path, filter) = (self.store.clone(), Filter::default());
        stores.push(StoreQuery { path, filter, with_others: false });
        let is_there = |query: &&mut StoreQuery| query.path.exists();
        match self.up_to.as_slice() {
            [] => {}
            states if states.len() == stores.len() => {
                for (query, state) in stores.iter_mut().zip(states) {
                    query.filter.up_to = Some(state.clone());
                }
            }
            // As in pages of earlier versions: numbers of the only store that exists.
            [only] if stores.iter().filter(|query| query.path.exists()).count() == 1 => {
                for query in stores.iter_mut().filter(is_there) {
                    query.filter.up_to = Some(only.clone());
                }
            }
            states => {
                let names: Vec<String> =
                    stores.iter().map(|query| query.path.display().to_string()).collect();
                return Err(usage(format!(
                    "--up-to has {} for {}: give one for each, separated by commas, in this order: {}",
                    counted(states.len(), "state", "states"),
                    counted(names.len(), "store", "stores"),
                    names.join(", ")
                )));
            }
        }
        Ok(stores)
    }

    /// The command that makes the same report from the stored results.
    fn repro_command(&self, states: Vec<StoreState>) -> ReproCommand {
        ReproCommand {
            inputs: self.inputs.clone(),
            settings: self.settings.all(),
            title: self.title.clone(),
            notes: self.note.clone(),
            samples: self.samples as usize,
            seed: self.seed,
            store: self.store.clone(),
            states,
            out: self.out.clone(),
        }
    }
}

/// What to do while another run writes the folder: says so once, and waits until an interrupt. One that came before ended
/// the measurement, not the report.
pub fn waiting(folder: &Path, stop: Option<&AtomicBool>) -> impl FnMut() -> ControlFlow<()> {
    let is_stopped = move || stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
    let was_stopped = is_stopped();
    let mut line = Some(format!("another run is writing `{}`; waiting for it", folder.display()));
    move || {
        line.take().iter().for_each(|line| warn(&one_line(line)));
        match is_stopped() && !was_stopped {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

fn summary(page: &Page, findings: &Analysis) -> String {
    let way = findings.main_way();
    let mut columns = vec![
        Column::Left("network"),
        Column::Right("input"),
        Column::Right("parameters"),
        Column::Right("MACs"),
        Column::Right("published top-1"),
    ];
    if way.is_some() {
        columns.extend([
            Column::Right("median ms"),
            Column::Right("95% interval"),
            Column::Left("grade"),
        ]);
    }
    let mut grid = Grid::new(columns);
    for candidate in &page.candidates {
        let unknown = || "unknown".to_owned();
        let subject = &candidate.subject;
        let mut row = vec![
            candidate.name.clone(),
            subject.input.map(|side| side.to_string()).join("x"),
            exact(subject.params),
            exact(subject.macs),
            candidate.top1().map_or_else(unknown, |top1| format!("{top1:.1}%")),
        ];
        if let Some(way) = way {
            let measured = way.of(candidate);
            let median = measured.map(|m| m.latency_ms.median);
            row.push(median.map_or_else(unknown, |median| significant(median.value)));
            row.push(median.map_or_else(String::new, |median| {
                format!("{} to {}", significant(median.low), significant(median.high))
            }));
            row.push(measured.map_or_else(String::new, |m| m.grade.to_string()));
        }
        grid.row(row);
    }
    let mut text = grid.render();
    for sentence in findings.summary.sentences() {
        text.push_str(&format!("\n{}\n", one_line(sentence)));
    }
    text
}
