//! The product and the yardstick on one database.

use std::net::SocketAddr;

use anyhow::Context;
use atelier_foundation::database;
use sea_orm::DatabaseConnection;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    measure::{
        cli::Engine,
        process::{self, Process},
        product::{JWT_SECRET, Product},
        testbed::{ACQUIRE_LIMIT, CONNECTIONS, RunDatabase, STATEMENT_LIMIT, Testbed},
    },
    servers::scratch,
};

/// Both servers, and a connection to what they write.
pub(super) struct Installation {
    pub(super) engine: Engine,
    pub(super) product: Product,
    pub(super) db: DatabaseConnection,
    yardstick: Process,
    yardstick_address: SocketAddr,
    /// The database on PostgreSQL.
    database: Option<RunDatabase>,
}

/// Which server it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerKind {
    Product,
    Yardstick,
}

/// A server and where it listens.
#[derive(Clone, Copy)]
pub(super) struct Server {
    pub(super) kind: ServerKind,
    pub(super) address: SocketAddr,
}

impl Installation {
    /// Starts both on a new database. No generation is run.
    pub(super) async fn start(testbed: &Testbed, engine: Engine) -> anyhow::Result<Self> {
        match engine {
            Engine::Postgres => {
                let database = testbed.create_run_database(CONNECTIONS).await?;
                let product = Product::start(testbed, &database, "atelier-api").await?;
                let (yardstick, yardstick_address) = start_yardstick(testbed, &database.database_url).await?;
                let db = database.queue.db().clone();
                Ok(Self { engine, product, db, yardstick, yardstick_address, database: Some(database) })
            }
            Engine::Sqlite => {
                let (product, url) = Product::start_idle_embedded(testbed).await?;
                let (yardstick, yardstick_address) = start_yardstick(testbed, &url).await?;
                let db = database::connect(url.expose_secret(), 1, ACQUIRE_LIMIT, STATEMENT_LIMIT);
                let db = db.await.context("cannot open the product's file")?;
                Ok(Self { engine, product, db, yardstick, yardstick_address, database: None })
            }
        }
    }

    /// Both servers, in alternating order.
    pub(super) fn servers(&self, run: u16) -> [Server; 2] {
        let product = Server { kind: ServerKind::Product, address: self.product.address };
        let yardstick = Server { kind: ServerKind::Yardstick, address: self.yardstick_address };
        if run.is_multiple_of(2) { [product, yardstick] } else { [yardstick, product] }
    }

    /// Stops both and closes the connections to the database.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.yardstick.stop().await?;
        self.product.stop().await?;
        match self.database {
            Some(database) => database.close().await,
            None => Ok(self.db.close().await?),
        }
    }
}

async fn start_yardstick(testbed: &Testbed, url: &SecretString) -> anyhow::Result<(Process, SocketAddr)> {
    let port = scratch::free_port()?;
    let (port_text, connections) = (port.to_string(), CONNECTIONS.to_string());
    let args = ["yardstick", "--port", &port_text, "--connections", &connections];
    let mut command = process::this_program(&args)?;
    command.env("ATELIER_BENCH_DATABASE_URL", url.expose_secret());
    command.env("ATELIER_BENCH_JWT_SECRET", JWT_SECRET);
    let server = Process::start(testbed, command, "yardstick")?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    process::await_listener(address).await.context("the yardstick did not start")?;
    Ok((server, address))
}
