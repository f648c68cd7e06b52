//! Jobs through HTTP with authentication: `POST /api/projects/{id}/generate`, which
//! takes credits, marks the project, writes the audit and enqueues, all in one
//! transaction.

use std::time::Instant;

use anyhow::Context;
use atelier_client::ApiClient;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    accounts::{self, Account},
    cli::{EnqueueArgs, LatencyArgs},
    figures::{Figures, percentile},
    load::{self, Connection, Requests},
    product::Product,
    testbed::{CONNECTIONS, RunDatabase, Testbed},
};

/// One in so many of the library's jobs goes through HTTP, one at a time.
const SHARE: usize = 10;

/// Jobs before the first whose latency counts.
const WARM_UP: usize = 10;

/// Enqueues through HTTP, one at a time and by callers, once a run. Nobody works.
pub(super) async fn enqueue(
    testbed: &Testbed,
    args: EnqueueArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        let database = testbed.create_run_database_with(CONNECTIONS, args.rows).await?;
        let product = Product::start(testbed, &database, "atelier-api").await?;
        let alone = vec![caller(&database, &product, (args.jobs / SHARE).max(1)).await?];
        let mut callers = Vec::new();
        for _ in 0..args.callers {
            callers.push(caller(&database, &product, args.jobs.div_ceil(args.callers)).await?);
        }
        let one = load::run(product.address, alone, None, 202).await?;
        figures.record("enqueue through HTTP, one at a time", "jobs/s", one.per_second);
        let many = load::run(product.address, callers, None, 202).await?;
        figures.record(format!("enqueue through HTTP, {} callers", args.callers), "jobs/s", many.per_second);
        figures.record(format!("enqueue through HTTP, {} callers, p99", args.callers), "ms", many.p99_ms);
        product.stop().await?;
        database.close().await?;
    }
    Ok(())
}

/// The requests of a new account to generate so many projects.
async fn caller(database: &RunDatabase, product: &Product, projects: usize) -> anyhow::Result<Requests> {
    let account = Account::register(product.address).await?;
    let projects = account.create_projects(database.queue.db(), projects).await?;
    let requests: Vec<_> = projects.iter().map(|project| account.generation(project)).collect();
    Ok(Box::new(requests.into_iter()))
}

/// From the HTTP request to the SSE event of completion, one job after the other,
/// once a run.
pub(super) async fn latency(
    testbed: &Testbed,
    args: LatencyArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        let database = testbed.create_run_database(CONNECTIONS).await?;
        let api = Product::start(testbed, &database, "atelier-api").await?;
        let worker = Product::start(testbed, &database, "atelier-worker").await?;
        let account = Account::register(api.address).await?;
        let jobs = (args.jobs / SHARE).max(1);
        let projects = account.create_projects(database.queue.db(), WARM_UP + jobs).await?;
        let client = ApiClient::new(&format!("http://{}", api.address))?.signed_in(account.token().into());
        let mut connection = Connection::open(api.address).await?;
        let (mut wholes, mut handlers) = (Vec::new(), Vec::new());
        for (number, project) in projects.iter().enumerate() {
            let (whole, handler) = follow(&mut connection, &client, &account, project).await?;
            if number >= WARM_UP {
                wholes.push(whole);
                handlers.push(handler);
            }
        }
        record(figures, "HTTP request to the SSE event of completion", wholes);
        record(figures, "of it between the job's start and its end", handlers);
        worker.stop().await?;
        api.stop().await?;
        database.close().await?;
    }
    Ok(())
}

fn record(figures: &mut Figures, name: &str, mut millis: Vec<f64>) {
    millis.sort_by(f64::total_cmp);
    for (share_name, share) in [("p50", 0.5), ("p99", 0.99)] {
        figures.record(format!("{name}, {share_name}"), "ms", percentile(&millis, share));
    }
}

/// Milliseconds from the request to the event of completion, and those that the job ran.
async fn follow(
    connection: &mut Connection,
    client: &ApiClient,
    account: &Account,
    project: &str,
) -> anyhow::Result<(f64, f64)> {
    let begun = Instant::now();
    let answer = connection.send(&account.generation(project)).await?;
    accounts::parse_body(&answer)?;
    let path = answer.header("location").context("the answer names no job")?;
    let mut events = client.events(&format!("{path}/events"), None).await?;
    loop {
        let event = events.next().await?.context("the stream ended before the job")?;
        if event.event == "end" {
            let whole = begun.elapsed().as_secs_f64() * 1_000.0;
            return Ok((whole, ran_millis(&serde_json::from_str(&event.data)?)?));
        }
    }
}

fn ran_millis(job: &Value) -> anyhow::Result<f64> {
    let at = |key: &str| -> anyhow::Result<DateTime<Utc>> {
        let text = job.get(key).and_then(Value::as_str).with_context(|| format!("the job has no {key}"))?;
        Ok(text.parse()?)
    };
    anyhow::ensure!(job.get("status").and_then(Value::as_str) == Some("succeeded"), "the job failed: {job}");
    let ran = at("finished_at")? - at("started_at")?;
    Ok(ran.num_microseconds().unwrap_or_default() as f64 / 1_000.0)
}
