//! Searches in spaces, as a report shows them.

use inceptive_explore::{Recommendation, Understood, finalists, first_cost, recommendation};
use inceptive_results::{Exploration, ExploredNetwork, ExploredOutcome, Objective};

/// A finished search in a space.
#[derive(Clone, Debug)]
pub struct Explored {
    /// What was planned and found.
    pub exploration: Exploration,
    /// What its networks say about the variables.
    pub understood: Understood,
}

/// A network that was trained with all epochs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'e> {
    /// Its place in the exploration, from 0.
    pub(crate) place: usize,
    pub(crate) network: &'e ExploredNetwork,
    pub(crate) outcome: &'e ExploredOutcome,
}

impl Explored {
    /// Looks at a search.
    pub fn new(exploration: Exploration) -> Self {
        Self { understood: Understood::of(&exploration), exploration }
    }

    /// The objectives.
    pub(crate) fn objectives(&self) -> Vec<Objective> {
        self.exploration.request.objectives.iter().map(|&it| it.into()).collect()
    }

    /// The objective that accuracy is drawn against.
    pub(crate) fn cost(&self) -> Objective {
        first_cost(&self.exploration)
    }

    /// The networks that were trained with all epochs, the cheapest first.
    pub(crate) fn members(&self) -> Vec<Member<'_>> {
        let all = self.exploration.networks.iter().enumerate();
        let mut members: Vec<Member<'_>> = all
            .filter_map(|(place, network)| {
                Some(Member { place, network, outcome: network.outcome.as_ref()? })
            })
            .collect();
        let metric = self.cost().metric;
        let cost = |member: &Member<'_>| member.network.value(metric).unwrap_or(f64::INFINITY);
        members.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
        members
    }

    /// The place in the exploration of the knee of the front.
    pub(crate) fn knee(&self) -> Option<usize> {
        finalists(&self.exploration).into_iter().find(|it| it.is_knee).map(|it| it.network)
    }

    /// The place of the network that another one ties with at no higher cost.
    pub(crate) fn tied_with(&self, place: usize) -> Option<usize> {
        finalists(&self.exploration).into_iter().find(|it| it.network == place)?.tied_with
    }

    /// What is recommended; nothing if the wish cannot be read.
    pub(crate) fn recommended(&self) -> Option<Recommendation> {
        recommendation(&self.exploration, &self.exploration.preference).ok().flatten()
    }
}

impl Member<'_> {
    /// Its number in the report.
    pub(crate) const fn number(&self) -> usize {
        self.place + 1
    }

    /// Whether it was trained with all seeds.
    pub(crate) const fn is_finalist(&self) -> bool {
        self.outcome.probability.is_some()
    }
}
