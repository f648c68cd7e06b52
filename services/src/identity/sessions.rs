//! Sign-ins as families of refresh tokens: each use replaces the token, and a token
//! that comes back after it was replaced gives the whole family away.

use std::time::Duration;

use atelier_entities::{SessionFamilyId, SessionId, Timestamp, sessions, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, sea_query::Expr,
};
use serde_json::json;

use super::{
    Authenticated, Identity, IdentityError, SignedIn,
    accounts::lock_user,
    tokens::{hash_refresh_token, new_refresh_token},
    user_target,
};
use crate::{Caller, audit};

/// Shortest time between two notes of when somebody was last active.
const ACTIVE_INTERVAL: Duration = Duration::from_secs(300);

/// What to do with a refresh token that was sent.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Replace it.
    Rotate,
    /// It was just replaced: two tabs refreshed at once.
    Grace,
    /// It was replaced long ago: somebody else has it.
    Reused,
    Expired,
    Revoked,
}

fn judge(session: &sessions::Model, grace: Duration, now: Timestamp) -> Verdict {
    match session.rotated_at {
        _ if session.revoked_at.is_some() => Verdict::Revoked,
        _ if session.expires_at <= now => Verdict::Expired,
        None => Verdict::Rotate,
        Some(at) if now <= at + grace => Verdict::Grace,
        Some(_) => Verdict::Reused,
    }
}

impl Identity {
    /// Exchanges a refresh token for the next pair. A token that was replaced before
    /// revokes the whole family, but for a short while in which two tabs may both
    /// refresh.
    pub async fn refresh(&self, caller: &Caller, refresh_token: &str) -> Result<SignedIn, IdentityError> {
        let hash = hash_refresh_token(refresh_token);
        let tx = self.queue.begin().await?;
        let by_hash = || sessions::Entity::find().filter(sessions::Column::TokenHash.eq(&hash));
        let found = by_hash().one(&*tx).await?.ok_or(IdentityError::InvalidToken)?;
        let user = lock_user(&tx, found.user_id).await?.ok_or(IdentityError::InvalidToken)?;
        let session = by_hash().one(&*tx).await?.ok_or(IdentityError::InvalidToken)?;
        let caller = &Caller { user: Some(user.id), ..caller.clone() };
        match judge(&session, self.options.refresh_grace, tx.now()) {
            Verdict::Revoked => return Err(IdentityError::InvalidToken),
            Verdict::Expired => return Err(IdentityError::ExpiredToken),
            Verdict::Reused => {
                revoke_family(&tx, session.family_id).await?;
                let context = json!({"family": session.family_id});
                audit::record_warning(&tx, caller, "auth.refresh_reused", user_target(user.id), context)
                    .await?;
                tx.commit().await?;
                return Err(IdentityError::InvalidToken);
            }
            Verdict::Rotate => mark_rotated(&tx, &session).await?,
            Verdict::Grace => {}
        }
        if !user.is_active {
            return Err(IdentityError::Deactivated);
        }
        let signed_in = self.add_session(&tx, caller, user, session.family_id).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Ends a sign-in: its refresh tokens and its access tokens are refused from now
    /// on.
    pub async fn logout(&self, caller: &Caller, who: &Authenticated) -> Result<(), IdentityError> {
        let tx = self.queue.begin().await?;
        lock_user(&tx, who.user.id).await?;
        revoke_family(&tx, who.family).await?;
        let caller = &Caller { user: Some(who.user.id), ..caller.clone() };
        audit::record(&tx, caller, "auth.logout", user_target(who.user.id), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Who an access token belongs to, where it is good, the account is active and the
    /// sign-in was not ended.
    pub async fn authenticate(&self, access_token: &str) -> Result<Authenticated, IdentityError> {
        let now = self.queue.now();
        let db = self.queue.db();
        let claims = self.tokens.read(access_token, now)?;
        let user = users::Entity::find_by_id(claims.sub).one(db).await?.ok_or(IdentityError::InvalidToken)?;
        if !user.is_active {
            return Err(IdentityError::Deactivated);
        }
        let alive = sessions::Entity::find()
            .filter(sessions::Column::FamilyId.eq(claims.fam))
            .filter(sessions::Column::UserId.eq(claims.sub))
            .filter(sessions::Column::RevokedAt.is_null())
            .filter(sessions::Column::ExpiresAt.gt(now));
        if alive.count(db).await? == 0 {
            return Err(IdentityError::InvalidToken);
        }
        if let Err(error) = self.mark_active(&user, now).await {
            tracing::warn!(user.id = %user.id, %error, "activity not noted");
        }
        Ok(Authenticated { user, family: claims.fam })
    }

    /// Opens a sign-in of its own family.
    pub(super) async fn open_session(
        &self,
        tx: &Transaction,
        caller: &Caller,
        user: users::Model,
    ) -> Result<SignedIn, IdentityError> {
        self.add_session(tx, caller, user, SessionFamilyId::new()).await
    }

    async fn add_session(
        &self,
        tx: &Transaction,
        caller: &Caller,
        user: users::Model,
        family: SessionFamilyId,
    ) -> Result<SignedIn, IdentityError> {
        let now = tx.now();
        let refresh_token = new_refresh_token();
        // An access token is checked against its family's rows, so they last as long.
        let lifetime = self.options.refresh_token.max(self.options.access_token);
        let row = sessions::ActiveModel {
            id: Set(SessionId::new()),
            user_id: Set(user.id),
            family_id: Set(family),
            token_hash: Set(hash_refresh_token(&refresh_token)),
            user_agent: Set(caller.user_agent.clone()),
            ip: Set(caller.ip.clone()),
            created_at: Set(now),
            expires_at: Set(now + lifetime),
            rotated_at: Set(None),
            revoked_at: Set(None),
        };
        row.insert(&**tx).await?;
        let access_token = self.tokens.issue(user.id, family, now)?;
        Ok(SignedIn { user, access_token, refresh_token, expires_in: self.options.access_token.as_secs() })
    }

    async fn mark_active(&self, user: &users::Model, now: Timestamp) -> Result<(), DbErr> {
        let stale = now - ACTIVE_INTERVAL;
        if user.last_active_at.is_some_and(|at| at > stale) {
            return Ok(());
        }
        let still_stale = Condition::any()
            .add(users::Column::LastActiveAt.is_null())
            .add(users::Column::LastActiveAt.lte(stale));
        users::Entity::update_many()
            .col_expr(users::Column::LastActiveAt, Expr::value(now))
            .filter(users::Column::Id.eq(user.id))
            .filter(still_stale)
            .exec(self.queue.db())
            .await?;
        Ok(())
    }
}

async fn mark_rotated(tx: &Transaction, session: &sessions::Model) -> Result<(), DbErr> {
    sessions::Entity::update_many()
        .col_expr(sessions::Column::RotatedAt, Expr::value(tx.now()))
        .filter(sessions::Column::Id.eq(session.id))
        .exec(&**tx)
        .await?;
    Ok(())
}

async fn revoke_family(tx: &Transaction, family: SessionFamilyId) -> Result<(), DbErr> {
    sessions::Entity::update_many()
        .col_expr(sessions::Column::RevokedAt, Expr::value(tx.now()))
        .filter(sessions::Column::FamilyId.eq(family))
        .filter(sessions::Column::RevokedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use atelier_entities::UserId;

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(secs, 0).expect("a valid time")
    }

    fn session(rotated: Option<i64>, revoked: Option<i64>) -> sessions::Model {
        sessions::Model {
            id: SessionId::new(),
            user_id: UserId::new(),
            family_id: SessionFamilyId::new(),
            token_hash: String::new(),
            user_agent: None,
            ip: None,
            created_at: at(0),
            expires_at: at(1_000),
            rotated_at: rotated.map(at),
            revoked_at: revoked.map(at),
        }
    }

    #[test]
    fn judges_refresh_tokens() {
        let grace = Duration::from_secs(10);
        let table = [
            (session(None, None), 500, Verdict::Rotate),
            (session(None, None), 1_000, Verdict::Expired),
            (session(Some(500), None), 510, Verdict::Grace),
            (session(Some(500), None), 511, Verdict::Reused),
            (session(Some(500), Some(505)), 506, Verdict::Revoked),
            (session(None, Some(505)), 2_000, Verdict::Revoked),
        ];
        for (session, now, verdict) in table {
            assert_eq!(judge(&session, grace, at(now)), verdict, "{session:?} at {now}");
        }
    }
}
