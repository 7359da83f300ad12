//! Colours and sizes, for light and dark.
//!
//! Colours that carry meaning are those of Okabe and Ito (2008, *Color Universal Design*), which people with any common
//! form of colour blindness tell apart; none is ever the only carrier of a meaning.

use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Stroke, TextStyle, Theme, Ui, vec2,
};
use inceptive_draw::Kind;

/// Colours of Okabe and Ito, without black: for series in plots, in this order.
pub const SERIES: [Color32; 7] = [
    Color32::from_rgb(0, 114, 178),
    Color32::from_rgb(230, 159, 0),
    Color32::from_rgb(0, 158, 115),
    Color32::from_rgb(204, 121, 167),
    Color32::from_rgb(86, 180, 233),
    Color32::from_rgb(213, 94, 0),
    Color32::from_rgb(240, 228, 66),
];

/// The colour of the n-th series.
pub fn series(index: usize) -> Color32 {
    SERIES[index % SERIES.len()]
}

/// Colours with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Errors.
    pub error: Color32,
    /// Warnings.
    pub warning: Color32,
    /// Valid or successful.
    pub good: Color32,
    /// Selected or clickable.
    pub accent: Color32,
    /// What was searched for.
    pub hit: Color32,
    /// Text of less weight.
    pub weak: Color32,
    /// Ground of graphs and plots.
    pub canvas: Color32,
    /// Lines between cards.
    pub line: Color32,
    /// Outline of open modules.
    pub frame: Color32,
    /// Ground of open modules, laid over each other.
    pub frame_fill: Color32,
    /// Text on cards.
    pub card_text: Color32,
    /// Text of less weight on cards.
    pub card_weak: Color32,
}

const LIGHT: Palette = Palette {
    error: Color32::from_rgb(176, 58, 0),
    warning: Color32::from_rgb(150, 95, 0),
    good: Color32::from_rgb(0, 115, 84),
    accent: Color32::from_rgb(0, 101, 163),
    hit: Color32::from_rgb(204, 84, 150),
    weak: Color32::from_rgb(92, 101, 110),
    canvas: Color32::from_rgb(252, 252, 253),
    line: Color32::from_rgb(92, 99, 106),
    frame: Color32::from_rgb(154, 167, 180),
    frame_fill: Color32::from_rgba_premultiplied(6, 7, 8, 16),
    card_text: Color32::from_rgb(28, 33, 38),
    card_weak: Color32::from_rgb(89, 98, 107),
};

const DARK: Palette = Palette {
    error: Color32::from_rgb(255, 138, 76),
    warning: Color32::from_rgb(240, 178, 50),
    good: Color32::from_rgb(64, 196, 156),
    accent: Color32::from_rgb(86, 180, 233),
    hit: Color32::from_rgb(230, 140, 190),
    weak: Color32::from_rgb(150, 158, 167),
    canvas: Color32::from_rgb(22, 24, 27),
    line: Color32::from_rgb(134, 142, 150),
    frame: Color32::from_rgb(86, 97, 108),
    frame_fill: Color32::from_rgba_premultiplied(10, 11, 12, 18),
    card_text: Color32::from_rgb(236, 239, 242),
    card_weak: Color32::from_rgb(176, 184, 192),
};

/// The colours of a theme.
pub const fn palette(theme: Theme) -> &'static Palette {
    match theme {
        Theme::Light => &LIGHT,
        Theme::Dark => &DARK,
    }
}

/// The colours of the theme that is shown.
pub fn colors(ui: &Ui) -> &'static Palette {
    palette(ui.ctx().theme())
}

/// Fill and outline of a card of a kind: in the light theme those of exported pictures, so that both look alike.
pub fn card_colors(kind: Kind, theme: Theme) -> (Color32, Color32) {
    let (fill, stroke) = kind.colors();
    let (fill, stroke) = (from_hex(fill), from_hex(stroke));
    match theme {
        Theme::Light => (fill, stroke),
        Theme::Dark => (stroke.lerp_to_gamma(DARK.canvas, 0.68), stroke),
    }
}

/// A colour from `#rrggbb`; grey for anything else.
fn from_hex(text: &str) -> Color32 {
    Color32::from_hex(text).unwrap_or(Color32::GRAY)
}

/// From little to much, readable as grey too: the lower part of viridis (van der Walt and Smith 2015).
pub fn heat(share: f32, theme: Theme) -> Color32 {
    const STOPS: [(u8, u8, u8); 5] =
        [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)];
    let share = share.clamp(0.0, 1.0);
    // Much is dark on a light ground and bright on a dark one.
    let share = if theme == Theme::Light { 1.0 - share } else { share };
    let position = share * 4.0;
    let at = (0..4).rev().find(|&at| position >= f32::from(at)).unwrap_or(0);
    let color = |index: u8| {
        let (r, g, b) = STOPS[usize::from(index)];
        Color32::from_rgb(r, g, b)
    };
    color(at).lerp_to_gamma(color(at + 1), position - f32::from(at))
}

/// Text that can be read on a ground.
pub fn text_on(ground: Color32) -> Color32 {
    // Above this luminance dark text has more contrast than bright text (WCAG 2.2, relative luminance).
    if luminance(ground) > 0.18 { LIGHT.card_text } else { DARK.card_text }
}

/// How bright a colour is, from 0 to 1.
fn luminance(color: Color32) -> f32 {
    let [r, g, b, _] = egui::Rgba::from(color).to_array();
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Sets fonts, spacing and colours of every widget, once at the start.
pub fn install(ctx: &Context) {
    ctx.all_styles_mut(|style| {
        style.text_styles = [
            (TextStyle::Heading, FontId::new(17.0, FontFamily::Proportional)),
            (TextStyle::Body, FontId::new(13.5, FontFamily::Proportional)),
            (TextStyle::Button, FontId::new(13.5, FontFamily::Proportional)),
            (TextStyle::Monospace, FontId::new(13.0, FontFamily::Monospace)),
            (TextStyle::Small, FontId::new(11.5, FontFamily::Proportional)),
        ]
        .into();
        style.spacing.item_spacing = vec2(8.0, 5.0);
        style.spacing.button_padding = vec2(7.0, 2.0);
        style.spacing.interact_size.y = 22.0;
        // What goes on beyond an edge is seen without the pointer there.
        style.spacing.scroll.dormant_handle_opacity = 0.6;
        style.visuals.menu_corner_radius = CornerRadius::same(6);
        style.visuals.window_corner_radius = CornerRadius::same(8);
    });
    for theme in [Theme::Light, Theme::Dark] {
        let palette = palette(theme);
        ctx.style_mut_of(theme, |style| {
            let visuals = &mut style.visuals;
            visuals.error_fg_color = palette.error;
            visuals.warn_fg_color = palette.warning;
            visuals.hyperlink_color = palette.accent;
            visuals.weak_text_color = Some(palette.weak);
            visuals.extreme_bg_color = match theme {
                Theme::Light => Color32::WHITE,
                Theme::Dark => Color32::from_rgb(16, 18, 20),
            };
            visuals.panel_fill = match theme {
                Theme::Light => Color32::from_rgb(244, 245, 247),
                Theme::Dark => Color32::from_rgb(30, 33, 36),
            };
            visuals.window_fill = visuals.panel_fill;
            visuals.selection.bg_fill = palette.accent.gamma_multiply(0.35);
            visuals.selection.stroke = Stroke::new(
                1.0,
                match theme {
                    Theme::Light => Color32::from_rgb(0, 54, 90),
                    Theme::Dark => Color32::from_rgb(220, 240, 252),
                },
            );
            visuals.override_text_color = Some(match theme {
                Theme::Light => Color32::from_rgb(28, 33, 38),
                Theme::Dark => Color32::from_rgb(222, 226, 230),
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast of the Web Content Accessibility Guidelines 2.2.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        if a > b { a / b } else { b / a }
    }

    #[test]
    fn words_can_be_read_in_both_themes() {
        for theme in [Theme::Light, Theme::Dark] {
            let palette = palette(theme);
            for color in
                [palette.error, palette.warning, palette.good, palette.accent, palette.weak]
            {
                assert!(contrast(color, palette.canvas) >= 4.5, "{theme:?} {color:?}");
            }
            for kind in Kind::ALL {
                let (fill, _) = card_colors(kind, theme);
                assert!(contrast(palette.card_text, fill) >= 4.5, "{theme:?} {kind:?}");
            }
            for step in 0..=20_u8 {
                let ground = heat(f32::from(step) / 20.0, theme);
                assert!(contrast(text_on(ground), ground) >= 3.0, "{theme:?} {step}");
            }
        }
    }
}
