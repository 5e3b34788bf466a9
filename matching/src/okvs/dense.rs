//! The few equations that decide the dense cells of a bin.

use crypto::field128::Gf128;

/// One equation: the sum of `coefficients[i] · unknown i` is `value`.
pub(super) struct Equation {
    coefficients: Vec<Gf128>,
    value: Gf128,
}

impl Equation {
    /// The equation that says nothing.
    pub(super) fn zero(unknowns: usize) -> Self {
        Self { coefficients: vec![Gf128::ZERO; unknowns], value: Gf128::ZERO }
    }

    /// Adds a row: the coefficients are the powers of `base`, from the first on.
    pub(super) fn add_powers(&mut self, base: Gf128, value: Gf128) {
        let mut power = base;
        for coefficient in &mut self.coefficients {
            *coefficient += power;
            power *= base;
        }
        self.value += value;
    }

    /// Adds a row: the coefficients are bits, the lowest first.
    pub(super) fn add_bits(&mut self, bits: u64, value: Gf128) {
        for (place, coefficient) in self.coefficients.iter_mut().enumerate() {
            *coefficient += Gf128(u128::from(bits >> place & 1));
        }
        self.value += value;
    }

    /// Adds a number to the value that the sum is to have.
    pub(super) fn add_value(&mut self, value: Gf128) {
        self.value += value;
    }

    /// Adds `factor` times another equation.
    fn add_scaled(&mut self, other: &Self, factor: Gf128) {
        for (coefficient, other) in self.coefficients.iter_mut().zip(&other.coefficients) {
            *coefficient += *other * factor;
        }
        self.value += other.value * factor;
    }
}

/// Solves at most as many equations as there are unknowns; the unknowns that the equations leave
/// free stay as they are. `None` if the equations are not independent.
pub(super) fn solve(mut equations: Vec<Equation>, unknowns: &mut [Gf128]) -> Option<()> {
    let mut pivots = Vec::with_capacity(equations.len());
    for index in 0..equations.len() {
        let pivot = equations[index].coefficients.iter().position(|it| *it != Gf128::ZERO)?;
        let inverse = equations[index].coefficients[pivot].invert();
        let (before, rest) = equations.split_at_mut(index);
        let (equation, after) = rest.split_first_mut()?;
        for coefficient in &mut equation.coefficients {
            *coefficient *= inverse;
        }
        equation.value *= inverse;
        for other in before.iter_mut().chain(after) {
            let factor = other.coefficients[pivot];
            other.add_scaled(equation, factor);
        }
        pivots.push(pivot);
    }
    // No equation has another one's pivot any more.
    for (pivot, equation) in pivots.into_iter().zip(&equations) {
        unknowns[pivot] = Gf128::ZERO;
        let terms = equation.coefficients.iter().zip(&*unknowns).map(|(a, b)| *a * *b);
        unknowns[pivot] = equation.value + terms.sum();
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use crypto::random::Generator;

    use super::*;

    /// Equations in random powers, one of them a sum of two rows, as a gap gives them.
    fn equations(count: usize, unknowns: usize) -> Vec<Equation> {
        let mut rng = Generator::from_seed([5; 32]);
        let equation = |_| {
            let mut equation = Equation::zero(unknowns);
            for _ in 0..2 {
                equation.add_powers(Gf128::random(&mut rng), Gf128::random(&mut rng));
            }
            equation
        };
        (0..count).map(equation).collect()
    }

    #[test]
    fn solutions_satisfy_all_equations() {
        for unknowns in 1..6 {
            for count in 0..=unknowns {
                let mut solution: Vec<Gf128> = (7..).map(Gf128).take(unknowns).collect();
                solve(equations(count, unknowns), &mut solution).unwrap();
                let kept = (7..).zip(&solution).filter(|(before, now)| Gf128(*before) == **now);
                assert_eq!(kept.count(), unknowns - count);
                for equation in equations(count, unknowns) {
                    let terms = equation.coefficients.iter().zip(&solution);
                    assert!(terms.map(|(a, b)| *a * *b).sum::<Gf128>() == equation.value);
                }
            }
        }
    }

    #[test]
    fn dependent_equations_are_refused() {
        let mut dependent = equations(3, 4);
        let mut sum = Equation::zero(4);
        sum.add_scaled(&dependent[0], Gf128(3));
        sum.add_scaled(&dependent[2], Gf128(9));
        dependent.push(sum);
        assert_eq!(solve(dependent, &mut [Gf128::ZERO; 4]), None);
        assert_eq!(solve(vec![Equation::zero(2)], &mut [Gf128::ZERO; 2]), None);
        let one_too_many = equations(3, 2);
        assert_eq!(solve(one_too_many, &mut [Gf128::ZERO; 2]), None);
    }
}
