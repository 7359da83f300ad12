//! The pages of the documentation: what they tell their readers to type works, and their links lead somewhere.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use assert_cmd::Command;

use crate::{inceptive, root, stdout, words};

/// A block of code of a page.
struct Block {
    /// The words after the fence, such as `sh no_run`. Readers do not see those after the first.
    words: String,
    text: String,
}

/// The blocks of code of a page, in order.
fn blocks(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let mut blocks: Vec<Block> = vec![];
    let mut is_inside = false;
    for line in text.lines() {
        match (is_inside, line.strip_prefix("```"), blocks.last_mut()) {
            (false, Some(words), _) => {
                blocks.push(Block { words: words.to_owned(), text: String::new() });
                is_inside = true;
            }
            (true, Some(""), _) => is_inside = false,
            (true, _, Some(block)) => block.text.push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    assert!(!is_inside, "{page}: a block of code does not end");
    blocks
}

/// A folder as the reader of a page has it: with the shipped networks and recipes, and what the page makes.
pub struct ReaderFolder(tempfile::TempDir);

impl ReaderFolder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["architectures", "recipes"] {
            copy(&root().join(name), &folder.path().join(name));
        }
        Self(folder)
    }

    /// `inceptive` with arguments separated by spaces, started in the folder.
    pub fn inceptive(&self, arguments: &str) -> Command {
        let mut command = inceptive(arguments);
        command.current_dir(self.0.path());
        command
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs a script, with `inceptive` on the path; it stops at the first command that fails.
    #[cfg(unix)]
    fn shell(&self, script: &str) {
        let program = Path::new(env!("CARGO_BIN_EXE_inceptive"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            [program.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&path));
        let mut command = Command::new("sh");
        command.current_dir(self.0.path()).env("PATH", std::env::join_paths(folders).unwrap());
        command.args(["-e", "-u", "-c", script]).assert().success();
    }
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// The commands of a `console` block with the output that it shows.
fn examples(block: &str) -> Vec<(&str, String)> {
    let mut examples: Vec<(&str, String)> = vec![];
    for line in block.lines() {
        match (line.strip_prefix("$ inceptive "), examples.last_mut()) {
            (Some(command), _) => examples.push((command, String::new())),
            (None, Some((_, output))) => output.push_str(&format!("{line}\n")),
            (None, None) => panic!("output before the first command: {block}"),
        }
    }
    examples
}

/// Each example prints what the page shows; `...` on a line of its own stands for lines left out.
fn check_output(page: &str, command: &str, expected: &str, folder: &ReaderFolder) {
    let output = folder.inceptive(command).output().unwrap();
    let actual = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let mut rest = actual.as_str();
    for part in expected.split("...\n") {
        let place = rest.find(part.trim_end());
        let place = place.unwrap_or_else(|| panic!("{page}: {command} prints\n{actual}"));
        rest = &rest[place + part.trim_end().len()..];
    }
    let is_complete = expected.trim_end().ends_with("...") || rest.trim().is_empty();
    assert!(is_complete, "{page}: {command} also prints\n{rest}");
}

/// The commands of a script that is not run exist, and have the options that it gives them.
fn check_options(page: &str, script: &str) {
    for line in script.replace("\\\n", " ").lines() {
        let line = line.split(" #").next().unwrap();
        let Some(arguments) = line.strip_prefix("inceptive ") else { continue };
        let mut words = words(arguments).into_iter().peekable();
        let mut command = words.next().unwrap().to_owned();
        let mut help = stdout(&format!("{command} --help"));
        if help.contains("\nCommands:\n") {
            command = format!("{command} {}", words.next().unwrap());
            help = stdout(&format!("{command} --help"));
        }
        for option in words.filter(|word| word.starts_with("--")) {
            let option = option.split('=').next().unwrap();
            let is_known =
                help.lines().any(|line| line.split([' ', ',']).any(|word| word == option));
            assert!(is_known, "{page}: `inceptive {command}` has no {option}: {line}");
        }
    }
}

/// Follows a page as its reader does: saves the files that it shows, and types its commands. Blocks that take minutes, or
/// need what has to be downloaded, are marked `no_run`; of their commands only the options are checked.
fn follow(page: &str) {
    let folder = ReaderFolder::new();
    for block in blocks(page) {
        match block.words.split(' ').collect::<Vec<_>>()[..] {
            ["console"] => {
                for (command, output) in examples(&block.text) {
                    check_output(page, command, &output, &folder);
                }
            }
            ["sh", "no_run"] => check_options(page, &block.text),
            #[cfg(unix)]
            ["sh"] => folder.shell(&block.text),
            ["yaml", "file", name] => {
                folder.write(name, &block.text);
                folder.inceptive(&format!("check {name}")).assert().success();
            }
            _ => {}
        }
    }
}

#[test]
fn the_readme_can_be_followed() {
    follow("README.md");
}

#[test]
fn the_tutorial_can_be_followed() {
    follow("docs/tutorial.md");
}

#[test]
fn the_other_pages_can_be_followed() {
    let pages = pages("docs").into_iter().filter(|page| page != "docs/tutorial.md");
    pages.for_each(|page| follow(&page));
}

/// The pages in a folder of the repository and in the folders in it, in order.
fn pages(folder: &str) -> Vec<String> {
    let mut pages = vec![];
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            pages.extend(self::pages(&name));
        } else if name.ends_with(".md") {
            pages.push(name);
        }
    }
    pages.sort();
    pages
}

/// The text of a page without its code.
fn prose(page: &str) -> String {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let mut is_inside = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        is_inside ^= is_fence;
        !is_inside && !is_fence
    });
    // Every second part of a line is between backquotes.
    lines.map(|line| line.split('`').step_by(2).collect::<String>() + "\n").collect()
}

/// What a page links to, pictures too.
fn targets(page: &str) -> Vec<String> {
    let prose = prose(page);
    let starts = ["](", "href=\"", "src=\""];
    let found = starts.iter().flat_map(|start| prose.split(start).skip(1));
    found.map(|rest| rest.split([')', '"', '>']).next().unwrap().to_owned()).collect()
}

/// The anchors of a page: its headings, as GitHub and mdBook name them.
fn anchors(page: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let mut is_inside = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        is_inside ^= line.starts_with("```");
        let title = line.trim_start_matches('#');
        if is_inside || !line.starts_with('#') || !title.starts_with(' ') {
            continue;
        }
        let letters = title
            .trim()
            .chars()
            .filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
        let anchor: String = letters.collect::<String>().to_lowercase().replace(' ', "-");
        let repeated = (1..).map(|count| format!("{anchor}-{count}"));
        let free =
            [anchor.clone()].into_iter().chain(repeated).find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

#[test]
fn links_lead_somewhere() {
    let root_pages = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let root_pages = root_pages.filter(|name| name.ends_with(".md"));
    let mut count = 0;
    let mut broken = vec![];
    for page in root_pages.chain(pages("docs")) {
        for target in targets(&page).iter().filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let beside = Path::new(&page).parent().unwrap().join(file);
            let file = if file.is_empty() { PathBuf::from(&page) } else { beside };
            let exists = root().join(&file).exists();
            let leads =
                anchor.is_empty() || (exists && anchors(file.to_str().unwrap()).contains(anchor));
            if !exists || !leads {
                broken.push(format!("{page}: {target}"));
            }
            count += 1;
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(count > 100, "{count}");
}

/// The names of the pictures in a folder.
fn pictures(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".png")).collect()
}

/// Every screen is shown in both themes.
#[test]
fn screens_are_shown_in_both_themes() {
    let folder = "docs/pictures/dashboard";
    let light = pictures(folder);
    assert_eq!(light, pictures(&format!("{folder}/dark")));
    let shown: BTreeSet<String> = targets("docs/screens.md").into_iter().collect();
    for name in light {
        for file in
            [format!("pictures/dashboard/{name}"), format!("pictures/dashboard/dark/{name}")]
        {
            assert!(shown.contains(&file), "docs/screens.md does not show {file}");
        }
    }
}

/// The book has a chapter for every page.
#[test]
fn the_summary_is_complete() {
    let chapters: BTreeSet<String> =
        targets("docs/SUMMARY.md").iter().map(|target| format!("docs/{target}")).collect();
    let pages = pages("docs").into_iter().filter(|page| page != "docs/SUMMARY.md");
    assert_eq!(chapters, pages.collect());
}
