//! What is stored of a failed delivery. The reply of a mail server may repeat the address.
//! The outbox stores the reply; an erasure deletes it with the account. The job's error has
//! it without the address.

use atelier_entities::{MailStatus, mail_messages};
use atelier_providers::mail::MailError;
use atelier_queue::{Disposition, JobError, QueueError};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, QuerySelect};

use super::{Mail, suppressions::suppress};

/// The placeholder of an address.
const PLACEHOLDER: &str = "[receiver]";

/// Why a mail was not sent.
pub(super) struct Failure {
    /// The error of the job.
    pub(super) error: JobError,
    /// The reason in the outbox.
    reason: String,
    /// Whether the mailbox does not exist.
    is_bounce: bool,
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        Self { reason: error.message.clone(), error, is_bounce: false }
    }
}

impl Failure {
    /// The failure of a mail to that address.
    pub(super) fn of(error: &MailError, address: &str) -> Self {
        let reason = error.to_string();
        let message = without_address(&reason, address);
        let is_bounce = matches!(error, MailError::Bounced { .. });
        let error = match error {
            MailError::Transient { .. } => JobError::retry("MAIL_UNAVAILABLE", message),
            MailError::Bounced { .. } => JobError::fail("MAIL_BOUNCED", message),
            MailError::Rejected { .. } => JobError::fail("MAIL_REJECTED", message),
            MailError::InvalidAddress { .. } => JobError::fail("MAIL_INVALID", message),
            // The mail waits until an operator corrects the settings.
            MailError::Misconfigured { .. } => JobError::retry("MAIL_MISCONFIGURED", message),
        };
        Self { error, reason, is_bounce }
    }

    /// The same failure without another attempt.
    pub(super) fn without_retry(self) -> Self {
        let error = JobError::fail(&self.error.code, self.error.message);
        Self { error, ..self }
    }
}

impl Mail {
    /// Stores a failure: the reason, if no attempt follows, and the suppression of the
    /// address after a bounce. Returns false, and stores nothing, if the mail was deleted
    /// meanwhile, such as by an erasure.
    pub(super) async fn record_failure(
        &self,
        mail: &mail_messages::Model,
        failure: &Failure,
        is_last: bool,
    ) -> Result<bool, QueueError> {
        let tx = self.queue.begin().await?;
        let found = mail_messages::Entity::find_by_id(mail.id).lock_exclusive().one(&*tx).await?;
        let Some(found) = found else { return Ok(false) };
        if failure.is_bounce {
            suppress(&tx, &mail.recipient, &failure.reason).await?;
        }
        if is_last || failure.error.disposition == Disposition::Fail {
            let mut row = found.into_active_model();
            row.status = Set(MailStatus::Failed);
            row.error = Set(Some(failure.reason.clone()));
            row.update(&*tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Replaces an address in a text. The case is ignored.
fn without_address(text: &str, address: &str) -> String {
    if address.is_empty() {
        return text.to_owned();
    }
    let (lower, address) = (text.to_ascii_lowercase(), address.to_ascii_lowercase());
    let (mut clean, mut done) = (String::with_capacity(text.len()), 0);
    for (at, found) in lower.match_indices(&address) {
        clean.push_str(&text[done..at]);
        clean.push_str(PLACEHOLDER);
        done = at + found.len();
    }
    clean.push_str(&text[done..]);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn the_error_of_a_job_does_not_have_the_address() {
        for (said, told) in [
            ("550 5.1.1 <Ada@Example.org>: no such user", "550 5.1.1 <[receiver]>: no such user"),
            ("ada@example.org ada@example.org", "[receiver] [receiver]"),
            ("é ada@EXAMPLE.ORG é", "é [receiver] é"),
            ("greylisted", "greylisted"),
            ("", ""),
        ] {
            assert_eq!(without_address(said, "ada@example.org"), told);
        }
        assert_eq!(without_address("as it is", ""), "as it is");
        let bounced = MailError::Bounced { code: 550, message: "no user ADA@example.org".to_owned() };
        let failure = Failure::of(&bounced, "ada@example.org");
        assert!(failure.is_bounce && failure.reason.contains("ADA@example.org"));
        assert!(!failure.error.message.to_lowercase().contains("ada@"), "{}", failure.error.message);
    }

    #[tokio::test]
    async fn the_job_of_a_mail_that_bounced_does_not_name_the_address() {
        let message = "5.1.1 <ada@example.org> unknown".to_owned();
        let fixture = Fixture::with_mailer([Err(MailError::Bounced { code: 550, message })]).await;
        fixture.register("ada@example.org").await;
        fixture.work().await;

        let job = fixture.jobs_of_kind("email.deliver").await.remove(0);
        let attempts = fixture.services.queue.list_attempts(&job).await.expect("listed");
        let told = format!("{job:?} {attempts:?}");

        assert!(told.contains("MAIL_BOUNCED") && !told.contains("ada@example.org"), "{told}");
    }
}
