//! Sessions of engines that compute in single precision and read their input where it lies.

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_results::Precision;

use crate::engine::{EngineError, Session};

/// A network as such an engine compiles it.
pub(super) trait Compiled {
    /// Runs once; see [`Session::run`].
    fn run(&mut self, input: &[f32], stop: &AtomicBool) -> Result<(), EngineError>;

    /// See [`Session::is_output_finite`].
    fn is_output_finite(&self) -> Option<bool> {
        None
    }

    /// Runs once and returns the output; see [`Session::output`].
    fn output(&mut self, input: &[f32]) -> Result<Vec<f32>, EngineError>;
}

/// A compiled network with its input.
pub(super) struct Fp32Session<C> {
    pub(super) compiled: C,
    pub(super) input: Arc<[f32]>,
}

impl<C> Fp32Session<C> {
    /// With zeros of this shape.
    pub(super) fn new(compiled: C, shape: [usize; 4]) -> Self {
        Self { compiled, input: vec![0.0; shape.iter().product()].into() }
    }
}

impl<C: Compiled> Session for Fp32Session<C> {
    fn precision(&self) -> Precision {
        Precision::Fp32
    }

    fn set_input(&mut self, input: Arc<[f32]>) -> Result<(), EngineError> {
        self.input = input;
        Ok(())
    }

    fn run(&mut self, stop: &AtomicBool) -> Result<(), EngineError> {
        self.compiled.run(&self.input, stop)
    }

    fn is_output_finite(&self) -> Option<bool> {
        self.compiled.is_output_finite()
    }

    fn output(&mut self) -> Result<Vec<f32>, EngineError> {
        self.compiled.output(&self.input)
    }
}
