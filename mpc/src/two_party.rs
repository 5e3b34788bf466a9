use std::sync::Arc;

use net::Session;

use crate::MpcError;
use crate::base_ot;
use crate::ot_extension::{ExtensionReceiver, ExtensionSender};
use crate::reveal::Ledger;
use crate::transfers::{Silent, are_silent};

/// One party's end of a two-party computation: the conversation, oblivious-transfer extension in
/// both directions, and the ledger of what may be revealed.
pub struct TwoParty {
    /// The conversation with the peer.
    pub session: Session,
    /// What the job allows to be revealed, and what has been.
    pub ledger: Arc<Ledger>,
    pub(crate) as_sender: ExtensionSender,
    pub(crate) as_receiver: ExtensionReceiver,
    /// `None` if all transfers are the extension's.
    pub(crate) silent: Option<Silent>,
}

impl TwoParty {
    /// Runs the base oblivious transfers in both directions (about 260 transfers, 50 ms of
    /// computation, 40 KB) and returns the ready engine. Both parties call it at the same point.
    #[net::boxed]
    pub async fn setup(mut session: Session, ledger: Arc<Ledger>) -> Result<Self, MpcError> {
        let mut forward = session.fork("base_ot.first_sends")?;
        let mut backward = session.fork("base_ot.second_sends")?;
        let (as_sender, as_receiver) = if session.is_first() {
            (
                base_ot::extension_sender(&mut forward).await?,
                base_ot::extension_receiver(&mut backward).await?,
            )
        } else {
            let as_receiver = base_ot::extension_receiver(&mut forward).await?;
            (base_ot::extension_sender(&mut backward).await?, as_receiver)
        };
        let silent = are_silent(session.bandwidth()).then(Silent::default);
        Ok(Self { session, ledger, as_sender, as_receiver, silent })
    }

    /// True on exactly one side: the party that the job lists first.
    pub fn is_first(&self) -> bool {
        self.session.is_first()
    }

    /// This party's share of a public constant: the first party holds it, the second holds zero.
    pub fn share_of_public(&self, value: u64) -> u64 {
        if self.is_first() { value } else { 0 }
    }
}
