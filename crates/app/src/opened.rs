//! A network that is kept in memory with everything that it is exported from, so that its files may change or go.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use inceptive_bench::{MemoryEstimate, available_memory};
use inceptive_dsl::{Loaded, Setting};
use inceptive_ir::{Graph, passes};
use inceptive_onnx::{Imported, ReadOptions, from_onnx_with};
use inceptive_pytorch::{Module, to_module};
use inceptive_weights::Weights;

use crate::{
    memory::{Purpose, check_memory, with_batch},
    network::{
        ReadError, Runnable, WeightSource, described, is_onnx, own_weights, read, read_weights,
        read_whole_onnx, runnable, runnable_onnx,
    },
};

/// A network as it was read.
#[derive(Debug)]
pub struct Opened {
    /// The network.
    pub loaded: Loaded,
    /// The ONNX model that it was read from, with its weights.
    imported: Option<Imported>,
}

/// A network as a PyTorch module, with weights.
#[derive(Debug)]
pub struct TorchNetwork {
    /// The code, its class and the keys of its tensors.
    pub module: Module,
    /// The graph that it computes.
    pub graph: Graph,
    /// The values of its tensors.
    pub weights: Weights,
}

impl Opened {
    /// Reads a network, from YAML or ONNX.
    ///
    /// # Errors
    /// The errors in the file or the settings.
    pub fn read(path: &Path, settings: &[Setting]) -> Result<Self, ReadError> {
        if !is_onnx(path) {
            return Ok(Self { loaded: read(path, settings)?, imported: None });
        }
        let imported = read_whole_onnx(path, settings)?;
        Ok(Self { loaded: described(path, &imported, settings), imported: Some(imported) })
    }

    /// Reads an ONNX model that is not in a file. It is named as if it were in the file `path`, and its weights must be in
    /// the model itself. With `cut`, it is read up to what is not supported.
    ///
    /// # Errors
    /// The errors in the model.
    pub fn from_onnx(path: &Path, model: Vec<u8>, cut: bool) -> Result<Self, ReadError> {
        let imported = from_onnx_with(model, ReadOptions { cut, ..ReadOptions::default() })
            .map_err(|error| ReadError::Onnx { path: path.to_owned(), error })?;
        Ok(Self { loaded: described(path, &imported, &[]), imported: Some(imported) })
    }

    /// The inference network with weights: from the weights file that was named, an ONNX file's own, or random.
    ///
    /// # Errors
    /// When it does not fit into memory, or its weights cannot be read; and soon after `stop` is set.
    pub fn runnable(
        &self,
        from: &WeightSource,
        purpose: Purpose,
        stop: &AtomicBool,
    ) -> Result<Runnable, ReadError> {
        let loaded = self.loaded.clone();
        match &self.imported {
            Some(imported) => runnable_onnx(loaded, imported, from, purpose, stop),
            None => runnable(loaded, from, purpose, stop),
        }
    }

    /// The network as a PyTorch module with weights: for training with auxiliary heads and dropout, else as deployed.
    /// Random weights are those of [`Opened::runnable`] with the same seed.
    ///
    /// # Errors
    /// When an auxiliary head does not fit, the network does not fit into memory, or its weights cannot be read; and soon
    /// after `stop` is set.
    pub fn torch(
        &self,
        from: &WeightSource,
        trains: bool,
        stop: &AtomicBool,
    ) -> Result<TorchNetwork, ReadError> {
        let architecture = &self.loaded.architecture;
        let graph = match trains {
            true => {
                self.loaded.expect_heads().map_err(ReadError::Yaml)?;
                architecture.graph.clone()
            }
            false => passes::inference(&architecture.graph)?,
        };
        let available = available_memory();
        let needed = MemoryEstimate::new(&graph, 0, 1, available).to_write();
        check_memory(|| with_batch(&architecture.file.to_string_lossy(), 1), needed, available)?;
        let weights = match (&from.file, &self.imported) {
            (Some(file), _) => read_weights(file, &graph, from.match_by)?.0,
            (None, Some(imported)) => own_weights(&architecture.file, imported)?,
            (None, None) => {
                Weights::seeded_until(&graph, from.seed, stop).ok_or(ReadError::Stopped)?
            }
        };
        if stop.load(Ordering::Relaxed) {
            return Err(ReadError::Stopped);
        }
        Ok(TorchNetwork { module: to_module(&graph, &architecture.name), graph, weights })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use inceptive_weights::{Named, slots, tensors_to_safetensors};

    use super::*;
    use crate::{OnnxOptions, export_onnx};

    const TINY: &str = "name: Tiny\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - conv stem: {kernel: 3, width: 4}\ntail: gap\n";

    fn never() -> AtomicBool {
        AtomicBool::new(false)
    }

    #[test]
    fn a_network_is_exported_after_its_files_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let source = WeightSource::default();
        let export = |opened: &Opened| {
            let network = opened.runnable(&source, Purpose::Export, &never()).unwrap();
            export_onnx(network, None, OnnxOptions::default()).unwrap().into_bytes().unwrap()
        };
        let yaml = folder.path().join("tiny.yaml");
        fs::write(&yaml, TINY).unwrap();
        let opened = Opened::read(&yaml, &[]).unwrap();
        fs::remove_file(&yaml).unwrap();
        let model = export(&opened);
        let onnx = folder.path().join("tiny.onnx");
        fs::write(&onnx, &model).unwrap();
        let again = Opened::read(&onnx, &[]).unwrap();
        fs::remove_file(&onnx).unwrap();
        let from_bytes = Opened::from_onnx(&onnx, model, false).unwrap();
        assert_eq!(export(&again), export(&from_bytes));
        let weights = |opened: &Opened, trains| opened.torch(&source, trains, &never()).unwrap();
        let (first, second) = (weights(&opened, true), weights(&from_bytes, false));
        assert_eq!(first.weights, second.weights);
        assert_eq!(first.module.keys.len(), slots(&first.graph).len());
    }

    #[test]
    fn names_that_are_one_in_python_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let steps = "body:\n  - conv a_b: {kernel: 3, width: 3}\n  - conv a-b: {kernel: 3, width: 3}\n  - conv a_b_2: {kernel: 3, width: 3}\n";
        let text = format!("name: Same\ninput: {{channels: 3, size: 8}}\n{steps}tail: []\n");
        let yaml = folder.path().join("same.yaml");
        fs::write(&yaml, text).unwrap();
        let opened = Opened::read(&yaml, &[]).unwrap();
        let TorchNetwork { module, graph, weights } =
            opened.torch(&WeightSource::default(), false, &never()).unwrap();
        let shapes: Vec<Vec<usize>> = slots(&graph).into_iter().map(|slot| slot.shape).collect();
        let tensors: Vec<Named<'_>> = module
            .keys
            .iter()
            .zip(&shapes)
            .map(|(((path, role), key), shape)| {
                (key.as_str(), shape.as_slice(), weights.get(path, *role).unwrap())
            })
            .collect();
        let file = folder.path().join("state.safetensors");
        fs::write(&file, tensors_to_safetensors(&tensors).unwrap()).unwrap();
        let source = WeightSource { file: Some(file), ..WeightSource::default() };
        let read = opened.runnable(&source, Purpose::Export, &never()).unwrap();
        assert_eq!(read.weights, weights);
    }

    #[test]
    fn a_stopped_export_to_pytorch_has_no_weights() {
        let folder = tempfile::tempdir().unwrap();
        let yaml = folder.path().join("tiny.yaml");
        fs::write(&yaml, TINY).unwrap();
        let opened = Opened::read(&yaml, &[]).unwrap();
        let stopped = opened.torch(&WeightSource::default(), true, &AtomicBool::new(true));
        assert!(matches!(stopped, Err(ReadError::Stopped)));
    }
}
