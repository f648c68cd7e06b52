//! Who acts: by the token that the `identify` middleware has checked, with the client and
//! the request.

use std::{convert::Infallible, sync::Arc};

use atelier_foundation::{Actor, Client};
use atelier_queue::Origin;
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderValue, header, request::Parts},
};

use super::ClientAddress;
use crate::{app::ApiState, cookies, error::ApiError, middleware::request_id};

const LONGEST_USER_AGENT: usize = 400;

/// What came as `Authorization: Bearer …`.
#[derive(Clone)]
pub(crate) enum Bearer {
    /// Nothing.
    Absent,
    /// A good token.
    Known(Arc<atelier_foundation::Authenticated>),
    /// A token that is not, or no longer, good.
    Refused(ApiError),
}

impl Bearer {
    /// Whose token it is, where it is good for this request.
    pub(crate) fn of(parts: &Parts) -> Option<&Arc<atelier_foundation::Authenticated>> {
        match parts.extensions.get::<Self>() {
            Some(Self::Known(who)) => Some(who),
            Some(Self::Absent | Self::Refused(_)) | None => None,
        }
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
            Some(Bearer::Known(_)) => Ok(Self(actor_of(parts))),
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
        let is_admin = actor.token().is_some_and(|who| who.user.is_admin);
        match (actor.may_administrate(), is_admin) {
            (true, _) => Ok(Self(actor)),
            (false, true) => Err(ApiError::insufficient_scope("the scope admin")),
            (false, false) => Err(ApiError::forbidden()),
        }
    }
}

/// A person who signed in themselves; 401 for nobody, 403 for an API token.
#[derive(Clone)]
pub(crate) struct InPerson(pub(crate) Arc<Actor>);

impl<S: Send + Sync> FromRequestParts<S> for InPerson {
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

/// A signed-in person who may generate and deploy; 403 where the settings ask for a
/// proven mail address and theirs is not.
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

/// What a client calls itself, as far as it is kept.
pub(crate) fn user_agent(header: &HeaderValue) -> Option<String> {
    Some(header.to_str().ok()?.chars().take(LONGEST_USER_AGENT).collect())
}
