//! `inceptive manual`.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args, Command, CommandFactory};
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};
use inceptive_files::{InputFiles, create_folder, replace_file};
use inceptive_format::counted;

use super::Arguments;
use crate::output::Outcome;

/// Write manual pages.
#[derive(Args, Debug)]
#[command(before_help = "Example, after which `man inceptive` and `man inceptive-cost` work:
  inceptive manual ~/.local/share/man/man1")]
pub struct Manual {
    /// Folder for the pages, one per command; created if missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Manual {
    /// Writes every page.
    ///
    /// # Errors
    /// When a page cannot be written.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let mut command = Arguments::command().disable_help_subcommand(true);
        command.build();
        let mut pages = vec![];
        add_pages(&command, &mut pages).context("the manual pages cannot be made")?;
        create_folder(&self.folder)?;
        for (name, page) in &pages {
            replace_file(&self.folder.join(name), page, &InputFiles::default())?;
        }
        let count = counted(pages.len(), "manual page", "manual pages");
        Ok(Outcome::new(format!("{count} in {}\n", self.folder.display())))
    }
}

/// Adds the pages of a command and its subcommands, with the names of their files.
fn add_pages(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let manual = Man::new(command.clone());
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let version = command.get_version().unwrap_or_default();
    let mut page = vec![];
    // `Man` writes an empty date as nothing, and what follows it would be read as the date.
    writeln!(page, ".TH {name} 1 \"\" \"inceptive {version}\" \"Inceptive manual\"")?;
    manual.render_name_section(&mut page)?;
    manual.render_synopsis_section(&mut page)?;
    examples(command).to_writer(&mut page)?;
    manual.render_options_section(&mut page)?;
    if command.has_subcommands() {
        manual.render_subcommands_section(&mut page)?;
    }
    notes(command).to_writer(&mut page)?;
    pages.push((format!("{name}.1"), page));
    command.get_subcommands().try_for_each(|inner| add_pages(inner, pages))
}

/// The examples, line by line.
fn examples(command: &Command) -> Roff {
    let mut section = Roff::new();
    if let Some(text) = command.get_before_help() {
        section.control("SH", ["EXAMPLES"]).control("nf", []);
        let text = text.to_string();
        for line in text.lines().filter(|line| !["Example:", "Examples:"].contains(line)) {
            section.text([roman(line)]);
        }
        section.control("fi", []);
    }
    section
}

/// What follows the options in the help, as paragraphs.
fn notes(command: &Command) -> Roff {
    let mut section = Roff::new();
    if let Some(text) = command.get_after_help() {
        section.control("SH", ["NOTES"]);
        for line in text.to_string().lines() {
            match line {
                "" => section.control("PP", []),
                line => section.text([roman(line)]),
            };
        }
    }
    section
}
