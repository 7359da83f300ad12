//! Figures as a part of the page.

use askama::{Template, filters::HtmlSafe};

use inceptive_draw::{chart::Figure, text::xml};

use crate::figures::{exploration_number, training_number};

/// A figure with its caption.
#[derive(Clone, Template)]
#[template(path = "figure.html")]
pub(super) struct Picture {
    id: String,
    /// One of several figures that show the same of different things is named so.
    tab: String,
    label: String,
    caption: String,
    svg: String,
}

impl HtmlSafe for Picture {}

/// A part of the page that figures belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Accuracy,
    /// Of the data set and recipe with this place, from 0: over the epochs.
    Curves(usize),
    /// Of the data set and recipe with this place, from 0: against cost.
    Trained(usize),
    Networks,
    Breakdown,
    Roofline,
    Latency,
    Variants,
    /// The search with this place in the report, from 0.
    Exploration(usize),
    /// The space with this place in the report, from 0.
    Space(usize),
}

impl Place {
    /// Where the figure with an id belongs.
    fn of(id: &str) -> Self {
        if let Some(number) = training_number(id) {
            let place = number.saturating_sub(1);
            return match id.ends_with("-loss") || id.ends_with("-validation") {
                true => Self::Curves(place),
                false => Self::Trained(place),
            };
        }
        if let Some(number) = exploration_number(id) {
            return Self::Exploration(number.saturating_sub(1));
        }
        let space = id.strip_prefix("space-").and_then(|number| number.parse::<usize>().ok());
        match (id, space) {
            (_, Some(number)) => Self::Space(number.saturating_sub(1)),
            (id, _) if id.starts_with("accuracy") || id == "density" => Self::Accuracy,
            (id, _) if id.starts_with("breakdown-") => Self::Breakdown,
            (id, _) if id.starts_with("roofline") => Self::Roofline,
            (id, _) if id.starts_with("latency") => Self::Latency,
            (id, _) if id.starts_with("modules") => Self::Variants,
            _ => Self::Networks,
        }
    }
}

impl Picture {
    fn new(figure: &Figure) -> Self {
        Self {
            id: format!("figure-{}", figure.id),
            tab: tab(figure).to_owned(),
            label: figure.title.clone(),
            caption: figure.alternative.clone(),
            svg: inline(&figure.svg, &figure.id, &figure.title),
        }
    }
}

/// The figures of a place, in their order.
pub(super) fn at(figures: &[Figure], place: Place) -> Vec<Picture> {
    figures.iter().filter(|figure| Place::of(&figure.id) == place).map(Picture::new).collect()
}

fn tab(figure: &Figure) -> &str {
    let id = figure.id.as_str();
    if training_number(id).is_some() {
        return match id.rsplit('-').next() {
            Some("macs") => "MACs",
            Some("validation") => "validation accuracy",
            Some("spaces") => "spaces",
            kind => kind.unwrap_or_default(),
        };
    }
    if exploration_number(id).is_some() {
        return match id.rsplit('-').next() {
            Some("found") => "accuracy and cost",
            Some("rungs") => "who went on",
            Some("slices") => "values",
            Some("interaction") => "two variables",
            kind => kind.unwrap_or_default(),
        };
    }
    match id {
        "accuracy-macs" | "breakdown-macs" => "MACs",
        "accuracy-params" | "breakdown-params" => "parameters",
        "accuracy-latency" => "latency",
        "breakdown-memory" => "memory",
        "breakdown-time" => "time",
        "density" => "accuracy density",
        _ => &figure.title,
    }
}

/// An SVG document as an element of a page: with a name, and ids that no other picture has.
pub(super) fn inline(svg: &str, prefix: &str, label: &str) -> String {
    let mut out = String::with_capacity(svg.len() + 256);
    let start = svg.find("<svg").unwrap_or(svg.len());
    // Text has no `<`, and what has to be renamed stands inside of tags.
    for (at, part) in svg[start..].split('<').enumerate().skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or((part, ""));
        out.push('<');
        let mut tag = tag
            .replace(" id=\"", &format!(" id=\"{prefix}-"))
            .replace("url(#", &format!("url(#{prefix}-"))
            .replace("href=\"#", &format!("href=\"#{prefix}-"));
        if at == 1 {
            let own = ["role", "aria-label", "xmlns"].into_iter().fold(tag, without);
            let name = xml(label);
            tag = own.replacen("svg", &format!("svg role=\"img\" aria-label=\"{name}\""), 1);
        }
        out.push_str(&tag);
        out.push('>');
        out.push_str(text);
    }
    out.trim_end().to_owned()
}

/// A tag without one of its attributes.
fn without(tag: String, attribute: &str) -> String {
    let Some((before, rest)) = tag.split_once(&format!(" {attribute}=\"")) else { return tag };
    let after = rest.split_once('"').map_or("", |(_, after)| after);
    format!("{before}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_different() {
        let svg = "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://x\" width=\"1\" aria-label=\"b\"><a id=\"x\"/><b marker=\"url(#x)\"/><t>id=\"x\" url(#x)</t></svg>\n";
        assert_eq!(
            inline(svg, "f1", "a \"b\""),
            "<svg role=\"img\" aria-label=\"a &quot;b&quot;\" width=\"1\"><a id=\"f1-x\"/><b marker=\"url(#f1-x)\"/>\
             <t>id=\"x\" url(#x)</t></svg>"
        );
    }

    #[test]
    fn every_figure_has_a_place() {
        assert_eq!(Place::of("accuracy-latency"), Place::Accuracy);
        assert_eq!(Place::of("space-2"), Place::Space(1));
        assert_eq!(Place::of("breakdown-time"), Place::Breakdown);
        assert_eq!(Place::of("training-2-loss"), Place::Curves(1));
        assert_eq!(Place::of("training-1-macs"), Place::Trained(0));
        assert_eq!(Place::of("exploration-3-rungs"), Place::Exploration(2));
        assert_eq!(Place::of("something-new"), Place::Networks);
    }
}
