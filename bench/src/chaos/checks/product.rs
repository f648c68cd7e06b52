//! What became of the customers' jobs and credits.

use std::collections::HashMap;

use anyhow::Context;
use atelier_entities::{CreditKind, JobId, JobState, credit_transactions, jobs, users};
use sea_orm::{DatabaseConnection, EntityTrait};

use super::{Check, describe, not_ended};

/// The queue whose jobs are paid for.
const PAID_FOR: &str = "generation.run";

/// Every check of the product's database.
pub(in crate::chaos) async fn check(
    direct: &DatabaseConnection,
    acknowledged: &[JobId],
) -> anyhow::Result<Vec<Check>> {
    let lost = not_ended(direct, acknowledged).await.context("the product's jobs")?;
    let lost = Check::new("a job that the API answered with 202 ends", acknowledged.len(), lost);
    let all = jobs::Entity::find().all(direct).await?;
    let posted = credit_transactions::Entity::find().all(direct).await?;
    let accounts = users::Entity::find().all(direct).await?;
    Ok(vec![lost, settled(&all, &posted), balanced(&accounts, &posted)])
}

/// A generation is charged once, and refunded once where it did not succeed.
fn settled(all: &[jobs::Model], posted: &[credit_transactions::Model]) -> Check {
    let mut postings: HashMap<(JobId, &str), usize> = HashMap::new();
    for one in posted {
        if let Some(job) = one.job_id {
            *postings.entry((job, one.kind.as_str())).or_default() += 1;
        }
    }
    let (mut cases, mut breaches) = (0, Vec::new());
    for job in all.iter().filter(|job| job.kind == PAID_FOR && job.state.is_terminal()) {
        cases += 1;
        let count = |kind: CreditKind| postings.get(&(job.id, kind.as_str())).copied().unwrap_or(0);
        let due = usize::from(job.state != JobState::Succeeded);
        let (charged, refunded) = (count(CreditKind::Usage), count(CreditKind::Refund));
        if charged != 1 || refunded != due {
            breaches.push(format!("charged {charged} times, refunded {refunded} times: {}", describe(job)));
        }
    }
    Check::new("a generation is charged once, and refunded once where it fails", cases, breaches)
}

fn balanced(accounts: &[users::Model], posted: &[credit_transactions::Model]) -> Check {
    let mut sums: HashMap<_, i64> = HashMap::new();
    for one in posted {
        *sums.entry(one.user_id).or_default() += one.amount;
    }
    let wrong = accounts.iter().filter(|user| sums.get(&user.id).copied().unwrap_or(0) != user.credits);
    let breaches = wrong.map(|user| format!("{} has {} credits", user.id, user.credits)).collect();
    Check::new("a balance is the sum of its postings", accounts.len(), breaches)
}
