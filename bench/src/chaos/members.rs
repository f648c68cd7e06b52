//! The processes of a run: our workers and schedulers, and the product's own.

use std::path::PathBuf;

use anyhow::Context;

use super::{
    clocks::Clocks,
    fleet::{Fleet, Member, Spec},
    scratch::{self, Scratch},
};

/// Workers of the run; all but the last know the kinds of the next version.
const WORKERS: usize = 3;

const SCHEDULERS: usize = 2;

/// Where the processes find what they share.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    pub(super) chaos_database: String,
    pub(super) product_database: String,
    pub(super) redis: String,
}

/// Our own processes.
#[derive(Clone, Debug)]
pub(super) struct Members {
    pub(super) workers: Vec<Member>,
    pub(super) schedulers: Vec<Member>,
}

impl Members {
    /// Starts them.
    pub(super) fn start(
        fleet: &Fleet,
        scratch: &Scratch,
        addresses: &Addresses,
        clocks: &Clocks,
        heartbeat_secs: u64,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell this program's path")?;
        let start = |role: &str, number: usize| {
            let name = format!("{role}-{number}");
            let mut args = vec![role.to_owned(), "--heartbeat-secs".to_owned(), heartbeat_secs.to_string()];
            if role == "worker" && number < WORKERS {
                args.push("--next-version".to_owned());
            }
            let mut environment = clocks.environment(&name);
            environment.extend([
                ("ATELIER_CHAOS_DATABASE_URL".to_owned(), addresses.chaos_database.clone()),
                ("ATELIER_CHAOS_REDIS_URL".to_owned(), addresses.redis.clone()),
            ]);
            fleet.start(Spec { log: scratch.log(&name), name, program: program.clone(), args, environment })
        };
        let workers = (1..=WORKERS).map(|number| start("worker", number)).collect::<Result<_, _>>()?;
        let schedulers =
            (1..=SCHEDULERS).map(|number| start("scheduler", number)).collect::<Result<_, _>>()?;
        Ok(Self { workers, schedulers })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Member> {
        self.workers.iter().chain(&self.schedulers)
    }
}

/// The product's processes.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) api: Member,
    pub(super) worker: Member,
    pub(super) scheduler: Member,
    /// Where the API listens.
    pub(super) url: String,
}

impl Product {
    /// Starts the product where its binaries lie beside this one.
    pub(super) fn start(
        fleet: &Fleet,
        scratch: &Scratch,
        addresses: &Addresses,
        heartbeat_secs: u64,
    ) -> anyhow::Result<Option<Self>> {
        let Some([api, worker, scheduler]) = binaries()? else { return Ok(None) };
        let port = scratch::free_port()?;
        let data = scratch.folder("product")?;
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = vec![
            setting("DATABASE_URL", &addresses.product_database),
            setting("REDIS_URL", &addresses.redis),
            setting("DATA_DIR", &data.to_string_lossy()),
            setting("BIND", &format!("127.0.0.1:{port}")),
            setting("JWT_SECRET", &uuid::Uuid::new_v4().to_string()),
            setting("ATELIER_REDIS__KEY_PREFIX", "product"),
            setting("ATELIER_QUEUE__HEARTBEAT_SECS", &heartbeat_secs.to_string()),
            setting("ATELIER_SERVER__SHUTDOWN_GRACE_SECS", "5"),
            setting("ATELIER_LLM__PROVIDER", "scaffold"),
            setting("ATELIER_LIMITS__AUTH_PER_MINUTE", "100000"),
            setting("ATELIER_LIMITS__REQUESTS_PER_MINUTE", "100000"),
            setting("ATELIER_LIMITS__GENERATION_PER_MINUTE", "100000"),
            setting("SMTP_URL", ""),
            setting("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        ];
        let start = |name: &str, program: PathBuf| {
            fleet.start(Spec {
                name: name.to_owned(),
                program,
                args: Vec::new(),
                environment: environment.clone(),
                log: scratch.log(name),
            })
        };
        Ok(Some(Self {
            api: start("atelier-api", api)?,
            worker: start("atelier-worker", worker)?,
            scheduler: start("atelier-scheduler", scheduler)?,
            url: format!("http://127.0.0.1:{port}"),
        }))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Member> {
        [&self.api, &self.worker, &self.scheduler].into_iter()
    }
}

fn binaries() -> anyhow::Result<Option<[PathBuf; 3]>> {
    let program = std::env::current_exe().context("cannot tell this program's path")?;
    let folder = program.parent().context("this program lies in no folder")?;
    let paths = ["atelier-api", "atelier-worker", "atelier-scheduler"].map(|name| folder.join(name));
    Ok(paths.iter().all(|path| path.is_file()).then_some(paths))
}
