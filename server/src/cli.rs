//! The command lines of the four binaries.

mod admin;
mod answer;
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
use atelier_config::{ConfigError, Loaded, Role, Settings, load};
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
    admin::AdminArgs, answer::Answer, jobs::JobsArgs, patience::Patience, queues::QueuesArgs,
    workers::WorkersArgs,
};

/// Exit code where the configuration or the command line is wrong.
const EXIT_USAGE: u8 = 2;
/// Exit code where Ctrl-C came before the end, as shells have it.
const EXIT_INTERRUPTED: u8 = 130;

/// Longest a command waits for the other processes to be told of what it did.
const FLUSH_BOUND: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
Examples:
  atelier                                       start everything on 127.0.0.1:8001
  atelier demo \"A reading list with ratings\"    make an application and save its ZIP
  atelier --config atelier.toml config          show every setting and its source
  atelier admin create --email ada@example.org  make somebody an administrator
  atelier queues list                           see backlog, workers, limits
  atelier jobs list --status failed             see what went wrong
  DATABASE_URL=postgres://… REDIS_URL=redis://… atelier migrate

Every setting can be given in the environment, as DATABASE_URL or as
ATELIER_QUEUE__HEARTBEAT_SECS=2: see `atelier config`.

Exit codes: 0 done; 1 not found, refused or failed; 2 wrong command line or settings;
130 interrupted.";

const ROLE_EXAMPLES: &str = "\
It needs what it shares with the other roles:
  DATABASE_URL   postgres:// URL
  REDIS_URL      redis:// URL
  JWT_SECRET     at least 32 bytes, the same for all

Every setting can be given in the environment, as ATELIER_QUEUE__HEARTBEAT_SECS=2,
or in the file named by --config: `atelier config` shows them all.";

/// Atelier writes, keeps and publishes applications: an API, workers and a
/// scheduler, here in one process.
#[derive(Debug, Parser)]
#[command(name = "atelier", version, after_help = EXAMPLES)]
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
    Serve,
    /// Make an application through the HTTP API and save its ZIP.
    Demo(DemoArgs),
    /// Show every setting in force and where it came from, secrets masked.
    Config,
    /// Bring the database's tables up to date.
    Migrate,
    /// Print the OpenAPI document.
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
#[command(version, after_help = ROLE_EXAMPLES)]
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
    exit_code(match command.unwrap_or(Command::Serve) {
        Command::Serve => serve(Role::Embedded, file),
        Command::Demo(args) => run_demo(&args, file),
        Command::Config => show_config(file),
        Command::Migrate => migrate(file),
        Command::Openapi => {
            terminal::say(atelier_api::openapi_json().trim_end());
            Ok(())
        }
        Command::Operate(task) => operate(task, file),
    })
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
            terminal::say(text);
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
    let command = RoleCli::command().name(role.as_str()).about(match role {
        Role::Embedded => "Everything in one process.",
        Role::Api => "The HTTP API of a scaled-out Atelier.",
        Role::Worker => "A worker of a scaled-out Atelier: runs jobs. Start as many as you need.",
        Role::Scheduler => "A scheduler of a scaled-out Atelier. Start two, so that one may fail.",
    });
    let matches = command.get_matches();
    let config = RoleCli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).config;
    exit_code(serve(role, config.as_deref()))
}

fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if let Some(problems) = error.downcast_ref::<ConfigError>() {
        terminal::complain(problems);
        return ExitCode::from(EXIT_USAGE);
    }
    terminal::complain(format_args!("error: {error:#}"));
    if error.is::<demo::Interrupted>() {
        return ExitCode::from(EXIT_INTERRUPTED);
    }
    ExitCode::FAILURE
}

fn serve(role: Role, file: Option<&Path>) -> anyhow::Result<()> {
    let Loaded { settings, warnings, .. } = load(role, file)?;
    let _logging = logging::init(&settings.telemetry, role.as_str())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    block_on(async {
        let shutdown = Shutdown::new(settings.server.shutdown_grace());
        let listening = shutdown.listen().context("cannot listen for signals")?;
        let instance = Instance::start(settings, role, shutdown).await?;
        banner::show(role, &instance);
        let outcome = instance.finish().await;
        listening.abort();
        outcome
    })
}

fn run_demo(args: &DemoArgs, file: Option<&Path>) -> anyhow::Result<()> {
    let mut loaded = load(Role::Embedded, file)?;
    demo::quieten(&mut loaded);
    let _logging = logging::init(&loaded.settings.telemetry, "atelier-demo")?;
    block_on(demo::run(args, loaded.settings))
}

fn show_config(file: Option<&Path>) -> anyhow::Result<()> {
    let Loaded { report, warnings, .. } = load(Role::Embedded, file)?;
    let rows = report.into_iter().map(|setting| [setting.key, setting.value, setting.source]).collect();
    terminal::say(terminal::table(["setting", "value", "source"], rows, &[]));
    for warning in warnings {
        terminal::complain(format_args!("warning: {warning}"));
    }
    Ok(())
}

fn migrate(file: Option<&Path>) -> anyhow::Result<()> {
    let Loaded { settings, .. } = load(Role::Embedded, file)?;
    let _logging = logging::init(&settings.telemetry, "atelier-migrate")?;
    block_on(async {
        bring_up_to_date(&settings).await?;
        terminal::say("the database is up to date");
        Ok(())
    })
}

/// Makes the database of these settings where it is not there yet.
async fn bring_up_to_date(settings: &Settings) -> anyhow::Result<()> {
    wire::prepare_folder(settings)?;
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
