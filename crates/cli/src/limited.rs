//! A limit for what a run prints about its inputs: thousands of broken files or rows would hide everything else.

use std::sync::atomic::{AtomicUsize, Ordering};

use inceptive_format::counted;

/// Maximum number of messages of a kind. Those of the file that exceeds it are still printed.
const MAX_PRINTED: usize = 100;

/// Messages of a kind that this run printed, and those that it left out.
pub struct Messages {
    printed: AtomicUsize,
    omitted: AtomicUsize,
}

/// Errors in files.
pub static ERRORS: Messages = Messages::new();

/// Notes on networks.
pub static NOTES: Messages = Messages::new();

/// Rows of stores that are left out.
pub static ROWS: Messages = Messages::new();

impl Messages {
    const fn new() -> Self {
        Self { printed: AtomicUsize::new(0), omitted: AtomicUsize::new(0) }
    }

    /// Whether to print some more, which are counted either way.
    pub fn admit(&self, count: usize) -> bool {
        let is_admitted = self.printed.load(Ordering::Relaxed) < MAX_PRINTED;
        let counter = if is_admitted { &self.printed } else { &self.omitted };
        counter.fetch_add(count, Ordering::Relaxed);
        is_admitted
    }

    /// How many were left out since this was asked before; `None` for none.
    fn take_omitted(&self) -> Option<usize> {
        Some(self.omitted.swap(0, Ordering::Relaxed)).filter(|&count| count > 0)
    }
}

/// Lines that say how many messages were left out, and how to see them.
pub fn omitted() -> Vec<String> {
    let of_files =
        [(&ERRORS, "error is", "errors are", "errors"), (&NOTES, "note is", "notes are", "notes")];
    let of_files = of_files.into_iter().filter_map(|(messages, one, many, all)| {
        let count = messages.take_omitted()?;
        let more = counted(count, &format!("more {one}"), &format!("more {many}"));
        Some(format!("{more} not shown; run the command on one file to see all of its {all}"))
    });
    let of_rows = ROWS
        .take_omitted()
        .map(|count| format!("{} left out", counted(count, "more row was", "more rows were")));
    of_files.chain(of_rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_files_are_admitted_up_to_the_limit() {
        let messages = Messages::new();
        assert!(messages.admit(MAX_PRINTED - 1) && messages.admit(MAX_PRINTED));
        assert_eq!(messages.take_omitted(), None);
        assert!(!messages.admit(2) && !messages.admit(1));
        assert_eq!((messages.take_omitted(), messages.take_omitted()), (Some(3), None));
    }
}
