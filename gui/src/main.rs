//! `inceptive-gui`.

#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::Parser;
use inceptive_gui::{Options, run};

/// The dashboard: see a network's graph, edit it, weigh it against others, measure it.
#[derive(Parser)]
#[command(name = "inceptive-gui", version)]
struct Arguments {
    /// A folder of networks, or one file; architectures/ without it
    path: Option<PathBuf>,
    /// The store of results
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
}

fn main() -> eframe::Result {
    let Arguments { path, store } = Arguments::parse();
    let drafts = eframe::storage_dir(inceptive_gui::APP_ID).map(|folder| folder.join("drafts"));
    run(Options { path, store, drafts })
}
