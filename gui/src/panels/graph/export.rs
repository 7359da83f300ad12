//! The view as a file.

use std::path::PathBuf;

use egui::{Color32, Rect, RichText, Role, TextEdit, Ui, WidgetInfo};
use inceptive_draw::{Scene, scene_svg};

use super::paint::Paint;
use crate::{
    command::{Command, Commands},
    jobs::Picture,
    theme::{colors, text_on},
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
        ui.menu_button("Export", |ui| {
            for (format, title) in
                [(Format::Svg, "Everything as SVG…"), (Format::Png, "Visible area as PNG…")]
            {
                if ui.button(title).clicked() {
                    let folder = std::env::current_dir().unwrap_or_default();
                    let path = folder.join(name).with_added_extension(format.extension());
                    self.asked = Some((format, path.display().to_string()));
                    self.focuses = true;
                }
            }
        });
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
        let modal = crate::panels::question(ui.ctx(), "export", 460.0, |ui| {
            ui.heading("Export the picture");
            let field = ui.add(TextEdit::singleline(path).desired_width(f32::INFINITY));
            field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path"));
            crate::panels::focus_once(&field, focuses);
            if PathBuf::from(&*path).exists() {
                let note = RichText::new("The file exists and will be replaced.");
                ui.label(note.color(colors(ui).warning));
            }
            let enter = ui.input(|input| input.key_pressed(egui::Key::Enter));
            ui.horizontal(|ui| {
                let save = ui.button("Export").clicked() || enter;
                let cancel = ui.button("Cancel").clicked();
                (save && !path.trim().is_empty(), cancel)
            })
            .inner
        });
        let (save, cancel) = modal.inner;
        if save {
            let path = PathBuf::from(path.trim());
            commands.push(match format {
                Format::Svg => {
                    let text = scene_svg(scene, &|index| fill(paint, index));
                    Command::Picture(path, Picture::Svg(text))
                }
                Format::Png => Command::Screenshot(path, screen),
            });
        }
        if save || cancel || modal.should_close() {
            self.asked = None;
        }
    }
}

fn fill(paint: &dyn Paint, index: usize) -> Option<([u8; 3], [u8; 3])> {
    let bytes = |color: Color32| [color.r(), color.g(), color.b()];
    paint.fill(index).map(|ground| (bytes(ground), bytes(text_on(ground))))
}
