//! Who asks: their token, checked once by the `identify` middleware, and what an
//! audit entry wants to know of the request.

use std::{convert::Infallible, sync::Arc};

use atelier_entities::{SessionFamilyId, UserId};
use atelier_foundation::{
    Caller,
    identity::{self, Credential},
};
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
    Known(Arc<identity::Authenticated>),
    /// A token that is not, or no longer, good.
    Refused(ApiError),
}

/// A signed-in person; 401 where there is none.
#[derive(Clone)]
pub(crate) struct Authenticated(pub(crate) Arc<identity::Authenticated>);

impl Authenticated {
    /// Their id.
    pub(crate) fn id(&self) -> UserId {
        self.0.user.id
    }

    /// Whose jobs they may see and change: their own, or for an admin everybody's.
    pub(crate) fn job_scope(&self) -> Option<UserId> {
        (!self.0.may_administrate()).then_some(self.0.user.id)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<Bearer>() {
            Some(Bearer::Known(who)) => Ok(Self(who.clone())),
            Some(Bearer::Refused(error)) => Err(error.clone()),
            Some(Bearer::Absent) | None => Err(ApiError::unauthenticated()),
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Authenticated {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(match parts.extensions.get::<Bearer>() {
            Some(Bearer::Known(who)) => Some(Self(who.clone())),
            _ => None,
        })
    }
}

/// A signed-in admin; 401 for nobody, 403 for anybody else.
pub(crate) struct Admin;

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let who = <Authenticated as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        match (who.0.may_administrate(), who.0.user.is_admin) {
            (true, _) => Ok(Self),
            (false, true) => Err(ApiError::insufficient_scope("the scope admin")),
            (false, false) => Err(ApiError::forbidden()),
        }
    }
}

/// A person who signed in themselves; 401 for nobody, 403 for an API token.
#[derive(Clone)]
pub(crate) struct InPerson {
    /// Who.
    pub(crate) who: Authenticated,
    /// Their sign-in.
    pub(crate) session: SessionFamilyId,
}

impl<S: Send + Sync> FromRequestParts<S> for InPerson {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let who = <Authenticated as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        match who.0.credential {
            Credential::Session(session) => Ok(Self { who, session }),
            Credential::ApiToken(..) => Err(ApiError::insufficient_scope("a sign-in")),
        }
    }
}

/// A signed-in person who may generate and deploy; 403 where the settings ask for a
/// proven mail address and theirs is not.
#[derive(Clone)]
pub(crate) struct Verified(pub(crate) Authenticated);

impl FromRequestParts<ApiState> for Verified {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let who = <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        if state.services.foundation.identity.may_work(who.0.user) {
            Ok(Self(who))
        } else {
            Err(ApiError::unverified())
        }
    }
}

/// What a client calls itself, as far as it is kept.
pub(crate) fn user_agent(header: &HeaderValue) -> Option<String> {
    Some(header.to_str().ok()?.chars().take(LONGEST_USER_AGENT).collect())
}

/// Who acts, as services want to know it.
pub(crate) struct RequestCaller(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for RequestCaller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let user = match parts.extensions.get::<Bearer>() {
            Some(Bearer::Known(who)) => Some(who.user.id),
            _ => None,
        };
        let trace_parent = atelier_ops::trace::current_trace_parent();
        Ok(Self(Caller {
            user,
            ip: parts.extensions.get::<ClientAddress>().map(|ClientAddress(address)| address.to_string()),
            user_agent: parts.headers.get(header::USER_AGENT).and_then(user_agent),
            device: cookies::find_device(&parts.headers).map(Into::into),
            origin: Origin { trace_parent, request_id: request_id::current() },
        }))
    }
}
