//! Recipes that come with the program.

use std::{
    io,
    path::{Path, PathBuf},
};

use inceptive_dsl::{Failure, Files, Setting, Sources};

use super::Recipe;

/// The recipes of `recipes/`: names and texts, from the shortest to the longest. These are copies, because a package holds
/// only files of its own folder.
const SHIPPED: [(&str, &str); 3] = [
    ("quick", include_str!("shipped/quick.yaml")),
    ("standard", include_str!("shipped/standard.yaml")),
    ("full", include_str!("shipped/full.yaml")),
];

/// The names of the recipes that come with the program, from the shortest to the longest.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// The text of a recipe that comes with the program.
pub fn shipped_text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

impl Recipe {
    /// A recipe that comes with the program, with settings. `None` if none has this name.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn load_shipped(
        name: &str,
        settings: &[Setting],
    ) -> Option<Result<(Self, Sources), Failure>> {
        let file = PathBuf::from(format!("{name}.yaml"));
        text(&file)?;
        Some(Self::load(&Shipped, &file, settings))
    }
}

/// The files of the recipes that come with the program.
struct Shipped;

fn text(path: &Path) -> Option<&'static str> {
    let name = path.to_str()?.strip_suffix(".yaml")?;
    shipped_text(name)
}

impl Files for Shipped {
    fn read(&self, path: &Path, _limit: u64) -> io::Result<Vec<u8>> {
        let text = text(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.as_bytes().to_vec())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        text(path).map(|_| path.to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn working_folder(&self) -> Option<PathBuf> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn they_are_the_files_of_the_folder() {
        for name in shipped() {
            let (own, _) = Recipe::load_shipped(name, &[]).unwrap().unwrap();
            assert_eq!(own.name, name);
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
            let file = fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap();
            assert_eq!(shipped_text(name), Some(file.as_str()), "copy it to src/recipe/shipped");
        }
        assert!(Recipe::load_shipped("none", &[]).is_none());
    }
}
