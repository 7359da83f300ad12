//! The setup of a search.

use std::{sync::Arc, time::Duration};

use egui::{ComboBox, DragValue, Grid, RichText, Ui};
use inceptive_results::{Metric, ProxyScore};

use super::{Subject, space::Wanted};
use crate::{
    command::Commands,
    file::FilePath,
    jobs::{ExploreRequest, Job},
    model::Model,
    panels::{
        choices::entries,
        data_choice::{Data, DataAndRecipe},
        fields::StoreField,
        start::Start,
    },
    theme::colors,
};

/// Maximum number of seeds of a finalist.
const MAX_SEEDS: u32 = 100;

/// Maximum number of networks, and of minutes.
const MAX_NETWORKS: u32 = 2000;
const MAX_MINUTES: f64 = 10_080.0;

/// What limits a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Time,
    Networks,
}

/// The input of the user.
pub(super) struct Setup {
    trained_on: DataAndRecipe,
    limit: Limit,
    minutes: f64,
    networks: u32,
    seeds: u32,
    /// The engine that latencies are measured with: the first that there is, unless another one is chosen, or none.
    engine: Option<Option<&'static str>>,
    scores: Vec<ProxyScore>,
    store: StoreField,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            trained_on: DataAndRecipe::default(),
            limit: Limit::Time,
            minutes: 30.0,
            networks: 16,
            seeds: 3,
            engine: None,
            scores: vec![],
            store: StoreField::default(),
        }
    }
}

impl Setup {
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        subject: Subject<'_>,
        wanted: Result<&Wanted, &String>,
        commands: &mut Commands,
    ) {
        let model = subject.model;
        let data = self.trained_on.known(model);
        Grid::new("search setup").num_columns(2).spacing([10.0, 5.0]).show(ui, |ui| {
            ui.label("data");
            ui.vertical(|ui| self.trained_on.data_ui(ui, &data, model, commands));
            ui.end_row();
            ui.label("recipe");
            ui.vertical(|ui| {
                ui.horizontal_wrapped(|ui| self.trained_on.recipe_ui(ui, model));
            });
            ui.end_row();
            ui.label("budget");
            ui.horizontal_wrapped(|ui| self.budget(ui));
            ui.end_row();
            let label = ui.label("latency");
            self.engines(ui, model, label.id);
            ui.end_row();
            ui.label("scores");
            ui.horizontal_wrapped(|ui| self.scores(ui));
            ui.end_row();
            ui.label("store");
            self.store.ui(ui, model, commands);
            ui.end_row();
        });
        let job = self.request(subject, wanted, &data).map(Job::Explore);
        let hover = "Ctrl Enter. A stopped search continues after its last whole epoch, with the same result";
        start(ui, job, hover, subject, commands);
    }

    fn budget(&mut self, ui: &mut Ui) {
        let hover = "Time for the whole search; it decides how many networks are trained";
        ui.radio_value(&mut self.limit, Limit::Time, "time").on_hover_text(hover);
        let is_time = self.limit == Limit::Time;
        let minutes = DragValue::new(&mut self.minutes).range(0.1..=MAX_MINUTES).suffix(" min");
        ui.add_enabled(is_time, minutes).on_hover_text(hover);
        let hover = "Number of networks to train, however long it takes";
        ui.radio_value(&mut self.limit, Limit::Networks, "networks").on_hover_text(hover);
        let networks = DragValue::new(&mut self.networks).range(4..=MAX_NETWORKS);
        ui.add_enabled(!is_time, networks).on_hover_text(hover);
        let label = ui.label("seeds");
        let seeds = DragValue::new(&mut self.seeds).range(1..=MAX_SEEDS);
        let hover = "Seeds that each finalist is trained with";
        ui.add(seeds).labelled_by(label.id).on_hover_text(hover);
    }

    fn scores(&mut self, ui: &mut Ui) {
        for score in ProxyScore::ALL {
            let mut is_wanted = self.scores.contains(&score);
            let text = "Compute this score of untrained networks. It helps to propose networks if predictions are better with it";
            if ui.checkbox(&mut is_wanted, score.title()).on_hover_text(text).changed() {
                self.scores = ProxyScore::ALL
                    .into_iter()
                    .filter(|it| if *it == score { is_wanted } else { self.scores.contains(it) })
                    .collect();
            }
        }
    }

    fn engines(&mut self, ui: &mut Ui, model: &Model, label: egui::Id) {
        let Some(engines) = &model.engines else {
            ui.weak("Searching for engines…");
            return;
        };
        let found = engines.iter().filter(|engine| engine.description.is_ok());
        let all: Vec<&'static str> = found.map(|engine| engine.name).collect();
        let mut now = self.engine.unwrap_or_else(|| all.first().copied());
        let title = |engine: Option<&'static str>| engine.unwrap_or("not measured").to_owned();
        let list = ComboBox::from_id_salt("engine of a search").selected_text(title(now));
        let shown = list.show_ui(ui, |ui| {
            let choices = all.iter().map(|&name| Some(name)).chain([None]);
            let choices = choices.map(|engine| (engine, title(engine)));
            if let Some(engine) = entries(ui, "engine of a search", &now, choices) {
                now = engine;
                self.engine = Some(engine);
            }
        });
        shown.response.labelled_by(label).on_hover_text(
            "The engine that latencies of the networks of the last stage are measured with",
        );
    }

    /// The search to start, or why there is none.
    fn request(
        &self,
        subject: Subject<'_>,
        wanted: Result<&Wanted, &String>,
        data: &Data,
    ) -> Result<ExploreRequest, String> {
        let wanted =
            wanted.map_err(|_| "Correct the objectives and conditions above.".to_owned())?;
        if let Data::Absent(problem) | Data::Wrong(problem) = data {
            return Err(problem.clone());
        }
        if subject.entry.is_wrong() {
            return Err("The space has errors; see Source.".to_owned());
        }
        let engines = subject.model.engines.iter().flatten();
        let mut found = engines.filter(|engine| engine.description.is_ok());
        let engine = self.engine.unwrap_or_else(|| found.next().map(|engine| engine.name));
        let own = &subject.space.objectives;
        let objectives = if wanted.objectives.is_empty() { own } else { &wanted.objectives };
        let wants_latency = objectives.iter().any(|objective| objective.metric == Metric::Latency);
        if engine.is_none() && wants_latency {
            return Err("Latency is an objective: choose an engine that measures it.".to_owned());
        }
        Ok(ExploreRequest {
            space: Arc::clone(&subject.entry.file),
            conditions: wanted.conditions.iter().map(ToString::to_string).collect(),
            objectives: wanted.objectives.clone(),
            data: self.trained_on.data.trim().to_owned(),
            recipe: self.trained_on.recipe().to_owned(),
            recipe_settings: self.trained_on.settings()?,
            budget: Duration::try_from_secs_f64(self.minutes * 60.0).unwrap_or(Duration::ZERO),
            networks: (self.limit == Limit::Networks).then_some(self.networks),
            seeds: self.seeds,
            engine: engine.map(str::to_owned),
            scores: self.scores.clone(),
            store: subject.model.store.clone(),
        })
    }
}

/// Draws the button that starts a job, or says why there is none.
pub(super) fn start(
    ui: &mut Ui,
    job: Result<Job, String>,
    hover: &str,
    subject: Subject<'_>,
    commands: &mut Commands,
) {
    ui.add_space(2.0);
    let start = Start { job, hover, has_key: subject.asks.starts };
    if let Some(problem) = start.ui(ui, || unsaved(subject), commands) {
        ui.label(RichText::new(problem).color(colors(ui).warning));
    }
}

/// The files of the space that are not saved: searches use the saved ones.
fn unsaved(subject: Subject<'_>) -> Vec<FilePath> {
    let files = subject.space.files.iter().filter_map(|file| {
        let (file, entry) = subject.model.entries.get_key_value(file.as_path())?;
        entry.draft.is_some().then(|| Arc::clone(file))
    });
    files.collect()
}
