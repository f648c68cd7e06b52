//! Commands on recurring jobs, each with its audit entry in the same transaction.

use atelier_automation::schedules::{ScheduleReason, ScheduleReasonCode};
use atelier_entities::{JobId, Timestamp, schedules};
use atelier_foundation::{Actor, FieldErrors, Problem, Refusal, audit, validation};
use atelier_queue::{
    QueueError, Transaction,
    schedule::{self, Recurring},
};
use serde_json::json;

use crate::Services;

/// Maximum length of the reason of a pause, in characters.
const MAX_REASON: usize = 500;

/// Why a command on a recurring job failed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleControlError {
    /// There is no such recurring job, or no scheduler has stored it yet.
    #[error("there is no such schedule")]
    NotFound,
    /// Invalid fields.
    #[error("invalid input: {0}")]
    InvalidInput(#[from] FieldErrors),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Problem for ScheduleControlError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotFound => Refusal::not_found("schedule"),
            Self::InvalidInput(errors) => errors.refusal(),
            Self::Queue(error) => error.refusal(),
        }
    }
}

impl Services {
    /// Enqueues a recurring job now, whether it is paused or not. Answers the job, or an earlier one that stands
    /// for it.
    ///
    /// # Errors
    /// If there is none of that name.
    pub async fn run_schedule(&self, actor: &Actor, name: &str) -> Result<JobId, ScheduleControlError> {
        let one = self.find_recurring(name)?;
        let tx = self.queue.begin().await?;
        let enqueued = schedule::run_now(&tx, &one).await?.ok_or(ScheduleControlError::NotFound)?;
        record(&tx, actor, "recurring.run", &one).await?;
        tx.commit().await?;
        Ok(enqueued.id)
    }

    /// Keeps a recurring job from being enqueued by the clock.
    ///
    /// # Errors
    /// If there is none of that name, or the reason is too long.
    pub async fn pause_schedule(
        &self,
        actor: &Actor,
        name: &str,
        reason: Option<String>,
    ) -> Result<schedules::Model, ScheduleControlError> {
        let one = self.find_recurring(name)?;
        let reason = reason.map(|reason| validation::paragraph(&reason, MAX_REASON)).transpose();
        let reason = reason.map_err(|problem| FieldErrors::of("reason", problem))?;
        let reason = reason.filter(|reason| !reason.is_empty());
        let tx = self.queue.begin().await?;
        let paused = schedule::pause(&tx, &one, actor.user(), reason.as_deref()).await?;
        let paused = paused.ok_or(ScheduleControlError::NotFound)?;
        record(&tx, actor, "recurring.pause", &one).await?;
        tx.commit().await?;
        Ok(paused)
    }

    /// Lets a recurring job be enqueued by the clock again, from now on.
    ///
    /// # Errors
    /// If there is none of that name.
    pub async fn resume_schedule(
        &self,
        actor: &Actor,
        name: &str,
    ) -> Result<schedules::Model, ScheduleControlError> {
        let one = self.find_recurring(name)?;
        let tx = self.queue.begin().await?;
        let resumed = schedule::resume(&tx, &one).await?.ok_or(ScheduleControlError::NotFound)?;
        record(&tx, actor, "recurring.resume", &one).await?;
        tx.commit().await?;
        Ok(resumed)
    }

    /// Why a recurring job is not enqueued now: what its row and the clock say, then its last job, if that has not
    /// ended: it stands for the next one.
    ///
    /// # Errors
    /// If there is none of that name.
    pub async fn why_schedule(&self, name: &str) -> Result<Vec<ScheduleReason>, ScheduleControlError> {
        let one = self.find_recurring(name)?;
        let stored = schedule::list(&self.queue).await?.into_iter().find(|row| row.name == one.name);
        let row = stored.ok_or(ScheduleControlError::NotFound)?;
        let mut reasons = vec![of_clock(&row, self.queue.now())];
        if let Some(id) = row.last_job_id
            && let Some(job) = self.queue.find_job(id, None).await?
            && !job.state.is_terminal()
        {
            reasons.push(ScheduleReason {
                code: ScheduleReasonCode::RunUnderWay,
                message: "Its last job has not ended: it stands for the next one.".to_owned(),
                details: json!({"job_id": id, "state": job.state.as_str()}),
            });
        }
        Ok(reasons)
    }

    fn find_recurring(&self, name: &str) -> Result<Recurring, ScheduleControlError> {
        let mut all = self.modules.iter().flat_map(|module| &module.recurring);
        all.find(|one| one.name == name).copied().ok_or(ScheduleControlError::NotFound)
    }
}

/// What the row of a recurring job and the clock say.
fn of_clock(row: &schedules::Model, now: Timestamp) -> ScheduleReason {
    let reason = |code, message: &str, details| ScheduleReason { code, message: message.to_owned(), details };
    if !row.enabled {
        let details = json!({"by": row.paused_by, "since": row.paused_at, "reason": row.paused_reason});
        return reason(ScheduleReasonCode::Paused, "It is paused until somebody resumes it.", details);
    }
    let details = json!({"due_at": row.next_run_at});
    if row.next_run_at > now {
        reason(ScheduleReasonCode::WaitingForTime, "Its next fire time has not come.", details)
    } else {
        reason(ScheduleReasonCode::Due, "It is due: the next scheduler enqueues its job.", details)
    }
}

async fn record(
    tx: &Transaction,
    actor: &Actor,
    action: &str,
    one: &Recurring,
) -> Result<(), ScheduleControlError> {
    let target = Some(format!("recurring:{}", one.name));
    audit::record(tx, actor, action, target, json!({})).await.map_err(QueueError::from)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use ScheduleReasonCode::{Due, Paused, RunUnderWay, WaitingForTime};
    use atelier_foundation::testing::acting;

    use super::*;
    use crate::{recurring, testing::Fixture};

    #[tokio::test]
    async fn a_recurring_job_is_run_paused_and_resumed() {
        let fixture = Fixture::new().await;
        let actor = acting(fixture.register("root@example.org").await.id);
        let services = &fixture.services;
        let name = "stats.aggregate";
        let unknown = services.run_schedule(&actor, name).await;
        assert!(
            matches!(unknown, Err(ScheduleControlError::NotFound)),
            "no scheduler has stored it: {unknown:?}"
        );
        schedule::sync(&services.queue, &recurring()).await.expect("stored");
        schedule::tick(&services.queue, &recurring()).await.expect("fired");

        let paused =
            services.pause_schedule(&actor, name, Some(" Too slow ".to_owned())).await.expect("paused");
        assert_eq!((paused.enabled, paused.paused_reason.as_deref()), (false, Some("Too slow")));
        assert_eq!((paused.paused_by, paused.paused_at.is_some()), (actor.user(), true));
        fixture.advance(3_600);
        let job = services.run_schedule(&actor, name).await.expect("enqueued");
        let resumed = services.resume_schedule(&actor, name).await.expect("resumed");

        assert!(resumed.enabled && resumed.next_run_at > services.queue.now());
        assert_eq!((resumed.last_job_id, resumed.paused_reason), (Some(job), None));
        assert_eq!((resumed.paused_by, resumed.paused_at), (None, None));
        let long = services.pause_schedule(&actor, name, Some("x".repeat(501))).await;
        assert!(matches!(long, Err(ScheduleControlError::InvalidInput(_))), "{long:?}");
        let unknown = services.why_schedule("stats.other").await;
        assert!(matches!(unknown, Err(ScheduleControlError::NotFound)), "{unknown:?}");
        let other = services.resume_schedule(&actor, "stats.other").await;
        assert!(matches!(other, Err(ScheduleControlError::NotFound)), "{other:?}");
    }

    #[tokio::test]
    async fn a_recurring_job_says_why_it_is_not_enqueued_and_who_paused_it() {
        let fixture = Fixture::new().await;
        let actor = acting(fixture.register("root@example.org").await.id);
        let services = &fixture.services;
        let name = "stats.aggregate";
        let codes = async || -> Vec<ScheduleReasonCode> {
            let reasons = services.why_schedule(name).await.expect("asked");
            reasons.into_iter().map(|reason| reason.code).collect()
        };
        schedule::sync(&services.queue, &recurring()).await.expect("stored");
        assert_eq!(codes().await, [Due]);
        schedule::tick(&services.queue, &recurring()).await.expect("fired");
        assert_eq!(codes().await, [WaitingForTime, RunUnderWay]);

        services.pause_schedule(&actor, name, Some("Too slow".to_owned())).await.expect("paused");

        assert_eq!(codes().await, [Paused, RunUnderWay]);
        let paused = services.why_schedule(name).await.expect("asked").swap_remove(0);
        assert_eq!(
            (&paused.details["by"], &paused.details["reason"]),
            (&json!(actor.user()), &json!("Too slow"))
        );
        assert!(paused.details["since"].is_string(), "{paused:?}");
    }
}
