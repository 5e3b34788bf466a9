//! The five tests of every protocol, against the ranking in floating point.

use std::sync::Arc;

use crypto::random::Generator;
use mpc::reveal::{Ledger, Observation};
use net::Session;
use world::{Fault, FaultKind, Sent, Side as Sender, Transcript, pair, pair_with_fault, steps};

use super::*;
use crate::evaluate::recommendation::{
    Judged, Recommendation, RecommendationComparison, Recommendations, UserFigures,
};
use crate::local::factorization_machine::best_items;

const LISTS: &str = "train.lists";

/// Users, items and factors, and what of each user's items is known or left out.
struct Data {
    part: GuestPart,
    own: Vec<f64>,
    theirs: Vec<f64>,
    taken: Vec<Vec<u32>>,
    left_out: Vec<Option<u32>>,
    k: usize,
}

impl Data {
    /// Of every fifth user nothing is left out, and every seventh has nearly all items.
    fn new(seed: u8, users: usize, items: usize, k: usize) -> Self {
        let mut rng = Generator::from_seed([seed; 32]);
        let mut uniform =
            |range: f64| range * (2.0 * rng.next_u64() as f64 / u64::MAX as f64 - 1.0);
        let part = GuestPart {
            item_biases: (0..items).map(|_| uniform(0.1)).collect(),
            item_factors: (0..items * k).map(|_| uniform(0.5)).collect(),
            history_factors: Vec::new(),
            column_factors: Vec::new(),
            offset: vec![0.0; k],
        };
        let own = (0..users * k).map(|_| uniform(1.0)).collect();
        let mut theirs: Vec<f64> = (0..users * k).map(|_| uniform(1.0)).collect();
        // One beyond what counts.
        theirs[0] = 40.0;
        let (mut taken, mut left_out) = (Vec::new(), Vec::new());
        let classes = items.min(11) as u32;
        for user in 0..users as u32 {
            let every = if user % 7 == 6 { 1 } else { 3 };
            let keeps = |item: &u32| {
                (item + user).is_multiple_of(every) && item % classes != user % classes
            };
            taken.push((0..items as u32).filter(keeps).collect::<Vec<u32>>());
            let new = (0..items as u32).find(|item| item % classes == user % classes);
            left_out.push(new.filter(|_| user % 5 != 0));
        }
        Self { part, own, theirs, taken, left_out, k }
    }

    fn users(&self) -> usize {
        self.taken.len()
    }

    /// The scores of all items for a user, by both parties' factors or by the guest's alone.
    fn scores(&self, user: usize, with_host: bool) -> Vec<f64> {
        let of = |factors: &[f64]| factors[user * self.k..][..self.k].to_vec();
        let mut factors = of(&self.own);
        if with_host {
            let theirs = of(&self.theirs).into_iter().map(|it| it.clamp(-FACTOR_MAX, FACTOR_MAX));
            factors.iter_mut().zip(theirs).for_each(|(own, theirs)| *own += theirs);
        }
        self.part.scores(&factors)
    }

    fn judged(&self, with_host: bool, places: usize) -> Recommendation {
        let mut figures = Recommendations::new(places).unwrap();
        for (user, left_out) in self.left_out.iter().enumerate() {
            let scores = self.scores(user, with_host);
            let is_new = |item: &u32| !self.taken[user].contains(item);
            let new: Vec<u32> = (0..scores.len() as u32).filter(is_new).collect();
            let of_new: Vec<f64> = new.iter().map(|item| scores[*item as usize]).collect();
            let relevant: Vec<bool> = new.iter().map(|item| Some(*item) == *left_out).collect();
            figures.add(&of_new, &relevant).unwrap();
        }
        figures.finish().unwrap()
    }

    fn left_out(&self, places: usize) -> Vec<Option<LeftOutItem>> {
        let is_sound =
            self.own.iter().chain(&self.part.item_biases).all(|number| number.is_finite());
        let figures = if is_sound { self.judged(false, places).by_user } else { Vec::new() };
        let none = UserFigures { auc: None, ndcg: 0.0, hit_rate: 0.0 };
        let mut figures = figures.into_iter();
        let mut next = |item: u32| LeftOutItem { item, alone: figures.next().unwrap_or(none) };
        self.left_out.iter().map(|item| item.map(&mut next)).collect()
    }
}

type Got = (Option<HiddenRanking>, Option<Vec<Vec<u32>>>, Vec<Observation>);

async fn play(session: Session, data: &Data, places: usize) -> Result<Got, ModelError> {
    let ledger = Arc::new(Ledger::new([FIGURES, LISTS]));
    let mut party = TwoParty::setup(session, Arc::clone(&ledger)).await?;
    let taken: Vec<&[u32]> = data.taken.iter().map(Vec::as_slice).collect();
    let (side, left_out) = if party.is_first() {
        let (part, user_factors) = (&data.part, &data.own[..]);
        (Side::Guest(Catalogue { part, user_factors, taken: &taken }), data.left_out(places))
    } else {
        (Side::Host { user_factors: &data.theirs, factors: data.k }, Vec::new())
    };
    let figures = judge(&mut party, &side, &left_out, places).await?;
    let lists = list(&mut party, &side, LISTS, places).await?;
    Ok((figures, lists, ledger.observed()))
}

fn assert_like_the_plain_ranking(data: &Data, places: usize) {
    let side = async |session| play(session, data, places).await.unwrap();
    let outcome = pair(1, side, side);
    assert!(outcome.second.0.is_none() && outcome.second.1.is_none());
    let (figures, lists, observed) = outcome.first;
    let (HiddenRanking { joint, differences }, lists) = (figures.unwrap(), lists.unwrap());

    let [alone, expected] = [false, true].map(|both| data.judged(both, places));
    assert_eq!((joint.users, joint.users_left_out), (expected.users, expected.users_left_out));
    let near = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 2e-5, "{found} for {expected}");
    };
    near(joint.auc.unwrap(), expected.auc.unwrap());
    near(joint.ndcg, expected.ndcg);
    near(joint.hit_rate, expected.hit_rate);
    assert_eq!(joint.hit_rates.len(), places);
    joint.hit_rates.iter().zip(&expected.hit_rates).for_each(|(one, other)| near(*one, *other));
    let judged = |figures: Recommendation| Judged { figures, coverage: None };
    let plain =
        RecommendationComparison::new(judged(alone.clone()), judged(alone), judged(expected));
    let plain = plain.unwrap().differences;
    for (found, expected) in [
        (differences.auc, plain.auc),
        (differences.ndcg, plain.ndcg),
        (differences.hit_rate, plain.hit_rate),
    ] {
        let (found, expected) = (found.unwrap(), expected.unwrap());
        near(found.value, expected.value);
        near(found.low, expected.low);
        near(found.high, expected.high);
    }

    for (user, list) in lists.iter().enumerate() {
        let scores = data.scores(user, true);
        let expected = best_items(&scores, &data.taken[user], places);
        assert_eq!(list.len(), expected.len());
        assert!(list.iter().all(|item| !data.taken[user].contains(item)));
        // Nearly equal scores may change places.
        let largest = scores.iter().fold(1.0, |most: f64, it| most.max(it.abs()));
        for (found, expected) in list.iter().zip(&expected) {
            near(scores[*found as usize] / largest, scores[*expected as usize] / largest);
        }
    }
    let items = data.part.item_biases.len();
    let count = |key: &str| observed.iter().find(|it| it.key == key).unwrap().count as usize;
    assert_eq!(count(FIGURES), places.min(items) + 4);
    assert_eq!(count(LISTS), places.min(items) * data.users());
}

/// Blocks with places to spare, users with fewer new items than places, one without any, and one
/// with scores that are so large that the others' would be nothing beside them.
#[test]
fn correct() {
    let mut data = Data::new(1, 260, 23, 4);
    data.taken[0] = (0..23).collect();
    data.own[5 * 4..6 * 4].iter_mut().for_each(|factor| *factor *= 1e6);
    assert_like_the_plain_ranking(&data, 5);
}

/// A list of everything, and more places than items.
#[test]
fn correct_for_lists_of_all_items() {
    assert_like_the_plain_ranking(&Data::new(2, 250, 12, 5), 14);
}

/// Equal scores: the means are those over all orders, at each of the places.
#[test]
fn correct_in_the_mean_for_equal_scores() {
    let mut data = Data::new(3, 400, 12, 4);
    data.part.item_factors.fill(0.0);
    data.part.item_biases.fill(0.25);
    let side = async |session| play(session, &data, 4).await.unwrap();
    let joint = pair(1, side, side).first.0.unwrap().joint;
    let expected = data.judged(true, 4);
    assert!((joint.auc.unwrap() - 0.5).abs() < 0.05, "{joint:?}");
    assert!((expected.hit_rates[0] - 0.2).abs() < 0.1, "{expected:?}");
    for (found, expected) in joint.hit_rates.iter().zip(&expected.hit_rates) {
        assert!((found - expected).abs() < 0.08, "{joint:?}");
    }
}

fn transcript(data: &Data, places: usize) -> Transcript {
    let side = async |session| play(session, data, places).await.unwrap();
    pair(3, side, side).transcript
}

/// Of a small table.
const USERS: u64 = 260;

fn small() -> Data {
    Data::new(4, USERS as usize, 6, 4)
}

#[test]
fn known_answer() {
    assert_eq!(
        transcript(&small(), 2).hash(),
        "63185b833c02a18731c08dc4e6929636c787e612efa9b6858ac00e0a163cd958"
    );
}

#[test]
fn cost() {
    let (users, items, places, k) = (USERS, 6_u64, 2_u64, 4_u64);
    let transcript = transcript(&small(), places as usize);
    // Figures and lists are of one group each.
    assert_eq!(transcript.bytes_of(Sender::Second, "public_key"), 2 * 153_632);
    assert_eq!(transcript.bytes_of(Sender::Second, "factors"), 2 * k * 153_632);
    // All of a question fits into an answer; of lists the second place has one more.
    assert_eq!(transcript.bytes_of(Sender::First, "products"), 3 * 307_200);
    let words = |comparisons: u64| comparisons.next_multiple_of(64);
    let tables = |bits: u64, comparisons: u64| bits.div_ceil(4) * words(comparisons) * 4;
    // Two blocks of three items.
    let rounds = [2 * users, 2 * users, users, users, users, users, users];
    let lists: u64 = rounds.into_iter().map(|comparisons| tables(28, comparisons)).sum();
    let figures = tables(28, users * items) + tables(18, users * places);
    assert_eq!(transcript.bytes_of(Sender::First, "digit_tables"), figures + lists);
    assert_eq!(transcript.bytes_of(Sender::Second, "share"), 8 * (places + 4 + places * users));
    assert_eq!(transcript.bytes_of(Sender::First, "share"), 0);
}

/// What users took, and of how many something is left out, changes no length.
#[test]
fn lengths_depend_on_public_sizes_only() {
    let lengths = |data: &Data| {
        let transcript = transcript(data, 2);
        let steps = transcript.steps.iter();
        steps.map(|it| (it.label(), it.from, it.messages, it.bytes)).collect::<Vec<_>>()
    };
    let (one, mut other) = (small(), Data::new(5, USERS as usize, 6, 4));
    other.taken.iter_mut().for_each(Vec::clear);
    other.left_out[1] = None;
    assert_eq!(lengths(&one), lengths(&other));
}

#[test]
fn what_does_not_fit_is_named() {
    let refused = |change: fn(&mut Data), expected: &str| {
        let (data, mut other) = (small(), small());
        change(&mut other);
        let outcome = pair(
            1,
            async |session| play(session, &other, 2).await,
            async |session| play(session, &data, 2).await,
        );
        let error = outcome.first.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(outcome.second.is_err());
    };
    refused(|data| data.left_out[5..].fill(None), "at least 200 are needed");
    refused(|data| data.own[3] = f64::NAN, "finite factors");
    refused(|data| data.part.item_biases[2] = f64::INFINITY, "too large for numbers");
    refused(|data| data.taken[1] = vec![1], "is in its user's history");
    refused(|data| data.left_out.truncate(259), "260 users, and items left out of 259");
    refused(
        |data| {
            data.taken.pop();
            data.left_out.pop();
            data.own.truncate((USERS as usize - 1) * 4);
        },
        "the same users, factors and places",
    );
}

/// The messages of this protocol itself; those of its blocks are swept with the blocks.
#[test]
fn tampered() {
    let data = small();
    let side = async |session| play(session, &data, 2).await;
    let own = ["shape", "public_key", "factors", "products", "share"];
    let mut seen = Vec::new();
    for sent in steps(4, side, side) {
        let Sent { path_step, from, .. } = sent;
        if !own.contains(&path_step.as_str()) || seen.contains(&(path_step.clone(), from)) {
            continue;
        }
        seen.push((path_step.clone(), from));
        for kind in [FaultKind::Extend, FaultKind::replace(|bytes| vec![0xff; bytes.len()])] {
            let fault = Fault { path_step: path_step.clone(), occurrence: 0, kind, from };
            let text = format!("{fault:?}");
            let outcome = pair_with_fault(4, fault, side, side);
            let closed = outcome.closed.iter().all(Result::is_ok);
            assert!(!(outcome.first.is_ok() && outcome.second.is_ok() && closed), "{text}");
        }
    }
    assert_eq!(seen.len(), own.len() + 1, "one of them goes both ways: {seen:?}");
}

/// Well-formed words of a hostile host name no item, or sums that users cannot have.
#[test]
fn tampered_results_are_refused() {
    let data = small();
    let side = async |session| play(session, &data, 2).await;
    // The first words are counts; then there are a sum of differences and sums of squares.
    for (occurrence, changed, expected) in [
        (0, 0, "among the places are no more than users"),
        (0, 2, "of squared differences are no more than users"),
        (0, 5, "of squared differences are no more than users"),
        (1, 0, "is no item"),
    ] {
        let fault = Fault {
            path_step: "share".to_owned(),
            occurrence,
            kind: FaultKind::replace(move |bytes| {
                let mut bytes = bytes.to_vec();
                bytes[8 * changed + 3] ^= 0x80;
                bytes
            }),
            from: Sender::Second,
        };
        let error = pair_with_fault(4, fault, side, side).first.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn peer_drops() {
    let data = small();
    let side = async |session| play(session, &data, 2).await;
    for (step, from) in
        [("factors", Sender::Second), ("products", Sender::First), ("share", Sender::Second)]
    {
        let fault =
            Fault { path_step: step.to_owned(), occurrence: 0, kind: FaultKind::Close, from };
        let outcome = pair_with_fault(5, fault, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(ModelError::Secure(_))), "{step}");
        }
    }
}
