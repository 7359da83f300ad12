//! A picture.

use std::fmt::Write;

use inceptive_ir::Graph;

use super::{
    budget::{Drawing, fitting},
    geometry::{Point, Rect},
    label::Kind,
    layout::{Line, has_room},
    room::DrawError,
    scene::{Card, DETAIL_PX, Frame, LINE_PX, SHAPE_PX, Scene, TITLE_PX},
    view::Open,
};
use crate::text::{FONT, xml};

/// The network as a picture, laid out from top to bottom. A drawing that is too large is simplified.
///
/// # Errors
/// When there is no memory for the layout.
pub fn svg(graph: &Graph, open: &Open) -> Result<Drawing, DrawError> {
    let (view, simplified) = fitting(graph, open, &|view| has_room(view).is_ok());
    let scene = Scene::of(graph, &view, &|| false)?;
    Ok(Drawing { text: scene_svg(&scene, &|_| None), simplified })
}

/// How a card is filled instead of by its kind, by its position: its ground and its text, as red, green and blue.
pub type Fills<'a> = &'a dyn Fn(usize) -> Option<([u8; 3], [u8; 3])>;

/// A scene as a picture.
pub fn scene_svg(scene: &Scene, fills: Fills<'_>) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = paint(&mut out, scene, fills);
    out
}

fn paint(out: &mut String, scene: &Scene, fills: Fills<'_>) -> std::fmt::Result {
    let (width, height) = (scene.width.ceil(), scene.height.ceil());
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{FONT}\">"
    )?;
    out.push_str(STYLE);
    writeln!(out, "<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>")?;
    for frame in &scene.frames {
        draw_frame(out, frame)?;
    }
    for line in &scene.lines {
        path(out, line)?;
    }
    for (index, card) in scene.cards.iter().enumerate() {
        draw_card(out, card, fills(index))?;
    }
    out.push_str("</svg>\n");
    Ok(())
}

const STYLE: &str = "\
<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
<path d=\"M0,0.8 L8,4 L0,7.2 z\" fill=\"#5c636a\"/></marker></defs>\n";

fn draw_frame(out: &mut String, frame: &Frame) -> std::fmt::Result {
    let Rect { x, y, width, height } = frame.rect;
    let dash = if frame.is_auxiliary { " stroke-dasharray=\"5 4\"" } else { "" };
    let path = xml(frame.path.as_str());
    writeln!(
        out,
        "<g><title>{path}</title><rect class=\"frame\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"8\" fill=\"#5b6b7b\" fill-opacity=\"0.06\" stroke=\"#9aa7b4\"{dash}/>\
         <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{TITLE_PX}\" font-weight=\"bold\" fill=\"#4a5560\">{}</text></g>",
        x + 8.0,
        y + 16.0,
        xml(&frame.title)
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

fn draw_card(
    out: &mut String,
    card: &Card,
    filled: Option<([u8; 3], [u8; 3])>,
) -> std::fmt::Result {
    let Rect { x, y, width, height } = card.rect;
    let (fill, stroke) = card.kind.colors();
    let hex = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
    let (fill, strong, weak) = match filled {
        Some((ground, ink)) => (hex(ground), hex(ink), hex(ink)),
        None => (fill.to_owned(), "#1c2126".to_owned(), "#59626b".to_owned()),
    };
    let dash = if card.is_auxiliary { " stroke-dasharray=\"5 4\"" } else { "" };
    let radius = if card.kind == Kind::Input { height / 2.0 } else { 5.0 };
    writeln!(
        out,
        "<g><title>{}</title><rect class=\"card\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"{radius}\" fill=\"{fill}\" stroke=\"{stroke}\"{dash}/>",
        card.tooltip.lines().map(xml).collect::<Vec<String>>().join("\n")
    )?;
    let middle = x + width / 2.0;
    let mut baseline = y + 5.0 + LINE_PX * 0.75;
    for (text, size, style) in [
        (&card.title, TITLE_PX, format!("font-weight=\"bold\" fill=\"{strong}\"")),
        (&card.detail, DETAIL_PX, format!("fill=\"{strong}\"")),
        (&card.shape, SHAPE_PX, format!("fill=\"{weak}\"")),
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
        baseline += LINE_PX;
    }
    out.push_str("</g>\n");
    Ok(())
}
