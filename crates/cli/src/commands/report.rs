//! `inceptive report`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use inceptive_jobs::candidate;
use inceptive_report::{Candidate, numbers::exact};

use crate::{
    input::{Settings, read_all},
    output::Outcome,
    table::{Column, Grid},
};

/// Write a report about one or more networks.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  inceptive report architectures/*.yaml
  inceptive report --out reports/googlenet architectures/googlenet*.yaml")]
pub struct Report {
    /// Architectures, or spaces with --set
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Folder to write to; files in it are replaced
    #[arg(long, value_name = "DIR", default_value = "reports/latest")]
    out: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

impl Report {
    /// Writes the report; a file that is wrong is left out and makes the command fail.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let (loaded, failed) = read_all(&self.files, &self.settings);
        if loaded.is_empty() {
            return Ok(Outcome { text: String::new(), failed });
        }
        let candidates: Vec<Candidate> =
            loaded.into_iter().map(|loaded| candidate(loaded.architecture)).collect();
        let written = inceptive_report::write(&candidates, &self.out)
            .with_context(|| format!("the report in `{}` is not complete", self.out.display()))?;
        let mut text = summary(&candidates) + "\n";
        for path in written {
            text.push_str(&format!("wrote {}\n", path.display()));
        }
        Ok(Outcome { text, failed })
    }
}

fn summary(candidates: &[Candidate]) -> String {
    let mut grid = Grid::new(vec![
        Column::Left("network"),
        Column::Right("input"),
        Column::Right("parameters"),
        Column::Right("MACs"),
        Column::Right("published top-1"),
    ]);
    for candidate in candidates {
        let top1 = candidate.comparable().and_then(|accuracy| accuracy.top1);
        grid.row(vec![
            candidate.name.clone(),
            candidate.input.to_string(),
            exact(candidate.cost.total.params),
            exact(candidate.cost.total.macs),
            top1.map_or_else(|| "unknown".to_owned(), |top1| format!("{top1:.1}%")),
        ]);
    }
    grid.render()
}
