//! Authentication by bearer token.

use std::time::Duration;

use atelier_entities::{
    ApiTokenId, ByPosition, RowReader, SessionFamilyId, SessionId, Timestamp, UserId, api_tokens,
    read_by_position, sessions, users,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{Expr, IntoCondition},
};
use serde_json::Value;

use crate::{Actor, Authenticated, Credential, NotSignedIn, Person};

use super::{
    Identity, IdentityError,
    api_tokens::{is_api_token, parse_scopes},
    token_cache::{Lookup, TokenKey},
    tokens::hash_token,
};
use crate::personal::is_erased_address;

/// Minimum time between two updates of a person's last activity.
const ACTIVE_INTERVAL: Duration = Duration::from_secs(300);

/// The result of a query for a token.
struct Found {
    owner: Owner,
    credential: Credential,
    /// When the token expires.
    good_until: Timestamp,
}

/// The account of a token, as far as a request needs it.
struct Owner {
    id: UserId,
    email: String,
    is_active: bool,
    is_admin: bool,
    email_verified_at: Option<Timestamp>,
    last_active_at: Option<Timestamp>,
}

read_by_position!(
    Owner,
    users::Column {
        id: Id,
        email: Email,
        is_active: IsActive,
        is_admin: IsAdmin,
        email_verified_at: EmailVerifiedAt,
        last_active_at: LastActiveAt,
    }
);

impl Owner {
    /// The owner of a token, which is good for no account that is being erased or closed.
    fn take_valid(row: &mut RowReader<'_>) -> Result<Self, IdentityError> {
        let owner = Self::take(row)?;
        if is_erased_address(&owner.email) {
            return Err(IdentityError::InvalidToken);
        }
        if owner.is_active { Ok(owner) } else { Err(IdentityError::Deactivated) }
    }

    fn person(&self) -> Person {
        Person { id: self.id, is_admin: self.is_admin, is_verified: self.email_verified_at.is_some() }
    }
}

/// The last session of a sign-in; all of it is null if the sign-in has ended.
struct LastSession {
    id: Option<SessionId>,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

read_by_position!(LastSession, sessions::Column { id: Id, expires_at: ExpiresAt, last_used_at: LastUsedAt });

/// An API token, as far as a request needs it.
struct ApiToken {
    id: ApiTokenId,
    expires_at: Timestamp,
    last_used_at: Option<Timestamp>,
    scopes: Value,
}

read_by_position!(
    ApiToken,
    api_tokens::Column { id: Id, expires_at: ExpiresAt, last_used_at: LastUsedAt, scopes: Scopes }
);

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
        let found = if is_api_token(token) {
            self.find_by_api_token(api_tokens::Column::TokenHash.eq(hash_token(token)), now).await?
        } else {
            let claims = self.tokens.read(token, now)?;
            let mut found = self.find_by_session(claims.sub, claims.fam, now).await?;
            found.good_until =
                claims.expires_at().map_or(found.good_until, |at| Ord::min(at, found.good_until));
            found
        };
        if let Err(error) = self.mark_active(&found.owner, now).await {
            tracing::warn!(user.id = %found.owner.id, %error, "activity not noted");
        }
        let who = Authenticated { user: found.owner.person(), credential: found.credential };
        self.token_cache.keep(key, lookup, &who, found.good_until, bus);
        Ok(who)
    }

    /// The owner of a bearer token from the cache alone, without a query.
    #[must_use]
    pub fn find_cached(&self, token: &str) -> Option<Authenticated> {
        self.token_cache.find(&TokenKey::of(token), self.queue.now(), self.queue.bus().local())
    }

    /// Whether a query is needed for this token: it has the form of an API token and is not
    /// in the cache. An access token is verified by its signature.
    #[must_use]
    pub fn needs_lookup(&self, token: &str) -> bool {
        is_api_token(token) && self.find_cached(token).is_none()
    }

    /// Authenticates the actor's token again, without the cache. For long responses.
    pub async fn authenticate_again(&self, actor: &Actor) -> Result<Authenticated, IdentityError> {
        let who = actor.token().ok_or(NotSignedIn)?;
        let now = self.queue.now();
        let found = match &who.credential {
            Credential::Session(family) => self.find_by_session(who.user.id, *family, now).await?,
            Credential::ApiToken(id, _) => {
                self.find_by_api_token(api_tokens::Column::Id.eq(*id), now).await?
            }
        };
        Ok(Authenticated { user: found.owner.person(), credential: found.credential })
    }

    async fn find_by_session(
        &self,
        user: UserId,
        family: SessionFamilyId,
        now: Timestamp,
    ) -> Result<Found, IdentityError> {
        let db = self.queue.db();
        let alive = Condition::all()
            .add(sessions::Column::UserId.eq(user))
            .add(sessions::Column::FamilyId.eq(family))
            .add(sessions::Column::RevokedAt.is_null())
            .add(sessions::Column::ExpiresAt.gt(now));
        let mut account = users::Entity::find_by_id(user)
            .select_only()
            .columns(Owner::COLUMNS.iter().copied())
            .columns(LastSession::COLUMNS.iter().copied())
            .order_by_desc(sessions::Column::Id)
            .limit(1);
        QuerySelect::query(&mut account).left_join(sessions::Entity, alive);
        let row = db.query_one(&account.into_query()).await?.ok_or(IdentityError::InvalidToken)?;
        let mut row = RowReader::of(&row);
        let owner = Owner::take_valid(&mut row)?;
        let LastSession { id: Some(session), expires_at: Some(good_until), last_used_at } =
            LastSession::take(&mut row)?
        else {
            return Err(IdentityError::InvalidToken);
        };
        if let Err(error) = mark_session_used(db, session, last_used_at, now).await {
            tracing::warn!(user.id = %user, %error, "the use of a sign-in not noted");
        }
        Ok(Found { owner, credential: Credential::Session(family), good_until })
    }

    /// The API token that the condition selects, with its owner.
    async fn find_by_api_token(
        &self,
        which: impl IntoCondition,
        now: Timestamp,
    ) -> Result<Found, IdentityError> {
        let db = self.queue.db();
        let owned = users::Column::Id.into_expr().equals((api_tokens::Entity, api_tokens::Column::UserId));
        let mut token = api_tokens::Entity::find()
            .select_only()
            .columns(ApiToken::COLUMNS.iter().copied())
            .columns(Owner::COLUMNS.iter().copied())
            .filter(which.into_condition());
        QuerySelect::query(&mut token).inner_join(users::Entity, owned);
        let row = db.query_one(&token.into_query()).await?.ok_or(IdentityError::InvalidToken)?;
        let mut row = RowReader::of(&row);
        let token = ApiToken::take(&mut row)?;
        if token.expires_at <= now {
            return Err(IdentityError::ExpiredToken);
        }
        let owner = Owner::take_valid(&mut row)?;
        if let Err(error) = mark_token_used(db, token.id, token.last_used_at, now).await {
            tracing::warn!(user.id = %owner.id, %error, "the use of an API token not noted");
        }
        let credential = Credential::ApiToken(token.id, parse_scopes(token.scopes));
        Ok(Found { owner, credential, good_until: token.expires_at })
    }

    async fn mark_active(&self, owner: &Owner, now: Timestamp) -> Result<(), DbErr> {
        let stale = now - ACTIVE_INTERVAL;
        if owner.last_active_at.is_some_and(|at| at > stale) {
            return Ok(());
        }
        let still_stale = Condition::any()
            .add(users::Column::LastActiveAt.is_null())
            .add(users::Column::LastActiveAt.lte(stale));
        users::Entity::update_many()
            .col_expr(users::Column::LastActiveAt, Expr::value(now))
            .filter(users::Column::Id.eq(owner.id))
            .filter(still_stale)
            .exec(self.queue.db())
            .await?;
        Ok(())
    }
}

async fn mark_session_used(
    db: &impl ConnectionTrait,
    session: SessionId,
    last_used_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbErr> {
    if last_used_at.is_some_and(|at| at > now - ACTIVE_INTERVAL) {
        return Ok(());
    }
    sessions::Entity::update_many()
        .col_expr(sessions::Column::LastUsedAt, Expr::value(now))
        .filter(sessions::Column::Id.eq(session))
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
