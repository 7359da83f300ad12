//! Statistics of weights.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use inceptive_app::{
    Inspected, ReadError, WeightSource, WeightStatistics, error_chain, weight_statistics,
};
use inceptive_dsl::Setting;

use super::{Output, Reporter};
use crate::{
    file::FilePath,
    inspection::{InspectRequest, Inspection},
};

/// Weights whose statistics are wanted.
#[derive(Clone, Debug)]
pub struct StatisticsRequest {
    /// The file of the network.
    file: FilePath,
    /// The network.
    network: Arc<Inspected>,
    /// The file of its weights, if they are not in its own, and the values that were set for it.
    trained: Option<(PathBuf, Vec<String>)>,
}

impl PartialEq for StatisticsRequest {
    fn eq(&self, other: &Self) -> bool {
        // A network that was read again and is the same keeps its place in memory.
        Arc::ptr_eq(&self.network, &other.network) && self.trained == other.trained
    }
}

impl StatisticsRequest {
    /// The weights of a network: those of its ONNX file, or those of the training that was inspected last. `None` if
    /// there are none.
    pub fn new(
        file: &FilePath,
        network: &Arc<Inspected>,
        inspection: Option<&Inspection>,
    ) -> Option<Self> {
        let trained = inspection.map(|inspection| {
            let InspectRequest { weights, point, .. } = &inspection.request;
            (weights.clone(), point.clone())
        });
        let has_weights = network.onnx.is_some() || trained.is_some();
        let (file, network) = (Arc::clone(file), Arc::clone(network));
        has_weights.then_some(Self { file, network, trained })
    }

    /// Reads something of the weights: of the file with these settings, and the file of weights.
    pub(super) fn read_with<T>(
        &self,
        read: impl FnOnce(&Path, &[Setting], &WeightSource) -> Result<T, ReadError>,
    ) -> Result<T, String> {
        let (file, point) = match &self.trained {
            Some((file, point)) => (Some(file.clone()), point.as_slice()),
            None => (None, [].as_slice()),
        };
        let settings: Result<Vec<Setting>, _> = point.iter().map(|text| text.parse()).collect();
        let settings = match self.trained {
            Some(_) => settings.map_err(|error| error_chain(&error))?,
            None => self.network.onnx_settings(),
        };
        let from = WeightSource { file, ..WeightSource::default() };
        read(&self.file, &settings, &from).map_err(|error| error_chain(&error))
    }
}

pub(super) fn compute(request: StatisticsRequest, report: &Reporter) -> Output {
    let found = request.read_with(|file, settings, from| {
        weight_statistics(file, settings, from, report.stop_flag())
    });
    let found: Result<Arc<WeightStatistics>, String> = found.map(Arc::new);
    Output::Statistics(request, found)
}
