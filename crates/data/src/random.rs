//! Random numbers that depend only on a seed, a purpose and two counters.

/// The purpose of random numbers. Different purposes never share numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The order of images in an epoch.
    Order = 1,
    /// Images that are held out of the training set.
    HoldOut = 2,
    /// Whether an image is flipped in its first epoch.
    FirstFlip = 3,
    /// Crop, flip and cutout of an image in an epoch.
    Augment = 4,
    /// Generated training images.
    ShapesTrain = 5,
    /// Generated test images.
    ShapesTest = 6,
}

/// A sequence of random numbers for a seed, a purpose and two counters: SplitMix64 (Steele, Lea and Flood 2014, *Fast
/// splittable pseudorandom number generators*), whose start is a hash of these four. It is defined here, and not taken from
/// a library, because its numbers must never change.
pub(crate) struct Stream {
    state: u64,
}

/// 2^64 divided by the golden ratio.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

impl Stream {
    /// The sequence for a seed, a purpose and two counters, such as an epoch and an image.
    pub fn new(seed: u64, purpose: Purpose, first: u64, second: u64) -> Self {
        let words = [seed, purpose as u64, first, second];
        let state = words.into_iter().fold(0, |state, word| mix(state ^ word).wrapping_add(GAMMA));
        Self { state }
    }

    /// The next 32 bits.
    pub fn bits(&mut self) -> u32 {
        self.state = self.state.wrapping_add(GAMMA);
        (mix(self.state) >> 32) as u32
    }

    /// A number below `end`, or 0 if that is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        ((u64::from(self.bits()) * u64::from(end)) >> 32) as u32
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        let count = high.wrapping_sub(low).wrapping_add(1);
        low.wrapping_add(self.below(count.unsigned_abs()).cast_signed())
    }

    /// One of two, equally likely.
    pub fn coin(&mut self) -> bool {
        self.bits() >> 31 == 1
    }

    /// Puts items into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            // No data set has 2^32 images.
            let count = u32::try_from(end + 1).unwrap_or(u32::MAX);
            items.swap(end, self.below(count) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are part of every result: they must be the same on every machine and in every version.
    #[test]
    fn the_numbers_never_change() {
        let mut stream = Stream::new(1, Purpose::Order, 2, 3);
        let numbers: Vec<u32> = (0..4).map(|_| stream.bits()).collect();
        assert_eq!(numbers, [745_608_623, 4_228_874_449, 2_303_134_203, 738_676_747]);
    }

    #[test]
    fn numbers_are_in_range_and_spread() {
        let mut stream = Stream::new(7, Purpose::Augment, 0, 0);
        let mut counts = [0; 9];
        for _ in 0..9000 {
            counts[usize::try_from(stream.between(-4, 4) + 4).unwrap()] += 1;
        }
        assert!(counts.iter().all(|&count| (850..1150).contains(&count)), "{counts:?}");
        assert_eq!(stream.below(0), 0);
        assert_eq!(stream.between(3, 3), 3);
    }

    #[test]
    fn each_key_has_its_own_numbers() {
        let first = |seed, purpose, a, b| Stream::new(seed, purpose, a, b).bits();
        let numbers = [
            first(1, Purpose::Order, 2, 3),
            first(2, Purpose::Order, 2, 3),
            first(1, Purpose::HoldOut, 2, 3),
            first(1, Purpose::Order, 3, 2),
            first(1, Purpose::Order, 3, 3),
        ];
        let mut distinct = numbers.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), numbers.len());
    }
}
