//! The field that filters networks: words of their names, or a condition such as `macs < 2G and trained_top1 > 90`.

use egui::{Label, Response, RichText, Role, TextEdit, Ui, WidgetInfo};
use inceptive_dsl::Filter;
use inceptive_format::counted;

use super::{
    cloud::CloudView,
    data::{Data, Named},
    look::{PlotSettings, Shown},
    rows::Rows,
};
use crate::{panels::stay_on_enter, theme::colors};

/// What the filter depends on: its text, the networks, the space, and which are wanted.
type Key = (String, u64, Option<usize>, Shown, Option<u64>);

/// Which networks the filter lets through; kept while nothing of it changes.
#[derive(Default)]
pub struct Filtering {
    key: Option<Key>,
    /// Why the text is no condition.
    problem: Option<String>,
    /// Which values of the condition are not known.
    unknown: Vec<String>,
    /// Whether each network of the space is let through; all are without it.
    points: Option<Vec<bool>>,
    /// Another number whenever anything is another.
    pub version: u64,
}

impl Filtering {
    /// Filters again if something changed.
    pub fn update(&mut self, look: &PlotSettings, rows: &mut Rows, cloud: Option<&CloudView>) {
        let cloud_id = cloud.map(|view| std::sync::Arc::as_ptr(view.cloud()) as usize);
        let key = (look.filter.clone(), rows.key, cloud_id, look.shown, rows.runs_of());
        if self.key.as_ref() == Some(&key) {
            return;
        }
        let version = self.version + 1;
        *self = Self { key: Some(key), version, ..Self::default() };
        let data = Data { rows, cloud };
        let count = rows.rows.len();
        let mut passes = match is_condition(&look.filter) {
            true => self.by_condition(&look.filter, data),
            false => by_words(&look.filter, data),
        };
        let points = data.points();
        self.points = passes.as_mut().map(|passes| passes.split_off(count));
        let of_runs = self.points.as_mut().map(|passes| passes.split_off(points));
        for (at, run) in rows.runs.iter_mut().enumerate() {
            run.is_shown = of_runs.as_ref().is_none_or(|passes| passes[at]);
        }
        let shows_list = look.shown != Shown::Space || cloud.is_none();
        for (at, row) in rows.rows.iter_mut().enumerate() {
            row.is_shown = shows_list && passes.as_ref().is_none_or(|passes| passes[at]);
        }
    }

    /// Which rows a condition keeps; all if it is wrong.
    fn by_condition(&mut self, text: &str, data: Data<'_>) -> Option<Vec<bool>> {
        let named = Named { data, columns: data.columns() };
        let filter = match Filter::new(text, &named.names()) {
            Ok(filter) => filter,
            Err(problem) => {
                self.problem = Some(problem);
                return None;
            }
        };
        for &column in filter.columns() {
            let unknown = (0..data.len()).filter(|&row| named.is_unknown(column, row)).count();
            if unknown > 0 {
                let networks = counted(unknown, "network has", "networks have");
                self.unknown.push(format!("{networks} no {}", named.columns[column].0));
            }
        }
        Some((0..data.len()).map(|row| filter.holds(&named, row)).collect())
    }

    /// Whether a network of the space is let through.
    pub fn shows_point(&self, at: usize) -> bool {
        self.points.as_ref().is_none_or(|points| points[at])
    }

    /// Draws what is wrong with the condition, or which values it lacks.
    pub fn notes(&self, ui: &mut Ui) {
        let notes = match &self.problem {
            Some(problem) => RichText::new(problem.as_str()).color(colors(ui).error),
            // The line is there always, so that nothing below moves.
            None if self.unknown.is_empty() => RichText::new(" "),
            None => RichText::new(self.unknown.join("; ")).color(colors(ui).warning),
        };
        ui.add(Label::new(notes.small()).truncate());
    }
}

/// Draws the field.
pub fn field(ui: &mut Ui, text: &mut String) -> Response {
    let field = TextEdit::singleline(text).hint_text("Filter").desired_width(190.0);
    let response = ui.add(field).on_hover_text(
        "Words of a name, or a condition: macs < 2G and trained_top1 > 90. Columns: name, params, macs, flops, \
         peak_memory (with MiB), published_top1, trained_top1, latency (ms), variables of the space. Operators: \
         < <= == != >= >, and, or, not, contains",
    );
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter networks"));
    stay_on_enter(ui, &response);
    response
}

/// Whether a text is to be read as a condition, not as words.
fn is_condition(text: &str) -> bool {
    text.contains(['<', '>', '=']) || text.split_whitespace().any(|word| word == "contains")
}

/// Which rows have all words in their names; all without words.
fn by_words(text: &str, data: Data<'_>) -> Option<Vec<bool>> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let has_all = |name: String| {
        let name = name.to_lowercase();
        words.iter().all(|word| name.contains(word))
    };
    let of_list = data.rows.rows.iter();
    let of_list =
        of_list.map(|row| has_all(format!("{} {}", row.name, row.network.architecture.name)));
    let mut passes: Vec<bool> = of_list.collect();
    if let Some(view) = data.cloud {
        let counts = &view.cloud().counts;
        let name = crate::file::stem(&view.cloud().file);
        let passes_all = has_all(format!("{name} {}", counts.title));
        passes.resize(passes.len() + data.points(), passes_all);
    }
    let of_runs = data.rows.runs.iter();
    passes.extend(of_runs.map(|row| has_all(format!("{} {}", row.name, row.run.subject.name))));
    (!words.is_empty()).then_some(passes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_no_condition() {
        for text in ["", "resnet", "macs", "google net"] {
            assert!(!is_condition(text), "{text}");
        }
        for text in ["macs<2G", "name contains res", "tail == gap"] {
            assert!(is_condition(text), "{text}");
        }
    }
}
