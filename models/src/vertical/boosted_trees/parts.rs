//! What each party keeps of a model.

use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::local::boosted_trees::{Cut, Loss, Node, Tree, check_base};

/// The guest's part: the trees, its own splits, the leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestTrees {
    /// Random name of the training: parts of one model have the same.
    pub training_id: String,
    /// What was minimised; it says what margins mean.
    pub loss: Loss,
    /// The margins before the first tree, one an output of the loss.
    pub base_scores: Vec<f64>,
    /// Names of the guest's features, in the order that its cuts count.
    pub features: Vec<String>,
    /// The hosts, in the order that splits count.
    pub hosts: Vec<HostPart>,
    /// The trees, those of several classes in turn; a row's margin is the base score plus one leaf
    /// of each tree of its class.
    pub trees: Vec<Tree<Question>>,
}

/// Who asks what at a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// A feature of the guest.
    Own(Cut),
    /// A split of a host, by its number.
    Host {
        /// Place in [`GuestTrees::hosts`].
        host: usize,
        /// Place in this host's [`HostTrees::splits`].
        split: usize,
    },
}

/// What the guest knows of a host's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostPart {
    /// The host's name in the job.
    pub party: String,
    /// How many splits its part has.
    pub splits: usize,
}

/// A host's part: its own splits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostTrees {
    /// Random name of the training: parts of one model have the same.
    pub training_id: String,
    /// The splits that were asked for, each once, also those of trees that early stopping cut off.
    pub splits: Vec<HostSplit>,
}

/// One split of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSplit {
    /// Name of the host's feature.
    pub feature: String,
    /// Bins `1..=bin` go left.
    pub bin: u8,
    /// Whether rows without a value go left.
    pub missing_left: bool,
}

impl GuestTrees {
    /// Refuses a part that was not written by a training, before it is applied.
    pub fn check(&self) -> Result<(), ModelError> {
        let holds = |question: &Question| match question {
            Question::Own(cut) => cut.feature < self.features.len(),
            Question::Host { host, split } => {
                self.hosts.get(*host).is_some_and(|part| *split < part.splits)
            }
        };
        let is_sound = self.trees.iter().all(|tree| tree.is_sound() && tree.questions().all(holds));
        if is_sound && check_base(self.loss, &self.base_scores) {
            return Ok(());
        }
        Err(ModelError::InvalidInput("the guest's trees are damaged: restore the file".into()))
    }

    /// Sum of gains per feature of the guest, and of all splits of each host together: what each
    /// contributed to fitting the training rows.
    pub fn importance(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut own, mut hosts) = (vec![0.0; self.features.len()], vec![0.0; self.hosts.len()]);
        for node in self.trees.iter().flat_map(Tree::nodes) {
            match node {
                Node::Split { question: Question::Own(cut), gain, .. } => own[cut.feature] += gain,
                Node::Split { question: Question::Host { host, .. }, gain, .. } => {
                    hosts[*host] += gain;
                }
                Node::Leaf { .. } => {}
            }
        }
        (own, hosts)
    }
}

/// The name of the training that `seed` belongs to.
pub(super) fn training_id(seed: &[u8; 32]) -> String {
    let (name, _) = seed.split_at(8);
    name.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
