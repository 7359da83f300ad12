//! A picture.

use std::fmt::Write;

use inceptive_ir::Graph;

use super::{
    label::{Kind, Label, label},
    layout::{Layout, Line, Point, Rect, is_head, layout, shown_name},
    view::View,
};
use crate::text::{FONT, bold_width_px, clean, shortened, width_px, xml};

/// Sizes of text, in pixels.
const TITLE: f64 = 12.0;
const DETAIL: f64 = 11.0;
const SHAPE: f64 = 10.0;

/// From one line of a card to the next, in pixels.
const LINE: f64 = 15.0;

/// The widest text of a card, in pixels.
const WIDEST: f64 = 240.0;

/// The network as a picture, laid out from top to bottom; modules `depth` path segments down are
/// closed boxes, and every step is shown if there is no depth.
pub fn svg(graph: &Graph, depth: Option<usize>) -> String {
    let view = View::new(graph, depth);
    let cards: Vec<Card> =
        (0..view.blocks.len()).map(|block| Card::new(label(graph, &view, block))).collect();
    let sizes: Vec<(f64, f64)> = cards.iter().map(Card::size).collect();
    let picture = layout(&view, &sizes);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = paint(&mut out, &view, &cards, &picture);
    out
}

/// The words of a block, cut to the widest that is shown.
struct Card {
    label: Label,
    title: String,
    detail: String,
    shape: String,
}

impl Card {
    fn new(label: Label) -> Self {
        let cut = |text: &str, size: f64| shortened(&clean(text), size, WIDEST).into_owned();
        Self {
            title: cut(&label.title, TITLE * 1.13),
            detail: cut(&label.detail, DETAIL),
            shape: cut(&label.shape, SHAPE),
            label,
        }
    }

    fn lines(&self) -> usize {
        [&self.title, &self.detail, &self.shape].into_iter().filter(|text| !text.is_empty()).count()
    }

    #[expect(clippy::cast_precision_loss, reason = "at most three lines")]
    fn size(&self) -> (f64, f64) {
        let widths = [
            bold_width_px(&self.title, TITLE),
            width_px(&self.detail, DETAIL),
            width_px(&self.shape, SHAPE),
        ];
        let width = widths.into_iter().fold(40.0, f64::max);
        ((width + 20.0).ceil(), LINE * self.lines() as f64 + 10.0)
    }
}

fn paint(out: &mut String, view: &View, cards: &[Card], picture: &Layout) -> std::fmt::Result {
    let (width, height) = (picture.width.ceil(), picture.height.ceil());
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{FONT}\">"
    )?;
    out.push_str(STYLE);
    writeln!(out, "<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>")?;
    for &(module, rect) in &picture.frames {
        frame(out, view, module, rect)?;
    }
    for line in &picture.lines {
        path(out, line)?;
    }
    for ((block, card), rect) in view.blocks.iter().zip(cards).zip(&picture.cards) {
        draw_card(out, card, *rect, block.is_auxiliary)?;
    }
    out.push_str("</svg>\n");
    Ok(())
}

const STYLE: &str = "\
<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
<path d=\"M0,0.8 L8,4 L0,7.2 z\" fill=\"#5c636a\"/></marker></defs>\n";

fn frame(out: &mut String, view: &View, module: usize, rect: Rect) -> std::fmt::Result {
    let Rect { x, y, width, height } = rect;
    let dash = if is_head(view, module) { " stroke-dasharray=\"5 4\"" } else { "" };
    let path = xml(view.modules[module].path.as_str());
    writeln!(
        out,
        "<g><title>{path}</title><rect class=\"frame\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"8\" fill=\"#5b6b7b\" fill-opacity=\"0.06\" stroke=\"#9aa7b4\"{dash}/>\
         <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{TITLE}\" font-weight=\"bold\" fill=\"#4a5560\">{}</text></g>",
        x + 8.0,
        y + 16.0,
        xml(&shown_name(view, module))
    )
}

fn path(out: &mut String, line: &Line) -> std::fmt::Result {
    let arrow = if line.has_arrow { " marker-end=\"url(#arrow)\"" } else { "" };
    let dash = if line.is_auxiliary { " stroke-dasharray=\"5 4\"" } else { "" };
    writeln!(
        out,
        "<path class=\"line\" data-source=\"{}\" d=\"{}\" fill=\"none\" stroke=\"#5c636a\" \
         stroke-width=\"1.2\"{dash}{arrow}/>",
        line.source,
        rounded(&line.points)
    )
}

/// A path through the points with round corners.
fn rounded(points: &[Point]) -> String {
    let mut path = String::new();
    for (index, point) in points.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = match (index, points.get(index + 1)) {
            (0, _) => write!(path, "M{:.1},{:.1}", point.x, point.y),
            (_, None) => write!(path, " L{:.1},{:.1}", point.x, point.y),
            (_, Some(next)) => {
                let (start, end) = (toward(*point, points[index - 1]), toward(*point, *next));
                write!(
                    path,
                    " L{:.1},{:.1} Q{:.1},{:.1} {:.1},{:.1}",
                    start.x, start.y, point.x, point.y, end.x, end.y
                )
            }
        };
    }
    path
}

/// A point near `from` on the way to `to`, at most halfway.
fn toward(from: Point, to: Point) -> Point {
    let distance = (to.x - from.x).hypot(to.y - from.y);
    let part = if distance > 0.0 { (10.0 / distance).min(0.5) } else { 0.0 };
    Point { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
}

fn draw_card(out: &mut String, card: &Card, rect: Rect, is_auxiliary: bool) -> std::fmt::Result {
    let Rect { x, y, width, height } = rect;
    let (fill, stroke) = card.label.kind.colors();
    let dash = if is_auxiliary { " stroke-dasharray=\"5 4\"" } else { "" };
    let radius = if card.label.kind == Kind::Input { height / 2.0 } else { 5.0 };
    writeln!(
        out,
        "<g><title>{}</title><rect class=\"card\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"{radius}\" fill=\"{fill}\" stroke=\"{stroke}\"{dash}/>",
        card.label.tooltip.lines().map(xml).collect::<Vec<String>>().join("\n")
    )?;
    let middle = x + width / 2.0;
    let mut baseline = y + 5.0 + LINE * 0.75;
    for (text, size, style) in [
        (&card.title, TITLE, "font-weight=\"bold\" fill=\"#1c2126\""),
        (&card.detail, DETAIL, "fill=\"#1c2126\""),
        (&card.shape, SHAPE, "fill=\"#59626b\""),
    ] {
        if text.is_empty() {
            continue;
        }
        writeln!(
            out,
            "<text x=\"{middle:.1}\" y=\"{baseline:.1}\" font-size=\"{size}\" text-anchor=\"middle\" \
             {style}>{}</text>",
            xml(text)
        )?;
        baseline += LINE;
    }
    out.push_str("</g>\n");
    Ok(())
}
