//! `tombolo bench`: a protocol between two processes of this machine, measured.

use std::collections::BTreeMap;
use std::env;
use std::io::BufRead;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jobs::bench::{AUC_BOUND, Bench, Record, Scope, play};
use jobs::spec::Security;
use net::transport::grpc::{Listener, Peering, dial};
use net::transport::shaped::Shape;
use net::{Identity, PublicKey, Seat};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::launch::KEEP_MEMORY;
use crate::screen;
use crate::work_folder::WorkFolder;

/// What is measured, and over what line.
#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    #[command(subcommand)]
    name: BenchName,
    /// Bandwidth of the line in Mbit/s; without it the line is loopback's
    #[arg(long, global = true)]
    bandwidth: Option<f64>,
    /// Latency of the line in milliseconds, one way
    #[arg(long, global = true)]
    latency: Option<f64>,
    /// Print nothing but the JSON line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum BenchName {
    /// Private set intersection, both parties learning (with `unbalanced` only the guest)
    Psi {
        /// The protocol: `ecdh`, `rr22` or `unbalanced` (the host's set prepared beforehand)
        #[arg(long, default_value = "ecdh")]
        protocol: String,
        /// The partner that is held off; `malicious` with `rr22` only
        #[arg(long, value_enum, default_value = "semi_honest")]
        security: SecurityChoice,
        /// Ids of the guest
        #[arg(long, default_value_t = 1 << 16, value_parser = count)]
        rows: usize,
        /// Ids of the host; by default as many
        #[arg(long, value_parser = count)]
        their_rows: Option<usize>,
        /// `protocol`: ids in memory; `whole`: CSV files in, aligned Parquet files out
        #[arg(long, value_enum, default_value = "protocol")]
        scope: ScopeChoice,
    },
    /// Strict logistic regression
    VerticalLr {
        /// Common rows
        #[arg(long, default_value_t = 30_000, value_parser = count)]
        rows: usize,
        /// Columns of the guest
        #[arg(long, default_value_t = 12, value_parser = count)]
        guest_features: usize,
        /// Columns of the host
        #[arg(long, default_value_t = 11, value_parser = count)]
        host_features: usize,
    },
    /// Boosted trees
    VerticalGbdt {
        /// The privacy mode; it has to be named
        #[arg(long)]
        privacy: String,
        /// Common rows
        #[arg(long, default_value_t = 30_000, value_parser = count)]
        rows: usize,
        /// Features of the guest
        #[arg(long, default_value_t = 12, value_parser = count)]
        guest_features: usize,
        /// Features of the host
        #[arg(long, default_value_t = 11, value_parser = count)]
        host_features: usize,
        /// Levels of splits
        #[arg(long, default_value_t = 5)]
        depth: usize,
        /// Bins of a feature, 2 to 255
        #[arg(long, default_value_t = 32)]
        bins: usize,
        /// Trees
        #[arg(long, default_value_t = 10, value_parser = count)]
        trees: usize,
    },
}

/// Written as in a job file.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum SecurityChoice {
    SemiHonest,
    Malicious,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScopeChoice {
    Protocol,
    Whole,
}

/// One side of a bench, as a process of its own.
#[derive(Debug, Args)]
pub(crate) struct BenchPartyArguments {
    #[arg(long)]
    bench: String,
    #[arg(long)]
    keys: std::path::PathBuf,
    #[arg(long)]
    peer_key: String,
    /// Where the guest listens; without it this side waits and prints the address
    #[arg(long)]
    dial: Option<String>,
    #[arg(long)]
    bandwidth: Option<f64>,
    #[arg(long)]
    latency: Option<f64>,
}

/// What a side prints, one JSON object a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Listening(String),
    Measured(Record),
}

fn count(text: &str) -> Result<usize, String> {
    let value = text.replace('_', "").parse::<usize>().map_err(|error| error.to_string())?;
    if (1..=1 << 30).contains(&value) { Ok(value) } else { Err("expected 1 to 2^30".to_owned()) }
}

impl BenchArguments {
    fn bench(&self) -> Bench {
        match &self.name {
            BenchName::Psi { protocol, security, rows, their_rows, scope } => Bench::Psi {
                protocol: protocol.clone(),
                security: match security {
                    SecurityChoice::SemiHonest => Security::SemiHonest,
                    SecurityChoice::Malicious => Security::Malicious,
                },
                rows: *rows,
                their_rows: their_rows.unwrap_or(*rows),
                scope: match scope {
                    ScopeChoice::Protocol => Scope::Protocol,
                    ScopeChoice::Whole => Scope::Whole,
                },
            },
            BenchName::VerticalLr { rows, guest_features, host_features } => Bench::VerticalLr {
                rows: *rows,
                guest_features: *guest_features,
                host_features: *host_features,
            },
            BenchName::VerticalGbdt {
                privacy,
                rows,
                guest_features,
                host_features,
                depth,
                bins,
                trees,
            } => Bench::VerticalGbdt {
                privacy: privacy.clone(),
                rows: *rows,
                guest_features: *guest_features,
                host_features: *host_features,
                depth: *depth,
                bins: *bins,
                trees: *trees,
            },
        }
    }
}

/// Runs both sides and prints one line; fails if the joint model is not the pooled one.
pub(crate) fn bench(arguments: &BenchArguments) -> Result<(), Failure> {
    let bench = arguments.bench();
    let work = WorkFolder::create(&env::temp_dir())?;
    let keys = [GUEST, HOST].map(|name| Identity::generate(name).map_err(Failure::job));
    let [guest_key, host_key] = keys;
    let (guest_key, host_key) = (guest_key?, host_key?);
    guest_key.save(&work.path().join(GUEST)).map_err(Failure::job)?;
    host_key.save(&work.path().join(HOST)).map_err(Failure::job)?;
    if !arguments.json {
        screen::message("two processes over mutual TLS on loopback, simulated data");
    }
    let start = |name, peer: &Identity, address: Option<&str>| {
        Side::start(arguments, &bench, work.path(), name, &peer.public_key(), address)
    };
    let mut guest = start(GUEST, &host_key, None)?;
    let Line::Listening(address) = guest.next()? else {
        return Err(Failure::job("the guest did not say where it listens"));
    };
    let mut host = start(HOST, &guest_key, Some(&address))?;
    let (guest, host) = (guest.measured()?, host.measured()?);
    let line = summary(&bench, arguments, &guest, &host)?;
    screen::data(&line.to_string());
    match (line["auc"].as_f64(), line["auc_pooled"].as_f64()) {
        (Some(joint), Some(pooled)) if (joint - pooled).abs() > AUC_BOUND => Err(Failure::job(
            format!("the joint model's AUC differs from the pooled one's by more than {AUC_BOUND}"),
        )),
        _ => Ok(()),
    }
}

fn summary(
    bench: &Bench,
    arguments: &BenchArguments,
    guest: &Record,
    host: &Record,
) -> Result<Value, Failure> {
    let mut line = serde_json::to_value(bench).map_err(Failure::job)?;
    let party = |name: &str, record: &Record| {
        json!({
            "name": name,
            "cpu_seconds": record.usage.cpu_seconds,
            "bytes_sent": record.usage.bytes_sent,
            "peak_memory_bytes": record.usage.peak_memory_bytes,
        })
    };
    let mut figures: BTreeMap<String, Value> = guest.figures.clone().into_iter().collect();
    figures.insert("seconds".into(), guest.usage.seconds.max(host.usage.seconds).into());
    figures.insert("rounds".into(), guest.usage.rounds.max(host.usage.rounds).into());
    figures.insert("parties".into(), json!([party(GUEST, guest), party(HOST, host)]));
    figures.insert("bandwidth_mbit".into(), arguments.bandwidth.into());
    figures.insert("latency_ms".into(), arguments.latency.into());
    figures.insert("data".into(), "simulated".into());
    if let Some(object) = line.as_object_mut() {
        object.extend(figures);
    }
    Ok(line)
}

/// A child process and its lines.
struct Side {
    child: Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Side {
    fn start(
        arguments: &BenchArguments,
        bench: &Bench,
        work: &Path,
        name: &str,
        peer: &PublicKey,
        address: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut command = Command::new(env::current_exe().map_err(Failure::job)?);
        command
            .arg("bench-party")
            .args(["--bench", &serde_json::to_string(bench).map_err(Failure::job)?])
            .arg("--keys")
            .arg(work.join(name))
            .args(["--peer-key", &peer.to_string()])
            .envs(KEEP_MEMORY)
            .stdout(Stdio::piped());
        if let Some(address) = address {
            command.args(["--dial", address]);
        }
        for (flag, value) in
            [("--bandwidth", arguments.bandwidth), ("--latency", arguments.latency)]
        {
            if let Some(value) = value {
                command.args([flag, &value.to_string()]);
            }
        }
        let mut child = command.spawn().map_err(Failure::job)?;
        let stdout = child.stdout.take().ok_or_else(|| Failure::job("no pipe to the process"))?;
        Ok(Self { child, lines: std::io::BufReader::new(stdout).lines() })
    }

    fn next(&mut self) -> Result<Line, Failure> {
        let ended = || Failure::job("a side of the bench ended early; see its message above");
        let line = self.lines.next().ok_or_else(ended)?.map_err(Failure::job)?;
        serde_json::from_str(&line).map_err(Failure::job)
    }

    fn measured(&mut self) -> Result<Record, Failure> {
        let Line::Measured(record) = self.next()? else {
            return Err(Failure::job("a side of the bench said something unexpected"));
        };
        Ok(record)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // It has ended already, or nobody needs it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays one side.
pub(crate) fn bench_party(arguments: &BenchPartyArguments) -> Result<(), Failure> {
    let bench: Bench = serde_json::from_str(&arguments.bench).map_err(Failure::usage)?;
    let guest = arguments.dial.is_none();
    let (me, peer) = if guest { (GUEST, HOST) } else { (HOST, GUEST) };
    let mut seat = Seat::new(me, peer, guest);
    // Half-gigabyte messages over a slow line take long and are no fault.
    seat.settings.step_timeout = Duration::from_hours(1);
    if arguments.bandwidth.is_some() || arguments.latency.is_some() {
        seat.settings.shape = Some(Shape {
            megabits_per_second: arguments.bandwidth.unwrap_or(f64::INFINITY),
            latency: Duration::from_secs_f64(arguments.latency.unwrap_or(0.0).max(0.0) / 1e3),
        });
    }
    let peering = Peering {
        seat,
        identity: Arc::new(Identity::load(&arguments.keys).map_err(Failure::usage)?),
        peer_key: arguments.peer_key.parse().map_err(Failure::usage)?,
        job_digest: *blake3::hash(arguments.bench.as_bytes()).as_bytes(),
    };
    let measured = net::block_on(async {
        let (_listener, mut conversation) = if let Some(address) = &arguments.dial {
            (None, dial(address, peering).await.map_err(Failure::job)?)
        } else {
            let listener =
                Listener::bind("127.0.0.1:0", &peering.identity).await.map_err(Failure::job)?;
            print(&Line::Listening(listener.local_address().to_string()))?;
            let conversation = listener.accept(peering).await.map_err(Failure::job)?;
            (Some(listener), conversation)
        };
        let session = conversation.session().map_err(Failure::job)?;
        match play(&bench, session).await {
            Ok(record) => {
                conversation.close().await.map_err(Failure::job)?;
                Ok(record)
            }
            Err(error) => {
                conversation.abort("the bench failed on the other side").await;
                Err(Failure::job(error))
            }
        }
    });
    print(&Line::Measured(measured.map_err(Failure::job)??))
}

fn print(line: &Line) -> Result<(), Failure> {
    screen::data(&serde_json::to_string(line).map_err(Failure::job)?);
    Ok(())
}

const GUEST: &str = "guest";
const HOST: &str = "host";
