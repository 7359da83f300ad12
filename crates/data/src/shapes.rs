//! `shapes`: generated images.
//!
//! A class is one of five outlines with one of two textures. An image shows one object of its class at a random place, size and
//! angle, over a shaded background with smaller objects around it, lines, and noise. The two textures, stripes and a
//! checkerboard, have the same mean and random scale and phase, and dark and bright are swapped at random. So a linear
//! classifier cannot separate the classes; edges and corners at several scales do.
//!
//! All arithmetic is on integers, so that a seed gives the same bytes on every machine.

use std::{sync::atomic::AtomicBool, thread};

use crate::{
    dataset::{Dataset, ImageShape, Split, SplitKind},
    error::{DataError, NameError, Problem},
    memory::Memory,
    random::{Purpose, Stream},
    stop::{check, zeros},
};

/// The side of an image in units of the drawing, whatever its size in pixels.
const SIDE: i32 = 1 << 12;

/// Points per pixel in each direction; their mean is the pixel.
const SAMPLES: i32 = 2;

/// Which images are generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shapes {
    /// Height and width.
    pub size: u32,
    /// 1 for grey, 3 for colour.
    pub channels: u32,
    /// Number of training images.
    pub train: u32,
    /// Number of test images.
    pub test: u32,
    /// Seed of the images.
    pub seed: u64,
}

impl Default for Shapes {
    fn default() -> Self {
        Self { size: 28, channels: 1, train: 6_000, test: 2_000, seed: 1 }
    }
}

impl Shapes {
    /// The names of the classes: outline and texture.
    pub const CLASS_NAMES: [&str; 10] = [
        "striped disc",
        "striped square",
        "striped triangle",
        "striped cross",
        "striped ring",
        "checked disc",
        "checked square",
        "checked triangle",
        "checked cross",
        "checked ring",
    ];

    /// Number of classes.
    pub const CLASSES: usize = Self::CLASS_NAMES.len();

    /// Smallest and largest size of an image: below, textures cannot be told apart.
    pub const SIZES: (u32, u32) = (16, 512);

    /// Checks that the images can be generated: at least one of each class, and all in memory.
    ///
    /// # Errors
    /// When they cannot.
    pub fn check(&self) -> Result<(), NameError> {
        let problem = |text: String| Err(NameError::TooLarge(text));
        let (smallest, largest) = Self::SIZES;
        if !(smallest..=largest).contains(&self.size) {
            return problem(format!("size={} is not from {smallest} to {largest}", self.size));
        }
        for (option, count) in [("train", self.train), ("test", self.test)] {
            if (count as usize) < Self::CLASSES {
                let classes = Self::CLASSES;
                return problem(format!("{option}={count} is too small for {classes} classes"));
            }
        }
        let count = u64::from(self.train) + u64::from(self.test);
        let checked = self.shape().check(count);
        checked.map(drop).or_else(|error| problem(error.to_string()))
    }

    /// The shape of every image.
    pub fn shape(&self) -> ImageShape {
        ImageShape { channels: self.channels, height: self.size, width: self.size }
    }

    /// Generates the images, on all cores. It returns early, soon after `stop` is set.
    ///
    /// # Errors
    /// When they do not fit into memory, or it was stopped.
    pub(crate) fn generate(
        &self,
        name: &str,
        memory: &Memory,
        stop: &AtomicBool,
    ) -> Result<Dataset, DataError> {
        self.check()?;
        let count = u64::from(self.train) + u64::from(self.test);
        let fits = memory.take(count * self.shape().pixels() as u64);
        fits.map_err(|problem| DataError::Set { name: name.to_owned(), problem })?;
        let classes = Self::CLASS_NAMES.iter().map(|&class| class.to_owned()).collect();
        let train = self.split(name, SplitKind::Train, stop)?;
        let test = self.split(name, SplitKind::Test, stop)?;
        Dataset::new(name, classes, train, test, stop)
    }

    fn split(&self, name: &str, kind: SplitKind, stop: &AtomicBool) -> Result<Split, DataError> {
        let (count, purpose) = match kind {
            SplitKind::Train => (self.train, Purpose::ShapesTrain),
            SplitKind::Test => (self.test, Purpose::ShapesTest),
        };
        let shape = self.shape();
        let failed = |problem| DataError::Set { name: name.to_owned(), problem };
        let bytes = shape.check(count.into()).map_err(failed)?;
        let failed_io = |error| failed(Problem::Io(error));
        let mut images = zeros(bytes, stop).map_err(failed_io)?;
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = (count as usize).div_ceil(threads);
        thread::scope(|scope| {
            for (part, images) in images.chunks_mut(share * shape.pixels()).enumerate() {
                scope.spawn(move || {
                    for (index, image) in images.chunks_exact_mut(shape.pixels()).enumerate() {
                        if check(stop).is_err() {
                            return;
                        }
                        let index = part * share + index;
                        let stream = Stream::new(self.seed, purpose, index as u64, 0);
                        Scene::new(label_of(index), stream).draw(shape, image);
                    }
                });
            }
        });
        check(stop).map_err(failed_io)?;
        let labels = (0..count as usize).map(|index| label_of(index) as u16).collect();
        Split::new(shape, images, labels).map_err(failed)
    }
}

/// The class of an image; classes alternate.
const fn label_of(index: usize) -> usize {
    index % Shapes::CLASSES
}

/// 2^14 x the cosine of k/64 of a turn, k from 0 to 16.
const COSINES: [i32; 17] = [
    16384, 16305, 16069, 15679, 15137, 14449, 13623, 12665, 11585, 10394, 9102, 7723, 6270, 4756,
    3196, 1606, 0,
];

/// Angles of a turn.
const ANGLES: u32 = 64;

/// 2^14 x the cosine of k/64 of a turn.
const fn cosine(angle: u32) -> i32 {
    let angle = (angle % ANGLES) as usize;
    match angle {
        0..=16 => COSINES[angle],
        17..=32 => -COSINES[32 - angle],
        33..=48 => -COSINES[angle - 32],
        _ => COSINES[64 - angle],
    }
}

/// A turned and moved coordinate system.
#[derive(Clone, Copy)]
struct Frame {
    x: i32,
    y: i32,
    cosine: i32,
    sine: i32,
}

impl Frame {
    fn new(x: i32, y: i32, angle: u32) -> Self {
        Self { x, y, cosine: cosine(angle), sine: cosine(angle + 3 * ANGLES / 4) }
    }

    /// A point of the image in this system.
    const fn inside(self, x: i32, y: i32) -> (i32, i32) {
        let (x, y) = (x - self.x, y - self.y);
        let across = (x * self.cosine + y * self.sine) >> 14;
        let along = (y * self.cosine - x * self.sine) >> 14;
        (across, along)
    }
}

#[derive(Clone, Copy)]
enum Outline {
    Disc,
    Square,
    Triangle,
    Cross,
    Ring,
}

impl Outline {
    const ALL: [Self; 5] = [Self::Disc, Self::Square, Self::Triangle, Self::Cross, Self::Ring];

    /// Whether a point is in the outline of a radius around the origin. All outlines have nearly the same area.
    const fn has(self, (u, v): (i32, i32), radius: i32) -> bool {
        let (a, b) = (u.abs(), v.abs());
        match self {
            Self::Disc => u * u + v * v <= radius * radius * 3 / 4,
            Self::Square => a * 4 <= radius * 3 && b * 4 <= radius * 3,
            Self::Triangle => 2 * v <= radius && a * 1774 <= (v + radius) * 1024,
            Self::Cross => (a * 3 <= radius && b <= radius) || (b * 3 <= radius && a <= radius),
            Self::Ring => {
                let square = u * u + v * v;
                square <= radius * radius && square * 4 >= radius * radius
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Texture {
    Stripes,
    Checks,
    Plain,
}

impl Texture {
    /// Which of its two colours a point has.
    const fn is_second(self, (u, v): (i32, i32), width: i32) -> bool {
        match self {
            Self::Stripes => u.div_euclid(width) & 1 == 1,
            Self::Checks => (u.div_euclid(width) + v.div_euclid(width)) & 1 == 1,
            Self::Plain => false,
        }
    }
}

/// A colour, each channel from 0 to 255.
type Colour = [i32; 3];

/// An object in an image.
struct Object {
    outline: Outline,
    frame: Frame,
    radius: i32,
    texture: Texture,
    /// The frame of the texture, and the width of its stripes or squares.
    grain: Frame,
    width: i32,
    colours: [Colour; 2],
}

impl Object {
    fn colour(&self, x: i32, y: i32) -> Option<Colour> {
        // Before anything else: most points are far from most objects.
        let reach = self.radius;
        if (x - self.frame.x).abs() > reach || (y - self.frame.y).abs() > reach {
            return None;
        }
        let is_inside = self.outline.has(self.frame.inside(x, y), self.radius);
        is_inside.then(|| {
            let is_second = self.texture.is_second(self.grain.inside(x, y), self.width);
            self.colours[usize::from(is_second)]
        })
    }
}

/// A straight line across the whole image.
struct Line {
    frame: Frame,
    half_width: i32,
    colour: Colour,
}

impl Line {
    fn colour(&self, x: i32, y: i32) -> Option<Colour> {
        (self.frame.inside(x, y).0.abs() <= self.half_width).then_some(self.colour)
    }
}

/// Everything in an image.
struct Scene {
    /// The colour in the middle, and how it changes to the right and down over the whole image.
    background: Colour,
    slope: (i32, i32),
    /// From front to back.
    objects: Vec<Object>,
    lines: Vec<Line>,
    /// The largest change of a pixel by noise.
    noise: i32,
    stream: Stream,
}

/// A brightness with a random tint.
fn colour(stream: &mut Stream, brightness: i32) -> Colour {
    std::array::from_fn(|_| (brightness + stream.between(-24, 24)).clamp(0, 255))
}

/// Any angle.
fn angle(stream: &mut Stream) -> u32 {
    stream.below(ANGLES)
}

impl Scene {
    fn new(label: usize, mut stream: Stream) -> Self {
        let random = &mut stream;
        let outline = Outline::ALL[label % Outline::ALL.len()];
        let texture = [Texture::Stripes, Texture::Checks][label / Outline::ALL.len()];
        let base = random.between(70, 185);
        let background = colour(random, base);
        let slope = (random.between(-60, 60), random.between(-60, 60));
        let object = main_object(random, outline, texture, base);
        let clutter = 1 + random.below(3);
        let mut objects: Vec<Object> = Vec::new();
        // What lies in front hides a part of the object.
        if random.coin() {
            objects.push(clutter_object(random, &object));
        }
        let behind: Vec<Object> = (0..clutter).map(|_| clutter_object(random, &object)).collect();
        objects.push(object);
        objects.extend(behind);
        let lines = (0..random.below(3)).map(|_| line(random)).collect();
        let noise = random.between(6, 40);
        Self { background, slope, objects, lines, noise, stream }
    }

    /// Draws the image as channel x row x column.
    fn draw(mut self, shape: ImageShape, image: &mut [u8]) {
        let plane = shape.plane();
        let size = shape.width.cast_signed();
        let steps = size * SAMPLES;
        let place =
            |pixel: i32, sample: i32| (2 * (pixel * SAMPLES + sample) + 1) * (SIDE / 2) / steps;
        for row in 0..size {
            for column in 0..size {
                let mut sum = [0; 3];
                for sample in 0..SAMPLES * SAMPLES {
                    let x = place(column, sample % SAMPLES);
                    let y = place(row, sample / SAMPLES);
                    let colour = self.colour(x, y);
                    sum.iter_mut().zip(colour).for_each(|(sum, value)| *sum += value);
                }
                let index = (row * size + column) as usize;
                // A grey image is the first channel of the drawing.
                for (channel, sum) in sum.iter().take(shape.channels as usize).enumerate() {
                    let noise = self.noise();
                    let value = (sum / (SAMPLES * SAMPLES) + noise).clamp(0, 255);
                    image[channel * plane + index] = value as u8;
                }
            }
        }
    }

    fn colour(&self, x: i32, y: i32) -> Colour {
        let object = self.objects.iter().find_map(|object| object.colour(x, y));
        object.or_else(|| self.lines.iter().find_map(|line| line.colour(x, y))).unwrap_or_else(
            || {
                let half = SIDE / 2;
                let shade = (self.slope.0 * (x - half) + self.slope.1 * (y - half)) / SIDE;
                self.background.map(|value| value + shade)
            },
        )
    }

    /// Noise of a triangular distribution.
    fn noise(&mut self) -> i32 {
        let noise = self.noise;
        (self.stream.between(-noise, noise) + self.stream.between(-noise, noise)) / 2
    }
}

/// The object of the image's class.
fn main_object(stream: &mut Stream, outline: Outline, texture: Texture, base: i32) -> Object {
    let radius = stream.between(SIDE * 28 / 100, SIDE * 44 / 100);
    let margin = (radius * 9 / 10).min(SIDE / 2 - 1);
    let x = stream.between(margin, SIDE - margin);
    let y = stream.between(margin, SIDE - margin);
    let width = stream.between(SIDE * 8 / 100, SIDE * 13 / 100);
    let contrast = stream.between(50, 115);
    let distance = stream.between(30, 80);
    let offset = if stream.coin() { distance } else { -distance };
    let [first, second] = [base + offset - contrast / 2, base + offset + contrast / 2];
    let mut colours = [colour(stream, first), colour(stream, second)];
    if stream.coin() {
        colours.reverse();
    }
    Object {
        outline,
        frame: Frame::new(x, y, angle(stream)),
        radius,
        texture,
        grain: Frame::new(stream.between(0, SIDE), stream.between(0, SIDE), angle(stream)),
        width,
        colours,
    }
}

/// A smaller object of any outline and texture, not over the middle of the main one.
fn clutter_object(stream: &mut Stream, main: &Object) -> Object {
    let outline = Outline::ALL[stream.below(5) as usize];
    let texture = [Texture::Stripes, Texture::Checks, Texture::Plain][stream.below(3) as usize];
    let brightness = stream.between(30, 225);
    let contrast = stream.between(30, 90);
    let mut object = main_object(stream, outline, texture, brightness);
    object.colours =
        [colour(stream, brightness - contrast / 2), colour(stream, brightness + contrast / 2)];
    object.radius = stream.between(SIDE * 7 / 100, SIDE * 13 / 100);
    object.frame = away(stream, main);
    object
}

/// A random place at the rim of an object or outside of it.
fn away(stream: &mut Stream, main: &Object) -> Frame {
    for _ in 0..8 {
        let (x, y) = (stream.between(0, SIDE), stream.between(0, SIDE));
        let (across, down) = (x - main.frame.x, y - main.frame.y);
        if across * across + down * down >= main.radius * main.radius {
            return Frame::new(x, y, angle(stream));
        }
    }
    Frame::new(0, 0, angle(stream))
}

fn line(stream: &mut Stream) -> Line {
    let frame = Frame::new(stream.between(0, SIDE), stream.between(0, SIDE), angle(stream));
    let half_width = stream.between(SIDE / 100, SIDE * 3 / 100);
    let brightness = stream.between(30, 225);
    Line { frame, half_width, colour: colour(stream, brightness) }
}
