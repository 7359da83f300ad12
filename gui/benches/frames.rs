//! How long frames take in a real window, one after the other without waiting for a screen.
//!
//! ```sh
//! LIBGL_ALWAYS_SOFTWARE=1 xvfb-run -a -s "-screen 0 3840x2160x24" cargo bench -p inceptive-gui -- 1280x800 3840x2160
//! ```
//!
//! Each scene is drawn while the pointer moves things about in it. Prints, for each scene and size, the median and the
//! 95th percentile from the start of one frame to that of the next: the dashboard's own work, the renderer and the
//! swap of buffers. The last column is the median of the first of these: input, layout and shapes, without triangles and
//! pixels.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark fails by panicking")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::{Frame, NativeOptions};
use egui::{Context, Event, Key, Modifiers, PointerButton, RawInput, Ui, Vec2, vec2};
use inceptive_dsl::{Disk, load_space};
use inceptive_gui::{
    App, Options, Pane,
    command::Command,
    jobs::{CloudRequest, Job, Place},
};

/// Frames that are measured of each scene.
const FRAMES: usize = 300;

/// Frames before those, in which the scene is set.
const SETTLING: usize = 30;

/// How long a scene may take to be ready.
const TIMEOUT: Duration = Duration::from_secs(300);

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scene {
    /// DenseNet-121 with every module open, all in view, dragged about.
    Whole,
    /// The same at its actual size, so that labels are drawn.
    Near,
    /// A hundred thousand networks of a space, with the pointer over them.
    Hover,
    /// The same, dragged about, so that all are binned anew in each frame.
    Drag,
}

const SCENES: [(Scene, &str); 4] = [
    (Scene::Whole, "DenseNet-121, all open and in view, dragged"),
    (Scene::Near, "DenseNet-121, all open, at actual size, dragged"),
    (Scene::Hover, "100,000 networks, pointer over them"),
    (Scene::Drag, "100,000 networks, dragged"),
];

/// A space of 100,800 networks.
const SPACE: &str = "\
space: A hundred thousand
base: small.yaml
vary:
  a: {from: 1, to: 40, step: 1}
  b: {from: 1, to: 42, step: 1}
  c: {from: 1, to: 60, step: 1}
with:
  set: {a: {width: $a}, b: {width: $b}, c: {width: $c}}
";

const SMALL: &str = "\
name: Small
input: {channels: 3, size: 32}
classes: 10
body:
  - conv a: {kernel: 3, width: 8}
  - conv b: {kernel: 3, width: 8}
  - conv c: {kernel: 3, width: 8}
tail: gap
";

/// The window with its scenes.
struct Bench {
    app: App,
    space: PathBuf,
    scene: usize,
    step: usize,
    since: Instant,
    last: Option<Instant>,
    frames: Vec<Duration>,
    /// What the dashboard itself took of each.
    own: Vec<Duration>,
    /// What it took of this one so far.
    now: Duration,
    pixels: Vec2,
    /// The button that is held.
    held: Option<PointerButton>,
}

fn main() -> eframe::Result {
    let sizes: Vec<Vec2> = env::args().skip(1).filter_map(|size| parse(&size)).collect();
    let sizes = if sizes.is_empty() { vec![Vec2::new(1280.0, 800.0)] } else { sizes };
    println!("{:<50} {:>10} {:>10} {:>10} {:>10}", "scene", "size", "median", "95%", "own");
    sizes.into_iter().try_for_each(run)
}

fn parse(size: &str) -> Option<Vec2> {
    let (width, height) = size.split_once('x')?;
    Some(Vec2::new(width.parse().ok()?, height.parse().ok()?))
}

fn run(pixels: Vec2) -> eframe::Result {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../architectures");
    let space = folder.path().join("many.yaml");
    fs::write(folder.path().join("small.yaml"), SMALL).expect("a file in it");
    fs::write(&space, SPACE).expect("a file in it");
    let options = Options {
        path: Some(root.join("densenet121.yaml")),
        store: folder.path().join("results.db"),
        ..Options::default()
    };
    let mut native = NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size(pixels),
        run_and_return: true,
        persistence_path: Some(folder.path().join("session.ron")),
        dithering: false,
        ..NativeOptions::default()
    };
    native.glow_options.vsync = false;
    eframe::run_native(
        "inceptive frames",
        native,
        Box::new(move |cc| {
            cc.egui_ctx.set_pixels_per_point(if pixels.x > 2000.0 { 2.0 } else { 1.0 });
            Ok(Box::new(Bench::new(App::new(cc, options), space, pixels)))
        }),
    )
}

impl Bench {
    fn new(app: App, space: PathBuf, pixels: Vec2) -> Self {
        let since = Instant::now();
        Self {
            app,
            space,
            pixels,
            scene: 0,
            step: 0,
            since,
            last: None,
            frames: vec![],
            own: vec![],
            now: Duration::ZERO,
            held: None,
        }
    }

    fn scene(&self) -> Option<Scene> {
        SCENES.get(self.scene).map(|(scene, _)| *scene)
    }

    /// Asks for what a scene needs; whether it is there.
    fn is_ready(&mut self, ctx: &Context) -> bool {
        assert!(self.since.elapsed() < TIMEOUT, "{:?} is not ready", self.scene());
        let model = self.app.model();
        let is_idle = model.is_listed && model.jobs.active().next().is_none();
        match self.scene() {
            Some(Scene::Whole | Scene::Near) => {
                is_idle
                    && model.last_scene(Place::Graph).is_some_and(|(_, it)| it.cards.len() > 200)
            }
            Some(_) if model.cloud.is_some() => is_idle,
            Some(_) => {
                if is_idle && model.jobs.long().next().is_none() {
                    let space = load_space(&Disk, &self.space).expect("a space");
                    let file = Arc::from(self.space.as_path());
                    let request = CloudRequest { file, space: Arc::new(space), most: 100_000 };
                    self.app.carry_out(ctx, Command::Start(Job::Cloud(request)));
                    self.app.carry_out(ctx, Command::Show(Pane::Tradeoff));
                }
                false
            }
            None => false,
        }
    }

    /// What is pressed before frames are measured.
    fn key(&self) -> Option<Key> {
        match (self.scene()?, self.step) {
            (Scene::Whole, 0) => Some(Key::O),
            (Scene::Whole, 1) => Some(Key::F),
            (Scene::Near, 1) => Some(Key::Num0),
            _ => None,
        }
    }

    /// Writes what was measured, and goes on to the next scene.
    fn finish(&mut self, ctx: &Context) {
        let (_, name) = SCENES[self.scene];
        self.frames.sort_unstable();
        let at = |share: f64| self.frames[((FRAMES - 1) as f64 * share) as usize].as_secs_f64();
        let size = format!("{}x{}", self.pixels.x, self.pixels.y);
        self.own.sort_unstable();
        let own = self.own[self.own.len() / 2].as_secs_f64() * 1e3;
        let (median, late) = (at(0.5) * 1e3, at(0.95) * 1e3);
        println!("{name:<50} {size:>10} {median:>7.1} ms {late:>7.1} ms {own:>7.2} ms");
        self.scene += 1;
        (self.step, self.since, self.last) = (0, Instant::now(), None);
        self.frames.clear();
        self.own.clear();
        if self.scene().is_none() {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }
}

impl eframe::App for Bench {
    fn logic(&mut self, ctx: &Context, frame: &mut Frame) {
        let start = Instant::now();
        self.app.logic(ctx, frame);
        self.now = start.elapsed();
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut Frame) {
        let ctx = ui.ctx().clone();
        if self.step > SETTLING {
            let now = Instant::now();
            if let Some(last) = self.last.replace(now) {
                self.frames.push(now - last);
            }
        }
        let start = Instant::now();
        self.app.ui(ui, frame);
        if self.step > SETTLING {
            self.own.push(self.now + start.elapsed());
        }
        if self.frames.len() == FRAMES {
            self.finish(&ctx);
        } else if self.step > 0 || self.is_ready(&ctx) {
            self.step += 1;
        }
        ctx.request_repaint();
    }

    fn raw_input_hook(&mut self, _: &Context, input: &mut RawInput) {
        let Some(rect) = input.screen_rect else { return };
        let press = |key| Event::Key {
            key,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: Modifiers::NONE,
        };
        input.events.extend(self.key().map(press));
        // Once around in a circle, in the part of the window that graph and plot share.
        let turn = self.step as f32 / FRAMES as f32 * std::f32::consts::TAU;
        let middle = rect.lerp_inside(vec2(0.5, 0.35));
        let at = middle + Vec2::angled(turn) * 80.0;
        if self.step > 1 {
            input.events.push(Event::PointerMoved(at));
        }
        let wanted = match self.scene() {
            Some(Scene::Whole | Scene::Near) => Some(PointerButton::Primary),
            Some(Scene::Drag) => Some(PointerButton::Middle),
            Some(Scene::Hover) | None => None,
        };
        let modifiers = Modifiers::NONE;
        if let Some(button) = self.held.filter(|_| self.step == 0) {
            input.events.push(Event::PointerButton { pos: at, button, pressed: false, modifiers });
            self.held = None;
        }
        if let Some(button) = wanted.filter(|_| self.step == SETTLING) {
            input.events.push(Event::PointerButton { pos: at, button, pressed: true, modifiers });
            self.held = Some(button);
        }
    }
}
