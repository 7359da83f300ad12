//! A report: its inputs and their analysis.

use crate::{
    candidate::NetworkEntry,
    cloud::Cloud,
    explored::Explored,
    networks::Networks,
    picks::{Recommendation, picks},
    summary::{Facts, Summary},
    training::{TrainingGroup, training},
    variants::{VariantCost, variants},
    way::{BenchConfig, profiled_way, ways},
};

/// The inputs of a report.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// The networks.
    pub candidates: Vec<NetworkEntry>,
    /// Spaces of networks.
    pub clouds: Vec<Cloud>,
    /// Searches in spaces.
    pub explorations: Vec<Explored>,
    /// The texts of the networks and spaces, as far as they may be published; without results.
    pub networks: Networks,
    /// What went wrong while it was gathered.
    pub warnings: Vec<String>,
    /// The command that makes the same report again, byte for byte.
    pub command: String,
    /// The version of this program.
    pub version: String,
}

/// The analysis of a report's networks.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The ways that they were measured in; the first is the one that most were measured in.
    pub ways: Vec<BenchConfig>,
    /// The way that most candidates were profiled in.
    pub profiled: Option<BenchConfig>,
    /// Which to take for a budget.
    pub picks: Vec<Recommendation>,
    /// Variants compared with their bases.
    pub variants: Vec<VariantCost>,
    /// Networks compared by training, by data set and recipe.
    pub training: Vec<TrainingGroup>,
    /// The report in sentences.
    pub summary: Summary,
}

impl Analysis {
    /// Draws conclusions.
    pub fn new(candidates: &[NetworkEntry]) -> Self {
        let ways = ways(candidates);
        let way = ways.first();
        let picks = picks(candidates, way);
        let variants = variants(candidates, way);
        let other_ways = ways.get(1..).unwrap_or_default();
        let training = training(candidates);
        let facts = Facts {
            candidates,
            way,
            other_ways,
            picks: &picks,
            variants: &variants,
            training: &training,
        };
        let summary = Summary::new(&facts);
        Self { profiled: profiled_way(candidates), ways, picks, variants, training, summary }
    }

    /// The way that most candidates were measured in.
    pub fn main_way(&self) -> Option<&BenchConfig> {
        self.ways.first()
    }
}
