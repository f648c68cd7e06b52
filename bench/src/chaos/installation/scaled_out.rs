//! An installation on PostgreSQL and Redis.

use std::time::Duration;

use anyhow::Context;
use atelier_foundation::database;
use atelier_ops::terminal;
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::parts::{Parts, Setup, limit};
use crate::{
    chaos::{
        clocks::Clocks,
        enqueuer::Enqueuer,
        infrastructure::{Infrastructure, Servers},
        processes::{Addresses, Processes, Product},
        role, tables, workflows,
    },
    servers::programs::{Programs, find_faketime},
};

const CHAOS_DATABASE: &str = "chaos";
const PRODUCT_DATABASE: &str = "product";

/// Connections to the databases that do not go through the proxy with faults.
const DIRECT_CONNECTIONS: u32 = 6;

/// How long the run waits for such a connection, and for a statement.
const DIRECT_LIMIT: Duration = Duration::from_secs(30);

/// Starts it; on an error stops the servers.
pub(super) async fn start(setup: &Setup<'_>) -> anyhow::Result<Parts> {
    let programs = Programs::locate(setup.options.places()).await?;
    let clocks = Clocks::new(find_faketime().await);
    let own_mounts = setup.options.own_mounts;
    let servers = Servers::start(&programs, setup.scratch, setup.reaper, own_mounts).await?;
    match start_processes(setup, &servers, &clocks).await {
        Ok((processes, product, enqueuer, direct)) => {
            terminal::print_line(clocks.describe());
            Ok(Parts {
                infrastructure: Infrastructure::Servers(Box::new(servers)),
                processes,
                product,
                enqueuer,
                direct,
                servers: vec![programs.postgres_version, programs.redis_version],
            })
        }
        Err(error) => {
            setup.supervisor.stop().await;
            servers.stop().await?;
            Err(error)
        }
    }
}

type Started = (Processes, Option<Product>, Enqueuer, [DatabaseConnection; 2]);

async fn start_processes(setup: &Setup<'_>, servers: &Servers, clocks: &Clocks) -> anyhow::Result<Started> {
    let direct = prepare(servers, CHAOS_DATABASE).await?;
    tables::create(&direct).await?;
    let product_direct = prepare(servers, PRODUCT_DATABASE).await?;
    workflows::create_tables(&product_direct).await?;
    let zone = format!("ALTER DATABASE {PRODUCT_DATABASE} SET timezone TO 'Pacific/Chatham'");
    product_direct.execute_unprepared(&zone).await?;
    let addresses = Addresses {
        chaos_database: servers.database_url(CHAOS_DATABASE).await,
        product_database: servers.database_url(PRODUCT_DATABASE).await,
        redis: servers.redis_url().await,
    };
    let redis_url = addresses.redis.clone().into();
    // The run enqueues by a queue of its own, through the proxies like everybody.
    let queue = role::queue(&addresses.chaos_database, &redis_url, setup.options.heartbeat());
    let queue = queue.await.context("cannot create the run's own queue")?;
    limit(&queue).await?;
    let (supervisor, scratch, heartbeat_secs) =
        (setup.supervisor, setup.scratch, setup.options.heartbeat_secs);
    let processes = Processes::start(supervisor, scratch, &addresses, clocks, heartbeat_secs)?;
    let product = match setup.options.no_product {
        true => None,
        false => Product::start(supervisor, scratch, &addresses, clocks, heartbeat_secs)?,
    };
    Ok((processes, product, Enqueuer::Library(queue), [direct, product_direct]))
}

/// Creates a database with its tables and connects to it past the proxy.
async fn prepare(servers: &Servers, name: &str) -> anyhow::Result<DatabaseConnection> {
    let admin = servers.direct_url("postgres").await;
    let admin = database::connect(&admin, 1, DIRECT_LIMIT, DIRECT_LIMIT).await?;
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
    admin.close().await?;
    let url = servers.direct_url(name).await;
    let direct = database::connect(&url, DIRECT_CONNECTIONS, DIRECT_LIMIT, DIRECT_LIMIT).await?;
    database::migrate(&direct).await?;
    Ok(direct)
}
