//! Counting subnormal weights.

use inceptive_results::Subnormals;
use inceptive_weights::Weights;

/// Counts the subnormal weights of a network.
pub fn count_subnormals(weights: &Weights) -> Subnormals {
    let count = |tensor: &[f32]| tensor.iter().filter(|value| value.is_subnormal()).count();
    let add = |sum: Subnormals, tensor: &[f32]| Subnormals {
        count: sum.count + count(tensor) as u64,
        total: sum.total + tensor.len() as u64,
    };
    weights.tensors().fold(Subnormals::default(), add)
}

#[cfg(test)]
mod tests {
    use inceptive_ir::{Path, Role};

    use super::*;

    #[test]
    fn subnormal_weights_are_counted_and_named() {
        let mut weights = Weights::default();
        weights.set(Path::new("a"), Role::Weight, vec![1e-39, 0.0, f32::MIN_POSITIVE, -1e-40, 1.0]);
        weights.set(Path::new("b"), Role::Bias, vec![1e-45; 5]);
        let subnormals = count_subnormals(&weights);
        assert_eq!(subnormals, Subnormals { count: 7, total: 10 });
        let finding = subnormals.finding().unwrap().to_string();
        assert!(finding.starts_with("70.0% of the weights are subnormal"), "{finding}");
        assert_eq!(Subnormals { count: 1, total: 10_000 }.finding(), None);
        assert_eq!(Subnormals::default().finding(), None);
    }
}
