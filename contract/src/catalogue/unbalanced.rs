//! Finding which rows of a small table a large one has, prepared once.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, ParameterKind,
    PrivacyMode, Role, STRICT, Text,
};

use super::align::JOIN;
use super::{integer, parameter};

/// Private set intersection of a small set with a large one whose part is kept between runs.
pub static UNBALANCED: ComponentDescriptor = ComponentDescriptor {
    name: "align.unbalanced",
    title: Text::new(
        "Private set intersection (small against large)",
        "隐私求交（小集合对大集合）",
    ),
    description: Text::new(
        "Finds which rows of the learning party (the client) the other one (the server) has. The \
         server works through its keys once; both keep files between runs, and a further run costs \
         what the client's rows cost. Only for jobs without a model.",
        "找出得知方（查询方）的哪些行对方（服务方）也有。服务方只需对自己的标识计算一次；双方在运行之间各自保存文件，\
         此后每次运行的代价只取决于查询方的行数。只用于不训练模型的任务。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[PrivacyMode {
        name: STRICT,
        summary: Text::new(
            "Opens to the client which of its own rows the server has and how many the server has, \
             and to the server how many rows the client asks for.",
            "向查询方公开自己的哪些行对方也有以及服务方的行数；向服务方公开查询的行数。",
        ),
        // As with `learn: guest`, where the guest is the client; see `unbalanced_of`.
        several_hosts: false,
        disclosures: &[
            Disclosure::new(
                Audience::Host,
                "unbalanced.asked",
                DisclosureKind::Size,
                Frequency::Once,
                Text::new("how many rows the client asks for", "查询方查询的行数"),
            ),
            Disclosure::new(
                Audience::Host,
                "unbalanced.held",
                DisclosureKind::Size,
                Frequency::Once,
                Text::new(
                    "which of the server's filters the client has kept from earlier runs",
                    "查询方保留了服务方此前的哪些过滤器",
                ),
            ),
            Disclosure::new(
                Audience::Guest,
                "unbalanced.filters",
                DisclosureKind::Size,
                Frequency::Once,
                Text::new(
                    "how many rows the server has, how many were added at each time, and whether \
                     it prepared anew",
                    "服务方的行数、每次新增的行数，以及是否重新准备过",
                ),
            ),
            Disclosure::new(
                Audience::Guest,
                "intersection.rows",
                DisclosureKind::Result,
                Frequency::Once,
                Text::new("which of its own rows the server has too", "自己的哪些行服务方也有"),
            ),
            Disclosure::new(
                Audience::Guest,
                "intersection.membership",
                DisclosureKind::Inference,
                Frequency::Once,
                Text::new(
                    "that each common person is a customer of the server, and each other person \
                     in its own table is not",
                    "每个共有的人是服务方的客户，而自己表中其余的人不是",
                ),
            ),
            Disclosure::new(
                Audience::Guest,
                "unbalanced.later",
                DisclosureKind::Inference,
                Frequency::Once,
                Text::new(
                    "of each person it ever asked for, without asking again: in which later update \
                     the server added it, as long as the server keeps its key",
                    "曾经查询过的每个人，无需再次查询即可知道服务方在之后的哪次更新中将其加入（在服务方更换密钥之前）",
                ),
            ),
        ],
    }],
    parameters: &[
        parameter(
            "learn",
            ParameterKind::Choice { default: "guest", options: &["guest", "host"] },
            Text::new(
                "who learns the common rows: the client, which should have the small table",
                "由谁得知共有的行：查询方，其数据表应为较小的一方",
            ),
        ),
        JOIN,
        parameter(
            "asked_max",
            integer(100_000, 1, 1_000_000_000),
            Text::new(
                "the most rows that the client may ask for in one run: the server refuses more",
                "查询方一次运行最多可查询的行数，超出时服务方拒绝",
            ),
        ),
    ],
};

/// What a job opens in which `client` learns.
pub fn unbalanced_of(client: Role) -> Vec<Disclosure> {
    let all = UNBALANCED.modes.iter().flat_map(|mode| mode.disclosures);
    let turn = |mut disclosure: Disclosure| {
        disclosure.to = match (client, disclosure.to) {
            (Role::Host, Audience::Guest) => Audience::Host,
            (Role::Host, Audience::Host) => Audience::Guest,
            (_, to) => to,
        };
        disclosure
    };
    all.cloned().map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_follows_who_asks() {
        for (client, server) in [(Role::Guest, Role::Host), (Role::Host, Role::Guest)] {
            let disclosures = unbalanced_of(client);
            let to = |key: &str| disclosures.iter().find(|it| it.key == key).unwrap().to;
            assert_eq!(to("intersection.rows"), client.into());
            assert_eq!(to("unbalanced.filters"), client.into());
            assert_eq!(to("unbalanced.asked"), server.into());
            assert_eq!(to("unbalanced.held"), server.into());
        }
    }
}
