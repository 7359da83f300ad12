//! The setup of a training job.

use egui::{ComboBox, DragValue, Grid, Label, Response, RichText, Ui};
use inceptive_app::TrainerName;
use inceptive_bench::Isa;
use inceptive_format::counted;

use super::fit::{Candidate, candidates};
use crate::{
    actions::{Action, asked},
    command::Commands,
    jobs::{Job, TrainRequest},
    model::Model,
    panels::{
        choices::entries,
        data_choice::{Data, DataAndRecipe},
        fields::{StoreField, instruction_set},
        start::Start,
    },
    theme::colors,
};

/// The device of the native trainer.
const CPU: &str = "cpu";

/// The name of PyTorch among the engines.
const PYTORCH: &str = "pytorch";

/// Maximum number of seeds of a job.
const MAX_SEEDS: u32 = 1000;

/// Maximum number of threads.
const MAX_THREADS: u32 = 1024;

/// Maximum number of networks that do not fit and are listed one by one.
const MOST_LISTED: usize = 3;

/// The input of the user.
pub(super) struct Setup {
    /// Whether all networks of the list are trained, not only the selected ones.
    takes_all: bool,
    trained_on: DataAndRecipe,
    seeds: u32,
    /// 0 for one per core.
    threads: u32,
    trainer: TrainerName,
    device: String,
    isa: Option<Isa>,
    /// Whether networks that do not fit the data set are trained with the settings that make them fit.
    is_fitted: bool,
    store: StoreField,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            takes_all: false,
            trained_on: DataAndRecipe::default(),
            seeds: 1,
            threads: 0,
            trainer: TrainerName::default(),
            device: CPU.to_owned(),
            isa: None,
            is_fitted: false,
            store: StoreField::default(),
        }
    }
}

impl Setup {
    /// The name of the data set.
    pub fn data_name(&self) -> &str {
        &self.trained_on.data
    }

    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let data = self.trained_on.known(model);
        let name = match &data {
            Data::There(name, _) => Some(name),
            Data::Absent(_) | Data::Wrong(_) => None,
        };
        let networks = candidates(model, self.takes_all, name);
        ui.horizontal(|ui| {
            self.start(ui, &networks, &data, model, commands);
            ui.separator();
            let selected = model.selected().filter(|entry| entry.network.is_some()).count();
            let all = model.networks().count();
            ui.selectable_value(
                &mut self.takes_all,
                false,
                format!("Selected networks ({selected})"),
            );
            ui.selectable_value(&mut self.takes_all, true, format!("All networks ({all})"));
        });
        Grid::new("training setup").num_columns(2).spacing([10.0, 5.0]).show(ui, |ui| {
            ui.label("networks");
            ui.vertical(|ui| self.networks(ui, &networks));
            ui.end_row();
            ui.label("data");
            ui.vertical(|ui| self.trained_on.data_ui(ui, &data, model, commands));
            ui.end_row();
            ui.label("recipe");
            ui.horizontal(|ui| self.trained_on.recipe_ui(ui, model));
            ui.end_row();
            let seeds = ui.label("seeds");
            ui.horizontal(|ui| self.amounts(ui, &seeds));
            ui.end_row();
            let label = ui.label("trainer");
            ui.horizontal_wrapped(|ui| self.trainers(ui, model, label.id));
            ui.end_row();
            ui.label("store");
            self.store.ui(ui, model, commands);
            ui.end_row();
        });
    }

    fn start(
        &self,
        ui: &mut Ui,
        networks: &[Candidate<'_>],
        data: &Data,
        model: &Model,
        commands: &mut Commands,
    ) {
        let start = Start {
            job: self.request(networks, data, model).map(Job::Train),
            hover: "Ctrl Enter. Stopped runs resume after their last whole epoch; runs in the store are not repeated",
            has_key: asked(ui.ctx(), Action::StartTraining),
        };
        start.ui(ui, || networks.iter().filter_map(Candidate::to_save).collect(), commands);
    }

    /// The names of the networks, and the settings that are needed by networks that do not fit the data set.
    fn networks(&mut self, ui: &mut Ui, networks: &[Candidate<'_>]) {
        let names: Vec<&str> = networks.iter().map(Candidate::name).collect();
        let names = match names.as_slice() {
            [] => "Select networks in the list of files".to_owned(),
            names => names.join(", "),
        };
        ui.add(Label::new(RichText::new(&names).strong()).truncate()).on_hover_text(&names);
        let unfit: Vec<String> =
            networks.iter().filter(|it| !it.fits()).map(Candidate::need).collect();
        if unfit.is_empty() {
            return;
        }
        let (first, others) = unfit.split_at(unfit.len().min(MOST_LISTED));
        let more = match others.len() {
            0 => String::new(),
            more => format!("; {more} more do not fit the data either"),
        };
        let text = RichText::new(first.join("; ") + &more).color(colors(ui).warning);
        ui.add(Label::new(text).wrap()).on_hover_text(unfit.join("\n"));
        ui.checkbox(&mut self.is_fitted, "Train them with these settings").on_hover_text(
            "If unchecked, networks that do not fit the data are left out. Files are not changed",
        );
    }

    fn amounts(&mut self, ui: &mut Ui, label: &Response) {
        let seeds = DragValue::new(&mut self.seeds).range(1..=MAX_SEEDS);
        let hover = "Every network is trained with each seed; with several, intervals show which differences are significant";
        ui.add(seeds).labelled_by(label.id).on_hover_text(hover);
        let label = ui.label("threads");
        let threads = DragValue::new(&mut self.threads).range(0..=MAX_THREADS);
        let threads = threads.custom_formatter(|threads, _| match threads < 1.0 {
            true => "all cores".to_owned(),
            false => format!("{threads:.0}"),
        });
        let hover = "Total number of threads of all runs; 0: one per core";
        ui.add(threads).labelled_by(label.id).on_hover_text(hover);
    }

    /// What computes the steps, and where.
    fn trainers(&mut self, ui: &mut Ui, model: &Model, label: egui::Id) {
        let pytorch = model.engines.iter().flatten().find(|engine| engine.name == PYTORCH);
        let found = pytorch.and_then(|engine| engine.description.as_ref().ok());
        let list = ComboBox::from_id_salt("trainer").width(90.0).selected_text(self.trainer.name());
        let shown = list.show_ui(ui, |ui| {
            let all = TrainerName::ALL.into_iter();
            let all = all.filter(|trainer| *trainer == TrainerName::Native || found.is_some());
            let all = all.map(|trainer| (trainer, trainer.name().to_owned()));
            if let Some(trainer) = entries(ui, "trainer", &self.trainer, all) {
                self.trainer = trainer;
                self.device = CPU.to_owned();
            }
        });
        shown.response.labelled_by(label).on_hover_text(
            "The built-in trainer, or PyTorch where Python has it; a run can move from one to the other between epochs",
        );
        match (self.trainer, found) {
            (TrainerName::PyTorch, Some(found)) => {
                let label = ui.label("device");
                let list = ComboBox::from_id_salt("training device").width(90.0);
                let shown = list.selected_text(self.device.as_str()).show_ui(ui, |ui| {
                    let all = found.devices.iter().map(|device| (device.clone(), device.clone()));
                    if let Some(device) = entries(ui, "training device", &self.device, all) {
                        self.device = device;
                    }
                });
                shown.response.labelled_by(label.id);
            }
            (TrainerName::PyTorch, None) => {
                ui.label(RichText::new("PyTorch was not found").color(colors(ui).warning));
            }
            (TrainerName::Native, _) => instruction_set(ui, &mut self.isa),
        }
    }

    /// The job to start, or why there is none.
    fn request(
        &self,
        networks: &[Candidate<'_>],
        data: &Data,
        model: &Model,
    ) -> Result<TrainRequest, String> {
        if networks.is_empty() {
            return Err("Select networks in the list of files.".to_owned());
        }
        if let Data::Absent(problem) | Data::Wrong(problem) = data {
            return Err(problem.clone());
        }
        let fitting: Vec<&Candidate<'_>> =
            networks.iter().filter(|it| self.is_fitted || it.fits()).collect();
        if fitting.is_empty() {
            let networks = counted(networks.len(), "network does", "networks do");
            return Err(format!("{networks} not fit the data; the settings above change that."));
        }
        Ok(TrainRequest {
            networks: fitting.into_iter().map(Candidate::request).collect(),
            data: self.trained_on.data.trim().to_owned(),
            recipe: self.trained_on.recipe().to_owned(),
            recipe_settings: self.trained_on.settings()?,
            seeds: self.seeds,
            threads: (self.threads > 0).then_some(self.threads),
            trainer: self.trainer,
            device: self.device.clone(),
            isa: self.isa.filter(|_| self.trainer == TrainerName::Native),
            store: model.store.clone(),
        })
    }
}
