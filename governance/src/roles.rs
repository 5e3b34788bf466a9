//! Which people may do what at one member's node.

use contract::Text;
use serde::{Deserialize, Serialize};

/// What a person is allowed at a node. One person may have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Keeps the node running: keys, certificates, storage, people.
    Operator,
    /// Answers for data: registers and describes them, and says what they may be used for.
    DataOwner,
    /// Makes jobs and models.
    Modeller,
    /// Reads everything that left the house, and approves or refuses.
    Compliance,
    /// Looks, and changes nothing.
    ReadOnly,
}

/// Something that a person does at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// See partners, agreements, jobs and their states; no results.
    See,
    /// Read the audit record, disclosures and meters, and export them.
    ReadAudit,
    /// See reports, models and audiences.
    SeeResults,
    /// Invite a member or accept an invitation.
    Invite,
    /// Block a member, or end a block.
    Block,
    /// Adopt an introduction.
    Adopt,
    /// Register and describe data, and set their policy.
    ManageData,
    /// Publish the catalogue.
    PublishCatalogue,
    /// Write a version of an agreement, comment on it, take it back.
    NegotiateAgreement,
    /// Sign or refuse a version.
    SignAgreement,
    /// Suspend, resume or revoke an agreement.
    EndAgreement,
    /// Submit a job.
    SubmitJob,
    /// Approve or refuse a partner's or a colleague's job.
    ApproveJob,
    /// Cancel a job or begin a further attempt.
    SteerJob,
    /// Publish a model, roll it back, retire it.
    PublishModel,
    /// Accept a monthly statement, or dispute it.
    SettleStatement,
    /// Change roles of people and their tokens.
    ManagePeople,
    /// Change keys, certificates, storage and limits.
    ManageNode,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 18] = [
        Self::See,
        Self::ReadAudit,
        Self::SeeResults,
        Self::Invite,
        Self::Block,
        Self::Adopt,
        Self::ManageData,
        Self::PublishCatalogue,
        Self::NegotiateAgreement,
        Self::SignAgreement,
        Self::EndAgreement,
        Self::SubmitJob,
        Self::ApproveJob,
        Self::SteerJob,
        Self::PublishModel,
        Self::SettleStatement,
        Self::ManagePeople,
        Self::ManageNode,
    ];

    /// Whoever may do it, by the table of the house.
    pub const fn allowed(self) -> &'static [Role] {
        use Role::{Compliance, DataOwner, Modeller, Operator, ReadOnly};
        match self {
            Self::See => &[Operator, DataOwner, Modeller, Compliance, ReadOnly],
            Self::ReadAudit => &[Operator, DataOwner, Compliance, ReadOnly],
            Self::SeeResults => &[DataOwner, Modeller, Compliance, ReadOnly],
            Self::Invite | Self::Adopt => &[Operator, DataOwner],
            // Whoever sees the danger first can stop it.
            Self::Block => &[Operator, DataOwner, Compliance],
            Self::ManageData | Self::PublishCatalogue => &[DataOwner],
            Self::NegotiateAgreement => &[DataOwner, Modeller, Compliance],
            Self::SignAgreement
            | Self::EndAgreement
            | Self::ApproveJob
            | Self::PublishModel
            | Self::SettleStatement => &[DataOwner, Compliance],
            Self::SubmitJob => &[Modeller],
            Self::SteerJob => &[Operator, Modeller],
            Self::ManagePeople | Self::ManageNode => &[Operator],
        }
    }

    /// Whether somebody with these roles may do it.
    pub fn is_allowed(self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.allowed().contains(role))
    }

    /// Whether, where four eyes are asked for, the one who prepared it may not be the one who does
    /// it: signing what one wrote, approving what one submitted.
    pub const fn needs_another_person(self) -> bool {
        matches!(
            self,
            Self::SignAgreement | Self::ApproveJob | Self::PublishModel | Self::SettleStatement
        )
    }
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] =
        [Self::Operator, Self::DataOwner, Self::Modeller, Self::Compliance, Self::ReadOnly];

    /// The name people read.
    pub const fn title(self) -> Text {
        match self {
            Self::Operator => Text::new("operator", "运维管理员"),
            Self::DataOwner => Text::new("data owner", "数据管理员"),
            Self::Modeller => Text::new("modeller", "建模人员"),
            Self::Compliance => Text::new("compliance officer", "合规审批人"),
            Self::ReadOnly => Text::new("read only", "只读用户"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Role};

    #[test]
    fn the_table_of_actions_and_roles() {
        let letter = |role: Role, action: Action| {
            if action.is_allowed(&[role]) { 'x' } else { '.' }
        };
        let table: Vec<(Action, String)> = Action::ALL
            .into_iter()
            .map(|action| (action, Role::ALL.iter().map(|role| letter(*role, action)).collect()))
            .collect();
        // Columns: operator, data owner, modeller, compliance, read only.
        let expected = [
            (Action::See, "xxxxx"),
            (Action::ReadAudit, "xx.xx"),
            (Action::SeeResults, ".xxxx"),
            (Action::Invite, "xx..."),
            (Action::Block, "xx.x."),
            (Action::Adopt, "xx..."),
            (Action::ManageData, ".x..."),
            (Action::PublishCatalogue, ".x..."),
            (Action::NegotiateAgreement, ".xxx."),
            (Action::SignAgreement, ".x.x."),
            (Action::EndAgreement, ".x.x."),
            (Action::SubmitJob, "..x.."),
            (Action::ApproveJob, ".x.x."),
            (Action::SteerJob, "x.x.."),
            (Action::PublishModel, ".x.x."),
            (Action::SettleStatement, ".x.x."),
            (Action::ManagePeople, "x...."),
            (Action::ManageNode, "x...."),
        ];
        assert_eq!(table, expected.map(|(action, row)| (action, row.to_owned())));
    }

    #[test]
    fn whoever_only_reads_changes_nothing_and_nobody_without_a_role_does_anything() {
        let reading = [Action::See, Action::ReadAudit, Action::SeeResults];
        for action in Action::ALL {
            assert_eq!(action.is_allowed(&[Role::ReadOnly]), reading.contains(&action));
            assert!(!action.is_allowed(&[]));
        }
        assert!(Action::SubmitJob.is_allowed(&[Role::ReadOnly, Role::Modeller]));
        assert!(Action::ApproveJob.needs_another_person() && !Action::See.needs_another_person());
    }
}
