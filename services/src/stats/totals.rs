//! Statistics of the platform for its administrators. They are computed with the others and
//! stored in the same row.

use atelier_entities::{CreditKind, DeploymentStatus, JobState, MailStatus, Timestamp, platform_stats};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, FromQueryResult, Statement, Value};
use serde::{Deserialize, Serialize};

use atelier_builder::generation::RunGeneration;
use atelier_queue::Job;

/// The totals of the last aggregation. Days are in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
#[serde(default)]
pub struct Totals {
    /// Active accounts.
    pub active_accounts: i64,
    /// Accounts with a verified mail address.
    pub verified_accounts: i64,
    /// Active administrators.
    pub admins: i64,
    /// Accounts created today.
    pub new_accounts_today: i64,
    /// Projects.
    pub projects: i64,
    /// Versions of generations.
    pub versions: i64,
    /// Generations that succeeded today.
    pub generations_today: i64,
    /// Deployments in any state.
    pub deployments: i64,
    /// Sites that are online.
    pub live_sites: i64,
    /// Mails that were sent or captured.
    pub mails_sent: i64,
    /// Queued mails.
    pub mails_queued: i64,
    /// Mails that failed or were suppressed.
    pub mails_failed: i64,
    /// The sum of all balances.
    pub credits_left: i64,
    /// Credits used, without refunds.
    pub credits_used: i64,
}

impl Totals {
    /// The totals of a row; zeros if it has none yet.
    #[must_use]
    pub fn of(row: &platform_stats::Model) -> Self {
        let kept = row.overview.clone().map(serde_json::from_value);
        kept.and_then(Result::ok).unwrap_or_default()
    }
}

// SUM over bigint is numeric on PostgreSQL, so it is cast back. Data of accounts that are
// being erased is not counted.
const TOTALS: &str = "SELECT \
    (SELECT COUNT(*) FROM users WHERE is_active) AS active_accounts, \
    (SELECT COUNT(*) FROM users WHERE email_verified_at IS NOT NULL) AS verified_accounts, \
    (SELECT COUNT(*) FROM users WHERE is_admin AND is_active) AS admins, \
    (SELECT COUNT(*) FROM users WHERE created_at >= $1 AND id NOT IN {erased}) AS new_accounts_today, \
    (SELECT COUNT(*) FROM projects WHERE user_id NOT IN {erased}) AS projects, \
    (SELECT COUNT(*) FROM project_versions WHERE job_id IS NOT NULL AND project_id NOT IN \
        (SELECT id FROM projects WHERE user_id IN {erased})) AS versions, \
    (SELECT COUNT(*) FROM jobs WHERE phase = $2 AND finished_at >= $3 AND kind IN ({kinds}) \
        AND (owner_id IS NULL OR owner_id NOT IN {erased})) AS generations_today, \
    (SELECT COUNT(*) FROM deployments WHERE user_id NOT IN {erased}) AS deployments, \
    (SELECT COUNT(*) FROM deployments WHERE status = $4 AND user_id NOT IN {erased}) AS live_sites, \
    (SELECT COUNT(*) FROM mail_messages WHERE status IN ($5, $6) AND {mailed}) AS mails_sent, \
    (SELECT COUNT(*) FROM mail_messages WHERE status = $7 AND {mailed}) AS mails_queued, \
    (SELECT COUNT(*) FROM mail_messages WHERE status IN ($8, $9) AND {mailed}) AS mails_failed, \
    (SELECT CAST(COALESCE(SUM(credits), 0) AS BIGINT) FROM users WHERE id NOT IN {erased}) AS credits_left, \
    (SELECT CAST(COALESCE(-SUM(amount), 0) AS BIGINT) FROM credit_transactions \
        WHERE kind IN ($10, $11) AND user_id NOT IN {erased}) AS credits_used";

/// The condition for counted mails.
const MAILED: &str = "(user_id IS NULL OR user_id NOT IN {erased})";

/// The accounts that are being erased.
const ERASED: &str = "(SELECT user_id FROM account_erasures)";

pub(super) async fn count(db: &DatabaseConnection, today: Timestamp) -> Result<Totals, DbErr> {
    let mut values: Vec<Value> = vec![
        today.into(),
        JobState::Succeeded.phase().into(),
        today.into(),
        DeploymentStatus::Live.as_str().into(),
        MailStatus::Sent.as_str().into(),
        MailStatus::Captured.as_str().into(),
        MailStatus::Queued.as_str().into(),
        MailStatus::Failed.as_str().into(),
        MailStatus::Suppressed.as_str().into(),
        CreditKind::Usage.as_str().into(),
        CreditKind::Refund.as_str().into(),
    ];
    let before = values.len();
    values.extend(RunGeneration::names().into_iter().map(Value::from));
    let kinds: Vec<String> = (before + 1..=values.len()).map(|number| format!("${number}")).collect();
    let totals = TOTALS.replace("{kinds}", &kinds.join(", "));
    let totals = totals.replace("{mailed}", MAILED).replace("{erased}", ERASED);
    let statement = Statement::from_sql_and_values(db.get_database_backend(), totals, values);
    let row = db.query_one_raw(statement).await?;
    Totals::from_query_result(&row.ok_or_else(|| DbErr::RecordNotFound("the totals".to_owned()))?, "")
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;
    use atelier_providers::llm::fake::ScriptedCompletion;

    use super::*;
    use crate::testing::{Fixture, GOOD_COMPLETION};

    #[tokio::test]
    async fn the_totals_are_stored_with_the_statistics() {
        let fixture = Fixture::with_script([ScriptedCompletion::Text(GOOD_COMPLETION.to_owned())]).await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        fixture.generate(ada.id, project.id, None).await;
        fixture.work().await;
        let stats = &fixture.services.stats;
        assert_eq!(Totals::of(&stats.get().await.expect("none yet")), Totals::default());

        stats.compute(fixture.services.queue.now()).await.expect("computed");

        let totals = Totals::of(&stats.get().await.expect("a row"));
        assert_eq!((totals.active_accounts, totals.verified_accounts, totals.admins), (1, 0, 0));
        assert_eq!((totals.projects, totals.versions, totals.generations_today), (1, 1, 1));
        assert_eq!((totals.mails_sent, totals.mails_queued), (2, 0));
        assert_eq!((totals.credits_left, totals.credits_used), (8, 2));
    }
}
