//! Why a job failed, whose fault it is, and what to do next.

use std::io;
use std::path::PathBuf;

use features::FeaturesError;
use features::federated::FederatedError;
use matching::MatchingError;
use models::ModelError;
use models::evaluate::EvaluateError;
use models::local::logistic_regression::FitError;
use mpc::MpcError;
use net::NetError;
use table::TableError;

/// An error of one party's run of a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The conversation with the peer failed, or the peer broke a rule.
    #[error(transparent)]
    Net(#[from] NetError),
    /// This party's table is not what the job says.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The alignment failed.
    #[error(transparent)]
    Matching(#[from] MatchingError),
    /// A feature could not be made.
    #[error(transparent)]
    Features(#[from] FeaturesError),
    /// Statistics over both parties' columns could not be made.
    #[error(transparent)]
    Federated(#[from] FederatedError),
    /// A joint model could not be trained.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The guest's own model could not be trained.
    #[error("the model on the guest's own columns: {0}")]
    Alone(#[from] FitError),
    /// A score could not be judged.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The secure computation failed outside of a model.
    #[error(transparent)]
    Secure(#[from] MpcError),
    /// The tables share no row.
    #[error(
        "no row in common with {peers}: none of the {rows} ids in column `{key}` is in every other \
         table. Compare how all sides write their ids (spaces, leading zeros, country codes, \
         letter case, hashing) and whether all mean the same people"
    )]
    NothingInCommon {
        /// The other parties.
        peers: String,
        /// Rows of this party's table.
        rows: usize,
        /// This party's key column.
        key: String,
    },
    /// Fewer hidden rows are common than the job asks for.
    #[error(
        "{training} training rows and {test} test rows are common, and the job asks for at least \
         {minimum} of each; nothing was trained. Compare how both sides write their ids, or agree \
         on another `test` share or `minimum`"
    )]
    TooFewInCommon {
        /// Common rows in the places for training.
        training: usize,
        /// Common rows in those for the test.
        test: usize,
        /// The least number of each.
        minimum: usize,
    },
    /// A step between two parties in a job with more, which the job file refuses.
    #[error(
        "step {step} is between one guest and one host, and there are more. This is a defect of \
         the program; please report it"
    )]
    OneHostOnly {
        /// The step.
        step: String,
    },
    /// The sessions are not those of the job.
    #[error(
        "`{party}` needs one session with each other party, in the order of the job: connect to all \
         of them"
    )]
    Peers {
        /// This party.
        party: String,
    },
    /// A label is a number that a model cannot predict.
    #[error(
        "row {row} of the label `{column}` is {value}, and `{step}` needs {expected} (counted from \
         1, without any header). Mend or remove such rows, or choose another model"
    )]
    LabelNotAllowed {
        /// The label column.
        column: String,
        /// The model.
        step: String,
        /// The first such row.
        row: usize,
        /// Its label.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// A model of several classes has too few of them.
    #[error(
        "the label `{column}` has {found} different values in the common rows, and a model of \
         several classes needs three or more; for two take `logistic_regression`, or trees with \
         `loss: logistic`"
    )]
    FewClasses {
        /// The label column.
        column: String,
        /// How many classes there are.
        found: usize,
    },
    /// A class has too few rows for a stratified split.
    #[error(
        "the class `{name}` has {rows} rows: too few for every part of a stratified split to have \
         one; put rare classes together, or keep a larger part"
    )]
    RareClass {
        /// The class.
        name: String,
        /// Its rows.
        rows: usize,
    },
    /// A part of the split has rows of one class only.
    #[error(
        "all {rows} {part} rows have one label, of which nothing can be learned or judged; take \
         `split: {{ by: stratified }}`, or larger parts"
    )]
    OneClassPart {
        /// Which part: training or test.
        part: &'static str,
        /// Its rows.
        rows: usize,
    },
    /// A class has no training row, or none of a weight above 0.
    #[error(
        "no training row that counts is of the class `{name}`; take `split: {{ by: stratified }}`, or put rare \
         classes together"
    )]
    ClassNotTrained {
        /// The class.
        name: String,
    },
    /// A column of a table of interactions says nothing about the user.
    #[error(
        "column `{column}` has different values in rows {} and {}, which are of one user (counted \
         from 1, without any header). Beside `key`, `item` and `time` a column says something \
         about the user, the same in all its rows: leave this one out (`columns: {{ {column}: \
         ignore }}`), or give each user one value",
        rows[0],
        rows[1]
    )]
    NotOfUser {
        /// The column.
        column: String,
        /// Two rows of a user.
        rows: [usize; 2],
    },
    /// No user has enough items for the test.
    #[error(
        "nothing can be left out for the test: of the {users} common users none has two items or \
         more that `min_item_users` keeps, or the share for the test is too small; look at the \
         columns `key` and `item` of the table"
    )]
    NothingLeftOut {
        /// The common users.
        users: usize,
    },
    /// A column of this party cannot have the direction that the job gives it.
    #[error("`directions` of the job: column `{column}` of `{party}` {rule}")]
    Direction {
        /// The party.
        party: String,
        /// The column.
        column: String,
        /// What is wrong and what to do.
        rule: &'static str,
    },
    /// A column of this party cannot be added up.
    #[error(
        "column `{column}` cannot be summed: {rule} (counted from 1, without any header). Mend or \
         remove these rows, or choose other `decimals`"
    )]
    NotSummable {
        /// The column.
        column: String,
        /// What is wrong, with the first rows.
        rule: String,
    },
    /// This party asks for more rows than the job allows.
    #[error(
        "{rows} rows take part, and the job lets this party ask for {rows_max} in one run; agree on \
         a larger `asked_max`, or split the table"
    )]
    AsksTooMuch {
        /// Its rows.
        rows: usize,
        /// The limit.
        rows_max: usize,
    },
    /// This party brings no column to a joint model.
    #[error(
        "`{party}` has no feature left for {step}; look at the kinds of its columns and at the \
         columns that were dropped"
    )]
    NoFeatures {
        /// The party.
        party: String,
        /// The step that needs one.
        step: String,
    },
    /// This party's rows are divided over files, which only jobs without training take.
    #[error(
        "the rows are divided over files, and models are trained in memory; align them first, in a \
         job without `train`, and train on a part of the aligned table"
    )]
    NotInMemory,
    /// This party's part of the model that a job scores with cannot be used.
    #[error("the part of the model that `{party}` keeps, in {path}: {rule}")]
    SavedModel {
        /// The party.
        party: String,
        /// The file or folder.
        path: PathBuf,
        /// What is wrong and what to do.
        rule: String,
    },
    /// Something was opened that no disclosure of the job covers.
    #[error(
        "the run opened values that the disclosure statement does not list: {keys}. The results \
         are discarded. This is a defect of the program; please report it"
    )]
    Undeclared {
        /// The keys, with who learnt them.
        keys: String,
    },
    /// A file of the results could not be written, or one of the job could not be read.
    #[error("could not {action} {path}: {cause}")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: io::Error,
    },
    /// The folder for the results holds something else.
    #[error(
        "{path} is there already and holds no results of an earlier job; choose another folder \
         with --out, or move it away"
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// A bench cannot run or found a wrong result.
    #[error("bench: {0}")]
    Bench(String),
    /// The error of one step.
    #[error("at step {step}: {cause}")]
    AtStep {
        /// The step, as the plan names it.
        step: String,
        /// What went wrong there.
        #[source]
        cause: Box<Self>,
    },
}

impl JobError {
    /// The error with the step at which it came up.
    #[must_use]
    pub fn at(self, step: &str) -> Self {
        match self {
            Self::AtStep { .. } => self,
            cause => Self::AtStep { step: step.to_owned(), cause: Box::new(cause) },
        }
    }

    /// The same, to be told to one host by another. What a host did with the guest, and why it gave
    /// up, is between these two.
    pub fn between_hosts(&self) -> String {
        match self.net().and_then(NetError::peer) {
            Some(_) => self.for_peers(),
            None => "it gave up".to_owned(),
        }
    }

    /// One sentence without any value, name or place of this party's data, fit to be told to a
    /// peer. If a conversation failed it names the party at the other end: of several peers the
    /// others would not know.
    pub fn for_peers(&self) -> String {
        if let Some(peer) = self.net().and_then(NetError::peer) {
            return format!("its conversation with {peer} failed");
        }
        let sentence = match self {
            Self::AtStep { step, cause } => {
                return format!("at step {step}: {}", cause.for_peers());
            }
            Self::Table(error) => error.for_peers(),
            Self::Net(_) => "its network failed",
            Self::Matching(MatchingError::Cache(_)) => {
                "what it keeps for queries from earlier runs cannot be used"
            }
            Self::Matching(_) => "its ids are not fit for matching",
            Self::NothingInCommon { .. } => "the tables have no row in common",
            Self::Direction { .. } => "one of its columns cannot have the job's direction",
            Self::FewClasses { .. } => "its label has too few classes for the model",
            Self::RareClass { .. } | Self::OneClassPart { .. } | Self::ClassNotTrained { .. } => {
                "a class of its label has too few rows for the split"
            }
            Self::TooFewInCommon { .. } => "the tables have too few rows in common",
            Self::LabelNotAllowed { .. } => "its label has values that the model cannot predict",
            Self::NotOfUser { .. } => "its table of interactions is not one",
            Self::NothingLeftOut { .. } => "its users have too few interactions",
            Self::NotSummable { .. } => "a column that it is to add up cannot be",
            Self::AsksTooMuch { .. } => "it has more rows than the job lets it ask for",
            Self::Features(_) | Self::Federated(_) | Self::NoFeatures { .. } => {
                "its columns are not fit as features"
            }
            Self::Evaluate(_) | Self::Model(ModelError::Evaluate(_)) => "its evaluation failed",
            Self::Model(_) | Self::Alone(_) | Self::Secure(_) => "its training failed",
            Self::OneHostOnly { .. } | Self::Peers { .. } => "it was started for another job",
            Self::Undeclared { .. } => "it stopped because something undeclared was opened",
            Self::File { .. } | Self::NotOurs { .. } | Self::NotInMemory => {
                "it could not write its results"
            }
            Self::SavedModel { .. } => "its part of the model cannot be used",
            Self::Bench(_) => "its bench failed",
        };
        sentence.to_owned()
    }

    /// The failed conversation that it comes from, if it does.
    pub(crate) fn net(&self) -> Option<&NetError> {
        let secure = match self {
            Self::Net(error) | Self::Matching(MatchingError::Net(error)) => return Some(error),
            Self::Model(ModelError::Secure(error))
            | Self::Federated(FederatedError::Secure(error))
            | Self::Secure(error) => error,
            _ => return None,
        };
        match secure {
            MpcError::Net(error) => Some(error),
            _ => None,
        }
    }

    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
        cause: impl Into<io::Error>,
    ) -> Self {
        Self::File { action, path: path.into(), cause: cause.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_conversation_is_told_with_the_name_of_its_party() {
        let lost =
            || NetError::Unreachable { peer: "telco".to_owned(), cause: "refused".to_owned() };
        for error in [
            JobError::from(lost()),
            JobError::from(MatchingError::from(lost())),
            JobError::from(ModelError::from(lost())),
            JobError::from(FederatedError::from(lost())),
        ] {
            let told = error.at("align").for_peers();
            assert_eq!(told, "at step align: its conversation with telco failed");
        }
        let own = NetError::InvalidInput { what: "secret".to_owned() };
        assert_eq!(JobError::from(own).for_peers(), "its network failed");
    }

    #[test]
    fn test_rows_of_one_class_are_not_told() {
        let one_class = || EvaluateError::OneClass { positive: true, rows: 7 };
        for error in [JobError::from(one_class()), JobError::from(ModelError::from(one_class()))] {
            assert_eq!(error.for_peers(), "its evaluation failed");
        }
    }
}
