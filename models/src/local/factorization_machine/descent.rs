//! The descent in floating point; the protocol does the same in fixed point on shares.

use super::matrix::Matrix;
use super::{GuestSide, HostSide, Settings};

/// The parameters in the units of training.
pub(super) struct Point {
    /// Of the guest's whitened features, features × factors.
    pub(super) guest: Matrix<f64>,
    /// Of the host's, columns × factors.
    pub(super) host: Matrix<f64>,
    /// Of the directions of items, directions × factors.
    pub(super) items: Matrix<f64>,
}

/// The step size times the largest curvature is at most about 1: features of two whitened parties
/// have second moments up to 2, and neither factor is above 1 in norm at the optimum.
const STEP: f64 = 0.5;
const MOMENTUM: f64 = 0.75;

/// From the guest's own optimum, so many passes.
pub(super) fn descend(guest: &GuestSide, host: &HostSide, settings: &Settings) -> Point {
    let users = guest.user_columns().rows() as f64;
    let cross = guest.user_columns().transposed_times(host.columns()).scaled(1.0 / users);
    let targets = guest.targets().transposed_times(host.columns()).scaled(1.0 / users);
    let mut point = Point {
        guest: guest.start_of_features(settings.factors),
        host: Matrix::zeros(host.columns().columns(), settings.factors),
        items: guest.start_of_items(settings.factors),
    };
    let still = |matrix: &Matrix<f64>| Matrix::zeros(matrix.rows(), matrix.columns());
    let mut moves = [still(&point.guest), still(&point.host), still(&point.items)];
    for _ in 0..settings.passes {
        let gradients = gradients(&point, &cross, &targets, guest.strengths());
        let parameters = [&mut point.guest, &mut point.host, &mut point.items];
        for ((parameters, moved), gradient) in parameters.into_iter().zip(&mut moves).zip(gradients)
        {
            *moved = moved.with(&gradient, |moved, gradient| MOMENTUM * moved - STEP * gradient);
            *parameters = parameters.with(moved, |parameter, moved| parameter + moved);
        }
    }
    point
}

/// For parameters P of features with second moments Z and products B with the directions of items,
/// whose parameters are Q: the gradients `Z·P·QᵀQ - B·Q` and `Q·PᵀZP - Bᵀ·P` of
/// `tr(QᵀQ·PᵀZP)/2 - tr(PᵀBQ)`, for the guest's part of P, the host's and Q. Z is the identity for
/// features of one party, B of the guest is diagonal.
fn gradients(
    point: &Point,
    cross: &Matrix<f64>,
    targets: &Matrix<f64>,
    strengths: &[f64],
) -> [Matrix<f64>; 3] {
    let Point { guest, host, items } = point;
    let add =
        |left: &Matrix<f64>, right: &Matrix<f64>| left.with(right, |left, right| left + right);
    let subtract =
        |left: &Matrix<f64>, right: &Matrix<f64>| left.with(right, |left, right| left - right);
    let strong = |matrix: &Matrix<f64>, rows: usize| {
        Matrix::from_fn(rows, matrix.columns(), |row, column| {
            strengths.get(row).map_or(0.0, |strength| strength * matrix.at(row, column))
        })
    };
    let of_guest = add(guest, &cross.times(host));
    let of_host = add(host, &cross.transposed_times(guest));
    let item_moments = items.transposed_times(items);
    let user_moments = guest.above(host).transposed_times(&of_guest.above(&of_host));
    [
        subtract(&of_guest.times(&item_moments), &strong(items, guest.rows())),
        subtract(&of_host.times(&item_moments), &targets.transposed_times(items)),
        subtract(
            &items.times(&user_moments),
            &add(&strong(guest, items.rows()), &targets.times(host)),
        ),
    ]
}
