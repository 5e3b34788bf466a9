//! Simulated columns and labels, the same in both processes.

use crypto::random::Generator;

/// Columns of both parties and labels that depend on all of them.
pub(super) struct Data {
    /// The guest's columns, mean 0 and standard deviation about 1.
    pub(super) guest: Vec<Vec<f64>>,
    /// The host's columns, likewise.
    pub(super) host: Vec<Vec<f64>>,
    /// For each row the host's level of a category, if there is one.
    pub(super) host_levels: Vec<u32>,
    /// 0 or 1, about one in five is 1.
    pub(super) labels: Vec<u8>,
}

impl Data {
    /// Draws `rows` rows; every column shares a fifth of its variance with all others.
    pub(super) fn simulate(rows: usize, guest_features: usize, host_features: usize) -> Self {
        Self::keep(rows, [guest_features, host_features], 0, |_| true)
    }

    /// The same with a category of the host with so many `levels`.
    pub(super) fn simulate_with_levels(
        rows: usize,
        guest_features: usize,
        host_features: usize,
        levels: usize,
    ) -> Self {
        Self::keep(rows, [guest_features, host_features], levels, |_| true)
    }

    /// The same rows, of which one party holds its own columns only.
    pub(super) fn of_party(
        guest: bool,
        rows: usize,
        guest_features: usize,
        host_features: usize,
        levels: usize,
    ) -> Self {
        Self::keep(rows, [guest_features, host_features], levels, |feature| {
            guest == (feature < guest_features)
        })
    }

    fn keep(
        rows: usize,
        [guest_features, host_features]: [usize; 2],
        levels: usize,
        is_kept: impl Fn(usize) -> bool,
    ) -> Self {
        let mut rng = Generator::from_seed([42; 32]);
        let mut uniform = || rng.next_u64() as f64 / u64::MAX as f64;
        // Sums of four uniform numbers, centred and scaled to variance 1.
        let mut normal = || ((0..4).map(|_| uniform()).sum::<f64>() - 2.0) * 3_f64.sqrt();
        let common: Vec<f64> = (0..rows).map(|_| normal()).collect();
        let features = guest_features + host_features;
        let mut scores = vec![-1.6; rows];
        let (mut guest, mut host) = (Vec::new(), Vec::new());
        for feature in 0..features {
            let column: Vec<f64> =
                common.iter().map(|common| 0.45 * common + 0.893 * normal()).collect();
            // Effects fall off over the features and alternate in sign.
            let effect = 1.2 / (1.0 + (feature * 7 % features) as f64).sqrt();
            let effect = if feature % 2 == 0 { effect } else { -effect };
            scores.iter_mut().zip(&column).for_each(|(score, value)| *score += effect * value);
            if is_kept(feature) {
                if feature < guest_features { guest.push(column) } else { host.push(column) }
            }
        }
        // Each level has a row; the others have level l with a probability like 1/(l + 1).
        let level = |row: usize, at: f64| {
            if row < levels { row as u32 } else { ((levels as f64 + 1.0).powf(at) - 1.0) as u32 }
        };
        let mut host_levels = Vec::new();
        if levels > 0 {
            host_levels = (0..rows).map(|row| level(row, uniform())).collect();
            let effects: Vec<f64> = (0..levels).map(|_| 2.0 * uniform() - 1.0).collect();
            let rows = scores.iter_mut().zip(&host_levels);
            rows.for_each(|(score, level)| *score += effects[*level as usize]);
        }
        let labels =
            scores.iter().map(|score| u8::from(uniform() < 1.0 / (1.0 + (-score).exp()))).collect();
        Self { guest, host, host_levels, labels }
    }

    /// The columns as slices, the guest's first.
    pub(super) fn pooled(&self) -> Vec<&[f64]> {
        self.guest.iter().chain(&self.host).map(Vec::as_slice).collect()
    }
}

/// Ids of the party at this place: `rows` of 17 bytes, the first `common` the same for all parties,
/// shuffled.
pub(super) fn ids(place: usize, rows: usize, common: usize) -> Vec<String> {
    let mut rng = Generator::from_seed([place as u8; 32]);
    let id = |row: usize| {
        let owner = if row < common { NOBODY } else { place };
        format!("{owner}{row:016}")
    };
    let mut ids: Vec<String> = (0..rows).map(id).collect();
    rng.shuffle(&mut ids);
    ids
}

/// The digit in place of the owner's in common ids: beyond the most parties.
const NOBODY: usize = super::PARTIES_MAX + 1;
