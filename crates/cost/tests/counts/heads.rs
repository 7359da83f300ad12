//! Auxiliary heads exist in training only: whether they fit changes nothing in inference.

use crate::common::{loaded, names};
use inceptive_cost::{Cost, Mode};
use inceptive_dsl::Loaded;

/// Totals, peak and receptive field in inference.
fn counts(loaded: &Loaded) -> impl PartialEq + std::fmt::Debug + use<> {
    let cost = Cost::new(&loaded.architecture.graph, Mode::Inference);
    (cost.total, cost.peak.bytes, cost.receptive_field)
}

#[test]
fn no_size_of_the_input_is_refused_because_of_a_head() {
    let has_heads =
        |name: &String| !loaded(name, &[]).unwrap().architecture.graph.auxiliary().is_empty();
    let with_heads: Vec<String> = names().into_iter().filter(has_heads).collect();
    assert!(with_heads.len() >= 3, "{with_heads:?}");
    let (mut unfit, mut counted) = (0, 0);
    // Every size where heads are written, and some where they are inherited.
    let sizes = |name: &str| match name {
        "googlenet" | "inception-v3" => (32..=320).step_by(1),
        _ => (32..=320).step_by(17),
    };
    for (name, size) in with_heads.iter().flat_map(|name| sizes(name).map(move |size| (name, size)))
    {
        let size = format!("input.size={size}");
        let headless = loaded(name, &[&size, "auxiliary=[]"]);
        let (with, without) = match (loaded(name, &[&size]), headless) {
            (Ok(with), Ok(without)) => (with, without),
            // The network itself does not fit.
            (Err(_), Err(_)) => continue,
            (Err(failure), Ok(_)) => panic!("{name} {size}: {failure}"),
            (Ok(_), Err(failure)) => panic!("{name} {size} without heads: {failure}"),
        };
        assert_eq!(counts(&with), counts(&without), "{name} {size}");
        let architecture = &with.architecture;
        assert_eq!(architecture.graph.validate(), Ok(()), "{name} {size}");
        assert_eq!(with.expect_heads().is_ok(), architecture.unfit_heads.is_empty());
        counted += 1;
        unfit += usize::from(!architecture.unfit_heads.is_empty());
    }
    assert!(unfit > 100 && counted > 2 * unfit, "{unfit} of {counted}");
}
