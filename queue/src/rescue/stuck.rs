//! Jobs that cannot end because their effect fails. The next try waits for as long as the
//! effect has failed already. After a day the job ends without its effect.

use std::time::Duration;

use atelier_entities::{JobId, JobState, Timestamp, jobs};
use chrono::DateTime;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::lost_end;
use crate::{Queue, Transaction, error::QueueError, finish, lease, metrics, outcome::JobError};

/// Shortest and longest wait before an effect is tried again.
const WAITS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(300)];

/// How long an effect is tried: as long as an upgrade that fixes it may take.
const PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// What follows another failure of an effect.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Try again after this long.
    TryAfter(Duration),
    /// End the job without its effect.
    GiveUp,
}

/// Postpones the end of the job, or ends it without its effect where that has failed for too
/// long. Answers whether it has ended.
pub(super) async fn postpone(queue: &Queue, id: JobId, error: &QueueError) -> Result<bool, QueueError> {
    let tx = queue.begin_brief().await?;
    let ended = decide(&tx, id, error).await;
    tx.close(ended).await
}

async fn decide(tx: &Transaction, id: JobId, error: &QueueError) -> Result<bool, QueueError> {
    let found = jobs::Entity::find_by_id(id).one(&**tx).await?;
    let Some(job) = found.filter(|job| job.state == JobState::Running) else { return Ok(false) };
    let since = failing_since(&job).unwrap_or(tx.now());
    match verdict(since, tx.now()) {
        Verdict::TryAfter(wait) => {
            let reason =
                stored_error(since, "what its end changes could not be written yet; it is tried again");
            if lease::postpone_rescue(tx, &job, tx.now() + wait, &reason).await? {
                metrics::effect_failed(&job.kind);
                tx.note_change(id);
                tracing::error!(job.id = %id, job.kind = %job.kind, %error, ?wait, "its effect fails: trying again");
            }
            Ok(false)
        }
        Verdict::GiveUp => {
            let mut finish = lost_end(&job, tx.now());
            finish.settlement.error = Some(stored_error(since, "what its end changes could not be written"));
            let ended = finish::write_without_effect(tx, &finish).await?;
            if ended {
                metrics::effect_failed(&job.kind);
                tx.note_change(id);
                let cause = "its effect has failed for a day";
                tracing::error!(job.id = %id, job.kind = %job.kind, %error, cause, "ended WITHOUT its effect");
            }
            Ok(ended)
        }
    }
}

fn verdict(since: Timestamp, now: Timestamp) -> Verdict {
    let failing = (now - since).to_std().unwrap_or_default();
    let [shortest, longest] = WAITS;
    if failing < PATIENCE { Verdict::TryAfter(failing.clamp(shortest, longest)) } else { Verdict::GiveUp }
}

/// The error as the job's owner reads it. The cause is only logged.
fn stored_error(since: Timestamp, message: &str) -> Value {
    JobError::fail("EFFECT_FAILED", message).with_details(json!({"since": since})).to_json()
}

/// Since when the job's effect fails; none where it has not failed before.
fn failing_since(job: &jobs::Model) -> Option<Timestamp> {
    let error = job.error.as_ref().filter(|error| error["code"] == "EFFECT_FAILED")?;
    let since = DateTime::parse_from_rfc3339(error["details"]["since"].as_str()?).ok()?;
    Some(since.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_waits_for_as_long_as_it_has_failed_and_is_given_up_after_a_day() {
        let at = |secs| Timestamp::from_timestamp(secs, 0).expect("a time");
        let after = |secs| Verdict::TryAfter(Duration::from_secs(secs));
        let day = 24 * 3_600;
        let table = [
            (-9, after(5)),
            (0, after(5)),
            (5, after(5)),
            (6, after(6)),
            (64, after(64)),
            (3_600, after(300)),
            (day - 1, after(300)),
            (day, Verdict::GiveUp),
        ];

        for (failing, expected) in table {
            assert_eq!(verdict(at(100_000), at(100_000 + failing)), expected, "{failing} s");
        }
    }
}
