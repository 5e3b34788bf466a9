//! The best items of each user, told to the guest in order.

use std::ops::Range;

use mpc::TwoParty;
use mpc::reveal::{Learner, learn};

use super::products::{Ask, BITS, Products, Scale};
use super::rounds::{INDEX_BITS, knock_out};
use super::{Catalogue, Shape, Side, agree};
use crate::ModelError;

/// More than any value is away from 0: values that do not take part are moved by multiples of it.
const BEYOND: u64 = 1 << BITS;

/// The guest learns for each user the `places` best items that are not among those taken, the best
/// first, fewer where there are no more; the host gets `None`. `key` is the disclosure.
///
/// # Errors
/// [`ModelError::InvalidInput`] for parts that do not fit together, [`ModelError::Secure`] when the
/// peer fails or misbehaves, or `key` is not declared.
#[net::boxed]
pub async fn list(
    party: &mut TwoParty,
    side: &Side<'_>,
    key: &str,
    places: usize,
) -> Result<Option<Vec<Vec<u32>>>, ModelError> {
    let shape = agree(party, side, places).await?;
    let scale = Scale::of(party, side).await?;
    let mut lists = Vec::new();
    for group in shape.groups() {
        party.session.report_progress(group.start, shape.users);
        let products = Products::prepare(party, side, scale.as_ref(), shape, &group).await?;
        let mut chooser = side
            .guest()
            .zip(scale.as_ref())
            .map(|(catalogue, scale)| Chooser::new(*catalogue, scale, shape.items, group.clone()));
        list_of_group(party, &products, shape, group.len(), &mut chooser, key).await?;
        lists.extend(chooser.into_iter().flat_map(|chooser| chooser.lists));
    }
    Ok(party.is_first().then_some(lists))
}

/// All places of a group of `users`; what they tell stays with the chooser.
async fn list_of_group(
    party: &mut TwoParty,
    products: &Products<'_>,
    shape: Shape,
    users: usize,
    chooser: &mut Option<Chooser<'_>>,
    key: &str,
) -> Result<(), ModelError> {
    let Blocks { size, count } = Blocks::of(shape.items);
    let ask = || chooser.as_ref().map(Chooser::all_blocks).unwrap_or_default();
    let asked = party.session.compute(ask).await;
    let contenders = contenders(party, products, (size, count), &asked).await?;
    let champions = knock_out(party, contenders).await?;
    let mut champions: Vec<Vec<u64>> = champions.chunks(users).map(<[u64]>::to_vec).collect();
    for place in 0..shape.places {
        let winners = knock_out(party, champions.clone()).await?;
        let indices: Vec<u64> = winners.iter().map(|word| word & LOW).collect();
        let learnt = learn(party, key, Learner::First, &indices).await?;
        if let (Some(chooser), Some(learnt)) = (chooser.as_mut(), learnt) {
            chooser.take(&learnt).map_err(|rule| party.session.misbehaved("share", rule))?;
        }
        if place + 1 == shape.places {
            break;
        }
        let ask = || chooser.as_ref().map(Chooser::last_blocks).unwrap_or_default();
        let asked = party.session.compute(ask).await;
        if let Some(chooser) = chooser.as_mut() {
            chooser.retire(&mut champions);
        }
        let contenders = self::contenders(party, products, (size, 1), &asked).await?;
        champions.push(knock_out(party, contenders).await?);
    }
    Ok(())
}

/// Shared words of the contenders of so many blocks, `size` in each: place after place, each a
/// vector over the blocks and their users.
async fn contenders(
    party: &mut TwoParty,
    products: &Products<'_>,
    (size, blocks): (usize, usize),
    asked: &[Contender],
) -> Result<Vec<Vec<u64>>, ModelError> {
    let asks: Vec<Ask> = asked.iter().map(|contender| contender.ask).collect();
    let mut words = products.evaluate(party, size * blocks, &asks).await?;
    for word in &mut words {
        *word <<= INDEX_BITS;
    }
    for (word, contender) in words.iter_mut().zip(asked) {
        *word = word.wrapping_add(contender.added);
    }
    Ok(words.chunks(blocks * products.users()).map(<[u64]>::to_vec).collect())
}

/// Items in blocks of neighbours, the last of which may have places without an item.
#[derive(Clone, Copy)]
struct Blocks {
    size: usize,
    count: usize,
}

impl Blocks {
    /// About as many as their items, which is the fewest comparisons.
    fn of(items: usize) -> Self {
        let size = (items as f64).sqrt().ceil().max(1.0) as usize;
        Self { size, count: items.div_ceil(size) }
    }
}

/// What the guest asks for at a place of a lane, and what it adds to its share of the word.
struct Contender {
    ask: Ask,
    added: u64,
}

/// The guest's knowledge of a group while its lists grow.
struct Chooser<'a> {
    catalogue: Catalogue<'a>,
    scale: &'a Scale<'a>,
    group: Range<usize>,
    items: usize,
    blocks: Blocks,
    /// For each user and item whether it takes part no more.
    is_taken: Vec<bool>,
    /// For each user the items that are left.
    left: Vec<usize>,
    /// For each user and block the place of its winner among all winners.
    latest: Vec<usize>,
    winners: usize,
    /// The block of each user's last winner.
    last: Vec<usize>,
    lists: Vec<Vec<u32>>,
}

impl<'a> Chooser<'a> {
    fn new(
        catalogue: Catalogue<'a>,
        scale: &'a Scale<'a>,
        items: usize,
        group: Range<usize>,
    ) -> Self {
        let (users, blocks) = (group.len(), Blocks::of(items));
        let mut is_taken = vec![false; users * items];
        for (taken, own) in is_taken.chunks_mut(items).zip(&catalogue.taken[group.clone()]) {
            own.iter().for_each(|item| taken[*item as usize] = true);
        }
        let left = is_taken.chunks(items).map(|taken| taken.iter().filter(|it| !**it).count());
        Self {
            left: left.collect(),
            latest: (0..users).flat_map(|_| 0..blocks.count).collect(),
            winners: blocks.count,
            last: vec![0; users],
            lists: vec![Vec::new(); users],
            is_taken,
            catalogue,
            scale,
            group,
            items,
            blocks,
        }
    }

    /// Every place of every block, for all users.
    fn all_blocks(&self) -> Vec<Contender> {
        let Blocks { size, count } = self.blocks;
        let lanes = |place: usize| {
            let of_block = move |block: usize| {
                (0..self.group.len()).map(move |user| self.contender(user, block * size + place))
            };
            (0..count).flat_map(of_block)
        };
        (0..size).flat_map(lanes).collect()
    }

    /// Every place of the block that each user's last winner came from.
    fn last_blocks(&self) -> Vec<Contender> {
        let size = self.blocks.size;
        let lanes = |place: usize| {
            let blocks = self.last.iter().enumerate();
            blocks.map(move |(user, block)| self.contender(user, block * size + place))
        };
        (0..size).flat_map(lanes).collect()
    }

    /// An item with its index; one that takes no part is below all that do, and has nothing of the
    /// host.
    fn contender(&self, user: usize, item: usize) -> Contender {
        let index = item as u64;
        if item >= self.items || self.is_taken[user * self.items + item] {
            return Contender { ask: Ask::default(), added: index.wrapping_sub(moved(2)) };
        }
        let of_all = self.group.start + user;
        let own = self.scale.whole(of_all, self.catalogue.own(of_all, item));
        Contender { ask: Ask { plus: Some(item as u32), minus: None, own }, added: index }
    }

    /// Takes the winners of a place up; the rule that the peer broke where they are impossible.
    fn take(&mut self, indices: &[u64]) -> Result<(), String> {
        for (user, index) in indices.iter().enumerate() {
            let index = (index & LOW) as usize;
            self.last[user] = index / self.blocks.size;
            let is_free = index < self.items && !self.is_taken[user * self.items + index];
            if self.last[user] >= self.blocks.count || (self.left[user] > 0 && !is_free) {
                return Err(format!("{index} is no item that can be at a place of this user"));
            }
            if self.left[user] > 0 {
                self.is_taken[user * self.items + index] = true;
                self.left[user] -= 1;
                self.lists[user].push(index as u32);
            }
        }
        Ok(())
    }

    /// Puts the last winners below all that take no part: a winner of the same block comes instead.
    fn retire(&mut self, champions: &mut [Vec<u64>]) {
        for (user, block) in self.last.iter().enumerate() {
            let latest = &mut self.latest[user * self.blocks.count + block];
            let word = &mut champions[*latest][user];
            *word = word.wrapping_sub(moved(4));
            *latest = self.winners;
        }
        self.winners += 1;
    }
}

/// So many times [`BEYOND`], in a word.
fn moved(times: u64) -> u64 {
    (times * BEYOND) << INDEX_BITS
}

/// The part of a word that is an index.
const LOW: u64 = (1 << INDEX_BITS) - 1;
