//! Inspects trained networks with [`inceptive_app`].

use std::sync::Arc;

use inceptive_app::{EvaluationSource, InspectionPlan, WeightSource, error_chain, inspect_trained};
use inceptive_bench::Isa;
use inceptive_data::{DataName, Places, load};
use inceptive_dsl::Setting;
use inceptive_ir::passes;
use inceptive_train::Machine;

use super::{Output, Progress, Reporter, Tools, train::TrainingGuard};
use crate::inspection::{InspectRequest, Inspection};

/// Maximum number of images for which feature maps are computed.
const IMAGES: usize = 512;

/// Inspects a network. Like training, it pauses while something is measured.
pub(super) fn inspect(
    request: InspectRequest,
    tools: &Tools,
    report: &Reporter,
) -> Result<Output, String> {
    let _guard = TrainingGuard::new(report.turns());
    report.wait_for_measurement();
    let settings: Result<Vec<Setting>, _> = request.point.iter().map(|text| text.parse()).collect();
    let weights = WeightSource { file: Some(request.weights.clone()), ..WeightSource::default() };
    let plan = InspectionPlan {
        network: EvaluationSource {
            file: request.file.to_path_buf(),
            settings: settings.map_err(|error| error_chain(&error))?,
            weights,
        },
        part: request.part,
        images: IMAGES,
        machine: Machine {
            threads: tools.machine.default_threads().get() as usize,
            isa: Isa::best(),
            most_bytes: tools.available_bytes,
        },
    };
    let name: DataName = request.data.parse().map_err(|error| error_chain(&error))?;
    let data = load(&name, &Places::from_env(), tools.available_bytes, report.stop_flag());
    let data = data.map_err(|error| error_chain(&error))?;
    let mut listen = |share: f64| {
        report.wait_for_measurement();
        report.progress(Progress { share: share as f32, activity: "inspecting".to_owned() });
    };
    let found = inspect_trained(&plan, &data, report.stop_flag(), &mut listen);
    let found = found.map_err(|error| error_chain(&error))?;
    for note in &found.notes {
        report.note(note.text.clone());
    }
    if found.result.nan_images > 0 {
        let images = plan.part.counted(found.result.nan_images);
        report.note(format!("the network outputs NaN for {images}, which are counted as wrong"));
    }
    let graph = passes::inference(&found.architecture.graph);
    let fingerprint = graph.map_err(|error| error_chain(&error))?.fingerprint().to_string();
    let inspection = Inspection::new(request, fingerprint, found.result);
    Ok(Output::Inspection(Arc::new(inspection), found.inputs))
}
