//! A new configuration file, with comments for the people who will change it.

use std::path::Path;

use jobs::spec::SpecError;
use report::message::{Language, Text};

use super::{Config, PassphraseFrom};

/// The name of the file in a node's folder.
pub const FILE_NAME: &str = "node.yaml";

/// The answers that a new configuration is made from.
#[derive(Clone)]
pub struct Draft {
    /// The member's name.
    pub name: String,
    /// Where partners meet the node, if it can be reached.
    pub partners: Option<String>,
    /// Where its people meet it.
    pub people: String,
    /// The database, unless it is the embedded one.
    pub database: Option<String>,
    /// Where the passphrase of the key comes from.
    pub passphrase: Option<PassphraseFrom>,
}

impl Draft {
    /// The text of the file, and what it says.
    ///
    /// # Errors
    /// Answers that make no configuration.
    pub fn write(&self, folder: &Path, language: Language) -> Result<(String, Config), SpecError> {
        let text = self.text(language);
        let config = Config::parse(folder, FILE_NAME, &text)?;
        Ok((text, config))
    }

    fn text(&self, language: Language) -> String {
        let say = |text: &Text| language.of(text).to_owned();
        let partners = match &self.partners {
            Some(listen) => format!("partners:\n  listen: {}", quoted(listen)),
            None => "# partners:\n#   listen: 0.0.0.0:7443".to_owned(),
        };
        let database = match &self.database {
            Some(url) => format!("database:\n  url: {}", quoted(url)),
            None => "# database:\n#   url: postgres://tombolo@db.example/tombolo".to_owned(),
        };
        let passphrase = match &self.passphrase {
            None => "none".to_owned(),
            Some(PassphraseFrom::Prompt) => "prompt".to_owned(),
            Some(PassphraseFrom::File(path)) => quoted(&format!("file:{}", path.display())),
            Some(PassphraseFrom::Variable(name)) => quoted(&format!("variable:{name}")),
        };
        let (name, people) = (quoted(&self.name), quoted(&self.people));
        [
            say(&HEAD),
            format!("name: {name}\n{}\n", say(&CONTACT)),
            say(&PARTNERS),
            format!("{partners}\n{}\n", say(&PARTNERS_ADDRESS)),
            say(&PEOPLE),
            format!("people:\n  listen: {people}\n{}\n", say(&PEOPLE_CERTIFICATE)),
            say(&DATA),
            say(&DATABASE),
            format!("{database}\n"),
            say(&KEY),
            format!("key:\n  passphrase: {passphrase}"),
        ]
        .join("\n")
            + "\n"
    }
}

/// A text as YAML, in double quotes unless it is a plain word.
fn quoted(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    if is_plain {
        return text.to_owned();
    }
    // Every JSON text is one of YAML.
    serde_json::Value::from(text).to_string()
}

const HEAD: Text = Text::new(
    "# The configuration of this node. Changes take effect when it starts again:\n\
     #   tombolo node start --folder FOLDER\n\n\
     # The member's name, as partners see it.",
    "# 本节点的配置。修改后重新启动生效：\n\
     #   tombolo node start --folder FOLDER\n\n\
     # 成员名称，合作方可见。",
);
const CONTACT: Text = Text::new(
    "# contact: data office, +86 21 5555 0100     whom partners call\n",
    "# contact: 数据合作部 021-5555-0100           合作方的联系方式\n",
);
const DATA: Text = Text::new(
    "# Tables lie in this folder, and nothing outside of it is ever read as one. A run uses memory\n\
     # and all processors: how many this node begins at a time.\n\
     # data: data\n\
     # runs_at_once: 1\n",
    "# 数据表所在目录，目录以外的文件不会作为数据表读取。任务会占用内存和全部处理器：\n\
     # 本节点同时发起的任务数。\n\
     # data: data\n\
     # runs_at_once: 1\n",
);
const PARTNERS: Text = Text::new(
    "# Where partners meet this node: one port for everything. A node that no partner can reach\n\
     # leaves this out and dials them.",
    "# 合作方连接本节点的地址，只需一个端口。合作方无法访问本节点时可省略，由本节点主动连接。",
);
const PARTNERS_ADDRESS: Text = Text::new(
    "#   address: tombolo.bank.example:7443    what partners are told, if it differs\n",
    "#   address: tombolo.bank.example:7443    告知合作方的地址（与监听地址不同时填写）\n",
);
const PEOPLE: Text = Text::new(
    "# Where this node's people meet it, by browser and by program (HTTPS).",
    "# 本机构人员使用的地址，供浏览器和程序访问（HTTPS）。",
);
const PEOPLE_CERTIFICATE: Text = Text::new(
    "#   certificate: people.pem               PEM files of your own; without them the node\n\
     #   certificate_key: people-key.pem       makes a certificate that browsers ask about\n\
     #   calls_per_minute: 600                 for each person or address\n",
    "#   certificate: people.pem               自备的 PEM 证书与密钥；不填则使用自签名证书，\n\
     #   certificate_key: people-key.pem       浏览器会提示确认\n\
     #   calls_per_minute: 600                 每人或每个地址每分钟的调用上限\n",
);
const DATABASE: Text = Text::new(
    "# The database: a file in this folder, or a PostgreSQL server. One on another machine has to\n\
     # prove its certificate (sslrootcert=FILE names the authority).",
    "# 数据库：默认是本目录中的文件，也可使用 PostgreSQL。其他机器上的服务器须出示可信证书\n\
     # （用 sslrootcert=FILE 指定签发机构）。",
);
const KEY: Text = Text::new(
    "# Where the passphrase of the node's key is: file:PATH (its first line), variable:NAME,\n\
     # prompt, or none for a key that whoever copies key.pem can use.",
    "# 节点密钥口令的来源：file:PATH（文件首行）、variable:NAME（环境变量）、prompt（启动时询问），\n\
     # 或 none（密钥不加口令，复制 key.pem 者即可使用）。",
);
