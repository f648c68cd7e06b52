//! Follows a run to its end: answers its waits, pauses, cancels and retries it.

use std::time::Duration;

use anyhow::{Context, bail};
use atelier_client::{ApiClient, ApiClientError};
use atelier_entities::RunId;
use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::{self, Instant};

use super::{Flow, Record, flows::SIGNAL};
use crate::chaos::requests::Requests;

/// How long a run may take: longer than faults last, one after the other, with all its waits.
const PATIENCE: Duration = Duration::from_secs(240);

/// Between two looks at a run.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Retries of a run that fails.
const RETRIES: u32 = 2;

/// Share of runs that are cancelled, of runs with child runs that are, and of those that are paused.
const CANCELLED: f64 = 0.12;
const CANCELLED_WITH_CHILDREN: f64 = 0.6;
const PAUSED: f64 = 0.15;

/// Milliseconds after which a run with child runs is cancelled: these are under way then, or were just started.
const WHILE_CHILDREN_RUN: std::ops::Range<u64> = 200..1_500;

/// What somebody does with a run, drawn from the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Script {
    /// When it is cancelled.
    cancel: Option<Duration>,
    /// When it is paused, and for how long.
    pause: Option<(Duration, Duration)>,
    /// Whether a signal is sent before anything waits for it.
    signals_early: bool,
    /// Whether it is approved.
    approves: bool,
    /// How often the run is retried if it fails. Until then nobody answers what it waits for.
    retries: u32,
    /// How often the failed items of its loop are run again.
    item_retries: u32,
}

impl Script {
    pub(super) fn draw(flow: Flow, random: &mut StdRng) -> Self {
        let mut millis = |range: std::ops::Range<u64>| Duration::from_millis(random.random_range(range));
        let (cancelled, within) = match flow {
            Flow::Parent => (CANCELLED_WITH_CHILDREN, WHILE_CHILDREN_RUN),
            _ => (CANCELLED, 0..4_000),
        };
        let (cancel, pause) = (millis(within), (millis(0..2_000), millis(300..3_000)));
        Self {
            cancel: random.random_bool(cancelled).then_some(cancel),
            pause: random.random_bool(PAUSED).then_some(pause),
            signals_early: random.random_bool(0.5) && flow == Flow::Waits,
            approves: random.random_bool(0.6),
            retries: if flow == Flow::Late { RETRIES } else { 0 },
            item_retries: u32::from(flow == Flow::Each && random.random_bool(0.5)),
        }
    }
}

/// Sends requests about runs in somebody's name.
pub(super) struct Driver<'a> {
    pub(super) client: &'a ApiClient,
    pub(super) requests: &'a Requests,
    pub(super) record: &'a Record,
}

/// A run that is followed.
struct Followed<'a> {
    driver: &'a Driver<'a>,
    run: RunId,
    /// What waits are answered with.
    answer: Value,
    script: Script,
    begun: Instant,
    resume_at: Option<Instant>,
}

impl Driver<'_> {
    /// Follows a run until it has ended and nobody wants more of it.
    pub(super) async fn follow(&self, run: RunId, input: &Value, script: Script) -> anyhow::Result<()> {
        let answer = json!({"n": input.get("n")});
        let begun = Instant::now();
        let mut followed = Followed { driver: self, run, answer, script, begun, resume_at: None };
        if script.signals_early {
            followed.signal().await?;
        }
        while begun.elapsed() < PATIENCE {
            if followed.look().await? {
                return Ok(());
            }
            time::sleep(LOOK_EVERY).await;
        }
        bail!("run {run} has not ended in {} s", PATIENCE.as_secs())
    }
}

impl Followed<'_> {
    /// Looks at the run and does what is to be done now; true once nothing is.
    async fn look(&mut self) -> anyhow::Result<bool> {
        let Driver { client, requests, .. } = self.driver;
        let view = requests.get(client, &self.path("?page_size=1")).await.context("look")?.body;
        match view.get("status").and_then(Value::as_str).unwrap_or_default() {
            "failed" if self.script.retries > 0 => {
                self.script.retries -= 1;
                return self.retry("retry/").await;
            }
            "succeeded" if self.script.item_retries > 0 => {
                self.script.item_retries -= 1;
                return self.retry("nodes/each/retry-items/").await;
            }
            "failed" | "succeeded" | "cancelled" | "timed_out" => return Ok(true),
            _ => {}
        }
        if self.resume_at.is_some_and(|at| Instant::now() >= at) {
            self.resume_at = None;
            self.post("resume/", &json!({})).await?;
        }
        if self.script.cancel.is_some_and(|after| self.begun.elapsed() >= after) {
            self.script.cancel = None;
            self.cancel().await?;
        } else if let Some((_, pause)) = self.script.pause.filter(|(after, _)| self.begun.elapsed() >= *after)
        {
            self.script.pause = None;
            if self.post("pause/", &json!({})).await? {
                self.resume_at = Some(Instant::now() + pause);
                self.driver.record.count(|steering| steering.paused += 1);
            }
        } else {
            self.answer_waits(&view).await?;
        }
        Ok(false)
    }

    async fn cancel(&self) -> anyhow::Result<()> {
        self.driver.record.note_cancel_asked(self.run);
        if self.post("cancel/", &json!({})).await? {
            self.driver.record.note_cancelled(self.run);
        }
        Ok(())
    }

    /// Runs what failed again; true if the run refuses it, and so stays as it is.
    async fn retry(&self, what: &str) -> anyhow::Result<bool> {
        let is_taken = self.post(what, &json!({})).await?;
        self.driver.record.count(|steering| steering.retried += usize::from(is_taken));
        Ok(!is_taken)
    }

    async fn answer_waits(&self, view: &Value) -> anyhow::Result<()> {
        let waits = view.get("waits").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let kinds = waits.iter().filter_map(|wait| wait.get("kind").and_then(Value::as_str));
        for kind in kinds {
            match kind {
                "signal" if self.script.retries == RETRIES => {}
                "signal" => self.signal().await?,
                "approval" => {
                    let decision = json!({"approved": self.script.approves});
                    if self.post("nodes/ask/decide/", &decision).await? {
                        self.driver.record.count(|steering| steering.answered += 1);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends the signal, whatever waits for it: a second one of this id is the same.
    async fn signal(&self) -> anyhow::Result<()> {
        let signal = json!({"id": "only", "payload": self.answer});
        if self.post(&format!("signals/{SIGNAL}/"), &signal).await? {
            self.driver.record.count(|steering| steering.answered += 1);
        }
        Ok(())
    }

    /// Whether the run took it. It refuses what comes too late: it goes on meanwhile.
    async fn post(&self, what: &str, body: &Value) -> anyhow::Result<bool> {
        let Driver { client, requests, .. } = self.driver;
        match requests.post(client, &self.path(what), body).await {
            Ok(_) => Ok(true),
            Err(ApiClientError::Refused { status: 404 | 409 | 410, .. }) => Ok(false),
            Err(error) => Err(error).with_context(|| what.to_owned()),
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/automation/executions/{}/{rest}", self.run)
    }
}
