//! `atelier-bench`: gives the queue work on servers of its own and tells how fast it
//! was done.

use std::process::ExitCode;

use clap::{Args, Parser};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

mod cli;
mod drain;
mod embedded;
mod enqueue;
mod figures;
mod kinds;
mod latency;
mod process;
mod quick;
mod rows;
mod stage;
mod worker;

use crate::{
    servers::{programs::Programs, warden},
    terminal,
};
use cli::{Cli, Command, Measure, RunArgs};
use figures::Figures;
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
        Command::Warden(args) => return warden::keep_watch(&args),
        Command::Enqueue(Measure { own, run }) => {
            let work = async |stage: &Stage, figures: &mut Figures| {
                enqueue::measure(stage, own, run.runs(RUNS), figures).await
            };
            on_stage("enqueue", &own, &run, RUNS, work).await?;
        }
        Command::Drain(Measure { own, run }) => {
            let work = async |stage: &Stage, figures: &mut Figures| {
                drain::measure(stage, own, &drain::name(own), run.runs(RUNS), figures).await
            };
            on_stage("drain", &own, &run, RUNS, work).await?;
        }
        Command::Latency(Measure { own, run }) => {
            let work = async |stage: &Stage, figures: &mut Figures| {
                latency::measure(stage, own, run.runs(RUNS), figures).await
            };
            on_stage("latency", &own, &run, RUNS, work).await?;
        }
        Command::Embedded(Measure { own, run }) => {
            let mut figures = Figures::default();
            embedded::measure(own, run.runs(RUNS), &mut figures).await?;
            tell(&figures, &configuration("embedded", &own, run.runs(RUNS))?, &versions(None), &run)?;
        }
        Command::Quick(Measure { own, run }) => {
            let runs = run.runs(QUICK_RUNS);
            let work =
                async |stage: &Stage, figures: &mut Figures| quick::measure(stage, runs, figures).await;
            on_stage("quick", &own, &run, QUICK_RUNS, work).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Does the work on servers of its own, which are stopped whatever comes of it, and
/// tells the figures.
async fn on_stage<T: Args + Serialize>(
    name: &str,
    own: &T,
    run: &RunArgs,
    default_runs: u16,
    work: impl AsyncFnOnce(&Stage, &mut Figures) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let programs = Programs::locate(run.places()).await?;
    let stage = Stage::start(&programs).await?;
    let mut figures = Figures::default();
    let outcome = work(&stage, &mut figures).await;
    stage.finish().await?;
    outcome?;
    tell(&figures, &configuration(name, own, run.runs(default_runs))?, &versions(Some(&programs)), run)
}

fn configuration<T: Serialize>(name: &str, own: &T, runs: u16) -> anyhow::Result<Value> {
    let mut configuration = serde_json::to_value(own)?;
    configuration["measurement"] = name.into();
    configuration["runs"] = runs.into();
    configuration["postgres_settings"] = stage::POSTGRES_SETTINGS.lines().collect();
    Ok(configuration)
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

fn tell(figures: &Figures, configuration: &Value, versions: &Value, run: &RunArgs) -> anyhow::Result<()> {
    terminal::say(format_args!("versions       {versions}"));
    terminal::say(format_args!("configuration  {configuration}\n"));
    terminal::say(figures.table());
    if cfg!(debug_assertions) {
        terminal::say("\nThis is no release build: the figures say nothing about speed.");
    }
    match &run.json {
        Some(file) => figures.write_json(file, configuration, versions),
        None => Ok(()),
    }
}
