//! Draws what egui wants on the screen without a graphics card, the same on every machine: textured triangles with a
//! colour at each corner, laid over each other.

use std::collections::HashMap;

use egui::{
    Color32, ColorImage, Context, FullOutput, ImageData, Mesh, Pos2, TextureFilter, TextureId,
    TexturesDelta,
    epaint::{ImageDelta, Primitive, Vertex},
};
use egui_kittest::TestRenderer;
use image::RgbaImage;

/// A picture that triangles are laid on.
#[derive(Default)]
pub struct Raster {
    textures: HashMap<TextureId, Texture>,
}

struct Texture {
    image: ColorImage,
    is_smooth: bool,
}

/// Red, green, blue and opacity from 0 to 1, the first three multiplied by the last.
type Color = [f32; 4];

/// Pixels from the first two to before the last two: left, top, right, bottom.
type Clip = [usize; 4];

impl TestRenderer for Raster {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        for (id, images) in delta.set.drain() {
            images.into_iter().for_each(|image| self.set(id, image));
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    fn render(&mut self, ctx: &Context, output: &FullOutput) -> Result<RgbaImage, String> {
        let scale = ctx.pixels_per_point();
        let size = (ctx.content_rect().size() * scale).round();
        let (width, height) = (size.x as usize, size.y as usize);
        let mut pixels = vec![[0.0; 4]; width * height];
        for clipped in ctx.tessellate(output.shapes.clone(), scale) {
            let Primitive::Mesh(mesh) = &clipped.primitive else {
                return Err("only triangles can be drawn".to_owned());
            };
            let Some(texture) = self.textures.get(&mesh.texture_id) else {
                return Err(format!("{:?} is not there", mesh.texture_id));
            };
            let bound = |at: f32, most: usize| ((at * scale).round().max(0.0) as usize).min(most);
            let rect = clipped.clip_rect;
            let clip = [
                bound(rect.min.x, width),
                bound(rect.min.y, height),
                bound(rect.max.x, width),
                bound(rect.max.y, height),
            ];
            lay(mesh, texture, clip, scale, (&mut pixels, width));
        }
        let bytes = pixels.iter().flat_map(|pixel| pixel.map(|part| (part * 255.0).round() as u8));
        RgbaImage::from_raw(width as u32, height as u32, bytes.collect())
            .ok_or_else(|| "the picture has another size".to_owned())
    }
}

impl Raster {
    fn set(&mut self, id: TextureId, delta: ImageDelta) {
        let ImageData::Color(image) = &delta.image;
        let is_smooth = delta.options.magnification == TextureFilter::Linear;
        match (delta.pos, self.textures.get_mut(&id)) {
            (Some([left, top]), Some(texture)) => {
                for (row, pixels) in image.pixels.chunks(image.size[0]).enumerate() {
                    let start = (top + row) * texture.image.size[0] + left;
                    texture.image.pixels[start..start + pixels.len()].copy_from_slice(pixels);
                }
            }
            _ => {
                let image = ColorImage::clone(image);
                self.textures.insert(id, Texture { image, is_smooth });
            }
        }
    }
}

impl Texture {
    /// The colour at a place from 0 to 1 each way.
    fn at(&self, place: Pos2) -> Color {
        let [width, height] = self.image.size;
        let (x, y) = (place.x * width as f32, place.y * height as f32);
        let texel = |x: f32, y: f32| {
            let x = (x.max(0.0) as usize).min(width - 1);
            let y = (y.max(0.0) as usize).min(height - 1);
            parts(self.image.pixels[y * width + x])
        };
        if !self.is_smooth {
            return texel(x, y);
        }
        let (left, top) = ((x - 0.5).floor(), (y - 0.5).floor());
        let (right, down) = (x - 0.5 - left, y - 0.5 - top);
        let above = mix(texel(left, top), texel(left + 1.0, top), right);
        let below = mix(texel(left, top + 1.0), texel(left + 1.0, top + 1.0), right);
        mix(above, below, down)
    }
}

fn parts(color: Color32) -> Color {
    color.to_array().map(|part| f32::from(part) / 255.0)
}

fn mix(from: Color, to: Color, share: f32) -> Color {
    std::array::from_fn(|at| from[at] + (to[at] - from[at]) * share)
}

fn lay(mesh: &Mesh, texture: &Texture, clip: Clip, scale: f32, to: (&mut [Color], usize)) {
    let (pixels, width) = to;
    for corners in mesh.indices.chunks_exact(3) {
        let mut corners = [0, 1, 2].map(|at| {
            let corner = mesh.vertices[corners[at] as usize];
            Vertex { pos: corner.pos * scale, ..corner }
        });
        let mut area = turn(corners[0].pos, corners[1].pos, corners[2].pos);
        if area < 0.0 {
            corners.swap(1, 2);
            area = -area;
        }
        if area > 0.0 {
            triangle(&corners, area, texture, clip, (pixels, width));
        }
    }
}

/// Lays a triangle whose corners go clockwise on the pixels whose centres are inside it.
fn triangle(
    corners: &[Vertex; 3],
    area: f32,
    texture: &Texture,
    [left, top, right, bottom]: Clip,
    (pixels, width): (&mut [Color], usize),
) {
    let [a, b, c] = corners.map(|corner| corner.pos);
    let colors = corners.map(|corner| parts(corner.color));
    let least = a.min(b).min(c);
    let most = a.max(b).max(c);
    let first = |at: f32, clip: usize| (at.floor().max(0.0) as usize).max(clip);
    let last = |at: f32, clip: usize| (at.ceil().max(0.0) as usize).min(clip);
    for y in first(least.y, top)..last(most.y, bottom) {
        for x in first(least.x, left)..last(most.x, right) {
            let at = Pos2::new(x as f32 + 0.5, y as f32 + 0.5);
            let sides = [(b, c), (c, a), (a, b)];
            let shares = sides.map(|(from, to)| turn(from, to, at) / area);
            let is_inside = shares
                .iter()
                .zip(sides)
                .all(|(share, side)| *share > 0.0 || (*share == 0.0 && keeps_edge(side)));
            if !is_inside {
                continue;
            }
            let [u, v] = [|corner: &Vertex| corner.uv.x, |corner: &Vertex| corner.uv.y]
                .map(|part| corners.iter().zip(shares).map(|(corner, s)| part(corner) * s).sum());
            let texel = texture.at(Pos2::new(u, v));
            let under = &mut pixels[y * width + x];
            let color: Color = std::array::from_fn(|part| {
                let corner: f32 = colors.iter().zip(shares).map(|(color, s)| color[part] * s).sum();
                corner * texel[part]
            });
            *under = std::array::from_fn(|part| {
                (color[part] + under[part] * (1.0 - color[3])).clamp(0.0, 1.0)
            });
        }
    }
}

/// Twice the area of the triangle of three points: positive if they go clockwise on the screen.
fn turn(a: Pos2, b: Pos2, c: Pos2) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// Whether pixels on a side belong to the triangle: of two that share it, one has them.
fn keeps_edge((from, to): (Pos2, Pos2)) -> bool {
    let is_top = from.y == to.y && to.x > from.x;
    is_top || to.y < from.y
}
