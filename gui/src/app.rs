//! The window: takes in what happened, draws, carries out commands.

mod closing;
mod designs;
mod files;
mod keeping;
mod manage;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use egui::{CentralPanel, Context, Frame, Margin, Panel, Sense, Ui, UiBuilder, vec2};
use egui_tiles::Tree;
use web_time::Instant;

use closing::Closing;
use keeping::Keeping;

use crate::{
    IN_BROWSER, Options,
    actions::Held,
    choose::{Choice, Chooser},
    command::{Command, Commands},
    dropped::Dropped,
    file::FilePath,
    jobs::{ImportRequest, Job, MeasurementBackend, Picture, PictureRequest, Worker},
    model::{Message, Model},
    palette::Palette,
    pane::{NEEDS_PROGRAM, Pane},
    panels::Panels,
    screenshot::Screenshots,
    session::Session,
    shortcuts,
    status::{self, Successes},
    targets, theme,
    tiles::{self, Screens},
    watch::Watch,
};

/// Below this width of the window, in points, the list of files is narrower.
const SMALL: f32 = 900.0;

/// The dashboard.
pub struct App {
    model: Model,
    panels: Panels,
    tree: Tree<Pane>,
    commands: Commands,
    worker: Worker,
    watch: Option<Watch>,
    screenshots: Screenshots,
    /// Texts that were edited and not checked since, with the first edit.
    edits: BTreeMap<FilePath, Instant>,
    closing: Closing,
    /// Jobs that wait until these files are written.
    waiting: Vec<(Vec<FilePath>, Job)>,
    /// Storage of drafts; `None` if it is not wanted or there is no folder for it.
    keeping: Option<Keeping>,
    chooser: Chooser,
    dropped: Dropped,
    /// The folder that is the trash; that of the system without it.
    trash: Option<PathBuf>,
    shows_shortcuts: bool,
    palette: Palette,
    successes: Successes,
}

impl App {
    /// Opens the file or folder that the options name, or else the default folder.
    pub fn new(cc: &eframe::CreationContext<'_>, options: Options) -> Self {
        Self::with_machinery(cc, options, &MeasurementBackend::default())
    }

    /// Opens as [`App::new`] does, but measures with other engines on another machine; for tests.
    pub fn with_machinery(
        cc: &eframe::CreationContext<'_>,
        options: Options,
        machinery: &MeasurementBackend,
    ) -> Self {
        let ctx = &cc.egui_ctx;
        theme::install(ctx);
        ctx.add_plugin(Held::default());
        let session = Session::load(cc.storage);
        ctx.set_theme(session.settings.theme);
        let mut app = Self {
            model: Model::new(options.store, session.settings),
            panels: Panels::default(),
            tree: tiles::restored(session.tree),
            commands: Commands::default(),
            worker: Worker::new(ctx, machinery),
            watch: None,
            screenshots: Screenshots::default(),
            edits: BTreeMap::new(),
            closing: Closing::default(),
            waiting: vec![],
            keeping: None,
            chooser: Chooser::new(options.bus),
            dropped: Dropped::default(),
            trash: options.trash,
            shows_shortcuts: false,
            palette: Palette::default(),
            successes: Successes::default(),
        };
        app.model.recent = session.recent;
        app.panels.graph.remember(session.graphs);
        app.panels.tradeoff.remember(session.tradeoff);
        app.panels.run.remember(session.run);
        app.panels.explore.remember(session.explore);
        app.model.targets = targets::restored(session.targets);
        app.model.onnx = session.onnx;
        app.start_watching(ctx);
        app.open(&options.path.unwrap_or_else(|| files::default_folder(&session.folder)));
        if let Some(file) = options.selected {
            app.model.selection = vec![Arc::from(file)];
        }
        if app.model.folder == session.folder && app.model.selection.is_empty() {
            app.model.selection = session.selection.into_iter().map(Arc::from).collect();
        }
        if let Some(folder) = &options.drafts {
            app.keep_in(folder);
        }
        app.start(app.model.read_results());
        app
    }

    /// What the window is about; for tests.
    pub fn model(&self) -> &Model {
        &self.model
    }

    fn start(&mut self, job: Job) {
        if IN_BROWSER && job.needs_program() {
            let text = format!("{}: {NEEDS_PROGRAM}", job.title());
            self.model.messages.push(Message::Problem(text));
            return;
        }
        let id = self.worker.start(job.clone());
        self.model.jobs.add(id, job);
    }

    fn write_picture(&mut self, path: PathBuf, picture: Picture) {
        let inputs = self.model.inputs();
        self.start(Job::Picture(PictureRequest { path, picture, inputs }));
    }

    /// Takes in what happened since the last frame.
    fn take_in(&mut self, ctx: &Context) {
        let events: Vec<_> = self.worker.events().collect();
        for event in events {
            self.model.apply(event, &mut self.commands);
        }
        let pictures: Vec<_> = self.screenshots.taken().collect();
        for (path, image) in pictures {
            self.write_picture(path, Picture::Png(image));
        }
        let changes = self.watch.as_mut().map(|watch| watch.changes(ctx)).unwrap_or_default();
        if !changes.is_empty() {
            self.files_changed(changes.into_iter().collect());
        }
        let dropped = self.dropped.arrived(ctx, &self.model.folder);
        if !dropped.is_empty() {
            self.commands.push(Command::Add(dropped));
        }
        match self.chooser.choice() {
            Some(Choice::Path(path)) => self.commands.push(Command::Open(path)),
            Some(Choice::Unavailable) => self.panels.browser.type_path(&self.model),
            Some(Choice::Cancelled) | None => {}
        }
        self.read_edits(ctx);
        self.count_designs();
        self.start_waiting();
        self.keep_drafts(ctx);
    }

    /// Carries out a command of a screen; also used by benchmarks.
    pub fn carry_out(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Open(path) => self.open(&path),
            Command::Choose(wanted) => self.chooser.show(ctx, wanted, &self.model.folder),
            Command::Add(paths) => self.add(paths),
            Command::Reload => self.reload(),
            Command::Select(files) => self.model.selection = files,
            Command::Show(pane) => {
                if pane == Pane::Source {
                    self.panels.source.focus();
                }
                tiles::show(&mut self.tree, pane);
            }
            Command::ShowLine(file, line) => self.show_line(file, line),
            Command::ShowPoint(file, values) => self.show_point(&file, &values),
            Command::Design { file, changes, gesture } => self.design(&file, changes, gesture),
            Command::Target(of, text) => self.model.set_targets(&of, text),
            Command::Snap(snap) => self.model.settings.snap = snap,
            Command::GoTo(file, step) => self.go_to(&file, step),
            Command::Duplicate(file) => self.duplicate(&file),
            Command::New(file, text) => self.new_text(&file, text),
            Command::Vary { of, name, file_name } => self.vary(&of, &name, &file_name),
            Command::Copy(file) => self.copy(&file),
            Command::Delete(files) => self.delete(files),
            Command::Order(order) => self.model.settings.order = order,
            Command::Rename { file, name, file_name } => self.rename(&file, &name, &file_name),
            Command::Discard(file) => self.discard(file),
            Command::SaveThen(files, job) => self.save_then(files, job),
            Command::ShowNode(path) => {
                self.panels.graph.show_node(path);
                tiles::show(&mut self.tree, Pane::Graph);
            }
            Command::Light(file, nodes) => self.panels.graph.light(file, nodes),
            Command::Mark(file, node) => self.panels.source.mark(file, node),
            Command::ToggleBeside => tiles::toggle_beside(&mut self.tree),
            Command::Edit(file, text) => {
                if let Some(entry) = self.model.entries.get_mut(&file) {
                    entry.type_in(text.map(Arc::from));
                    self.edits.entry(file).or_insert_with(Instant::now);
                }
            }
            Command::SetOnnx(file, settings) => {
                self.model.onnx.set(&file, settings);
                self.read(file);
            }
            Command::Save { file, overwrite } => self.save_draft(file, overwrite),
            Command::Screenshot(path, part) => self.screenshots.take(ctx, path, part),
            Command::Picture(path, picture) => self.write_picture(path, picture),
            Command::Count(convention) => self.model.settings.count_in(convention),
            Command::Plot(name) => {
                self.panels.tradeoff.choose(&name, &self.model);
                tiles::show(&mut self.tree, Pane::Tradeoff);
            }
            Command::Start(job) => self.start(job),
            Command::KeepIn(store) => self.keep_results_in(store),
            Command::Stop(id) => self.worker.stop(id),
            Command::ForgetJobs => self.model.jobs.forget_finished(),
            Command::Dismiss(index) => {
                if index < self.model.messages.len() {
                    self.model.messages.remove(index);
                }
            }
            Command::AddPoints(points) => self.add_points(&points),
            Command::Say(problem) => self.model.messages.push(Message::Problem(problem)),
            Command::AskToImport => {
                self.model.import_problem = None;
                self.panels.import.ask();
            }
            Command::Import { table, has_dialog } => self.import(table, has_dialog),
            Command::ToggleShortcuts => self.shows_shortcuts = !self.shows_shortcuts,
        }
    }

    fn reload(&mut self) {
        let files: Vec<FilePath> = self.model.entries.keys().cloned().collect();
        self.open(&self.model.folder.clone());
        files.into_iter().for_each(|file| self.read(file));
        self.model.results.read_again();
        self.start(self.model.read_results());
    }

    fn show_line(&mut self, file: FilePath, line: usize) {
        if self.model.selection.last() != Some(&file) {
            self.model.selection = vec![Arc::clone(&file)];
        }
        self.panels.source.show_line(file, line);
        tiles::show(&mut self.tree, Pane::Source);
    }

    fn keep_results_in(&mut self, store: PathBuf) {
        self.model.store = store;
        self.follow();
        self.model.results.read_again();
        self.start(self.model.read_results());
    }

    fn import(&mut self, table: PathBuf, has_dialog: bool) {
        self.model.import_problem = None;
        let networks = self.model.networks();
        let networks = networks
            .map(|(entry, network)| (Arc::clone(&entry.file), Arc::clone(network)))
            .collect();
        let store = self.model.store.clone();
        self.start(Job::Import(ImportRequest { table, store, networks, has_dialog }));
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _: &mut eframe::Frame) {
        self.take_in(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.palette.take_key(&ctx);
        shortcuts::take(&ctx, &self.model, self.shows_shortcuts, &mut self.commands);
        let bar = Panel::bottom("status").show(ui, |ui| {
            let size = vec2(ui.available_width(), ui.spacing().interact_size.y);
            ui.allocate_exact_size(size, Sense::hover()).0
        });
        self.successes.pass(&ctx, &self.model, &mut self.commands);
        match self.model.messages.is_empty() {
            // What is drawn after it keeps its ids when the last message goes: a click that has begun is not lost.
            true => ui.skip_ahead_auto_ids(1),
            false => {
                Panel::bottom("messages")
                    .show(ui, |ui| status::messages(ui, &self.model, &mut self.commands));
            }
        }
        // A small window has a width of its own, which does not stay when it is enlarged.
        let (name, width) = match ui.available_width() < SMALL {
            true => ("browser in little room", 240.0),
            false => ("browser", 280.0),
        };
        Panel::left(name).default_size(width).size_range(180.0..=600.0).show(ui, |ui| {
            self.panels.browser.ui(ui, &self.model, &mut self.commands);
        });
        let frame = Frame::NONE.fill(ui.visuals().panel_fill).inner_margin(Margin::ZERO);
        CentralPanel::default().frame(frame).show(ui, |ui| {
            let Self { panels, model, commands, tree, .. } = self;
            panels.source.set_beside(tiles::is_beside(tree));
            tree.ui(&mut Screens { panels, model, commands }, ui);
        });
        // Tab comes to it last, as it is read.
        ui.scope_builder(UiBuilder::new().max_rect(bar.inner), |ui| {
            status::bar(ui, &self.model, &mut self.commands);
        });
        shortcuts::sheet(&ctx, &mut self.shows_shortcuts);
        self.panels.import.ui(&ctx, &self.model, &mut self.commands);
        let tradeoff = &self.panels.tradeoff;
        self.palette.ui(&ctx, &self.model, tradeoff, &mut self.commands);
        self.closing.ui(&ctx, &self.model, self.keeping.is_some(), &mut self.commands);
        self.model.settings.theme = ctx.options(|options| options.theme_preference);
        let commands = self.commands.take();
        if !commands.is_empty() {
            // What they change is seen in the next frame.
            ctx.request_repaint();
        }
        for command in commands {
            self.carry_out(&ctx, command);
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        let session = Session {
            folder: self.model.folder.clone(),
            recent: self.model.recent.clone(),
            selection: self.model.selection.iter().map(|file| file.to_path_buf()).collect(),
            tree: Some(self.tree.clone()),
            settings: self.model.settings.clone(),
            graphs: self.panels.graph.remembered(),
            tradeoff: self.panels.tradeoff.remembered(),
            run: self.panels.run.remembered(),
            explore: self.panels.explore.remembered(),
            targets: targets::texts(&self.model.targets),
            onnx: self.model.onnx.clone(),
        };
        session.save(storage);
    }

    fn on_exit(&mut self, _: Option<&eframe::glow::Context>) {
        self.keep_at_exit();
    }
}
