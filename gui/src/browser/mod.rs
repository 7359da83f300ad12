//! The dashboard in a page of a browser.
//!
//! Its files are in memory ([`inceptive_files::disk`]): at the start those of a document that a report has, or of all shipped
//! networks. What is written is downloaded. The other modules in this folder take the places of those that need threads or
//! a desktop; they are declared where those are.

mod document;
mod download;

use std::path::{Path, PathBuf};

use eframe::WebRunner;
use egui::{Context, Ui};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlCanvasElement;

use crate::{App, Options, command::Command};

use download::download_written;

/// The id of the element that the dashboard is drawn in.
const CANVAS: &str = "dashboard";

/// The id of the element that says what goes on until then.
const STATUS: &str = "status";

/// Where removed files go.
const TRASH: &str = "/trash";

/// The dashboard, and downloads of what it writes.
struct Page(App);

impl eframe::App for Page {
    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        self.0.logic(ctx, frame);
        for problem in download_written() {
            self.0.carry_out(ctx, Command::Say(problem));
        }
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.0.ui(ui, frame);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.0.save(storage);
    }
}

/// Shows the dashboard in the page.
pub fn show() {
    spawn_local(async {
        let started = start().await;
        let status = web_sys::window()
            .and_then(|window| window.document())
            .and_then(|document| document.get_element_by_id(STATUS));
        let Some(status) = status else { return };
        match started {
            Ok(()) => status.remove(),
            Err(problem) => status.set_text_content(Some(&problem)),
        }
    });
}

async fn start() -> Result<(), String> {
    let document::Opened { folder, network } = document::open().await?;
    let canvas: HtmlCanvasElement = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id(CANVAS))
        .and_then(|element| element.dyn_into().ok())
        .ok_or_else(|| format!("The page has no canvas with the id {CANVAS}."))?;
    let options = Options {
        path: Some(folder),
        selected: network,
        store: PathBuf::from(document::STORE),
        trash: Some(Path::new(TRASH).to_owned()),
        ..Options::default()
    };
    let app = |cc: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, _> {
        Ok(Box::new(Page(App::new(cc, options))))
    };
    let runner = WebRunner::new();
    let started = runner.start(canvas, eframe::WebOptions::default(), Box::new(app)).await;
    started.map_err(|error| text_of(&error))
}

/// The text of an error of the browser.
fn text_of(error: &JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    message.or_else(|| error.as_string()).unwrap_or_else(|| format!("{error:?}"))
}
