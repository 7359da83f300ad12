//! Designs whose files are written: the steps that led to them are kept for the next run.

use std::path::Path;

use inceptive_files::disk;

use crate::drafts::Draft;

/// Designs that are remembered.
const MOST: usize = 200;

/// Written designs, the latest last.
#[derive(Debug, Default)]
pub struct KeptDesigns {
    designs: Vec<Draft>,
    version: u64,
}

impl KeptDesigns {
    /// Remembers a design instead of another one of the same file.
    pub(crate) fn keep(&mut self, design: Draft) {
        if self.designs.contains(&design) {
            return;
        }
        self.designs.retain(|known| known.file != design.file);
        self.designs.push(design);
        let more = self.designs.len().saturating_sub(MOST);
        self.designs.drain(..more);
        self.version += 1;
    }

    /// The design that has this text in this file.
    pub(super) fn of(&self, file: &Path, text: &str) -> Option<&Draft> {
        let file = disk::absolute(file).ok()?;
        self.designs.iter().find(|known| known.file == file && known.text == text)
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Draft] {
        &self.designs
    }

    /// Another number whenever any is another.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Gives a file another name, also where designs are made of it.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        let (Ok(from), Ok(to)) = (disk::absolute(from), disk::absolute(to)) else { return };
        for known in &mut self.designs {
            let base = known.design.as_mut().map(|design| &mut design.from);
            for path in [Some(&mut known.file), base].into_iter().flatten() {
                if *path == from {
                    path.clone_from(&to);
                    self.version += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{changes::History, drafts::DraftDesign};

    fn draft(number: usize) -> Draft {
        let design = DraftDesign {
            from: PathBuf::from("/nets/base.yaml"),
            name: "Wide".to_owned(),
            history: History::default(),
        };
        let (file, text) = (format!("/nets/{number}.yaml"), format!("text {number}"));
        Draft { file: file.into(), base: Some(text.clone()), text, design: Some(design) }
    }

    #[test]
    fn the_latest_design_of_each_file_is_kept() {
        let mut kept = KeptDesigns::default();
        (0..MOST + 10).for_each(|number| kept.keep(draft(number)));
        assert_eq!(kept.all().len(), MOST);
        assert!(kept.of(Path::new("/nets/0.yaml"), "text 0").is_none());
        let version = kept.version();
        kept.keep(draft(50));
        assert_eq!(kept.version(), version, "it is known");
        kept.keep(Draft { text: "other".to_owned(), ..draft(50) });
        assert_eq!((kept.all().len(), kept.version()), (MOST, version + 1));
        assert!(kept.of(Path::new("/nets/50.yaml"), "text 50").is_none());
        assert!(kept.of(Path::new("/nets/50.yaml"), "other").is_some());
        kept.rename(Path::new("/nets/50.yaml"), Path::new("/nets/new.yaml"));
        kept.rename(Path::new("/nets/base.yaml"), Path::new("/nets/first.yaml"));
        let found = kept.of(Path::new("/nets/new.yaml"), "other").unwrap();
        assert_eq!(found.design.as_ref().unwrap().from, Path::new("/nets/first.yaml"));
    }
}
