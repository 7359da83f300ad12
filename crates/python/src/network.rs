//! Networks.

use std::path::{Path, PathBuf};

use inceptive_app::{
    OnnxOptions, Opened, Purpose, TorchNetwork, WeightSource, export_onnx, notes_of, weight_notes,
};
use inceptive_cost::{Cost, Mode, diff};
use inceptive_draw::{Open, svg};
use inceptive_dsl::Setting;
use inceptive_files::{InputFiles, replace_file};
use inceptive_ir::{Graph, Shape, passes};
use inceptive_onnx::{Batch, Opset, WeightType};
use inceptive_weights::{MatchBy, Slot, Weights, slots};
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyByteArray, PyBytes},
};

use crate::{
    cost::{Counted, layers, modules, operators},
    diff::Difference,
    error::Problem,
    interrupt::interruptible,
    table::{Columns, array},
};

/// A network that was read.
#[pyclass(frozen, module = "inceptive._inceptive")]
pub struct Network(Opened);

/// A tensor: its name, its dimensions and its values, 32-bit floats.
type Values<'py> = (String, Vec<usize>, Bound<'py, PyByteArray>);

/// What weights come from, as Python says it.
#[derive(FromPyObject)]
pub struct Source {
    #[pyo3(item)]
    weights: Option<PathBuf>,
    #[pyo3(item("match"))]
    match_by: String,
    #[pyo3(item)]
    seed: u64,
}

impl TryFrom<Source> for WeightSource {
    type Error = PyErr;

    fn try_from(source: Source) -> PyResult<Self> {
        let match_by = match source.match_by.as_str() {
            "names" => MatchBy::Names,
            "order" => MatchBy::Order,
            other => {
                let message = format!("match is {other:?}, but must be \"names\" or \"order\"");
                return Err(PyValueError::new_err(message));
            }
        };
        Ok(Self { file: source.weights, match_by, seed: source.seed })
    }
}

const fn mode(training: bool) -> Mode {
    if training { Mode::Training } else { Mode::Inference }
}

/// Channels, height and width; or the number of features.
fn dimensions(shape: Shape) -> Vec<u32> {
    match shape {
        Shape::Map { channels, size } => vec![channels, size.height, size.width],
        Shape::Vector { features } => vec![features],
    }
}

/// The values of tensors with their names.
fn values<'py>(
    py: Python<'py>,
    weights: &Weights,
    named: impl Iterator<Item = (String, Slot)>,
) -> PyResult<Vec<Values<'py>>> {
    let value = |(name, slot): (String, Slot)| {
        let numbers =
            weights.get(&slot.path, slot.role).map_err(|missing| Problem::of(&missing))?;
        Ok((name, slot.shape, array(py, numbers, f32::to_ne_bytes)?))
    };
    named.map(value).collect()
}

impl Network {
    fn graph(&self) -> &Graph {
        &self.0.loaded.architecture.graph
    }

    fn file(&self) -> &Path {
        &self.0.loaded.architecture.file
    }

    /// Counts for a batch; in training, every auxiliary head has to fit.
    fn counted(&self, py: Python<'_>, batch: u32, training: bool) -> PyResult<Cost> {
        if batch == 0 {
            return Err(PyValueError::new_err("batch must be at least 1"));
        }
        if training {
            self.0.loaded.expect_heads().map_err(|failure| Problem::from(&failure))?;
        }
        let cost = py.detach(|| Cost::new(self.graph(), mode(training)).scaled(batch));
        Ok(cost.map_err(|error| Problem::of(&error))?)
    }
}

#[pymethods]
impl Network {
    /// Reads a file, with settings as key and YAML.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf, settings: Vec<(String, String)>) -> PyResult<Self> {
        let setting = |(key, value)| Setting { key, value };
        let settings: Vec<Setting> = settings.into_iter().map(setting).collect();
        let opened = py.detach(|| Opened::read(&path, &settings));
        Ok(Self(opened.map_err(Problem::from)?))
    }

    /// Reads an ONNX model, named as if it were in a file; with `cut`, up to what is not supported.
    #[staticmethod]
    fn from_onnx(py: Python<'_>, path: PathBuf, model: Vec<u8>, cut: bool) -> PyResult<Self> {
        let opened = py.detach(|| Opened::from_onnx(&path, model, cut));
        Ok(Self(opened.map_err(Problem::from)?))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.loaded.architecture.name
    }

    #[getter]
    fn path(&self) -> &Path {
        self.file()
    }

    #[getter]
    fn description(&self) -> Option<&str> {
        self.0.loaded.architecture.description.as_deref()
    }

    #[getter]
    fn cite(&self) -> Vec<String> {
        self.0.loaded.architecture.cite.clone()
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.0.loaded.architecture.notes.clone()
    }

    #[getter]
    fn point(&self) -> Vec<(String, String)> {
        self.0.loaded.architecture.point.clone()
    }

    #[getter]
    fn input_shape(&self) -> Vec<u32> {
        dimensions(self.graph().node(self.graph().input()).shape)
    }

    #[getter]
    fn output_shape(&self) -> Vec<u32> {
        dimensions(self.graph().node(self.graph().output()).shape)
    }

    #[getter]
    fn fingerprint(&self) -> PyResult<String> {
        let graph = passes::inference(self.graph()).map_err(|error| Problem::of(&error))?;
        Ok(graph.fingerprint().to_string())
    }

    /// What a user should know: violated constraints, heads that do not fit, what an ONNX file has besides.
    fn remarks(&self) -> Vec<String> {
        notes_of(&self.0.loaded.architecture).into_iter().map(|note| note.text).collect()
    }

    fn cost(&self, py: Python<'_>, batch: u32, training: bool) -> PyResult<Counted> {
        Ok(Counted::new(self.graph(), &self.counted(py, batch, training)?))
    }

    fn layers(&self, py: Python<'_>, batch: u32, training: bool) -> PyResult<Columns> {
        Ok(layers(&self.0.loaded, &self.counted(py, batch, training)?))
    }

    fn modules(&self, py: Python<'_>, batch: u32, training: bool, depth: u8) -> PyResult<Columns> {
        Ok(modules(self.graph(), &self.counted(py, batch, training)?, depth.into()))
    }

    fn operators(&self, py: Python<'_>, batch: u32, training: bool) -> PyResult<Columns> {
        Ok(operators(self.graph(), &self.counted(py, batch, training)?))
    }

    fn diff(
        &self,
        py: Python<'_>,
        other: &Self,
        training: bool,
        depth: u8,
    ) -> PyResult<Difference> {
        if training {
            for network in [self, other] {
                network.0.loaded.expect_heads().map_err(|failure| Problem::from(&failure))?;
            }
        }
        let graphs = (self.graph(), other.graph());
        Ok(py.detach(|| Difference::from(&diff(graphs.0, graphs.1, mode(training), depth.into()))))
    }

    /// The drawing, and why it is simplified if it is.
    fn svg(&self, py: Python<'_>, depth: Option<u8>) -> PyResult<(String, Option<String>)> {
        let open = Open::above(depth.map(usize::from));
        let drawing = interruptible(py, |_| svg(self.graph(), &open))?;
        let drawing = drawing.map_err(|error| Problem::of(&error))?;
        Ok((drawing.text, drawing.simplified.map(|simplified| simplified.to_string())))
    }

    /// An ONNX model, and notes on its weights. `batch` is `None` where it is open.
    fn onnx<'py>(
        &self,
        py: Python<'py>,
        source: Source,
        fold_batch_norm: bool,
        opset: u32,
        batch: Option<u32>,
        weight_type: &str,
    ) -> PyResult<(Bound<'py, PyBytes>, Vec<String>)> {
        let source = WeightSource::try_from(source)?;
        let Some(opset) = u8::try_from(opset).ok().and_then(Opset::new) else {
            let (oldest, newest) = (Opset::OLDEST, Opset::NEWEST);
            let message = format!("opset is {opset}, but must be between {oldest} and {newest}");
            return Err(PyValueError::new_err(message));
        };
        let batch = match batch {
            Some(0) => return Err(PyValueError::new_err("batch must be at least 1, or None")),
            Some(images) => Batch::Fixed(images),
            None => Batch::Dynamic,
        };
        let weight_type = match weight_type {
            "float32" => WeightType::Float32,
            "float16" => WeightType::Float16,
            "float64" => WeightType::Float64,
            other => {
                let message = format!(
                    "weight_type is {other:?}, but must be \"float32\", \"float16\" or \"float64\""
                );
                return Err(PyValueError::new_err(message));
            }
        };
        let options = OnnxOptions { folds_batch_norm: fold_batch_norm, opset, batch, weight_type };
        let exported = interruptible(py, |stop| -> Result<_, Problem> {
            let network = self.0.runnable(&source, Purpose::Export, stop)?;
            let notes = weight_notes(&source, network.matching, network.subnormals);
            let exported = export_onnx(network, source.file.as_deref(), options)?;
            Ok((exported.into_bytes()?, notes))
        })?;
        let (content, notes) = exported?;
        Ok((PyBytes::new(py, &content), notes.into_iter().map(|note| note.text).collect()))
    }

    /// Code of a PyTorch module, the name of its class, and the values of its tensors by their keys.
    fn torch<'py>(
        &self,
        py: Python<'py>,
        source: Source,
        training: bool,
    ) -> PyResult<(String, String, Vec<Values<'py>>)> {
        let source = WeightSource::try_from(source)?;
        let network = interruptible(py, |stop| self.0.torch(&source, training, stop))?;
        let TorchNetwork { module, graph, weights } = network.map_err(Problem::from)?;
        let named = module.keys.into_iter().map(|(_, key)| key).zip(slots(&graph));
        Ok((module.text, module.class, values(py, &weights, named)?))
    }

    /// The values of the tensors of the inference network by their names, and notes on them.
    fn weights<'py>(
        &self,
        py: Python<'py>,
        source: Source,
    ) -> PyResult<(Vec<Values<'py>>, Vec<String>)> {
        let source = WeightSource::try_from(source)?;
        let network = interruptible(py, |stop| self.0.runnable(&source, Purpose::Export, stop))?;
        let network = network.map_err(Problem::from)?;
        let notes = weight_notes(&source, network.matching, network.subnormals);
        let named = slots(&network.graph).into_iter().map(|slot| (slot.to_string(), slot));
        let notes = notes.into_iter().map(|note| note.text).collect();
        Ok((values(py, &network.weights, named)?, notes))
    }

    /// Writes a file whole or not at all, but never over the files of the network, or the one with its weights.
    fn write(
        &self,
        py: Python<'_>,
        path: PathBuf,
        content: &[u8],
        weights: Option<PathBuf>,
    ) -> PyResult<()> {
        let inputs = InputFiles::of(self.0.loaded.sources.paths().chain(weights.as_deref()));
        let written = py.detach(|| replace_file(&path, content, &inputs));
        Ok(written.map_err(|error| Problem::of(&error))?)
    }
}
