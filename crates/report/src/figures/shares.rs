//! Where the parameters and the MACs of each network are, by kind of layer.

use inceptive_ir::{BatchNorm, Conv, Graph, NodeId, Op, Size};
use plotters::{coord::Shift, prelude::*, style::text_anchor::HPos};

use super::{FAINT, pixel, text_style, text_width};
use crate::{
    candidate::Candidate,
    numbers::short_count,
    text::{clean, shortened},
};

const WIDTH: u32 = 1000;
const ROW: u32 = 26;
const TOP: u32 = 92;
const BOTTOM: u32 = 40;

/// Where the bars begin and end, in pixels.
const BARS: (i32, i32) = (270, 910);

/// Size of names and numbers, in pixels.
const SMALL: f64 = 12.0;

/// A kind of layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Pointwise,
    Spatial,
    Asymmetric,
    Depthwise,
    Linear,
    Norm,
}

impl Layer {
    const ALL: [Self; 6] = [
        Self::Pointwise,
        Self::Spatial,
        Self::Asymmetric,
        Self::Depthwise,
        Self::Linear,
        Self::Norm,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Pointwise => "1x1 conv",
            Self::Spatial => "k x k conv",
            Self::Asymmetric => "1 x n conv",
            Self::Depthwise => "grouped conv",
            Self::Linear => "linear",
            Self::Norm => "normalisation",
        }
    }

    /// Colours of Okabe and Ito, which people with any colour vision tell apart.
    const fn color(self) -> RGBColor {
        match self {
            Self::Pointwise => RGBColor(86, 180, 233),
            Self::Spatial => RGBColor(0, 114, 178),
            Self::Asymmetric => RGBColor(0, 158, 115),
            Self::Depthwise => RGBColor(240, 228, 66),
            Self::Linear => RGBColor(213, 94, 0),
            Self::Norm => RGBColor(204, 121, 167),
        }
    }

    /// The kind of a node; none if it has neither parameters nor MACs.
    fn of(graph: &Graph, id: NodeId) -> Option<Self> {
        match &graph.node(id).op {
            Op::Conv(Conv { groups: 2.., .. }) => Some(Self::Depthwise),
            Op::Conv(Conv { kernel, .. }) => Some(match *kernel {
                Size { height: 1, width: 1 } => Self::Pointwise,
                Size { height: 1, .. } | Size { width: 1, .. } => Self::Asymmetric,
                Size { .. } => Self::Spatial,
            }),
            Op::Linear(_) => Some(Self::Linear),
            Op::BatchNorm(BatchNorm { .. }) => Some(Self::Norm),
            Op::Input(_)
            | Op::Lrn(_)
            | Op::Activation(_)
            | Op::Pool(_)
            | Op::GlobalPool(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::Concat
            | Op::Add { .. }
            | Op::Multiply
            | Op::Flatten
            | Op::Dropout { .. }
            | Op::Softmax
            | Op::ChannelShuffle { .. } => None,
        }
    }
}

/// What is shared out.
#[derive(Clone, Copy)]
enum Quantity {
    Params,
    Macs,
}

/// Bars of the parameters.
pub(crate) fn where_params(candidates: &[Candidate]) -> String {
    bars(candidates, Quantity::Params, "Where the parameters are")
}

/// Bars of the MACs.
pub(crate) fn where_macs(candidates: &[Candidate]) -> String {
    bars(candidates, Quantity::Macs, "Where the multiply-accumulates are")
}

/// The counts by kind of layer, in the order of [`Layer::ALL`].
fn shares(candidate: &Candidate, quantity: Quantity) -> [u64; 6] {
    let mut shares = [0; 6];
    for node in &candidate.cost.nodes {
        let Some(layer) = Layer::of(&candidate.graph, node.id) else { continue };
        shares[layer as usize] += match quantity {
            Quantity::Params => node.params,
            Quantity::Macs => node.macs,
        };
    }
    shares
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn bars(candidates: &[Candidate], quantity: Quantity, title: &str) -> String {
    let rows = u32::try_from(candidates.len()).unwrap_or(u32::MAX).min(10_000);
    let height = TOP + ROW * rows + BOTTOM;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        // Drawing into a string does not fail.
        let _ = draw(&root, &candidates[..rows as usize], quantity, title, height);
    }
    svg
}

fn draw(
    root: &Area<'_>,
    candidates: &[Candidate],
    quantity: Quantity,
    title: &str,
    height: u32,
) -> Drawn {
    root.fill(&WHITE)?;
    root.draw(&Text::new(title.to_owned(), (24, 26), text_style(18.0, HPos::Left)))?;
    let all: Vec<[u64; 6]> =
        candidates.iter().map(|candidate| shares(candidate, quantity)).collect();
    key(root, &all)?;
    axis(root, height)?;
    for ((row, candidate), shares) in (0_u32..).zip(candidates).zip(&all) {
        let top = i32::try_from(TOP + ROW * row).unwrap_or(i32::MAX);
        bar(root, top, &candidate.name, shares)?;
    }
    Ok(())
}

/// The kinds of layers that occur.
fn key(root: &Area<'_>, all: &[[u64; 6]]) -> Drawn {
    let style = text_style(SMALL, HPos::Left);
    let mut x = BARS.0;
    for layer in Layer::ALL {
        if all.iter().all(|shares| shares[layer as usize] == 0) {
            continue;
        }
        root.draw(&Rectangle::new([(x, 54), (x + 12, 66)], layer.color().filled()))?;
        root.draw(&Text::new(layer.name(), (x + 17, 60), style.clone()))?;
        x += 17 + text_width(layer.name(), SMALL) + 18;
    }
    Ok(())
}

/// Lines at every fifth, percent below.
fn axis(root: &Area<'_>, height: u32) -> Drawn {
    let style = text_style(SMALL, HPos::Center);
    let bottom = i32::try_from(height - BOTTOM).unwrap_or(i32::MAX);
    let top = i32::try_from(TOP).unwrap_or(0) - 6;
    for fifth in 0..=5 {
        let x = BARS.0 + (BARS.1 - BARS.0) * fifth / 5;
        root.draw(&PathElement::new(vec![(x, top), (x, bottom)], FAINT))?;
        let text = format!("{}%", 20 * fifth);
        root.draw(&Text::new(text, (x, bottom + 14), style.clone()))?;
    }
    Ok(())
}

fn bar(root: &Area<'_>, top: i32, name: &str, shares: &[u64; 6]) -> Drawn {
    let middle = top + 9;
    let name = shortened(&clean(name), SMALL, f64::from(BARS.0 - 30)).into_owned();
    root.draw(&Text::new(name, (BARS.0 - 10, middle), text_style(SMALL, HPos::Right)))?;
    let total: u64 = shares.iter().sum();
    let mut before = 0;
    for (layer, share) in Layer::ALL.into_iter().zip(shares) {
        let ends = [before, before + share].map(|sum| BARS.0 + along(sum, total));
        if ends[0] < ends[1] {
            let corners = [(ends[0], top), (ends[1], top + 17)];
            root.draw(&Rectangle::new(corners, layer.color().filled()))?;
        }
        before += share;
    }
    root.draw(&Text::new(
        short_count(total),
        (BARS.1 + 10, middle),
        text_style(SMALL, HPos::Left),
    ))?;
    Ok(())
}

/// A part of the bar's length, in pixels.
#[expect(clippy::cast_precision_loss, reason = "a place in a chart")]
fn along(part: u64, whole: u64) -> i32 {
    pixel(f64::from(BARS.1 - BARS.0) * part as f64 / whole.max(1) as f64)
}
