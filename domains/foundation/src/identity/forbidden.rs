//! Forbidden requests in the audit log: who sent them and from where, at a bounded rate.

use std::time::Duration;

use serde_json::json;

use super::{Identity, IdentityError};
use crate::{Actor, audit};

const ACTION: &str = "auth.forbidden";

/// Minimum time between two entries about the same person and area.
pub const FORBIDDEN_INTERVAL: Duration = Duration::from_secs(600);

/// A forbidden request.
#[derive(Clone, Copy, Debug)]
pub struct Forbidden<'a> {
    /// The error code, such as `FORBIDDEN`.
    pub code: &'a str,
    /// The area of the product, such as `admin`.
    pub area: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The route's pattern.
    pub path: &'a str,
}

impl Identity {
    /// Records a forbidden request of the actor, at most once in [`FORBIDDEN_INTERVAL`] for
    /// each area.
    pub async fn record_forbidden(&self, actor: &Actor, what: Forbidden<'_>) -> Result<(), IdentityError> {
        let Some(user) = actor.user() else { return Ok(()) };
        let target = format!("area:{}", what.area);
        let tx = self.queue.begin().await?;
        if audit::is_recorded(&tx, user, (ACTION, &target), tx.now() - FORBIDDEN_INTERVAL).await? {
            return Ok(());
        }
        let api_token = actor.api_token();
        let Forbidden { code, method, path, area: _ } = what;
        let context = json!({"code": code, "method": method, "path": path, "api_token": api_token});
        audit::record_warning(&tx, actor, ACTION, Some(target), context).await?;
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::{AuditLevel, audit_log};
    use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

    use super::*;
    use crate::testing::{Fixture, at_address};

    #[tokio::test]
    async fn repeated_forbidden_requests_are_recorded_at_intervals() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let actor = at_address("192.0.2.1").identified_as(ada.id);
        let probe = async |area| {
            let what = Forbidden { code: "FORBIDDEN", area, method: "GET", path: "/api/admin/users" };
            fixture.services.identity.record_forbidden(&actor, what).await.expect("noted");
        };
        for _ in 0..3 {
            probe("admin").await;
        }
        probe("projects").await;
        fixture.advance(599);
        probe("admin").await;

        let entries = || audit_log::Entity::find().filter(audit_log::Column::Action.eq(ACTION));
        let db = fixture.services.queue.db();
        assert_eq!(entries().count(db).await.expect("counted"), 2);
        let entry = entries().one(db).await.expect("asked").expect("an entry");
        assert_eq!(
            (entry.level, entry.actor_id, entry.ip),
            (AuditLevel::Warning, Some(ada.id), actor.client.ip.clone())
        );
        fixture.advance(1);
        probe("admin").await;
        assert_eq!(entries().count(db).await.expect("counted"), 3);
    }
}
