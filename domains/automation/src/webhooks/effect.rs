//! The ends of attempts: the rows and the next jobs, in the transaction that ends the job.

mod verdicts;

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use atelier_entities::{
    DeliveryState, Timestamp, UserId, WebhookDeliveryId, WebhookSubscriptionId,
    webhook_deliveries as deliveries, webhook_delivery_attempts as attempts,
};
use atelier_queue::{
    Effect, EffectError, EndedJob, NewJob, QueueError, Sql, Transaction, metrics::workflows as metrics,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter,
    sea_query::Expr,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    DeliverWebhook,
    jobs::attempt_job,
    outcome::{End, Fate, Report, Verdict},
};

/// Takes the end of an attempt into its delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttemptEnded;

#[async_trait]
impl Effect for AttemptEnded {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        self.on_ends(tx, std::slice::from_ref(job)).await
    }

    async fn on_ends(&self, tx: &Transaction, jobs: &[EndedJob]) -> Result<(), EffectError> {
        let ids: Vec<WebhookDeliveryId> =
            jobs.iter().filter_map(|job| job.subject.map(WebhookDeliveryId)).collect();
        let mut locked = lock(tx, &ids).await?;
        let mut ends = Ends::default();
        for job in jobs {
            let delivery = job.subject.and_then(|id| locked.get_mut(&WebhookDeliveryId(id)));
            if let Some(delivery) = delivery {
                ends.take(delivery, job, tx.now());
            }
        }
        ends.write(tx).await?;
        Ok(())
    }
}

/// A delivery as the end of an attempt needs it.
#[derive(Clone, Debug, FromQueryResult)]
struct Pending {
    id: WebhookDeliveryId,
    subscription_id: WebhookSubscriptionId,
    user_id: UserId,
    state: DeliveryState,
    attempts: i32,
    next_number: i32,
    schedule_from: i32,
}

/// What the ends of some attempts come to.
#[derive(Default)]
struct Ends {
    attempts: Vec<attempts::ActiveModel>,
    changes: Vec<Change>,
    jobs: Vec<NewJob>,
    verdicts: BTreeMap<WebhookSubscriptionId, verdicts::Verdicts>,
}

/// What a delivery becomes.
struct Change {
    id: WebhookDeliveryId,
    state: DeliveryState,
    error: Option<String>,
    attempts: i32,
    next_number: i32,
    next_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

impl Ends {
    /// Takes over how the job of an attempt ended, unless another attempt is due by now: then the attempt was
    /// replaced.
    fn take(&mut self, delivery: &mut Pending, job: &EndedJob, now: Timestamp) {
        let end = End::of(job);
        let number = number_of(job, &end).unwrap_or(delivery.next_number);
        if delivery.state != DeliveryState::Pending || number != delivery.next_number {
            return;
        }
        let failed = usize::try_from(number - delivery.schedule_from + 1).unwrap_or_default();
        let fate = end.fate(failed, rand::random::<f64>() * 2.0 - 1.0);
        let (state, next) = match fate {
            Fate::Ignore => return,
            Fate::Succeed => (DeliveryState::Succeeded, None),
            Fate::Fail => (DeliveryState::Failed, None),
            Fate::Abort => (DeliveryState::Aborted, None),
            Fate::Retry(pause) => (DeliveryState::Pending, Some(now + pause)),
        };
        self.judge(delivery, &end);
        delivery.state = state;
        if let Some(row) = attempt_row(delivery.id, number, &end, now) {
            delivery.attempts += 1;
            self.attempts.push(row);
        }
        if let Some(at) = next {
            delivery.next_number += 1;
            self.jobs.push(attempt_job(delivery.user_id, delivery.id, delivery.next_number, Some(at)));
        }
        self.changes.push(Change {
            id: delivery.id,
            state,
            error: end.error(),
            attempts: delivery.attempts,
            next_number: delivery.next_number,
            next_at: next,
            ended_at: next.is_none().then_some(now),
        });
        metrics::webhook_attempted(if next.is_some() { "retried" } else { state.as_str() });
    }

    /// Takes over what the end says about the server.
    fn judge(&mut self, delivery: &Pending, end: &End) {
        let verdict = match end {
            End::Made(report) => report.verdict(),
            // The platform failed, not the server.
            End::Unmade(_) | End::Cancelled(_) | End::Nothing => return,
        };
        self.verdicts.entry(delivery.subscription_id).or_default().add(delivery.user_id, verdict);
    }

    /// Writes all of it: deliveries, then subscriptions, then accounts, each in the order of their ids.
    async fn write(self, tx: &Transaction) -> Result<(), QueueError> {
        if !self.attempts.is_empty() {
            attempts::Entity::insert_many(self.attempts).exec_without_returning(&**tx).await?;
        }
        for change in self.changes {
            change.write(tx).await?;
        }
        if !self.jobs.is_empty() {
            tx.enqueue_all(self.jobs).await?;
        }
        verdicts::write(tx, self.verdicts).await
    }
}

impl Change {
    async fn write(self, tx: &Transaction) -> Result<(), DbErr> {
        use deliveries::Column as C;
        deliveries::Entity::update_many()
            .col_expr(C::State, Expr::value(self.state.as_str()))
            .col_expr(C::Error, Expr::value(self.error))
            .col_expr(C::Attempts, Expr::value(self.attempts))
            .col_expr(C::NextNumber, Expr::value(self.next_number))
            .col_expr(C::NextAt, Expr::value(self.next_at))
            .col_expr(C::EndedAt, Expr::value(self.ended_at))
            .filter(C::Id.eq(self.id))
            .exec(&**tx)
            .await
            .map(drop)
    }
}

/// The number of the attempt that a job was for. Where another version wrote what this one cannot read, it is
/// that of the attempt that is due.
fn number_of(job: &EndedJob, end: &End) -> Option<i32> {
    match end {
        End::Made(report) => Some(report.number),
        _ => DeliverWebhook::deserialize(&*job.args).ok().map(|args| args.number),
    }
}

/// The row of an attempt. None if nothing was tried.
fn attempt_row(
    delivery: WebhookDeliveryId,
    number: i32,
    end: &End,
    now: Timestamp,
) -> Option<attempts::ActiveModel> {
    let row = |report: Report| attempts::ActiveModel {
        delivery_id: Set(delivery),
        number: Set(number),
        started_at: Set(report.started_at),
        status: Set(report.status.map(i32::from)),
        duration_ms: Set(report.duration_ms),
        error: Set(report.error),
        request_headers: Set(json!(report.request_headers)),
        response_headers: Set(report.response_headers.map(|headers| json!(headers))),
        response_body: Set(report.response_body),
        retry_after_secs: Set(report.retry_after_secs),
    };
    match end {
        End::Made(report) => Some(row((**report).clone())),
        End::Unmade(code) => Some(row(Report::unmade(number, code, now))),
        End::Cancelled(_) | End::Nothing => None,
    }
}

/// Locks deliveries in the order of their ids.
async fn lock(
    tx: &Transaction,
    ids: &[WebhookDeliveryId],
) -> Result<HashMap<WebhookDeliveryId, Pending>, DbErr> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT id, subscription_id, user_id, state, attempts, next_number, schedule_from FROM webhook_deliveries WHERE id ")
        .among(ids)
        .push(" ORDER BY id")
        .lock();
    let rows = Pending::find_by_statement(sql.build()).all(&**tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}
