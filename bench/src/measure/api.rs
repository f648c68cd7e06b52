//! Requests that the API answers in a second, beside a server that answers a
//! constant.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::time;

use super::{
    accounts::{self, Account},
    cli::ApiArgs,
    figures::Figures,
    load::{self, Borne, Connection, Request, Script},
    process::{self, Process},
    product::Product,
    stage::{CONNECTIONS, Stage},
};
use crate::servers::scratch;

/// How long the constant's server may take to start.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Before the seconds that count.
const WARM_UP: Duration = Duration::from_millis(300);

const SIGN_IN: &str = "sign-in";

/// Sign-ins at a time: as many as passwords are hashed at a time, and few enough not to
/// be taken for guessing.
const SIGN_INS: usize = 2;

/// Every route once a run.
pub(super) async fn measure(
    stage: &Stage,
    args: ApiArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let ground = stage.create_ground(CONNECTIONS).await?;
    let product = Product::start(stage, &ground, "atelier-api").await?;
    let account = Account::register(product.address).await?;
    account.give_projects(ground.queue.db(), args.projects.saturating_sub(1)).await?;
    let job = EndedJob::make(product.address, &account).await?;
    let (constant, address) = start_constant(stage, job.bytes).await?;
    for _ in 0..runs {
        let plain = bear(args, address, load::request("GET", "/", &[], ""), 200).await?;
        figures.note("axum answering a constant", "requests/s", plain.per_second);
        figures.note("axum answering a constant, p99", "ms", plain.p99_ms);
        let routes = [
            (SIGN_IN, account.sign_in(), 200),
            ("project list", account.request("GET", "/api/projects", &Value::Null), 200),
            ("job status, 200", account.request("GET", &job.path, &Value::Null), 200),
            ("job status, 304", account.request_since(&job.path, &job.etag), 304),
        ];
        for (name, request, status) in routes {
            let args = if name == SIGN_IN { at_a_time(args, SIGN_INS) } else { args };
            let borne = bear(args, product.address, request, status).await?;
            figures.note(name, "requests/s", borne.per_second);
            figures.note(format!("{name}, p99"), "ms", borne.p99_ms);
            let ratio = borne.per_second / plain.per_second;
            figures.note(format!("{name}, against the constant"), "×", ratio);
        }
    }
    constant.stop().await?;
    product.stop().await?;
    ground.close().await
}

fn at_a_time(args: ApiArgs, most: usize) -> ApiArgs {
    ApiArgs { connections: args.connections.min(most), ..args }
}

async fn bear(args: ApiArgs, address: SocketAddr, request: Request, status: u16) -> anyhow::Result<Borne> {
    let scripts = || -> Vec<Script> {
        (0..args.connections).map(|_| Box::new(std::iter::repeat(request.clone())) as Script).collect()
    };
    let during = Duration::from_secs_f64(args.secs);
    load::run(address, scripts(), Some(WARM_UP.min(during)), status).await?;
    load::run(address, scripts(), Some(during), status).await
}

/// A job that somebody asks about again and again.
struct EndedJob {
    path: String,
    etag: String,
    bytes: usize,
}

impl EndedJob {
    /// A generation that was cancelled while it waited.
    async fn make(address: SocketAddr, account: &Account) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address).await?;
        let projects = connection.ask(&account.request("GET", "/api/projects", &Value::Null)).await?;
        let projects = accounts::read(&projects)?;
        let project = projects.pointer("/0/id").and_then(Value::as_str).context("no project")?;
        let started = connection.ask(&account.generation(project)).await?;
        accounts::read(&started)?;
        let path = started.header("location").context("the answer names no job")?.to_owned();
        let cancel = account.request("POST", &format!("{path}/cancel"), &Value::Null);
        accounts::read(&connection.ask(&cancel).await?)?;
        let status = connection.ask(&account.request("GET", &path, &Value::Null)).await?;
        ensure!(status.status == 200, "the job's status was answered {}", status.status);
        let etag = status.header("etag").context("the job has no ETag")?.to_owned();
        Ok(Self { path, etag, bytes: status.body.len() })
    }
}

async fn start_constant(stage: &Stage, bytes: usize) -> anyhow::Result<(Process, SocketAddr)> {
    let port = scratch::free_port()?;
    let (port_text, bytes) = (port.to_string(), bytes.to_string());
    let command = process::this_program(&["constant", "--port", &port_text, "--bytes", &bytes])?;
    let server = Process::start(stage, command, "constant")?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let begun = time::Instant::now();
    while Connection::open(address).await.is_err() {
        ensure!(begun.elapsed() < START_LIMIT, "the server of the constant did not start");
        time::sleep(Duration::from_millis(10)).await;
    }
    Ok((server, address))
}
