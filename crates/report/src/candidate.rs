//! The networks of a report.

use inceptive_cost::{Cost, Totals};
use inceptive_ir::Graph;
use inceptive_results::{
    ImportedResult, Measurement, Metric, NetworkInfo, ProfileRecord, Published, TrainingRun, Value,
    comparable,
};
use inceptive_store::Stored;

/// A network with all data that the report shows.
#[derive(Clone, Debug)]
pub struct NetworkEntry {
    /// The displayed name.
    pub name: String,
    /// Its fingerprint, auxiliary heads included if they are known. The fingerprint in `subject` is that of the
    /// inference graph, by which results are found.
    pub fingerprint: String,
    /// The facts that results record: file, settings, fingerprint, input and counts.
    pub subject: NetworkInfo,
    /// The network with its counts; none of a network that only a store of results knows.
    pub network: Option<NetworkCost>,
    /// A description in one line.
    pub description: Option<String>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// The papers or code that it comes from.
    pub cite: Vec<String>,
    /// Published accuracies, in the order of the file.
    pub published: Vec<Published>,
    /// The network that it is a variant of.
    pub variant: Option<Variant>,
    /// Measured latencies, the last of each way to run.
    pub measured: Vec<Stored<Measurement>>,
    /// Latencies that calibrations predict, one for each machine and configuration that it was not measured in.
    pub predicted: Vec<Value>,
    /// The last profile of each configuration.
    pub profiles: Vec<Stored<ProfileRecord>>,
    /// Accuracies and latencies from its user's tables, the last of each data set and source.
    pub imported: Vec<Stored<ImportedResult>>,
    /// Training runs, the last of each graph, data set, recipe and seed.
    pub trained: Vec<Stored<TrainingRun>>,
}

/// A graph and its counts.
#[derive(Clone, Debug)]
pub struct NetworkCost {
    /// The network.
    pub graph: Graph,
    /// Its counts, at batch 1 in inference.
    pub cost: Cost,
}

/// A variant of another network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The file of the other.
    pub base: String,
    /// The changes, as YAML.
    pub yaml: String,
}

/// Which accuracies are compared, in words for a reader.
pub const PROTOCOL: &str = "published ImageNet-1k accuracy of one model on one crop at the input size of the counts, \
     the first one that is listed in the file of the network";

/// Half the 95% interval of an accuracy around 75% that was estimated on the 50,000 validation images of
/// ImageNet, in points: 1.96 sqrt(0.75 x 0.25 / 50,000).
pub(crate) const SAMPLING_POINTS: f64 = 0.38;

impl NetworkEntry {
    /// The accuracy that is compared with those of other networks: the first entry in the file that gives a top-1
    /// accuracy on ImageNet of one model on one crop, at the input size of the counts.
    pub fn comparable(&self) -> Option<&Published> {
        comparable(&self.published, self.subject.input[1])
    }

    /// Published top-1 accuracy in percent, if there is one that can be compared.
    pub fn top1(&self) -> Option<f64> {
        self.comparable().and_then(|accuracy| accuracy.top1)
    }

    /// A count by metric: from the results, else from the graph. `None` if it is not counted or not known.
    pub fn count(&self, metric: Metric) -> Option<u64> {
        let counted = || {
            let NetworkCost { graph, cost } = self.network.as_ref()?;
            metric.count(graph, cost)
        };
        metric.recorded(&self.subject).or_else(counted)
    }

    /// All counts; none of a network that only a store of results knows.
    pub fn totals(&self) -> Option<&Totals> {
        self.network.as_ref().map(|network| &network.cost.total)
    }

    /// Its [`density`], if there is an accuracy that can be compared.
    pub fn density(&self) -> Option<f64> {
        density(self.top1()?, self.subject.params)
    }
}

/// Top-1 points per million parameters, the accuracy density of Bianco et al. 2018, *Benchmark Analysis of
/// Representative Deep Neural Network Architectures*; none of a network without parameters.
#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
pub fn density(top1: f64, params: u64) -> Option<f64> {
    (params > 0).then(|| top1 / (params as f64 / 1e6))
}
