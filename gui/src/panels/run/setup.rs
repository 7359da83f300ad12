//! The setup of a job: its kind, engines, options and output.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use egui::{Button, ComboBox, DragValue, Grid, RichText, Ui};
use inceptive_app::{Content, Request};
use inceptive_bench::{PrecisionRequest, Protocol, engines::PyTorchMode};
use inceptive_results::Precision;

use crate::{
    actions::{Action, asked},
    command::{Command, Commands},
    file::{FilePath, stem},
    jobs::{BenchRequest, EngineChoice, EngineState, Job, ProfileRequest, ReportRequest},
    model::{Entry, Model, State},
    panels::{
        choices::entries,
        fields::{StoreField, field, instruction_set, list, numbers},
    },
    theme::colors,
};

/// The kind of job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Work {
    #[default]
    Bench,
    Profile,
    Report,
}

impl Work {
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Bench, "Bench", "Measure the latency of the selected networks"),
        (Self::Profile, "Profile", "Measure the time of each node of the selected networks"),
        (Self::Report, "Report", "Write a page with tables and charts of the selected networks"),
    ];

    const fn action(self) -> Action {
        match self {
            Self::Bench => Action::Bench,
            Self::Profile => Action::Profile,
            Self::Report => Action::Report,
        }
    }

    /// Whether it applies to the content of a file: reports also accept spaces.
    fn takes(self, entry: &Entry) -> bool {
        let is_space = matches!(entry.state, State::Good(Content::Space(_)));
        entry.network.is_some() || (self == Self::Report && is_space)
    }
}

/// The input of the user.
pub(super) struct Setup {
    work: Work,
    /// Names of engines; the first that is there without a choice.
    engines: Option<BTreeSet<&'static str>>,
    choice: EngineChoice,
    precision: PrecisionRequest,
    device: String,
    batches: String,
    threads: String,
    budget_s: f64,
    runs: usize,
    store: StoreField,
    folder: String,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            work: Work::default(),
            engines: None,
            choice: EngineChoice::default(),
            precision: PrecisionRequest::default(),
            device: "cpu".to_owned(),
            batches: "1".to_owned(),
            threads: String::new(),
            budget_s: Protocol::default().budget.as_secs_f64(),
            runs: 20,
            store: StoreField::default(),
            folder: "reports/latest".to_owned(),
        }
    }
}

impl Setup {
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let selected = model.selected().filter(|entry| self.work.takes(entry));
        let entries: Vec<&Entry> = selected.collect();
        ui.horizontal(|ui| {
            for (work, title, hover) in Work::ALL {
                ui.selectable_value(&mut self.work, work, title).on_hover_text(hover);
                if asked(ui.ctx(), work.action()) {
                    self.work = work;
                }
            }
            ui.separator();
            let jobs = self.jobs(&entries, model);
            let start = Button::new(RichText::new("Start").strong()).min_size([70.0, 22.0].into());
            let response = ui.add_enabled(jobs.is_ok(), start).on_hover_text("Ctrl Enter");
            let has_key = asked(ui.ctx(), Action::StartRun);
            match jobs {
                Ok(jobs) if response.clicked() || has_key => {
                    let unsaved = self.to_save(&entries);
                    for job in jobs {
                        commands.push(match unsaved.is_empty() {
                            true => Command::Start(job),
                            false => Command::SaveThen(unsaved.clone(), job),
                        });
                    }
                }
                Ok(_) => {}
                Err(problem) => {
                    response.on_disabled_hover_text(problem.as_str());
                }
            }
        });
        let names: Vec<String> = entries.iter().map(|entry| stem(&entry.file)).collect();
        let what = match names.as_slice() {
            [] => "Select networks in the list of files".to_owned(),
            names => names.join(", "),
        };
        Grid::new("run setup").num_columns(2).spacing([10.0, 5.0]).show(ui, |ui| {
            ui.label("networks");
            ui.add(egui::Label::new(RichText::new(&what).strong()).truncate()).on_hover_text(&what);
            ui.end_row();
            if self.work == Work::Report {
                ui.label("folder");
                field(ui, &mut self.folder, "Folder of the report", "reports/latest", 260.0);
                ui.end_row();
                let unsaved = self.to_save(&entries);
                if !unsaved.is_empty() {
                    let files: Vec<String> =
                        unsaved.iter().map(|file| file.display().to_string()).collect();
                    ui.label("saves first");
                    ui.label(files.join(", "))
                        .on_hover_text("A report names the files of its networks");
                    ui.end_row();
                }
                return;
            }
            ui.label("engines");
            ui.vertical(|ui| self.engines(ui, model, commands));
            ui.end_row();
            ui.label("batch");
            ui.horizontal(|ui| {
                list(
                    ui,
                    &mut self.batches,
                    "Batches",
                    "1, 8",
                    "Batch sizes, comma-separated; each is benchmarked separately",
                );
                ui.label("threads");
                let hover = "Threads per inference, comma-separated; empty: one per core";
                list(ui, &mut self.threads, "Threads", "all cores", hover);
                self.amount(ui);
                self.devices(ui, model);
                self.precisions(ui, model);
            });
            ui.end_row();
            ui.label("store");
            self.store.ui(ui, model, commands);
            ui.end_row();
        });
        if self.work != Work::Report
            && let Some(problem) = self.wrong_numbers()
        {
            ui.colored_label(colors(ui).error, problem);
        }
    }

    /// Every engine, with its description or how to install it.
    fn engines(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let Some(engines) = &model.engines else {
            ui.weak("Searching for engines…");
            return;
        };
        let mut chosen = self.chosen(engines);
        for EngineState { name, description } in engines {
            match description {
                Ok(found) => {
                    let mut is_on = chosen.contains(name);
                    let devices = found.devices.join(", ");
                    let text = format!("{name} {} on {devices}", found.version);
                    let library = found
                        .library
                        .as_ref()
                        .map_or_else(|| "built in".to_owned(), |path| path.display().to_string());
                    let (has_isa, has_mode) = (found.isa.is_some(), found.mode.is_some());
                    let is_clicked = ui.horizontal_wrapped(|ui| {
                        let check = ui.checkbox(&mut is_on, text).on_hover_text(library);
                        if has_isa {
                            instruction_set(ui, &mut self.choice.isa);
                        }
                        if has_mode {
                            mode(ui, &mut self.choice);
                        }
                        check.clicked()
                    });
                    if is_clicked.inner {
                        if is_on {
                            chosen.insert(name);
                        } else {
                            chosen.remove(name);
                        }
                        self.engines = Some(chosen.clone());
                    }
                }
                Err(problem) => {
                    ui.add_enabled(false, egui::Checkbox::new(&mut false, *name));
                    ui.label(RichText::new(problem).small().color(colors(ui).warning));
                }
            }
        }
        if engines.iter().any(|engine| engine.description.is_err())
            && ui.small_button("Search again").on_hover_text("Search for engines again").clicked()
        {
            commands.push(Command::Start(Job::Engines));
        }
    }

    /// The options for the length of a measurement.
    fn amount(&mut self, ui: &mut Ui) {
        match self.work {
            Work::Bench => {
                ui.label("budget");
                let budget = DragValue::new(&mut self.budget_s).range(0.1..=3600.0).suffix(" s");
                let hover = "Time per network and configuration, including warm-up; more gives narrower intervals";
                ui.add(budget).on_hover_text(hover);
            }
            Work::Profile | Work::Report => {
                ui.label("runs");
                let runs = DragValue::new(&mut self.runs).range(1..=10_000);
                ui.add(runs).on_hover_text("Runs per median");
            }
        }
    }

    /// The device, where there are several.
    fn devices(&mut self, ui: &mut Ui, model: &Model) {
        let engines = model.engines.as_deref().unwrap_or_default();
        let found = engines.iter().filter_map(|engine| engine.description.as_ref().ok());
        let devices: BTreeSet<&str> =
            found.flat_map(|found| found.devices.iter().map(String::as_str)).collect();
        if devices.len() < 2 {
            return;
        }
        let label = ui.label("device");
        let list = ComboBox::from_id_salt("device").selected_text(self.device.as_str());
        let shown = list.show_ui(ui, |ui| {
            for device in devices {
                ui.selectable_value(&mut self.device, device.to_owned(), device);
            }
        });
        shown.response.labelled_by(label.id).on_hover_text("Device");
    }

    /// The precision, where an engine has several.
    fn precisions(&mut self, ui: &mut Ui, model: &Model) {
        let engines = model.engines.as_deref().unwrap_or_default();
        let found = engines.iter().filter_map(|engine| engine.description.as_ref().ok());
        let known: BTreeSet<Precision> =
            found.flat_map(|found| found.precisions.iter().copied()).collect();
        if known.len() < 2 {
            return;
        }
        let label = ui.label("precision");
        let list = ComboBox::from_id_salt("precision").width(76.0);
        let list = list.selected_text(precision_name(self.precision));
        let shown = list.show_ui(ui, |ui| {
            let offered = PRECISIONS
                .into_iter()
                .filter(|wish| wish.exactly().is_none_or(|precision| known.contains(&precision)));
            let all = offered.map(|wish| (wish, precision_name(wish)));
            if let Some(wish) = entries(ui, "precision", &self.precision, all) {
                self.precision = wish;
            }
        });
        shown.response.labelled_by(label.id).on_hover_text(
            "An engine that does not have the precision says so; `engine's own` lets each choose, and records what it chose",
        );
    }

    fn chosen(&self, engines: &[EngineState]) -> BTreeSet<&'static str> {
        self.engines.clone().unwrap_or_else(|| {
            let found = engines.iter().find(|engine| engine.description.is_ok());
            found.map(|engine| engine.name).into_iter().collect()
        })
    }

    fn wrong_numbers(&self) -> Option<String> {
        match (numbers(&self.batches), numbers(&self.threads)) {
            (Err(problem), _) => Some(format!("batch: {problem}")),
            (_, Err(problem)) => Some(format!("threads: {problem}")),
            (Ok(batches), Ok(_)) if batches.is_empty() => Some("batch: missing".to_owned()),
            (Ok(_), Ok(_)) => None,
        }
    }

    /// The files that have to be written before: a report names files, and a text that was typed is in none yet.
    fn to_save(&self, entries: &[&Entry]) -> Vec<FilePath> {
        let has_to = |entry: &&&Entry| match self.work {
            Work::Report => entry.is_new(),
            _ => entry.request().is_none(),
        };
        entries.iter().filter(has_to).map(|entry| Arc::clone(&entry.file)).collect()
    }

    /// The jobs to start, or why there are none.
    fn jobs(&self, entries: &[&Entry], model: &Model) -> Result<Vec<Job>, String> {
        if entries.is_empty() {
            return Err("Select networks in the list of files.".to_owned());
        }
        if self.work == Work::Report {
            let folder = self.folder.trim();
            if folder.is_empty() {
                return Err("Enter a folder.".to_owned());
            }
            let request = ReportRequest {
                networks: entries.iter().map(|entry| entry.written()).collect(),
                folder: folder.into(),
                store: model.store.clone(),
                inputs: model.inputs(),
            };
            return Ok(vec![Job::Report(request)]);
        }
        if let Some(problem) = self.wrong_numbers() {
            return Err(problem);
        }
        let known = model.engines.as_deref().unwrap_or_default();
        let engines: Vec<String> = self.chosen(known).iter().map(|&name| name.to_owned()).collect();
        if engines.is_empty() {
            return Err("Choose an engine.".to_owned());
        }
        let (batches, threads) = (numbers(&self.batches)?, numbers(&self.threads)?);
        let (choice, precision) = (self.choice, self.precision);
        let (device, store) = (self.device.clone(), model.store.clone());
        let networks = entries.iter().map(|entry| entry.named());
        if self.work == Work::Bench {
            let protocol =
                Protocol { budget: Duration::from_secs_f64(self.budget_s), ..Protocol::default() };
            let networks = networks.collect();
            let request = BenchRequest {
                networks,
                engines,
                choice,
                precision,
                device,
                batches,
                threads,
                protocol,
                store,
            };
            return Ok(vec![Job::Bench(request)]);
        }
        let profile = |network: Request| {
            Job::Profile(ProfileRequest {
                network,
                engines: engines.clone(),
                choice,
                precision,
                device: device.clone(),
                batches: batches.clone(),
                threads: threads.clone(),
                runs: self.runs,
                store: store.clone(),
            })
        };
        Ok(networks.map(profile).collect())
    }
}

const PRECISIONS: [PrecisionRequest; 5] = [
    PrecisionRequest::Fp32,
    PrecisionRequest::EngineDefault,
    PrecisionRequest::Tf32,
    PrecisionRequest::Fp16,
    PrecisionRequest::Bf16,
];

fn precision_name(wish: PrecisionRequest) -> String {
    wish.exactly().map_or_else(|| "engine's own".to_owned(), |precision| precision.to_string())
}

/// How PyTorch computes.
fn mode(ui: &mut Ui, choice: &mut EngineChoice) {
    let label = ui.label("mode");
    let list = ComboBox::from_id_salt("PyTorch mode").width(76.0);
    let shown = list.selected_text(choice.mode.name()).show_ui(ui, |ui| {
        let all = PyTorchMode::ALL.into_iter().map(|mode| (mode, mode.name().to_owned()));
        if let Some(mode) = entries(ui, "PyTorch mode", &choice.mode, all) {
            choice.mode = mode;
        }
    });
    shown.response.labelled_by(label.id).on_hover_text(
        "eager: Python starts one operator after the other. compile: kernels that torch.compile generates, which takes up to \
         a minute for each network. graphs: a run is recorded as a CUDA graph",
    );
    ui.checkbox(&mut choice.channels_last, "channels last")
        .on_hover_text("Feature maps and kernels lie in memory pixel by pixel");
}
