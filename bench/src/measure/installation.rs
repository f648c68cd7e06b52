//! An installation of the product with one account, which is measured by its HTTP API.

use std::net::SocketAddr;

use anyhow::Context;
use serde_json::{Value, json};

use super::{
    accounts::{Account, parse_body},
    cli::Engine,
    load::Connection,
    product::Product,
    testbed::{CONNECTIONS, RunDatabase, Testbed},
};

const LIST: &str = "/api/v1/automation/workflows/";

/// A running installation with one account.
pub(super) struct Installation {
    products: Vec<Product>,
    /// The database on PostgreSQL.
    pub(super) database: Option<RunDatabase>,
    /// Where the API listens.
    pub(super) address: SocketAddr,
    pub(super) account: Account,
    connection: Connection,
}

impl Installation {
    /// The API and one worker process on PostgreSQL and Redis, or everything in one process on SQLite.
    pub(super) async fn start(testbed: &Testbed, engine: Engine) -> anyhow::Result<Self> {
        match engine {
            Engine::Postgres => Self::start_processes(testbed, &["atelier-api", "atelier-worker"]).await,
            Engine::Sqlite => Self::of(vec![Product::start_embedded(testbed).await?], None).await,
        }
    }

    /// These processes on PostgreSQL and Redis. The first one answers.
    pub(super) async fn start_processes(testbed: &Testbed, names: &[&str]) -> anyhow::Result<Self> {
        let database = testbed.create_run_database(CONNECTIONS).await?;
        let mut products = Vec::new();
        for name in names {
            products.push(Product::start(testbed, &database, name).await?);
        }
        Self::of(products, Some(database)).await
    }

    async fn of(products: Vec<Product>, database: Option<RunDatabase>) -> anyhow::Result<Self> {
        let address = products.first().context("no process")?.address;
        let account = Account::register(address).await?;
        Ok(Self { products, database, address, account, connection: Connection::open(address).await? })
    }

    /// Creates a workflow with that graph, publishes it, and returns its address.
    pub(super) async fn publish(&mut self, name: &str, graph: &Value) -> anyhow::Result<String> {
        let workflow = self.call("POST", LIST, &json!({"name": name})).await?;
        let id = workflow.get("id").and_then(Value::as_str).context("no workflow")?;
        let workflow = format!("{LIST}{id}/");
        let request = self.account.request_if_match("PUT", &format!("{workflow}graph/"), graph);
        parse_body(&self.connection.send(&request).await?)?;
        self.call("POST", &format!("{workflow}publish/"), &Value::Null).await?;
        Ok(workflow)
    }

    /// The same, and lets its triggers fire.
    pub(super) async fn enable(&mut self, name: &str, graph: &Value) -> anyhow::Result<String> {
        let workflow = self.publish(name, graph).await?;
        self.call("POST", &format!("{workflow}enable/"), &Value::Null).await?;
        Ok(workflow)
    }

    /// Sends a request in the account's name, and returns what is answered.
    pub(super) async fn call(&mut self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.account.request(method, path, body);
        parse_body(&self.connection.send(&request).await?).with_context(|| format!("{method} {path}"))
    }

    /// Shuts it down.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        for product in self.products {
            product.stop().await?;
        }
        match self.database {
            Some(database) => database.close().await,
            None => Ok(()),
        }
    }
}
