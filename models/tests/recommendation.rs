//! The factorisation machine on visits of microsoft.com (UCI "MS Web", CC BY 4.0) and on the small
//! `MovieLens` ratings of 2016 (`GroupLens`), divided between two parties.
//!
//! The items are divided in two by turns. The guest has what users did with its half, and
//! recommends these; the host has columns about each user that it made of the other half.
//!
//! Reads the folder that the variable `TOMBOLO_DATA` names and is skipped where it is not set.
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use crypto::random::Generator;
use flate2::read::GzDecoder;
use mpc::TwoParty;
use mpc::reveal::Ledger;
use tombolo_models::evaluate::recommendation::Recommendation;
use tombolo_models::local::factorization_machine::{
    GuestData, Interactions, LeftOut, Settings, fit, fit_alone,
};
use tombolo_models::vertical::factorization_machine::{
    OWN_FACTORS, learn_user_factors, train_as_guest, train_as_host,
};

/// Both parties' data.
struct Data {
    guest: Interactions,
    host: Vec<Vec<f64>>,
}

/// What the guest has.
fn guest_data(interactions: &Interactions) -> GuestData<'_> {
    GuestData { interactions, columns: &[], item_features: &[] }
}

/// Figures at this many places.
const PLACES: usize = 10;

/// The lines of a packed file without the first, or none (said aloud) where the data folder is not
/// named.
fn lines(file: &str) -> Option<Vec<String>> {
    let Some(folder) = std::env::var_os("TOMBOLO_DATA").map(PathBuf::from) else {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: TOMBOLO_DATA does not name the data folder");
        }
        return None;
    };
    let mut text = String::new();
    let packed = std::fs::File::open(folder.join(file)).unwrap();
    GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    Some(text.lines().skip(1).map(str::to_owned).collect())
}

/// The place of each different number, in ascending order.
fn places(numbers: impl Iterator<Item = u32>) -> BTreeMap<u32, u32> {
    let numbers: std::collections::BTreeSet<u32> = numbers.collect();
    numbers.into_iter().zip(0..).collect()
}

impl Data {
    fn new(users: usize, pairs: Vec<(u32, u32)>, host: Vec<Vec<f64>>) -> Self {
        let items = places(pairs.iter().map(|(_, item)| *item));
        let pairs = pairs.into_iter().map(|(user, item)| (user, items[&item]));
        let guest = Interactions::new(users, items.len(), pairs).unwrap();
        let host = host.into_iter().filter_map(standardised).collect();
        Self { guest, host }
    }

    /// 32,710 users; of the host which of its 142 areas a user visited, where 200 users or more
    /// did.
    fn msweb() -> Option<Self> {
        let number = |text: &str| text.parse::<u32>().unwrap();
        let lines = lines("msweb/visits.csv.gz")?;
        let visits = lines.iter().map(|line| line.split_once(',').unwrap());
        let visits: Vec<_> = visits.map(|(user, item)| (number(user), number(item))).collect();
        let users = 1 + visits.iter().map(|(user, _)| *user as usize).max().unwrap();
        let mut areas: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        let (own, theirs): (Vec<_>, Vec<_>) =
            visits.into_iter().partition(|(_, item)| item % 2 == 0);
        for (user, item) in theirs {
            areas.entry(item).or_insert_with(|| vec![0.0; users])[user as usize] = 1.0;
        }
        let often = |column: &Vec<f64>| column.iter().sum::<f64>() >= 200.0;
        Some(Self::new(users, own, areas.into_values().filter(often).collect()))
    }

    /// 671 users; of the host for each genre how much of a user's films of the other half has it,
    /// and how much better than 3.5 stars it is rated.
    fn movielens() -> Option<Self> {
        let genres_of: BTreeMap<u32, Vec<String>> = lines("movielens_small/movies.csv.gz")?
            .iter()
            .map(|line| {
                let (id, rest) = line.split_once(',').unwrap();
                let (_, genres) = rest.rsplit_once(',').unwrap();
                (id.parse().unwrap(), genres.split('|').map(str::to_owned).collect())
            })
            .collect();
        let ratings: Vec<(u32, u32, f64)> = lines("movielens_small/ratings.csv.gz")?
            .iter()
            .map(|line| {
                let fields: Vec<&str> = line.split(',').collect();
                let number = |place: usize| fields[place].parse::<u32>().unwrap();
                (number(0), number(1), fields[2].parse().unwrap())
            })
            .collect();
        let users = places(ratings.iter().map(|(user, ..)| *user));
        let films = places(ratings.iter().map(|(_, film, _)| *film));
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for (_, film, _) in &ratings {
            *counts.entry(*film).or_default() += 1;
        }
        let (mut own, mut sums, mut totals) =
            (Vec::new(), BTreeMap::<&str, Vec<[f64; 2]>>::new(), vec![0.0; users.len()]);
        for (user, film, stars) in &ratings {
            let place = users[user] as usize;
            if films[film] % 2 == 0 {
                own.extend((counts[film] >= 20).then_some((users[user], *film)));
                continue;
            }
            for genre in &genres_of[film] {
                let sums = sums.entry(genre).or_insert_with(|| vec![[0.0; 2]; users.len()]);
                sums[place][0] += 1.0;
                sums[place][1] += stars - 3.5;
                totals[place] += 1.0;
            }
        }
        let share = |sums: &Vec<[f64; 2]>| {
            sums.iter().zip(&totals).map(|(sum, total)| sum[0] / (total + 5.0)).collect()
        };
        let taste = |sums: &Vec<[f64; 2]>| sums.iter().map(|sum| sum[1] / (sum[0] + 3.0)).collect();
        let mut host: Vec<Vec<f64>> = sums.values().map(share).collect();
        host.extend(sums.values().map(taste));
        host.push(totals.iter().map(|total: &f64| total.ln_1p()).collect());
        Some(Self::new(users.len(), own, host))
    }

    fn host(&self) -> Vec<&[f64]> {
        self.host.iter().map(Vec::as_slice).collect()
    }

    /// Another item of each user left out for each seed.
    fn left_out(&self, seed: u8) -> LeftOut {
        LeftOut::of(&self.guest, &mut Generator::from_seed([seed; 32])).unwrap()
    }

    /// How well the guest alone, and both, rank what was left out, in floating point.
    fn reference(&self, left_out: &LeftOut, settings: &Settings) -> [Recommendation; 2] {
        let training = &left_out.training;
        let alone = fit_alone(&guest_data(training), settings).unwrap();
        let factors = alone.user_factors(training, &[]).unwrap();
        let of_alone = left_out.judge(&alone, &factors, PLACES).unwrap().figures;
        let (guest, host) = fit(&guest_data(training), &self.host(), settings).unwrap();
        let mut factors = guest.user_factors(training, &[]).unwrap();
        let theirs = host.user_factors(&self.host(), training.users()).unwrap();
        factors.iter_mut().zip(theirs).for_each(|(own, theirs)| *own += theirs);
        [of_alone, left_out.judge(&guest, &factors, PLACES).unwrap().figures]
    }

    /// The same of both, trained by two parties.
    fn jointly(&self, left_out: &LeftOut, settings: &Settings) -> Recommendation {
        let ledger = || Arc::new(Ledger::new([OWN_FACTORS, "score.user_factors"]));
        let training = &left_out.training;
        let guest = async |session| {
            let mut party = TwoParty::setup(session, ledger()).await.unwrap();
            let part = train_as_guest(&mut party, &guest_data(training), settings).await.unwrap();
            let own = part.user_factors(training, &[]).unwrap();
            let factors = learn_user_factors(&mut party, "score.user_factors", own).await.unwrap();
            left_out.judge(&part, &factors.unwrap(), PLACES).unwrap().figures
        };
        let host = async |session| {
            let mut party = TwoParty::setup(session, ledger()).await.unwrap();
            let part = train_as_host(&mut party, &self.host(), settings).await.unwrap();
            let own = part.user_factors(&self.host(), training.users()).unwrap();
            learn_user_factors(&mut party, "score.user_factors", own).await.unwrap();
        };
        world::pair(1, guest, host).first
    }
}

/// AUC, NDCG and HR.
fn figures(of: &Recommendation) -> [f64; 3] {
    [of.auc.unwrap(), of.ndcg, of.hit_rate]
}

/// A column with mean 0 and deviation 1; none if it is constant.
fn standardised(mut column: Vec<f64>) -> Option<Vec<f64>> {
    let count = column.len() as f64;
    let mean = column.iter().sum::<f64>() / count;
    let deviation = (column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    for value in &mut column {
        *value = (*value - mean) / deviation;
    }
    (deviation > 0.0).then_some(column)
}

/// Says the figures, which docs/recommendation.md gives.
#[expect(clippy::print_stderr, reason = "figures that the documentation gives")]
fn say(name: &str, [auc, ndcg, hit_rate]: [f64; 3]) {
    eprintln!("{name}: AUC {auc:.4}, NDCG@10 {ndcg:.4}, HR@10 {hit_rate:.4}");
}

#[test]
fn visits_of_other_areas_help_to_recommend() {
    let Some(data) = Data::msweb() else { return };
    let [alone, joint] = data.reference(&data.left_out(7), &Settings::default());
    assert!(alone.users > 15_000);
    let (alone, joint) = (figures(&alone), figures(&joint));
    say("MS Web, guest alone", alone);
    say("MS Web, both", joint);
    assert!(alone.iter().zip(joint).all(|(alone, joint)| joint > *alone));
    assert!(joint[1] > alone[1] + 0.02);
}

/// Few users: the figures are means over ten choices of what is left out.
#[test]
fn genre_preferences_help_to_recommend_films() {
    const CHOICES: u8 = 10;
    let Some(data) = Data::movielens() else { return };
    let settings = Settings::default();
    let mut means = [[0.0; 3]; 2];
    for seed in 1..=CHOICES {
        let both = data.reference(&data.left_out(seed), &settings);
        assert_eq!(both[0].users, 671);
        for (means, of) in means.iter_mut().zip(&both) {
            let parts = means.iter_mut().zip(figures(of));
            parts.for_each(|(mean, figure)| *mean += figure / f64::from(CHOICES));
        }
    }
    let [alone, joint] = means;
    say("MovieLens, guest alone", alone);
    say("MovieLens, both", joint);
    assert!(alone.iter().zip(joint).all(|(alone, joint)| joint > *alone));
}

/// Two parties get the same figures but for users with nearly equal scores.
#[test]
fn two_parties_rank_as_the_pooled_model() {
    let Some(data) = Data::movielens() else { return };
    let (left_out, settings) = (data.left_out(1), Settings::default());
    let [_, pooled] = data.reference(&left_out, &settings);
    let secure = data.jointly(&left_out, &settings);
    say("MovieLens, two parties", figures(&secure));
    for (secure, pooled) in figures(&secure).into_iter().zip(figures(&pooled)) {
        assert!((secure - pooled).abs() < 2e-3, "{secure} for {pooled}");
    }
}
