//! All hosts side by side: what is asked of one is asked of each, and none waits for another.

use crypto::lattice::LatticeError;
use crypto::lattice::projection::Openings;
use mpc::reveal::Ledger;
use net::{Session, together};

use super::HostPart;
use super::messages::{Command, Terms};
use super::remote::{Remote, Shared, lead};
use crate::ModelError;
use crate::local::boosted_trees::{Cell, Cut, Gradients, Settings};

/// The guest's end of everything it may ask the hosts for.
pub(super) struct Remotes<'a> {
    /// One a host, in the order of `hosts`; never empty.
    pub(super) sessions: &'a mut [Session],
    pub(super) hosts: Vec<Remote>,
    shared: Shared<'a>,
}

impl<'a> Remotes<'a> {
    /// Agrees on `terms` with each host and receives its hints. `rows` counts all rows, `training`
    /// lists those to learn from.
    pub(super) async fn open(
        sessions: &'a mut [Session],
        ledger: &'a Ledger,
        terms: &Terms,
        settings: &Settings,
        rows: usize,
        training: &'a [u32],
    ) -> Result<Self, ModelError> {
        let shared = Shared::agree(sessions, ledger, terms, rows, training).await?;
        let open = |session| Remote::open(&shared, session, settings);
        let hosts = together(sessions.iter_mut().map(open)).await?;
        Ok(Self { sessions, hosts, shared })
    }

    /// Runs heavy work on the party's own pool.
    pub(super) async fn compute<R: Send>(
        &self,
        work: impl FnOnce() -> R + Send,
    ) -> Result<R, ModelError> {
        Ok(lead(self.sessions)?.compute(work).await)
    }

    /// Asks all hosts for the sums of these nodes; the hosts then compute, and this party prepares
    /// the decryption of what each will answer.
    pub(super) async fn ask_sums(
        &mut self,
        nodes: &[&[u32]],
        gradients: &Gradients,
    ) -> Result<Vec<Openings>, ModelError> {
        let keys = self.shared.ask_sums(self.sessions, nodes, gradients).await?;
        let open = || self.hosts.iter().map(|host| host.openings(&self.shared, &keys)).collect();
        Ok(self.compute::<Result<_, LatticeError>>(open).await??)
    }

    /// Receives and decrypts what was asked for: for each host and node the cells of all its
    /// features.
    pub(super) async fn receive_sums(
        &mut self,
        openings: Vec<Openings>,
        totals: &[Cell],
    ) -> Result<Vec<Vec<Vec<Cell>>>, ModelError> {
        let Self { sessions, hosts, shared } = self;
        let conversations = sessions.iter_mut().zip(hosts.iter()).zip(openings);
        together(conversations.map(|((session, host), openings)| {
            host.receive_sums(shared, session, openings, totals)
        }))
        .await
    }

    /// For each host the numbers under which it keeps its `cuts`, whose sides are known from now
    /// on.
    pub(super) async fn ask_sides(
        &mut self,
        cuts: &[Vec<Cut>],
    ) -> Result<Vec<Vec<usize>>, ModelError> {
        let Self { sessions, hosts, shared } = self;
        let conversations = sessions.iter_mut().zip(hosts.iter_mut()).zip(cuts);
        together(conversations.map(|((session, host), cuts)| host.ask_sides(shared, session, cuts)))
            .await
    }

    /// Takes up the cuts of an earlier run at each host.
    pub(super) async fn take_up(&mut self, cuts: &[Vec<Cut>]) -> Result<(), ModelError> {
        let Self { sessions, hosts, shared } = self;
        let conversations = sessions.iter_mut().zip(hosts.iter_mut()).zip(cuts);
        together(conversations.map(|((session, host), cuts)| host.take_up(shared, session, cuts)))
            .await?;
        Ok(())
    }

    /// Tells all hosts to keep their splits: so many trees are done.
    pub(super) async fn keep(&mut self, trees: usize) -> Result<(), ModelError> {
        let command = Command::Keep { trees };
        together(self.sessions.iter_mut().map(|session| session.send("command", &command))).await?;
        Ok(())
    }

    /// Says that nothing will be asked any more; returns what each host has of the model.
    pub(super) async fn finish(self) -> Result<Vec<HostPart>, ModelError> {
        let mut parts = Vec::with_capacity(self.hosts.len());
        for (session, host) in self.sessions.iter_mut().zip(self.hosts) {
            session.send("command", &Command::Finished).await?;
            parts.push(HostPart { party: session.peer().to_owned(), splits: host.splits() });
        }
        Ok(parts)
    }
}
