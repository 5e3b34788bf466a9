//! Arithmetic on columns that both features and models do.

/// The dot product of two columns of the same length (of the shorter one's length otherwise).
///
/// In eight lanes, which the compiler turns into vector instructions; the order of additions is
/// fixed, so that the result is the same everywhere.
pub fn dot(left: &[f64], right: &[f64]) -> f64 {
    let rows = left.len().min(right.len());
    let (left, left_rest) = left[..rows].as_chunks::<8>();
    let (right, right_rest) = right[..rows].as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..8 {
            lanes[lane] += left[lane] * right[lane];
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_summed_in_full() {
        for rows in 0..40 {
            let column: Vec<f64> = (1..=rows).map(f64::from).collect();
            let squares: i32 = (1..=rows).map(|row| row * row).sum();
            assert!((dot(&column, &column) - f64::from(squares)).abs() < 1e-9);
        }
    }
}
