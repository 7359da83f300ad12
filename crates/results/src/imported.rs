//! Results that others found out, or that were found with other programs.

use serde::{Deserialize, Serialize};

use crate::record::{Record, Run};

/// Maximum number of characters of a text.
const MAX_TEXT: usize = 1000;

/// Number of characters of a graph's fingerprint.
const FINGERPRINT_LENGTH: usize = 32;

/// What identifies a network for imported results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkNames {
    /// The name of its file without the extension; none of a point of a space, whose file has many.
    pub stem: Option<String>,
    /// Its title.
    pub title: String,
    /// The fingerprint of its inference graph.
    pub fingerprint: String,
    /// The fingerprint of its training graph, with dropout and auxiliary heads.
    pub training_fingerprint: String,
}

impl NetworkNames {
    /// What a table may call it.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let names = [self.stem.as_deref(), Some(&*self.title), Some(&*self.fingerprint)];
        names.into_iter().flatten()
    }
}

/// The accuracy or latency of a network by its user's own table. Accuracies are in percent. It is shown as it was given,
/// and never compared with what this program measures or trains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportedResult {
    /// The network: the name of its file without the extension, its title, or its fingerprint.
    pub network: String,
    /// The fingerprint of the training graph of the network that had this name when the table was imported. The result
    /// is of this graph only, whatever its name is now. Without it, the result is of every network with the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The data set that it was tested on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Top-1 accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top1: Option<f64>,
    /// Top-5 accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<f64>,
    /// Milliseconds for one image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Where it comes from.
    pub source: String,
    /// What else a reader should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl ImportedResult {
    /// Whether it is of a network: by its fingerprint if it has one, else by its name.
    pub fn is_of(&self, network: &NetworkNames) -> bool {
        match &self.fingerprint {
            Some(fingerprint) => *fingerprint == network.training_fingerprint,
            None => network.all().any(|name| name == self.network),
        }
    }
}

impl Record for ImportedResult {
    const TABLE: &'static str = "imported_result";
    const NAME: &'static str = "imported result";
    const PLURAL: &'static str = "imported results";
    const IS_OURS: bool = false;
    const IS_SHOWN: bool = true;

    type Key<'r> = (&'r str, Option<&'r str>, &'r str);

    fn key(&self) -> Self::Key<'_> {
        (&self.network, self.dataset.as_deref(), &self.source)
    }

    fn run(&self) -> Option<Run<'_>> {
        None
    }

    fn check(&self) -> Result<(), String> {
        let percent = |name: &str, value: Option<f64>| match value {
            Some(value) if !(0.0..=100.0).contains(&value) => {
                Err(format!("{name} is {value}, not a percentage from 0 to 100"))
            }
            _ => Ok(()),
        };
        percent("top1", self.top1)?;
        percent("top5", self.top5)?;
        if let (Some(top1), Some(top5)) = (self.top1, self.top5)
            && top1 > top5
        {
            return Err(format!("top1 is {top1}, above top5, {top5}"));
        }
        if let Some(latency) = self.latency_ms
            && !(latency.is_finite() && latency > 0.0)
        {
            return Err(format!("latency_ms is {latency}, not above 0"));
        }
        if [self.top1, self.top5, self.latency_ms].iter().all(Option::is_none) {
            return Err("it has no top1, top5 or latency_ms".to_owned());
        }
        if self.network.trim().is_empty() {
            return Err("it names no network".to_owned());
        }
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_fingerprint =
            |text: &String| text.len() == FINGERPRINT_LENGTH && text.bytes().all(is_hex);
        if let Some(text) = self.fingerprint.as_ref().filter(|text| !is_fingerprint(text)) {
            return Err(format!(
                "fingerprint is {text}, not {FINGERPRINT_LENGTH} digits of 0 to 9 and a to f"
            ));
        }
        let texts =
            [Some(&self.network), self.dataset.as_ref(), Some(&self.source), self.note.as_ref()];
        match texts.into_iter().flatten().any(|text| text.chars().count() > MAX_TEXT) {
            true => Err(format!("a text has more than {MAX_TEXT} characters")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> ImportedResult {
        ImportedResult {
            network: "googlenet".to_owned(),
            fingerprint: None,
            dataset: Some("my images".to_owned()),
            top1: Some(91.5),
            top5: None,
            latency_ms: Some(3.2),
            source: "own.csv".to_owned(),
            note: None,
        }
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        assert_eq!(result().check(), Ok(()));
        let wrong: [fn(&mut ImportedResult); 7] = [
            |it| it.top1 = Some(100.5),
            |it| it.top5 = Some(f64::NAN),
            |it| it.latency_ms = Some(0.0),
            |it| it.latency_ms = Some(f64::INFINITY),
            |it| (it.top1, it.latency_ms) = (None, None),
            |it| it.network = " ".to_owned(),
            |it| it.fingerprint = Some("dbce".to_owned()),
        ];
        for change in wrong {
            let mut it = result();
            change(&mut it);
            assert!(it.check().is_err(), "{it:?}");
        }
    }

    fn network(stem: &str, title: &str, fingerprint: &str) -> NetworkNames {
        NetworkNames {
            stem: Some(stem.to_owned()),
            title: title.to_owned(),
            fingerprint: fingerprint.to_owned(),
            training_fingerprint: format!("{fingerprint} in training"),
        }
    }

    #[test]
    fn it_is_of_a_network_by_file_title_or_fingerprint() {
        for name in ["googlenet", "GoogLeNet", "dbce"] {
            let it = ImportedResult { network: name.to_owned(), ..result() };
            assert!(it.is_of(&network("googlenet", "GoogLeNet", "dbce")));
            let other = network("googlenet-bn", "GoogLeNet with batch normalisation", "6f");
            assert!(!it.is_of(&other));
        }
    }

    #[test]
    fn with_a_fingerprint_it_follows_its_network_to_another_name() {
        let fingerprint = Some("dbce in training".to_owned());
        let it = ImportedResult { fingerprint, ..result() };
        assert!(it.is_of(&network("renamed", "Renamed", "dbce")));
        assert!(!it.is_of(&network("googlenet", "GoogLeNet", "6f")));
    }
}
