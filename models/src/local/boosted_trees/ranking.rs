//! The ranking loss: `LambdaMART` with NDCG.
//!
//! Only rows of one group are compared. Of two rows of which one has the higher grade, both scores
//! s are drawn apart by the log-loss of their difference, weighed by how much NDCG would change if
//! they changed places:
//!
//! ```text
//! ρ = 1/(1 + exp(s_better - s_worse))     w = |gain - gain'|·|discount - discount'|/ideal
//! g_better = -Σ w·ρ     g_worse = Σ w·ρ     h = Σ w·ρ·(1 - ρ)
//! ```
//!
//! (Burges, "From `RankNet` to `LambdaRank` to `LambdaMART`: An Overview", MSR-TR-2010-82, sections
//! 4 and 7.) Gains are 2^grade - 1; the discount of place i, from 0, is 1/log2(i + 2) for the first
//! [`PLACES`] places and 0 behind them (Järvelin and Kekäläinen, ACM TOIS 20(4), 2002).

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Labels;
use super::loss::{Derivatives, probability};

/// Places that count.
pub const PLACES: usize = 30;
/// Grades are whole numbers up to this.
pub const GRADE_MAX: f64 = 31.0;

/// The rows of one group, ascending, not all of one grade.
struct Group {
    rows: Vec<u32>,
    /// The discounted gains in the best order.
    ideal: f64,
}

/// Rows by their groups, with ideal gains over so many places; without groups whose rows are all
/// of one grade, of which every order is as good as another.
fn groups(labels: Labels<'_>, rows: &[u32], places: usize) -> Vec<Group> {
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for row in rows {
        members.entry(labels.group(*row as usize)).or_default().push(*row);
    }
    let group = |rows: Vec<u32>| -> Option<Group> {
        let mut gains: Vec<f64> = rows.iter().map(|row| gain(labels.at(*row as usize))).collect();
        gains.sort_unstable_by(|one, other| other.total_cmp(one));
        let ideal = gains.iter().zip(0..).map(|(gain, place)| gain * discount(place, places)).sum();
        (gains.first() > gains.last()).then_some(Group { rows, ideal })
    };
    members.into_values().filter_map(group).collect()
}

/// How many groups have rows of different grades: those that [`ndcg`] is the mean of.
pub fn judged_groups(labels: Labels<'_>, rows: &[u32]) -> usize {
    groups(labels, rows, PLACES).len()
}

/// Whether some group has rows of different grades.
pub(super) fn has_pairs(labels: Labels<'_>, rows: &[u32]) -> bool {
    judged_groups(labels, rows) > 0
}

/// The derivatives of all rows of a matrix at these margins; zero for those not among `rows`.
pub(super) fn derivatives(labels: Labels<'_>, rows: &[u32], margins: &[f64]) -> Vec<Derivatives> {
    let groups = groups(labels, rows, PLACES);
    let of_group = |group: &Group| group.derivatives(labels, margins);
    let found: Vec<Vec<(u32, Derivatives)>> = groups.par_iter().map(of_group).collect();
    let mut all = vec![Derivatives { first: 0.0, second: 0.0 }; margins.len()];
    for (row, derivatives) in found.into_iter().flatten() {
        all[row as usize] = derivatives;
    }
    all
}

/// The mean NDCG of the groups of `rows` if they are ordered by these margins, over so many places
/// (at least 1); rows of equal margins count as in the mean over their orders. Groups whose rows
/// are all of one grade do not count: no order of theirs is wrong. `None` where there are no
/// others.
pub fn ndcg(labels: Labels<'_>, rows: &[u32], margins: &[f64], places: usize) -> Option<f64> {
    let groups = groups(labels, rows, places);
    let of_group = |group: &Group| group.ndcg(labels, margins, places);
    let found: Vec<f64> = groups.par_iter().map(of_group).collect();
    (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
}

impl Group {
    /// The rows by falling margin, and the first of equal ones first.
    fn ordered(&self, margins: &[f64]) -> Vec<u32> {
        let mut rows = self.rows.clone();
        rows.sort_by(|one, other| margins[*other as usize].total_cmp(&margins[*one as usize]));
        rows
    }

    fn derivatives(&self, labels: Labels<'_>, margins: &[f64]) -> Vec<(u32, Derivatives)> {
        let rows = self.ordered(margins);
        let grades: Vec<f64> = rows.iter().map(|row| labels.at(*row as usize)).collect();
        let margins: Vec<f64> = rows.iter().map(|row| margins[*row as usize]).collect();
        let mut found = vec![Derivatives { first: 0.0, second: 0.0 }; rows.len()];
        for upper in 0..rows.len().min(PLACES) {
            for lower in upper + 1..rows.len() {
                if grades[upper].total_cmp(&grades[lower]).is_eq() {
                    continue;
                }
                let is_right = grades[upper] > grades[lower];
                let (better, worse) = if is_right { (upper, lower) } else { (lower, upper) };
                let change = (gain(grades[better]) - gain(grades[worse]))
                    * (discount(upper, PLACES) - discount(lower, PLACES))
                    / self.ideal;
                let wrong = probability(margins[worse] - margins[better]);
                found[better].first -= change * wrong;
                found[worse].first += change * wrong;
                for place in [better, worse] {
                    found[place].second += change * wrong * (1.0 - wrong);
                }
            }
        }
        rows.into_iter().zip(found).collect()
    }

    fn ndcg(&self, labels: Labels<'_>, margins: &[f64], places: usize) -> f64 {
        let rows = self.ordered(margins);
        let (mut sum, mut place) = (0.0, 0);
        let is_equal = |one: &u32, next: &u32| {
            margins[*one as usize].total_cmp(&margins[*next as usize]).is_eq()
        };
        for equal in rows.chunk_by(is_equal) {
            let discount = |place| discount(place, places);
            let discounts: f64 = (place..place + equal.len()).map(discount).sum();
            let gains: f64 = equal.iter().map(|row| gain(labels.at(*row as usize))).sum();
            sum += discounts * gains / equal.len() as f64;
            place += equal.len();
        }
        sum / self.ideal
    }
}

fn gain(grade: f64) -> f64 {
    grade.exp2() - 1.0
}

fn discount(place: usize, places: usize) -> f64 {
    if place < places { 1.0 / (place as f64 + 2.0).log2() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: Labels<'_> = Labels::Graded {
        grades: &[0.0, 2.0, 1.0, 0.0, 3.0, 0.0, 0.0, 1.0],
        groups: &[7, 7, 7, 7, 1, 1, 2, 2],
    };

    fn rows() -> Vec<u32> {
        (0..8).collect()
    }

    #[test]
    fn ndcg_by_hand() {
        // Group 7 in the order of rows 0, 1, 2, 3; group 1 and group 2 the wrong way round.
        let margins = [4.0, 3.0, 2.0, 1.0, 0.0, 1.0, 1.0, 0.5];
        let second = 1.0 / 3_f64.log2();
        let of_7 = (3.0 * second + 0.5) / (3.0 + second);
        let expected = (of_7 + second + second) / 3.0;
        let of = |margins: &[f64]| ndcg(LABELS, &rows(), margins, PLACES).unwrap();
        assert!((of(&margins) - expected).abs() < 1e-12);
        // The best order, and no order at all.
        let best = [0.0, 2.0, 1.0, 0.0, 3.0, 0.0, 0.0, 1.0];
        assert!((of(&best) - 1.0).abs() < 1e-12);
        let of_two = f64::midpoint(1.0, second);
        let four: f64 = (0..4).map(|place| discount(place, PLACES)).sum();
        let expected = (four / (3.0 + second) + of_two + of_two) / 3.0;
        assert!((of(&[0.0; 8]) - expected).abs() < 1e-12);
        // Groups of one row or of one grade do not count, be the grade 0 or not.
        assert_eq!(ndcg(LABELS, &[0, 3, 4, 7], &margins, PLACES), None);
        assert_eq!(ndcg(LABELS, &[0, 3, 4, 6, 7], &margins, PLACES), Some(second));
        assert_eq!(judged_groups(LABELS, &[0, 3, 4, 6, 7]), 1);
        assert_eq!(judged_groups(LABELS, &rows()), 3);
    }

    /// First derivatives are those of the pairs' log-losses with the weights held fixed, second
    /// ones theirs: by differences.
    #[test]
    fn derivatives_are_those_of_weighed_pairs() {
        let margins = [0.3, -0.2, 0.5, 0.1, 0.0, 0.4, -1.0, 0.2];
        let found = derivatives(LABELS, &rows(), &margins);
        let (grades, group) = (|row: usize| LABELS.at(row), |row: usize| LABELS.group(row));
        let place = |row: usize| {
            (0..8).filter(|it| group(*it) == group(row) && margins[*it] > margins[row]).count()
        };
        let ideal = [3.0 + 1.0 / 3_f64.log2(), 7.0, 1.0];
        let loss = |margins: &[f64; 8]| -> f64 {
            let pairs = (0..8).flat_map(|one| (0..8).map(move |other| (one, other)));
            let pairs = pairs.filter(|(one, other)| {
                group(*one) == group(*other) && grades(*one) > grades(*other)
            });
            pairs
                .map(|(one, other)| {
                    let ideal = ideal[[7, 1, 2].iter().position(|it| *it == group(one)).unwrap()];
                    let weight = (gain(grades(one)) - gain(grades(other)))
                        * (discount(place(one), PLACES) - discount(place(other), PLACES)).abs()
                        / ideal;
                    weight * (margins[other] - margins[one]).exp().ln_1p()
                })
                .sum()
        };
        for (row, found) in found.iter().enumerate() {
            let step = 1e-4;
            let at = |by: f64| {
                let mut moved = margins;
                moved[row] += by;
                loss(&moved)
            };
            let first = (at(step) - at(-step)) / (2.0 * step);
            let second = (at(step) - 2.0 * at(0.0) + at(-step)) / (step * step);
            assert!((found.first - first).abs() < 1e-6, "{row}: {} for {first}", found.first);
            assert!((found.second - second).abs() < 1e-5, "{row}: {} for {second}", found.second);
        }
        assert!(!has_pairs(LABELS, &[0, 3, 4, 7]) && has_pairs(LABELS, &[0, 1]));
    }
}
