//! Calls of a webhook by the same clock, of n8n.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use anyhow::Context;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time,
};

use super::hooks;
use crate::{
    measure::{
        arrivals::{self, Answers},
        cli::TriggersArgs,
        testbed::Testbed,
        workflows::n8n,
    },
    servers::reaper,
};

/// Longest until it listens: the first start creates its tables.
const START_LIMIT: Duration = Duration::from_secs(300);

/// Longest until it has ended.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Seconds of calls before the first that counts.
const WARM_UP_SECS: f64 = 5.0;

/// Where it listens.
#[derive(Debug, Deserialize)]
struct Listening {
    version: String,
    port: u16,
    path: String,
}

/// Starts it on an empty database, calls its webhook, and returns its version and how it answered.
pub(super) async fn measure(
    testbed: &Testbed,
    args: &TriggersArgs,
    mode: &str,
) -> anyhow::Result<(String, Answers)> {
    let mut command = n8n::command(testbed, args.cache.as_deref(), mode).await?;
    // It ends once its standard input does.
    command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.process_group(0).kill_on_drop(true).spawn().context("it cannot be run")?;
    let outcome = call(&mut child, args).await;
    drop(child.stdin.take());
    if time::timeout(STOP_LIMIT, child.wait()).await.is_err()
        && let Some(pid) = child.id()
    {
        // Its own processes too.
        Command::from(reaper::kill("KILL", &format!("-{pid}"))).status().await?;
        child.wait().await?;
    }
    outcome
}

async fn call(child: &mut Child, args: &TriggersArgs) -> anyhow::Result<(String, Answers)> {
    let output = child.stdout.take().context("it has no output")?;
    let mut lines = BufReader::new(output).lines();
    let line = time::timeout(START_LIMIT, lines.next_line()).await.context("it did not start in time")??;
    let line = line.context("it ended before it listened")?;
    let Listening { version, port, path } = serde_json::from_str(&line).context("it says no address")?;
    let (address, rate) = (SocketAddr::from(([127, 0, 0, 1], port)), f64::from(args.rate));
    arrivals::run(address, hooks::calls(&path, rate * WARM_UP_SECS), rate, 200).await?;
    let answers = arrivals::run(address, hooks::calls(&path, rate * args.secs), rate, 200).await?;
    Ok((version, answers))
}
