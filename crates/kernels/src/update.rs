//! Optimizers.

use crate::{
    memory::{Buffer, View},
    run::{Context, Reason, Run},
    simd::{LANES, Simd, Work},
};

/// Numbers of a task.
const OF_TASK: usize = 1 << 14;

/// An optimizer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Stochastic gradient descent with momentum (Sutskever et al. 2013), as PyTorch computes it.
    Sgd {
        /// What is left of the last step.
        momentum: f32,
        /// Whether the gradient is looked at behind the momentum's step.
        nesterov: bool,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW {
        /// What is left of the mean of gradients.
        beta1: f32,
        /// What is left of the mean of their squares.
        beta2: f32,
        /// Added to the root of that mean.
        eps: f32,
    },
}

impl Rule {
    /// Number of vectors of state, besides the parameters and their gradients.
    pub const fn states(&self) -> usize {
        match self {
            Self::Sgd { .. } => 1,
            Self::AdamW { .. } => 2,
        }
    }
}

/// A tensor of parameters: vectors of the same length.
#[derive(Clone, Debug)]
pub struct Learned {
    /// The parameters.
    pub values: View,
    /// Their gradient.
    pub gradient: View,
    /// The optimizer's state, see [`Rule::states`].
    pub states: Vec<View>,
    /// Whether weight decay applies.
    pub decays: bool,
    /// The moving average of the parameters, if there is one.
    pub average: Option<View>,
}

/// Which pieces of which tensors a task works on.
fn tasks(learned: &[Learned]) -> Vec<(usize, usize)> {
    let pieces = |(index, tensor): (usize, &Learned)| {
        let len = tensor.values.blocks * LANES;
        (0..len).step_by(OF_TASK).map(move |start| (index, start)).collect::<Vec<_>>()
    };
    learned.iter().enumerate().flat_map(pieces).collect()
}

fn are_vectors(buffers: &[Buffer], learned: &[Learned]) -> bool {
    let fits = |tensor: &Learned, view: &View| {
        buffers[view.buffer].is_vector() && view.blocks == tensor.values.blocks
    };
    learned.iter().all(|tensor| {
        let vectors = [Some(tensor.values), Some(tensor.gradient), tensor.average];
        let mut views = vectors.into_iter().flatten().chain(tensor.states.clone());
        views.all(|view| fits(tensor, &view))
    })
}

/// The sum of squares of each piece of all gradients.
#[derive(Clone, Debug)]
pub struct Squares {
    learned: Vec<Learned>,
    to: View,
    tasks: Vec<(usize, usize)>,
}

impl Squares {
    /// `to` is a vector of at least [`Squares::pieces`] numbers.
    pub fn new(learned: Vec<Learned>, to: View) -> Self {
        let tasks = tasks(&learned);
        Self { learned, to, tasks }
    }

    /// Number of pieces.
    pub fn pieces(learned: &[Learned]) -> usize {
        tasks(learned).len()
    }
}

impl Run for Squares {
    fn name(&self) -> &'static str {
        "squares"
    }

    fn reads(&self) -> Vec<View> {
        self.learned.iter().map(|tensor| tensor.gradient).collect()
    }

    fn writes(&self) -> Vec<View> {
        vec![self.to]
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let is_valid = are_vectors(buffers, &self.learned)
            && buffers[self.to.buffer].is_vector()
            && self.to.blocks * LANES >= self.tasks.len();
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.tasks.len()
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "summed in double precision, kept in single"
    )]
    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (tensor, start) = self.tasks[task];
        let view = self.learned[tensor].gradient;
        // SAFETY: the program has checked the views; this task alone writes its number.
        unsafe {
            let gradient = context.place(view).row_of(0, view.blocks);
            let piece = &gradient[start..(start + OF_TASK).min(gradient.len())];
            let sum: f64 = piece.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
            context.place(self.to).at(0, 0).wrapping_add(task).write(sum as f32);
        }
    }
}

/// Updates all parameters.
#[derive(Clone, Debug)]
pub struct Update {
    learned: Vec<Learned>,
    rule: Rule,
    /// The largest norm that all gradients together may have, with the vector of [`Squares`].
    clip: Option<(f32, View)>,
    tasks: Vec<(usize, usize)>,
}

impl Update {
    /// An update with an optimizer; if the norm of the gradients exceeds the limit of `clip`, they are scaled to it.
    pub fn new(learned: Vec<Learned>, rule: Rule, clip: Option<(f32, View)>) -> Self {
        let tasks = tasks(&learned);
        Self { learned, rule, clip, tasks }
    }
}

/// A piece of a tensor.
struct Piece<'a> {
    rule: Rule,
    values: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    average: &'a mut [f32],
    /// What is left of the average.
    left: f32,
    /// What the gradient is multiplied by.
    scale: f32,
    rate: f32,
    decay: f32,
    /// One over what is missing of the means after so few steps.
    corrections: (f32, f32),
}

impl Piece<'_> {
    #[inline(always)]
    fn apply(&mut self) {
        let (scale, rate, decay) = (self.scale, self.rate, self.decay);
        let numbers = self.values.iter_mut().zip(self.gradient).zip(self.first.iter_mut());
        match self.rule {
            Rule::Sgd { momentum, nesterov } => {
                for ((value, gradient), state) in numbers {
                    let gradient = gradient * scale + decay * *value;
                    *state = momentum * *state + gradient;
                    let step = if nesterov { gradient + momentum * *state } else { *state };
                    *value -= rate * step;
                }
            }
            Rule::AdamW { beta1, beta2, eps } => {
                let (first, second) = self.corrections;
                for (((value, gradient), mean), square) in numbers.zip(self.second.iter_mut()) {
                    let gradient = gradient * scale;
                    *value -= rate * decay * *value;
                    *mean = beta1 * *mean + (1.0 - beta1) * gradient;
                    *square = beta2 * *square + (1.0 - beta2) * gradient * gradient;
                    *value -= rate * (*mean * first) / ((*square * second).sqrt() + eps);
                }
            }
        }
        for (average, value) in self.average.iter_mut().zip(self.values.iter()) {
            *average = self.left * *average + (1.0 - self.left) * *value;
        }
    }
}

/// A piece behind a shared reference, as kernels get their work.
struct PieceWork<'a>(std::cell::RefCell<Piece<'a>>);

impl Work for PieceWork<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self) {
        self.0.borrow_mut().apply();
    }
}

impl Run for Update {
    fn name(&self) -> &'static str {
        "update"
    }

    fn reads(&self) -> Vec<View> {
        let gradients = self.learned.iter().map(|tensor| tensor.gradient);
        let clip = self.clip.map(|(_, view)| view);
        Run::writes(self).into_iter().chain(gradients).chain(clip).collect()
    }

    fn writes(&self) -> Vec<View> {
        let views = |tensor: &Learned| {
            let vectors = [Some(tensor.values), tensor.average];
            vectors.into_iter().flatten().chain(tensor.states.clone()).collect::<Vec<_>>()
        };
        self.learned.iter().flat_map(views).collect()
    }

    fn check(&self, buffers: &[Buffer]) -> Option<Reason> {
        let has_states = |tensor: &Learned| tensor.states.len() == self.rule.states();
        let has_squares = self.clip.is_none_or(|(_, view)| {
            buffers[view.buffer].is_vector() && view.blocks * LANES >= self.tasks.len()
        });
        let is_valid = are_vectors(buffers, &self.learned)
            && self.learned.iter().all(has_states)
            && has_squares;
        (!is_valid).then_some(Reason::Values)
    }

    fn tasks(&self) -> usize {
        self.tasks.len()
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "computed in double precision, kept in single"
    )]
    unsafe fn run(&self, context: &Context<'_>, task: usize) {
        let (tensor, start) = self.tasks[task];
        let Learned { values, gradient, states, decays, average } = &self.learned[tensor];
        let rates = context.feed.rates;
        // SAFETY: the program has checked the views; this task alone uses its piece of these vectors.
        unsafe {
            let len = OF_TASK.min(values.blocks * LANES - start);
            let piece = |view: View| {
                let at = context.place(view).at(0, 0).wrapping_add(start);
                std::slice::from_raw_parts_mut(at, len)
            };
            let gradient_at = context.place(*gradient).at(0, 0).wrapping_add(start);
            let scale = self.clip.map_or(1.0, |(limit, view)| {
                let squares = &context.place(view).row_of(0, view.blocks)[..self.tasks.len()];
                let norm = squares.iter().map(|x| f64::from(*x)).sum::<f64>().sqrt();
                // As PyTorch does it, with a small number against division by zero.
                (f64::from(limit) / (norm + 1e-6)).min(1.0) as f32
            });
            let correction = |beta: f32| {
                let left = f64::from(beta).powf(rates.steps as f64 + 1.0);
                (1.0 / (1.0 - left)) as f32
            };
            let corrections = match self.rule {
                Rule::Sgd { .. } => (1.0, 1.0),
                Rule::AdamW { beta1, beta2, .. } => (correction(beta1), correction(beta2)),
            };
            let state = |index: usize| match states.get(index) {
                Some(view) => piece(*view),
                None => &mut [],
            };
            let work = Piece {
                rule: self.rule,
                values: piece(*values),
                gradient: std::slice::from_raw_parts(gradient_at, len),
                first: state(0),
                second: state(1),
                average: match average {
                    Some(view) => piece(*view),
                    None => &mut [],
                },
                left: rates.average,
                scale,
                rate: rates.learning,
                decay: if *decays { rates.decay } else { 0.0 },
                corrections,
            };
            context.isa.run(&PieceWork(std::cell::RefCell::new(work)));
        }
    }
}
