//! Errors of the words that name inputs.

use std::path::PathBuf;

use inceptive_dsl::MalformedSetting;

/// Why a word names no input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// What follows the file is not settings.
    #[error(transparent)]
    Setting(#[from] MalformedSetting),
    /// A key has two values.
    #[error("`{0}` is set twice")]
    Twice(String),
    /// It is the name of a file, and that of another one with settings. Somebody may have put either there.
    #[error(
        "there is a file with this whole name, and also `{}`, whose settings may be meant; rename one of them", .0.display()
    )]
    Ambiguous(PathBuf),
}
