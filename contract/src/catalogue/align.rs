//! Finding the rows that both parties have.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, ParameterDescriptor,
    ParameterKind, PrivacyMode, Role, STRICT, Text,
};

use super::parameter;

/// Private set intersection by commutative blinding on an elliptic curve.
pub static ECDH: ComponentDescriptor = ComponentDescriptor {
    name: "align.ecdh",
    title: Text::new("Private set intersection (ECDH)", "隐私求交（ECDH）"),
    description: Text::new(
        "Finds the rows that both parties have, by blinding the hashed keys twice. Keys that only \
         one party has stay hidden.",
        "通过对哈希后的标识进行双重盲化找出双方共有的行；只有一方持有的标识不会泄露。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: MODES,
    parameters: &[LEARN, JOIN, CURVE],
};

/// Private set intersection from a key-value store and vector oblivious linear evaluation.
pub static RR22: ComponentDescriptor = ComponentDescriptor {
    name: "align.rr22",
    title: Text::new("Private set intersection (RR22)", "隐私求交（RR22）"),
    description: Text::new(
        "Finds the rows that both parties have, by symmetric work on hashed keys: much faster than \
         ECDH for many rows. Keys that only one party has stay hidden.",
        "基于对称运算找出双方共有的行：行数多时比 ECDH 快得多；只有一方持有的标识不会泄露。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: MODES,
    parameters: &[LEARN, JOIN, SECURITY],
};

/// Whatever the protocol, an intersection opens the same.
const MODES: &[PrivacyMode] = &[PrivacyMode {
    name: STRICT,
    summary: Text::new(
        "Opens which of its own rows are common, and the number of rows of each side.",
        "仅公开各方自己的哪些行是共有的，以及双方的行数。",
    ),
    several_hosts: false,
    disclosures: &[
        Disclosure::new(
            Audience::All,
            "table.rows",
            DisclosureKind::Size,
            Frequency::Once,
            Text::new("the number of rows of the other party's table", "对方数据表的行数"),
        ),
        Disclosure::new(
            Audience::All,
            "table.buckets",
            DisclosureKind::Size,
            Frequency::Once,
            Text::new(
                "if either table is larger than memory: into how many buckets it is divided, and \
                 how many were matched before a stop",
                "若任一方数据表超出内存：分桶数，以及中断前已匹配的分桶数",
            ),
        ),
        Disclosure::new(
            Audience::All,
            "intersection.rows",
            DisclosureKind::Result,
            Frequency::Once,
            Text::new(
                "which of its own rows the other party has too, if `learn` names the party",
                "自己的哪些行对方也有（仅限 `learn` 指定的一方）",
            ),
        ),
        Disclosure::new(
            Audience::All,
            "intersection.membership",
            DisclosureKind::Inference,
            Frequency::Once,
            Text::new(
                "that each common person is a customer of the other party, and each other \
                 person in its own table is not",
                "每个共有的人是对方的客户，而自己表中其余的人不是",
            ),
        ),
    ],
}];

/// What matching by several keys opens: `columns` has, for each key, the guest's column and the
/// host's, those that are tried first first.
///
/// It takes the place of the statement of the protocol: nobody learns how many rows the other's
/// table has, but how many took part in each round. Matches for each rank of a key are what the
/// protocols of eprint 2021/770 open too.
pub fn cascade(columns: &[[&str; 2]]) -> Vec<Disclosure> {
    let of_intersection = MODES.iter().flat_map(|mode| mode.disclosures);
    let mut disclosures: Vec<Disclosure> = of_intersection
        .filter(|disclosure| !disclosure.key.starts_with("table."))
        .cloned()
        .collect();
    for (rank, [guest, host]) in (1..).zip(columns) {
        let number = |key: &str, kind, what| Disclosure {
            to: Audience::All,
            key: format!("cascade.{key}.{rank}").into(),
            what,
            kind,
            count: Frequency::Once,
        };
        let rows = Text::owned(
            format!(
                "how many rows of the other party that no earlier key matched have key {rank} \
                 ({guest}, {host})"
            ),
            format!("对方有多少尚未匹配的行具有第 {rank} 个键（{guest}、{host}）"),
        );
        let matches = Text::owned(
            format!("which of its own rows are matched by key {rank} ({guest}, {host})"),
            format!("自己的哪些行由第 {rank} 个键匹配（{guest}、{host}）"),
        );
        disclosures.push(number("rows", DisclosureKind::Size, rows));
        disclosures.push(number("matches", DisclosureKind::Intermediate, matches));
    }
    disclosures.push(Disclosure::new(
        Audience::All,
        "cascade.membership",
        DisclosureKind::Inference,
        Frequency::Once,
        Text::new(
            "of each key of its own rows that was tried: whether a row of the other party that \
             was not matched before has it",
            "自己的行中每个参与过匹配的键：对方此前未匹配的行中是否有该键",
        ),
    ));
    disclosures
}

const LEARN: ParameterDescriptor = parameter(
    "learn",
    ParameterKind::Choice { default: "both", options: &["both", "guest", "host"] },
    Text::new(
        "who learns the common rows; training, several keys and payload need both",
        "由谁得知共有的行；训练、多个键与附加字段需要双方都得知",
    ),
);

const SECURITY: ParameterDescriptor = parameter(
    "security",
    ParameterKind::Choice { default: "semi_honest", options: &["semi_honest", "malicious"] },
    Text::new(
        "the partner that is held off: one that follows the protocol, or one that sends what it \
         likes (2 to 3 times the cost)",
        "所防范的对方：遵守协议的（semi_honest），或发送任意消息的（malicious，代价为 2 至 3 倍）",
    ),
);

const CURVE: ParameterDescriptor = parameter(
    "curve",
    ParameterKind::Choice { default: "ristretto255", options: &["ristretto255", "sm2"] },
    Text::new(
        "the curve on which keys are blinded; `sm2` for those who must use the Chinese standard, \
         at many times the computation",
        "盲化标识所用的曲线；须遵循国密标准时选 `sm2`，计算量为默认曲线的许多倍",
    ),
);

/// Which rows a party that learns keeps.
pub(super) const JOIN: ParameterDescriptor = parameter(
    "join",
    ParameterKind::Choice { default: "inner", options: &["inner", "left", "anti"] },
    Text::new(
        "which of its own rows a learning party keeps: the common ones; `left`: the guest all; \
         `anti`: those that are not common. It opens nothing more. For jobs without a model",
        "得知方保留自己的哪些行：共有的行；`left`：发起方保留全部；`anti`：非共有的行。不增加任何公开内容，仅用于不训练模型的任务",
    ),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_of_a_cascade_is_declared() {
        let disclosures = cascade(&[["phone", "mobile"], ["email", "mail"]]);
        let keys: Vec<&str> = disclosures.iter().map(|it| it.key.as_ref()).collect();
        assert_eq!(
            keys,
            [
                "intersection.rows",
                "intersection.membership",
                "cascade.rows.1",
                "cascade.matches.1",
                "cascade.rows.2",
                "cascade.matches.2",
                "cascade.membership",
            ]
        );
        assert!(disclosures[4].what.en.contains("(email, mail)"));
    }
}
