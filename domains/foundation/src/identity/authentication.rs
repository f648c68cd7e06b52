//! Authentication by bearer token.

use std::time::Duration;

use atelier_entities::{ApiTokenId, SessionFamilyId, Timestamp, UserId, api_tokens, sessions, users};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr,
};

use crate::{Actor, Authenticated, Credential, NotSignedIn};

use super::{
    Identity, IdentityError,
    api_tokens::{is_one, scopes_of},
    person_of,
    token_cache::{Lookup, TokenKey},
    tokens::hash_token,
};
use crate::personal::is_being_erased;

/// Minimum time between two updates of a person's last activity.
const ACTIVE_INTERVAL: Duration = Duration::from_secs(300);

/// The result of a query for a token.
struct Found {
    user: users::Model,
    credential: Credential,
    /// When the token expires.
    good_until: Timestamp,
}

impl Identity {
    /// The owner of a bearer token, if the token is valid and the account is active. It is
    /// an access token of a sign-in that has not ended, or an API token.
    ///
    /// The result is cached for [`atelier_queue::bus::ACCESS_TTL`]. The end of the token, or a
    /// change of the person's access, ends it earlier.
    pub async fn authenticate(&self, token: &str) -> Result<Authenticated, IdentityError> {
        let (now, bus) = (self.queue.now(), self.queue.bus().local());
        let key = TokenKey::of(token);
        if let Some(who) = self.token_cache.find(&key, now, bus) {
            return Ok(who);
        }
        let lookup = Lookup::begin(now, bus);
        let found = if is_one(token) {
            self.find_by_api_token(token, now).await?
        } else {
            let claims = self.tokens.read(token, now)?;
            let mut found = self.find_by_session(claims.sub, claims.fam, now).await?;
            found.good_until = claims.expires_at().map_or(found.good_until, |at| at.min(found.good_until));
            found
        };
        if let Err(error) = self.mark_active(&found.user, now).await {
            tracing::warn!(user.id = %found.user.id, %error, "activity not noted");
        }
        let who = Authenticated { user: person_of(&found.user), credential: found.credential };
        self.token_cache.keep(key, lookup, &who, found.good_until, bus);
        Ok(who)
    }

    /// The owner of a bearer token from the cache alone, without a query.
    #[must_use]
    pub fn recall(&self, token: &str) -> Option<Authenticated> {
        self.token_cache.find(&TokenKey::of(token), self.queue.now(), self.queue.bus().local())
    }

    /// Whether a query is needed for this token: it has the form of an API token and is not
    /// in the cache. An access token is verified by its signature.
    #[must_use]
    pub fn needs_look(&self, token: &str) -> bool {
        is_one(token) && self.recall(token).is_none()
    }

    /// Authenticates the actor's token again, without the cache. For long responses.
    pub async fn authenticate_again(&self, actor: &Actor) -> Result<Authenticated, IdentityError> {
        let who = actor.token().ok_or(NotSignedIn)?;
        let now = self.queue.now();
        let found = match &who.credential {
            Credential::Session(family) => self.find_by_session(who.user.id, *family, now).await?,
            Credential::ApiToken(id, _) => {
                let token = api_tokens::Entity::find_by_id(*id).one(self.queue.db()).await?;
                self.find_owner(token, now).await?
            }
        };
        Ok(Authenticated { user: person_of(&found.user), credential: found.credential })
    }

    async fn find_by_session(
        &self,
        user: UserId,
        family: SessionFamilyId,
        now: Timestamp,
    ) -> Result<Found, IdentityError> {
        let db = self.queue.db();
        let user = get_token_owner(db, user).await?;
        if !user.is_active {
            return Err(IdentityError::Deactivated);
        }
        let alive = sessions::Entity::find()
            .filter(sessions::Column::FamilyId.eq(family))
            .filter(sessions::Column::UserId.eq(user.id))
            .filter(sessions::Column::RevokedAt.is_null())
            .filter(sessions::Column::ExpiresAt.gt(now))
            .order_by_desc(sessions::Column::Id)
            .one(db)
            .await?;
        let session = alive.ok_or(IdentityError::InvalidToken)?;
        if let Err(error) = mark_session_used(db, &session, now).await {
            tracing::warn!(user.id = %user.id, %error, "the use of a sign-in not noted");
        }
        Ok(Found { user, credential: Credential::Session(family), good_until: session.expires_at })
    }

    async fn find_by_api_token(&self, token: &str, now: Timestamp) -> Result<Found, IdentityError> {
        let by_hash = api_tokens::Column::TokenHash.eq(hash_token(token));
        let token = api_tokens::Entity::find().filter(by_hash).one(self.queue.db()).await?;
        self.find_owner(token, now).await
    }

    async fn find_owner(
        &self,
        token: Option<api_tokens::Model>,
        now: Timestamp,
    ) -> Result<Found, IdentityError> {
        let db = self.queue.db();
        let token = token.ok_or(IdentityError::InvalidToken)?;
        if token.expires_at <= now {
            return Err(IdentityError::ExpiredToken);
        }
        let user = get_token_owner(db, token.user_id).await?;
        if !user.is_active {
            return Err(IdentityError::Deactivated);
        }
        if let Err(error) = mark_token_used(db, token.id, token.last_used_at, now).await {
            tracing::warn!(user.id = %user.id, %error, "the use of an API token not noted");
        }
        let credential = Credential::ApiToken(token.id, scopes_of(&token));
        Ok(Found { user, credential, good_until: token.expires_at })
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

/// The account of a token, which is good for none that is being erased.
async fn get_token_owner(db: &impl ConnectionTrait, user: UserId) -> Result<users::Model, IdentityError> {
    let found = users::Entity::find_by_id(user).one(db).await?;
    found.filter(|user| !is_being_erased(user)).ok_or(IdentityError::InvalidToken)
}

async fn mark_session_used(
    db: &impl ConnectionTrait,
    session: &sessions::Model,
    now: Timestamp,
) -> Result<(), DbErr> {
    if session.last_used_at.is_some_and(|at| at > now - ACTIVE_INTERVAL) {
        return Ok(());
    }
    sessions::Entity::update_many()
        .col_expr(sessions::Column::LastUsedAt, Expr::value(now))
        .filter(sessions::Column::Id.eq(session.id))
        .exec(db)
        .await?;
    Ok(())
}

async fn mark_token_used(
    db: &impl ConnectionTrait,
    token: ApiTokenId,
    last_used_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbErr> {
    if last_used_at.is_some_and(|at| at > now - ACTIVE_INTERVAL) {
        return Ok(());
    }
    api_tokens::Entity::update_many()
        .col_expr(api_tokens::Column::LastUsedAt, Expr::value(now))
        .filter(api_tokens::Column::Id.eq(token))
        .exec(db)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
