//! `atelier-bench`: measures the queue and the API on servers that it starts itself.

use std::process::ExitCode;

use atelier_ops::terminal;
use clap::{Args, Parser};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

mod accounts;
mod all;
mod api;
mod applications;
mod arrivals;
mod bars;
mod cli;
mod constant;
mod cost;
mod counters;
mod drain;
mod embedded;
mod enqueue;
mod figures;
mod generations;
mod http;
mod installation;
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
mod testbed;
mod triggers;
mod worker;
mod workflows;

use crate::{
    servers::{programs::Programs, reaper},
    yardstick,
};
use cli::{Cli, Command, Measure, RunArgs};
use figures::Figures;
use report::Report;
use section::Section;
use testbed::Testbed;

/// Default number of runs, and that of the smoke test.
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
        terminal::print_error(format_args!("error: {error:#}"));
        ExitCode::FAILURE
    })
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Worker(args) => worker::run(args).await?,
        Command::Constant(args) => constant::run(args).await?,
        Command::Yardstick(args) => yardstick::serve(args).await?,
        Command::Reaper(args) => return reaper::run(&args),
        Command::Embedded(Measure { args, run }) => {
            let mut figures = Figures::default();
            embedded::measure(args, run.runs(RUNS), &mut figures).await?;
            let section = Section::new("embedded", &args, run.runs(RUNS), figures)?;
            Report { versions: versions(None), sections: vec![section] }.publish(&run)?;
        }
        Command::Generations(Measure { args, run }) => {
            let work = async |testbed: &Testbed, figures: &mut Figures| {
                generations::measure(testbed, args, run.runs(RUNS), figures).await
            };
            run_on_testbed("generations", &args, &run, work).await?;
        }
        Command::All(Measure { args, run }) => {
            let programs = Programs::locate(run.places()).await?;
            let sections = all::measure(&programs, &args, run.runs(RUNS)).await?;
            Report { versions: versions(Some(&programs)), sections }.publish(&run)?;
        }
        command @ (Command::Enqueue(_) | Command::Drain(_) | Command::Latency(_)) => {
            measure_queue(command).await?
        }
        command => measure_product(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a measurement of the queue.
async fn measure_queue(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Enqueue(Measure { args, run }) => {
            let work = async |testbed: &Testbed, figures: &mut Figures| match args.http {
                true => http::enqueue(testbed, args, run.runs(RUNS), figures).await,
                false => enqueue::measure(testbed, args, "", run.runs(RUNS), figures).await,
            };
            run_on_testbed("enqueue", &args, &run, work).await
        }
        Command::Drain(Measure { args, run }) => {
            let work = async |testbed: &Testbed, figures: &mut Figures| {
                drain::measure_all(testbed, args, run.runs(RUNS), figures).await
            };
            run_on_testbed("drain", &args, &run, work).await
        }
        Command::Latency(Measure { args, run }) => {
            let work = async |testbed: &Testbed, figures: &mut Figures| match args.http {
                true => http::latency(testbed, args, run.runs(RUNS), figures).await,
                false => latency::measure(testbed, args, run.runs(RUNS), figures).await,
            };
            run_on_testbed("latency", &args, &run, work).await
        }
        _ => Ok(()),
    }
}

/// Runs a measurement of more than the queue.
async fn measure_product(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Scale(Measure { args, run }) => {
            let work = async |testbed: &Testbed, figures: &mut Figures| {
                scale::measure(testbed, &args, run.runs(RUNS), figures).await
            };
            run_on_testbed("scale", &args, &run, work).await
        }
        Command::Cost(Measure { args, run }) => {
            let work = async |testbed: &Testbed, figures: &mut Figures| {
                cost::measure(testbed, &args, run.runs(RUNS), figures).await
            };
            run_on_testbed("cost", &args, &run, work).await
        }
        Command::Api(Measure { args, run }) => {
            let work = async |testbed: &Testbed, figures: &mut Figures| {
                api::measure(testbed, &args, run.runs(RUNS), figures).await
            };
            run_on_testbed("api", &args, &run, work).await
        }
        Command::Workflows(Measure { args, run }) => {
            let work = async |testbed: &Testbed, figures: &mut Figures| {
                workflows::measure(testbed, &args, run.runs(RUNS), figures).await
            };
            run_on_testbed("workflows", &args, &run, work).await
        }
        Command::Triggers(Measure { args, run }) => {
            let work = async |testbed: &Testbed, figures: &mut Figures| {
                triggers::measure(testbed, &args, run.runs(RUNS), figures).await
            };
            run_on_testbed("triggers", &args, &run, work).await
        }
        Command::Peers(Measure { args, run }) => {
            let work = async |testbed: &Testbed, figures: &mut Figures| {
                peers::measure(testbed, &args, run.runs(RUNS), figures).await
            };
            run_on_testbed("peers", &args, &run, work).await
        }
        Command::Quick(Measure { args, run }) => {
            let runs = run.runs(QUICK_RUNS);
            let work =
                async |testbed: &Testbed, figures: &mut Figures| quick::measure(testbed, runs, figures).await;
            run_on_testbed("quick", &args, &run, work).await
        }
        _ => Ok(()),
    }
}

/// Starts servers, runs a measurement on them and publishes its figures.
async fn run_on_testbed<T: Args + Serialize>(
    name: &'static str,
    args: &T,
    run: &RunArgs,
    work: impl AsyncFnOnce(&Testbed, &mut Figures) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let programs = Programs::locate(run.places()).await?;
    // Neither of them measures speed.
    let counts = matches!(name, "cost" | "quick");
    let figures = testbed::with(&programs, counts, work).await?;
    let runs = run.runs(if name == "quick" { QUICK_RUNS } else { RUNS });
    let section = Section::new(name, args, runs, figures)?;
    Report { versions: versions(Some(&programs)), sections: vec![section] }.publish(run)
}

/// The versions of everything that was measured.
fn versions(programs: Option<&Programs>) -> Value {
    let build = if report::OPTIMIZED { "dist" } else { "not optimized" };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    json!({
        "atelier": env!("CARGO_PKG_VERSION"), "build": build, "cores": cores,
        "postgres": programs.map(|programs| &programs.postgres_version),
        "redis": programs.map(|programs| &programs.redis_version),
    })
}
