//! Conditions on the rows of a table, such as `macs < 2G and name contains resnet`.
//!
//! A condition is an expression whose words are the names of columns. It is compiled once: names become the places of
//! columns, and mistakes are found before the first row is looked at. A comparison with a value that is not known is
//! neither true nor false, and rows are kept where the whole condition is true.

use std::sync::Arc;

use crate::{
    diagnostic::nearest,
    expr::{self, Binary, Expr, Function, contains},
};

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Numbers.
    Number,
    /// Texts.
    Text,
}

/// A column that a condition may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    /// Its name.
    pub name: String,
    /// What its cells hold.
    pub holds: ColumnType,
}

/// A table whose columns were named when the condition was compiled; columns and rows are places in it.
pub trait Table {
    /// A number; NaN if it is not known.
    fn number(&self, column: usize, row: usize) -> f64;
    /// A text; `None` if it is not known.
    fn text(&self, column: usize, row: usize) -> Option<&str>;
}

/// A compiled condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    condition: Condition,
    columns: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Compare(Binary, Number, Number),
    Same(Text, Text),
    Contains(Text, Text),
}

#[derive(Clone, Debug, PartialEq)]
enum Number {
    Value(f64),
    Column(usize),
    Negate(Box<Number>),
    Binary(Binary, Box<Number>, Box<Number>),
    Call(Function, Vec<Number>),
}

#[derive(Clone, Debug, PartialEq)]
enum Text {
    Word(Arc<str>),
    Column(usize),
}

impl Filter {
    /// Compiles a condition on a table with these columns.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn new(text: &str, columns: &[ColumnName]) -> Result<Self, String> {
        let expr = expr::parse(text).map_err(|(_, message)| message)?;
        let mut compiler = Compiler { columns, used: vec![] };
        let condition = compiler.condition(&expr)?;
        Ok(Self { condition, columns: compiler.used })
    }

    /// The columns that it names, in their order.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Whether it holds for a row.
    pub fn holds(&self, table: &impl Table, row: usize) -> bool {
        self.condition.holds(table, row) == Some(true)
    }
}

impl Condition {
    /// Whether it holds; `None` if that depends on a value that is not known.
    fn holds(&self, table: &impl Table, row: usize) -> Option<bool> {
        match self {
            Self::Not(inner) => inner.holds(table, row).map(|holds| !holds),
            Self::And(left, right) => match (left.holds(table, row), right) {
                (Some(false), _) => Some(false),
                (Some(true), right) => right.holds(table, row),
                (None, right) => right.holds(table, row).filter(|holds| !holds),
            },
            Self::Or(left, right) => match (left.holds(table, row), right) {
                (Some(true), _) => Some(true),
                (Some(false), right) => right.holds(table, row),
                (None, right) => right.holds(table, row).filter(|holds| *holds),
            },
            Self::Compare(operator, left, right) => {
                operator.compares(left.value(table, row)?, right.value(table, row)?)
            }
            Self::Same(left, right) => Some(left.value(table, row)? == right.value(table, row)?),
            Self::Contains(text, part) => {
                Some(contains(text.value(table, row)?, part.value(table, row)?))
            }
        }
    }
}

impl Number {
    /// Its value; `None` if it is not known or not defined.
    fn value(&self, table: &impl Table, row: usize) -> Option<f64> {
        let value = match self {
            Self::Value(value) => *value,
            Self::Column(column) => table.number(*column, row),
            Self::Negate(inner) => -inner.value(table, row)?,
            Self::Binary(operator, left, right) => {
                operator.number(left.value(table, row)?, right.value(table, row)?)?
            }
            Self::Call(function, arguments) => {
                let values: Option<Vec<f64>> =
                    arguments.iter().map(|argument| argument.value(table, row)).collect();
                function.number(&values?)?
            }
        };
        (!value.is_nan()).then_some(value)
    }
}

impl Text {
    fn value<'a>(&'a self, table: &'a impl Table, row: usize) -> Option<&'a str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Column(column) => table.text(*column, row),
        }
    }
}

struct Compiler<'a> {
    columns: &'a [ColumnName],
    used: Vec<usize>,
}

impl Compiler<'_> {
    fn condition(&mut self, expr: &Expr) -> Result<Condition, String> {
        match expr {
            Expr::Not(inner) => Ok(Condition::Not(Box::new(self.condition(inner)?))),
            Expr::Binary(operator @ (Binary::And | Binary::Or), left, right) => {
                let (left, right) =
                    (Box::new(self.condition(left)?), Box::new(self.condition(right)?));
                Ok(match operator {
                    Binary::And => Condition::And(left, right),
                    _ => Condition::Or(left, right),
                })
            }
            Expr::Binary(Binary::Contains, text, part) => {
                Ok(Condition::Contains(self.text(text, false)?, self.text(part, true)?))
            }
            Expr::Binary(operator @ (Binary::Equal | Binary::Unequal), left, right)
                if self.is_text(left) || self.is_text(right) =>
            {
                // `tail == gap`, and `gap == tail`.
                let other_is_text = [self.is_text(right), self.is_text(left)];
                let same = Condition::Same(
                    self.text(left, other_is_text[0])?,
                    self.text(right, other_is_text[1])?,
                );
                Ok(match operator {
                    Binary::Equal => same,
                    _ => Condition::Not(Box::new(same)),
                })
            }
            Expr::Binary(operator, left, right) if operator.compares(0.0, 0.0).is_some() => {
                Ok(Condition::Compare(*operator, self.number(left)?, self.number(right)?))
            }
            _ => {
                // A name that is not there is the first mistake.
                self.number(expr)?;
                Err("compare it with something, as in `macs < 2G`".to_owned())
            }
        }
    }

    fn number(&mut self, expr: &Expr) -> Result<Number, String> {
        match expr {
            Expr::Number(number) => Ok(Number::Value(*number)),
            Expr::Word(name) => self.number_of(name),
            Expr::Variable(path) => match path.as_slice() {
                [name] => self.number_of(name),
                _ => Err(format!("`${}` is not a column", path.join("."))),
            },
            Expr::Negate(inner) => Ok(Number::Negate(Box::new(self.number(inner)?))),
            Expr::Binary(operator, left, right)
                if operator.compares(0.0, 0.0).is_none() && operator.number(1.0, 1.0).is_some() =>
            {
                let (left, right) = (self.number(left)?, self.number(right)?);
                Ok(Number::Binary(*operator, Box::new(left), Box::new(right)))
            }
            Expr::Call(function, arguments) => {
                let arguments: Result<Vec<Number>, String> =
                    arguments.iter().map(|argument| self.number(argument)).collect();
                Ok(Number::Call(*function, arguments?))
            }
            Expr::Not(_) | Expr::Binary(..) => {
                Err("two comparisons need `and` or `or` between them".to_owned())
            }
        }
    }

    fn number_of(&mut self, name: &str) -> Result<Number, String> {
        let column = self.column(name)?;
        match self.columns[column].holds {
            ColumnType::Number => Ok(Number::Column(column)),
            ColumnType::Text => {
                Err(format!("`{name}` is a text: use `{name} contains ...` or `{name} == ...`"))
            }
        }
    }

    /// A text; words that are not the name of a column of texts are themselves if they may be.
    fn text(&mut self, expr: &Expr, may_be_word: bool) -> Result<Text, String> {
        match expr {
            Expr::Word(word) if may_be_word && !self.is_text(expr) => {
                Ok(Text::Word(Arc::clone(word)))
            }
            Expr::Number(number) if may_be_word => Ok(Text::Word(number.to_string().into())),
            Expr::Word(name) => self.text_of(name),
            Expr::Variable(path) if path.len() == 1 => self.text_of(&path[0]),
            _ => Err("put text with spaces or signs in quotes, as in \
                      `name contains 'mobilenet-v2'`"
                .to_owned()),
        }
    }

    fn text_of(&mut self, name: &str) -> Result<Text, String> {
        let column = self.column(name)?;
        match self.columns[column].holds {
            ColumnType::Text => Ok(Text::Column(column)),
            ColumnType::Number => Err(format!("`{name}` is a number, not a text")),
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Whether it is the name of a column of texts.
    fn is_text(&self, expr: &Expr) -> bool {
        let name = match expr {
            Expr::Word(name) => name,
            Expr::Variable(path) if path.len() == 1 => &path[0],
            _ => return false,
        };
        self.find(name).is_some_and(|at| self.columns[at].holds == ColumnType::Text)
    }

    fn column(&mut self, name: &str) -> Result<usize, String> {
        let Some(column) = self.find(name) else {
            let known = || self.columns.iter().map(|column| column.name.as_str());
            let help = match nearest(name, known()).as_slice() {
                [] => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
                near => format!("did you mean `{}`?", near.join("` or `")),
            };
            return Err(format!("there is no column `{name}`; {help}"));
        };
        if let Err(place) = self.used.binary_search(&column) {
            self.used.insert(place, column);
        }
        Ok(column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [(&str, f64, f64, &str); 3] = [
        ("resnet50", 4.1e9, 80.0, "gap"),
        ("mobilenet-v2", 0.3e9, f64::NAN, "fc"),
        ("googlenet", 1.6e9, 91.0, "gap"),
    ];

    struct Rows;

    impl Table for Rows {
        fn number(&self, column: usize, row: usize) -> f64 {
            if column == 1 { ROWS[row].1 } else { ROWS[row].2 }
        }

        fn text(&self, column: usize, row: usize) -> Option<&str> {
            Some(if column == 0 { ROWS[row].0 } else { ROWS[row].3 })
        }
    }

    fn columns() -> Vec<ColumnName> {
        use ColumnType::{Number, Text};
        [("name", Text), ("macs", Number), ("trained_top1", Number), ("tail", Text)]
            .map(|(name, holds)| ColumnName { name: name.to_owned(), holds })
            .to_vec()
    }

    #[track_caller]
    fn check(text: &str, expected: &[usize]) {
        let filter = Filter::new(text, &columns()).unwrap();
        let kept: Vec<usize> = (0..ROWS.len()).filter(|&row| filter.holds(&Rows, row)).collect();
        assert_eq!(kept, expected, "{text}");
    }

    #[test]
    fn rows_are_kept_where_the_condition_is_true() {
        check("macs < 2G", &[1, 2]);
        check("macs < 2G and trained_top1 > 90", &[2]);
        check("$macs / 1M >= max(300, 1) and not macs > 2G", &[1, 2]);
        check("name contains NET and tail == gap", &[0, 2]);
        check("tail != gap or name contains 'e-n'", &[1]);
        check("gap == tail", &[0, 2]);
        check("name contains 50", &[0]);
    }

    #[test]
    fn what_is_not_known_is_neither_true_nor_false() {
        check("trained_top1 > 0", &[0, 2]);
        check("not trained_top1 > 85", &[0]);
        check("trained_top1 > 85 or macs < 1G", &[1, 2]);
        check("macs < 1G and trained_top1 > 0 or name contains google", &[2]);
        let filter = Filter::new("trained_top1 > 0 or macs < 1G", &columns()).unwrap();
        assert_eq!(filter.columns(), [1, 2]);
    }

    #[test]
    fn mistakes_have_a_suggestion() {
        for (text, expected) in [
            ("mac < 2G", "there is no column `mac`; did you mean `macs`?"),
            ("xyz < 2", "there is no column `xyz`; there are name, macs, trained_top1, tail"),
            ("macs <", "expected a value, found the end"),
            ("macs", "compare it with something, as in `macs < 2G`"),
            ("1M < macs < 2G", "two comparisons need `and` or `or` between them"),
            ("name < 3", "`name` is a text: use `name contains ...` or `name == ...`"),
            ("macs contains 3", "`macs` is a number, not a text"),
            (
                "name contains mobilenet-v2",
                "put text with spaces or signs in quotes, as in `name contains 'mobilenet-v2'`",
            ),
        ] {
            assert_eq!(Filter::new(text, &columns()), Err(expected.to_owned()), "{text}");
        }
    }
}
