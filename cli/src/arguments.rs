//! What can be typed after `tombolo`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jobs::child::Contact;

use crate::bench::{BenchArguments, BenchPartyArguments};

/// Organisations learn jointly without showing rows.
#[derive(Debug, Parser)]
#[command(name = "tombolo", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Language of tables and messages; by default that of the environment
    #[arg(long, global = true, value_enum)]
    pub(crate) language: Option<LanguageChoice>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The languages that can be asked for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LanguageChoice {
    /// English
    En,
    /// 简体中文
    Zh,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the main job on bundled real data: a bank and a telephone operator, two processes,
    /// mutual TLS on loopback
    #[command(after_help = DEMO_HELP)]
    Demo {
        /// Folder for the results, one folder in it for each party
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Only write the two tables and the job into this folder, to change them and run them
        #[arg(long, value_name = "DIR", conflicts_with = "out")]
        write: Option<PathBuf>,
    },
    /// Run a job with every party on this machine, each a process of its own (for trying out)
    #[command(after_help = RUN_HELP)]
    Run {
        /// The job file
        #[arg(value_name = "JOB.yaml")]
        job: PathBuf,
        /// Folder for the results, one folder in it for each party
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Folder for what `protocol: unbalanced` keeps between runs; by default that for results
        #[arg(long, value_name = "DIR")]
        cache: Option<PathBuf>,
        /// Folder of the results of the job that trained the model, for `score:` and `warm_start:`
        #[arg(long, value_name = "DIR")]
        models: Option<PathBuf>,
    },
    /// Run one party of a job, whose other parties run on machines of their own
    #[command(after_help = JOIN_HELP)]
    Join(JoinArguments),
    /// Make the key that a party is known by, or show the public half of one that is there
    #[command(after_help = KEYS_HELP)]
    Keys {
        /// Folder of the key
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The organisation, for people who look at the certificate
        #[arg(long, default_value = "tombolo")]
        name: String,
    },
    /// Check a job and print its steps and what each party will learn; runs nothing
    #[command(after_help = PLAN_HELP)]
    Plan {
        /// The job file
        #[arg(value_name = "JOB.yaml")]
        job: PathBuf,
    },
    /// Show every component, or one with its settings, privacy modes and disclosures
    #[command(after_help = COMPONENTS_HELP)]
    Components {
        /// The component, by the name that the list gives
        name: Option<String>,
    },
    /// A member's own server, with accounts for its people
    #[command(subcommand, after_help = NODE_HELP)]
    Node(NodeCommand),
    /// Two nodes on this machine that have agreed on a job over real data, to try everything out
    #[command(after_help = DEV_HELP)]
    Dev(DevArguments),
    /// Check audit records: one alone, two parties' against each other, or one line
    #[command(subcommand, after_help = AUDIT_HELP)]
    Audit(AuditCommand),
    /// Measure a protocol between two processes on this machine; one JSON object a line
    Bench(BenchArguments),
    /// One side of a bench, as a process of its own
    #[command(hide = true)]
    BenchParty(BenchPartyArguments),
    /// One party of a job, as a process of its own; `run` and `join` start them
    #[command(hide = true)]
    Party(PartyArguments),
}

/// How the two nodes are run.
#[derive(Args, Debug)]
pub(crate) struct DevArguments {
    /// Folder of both; made if it is not there, and gone on with if it is
    #[arg(long, value_name = "DIR", default_value = "tombolo-dev")]
    pub(crate) folder: PathBuf,
    /// Run the sample job once between them, print where the bank's results are, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Choose free ports when the nodes are made, in place of 7441, 7442, 8441 and 8442
    #[arg(long)]
    pub(crate) any_port: bool,
}

/// What can be done with a node. A node lives in a folder of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Make a node in an empty folder; asks for what is not given
    Init(InitArguments),
    /// Serve until SIGTERM; the log goes to the standard error, one JSON object a line
    Start {
        #[command(flatten)]
        folder: NodeFolder,
    },
    /// Say whether the node runs, since when and where; the exit code is 1 if it does not
    Status {
        #[command(flatten)]
        folder: NodeFolder,
    },
    /// Give a person a new one-time password
    Password {
        /// The person's name
        name: String,
        #[command(flatten)]
        folder: NodeFolder,
    },
    /// Write everything that the database holds into a file; the node may go on meanwhile
    Backup {
        /// The file, which must not exist yet
        file: PathBuf,
        #[command(flatten)]
        folder: NodeFolder,
    },
    /// Put a backup into the empty database that node.yaml names, of either kind
    Restore {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        folder: NodeFolder,
    },
}

/// Where a node lives.
#[derive(Args, Debug)]
pub(crate) struct NodeFolder {
    /// The node's folder
    #[arg(long = "folder", value_name = "DIR", default_value = "tombolo-node")]
    pub(crate) path: PathBuf,
}

/// What a new node has to know.
#[derive(Args, Debug)]
pub(crate) struct InitArguments {
    #[command(flatten)]
    pub(crate) folder: NodeFolder,
    /// The member's name, as partners see it: lower-case letters, digits, `_` and `-`
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where partners meet the node; without it the node dials them
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) partners: Option<String>,
    /// Where its people meet it, by HTTPS
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) people: Option<String>,
    /// `postgres://…` or `sqlite:PATH`; without it a file in the node's folder
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Where the passphrase of the node's key is: <file:PATH>, variable:NAME, prompt or none
    #[arg(long, value_name = "WHERE")]
    pub(crate) passphrase: Option<String>,
    /// The name of the first operator
    #[arg(long, value_name = "NAME", default_value = "operator")]
    pub(crate) operator: String,
    /// Ask nothing, and take the defaults for what is not given
    #[arg(long)]
    pub(crate) yes: bool,
}

/// What can be done with audit records. A record is `audit.jsonl` of a party's results, or the
/// folder it lies in.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that records are complete and unchanged since their parties sealed them; also checks
    /// proofs
    Verify {
        /// Records or proofs
        #[arg(value_name = "RECORD", required = true)]
        records: Vec<PathBuf>,
    },
    /// Check two parties' records of one job against each other: what one has sent, the other has
    /// received
    Compare {
        /// One party's record
        #[arg(value_name = "RECORD")]
        first: PathBuf,
        /// The other's
        #[arg(value_name = "OTHER")]
        second: PathBuf,
    },
    /// Print a proof that a line stands in a record, for somebody who may not see the others
    Prove {
        /// The record
        #[arg(value_name = "RECORD")]
        record: PathBuf,
        /// The number of the line, from 1
        #[arg(value_name = "LINE")]
        line: usize,
    },
}

/// How one party meets the others.
#[derive(Args, Clone, Debug)]
pub(crate) struct NetworkArguments {
    /// Another party, the key that is pinned for it, and its address if this party dials it, with
    /// the route if it is behind the port of its node; once for each
    #[arg(long = "peer", value_name = "NAME=KEY[@HOST:PORT[/ROUTE]]", required = true)]
    pub(crate) peers: Vec<Contact>,
    /// Wait on this address for the parties that have none; port 0 takes a free one, which is then
    /// told
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// How long a cut connection may take to come back, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) reconnect_window: u64,
}

/// What `join` needs to know.
#[derive(Args, Debug)]
pub(crate) struct JoinArguments {
    /// This party's copy of the job file; all copies must be the same but for the paths of tables
    #[arg(value_name = "JOB.yaml")]
    pub(crate) job: PathBuf,
    /// Which of the job's parties this is
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) party: String,
    /// Folder of this party's key; see `tombolo keys`
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: PathBuf,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    /// How long the others may take to come, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 10)]
    pub(crate) wait: u64,
    /// Folder for the results; the party's own folder is made in it
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Folder for what `protocol: unbalanced` keeps between runs; by default that for results
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Folder of the results of the job that trained the model, for `score:` and `warm_start:`
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
}

/// What one party's process needs to know.
#[derive(Args, Debug)]
pub(crate) struct PartyArguments {
    /// The job file
    #[arg(long, value_name = "JOB.yaml")]
    pub(crate) job: PathBuf,
    /// Which of the job's parties this is
    #[arg(long, value_name = "NAME")]
    pub(crate) party: String,
    /// Folder with this party's key.pem and certificate.pem
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: PathBuf,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    /// Folder for the results; the party's own folder is made in it
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Folder for what `protocol: unbalanced` keeps between runs; by default that for results
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Folder of the results of the job that trained the model, for `score:` and `warm_start:`
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// This party's table, in place of the one that the job file names
    #[arg(long, value_name = "PATH")]
    pub(crate) table: Option<PathBuf>,
    /// How long the others may take to come, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) wait: u64,
    /// Take the first line of the standard input for the passphrase of the key
    #[arg(long)]
    pub(crate) passphrase_stdin: bool,
    /// End when the standard input ends, so that no party outlives the program that started it
    #[arg(long)]
    pub(crate) leash: bool,
}

const AFTER_HELP: &str = "\
Examples:
  tombolo demo                        see it work, on bundled real data
  tombolo plan examples/breast.yaml   what a job does and who learns what
  tombolo run  examples/breast.yaml   run it with every party on this machine
  tombolo join job.yaml --as bank …   run one party, the others on their own machines
  tombolo components                  everything a job can do

Data go to the standard output, messages and progress to the standard error.

Exit codes:
  0    done
  1    the job failed
  2    wrong usage, or a mistake in the job file
  130  interrupted";

const DEMO_HELP: &str = "\
Examples:
  tombolo demo
  tombolo demo --out demo && xdg-open demo/bank/report.html
  tombolo demo --write mine && tombolo run mine/term-deposit.yaml

The data are the UCI bank-marketing calls (41,188 rows, CC BY 4.0), cut into a bank's table and a
telephone operator's. Without --out the results go to tombolo-results/term-deposit.";

const RUN_HELP: &str = "\
Examples:
  tombolo run examples/breast.yaml
  tombolo run my-job.yaml --out results
  tombolo run next-month.yaml --models results --out scored

Paths of tables are relative to the job file. Without --out the results go to
tombolo-results/ and the name of the job.";

const JOIN_HELP: &str = "\
Examples, of a bank that can be reached and an operator that dials it:
  tombolo join job.yaml --as bank --keys keys --listen 0.0.0.0:7443 \\
      --peer operator=ed25519:4f21…
  tombolo join job.yaml --as operator --keys keys \\
      --peer bank=ed25519:88c0…@tombolo.bank.example:7443

Either may be the one that listens. Without --out the results go to tombolo-results/ and the name
of the job.";

const KEYS_HELP: &str = "\
Examples:
  tombolo keys keys --name 'Bank of Examples'
  tombolo keys keys                             the same key again

The private half stays in DIR/key.pem, which only its owner may read.";

const PLAN_HELP: &str = "\
Examples:
  tombolo plan examples/breast.yaml
  tombolo --language zh plan examples/breast.yaml";

const DEV_HELP: &str = "\
Examples:
  tombolo dev
  tombolo dev --once
  tombolo dev --folder two-nodes";
const NODE_HELP: &str = "\
Examples:
  tombolo node init --name bank
  tombolo node init --name bank --partners 0.0.0.0:7443 --people 0.0.0.0:8443 \\
      --database postgres://tombolo@db.example/tombolo --passphrase file:/etc/tombolo/passphrase
  tombolo node start
  tombolo node backup node-2026-12-01.jsonl

A backup holds the database. Keep key.pem, certificate.pem, node.yaml and the passphrase as well:
without them nobody can be this node again.";

const AUDIT_HELP: &str = "\
Examples:
  tombolo audit verify  results/bank results/operator
  tombolo audit compare results/bank results/operator
  tombolo audit prove   results/bank 12 > line-12.json
  tombolo audit verify  line-12.json

The exit code is 0 if everything holds, 1 if not.";

const COMPONENTS_HELP: &str = "\
Examples:
  tombolo components
  tombolo components train.logistic_regression";
