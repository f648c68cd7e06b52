//! The caller: their token, checked once by the `authentication` middleware, and the data
//! of the request that audit entries hold.

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
use crate::{cookies, error::ApiError, policy::Access, request_id, state::ApiState};

const LONGEST_USER_AGENT: usize = 400;

/// The bearer token of the request.
#[derive(Clone)]
pub(crate) enum Bearer {
    /// No token.
    Absent,
    /// A valid token.
    Valid(Arc<identity::Authenticated>),
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
}

/// 403 for anybody but administrators.
fn check_admin(who: &identity::Authenticated) -> Result<(), ApiError> {
    match (who.may_administrate(), who.user.is_admin) {
        (true, _) => Ok(()),
        (false, true) => Err(ApiError::insufficient_scope("the scope admin")),
        (false, false) => Err(ApiError::forbidden()),
    }
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
            Some(Bearer::Valid(who)) => Ok(Self(who.clone())),
            Some(Bearer::Refused(error)) => Err(error.clone()),
            Some(Bearer::Absent) | None => Err(ApiError::unauthenticated()),
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Authenticated {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(match parts.extensions.get::<Bearer>() {
            Some(Bearer::Valid(who)) => Some(Self(who.clone())),
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
        check_admin(&who.0).map(|()| Self)
    }
}

/// A person with a session of their own; 401 for nobody, 403 for an API token.
#[derive(Clone)]
pub(crate) struct UserSession {
    /// The person.
    pub(crate) who: Authenticated,
    /// Their session.
    pub(crate) session: SessionFamilyId,
}

impl<S: Send + Sync> FromRequestParts<S> for UserSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let who = <Authenticated as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        match who.0.credential {
            Credential::Session(session) => Ok(Self { who, session }),
            Credential::ApiToken(..) => Err(ApiError::insufficient_scope("a sign-in")),
        }
    }
}

/// A signed-in person who may generate and deploy; 403 where the settings require a
/// verified mail address and theirs is not.
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

/// The user agent, cut to the length that is stored.
pub(crate) fn user_agent(header: &HeaderValue) -> Option<String> {
    Some(header.to_str().ok()?.chars().take(LONGEST_USER_AGENT).collect())
}

/// The caller as services take it.
pub(crate) struct RequestCaller(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for RequestCaller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let user = match parts.extensions.get::<Bearer>() {
            Some(Bearer::Valid(who)) => Some(who.user.id),
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
