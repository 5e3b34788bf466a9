//! Why a party gave up, as a code that may leave it.

use std::error::Error;
use std::fmt;
use std::io;
use std::str::FromStr;

use contract::Text;
use matching::MatchingError;
use models::ModelError;
use mpc::MpcError;
use net::NetError;
use serde::{Deserialize, Serialize};

use crate::error::JobError;

/// What kind of failure ended a party's run.
///
/// The code and its sentence hold no value, name or place of the party's data: these, and nothing
/// else of a failure, are for other parties too. A code keeps its name for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The job file, the command or the party's own key cannot be used as they are.
    Usage,
    /// A partner could not be reached, was lost, or did not answer in time.
    PartnerUnreachable,
    /// A partner gave up and said so.
    PartnerFailed,
    /// A partner broke a rule of the protocol.
    PartnerMisbehaved,
    /// The parties do not agree on the job, the version or the keys.
    Refused,
    /// The party's table is not what the job needs.
    Data,
    /// Too few rows are common.
    CommonRows,
    /// A model could not be trained or judged.
    Training,
    /// The party's part of an earlier model cannot be used.
    Model,
    /// The party has no room left on its disk.
    DiskFull,
    /// The party cannot read or write its files.
    Files,
    /// The system ended the process.
    Killed,
    /// The program is at fault.
    Internal,
}

impl FailureCode {
    /// All codes.
    pub const ALL: [Self; 13] = [
        Self::Usage,
        Self::PartnerUnreachable,
        Self::PartnerFailed,
        Self::PartnerMisbehaved,
        Self::Refused,
        Self::Data,
        Self::CommonRows,
        Self::Training,
        Self::Model,
        Self::DiskFull,
        Self::Files,
        Self::Killed,
        Self::Internal,
    ];

    /// The name of the code.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::PartnerUnreachable => "partner_unreachable",
            Self::PartnerFailed => "partner_failed",
            Self::PartnerMisbehaved => "partner_misbehaved",
            Self::Refused => "refused",
            Self::Data => "data",
            Self::CommonRows => "common_rows",
            Self::Training => "training",
            Self::Model => "model",
            Self::DiskFull => "disk_full",
            Self::Files => "files",
            Self::Killed => "killed",
            Self::Internal => "internal",
        }
    }

    /// The same for everybody, about the party that failed.
    pub const fn sentence(self) -> Text {
        match self {
            Self::Usage => Text::new(
                "The job, or the way it was started, cannot be used on this side",
                "任务或其启动方式在该方无法使用",
            ),
            Self::PartnerUnreachable => Text::new(
                "It could not reach another party, lost the connection, or got no answer in time",
                "无法连接另一参与方、连接中断或等待应答超时",
            ),
            Self::PartnerFailed => Text::new("Another party gave up first", "另一参与方先行中止"),
            Self::PartnerMisbehaved => {
                Text::new("Another party broke a rule of the protocol", "另一参与方违反了协议规则")
            }
            Self::Refused => Text::new(
                "The parties do not agree on the job, the version of the program, or the keys",
                "各方的任务、程序版本或密钥不一致",
            ),
            Self::Data => {
                Text::new("Its table is not what the job needs", "该方的数据表不符合任务要求")
            }
            Self::CommonRows => {
                Text::new("The tables have too few rows in common", "各方数据表的共有行过少")
            }
            Self::Training => {
                Text::new("Its training or evaluation failed", "该方的训练或评估失败")
            }
            Self::Model => Text::new(
                "Its part of the earlier model cannot be used",
                "该方持有的先前模型部分无法使用",
            ),
            Self::DiskFull => Text::new("Its disk is full", "该方磁盘已满"),
            Self::Files => {
                Text::new("It could not read or write its files", "该方无法读写自己的文件")
            }
            Self::Killed => Text::new(
                "Its process was ended by the system, perhaps for want of memory",
                "该方的进程被系统终止，可能是内存不足",
            ),
            Self::Internal => Text::new("Its program failed", "该方的程序出错"),
        }
    }

    /// Whether the same attempt may succeed later without anybody changing the job or the data.
    pub const fn may_pass(self) -> bool {
        matches!(
            self,
            Self::PartnerUnreachable | Self::PartnerFailed | Self::DiskFull | Self::Killed
        )
    }
}

impl From<&JobError> for FailureCode {
    fn from(error: &JobError) -> Self {
        if is_disk_full(error) {
            return Self::DiskFull;
        }
        if let Some(error) = error.net() {
            return error.into();
        }
        match error {
            JobError::AtStep { cause, .. } => (&**cause).into(),
            JobError::Matching(MatchingError::Cache(_))
            | JobError::File { .. }
            | JobError::NotOurs { .. } => Self::Files,
            JobError::NothingInCommon { .. } | JobError::TooFewInCommon { .. } => Self::CommonRows,
            JobError::Table(_)
            | JobError::Matching(_)
            | JobError::Features(_)
            | JobError::Federated(_)
            | JobError::LabelNotAllowed { .. }
            | JobError::FewClasses { .. }
            | JobError::RareClass { .. }
            | JobError::OneClassPart { .. }
            | JobError::ClassNotTrained { .. }
            | JobError::NotOfUser { .. }
            | JobError::NothingLeftOut { .. }
            | JobError::Direction { .. }
            | JobError::NotSummable { .. }
            | JobError::AsksTooMuch { .. }
            | JobError::NotInMemory
            | JobError::NoFeatures { .. } => Self::Data,
            JobError::Model(ModelError::Secure(MpcError::Undeclared(_)))
            | JobError::Secure(MpcError::Undeclared(_))
            | JobError::Undeclared { .. }
            | JobError::OneHostOnly { .. }
            | JobError::Peers { .. }
            | JobError::Net(_)
            | JobError::Bench(_) => Self::Internal,
            JobError::Model(_)
            | JobError::Alone(_)
            | JobError::Evaluate(_)
            | JobError::Secure(_) => Self::Training,
            JobError::SavedModel { .. } => Self::Model,
        }
    }
}

impl From<&NetError> for FailureCode {
    fn from(error: &NetError) -> Self {
        match error {
            NetError::PeerMisbehaved { .. } => Self::PartnerMisbehaved,
            NetError::PeerIncompatible { .. } | NetError::IdentityMismatch { .. } => Self::Refused,
            NetError::PeerAborted { .. } | NetError::PeerFinished { .. } => Self::PartnerFailed,
            NetError::Timeout { .. }
            | NetError::Disconnected { .. }
            | NetError::Unreachable { .. } => Self::PartnerUnreachable,
            // What is wrong on this side alone.
            _ => Self::Internal,
        }
    }
}

/// Whether the system refused a write because there is no room left, however deep that lies.
fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (**error).source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| {
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        })
}

impl fmt::Display for FailureCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A text is no code that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no code of a failure that this version knows")]
pub struct UnknownCode;

impl FromStr for FailureCode {
    type Err = UnknownCode;

    fn from_str(name: &str) -> Result<Self, UnknownCode> {
        Self::ALL.into_iter().find(|code| code.name() == name).ok_or(UnknownCode)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use matching::psi::unbalanced::CacheError;
    use table::TableError;

    use super::*;

    #[test]
    fn codes_are_read_back_and_stand_in_messages_under_their_names() {
        for code in FailureCode::ALL {
            assert_eq!(code.name().parse(), Ok(code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
            let Text { en, zh } = code.sentence();
            assert!(!en.is_empty() && !zh.is_empty() && en != zh, "{code}");
        }
        assert_eq!("disk full".parse::<FailureCode>(), Err(UnknownCode));
    }

    fn code(error: JobError) -> FailureCode {
        let plain = FailureCode::from(&error);
        assert_eq!(FailureCode::from(&error.at("align")), plain, "a step changes nothing");
        plain
    }

    #[test]
    fn a_full_disk_is_found_wherever_it_was_met() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let table = || TableError::Io { action: "write", file: "a".to_owned(), source: full() };
        let cache = CacheError::File { action: "write", path: "a".into(), source: full() };
        for error in [
            JobError::file("write", "a", full()),
            JobError::from(table()),
            JobError::from(MatchingError::from(table())),
            JobError::from(MatchingError::from(cache)),
        ] {
            assert_eq!(code(error), FailureCode::DiskFull);
        }
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(code(JobError::file("write", "a", denied)), FailureCode::Files);
    }

    #[test]
    fn what_happened_with_a_partner_is_told_from_what_is_wrong_here() {
        let peer = || "telco".to_owned();
        let step = || "align".to_owned();
        let lost = NetError::Disconnected {
            peer: peer(),
            step: step(),
            since: SystemTime::UNIX_EPOCH,
            cause: "reset".to_owned(),
        };
        let stopped =
            NetError::PeerAborted { peer: peer(), step: step(), reason: "it gave up".to_owned() };
        assert_eq!(code(MatchingError::from(lost).into()), FailureCode::PartnerUnreachable);
        assert_eq!(code(ModelError::from(stopped).into()), FailureCode::PartnerFailed);
        let own = NetError::InvalidInput { what: "a lane".to_owned() };
        assert_eq!(code(own.into()), FailureCode::Internal);
        let secret = MpcError::Undeclared("rows".to_owned());
        assert_eq!(code(secret.into()), FailureCode::Internal);
        let none = JobError::NothingInCommon { peers: peer(), rows: 7, key: "id".to_owned() };
        assert_eq!(code(none), FailureCode::CommonRows);
    }
}
