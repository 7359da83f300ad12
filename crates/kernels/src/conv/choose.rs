//! Which tiles a convolution is computed in.

use super::tile::{SIZES, fitting};
use crate::simd::{Isa, LANES};

/// Tiles of one size, side by side in a row of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// First output pixel.
    pub(super) start: usize,
    /// Pixels of a tile.
    pub(super) pixels: usize,
    /// How many tiles.
    pub(super) tiles: usize,
}

/// How a convolution is cut into tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Output blocks of each group of tiles.
    pub(super) blocks: Vec<usize>,
    /// Tiles of a row for each number of blocks that occurs in `blocks`.
    pub(super) columns: Vec<(usize, Vec<Columns>)>,
}

impl Cut {
    /// Tiles of a row for groups of so many blocks.
    pub(super) fn columns(&self, blocks: usize) -> &[Columns] {
        let found = self.columns.iter().find(|(of, _)| *of == blocks);
        found.map_or(&[], |(_, columns)| columns)
    }

    /// Whether there is a loop for each of its tiles: what has none would not be computed.
    pub(super) fn is_compiled(&self) -> bool {
        let of_group = |&blocks: &usize| {
            let columns = self.columns(blocks);
            let is_compiled = |columns: &Columns| SIZES.contains(&[columns.pixels, blocks]);
            !columns.is_empty() && columns.iter().all(is_compiled)
        };
        self.blocks.iter().all(of_group)
    }

    /// The same groups of blocks with rows of another width.
    pub(super) fn with_width(&self, isa: Isa, width: usize) -> Self {
        let covered = |&(blocks, _): &(usize, _)| (blocks, cover(isa, width, blocks).1);
        Self { blocks: self.blocks.clone(), columns: self.columns.iter().map(covered).collect() }
    }
}

/// Cycles that a tile takes for each weight row, about: limited by multiplications, by loads or by the weights that come
/// from the second-level cache.
fn cost(isa: Isa, pixels: usize, blocks: usize) -> f64 {
    let registers = match isa {
        Isa::Avx512 => 1.0,
        Isa::Avx2 => 2.0,
        Isa::Neon | Isa::Portable => 4.0,
    };
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let (pixels, blocks) = (pixels as f64, blocks as f64);
    let multiplications = pixels * blocks * registers / 2.0;
    let loads = (pixels + blocks * registers) / 2.0;
    let weights = blocks * (4 * LANES) as f64 / 24.0;
    // Sums wait four cycles for the last multiplication.
    multiplications.max(loads).max(weights).max(4.0) + 0.5
}

/// The cheapest way to cover `width` pixels with tiles of so many blocks, and its cost.
fn cover(isa: Isa, width: usize, blocks: usize) -> (f64, Vec<Columns>) {
    // Cheapest cost of each width up to the whole, with the last tile of it.
    let mut best = vec![(0.0, 0); width + 1];
    for covered in 1..=width {
        let sizes = fitting(isa, blocks).filter(|&p| p <= covered);
        let costs = sizes.map(|p| (best[covered - p].0 + cost(isa, p, blocks), p));
        best[covered] = costs.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, 1));
    }
    let mut sizes = Vec::new();
    let mut left = width;
    while left > 0 {
        sizes.push(best[left].1);
        left -= best[left].1;
    }
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let mut columns: Vec<Columns> = Vec::new();
    let mut start = 0;
    for pixels in sizes {
        match columns.last_mut() {
            Some(last) if last.pixels == pixels => last.tiles += 1,
            _ => columns.push(Columns { start, pixels, tiles: 1 }),
        }
        start += pixels;
    }
    (best[width].0, columns)
}

/// Cuts a row of `width` output pixels with `blocks` output blocks into tiles, of at most `most` blocks.
pub(super) fn choose(isa: Isa, width: usize, blocks: usize, most: usize) -> Cut {
    let covers: Vec<(usize, f64, Vec<Columns>)> = SIZES
        .iter()
        .filter(|&&[pixels, b]| pixels == 1 && b <= most && b <= blocks)
        .filter(|&&[_, b]| fitting(isa, b).any(|pixels| pixels == 1))
        .map(|&[_, b]| {
            let (cost, columns) = cover(isa, width, b);
            (b, cost, columns)
        })
        .collect();
    // The same for the blocks: few sizes, many blocks.
    let mut best = vec![(0.0, 0); blocks + 1];
    for covered in 1..=blocks {
        let sizes = covers.iter().filter(|(b, ..)| *b <= covered);
        let costs = sizes.map(|(b, cost, _)| (best[covered - b].0 + cost, *b));
        best[covered] = costs.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, 1));
    }
    let mut groups = Vec::new();
    let mut left = blocks;
    while left > 0 {
        groups.push(best[left].1);
        left -= best[left].1;
    }
    groups.sort_unstable_by(|a, b| b.cmp(a));
    let used = |b: usize| groups.contains(&b);
    let columns =
        covers.into_iter().filter(|(b, ..)| used(*b)).map(|(b, _, columns)| (b, columns)).collect();
    Cut { blocks: groups, columns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_and_number_of_blocks_is_covered_once() {
        for isa in Isa::ALL {
            for width in 1..40 {
                for blocks in 1..12 {
                    let cut = choose(isa, width, blocks, 8);
                    assert_eq!(cut.blocks.iter().sum::<usize>(), blocks);
                    assert!(cut.is_compiled());
                    for &group in &cut.blocks {
                        let mut next = 0;
                        for columns in cut.columns(group) {
                            assert!(fitting(isa, group).any(|pixels| pixels == columns.pixels));
                            assert_eq!(columns.start, next);
                            next += columns.pixels * columns.tiles;
                        }
                        assert_eq!(next, width);
                    }
                }
            }
        }
    }

    /// Tiles without a loop are found before they are run, where nothing would be computed.
    #[test]
    fn tiles_that_are_not_compiled_are_refused() {
        let mut cut = choose(Isa::Avx512, 28, 4, 8);
        assert!(cut.is_compiled());
        cut.columns[0].1[0].pixels = 9;
        assert!(!cut.is_compiled());
        cut.columns.clear();
        assert!(!cut.is_compiled());
        let other = Cut { blocks: vec![5], ..choose(Isa::Avx512, 28, 4, 8) };
        assert!(!other.is_compiled());
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn tiles_fill_the_registers() {
        let sizes = |width, blocks| {
            let cut = choose(Isa::Avx512, width, blocks, 8);
            (cut.blocks.clone(), cut.columns(cut.blocks[0]).to_vec())
        };
        let columns = |start, pixels, tiles| Columns { start, pixels, tiles };
        assert_eq!(sizes(28, 4), (vec![2, 2], vec![columns(0, 14, 2)]));
        assert_eq!(sizes(7, 8), (vec![4, 4], vec![columns(0, 7, 1)]));
    }
}
