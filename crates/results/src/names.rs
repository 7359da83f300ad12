//! Distinct names for the rows of a table.

use std::{
    collections::{HashMap, HashSet},
    fmt::{self, Display, Write},
};

/// Number of digits of a fingerprint that are shown to distinguish graphs with the same name.
const SHORT_FINGERPRINT: usize = 6;

/// A fact that distinguishes networks with the same name and settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkFact<'r> {
    /// The file.
    File(&'r str),
    /// The fingerprint of the graph; only its first digits are shown.
    Graph(&'r str),
}

impl Display for NetworkFact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, " ({file})"),
            Self::Graph(graph) => {
                write!(f, " (graph {})", graph.get(..SHORT_FINGERPRINT).unwrap_or(graph))
            }
        }
    }
}

/// Makes labels distinct: where equal labels have different facts, the fact is appended to each of them. `facts` has the
/// facts of each label, the most important first; an unknown fact counts as equal to any other.
pub fn distinct_labels<F: PartialEq + Display, const N: usize>(
    mut labels: Vec<String>,
    facts: &[[Option<F>; N]],
) -> Vec<String> {
    for number in 0..N {
        let known = |all: &[Option<F>; N]| all[number].is_some();
        let mut first: HashMap<&str, &Option<F>> = HashMap::new();
        let mut ambiguous: HashSet<String> = HashSet::new();
        for (label, all) in labels.iter().zip(facts).filter(|(_, all)| known(all)) {
            if *first.entry(label).or_insert(&all[number]) != &all[number] {
                ambiguous.insert(label.clone());
            }
        }
        for (label, all) in labels.iter_mut().zip(facts) {
            if let Some(fact) = all[number].as_ref().filter(|_| ambiguous.contains(label)) {
                // Writing to a text cannot fail.
                let _ = write!(label, "{fact}");
            }
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_distinguished_by_the_first_fact_that_differs() {
        let names = ["A", "A", "B", "A", "B", "C", "C", "C"].map(ToOwned::to_owned).to_vec();
        let facts = [
            ("a.yaml", Some("0123456789")),
            ("b.yaml", Some("0123456789")),
            ("b.yaml", Some("aaaaaaaaaa")),
            ("a.yaml", Some("0123456789")),
            ("b.yaml", Some("bbbbbb")),
            ("c.yaml", Some("cc")),
            ("c.yaml", Some("cc")),
            ("c.yaml", None),
        ];
        let facts = facts
            .map(|(file, graph)| [Some(NetworkFact::File(file)), graph.map(NetworkFact::Graph)]);
        assert_eq!(
            distinct_labels(names, &facts),
            [
                "A (a.yaml)",
                "A (b.yaml)",
                "B (graph aaaaaa)",
                "A (a.yaml)",
                "B (graph bbbbbb)",
                "C",
                "C",
                "C"
            ]
        );
    }
}
