//! A host's features as the guest sees them: sums per bin, and sides of rows, on request.

use std::collections::HashMap;

use crypto::lattice::projection::{Answers, Hint, Openings, Projection, QueryKey};
use crypto::lattice::{LatticeError, Parameters, Ring};
use mpc::hints::{self, Expected};
use mpc::reveal::Ledger;
use net::{NetError, Session, Size, together};

use super::messages::{Command, HostFeatures, Terms};
use super::packing::Packing;
use super::{BIN_SUMS, HOST_BINS, HOST_DIRECTIONS, OWN_SPLITS, ROW_PARTITION, SHAPE};
use crate::ModelError;
use crate::local::boosted_trees::{Bits, Cell, Cut, Direction, Gradients, Layout, Settings};
use crate::vertical::course::misfit;

/// What the guest uses with every host.
pub(super) struct Shared<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) training: &'a [u32],
    pub(super) packing: Packing,
    pub(super) projection: Projection,
    pub(super) rows: usize,
}

impl<'a> Shared<'a> {
    /// Tells all hosts what the training is about. `rows` counts all rows, `training` lists those
    /// to learn from.
    pub(super) async fn agree(
        hosts: &mut [Session],
        ledger: &'a Ledger,
        terms: &Terms,
        rows: usize,
        training: &'a [u32],
    ) -> Result<Self, ModelError> {
        for host in hosts.iter_mut() {
            host.send("terms", terms).await?;
        }
        let packing = Packing::new(training.len());
        let (seed, bits) = (terms.seed, packing.plaintext_bits());
        let new_projection =
            || Projection::opened(&Ring::new(Parameters::N8192_Q150), seed, training.len(), bits);
        let projection = lead(hosts)?.compute(new_projection).await?;
        Ok(Self { ledger, training, packing, projection, rows })
    }

    /// Encrypts the derivatives of each node's rows, one encryption for all hosts, and sends them;
    /// the hosts then compute. Returns the key of each node.
    pub(super) async fn ask_sums(
        &self,
        hosts: &mut [Session],
        nodes: &[&[u32]],
        gradients: &Gradients,
    ) -> Result<Vec<QueryKey>, ModelError> {
        for host in hosts.iter_mut() {
            self.ledger.record(SHAPE, host.peer(), nodes.len() as u64)?;
            host.send("command", &Command::Sums { nodes: nodes.len() }).await?;
        }
        let mut keys = Vec::with_capacity(nodes.len());
        for rows in nodes {
            let encrypting = lead(hosts)?;
            let mut rng = encrypting.rng();
            let encrypt = || {
                let (key, vector) =
                    self.projection.encrypt(&self.masked(rows, gradients), &mut rng)?;
                Ok::<_, ModelError>((key, vector.to_bytes(&self.projection)))
            };
            let (key, bytes) = encrypting.compute(encrypt).await?;
            keys.push(key);
            together(hosts.iter_mut().map(|host| host.send_bytes("gradients", bytes.clone())))
                .await?;
        }
        Ok(keys)
    }

    /// The packed derivatives of the training rows: those in `rows`, zero for all others.
    fn masked(&self, rows: &[u32], gradients: &Gradients) -> Vec<i128> {
        let mut rows = rows.iter().copied().peekable();
        let masked = self.training.iter().map(|&row| match rows.next_if_eq(&row) {
            Some(row) => self.packing.pack(gradients.values[row as usize]),
            None => 0,
        });
        masked.collect()
    }
}

/// The session whose randomness and pool serve what is done once for all hosts.
pub(super) fn lead(hosts: &[Session]) -> Result<&Session, ModelError> {
    let rule = "trees are trained jointly with at least one host";
    hosts.first().ok_or_else(|| ModelError::InvalidInput(rule.to_owned()))
}

/// The guest's end of everything it may ask one host for.
pub(super) struct Remote {
    hints: Vec<Hint>,
    bins: Vec<usize>,
    directions: Vec<Direction>,
    layout: Layout,
    /// The cuts that were asked for, by the number under which the host keeps them.
    numbers: HashMap<Cut, usize>,
    sides: Vec<Bits>,
}

impl Remote {
    /// Receives what the host tells of its features, and the hints.
    pub(super) async fn open(
        shared: &Shared<'_>,
        session: &mut Session,
        settings: &Settings,
    ) -> Result<Self, ModelError> {
        let features: HostFeatures =
            session.receive("features", Size::AtMost(HostFeatures::BYTES_MAX)).await?;
        let bins: Vec<usize> = features.bins.iter().copied().map(usize::from).collect();
        shared.ledger.record(HOST_BINS, session.me(), bins.len() as u64)?;
        if !settings.directions.is_empty() {
            shared.ledger.record(HOST_DIRECTIONS, session.me(), bins.len() as u64)?;
        } else if features.directions.iter().any(|direction| *direction != Direction::Any) {
            let rule = "gave features a direction, and the settings give none";
            return Err(session.misbehaved("features", rule).into());
        }

        let layout = Layout::new(bins.iter().copied());
        let projection = &shared.projection;
        let expected = Expected {
            count: layout.cells(),
            bytes: Hint::byte_count(projection),
            parse: |bytes: &[u8]| Hint::from_bytes(projection, bytes),
        };
        let hints = hints::receive(session, "hints", expected).await?;
        let (numbers, sides) = (HashMap::new(), Vec::new());
        Ok(Self { hints, bins, directions: features.directions, layout, numbers, sides })
    }

    /// Bins of each of the host's features, the missing one not counted.
    pub(super) fn bins(&self) -> &[usize] {
        &self.bins
    }

    /// How predictions may depend on each of the host's features.
    pub(super) fn directions(&self) -> &[Direction] {
        &self.directions
    }

    /// Where the cells of each feature are in the sums.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The larger part of decryption, while the host computes.
    pub(super) fn openings(
        &self,
        shared: &Shared<'_>,
        keys: &[QueryKey],
    ) -> Result<Openings, LatticeError> {
        shared.projection.openings(&keys.iter().collect::<Vec<_>>(), &self.hints)
    }

    /// Receives and decrypts the sums of the nodes that were asked for, each the cells of all
    /// features. Refuses sums that do not add up to the nodes' `totals`.
    pub(super) async fn receive_sums(
        &self,
        shared: &Shared<'_>,
        session: &mut Session,
        openings: Openings,
        totals: &[Cell],
    ) -> Result<Vec<Vec<Cell>>, ModelError> {
        let (outputs, projection) = (self.layout.cells(), &shared.projection);
        shared.ledger.record(BIN_SUMS, session.me(), (outputs * totals.len()) as u64)?;
        let size = Size::Exactly(Answers::byte_count(projection, outputs));
        let mut answers = Vec::with_capacity(totals.len());
        for _ in totals {
            let bytes = session.receive_bytes("sums", size).await?;
            let answer = Answers::from_bytes(projection, outputs, &bytes);
            answers.push(answer.map_err(|error| session.misbehaved("sums", error.to_string()))?);
        }
        let unpack =
            |sums: Vec<i128>| sums.into_iter().map(|sum| shared.packing.unpack(sum)).collect();
        let decrypt = || projection.open(&openings, &answers.iter().collect::<Vec<_>>());
        let nodes: Vec<Vec<Cell>> =
            session.compute(decrypt).await?.into_iter().map(unpack).collect();
        for (cells, total) in nodes.iter().zip(totals) {
            if let Err(rule) = self.check_sums(cells, *total) {
                return Err(session.misbehaved("sums", rule).into());
            }
        }
        Ok(nodes)
    }

    /// The numbers under which the host keeps `cuts`, whose sides are known from now on.
    pub(super) async fn ask_sides(
        &mut self,
        shared: &Shared<'_>,
        session: &mut Session,
        cuts: &[Cut],
    ) -> Result<Vec<usize>, ModelError> {
        let first_new = self.numbers.len();
        let mut fresh = Vec::new();
        let mut numbers = Vec::with_capacity(cuts.len());
        for cut in cuts {
            let number = *self.numbers.entry(*cut).or_insert_with(|| {
                fresh.push(*cut);
                first_new + fresh.len() - 1
            });
            numbers.push(number);
        }
        if fresh.is_empty() {
            return Ok(numbers);
        }
        let count = fresh.len();
        shared.ledger.record(OWN_SPLITS, session.peer(), count as u64)?;
        shared.ledger.record(ROW_PARTITION, session.me(), count as u64)?;
        session.send("command", &Command::Sides { cuts: fresh }).await?;
        for _ in 0..count {
            self.sides.push(receive_sides(session, shared.rows).await?);
        }
        Ok(numbers)
    }

    /// The cuts that were asked for, in the order of their numbers.
    pub(super) fn cuts(&self) -> Vec<Cut> {
        let mut numbered: Vec<(Cut, usize)> =
            self.numbers.iter().map(|(cut, number)| (*cut, *number)).collect();
        numbered.sort_unstable_by_key(|(_, number)| *number);
        numbered.into_iter().map(|(cut, _)| cut).collect()
    }

    /// Takes up the `cuts` of an earlier run, whose sides the host sends again.
    pub(super) async fn take_up(
        &mut self,
        shared: &Shared<'_>,
        session: &mut Session,
        cuts: &[Cut],
    ) -> Result<(), ModelError> {
        self.numbers = cuts.iter().enumerate().map(|(number, cut)| (*cut, number)).collect();
        if self.numbers.len() != cuts.len() {
            return Err(misfit());
        }
        if !cuts.is_empty() {
            shared.ledger.record(OWN_SPLITS, session.peer(), cuts.len() as u64)?;
            shared.ledger.record(ROW_PARTITION, session.me(), cuts.len() as u64)?;
        }
        for _ in cuts {
            self.sides.push(receive_sides(session, shared.rows).await?);
        }
        Ok(())
    }

    /// The sides at the cut of this number.
    pub(super) fn sides(&self, number: usize) -> &Bits {
        &self.sides[number]
    }

    /// How many splits were asked for.
    pub(super) fn splits(&self) -> usize {
        self.sides.len()
    }

    /// Every feature's cells must add up to the node's total, without negative second sums.
    fn check_sums(&self, cells: &[Cell], total: Cell) -> Result<(), &'static str> {
        // No first derivative is beyond 2^24, and the sums of all rows stay below 2^44.
        let bound = 1 << 44;
        for feature in 0..self.bins.len() {
            let cells = self.layout.of(cells, feature);
            let is_bounded =
                |cell: &Cell| (0..=total.second).contains(&cell.second) && cell.first.abs() < bound;
            if !cells.iter().all(is_bounded) {
                return Err("a sum of second derivatives must lie between 0 and the node's total");
            }
            if cells.iter().fold(Cell::default(), |sum, &cell| sum + cell) != total {
                return Err("the sums over a feature's bins must add up to the node's total");
            }
        }
        Ok(())
    }
}

/// One bit for each of `rows` rows.
pub(super) async fn receive_sides(session: &mut Session, rows: usize) -> Result<Bits, NetError> {
    let words = session.receive_words("sides", rows.div_ceil(64)).await?;
    let rule = "bits beyond the last row must be zero";
    Bits::from_words(words, rows).ok_or_else(|| session.misbehaved("sides", rule))
}
