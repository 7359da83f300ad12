//! Numbers as every screen shows them; [`inceptive_format`] writes them.

use inceptive_cost::Convention;
use inceptive_format::decimals;
pub use inceptive_format::{bytes, exact, share, short_count};
use inceptive_results::{Conditions, Machine, Runtime, distinct_labels};

/// A latency in milliseconds with three digits: `1.24 ms`, `153 ms`.
pub fn milliseconds(ms: f64) -> String {
    let decimals = if ms < 9.995 {
        2
    } else if ms < 99.95 {
        1
    } else {
        0
    };
    format!("{ms:.decimals$} ms")
}

/// Why a published accuracy is not compared with others.
pub const NOT_COMPARED: &str = "published with another protocol; not compared";

/// The unit of a convention, with the name of its tool unless it is ours: `MACs`, `mult-adds (torchinfo)`.
pub fn compute_unit(convention: Convention) -> String {
    match convention {
        Convention::Inceptive => convention.unit().to_owned(),
        other => format!("{} ({other})", other.unit()),
    }
}

/// How a network was run: `rten fp32, batch 1, threads 2`.
pub fn way(runtime: &Runtime) -> String {
    let Runtime { engine, precision, batch, threads, .. } = runtime;
    let device = match (runtime.is_on_cpu(), &runtime.mode) {
        (true, None) => String::new(),
        _ => format!(" on {}", runtime.device_and_mode()),
    };
    format!("{engine} {precision}{device}, batch {batch}, threads {threads}")
}

/// The names of several configurations, as from [`way`]; if two would be the same, with the property that distinguishes
/// them: `rten fp32, batch 1, threads 2, version 0.27.0`.
pub fn ways(all: &[Conditions<'_>]) -> Vec<String> {
    let facts: Vec<_> = all.iter().map(facts).collect();
    distinct_labels(all.iter().map(|it| way(it.runtime)).collect(), &facts)
}

/// What [`way`] leaves out, what says most first.
fn facts(of: &Conditions<'_>) -> [Option<String>; 12] {
    let Machine { cpu, physical_cores, logical_cores, memory_bytes, os, kernel, arch, .. } =
        of.machine;
    let Machine { isa, l1d_bytes, l2_bytes, l3_bytes, is_virtual, governor, .. } = of.machine;
    let cache = |size: &Option<u64>| size.map_or_else(|| "unknown".to_owned(), bytes);
    let facts = [
        format!("version {}", of.runtime.engine_version),
        cpu.clone(),
        format!("{physical_cores} cores"),
        format!("{logical_cores} logical cores"),
        format!("{} of memory", bytes(*memory_bytes)),
        os.clone(),
        format!("kernel {kernel}"),
        arch.clone(),
        if *is_virtual { "virtual" } else { "not virtual" }.to_owned(),
        format!("governor {}", governor.as_deref().unwrap_or("unknown")),
        format!("caches {}, {}, {}", cache(l1d_bytes), cache(l2_bytes), cache(l3_bytes)),
        isa.join(" "),
    ];
    facts.map(|fact| Some(format!(", {fact}")))
}

/// A difference of accuracies: `1.25 points`.
pub fn points(difference: f64) -> String {
    format!("{} points", decimals(difference, 2))
}

/// A number with four significant digits: `0.1235`, `-12.35`, `1.235e-7`.
pub fn significant(value: f64) -> String {
    let size = value.abs();
    match () {
        () if value == 0.0 || !value.is_finite() => value.to_string(),
        () if (1e-3..1e5).contains(&size) => {
            let before = if size < 1.0 {
                0
            } else {
                1 + [10.0, 100.0, 1e3, 1e4].iter().filter(|&&ten| size >= ten).count()
            };
            format!("{value:.*}", 4_usize.saturating_sub(before))
        }
        () => format!("{value:.3e}"),
    }
}

/// A fraction; 0 if both numbers are 0.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use inceptive_results::Precision;

    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let texts = [0.0, -0.123_456, 12.345_67, 12_345.6, 1.234_567e-7, f64::NAN].map(significant);
        assert_eq!(texts, ["0", "-0.1235", "12.35", "12346", "1.235e-7", "NaN"]);
    }

    #[test]
    fn ways_that_look_alike_say_what_tells_them_apart() {
        let runtime = |version: &str, batch| Runtime {
            engine: "rten".to_owned(),
            engine_version: version.to_owned(),
            device: "cpu".to_owned(),
            precision: Precision::Fp32,
            batch,
            threads: 2,
            isa: None,
            mode: None,
            accelerator: None,
        };
        let here = Machine {
            cpu: "C".to_owned(),
            kernel: "6.1".to_owned(),
            ..inceptive_results::example::machine()
        };
        let there = Machine { kernel: "6.2".to_owned(), ..here.clone() };
        let other = Machine { cpu: "D".to_owned(), ..there.clone() };
        let runtimes = [runtime("1.0", 1), runtime("1.1", 1), runtime("1.0", 8)];
        let labels = |ways: &[(&Machine, usize)]| {
            let conditions = ways
                .iter()
                .map(|&(machine, runtime)| Conditions { machine, runtime: &runtimes[runtime] });
            ways_of(&conditions.collect::<Vec<_>>())
        };
        assert_eq!(labels(&[(&here, 0)]), ["1"]);
        assert_eq!(labels(&[(&here, 0), (&here, 2)]), ["1", "8"]);
        assert_eq!(
            labels(&[(&here, 0), (&here, 1), (&other, 2)]),
            ["1, version 1.0", "1, version 1.1", "8"]
        );
        assert_eq!(
            labels(&[(&here, 0), (&there, 0), (&other, 0), (&here, 1)]),
            [
                "1, version 1.0, C, kernel 6.1",
                "1, version 1.0, C, kernel 6.2",
                "1, version 1.0, D",
                "1, version 1.1"
            ]
        );
    }

    /// Labels without what all have in common.
    fn ways_of(all: &[Conditions<'_>]) -> Vec<String> {
        let same = |label: String| {
            let short = label.strip_prefix("rten fp32, batch ").unwrap_or(&label).to_owned();
            short.replace(", threads 2", "")
        };
        ways(all).into_iter().map(same).collect()
    }
}
