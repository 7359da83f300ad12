//! Laying networks out.

use std::sync::Arc;

use inceptive_app::Inspected;
use inceptive_draw::{Arrangement, Scene};

use super::{Output, Reporter};

/// Where a scene is shown; a newer request for the same place makes an earlier one superfluous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The graph tab.
    Graph,
    /// A column of the comparison, from the left.
    Compare(usize),
}

/// A network in an arrangement. Equal requests give equal scenes, so a scene is only made again when
/// something visible changed.
#[derive(Clone, Debug)]
pub struct LayoutRequest {
    /// Where it is shown.
    pub place: Place,
    /// The network.
    pub network: Arc<Inspected>,
    /// The open modules, and the direction.
    pub arrangement: Arrangement,
}

impl PartialEq for LayoutRequest {
    fn eq(&self, other: &Self) -> bool {
        // A network that was read again and is the same keeps its place in memory.
        Arc::ptr_eq(&self.network, &other.network) && self.arrangement == other.arrangement
    }
}

pub(super) fn lay_out(request: LayoutRequest, report: &Reporter) -> Output {
    let graph = &request.network.architecture.graph;
    let scene = Scene::arranged(graph, &request.arrangement, &|| report.is_stopped());
    Output::LaidOut(request, scene.map(Arc::new))
}
