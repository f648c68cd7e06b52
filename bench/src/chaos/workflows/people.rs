//! People who create workflows and run them over the product's API.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context;
use atelier_client::{ApiClient, ApiClientError};
use atelier_entities::{RunId, WorkflowId};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{
    sync::Semaphore,
    time::{self, Instant},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{
    Flow, Record,
    steering::{Driver, Script},
};
use crate::{
    chaos::{
        requests::Requests,
        triggers::{self, Owned},
    },
    receiver::Receiver,
};

/// People at the same time.
pub(in crate::chaos) const PEOPLE: u64 = 2;

/// Runs of a person that are under way at once.
const OPEN_RUNS: usize = 8;

/// Share of starts that are runs with child runs, besides those of the draw among all.
const WITH_CHILDREN: f64 = 0.15;

/// Milliseconds between two starts.
const PAUSE_MS: std::ops::Range<u64> = 700..1_900;

/// How long a person starts runs before the next one comes: their access token is valid for
/// longer than that and the longest run.
const VISIT: Duration = Duration::from_secs(600);

const LIST: &str = "/api/v1/automation/workflows/";

/// Everybody who runs workflows.
#[derive(Debug)]
pub(in crate::chaos) struct People {
    requests: Arc<Requests>,
    record: Arc<Record>,
    /// What their runs are delivered to.
    receiver: Receiver,
}

impl People {
    /// People who send their requests so, and whose runs are delivered there.
    pub(in crate::chaos) fn new(requests: Arc<Requests>, receiver: Receiver) -> Self {
        Self { requests, record: Arc::default(), receiver }
    }

    /// What their runs are delivered to.
    pub(in crate::chaos) const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// What they asked and were answered.
    pub(in crate::chaos) const fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// Lets one person after the other start and steer runs until it is stopped. Returns once the
    /// runs have ended that they started.
    pub(in crate::chaos) async fn come(&self, url: &str, seed: u64, stop: CancellationToken) {
        let mut random = StdRng::seed_from_u64(seed);
        while !stop.is_cancelled() {
            let prepared = tokio::select! {
                prepared = self.prepare(url) => prepared,
                () = stop.cancelled() => return,
            };
            match prepared {
                Ok((client, workflows)) => self.visit(&client, &workflows, &mut random, &stop).await,
                Err(error) => {
                    self.record.give_up(format!("{error:#}"));
                    time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Signs up, and creates, publishes and enables every workflow.
    async fn prepare(&self, url: &str) -> anyhow::Result<(ApiClient, HashMap<Flow, WorkflowId>)> {
        let client = self.requests.register(&ApiClient::new(url)?).await?;
        let mut workflows = HashMap::new();
        for flow in Flow::ALL {
            let document = flow.document(workflows.get(&Flow::Child).copied());
            let path = format!("{LIST}import/");
            let imported = self.requests.post(&client, &path, &document).await.context("import")?;
            let id = imported.body.pointer("/workflow/id").and_then(Value::as_str).context("no id")?;
            let id: WorkflowId = id.parse().context("no workflow's id")?;
            for step in ["publish", "enable"] {
                let path = format!("{LIST}{id}/{step}/");
                let done = self.requests.post(&client, &path, &json!({})).await;
                done.with_context(|| format!("{step} {flow:?}"))?;
            }
            self.record.note_workflow(id, flow);
            workflows.insert(flow, id);
        }
        Ok((client, workflows))
    }

    /// Starts runs until it is stopped, and waits for their ends.
    async fn visit(
        &self,
        client: &ApiClient,
        workflows: &HashMap<Flow, WorkflowId>,
        random: &mut StdRng,
        stop: &CancellationToken,
    ) {
        let mut owned = Owned::of(client, &self.requests, &self.record);
        owned.subscribe(&self.receiver, workflows).await;
        owned.create_schedules(workflows).await;
        let (begun, open, tasks) = (Instant::now(), Arc::new(Semaphore::new(OPEN_RUNS)), TaskTracker::new());
        let stop_calls = stop.child_token();
        if let Some(hook) = owned.create_hook(workflows).await {
            let calls = StdRng::seed_from_u64(random.random());
            tasks.spawn(triggers::call(hook, self.record.clone(), calls, stop_calls.clone()));
        }
        let (flows, mut number) = (Flow::started(), 0);
        while begun.elapsed() < VISIT && !stop.is_cancelled() {
            let drawn = flows[random.random_range(0..flows.len())];
            let flow = if random.random_bool(WITH_CHILDREN) { Flow::Parent } else { drawn };
            for _ in 0..flow.burst() {
                let Some(workflow) = workflows.get(&flow).copied() else { continue };
                let Ok(place) = open.clone().acquire_owned().await else { return };
                number += 1;
                let start = Start { workflow, flow, number, script: Script::draw(flow, random) };
                let (client, requests) = (client.clone(), self.requests.clone());
                let record = self.record.clone();
                tasks.spawn(async move {
                    let driver = Driver { client: &client, requests: &requests, record: &record };
                    if let Err(error) = start.run(&driver).await {
                        record.give_up(format!("{flow:?}: {error:#}"));
                    }
                    drop(place);
                });
            }
            tokio::select! {
                () = time::sleep(Duration::from_millis(random.random_range(PAUSE_MS))) => {}
                () = stop.cancelled() => {}
            }
        }
        stop_calls.cancel();
        owned.pause_schedules().await;
        tasks.close();
        tasks.wait().await;
    }
}

/// A run that somebody wants.
struct Start {
    workflow: WorkflowId,
    flow: Flow,
    number: u64,
    script: Script,
}

impl Start {
    /// Starts it and steers it to its end. A workflow that is full may refuse it.
    async fn run(self, driver: &Driver<'_>) -> anyhow::Result<()> {
        let mut input = self.flow.input(self.number);
        input["ask"] = json!(Uuid::now_v7());
        let path = format!("{LIST}{}/execute/", self.workflow);
        let started = driver.requests.post(driver.client, &path, &json!({"input": input})).await;
        let started = match started {
            Err(ApiClientError::Refused { code, .. })
                if self.flow.limit().is_some() && code == "WORKFLOW_BUSY" =>
            {
                driver.record.count(|steering| steering.refused += 1);
                return Ok(());
            }
            started => started.context("start")?,
        };
        let id = started.body.pointer("/run/id").and_then(Value::as_str).context("no run")?;
        let run: RunId = id.parse().context("no run's id")?;
        driver.record.note_run(run);
        driver.follow(run, &input, self.script).await
    }
}
