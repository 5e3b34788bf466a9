//! Where to go from a point: the minimum of the quadratic model there.

use super::linear_system;
use super::objective::{Objective, Point, Triangle};

/// Most rounds of coordinate descent within one Newton step.
const ROUNDS_MAX: usize = 10_000;

/// The step to the minimum of the quadratic model, penalties included.
///
/// None where the model has no single minimum, because features determine each other.
pub(super) fn direction(objective: &Objective<'_>, point: &Point) -> Option<Vec<f64>> {
    let hessian = objective.hessian(point);
    if objective.l1() > 0.0 {
        return coordinate_descent(objective, point, &hessian);
    }
    let downhill = point.gradient.iter().map(|slope| -slope).collect();
    linear_system::solve(hessian, downhill)
}

/// Minimises gradient·d + d·H·d/2 + l1·‖w + d‖₁, one coordinate of d at a time.
fn coordinate_descent(
    objective: &Objective<'_>,
    point: &Point,
    hessian: &Triangle,
) -> Option<Vec<f64>> {
    let (size, l1) = (hessian.size, objective.l1());
    let mut step = vec![0.0; size];
    // H·d + gradient, kept up to date.
    let mut slopes = point.gradient.clone();
    for _ in 0..ROUNDS_MAX {
        let mut largest: f64 = 0.0;
        for place in 0..size {
            let curvature = hessian.at(place, place);
            if curvature <= 0.0 {
                // A feature of zeros, with no l2: its weight stays at 0.
                continue;
            }
            let at = point.coefficients[place] + step[place];
            let target = at - slopes[place] / curvature;
            let penalty = if place + 1 < size { l1 / curvature } else { 0.0 };
            let next = target.signum() * (target.abs() - penalty).max(0.0);
            let change = next - at;
            if change != 0.0 {
                step[place] += change;
                // Exactly at 0 the weight must be 0 when the step is added to it.
                if next == 0.0 {
                    step[place] = -point.coefficients[place];
                }
                for (other, slope) in slopes.iter_mut().enumerate() {
                    *slope += change * hessian.at(place, other);
                }
                largest = largest.max(change.abs() * curvature.sqrt());
            }
        }
        if largest <= 1e-13 {
            break;
        }
    }
    step.iter().all(|value| value.is_finite()).then_some(step)
}
