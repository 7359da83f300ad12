//! Layers as nested lists of steps: what lies between a result and the join of all that is computed of it is a set of
//! branches.

use inceptive_ir::Op;

use super::layers::Layers;

/// Branches in branches; deeper ones are written as a list in which steps name what they read.
const DEEPEST: usize = 8;

/// A part of a sequence.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// One layer, which reads what is before it.
    Layer(usize),
    /// Branches that all read what is before them.
    Join(Join),
    /// Layers, and segments of them, that name what they read; the last one is the result.
    Cell(Vec<Item>),
    /// Layers of a cell of which only the last one is read outside.
    Segment(Segment),
}

/// Layers of a cell of which only the last one is read outside.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) items: Vec<Item>,
    /// What it reads outside, in the order in which it is read first.
    pub(super) reads: Vec<usize>,
}

/// Branches and the layer that joins them.
#[derive(Clone, Debug)]
pub(super) struct Join {
    pub(super) join: usize,
    pub(super) branches: Vec<Vec<Item>>,
    /// An activation right behind.
    pub(super) then: Option<usize>,
}

impl Segment {
    /// Whether each of its layers reads the one before, and nothing else.
    pub(super) fn is_chain(&self, layers: &Layers<'_>) -> bool {
        let mut before = self.reads.first().copied();
        self.reads.len() == 1
            && self.items.iter().all(|item| match item {
                Item::Layer(layer) => {
                    let follows = layers.reads(*layer).iter().all(|&read| Some(read) == before);
                    before = Some(*layer);
                    follows
                }
                Item::Join(_) | Item::Cell(_) | Item::Segment(_) => false,
            })
    }
}

/// The network as a sequence.
pub(super) fn items(layers: &Layers<'_>) -> Vec<Item> {
    let region = vec![0; layers.readers.len()];
    let ends = Ends::new(layers);
    Builder { layers, ends, region, regions: 1 }.sequence(0, layers.output, 0, 0)
}

struct Builder<'a> {
    layers: &'a Layers<'a>,
    ends: Ends,
    /// The innermost region that each layer is known to be in.
    region: Vec<u32>,
    regions: u32,
}

impl Builder<'_> {
    /// What makes the result of `to` of that of `from`, in a region that has no other way in or out.
    fn sequence(&mut self, from: usize, to: usize, region: u32, depth: usize) -> Vec<Item> {
        let mut items = Vec::new();
        let mut at = from;
        while at != to {
            let readers: Vec<usize> = self.layers.readers[at]
                .iter()
                .copied()
                .filter(|&reader| self.region[reader] == region)
                .collect();
            if let [only] = *readers
                && self.layers.reads(only).len() == 1
            {
                items.push(Item::Layer(only));
                at = only;
                continue;
            }
            let end = readers.iter().copied().reduce(|a, b| self.ends.common(a, b));
            let end = end.filter(|&end| end <= to).unwrap_or(to);
            let join = if depth < DEEPEST { self.join(at, end, region, depth) } else { None };
            items.push(match join {
                Some(join) => Item::Join(join),
                None => {
                    let last = end.min(self.layers.all.len() - 1);
                    let inside = |&layer: &usize| self.region[layer] == region;
                    Item::Cell((at + 1..=last).filter(inside).map(Item::Layer).collect())
                }
            });
            at = end;
        }
        with_activations(self.layers, items)
    }

    /// The branches between two layers, if no two of them have a layer in common.
    fn join(&mut self, from: usize, to: usize, region: u32, depth: usize) -> Option<Join> {
        let reads = self.layers.reads(to);
        let joins = to < self.layers.all.len()
            && matches!(
                self.layers.op(to),
                Op::Concat | Op::Add { .. } | Op::Multiply | Op::Maximum
            );
        if !joins || reads.len() < 2 {
            return None;
        }
        let first = self.regions;
        let mut taken: Vec<usize> = Vec::new();
        let mut is_valid = true;
        for &read in reads {
            let own = self.regions;
            self.regions += 1;
            let mut open = vec![read];
            while let Some(layer) = open.pop().filter(|_| is_valid) {
                if layer == from || self.region[layer] == own {
                    continue;
                }
                // Another branch has it, or it is outside.
                if self.region[layer] != region || layer < from {
                    is_valid = false;
                    break;
                }
                self.region[layer] = own;
                taken.push(layer);
                open.extend(&self.layers.all[layer].reads);
            }
        }
        if !is_valid {
            taken.into_iter().for_each(|layer| self.region[layer] = region);
            return None;
        }
        let reads = reads.to_vec();
        let branches = (first..)
            .zip(reads)
            .map(|(own, read)| self.sequence(from, read, own, depth + 1))
            .collect();
        Some(Join { join: to, branches, then: None })
    }
}

/// Puts an activation right behind a join into it.
fn with_activations(layers: &Layers<'_>, items: Vec<Item>) -> Vec<Item> {
    let mut all: Vec<Item> = Vec::with_capacity(items.len());
    for item in items {
        if let (Some(Item::Join(join)), Item::Layer(layer)) = (all.last_mut(), &item)
            && join.then.is_none()
            && matches!(layers.op(*layer), Op::Activation(_) | Op::Prelu { .. })
            && !layers.graph.shares_tensors(layers.all[*layer].main)
        {
            join.then = Some(*layer);
            continue;
        }
        all.push(item);
    }
    all
}

/// For each layer, the first one behind it that everything computed of it leads to: its immediate post-dominator, with
/// those 2, 4, 8 and so on further on.
struct Ends {
    /// `up[k][layer]` is `2^k` further on.
    up: Vec<Vec<usize>>,
    depth: Vec<usize>,
}

impl Ends {
    fn new(layers: &Layers<'_>) -> Self {
        let count = layers.readers.len();
        let levels = usize::BITS as usize - count.leading_zeros() as usize + 1;
        let mut ends = Self { up: vec![vec![count - 1; count]; levels], depth: vec![0; count] };
        // Readers come behind what they read.
        for layer in (0..count).rev() {
            let end = match layer == layers.output {
                true => layer,
                false => {
                    let readers = layers.readers[layer].iter().copied();
                    readers.reduce(|a, b| ends.common(a, b)).unwrap_or(layer)
                }
            };
            ends.depth[layer] = if end == layer { 0 } else { ends.depth[end] + 1 };
            ends.up[0][layer] = end;
            for level in 1..levels {
                ends.up[level][layer] = ends.up[level - 1][ends.up[level - 1][layer]];
            }
        }
        ends
    }

    /// The first layer that two lead to, themselves included.
    fn common(&self, mut a: usize, mut b: usize) -> usize {
        if self.depth[a] < self.depth[b] {
            (a, b) = (b, a);
        }
        for level in (0..self.up.len()).rev() {
            if self.depth[a] >= self.depth[b] + (1 << level) {
                a = self.up[level][a];
            }
        }
        if a == b {
            return a;
        }
        for level in (0..self.up.len()).rev() {
            if self.up[level][a] != self.up[level][b] {
                (a, b) = (self.up[level][a], self.up[level][b]);
            }
        }
        self.up[0][a]
    }
}
