//! What each party keeps of a model.

use mpc::sigmoid::SCORE_UNIT;
use mpc::softmax::CLASSES_MAX;
use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::local::boosted_trees::Cut;

/// One party's part of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrictTrees {
    /// The margin before the first tree, at the guest; 0 at the host, and for several classes.
    pub base_score: f64,
    /// Of several classes: the margin of each before the first tree, at the guest; zeros at the
    /// host. Empty for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_scores: Vec<f64>,
    /// What the sum of leaves is multiplied by, at the guest, for the squared loss of numbers; else
    /// 1.
    #[serde(default = "one")]
    pub scale: f64,
    /// Names of the party's features, in the order that its cuts count.
    pub features: Vec<String>,
    /// The trees; those of several classes in turn.
    pub trees: Vec<PartTree>,
}

/// One party's part of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartTree {
    /// The root first; children come after their parents.
    pub nodes: Vec<PartNode>,
}

/// A node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartNode {
    /// The end of a path.
    Leaf {
        /// This party's share, modulo 2^64, of what is added to the margin, in units of
        /// [`SCORE_UNIT`].
        share: u64,
    },
    /// A question; the right child is the one after `left`.
    Split {
        /// Who asks.
        owner: Owner,
        /// What is asked, known to the owner only.
        cut: Option<Cut>,
        /// Number of the left child.
        left: usize,
    },
}

/// Whose feature a split asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The party with the labels.
    Guest,
    /// The other one; of several hosts the first.
    Host,
    /// Of several hosts another: its place among all parties, the guest's being 0.
    FurtherHost(usize),
}

impl Owner {
    /// The party at this place, the guest's being 0.
    pub fn at(place: usize) -> Self {
        match place {
            0 => Self::Guest,
            1 => Self::Host,
            place => Self::FurtherHost(place),
        }
    }

    /// Its place among all parties.
    pub fn place(self) -> usize {
        match self {
            Self::Guest => 0,
            Self::Host => 1,
            Self::FurtherHost(place) => place,
        }
    }
}

fn one() -> f64 {
    1.0
}

impl StrictTrees {
    /// With one base score for each output of the loss.
    pub(super) fn new(
        base_scores: Vec<f64>,
        scale: f64,
        features: Vec<String>,
        trees: Vec<PartTree>,
    ) -> Self {
        let (base_score, class_scores) = match base_scores[..] {
            [base_score] => (base_score, Vec::new()),
            _ => (0.0, base_scores),
        };
        Self { base_score, class_scores, scale, features, trees }
    }

    /// How many margins a row has: the number of classes where there are several, else 1.
    pub fn outputs(&self) -> usize {
        self.class_scores.len().max(1)
    }

    /// At the guest: the margins that sums of leaves, in units of [`SCORE_UNIT`], row by row with
    /// one an output, stand for; of several classes all of a row may be off by the same number.
    pub fn margins(&self, sums: &[u64]) -> Vec<f64> {
        let one = std::slice::from_ref(&self.base_score);
        let base = if self.class_scores.is_empty() { one } else { &self.class_scores };
        let margin =
            |(base, sum): (&f64, &u64)| base + self.scale * (*sum as i64 as f64 / SCORE_UNIT);
        base.iter().cycle().zip(sums).map(margin).collect()
    }

    /// The names of the features that own splits ask for, split by split.
    pub fn own_splits(&self) -> impl Iterator<Item = &str> {
        let nodes = self.trees.iter().flat_map(|tree| &tree.nodes);
        nodes.filter_map(|node| match node {
            PartNode::Split { cut: Some(cut), .. } => {
                self.features.get(cut.feature).map(String::as_str)
            }
            _ => None,
        })
    }

    /// Refuses a part that was not written by a training of the party at this place, the guest's
    /// being 0, before it is applied.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`].
    pub fn check(&self, place: usize) -> Result<(), ModelError> {
        let is_sound = self.base_score.is_finite()
            && self.class_scores.len() != 1
            && self.class_scores.len() <= CLASSES_MAX
            && self.class_scores.iter().all(|score| score.is_finite())
            && self.trees.len().is_multiple_of(self.outputs())
            && self.scale > 0.0
            && self.scale.is_finite()
            && self.trees.iter().all(|tree| tree.is_sound(place, self.features.len()));
        if is_sound {
            return Ok(());
        }
        let rule = "this party's part of the trees is damaged or another party's: restore the file";
        Err(ModelError::InvalidInput(rule.to_owned()))
    }
}

impl PartTree {
    /// The number of splits above each node, in the order of nodes.
    pub(super) fn depths(&self) -> Vec<usize> {
        let mut depths = vec![0; self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            if let PartNode::Split { left, .. } = node {
                depths[*left] = depths[place] + 1;
                depths[left + 1] = depths[place] + 1;
            }
        }
        depths
    }

    /// The owners of all splits.
    pub(super) fn owners(&self) -> impl Iterator<Item = Owner> {
        self.nodes.iter().filter_map(|node| match node {
            PartNode::Split { owner, .. } => Some(*owner),
            PartNode::Leaf { .. } => None,
        })
    }

    /// Whether every child exists, comes after its parent and has one parent only, and exactly the
    /// own splits say what they ask.
    pub(super) fn is_sound(&self, own: usize, features: usize) -> bool {
        let mut next = 1;
        for (place, node) in self.nodes.iter().enumerate() {
            if let PartNode::Split { owner, cut, left } = node {
                let is_own = owner.place() == own;
                let knows = cut.is_some_and(|cut| cut.feature < features);
                let is_owner = Owner::at(owner.place()) == *owner;
                if !is_owner
                    || *left != next
                    || *left <= place
                    || is_own != cut.is_some()
                    || is_own != knows
                {
                    return false;
                }
                next += 2;
            }
        }
        next == self.nodes.len()
    }
}
