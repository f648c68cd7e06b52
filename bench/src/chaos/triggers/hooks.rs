//! A service outside that calls a webhook with signed bodies, and sends a call again if its answer
//! was lost.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use atelier_entities::RunId;
use atelier_providers::http::{GuardedClient, HttpOptions, OutboundRequest};
use chrono::Utc;
use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::signing::Secret;
use crate::chaos::workflows::Record;

/// Milliseconds between two calls.
const PAUSE_MS: std::ops::Range<u64> = 500..1_500;

/// Share of accepted calls that are sent again.
const SENT_AGAIN: f64 = 0.2;

/// How long a call is sent again: less than its signature is valid.
const TIMEOUT: Duration = Duration::from_secs(120);

const RETRY_AFTER: Duration = Duration::from_millis(300);

/// A webhook of a person.
pub(in crate::chaos) struct Hook {
    pub(super) url: String,
    pub(super) secret: Secret,
}

/// A call, which is the same however often it is sent.
struct Call {
    id: String,
    request: OutboundRequest,
}

impl Hook {
    fn call(&self, number: u64) -> Call {
        let (id, at) = (format!("msg_{}", Uuid::now_v7().simple()), Utc::now().timestamp());
        let body = json!({"n": number, "call": id}).to_string();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("webhook-id", id.clone()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", self.secret.sign(&id, at, &body)),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let (method, url) = ("POST".to_owned(), self.url.clone());
        Call { id, request: OutboundRequest { method, url, headers, body: body.into() } }
    }
}

/// Calls the webhook until it is stopped.
pub(in crate::chaos) async fn call(
    hook: Hook,
    record: Arc<Record>,
    mut random: StdRng,
    stop: CancellationToken,
) {
    let options = HttpOptions { allow_private_addresses: true, ..HttpOptions::default() };
    let http = match GuardedClient::new(options) {
        Ok(http) => http,
        Err(error) => return record.give_up(format!("calls of a webhook: {error:#}")),
    };
    for number in 1.. {
        let call = hook.call(number);
        let sends_again = random.random_bool(SENT_AGAIN);
        if let Err(error) = send(&http, &call, sends_again, &record).await {
            record.give_up(format!("call {}: {error:#}", call.id));
        }
        tokio::select! {
            () = time::sleep(Duration::from_millis(random.random_range(PAUSE_MS))) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn send(http: &GuardedClient, call: &Call, again: bool, record: &Record) -> anyhow::Result<()> {
    let run = until_answered(http, call).await?;
    record.note_call(call.id.clone(), run);
    if again {
        let other = until_answered(http, call).await.context("again")?;
        record.count(|steering| steering.called_again += 1);
        if other != run {
            bail!("the answers name {run} and {other}");
        }
    }
    Ok(())
}

/// The run that the answer names.
async fn until_answered(http: &GuardedClient, call: &Call) -> anyhow::Result<RunId> {
    let begun = Instant::now();
    loop {
        let answered = http.send_once(call.request.clone()).await;
        match answered {
            Ok(response) if matches!(response.status, 200 | 202) => {
                let body: Value = serde_json::from_slice(&response.body).context("no JSON")?;
                let run = body.get("run_id").and_then(Value::as_str).context("no run")?;
                return run.parse().context("no run's id");
            }
            Ok(response) if !matches!(response.status, 429 | 500..) => {
                bail!("{}: {}", response.status, String::from_utf8_lossy(&response.body));
            }
            _ if begun.elapsed() > TIMEOUT => bail!("it was not answered in {} s", TIMEOUT.as_secs()),
            _ => time::sleep(RETRY_AFTER).await,
        }
    }
}
