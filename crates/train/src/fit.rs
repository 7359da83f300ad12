//! Whether a network fits a data set.

use inceptive_data::{Dataset, ImageShape};
use inceptive_dsl::Setting;
use inceptive_ir::{Graph, Shape};

use crate::{
    error::{TrainError, input_settings},
    evaluate::classes_of,
};

/// Checks that a network's input has the shape of the images of a data set, and that it has an output for each class.
///
/// # Errors
/// When it does not fit.
pub fn expect_fit(graph: &Graph, data: &Dataset) -> Result<(), TrainError> {
    expect_fit_of(graph, Some(data.shape()), Some(data.classes.len()))
}

/// Checks a network as [`expect_fit`] does, as far as shape and number of classes are known before the images are read.
///
/// # Errors
/// When it does not fit.
pub fn expect_fit_of(
    graph: &Graph,
    images: Option<ImageShape>,
    classes: Option<usize>,
) -> Result<(), TrainError> {
    let input = graph.node(graph.input()).shape;
    if let Some(images) = images.filter(|&images| !reads(input, images)) {
        return Err(TrainError::Images { input, images });
    }
    let network = classes_of(graph);
    match classes.filter(|&classes| classes != network) {
        Some(data) => Err(TrainError::Classes { network, data }),
        None => Ok(()),
    }
}

/// Checks that the auxiliary heads of a network have an output for each class.
pub(crate) fn expect_heads(graph: &Graph, data: &Dataset) -> Result<(), TrainError> {
    let data = data.classes.len();
    for head in graph.auxiliary() {
        let outputs = graph.node(head.output).shape.elements();
        if outputs != data as u64 {
            return Err(TrainError::Head { name: head.name.clone(), outputs, data });
        }
    }
    Ok(())
}

/// The settings that make a network fit images of a shape and a number of classes, as far as these are known; empty if it
/// already fits.
pub fn settings_to_fit(
    graph: &Graph,
    images: Option<ImageShape>,
    classes: Option<usize>,
) -> Vec<Setting> {
    let input = graph.node(graph.input()).shape;
    let other = images.filter(|&images| !reads(input, images));
    let mut settings = other.map(|images| input_settings(input, images)).unwrap_or_default();
    if let Some(classes) = classes.filter(|&classes| classes != classes_of(graph)) {
        settings.push(Setting { key: "classes".to_owned(), value: classes.to_string() });
    }
    settings
}

fn reads(input: Shape, images: ImageShape) -> bool {
    input.channels() == images.channels
        && input.size().height == images.height
        && input.size().width == images.width
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn settings_say_what_a_network_lacks() {
        let text = "name: N\ninput: {channels: 3, size: 8}\nclasses: 2\nbody: []\ntail: gap\n";
        let files = inceptive_dsl::Memory::default().with("n.yaml", text);
        let graph =
            inceptive_dsl::load(&files, Path::new("n.yaml"), &[]).unwrap().architecture.graph;
        let needed = |channels, height, width, classes| {
            let settings =
                settings_to_fit(&graph, Some(ImageShape { channels, height, width }), classes);
            let each = settings.iter().map(|it| format!("{}={}", it.key, it.value));
            each.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(needed(3, 8, 8, Some(2)), "");
        assert_eq!(needed(1, 8, 8, None), "input.channels=1 input.size=8");
        assert_eq!(needed(3, 16, 20, Some(10)), "input.size=16x20 classes=10");
        assert_eq!(settings_to_fit(&graph, None, None), []);
    }
}
