//! The command lines of the four binaries.

mod admin;
mod credentials;
mod examples;
pub(crate) mod exit;
mod jobs;
mod output;
mod queues;
#[cfg(test)]
mod tests;
mod timeout;
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
    admin::AdminArgs, credentials::CredentialsArgs, exit::ExitReporter, jobs::JobsArgs,
    output::CommandOutput, queues::QueuesArgs, timeout::TimeoutArgs, workers::WorkersArgs,
};

/// How long a command waits for its messages to the other processes.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Atelier generates, stores and publishes applications: an API, workers and a
/// scheduler in one process.
#[derive(Debug, Parser)]
#[command(name = "atelier", version, after_help = examples::ALL)]
struct Cli {
    /// Settings file (TOML): overrides the defaults; environment variables override it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run API, worker and scheduler in this process (the default command).
    #[command(after_help = examples::SERVE)]
    Serve,
    /// Create an application through the HTTP API and save its ZIP.
    Demo(DemoArgs),
    /// Show the value and the source of every setting, secrets masked.
    #[command(after_help = examples::CONFIG)]
    Config,
    /// Apply the pending migrations to the database.
    #[command(after_help = examples::MIGRATE)]
    Migrate,
    /// Print the OpenAPI document.
    #[command(after_help = examples::OPENAPI)]
    Openapi,
    #[command(flatten)]
    Operate(OperatorCommand),
}

/// The commands for operators, which use the database and the Redis of the settings.
#[derive(Debug, Subcommand)]
enum OperatorCommand {
    Jobs(JobsArgs),
    Queues(QueuesArgs),
    Workers(WorkersArgs),
    Admin(AdminArgs),
    Credentials(CredentialsArgs),
}

/// One role of a scaled-out installation.
#[derive(Debug, Parser)]
#[command(version)]
struct RoleCli {
    /// Settings file (TOML): overrides the defaults; environment variables override it.
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
        Command::Operate(command) => operate(command, file),
    };
    ExitReporter::COMMAND.exit_code(&outcome)
}

/// Performs an operator's command. It fails if the output contains failures.
fn operate(mut command: OperatorCommand, file: Option<&Path>) -> anyhow::Result<()> {
    if let OperatorCommand::Admin(args) = &mut command {
        args.read_input()?;
    }
    let mut loaded = load(Role::Embedded, file)?;
    demo::silence_logs(&mut loaded);
    let _logging = logging::init(&loaded.settings.telemetry, "atelier-operator")?;
    block_on(async {
        // The first administrator may be created before the first start.
        if matches!(command, OperatorCommand::Admin(_)) {
            migrate_database(&loaded.settings).await?;
        }
        let deadline = command.timeout().begin();
        let platform = deadline.connect(&loaded.settings, wire::open(&loaded.settings)).await?;
        let performed = deadline.perform(&platform, perform(&command, &platform)).await;
        if !platform.queue.flush(FLUSH_TIMEOUT).await {
            tracing::warn!(
                "not every message was sent through Redis; the other processes notice the changes a little later"
            );
        }
        let CommandOutput { text, failures } = performed?;
        if !text.is_empty() {
            terminal::print_line(text);
        }
        if failures.is_empty() { Ok(()) } else { Err(anyhow!(failures.join("\n       "))) }
    })
}

impl OperatorCommand {
    fn timeout(&self) -> TimeoutArgs {
        match self {
            Self::Jobs(args) => args.timeout,
            Self::Queues(args) => args.timeout,
            Self::Workers(args) => args.timeout,
            Self::Admin(args) => args.timeout,
            Self::Credentials(args) => args.timeout,
        }
    }
}

async fn perform(command: &OperatorCommand, platform: &Platform) -> anyhow::Result<CommandOutput> {
    match command {
        OperatorCommand::Jobs(args) => jobs::run(args, platform).await,
        OperatorCommand::Queues(args) => queues::run(args, platform).await,
        OperatorCommand::Workers(args) => workers::run(args, platform).await,
        OperatorCommand::Admin(args) => admin::run(args, platform).await,
        OperatorCommand::Credentials(args) => credentials::run(args, platform).await,
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
        Role::Embedded => "All roles in one process.",
        Role::Api => "The HTTP API of a scaled-out Atelier.",
        Role::Worker => "A worker of a scaled-out Atelier. It runs jobs. Start as many as you need.",
        Role::Scheduler => "A scheduler of a scaled-out Atelier. Start two for redundancy.",
    };
    RoleCli::command().name(role.as_str()).about(about).after_help(examples::role(role.as_str()))
}

/// Loads the settings and runs the process. Failures of both are reported in the log format
/// of the settings.
fn run_process(
    role: Role,
    name: &'static str,
    file: Option<&Path>,
    run: impl FnOnce(LoadedConfig) -> anyhow::Result<()>,
) -> ExitCode {
    match load(role, file) {
        Ok(loaded) => {
            let reporter = ExitReporter::of_process(name, loaded.settings.telemetry.log_format);
            reporter.exit_code(&run(loaded))
        }
        Err(problems) => {
            let reporter = ExitReporter::of_process(name, problems.log_format);
            reporter.exit_code(&Err(problems.into()))
        }
    }
}

fn serve(role: Role, file: Option<&Path>) -> ExitCode {
    run_process(role, role.as_str(), file, |LoadedConfig { settings, warnings, .. }| {
        let _logging = logging::init(&settings.telemetry, role.as_str())?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        wire::set_private_umask(&settings);
        block_on(run_instance(settings, role))
    })
}

/// Runs a role until it has drained. A signal during the start ends it at once, since no
/// work has begun.
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
    demo::silence_logs(&mut loaded);
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
            migrate_database(&settings).await?;
            terminal::print_line("the database is up to date");
            Ok(())
        })
    })
}

/// Creates the database of these settings if it does not exist, and migrates it.
async fn migrate_database(settings: &Settings) -> anyhow::Result<()> {
    wire::prepare_database(settings)?;
    let db = wire::connect(settings).await?;
    wire::migrate(settings, &db).await
}

/// Runs a future on a new runtime. Tasks that it spawned have a second to end.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}
