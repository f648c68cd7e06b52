//! Authentication by bearer token.

use std::time::Duration;

use atelier_entities::{
    ApiTokenId, SessionFamilyId, SessionId, Timestamp, UserId, api_tokens, sessions, users,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, QueryTrait,
    sea_query::{Expr, IntoCondition},
};

use crate::{Actor, Authenticated, Credential, NotSignedIn, Person};

use super::{
    Identity, IdentityError,
    api_tokens::{is_one, parse_scopes},
    token_cache::{Lookup, TokenKey},
    tokens::hash_token,
};
use crate::personal::is_erased_address;

/// Shortest time between two notes of when somebody was last active.
const ACTIVE_INTERVAL: Duration = Duration::from_secs(300);

/// What the database says of a token.
struct Found {
    owner: Owner,
    credential: Credential,
    /// It is refused from this moment on, whatever happens before.
    good_until: Timestamp,
}

/// The account of a token, as far as a request needs it.
struct Owner {
    person: Person,
    last_active_at: Option<Timestamp>,
}

/// The columns that [`Owner::read`] takes, before those of the token.
const OWNER: [users::Column; 6] = [
    users::Column::Id,
    users::Column::Email,
    users::Column::IsActive,
    users::Column::IsAdmin,
    users::Column::EmailVerifiedAt,
    users::Column::LastActiveAt,
];

impl Owner {
    /// The owner of a token, which is good for no account that is being erased or closed.
    fn read(row: &QueryResult) -> Result<Self, IdentityError> {
        if is_erased_address(&row.try_get_by_index::<String>(1)?) {
            return Err(IdentityError::InvalidToken);
        }
        if !row.try_get_by_index::<bool>(2)? {
            return Err(IdentityError::Deactivated);
        }
        let verified_at: Option<Timestamp> = row.try_get_by_index(4)?;
        let person = Person {
            id: row.try_get_by_index(0)?,
            is_admin: row.try_get_by_index(3)?,
            is_verified: verified_at.is_some(),
        };
        Ok(Self { person, last_active_at: row.try_get_by_index(5)? })
    }
}

impl Identity {
    /// Who a bearer token belongs to, where it is good and the account is active: an
    /// access token of a sign-in that was not ended, or an API token.
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
            self.find_by_api_token(api_tokens::Column::TokenHash.eq(hash_token(token)), now).await?
        } else {
            let claims = self.tokens.read(token, now)?;
            let mut found = self.find_by_session(claims.sub, claims.fam, now).await?;
            found.good_until =
                claims.expires_at().map_or(found.good_until, |at| Ord::min(at, found.good_until));
            found
        };
        if let Err(error) = self.mark_active(&found.owner, now).await {
            tracing::warn!(user.id = %found.owner.person.id, %error, "activity not noted");
        }
        let who = Authenticated { user: found.owner.person, credential: found.credential };
        self.token_cache.keep(key, lookup, &who, found.good_until, bus);
        Ok(who)
    }

    /// The same from the cache alone, without a query.
    #[must_use]
    pub fn recall(&self, token: &str) -> Option<Authenticated> {
        self.token_cache.find(&TokenKey::of(token), self.queue.now(), self.queue.bus().local())
    }

    /// Whether a query has to look for this token: it has the form of an API token and is not
    /// in the cache. An access token proves itself by its signature.
    #[must_use]
    pub fn needs_look(&self, token: &str) -> bool {
        is_one(token) && self.recall(token).is_none()
    }

    /// Authenticates the actor's token again, past the cache. For answers that take long.
    pub async fn authenticate_again(&self, actor: &Actor) -> Result<Authenticated, IdentityError> {
        let who = actor.token().ok_or(NotSignedIn)?;
        let now = self.queue.now();
        let found = match &who.credential {
            Credential::Session(family) => self.find_by_session(who.user.id, *family, now).await?,
            Credential::ApiToken(id, _) => {
                self.find_by_api_token(api_tokens::Column::Id.eq(*id), now).await?
            }
        };
        Ok(Authenticated { user: found.owner.person, credential: found.credential })
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
            .columns(OWNER)
            .columns([sessions::Column::Id, sessions::Column::ExpiresAt, sessions::Column::LastUsedAt])
            .order_by_desc(sessions::Column::Id)
            .limit(1);
        QuerySelect::query(&mut account).left_join(sessions::Entity, alive);
        let row = db.query_one(&account.into_query()).await?.ok_or(IdentityError::InvalidToken)?;
        let owner = Owner::read(&row)?;
        let session: Option<SessionId> = row.try_get_by_index(6)?;
        let session = session.ok_or(IdentityError::InvalidToken)?;
        if let Err(error) = mark_session_used(db, session, row.try_get_by_index(8)?, now).await {
            tracing::warn!(user.id = %user, %error, "the use of a sign-in not noted");
        }
        Ok(Found { owner, credential: Credential::Session(family), good_until: row.try_get_by_index(7)? })
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
            .columns(OWNER)
            .columns([
                api_tokens::Column::Id,
                api_tokens::Column::ExpiresAt,
                api_tokens::Column::LastUsedAt,
                api_tokens::Column::Scopes,
            ])
            .filter(which.into_condition());
        QuerySelect::query(&mut token).inner_join(users::Entity, owned);
        let row = db.query_one(&token.into_query()).await?.ok_or(IdentityError::InvalidToken)?;
        let good_until = row.try_get_by_index(7)?;
        if good_until <= now {
            return Err(IdentityError::ExpiredToken);
        }
        let owner = Owner::read(&row)?;
        let token: ApiTokenId = row.try_get_by_index(6)?;
        if let Err(error) = mark_token_used(db, token, row.try_get_by_index(8)?, now).await {
            tracing::warn!(user.id = %owner.person.id, %error, "the use of an API token not noted");
        }
        let credential = Credential::ApiToken(token, parse_scopes(row.try_get_by_index(9)?));
        Ok(Found { owner, credential, good_until })
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
            .filter(users::Column::Id.eq(owner.person.id))
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
