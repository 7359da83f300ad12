//! `index.html`: everything in one file.

use askama::{Template, filters::HtmlSafe};

use super::{
    explored::Searches,
    latency::{Latency, measured},
    method::{Method, limits},
    network::Network,
    networks::Networks,
    picks::{Picks, shown_summary},
    picture::{Picture, Place, at},
    shown::Shown,
    spaces::Spaces,
    table::Table,
    training::Training,
    variants::Variants,
    words::{Name, plain_name},
};
use crate::report::{Analysis, Report};
use inceptive_draw::chart::Figure;
use inceptive_format::counted;

/// The page. Style and scripts are a part of it, so that it is one file that needs no other.
#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    style: &'static str,
    theme_script: &'static str,
    script: &'static str,
    title: String,
    heading: Name,
    scope: String,
    lead: Option<String>,
    facts: Vec<String>,
    contents: Vec<(&'static str, &'static str)>,
    picks: Option<Picks>,
    accuracy: Vec<Picture>,
    training: Option<Training>,
    searches: Option<Searches>,
    networks: Option<Networks>,
    shares: Option<Shares>,
    roofline: Option<Limits>,
    latency: Option<Latency>,
    variants: Option<Variants>,
    spaces: Option<Spaces>,
    method: Method,
}

/// The breakdown of parameters, compute, memory and time.
#[derive(Template)]
#[template(path = "shares.html")]
struct Shares {
    figures: Vec<Picture>,
    networks: Vec<Network>,
    left_out: Option<String>,
}

impl HtmlSafe for Shares {}

/// What the machines can do.
#[derive(Template)]
#[template(path = "roofline.html")]
struct Limits {
    figures: Vec<Picture>,
    table: Option<Table>,
}

impl HtmlSafe for Limits {}

/// The complete page.
pub(crate) fn html(report: &Report, findings: &Analysis, figures: &[Figure]) -> String {
    // Writing to a string does not fail, and no value of a template does.
    Page::new(report, findings, figures).render().unwrap_or_default()
}

impl Page {
    fn new(report: &Report, findings: &Analysis, figures: &[Figure]) -> Self {
        let candidates = report.candidates.as_slice();
        let shown = Shown::new(candidates, findings);
        let summary = shown_summary(candidates, findings);
        let all_measured = measured(candidates, findings, &shown);
        let mut page = Self {
            style: include_str!("../../templates/page.css"),
            theme_script: include_str!("../../templates/theme.js"),
            script: include_str!("../../templates/page.js"),
            title: plain_name(&report.title),
            heading: Name::new(&report.title),
            scope: summary.scope,
            lead: summary.lead,
            facts: summary.rest,
            contents: Vec::new(),
            picks: Picks::new(candidates, findings, &shown),
            accuracy: at(figures, Place::Accuracy),
            training: Training::new(candidates, findings, &shown, figures),
            searches: Searches::new(&report.explorations, figures),
            networks: Networks::new(candidates, findings, &shown, at(figures, Place::Networks)),
            shares: shares(report, findings, &shown, figures),
            roofline: roofline(findings, figures),
            latency: Latency::new(candidates, findings, &shown, at(figures, Place::Latency)),
            variants: Variants::new(candidates, findings, at(figures, Place::Variants)),
            spaces: Spaces::new(&report.clouds, figures),
            method: Method::new(report, findings, &shown, &all_measured),
        };
        page.contents = page.contents();
        page
    }

    /// The sections that there are.
    fn contents(&self) -> Vec<(&'static str, &'static str)> {
        let sections = [
            ("summary", "Summary", self.lead.is_some() || !self.facts.is_empty()),
            ("picks", "Recommendations", self.picks.is_some()),
            ("accuracy", "Accuracy", !self.accuracy.is_empty()),
            ("training", "Training", self.training.is_some()),
            ("explorations", "Explorations", self.searches.is_some()),
            ("networks", "Networks", self.networks.is_some()),
            ("breakdown", "Cost breakdown", self.shares.is_some()),
            ("roofline", "Roofline", self.roofline.is_some()),
            ("latency", "Latency", self.latency.is_some()),
            ("variants", "Variants", self.variants.is_some()),
            ("spaces", "Spaces", self.spaces.is_some()),
            ("method", "Method", true),
        ];
        sections
            .into_iter()
            .filter(|(_, _, is_there)| *is_there)
            .map(|(id, name, _)| (id, name))
            .collect()
    }
}

fn shares(
    report: &Report,
    findings: &Analysis,
    shown: &Shown,
    figures: &[Figure],
) -> Option<Shares> {
    let left_out = report.candidates.len() - shown.described.len();
    let shares = Shares {
        figures: at(figures, Place::Breakdown),
        networks: shown
            .described
            .iter()
            .map(|&at| Network::new(&report.candidates[at], at, findings))
            .collect(),
        left_out: (left_out > 0).then(|| counted(left_out, "network", "networks")),
    };
    (!shares.figures.is_empty() || !shares.networks.is_empty()).then_some(shares)
}

fn roofline(findings: &Analysis, figures: &[Figure]) -> Option<Limits> {
    let limits = Limits { figures: at(figures, Place::Roofline), table: limits(findings) };
    (!limits.figures.is_empty() || limits.table.is_some()).then_some(limits)
}
