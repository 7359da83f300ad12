//! Charts of many networks.
//!
//! [`inceptive_draw::chart`] has the parts that they share.
//!
//! | file | makes |
//! |---|---|
//! | `accuracy`, `density` | accuracy against cost, and for each parameter |
//! | `shares` | parameters, MACs, memory and time by kind of layer |
//! | `roofline`, `latency` | measurements |
//! | `curves`, `trained` | training runs: over the epochs, and accuracy against cost |
//! | `distribution` | errors of the networks of spaces |
//! | `explored`, `slices` | searches in spaces |
//! | `space`, `squares`, `modules` | spaces of networks, single modules |
//! | `against` | common parts of charts of accuracy against cost |
//! | `facts` | tooltips of networks |

mod accuracy;
mod against;
mod curves;
mod density;
mod distribution;
mod explored;
mod facts;
mod latency;
mod modules;
mod roofline;
mod shares;
mod slices;
mod space;
mod squares;
mod trained;

#[cfg(test)]
mod checks;
#[cfg(test)]
mod tests;

use inceptive_draw::chart::Figure;

use crate::{
    axis::Axis,
    layer::BreakdownMetric,
    report::{Analysis, Report},
    training::MOST_GROUPS,
};

use curves::Curve;

/// All figures of a report that there are numbers for.
pub(crate) fn all(report: &Report, findings: &Analysis) -> Vec<Figure> {
    let candidates = report.candidates.as_slice();
    let way = findings.main_way();
    let axes = [Some(Axis::Macs), Some(Axis::Params), way.map(Axis::Latency)];
    let mut figures: Vec<Option<Figure>> = Vec::new();
    figures.extend(axes.into_iter().flatten().map(|axis| accuracy::chart(candidates, way, axis)));
    figures.push(density::bars(candidates, way));
    for (number, group) in (1..).zip(findings.training.iter().take(MOST_GROUPS)) {
        figures.extend(Curve::ALL.map(|curve| curves::chart(candidates, number, group, curve)));
        let axes = [Some(Axis::Macs), way.map(Axis::Latency)].into_iter().flatten();
        figures.extend(axes.map(|axis| trained::chart(candidates, number, group, way, axis)));
        figures.push(distribution::chart(candidates, number, group));
    }
    for (number, searched) in (1..).zip(&report.explorations) {
        figures.extend(explored::charts(searched, number));
        figures.extend(slices::charts(searched, number));
    }
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
    IDS.contains(&word)
        || number.is_some()
        || training_number(word).is_some()
        || exploration_number(word).is_some()
}

/// The number of the search that a figure is of, from 1; `None` for other figures.
pub(crate) fn exploration_number(id: &str) -> Option<usize> {
    const KINDS: [&str; 5] = ["found", "rungs", "importance", "slices", "interaction"];
    let (number, kind) = id.strip_prefix("exploration-")?.split_once('-')?;
    KINDS.contains(&kind).then(|| number.parse().ok()).flatten()
}

/// The number of the data set and recipe that a figure about training is of, from 1; `None` for other figures.
pub(crate) fn training_number(id: &str) -> Option<usize> {
    const KINDS: [&str; 5] = ["loss", "validation", "macs", "latency", "spaces"];
    let (number, kind) = id.strip_prefix("training-")?.split_once('-')?;
    KINDS.contains(&kind).then(|| number.parse().ok()).flatten()
}
