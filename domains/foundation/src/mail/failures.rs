//! What is noted of a delivery that failed. What a server says may repeat the address: so
//! its words stand in the outbox, which goes with the account, and a job is told the same
//! without the address.

use atelier_entities::{MailStatus, mail_messages};
use atelier_providers::mail::MailError;
use atelier_queue::{Disposition, JobError, QueueError};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, QuerySelect};

use super::{Mail, suppressions::suppress};

/// What stands for an address.
const RECEIVER: &str = "[receiver]";

/// Why a mail was not handed over.
pub(super) struct Failure {
    /// What the job is told.
    pub(super) error: JobError,
    /// What the outbox keeps.
    reason: String,
    /// Whether there is no such mailbox.
    is_bounce: bool,
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        Self { reason: error.message.clone(), error, is_bounce: false }
    }
}

impl Failure {
    /// What a mail server or the way to it said about a mail to that address.
    pub(super) fn of(error: &MailError, address: &str) -> Self {
        let reason = error.to_string();
        let message = without_address(&reason, address);
        let is_bounce = matches!(error, MailError::Bounced { .. });
        let error = match error {
            MailError::Transient { .. } => JobError::retry("MAIL_UNAVAILABLE", message),
            MailError::Bounced { .. } => JobError::fail("MAIL_BOUNCED", message),
            MailError::Rejected { .. } => JobError::fail("MAIL_REJECTED", message),
            MailError::InvalidAddress { .. } => JobError::fail("MAIL_INVALID", message),
            // An operator mends the settings while the mail waits.
            MailError::Misconfigured { .. } => JobError::retry("MAIL_MISCONFIGURED", message),
        };
        Self { error, reason, is_bounce }
    }

    /// The same, not worth another attempt.
    pub(super) fn once(self) -> Self {
        let error = JobError::fail(&self.error.code, self.error.message);
        Self { error, ..self }
    }
}

impl Mail {
    /// Notes a failure with its mail: the reason where no attempt follows, and that the
    /// address gets no more mails where it has no mailbox. False where the mail is gone,
    /// as with an account that was erased while the server was asked: then nothing is
    /// kept of it.
    pub(super) async fn note_failure(
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

/// A text in which an address does not stand, whatever its case.
fn without_address(text: &str, address: &str) -> String {
    if address.is_empty() {
        return text.to_owned();
    }
    let (lower, address) = (text.to_ascii_lowercase(), address.to_ascii_lowercase());
    let (mut clean, mut done) = (String::with_capacity(text.len()), 0);
    for (at, found) in lower.match_indices(&address) {
        clean.push_str(&text[done..at]);
        clean.push_str(RECEIVER);
        done = at + found.len();
    }
    clean.push_str(&text[done..]);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn jobs_are_told_without_the_address() {
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
        let bench = Bench::with_mailer([Err(MailError::Bounced { code: 550, message })]).await;
        bench.register("ada@example.org").await;
        bench.work().await;

        let job = bench.jobs_of_kind("email.deliver").await.remove(0);
        let attempts = bench.services.queue.list_attempts(&job).await.expect("listed");
        let told = format!("{job:?} {attempts:?}");

        assert!(told.contains("MAIL_BOUNCED") && !told.contains("ada@example.org"), "{told}");
    }
}
