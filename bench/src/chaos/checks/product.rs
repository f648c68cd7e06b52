//! Checks of the customers' jobs and credits.

use std::collections::HashMap;

use anyhow::Context;
use atelier_entities::{
    CreditKind, JobId, JobState, VersionId, credit_transactions, deployments, jobs, project_files,
    project_versions, projects, users,
};
use sea_orm::{DatabaseConnection, EntityTrait, PaginatorTrait, QuerySelect};
use uuid::Uuid;

use super::evidence::{Check, describe, not_ended};
use crate::chaos::customers::{CUSTOMERS, Customers};

/// The kind of job that costs credits.
const PAID_FOR: &str = "generation.run";

/// Every check of the product's database.
pub(in crate::chaos) async fn check(
    direct: &DatabaseConnection,
    customers: &Customers,
) -> anyhow::Result<Vec<Check>> {
    let acknowledged = customers.acknowledged();
    let lost = not_ended(direct, &acknowledged).await.context("the product's jobs")?;
    let lost = Check::new("a job that the API answered with 202 ends", acknowledged.len(), lost);
    let all = jobs::Entity::find().all(direct).await?;
    let posted = credit_transactions::Entity::find().all(direct).await?;
    let accounts = users::Entity::find().all(direct).await?;
    let published = deployments::Entity::find().all(direct).await?;
    let made = projects::Entity::find().count(direct).await?;
    let asked = customers.projects_asked();
    let answered = Check::new("a customer is answered in the end", CUSTOMERS, customers.gave_up());
    let once = once(&all, &published, made, asked);
    let versions = project_versions::Entity::find().all(direct).await?;
    let files = project_files::Entity::find().select_only().column(project_files::Column::VersionId);
    let files: Vec<VersionId> = files.into_tuple().all(direct).await?;
    let whole = whole(&all, &versions, &files);
    Ok(vec![lost, answered, once, settled(&all, &posted), balanced(&accounts, &posted), whole])
}

/// A version has all its files, and exactly the generations that succeeded have one.
fn whole(all: &[jobs::Model], versions: &[project_versions::Model], files: &[VersionId]) -> Check {
    let mut counts: HashMap<VersionId, i32> = HashMap::new();
    for version in files {
        *counts.entry(*version).or_default() += 1;
    }
    let mut breaches = Vec::new();
    let mut by_job: HashMap<JobId, usize> = HashMap::new();
    for version in versions {
        let count = counts.get(&version.id).copied().unwrap_or(0);
        if count != version.file_count || count == 0 {
            breaches.push(format!("version {} has {count} of {} files", version.id, version.file_count));
        }
        if let Some(job) = version.job_id {
            *by_job.entry(job).or_default() += 1;
        }
    }
    for job in all.iter().filter(|job| job.kind == PAID_FOR && job.state.is_terminal()) {
        let (made, due) = (by_job.get(&job.id).copied(), usize::from(job.state == JobState::Succeeded));
        if made.unwrap_or(0) != due {
            breaches.push(format!("{} versions, {due} expected: {}", made.unwrap_or(0), describe(job)));
        }
    }
    Check::new("a version is stored whole or not at all", versions.len(), breaches)
}

/// A customer creates, generates and publishes each project once, whatever the number of
/// tries.
fn once(all: &[jobs::Model], published: &[deployments::Model], made: u64, asked: u64) -> Check {
    let mut times: HashMap<(&str, Uuid), usize> = HashMap::new();
    for job in all.iter().filter(|job| job.kind == PAID_FOR) {
        *times.entry(("generated", job.subject_id.unwrap_or_default())).or_default() += 1;
    }
    for one in published {
        *times.entry(("published", one.project_id.0)).or_default() += 1;
    }
    let again = times.iter().filter(|(_, times)| **times > 1);
    let mut breaches: Vec<String> =
        again.map(|((what, project), times)| format!("project {project} was {what} {times} times")).collect();
    if made > asked {
        breaches.push(format!("{made} projects are there, {asked} were asked for"));
    }
    Check::new("a request of one Idempotency-Key is done once", times.len(), breaches)
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
