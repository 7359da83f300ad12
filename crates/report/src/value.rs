//! The values of metrics of a network, with where they come from.

use inceptive_results::{Metric, Origin, Source, Value, statistics::Estimate};

use crate::{candidate::NetworkEntry, way::BenchConfig};

impl NetworkEntry {
    /// The value of a metric with where it comes from: counted, published, or measured in a configuration. None where
    /// it is not known.
    pub fn value(&self, metric: Metric, config: Option<&BenchConfig>) -> Option<Value> {
        match metric.source() {
            Source::Counted => self.count(metric).map(Value::counted),
            Source::Measured => config?.of(self).map(Value::measured_latency),
            Source::Accuracy => {
                let published = self.comparable()?;
                match metric {
                    Metric::Top5 => Value::published_top5(published),
                    Metric::AccuracyDensity => {
                        let estimate = Estimate::exact(self.density()?);
                        Some(Value { estimate, origin: Origin::Published(published.clone()) })
                    }
                    _ => Value::published_top1(published),
                }
            }
        }
    }
}
