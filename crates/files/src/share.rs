//! How locks are held.

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// By one program.
    Alone,
    /// By any number of programs, unless one holds it alone.
    Together,
}
