//! Which networks fit a data set.

use std::sync::Arc;

use inceptive_app::{Inspected, Request, error_chain};
use inceptive_data::DataName;
use inceptive_dsl::Setting;
use inceptive_train::settings_to_fit;

use crate::{
    file::FilePath,
    jobs::TrainingChoices,
    model::{Entry, Model},
};

/// What is known of a data set before it is read.
pub(super) enum Data {
    /// Probably available; its description.
    There(DataName, String),
    /// Not downloaded yet; the download command.
    Absent(String),
    /// Its name is invalid; the error.
    Wrong(String),
}

impl Data {
    /// Looks up a data set by its name.
    pub fn named(text: &str, choices: Option<&TrainingChoices>) -> Self {
        let name: DataName = match text.trim().parse() {
            Ok(name) => name,
            Err(error) => return Self::Wrong(error_chain(&error)),
        };
        let known = name.known().filter(|_| name.path().is_none());
        let state =
            known.and_then(|set| choices?.sets.iter().find(|state| state.set.name == set.name));
        let Some(state) = state else {
            let place = match name.path() {
                Some(path) => format!("in {}", path.display()),
                None if known.is_some() => "searching".to_owned(),
                None => "generated".to_owned(),
            };
            let text = format!("{}{place}", images(&name));
            return Self::There(name, text);
        };
        let set = state.set;
        match &state.folder {
            Some(folder) => {
                let text = format!("{}in {}", images(&name), folder.display());
                Self::There(name, text)
            }
            None => Self::Absent(format!(
                "{} is not on this machine: `inceptive data get {}` downloads it ({} MB)",
                set.title,
                set.name,
                set.download_bytes().div_ceil(1_000_000)
            )),
        }
    }
}

fn images(name: &DataName) -> String {
    let shape =
        name.shape().map(|it| format!("{}x{}x{} images, ", it.channels, it.height, it.width));
    let classes = name.classes().map(|classes| format!("{} classes, ", classes.len()));
    shape.unwrap_or_default() + &classes.unwrap_or_default()
}

/// A network that may be trained.
pub(super) struct Candidate<'a> {
    entry: &'a Entry,
    network: &'a Arc<Inspected>,
    /// The settings that make it fit the data set.
    pub settings: Vec<Setting>,
}

/// All networks of the list, or the selected ones.
pub(super) fn candidates<'a>(
    model: &'a Model,
    takes_all: bool,
    data: Option<&DataName>,
) -> Vec<Candidate<'a>> {
    let networks: Vec<(&Entry, &Arc<Inspected>)> = match takes_all {
        true => model.networks().collect(),
        false => {
            model.selected().filter_map(|entry| Some((entry, entry.network.as_ref()?))).collect()
        }
    };
    let (shape, classes) = data.map_or((None, None), |data| (data.shape(), data.classes()));
    let candidate = |(entry, network): (&'a Entry, &'a Arc<Inspected>)| {
        let graph = &network.architecture.graph;
        let settings = settings_to_fit(graph, shape, classes.map(<[&str]>::len));
        Candidate { entry, network, settings }
    };
    networks.into_iter().map(candidate).collect()
}

impl Candidate<'_> {
    /// Whether it fits without settings.
    pub const fn fits(&self) -> bool {
        self.settings.is_empty()
    }

    pub fn name(&self) -> &str {
        &self.network.architecture.name
    }

    /// The network to train, with its settings.
    pub fn request(&self) -> Request {
        let mut request = self.entry.named();
        request.settings.extend(self.settings.iter().cloned());
        request
    }

    /// Its file, if that has to be written before.
    pub fn to_save(&self) -> Option<FilePath> {
        self.entry.request().is_none().then(|| Arc::clone(&self.entry.file))
    }

    /// The settings that it needs: `GoogLeNet needs input.size=28, classes=10`.
    pub fn need(&self) -> String {
        let each = self.settings.iter().map(|Setting { key, value }| format!("{key}={value}"));
        format!("{} needs {}", self.name(), each.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use inceptive_data::CATALOG;

    use super::*;
    use crate::jobs::DataSetState;

    #[test]
    fn data_that_is_missing_comes_with_the_command_that_gets_it() {
        let choices = TrainingChoices {
            sets: CATALOG
                .iter()
                .map(|set| DataSetState {
                    set,
                    folder: (set.name == "mnist").then(|| PathBuf::from("/data/mnist")),
                })
                .collect(),
            recipes: vec![],
        };
        for (text, told) in [
            ("mnist", "1x28x28 images, 10 classes, in /data/mnist"),
            ("cifar10", "`inceptive data get cifar10` downloads it (171 MB)"),
            ("cifar10=/mine", "3x32x32 images, 10 classes, in /mine"),
            (" shapes:size=16 ", "1x16x16 images, 10 classes, generated"),
            ("folder:size=32=pictures", "3x32x32 images, in pictures"),
            ("npz", "`npz` needs a path"),
            ("cifar", "unknown data set `cifar`"),
            ("", "unknown data set"),
        ] {
            let data = Data::named(text, Some(&choices));
            let (Data::There(_, said) | Data::Absent(said) | Data::Wrong(said)) = data;
            assert!(said.contains(told), "{text}: {said}");
        }
        assert!(matches!(Data::named("cifar10", None), Data::There(..)), "nothing is known yet");
    }
}
