//! Scores of untrained networks.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::plausible::is_correlation;

/// A score of an untrained network that may rank networks as their accuracies do (zero-cost proxies: Abdelfattah et al. 2021).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyScore {
    /// How differently the ReLUs of a network respond to different images (Mellor et al. 2021, *Neural Architecture Search without
    /// Training*, equation 2).
    Naswot,
    /// What all paths through a network carry together, each counted once for each of its layers (Tanaka et al. 2020, *Pruning
    /// neural networks without any data by iteratively conserving synaptic flow*, equation 2).
    Synflow,
}

impl ProxyScore {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Naswot, Self::Synflow];

    /// Its name in options and files.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Naswot => "naswot",
            Self::Synflow => "synflow",
        }
    }

    /// Its name in sentences.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Naswot => "NASWOT",
            Self::Synflow => "SynFlow",
        }
    }
}

/// No score has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no score `{0}`; scores are naswot and synflow")]
pub struct UnknownProxyScore(String);

impl FromStr for ProxyScore {
    type Err = UnknownProxyScore;

    fn from_str(text: &str) -> Result<Self, UnknownProxyScore> {
        let found = Self::ALL.into_iter().find(|score| score.id() == text);
        found.ok_or_else(|| UnknownProxyScore(text.to_owned()))
    }
}

/// How well a score alone ranks networks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreJudgement {
    /// The score.
    pub score: ProxyScore,
    /// Its rank correlation with the accuracies.
    pub correlation: f64,
    /// The same among the best tenth.
    pub among_best: Option<f64>,
}

impl ScoreJudgement {
    /// Whether its numbers are possible.
    ///
    /// # Errors
    /// With the reason if not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let values = [Some(self.correlation), self.among_best];
        values.into_iter().flatten().try_for_each(|value| is_correlation(self.score.id(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for score in ProxyScore::ALL {
            assert_eq!(score.id().parse(), Ok(score));
            assert_eq!(serde_json::to_value(score).unwrap(), score.id());
        }
        let error = "NASWOT".parse::<ProxyScore>().unwrap_err();
        assert_eq!(error.to_string(), "there is no score `NASWOT`; scores are naswot and synflow");
    }
}
