//! Manual pages, and `--version`.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crate::{inceptive, stdout, subcommands};

/// Adds the names of the pages of a command and of its subcommands.
fn add_pages(command: &str, found: &mut BTreeSet<String>) {
    found.insert(format!("inceptive {command}").trim().replace(' ', "-"));
    subcommands(command).iter().for_each(|inner| add_pages(inner, found));
}

/// What `man` finds wrong with a page; nothing where it is not installed.
fn lint(page: &Path) -> String {
    let mut man = Command::new("man");
    man.args(["--warnings", "--encoding=UTF-8", "--local-file"]).arg(page);
    man.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "100").env("MANROFFSEQ", "");
    man.output().map_or_else(|_| String::new(), |output| String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_command_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let said = stdout(&format!("manual {}", pages.display()));
    let names = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> =
        names.map(|name| name.strip_suffix(".1").unwrap().to_owned()).collect();
    let mut expected = BTreeSet::new();
    add_pages("", &mut expected);
    assert_eq!(names, expected);
    assert_eq!(said, format!("{} manual pages in {}\n", names.len(), pages.display()));
    for name in &names {
        let path = pages.join(format!("{name}.1"));
        assert_eq!(lint(&path), "", "{name}");
    }
    let cost = fs::read_to_string(pages.join("inceptive-cost.1")).unwrap();
    let title = format!(".TH inceptive-cost 1 \"\" \"inceptive {}\"", env!("CARGO_PKG_VERSION"));
    for part in [
        title.as_str(),
        ".SH EXAMPLES",
        ".SH OPTIONS",
        ".SH NOTES",
        "multiply\\-accumulates",
        "\\-\\-by",
    ] {
        assert!(cost.contains(part), "{part}: {cost}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = inceptive("manual").arg(file.path()).assert().code(1).get_output().clone();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("exists where a folder is needed"), "{error}");
}

#[test]
fn the_version_names_the_instruction_sets() {
    assert_eq!(stdout("-V"), format!("inceptive {}\n", env!("CARGO_PKG_VERSION")));
    let version = stdout("--version");
    let line = version.lines().find_map(|line| line.strip_prefix("instruction sets: ")).unwrap();
    let named: BTreeSet<&str> = line.split(" (").next().unwrap().split(", ").collect();
    // Those that the native engine accepts.
    let isas = ["avx512", "avx2", "neon", "portable"];
    let accepted = isas.into_iter().filter(|isa| {
        let command = format!("run architectures/module-reduced.yaml --isa {isa}");
        inceptive(&command).output().unwrap().status.success()
    });
    assert_eq!(named, accepted.collect());
}
