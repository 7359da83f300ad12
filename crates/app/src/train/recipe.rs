//! Recipes by their names.

use std::path::{Path, PathBuf};

use inceptive_dsl::{Disk, Setting};
use inceptive_files::leads_out;
use inceptive_train::{Recipe, recipe::shipped};

use crate::{error::TaskError, network::ReadError};

/// Reads a recipe: a file, or a recipe by its name, from the folder `recipes` in the working folder or else a built-in one.
///
/// # Errors
/// When there is no such recipe, or it is invalid.
pub fn read_recipe(name: &str, settings: &[Setting]) -> Result<Recipe, TaskError> {
    load_recipe(name, settings).map(|(recipe, _)| recipe)
}

/// The files of a recipe, its own first; none for a built-in recipe.
///
/// # Errors
/// As [`read_recipe`].
pub(crate) fn recipe_files(name: &str, settings: &[Setting]) -> Result<Vec<PathBuf>, TaskError> {
    load_recipe(name, settings).map(|(_, files)| files)
}

/// The file that a recipe is named by, if its name is that of a file.
pub(crate) fn recipe_file(name: &str) -> Option<PathBuf> {
    name.contains(['/', '\\', '.']).then(|| PathBuf::from(name))
}

/// The file that is read, where it exists, in place of a recipe of the program.
pub(crate) fn shipped_recipe_file(name: &str) -> Option<PathBuf> {
    recipe_file(name).is_none().then(|| PathBuf::from(format!("recipes/{name}.yaml")))
}

/// Reads a recipe; also returns its files: none for a built-in recipe.
pub(super) fn load_recipe(
    name: &str,
    settings: &[Setting],
) -> Result<(Recipe, Vec<PathBuf>), TaskError> {
    let named = recipe_file(name).or_else(|| shipped_recipe_file(name).filter(|it| it.exists()));
    let wrong = |failure| TaskError::from(ReadError::Yaml(failure));
    if let Some(file) = named {
        let read = Recipe::load(&Disk, &file, settings);
        let (recipe, sources) = read.map_err(|failure| match leads_out(&file) {
            true => ReadError::Link(file).into(),
            false => wrong(failure),
        })?;
        return Ok((recipe, sources.paths().map(Path::to_owned).collect()));
    }
    match Recipe::load_shipped(name, settings) {
        Some(read) => read.map(|(recipe, _)| (recipe, Vec::new())).map_err(wrong),
        None => {
            let known = shipped().collect::<Vec<_>>().join(", ");
            Err(TaskError::NoRecipe { name: name.to_owned(), known })
        }
    }
}
