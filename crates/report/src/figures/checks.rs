//! Checks of every figure: it is complete, nothing leaves its frame, and no text overlaps another.

use roxmltree::{Document, Node};

use inceptive_draw::chart::Figure;
use inceptive_draw::text::width_px;

/// A text with its place: left, top, right, bottom.
type Placed = (String, [f64; 4]);

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).unwrap().parse().unwrap()
}

/// All texts of a figure, with their places by the estimate of their widths.
fn texts(document: &Document<'_>) -> Vec<Placed> {
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let placed = |node: Node<'_, '_>| {
        let text = node.text().unwrap_or_default().trim().to_owned();
        let size = number(node, "font-size");
        assert!(size >= 11.0, "{text} is {size} pixels high");
        let (x, y, width) = (number(node, "x"), number(node, "y"), width_px(&text, size));
        let left = match node.attribute("text-anchor").unwrap() {
            "start" => x,
            "middle" => x - width / 2.0,
            "end" => x - width,
            other => panic!("{other}"),
        };
        (text, [left, y - size / 2.0, left + width, y + size / 2.0])
    };
    texts.map(placed).collect()
}

fn overlap(a: &[f64; 4], b: &[f64; 4]) -> bool {
    let apart = |low: usize, high: usize| a[high] <= b[low] + 0.5 || b[high] <= a[low] + 0.5;
    !apart(0, 2) && !apart(1, 3)
}

/// Checks a figure; returns its texts.
pub(super) fn check(figure: &Figure) -> Vec<String> {
    let id = &figure.id;
    let document = Document::parse(&figure.svg).unwrap_or_else(|e| panic!("{id}: {e}"));
    let root = document.root_element();
    let (width, height) = (number(root, "width"), number(root, "height"));
    let texts = texts(&document);
    for (index, (text, place)) in texts.iter().enumerate() {
        let [left, top, right, bottom] = *place;
        let is_inside = left >= 0.0 && top >= 0.0 && right <= width && bottom <= height;
        assert!(is_inside, "{id}: `{text}` leaves the frame: {place:?} of {width} x {height}");
        for (other, at) in &texts[index + 1..] {
            assert!(!overlap(place, at), "{id}: `{text}` {place:?} and `{other}` {at:?}");
        }
    }
    check_shapes(figure, &document);
    texts.into_iter().map(|(text, _)| text).collect()
}

/// Only the colours that pages know, and a title for every point.
fn check_shapes(figure: &Figure, document: &Document<'_>) {
    const COLORS: [&str; 12] = [
        "none", "#282C34", "#DADEE4", "#FFFFFF", "#E69F00", "#56B4E9", "#009E73", "#F0E442",
        "#0072B2", "#D55E00", "#CC79A7", "#999999",
    ];
    let id = &figure.id;
    for node in document.descendants() {
        for color in ["fill", "stroke"].into_iter().filter_map(|name| node.attribute(name)) {
            assert!(COLORS.contains(&color), "{id}: {color}");
        }
        let allowed =
            ["svg", "g", "rect", "circle", "polygon", "polyline", "line", "path", "text", "title"];
        assert!(!node.is_element() || allowed.contains(&node.tag_name().name()), "{id}: {node:?}");
    }
    let hits: Vec<_> =
        document.descendants().filter(|node| node.attribute("class") == Some("hit")).collect();
    assert!(!hits.is_empty(), "{id} has nothing to point at");
    for hit in hits {
        let title = hit.first_element_child().unwrap();
        assert!(title.has_tag_name("title"));
        let name = hit.attribute("data-name").unwrap();
        assert!(title.text().unwrap().starts_with(name), "{id}: {name}");
    }
}
