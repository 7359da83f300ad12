//! The stages of a search.

use egui::{
    Label, TextStyle, Ui,
    text::{LayoutJob, TextFormat},
    vec2,
};
use inceptive_format::{counted, exact};
use inceptive_results::{CountedSpace, Exploration};

use super::list::Shown;
use crate::{model::Stage, theme::colors};

/// How far a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Done,
    Running,
    Planned,
}

/// Draws the stages: what was counted, each rung, latencies and finalists.
pub(super) fn ui(ui: &mut Ui, shown: Shown<'_>) {
    let counted = match shown {
        Shown::Live(job) => job.search.counted.as_ref(),
        Shown::Stored(stored) => Some(&stored.result.counted),
    };
    let mut stages = vec![match counted {
        Some(counted) => (space(counted), State::Done),
        None => ("count all networks".to_owned(), State::Running),
    }];
    if let Some(exploration) = shown.exploration() {
        let now = match shown {
            _ if exploration.is_finished() => Now::Over,
            Shown::Live(job) => job.search.stage.map_or(Now::Planned, Now::At),
            Shown::Stored(_) => Now::Planned,
        };
        stages.extend(planned(exploration, now));
    }
    let font = TextStyle::Small.resolve(ui.style());
    let (palette, strong) = (colors(ui), ui.visuals().text_color());
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(14.0, 1.0);
        for (text, state) in stages {
            let (word, color, color_of_text) = match state {
                State::Done => ("done", palette.good, strong),
                State::Running => ("now", palette.accent, strong),
                State::Planned => ("planned", palette.weak, palette.weak),
            };
            let mut job = LayoutJob::default();
            job.append(word, 0.0, TextFormat::simple(font.clone(), color));
            job.append(&text, 4.0, TextFormat::simple(font.clone(), color_of_text));
            ui.add(Label::new(job).extend());
        }
    });
}

/// Where a search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Now {
    Planned,
    At(Stage),
    Over,
}

fn space(counted: &CountedSpace) -> String {
    let what = match counted.complete {
        true => format!("all {} networks were counted", exact(counted.points)),
        false => format!("{} networks, drawn at random, were counted", exact(counted.points)),
    };
    format!("{what}; {} satisfy all conditions", exact(counted.feasible))
}

/// The stages after counting.
fn planned(exploration: &Exploration, now: Now) -> Vec<(String, State)> {
    let rungs = exploration.rungs.len();
    let at = match now {
        Now::Planned => None,
        Now::At(Stage::Rung(rung)) => Some(rung),
        Now::At(Stage::Measuring) => Some(rungs),
        Now::At(Stage::Finalists) => Some(rungs + 1),
        Now::Over => Some(rungs + 2),
    };
    let state = |stage: usize| match at {
        Some(at) if stage < at => State::Done,
        Some(at) if stage == at => State::Running,
        _ => State::Planned,
    };
    let rung = |(place, [epochs, networks]): (usize, &[u32; 2])| {
        let networks = counted(*networks as usize, "network", "networks");
        let epochs = counted(*epochs as usize, "epoch", "epochs");
        let waves = match exploration.waves.len() {
            count if count > 1 && place == 0 => format!(" in {count} waves"),
            _ => String::new(),
        };
        (format!("train {networks}{waves} up to {epochs}"), state(place))
    };
    let mut stages: Vec<(String, State)> = exploration.rungs.iter().enumerate().map(rung).collect();
    stages.push(("measure latencies".to_owned(), state(rungs)));
    let finalists = counted(exploration.finalists as usize, "finalist", "finalists");
    let seeds = counted(exploration.request.seeds as usize, "seed", "seeds");
    stages.push((format!("train {finalists} with {seeds}"), state(rungs + 1)));
    stages
}

#[cfg(test)]
mod tests {
    use inceptive_results::example;

    use super::*;

    #[test]
    fn stages_before_the_present_one_are_done() {
        let exploration = example::exploration();
        let states = |now| {
            planned(&exploration, now).into_iter().map(|(_, state)| state).collect::<Vec<_>>()
        };
        use State::{Done, Planned, Running};
        assert_eq!(states(Now::Planned), [Planned; 4]);
        assert_eq!(states(Now::At(Stage::Rung(1))), [Done, Running, Planned, Planned]);
        assert_eq!(states(Now::At(Stage::Finalists)), [Done, Done, Done, Running]);
        assert_eq!(states(Now::Over), [Done; 4]);
        assert_eq!(planned(&exploration, Now::Over)[0].0, "train 2 networks up to 1 epoch");
        let texts: Vec<String> =
            planned(&example::search(), Now::Over).into_iter().map(|(text, _)| text).collect();
        assert_eq!(texts[0], "train 24 networks in 2 waves up to 1 epoch");
        assert_eq!(texts[1], "train 12 networks up to 2 epochs");
    }
}
