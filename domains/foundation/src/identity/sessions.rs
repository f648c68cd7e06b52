//! Sign-ins as families of refresh tokens. Each use rotates the token. The reuse of a
//! rotated token revokes the whole family.

use std::time::Duration;

use atelier_entities::{SessionFamilyId, SessionId, Timestamp, UserId, sessions, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect, sea_query::Expr,
};
use serde_json::json;

use super::{
    Identity, IdentityError, SignedIn,
    accounts::lock_user,
    recognition::remember_network,
    session_of,
    tokens::{hash_token, new_token},
    user_target,
};
use crate::{Actor, audit};

/// The decision about a refresh token.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Replace it.
    Rotate,
    /// It was rotated a moment ago: two tabs refreshed at once.
    Grace,
    /// It was rotated earlier: somebody else may have it.
    Reused,
    Expired,
    Revoked,
}

/// Time limits of sign-ins.
#[derive(Clone, Copy)]
struct Lifetimes {
    /// How long a rotated refresh token is still accepted.
    grace: Duration,
    /// Maximum lifetime of a sign-in, refreshed or not.
    max_age: Duration,
}

fn assess(session: &sessions::Model, lifetimes: Lifetimes, now: Timestamp) -> Verdict {
    match session.rotated_at {
        _ if session.revoked_at.is_some() => Verdict::Revoked,
        _ if session.expires_at <= now || signed_in_at(session) + lifetimes.max_age <= now => {
            Verdict::Expired
        }
        None => Verdict::Rotate,
        Some(at) if now <= at + lifetimes.grace => Verdict::Grace,
        Some(_) => Verdict::Reused,
    }
}

impl Identity {
    /// Exchanges a refresh token for the next pair. A token that was rotated before revokes
    /// the whole family, except within the grace period for two tabs that refresh at once.
    pub async fn refresh(&self, actor: &Actor, refresh_token: &str) -> Result<SignedIn, IdentityError> {
        let hash = hash_token(refresh_token);
        let tx = self.queue.begin().await?;
        let by_hash = || sessions::Entity::find().filter(sessions::Column::TokenHash.eq(&hash));
        let found = by_hash().one(&*tx).await?.ok_or(IdentityError::InvalidToken)?;
        let user = lock_user(&tx, found.user_id).await?.ok_or(IdentityError::InvalidToken)?;
        let session = by_hash().one(&*tx).await?.ok_or(IdentityError::InvalidToken)?;
        let actor = &actor.identified_as(user.id);
        let lifetimes =
            Lifetimes { grace: self.options.refresh_grace, max_age: self.options.max_sign_in_age };
        match assess(&session, lifetimes, tx.now()) {
            Verdict::Revoked => return Err(IdentityError::InvalidToken),
            Verdict::Expired => return Err(IdentityError::ExpiredToken),
            Verdict::Reused => {
                revoke_family(&tx, user.id, session.family_id).await?;
                let context = json!({"family": session.family_id});
                audit::record_warning(&tx, actor, "auth.refresh_reused", user_target(user.id), context)
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
        let family = SignInFamily { id: session.family_id, signed_in_at: signed_in_at(&session) };
        let signed_in = self.add_session(&tx, actor, user, family).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Ends the actor's sign-in. Its refresh and access tokens are refused from now on.
    pub async fn logout(&self, actor: &Actor) -> Result<(), IdentityError> {
        let (user, family) = (actor.person()?, session_of(actor)?);
        let tx = self.queue.begin().await?;
        lock_user(&tx, user).await?;
        revoke_family(&tx, user, family).await?;
        audit::record(&tx, actor, "auth.logout", user_target(user), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Opens a sign-in with a new family.
    pub(super) async fn open_session(
        &self,
        tx: &Transaction,
        actor: &Actor,
        user: users::Model,
    ) -> Result<SignedIn, IdentityError> {
        let family = SignInFamily { id: SessionFamilyId::new(), signed_in_at: tx.now() };
        remember_network(tx, actor, user.id).await?;
        let device = self.device_cookie(&user);
        let signed_in = self.add_session(tx, actor, user, family).await?;
        Ok(SignedIn { device: Some(device), ..signed_in })
    }

    async fn add_session(
        &self,
        tx: &Transaction,
        actor: &Actor,
        user: users::Model,
        family: SignInFamily,
    ) -> Result<SignedIn, IdentityError> {
        let now = tx.now();
        let refresh_token = new_token();
        // An access token is checked against its family's rows, so they last as long.
        let lifetime = self.options.refresh_token.max(self.options.access_token);
        let expires_at = (now + lifetime).min(family.signed_in_at + self.options.max_sign_in_age);
        let left = (expires_at - now).to_std().unwrap_or_default();
        let row = sessions::ActiveModel {
            id: Set(SessionId::new()),
            user_id: Set(user.id),
            family_id: Set(family.id),
            token_hash: Set(hash_token(&refresh_token)),
            user_agent: Set(actor.client.user_agent.clone()),
            ip: Set(actor.client.ip.clone()),
            created_at: Set(now),
            expires_at: Set(expires_at),
            rotated_at: Set(None),
            revoked_at: Set(None),
            signed_in_at: Set(Some(family.signed_in_at)),
            last_used_at: Set(Some(now)),
            provider: Set(None),
        };
        row.insert(&**tx).await?;
        let access_token = self.tokens.issue(user.id, family.id, now)?;
        let expires_in = self.options.access_token.min(left).as_secs();
        Ok(SignedIn { user, access_token, refresh_token, expires_in, device: None })
    }
}

/// A sign-in: its family of sessions, and when it began.
struct SignInFamily {
    id: SessionFamilyId,
    signed_in_at: Timestamp,
}

/// When the person signed in.
pub(super) fn signed_in_at(session: &sessions::Model) -> Timestamp {
    session.signed_in_at.unwrap_or(session.created_at)
}

async fn mark_rotated(tx: &Transaction, session: &sessions::Model) -> Result<(), DbErr> {
    sessions::Entity::update_many()
        .col_expr(sessions::Column::RotatedAt, Expr::value(tx.now()))
        .filter(sessions::Column::Id.eq(session.id))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Ends every sign-in of an account except this one. Returns their number.
pub(super) async fn revoke_others(
    tx: &Transaction,
    user: UserId,
    stays: SessionFamilyId,
) -> Result<usize, DbErr> {
    let alive = sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::FamilyId.ne(stays))
        .filter(sessions::Column::RevokedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(tx.now()))
        .select_only()
        .column(sessions::Column::FamilyId)
        .distinct();
    let families: Vec<SessionFamilyId> = alive.into_tuple().all(&**tx).await?;
    sessions::Entity::update_many()
        .col_expr(sessions::Column::RevokedAt, Expr::value(tx.now()))
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::FamilyId.ne(stays))
        .filter(sessions::Column::RevokedAt.is_null())
        .exec(&**tx)
        .await?;
    tx.note_access_change(user);
    Ok(families.len())
}

/// Ends every sign-in of an account.
pub(super) async fn revoke_all(tx: &Transaction, user: UserId) -> Result<(), DbErr> {
    sessions::Entity::update_many()
        .col_expr(sessions::Column::RevokedAt, Expr::value(tx.now()))
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::RevokedAt.is_null())
        .exec(&**tx)
        .await?;
    tx.note_access_change(user);
    Ok(())
}

/// Refuses if this sign-in of the account has ended. A command that creates something
/// lasting calls it with the account locked, since the sign-in may have ended after the
/// request was authenticated.
pub(super) async fn ensure_active(
    tx: &Transaction,
    user: UserId,
    family: SessionFamilyId,
) -> Result<(), IdentityError> {
    let alive = sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::FamilyId.eq(family))
        .filter(sessions::Column::RevokedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(tx.now()));
    if alive.count(&**tx).await? > 0 { Ok(()) } else { Err(IdentityError::InvalidToken) }
}

/// Ends a sign-in of that account.
pub(super) async fn revoke_family(
    tx: &Transaction,
    user: UserId,
    family: SessionFamilyId,
) -> Result<(), DbErr> {
    sessions::Entity::update_many()
        .col_expr(sessions::Column::RevokedAt, Expr::value(tx.now()))
        .filter(sessions::Column::FamilyId.eq(family))
        .filter(sessions::Column::RevokedAt.is_null())
        .exec(&**tx)
        .await?;
    tx.note_access_change(user);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(secs, 0).expect("a valid time")
    }

    const LIFETIMES: Lifetimes =
        Lifetimes { grace: Duration::from_secs(10), max_age: Duration::from_secs(900) };

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
            signed_in_at: None,
            last_used_at: None,
            provider: None,
        }
    }

    #[test]
    fn a_refresh_token_is_assessed_by_its_times() {
        let table = [
            (session(None, None), 500, Verdict::Rotate),
            (session(None, None), 899, Verdict::Rotate),
            (session(None, None), 900, Verdict::Expired),
            (sessions::Model { signed_in_at: Some(at(500)), ..session(None, None) }, 999, Verdict::Rotate),
            (sessions::Model { signed_in_at: Some(at(500)), ..session(None, None) }, 1_000, Verdict::Expired),
            (sessions::Model { signed_in_at: Some(at(-401)), ..session(None, None) }, 500, Verdict::Expired),
            (session(Some(500), None), 510, Verdict::Grace),
            (session(Some(500), None), 511, Verdict::Reused),
            (session(Some(500), Some(505)), 506, Verdict::Revoked),
            (session(None, Some(505)), 2_000, Verdict::Revoked),
        ];
        for (session, now, verdict) in table {
            assert_eq!(assess(&session, LIFETIMES, at(now)), verdict, "{session:?} at {now}");
        }
    }
}
