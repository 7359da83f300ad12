//! How widths are multiplied.

/// How widths are multiplied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WidthRule {
    /// The setting `width_multiplier`.
    pub multiplier: f64,
    /// The setting `width_divisor`.
    pub divisor: u32,
}

impl WidthRule {
    /// Widths stay as they are.
    pub(crate) const NONE: Self = Self { multiplier: 1.0, divisor: 8 };

    /// The width of a layer that is written with this width, by the rule of MobileNet (Sandler et al. 2018, released code): the nearest multiple of the divisor,
    /// but never more than 10% below the exact value.
    pub fn apply(self, width: u32) -> u32 {
        // Comparing with exactly 1 keeps networks without a multiplier as they were written.
        if (self.multiplier - 1.0).abs() < f64::EPSILON {
            return width;
        }
        let exact = f64::from(width) * self.multiplier;
        let divisor = f64::from(self.divisor);
        let mut rounded = ((exact + divisor / 2.0) / divisor).floor().max(1.0) * divisor;
        if rounded < 0.9 * exact {
            rounded += divisor;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let rounded = rounded as u32;
        rounded
    }
}
