//! `atelier credentials`: the keys that encrypt the secrets of integrations and webhooks.

use atelier_foundation::{Actor, Client, key_rotation::KeyCount};
use clap::{Args, Subcommand};
use serde_json::json;

use super::examples;
use super::output::{CommandOutput, pretty_json};
use super::timeout::TimeoutArgs;
use crate::{terminal, wire::Platform};

/// See and replace the keys that encrypt credentials.
#[derive(Args, Clone, Debug)]
#[command(after_help = examples::CREDENTIALS)]
pub(crate) struct CredentialsArgs {
    #[command(subcommand)]
    command: CredentialsCommand,
    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,
}

#[derive(Clone, Debug, Subcommand)]
enum CredentialsCommand {
    /// Count the secrets of each key. A key without secrets may be removed from CREDENTIAL_KEYS.
    #[command(after_help = examples::CREDENTIALS_KEYS)]
    Keys {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Have a worker encrypt every secret with the first key of CREDENTIAL_KEYS.
    #[command(after_help = examples::CREDENTIALS_REWRAP)]
    Rewrap,
}

/// Performs the command.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn run(args: &CredentialsArgs, platform: &Platform) -> anyhow::Result<CommandOutput> {
    match args.command {
        CredentialsCommand::Keys { json } => keys(json, platform).await,
        CredentialsCommand::Rewrap => rewrap(platform).await,
    }
}

async fn keys(as_json: bool, platform: &Platform) -> anyhow::Result<CommandOutput> {
    let counts = platform.services.foundation.key_rotation.count_by_key().await?;
    if as_json {
        return Ok(CommandOutput::of(pretty_json(&json!({"keys": counts}))));
    }
    if counts.is_empty() {
        return Ok(CommandOutput::of("no secrets are stored"));
    }
    let rows = counts.into_iter().map(|KeyCount { key_id, secrets }| [key_id, secrets.to_string()]).collect();
    Ok(CommandOutput::of(terminal::table(["key", "secrets"], rows, &[1])))
}

async fn rewrap(platform: &Platform) -> anyhow::Result<CommandOutput> {
    let client = Client { user_agent: Some("atelier credentials".to_owned()), ..Client::default() };
    let actor = Actor::platform().with_client(client);
    let job = platform.services.foundation.key_rotation.start(&actor).await?;
    Ok(CommandOutput::of(format!(
        "job {job} encrypts the secrets again: see `atelier jobs show {job}` and `atelier credentials keys`"
    )))
}
