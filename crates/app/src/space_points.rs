//! Networks of a space by column: an array for each variable and each count, so that very many of them can be filtered,
//! sorted and drawn.

use std::{collections::HashMap, mem};

use inceptive_explore::Surveyed;
use inceptive_report::Cloud;
use inceptive_results::Metric;

/// Networks of a space, by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpacePoints {
    /// For each variable, the position of the value of each network.
    choices: Vec<Vec<u16>>,
    /// For each metric that is counted, the value of each network.
    counts: [Option<Vec<u64>>; Metric::ALL.len()],
    is_inside: Vec<bool>,
}

impl SpacePoints {
    /// Takes the points out of a cloud.
    pub fn take(cloud: &mut Cloud) -> Self {
        let points = mem::take(&mut cloud.points);
        let choices = |(variable, (_, labels)): (usize, &(String, Vec<String>))| {
            let places: HashMap<&str, u16> = labels.iter().map(String::as_str).zip(0..).collect();
            let place = |label: &str| places.get(label).copied().unwrap_or_default();
            points.iter().map(|point| place(&point.values[variable])).collect()
        };
        let counts = |metric| points.iter().map(|point| point.counts.get(metric)).collect();
        Self {
            choices: cloud.variables.iter().enumerate().map(choices).collect(),
            counts: Metric::ALL.map(counts),
            is_inside: points.iter().map(|point| point.is_inside).collect(),
        }
    }

    /// Networks of a survey, which satisfy all conditions.
    pub fn of_survey<'s>(
        variables: usize,
        networks: impl Iterator<Item = &'s Surveyed> + Clone,
    ) -> Self {
        let choices = |variable: usize| {
            let place = |it: &Surveyed| u16::try_from(it.choices[variable]).unwrap_or(u16::MAX);
            networks.clone().map(place).collect()
        };
        let counts = |metric| networks.clone().map(|it| it.counts.get(metric)).collect();
        Self {
            choices: (0..variables).map(choices).collect(),
            counts: Metric::ALL.map(counts),
            is_inside: networks.clone().map(|_| true).collect(),
        }
    }

    /// The position of the value of each variable of a network.
    pub fn point(&self, at: usize) -> Vec<usize> {
        self.choices.iter().map(|choices| usize::from(choices[at])).collect()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.is_inside.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.is_inside.is_empty()
    }

    /// The positions of the values of a variable.
    pub fn choices(&self, variable: usize) -> &[u16] {
        &self.choices[variable]
    }

    /// The values of a metric; `None` if it is not counted.
    pub fn counts(&self, metric: Metric) -> Option<&[u64]> {
        self.counts[metric.index()].as_deref()
    }

    /// Whether a network satisfies the constraints of its space.
    pub fn is_inside(&self, at: usize) -> bool {
        self.is_inside[at]
    }
}

#[cfg(test)]
mod tests {
    use inceptive_report::SpaceSample;
    use inceptive_results::Counts;

    use super::*;

    #[test]
    fn networks_of_a_survey_become_columns() {
        let network = |choices: &[usize], params| Surveyed {
            choices: choices.to_vec(),
            counts: Counts::default().with(Metric::Params, params),
        };
        let all = [network(&[0, 2], 10), network(&[1, 0], 20)];
        let points = SpacePoints::of_survey(2, all.iter());
        assert_eq!((points.len(), points.point(0), points.point(1)), (2, vec![0, 2], vec![1, 0]));
        assert_eq!(points.counts(Metric::Params), Some([10, 20].as_slice()));
        assert!(points.is_inside(0));
        assert!(SpacePoints::of_survey(2, [].iter()).is_empty());
    }

    #[test]
    fn columns_hold_what_the_points_held() {
        let point = |a: &str, b: &str, params, is_inside| SpaceSample {
            values: vec![a.to_owned(), b.to_owned()],
            counts: Counts::default().with(Metric::Params, params),
            is_inside,
        };
        let labels = |all: &[&str]| all.iter().map(|&label| label.to_owned()).collect();
        let mut cloud = Cloud {
            title: "S".to_owned(),
            file: "s.yaml".to_owned(),
            description: None,
            notes: vec![],
            variables: vec![
                ("a".to_owned(), labels(&["1", "2"])),
                ("b".to_owned(), labels(&["gap", "fc"])),
            ],
            constraints: vec![],
            objectives: vec![],
            size: 4,
            seed: None,
            failed: 0,
            points: vec![point("1", "fc", 10, true), point("2", "gap", 20, false)],
        };
        let points = SpacePoints::take(&mut cloud);
        assert!(cloud.points.is_empty());
        assert_eq!((points.len(), points.is_empty()), (2, false));
        assert_eq!((points.choices(0), points.choices(1)), ([0, 1].as_slice(), [1, 0].as_slice()));
        assert_eq!(points.counts(Metric::Params), Some([10, 20].as_slice()));
        assert_eq!(points.counts(Metric::Top1), None);
        assert!(points.is_inside(0) && !points.is_inside(1));
    }
}
