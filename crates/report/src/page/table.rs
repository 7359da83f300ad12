//! Tables: columns with headers, rows whose first cell names them.

use askama::{Template, filters::HtmlSafe};

use super::{UNKNOWN, words::Name};

/// A table in a frame of its own that scrolls sideways where it is too wide.
#[derive(Template)]
#[template(path = "table.html")]
pub(super) struct Table {
    /// A word for it, different from those of other tables.
    pub id: String,
    /// The label for screen readers.
    pub label: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// Whether a reader may want another order.
    pub is_sortable: bool,
}

impl HtmlSafe for Table {}

pub(super) struct Column {
    pub title: String,
    /// A unit, below the title.
    pub unit: String,
    /// What the title means.
    pub hint: &'static str,
    pub is_number: bool,
    /// Where the numbers come from, if that has to be seen at once.
    pub badge: Option<&'static str>,
}

impl Column {
    pub fn text(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            unit: String::new(),
            hint: "",
            is_number: false,
            badge: None,
        }
    }

    pub fn number(title: &str, unit: &str, hint: &'static str) -> Self {
        Self { unit: unit.to_owned(), hint, is_number: true, ..Self::text(title) }
    }

    pub fn trained(title: &str, hint: &'static str) -> Self {
        Self { badge: Some("trained"), ..Self::number(title, "%", hint) }
    }

    pub fn published(title: &str, hint: &'static str) -> Self {
        Self { badge: Some("published"), ..Self::number(title, "%", hint) }
    }
}

#[derive(Default)]
pub(super) struct Row {
    /// By which other places of the page link to it.
    pub id: Option<String>,
    pub class: &'static str,
    pub cells: Vec<Cell>,
}

impl Row {
    pub fn new(cells: Vec<Cell>) -> Self {
        Self { id: None, class: "", cells }
    }
}

pub(super) struct Cell {
    pub content: Content,
    /// The value to sort by; without one, cells are sorted by their text.
    pub value: Option<f64>,
    /// More digits.
    pub title: String,
    pub is_number: bool,
}

pub(super) enum Content {
    Text(String),
    /// Text that a person wrote.
    User(String),
    Name(Name),
    /// Names with a link to more, where there is more.
    Links(Vec<(Name, Option<String>)>),
    /// A link of ours.
    Link {
        text: String,
        href: String,
    },
    /// An accuracy that others published.
    Published(String),
    /// The Pareto fronts that a network is on.
    Marks(Vec<&'static str>),
    /// A number with its share of the whole, in percent.
    Bar {
        text: String,
        percent: String,
    },
    Grade(String),
    Lines(Vec<String>),
}

impl Cell {
    pub fn new(content: Content) -> Self {
        Self { content, value: None, title: String::new(), is_number: false }
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Content::Text(text.into()))
    }

    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Content::User(text.into()))
    }

    pub fn name(text: &str) -> Self {
        Self::new(Content::Name(Name::new(text)))
    }

    pub fn number(text: impl Into<String>, value: f64) -> Self {
        if !value.is_finite() {
            return Self::unknown();
        }
        Self { value: Some(value), is_number: true, ..Self::text(text) }
    }

    /// A number that is not known: last, however the table is sorted.
    pub fn unknown() -> Self {
        Self { is_number: true, ..Self::text(UNKNOWN) }
    }

    pub fn sorted_by(self, value: f64) -> Self {
        Self { value: Some(value), ..self }
    }

    pub fn with_title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }
}
