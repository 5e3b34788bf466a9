//! `tombolo node`: a member's own server.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use console::Term;
use contract::Text;
use node::config::{Config, Draft, PASSPHRASE_FORMS, PassphraseFrom};
use node::daemon::{self, Daemon, DaemonError, Made};
use node::log::{Log, now, time_text};
use node::people::{Cost, People, THE_NODE};
use node::store::{self, Store};
use report::message::Language;
use zeroize::Zeroizing;

use crate::arguments::{InitArguments, NodeCommand};
use crate::failure::Failure;
use crate::launch::interruption;
use crate::screen;

/// Does what was asked for.
pub(crate) fn node(command: &NodeCommand, language: Language) -> Result<(), Failure> {
    // The store and the listener need more than one thread; the rest of the node is small.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().map_err(Failure::job)?;
    runtime.block_on(async {
        match command {
            NodeCommand::Init(arguments) => init(arguments, language).await,
            NodeCommand::Start { folder } => start(&folder.path, language).await,
            NodeCommand::Status { folder } => status(&folder.path, language),
            NodeCommand::Password { name, folder } => password(&folder.path, name, language).await,
            NodeCommand::Backup { file, folder } => backup(&folder.path, file, language).await,
            NodeCommand::Restore { file, folder } => restore(&folder.path, file, language).await,
        }
    })
}

async fn init(arguments: &InitArguments, language: Language) -> Result<(), Failure> {
    let folder = &arguments.folder.path;
    let (draft, passphrase) = answers(arguments, language)?;
    let secret = passphrase.as_ref().map(|secret| secret.as_str());
    let made = daemon::make(folder, &draft, secret, &arguments.operator, language).await;
    let made = made.map_err(|error| match error {
        DaemonError::NotEmpty(_) | DaemonError::Draft(_) | DaemonError::People(_) => {
            Failure::usage(error)
        }
        error => Failure::job(error),
    })?;
    tell(&made, folder, &arguments.operator, secret.is_some(), language);
    Ok(())
}

/// What the new node has to know, given or asked for.
fn answers(
    arguments: &InitArguments,
    language: Language,
) -> Result<(Draft, Option<Zeroizing<String>>), Failure> {
    let asks = !arguments.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    let ask = |given: &Option<String>, question: &Text, default: Option<&str>| match given {
        Some(given) => Ok(Some(given.clone())),
        None if asks => line(language.of(question), default).map_err(Failure::job),
        None => Ok(default.map(str::to_owned)),
    };
    let question =
        Text::new("The member's name, such as bank", "成员名称（小写字母、数字、_ 和 -，如 bank）");
    let name = ask(&arguments.name, &question, None)?.ok_or_else(|| {
        Failure::usage("the member's name is missing: tombolo node init --name bank")
    })?;
    let question = Text::new("Where its people meet it", "本机构人员访问的地址");
    let people = ask(&arguments.people, &question, Some("127.0.0.1:8443"))?.unwrap_or_default();
    let question = Text::new(
        "Where partners meet it, such as 0.0.0.0:7443 (nothing: this node dials them)",
        "合作方连接的地址，如 0.0.0.0:7443（留空：由本节点主动连接）",
    );
    let partners = ask(&arguments.partners, &question, None)?;
    let (passphrase, secret) = match &arguments.passphrase {
        Some(given) => {
            let here = std::env::current_dir().map_err(Failure::job)?;
            let from = PassphraseFrom::parse(given, &here)
                .ok_or_else(|| Failure::usage(format!("--passphrase takes {PASSPHRASE_FORMS}")))?;
            let secret = from.as_ref().map(|from| from.read(|| chosen(language)));
            (from, secret.transpose().map_err(Failure::usage)?)
        }
        None if asks => {
            let secret = chosen(language).map_err(Failure::job)?;
            let is_some = !secret.is_empty();
            (is_some.then_some(PassphraseFrom::Prompt), is_some.then_some(secret))
        }
        None => (None, None),
    };
    let database = arguments.database.clone();
    Ok((Draft { name, partners, people, database, passphrase }, secret))
}

/// One line from the terminal; `None` for an empty one without a default.
fn line(question: &str, default: Option<&str>) -> io::Result<Option<String>> {
    let terminal = Term::stderr();
    let hint = default.map(|default| format!(" [{default}]")).unwrap_or_default();
    terminal.write_str(&format!("{question}{hint}: "))?;
    let answer = terminal.read_line()?.trim().to_owned();
    Ok(if answer.is_empty() { default.map(str::to_owned) } else { Some(answer) })
}

/// A new passphrase, typed twice; an empty one for none.
fn chosen(language: Language) -> io::Result<Zeroizing<String>> {
    let first = Text::new(
        "A passphrase for the node's key, needed at every start (nothing: none)",
        "节点密钥的口令，每次启动时需要（留空：不设口令）",
    );
    let again = Text::new("Once more", "再输入一次");
    loop {
        let one = secret(language.of(&first))?;
        if one.is_empty() || one == secret(language.of(&again))? {
            return Ok(one);
        }
        let text = Text::new("They differ.", "两次输入不一致。");
        screen::message(language.of(&text));
    }
}

/// A line from the terminal that is not shown.
fn secret(question: &str) -> io::Result<Zeroizing<String>> {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        let message = "there is no terminal to ask at; node.yaml can name a file or a variable";
        return Err(io::Error::other(message));
    }
    terminal.write_str(&format!("{question}: "))?;
    terminal.read_secure_line().map(Zeroizing::new)
}

/// What the operator of a new node needs to know.
fn tell(made: &Made, folder: &Path, operator: &str, is_sealed: bool, language: Language) {
    let Made { config, key, fingerprint, password } = made;
    let (folder, people) = (folder.display(), config.people.listen);
    let text = Text::owned(
        format!(
            "The node `{}` is ready in {folder}.\n\n  \
             start it      tombolo node start --folder {folder}\n  \
             then open     https://{people}\n  \
             certificate   SHA-256 {fingerprint}\n  \
             partners' key {key}\n  \
             sign in as    {operator}\n  \
             one-time password, shown this once, for 72 hours:",
            config.name
        ),
        format!(
            "节点 `{}` 已建立于 {folder}。\n\n  \
             启动      tombolo node start --folder {folder}\n  \
             访问      https://{people}\n  \
             证书      SHA-256 {fingerprint}\n  \
             本方公钥  {key}\n  \
             登录名    {operator}\n  \
             一次性密码（仅显示一次，72 小时内有效）：",
            config.name
        ),
    );
    screen::message(language.of(&text));
    screen::data(password);
    if !is_sealed {
        let text = Text::new(
            "\nwarning: the node's key is under no passphrase; whoever copies key.pem is this node",
            "\n警告：节点密钥未设口令，复制 key.pem 者即可冒充本节点",
        );
        screen::message(language.of(&text));
    }
}

async fn start(folder: &Path, language: Language) -> Result<(), Failure> {
    let config = Config::read(folder).map_err(Failure::usage)?;
    let question = Text::new("The passphrase of the node's key", "节点密钥的口令");
    let passphrase =
        config.passphrase.as_ref().map(|from| from.read(|| secret(language.of(&question))));
    let passphrase = passphrase.transpose().map_err(Failure::usage)?;
    let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_str());
    let log = Log::to(io::stderr());
    let daemon = Daemon::start(&config, passphrase, log).await.map_err(Failure::job)?;
    if screen::is_watched() {
        let address = daemon.address();
        let text = Text::owned(
            format!("The node serves on https://{address}; Ctrl-C ends it."),
            format!("节点已启动：https://{address}，按 Ctrl-C 结束。"),
        );
        screen::message(language.of(&text));
    }
    daemon.run(interruption()).await;
    Ok(())
}

fn status(folder: &Path, language: Language) -> Result<(), Failure> {
    let config = Config::read(folder).map_err(Failure::usage)?;
    let Some(running) = daemon::running(folder).map_err(Failure::job)? else {
        return Err(Failure::job(format!("no node runs in {}", folder.display())));
    };
    let (name, database) = (&config.name, &config.database);
    let (pid, address) = (running.pid, running.address);
    let (since, print) = (time_text(running.started_at), &running.fingerprint);
    let text = Text::owned(
        format!(
            "node        {name}\nruns since  {since}, as process {pid}\n\
             people      https://{address}\ncertificate SHA-256 {print}\ndatabase    {database}"
        ),
        format!(
            "节点      {name}\n启动时间  {since}，进程 {pid}\n\
             访问地址  https://{address}\n证书      SHA-256 {print}\n数据库    {database}"
        ),
    );
    screen::data(language.of(&text));
    Ok(())
}

async fn password(folder: &Path, name: &str, language: Language) -> Result<(), Failure> {
    let config = Config::read(folder).map_err(Failure::usage)?;
    let store = Store::open_as_it_is(&config.database).await.map_err(Failure::job)?;
    let store = Arc::new(store);
    let people = People::open(Arc::clone(&store), Cost::SIGN_IN).await.map_err(Failure::job)?;
    let person = store.person_named(name).await.map_err(Failure::job)?;
    let person = person.ok_or_else(|| Failure::usage(format!("nobody is called {name:?}")))?;
    let password = people.reset_password(THE_NODE, &person.id, now()).await;
    let password = password.map_err(Failure::job)?;
    store.close().await;
    let text = Text::owned(
        format!("One-time password of {name}, shown this once, for 72 hours:"),
        format!("{name} 的一次性密码（仅显示一次，72 小时内有效）："),
    );
    screen::message(language.of(&text));
    screen::data(&password);
    Ok(())
}

async fn backup(folder: &Path, file: &Path, language: Language) -> Result<(), Failure> {
    let config = Config::read(folder).map_err(Failure::usage)?;
    if file.exists() {
        return Err(Failure::usage(format!("{} exists already", file.display())));
    }
    let store = Store::open_as_it_is(&config.database).await.map_err(Failure::job)?;
    // It has its name when it is whole, and password hashes stand in it.
    let draft = PathBuf::from(format!("{}.part", file.display()));
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let cannot = |error: io::Error| Failure::job(format!("{}: {error}", draft.display()));
    let mut out = BufWriter::new(options.open(&draft).map_err(cannot)?);
    let summary = store::back_up(&store, &mut out).await;
    store.close().await;
    let summary = match summary {
        Ok(summary) => summary,
        Err(error) => {
            // A part is no backup; what cannot be removed is named by its ending.
            let _ = fs::remove_file(&draft);
            return Err(Failure::job(error));
        }
    };
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(cannot)?;
    fs::rename(&draft, file).map_err(cannot)?;
    let (rows, file, folder) = (summary.rows, file.display(), folder.display());
    let text = Text::owned(
        format!(
            "{rows} rows are in {file}. Keep key.pem, certificate.pem and node.yaml of {folder} \
             and the passphrase as well."
        ),
        format!(
            "已备份 {rows} 行到 {file}。请同时保存 {folder} 中的 key.pem、certificate.pem、node.yaml 以及口令。"
        ),
    );
    screen::message(language.of(&text));
    Ok(())
}

async fn restore(folder: &Path, file: &Path, language: Language) -> Result<(), Failure> {
    let config = Config::read(folder).map_err(Failure::usage)?;
    if let Some(running) = daemon::running(folder).map_err(Failure::job)? {
        let pid = running.pid;
        return Err(Failure::usage(format!("stop the node first; it is process {pid}")));
    }
    let open = File::open(file);
    let open = open.map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    let summary = store::restore(&config.database, &mut BufReader::new(open)).await;
    let summary = summary.map_err(Failure::job)?;
    let (rows, database) = (summary.rows, &config.database);
    let text = Text::owned(
        format!("{rows} rows are in {database}; whoever was signed in signs in again."),
        format!("已恢复 {rows} 行到 {database}；所有人需重新登录。"),
    );
    screen::message(language.of(&text));
    Ok(())
}
