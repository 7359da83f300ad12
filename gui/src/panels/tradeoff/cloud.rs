//! A hundred thousand networks of a space: their values by column, and which of them are shown.

use std::{collections::BTreeMap, sync::Arc};

use inceptive_app::SpacePoints;
use inceptive_cost::Convention;
use inceptive_results::Metric;

use super::{
    filter::Filtering,
    look::{PlotSettings, Shown},
    metric::AxisMetric,
    quantity::{Quantity, Variables},
};
use crate::{jobs::Cloud, model::Model};

/// Networks that are drawn as lines at most; more only cover each other.
const MOST_LINES: usize = 5000;

/// The least and the largest value.
type Span = [f64; 2];

/// The networks of a space that the filters let through; kept while nothing of it changes.
pub struct CloudView {
    cloud: Arc<Cloud>,
    convention: Convention,
    variables: Variables,
    spans: BTreeMap<Quantity, Span>,
    /// What the networks were filtered by.
    filters: (u64, BTreeMap<Quantity, Span>, Shown),
    /// The places of the networks that the filters let through.
    kept: Vec<u32>,
    version: u64,
}

impl CloudView {
    /// Looks again at the cloud if it is another one. If its variables are others, returns for each of those before the
    /// place of the variable of the same name.
    pub fn update(view: &mut Option<Self>, model: &Model) -> Option<Vec<Option<usize>>> {
        let convention = model.settings.convention();
        let before = view.as_ref().map(|view| Arc::clone(&view.cloud));
        let names = |cloud: &Cloud| -> Vec<String> {
            cloud.counts.variables.iter().map(|(name, _)| name.clone()).collect()
        };
        let old = before.as_ref().map(|before| names(before)).unwrap_or_default();
        let Some(cloud) = &model.cloud else {
            *view = None;
            return before.map(|_| vec![None; old.len()]);
        };
        let is_same =
            |view: &Self| Arc::ptr_eq(&view.cloud, cloud) && view.convention == convention;
        if view.as_ref().is_some_and(is_same) {
            return None;
        }
        let version = view.as_ref().map_or(0, |view| view.version + 1);
        *view = Some(Self::new(cloud, convention, version));
        let is_other =
            before.is_none_or(|before| before.counts.variables != cloud.counts.variables);
        let new = names(cloud);
        let place = |name: &String| new.iter().position(|other| other == name);
        is_other.then(|| old.iter().map(place).collect())
    }

    fn new(cloud: &Arc<Cloud>, convention: Convention, version: u64) -> Self {
        let mut view = Self {
            cloud: Arc::clone(cloud),
            convention,
            variables: Variables::new(cloud),
            spans: BTreeMap::new(),
            filters: (u64::MAX, BTreeMap::new(), Shown::All),
            kept: vec![],
            version,
        };
        let metrics = Metric::ALL.into_iter().map(Quantity::Metric);
        let all = (0..view.variables.len()).map(Quantity::Variable).chain(metrics);
        view.spans = all.filter_map(|quantity| Some((quantity, view.found(quantity)?))).collect();
        view
    }

    /// The least and the largest value.
    fn found(&self, quantity: Quantity) -> Option<Span> {
        let values = (0..self.points().len()).filter_map(|at| self.value(at, quantity));
        let span = values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
            [f64::min(low, value), f64::max(high, value)]
        });
        (span[0] <= span[1]).then_some(span)
    }

    /// Filters the networks again if something changed.
    pub fn filter(&mut self, look: &PlotSettings, filtering: &Filtering) {
        let filters = (filtering.version, look.brushes.clone(), look.shown);
        if filters != self.filters {
            self.keep(&look.brushes, look.shown, |at| filtering.shows_point(at));
            self.filters = filters;
            self.version += 1;
        }
    }

    fn keep(
        &mut self,
        brushes: &BTreeMap<Quantity, Span>,
        shown: Shown,
        passes: impl Fn(usize) -> bool,
    ) {
        let is_kept = |&at: &u32| {
            let at = at as usize;
            let is_in_range = |(&quantity, &[low, high]): (&Quantity, &Span)| {
                self.value(at, quantity).is_some_and(|it| (low..=high).contains(&it))
            };
            passes(at) && brushes.iter().all(is_in_range)
        };
        let count = match shown {
            Shown::Networks => 0,
            Shown::All | Shown::Space => self.points().len(),
        };
        self.kept = (0..u32::try_from(count).unwrap_or(u32::MAX)).filter(is_kept).collect();
    }

    /// The cloud.
    pub const fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// The networks by column.
    pub fn points(&self) -> &SpacePoints {
        &self.cloud.points
    }

    /// The variables of the space.
    pub const fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The places of the networks that the filters let through.
    pub fn kept(&self) -> &[u32] {
        &self.kept
    }

    /// Another number whenever anything else is another.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// How many networks the filters let through.
    pub const fn count(&self) -> usize {
        self.kept.len()
    }

    /// The least and the largest value, also of networks that the filters leave out; `None` if it is not known.
    pub fn span(&self, quantity: impl Into<Quantity>) -> Option<Span> {
        self.spans.get(&quantity.into()).copied()
    }

    /// The least and the largest value of the networks that the filters let through.
    pub fn kept_span(&self, quantity: Quantity) -> Option<Span> {
        let values = self.kept.iter().filter_map(|&at| self.value(at as usize, quantity));
        let span = values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
            [f64::min(low, value), f64::max(high, value)]
        });
        (span[0] <= span[1]).then_some(span)
    }

    /// The number of a network as axes show it; `None` if it is only known of files, and none of nothing, which no axis
    /// by powers of ten can show. Compute is counted in our convention only.
    pub fn value(&self, at: usize, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::Variable(variable) => {
                let choice = self.points().choices(variable)[at];
                Some(self.variables.number(variable, choice))
            }
            Quantity::Metric(metric) => {
                let count = self.count_of(at, metric).filter(|&count| count > 0.0)?;
                Some(metric.on_axis(count))
            }
        }
    }

    /// A count as it is; `None` if it is not known in the convention of the window.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn count_of(&self, at: usize, metric: Metric) -> Option<f64> {
        if metric == Metric::Macs && self.convention != Convention::Inceptive {
            return None;
        }
        self.points().counts(metric).map(|counts| counts[at] as f64)
    }

    /// The value of a variable as it is written.
    pub fn label(&self, at: usize, variable: usize) -> &str {
        let choice = self.points().choices(variable)[at];
        &self.variables.labels(variable)[usize::from(choice)]
    }

    /// The variables of a network with its values.
    pub fn settings(&self, at: usize) -> Vec<(String, String)> {
        let variable = |variable| {
            (self.variables.name(variable).to_owned(), self.label(at, variable).to_owned())
        };
        (0..self.variables.len()).map(variable).collect()
    }

    /// Networks that are drawn as lines, the same ones as long as the filters let them through.
    pub fn lines(&self) -> impl Iterator<Item = usize> {
        // Multiples of the golden ratio fill the unit interval evenly (Weyl 1916), whatever repeats in a space.
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        let share = (MOST_LINES as f64 / self.count().max(1) as f64).min(1.0);
        let last = (share * u64::MAX as f64) as u64;
        let drawn = self.kept.iter().filter(move |&&at| GOLDEN.wrapping_mul(u64::from(at)) <= last);
        drawn.take(MOST_LINES).map(|&at| at as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use inceptive_report::SpaceSample;
    use inceptive_results::Counts;

    use super::*;

    /// The view of a space of this many networks, with all of them kept.
    fn view(count: usize, brushes: &[(Metric, Span)], convention: Convention) -> CloudView {
        let point = |at: usize| SpaceSample {
            values: vec![(at % 3).to_string(), ["gap", "fc"][at % 2].to_owned()],
            counts: Counts::default()
                .with(Metric::Params, at as u64)
                .with(Metric::Macs, 10 * at as u64)
                .with(Metric::Acts, 5)
                .with(Metric::PeakActivationBytes, 1 << 20),
            is_inside: at.is_multiple_of(2),
        };
        let labels = |all: &[&str]| all.iter().map(|&label| label.to_owned()).collect();
        let mut counts = inceptive_report::Cloud {
            title: "Some".to_owned(),
            file: "some.yaml".to_owned(),
            description: None,
            notes: vec![],
            variables: vec![
                ("width".to_owned(), labels(&["0", "1", "2"])),
                ("tail".to_owned(), labels(&["gap", "fc"])),
            ],
            constraints: vec![],
            objectives: vec![],
            size: count as u128,
            seed: None,
            failed: 0,
            points: (1..=count).map(point).collect(),
        };
        let points = SpacePoints::take(&mut counts);
        let file = Arc::from(Path::new("some.yaml"));
        let cloud = Cloud { file, counts, points, is_stopped: false };
        let mut view = CloudView::new(&Arc::new(cloud), convention, 0);
        let brushes = brushes.iter().map(|&(metric, span)| (metric.into(), span)).collect();
        view.keep(&brushes, Shown::All, |_| true);
        view
    }

    #[test]
    fn brushes_keep_what_is_in_every_range() {
        let view = view(
            1000,
            &[(Metric::Params, [101.0, 500.0]), (Metric::Macs, [0.0, 2000.0])],
            Convention::Inceptive,
        );
        assert_eq!(view.count(), 100);
        assert_eq!(view.span(Metric::Params), Some([1.0, 1000.0]), "the axes stay");
        assert_eq!(view.kept_span(Metric::Params.into()), Some([101.0, 200.0]));
        assert_eq!(
            self::view(9, &[(Metric::Top1, [0.0, 100.0])], Convention::Inceptive).count(),
            0
        );
    }

    #[test]
    fn variables_have_values() {
        let view = view(6, &[], Convention::Inceptive);
        assert_eq!(view.span(Quantity::Variable(0)), Some([0.0, 2.0]));
        assert_eq!(view.value(0, Quantity::Variable(1)), Some(1.0));
        let settings = [("width", "2"), ("tail", "gap")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(view.settings(1), settings);
    }

    #[test]
    fn compute_is_only_known_as_it_was_counted() {
        assert_eq!(view(3, &[], Convention::Inceptive).span(Metric::Macs), Some([10.0, 30.0]));
        assert_eq!(view(3, &[], Convention::Thop).span(Metric::Macs), None);
        assert_eq!(view(3, &[], Convention::Thop).span(Metric::Params), Some([1.0, 3.0]));
    }

    #[test]
    fn as_many_lines_as_there_may_be_lie_all_over_the_cloud() {
        assert_eq!(view(MOST_LINES, &[], Convention::Inceptive).lines().count(), MOST_LINES);
        let view = view(100_000, &[], Convention::Inceptive);
        let params: Vec<usize> = view.lines().map(|at| at + 1).collect();
        assert!((MOST_LINES - 20..=MOST_LINES).contains(&params.len()), "{}", params.len());
        // Whatever is left out, every value of a variable that changes fast is among them.
        for values in [2, 3, 5, 7, 10] {
            assert!((0..values).all(|value| params.iter().any(|it| it % values == value)));
        }
        assert!(params.iter().any(|it| *it < 1000) && params.iter().any(|it| *it > 99_000));
    }
}
