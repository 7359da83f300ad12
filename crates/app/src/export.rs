//! Networks as files for other programs.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use inceptive_dsl::{Loaded, Memory, describe, resolve};
use inceptive_files::{InputFiles, WriteError, disk, replace_file, replace_file_with};
use inceptive_ir::Graph;
use inceptive_onnx::{Batch, LrnForm, OnnxFile, Opset, Options, WeightType, onnx_file};
use inceptive_pytorch::to_pytorch;
use inceptive_weights::Weights;

use crate::{
    error::TaskError,
    inspect::Inspected,
    memory::Purpose,
    network::{ReadError, Runnable, WeightSource, is_onnx, read_runnable, runnable},
};

/// How an ONNX file is written.
#[derive(Clone, Copy, Debug)]
pub struct OnnxOptions {
    /// Whether batch normalisations are folded into the layers before them.
    pub folds_batch_norm: bool,
    /// The operator set.
    pub opset: Opset,
    /// The batch dimension.
    pub batch: Batch,
    /// The type of the weights in the file.
    pub weight_type: WeightType,
}

impl Default for OnnxOptions {
    fn default() -> Self {
        Self {
            folds_batch_norm: false,
            opset: Opset::DEFAULT,
            batch: Batch::Fixed(1),
            weight_type: WeightType::Float32,
        }
    }
}

/// A file that is not written yet.
pub struct Exported {
    content: Content,
    /// What was read for it, and must not be replaced.
    inputs: InputFiles,
}

enum Content {
    Text(String),
    Onnx(Box<Model>),
}

/// An ONNX file. Its bytes are made while it is written: they would take as much memory as the weights.
struct Model {
    file: PathBuf,
    graph: Graph,
    weights: Weights,
    options: Options,
}

impl Model {
    fn to_file(&self) -> Result<OnnxFile<'_>, ReadError> {
        onnx_file(&self.graph, &self.weights, &self.options)
            .map_err(|error| ReadError::Size { path: self.file.clone(), error })
    }
}

impl Exported {
    /// A text.
    pub fn text(text: String, inputs: InputFiles) -> Self {
        Self { content: Content::Text(text), inputs }
    }

    /// Writes it, not over what was read for it nor over `others`.
    ///
    /// # Errors
    /// When the file would be too large or cannot be written.
    pub fn write(mut self, path: &Path, others: &InputFiles) -> Result<(), ExportError> {
        self.inputs.extend(others);
        match &self.content {
            Content::Text(text) => replace_file(path, text.as_bytes(), &self.inputs)?,
            Content::Onnx(model) => {
                let file = model.to_file()?;
                replace_file_with(path, &self.inputs, |out| file.write(out))?;
            }
        }
        Ok(())
    }

    /// Its bytes.
    ///
    /// # Errors
    /// When the file would be too large.
    pub fn into_bytes(self) -> Result<Vec<u8>, ReadError> {
        match self.content {
            Content::Text(text) => Ok(text.into_bytes()),
            Content::Onnx(model) => model.to_file().map(|file| file.to_vec()),
        }
    }
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The network cannot be written in this format.
    #[error(transparent)]
    Network(#[from] ReadError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] WriteError),
}

/// A network with weights as an ONNX file.
///
/// # Errors
/// When normalisations cannot be folded.
pub fn export_onnx(
    network: Runnable,
    weights_file: Option<&Path>,
    options: OnnxOptions,
) -> Result<Exported, TaskError> {
    let Runnable { loaded, graph, weights, stored_name, .. } = network;
    let inputs = InputFiles::of(loaded.sources.paths().chain(weights_file));
    let file = loaded.architecture.file;
    let (graph, weights) = match options.folds_batch_norm {
        true => weights
            .fold_batch_norm(&graph)
            .map_err(|error| TaskError::Fold { file: file.clone(), error: Box::new(error) })?,
        false => (graph, weights),
    };
    let OnnxOptions { opset, batch, weight_type, .. } = options;
    let name = stored_name.unwrap_or(loaded.architecture.name);
    let options = Options { name, opset, batch, lrn: LrnForm::Operator, weights: weight_type };
    Ok(Exported {
        content: Content::Onnx(Box::new(Model { file, graph, weights, options })),
        inputs,
    })
}

/// The training network as a PyTorch module.
///
/// # Errors
/// When an auxiliary head does not fit.
pub fn export_pytorch(network: &Loaded) -> Result<Exported, ReadError> {
    network.expect_heads().map_err(ReadError::Yaml)?;
    let text = to_pytorch(&network.architecture.graph, &network.architecture.name);
    Ok(Exported::text(text, InputFiles::of(network.sources.paths())))
}

impl Inspected {
    /// The network with weights: an ONNX file's own, else random ones from seed 0.
    ///
    /// # Errors
    /// When it does not fit into memory, when the weights cannot be read, and soon after `stop` is set.
    pub fn to_export(&self, stop: &AtomicBool) -> Result<Runnable, ReadError> {
        let (file, from) = (&self.architecture.file, WeightSource::default());
        match is_onnx(file) {
            true => read_runnable(file, &self.onnx_settings(), &from, Purpose::Export, stop),
            false => runnable(self.loaded(), &from, Purpose::Export, stop),
        }
    }

    /// The network with the files that it was read from.
    pub fn loaded(&self) -> Loaded {
        Loaded { architecture: self.architecture.clone(), sources: self.sources.clone() }
    }

    /// The network as the text of one file: with everything that its file extends and uses, or as [`describe`] writes what
    /// is in an ONNX file.
    ///
    /// # Errors
    /// Why there is none.
    pub fn resolved(&self) -> Result<String, String> {
        if is_onnx(&self.architecture.file) {
            let described = describe(&self.architecture.graph, &self.architecture.name);
            return described.map(|described| described.yaml).map_err(|error| error.to_string());
        }
        let mut files = Memory::default();
        let place = |path: &PathBuf| disk::absolute(path).map_err(|error| error.to_string());
        let mut main = None;
        for source in self.sources.iter() {
            let path = place(&source.path)?;
            files = files.with(&path, source.text.as_bytes());
            main.get_or_insert(path);
        }
        let main = main.ok_or("it has no text")?;
        resolve(&files, &main, &[]).map_err(|failure| failure.to_string())
    }
}
