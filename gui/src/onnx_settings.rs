//! How ONNX files are read that cannot be read as they are.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use inceptive_app::{CUT, INPUT_SIZE};
use inceptive_dsl::Setting;
use inceptive_files::disk;
use serde::{Deserialize, Serialize};

/// What the user set of an ONNX file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OnnxSettings {
    /// The size of the input, as it was typed; empty if it is that of the file.
    pub input_size: String,
    /// Whether the file is read up to what is not supported.
    pub cut: bool,
}

impl OnnxSettings {
    /// The settings with which the file is read.
    pub fn settings(&self) -> Vec<Setting> {
        let set = |key: &str, value: &str| Setting { key: key.to_owned(), value: value.to_owned() };
        let size = (!self.input_size.is_empty()).then(|| set(INPUT_SIZE, &self.input_size));
        size.into_iter().chain(self.cut.then(|| set(CUT, "true"))).collect()
    }
}

/// What was set of each file, by its whole path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllOnnxSettings(BTreeMap<PathBuf, OnnxSettings>);

impl AllOnnxSettings {
    /// What was set of a file.
    pub fn of(&self, file: &Path) -> OnnxSettings {
        disk::absolute(file).ok().and_then(|file| self.0.get(&file).cloned()).unwrap_or_default()
    }

    /// Remembers what is set of a file.
    pub(crate) fn set(&mut self, file: &Path, settings: OnnxSettings) {
        let Ok(file) = disk::absolute(file) else { return };
        match settings == OnnxSettings::default() {
            true => drop(self.0.remove(&file)),
            false => drop(self.0.insert(file, settings)),
        }
    }

    /// Gives a file another name.
    pub(crate) fn rename(&mut self, from: &Path, to: &Path) {
        let settings = self.of(from);
        self.forget(from);
        self.set(to, settings);
    }

    /// Forgets a file.
    pub(crate) fn forget(&mut self, file: &Path) {
        self.set(file, OnnxSettings::default());
    }
}

#[cfg(test)]
mod tests {
    use std::path::absolute;

    use super::*;

    #[test]
    fn what_is_set_follows_its_file() {
        let mut all = AllOnnxSettings::default();
        let set = OnnxSettings { input_size: "64".to_owned(), cut: true };
        let [from, to] = ["a.onnx", "/nets/b.onnx"].map(Path::new);
        all.set(from, set.clone());
        assert_eq!(all.of(&absolute(from).unwrap()), set);
        all.rename(from, to);
        assert_eq!((all.of(from), all.of(to)), (OnnxSettings::default(), set.clone()));
        let words: Vec<String> =
            set.settings().iter().map(|set| format!("{}={}", set.key, set.value)).collect();
        assert_eq!(words, ["input.size=64", "cut=true"]);
        all.forget(to);
        assert_eq!(all, AllOnnxSettings::default());
        assert!(OnnxSettings::default().settings().is_empty());
    }
}
