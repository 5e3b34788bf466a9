//! What the connection check says where something is wrong: the likely cause, and the fix.

use contract::Text;

use super::doctor::{Advice, Step};

/// What can stand in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    NoAddress,
    PartnerOnlyDials,
    DoesNotDial,
    Name,
    Refused,
    Silent,
    NoWay,
    NoTls,
    OtherKey,
    Stranger,
    NoGreeting,
    OtherVersion,
    ClocksDiffer,
    NoAddressHere,
    CannotDialBack,
    NoAnswerOnReturn,
}

impl Step {
    /// What the step checks, for people.
    pub const fn title(self) -> Text {
        match self {
            Self::Address => Text::new("An address to dial", "有可拨的地址"),
            Self::Name => Text::new("The name resolves", "域名可以解析"),
            Self::Connection => Text::new("The port answers", "端口有应答"),
            Self::Tls => Text::new("TLS 1.3", "TLS 1.3"),
            Self::Certificate => Text::new("The key is the pinned one", "密钥与约定的一致"),
            Self::Membership => Text::new("The partner knows this node", "对方认识本节点"),
            Self::Version => Text::new("Versions fit", "版本相符"),
            Self::Clock => Text::new("Clocks agree", "时钟一致"),
            Self::Return => Text::new("The partner can dial back", "对方可以回拨"),
        }
    }
}

/// What people can do about it.
pub(super) const fn on(obstacle: Obstacle) -> Advice {
    match obstacle {
        Obstacle::NoAddress | Obstacle::PartnerOnlyDials | Obstacle::DoesNotDial => {
            on_who_dials(obstacle)
        }
        Obstacle::Name | Obstacle::Refused | Obstacle::Silent | Obstacle::NoWay => {
            on_the_way(obstacle)
        }
        Obstacle::NoTls
        | Obstacle::OtherKey
        | Obstacle::Stranger
        | Obstacle::NoGreeting
        | Obstacle::OtherVersion => at_the_other_end(obstacle),
        Obstacle::ClocksDiffer => Advice {
            cause: Text::new(
                "The clock of one of the two machines is wrong by more than a minute.",
                "两台机器中有一台的时钟相差超过一分钟。",
            ),
            fix: Text::new(
                "Compare both with the time of day and switch on time synchronisation (NTP) where it is wrong. \
                 Expiry dates of agreements are checked by each side's own clock.",
                "请各自对照标准时间，并在有误的一侧打开时间同步（NTP）。协议的到期时间由各方按自己的时钟核对。",
            ),
        },
        Obstacle::NoAddressHere => Advice {
            cause: Text::new(
                "This node publishes no address, so the partner has nothing to dial.",
                "本节点没有公布地址，对方无处可拨。",
            ),
            fix: Text::new(
                "Nothing needs to be done: letters and jobs also pass over the line that this node dials.",
                "无需处理：信件和任务可以走本节点拨出的线路。",
            ),
        },
        Obstacle::CannotDialBack => Advice {
            cause: Text::new(
                "The partner tried the address in this node's card and did not get through; most often a firewall \
                 on this side, or an address that is only valid inside.",
                "对方按本节点名片上的地址回拨未通；多半是本侧防火墙未放行，或该地址只在内网有效。",
            ),
            fix: Text::new(
                "One direction is enough to work. If this node is meant to be dialled, check the address in its \
                 card and let the port through the firewall on this side.",
                "单向连通即可工作。如果希望对方能拨入，请核对名片上的地址，并在本侧防火墙放行该端口。",
            ),
        },
        Obstacle::NoAnswerOnReturn => Advice {
            cause: Text::new(
                "The partner did not say in time whether it can dial back; its line may be slow, or was cut meanwhile.",
                "对方没有及时回答能否回拨；线路可能较慢，或刚刚中断过。",
            ),
            fix: Text::new("Check again in a minute.", "请一分钟后重新检测。"),
        },
    }
}

const fn on_who_dials(obstacle: Obstacle) -> Advice {
    match obstacle {
        Obstacle::PartnerOnlyDials => Advice {
            cause: Text::new(
                "The partner's card has no address: it dials this node.",
                "对方名片上没有地址：由对方拨本节点。",
            ),
            fix: Text::new("Nothing needs to be done.", "无需处理。"),
        },
        Obstacle::DoesNotDial => Advice {
            cause: Text::new(
                "The partner has not dialled this node, or could not get through.",
                "对方还没有拨本节点，或未能拨通。",
            ),
            fix: Text::new(
                "Ask the partner to run its connection check; its result names the step. See that this node's port \
                 is open to the outside.",
                "请对方在其节点上运行连接检测，结果会指出出错的步骤。请确认本节点的端口对外开放。",
            ),
        },
        _ => Advice {
            cause: Text::new(
                "There is no address of the form HOST:PORT to dial.",
                "没有形如 主机:端口 的地址可拨。",
            ),
            fix: Text::new(
                "Write the address into the card as HOST:PORT, for example tombolo.bank.example:7443.",
                "请在名片中按 主机:端口 填写地址，例如 tombolo.bank.example:7443。",
            ),
        },
    }
}

const fn on_the_way(obstacle: Obstacle) -> Advice {
    match obstacle {
        Obstacle::Name => Advice {
            cause: Text::new(
                "The host name is misspelt, or this machine's name server does not know it.",
                "主机名写错了，或本机的域名服务器不认识它。",
            ),
            fix: Text::new(
                "Compare the address with the partner. On this machine, look the name up with `getent hosts`; if \
                 it is new, ask your network's administrator.",
                "请与对方核对地址。在本机用 `getent hosts` 查询该名称；如果是新域名，请联系本方网络管理员。",
            ),
        },
        Obstacle::Refused => Advice {
            cause: Text::new(
                "The machine answers, but nothing listens on that port: the partner's node is down, or its port is \
                 another one.",
                "对方机器有应答，但该端口无人监听：对方节点没有运行，或端口不对。",
            ),
            fix: Text::new(
                "Ask the partner to start its node, and compare the port with the one that `tombolo node status` shows there.",
                "请对方启动节点，并与其 `tombolo node status` 显示的端口核对。",
            ),
        },
        Obstacle::Silent => Advice {
            cause: Text::new(
                "Packets vanish on the way: a firewall on either side drops them.",
                "数据包在途中被丢弃：多半是某一侧的防火墙。",
            ),
            fix: Text::new(
                "Ask both sides' administrators to let TCP from this machine to the partner's address and port \
                 through.",
                "请双方管理员放行从本机到对方地址和端口的 TCP 连接。",
            ),
        },
        _ => Advice {
            cause: Text::new(
                "This machine has no way to that address.",
                "本机没有通往该地址的路由。",
            ),
            fix: Text::new(
                "See that this machine is online and that the address is not one of the partner's internal ones.",
                "请确认本机网络正常，并确认该地址不是对方的内网地址。",
            ),
        },
    }
}

const fn at_the_other_end(obstacle: Obstacle) -> Advice {
    match obstacle {
        Obstacle::NoTls => Advice {
            cause: Text::new(
                "Something answers that is no Tombolo node, or a proxy on the way opens TLS.",
                "应答的不是 Tombolo 节点，或途中有代理拆解 TLS。",
            ),
            fix: Text::new(
                "Compare the port with the partner: it is the one for partners, not that of the console. Have \
                 proxies and load balancers pass TCP through unopened.",
                "请与对方核对端口：应是合作方端口，而不是控制台端口。代理和负载均衡应按 TCP 透传，不要拆解 TLS。",
            ),
        },
        Obstacle::OtherKey => Advice {
            cause: Text::new(
                "The node there has another key than the one that is pinned for this partner: it was set up anew, \
                 it is another node, or somebody is in between.",
                "该节点的密钥与本节点为对方约定的不同：对方可能重装了节点，地址可能指向别的节点，也可能有人居中。",
            ),
            fix: Text::new(
                "Compare the fingerprints with the partner by telephone. Change the pinned key only by a signed key \
                 rotation or a new invitation.",
                "请与对方通过电话核对指纹。只能通过签名的密钥轮换或新的邀请来更换约定的密钥。",
            ),
        },
        Obstacle::Stranger => Advice {
            cause: Text::new(
                "The partner's node does not know this node's key: the invitation is not accepted yet, or this node \
                 was removed there.",
                "对方节点不认识本节点的密钥：邀请尚未被接受，或本节点已被对方移除。",
            ),
            fix: Text::new(
                "Ask the partner whether it has accepted the invitation and not blocked this node; otherwise exchange a \
                 new invitation.",
                "请对方确认已接受邀请且没有屏蔽本节点；否则请重新交换邀请。",
            ),
        },
        Obstacle::OtherVersion => Advice {
            cause: Text::new(
                "The two nodes run releases that do not understand each other.",
                "两个节点的版本互不兼容。",
            ),
            fix: Text::new("Install the same release on both sides.", "请在双方安装同一版本。"),
        },
        _ => Advice {
            cause: Text::new(
                "The node there has the right key and does not answer further: it is starting, stopping or \
                 overloaded.",
                "对方节点密钥无误，但没有进一步应答：可能正在启动、停止或负载过高。",
            ),
            fix: Text::new(
                "Check again in a minute; if it stays so, ask the partner to look into its node's log.",
                "请一分钟后重新检测；如果依旧，请对方查看其节点日志。",
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Obstacle; 16] = [
        Obstacle::NoAddress,
        Obstacle::PartnerOnlyDials,
        Obstacle::DoesNotDial,
        Obstacle::Name,
        Obstacle::Refused,
        Obstacle::Silent,
        Obstacle::NoWay,
        Obstacle::NoTls,
        Obstacle::OtherKey,
        Obstacle::Stranger,
        Obstacle::NoGreeting,
        Obstacle::OtherVersion,
        Obstacle::ClocksDiffer,
        Obstacle::NoAddressHere,
        Obstacle::CannotDialBack,
        Obstacle::NoAnswerOnReturn,
    ];

    #[test]
    fn each_obstacle_has_a_cause_and_a_fix_of_its_own_in_both_languages() {
        let mut causes = std::collections::BTreeSet::new();
        for obstacle in ALL {
            let Advice { cause, fix } = on(obstacle);
            for text in [&cause, &fix] {
                assert!(text.en.ends_with('.') && text.zh.ends_with('。'), "{text:?}");
                assert!(!text.en.contains("  "), "{text:?}");
            }
            assert!(causes.insert(cause.en), "{obstacle:?} has the cause of another one");
        }
        for step in Step::ALL {
            assert!(!step.title().zh.is_empty() && !step.name().is_empty());
        }
    }
}
