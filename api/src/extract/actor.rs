//! Who acts: by the token that the `authentication` middleware has checked, with the client
//! and the request.

use std::{convert::Infallible, sync::Arc};

use atelier_foundation::{Actor, Client};
use atelier_queue::Origin;
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderValue, header, request::Parts},
};

use super::ClientAddress;
use crate::{cookies, error::ApiError, policy::Access, request_id, state::ApiState};

const LONGEST_USER_AGENT: usize = 400;

/// The bearer token of the request.
#[derive(Clone)]
pub(crate) enum Bearer {
    /// No token.
    Absent,
    /// A valid token.
    Valid(Arc<atelier_foundation::Authenticated>),
    /// An invalid or expired token, or one that lacks a scope.
    Refused(ApiError),
}

impl Bearer {
    /// The error where this token, or its absence, does not give that access.
    pub(crate) fn refusal(bearer: Option<&Self>, access: Access) -> Option<ApiError> {
        match (access, bearer) {
            (Access::Public, _) => None,
            (_, None | Some(Self::Absent)) => Some(ApiError::unauthenticated()),
            (_, Some(Self::Refused(error))) => Some(error.clone()),
            (Access::SignedIn, Some(Self::Valid(_))) => None,
            (Access::Admin, Some(Self::Valid(who))) => check_admin(who).err(),
        }
    }

    /// Whose token it is, where it is good for this request.
    pub(crate) fn of(parts: &Parts) -> Option<&Arc<atelier_foundation::Authenticated>> {
        match parts.extensions.get::<Self>() {
            Some(Self::Valid(who)) => Some(who),
            Some(Self::Absent | Self::Refused(_)) | None => None,
        }
    }
}

/// 403 for anybody but administrators.
fn check_admin(who: &atelier_foundation::Authenticated) -> Result<(), ApiError> {
    match (who.may_administrate(), who.user.is_admin) {
        (true, _) => Ok(()),
        (false, true) => Err(ApiError::insufficient_scope("the scope admin")),
        (false, false) => Err(ApiError::forbidden()),
    }
}

/// Who acts, for the commands of services: made by the first extractor of a request that
/// wants it, and kept with the request for the others.
fn actor_of(parts: &mut Parts) -> Arc<Actor> {
    if let Some(actor) = parts.extensions.get::<Arc<Actor>>() {
        return actor.clone();
    }
    let actor = Bearer::of(parts).cloned().map_or_else(Actor::anonymous, Actor::authenticated);
    let client = Client {
        ip: parts.extensions.get::<ClientAddress>().map(|ClientAddress(address)| address.to_string()),
        user_agent: parts.headers.get(header::USER_AGENT).and_then(user_agent),
        device: cookies::find_device(&parts.headers).map(Into::into),
    };
    let actor = Arc::new(actor.with_client(client).with_origin(origin()));
    parts.extensions.insert(actor.clone());
    actor
}

/// The request that is being answered, as jobs carry it.
pub(crate) fn origin() -> Origin {
    Origin { trace_parent: atelier_ops::trace::current_trace_parent(), request_id: request_id::current() }
}

/// Whoever sends the request, signed in or not.
pub(crate) struct Anyone(pub(crate) Arc<Actor>);

impl<S: Send + Sync> FromRequestParts<S> for Anyone {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(actor_of(parts)))
    }
}

/// A signed-in person; 401 where there is none.
#[derive(Clone)]
pub(crate) struct Authenticated(pub(crate) Arc<Actor>);

impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<Bearer>() {
            Some(Bearer::Valid(_)) => Ok(Self(actor_of(parts))),
            Some(Bearer::Refused(error)) => Err(error.clone()),
            Some(Bearer::Absent) | None => Err(ApiError::unauthenticated()),
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Authenticated {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Bearer::of(parts).is_some().then(|| Self(actor_of(parts))))
    }
}

/// A signed-in admin; 401 for nobody, 403 for anybody else.
pub(crate) struct Admin(pub(crate) Arc<Actor>);

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let who = actor.token().ok_or_else(ApiError::unauthenticated)?;
        check_admin(who)?;
        Ok(Self(actor))
    }
}

/// A person with a session of their own; 401 for nobody, 403 for an API token.
#[derive(Clone)]
pub(crate) struct UserSession(pub(crate) Arc<Actor>);

impl<S: Send + Sync> FromRequestParts<S> for UserSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if actor.session().is_some() {
            Ok(Self(actor))
        } else {
            Err(ApiError::insufficient_scope("a sign-in"))
        }
    }
}

/// A signed-in person who may generate and deploy; 403 where the settings require a
/// verified mail address and theirs is not.
#[derive(Clone)]
pub(crate) struct Verified(pub(crate) Arc<Actor>);

impl FromRequestParts<ApiState> for Verified {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        if state.services.foundation.identity.may_work(&actor) {
            Ok(Self(actor))
        } else {
            Err(ApiError::unverified())
        }
    }
}

/// The user agent, cut to the length that is stored.
pub(crate) fn user_agent(header: &HeaderValue) -> Option<String> {
    Some(header.to_str().ok()?.chars().take(LONGEST_USER_AGENT).collect())
}
