//! Checks that the numbers of a record are possible.

use crate::{
    measurement::{Measurement, ProfileRecord, Runtime},
    profile::NodeProfile,
    roofline::Roofline,
    statistics::{Estimate, Summary, summarize_without_interval},
};

/// Maximum duration in seconds: 30 years.
const MAX_SECONDS: f64 = 1e9;

/// Maximum rate per second, beyond any machine.
const MAX_RATE: f64 = 1e12;

/// The end of the year 9999, in milliseconds since 1970 (UTC).
const MAX_UNIX_MS: u64 = 253_402_300_799_999;

/// Maximum number of threads, beyond any machine. The number of cores is not the limit: a container may hide some.
const MAX_THREADS: u32 = 1 << 16;

/// Maximum relative difference between two computations of the same statistic.
const SAME: f64 = 1e-6;

/// Checks a finite number that is not negative.
pub(crate) fn is_amount(name: &str, value: f64) -> Result<(), String> {
    is_in(name, value, value.is_finite() && value >= 0.0)
}

/// Checks a duration in seconds.
pub(crate) fn is_seconds(name: &str, value: f64) -> Result<(), String> {
    is_in(name, value, (0.0..=MAX_SECONDS).contains(&value))
}

/// Checks a rate per second.
pub(crate) fn is_rate(name: &str, value: f64) -> Result<(), String> {
    is_in(name, value, (0.0..=MAX_RATE).contains(&value))
}

/// Checks a correlation.
pub(crate) fn is_correlation(name: &str, value: f64) -> Result<(), String> {
    is_in(name, value, (-1.0 - SAME..=1.0 + SAME).contains(&value))
}

/// Checks the time at which something was finished.
pub(crate) fn is_finish(unix_ms: u64) -> Result<(), String> {
    match unix_ms <= MAX_UNIX_MS {
        true => Ok(()),
        false => Err(format!("finished_unix_ms is {unix_ms}, after the year 9999")),
    }
}

fn is_in(name: &str, value: f64, is_possible: bool) -> Result<(), String> {
    if is_possible { Ok(()) } else { Err(format!("{name} is {value:?}")) }
}

/// Checks a duration in milliseconds.
pub(crate) fn is_ms(name: &str, value: f64) -> Result<(), String> {
    is_in(name, value, (0.0..=MAX_SECONDS * 1e3).contains(&value))
}

fn is_same(one: f64, other: f64, scale: f64) -> bool {
    (one - other).abs() <= SAME * scale
}

/// Checks batch size and threads.
pub(crate) fn check_threads(runtime: &Runtime) -> Result<(), String> {
    if runtime.batch == 0 {
        return Err("batch is 0".to_owned());
    }
    match (1..=MAX_THREADS).contains(&runtime.threads) {
        true => Ok(()),
        false => Err(format!("threads is {}", runtime.threads)),
    }
}

fn check_run(runtime: &Runtime, roofline: &Roofline) -> Result<(), String> {
    check_threads(runtime)?;
    let limits =
        [("peak_gflops", roofline.peak_gflops), ("bandwidth_gbps", roofline.bandwidth_gbps)];
    limits.into_iter().try_for_each(|(name, value)| is_rate(name, value))
}

/// Checks that the numbers of a measurement are possible.
pub(crate) fn check_measurement(result: &Measurement) -> Result<(), String> {
    check_run(&result.runtime, &result.roofline)?;
    is_finish(result.finished_unix_ms)?;
    is_seconds("budget_s", result.budget_s)?;
    is_ms("load_ms", result.load_ms)?;
    let ends = |clock: Option<[f64; 2]>| clock.map_or([None; 2], |ends| ends.map(Some));
    let [from_mhz, to_mhz] = ends(result.clock_mhz);
    let [device_from_mhz, device_to_mhz] =
        ends(result.accelerator.as_ref().and_then(|accelerator| accelerator.clock_mhz));
    for (name, value) in [
        ("others_cores", result.others_cores),
        ("stolen_cores", result.stolen_cores),
        ("clock_mhz", from_mhz),
        ("clock_mhz", to_mhz),
        ("clock_mhz of the accelerator", device_from_mhz),
        ("clock_mhz of the accelerator", device_to_mhz),
    ] {
        value.map_or(Ok(()), |value| is_rate(name, value))?;
    }
    let weights = result.subnormals;
    if weights.count.max(weights.not_finite) > weights.total {
        return Err(format!(
            "more weights are subnormal or not finite than exist: {}",
            weights.total
        ));
    }
    for &time in result.turns_ms.iter().flatten() {
        is_ms("a time in turns_ms", time)?;
    }
    check_latency(&result.latency_ms, &result.turns_ms)
}

/// Compares statistics with recomputed ones. The interval is not recomputed, which would take too long.
fn check_latency(latency: &Summary, turns: &[Vec<f64>]) -> Result<(), String> {
    let again = summarize_without_interval(turns);
    if latency.count != again.count || again.count == 0 {
        return Err(format!("latency_ms has {} times, turns_ms {}", latency.count, again.count));
    }
    let median = latency.median;
    for (name, value, other) in [
        ("median", median.value, again.median.value),
        ("mean", latency.mean, again.mean),
        ("deviation", latency.deviation, again.deviation),
        ("min", latency.min, again.min),
        ("max", latency.max, again.max),
    ] {
        // A deviation near zero is the difference of numbers as large as the mean.
        if !is_same(value, other, other.max(again.mean)) {
            return Err(format!(
                "the {name} of latency_ms is {value:?}, that of turns_ms {other:?}"
            ));
        }
    }
    if !median.has_interval() {
        return Ok(());
    }
    let Estimate { value, low, high } = median;
    let rounding = SAME * value;
    let is_around =
        low >= 0.0 && low <= value + rounding && value - rounding <= high && high.is_finite();
    match is_around {
        true => Ok(()),
        false => Err(format!("the interval {low:?} to {high:?} excludes the median of latency_ms")),
    }
}

/// Checks that the numbers of a profile are possible.
pub(crate) fn check_profile(record: &ProfileRecord) -> Result<(), String> {
    check_run(&record.runtime, &record.roofline)?;
    is_finish(record.finished_unix_ms)?;
    let profile = &record.profile;
    if profile.runs == 0 {
        return Err("runs is 0".to_owned());
    }
    is_ms("total_ms", profile.total_ms)?;
    for NodeProfile { name, time_ms, share, .. } in &profile.nodes {
        is_ms(&format!("time_ms of `{name}`"), *time_ms)?;
        let is_share = (0.0..=1.0 + SAME).contains(share);
        is_in(&format!("share of `{name}`"), *share, is_share)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Precision, Profile, Record, Subnormals,
        example::{measurement, runtime, training_run},
    };

    fn good() -> Measurement {
        let turns = vec![vec![1.0, 1.1], vec![1.2, 0.9], vec![1.0, 5.0], vec![1.1], vec![1.3]];
        measurement(training_run(0, 90.0).subject, runtime(), turns)
    }

    #[test]
    fn impossible_measurements_are_told() {
        assert_eq!(good().check(), Ok(()));
        type Change = fn(&mut Measurement);
        let cases: [(&str, Change); 24] = [
            ("batch is 0", |it| it.runtime.batch = 0),
            ("threads is 0", |it| it.runtime.threads = 0),
            ("threads is 100000", |it| it.runtime.threads = 100_000),
            ("peak_gflops is -1", |it| it.roofline.peak_gflops = -1.0),
            ("peak_gflops is 1e300", |it| it.roofline.peak_gflops = 1e300),
            ("bandwidth_gbps is -1", |it| it.roofline.bandwidth_gbps = -1.0),
            ("finished_unix_ms is", |it| it.finished_unix_ms = 1_796_000_000_000_000),
            ("budget_s is -1", |it| it.budget_s = -1.0),
            ("load_ms is 1e308", |it| it.load_ms = 1e308),
            ("others_cores is -1", |it| it.others_cores = Some(-1.0)),
            ("stolen_cores is NaN", |it| it.stolen_cores = Some(f64::NAN)),
            ("clock_mhz is -5", |it| it.clock_mhz = Some([2000.0, -5.0])),
            ("more weights are", |it| {
                it.subnormals = Subnormals { count: 2, total: 1, not_finite: 0 };
            }),
            ("turns_ms is -1", |it| it.turns_ms[0][0] = -1.0),
            ("turns_ms is inf", |it| it.turns_ms[0][0] = f64::INFINITY),
            ("8 times, turns_ms 0", |it| it.turns_ms.clear()),
            ("9 times, turns_ms 8", |it| it.latency_ms.count = 9),
            ("median of latency_ms is -1", |it| it.latency_ms.median.value = -1.0),
            ("median of latency_ms is 1.2", |it| it.latency_ms.median.value = 1.2),
            ("mean of latency_ms is 1.0", |it| it.latency_ms.mean = 1.0),
            ("deviation of latency_ms is NaN", |it| it.latency_ms.deviation = f64::NAN),
            ("min of latency_ms is 0.1", |it| it.latency_ms.min = 0.1),
            ("interval -1.0", |it| it.latency_ms.median.low = -1.0),
            ("interval", |it| it.latency_ms.median.high = 0.95),
        ];
        for (expected, change) in cases {
            let mut result = good();
            change(&mut result);
            let told = result.check().unwrap_err();
            assert!(told.contains(expected), "{told} is not about {expected}");
        }
        let mut without_layers = good();
        without_layers.subject.macs = 0;
        assert_eq!(without_layers.check(), Ok(()));
        let one = measurement(good().subject, runtime(), vec![vec![2.0]]);
        assert_eq!(one.check(), Ok(()));
    }

    #[test]
    fn impossible_profiles_are_told() {
        let part = |name: &str, time_ms, share| NodeProfile {
            name: name.to_owned(),
            ops: "conv".to_owned(),
            time_ms,
            share,
            flops: 1,
            moved_bytes: 1,
        };
        let nodes = vec![part("a", 3.0, 0.75), part("b", 1.0, 0.25)];
        let Measurement { subject, runtime, roofline, machine, .. } = good();
        let profile = Profile { precision: Precision::Fp32, nodes, total_ms: 4.0, runs: 3 };
        let good = ProfileRecord::new(subject, runtime, roofline, &machine, 0, profile);
        assert_eq!(good.check(), Ok(()));
        type Change = fn(&mut ProfileRecord);
        let cases: [(&str, Change); 7] = [
            ("batch is 0", |it| it.runtime.batch = 0),
            ("peak_gflops is -1", |it| it.roofline.peak_gflops = -1.0),
            ("finished_unix_ms is", |it| it.finished_unix_ms = u64::MAX),
            ("runs is 0", |it| it.profile.runs = 0),
            ("total_ms is 1e308", |it| it.profile.total_ms = 1e308),
            ("time_ms of `a` is -3", |it| it.profile.nodes[0].time_ms = -3.0),
            ("share of `b` is 2.5", |it| it.profile.nodes[1].share = 2.5),
        ];
        for (expected, change) in cases {
            let mut record = good.clone();
            change(&mut record);
            let told = record.check().unwrap_err();
            assert!(told.contains(expected), "{told} is not about {expected}");
        }
    }
}
