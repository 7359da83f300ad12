//! Pictures of very many points, kept while nothing of them changes.

use egui::{Color32, ColorImage, Pos2, Rect, TextureHandle, TextureOptions, Ui, pos2};

/// A value that is kept as long as it is made of the same.
pub struct Kept<K, V>(pub Option<(K, V)>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: PartialEq, V> Kept<K, V> {
    /// The value, made anew for another key.
    pub fn get(&mut self, key: K, make: impl FnOnce(&K) -> V) -> &V {
        let kept = self.0.take().filter(|(known, _)| *known == key);
        let (_, value) = self.0.insert(kept.unwrap_or_else(|| {
            let value = make(&key);
            (key, value)
        }));
        value
    }
}

/// Dots or lines as one picture: as shapes of their own they would take a renderer more time than all the rest.
pub struct Picture {
    texture: TextureHandle,
    rect: Rect,
}

impl Picture {
    /// A picture with its upper left corner at `corner`, whose pixels have this side in points.
    pub fn new(ui: &Ui, image: ColorImage, corner: Pos2, side: f32) -> Self {
        let rect = Rect::from_min_size(corner, image.source_size * side);
        let texture = ui.ctx().load_texture("cloud", image, TextureOptions::NEAREST);
        Self { texture, rect }
    }

    /// Draws it.
    pub fn paint(&self, ui: &Ui) {
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(self.texture.id(), self.rect, whole, Color32::WHITE);
    }
}
