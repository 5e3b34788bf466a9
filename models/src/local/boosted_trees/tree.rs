//! A tree, and one bit for each row.

use serde::{Deserialize, Serialize};

/// A node; children come after their parents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Node<Q> {
    /// The end of a path.
    Leaf {
        /// What is added to the margin.
        weight: f64,
    },
    /// A question; the right child is the one after `left`.
    Split {
        /// What is asked.
        question: Q,
        /// What the split gained, in the unit of the loss.
        gain: f64,
        /// Number of the left child.
        left: usize,
    },
}

/// A binary tree whose questions are of type `Q`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree<Q> {
    nodes: Vec<Node<Q>>,
}

impl<Q> Tree<Q> {
    pub(super) fn new(nodes: Vec<Node<Q>>) -> Self {
        Self { nodes }
    }

    /// All nodes, the root first.
    pub fn nodes(&self) -> &[Node<Q>] {
        &self.nodes
    }

    /// Gives the leaf that is node number `node` another weight; a split stays as it is.
    pub(super) fn set_leaf(&mut self, node: usize, value: f64) {
        if let Node::Leaf { weight } = &mut self.nodes[node] {
            *weight = value;
        }
    }

    /// The questions, from the root downwards.
    pub fn questions(&self) -> impl Iterator<Item = &Q> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Split { question, .. } => Some(question),
            Node::Leaf { .. } => None,
        })
    }

    /// Whether every child exists, comes after its parent and has one parent only: true of all
    /// trees that were grown here, to be asked of those that were read from a file.
    pub fn is_sound(&self) -> bool {
        let mut next = 1;
        for node in &self.nodes {
            if let Node::Split { left, .. } = node {
                if *left != next {
                    return false;
                }
                next += 2;
            }
        }
        next == self.nodes.len()
            && self.nodes.iter().enumerate().all(|(place, node)| match node {
                Node::Split { left, .. } => *left > place,
                Node::Leaf { weight } => weight.is_finite(),
            })
    }

    /// The weight of the leaf that a row reaches; `is_left` answers the questions.
    ///
    /// The tree must be [sound](Self::is_sound).
    pub fn leaf(&self, is_left: impl Fn(&Q) -> bool) -> f64 {
        let mut place = 0;
        loop {
            match &self.nodes[place] {
                Node::Leaf { weight } => return *weight,
                Node::Split { question, left, .. } => {
                    place = left + usize::from(!is_left(question));
                }
            }
        }
    }
}

/// One bit a row, 64 rows a word, the lowest bit first; unused bits are zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    rows: usize,
}

impl Bits {
    /// One bit for each code.
    pub fn collect(codes: &[u8], bit: impl Fn(u8) -> bool) -> Self {
        let word = |codes: &[u8]| {
            let bits = codes.iter().enumerate();
            bits.fold(0, |word, (place, &code)| word | u64::from(bit(code)) << place)
        };
        Self { words: codes.chunks(64).map(word).collect(), rows: codes.len() }
    }

    /// The bits that a peer sent; nothing if there are other than `rows` of them.
    pub fn from_words(words: Vec<u64>, rows: usize) -> Option<Self> {
        let unused = (words.len() * 64).checked_sub(rows)?;
        let tail_is_zero =
            unused == 0 || words.last().is_none_or(|last| last.leading_zeros() as usize >= unused);
        (unused < 64 && tail_is_zero).then_some(Self { words, rows })
    }

    /// 64 rows a word.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The bit of one row.
    pub fn is_set(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }
}
