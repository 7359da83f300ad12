//! `inceptive check`.

use std::path::{Path, PathBuf};

use clap::Args;
use inceptive_app::is_onnx;
use inceptive_dsl::{Checked, Disk, Kind, Loaded, kind};
use inceptive_format::{combinations, counted, form};
use inceptive_ir::Part;
use inceptive_train::Recipe;

use crate::{
    input::{Settings, read, remark},
    output::{self, Outcome},
    table::one_line,
};

/// Check architectures, spaces, libraries of blocks and recipes.
#[derive(Args, Debug)]
#[command(before_help = "Examples:
  inceptive check architectures/*.yaml architectures/*/*.yaml
  inceptive check my-network.yaml
  inceptive check recipes/*.yaml")]
pub struct Check {
    /// Files to check
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

impl Check {
    /// Checks every file.
    pub fn run(self) -> Outcome {
        let mut outcome = Outcome::default();
        for file in &self.files {
            if is_onnx(file) {
                match read(file, &self.settings) {
                    Some(loaded) => {
                        outcome.text.push_str(&line(file, &architecture(&loaded)));
                    }
                    None => outcome.failed = true,
                }
                continue;
            }
            if kind(&Disk, file) == Some(Kind::Recipe) {
                match Recipe::load(&Disk, file, &self.settings.set) {
                    Ok((read, _)) => outcome.text.push_str(&line(file, &recipe(&read))),
                    Err(failure) => {
                        output::report(&failure);
                        outcome.failed = true;
                    }
                }
                continue;
            }
            match self.settings.check(file) {
                Ok(checked) => {
                    if let Checked::Architecture(loaded) = &checked {
                        remark(&loaded.architecture);
                    }
                    outcome.text.push_str(&line(file, &describe(&checked)));
                }
                Err(failure) => {
                    output::report(&failure);
                    outcome.failed = true;
                }
            }
        }
        outcome
    }
}

fn line(file: &Path, described: &str) -> String {
    one_line(&format!("{}: {described}", file.display())) + "\n"
}

fn architecture(loaded: &Loaded) -> String {
    let graph = &loaded.architecture.graph;
    let nodes = counted(graph.len(), "node", "nodes");
    let of_heads = graph.nodes().filter(|(_, node)| node.part != Part::Main).count();
    let heads = match of_heads {
        0 => String::new(),
        count => format!(" ({count} of them in auxiliary heads)"),
    };
    format!("architecture, {nodes}{heads}, output {}", graph.node(graph.output()).shape)
}

fn recipe(recipe: &Recipe) -> String {
    let epochs = counted(recipe.epochs as usize, "epoch", "epochs");
    let (optimizer, schedule) = (recipe.optimizer.name(), recipe.schedule.name());
    format!("recipe of {epochs}, batch {}, {optimizer}, {schedule}", recipe.batch)
}

fn describe(checked: &Checked) -> String {
    match checked {
        Checked::Architecture(loaded) => architecture(loaded),
        Checked::Space(space) => {
            let variables: Vec<String> = space
                .variables
                .iter()
                .map(|variable| format!("{} ({})", variable.name, variable.values.len()))
                .collect();
            let networks = form(space.size(), "network", "networks");
            format!("space of {} {networks}: {}", combinations(space.size()), variables.join(", "))
        }
        Checked::Library(library) => {
            let blocks: Vec<String> = library
                .blocks
                .iter()
                .map(|block| format!("{}({})", block.name, block.params.join(", ")))
                .collect();
            let count = counted(blocks.len(), "block", "blocks");
            format!("library of {count}: {}", blocks.join(", "))
        }
    }
}
