//! Number formats.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The number format that an engine computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE 754 single precision.
    Fp32,
    /// Single precision with the factors of products rounded to 10 bits of fraction.
    Tf32,
    /// IEEE 754 half precision.
    Fp16,
    /// Brain floating point: 8 bits of exponent, 7 of fraction.
    Bf16,
}

impl Precision {
    /// `fp32`, `tf32`, `fp16` or `bf16`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Fp32, Self::Tf32, Self::Fp16, Self::Bf16];
        let found = all.into_iter().find(|precision| precision.name() == text);
        found.ok_or_else(|| format!("unknown precision `{text}`; use fp32, tf32, fp16 or bf16"))
    }
}
