//! Which networks fit a data set.

use std::sync::Arc;

use inceptive_app::{Inspected, Request};
use inceptive_data::DataName;
use inceptive_dsl::Setting;
use inceptive_train::settings_to_fit;

use crate::{
    file::FilePath,
    model::{Entry, Model},
};

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
