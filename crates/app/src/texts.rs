//! The texts of the networks of a report, for the dashboard in a browser.

use std::path::{Component, Path, PathBuf};

use inceptive_dsl::{Disk, Loaded, Setting, Space, describe, variant};
use inceptive_files::disk;
use inceptive_report::Networks;

use crate::network::is_onnx;

/// The largest text of a file of a space.
const MAX_BYTES: u64 = inceptive_files::MIB;

/// Collects texts. Reports are published: a text is only taken if its file is in the folder of the input, so that a network
/// cannot put a file from elsewhere into one.
pub(crate) struct Texts<'a> {
    found: &'a mut Networks,
    /// The folder of the input, without links; `None` if no text is taken.
    folder: Option<&'a Path>,
}

impl<'a> Texts<'a> {
    /// Adds to what was found.
    pub fn new(found: &'a mut Networks, folder: Option<&'a Path>) -> Self {
        Self { found, folder }
    }

    /// Adds a network whose file may be in any of these folders.
    pub fn in_one_of(
        folders: &[PathBuf],
        found: &mut Networks,
        loaded: &Loaded,
        file: &Path,
        settings: &[Setting],
    ) {
        let before = found.networks.len();
        for folder in folders {
            if found.networks.len() == before {
                Texts::new(found, Some(folder)).network(loaded, file, settings);
            }
        }
    }

    /// Adds a network: its file and those that it refers to. A network with settings is a file of its own that extends them;
    /// that of an ONNX file is one that says the same.
    pub fn network(&mut self, loaded: &Loaded, file: &Path, settings: &[Setting]) {
        if is_onnx(file) {
            if let Ok(described) = describe(&loaded.architecture.graph, &loaded.architecture.name) {
                self.new_file(file, described.yaml);
            }
            return;
        }
        let sources: Option<Vec<(String, String)>> = loaded
            .sources
            .iter()
            .filter(|source| disk::is_file(&source.path))
            .map(|source| Some((self.published(&source.path)?, source.text.to_string())))
            .collect();
        let Some(sources) = sources else { return };
        if settings.is_empty() {
            let Some((own, _)) = sources.first() else { return };
            self.found.networks.push(own.clone());
            self.found.files.extend(sources);
            return;
        }
        let point = settings.iter().map(|setting| format!("{}={}", setting.key, setting.value));
        let name = format!("{} {}", loaded.architecture.name, point.collect::<Vec<_>>().join(" "));
        if let Ok(variant) = variant(&Disk, file, settings, &name) {
            self.found.files.extend(sources);
            self.new_file(&variant.folder.join(&variant.extends), variant.yaml);
        }
    }

    /// Adds the files of a space.
    pub fn space(&mut self, space: &Space) {
        let text = |file: &PathBuf| {
            let published = self.published(file)?;
            Some((published, inceptive_files::read_text(file, MAX_BYTES).ok()?))
        };
        let files: Option<Vec<(String, String)>> = space.files.iter().map(text).collect();
        self.found.files.extend(files.into_iter().flatten());
    }

    /// Adds a text that is in no file, beside a file.
    fn new_file(&mut self, beside: &Path, text: String) {
        let Some(beside) = self.published(beside) else { return };
        let stem = Path::new(&beside).with_extension("").to_string_lossy().into_owned();
        let mut names = (1_u32..).map(|number| format!("{stem}-{number}.yaml"));
        if let Some(name) = names.find(|name| !self.found.files.contains_key(name)) {
            self.found.networks.push(name.clone());
            self.found.files.insert(name, text);
        }
    }

    /// The path of a file as it is published; `None` if it is not.
    fn published(&self, file: &Path) -> Option<String> {
        let folder = self.folder?;
        if !disk::canonicalize(file).ok()?.starts_with(folder) {
            return None;
        }
        let mut path = Vec::new();
        for component in file.components() {
            match component {
                Component::Normal(name) => path.push(name.to_str()?),
                Component::CurDir => {}
                Component::ParentDir => drop(path.pop()?),
                Component::Prefix(_) | Component::RootDir => return self.inside(file),
            }
        }
        Some(path.join("/"))
    }

    /// The path in the folder of the input of a file with an absolute path, which says nothing of where that is.
    fn inside(&self, file: &Path) -> Option<String> {
        let whole = disk::canonicalize(file).ok()?;
        let inside = whole.strip_prefix(self.folder?).ok()?;
        let parts: Option<Vec<&str>> = inside.iter().map(|part| part.to_str()).collect();
        parts.map(|parts| parts.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::network::read;

    const TINY: &str = "name: Tiny\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - conv stem: {kernel: 3, width: 4}\ntail: gap\n";

    #[test]
    fn texts_of_the_folder_are_taken_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let whole = fs::canonicalize(folder.path()).unwrap();
        let nets = whole.join("nets");
        fs::create_dir(&nets).unwrap();
        let path = |name: &str| nets.join(name);
        fs::write(path("tiny.yaml"), TINY).unwrap();
        fs::write(whole.join("private.yaml"), TINY).unwrap();
        let extends =
            |base: &str| format!("name: Wide\nextends: {base}\nset:\n  stem: {{width: 8}}\n");
        fs::write(path("wide.yaml"), extends("tiny.yaml")).unwrap();

        let mut found = Networks::default();
        let mut add = |file: PathBuf, settings: &[Setting]| {
            let loaded = read(&file, settings).unwrap();
            Texts::new(&mut found, Some(&nets)).network(&loaded, &file, settings);
        };
        add(path("wide.yaml"), &[]);
        add(whole.join("private.yaml"), &[]);
        add(path("tiny.yaml"), &["stem.width=16".parse().unwrap()]);
        assert_eq!(found.networks, ["wide.yaml", "tiny-1.yaml"]);
        let names: Vec<&str> = found.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["tiny-1.yaml", "tiny.yaml", "wide.yaml"]);
        assert_eq!(found.files["tiny.yaml"], TINY);
        assert!(found.files["tiny-1.yaml"].contains("extends: tiny.yaml"));
    }
}
