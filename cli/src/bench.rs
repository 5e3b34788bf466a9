//! `tombolo bench`: a protocol between processes of this machine, measured.

use std::collections::BTreeMap;
use std::env;
use std::io::BufRead;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jobs::bench::{AUC_BOUND, Bench, PARTIES_MAX, Record, Scope, play};
use jobs::child::KEEP_MEMORY;
use jobs::spec::{Curve, Security};
use net::transport::grpc::{Listener, Peering, dial};
use net::transport::shaped::Shape;
use net::{Conversation, Identity, PublicKey, Seat};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::failure::Failure;
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
    /// Private set intersection, and what is like it
    Psi {
        /// The protocol: `ecdh`, `rr22`, `unbalanced` (the host's set prepared beforehand),
        /// `union` (random ids for all rows), `circuit` (shares of the result), `cardinality`,
        /// `sum` or `multiparty`
        #[arg(long, default_value = "ecdh")]
        protocol: String,
        /// The curve of `ecdh`
        #[arg(long, value_enum, default_value = "ristretto255")]
        curve: CurveChoice,
        /// How many parties, a process each; more than two with `multiparty` only
        #[arg(long, default_value_t = 2, value_parser = parties)]
        parties: usize,
        /// The partner that is held off; `malicious` with `rr22` only
        #[arg(long, value_enum, default_value = "semi_honest")]
        security: SecurityChoice,
        /// Ids of the guest
        #[arg(long, default_value_t = 1 << 16, value_parser = count)]
        rows: usize,
        /// Ids of each other party; by default as many
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
        /// Levels of a sparse category of the host; 0: none
        #[arg(long, default_value_t = 0)]
        sparse_levels: usize,
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
    /// Factorisation machine: users of two parties, items of the guest
    Recommendation {
        /// Common users
        #[arg(long, default_value_t = 30_000, value_parser = count)]
        users: usize,
        /// Items of the guest
        #[arg(long, default_value_t = 300, value_parser = count)]
        items: usize,
        /// Columns of the host, more than factors
        #[arg(long, default_value_t = 32, value_parser = count)]
        host_features: usize,
        /// Factors, a multiple of 4
        #[arg(long, default_value_t = 16, value_parser = count)]
        factors: usize,
        /// Directions in which item factors lie, a multiple of 4
        #[arg(long, default_value_t = 64, value_parser = count)]
        directions: usize,
        /// Steps of the descent
        #[arg(long, default_value_t = 20, value_parser = count)]
        passes: usize,
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
enum CurveChoice {
    Ristretto255,
    Sm2,
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
    /// The keys of all other parties, in their order
    #[arg(long)]
    peer_key: Vec<String>,
    /// Where the earlier parties listen, in their order; the later ones dial this one
    #[arg(long)]
    dial: Vec<String>,
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

fn parties(text: &str) -> Result<usize, String> {
    let value = text.parse::<usize>().map_err(|error| error.to_string())?;
    let is_possible = (2..=PARTIES_MAX).contains(&value);
    if is_possible { Ok(value) } else { Err(format!("expected 2 to {PARTIES_MAX}")) }
}

impl BenchArguments {
    fn bench(&self) -> Bench {
        match &self.name {
            BenchName::Psi { protocol, curve, security, parties, rows, their_rows, scope } => {
                Bench::Psi {
                    protocol: protocol.clone(),
                    curve: match curve {
                        CurveChoice::Ristretto255 => Curve::Ristretto255,
                        CurveChoice::Sm2 => Curve::Sm2,
                    },
                    parties_count: *parties,
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
                }
            }
            BenchName::VerticalLr { rows, guest_features, host_features, sparse_levels } => {
                Bench::VerticalLr {
                    rows: *rows,
                    guest_features: *guest_features,
                    host_features: *host_features,
                    sparse_levels: *sparse_levels,
                }
            }
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
            BenchName::Recommendation {
                users,
                items,
                host_features,
                factors,
                directions,
                passes,
            } => Bench::Recommendation {
                users: *users,
                items: *items,
                host_features: *host_features,
                factors: *factors,
                directions: *directions,
                passes: *passes,
            },
        }
    }
}

/// Runs all sides and prints one line; fails if the joint model is not the pooled one.
pub(crate) fn bench(arguments: &BenchArguments) -> Result<(), Failure> {
    let bench = arguments.bench();
    let work = WorkFolder::create(&env::temp_dir())?;
    let names: Vec<String> = (0..bench.parties_count()).map(name).collect();
    let mut keys = Vec::new();
    for name in &names {
        let key = Identity::generate(name).map_err(Failure::job)?;
        key.save(&work.path().join(name)).map_err(Failure::job)?;
        keys.push(key.public_key());
    }
    if !arguments.json {
        let count = names.len();
        screen::message(&format!("{count} processes over mutual TLS on loopback, simulated data"));
    }
    let (mut sides, mut addresses) = (Vec::new(), Vec::new());
    for (place, name) in names.iter().enumerate() {
        let mut side = Side::start(arguments, &bench, &work.path().join(name), &keys, &addresses)?;
        if place + 1 < names.len() {
            let Line::Listening(address) = side.next()? else {
                return Err(Failure::job(format!("{name} did not say where it listens")));
            };
            addresses.push(address);
        }
        sides.push(side);
    }
    let records: Vec<Record> = sides.iter_mut().map(Side::measured).collect::<Result<_, _>>()?;
    let line = summary(&bench, arguments, &records)?;
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
    records: &[Record],
) -> Result<Value, Failure> {
    let mut line = serde_json::to_value(bench).map_err(Failure::job)?;
    let party = |(place, record): (usize, &Record)| {
        json!({
            "name": name(place),
            "cpu_seconds": record.usage.cpu_seconds,
            "bytes_sent": record.usage.bytes_sent,
            "peak_memory_bytes": record.usage.peak_memory_bytes,
        })
    };
    // What the guest found is what is reported.
    let guests = records.iter().take(1).flat_map(|guest| guest.figures.clone());
    let mut figures: BTreeMap<String, Value> = guests.collect();
    let seconds = records.iter().map(|record| record.usage.seconds).fold(0.0, f64::max);
    figures.insert("seconds".into(), seconds.into());
    figures.insert("rounds".into(), records.iter().map(|it| it.usage.rounds).max().into());
    figures.insert("parties".into(), records.iter().enumerate().map(party).collect());
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
    /// Starts the party after those at `addresses`; `keys` are those of all parties.
    fn start(
        arguments: &BenchArguments,
        bench: &Bench,
        own_keys: &Path,
        keys: &[PublicKey],
        addresses: &[String],
    ) -> Result<Self, Failure> {
        let mut command = Command::new(env::current_exe().map_err(Failure::job)?);
        command
            .arg("bench-party")
            .args(["--bench", &serde_json::to_string(bench).map_err(Failure::job)?])
            .arg("--keys")
            .arg(own_keys)
            .envs(KEEP_MEMORY)
            .stdout(Stdio::piped());
        for (place, key) in keys.iter().enumerate() {
            if place != addresses.len() {
                command.args(["--peer-key", &key.to_string()]);
            }
        }
        for address in addresses {
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
    let measured = net::block_on(async {
        let (_listener, mut conversations) = connect(arguments).await?;
        let sessions = conversations.iter_mut().map(Conversation::session);
        let sessions = sessions.collect::<Result<_, _>>().map_err(Failure::job)?;
        match play(&bench, sessions).await {
            Ok(record) => {
                // Nobody may wait for this party while it waits for another one to finish.
                conversations.iter_mut().for_each(Conversation::finish);
                for conversation in conversations {
                    conversation.close().await.map_err(Failure::job)?;
                }
                Ok(record)
            }
            Err(error) => {
                for conversation in conversations {
                    conversation.abort("the bench failed on the other side").await;
                }
                Err(Failure::job(error))
            }
        }
    });
    print(&Line::Measured(measured.map_err(Failure::job)??))
}

/// Dials the earlier parties and waits for the later ones; their conversations in their order.
async fn connect(
    arguments: &BenchPartyArguments,
) -> Result<(Option<Arc<Listener>>, Vec<Conversation>), Failure> {
    let mut peerings = peerings(arguments)?;
    let later = peerings.split_off(arguments.dial.len());
    let (mut listener, mut arrivals) = (None, JoinSet::new());
    if let Some(peering) = later.first() {
        let bound = Listener::bind("127.0.0.1:0", &peering.identity).await.map_err(Failure::job)?;
        let address = bound.local_address().to_string();
        let bound = listener.insert(Arc::new(bound));
        for (index, peering) in later.into_iter().enumerate() {
            let bound = Arc::clone(bound);
            arrivals.spawn(async move { (index, bound.accept(peering).await) });
        }
        // All are waited for before anybody knows where to dial.
        tokio::task::yield_now().await;
        print(&Line::Listening(address))?;
    }
    let mut conversations = Vec::new();
    for (address, peering) in arguments.dial.iter().zip(peerings) {
        conversations.push(dial(address, peering).await.map_err(Failure::job)?);
    }
    let mut accepted = arrivals.join_all().await;
    accepted.sort_by_key(|(index, _)| *index);
    for (_, conversation) in accepted {
        conversations.push(conversation.map_err(Failure::job)?);
    }
    Ok((listener, conversations))
}

/// What this party knows about each other one, in their order.
fn peerings(arguments: &BenchPartyArguments) -> Result<Vec<Peering>, Failure> {
    let identity = Arc::new(Identity::load(&arguments.keys).map_err(Failure::usage)?);
    let place = arguments.dial.len();
    let others = (0..).filter(|other| *other != place);
    let peering = |(other, key): (usize, &String)| {
        let mut seat = Seat::new(name(place), name(other), place < other);
        // Half-gigabyte messages over a slow line take long and are no fault.
        seat.settings.step_timeout = Duration::from_hours(1);
        seat.bandwidth = arguments.bandwidth.map(|bandwidth| bandwidth as u32);
        if arguments.bandwidth.is_some() || arguments.latency.is_some() {
            seat.settings.shape = Some(Shape {
                megabits_per_second: arguments.bandwidth.unwrap_or(f64::INFINITY),
                latency: Duration::from_secs_f64(arguments.latency.unwrap_or(0.0).max(0.0) / 1e3),
            });
        }
        Ok(Peering {
            seat,
            identity: Arc::clone(&identity),
            peer_key: key.parse().map_err(Failure::usage)?,
            job_digest: *blake3::hash(arguments.bench.as_bytes()).as_bytes(),
            route: None,
        })
    };
    others.zip(&arguments.peer_key).map(peering).collect()
}

fn print(line: &Line) -> Result<(), Failure> {
    screen::data(&serde_json::to_string(line).map_err(Failure::job)?);
    Ok(())
}

/// The name of the party at this place.
fn name(place: usize) -> String {
    match place {
        0 => "guest".to_owned(),
        1 => "host".to_owned(),
        _ => format!("host{place}"),
    }
}
