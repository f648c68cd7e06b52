//! Calls of a webhook by a clock, of Atelier.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::time;

use crate::measure::{
    arrivals::{self, Answers},
    cli::TriggersArgs,
    installation::Installation,
    load::{self, Request},
};

/// Key of the trigger.
const TRIGGER: &str = "start";

/// Calls in a minute that the trigger allows: the most that it may allow.
const RATE_PER_MINUTE: u32 = 60_000;

/// Interval of asking whether the runs are there.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Longest until the runs of all accepted calls are there.
const LIMIT: Duration = Duration::from_secs(30);

/// Seconds of calls before the first that counts.
const WARM_UP_SECS: f64 = 1.0;

/// Calls a webhook. Each accepted call must have a run.
pub(super) async fn measure(installation: &mut Installation, args: &TriggersArgs) -> anyhow::Result<Answers> {
    let workflow = installation.enable("Webhook", &graph()).await?;
    let rotated =
        installation.call("POST", &format!("{workflow}hooks/{TRIGGER}/rotate/"), &Value::Null).await?;
    let address = ["path", "address"].iter().find_map(|key| rotated.get(key)?.as_str());
    let address = address.context("no address")?;
    let token = address.trim_end_matches('/').rsplit('/').next().context("no token")?;
    let path = format!("/api/v1/automation/hooks/{token}");
    let rate = f64::from(args.rate);
    let warm_up = arrivals::run(installation.address, calls(&path, rate * WARM_UP_SECS), rate, 202).await?;
    let answers = arrivals::run(installation.address, calls(&path, rate * args.secs), rate, 202).await?;
    let accepted = warm_up.millis.len() + answers.millis.len();
    let lost = warm_up.errors + answers.errors;
    let begun = Instant::now();
    loop {
        let list = format!("{workflow}executions/?page_size=1");
        let page = installation.call("GET", &list, &Value::Null).await?;
        let runs = page.get("count").and_then(Value::as_u64).context("no count")?;
        let runs = usize::try_from(runs)?;
        // A call whose answer was lost may have a run.
        if (accepted..=accepted + lost).contains(&runs) {
            return Ok(answers);
        }
        ensure!(begun.elapsed() < LIMIT, "{runs} runs of {accepted} accepted calls are there");
        time::sleep(LOOK_EVERY).await;
    }
}

/// So many calls, each with a body of its own.
pub(super) fn calls(path: &str, count: f64) -> Vec<Request> {
    let count = count.max(1.0) as usize;
    (0..count).map(|number| load::request("POST", path, &[], &json!({"n": number}).to_string())).collect()
}

/// A trigger that takes calls of everybody, and one step.
fn graph() -> Value {
    let config = json!({
        "methods": ["POST"], "verify": {"scheme": "none"}, "response": "accepted",
        "rate_per_minute": RATE_PER_MINUTE,
    });
    json!({
        "nodes": [
            {"key": TRIGGER, "type": "webhook", "config": config},
            {"key": "step", "type": "transform", "config": {"fields": {"value": 1}}},
        ],
        "edges": [{"from": TRIGGER, "to": "step"}],
    })
}
