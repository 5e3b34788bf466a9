//! The binary `tombolo`: organisations learn jointly without showing rows.

mod arguments;
mod audit;
mod bench;
mod components;
mod demo;
mod dev;
mod failure;
mod keys;
mod language;
mod launch;
mod node;
mod party;
mod passphrase;
mod plan;
mod progress;
mod run;
mod screen;
mod summary;
mod work_folder;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let language = language::choose(arguments.language);
    let done = match &arguments.command {
        Command::Demo { write: Some(folder), .. } => demo::write(folder),
        Command::Demo { out, write: None } => demo::demo(out.as_deref(), language),
        Command::Run { job, out, cache, models } => {
            run::run(job, out.as_deref(), cache.as_deref(), models.as_deref(), language)
        }
        Command::Join(arguments) => run::join(arguments, language),
        Command::Keys { folder, name } => keys::keys(folder, name, language),
        Command::Plan { job } => plan::plan(job, language),
        Command::Components { name } => components::components(name.as_deref(), language),
        Command::Dev(arguments) => dev::dev(arguments, language),
        Command::Node(command) => node::node(command, language),
        Command::Audit(command) => audit::audit(command, language),
        Command::Bench(arguments) => bench::bench(arguments),
        Command::BenchParty(arguments) => bench::bench_party(arguments),
        Command::Party(arguments) => party::party(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                screen::error(message);
            }
            ExitCode::from(failure.exit_code())
        }
    }
}
