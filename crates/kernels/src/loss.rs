//! Softmax with cross-entropy, and its gradient.

use std::sync::Arc;

use crate::{
    conv::Segment,
    memory::{Buffer, View},
    run::{Context, Reason, Run},
    simd::LANES,
};

/// Number of output values per image: the loss, and the number of classes with a larger logit than the right one.
pub const OUTCOMES: usize = 2;

/// The cross-entropy of the softmax of logits with the labels, and its gradient.
#[derive(Clone, Debug)]
pub struct CrossEntropy {
    logits: View,
    gradient: View,
    segments: Arc<[Segment]>,
    smoothing: f32,
    weight: f32,
    head: usize,
    images: usize,
}

/// Classes whose gradient is computed between two looks at whether a run was stopped.
const BETWEEN_LOOKS: usize = 1 << 16;

/// The options of a loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// The index of the network's output that the loss belongs to.
    pub head: usize,
    /// Label smoothing: the share of each target that is distributed equally over all classes (Szegedy et al. 2015,
    /// section 7).
    pub smoothing: f32,
    /// The factor of the mean over images in the gradient.
    pub weight: f32,
}

impl CrossEntropy {
    /// Logits are maps of one pixel whose channels lie in `segments`; the gradient has the same layout.
    pub fn new(
        buffers: &[Buffer],
        logits: View,
        gradient: View,
        segments: Arc<[Segment]>,
        loss: Loss,
    ) -> Self {
        let images = buffers.get(logits.buffer).map_or(0, |buffer| buffer.images);
        let Loss { head, smoothing, weight } = loss;
        Self { logits, gradient, segments, smoothing, weight, head, images }
    }

    fn classes(&self) -> usize {
        self.segments.iter().map(|segment| segment.channels).sum()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "computed in double precision, kept in single")]
fn narrow(x: f64) -> f32 {
    x as f32
}

impl Run for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross entropy"
    }

    fn reads(&self) -> Vec<View> {
        vec![self.logits]
    }

    fn writes(&self) -> Vec<View> {
        vec![self.gradient]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let (from, to) = (&buffers[self.logits.buffer], &buffers[self.gradient.buffer]);
        let fits = |s: &Segment| s.block + s.channels.div_ceil(LANES) <= self.logits.blocks;
        let size = |buffer: &Buffer| (buffer.images, buffer.height, buffer.width, buffer.pixel);
        let is_valid = size(from) == (self.images, 1, 1, LANES)
            && size(from) == size(to)
            && self.logits.blocks == self.gradient.blocks
            && self.segments.iter().all(fits)
            && self.classes() > 0;
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.images
    }

    fn images(&self) -> Option<usize> {
        Some(self.images)
    }

    fn labels_len(&self, _buffers: &[Buffer]) -> usize {
        self.images
    }

    fn output_len(&self, _buffers: &[Buffer]) -> usize {
        (self.head + 1) * self.images * OUTCOMES
    }

    unsafe fn run(&self, context: &Context<'_>, image: usize) {
        let classes = self.classes();
        // A label that is not a class has no loss; the caller has checked the labels.
        let label = context.feed.labels[image] as usize;
        // SAFETY: the program has checked the views; this task alone writes the image's gradient and outcome.
        unsafe {
            let (from, to) = (context.place(self.logits), context.place(self.gradient));
            let lanes: Vec<(usize, usize)> = self
                .segments
                .iter()
                .flat_map(|s| (0..s.channels).map(|lane| (s.block + lane / LANES, lane % LANES)))
                .collect();
            for block in 0..self.gradient.blocks {
                to.at(image, block).write_bytes(0, LANES);
                to.clear_border(image, block, 0..1);
            }
            let logit = |(block, lane): (usize, usize)| {
                f64::from(from.at(image, block).wrapping_add(lane).read())
            };
            let largest = lanes.iter().map(|lane| logit(*lane)).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = lanes.iter().map(|lane| (logit(*lane) - largest).exp()).sum();
            let log_sum = largest + sum.ln();
            let right = lanes.get(label).map_or(f64::NAN, |lane| logit(*lane));
            let smoothing = f64::from(self.smoothing);
            let even = smoothing / classes as f64;
            let scale = f64::from(self.weight) / self.images as f64;
            let (mut loss, mut larger) = (0.0, 0.0);
            for (class, lane) in lanes.iter().enumerate() {
                if class.is_multiple_of(BETWEEN_LOOKS) && context.is_stopped() {
                    return;
                }
                let value = logit(*lane);
                let target = even + if class == label { 1.0 - smoothing } else { 0.0 };
                if target > 0.0 {
                    loss += target * (log_sum - value);
                }
                // Of equal ones the first class comes first. What is not a number is larger than nothing, and nothing is
                // right then.
                let is_before = value > right || (value == right && class < label);
                if class != label && (is_before || right.is_nan()) {
                    larger += 1.0;
                }
                let share = (value - log_sum).exp();
                let at = to.at(image, lane.0).wrapping_add(lane.1);
                at.write(narrow(scale * (share - target)));
            }
            let outcome = (self.head * self.images + image) * OUTCOMES;
            context.output.wrapping_add(outcome).write(narrow(loss));
            context.output.wrapping_add(outcome + 1).write(narrow(larger));
        }
    }
}
