//! The view as a file.

use egui::{Color32, Rect, Ui};
use inceptive_draw::{Scene, scene_svg};

use super::paint::Paint;
use crate::{
    actions::{Action, asked},
    command::{Command, Commands},
    jobs::Picture,
    panels::fields::{PathAnswer, ask_for_path},
    theme::text_on,
};

/// What kind of file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// All of it, as lines and text.
    Svg,
    /// The visible area, as pixels.
    Png,
}

impl Format {
    const fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }
}

/// The menu and the question for a path.
#[derive(Default)]
pub(super) struct Export {
    asked: Option<(Format, String)>,
    /// Whether the path is to get the keyboard.
    focuses: bool,
}

impl Export {
    /// Draws the menu; `name` is what the picture is of.
    pub fn menu(&mut self, ui: &mut Ui, name: &str) {
        let formats = [(Format::Svg, "Everything as SVG…"), (Format::Png, "Visible area as PNG…")];
        let asks = |format| match format {
            Format::Svg => asked(ui.ctx(), Action::ExportSvg),
            Format::Png => asked(ui.ctx(), Action::ExportPng),
        };
        let mut wanted = [Format::Svg, Format::Png].into_iter().find(|format| asks(*format));
        ui.menu_button("Export", |ui| {
            let clicked = formats.into_iter().filter(|(_, title)| ui.button(*title).clicked());
            wanted = clicked.map(|(format, _)| format).last().or(wanted);
        });
        if let Some(format) = wanted {
            let folder = std::env::current_dir().unwrap_or_default();
            let path = folder.join(name).with_added_extension(format.extension());
            self.asked = Some((format, path.display().to_string()));
            self.focuses = true;
        }
    }

    /// Asks where to, and writes.
    pub fn ask(
        &mut self,
        ui: &Ui,
        scene: &Scene,
        paint: &dyn Paint,
        screen: Rect,
        commands: &mut Commands,
    ) {
        let Self { asked: Some((format, path)), focuses } = self else { return };
        match ask_for_path(ui, "Export the picture", path, focuses) {
            PathAnswer::None => return,
            PathAnswer::Cancelled => {}
            PathAnswer::Path(path) => commands.push(match format {
                Format::Svg => {
                    let text = scene_svg(scene, &|index| fill(paint, index));
                    Command::Picture(path, Picture::Svg(text))
                }
                Format::Png => Command::Screenshot(path, screen),
            }),
        }
        self.asked = None;
    }
}

fn fill(paint: &dyn Paint, index: usize) -> Option<([u8; 3], [u8; 3])> {
    let bytes = |color: Color32| [color.r(), color.g(), color.b()];
    paint.fill(index).map(|ground| (bytes(ground), bytes(text_on(ground))))
}
