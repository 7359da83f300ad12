//! Charts of many networks.
//!
//! [`inceptive_draw::chart`] has the parts that they share.
//!
//! | file | makes |
//! |---|---|
//! | `accuracy`, `density` | accuracy against cost, and for each parameter |
//! | `shares` | parameters, MACs, memory and time by kind of layer |
//! | `roofline`, `latency` | measurements |
//! | `space`, `squares`, `modules` | spaces of networks, single modules |
//! | `facts` | tooltips of networks |

mod accuracy;
mod density;
mod facts;
mod latency;
mod modules;
mod roofline;
mod shares;
mod space;
mod squares;

#[cfg(test)]
mod checks;
#[cfg(test)]
mod tests;

use inceptive_draw::chart::Figure;

use crate::{
    axis::Axis,
    layer::BreakdownMetric,
    report::{Analysis, Report},
};

/// All figures of a report that there are numbers for.
pub(crate) fn all(report: &Report, findings: &Analysis) -> Vec<Figure> {
    let candidates = report.candidates.as_slice();
    let way = findings.main_way();
    let axes = [Some(Axis::Macs), Some(Axis::Params), way.map(Axis::Latency)];
    let mut figures: Vec<Option<Figure>> = Vec::new();
    figures.extend(axes.into_iter().flatten().map(|axis| accuracy::chart(candidates, way, axis)));
    figures.push(density::bars(candidates, way));
    figures.extend(
        BreakdownMetric::ALL
            .map(|quantity| shares::bars(candidates, findings.profiled.as_ref(), quantity)),
    );
    figures.push(way.and_then(|way| roofline::chart(candidates, way)));
    figures.push(latency::chart(candidates, &findings.ways));
    let clouds = (1..).zip(&report.clouds);
    figures.extend(clouds.map(|(number, cloud)| space::chart(cloud, number, candidates, way)));
    figures.push(modules::bars(candidates, way));
    figures.into_iter().flatten().collect()
}

/// Whether a word is the id of a figure.
pub(crate) fn is_id(word: &str) -> bool {
    const IDS: [&str; 11] = [
        "accuracy-macs",
        "accuracy-params",
        "accuracy-latency",
        "density",
        "breakdown-params",
        "breakdown-macs",
        "breakdown-memory",
        "breakdown-time",
        "roofline",
        "latency",
        "modules",
    ];
    let number = word.strip_prefix("space-").and_then(|number| number.parse::<u32>().ok());
    IDS.contains(&word) || number.is_some()
}
