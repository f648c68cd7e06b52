//! The command lines of the four binaries.

mod admin;
mod answer;
pub(crate) mod ending;
mod examples;
mod jobs;
mod patience;
mod queues;
#[cfg(test)]
mod tests;
mod workers;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow};
use atelier_config::{LoadedConfig, Role, Settings, load};
use atelier_ops::{logging, shutdown::Shutdown};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::{
    banner,
    demo::{self, DemoArgs},
    instance::Instance,
    terminal,
    wire::{self, Platform},
};

use self::{
    admin::AdminArgs, answer::Answer, ending::Ending, jobs::JobsArgs, patience::Patience, queues::QueuesArgs,
    workers::WorkersArgs,
};

/// Longest a command waits for the other processes to be told of what it did.
const FLUSH_BOUND: Duration = Duration::from_secs(2);

/// Atelier writes, keeps and publishes applications: an API, workers and a
/// scheduler, here in one process.
#[derive(Debug, Parser)]
#[command(name = "atelier", version, after_help = examples::ALL)]
struct Cli {
    /// File of settings (TOML), over the defaults and under the environment.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run API, worker and scheduler in this process (what happens without a command).
    #[command(after_help = examples::SERVE)]
    Serve,
    /// Make an application through the HTTP API and save its ZIP.
    Demo(DemoArgs),
    /// Show every setting in force and where it came from, secrets masked.
    #[command(after_help = examples::CONFIG)]
    Config,
    /// Bring the database's tables up to date.
    #[command(after_help = examples::MIGRATE)]
    Migrate,
    /// Print the OpenAPI document.
    #[command(after_help = examples::OPENAPI)]
    Openapi,
    #[command(flatten)]
    Operate(Task),
}

/// What operators do on the database and the Redis of the settings.
#[derive(Debug, Subcommand)]
enum Task {
    Jobs(JobsArgs),
    Queues(QueuesArgs),
    Workers(WorkersArgs),
    Admin(AdminArgs),
}

/// One role of a scaled-out installation.
#[derive(Debug, Parser)]
#[command(version)]
struct RoleCli {
    /// File of settings (TOML), over the defaults and under the environment.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the binary `atelier` with this process's arguments.
#[must_use]
pub fn atelier() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    let file = config.as_deref();
    let outcome = match command.unwrap_or(Command::Serve) {
        Command::Serve => return serve(Role::Embedded, file),
        Command::Migrate => return migrate(file),
        Command::Demo(args) => run_demo(&args, file),
        Command::Config => show_config(file),
        Command::Openapi => {
            terminal::print_line(atelier_api::openapi_json().trim_end());
            Ok(())
        }
        Command::Operate(task) => operate(task, file),
    };
    Ending::COMMAND.exit_code(&outcome)
}

/// Does an operator's task; what it could not do makes it fail.
fn operate(mut task: Task, file: Option<&Path>) -> anyhow::Result<()> {
    if let Task::Admin(args) = &mut task {
        args.read_input()?;
    }
    let mut loaded = load(Role::Embedded, file)?;
    demo::quieten(&mut loaded);
    let _logging = logging::init(&loaded.settings.telemetry, "atelier-operator")?;
    block_on(async {
        // The first administrator may come before the first start.
        if matches!(task, Task::Admin(_)) {
            bring_up_to_date(&loaded.settings).await?;
        }
        let deadline = task.patience().begin();
        let platform = deadline.connect(&loaded.settings, wire::open(&loaded.settings)).await?;
        let performed = deadline.perform(&platform, perform(&task, &platform)).await;
        if !platform.queue.flush(FLUSH_BOUND).await {
            tracing::warn!("Redis was not told of everything; it comes about a little later");
        }
        let Answer { text, faults } = performed?;
        if !text.is_empty() {
            terminal::print_line(text);
        }
        if faults.is_empty() { Ok(()) } else { Err(anyhow!(faults.join("\n       "))) }
    })
}

impl Task {
    fn patience(&self) -> Patience {
        match self {
            Self::Jobs(args) => args.patience,
            Self::Queues(args) => args.patience,
            Self::Workers(args) => args.patience,
            Self::Admin(args) => args.patience,
        }
    }
}

async fn perform(task: &Task, platform: &Platform) -> anyhow::Result<Answer> {
    match task {
        Task::Jobs(args) => jobs::run(args, platform).await,
        Task::Queues(args) => queues::run(args, platform).await,
        Task::Workers(args) => workers::run(args, platform).await,
        Task::Admin(args) => admin::run(args, platform).await,
    }
}

/// Runs the binary of a split role with this process's arguments.
#[must_use]
pub fn role(role: Role) -> ExitCode {
    let command = role_command(role);
    let matches = command.get_matches();
    let config = RoleCli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).config;
    serve(role, config.as_deref())
}

fn role_command(role: Role) -> clap::Command {
    let about = match role {
        Role::Embedded => "Everything in one process.",
        Role::Api => "The HTTP API of a scaled-out Atelier.",
        Role::Worker => "A worker of a scaled-out Atelier: runs jobs. Start as many as you need.",
        Role::Scheduler => "A scheduler of a scaled-out Atelier. Start two, so that one may fail.",
    };
    RoleCli::command().name(role.as_str()).about(about).after_help(examples::role(role.as_str()))
}

/// Loads the settings of a process and runs it; both end as its logs are written.
fn run_process(
    role: Role,
    name: &'static str,
    file: Option<&Path>,
    run: impl FnOnce(LoadedConfig) -> anyhow::Result<()>,
) -> ExitCode {
    match load(role, file) {
        Ok(loaded) => {
            let ending = Ending::of_process(name, loaded.settings.telemetry.log_format);
            ending.exit_code(&run(loaded))
        }
        Err(problems) => {
            let ending = Ending::of_process(name, problems.log_format);
            ending.exit_code(&Err(problems.into()))
        }
    }
}

fn serve(role: Role, file: Option<&Path>) -> ExitCode {
    run_process(role, role.as_str(), file, |LoadedConfig { settings, warnings, .. }| {
        let _logging = logging::init(&settings.telemetry, role.as_str())?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        wire::keep_files_private(&settings);
        block_on(run_instance(settings, role))
    })
}

/// Runs a role until it has drained. A signal while it starts ends it at once: nothing
/// runs yet that it would have to finish.
async fn run_instance(settings: Settings, role: Role) -> anyhow::Result<()> {
    let shutdown = Shutdown::new(settings.server.shutdown_grace());
    let listening = shutdown.listen().context("cannot listen for signals")?;
    let instance = tokio::select! {
        biased;
        () = shutdown.draining() => {
            tracing::info!("stopped before the start was complete");
            return Ok(());
        }
        started = Instance::start(settings, role, shutdown.clone()) => started?,
    };
    banner::show(role, &instance);
    let outcome = instance.finish().await;
    listening.abort();
    outcome
}

fn run_demo(args: &DemoArgs, file: Option<&Path>) -> anyhow::Result<()> {
    let mut loaded = load(Role::Embedded, file)?;
    demo::quieten(&mut loaded);
    let _logging = logging::init(&loaded.settings.telemetry, "atelier-demo")?;
    block_on(demo::run(args, loaded.settings))
}

fn show_config(file: Option<&Path>) -> anyhow::Result<()> {
    let LoadedConfig { report, warnings, .. } = load(Role::Embedded, file)?;
    let rows = report.into_iter().map(|setting| [setting.key, setting.value, setting.source]).collect();
    terminal::print_line(terminal::table(["setting", "value", "source"], rows, &[]));
    for warning in warnings {
        terminal::print_error(format_args!("warning: {warning}"));
    }
    Ok(())
}

fn migrate(file: Option<&Path>) -> ExitCode {
    run_process(Role::Embedded, "atelier-migrate", file, |LoadedConfig { settings, .. }| {
        let _logging = logging::init(&settings.telemetry, "atelier-migrate")?;
        block_on(async {
            bring_up_to_date(&settings).await?;
            terminal::print_line("the database is up to date");
            Ok(())
        })
    })
}

/// Makes the database of these settings where it is not there yet.
async fn bring_up_to_date(settings: &Settings) -> anyhow::Result<()> {
    wire::prepare_database(settings)?;
    let db = wire::connect(settings).await?;
    wire::migrate(settings, &db).await
}

/// Runs a future on a runtime of its own; what it left behind has a second to end.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}
