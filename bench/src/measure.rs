//! `atelier-bench`: gives the queue work on servers of its own and tells how fast it
//! was done.

use std::process::ExitCode;

use clap::{Args, Parser};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

mod accounts;
mod all;
mod api;
mod bars;
mod cli;
mod constant;
mod cost;
mod counters;
mod drain;
mod embedded;
mod enqueue;
mod figures;
mod http;
mod kinds;
mod latency;
mod load;
mod peers;
mod process;
mod procfs;
mod product;
mod quick;
mod report;
mod rows;
mod scale;
mod section;
mod stage;
mod worker;

use crate::{
    servers::{programs::Programs, warden},
    terminal, yardstick,
};
use cli::{Cli, Command, Measure, RunArgs};
use figures::Figures;
use report::Report;
use section::Section;
use stage::Stage;

/// Runs of a measurement, and of the smoke test.
const RUNS: u16 = 5;
const QUICK_RUNS: u16 = 1;

/// Runs the program with this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("warn,apalis=error,apalis_core=error"))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let outcome = match Runtime::new() {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(cli.command));
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error.into()),
    };
    outcome.unwrap_or_else(|error| {
        terminal::complain(format_args!("error: {error:#}"));
        ExitCode::FAILURE
    })
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Worker(args) => worker::run(args).await?,
        Command::Constant(args) => constant::run(args).await?,
        Command::Yardstick(args) => yardstick::serve(args).await?,
        Command::Warden(args) => return warden::keep_watch(&args),
        Command::Embedded(Measure { own, run }) => {
            let mut figures = Figures::default();
            embedded::measure(own, run.runs(RUNS), &mut figures).await?;
            let section = Section::new("embedded", &own, run.runs(RUNS), figures)?;
            Report { versions: versions(None), sections: vec![section] }.tell(&run)?;
        }
        Command::All(Measure { own, run }) => {
            let programs = Programs::locate(run.places()).await?;
            let sections = all::measure(&programs, &own, run.runs(RUNS)).await?;
            Report { versions: versions(Some(&programs)), sections }.tell(&run)?;
        }
        command @ (Command::Enqueue(_) | Command::Drain(_) | Command::Latency(_)) => {
            of_queue(command).await?
        }
        command => of_whole(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A measurement of the queue on PostgreSQL and Redis.
async fn of_queue(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Enqueue(Measure { own, run }) => {
            let work = async |stage: &Stage, figures: &mut Figures| match own.http {
                true => http::enqueue(stage, own, run.runs(RUNS), figures).await,
                false => enqueue::measure(stage, own, "", run.runs(RUNS), figures).await,
            };
            on_stage("enqueue", &own, &run, work).await
        }
        Command::Drain(Measure { own, run }) => {
            let work = async |stage: &Stage, figures: &mut Figures| {
                drain::measure_all(stage, own, run.runs(RUNS), figures).await
            };
            on_stage("drain", &own, &run, work).await
        }
        Command::Latency(Measure { own, run }) => {
            let work = async |stage: &Stage, figures: &mut Figures| match own.http {
                true => http::latency(stage, own, run.runs(RUNS), figures).await,
                false => latency::measure(stage, own, run.runs(RUNS), figures).await,
            };
            on_stage("latency", &own, &run, work).await
        }
        _ => Ok(()),
    }
}

/// A measurement of more than the queue.
async fn of_whole(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Scale(Measure { own, run }) => {
            let work = async |stage: &Stage, figures: &mut Figures| {
                scale::measure(stage, &own, run.runs(RUNS), figures).await
            };
            on_stage("scale", &own, &run, work).await
        }
        Command::Cost(Measure { own, run }) => {
            let work = async |stage: &Stage, figures: &mut Figures| {
                cost::measure(stage, &own, run.runs(RUNS), figures).await
            };
            on_stage("cost", &own, &run, work).await
        }
        Command::Api(Measure { own, run }) => {
            let work = async |stage: &Stage, figures: &mut Figures| {
                api::measure(stage, &own, run.runs(RUNS), figures).await
            };
            on_stage("api", &own, &run, work).await
        }
        Command::Peers(Measure { own, run }) => {
            let work = async |stage: &Stage, figures: &mut Figures| {
                peers::measure(stage, &own, run.runs(RUNS), figures).await
            };
            on_stage("peers", &own, &run, work).await
        }
        Command::Quick(Measure { own, run }) => {
            let runs = run.runs(QUICK_RUNS);
            let work =
                async |stage: &Stage, figures: &mut Figures| quick::measure(stage, runs, figures).await;
            on_stage("quick", &own, &run, work).await
        }
        _ => Ok(()),
    }
}

/// Does the work on servers of its own and tells the figures.
async fn on_stage<T: Args + Serialize>(
    name: &'static str,
    own: &T,
    run: &RunArgs,
    work: impl AsyncFnOnce(&Stage, &mut Figures) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let programs = Programs::locate(run.places()).await?;
    // Neither of them is about speed.
    let counts = matches!(name, "cost" | "quick");
    let figures = stage::with(&programs, counts, work).await?;
    let runs = run.runs(if name == "quick" { QUICK_RUNS } else { RUNS });
    let section = Section::new(name, own, runs, figures)?;
    Report { versions: versions(Some(&programs)), sections: vec![section] }.tell(run)
}

/// What was measured, and on what.
fn versions(programs: Option<&Programs>) -> Value {
    let build = if cfg!(debug_assertions) { "dev" } else { "release" };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    json!({
        "atelier": env!("CARGO_PKG_VERSION"), "build": build, "cores": cores,
        "postgres": programs.map(|programs| &programs.postgres_version),
        "redis": programs.map(|programs| &programs.redis_version),
    })
}
