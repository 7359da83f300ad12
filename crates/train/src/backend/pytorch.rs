//! Training with PyTorch: this program sends images, labels and learning rates, so that a training has the same data in the
//! same order with any backend.

use std::{
    cell::RefCell,
    path::PathBuf,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
};

use inceptive_engine::{Outcome, Rates, TrainPlan};
use inceptive_ir::{Graph, Path, Role};
use inceptive_pytorch::{
    Module, to_module,
    worker::{
        Device, Done, Numbers, Optimizer, Part, Request, Stepped, Train, Worker, WorkerError,
    },
};
use inceptive_results::Accelerator;
use inceptive_weights::{Missing, Weights, slots};

use crate::{
    error::TrainError,
    machine::Machine,
    recipe::{self, Recipe},
};

/// Requests that nobody stops.
static GO_ON: AtomicBool = AtomicBool::new(false);

/// PyTorch as a trainer. Its processes are kept for the next training.
#[derive(Debug)]
pub struct PyTorch {
    python: Option<PathBuf>,
    device: String,
    idle: Mutex<Vec<Worker>>,
}

impl PyTorch {
    /// PyTorch on a device, such as `cuda`, in the Python that is named, or in one that has PyTorch.
    pub fn new(python: Option<PathBuf>, device: &str) -> Self {
        Self { python, device: device.to_owned(), idle: Mutex::default() }
    }

    /// The device.
    pub fn device(&self) -> &str {
        &self.device
    }

    fn worker(&self, stop: &AtomicBool) -> Result<Worker, WorkerError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| Worker::start(self.python.as_deref(), stop), Ok)
    }

    /// Keeps a process for the next training, unless it has ended.
    fn keep(&self, worker: Worker) {
        if !worker.has_ended() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
    }
}

/// A tensor, by the layer and its role there.
type Tensor = (Path, Role);

/// A network that PyTorch trains.
pub(crate) struct PyTorchSession<'a> {
    pytorch: &'a PyTorch,
    /// Always there, until the session is dropped.
    worker: RefCell<Option<Worker>>,
    device: Device,
    version: String,
    id: u32,
    /// The tensors in the order of their numbers.
    tensors: Vec<Tensor>,
    /// Number of values of each.
    lengths: Vec<usize>,
    /// Those that are learned, in the order of the optimizer's state.
    learned: Vec<Tensor>,
    learned_len: usize,
    states: usize,
    has_averages: bool,
}

impl<'a> PyTorchSession<'a> {
    pub fn new(
        pytorch: &'a PyTorch,
        plan: &TrainPlan,
        (graph, recipe): (&Graph, &Recipe),
        machine: Machine,
        weights: &Weights,
        stop: &AtomicBool,
    ) -> Result<Self, TrainError> {
        let mut worker = pytorch.worker(stop)?;
        let about = worker.about();
        let device = about.devices.iter().find(|device| device.name == pytorch.device);
        let device = device.cloned().ok_or_else(|| TrainError::Device {
            device: pytorch.device.clone(),
            devices: about.devices.iter().map(|device| device.name.clone()).collect(),
        })?;
        let version = about.torch.clone();
        let Module { text, class, keys } = to_module(graph, "Network");
        let key_of = |path: &Path, role: Role| {
            let found = keys.iter().find(|((own, of), _)| own == path && *of == role);
            found.map(|(_, key)| key.as_str()).ok_or_else(|| Missing(format!("{path}.{role}")))
        };
        let slots = slots(graph);
        let keys_in_order: Vec<&str> =
            slots.iter().map(|slot| key_of(&slot.path, slot.role)).collect::<Result<_, _>>()?;
        let tensors: Vec<Tensor> =
            slots.iter().map(|slot| (slot.path.clone(), slot.role)).collect();
        let (mut learned, mut learned_keys, mut decays) = (vec![], vec![], vec![]);
        for (path, role, has_decay) in plan.learned() {
            let key = key_of(path, role)?;
            learned.push((path.clone(), role));
            learned_keys.push(key);
            if has_decay {
                decays.push(key);
            }
        }
        let input = graph.node(graph.input()).shape;
        let (channels, size) = (input.channels() as usize, input.size());
        let heads: Vec<f32> = graph.auxiliary().iter().map(|head| head.weight).collect();
        let id = worker.new_id();
        let request = Train {
            id,
            source_bytes: text.len(),
            class: &class,
            tensors: &keys_in_order,
            learned: &learned_keys,
            decays: &decays,
            heads: &heads,
            device: &pytorch.device,
            threads: machine.threads,
            batch: recipe.batch as usize,
            input: [channels, size.height as usize, size.width as usize],
            optimizer: optimizer(recipe.optimizer),
            label_smoothing: recipe.label_smoothing,
            clip: recipe.clip,
            norm_momentum: recipe.norm_momentum,
            averages: recipe.average.is_some(),
        };
        let mut payload = vec![Part::Text(&text)];
        for (path, role) in &tensors {
            payload.push(Part::Floats(weights.get(path, *role)?));
        }
        if let Err(error) = worker.call::<Done>(Request::Train(&request), &payload, stop) {
            pytorch.keep(worker);
            return Err(error.into());
        }
        let len = |(path, role): &Tensor| weights.get(path, *role).map_or(0, <[f32]>::len);
        Ok(Self {
            pytorch,
            worker: RefCell::new(Some(worker)),
            device,
            version,
            id,
            lengths: tensors.iter().map(len).collect(),
            learned_len: learned.iter().map(len).sum(),
            tensors,
            learned,
            states: plan.options().rule.states(),
            has_averages: recipe.average.is_some(),
        })
    }

    /// The device, as PyTorch names it.
    pub fn device(&self) -> &str {
        &self.device.name
    }

    /// The instruction set of the processor, if it computes.
    pub fn isa(&self) -> Option<&str> {
        self.device.isa.as_deref()
    }

    /// The version of PyTorch.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What is known of the device; nothing of the processor.
    pub fn accelerator(&self) -> Option<Accelerator> {
        let Device { hardware, driver, platform, memory_bytes, .. } = self.device.clone();
        let name = hardware?;
        Some(Accelerator { name, driver, platform, memory_bytes, clock_mhz: None })
    }

    fn call<R: serde::de::DeserializeOwned>(
        &self,
        request: Request<'_>,
        payload: &[Part<'_>],
        stop: &AtomicBool,
    ) -> Result<(R, Vec<f32>), TrainError> {
        self.with_worker(|worker| worker.call(request, payload, stop))
    }

    fn with_worker<T>(
        &self,
        call: impl FnOnce(&mut Worker) -> Result<T, WorkerError>,
    ) -> Result<T, TrainError> {
        match self.worker.borrow_mut().as_mut() {
            Some(worker) => Ok(call(worker)?),
            None => Err(TrainError::Stopped),
        }
    }

    pub fn step(
        &mut self,
        pixels: &[f32],
        labels: &[u32],
        rates: Rates,
        seed: u64,
        stop: &AtomicBool,
        meanwhile: impl FnOnce(),
    ) -> Result<Outcome, TrainError> {
        let Rates { learning: rate, decay, average, steps: _ } = rates;
        let request = Request::Step { id: self.id, rate, decay, average, seed };
        let payload = [Part::Floats(pixels), Part::Labels(labels)];
        let (Stepped { losses, top1, top5 }, _) =
            self.with_worker(|worker| worker.call_while(request, &payload, stop, meanwhile))?;
        let losses = losses.into_iter().map(|loss| loss.unwrap_or(f64::NAN)).collect();
        Ok(Outcome { losses, top1, top5 })
    }

    /// The outputs of the averaged network for images.
    pub fn predict(&self, pixels: &[f32], stop: &AtomicBool) -> Result<Vec<f32>, TrainError> {
        let request = Request::Predict { id: self.id };
        let (Done {}, outputs) = self.call(request, &[Part::Floats(pixels)], stop)?;
        Ok(outputs)
    }

    pub fn weights(&self) -> Result<Weights, TrainError> {
        self.read_weights(Numbers::Weights)
    }

    pub fn averages(&self) -> Result<Weights, TrainError> {
        self.read_weights(Numbers::Averages)
    }

    fn read(&self, what: Numbers, expected: usize) -> Result<Vec<f32>, TrainError> {
        let (Done {}, numbers) = self.call(Request::Read { id: self.id, what }, &[], &GO_ON)?;
        match numbers.len() == expected {
            true => Ok(numbers),
            false => {
                let what = format!("{} numbers in place of {expected}", numbers.len());
                Err(WorkerError::Protocol(what).into())
            }
        }
    }

    fn read_weights(&self, what: Numbers) -> Result<Weights, TrainError> {
        let numbers = self.read(what, self.lengths.iter().sum())?;
        let mut rest = numbers.as_slice();
        let mut weights = Weights::default();
        for ((path, role), &len) in self.tensors.iter().zip(&self.lengths) {
            let (own, others) = rest.split_at(len);
            weights.set(path.clone(), *role, own.to_vec());
            rest = others;
        }
        Ok(weights)
    }

    pub fn state(&self) -> Result<Vec<Vec<f32>>, TrainError> {
        let numbers = self.read(Numbers::State, self.states * self.learned_len)?;
        Ok(numbers.chunks(self.learned_len.max(1)).map(<[f32]>::to_vec).collect())
    }

    fn write(&self, what: Numbers, parts: &[Part<'_>], steps: u64) -> Result<(), TrainError> {
        let request = Request::Write { id: self.id, what, steps };
        self.call(request, parts, &GO_ON).map(|(Done {}, _)| ())
    }

    fn write_weights(
        &self,
        what: Numbers,
        tensors: &[Tensor],
        weights: &Weights,
    ) -> Result<(), TrainError> {
        let part = |(path, role): &Tensor| weights.get(path, *role).map(Part::Floats);
        let parts = tensors.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        self.write(what, &parts, 0)
    }

    pub fn set_weights(&mut self, weights: &Weights) -> Result<(), TrainError> {
        self.write_weights(Numbers::Weights, &self.tensors, weights)
    }

    pub fn set_averages(&mut self, weights: &Weights) -> Result<(), TrainError> {
        match self.has_averages {
            true => self.write_weights(Numbers::Averages, &self.learned, weights),
            false => Ok(()),
        }
    }

    pub fn set_state(&mut self, state: &[Vec<f32>], steps: u64) -> Result<bool, TrainError> {
        if state.len() != self.states || state.iter().any(|it| it.len() != self.learned_len) {
            return Ok(false);
        }
        let parts: Vec<Part<'_>> = state.iter().map(|numbers| Part::Floats(numbers)).collect();
        self.write(Numbers::State, &parts, steps)?;
        Ok(true)
    }
}

impl Drop for PyTorchSession<'_> {
    fn drop(&mut self) {
        let Some(mut worker) = self.worker.borrow_mut().take() else { return };
        if worker.call::<Done>(Request::Drop { id: self.id }, &[], &GO_ON).is_ok() {
            self.pytorch.keep(worker);
        }
    }
}

fn optimizer(optimizer: recipe::Optimizer) -> Optimizer {
    match optimizer {
        recipe::Optimizer::Sgd { momentum, nesterov } => Optimizer::Sgd { momentum, nesterov },
        recipe::Optimizer::AdamW { beta1, beta2, eps } => Optimizer::AdamW { beta1, beta2, eps },
    }
}
