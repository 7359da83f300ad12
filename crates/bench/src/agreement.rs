//! Whether two engines compute the same.

use inceptive_results::Precision;

/// Largest difference of outputs, relative to the largest value of the reference; infinite where one is not
/// finite or they have not equally many values.
pub fn relative_error(output: &[f32], reference: &[f32]) -> f32 {
    let is_finite = |values: &[f32]| values.iter().all(|x| x.is_finite());
    if output.len() != reference.len() || !is_finite(output) || !is_finite(reference) {
        return f32::INFINITY;
    }
    let largest = reference.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    let pairs = output.iter().zip(reference);
    match pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) {
        0.0 => 0.0,
        difference => difference / largest,
    }
}

/// The largest relative error with which engines that compute in these precisions agree: that of rounding
/// otherwise and in another order.
pub fn allowed_error(a: Precision, b: Precision) -> f32 {
    match (a, b) {
        (Precision::Fp32, Precision::Fp32) => 1e-4,
        _ => 2e-2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_relative_and_what_is_not_finite_never_agrees() {
        assert_eq!(relative_error(&[1.0, -3.0], &[2.0, -4.0]), 0.25);
        assert_eq!(relative_error(&[0.0], &[0.0]), 0.0);
        assert_eq!(relative_error(&[1.0], &[0.0]), f32::INFINITY);
        for broken in [f32::NAN, f32::INFINITY] {
            assert_eq!(relative_error(&[broken, 1.0], &[1.0, 1.0]), f32::INFINITY);
            assert_eq!(relative_error(&[1.0, broken], &[1.0, broken]), f32::INFINITY);
        }
        assert_eq!(relative_error(&[1.0], &[1.0, 1.0]), f32::INFINITY);
    }
}
