//! Where counts and time are spent: a group of bars for each module; modules with the same path are side by side.

use egui::{Align2, ComboBox, FontId, Rect, RichText, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use inceptive_cost::by_module;
use inceptive_format::counted;
use inceptive_ir::Path;
use inceptive_report::BenchConfig;
use inceptive_results::{Conditions, Metric, ProfileRecord, Record, Source, Unit};

use super::{Compared, jump, legend};
use crate::{
    command::Commands,
    format::{milliseconds, ways},
    model::Model,
    results::Results,
    theme::{colors, series},
};

/// Height of a bar, and room between groups.
const BAR: f32 = 13.0;
const GAP: f32 = 8.0;

/// Width of names, and of numbers behind bars.
const NAME: f32 = 190.0;
const NUMBER: f32 = 110.0;

/// What bars show: what is a sum over the nodes of a module, and time by a profile.
const METRICS: [Metric; 4] =
    [Metric::Params, Metric::Macs, Metric::ActivationBytes, Metric::Latency];

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from counts")]
fn text(metric: Metric, value: f64) -> String {
    match metric.unit() {
        Unit::Milliseconds => milliseconds(value),
        _ => metric.exact(value as u64),
    }
}

/// Bars of modules.
pub(super) struct Modules {
    metric: Metric,
    depth: usize,
    /// The way in which profiles were made that are shown; that of most networks without a choice.
    way: Option<BenchConfig>,
    /// The ways that there are to choose from.
    found: Found,
}

impl Default for Modules {
    fn default() -> Self {
        Self { metric: Metric::Params, depth: 1, way: None, found: Found::default() }
    }
}

/// Ways in which networks were profiled. They are looked for again when what they follow from changes, for that takes
/// every network and profile together.
#[derive(Default)]
struct Found {
    of: Option<Basis>,
    ways: Vec<ProfiledWay>,
}

/// The data from which the configurations are derived.
#[derive(PartialEq)]
struct Basis {
    /// The reading of results.
    reading: u64,
    /// Fingerprints of the networks.
    networks: Vec<String>,
}

/// A way in which networks were profiled.
struct ProfiledWay {
    way: BenchConfig,
    /// The label that distinguishes it from the others.
    label: String,
    /// Engine and machine.
    about: String,
    /// For each network where among the profiles its latest one is that was made so.
    places: Vec<Option<usize>>,
}

impl Found {
    /// Looks for them again if need be.
    fn update(&mut self, networks: &[Compared<'_>], model: &Model) {
        let basis = Basis {
            reading: model.results.reading,
            networks: networks.iter().map(|it| it.network.fingerprint.clone()).collect(),
        };
        if self.of.as_ref() != Some(&basis) {
            self.ways = profiled_ways(&basis.networks, &model.results);
            self.of = Some(basis);
        }
    }
}

fn profiled_ways(networks: &[String], results: &Results) -> Vec<ProfiledWay> {
    let latest: Vec<Vec<&ProfileRecord>> =
        networks.iter().map(|network| results.profiles_of(network)).collect();
    let found = inceptive_report::profiled_ways(latest.iter().flatten().copied());
    let conditions: Vec<Conditions<'_>> = found.iter().map(BenchConfig::conditions).collect();
    let labels = ways(&conditions);
    let place = |all: &Vec<&ProfileRecord>, way: &BenchConfig| {
        let record = all.iter().find(|record| record.key() == way.conditions())?;
        results.profiles.iter().position(|stored| std::ptr::eq(&stored.result, *record))
    };
    let way = |(way, label): (BenchConfig, String)| ProfiledWay {
        label,
        about: about(&way),
        places: latest.iter().map(|all| place(all, &way)).collect(),
        way,
    };
    found.into_iter().zip(labels).map(way).collect()
}

/// A module with its value in each network that has it.
#[derive(Debug, PartialEq)]
struct Group {
    name: String,
    values: Vec<Option<f64>>,
}

impl Modules {
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        networks: &[Compared<'_>],
        model: &Model,
        commands: &mut Commands,
    ) {
        ui.horizontal_wrapped(|ui| {
            ui.strong("By module");
            for metric in METRICS {
                ui.selectable_value(&mut self.metric, metric, metric.label())
                    .on_hover_text(metric.description());
            }
            ui.separator();
            ui.label("depth");
            for depth in 1..=3 {
                ui.selectable_value(&mut self.depth, depth, depth.to_string())
                    .on_hover_text("Module depth: 1 for whole modules, 2 for their branches");
            }
            ui.separator();
            legend(ui, networks);
        });
        let way = match self.metric.source() {
            Source::Measured => self.way(ui, networks, model),
            Source::Counted | Source::Accuracy => None,
        };
        let way = way.and_then(|at| self.found.ways.get(at));
        let profile = |at: usize| {
            let place = way.and_then(|way| *way.places.get(at)?)?;
            Some(&model.results.profiles.get(place)?.result)
        };
        let values = |(at, network)| self.values(network, profile(at));
        let lists: Vec<_> = networks.iter().enumerate().map(values).collect();
        for (network, list) in networks.iter().zip(&lists) {
            if list.is_empty() {
                let so = if way.is_some() { " in this configuration" } else { "" };
                let text = format!("No profile of {}{so} yet: make one in Run.", network.name);
                ui.colored_label(colors(ui).weak, text);
            }
        }
        let mut groups = aligned(&lists);
        let all = groups.len();
        groups.retain(|group| group.values.iter().flatten().any(|&value| value > 0.0));
        let most = groups.iter().flat_map(|group| group.values.iter().flatten());
        let most = most.copied().fold(f64::MIN_POSITIVE, f64::max);
        if groups.len() < all {
            let [one, many] =
                ["module has no value and is omitted", "modules have no value and are omitted"];
            let text = counted(all - groups.len(), one, many);
            ui.label(RichText::new(text).small().color(colors(ui).weak));
        }
        for group in &groups {
            if self.group(ui, group, most).clicked() {
                let has = group.values.iter().rposition(Option::is_some);
                if let Some(network) = has.and_then(|at| networks.get(at)) {
                    jump(&network.file, Path::new(&group.name), model, commands);
                }
            }
        }
    }

    /// Draws the configuration of the compared profiles, as a menu if there are several; returns its index.
    fn way(&mut self, ui: &mut Ui, networks: &[Compared<'_>], model: &Model) -> Option<usize> {
        self.found.update(networks, model);
        let ways = &self.found.ways;
        let wanted = self.way.as_ref();
        let chosen = wanted.and_then(|wanted| {
            ways.iter().position(|it| it.way.conditions() == wanted.conditions())
        });
        let place = chosen.unwrap_or(0);
        let now = ways.get(place)?;
        let mut next = None;
        ui.horizontal(|ui| {
            ui.weak("Profiles with");
            if ways.len() == 1 {
                ui.label(&now.label).on_hover_text(&now.about);
                return;
            }
            let list = ComboBox::from_id_salt("way").selected_text(&now.label).width(280.0);
            let shown = list.show_ui(ui, |ui| {
                for (at, other) in ways.iter().enumerate() {
                    let count = other.places.iter().flatten().count();
                    let text = format!("{} ({count} of {})", other.label, other.places.len());
                    let label = ui.selectable_label(at == place, text);
                    if label.on_hover_text(&other.about).clicked() {
                        next = Some(at);
                    }
                }
            });
            let hover =
                format!("{}\nOnly profiles with the same configuration are compared", now.about);
            shown.response.on_hover_text(hover);
        });
        if let Some(other) = next.and_then(|at| ways.get(at)) {
            self.way = Some(other.way.clone());
        }
        Some(next.unwrap_or(place))
    }

    /// What each module of a network has of the metric, in execution order.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    fn values(
        &self,
        compared: &Compared<'_>,
        profile: Option<&ProfileRecord>,
    ) -> Vec<(String, f64)> {
        let network = compared.network;
        if self.metric.source() == Source::Measured {
            let parts = profile.map(|record| record.profile.by_module(self.depth));
            return parts.unwrap_or_default().into_iter().map(|it| (it.name, it.time_ms)).collect();
        }
        let modules = by_module(&network.architecture.graph, &network.cost, self.depth);
        let value = |totals| self.metric.total(totals).unwrap_or(0) as f64;
        modules.iter().map(|it| (it.path.to_string(), value(&it.totals))).collect()
    }

    fn group(&self, ui: &mut Ui, group: &Group, most: f64) -> egui::Response {
        let height = group.values.len() as f32 * BAR + GAP;
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
        let texts: Vec<String> = group
            .values
            .iter()
            .map(|value| value.map_or_else(|| "–".to_owned(), |value| text(self.metric, value)))
            .collect();
        let said = format!("{}: {}", group.name, texts.join(", "));
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &said));
        if !ui.is_rect_visible(rect) {
            return response;
        }
        if response.hovered() {
            ui.painter().rect_filled(rect, 3.0, ui.visuals().widgets.hovered.weak_bg_fill);
        }
        let (font, text) = (FontId::proportional(12.5), ui.visuals().text_color());
        let names = Rect::from_min_size(rect.min, vec2(NAME - 8.0, height));
        let mut job = egui::text::LayoutJob::simple_singleline(group.name.clone(), font, text);
        job.wrap = egui::text::TextWrapping::truncate_at_width(names.width());
        let galley = ui.painter().layout_job(job);
        let at = pos2(names.right() - galley.size().x, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, text);
        let room = (rect.width() - NAME - NUMBER).max(40.0);
        for (index, (value, text)) in group.values.iter().zip(&texts).enumerate() {
            let top = rect.top() + GAP / 2.0 + index as f32 * BAR;
            let width = room * (value.unwrap_or(0.0) / most) as f32;
            let bar = Rect::from_min_size(
                pos2(rect.left() + NAME, top + 1.0),
                vec2(width.max(if value.is_some() { 1.0 } else { 0.0 }), BAR - 2.0),
            );
            ui.painter().rect_filled(bar, 2.0, series(index));
            let at = pos2(bar.right() + 5.0, bar.center().y);
            let weak = colors(ui).weak;
            ui.painter().text(at, Align2::LEFT_CENTER, text, FontId::monospace(11.0), weak);
        }
        response.on_hover_text(format!("{said}\nClick to see it in the graph"))
    }
}

/// Engine and machine of a profile.
fn about(way: &BenchConfig) -> String {
    let BenchConfig { runtime, machine, .. } = way;
    format!("{} {} on {}", runtime.engine, runtime.engine_version, machine.cpu)
}

/// The modules of all lists: in the order of the first, with those of others behind what they follow there.
fn aligned(lists: &[Vec<(String, f64)>]) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![];
    for (index, list) in lists.iter().enumerate() {
        let mut next = 0;
        for (name, value) in list {
            let at = match groups.iter().position(|group| group.name == *name) {
                Some(at) => at,
                None => {
                    let values = vec![None; lists.len()];
                    groups.insert(next, Group { name: name.clone(), values });
                    next
                }
            };
            groups[at].values[index] = Some(*value);
            next = at + 1;
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_one_path_share_a_group() {
        let list = |names: &[&str]| names.iter().map(|&name| (name.to_owned(), 1.0)).collect();
        let groups = aligned(&[list(&["stem", "3a", "fc"]), list(&["stem", "3x", "3a", "tail"])]);
        let rows: Vec<_> = groups
            .iter()
            .map(|group| {
                (group.name.as_str(), group.values[0].is_some(), group.values[1].is_some())
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("stem", true, true),
                ("3x", false, true),
                ("3a", true, true),
                ("tail", false, true),
                ("fc", true, false)
            ]
        );
    }
}
