//! Requests that the API answers in a second, compared with a server that answers a constant
//! and with one that is written by hand for the same answers.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{
    accounts::{self, Account},
    cli::{ApiArgs, Engine},
    figures::Figures,
    load::{self, Connection, LoadResult, Request, Requests},
    process::{self, Process},
    testbed::Testbed,
};
use crate::{servers::scratch, yardstick};
use comparison::{GENERATION, GENERATION_AT_ONCE, JOB_STATUS, PROFILE, PROJECT_LIST};
use installation::{Installation, Server, ServerKind};

pub(super) mod comparison;
mod equality;
mod generations;
mod installation;

/// Load before the seconds that count.
const WARM_UP: Duration = Duration::from_millis(300);

const SIGN_IN: &str = "sign-in";

/// Concurrent sign-ins: as many as passwords are hashed at a time, and too few for the
/// limit of failed sign-ins.
const SIGN_INS: usize = 2;

/// Every route once a run, on each database.
pub(super) async fn measure(
    testbed: &Testbed,
    args: &ApiArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for engine in &args.on {
        let installation = Installation::start(testbed, *engine).await?;
        measure_on(testbed, &installation, args, runs, figures).await?;
        installation.stop().await?;
    }
    Ok(())
}

async fn measure_on(
    testbed: &Testbed,
    installation: &Installation,
    args: &ApiArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let account = Account::register(installation.product.address).await?;
    account.create_projects(&installation.db, args.projects.saturating_sub(1)).await?;
    let job = EndedJob::create(installation.product.address, &account).await?;
    let reads = [
        (PROJECT_LIST, account.request("GET", "/api/projects", &Value::Null)),
        (JOB_STATUS, account.request("GET", &job.path, &Value::Null)),
        (PROFILE, account.request("GET", "/api/users/me", &Value::Null)),
    ];
    for (path, request) in &reads {
        equality::check_read(installation, path, request).await?;
    }
    equality::check_generation(installation).await?;
    let (constant, address) = start_constant(testbed, job.bytes).await?;
    for run in 0..runs {
        against_the_constant(installation, args, (&account, &job), address, figures).await?;
        for (path, request) in &reads {
            for server in installation.servers(run) {
                let result = load_for(args, server.address, request.clone(), 200).await?;
                comparison::record(figures, installation.engine, path, server.kind, &result);
            }
        }
        generation_requests(installation, args, run, figures).await?;
        generations::measure_by_clock(installation, args, figures).await?;
        comparison::record_ratios(figures, installation.engine);
    }
    constant.stop().await
}

/// The product's transaction, compared with the yardstick's transaction and with its one
/// statement.
async fn generation_requests(
    installation: &Installation,
    args: &ApiArgs,
    run: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let engine = installation.engine;
    for Server { kind, address } in installation.servers(run) {
        let result = generations::load(installation, args, address, "").await?;
        comparison::record(figures, engine, GENERATION, kind, &result);
        if kind == ServerKind::Yardstick && engine == Engine::Postgres {
            let result = generations::load(installation, args, address, yardstick::AT_ONCE).await?;
            comparison::record(figures, engine, GENERATION_AT_ONCE, kind, &result);
        }
    }
    Ok(())
}

/// Routes that are compared with a constant: they do little beyond what every request needs,
/// or hash a password.
async fn against_the_constant(
    installation: &Installation,
    args: &ApiArgs,
    (account, job): (&Account, &EndedJob),
    constant: SocketAddr,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let prefix = installation.engine.prefix();
    let plain = load_for(args, constant, load::request("GET", "/", &[], ""), 200).await?;
    figures.record(format!("{prefix}axum answering a constant"), "requests/s", plain.per_second);
    figures.record(format!("{prefix}axum answering a constant, p99"), "ms", plain.p99_ms);
    let routes = [
        (SIGN_IN, account.sign_in(), 200),
        ("job status, 304", account.request_since(&job.path, &job.etag), 304),
    ];
    for (name, request, status) in routes {
        let limited = at_a_time(args, SIGN_INS);
        let args = if name == SIGN_IN { &limited } else { args };
        let result = load_for(args, installation.product.address, request, status).await?;
        figures.record(format!("{prefix}{name}"), "requests/s", result.per_second);
        figures.record(format!("{prefix}{name}, p99"), "ms", result.p99_ms);
        let ratio = result.per_second / plain.per_second;
        figures.record(format!("{prefix}{name}, against the constant"), "×", ratio);
    }
    Ok(())
}

fn at_a_time(args: &ApiArgs, most: usize) -> ApiArgs {
    ApiArgs { connections: args.connections.min(most), ..args.clone() }
}

async fn load_for(
    args: &ApiArgs,
    address: SocketAddr,
    request: Request,
    status: u16,
) -> anyhow::Result<LoadResult> {
    let callers = || -> Vec<Requests> {
        (0..args.connections).map(|_| Box::new(std::iter::repeat(request.clone())) as Requests).collect()
    };
    let during = Duration::from_secs_f64(args.secs);
    load::run(address, callers(), Some(WARM_UP.min(during)), status).await?;
    load::run(address, callers(), Some(during), status).await
}

/// A job whose status is read repeatedly.
struct EndedJob {
    path: String,
    etag: String,
    bytes: usize,
}

impl EndedJob {
    /// A generation that was cancelled while it waited.
    async fn create(address: SocketAddr, account: &Account) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address).await?;
        let projects = connection.send(&account.request("GET", "/api/projects", &Value::Null)).await?;
        let projects = accounts::parse_body(&projects)?;
        let project = projects.pointer("/0/id").and_then(Value::as_str).context("no project")?;
        let started = connection.send(&account.generation(project)).await?;
        accounts::parse_body(&started)?;
        let path = started.header("location").context("the answer names no job")?.to_owned();
        let cancel = account.request("POST", &format!("{path}/cancel"), &Value::Null);
        accounts::parse_body(&connection.send(&cancel).await?)?;
        let status = connection.send(&account.request("GET", &path, &Value::Null)).await?;
        ensure!(status.status == 200, "the job's status was answered {}", status.status);
        let etag = status.header("etag").context("the job has no ETag")?.to_owned();
        Ok(Self { path, etag, bytes: status.body.len() })
    }
}

async fn start_constant(testbed: &Testbed, bytes: usize) -> anyhow::Result<(Process, SocketAddr)> {
    let port = scratch::free_port()?;
    let (port_text, bytes) = (port.to_string(), bytes.to_string());
    let command = process::this_program(&["constant", "--port", &port_text, "--bytes", &bytes])?;
    let server = Process::start(testbed, command, "constant")?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    process::await_listener(address).await.context("the server of the constant did not start")?;
    Ok((server, address))
}
