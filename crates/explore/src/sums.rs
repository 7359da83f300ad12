//! The counts of networks of one structure, for many points at a time.

use std::collections::BTreeMap;

use inceptive_cost::{Cost, Mode, Totals, moments};
use inceptive_dsl::{LANES, Lanes, OpenNetwork, Symbol};
use inceptive_ir::{Graph, NodeId, Op};
use inceptive_results::{Counts, Metric};

use crate::terms::{
    ACTIVATION_BYTES, ACTS, BUFFERS, Channels, Coefficients, FLOPS, MACS, MOVED_BYTES, PARAMS,
    SUMS, Terms, WORK,
};

/// The counts of networks of one structure as formulas of their channels.
#[derive(Debug)]
pub(crate) struct Sums {
    constant: Coefficients,
    /// What numbers of channels add.
    linear: Vec<(Symbol, Vec<Part>)>,
    products: Vec<Product>,
    moments: Vec<Moment>,
    /// Channels that no check bounds: sums and products.
    unbounded: Vec<Symbol>,
    /// The counts of one network; those that are no sums are those of all.
    counts: Counts,
    nodes: u64,
}

/// A sum, and the factor that something is added to it with.
type Part = (usize, f64);

/// What an input's channels times an output's channels add.
#[derive(Debug)]
struct Product {
    x: Symbol,
    groups: f64,
    y: Symbol,
    parts: Vec<Part>,
}

/// A node that runs: what it adds to the results in memory, and what is not needed after it.
#[derive(Debug)]
struct Moment {
    starts: Bytes,
    ends: Vec<Bytes>,
}

/// Bytes of a result: some for each channel.
#[derive(Clone, Copy, Debug)]
struct Bytes {
    channels: Channels,
    each: f64,
}

/// The counts of [`LANES`] points.
#[derive(Debug)]
pub(crate) struct Results {
    sums: [Lanes; SUMS],
    peak: Lanes,
    /// The largest number of channels that no check bounds.
    widest: Lanes,
}

impl Default for Results {
    fn default() -> Self {
        Self { sums: [[0.0; LANES]; SUMS], peak: [0.0; LANES], widest: [0.0; LANES] }
    }
}

impl Sums {
    /// `None` of a network that is not counted by adding up its nodes: one that shares weights.
    pub(crate) fn new(network: &OpenNetwork) -> Option<Self> {
        let graph = &network.graph;
        let cost = Cost::new(graph, Mode::Inference);
        let mut sums = Self {
            constant: [0.0; SUMS],
            linear: Vec::new(),
            products: Vec::new(),
            moments: Vec::new(),
            unbounded: Vec::new(),
            counts: Counts::new(graph, &cost),
            nodes: cost.total.nodes,
        };
        let mut bytes = Vec::with_capacity(graph.len());
        let mut open: BTreeMap<Symbol, Coefficients> = BTreeMap::new();
        for id in graph.ids() {
            let terms = Terms::new(network, id)?;
            // A result has the same number of bytes for each channel.
            let each = terms.output[ACTIVATION_BYTES];
            bytes.push(Bytes { channels: terms.y, each });
            sums.add(&terms, &mut open);
            let is_unbounded = matches!(
                graph.node(id).op,
                Op::Concat | Op::Flatten | Op::Conv(_) | Op::Rearrange(_)
            );
            if let (Channels::Open(symbol), true) = (terms.y, is_unbounded) {
                sums.unbounded.push(symbol);
            }
        }
        sums.unbounded.sort_unstable();
        sums.unbounded.dedup();
        sums.linear = open.into_iter().map(|(symbol, each)| (symbol, parts(&each))).collect();
        sums.moments = lifetimes(graph, &bytes);
        Some(sums)
    }

    /// Adds what a node adds.
    fn add(&mut self, terms: &Terms, open: &mut BTreeMap<Symbol, Coefficients>) {
        let Terms { x, groups, y, constant, input, output, product } = terms;
        let mut add = |channels: Channels, scale: f64, each: &Coefficients| match channels {
            _ if each.iter().all(|&each| each == 0.0) => {}
            Channels::Fixed(number) => plus(&mut self.constant, each, scale * f64::from(number)),
            Channels::Open(symbol) => plus(open.entry(symbol).or_default(), each, scale),
        };
        add(Channels::Fixed(1), 1.0, constant);
        // What is added for a group of channels can be divided by their number; the number's reciprocal is not exact.
        add(*x, 1.0, &input.map(|input| input / groups));
        add(*y, 1.0, output);
        match (*x, *y) {
            (Channels::Fixed(x), y) => add(y, f64::from(x) / groups, product),
            (x, Channels::Fixed(y)) => add(x, f64::from(y) / groups, product),
            (Channels::Open(x), Channels::Open(y)) => {
                let parts = parts(product);
                if !parts.is_empty() {
                    self.products.push(Product { x, groups: *groups, y, parts });
                }
            }
        }
    }

    /// Counts points by the numbers of the formulas.
    pub(crate) fn count(&self, numbers: &[Lanes], results: &mut Results) {
        let Results { sums, peak, widest } = results;
        for (sum, constant) in sums.iter_mut().zip(self.constant) {
            *sum = [constant; LANES];
        }
        for (symbol, parts) in &self.linear {
            add(sums, parts, &numbers[symbol.index()]);
        }
        let mut both = [0.0; LANES];
        for Product { x, groups, y, parts } in &self.products {
            let (x, y) = (&numbers[x.index()], &numbers[y.index()]);
            if *groups == 1.0 {
                for ((both, x), y) in both.iter_mut().zip(x).zip(y) {
                    *both = x * y;
                }
            } else {
                for ((both, x), y) in both.iter_mut().zip(x).zip(y) {
                    *both = x / groups * y;
                }
            }
            add(sums, parts, &both);
        }
        self.count_peak(numbers, peak);
        *widest = [0.0; LANES];
        for symbol in &self.unbounded {
            for (widest, channels) in widest.iter_mut().zip(&numbers[symbol.index()]) {
                *widest = widest.max(*channels);
            }
        }
    }

    fn count_peak(&self, numbers: &[Lanes], peak: &mut Lanes) {
        let mut live = [0.0; LANES];
        *peak = [0.0; LANES];
        for Moment { starts, ends } in &self.moments {
            starts.change(&mut live, 1.0, numbers);
            for (peak, live) in peak.iter_mut().zip(&live) {
                *peak = if live > peak { *live } else { *peak };
            }
            ends.iter().for_each(|end| end.change(&mut live, -1.0, numbers));
        }
    }

    /// The counts of a point; `None` if they are too large, or nearly so: such networks are refused.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
    #[expect(clippy::cast_precision_loss, reason = "limits far below 2^53")]
    pub(crate) fn of_point(&self, results: &Results, lane: usize) -> Option<Counts> {
        let sum = |sum: usize| results.sums[sum][lane];
        let is_exact =
            sum(WORK) <= Graph::MAX_WORK as f64 && results.widest[lane] <= f64::from(u32::MAX);
        if !is_exact {
            return None;
        }
        let totals = Totals {
            nodes: self.nodes,
            params: sum(PARAMS) as u64,
            buffers: sum(BUFFERS) as u64,
            macs: sum(MACS) as u64,
            flops: sum(FLOPS) as u64,
            acts: sum(ACTS) as u64,
            weight_bytes: inceptive_cost::BYTES_PER_VALUE * sum(PARAMS) as u64,
            activation_bytes: sum(ACTIVATION_BYTES) as u64,
            moved_bytes: sum(MOVED_BYTES) as u64,
        };
        let mut counts = self.counts.with(Metric::PeakActivationBytes, results.peak[lane] as u64);
        for metric in Metric::ALL {
            if let Some(total) = metric.total(&totals) {
                counts = counts.with(metric, total);
            }
        }
        Some(counts)
    }
}

fn plus(sums: &mut Coefficients, each: &Coefficients, scale: f64) {
    for (sum, each) in sums.iter_mut().zip(each) {
        *sum += each * scale;
    }
}

/// The sums that something is added to.
fn parts(each: &Coefficients) -> Vec<Part> {
    let all = each.iter().copied().enumerate();
    all.filter(|&(_, factor)| factor != 0.0).collect()
}

fn add(sums: &mut [Lanes; SUMS], parts: &[Part], numbers: &Lanes) {
    for &(sum, factor) in parts {
        for (sum, number) in sums[sum].iter_mut().zip(numbers) {
            *sum += factor * number;
        }
    }
}

/// When results begin and end to be in memory.
fn lifetimes(graph: &Graph, bytes: &[Bytes]) -> Vec<Moment> {
    let of = |id: NodeId| bytes[id.index()];
    let moment = |moment: inceptive_cost::Moment| Moment {
        starts: of(moment.node),
        ends: moment.ends.into_iter().map(of).filter(|bytes| bytes.each != 0.0).collect(),
    };
    let all = moments(graph, Mode::Inference).into_iter().map(moment);
    all.filter(|moment| moment.starts.each != 0.0 || !moment.ends.is_empty()).collect()
}

impl Bytes {
    /// Adds them to what is in memory, or takes them away.
    fn change(self, live: &mut Lanes, sign: f64, numbers: &[Lanes]) {
        let each = sign * self.each;
        match self.channels {
            Channels::Fixed(channels) => {
                let bytes = each * f64::from(channels);
                live.iter_mut().for_each(|live| *live += bytes);
            }
            Channels::Open(symbol) => {
                for (live, channels) in live.iter_mut().zip(&numbers[symbol.index()]) {
                    *live += each * channels;
                }
            }
        }
    }
}
