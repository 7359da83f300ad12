//! Measuring from the window.

use egui::{Grid, ProgressBar, RichText, ScrollArea, Ui};
use inceptive_exec::{Protocol, engines::DEFAULT_ENGINE};

use crate::{
    command::{Command, Commands},
    format::milliseconds,
    jobs::{BenchRequest, Job, ProfileRequest},
    model::{FilePath, Model, Status},
    theme::colors,
};

/// The run tab.
#[derive(Default)]
pub struct Run {}

impl Run {
    /// Draws what can be started, what goes on, and what came of it.
    pub fn ui(&mut self, ui: &mut Ui, model: &Model, commands: &mut Commands) {
        let networks = model.selected().filter(|entry| entry.network.is_some());
        let files: Vec<FilePath> = networks.map(|entry| entry.file.clone()).collect();
        ui.horizontal(|ui| {
            ui.add_enabled_ui(!files.is_empty(), |ui| self.buttons(ui, &files, model, commands));
            if ui.button("Clear finished").clicked() {
                commands.push(Command::ForgetJobs);
            }
        });
        if let Some(problem) = &model.results.problem {
            ui.label(RichText::new(problem).color(colors(ui).error));
        }
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            jobs(ui, model, commands);
            latencies(ui, model);
        });
    }

    fn buttons(&self, ui: &mut Ui, files: &[FilePath], model: &Model, commands: &mut Commands) {
        if ui.button("Bench").on_hover_text("Measure the latency of what is selected").clicked() {
            commands.push(Command::Start(Job::Bench(BenchRequest {
                files: files.to_vec(),
                engines: vec![DEFAULT_ENGINE.to_owned()],
                device: "cpu".to_owned(),
                batches: vec![1],
                threads: vec![],
                protocol: Protocol::default(),
                store: model.store.clone(),
            })));
        }
        if ui
            .button("Profile")
            .on_hover_text("See where the time of the current one goes")
            .clicked()
            && let Some(file) = files.last()
        {
            commands.push(Command::Start(Job::Profile(ProfileRequest {
                file: file.clone(),
                engines: vec![DEFAULT_ENGINE.to_owned()],
                device: "cpu".to_owned(),
                batches: vec![1],
                threads: vec![],
                runs: 20,
                store: model.store.clone(),
            })));
        }
        if ui.button("Report").on_hover_text("Write a report about what is selected").clicked() {
            commands.push(Command::Start(Job::Report(files.to_vec(), "reports/latest".into())));
        }
    }
}

fn jobs(ui: &mut Ui, model: &Model, commands: &mut Commands) {
    for state in model.jobs.long() {
        ui.horizontal(|ui| {
            ui.label(state.job.title());
            match &state.status {
                Status::Waiting => {
                    ui.label(RichText::new("waiting").weak());
                }
                Status::Running(progress) => {
                    ui.add(ProgressBar::new(progress.share).desired_width(160.0).show_percentage());
                    ui.label(RichText::new(&progress.activity).weak());
                }
                Status::Done => {
                    ui.label("done");
                }
                Status::Stopped => {
                    ui.label("stopped");
                }
                Status::Failed(message) => {
                    ui.label(RichText::new(message).color(colors(ui).error));
                }
            }
            if state.status.is_active() && ui.small_button("Cancel").clicked() {
                commands.push(Command::Stop(state.id));
            }
        });
        for note in &state.notes {
            ui.label(RichText::new(note).color(colors(ui).warning));
        }
    }
}

fn latencies(ui: &mut Ui, model: &Model) {
    Grid::new("latencies").num_columns(4).striped(true).spacing([20.0, 6.0]).show(ui, |ui| {
        for stored in model.results.measurements.iter().rev() {
            let result = &stored.result;
            ui.label(&result.subject.name);
            ui.label(&result.runtime.engine);
            ui.monospace(milliseconds(result.latency_ms.median.value));
            ui.label(format!("{:?}", result.grade));
            ui.end_row();
        }
    });
}
