//! A space of networks by cost.

use inceptive_results::{Counts, Direction, Metric, Objective, Source};

/// Points of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct Cloud {
    /// The space's title.
    pub title: String,
    /// Its file.
    pub file: String,
    /// A description in one line.
    pub description: Option<String>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// Its variables with the values that they may have.
    pub variables: Vec<(String, Vec<String>)>,
    /// What every network of interest satisfies.
    pub constraints: Vec<String>,
    /// What is looked for in it.
    pub objectives: Vec<Objective>,
    /// Networks in it.
    pub size: u128,
    /// The seed that points were drawn with; `None` if they are all there.
    pub seed: Option<u64>,
    /// Points that are no network, as their shapes do not fit.
    pub failed: usize,
    /// Points, in the order of the space.
    pub points: Vec<SpaceSample>,
}

/// A network of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceSample {
    /// The value of each variable.
    pub values: Vec<String>,
    /// What is counted of it.
    pub counts: Counts,
    /// Whether it satisfies the constraints.
    pub is_inside: bool,
}

impl SpaceSample {
    /// A count; 0 for what is not counted.
    pub fn count(&self, metric: Metric) -> u64 {
        self.counts.get(metric).unwrap_or(0)
    }

    /// The counts that overviews of spaces show.
    pub fn metrics() -> impl Iterator<Item = Metric> {
        Metric::costs().filter(|metric| metric.is_main())
    }
}

impl Cloud {
    /// The objectives that counting alone can judge. Others, such as an accuracy, need networks that were trained.
    pub fn counted_objectives(&self) -> impl Iterator<Item = Objective> {
        let objectives = self.objectives.iter().copied();
        objectives.filter(|objective| objective.metric.source() == Source::Counted)
    }

    /// Two metrics to draw the space by.
    pub fn axes(&self) -> [Metric; 2] {
        space_axes(&self.objectives)
    }

    /// The places of the points that satisfy the constraints and that no other such point dominates in the counted
    /// objectives, best first by the first objective. None without objectives.
    pub fn front(&self) -> Vec<usize> {
        let objectives: Vec<Objective> = self.counted_objectives().collect();
        if objectives.is_empty() {
            return vec![];
        }
        // Smaller is better, whatever the direction.
        let key = |point: &SpaceSample| -> Vec<u64> {
            let count = |objective: &Objective| match objective.direction {
                Direction::Minimize => point.count(objective.metric),
                Direction::Maximize => u64::MAX - point.count(objective.metric),
            };
            objectives.iter().map(count).collect()
        };
        let inside = self.points.iter().enumerate().filter(|(_, point)| point.is_inside);
        let mut sorted: Vec<(Vec<u64>, usize)> =
            inside.map(|(at, point)| (key(point), at)).collect();
        sorted.sort_unstable();
        // Whatever dominates a point comes before it, and something on the front dominates it too.
        let mut front: Vec<(Vec<u64>, usize)> = vec![];
        let mut least = u64::MAX;
        for (key, at) in sorted {
            let is_dominated = match key.as_slice() {
                [_] => front.first().is_some_and(|(best, _)| best != &key),
                // Of two objectives, the second one falls along the front.
                [_, second] => {
                    let is_equal = front.last().is_some_and(|(last, _)| last == &key);
                    *second >= least && !is_equal
                }
                _ => front.iter().any(|(other, _)| {
                    other != &key && other.iter().zip(&key).all(|(other, own)| other <= own)
                }),
            };
            if !is_dominated {
                least = least.min(key.last().copied().unwrap_or(u64::MAX));
                front.push((key, at));
            }
        }
        front.into_iter().map(|(_, at)| at).collect()
    }
}

/// Two metrics to draw a space by: those of the first two objectives that are counted, else MACs and parameters.
pub fn space_axes(objectives: &[Objective]) -> [Metric; 2] {
    let is_counted = |metric: &Metric| metric.source() == Source::Counted;
    let mut counted = objectives.iter().map(|objective| objective.metric).filter(is_counted);
    let across = counted.next().unwrap_or(Metric::Macs);
    let other = if across == Metric::Params { Metric::Macs } else { Metric::Params };
    [across, counted.find(|&metric| metric != across).unwrap_or(other)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(objectives: &[(Metric, Direction)], points: &[([u64; 3], bool)]) -> Cloud {
        let point = |&([params, macs, acts], is_inside): &([u64; 3], bool)| SpaceSample {
            values: vec![],
            counts: Counts::default()
                .with(Metric::Params, params)
                .with(Metric::Macs, macs)
                .with(Metric::Acts, acts),
            is_inside,
        };
        let objective = |&(metric, direction)| Objective { metric, direction };
        Cloud {
            title: String::new(),
            file: String::new(),
            description: None,
            notes: vec![],
            variables: vec![],
            constraints: vec![],
            objectives: objectives.iter().map(objective).collect(),
            size: points.len() as u128,
            seed: None,
            failed: 0,
            points: points.iter().map(point).collect(),
        }
    }

    /// Against the definition: nothing that satisfies the constraints is at least as good everywhere and better somewhere.
    #[test]
    fn the_front_is_what_nothing_dominates() {
        let mut state: u64 = 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % 12
        };
        let points: Vec<([u64; 3], bool)> =
            (0..300).map(|_| ([next(), next(), next()], next() > 2)).collect();
        let all = [
            (Metric::Params, Direction::Minimize),
            (Metric::Macs, Direction::Maximize),
            (Metric::Acts, Direction::Minimize),
        ];
        for count in 1..=3 {
            let cloud = cloud(&all[..count], &points);
            let worth = |at: usize| -> Vec<i64> {
                let [params, macs, acts] = points[at].0.map(|count| count as i64);
                [params, -macs, acts][..count].to_vec()
            };
            let dominates = |a: usize, b: usize| {
                let (a, b) = (worth(a), worth(b));
                a != b && a.iter().zip(&b).all(|(a, b)| a <= b)
            };
            let inside: Vec<usize> = (0..points.len()).filter(|&at| points[at].1).collect();
            let expected: Vec<usize> = inside
                .iter()
                .copied()
                .filter(|&at| !inside.iter().any(|&other| dominates(other, at)))
                .collect();
            let mut found = cloud.front();
            found.sort_unstable();
            assert_eq!(found, expected, "{count}");
        }
    }

    #[test]
    fn axes_are_the_objectives_that_are_counted() {
        use Direction::{Maximize, Minimize};
        let axes = |objectives: &[(Metric, Direction)]| cloud(objectives, &[]).axes();
        assert_eq!(axes(&[]), [Metric::Macs, Metric::Params]);
        assert_eq!(axes(&[(Metric::Top1, Maximize)]), [Metric::Macs, Metric::Params]);
        assert_eq!(
            axes(&[(Metric::Params, Minimize), (Metric::Top1, Maximize)]),
            [Metric::Params, Metric::Macs]
        );
        let two = [(Metric::Acts, Minimize), (Metric::Params, Minimize)];
        assert_eq!(axes(&two), [Metric::Acts, Metric::Params]);
        assert!(cloud(&[(Metric::Top1, Maximize)], &[([1, 1, 1], true)]).front().is_empty());
    }
}
