//! Everything that a run starts: servers, proxies, processes.

use std::time::Duration;

use anyhow::Context;
use atelier_queue::Queue;
use atelier_services::database;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::sync::Mutex;

use super::{
    cli::Options,
    clocks::Clocks,
    fleet::Fleet,
    kinds,
    members::{Addresses, Members, Product},
    postgres::Postgres,
    programs::Programs,
    proxy::Proxy,
    redis_server::RedisServer,
    role,
    scratch::Scratch,
    tables,
    warden::Warden,
};

const CHAOS_DATABASE: &str = "chaos";
const PRODUCT_DATABASE: &str = "product";

/// Connections by which the run looks at the databases, past the proxy.
const DIRECT_CONNECTIONS: u32 = 6;

/// How long the run waits for a connection past the proxy, and for a statement.
const DIRECT_LIMIT: Duration = Duration::from_secs(30);

/// A whole installation under a run's control.
pub(super) struct Installation {
    pub(super) postgres: Postgres,
    pub(super) redis: Mutex<RedisServer>,
    pub(super) postgres_proxy: Proxy,
    pub(super) redis_proxy: Proxy,
    pub(super) members: Members,
    pub(super) product: Option<Product>,
    /// The queue by which the run enqueues, through the proxies like everybody.
    pub(super) queue: Queue,
    /// The run's database past the proxy.
    pub(super) direct: DatabaseConnection,
    /// The product's database past the proxy.
    pub(super) product_direct: DatabaseConnection,
    pub(super) heartbeat: Duration,
    fleet: Fleet,
    warden: Warden,
    scratch: Scratch,
}

impl Installation {
    /// Starts everything. What was started is stopped again where it fails.
    pub(super) async fn start(
        options: &Options,
        programs: &Programs,
        clocks: &Clocks,
    ) -> anyhow::Result<Self> {
        let scratch = Scratch::create("atelier-chaos-", options.keep)?;
        let warden = Warden::start(scratch.path(), options.keep)?;
        let postgres = Postgres::start(programs, &scratch, "").await?;
        warden.note_file(&postgres.pid_file());
        let started = Self::start_rest(options, programs, clocks, scratch, warden, &postgres).await;
        if started.is_err() {
            postgres.stop().await?;
        }
        started
    }

    async fn start_rest(
        options: &Options,
        programs: &Programs,
        clocks: &Clocks,
        scratch: Scratch,
        warden: Warden,
        postgres: &Postgres,
    ) -> anyhow::Result<Self> {
        let redis = RedisServer::start(programs, &scratch, &warden).await?;
        let postgres_proxy = Proxy::start(postgres.port()).await?;
        let redis_proxy = Proxy::start(redis.port()).await?;
        let direct = prepare(postgres, CHAOS_DATABASE).await?;
        tables::create(&direct).await?;
        let product_direct = prepare(postgres, PRODUCT_DATABASE).await?;
        let addresses = Addresses {
            chaos_database: postgres.url(postgres_proxy.port(), CHAOS_DATABASE),
            product_database: postgres.url(postgres_proxy.port(), PRODUCT_DATABASE),
            redis: redis.url(redis_proxy.port()),
        };
        let redis_url = addresses.redis.clone().into();
        let queue = role::queue(&addresses.chaos_database, &redis_url, options.heartbeat());
        let queue = queue.await.context("no queue for the run itself")?;
        let (name, limits) = kinds::LIMITED;
        queue.set_limits(name, limits).await.context("cannot limit a queue")?;
        let fleet = Fleet::new(warden.clone());
        let members = Members::start(&fleet, &scratch, &addresses, clocks, options.heartbeat_secs)?;
        let product = match options.no_product {
            true => None,
            false => Product::start(&fleet, &scratch, &addresses, options.heartbeat_secs)?,
        };
        Ok(Self {
            postgres: postgres.clone(),
            redis: Mutex::new(redis),
            postgres_proxy,
            redis_proxy,
            members,
            product,
            queue,
            direct,
            product_direct,
            heartbeat: options.heartbeat(),
            fleet,
            warden,
            scratch,
        })
    }

    /// The folder of the run.
    pub(super) const fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// How often processes had to be started again.
    pub(super) fn count_restarts(&self) -> u64 {
        let product = self.product.iter().flat_map(Product::all);
        self.members.all().chain(product).map(|member| member.starts().saturating_sub(1)).sum()
    }

    /// Stops every process that is kept running.
    pub(super) async fn stop_processes(&self) {
        self.fleet.stop().await;
    }

    /// Stops the servers and removes the folder, unless it is to be kept.
    pub(super) async fn finish(self) -> anyhow::Result<()> {
        self.fleet.stop().await;
        self.redis.lock().await.kill().await;
        self.postgres.stop().await?;
        self.warden.dismiss();
        Ok(())
    }
}

/// Creates a database with its tables and connects to it past the proxy.
async fn prepare(postgres: &Postgres, name: &str) -> anyhow::Result<DatabaseConnection> {
    let admin =
        database::connect(&postgres.url(postgres.port(), "postgres"), 1, DIRECT_LIMIT, DIRECT_LIMIT).await?;
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
    admin.close().await?;
    let url = postgres.url(postgres.port(), name);
    let direct = database::connect(&url, DIRECT_CONNECTIONS, DIRECT_LIMIT, DIRECT_LIMIT).await?;
    database::migrate(&direct).await?;
    Ok(direct)
}
