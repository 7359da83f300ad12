//! `inceptive inspect`.

use std::{num::NonZeroU32, path::PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use inceptive_app::{
    EvaluateError, EvaluationSource, InspectedNetwork, InspectionPlan, NEVER, WeightSource,
    inspect_trained,
};
use inceptive_bench::{Isa, available_memory};
use inceptive_data::{DataName, Dataset, Places, load};
use inceptive_draw::{Card, Open, Scene, scene_svg};
use inceptive_files::replace_file;
use inceptive_format::{decimals, exact};
use inceptive_ir::{Graph, passes};
use inceptive_train::{
    Machine,
    inspect::{BranchState, InspectionResult, LayerState},
};
use serde_json::{Value, json};

use super::evaluate::{ShareBar, SplitName, interval};
use crate::{
    input::{self, MatchName, Settings},
    machinery::{positive, thread_count},
    output::{self, Outcome},
    table::{Column, Grid},
};

/// Inspect a trained network: near-zero channels, dead ReLUs, ranks, gradients, and the accuracy lost without each branch.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive inspect architectures/small/bn.yaml --weights bn.safetensors --data fashion-mnist
  inceptive inspect my.yaml --weights my.safetensors --data cifar10 --svg branches.svg
  inceptive inspect my.yaml --weights my.safetensors --data cifar10 --layers",
    after_help = "Near zero: channels whose kernel norm, with the normalisation folded in, is below 1 % of the
largest one in the layer. Dead: channels whose ReLU outputs 0 on all images. Rank: effective rank
of the output; its maximum is the number of channels. Gradient: norm of the gradient of the weights
in training steps. Lost: top-1 accuracy lost without the branch, in percentage points. Validation
images are used unless --split says otherwise, so that design choices do not depend on the test
images. docs/evaluating.md defines all columns."
)]
pub struct Inspect {
    /// An architecture, or a space with --set
    #[arg(value_name = "NETWORK")]
    file: PathBuf,
    /// Checkpoint or safetensors file with weights
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// How to match the tensors of --weights to layers
    #[arg(long = "match", value_name = "BY", default_value = "names")]
    match_by: MatchName,
    /// The data set, see `inceptive data`
    #[arg(long, value_name = "NAME")]
    data: DataName,
    /// The images for accuracies and feature maps
    #[arg(long, value_name = "SPLIT", default_value = "validation")]
    split: SplitName,
    /// Maximum number of images for which feature maps are computed
    #[arg(long, value_name = "N", default_value = "512", value_parser = positive)]
    images: NonZeroU32,
    /// Threads; default: all cores
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    /// Also print a row for each layer
    #[arg(long)]
    layers: bool,
    /// Write a drawing of the network, coloured by values
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Values that colour the drawing
    #[arg(long, value_name = "VALUE", default_value = "lost", requires = "svg")]
    color: Shade,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// The values that colour the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shade {
    /// Top-1 accuracy lost without the branch
    Lost,
    /// Share of near-zero channels
    NearZero,
    /// Share of dead channels
    Dead,
}

impl Inspect {
    /// Inspects the network.
    ///
    /// # Errors
    /// When network, weights and data do not fit together, or the drawing cannot be written.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let data = load(&self.data, &Places::from_env(), available_memory(), &NEVER)?;
        let threads =
            self.threads.unwrap_or_else(|| inceptive_bench::this_machine().default_threads());
        let weights = WeightSource {
            file: Some(self.weights.clone()),
            match_by: self.match_by.into(),
            seed: 0,
        };
        let settings = self.settings.all();
        let plan = InspectionPlan {
            network: EvaluationSource { file: self.file.clone(), settings, weights },
            part: self.split.into(),
            images: self.images.get() as usize,
            machine: Machine {
                threads: threads.get() as usize,
                isa: Isa::best(),
                most_bytes: available_memory(),
            },
        };
        let bar = ShareBar::new();
        let mut listen = |share: f64| bar.show(share);
        let found = inspect_trained(&plan, &data, &NEVER, &mut listen);
        bar.finish();
        let found = match found {
            Ok(found) => found,
            Err(EvaluateError::Read(error)) => {
                input::report(&error);
                return Ok(Outcome { text: String::new(), failed: true });
            }
            Err(error) => bail!(error),
        };
        found.notes.iter().for_each(input::print_note);
        let nan_images = found.result.nan_images;
        if nan_images > 0 {
            output::warn(&format!(
                "error: the network outputs NaN for {}, which are counted as wrong; check the weights",
                plan.part.counted(nan_images)
            ));
        }
        if let Some(path) = &self.svg {
            let graph = passes::inference(&found.architecture.graph)?;
            let picture = self.color.picture(&graph, &found.result)?;
            replace_file(path, picture.as_bytes(), &found.inputs)?;
            output::wrote(path);
        }
        let text = match self.json {
            true => output::json(&document(&plan, &data, &found)?)?,
            false => self.page(&plan, &data, &found),
        };
        Ok(Outcome { text, failed: nan_images > 0 })
    }

    fn page(&self, plan: &InspectionPlan, data: &Dataset, found: &InspectedNetwork) -> String {
        let result = &found.result;
        let [top1, range] = interval(result.top1, 2);
        let mut text = format!(
            "{}: top-1 {top1} % ({range}) of {} of {}; feature maps of {}, gradients of {} training images\n\n",
            found.architecture.name,
            plan.part.counted(result.evaluated),
            data.name,
            exact(result.images as u64),
            exact(result.trained as u64),
        );
        text.push_str(&branches(&result.branches));
        if self.layers {
            text.push('\n');
            text.push_str(&layers(&result.layers));
        }
        text
    }
}

/// A share in percent, or `-` if there is none.
fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| decimals(100.0 * share, 1))
}

/// An effective rank and the number of channels, its maximum.
fn rank(rank: Option<f64>, channels: usize) -> String {
    rank.map_or_else(|| "-".to_owned(), |rank| format!("{} of {channels}", decimals(rank, 1)))
}

fn gradient(norm: Option<f64>) -> String {
    norm.map_or_else(|| "-".to_owned(), |norm| format!("{norm:.2e}"))
}

fn branches(branches: &[BranchState]) -> String {
    if branches.is_empty() {
        return "The network has no branches.\n".to_owned();
    }
    let mut grid = Grid::new(vec![
        Column::Left("branch"),
        Column::Left("into"),
        Column::Right("near-zero channels %"),
        Column::Right("near-zero weights %"),
        Column::Right("dead %"),
        Column::Right("rank"),
        Column::Right("gradient"),
        Column::Right("top-1 lost"),
        Column::Left("interval"),
    ]);
    for branch in branches {
        let [lost, range] = interval(branch.top1_lost, 2);
        grid.row(vec![
            branch.name.clone(),
            branch.join.clone(),
            percent(branch.near_zero_channels),
            percent(branch.near_zero_weights),
            percent(branch.dead),
            rank(branch.effective_rank, branch.channels),
            gradient(branch.gradient),
            lost,
            range,
        ]);
    }
    grid.render()
}

fn layers(layers: &[LayerState]) -> String {
    let mut grid = Grid::new(vec![
        Column::Left("layer"),
        Column::Right("channels"),
        Column::Right("near zero"),
        Column::Right("near-zero weights %"),
        Column::Right("dead"),
        Column::Right("rank"),
        Column::Right("gradient"),
    ]);
    for layer in layers {
        let channels = layer.norms.len();
        let dead = layer.dead.as_ref().map(|dead| dead.len().to_string());
        grid.row(vec![
            layer.path.clone(),
            channels.to_string(),
            layer.near_zero_channels.to_string(),
            percent(Some(layer.near_zero_weights)),
            dead.unwrap_or_else(|| "-".to_owned()),
            rank(layer.effective_rank, channels),
            gradient(Some(layer.gradient)),
        ]);
    }
    grid.render()
}

fn document(
    plan: &InspectionPlan,
    data: &Dataset,
    found: &InspectedNetwork,
) -> anyhow::Result<Value> {
    let mut document = json!({
        "name": found.architecture.name,
        "file": plan.network.file,
        "weights": plan.network.weights.file,
        "data": data.name,
        "split": plan.part.name(),
    });
    if let (Value::Object(head), Value::Object(rest)) =
        (&mut document, serde_json::to_value(&found.result)?)
    {
        head.extend(rest);
    }
    Ok(document)
}

impl Shade {
    /// The network with each card in the colour of its value.
    fn picture(self, graph: &Graph, result: &InspectionResult) -> anyhow::Result<String> {
        let mut scene = Scene::new(graph, &Open::All)?;
        let values: Vec<Option<f64>> =
            scene.cards.iter().map(|card| self.value(graph, result, card)).collect();
        let largest = match self {
            Self::Lost => values.iter().flatten().copied().fold(0.0, f64::max),
            Self::NearZero | Self::Dead => 1.0,
        };
        for (card, value) in scene.cards.iter_mut().zip(&values) {
            let Some(value) = *value else { continue };
            let (short, long) = match self {
                Self::Lost => {
                    (format!("{} lost", decimals(value, 2)), "top-1 lost without the branch")
                }
                Self::NearZero => (format!("{} %", percent(Some(value))), "near-zero channels"),
                Self::Dead => (format!("{} %", percent(Some(value))), "dead channels"),
            };
            card.tooltip.push_str(&format!("\n{long}: {short}"));
            card.shape = short;
        }
        let share =
            |value: f64| if largest > 0.0 { (value / largest).clamp(0.0, 1.0) } else { 0.0 };
        let value = |card: usize| values.get(card).copied().flatten();
        let color = |card| Some(value(card).map_or(NONE, |value| colors(share(value))));
        Ok(scene_svg(&scene, &color))
    }

    /// The value of a card: of its layer, or of its branch.
    fn value(self, graph: &Graph, result: &InspectionResult, card: &Card) -> Option<f64> {
        let mut paths = card.nodes.iter().map(|id| &graph.node(*id).path);
        let layer = || card.nodes.iter().find_map(|id| result.layer(&graph.node(*id).path));
        match self {
            Self::Lost => {
                paths.find_map(|path| result.branch_of(path)).map(|branch| branch.top1_lost.value)
            }
            Self::NearZero => {
                let layer = layer()?;
                Some(layer.near_zero_channels as f64 / layer.norms.len().max(1) as f64)
            }
            Self::Dead => {
                let layer = layer()?;
                Some(layer.dead.as_ref()?.len() as f64 / layer.norms.len().max(1) as f64)
            }
        }
    }
}

/// Background and text colour of a card without a value.
const NONE: ([u8; 3], [u8; 3]) = ([236, 238, 241], [92, 99, 106]);

/// Background and text colour of a card: from white to a dark red, on which text is white.
fn colors(share: f64) -> ([u8; 3], [u8; 3]) {
    const FULL: [f64; 3] = [165.0, 15.0, 21.0];
    let ground = FULL.map(|full| (255.0 + share * (full - 255.0)).round() as u8);
    (ground, if share > 0.5 { [255; 3] } else { [28, 33, 38] })
}
