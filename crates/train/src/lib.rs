//! Training networks.
//!
//! A [`Recipe`] says how a network is trained; it is read from a YAML file that `docs/recipes.md` describes. This crate
//! defines no layers and prints nothing.

pub mod recipe;

pub use recipe::Recipe;
