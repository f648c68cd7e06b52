//! What somebody asked for and may not do, in the audit log: who and from where, but not
//! each time.

use std::time::Duration;

use serde_json::json;

use super::{Identity, IdentityError};
use crate::{Actor, audit};

const ACTION: &str = "auth.forbidden";

/// How long nothing more is recorded of the same person and area.
pub const FORBIDDEN_INTERVAL: Duration = Duration::from_secs(600);

/// A request that was refused.
#[derive(Clone, Copy, Debug)]
pub struct Forbidden<'a> {
    /// What the refusal is called, such as `FORBIDDEN`.
    pub code: &'a str,
    /// The part of the product that was asked for, such as `admin`.
    pub area: &'a str,
    /// The method.
    pub method: &'a str,
    /// The route's pattern.
    pub path: &'a str,
}

impl Identity {
    /// Records that the actor asked for what they may not do, once in
    /// [`FORBIDDEN_INTERVAL`] for each area.
    pub async fn note_forbidden(&self, actor: &Actor, what: Forbidden<'_>) -> Result<(), IdentityError> {
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
    use crate::testing::{Bench, at_address};

    #[tokio::test]
    async fn what_is_tried_again_and_again_is_recorded_once_in_a_while() {
        let bench = Bench::new().await;
        let ada = bench.register("ada@example.org").await;
        let actor = at_address("192.0.2.1").identified_as(ada.id);
        let probe = async |area| {
            let what = Forbidden { code: "FORBIDDEN", area, method: "GET", path: "/api/admin/users" };
            bench.services.identity.note_forbidden(&actor, what).await.expect("noted");
        };
        for _ in 0..3 {
            probe("admin").await;
        }
        probe("projects").await;
        bench.advance(599);
        probe("admin").await;

        let entries = || audit_log::Entity::find().filter(audit_log::Column::Action.eq(ACTION));
        let db = bench.services.queue.db();
        assert_eq!(entries().count(db).await.expect("counted"), 2);
        let entry = entries().one(db).await.expect("asked").expect("an entry");
        assert_eq!(
            (entry.level, entry.actor_id, entry.ip),
            (AuditLevel::Warning, Some(ada.id), actor.client.ip.clone())
        );
        bench.advance(1);
        probe("admin").await;
        assert_eq!(entries().count(db).await.expect("counted"), 3);
    }
}
