//! What came of importing tables of the user's own results.

use inceptive_app::Imported;
use inceptive_format::counted;

use super::{Message, Model};
use crate::{
    command::{Command, Commands},
    file::file_name,
    jobs::ImportReading,
};

/// Networks that a message names.
const MOST_NAMED: usize = 5;

impl Model {
    /// Says what was imported, and which of it is of no network of the list.
    pub(super) fn imported(&mut self, reading: ImportReading, commands: &mut Commands) {
        let ImportReading { table, has_dialog, result } = reading;
        match result {
            Ok(imported) => {
                self.messages.push(described(&file_name(&table), &imported));
                commands.push(Command::Start(self.read_results()));
            }
            Err(problem) if has_dialog => self.import_problem = Some(problem),
            Err(problem) => self.messages.push(Message::Problem(problem)),
        }
    }
}

/// What was added, in one message.
fn described(table: &str, imported: &Imported) -> Message {
    let Imported { rows, added, unknown_rows, unknown } = imported;
    let mut text = match (*added, *rows - *added) {
        (0, _) => format!("{table}: nothing new in {}", counted(*rows, "row", "rows")),
        (added, known) => {
            let mut text = format!("{table}: {} imported", counted(added, "row", "rows"));
            if known > 0 {
                text.push_str(&format!(", {known} known already"));
            }
            text
        }
    };
    if *unknown_rows == 0 {
        return Message::Done(text);
    }
    let names: Vec<&str> = unknown.iter().map(String::as_str).take(MOST_NAMED).collect();
    let more = match unknown.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let rows = counted(*unknown_rows, "row names", "rows name");
    text.push_str(&format!("; {rows} no network of the list: {}{more}", names.join(", ")));
    Message::Problem(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_says_what_was_added_and_what_is_of_no_network() {
        let said = |rows, added, unknown: &[&str]| {
            let unknown_rows = unknown.len();
            let unknown = unknown.iter().map(|&name| name.to_owned()).collect();
            described("own.csv", &Imported { rows, added, unknown_rows, unknown })
        };
        let done = |text: &str| Message::Done(text.to_owned());
        assert_eq!(said(1, 1, &[]), done("own.csv: 1 row imported"));
        assert_eq!(said(3, 2, &[]), done("own.csv: 2 rows imported, 1 known already"));
        assert_eq!(said(3, 0, &[]), done("own.csv: nothing new in 3 rows"));
        let text = "own.csv: 4 rows imported; 1 row names no network of the list: other";
        assert_eq!(said(4, 4, &["other"]), Message::Problem(text.to_owned()));
    }
}
