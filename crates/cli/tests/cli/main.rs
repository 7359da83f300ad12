//! The program as its users run it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod again;
mod bad_input;
mod calibrating;
mod contract;
mod data;
mod documents;
mod exchange;
mod exploring;
mod golden;
#[cfg(unix)]
mod hostile;
mod inputs;
#[cfg(target_os = "linux")]
mod limits;
mod manual;
mod measuring;
mod output;
mod pages;
mod planned;
mod reference;
mod reports;
mod stores;
mod trained;
mod training;

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The repository.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// `inceptive` with arguments separated by spaces, started in the repository.
fn inceptive(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inceptive"));
    command.current_dir(root()).args(words(arguments));
    command
}

/// The words of a command line, of which those in double quotes may have spaces.
fn words(arguments: &str) -> Vec<&str> {
    let mut words = vec![];
    for (place, part) in arguments.split('"').enumerate() {
        match place % 2 {
            0 => words.extend(part.split_whitespace()),
            _ => words.push(part),
        }
    }
    words
}

/// What a command that succeeds prints.
fn stdout(arguments: &str) -> String {
    let output = inceptive(arguments).assert().success().get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

/// The JSON that a command that succeeds prints.
fn json(arguments: &str) -> serde_json::Value {
    serde_json::from_str(&stdout(arguments)).unwrap()
}

/// The subcommands of a command, which its help lists, without `help`.
fn subcommands(command: &str) -> Vec<String> {
    let help = stdout(&format!("{command} --help"));
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    // A name stands two columns from the left; the rest of a long description stands farther right.
    let lines =
        listed.take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
    let names =
        lines.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next());
    let names = names.filter(|name| *name != "help");
    names.map(|name| format!("{command} {name}").trim().to_owned()).collect()
}

/// The shipped networks, in order, as a command line names them.
fn architectures() -> Vec<String> {
    yaml_files("architectures")
}

/// The YAML files of a folder of the repository, in order.
fn yaml_files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "yaml"))
        .map(|name| format!("{folder}/{name}"))
        .collect();
    files.sort();
    files
}
