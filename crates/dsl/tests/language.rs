//! Every example of docs/language.md is compiled.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use inceptive_dsl::{Memory, check, load};

/// A block of the page: the words after `yaml`, and its text.
fn blocks() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/language.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(words) = line.strip_prefix("```yaml") {
            blocks.push((words.trim().to_owned(), String::new()));
            inside = true;
        } else if line == "```" {
            inside = false;
        } else if let (true, Some((_, text))) = (inside, blocks.last_mut()) {
            text.push_str(line);
            text.push('\n');
        }
    }
    blocks
}

/// A network around a list of steps.
fn around(steps: &str) -> String {
    format!("name: Steps\ninput: {{channels: 32, size: 32}}\ntail: []\nbody:\n{steps}")
}

#[test]
fn every_example_compiles() {
    let mut files = Memory::default();
    let mut count = 0;
    for (words, text) in blocks() {
        let mut words = words.split_whitespace();
        let kind = words.next();
        let (path, text) = match kind {
            Some("library") => (words.next().unwrap(), text),
            Some("body") => ("network.yaml", around(&text)),
            _ => ("network.yaml", text),
        };
        files = files.with(path, text.clone());
        match (kind, check(&files, Path::new(path))) {
            (Some("error"), Err(failure)) => {
                let code = words.next().unwrap();
                assert_eq!(failure.diagnostics[0].code.id(), code, "{failure}");
            }
            (Some("error"), Ok(_)) => panic!("this is no mistake:\n{text}"),
            (_, Err(failure)) => panic!("{failure}"),
            (_, Ok(_)) => count += 1,
        }
    }
    assert!(count >= 10, "{count}");
}

/// The page names every built-in step and every key.
#[test]
fn the_page_is_complete() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/language.md");
    let page = std::fs::read_to_string(page).unwrap();
    let schema = inceptive_dsl::json_schema();
    let steps = schema["$defs"]["Step"]["anyOf"][1]["properties"].as_object().unwrap();
    assert!(steps.len() > 50, "{}", steps.len());
    let files = Memory::default().with("n.yaml", "name: x\nnothing: 1\nbody: [relu]\n");
    let failure = load(&files, Path::new("n.yaml"), &[]).unwrap_err();
    let unknown = failure.diagnostics.iter().find(|diagnostic| diagnostic.code.id() == "E101");
    let help = unknown.and_then(|diagnostic| diagnostic.help.clone()).unwrap();
    let keys = help.split_once("keys: ").unwrap().1;
    for word in steps.keys().map(String::as_str).chain(keys.split(", ")) {
        assert!(page.contains(&format!("`{word}`")), "{word} is not on the page");
    }
}
