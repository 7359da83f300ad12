//! The trainers by name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What computes the steps of a training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrainerName {
    /// The native engine.
    #[default]
    Native,
    /// PyTorch, in a process of its own.
    PyTorch,
}

impl TrainerName {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Native, Self::PyTorch];

    /// `native` or `pytorch`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::PyTorch => "pytorch",
        }
    }
}

impl fmt::Display for TrainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TrainerName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|trainer| trainer.name() == text);
        found.ok_or_else(|| format!("unknown trainer `{text}`; use native or pytorch"))
    }
}
