//! n8n with the same work, by its own program in `bench/peers/n8n`.

use std::{path::Path, time::Duration};

use anyhow::Context;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::process::Command;

use super::Outcome;
use crate::measure::{
    cli::WorkflowsArgs,
    peers::{self, install, output},
    testbed::Testbed,
};

/// Everything in one process, and a worker process beside the one that answers.
pub(in crate::measure) const MODES: [&str; 2] = ["main", "queue"];

/// Longest that one mode may take.
const LIMIT: Duration = Duration::from_secs(900);

/// What it says of itself and its run.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Peer {
    pub(super) version: String,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// Installs it if that is needed, and returns the command that runs it in that mode on an empty database.
pub(in crate::measure) async fn command(
    testbed: &Testbed,
    cache: Option<&Path>,
    mode: &str,
) -> anyhow::Result<Command> {
    let words = install::node("n8n", &peers::cache(cache)?).await?;
    let (program, rest) = words.split_first().context("not installed")?;
    let database = testbed.create_database("peer", "template0").await?;
    let mut command = Command::new(program);
    command.args(rest).arg(mode);
    command.env("PEER_DATABASE_URL", database.expose_secret());
    command.env("PEER_REDIS_URL", testbed.redis.url(testbed.redis.port()));
    Ok(command)
}

/// Runs everything once.
pub(super) async fn measure(testbed: &Testbed, args: &WorkflowsArgs, mode: &str) -> anyhow::Result<Peer> {
    let mut command = command(testbed, args.cache.as_deref(), mode).await?;
    let numbers = [
        ("PEER_CHAIN", args.chain),
        ("PEER_SAMPLES", args.samples),
        ("PEER_LOAD_RUNS", args.load_runs),
        ("PEER_LOAD_CHAIN", args.load_chain),
        ("PEER_FAN", args.fan),
        ("PEER_ITEMS", args.items),
    ];
    command.envs(numbers.map(|(name, number)| (name, number.to_string())));
    let text = output::read_within(command, LIMIT).await?;
    let line = text.lines().rev().find(|line| line.starts_with('{')).context("it printed no figures")?;
    serde_json::from_str(line).context("its figures cannot be read")
}
