//! What attempts say about servers: how long they have failed, and whether they get events any more.

use std::{collections::BTreeMap, time::Duration};

use atelier_entities::{
    Timestamp, UserId, WebhookStatus, WebhookSubscriptionId, users, webhook_subscriptions as subscriptions,
};
use atelier_foundation::mail::queue_mail;
use atelier_queue::{QueueError, Transaction, metrics::workflows as metrics};
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, Func},
};
use serde_json::json;

use super::Verdict;
use crate::{
    mail::WEBHOOK_DISABLED,
    webhooks::{FAILING, GONE},
};

/// How long a server may fail without any success before it gets no more events.
const MOST_FAILING: TimeDelta = TimeDelta::days(5);

/// What the attempts of one transaction say about the server of a subscription.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdicts {
    owner: Option<UserId>,
    works: bool,
    fails: bool,
    gone: bool,
    pause: Option<Duration>,
}

impl Verdicts {
    /// Adds what one attempt says.
    pub(super) fn add(&mut self, owner: UserId, verdict: Verdict) {
        self.owner = Some(owner);
        match verdict {
            Verdict::Works => self.works = true,
            Verdict::Fails => self.fails = true,
            Verdict::Gone => self.gone = true,
            Verdict::Overloaded(pause) => {
                self.fails = true;
                self.pause = self.pause.max(Some(pause));
            }
        }
    }
}

/// A subscription that the platform disables.
struct Disabled {
    id: WebhookSubscriptionId,
    owner: UserId,
    reason: &'static str,
}

/// Writes what attempts say about their subscriptions, and mails the owners of those that are disabled by it.
///
/// # Errors
/// If the database fails.
pub(super) async fn write(
    tx: &Transaction,
    verdicts: BTreeMap<WebhookSubscriptionId, Verdicts>,
) -> Result<(), QueueError> {
    let mut disabled = Vec::new();
    for (id, verdicts) in verdicts {
        note(tx, id, &verdicts).await?;
        if let Some(reason) = disable(tx, id, &verdicts).await? {
            disabled.extend(verdicts.owner.map(|owner| Disabled { id, owner, reason }));
        }
    }
    disabled.sort_by_key(|one| one.owner);
    for one in disabled {
        metrics::webhook_disabled(one.reason);
        tell(tx, &one).await?;
    }
    Ok(())
}

/// Notes since when a server fails, and until when it is left alone.
async fn note(tx: &Transaction, id: WebhookSubscriptionId, verdicts: &Verdicts) -> Result<(), DbErr> {
    use subscriptions::Column as C;
    let mut update = subscriptions::Entity::update_many().filter(C::Id.eq(id));
    if verdicts.works {
        update = update
            .col_expr(C::LastSuccessAt, Expr::value(tx.now()))
            .col_expr(C::FailingSince, Expr::value(None::<Timestamp>));
    } else if verdicts.fails {
        let since = Func::coalesce([Expr::col(C::FailingSince), Expr::value(tx.now())]);
        update = update.col_expr(C::FailingSince, since.into());
    } else {
        return Ok(());
    }
    if let Some(pause) = verdicts.pause {
        update = update.col_expr(C::ThrottledUntil, Expr::value(tx.now() + pause));
    }
    update.exec(&**tx).await.map(drop)
}

/// Disables a subscription whose server is gone or has failed for too long, and returns why.
async fn disable(
    tx: &Transaction,
    id: WebhookSubscriptionId,
    verdicts: &Verdicts,
) -> Result<Option<&'static str>, DbErr> {
    use subscriptions::Column as C;
    let reason = match verdicts {
        Verdicts { gone: true, .. } => GONE,
        Verdicts { works: false, fails: true, .. } => FAILING,
        _ => return Ok(None),
    };
    let mut update = subscriptions::Entity::update_many()
        .col_expr(C::Status, Expr::value(WebhookStatus::Disabled.as_str()))
        .col_expr(C::DisabledReason, Expr::value(reason))
        .col_expr(C::UpdatedAt, Expr::value(tx.now()))
        .filter(C::Id.eq(id))
        .filter(C::Status.eq(WebhookStatus::Enabled));
    if reason == FAILING {
        update = update.filter(C::FailingSince.lte(tx.now() - MOST_FAILING));
    }
    let changed = update.exec(&**tx).await?.rows_affected;
    Ok((changed > 0).then_some(reason))
}

/// Mails the owner of a subscription that it is disabled.
async fn tell(tx: &Transaction, disabled: &Disabled) -> Result<(), QueueError> {
    let Some(subscription) = subscriptions::Entity::find_by_id(disabled.id).one(&**tx).await? else {
        return Ok(());
    };
    let owner = users::Entity::find_by_id(disabled.owner).lock_exclusive().one(&**tx).await?;
    let Some(owner) = owner.filter(|owner| owner.is_active && owner.email_verified_at.is_some()) else {
        return Ok(());
    };
    let cause = format!("{}:{}", disabled.id, tx.now().timestamp_micros());
    let data = json!({
        "url": subscription.url,
        "is_gone": disabled.reason == GONE,
        "failing_since": subscription.failing_since,
    });
    queue_mail(tx, &WEBHOOK_DISABLED, &owner, &cause, data).await.map(drop)
}
