//! Reading the log, newest entry first.

use atelier_entities::{AuditId, Timestamp, audit_log};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Audit, AuditError, AuditFilter};
use crate::{Page, paging::fetch};

impl Audit {
    /// A page of the entries that match a filter, newest first, and their number, up to
    /// [`COUNT_LIMIT`](crate::COUNT_LIMIT).
    pub async fn list(
        &self,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<(Vec<audit_log::Model>, u64), AuditError> {
        Ok(fetch(self.queue.db(), newest_first(filter.condition()?), page).await?)
    }

    /// The entries of a condition that are older than `after`, newest first.
    pub(super) async fn list_after(
        &self,
        condition: Condition,
        after: Option<(Timestamp, AuditId)>,
        limit: u64,
    ) -> Result<Vec<audit_log::Model>, DbErr> {
        let older = after.map(|(at, id)| {
            let same = audit_log::Column::CreatedAt.eq(at).and(audit_log::Column::Id.lt(id));
            audit_log::Column::CreatedAt.lt(at).or(same)
        });
        newest_first(condition.add_option(older)).limit(limit).all(self.queue.db()).await
    }
}

fn newest_first(condition: Condition) -> sea_orm::Select<audit_log::Entity> {
    audit_log::Entity::find()
        .filter(condition)
        .order_by_desc(audit_log::Column::CreatedAt)
        .order_by_desc(audit_log::Column::Id)
}

#[cfg(test)]
mod tests {
    use atelier_entities::AuditLevel;
    use serde_json::json;

    use super::*;
    use crate::{
        audit,
        testing::{Fixture, at_address},
    };

    /// Entries of three actions, one a minute.
    async fn write(fixture: &Fixture) {
        for (action, actor) in [
            ("auth.login", at_address("192.0.2.1")),
            ("auth.logout", at_address("192.0.2.2")),
            ("authx", at_address("192.0.2.1")),
        ] {
            fixture.advance(60);
            let tx = fixture.services.queue.begin().await.expect("a transaction");
            let target = Some(format!("thing:{action}"));
            audit::record_critical(&tx, &actor, action, target, json!({})).await.expect("recorded");
            tx.commit().await.expect("committed");
        }
    }

    #[tokio::test]
    async fn each_filter_selects_matching_entries() {
        let fixture = Fixture::new().await;
        write(&fixture).await;
        let audit = &fixture.services.audit;
        let select = async |filter: AuditFilter| {
            let (rows, total) = audit.list(&filter, Page { number: 1, size: 10 }).await.expect("listed");
            assert_eq!(rows.len() as u64, total);
            rows.into_iter().map(|row| row.action).collect::<Vec<_>>()
        };
        let text = |text: &str| Some(text.to_owned());
        let all = || AuditFilter::default();

        assert_eq!(select(all()).await, ["authx", "auth.logout", "auth.login"]);
        assert_eq!(
            select(AuditFilter { action: text("auth.*"), ..all() }).await,
            ["auth.logout", "auth.login"]
        );
        assert_eq!(select(AuditFilter { action: text("auth.login"), ..all() }).await, ["auth.login"]);
        assert_eq!(select(AuditFilter { ip: text("192.0.2.2"), ..all() }).await, ["auth.logout"]);
        assert_eq!(select(AuditFilter { target: text("thing:authx"), ..all() }).await, ["authx"]);
        assert_eq!(select(AuditFilter { level: Some(AuditLevel::Info), ..all() }).await, [""; 0]);
        let last = fixture.services.queue.now() - std::time::Duration::from_secs(30);
        assert_eq!(select(AuditFilter { from: Some(last), ..all() }).await, ["authx"]);
        assert_eq!(select(AuditFilter { before: Some(last), ..all() }).await.len(), 2);
    }

    #[tokio::test]
    async fn pages_follow_one_another() {
        let fixture = Fixture::new().await;
        write(&fixture).await;
        let audit = &fixture.services.audit;
        let page = async |number| {
            let (rows, total) =
                audit.list(&AuditFilter::default(), Page { number, size: 2 }).await.expect("listed");
            assert_eq!(total, 3);
            rows.len()
        };

        assert_eq!((page(1).await, page(2).await, page(3).await), (2, 1, 0));
    }
}
