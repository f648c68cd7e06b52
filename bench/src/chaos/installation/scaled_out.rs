//! An installation on PostgreSQL and Redis.

use std::time::Duration;

use anyhow::Context;
use atelier_services::database;
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::{Ground, Parts, limit};
use crate::{
    chaos::{
        backing::{Backing, Servers},
        clocks::Clocks,
        desk::Desk,
        members::{Addresses, Members, Product},
        role, tables,
    },
    servers::programs::{Programs, find_faketime},
    terminal,
};

const CHAOS_DATABASE: &str = "chaos";
const PRODUCT_DATABASE: &str = "product";

/// Connections by which the run looks at the databases, past the proxy.
const DIRECT_CONNECTIONS: u32 = 6;

/// How long the run waits for a connection past the proxy, and for a statement.
const DIRECT_LIMIT: Duration = Duration::from_secs(30);

/// Starts it. The servers are stopped again where it fails.
pub(super) async fn start(ground: &Ground<'_>) -> anyhow::Result<Parts> {
    let programs = Programs::locate(ground.options.places()).await?;
    let clocks = Clocks::new(find_faketime().await);
    let own_mounts = ground.options.own_mounts;
    let servers = Servers::start(&programs, ground.scratch, ground.warden, own_mounts).await?;
    match start_processes(ground, &servers, &clocks).await {
        Ok((members, product, desk, direct)) => {
            terminal::say(clocks.describe());
            Ok(Parts {
                backing: Backing::Servers(Box::new(servers)),
                members,
                product,
                desk,
                direct,
                servers: vec![programs.postgres_version, programs.redis_version],
            })
        }
        Err(error) => {
            ground.fleet.stop().await;
            servers.stop().await?;
            Err(error)
        }
    }
}

type Started = (Members, Option<Product>, Desk, [DatabaseConnection; 2]);

async fn start_processes(ground: &Ground<'_>, servers: &Servers, clocks: &Clocks) -> anyhow::Result<Started> {
    let direct = prepare(servers, CHAOS_DATABASE).await?;
    tables::create(&direct).await?;
    let product_direct = prepare(servers, PRODUCT_DATABASE).await?;
    let addresses = Addresses {
        chaos_database: servers.database_url(CHAOS_DATABASE).await,
        product_database: servers.database_url(PRODUCT_DATABASE).await,
        redis: servers.redis_url().await,
    };
    let redis_url = addresses.redis.clone().into();
    // The run enqueues by a queue of its own, through the proxies like everybody.
    let queue = role::queue(&addresses.chaos_database, &redis_url, ground.options.heartbeat());
    let queue = queue.await.context("no queue for the run itself")?;
    limit(&queue).await?;
    let (fleet, scratch, heartbeat_secs) = (ground.fleet, ground.scratch, ground.options.heartbeat_secs);
    let members = Members::start(fleet, scratch, &addresses, clocks, heartbeat_secs)?;
    let product = match ground.options.no_product {
        true => None,
        false => Product::start(fleet, scratch, &addresses, heartbeat_secs)?,
    };
    Ok((members, product, Desk::Library(queue), [direct, product_direct]))
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
