use super::*;

/// Users of three kinds that take items of their kind; the host's columns tell the kind, the
/// guest's one column half of it.
pub(crate) struct World {
    pub(crate) interactions: Interactions,
    pub(crate) guest: Vec<Vec<f64>>,
    pub(crate) host: Vec<Vec<f64>>,
}

pub(crate) fn world(seed: u8, users: usize, items: usize) -> World {
    let mut rng = crypto::random::Generator::from_seed([seed; 32]);
    let kinds: Vec<u64> = (0..users).map(|_| rng.below(3)).collect();
    let mut pairs = Vec::new();
    for (user, kind) in kinds.iter().enumerate() {
        for item in 0..items as u64 {
            if rng.below(20) < if item % 3 == *kind { 7 } else { 1 } {
                pairs.push((user as u32, item as u32));
            }
        }
    }
    let mut column = |of: u64| {
        let value = |kind: &u64| f64::from(u8::from(*kind == of)) + rng.below(100) as f64 / 100.0;
        kinds.iter().map(value).collect::<Vec<f64>>()
    };
    let host = (0..6).map(|place| column(place % 3)).collect();
    let guest = vec![column(0)];
    World { interactions: Interactions::new(users, items, pairs).unwrap(), guest, host }
}

pub(crate) fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

pub(crate) fn settings() -> Settings {
    Settings { factors: 4, directions: 8, ..Settings::default() }
}

/// The objective as the module's documentation writes it, from the parts alone, less a constant.
fn objective(world: &World, guest: &GuestPart, host: &HostPart, settings: &Settings) -> f64 {
    let (users, items) = (world.interactions.users(), world.interactions.items());
    let (k, popularity) = (settings.factors, &guest.item_biases);
    let inner = |from: &[f64], to: &[f64]| from.iter().zip(to).map(|(x, y)| x * y).sum::<f64>();
    let weight = |from: usize, to: usize| {
        inner(&guest.history_factors[from * k..][..k], &guest.item_factors[to * k..][..k])
    };
    let mut factors = guest.user_factors(&world.interactions, &slices(&world.guest)).unwrap();
    let theirs = host.user_factors(&slices(&world.host), users).unwrap();
    factors.iter_mut().zip(theirs).for_each(|(own, theirs)| *own += theirs);
    let spread = settings.hidden / (1.0 - settings.hidden);
    let mut loss = 0.0;
    for user in 0..users {
        let own = world.interactions.of_user(user);
        let seen: Vec<f64> = (0..items)
            .map(|item| f64::from(u8::from(own.contains(&(item as u32)))) - popularity[item])
            .collect();
        for (item, score) in guest.scores(&factors[user * k..][..k]).into_iter().enumerate() {
            let mean = score - popularity[item];
            let variance = (0..items).map(|from| (seen[from] * weight(from, item)).powi(2));
            let variance = spread * variance.sum::<f64>();
            let of_others = mean - seen[item] * weight(item, item);
            loss += f64::midpoint(mean * mean, variance) - seen[item] * of_others;
        }
    }
    let variance = popularity.iter().map(|p| p * (1.0 - p)).sum::<f64>() / items as f64;
    let square = |factors: &[f64]| {
        let squares = factors.chunks_exact(k).flat_map(|feature| {
            guest.item_factors.chunks_exact(k).map(move |item| inner(feature, item).powi(2))
        });
        squares.sum::<f64>()
    };
    let columns = square(&guest.column_factors) + square(&host.column_factors);
    let penalty = variance * square(&guest.history_factors) + columns;
    loss / users as f64 + settings.l2 / 2.0 * penalty
}

/// A host without anything to say.
fn silent(world: &World, settings: &Settings) -> HostPart {
    let k = settings.factors;
    HostPart { column_factors: vec![0.0; world.host.len() * k], offset: vec![0.0; k] }
}

impl World {
    /// What the guest has, without features of items.
    pub(crate) fn data<'a>(&'a self, columns: &'a [&'a [f64]]) -> GuestData<'a> {
        GuestData { interactions: &self.interactions, columns, item_features: &[] }
    }
}

fn joint(world: &World, settings: &Settings) -> (GuestPart, HostPart) {
    let columns = slices(&world.guest);
    fit(&world.data(&columns), &slices(&world.host), settings).unwrap()
}

/// The largest derivative of the objective by any parameter; features stay centred.
fn steepest(world: &World, guest: &GuestPart, host: &HostPart, settings: &Settings) -> f64 {
    const STEP: f64 = 1e-4;
    let k = settings.factors;
    let mean = |columns: &[Vec<f64>], column: usize| {
        columns[column].iter().sum::<f64>() / world.interactions.users() as f64
    };
    let mut steepest: f64 = 0.0;
    let mut look = |change: &dyn Fn(&mut GuestPart, &mut HostPart, f64)| {
        let value = |step: f64| {
            let (mut guest, mut host) = (guest.clone(), host.clone());
            change(&mut guest, &mut host, step);
            objective(world, &guest, &host, settings)
        };
        steepest = steepest.max(((value(STEP) - value(-STEP)) / (2.0 * STEP)).abs());
    };
    for place in 0..guest.item_factors.len() {
        look(&|guest, _, step| guest.item_factors[place] += step);
        look(&|guest, _, step| {
            guest.history_factors[place] += step;
            guest.offset[place % k] -= step * guest.item_biases[place / k];
        });
    }
    for place in 0..guest.column_factors.len() {
        look(&|guest, _, step| {
            guest.column_factors[place] += step;
            guest.offset[place % k] -= step * mean(&world.guest, place / k);
        });
    }
    for place in 0..host.column_factors.len() {
        look(&|_, host, step| {
            host.column_factors[place] += step;
            host.offset[place % k] -= step * mean(&world.host, place / k);
        });
    }
    steepest
}

/// With as many directions as items nothing is lost by the basis, and whitening, rotating and
/// scaling are changes of variables: where the descent ends, the objective as it is written has no
/// slope in any parameter.
#[test]
fn the_descent_ends_at_an_optimum_of_the_objective() {
    let world = world(3, 120, 8);
    let settings = Settings { passes: 3000, ..settings() };
    let (guest, host) = joint(&world, &settings);
    let end = steepest(&world, &guest, &host, &settings);
    assert!(end < 1e-7, "{end:e}");
    let (guest, host) = joint(&world, &Settings { passes: 1, ..settings.clone() });
    assert!(steepest(&world, &guest, &host, &settings) > 1e-4);
}

/// Alone, the guest is at its optimum from the start; jointly, the objective is lower, and most of
/// the way is done after the usual passes.
#[test]
fn the_joint_model_is_better_than_the_guests_optimum() {
    let mut world = world(3, 300, 12);
    let settings = settings();
    let value = |world: &World, passes| {
        let settings = Settings { passes, ..settings.clone() };
        let (guest, host) = joint(world, &settings);
        objective(world, &guest, &host, &settings)
    };
    let alone = fit_alone(&world.data(&slices(&world.guest)), &settings).unwrap();
    let alone = objective(&world, &alone, &silent(&world, &settings), &settings);
    let (usual, best) = (value(&world, settings.passes), value(&world, 2000));
    assert!(best < alone - 1e-3 && usual - best < 0.05 * (alone - best), "{alone} {usual} {best}");
    // Columns that say nothing leave the guest where it is.
    world.host.iter_mut().flatten().for_each(|value| *value *= 1e-9);
    assert!((value(&world, 20) - alone).abs() < 1e-9);
}

/// Whoever gets the factors of a user must not be able to compute the columns.
#[test]
fn a_host_needs_more_columns_than_factors() {
    let columns = vec![vec![1.0, 2.0, 4.0]; 4];
    let error = HostSide::new(&slices(&columns), 3, &settings()).unwrap_err();
    assert!(error.to_string().contains("`factors`"), "{error}");
}

#[test]
fn settings_and_data_that_do_not_fit_are_named() {
    let world = world(3, 50, 8);
    for (settings, name) in [
        (Settings { factors: 6, ..settings() }, "factors"),
        (Settings { directions: 10, ..settings() }, "directions"),
        (Settings { l2: 0.0, ..settings() }, "l2"),
        (Settings { hidden: 1.0, ..settings() }, "hidden"),
        (Settings { spread: -1.0, ..settings() }, "spread"),
        (Settings { passes: 0, ..settings() }, "passes"),
    ] {
        let error = fit_alone(&world.data(&[]), &settings).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    let few = Interactions::new(5, 3, [(0, 0)]).unwrap();
    let none = Interactions::new(5, 8, []).unwrap();
    for interactions in [&few, &none] {
        let data = GuestData { interactions, columns: &[], item_features: &[] };
        assert!(fit_alone(&data, &settings()).is_err());
    }
    assert!(fit_alone(&world.data(&[&[1.0, 2.0]]), &settings()).is_err());
    let data = GuestData { item_features: &[&[1.0; 7]], ..world.data(&[]) };
    assert!(fit_alone(&data, &settings()).is_err());
    let (guest, host) = joint(&world, &settings());
    assert!(guest.user_factors(&few, &[]).is_err());
    assert!(host.user_factors(&[&[0.0; 50]], 50).is_err());
}

/// An item that nobody had yet is scored as its like, if features of items tell which these are.
#[test]
fn features_of_items_place_new_items() {
    let world = world(9, 300, 12);
    let pairs = (0..300_u32).flat_map(|user| {
        let items = world.interactions.of_user(user as usize).iter().filter(|item| **item > 0);
        items.map(move |item| (user, *item))
    });
    let interactions = Interactions::new(300, 12, pairs).unwrap();
    let kinds: Vec<Vec<f64>> = (0..3)
        .map(|kind| (0..12).map(|item| f64::from(u8::from(item % 3 == kind))).collect())
        .collect();
    let (columns, kinds) = (slices(&world.guest), slices(&kinds));
    let data = GuestData { interactions: &interactions, columns: &columns, item_features: &kinds };
    // How the scores of the new item go together with those of each kind.
    let agreement = |data: &GuestData<'_>| {
        let part = fit_alone(data, &settings()).unwrap();
        let factors = part.user_factors(&interactions, &columns).unwrap();
        let mut sums = [0.0; 3];
        for user in factors.chunks_exact(settings().factors) {
            let scores = part.scores(user);
            for item in 1..12 {
                sums[item % 3] += scores[0] * (scores[item] - part.item_biases[item]);
            }
        }
        sums
    };
    let [own, others @ ..] = agreement(&data);
    assert!(own > 0.0 && others.iter().all(|other| *other < own / 2.0), "{own} {others:?}");
    let without = agreement(&GuestData { item_features: &[], ..data });
    assert!(without.iter().all(|sum| sum.abs() < 1e-9), "{without:?}");
}
