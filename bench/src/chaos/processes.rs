//! The processes of a run: its own workers and schedulers, and the product's.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;

use super::{
    clocks::Clocks,
    models::Models,
    supervisor::{ProcessSpec, SupervisedProcess, Supervisor},
};
use crate::servers::{
    keys::credential_keys,
    scratch::{self, Scratch},
};

/// Workers of the run; all but the last know the kinds of the next version.
const WORKERS: usize = 3;

const SCHEDULERS: usize = 2;

/// Time zones of the product's processes. None is that of their database, or of its sessions.
const ZONES: [&str; 2] = ["America/St_Johns", "Asia/Kathmandu"];

/// Workers and schedulers of the product.
const PRODUCT_WORKERS: usize = 2;
const PRODUCT_SCHEDULERS: usize = 2;

/// URLs of the servers that the processes share.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    pub(super) chaos_database: String,
    pub(super) product_database: String,
    pub(super) redis: String,
}

/// The run's own processes.
#[derive(Clone, Debug)]
pub(super) struct Processes {
    pub(super) workers: Vec<SupervisedProcess>,
    pub(super) schedulers: Vec<SupervisedProcess>,
}

impl Processes {
    /// Starts them.
    pub(super) fn start(
        supervisor: &Supervisor,
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
            supervisor.start(ProcessSpec {
                log: scratch.log(&name),
                name,
                program: program.clone(),
                args,
                environment,
            })
        };
        let workers = (1..=WORKERS).map(|number| start("worker", number)).collect::<Result<_, _>>()?;
        let schedulers =
            (1..=SCHEDULERS).map(|number| start("scheduler", number)).collect::<Result<_, _>>()?;
        Ok(Self { workers, schedulers })
    }

    /// Starts the one process of an embedded run, which is worker and scheduler.
    pub(super) fn start_embedded(
        supervisor: &Supervisor,
        scratch: &Scratch,
        paths: &EmbeddedPaths,
    ) -> anyhow::Result<Self> {
        let name = "embedded".to_owned();
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let mut args = vec![name.clone(), "--heartbeat-secs".to_owned(), paths.heartbeat_secs.to_string()];
        args.extend(["--file".to_owned(), path(&paths.file), "--socket".to_owned(), path(&paths.socket)]);
        let program = std::env::current_exe().context("cannot tell this program's path")?;
        let (log, environment) = (scratch.log(&name), paths.environment.clone());
        let worker = supervisor.start(ProcessSpec { name, program, args, environment, log })?;
        Ok(Self { workers: vec![worker], schedulers: Vec::new() })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &SupervisedProcess> {
        self.workers.iter().chain(&self.schedulers)
    }
}

/// Paths and settings of the processes of an embedded run.
#[derive(Clone, Debug)]
pub(super) struct EmbeddedPaths {
    /// Database of the run's own process.
    pub(super) file: PathBuf,
    /// Socket at which it serves callers.
    pub(super) socket: PathBuf,
    /// The product's folder.
    pub(super) product: PathBuf,
    pub(super) heartbeat_secs: u64,
    /// Environment variables of the processes.
    pub(super) environment: Vec<(String, String)>,
}

/// The product's processes; in an embedded run one process that has every role.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) api: SupervisedProcess,
    pub(super) workers: Vec<SupervisedProcess>,
    pub(super) schedulers: Vec<SupervisedProcess>,
    /// Where the API listens.
    pub(super) url: String,
    /// The model servers that it asks, which run as long as this value lives.
    _models: Arc<Models>,
}

impl Product {
    /// Starts the product where its binaries lie beside this one.
    pub(super) fn start(
        supervisor: &Supervisor,
        scratch: &Scratch,
        addresses: &Addresses,
        clocks: &Clocks,
        heartbeat_secs: u64,
    ) -> anyhow::Result<Option<Self>> {
        let Some([api, worker, scheduler]) =
            binaries(["atelier-api", "atelier-worker", "atelier-scheduler"])?
        else {
            return Ok(None);
        };
        let port = scratch::free_port()?;
        let models = Arc::new(Models::start()?);
        let mut environment = environment(&scratch.folder("product")?, port, heartbeat_secs);
        environment.extend(models.environment());
        environment.extend([
            setting("DATABASE_URL", &addresses.product_database),
            setting("REDIS_URL", &addresses.redis),
            setting("JWT_SECRET", &uuid::Uuid::new_v4().to_string()),
            setting("CREDENTIAL_KEYS", credential_keys()),
        ]);
        let start = |program: &Path, number: usize| {
            let mut name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if number > 1 {
                name = format!("{name}-{number}");
            }
            let (log, mut environment) = (scratch.log(&name), environment.clone());
            environment.extend(clocks.environment(&name));
            environment.push(setting("TZ", ZONES[number % ZONES.len()]));
            let program = program.to_path_buf();
            supervisor.start(ProcessSpec { name, program, args: Vec::new(), environment, log })
        };
        let url = format!("http://127.0.0.1:{port}");
        let workers = (1..=PRODUCT_WORKERS).map(|number| start(&worker, number)).collect::<Result<_, _>>()?;
        let schedulers =
            (1..=PRODUCT_SCHEDULERS).map(|number| start(&scheduler, number)).collect::<Result<_, _>>()?;
        Ok(Some(Self { api: start(&api, 1)?, workers, schedulers, url, _models: models }))
    }

    /// Starts the product in one process where its binary lies beside this one.
    pub(super) fn start_embedded(
        supervisor: &Supervisor,
        scratch: &Scratch,
        paths: &EmbeddedPaths,
    ) -> anyhow::Result<Option<Self>> {
        let Some([program]) = binaries(["atelier"])? else { return Ok(None) };
        let port = scratch::free_port()?;
        let models = Arc::new(Models::start()?);
        let mut environment = environment(&paths.product, port, paths.heartbeat_secs);
        environment.extend(models.environment());
        environment.extend([setting("DATABASE_URL", ""), setting("REDIS_URL", "")]);
        environment.push(setting("TZ", ZONES[0]));
        environment.extend(paths.environment.clone());
        let name = "atelier".to_owned();
        let log = scratch.log(&name);
        let process = supervisor.start(ProcessSpec { name, program, args: Vec::new(), environment, log })?;
        let url = format!("http://127.0.0.1:{port}");
        let (workers, schedulers) = (vec![process.clone()], vec![process.clone()]);
        Ok(Some(Self { api: process, workers, schedulers, url, _models: models }))
    }

    /// Its processes, each once.
    pub(super) fn all(&self) -> Vec<&SupervisedProcess> {
        let mut all: Vec<_> =
            std::iter::once(&self.api).chain(&self.workers).chain(&self.schedulers).collect();
        all.dedup_by_key(|member| member.name());
        all
    }
}

/// Settings of the product in every mode.
fn environment(data: &Path, port: u16, heartbeat_secs: u64) -> Vec<(String, String)> {
    vec![
        setting("DATA_DIR", &data.to_string_lossy()),
        setting("BIND", &format!("127.0.0.1:{port}")),
        setting("ATELIER_REDIS__KEY_PREFIX", "product"),
        setting("ATELIER_QUEUE__HEARTBEAT_SECS", &heartbeat_secs.to_string()),
        setting("ATELIER_SERVER__SHUTDOWN_GRACE_SECS", "5"),
        setting("ATELIER_HTTP_CLIENT__ALLOW_PRIVATE_ADDRESSES", "true"),
        setting("ATELIER_LIMITS__AUTH_PER_MINUTE", "100000"),
        setting("ATELIER_LIMITS__REQUESTS_PER_MINUTE", "100000"),
        setting("ATELIER_LIMITS__GENERATION_PER_MINUTE", "100000"),
        setting("SMTP_URL", ""),
        setting("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
    ]
}

fn setting(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The programs of these names beside this one; none where one is missing.
fn binaries<const N: usize>(names: [&str; N]) -> anyhow::Result<Option<[PathBuf; N]>> {
    let program = std::env::current_exe().context("cannot tell this program's path")?;
    let folder = program.parent().context("cannot tell this program's folder")?;
    let paths = names.map(|name| folder.join(name));
    Ok(paths.iter().all(|path| path.is_file()).then_some(paths))
}
