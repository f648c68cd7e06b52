//! What a person has besides workflows: schedules with every overlap, a webhook, and a subscription.

use std::collections::HashMap;

use anyhow::Context;
use atelier_client::ApiClient;
use atelier_entities::{ScheduleOverlap, WorkflowId, WorkflowScheduleId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{hooks::Hook, signing::Secret};
use crate::{
    chaos::{
        requests::Requests,
        workflows::{Flow, HOOK, Record},
    },
    receiver::Receiver,
};

const WORKFLOWS: &str = "/api/v1/automation/workflows/";
const SUBSCRIPTIONS: &str = "/api/v1/automation/webhooks/";
const SCHEDULES: &str = "/api/v1/automation/schedules/";

/// Seconds after which a fire time is missed: the shortest that is allowed.
const SHORT_WINDOW: u32 = 10;

/// A schedule that each person creates.
#[derive(Clone, Copy, Debug)]
struct Plan {
    overlap: ScheduleOverlap,
    flow: Flow,
    /// Seconds between two fire times, and where they lie.
    every: u32,
    phase: u32,
    /// Fire times that are made up for at once, and the seconds after which they are missed.
    catch_up: Option<(u32, u32)>,
}

/// Runs take three seconds or longer: most of the fire times meet one that is under way.
const PLANS: [Plan; 6] = [
    plan(ScheduleOverlap::Skip, Flow::Timed, 3),
    plan(ScheduleOverlap::BufferOne, Flow::Timed, 3),
    Plan { phase: 1, ..plan(ScheduleOverlap::BufferAll, Flow::Timed, 5) },
    plan(ScheduleOverlap::CancelOther, Flow::Replaced, 4),
    Plan { phase: 2, ..plan(ScheduleOverlap::TerminateOther, Flow::Replaced, 4) },
    Plan { catch_up: Some((2, SHORT_WINDOW)), ..plan(ScheduleOverlap::AllowAll, Flow::Timed, 2) },
];

const fn plan(overlap: ScheduleOverlap, flow: Flow, every: u32) -> Plan {
    Plan { overlap, flow, every, phase: 0, catch_up: None }
}

impl Plan {
    /// What is sent to create it. The one whose runs may overlap has a cron expression in a zone.
    fn body(&self, workflow: WorkflowId) -> Value {
        let mut body = json!({
            "workflow_id": workflow, "name": self.overlap.as_str(), "overlap": self.overlap.as_str(),
            "input": {"overlap": self.overlap.as_str()},
        });
        if self.overlap == ScheduleOverlap::AllowAll {
            body["expression"] = format!("*/{} * * * * *", self.every).into();
            body["time_zone"] = "Asia/Kathmandu".into();
        } else {
            body["every_secs"] = self.every.into();
            body["phase_secs"] = self.phase.into();
        }
        if let Some((limit, window)) = self.catch_up {
            body["catchup_limit"] = limit.into();
            body["catchup_window_secs"] = window.into();
        }
        body
    }
}

/// What a person has besides workflows.
pub(in crate::chaos) struct Owned<'a> {
    client: &'a ApiClient,
    requests: &'a Requests,
    record: &'a Record,
    schedules: Vec<WorkflowScheduleId>,
}

impl<'a> Owned<'a> {
    /// Nothing yet.
    pub(in crate::chaos) const fn of(
        client: &'a ApiClient,
        requests: &'a Requests,
        record: &'a Record,
    ) -> Self {
        Self { client, requests, record, schedules: Vec::new() }
    }

    /// Subscribes to the runs that succeed. No workflow has run yet.
    pub(in crate::chaos) async fn subscribe(
        &self,
        receiver: &Receiver,
        workflows: &HashMap<Flow, WorkflowId>,
    ) {
        let url = receiver.url(&Uuid::new_v4().simple().to_string());
        let body = json!({"url": url, "events": ["run.succeeded"]});
        match self.requests.post(self.client, SUBSCRIPTIONS, &body).await {
            Ok(_) => self.record.note_subscribed(workflows.values().copied()),
            Err(error) => self.record.give_up(format!("subscription: {error:#}")),
        }
    }

    /// Creates a schedule of each kind.
    pub(in crate::chaos) async fn create_schedules(&mut self, workflows: &HashMap<Flow, WorkflowId>) {
        for plan in PLANS {
            let Some(workflow) = workflows.get(&plan.flow) else { continue };
            match self.create_schedule(&plan.body(*workflow)).await {
                Ok(id) => {
                    self.record.note_schedule(id);
                    self.schedules.push(id);
                }
                Err(error) => self.record.give_up(format!("schedule {plan:?}: {error:#}")),
            }
        }
    }

    async fn create_schedule(&self, body: &Value) -> anyhow::Result<WorkflowScheduleId> {
        let created = self.requests.post(self.client, SCHEDULES, body).await?;
        let id = created.body.get("id").and_then(Value::as_str).context("no id")?;
        id.parse().context("no schedule's id")
    }

    /// Creates the address of the webhook, and shares a secret.
    pub(in crate::chaos) async fn create_hook(&self, workflows: &HashMap<Flow, WorkflowId>) -> Option<Hook> {
        let workflow = workflows.get(&Flow::Hooked)?;
        let created = self.create_hook_of(*workflow).await;
        created.map_err(|error| self.record.give_up(format!("webhook: {error:#}"))).ok()
    }

    async fn create_hook_of(&self, workflow: WorkflowId) -> anyhow::Result<Hook> {
        let path = format!("{WORKFLOWS}{workflow}/hooks/{HOOK}/");
        let rotated = self.requests.post(self.client, &format!("{path}rotate/"), &json!({})).await?;
        let address = ["path", "address"].iter().find_map(|key| rotated.body.get(key)?.as_str());
        let address = address.context("no address")?;
        let token = address.trim_end_matches('/').rsplit('/').next().context("no token")?;
        let url = self.client.url(&format!("/api/v1/automation/hooks/{token}"));
        let secret = Secret::new();
        let body = json!({"secret": secret.text()});
        self.requests.put(self.client, &format!("{path}secret/"), &body).await.context("secret")?;
        Ok(Hook { url, secret })
    }

    /// Pauses the schedules, so that the runs come to an end.
    pub(in crate::chaos) async fn pause_schedules(&self) {
        for id in &self.schedules {
            let path = format!("{SCHEDULES}{id}/pause/");
            if let Err(error) = self.requests.post(self.client, &path, &json!({})).await {
                self.record.give_up(format!("pause of schedule {id}: {error:#}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_overlap_has_a_schedule_and_fits_its_workflow() {
        let overlaps: BTreeSet<_> = PLANS.iter().map(|plan| plan.overlap.as_str()).collect();
        assert_eq!(overlaps.len(), PLANS.len());
        for plan in PLANS {
            let cancels =
                matches!(plan.overlap, ScheduleOverlap::CancelOther | ScheduleOverlap::TerminateOther);
            assert_eq!(plan.flow.cancels_older(), cancels, "{plan:?}");
            let body = plan.body(WorkflowId::new());
            assert_ne!(body.get("expression").is_some(), body.get("every_secs").is_some(), "{body}");
        }
    }
}
