//! Counting weights that are subnormal or not finite.

use inceptive_results::Subnormals;
use inceptive_weights::Weights;

/// Counts the weights of a network that are subnormal or not finite.
pub fn count_subnormals(weights: &Weights) -> Subnormals {
    // Counters of 32 bits: the compiler then checks several values at once.
    let count = |tensor: &[f32], is_counted: fn(f32) -> bool| -> u64 {
        let of_chunk = |chunk: &[f32]| -> u32 {
            chunk.iter().map(|&value| u32::from(is_counted(value))).sum()
        };
        tensor.chunks(1 << 16).map(of_chunk).map(u64::from).sum()
    };
    let add = |sum: Subnormals, tensor: &[f32]| Subnormals {
        count: sum.count + count(tensor, f32::is_subnormal),
        total: sum.total + tensor.len() as u64,
        not_finite: sum.not_finite + count(tensor, |value| !value.is_finite()),
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
        assert_eq!(subnormals, Subnormals { count: 7, total: 10, not_finite: 0 });
        let finding = subnormals.findings().next().unwrap().to_string();
        assert!(finding.starts_with("70.0% of the weights are subnormal"), "{finding}");
        let few = Subnormals { count: 1, total: 10_000, not_finite: 0 };
        assert_eq!(few.findings().count(), 0);
        assert_eq!(Subnormals::default().findings().count(), 0);
    }

    #[test]
    fn weights_that_are_no_numbers_are_serious_and_only_then_stored() {
        let mut weights = Weights::default();
        weights.set(Path::new("a"), Role::Weight, vec![f32::NAN, 1.0, -f32::INFINITY, 0.0]);
        let counted = count_subnormals(&weights);
        assert_eq!(counted, Subnormals { count: 0, total: 4, not_finite: 2 });
        let findings: Vec<inceptive_results::Finding> = counted.findings().collect();
        assert!(findings.len() == 1 && findings[0].is_serious);
        assert_eq!(
            findings[0].to_string(),
            "50.0% of the weights are NaN or infinite, so the outputs are meaningless"
        );
        let json = serde_json::to_string(&counted).unwrap();
        assert_eq!(json, r#"{"count":0,"total":4,"not_finite":2}"#);
        assert_eq!(serde_json::from_str::<Subnormals>(&json).unwrap(), counted);
        let normal = Subnormals { not_finite: 0, ..counted };
        assert_eq!(serde_json::to_string(&normal).unwrap(), r#"{"count":0,"total":4}"#);
    }
}
