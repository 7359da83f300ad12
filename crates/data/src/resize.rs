//! Cropping and resizing.
//!
//! The filter is a triangle whose half-width is the distance between pixels of the smaller image: enlarging is bilinear
//! interpolation, and reducing averages over all pixels. Pillow calls this filter `BILINEAR`.

use crate::decode::{Decoded, Size};

/// Resizes the central square of an image to `size` rows and columns, and writes it to `place` as channel x row x column.
/// `channels` is 1 for grey and 3 for colour; transparency is ignored.
pub(crate) fn fill(image: &Decoded, size: usize, channels: usize, place: &mut [u8]) {
    let Size { width, height, channels: stride } = image.size;
    let side = width.min(height);
    let (top, left) = ((height - side) / 2, (width - side) / 2);
    let means = means(side, size);
    let mut line = vec![0.0_f32; side * stride];
    for (row, rows) in means.iter().enumerate() {
        line.fill(0.0);
        for (index, &weight) in (rows.first..).zip(&rows.weights) {
            let pixels = &image.pixels[((top + index) * width + left) * stride..];
            for (sum, &value) in line.iter_mut().zip(pixels) {
                *sum += weight * f32::from(value);
            }
        }
        for (column, columns) in means.iter().enumerate() {
            let mean = |channel: usize| {
                let values = line[columns.first * stride + channel..].iter().step_by(stride);
                let mean: f32 =
                    values.zip(&columns.weights).map(|(value, weight)| value * weight).sum();
                // Rounded; numbers outside become the nearest byte.
                (mean + 0.5) as u8
            };
            let colour = match stride {
                1 | 2 => [mean(0); 3],
                _ => [0, 1, 2].map(mean),
            };
            let (row, column) = image.orientation.turned(row, column, size);
            let pixel = row * size + column;
            match channels {
                1 => place[pixel] = grey(colour),
                _ => (0..3)
                    .for_each(|channel| place[channel * size * size + pixel] = colour[channel]),
            }
        }
    }
}

/// A part of a channel, resized.
pub(crate) struct Part {
    /// For each of its rows and columns.
    rows: Vec<Mean>,
    columns: Vec<Mean>,
}

impl Part {
    /// As large as the channel itself, of what it becomes when it is resized to `to`, from the place `at` on; all are
    /// rows and columns.
    pub fn new(channel: [usize; 2], to: [usize; 2], at: [usize; 2]) -> Self {
        let means = |axis: usize| -> Vec<Mean> {
            means(channel[axis], to[axis]).into_iter().skip(at[axis]).take(channel[axis]).collect()
        };
        Self { rows: means(0), columns: means(1) }
    }

    /// Puts it into `place`, in the unit of the channel.
    pub fn fill(&self, channel: &[u8], place: &mut [f32]) {
        let width = self.columns.len();
        let mut line = vec![0.0_f32; width];
        for (rows, place) in self.rows.iter().zip(place.chunks_exact_mut(width.max(1))) {
            line.fill(0.0);
            for (row, &weight) in (rows.first..).zip(&rows.weights) {
                for (sum, &value) in line.iter_mut().zip(&channel[row * width..]) {
                    *sum += weight * f32::from(value);
                }
            }
            for (columns, place) in self.columns.iter().zip(place) {
                let values = line[columns.first..].iter().zip(&columns.weights);
                *place = values.map(|(value, weight)| value * weight).sum();
            }
        }
    }
}

/// The luma of a colour, by Rec. ITU-R BT.709.
fn grey(colour: [u8; 3]) -> u8 {
    let [red, green, blue] = colour.map(u32::from);
    ((2126 * red + 7152 * green + 722 * blue) / 10_000) as u8
}

/// The pixels of a row or column whose weighted mean is a new pixel.
struct Mean {
    first: usize,
    weights: Vec<f32>,
}

/// The weights to resize `from` pixels to `to` pixels, for each new pixel.
fn means(from: usize, to: usize) -> Vec<Mean> {
    let step = from as f64 / to as f64;
    let reach = step.max(1.0);
    let mean = |index: usize| {
        let centre = (index as f64 + 0.5) * step;
        let first = (centre - reach).max(0.0) as usize;
        let end = ((centre + reach).ceil() as usize).min(from);
        let weight = |index: usize| (1.0 - (index as f64 + 0.5 - centre).abs() / reach).max(0.0);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        Mean { first, weights: weights.iter().map(|weight| (weight / sum) as f32).collect() }
    };
    (0..to).map(mean).collect()
}
